"""``mnemoscope score``: scores of runs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from workbench.cli.arguments import errata_flags, json_flag, known_errors, new


def add(commands: Any) -> None:
    """The command and its arguments."""
    command = new(commands, "score", act, "published scores, accuracy, retrieval and cost of every lane")
    command.add_argument("file", nargs="+", type=Path, metavar="FILE", help="a run file")
    command.add_argument("--session", metavar="NAME", help="only this session of the run")
    command.add_argument("--audit", action="store_true", help="what became of old and new versions of changed facts")
    command.add_argument(
        "--method", action="append", default=[], metavar="NAME", help="evaluation methods instead, over all files; see "
        "`mnemoscope methods`; repeat it for several"
    )  # fmt: skip
    errata_flags(command)
    json_flag(command)


def act(options: argparse.Namespace) -> None:
    """Carry it out."""
    from workbench.commands import methods, score

    if options.method:
        methods.score(options.file, options.method, options.session, options.json, known_errors(options))
    else:
        score.run(options.file, options.json, options.session, options.audit, known_errors(options))
