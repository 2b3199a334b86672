"""``mnemoscope judge``: a model's verdicts."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from workbench.cli.arguments import json_flag, new


def add(commands: Any) -> None:
    """The command and its arguments."""
    command = new(commands, "judge", act, "a model's verdicts on the answers of a run, added to its file")
    command.add_argument("file", type=Path, metavar="FILE", help="a run file")
    command.add_argument("--model", default="demo", metavar="demo|NAME|PATH|URL", help="who judges")
    command.add_argument("--session", default="", metavar="NAME", help="only this session of the run")
    command.add_argument("--lane", default="", metavar="L", help="only this lane")
    command.add_argument("--again", action="store_true", help="also what this model judged before")
    command.add_argument(
        "--rubric",
        default="",
        choices=("tick-judge", "clear-judge", "locomo-judge", "longmemeval-judge"),
        help="judge every answer by it; tick and clear go item by item (docs/scores.md)",
    )
    command.add_argument("--context", type=int, metavar="N", help="tokens per verdict and prompt")
    command.add_argument("--threads", type=int, metavar="N", help="CPU threads")
    json_flag(command)


def act(options: argparse.Namespace) -> None:
    """Carry it out."""
    from workbench.commands import judge

    judge.run(options)
