"""Whether the arrays of an answer's attention and cache fit to what their event says; a file may come from anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.trace.blobs import array_texts

Arrays = Mapping[str, NDArray[Any]]


def summed_shapes(payload: Mapping[str, Any], arrays: Arrays) -> str:
    """What is wrong with the arrays of ``attention.summed``; "" when they fit."""
    layers, heads = int(payload["layers"]), int(payload["heads"])
    tokens = _texts(arrays)
    if tokens is None:
        return "texts is none of texts"
    starts = payload.get("starts")
    columns = tokens if starts is None else len(starts)
    if starts is not None and (starts != sorted(starts) or any(not 0 <= s < max(tokens, 1) for s in starts)):
        return "starts are not in order"
    rows = arrays["rows"].shape[0] if "rows" in arrays and arrays["rows"].ndim == 2 else -1
    shown = arrays["mean"].shape[0] if "mean" in arrays and arrays["mean"].ndim == 2 else -1
    wanted = {
        "mean": (min(shown, rows), columns),
        "peak": (shown, columns),
        "mass": (layers, heads, len(payload["kept"])),
        "rows": (rows, len(payload["spans"])),
        "ids": (tokens,),
    }
    if any(not 0 <= number < len(payload["spans"]) for number in payload["kept"]):
        return "kept names a span that is not there"
    return _misfit(arrays, wanted)


def compressed_shapes(payload: Mapping[str, Any], arrays: Arrays) -> str:
    """What is wrong with the arrays of ``cache.compressed``; "" when they fit."""
    read, size = int(payload["read"]), int(payload["size"])
    tokens = _texts(arrays)
    if tokens is None:
        return "texts is none of texts"
    kept = arrays.get("kept")
    if kept is None or kept.ndim not in (1, 3) or kept.shape[-1] != read or read < 1:
        return f"kept does not say what became of {read} tokens"
    if kept.ndim == 3 and kept.shape[0] * kept.shape[1] != payload["entries"]:
        return f"kept is not of {payload['entries']} layers and heads"
    survival = arrays.get("survival")
    if survival is None or survival.ndim != 2 or survival.shape[1] < read:
        return f"survival is not of {read} tokens"
    cells = arrays.get("cells")
    if cells is None or cells.ndim != 1 or (cells.size and not (cells.min() >= -1 and cells.max() < size)):
        return "cells are not in the cache"
    if read > size:
        return f"{read} tokens in {size} cells"
    wanted: dict[str, tuple[int, ...]] = {"survival": (len(payload["generated"]), survival.shape[1])}
    wanted |= {name: (read,) for name in ("worth", "merged") if name in arrays}
    return _misfit(arrays, wanted)


def _texts(arrays: Arrays) -> int | None:
    texts = arrays.get("texts")
    if texts is None or texts.ndim != 1 or texts.dtype != np.uint8:
        return None
    try:
        return len(array_texts(texts))
    except (ValueError, UnicodeDecodeError):
        return None


def _misfit(arrays: Arrays, wanted: Mapping[str, tuple[int, ...]]) -> str:
    for name, shape in wanted.items():
        if name not in arrays:
            return f"{name} is not named"
        if arrays[name].shape != shape or min(shape, default=0) < 0:
            return f"{name} has the shape {arrays[name].shape}"
    return ""
