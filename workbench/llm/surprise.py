"""Surprise of a text: -log p of each token given the ones before it.

A text longer than the context is read in windows that overlap by half, so that every token but the first few
has at least half a context before it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def windows(tokens: int, size: int, given: int = 1) -> list[tuple[int, int, int]]:
    """How to read ``tokens`` tokens with ``size`` of context: (start, first scored, end) of each window, half open.

    Token 0 has nothing before it and is never scored; nor are the first ``given``, of which there is at least one.
    """
    out, scored = [], given
    while scored < tokens:
        start = 0 if scored == given else scored - size // 2
        end = min(tokens, start + size)
        out.append((start, scored, end))
        scored = end
    return out


def join(tokens: int, parts: Sequence[tuple[int, Sequence[float]]]) -> NDArray[np.float32]:
    """One array from windows of values, each with the index of its first token, float32 ``[tokens]``; NaN elsewhere."""
    out = np.full(tokens, np.nan, np.float32)
    for first, values in parts:
        out[first : first + len(values)] = np.asarray(values, np.float32)
    return out
