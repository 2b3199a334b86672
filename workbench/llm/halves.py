"""Attention weights as half floats, fast: most are so small that NumPy converts them one by one with a trap each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_NORMAL = 2.0**-14  # the least normal half float; below it they are multiples of _STEP
_STEP = 2.0**-24


def halves(values: NDArray[np.float32]) -> NDArray[np.float16]:
    """What ``values.astype(np.float16)`` gives for values from 0 to 65,504, to the bit, many times as fast."""
    small = values < _NORMAL
    bits = np.rint(np.where(small, values, 0) * np.float32(1 / _STEP)).astype(np.uint16)
    large = ~small
    bits[large] = values[large].astype(np.float16).view(np.uint16)
    return bits.view(np.float16)
