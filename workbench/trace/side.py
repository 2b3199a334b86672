"""Arrays that were computed again from a run: a bounded folder beside its file, which may be deleted at any time."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

MOST = 512 << 20
"""Bytes that the folder holds at most; the longest unused go first."""


class SideArrays:
    """The folder of one run file.

    Args:
        path: of the run file.
        elsewhere: gives the folder to use when the one beside the file cannot be written (an installation).
    """

    def __init__(self, path: Path, elsewhere: Callable[[], Path] | None = None, most: int = MOST) -> None:
        self._most = most
        beside = path.with_name(path.name + ".arrays")
        if elsewhere is not None and not beside.is_dir() and not os.access(path.parent, os.W_OK):
            name = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]
            beside = elsewhere() / f"arrays-{name}"
        self.folder = beside

    def get(self, key: str) -> NDArray[Any] | None:
        """The array under a key; None when it is not (or no longer) there, or damaged."""
        return self._load(key, None)

    def mapped(self, key: str) -> NDArray[Any] | None:
        """As :meth:`get`, read from the file where it is looked at (``np.memmap``): a layer and a head of a long answer
        take a thousandth of it."""
        return self._load(key, "r")

    def _load(self, key: str, mode: Literal["r"] | None) -> NDArray[Any] | None:
        path = self._path(key)
        try:
            array: NDArray[Any] = np.load(path, mmap_mode=mode, allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        with suppress(OSError):
            os.utime(path)  # it was used now
        return array if isinstance(array, np.ndarray) else None

    def put(self, key: str, array: NDArray[Any]) -> None:
        """Keep an array, and drop the longest unused ones that there is no room for."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self._path(key)
        part = path.with_suffix(".part")
        with open(part, "wb") as handle:
            np.save(handle, array, allow_pickle=False)
        part.replace(path)
        self._drop(path)

    def _drop(self, newest: Path) -> None:
        files = sorted(self.folder.glob("*.npy"), key=lambda file: file.stat().st_mtime_ns)
        size = sum(file.stat().st_size for file in files)
        for file in files:
            if size <= self._most or file == newest:
                continue
            with suppress(OSError):  # gone, or being looked at where open files stay
                part = file.stat().st_size
                file.unlink()
                size -= part

    def _path(self, key: str) -> Path:
        if not re.fullmatch(r"[0-9a-f]{8,64}", key):
            raise ValueError(f"{key[:40]!r} is no key")
        return self.folder / f"{key}.npy"
