"""Attention weights as half floats, fast: most are so small that NumPy converts them one by one with a trap each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_NORMAL = 2.0**-14  # the least normal half float; below it they are multiples of _STEP
_STEP = 2.0**-24
_WHOLE = 2.0**23  # float32 has no fractions from here on


def halves(values: NDArray[np.float32]) -> NDArray[np.float16]:
    """What ``values.astype(np.float16)`` gives for values from 0 to 65,504, to the bit, many times as fast."""
    values = np.ascontiguousarray(values)
    steps = np.minimum(values, np.float32(_NORMAL))
    steps *= np.float32(1 / _STEP)
    steps += np.float32(_WHOLE)  # rounds to whole numbers, the even one of two; they are the last bits of the sum
    bits = steps.view(np.uint32).astype(np.uint16)
    large = np.flatnonzero(~(values <= _NORMAL))  # and what is no number
    bits.reshape(-1)[large] = values.reshape(-1)[large].astype(np.float16).view(np.uint16)
    return bits.view(np.float16)
