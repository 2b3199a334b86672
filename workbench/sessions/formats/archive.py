"""A zip archive as readers see it: its members' names and bounded contents."""

from __future__ import annotations

import io
import lzma
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO

from backports.zstd import ZstdError, zipfile  # the standard zipfile knows no zstd, in which Inspect writes

from workbench.errors import SessionFormatError
from workbench.sessions.formats.limits import MAX_BYTES, Remarks

MAX_DIRECTORY = 32 << 20
"""Bytes of a zip's list of members, which the library reads whole: about half a million of them."""
_END = struct.Struct("<4s4H2LH")
_ERRORS = (
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
    NotImplementedError,
    KeyError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    ZstdError,
)
_UNPACK = "unpack it and choose the session file in it"


class Archive:
    """An open zip. All that is read from it together is at most ``MAX_BYTES``; nothing is written anywhere.

    Attributes:
        names: the members that are files, in the archive's order.
        remarks: members that could not be read.
    """

    def __init__(self, source: Path | bytes, left: int | None = None) -> None:
        self.remarks = Remarks()
        self._left = MAX_BYTES if left is None else left
        self._handle = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
        try:
            _check_directory(self._handle)
            self._zip = zipfile.ZipFile(self._handle)
        except SessionFormatError:
            self._handle.close()
            raise
        except _ERRORS as error:
            self._handle.close()
            raise SessionFormatError(f"a damaged zip archive ({error})", "download or pack it again") from error
        self._members = {m.filename: m for m in self._zip.infolist() if not m.is_dir()}
        self.names = tuple(self._members)

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def size(self, name: str) -> int:
        """Bytes that a member claims to have once unpacked."""
        return int(self._members[name].file_size)

    def read(self, name: str) -> bytes:
        """A member's bytes. Raises ``SessionFormatError`` naming it when it is damaged, locked or too large."""
        member = self._members.get(name)
        if member is None:
            raise SessionFormatError(f"{name}: not in the archive", "export it again")
        if member.flag_bits & 1:
            raise SessionFormatError(f"{name}: locked by a password", _UNPACK)
        try:
            with self._zip.open(member) as handle:
                raw: bytes = handle.read(self._left + 1)
        except _ERRORS as error:
            raise SessionFormatError(f"{name}: damaged ({error})", "download or pack it again") from error
        if len(raw) > self._left:
            raise SessionFormatError(f"the archive unpacks to more than {MAX_BYTES >> 20} MiB", _UNPACK)
        self._left -= len(raw)
        return raw

    @contextmanager
    def archive(self, name: str) -> Iterator[Archive]:
        """An archive that is a member; what it unpacks to counts for both."""
        with Archive(self.read(name), self._left) as inner:
            yield inner
            self._left = inner._left

    def close(self) -> None:
        """Let go of the file."""
        self._zip.close()
        self._handle.close()

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _check_directory(handle: IO[bytes]) -> None:
    """Refuse a list of members that would fill the memory."""
    size = handle.seek(0, os.SEEK_END)
    handle.seek(max(0, size - (1 << 16) - _END.size))
    tail = handle.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < _END.size:
        raise ValueError("its end is missing")
    listed = _END.unpack_from(tail, at)[5]
    if listed > MAX_DIRECTORY and (listed != 0xFFFFFFFF or size > MAX_DIRECTORY):
        raise SessionFormatError("a zip archive with too many members", _UNPACK)
