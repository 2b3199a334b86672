"""``mnemoscope selftest``: this installation checked."""

from __future__ import annotations

import argparse
from typing import Any

from workbench.cli.arguments import json_flag, model_flags, new


def add(commands: Any) -> None:
    """The command and its arguments."""
    command = new(commands, "selftest", act, "check this installation, from libraries to a replayed session")
    model_flags(command)
    json_flag(command)


def act(options: argparse.Namespace) -> int:
    """Carry it out."""
    from workbench.selftest import selftest

    return selftest(options.model, options.embedder, options.json)
