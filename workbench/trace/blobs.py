"""Arrays in the trace: compressed, named by the hash of what they hold."""

from __future__ import annotations

import hashlib
import json
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray


def digest(array: NDArray[Any]) -> str:
    """The name of an array in the trace: 32 hex digits over its type, shape and bytes."""
    header = f"{array.dtype.str}{json.dumps(array.shape)}".encode()
    return hashlib.sha256(header + np.ascontiguousarray(array).tobytes()).hexdigest()[:32]


def encode(array: NDArray[Any]) -> tuple[str, str, str, str, bytes]:
    """``(hash, dtype, shape, codec, data)`` of an array, as the blob table stores it."""
    plain = np.ascontiguousarray(array)
    return digest(plain), plain.dtype.str, json.dumps(plain.shape), "zlib", zlib.compress(plain.tobytes(), 6)


def decode(dtype: str, shape: str, codec: str, data: bytes) -> NDArray[Any]:
    """The array that ``encode`` was given. Raises ``ValueError`` for an unknown codec."""
    if codec != "zlib":
        raise ValueError(f"unknown blob codec {codec!r}")
    return np.frombuffer(zlib.decompress(data), np.dtype(dtype)).reshape(json.loads(shape))
