"""A run file is made to be mailed: what it says of this machine names no folder, no user and no host."""

from __future__ import annotations

import getpass
import os
import re
import socket
import sys
import tempfile
from functools import cache
from pathlib import Path

from workbench import paths

_POSIX = re.compile(r"(?<![\w/.~-])~?(?:/[^\s/\"'<>|:;,()\[\]{}]+)+(?=/)")
_WINDOWS = re.compile(r"(?:\b[A-Za-z]:|\\\\)(?:[\\/][^\s\\/\"'<>|:;,()\[\]{}]+)+(?=[\\/])")
_URL = re.compile(r"(https?://)[^\s/#\"']+")
_USUAL = {"root", "user", "admin", "localhost"}  # names that tell nothing, and are words


def discreet(text: str) -> str:
    """A message or a traceback of this program without the folders, users and hosts in it; file names stay."""
    for folder in _folders():
        text = text.replace(folder, "…")
    text = _WINDOWS.sub("…", _POSIX.sub("…", _URL.sub(r"\1server", text)))
    for name in _names():
        text = re.sub(rf"\b{re.escape(name)}\b", "…", text)
    return text


def is_address(text: str) -> bool:
    """Whether it is the address of a server."""
    return text.startswith(("http://", "https://"))


def place_name(place: str | Path) -> str:
    """What a run file calls a model or a folder: of a path its last part, of a server its model; a name as it is."""
    text = str(place)
    if is_address(text):
        return f"server#{text.partition('#')[2]}"
    return re.split(r"[\\/]", text.rstrip("\\/"))[-1]


@cache
def _folders() -> tuple[str, ...]:
    """Folders that this program knows of, longest first: they may hold spaces, which no pattern can tell apart."""
    known = {Path.home(), Path(sys.prefix), Path(sys.base_prefix), Path(tempfile.gettempdir()), paths.root()}
    known |= {Path(__file__).resolve().parent.parent}
    found = {str(p) for folder in known for p in (folder, folder.resolve())}
    return tuple(sorted((f for f in found if len(f) > 3), key=len, reverse=True))


@cache
def _names() -> tuple[str, ...]:
    found = {socket.gethostname(), socket.gethostname().partition(".")[0], Path.home().name}
    try:
        found.add(getpass.getuser())
    except (KeyError, OSError, ImportError):  # no name for this user's number
        found.update(filter(None, (os.environ.get("USER"), os.environ.get("USERNAME"))))
    return tuple(name for name in found if len(name) > 2 and name.lower() not in _USUAL)
