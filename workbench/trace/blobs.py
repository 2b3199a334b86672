"""Arrays in the trace: compressed, named by the hash of what they hold."""

from __future__ import annotations

import hashlib
import json
import math
import re
import zlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST = 256 << 20
"""Bytes that an unpacked array may have: attention of 64 layers and 64 heads over 32,000 positions."""


def digest(array: NDArray[Any]) -> str:
    """The name of an array in the trace: 32 hex digits over its type, shape and bytes."""
    header = f"{array.dtype.str}{json.dumps(array.shape)}".encode()
    return hashlib.sha256(header + np.ascontiguousarray(array).tobytes()).hexdigest()[:32]


def encode(array: NDArray[Any]) -> tuple[str, str, str, str, bytes]:
    """``(hash, dtype, shape, codec, data)`` of an array, as the blob table stores it.

    Codec ``planes``: the first bytes of all items, then the second ones, …, compressed by zlib. Attention takes a
    twelfth less so than byte by byte, which runs of earlier versions have (codec ``zlib``).
    """
    plain = np.ascontiguousarray(array)
    planes = plain.reshape(-1).view(np.uint8).reshape(-1, plain.itemsize).T
    return digest(plain), plain.dtype.str, json.dumps(plain.shape), "planes", zlib.compress(planes.tobytes(), 6)


def decode(dtype: str, shape: str, codec: str, data: bytes) -> NDArray[Any]:
    """The array that ``encode`` was given.

    Takes no more memory than the declared shape needs, whatever the data would unpack to.

    Raises:
        ValueError: for an unknown codec, a type that is no plain number, an impossible shape, or data of another size.
    """
    if codec not in ("planes", "zlib"):
        raise ValueError(f"unknown blob codec {str(codec)[:20]!r}")
    if not re.fullmatch(r"[<>|=][biuf]1?[0-9]", str(dtype)):
        raise ValueError(f"blob type {str(dtype)[:20]!r} is no plain number")
    sizes = json.loads(shape)
    if not isinstance(sizes, list) or len(sizes) > 32 or not all(type(n) is int and n >= 0 for n in sizes):
        raise ValueError("the blob's shape is no list of sizes")
    kind = np.dtype(dtype)
    size = math.prod(sizes) * kind.itemsize
    if size > MOST:
        raise ValueError(f"a blob of {size:,} bytes, more than {MOST:,}")
    unpacker = zlib.decompressobj()
    try:
        plain = unpacker.decompress(data, size + 1)
    except zlib.error as error:
        raise ValueError(f"a blob that cannot be unpacked ({error})") from error
    if len(plain) != size:
        raise ValueError(f"a blob that does not unpack to its {size:,} bytes")
    if codec == "planes":
        plain = np.frombuffer(plain, np.uint8).reshape(kind.itemsize, -1).T.tobytes()
    return np.frombuffer(plain, kind).reshape(sizes)


def texts_array(texts: Sequence[str]) -> NDArray[np.uint8]:
    """Texts as one array: how many, the bytes of each (4-byte little-endian numbers), then the bytes."""
    parts = [text.encode("utf-8", "surrogatepass") for text in texts]
    sizes = np.array([len(parts), *map(len, parts)], "<u4")
    return np.concatenate([sizes.view(np.uint8), np.frombuffer(b"".join(parts), np.uint8)])


def array_texts(array: NDArray[np.uint8]) -> tuple[str, ...]:
    """What :func:`texts_array` was given. Raises ``ValueError`` for an array that is none of its."""
    return _texts(array.tobytes())


@lru_cache(4)
def _texts(data: bytes) -> tuple[str, ...]:
    """They are checked, and then read."""
    count = int.from_bytes(data[:4], "little")
    if len(data) < 4 * (count + 1):
        raise ValueError("not an array of texts")
    ends = 4 * (count + 1) + np.cumsum(np.frombuffer(data, "<u4", count, 4), dtype=np.int64)
    starts = [4 * (count + 1), *ends.tolist()][:count]
    return tuple(data[a:b].decode("utf-8", "surrogatepass") for a, b in zip(starts, ends.tolist(), strict=True))
