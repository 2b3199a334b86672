"""Files that are written whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from pathlib import Path

from workbench.errors import MnemoscopeError


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all; a link stays a link, and a device or a pipe is written into.

    A file that is there keeps its permissions, and is left alone where they forbid to write it. Raises
    ``MnemoscopeError`` when it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, text.encode("utf-8", "replace"))
    except (OSError, RuntimeError) as error:  # RuntimeError: a link that leads back to itself, before Python 3.13
        reason = getattr(error, "strerror", None) or error
        raise MnemoscopeError(f"{path}: cannot be written ({reason})", "choose another place") from error


def _write(path: Path, data: bytes) -> None:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        mode = 0
    if mode and not stat.S_ISREG(mode):
        _straight(path, data)
        return
    if mode and not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    if mode and _is_database(path):
        raise MnemoscopeError(f"{path}: is a run file or another database, and would be gone", "name another file")
    place = path.resolve()
    part = place.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with part.open("xb") as handle:
            handle.write(data)
        if mode:
            part.chmod(stat.S_IMODE(mode))
        part.replace(place)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _is_database(path: Path) -> bool:
    with path.open("rb") as handle:
        return handle.read(16) == b"SQLite format 3\0"


def _straight(path: Path, data: bytes) -> None:
    """Write into what is no plain file: another name could not take its place. A pipe that nobody reads is an error."""
    handle = os.open(path, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0))
    with open(handle, "wb") as stream:
        if hasattr(os, "O_NONBLOCK"):
            os.set_blocking(handle, True)
        stream.write(data)
