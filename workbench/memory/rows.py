"""Vectors as rows of a file without a name: a long run's would otherwise fill the memory, lane by lane."""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from workbench.errors import Unavailable

IN_MEMORY = 1 << 20
"""Bytes that stay in memory before a file takes all: 682 vectors of 384 dimensions."""
_BLOCK = 1024  # rows that are read at once


class Rows:
    """Float32 vectors of one length, numbered as they come. What is read is a copy."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 -- closed with the object
        weakref.finalize(self, self._file.close)
        self._count = self._width = 0

    def __len__(self) -> int:
        return self._count

    def append(self, vector: NDArray[np.float32]) -> int:
        """Take in a vector, float32 ``[dimensions]``; its number.

        Raises:
            Unavailable: there is no room where temporary files lie.
        """
        self._width = len(vector)
        try:
            self._file.seek(self._count * vector.nbytes)
            self._file.write(np.ascontiguousarray(vector, np.float32).tobytes())
        except OSError as error:
            what = f"vectors cannot be kept in {tempfile.gettempdir()}: {error.strerror or error}"
            raise Unavailable(
                what, "make room there, or name another folder in TMPDIR; the same command goes on"
            ) from error
        self._count += 1
        return self._count - 1

    def take(self, numbers: Sequence[int]) -> NDArray[np.float32]:
        """The vectors of these numbers, float32 ``[len(numbers), dimensions]``."""
        out = np.empty((len(numbers), self._width), np.float32)
        for places, rows in self._parts(numbers):
            out[places] = rows
        return out

    def dots(self, numbers: Sequence[int], vector: NDArray[np.floating]) -> NDArray[np.float64]:
        """Products of the vectors of these numbers with ``vector``, float64 ``[len(numbers)]``; a block at a time."""
        out = np.empty(len(numbers))
        for places, rows in self._parts(numbers):
            out[places] = rows.astype(np.float64) @ vector
        return out

    def _parts(self, numbers: Sequence[int]) -> Iterator[tuple[NDArray[np.intp], NDArray[np.float32]]]:
        """Places among ``numbers`` and the vectors that belong there, block by block of the file."""
        wanted = np.asarray(numbers, np.intp)
        order = np.argsort(wanted, kind="stable")
        block = wanted[order] // _BLOCK
        for number in np.unique(block):
            start, end = np.searchsorted(block, [number, number + 1])
            places = order[start:end]
            yield places, self._block(int(number))[wanted[places] - number * _BLOCK]

    def _block(self, number: int) -> NDArray[np.float32]:
        rows = np.empty((min(_BLOCK, self._count - number * _BLOCK), self._width), np.float32)
        self._file.seek(number * _BLOCK * self._width * rows.itemsize)
        self._file.readinto(rows.data.cast("B"))
        return rows
