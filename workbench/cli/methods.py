"""``mnemoscope methods``: evaluation methods."""

from __future__ import annotations

import argparse
from typing import Any

from workbench.cli.arguments import json_flag, new


def add(commands: Any) -> None:
    """The command and its arguments."""
    command = new(commands, "methods", act, "evaluation methods after publications, and how to call them")
    json_flag(command)


def act(options: argparse.Namespace) -> None:
    """Carry it out."""
    from workbench.commands import methods

    methods.listed(options.json)
