"""How long a context may be: as long as the model was trained for, where memory allows it."""

from __future__ import annotations

from workbench.errors import ModelError

DEFAULT_CONTEXT = 4096
"""Tokens, for files that do not say what they were trained for."""
SHARE = 0.6
"""Of the memory that is free: what the caches may take."""
SHORTEST = 2048
"""Tokens; a default context is not made shorter for lack of memory."""
FEWEST = 2
"""Sequences; below that lanes are not batched any more, so the context gets shorter instead."""
_STEP = 256  # cells; llama.cpp rounds up to them


def default_room(trained: int, kv_bytes: float, sequences: int, free: int) -> tuple[int, int]:
    """Tokens per sequence and sequences when nothing is said.

    Sequences are given up before context: fewer at once is slower, a shorter context forgets.

    Args:
        trained: tokens that the model was trained for; 0 when its file does not say.
        kv_bytes: of keys and values of one token.
        sequences: how many are wanted at once.
        free: bytes of memory that can be had.
    """
    size, budget = trained or DEFAULT_CONTEXT, free * SHARE
    most = int(budget // max(1.0, kv_bytes))  # cells
    fewest = min(FEWEST, sequences)
    at_once = max(fewest, min(sequences, most // size - 1))  # one more for the answers
    if (at_once + 1) * size > most:
        size = max(min(SHORTEST, size), most // (at_once + 1) // _STEP * _STEP)
    return size, at_once


def check_room(size: int, kv_bytes: float, sequences: int, free: int) -> None:
    """Refuse a context whose caches cannot be held, before llama.cpp fills the memory.

    Raises:
        ModelError: saying what it would take and what there is.
    """
    need = int((sequences + 1) * size * kv_bytes)
    if need > free:
        fits = int(free * SHARE // kv_bytes // (sequences + 1)) // _STEP * _STEP
        what = f"a context of {size:,} tokens takes about {need / 2**30:.1f} GiB, {free / 2**30:.1f} GiB are free"
        raise ModelError(what, f"use --context {max(fits, _STEP)} or less")
