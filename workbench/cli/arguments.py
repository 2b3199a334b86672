"""Arguments that several commands take, and what they mean."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import UsageError

if TYPE_CHECKING:
    from workbench.probes.errata import Errata


def new(commands: Any, name: str, function: Any, summary: str) -> argparse.ArgumentParser:
    """A command by its name and the function that carries it out; ``summary`` is one line."""
    made: argparse.ArgumentParser = commands.add_parser(name, help=summary, description=summary)
    made.set_defaults(command=function)
    return made


def json_flag(command: argparse.ArgumentParser) -> None:
    """``--json``."""
    command.add_argument("--json", action="store_true", help="the result as JSON on standard output")


def model_flags(command: argparse.ArgumentParser) -> None:
    """``--model`` and ``--embedder``."""
    command.add_argument(
        "--model",
        default="demo",
        metavar="demo|NAME|PATH|URL",
        help="the bundled model, an installed one, a GGUF, or a server: http://HOST:PORT/v1#MODEL",
    )
    command.add_argument(
        "--embedder",
        default="minilm",
        metavar="minilm|hash|PATH|URL",
        help="sentence embeddings, lexical hashing, a server",
    )


def code_flag(command: argparse.ArgumentParser) -> None:
    """``--code``: classes of lanes that were given by path."""
    command.add_argument(
        "--code",
        action="append",
        default=[],
        metavar="FILE.py:CLASS",
        help="the class of a lane that was given by path, where this machine does not know it; it is run",
    )


def run_model_flags(command: argparse.ArgumentParser) -> None:
    """What a command needs that asks a run's model again."""
    code_flag(command)
    command.add_argument("--model", default="", metavar="PATH", help="where the run's model is now, or another one")
    command.add_argument("--threads", type=int, metavar="N", help="CPU threads")


def reading_flags(command: argparse.ArgumentParser) -> None:
    """``--map`` and ``--read``: how a file is read that says too little about itself."""
    command.add_argument(
        "--map",
        metavar="FIELD=COLUMN,…|FILE.json",
        help="read any table of questions: question=, context=, answers= or answer_index=, evidence=, id=, session=, "
        "options=, date=, rows=, or a JSON file of the same; see docs/formats.md",
    )
    command.add_argument(
        "--read",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="an option of the file's reader, for example chunk=code (see docs/formats.md); repeat it for several",
    )


def read_options(command: str, options: argparse.Namespace) -> dict[str, str]:
    """The options of the reader by key. Raises ``UsageError`` naming ``command``."""
    found = pairs(command, options.read, "--read", "see docs/formats.md")
    if not options.map:
        return found
    from workbench.sessions.formats import mapped

    if found:
        raise UsageError(f"{command}: --read does not go with --map", "a table has no reader of its own: leave it out")
    return {"map": mapped.written_map(mapped.parse_map(options.map))}


def pairs(command: str, given: Sequence[str], flag: str, remedy: str) -> dict[str, str]:
    """``KEY=VALUE`` arguments by key."""
    found = [pair.partition("=") for pair in given]
    if any(not key or not equals for key, equals, _ in found):
        raise UsageError(f"mnemoscope {command}: options are written {flag} key=value", remedy)
    return {key: value for key, _, value in found}


def errata_flags(command: argparse.ArgumentParser) -> None:
    """``--errata`` and ``--correct``."""
    command.add_argument(
        "--errata",
        action="append",
        type=Path,
        metavar="FILE",
        help='leave out questions whose gold is known to be wrong: JSON or JSON Lines of {"question", "session"?, '
        '"gold"?}, or a list of the LoCoMo audit; off by default',
    )
    command.add_argument("--correct", action="store_true", help="with --errata: score with the file's golds instead")


def known_errors(options: argparse.Namespace) -> Errata | None:
    """The golds that are known to be wrong, where one asked for it."""
    from workbench.probes import errata

    if options.correct and not options.errata:
        raise UsageError("--correct: there are no --errata to correct by", "name a file with --errata FILE")
    return errata.read(options.errata, options.correct) if options.errata else None
