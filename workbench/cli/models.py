"""``mnemoscope models``: models of this machine."""

from __future__ import annotations

from typing import Any

from workbench.cli.arguments import new


def add(commands: Any) -> None:
    """The command and its arguments."""
    from workbench.models import command

    command.add_arguments(new(commands, "models", command.act, "list, obtain, add and remove models"))
