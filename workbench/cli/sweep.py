"""``mnemoscope sweep``: many runs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from workbench.cli.arguments import json_flag, new


def add(commands: Any) -> None:
    """The command and its arguments."""
    command = new(commands, "sweep", act, "many sessions x lanes x models x seeds; a sweep that ended goes on")
    command.add_argument("config", type=Path, metavar="CONFIG.yaml", help="what is swept: docs/sweeps.md")
    command.add_argument("--engine", choices=("local", "ray"), default="local", help="this machine, or a Ray cluster")
    command.add_argument("--address", default="", metavar="A", help="of a Ray cluster; without it one is started here")
    command.add_argument("--workers", type=int, metavar="N", help="tasks at once; default: one a core")
    command.add_argument("--dry-run", action="store_true", help="only say what would be done and about what it costs")
    command.add_argument("--csv", type=Path, metavar="DIR", help="also the table, as a folder of CSV files")
    json_flag(command)


def act(options: argparse.Namespace) -> int:
    """Carry it out."""
    from workbench.commands import sweep

    return sweep.run(options)
