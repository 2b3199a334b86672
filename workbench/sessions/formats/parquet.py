"""Parquet files as rows of plain JSON values, by the optional library ``arro3-io`` in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from workbench.errors import SessionFormatError
from workbench.sessions.formats.limits import one_line

_PROGRAM = "workbench.sessions.formats.parquet_rows"
_SECONDS = 600


def rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a Parquet file as objects. Raises ``SessionFormatError``, also when the library is missing."""
    if find_spec("arro3") is None:
        remedy = "install mnemoscope[parquet] (the packages arro3-io and arro3-core), or save it as JSON Lines"
        raise SessionFormatError("a Parquet file, for which a library is missing", remedy)
    program = ["--read-parquet"] if getattr(sys, "frozen", False) else ["-m", _PROGRAM]  # packaging/program.py
    command = [sys.executable, *program, str(path)]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise SessionFormatError("a Parquet file that takes too long to read", "save it as JSON Lines") from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        why = said[-1][:200] if done.returncode == 1 and said else "the library that reads it gave up"
        raise SessionFormatError(f"a damaged Parquet file ({one_line(why)})", "download or write it again")
    found = [from_json(line) for line in done.stdout.split(b"\n") if line]
    if not found:
        raise SessionFormatError("a Parquet file without rows", "choose a session file")
    return found
