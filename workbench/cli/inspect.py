"""``mnemoscope inspect``: what a file holds."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import console
from workbench.cli.arguments import json_flag, new, read_options, reading_flags
from workbench.cli.files import sessions_of
from workbench.errors import MnemoscopeError

if TYPE_CHECKING:
    from workbench.sessions.model import Session

SQLITE_MAGIC = b"SQLite format 3\0"


def add(commands: Any) -> None:
    """The command and its arguments."""
    command = new(commands, "inspect", act, "what a session, run or model file holds, and what is odd in it")
    command.add_argument("file", type=Path, metavar="FILE")
    reading_flags(command)
    json_flag(command)


def act(options: argparse.Namespace) -> None:
    """Carry it out."""
    found = describe(options.file, **read_options("inspect", options))
    if options.json:
        console.say_json(found)
        return
    warnings = found.pop("warnings")
    for key, value in found.items():
        console.say(f"{key:<14}{', '.join(map(str, value)) if isinstance(value, list) else value}")
    console.say(f"{'warnings':<14}{len(warnings)}")
    for warning in warnings:
        console.say(f"  {warning}")


def describe(path: Path, **options: str) -> dict[str, Any]:
    """What ``inspect --json`` says: ``{format, sessions, turns, probes, warnings}`` and more by the kind of file."""
    magic = _magic(path)
    if magic.startswith(b"GGUF"):
        return _describe_model(path)
    return _described(*sessions_of(path, **options))


def _described(sessions: Sequence[Session], more: dict[str, Any]) -> dict[str, Any]:
    return {
        "format": "run" if more else sessions[0].format,
        "sessions": len(sessions),
        "turns": sum(len(s.turns) for s in sessions),
        "probes": sum(len(s.probes) for s in sessions),
        **more,
        "warnings": [f"{s.name}: {w}" if len(sessions) > 1 else w for s in sessions for w in s.warnings],
    }


def _magic(path: Path) -> bytes:
    try:
        with open(path, "rb") as handle:
            return handle.read(len(SQLITE_MAGIC))
    except OSError as error:
        raise MnemoscopeError(f"{path}: cannot be read ({error.strerror})", "check the path") from error


def _describe_model(path: Path) -> dict[str, Any]:
    from workbench.llm.gguf_file import read_header

    header = read_header(path)
    more = {
        "architecture": header.architecture,
        "name": header.metadata.get("general.name", ""),
        "layers": header.of_architecture("block_count"),
        "context": header.of_architecture("context_length"),
    }
    return {"format": "gguf", "sessions": 0, "turns": 0, "probes": 0, **more, "warnings": []}
