"""``mnemoscope lanes``: what lanes can be made of."""

from __future__ import annotations

import argparse
from typing import Any

from workbench import console
from workbench.cli.arguments import json_flag, new


def add(commands: Any) -> None:
    """The command and its arguments."""
    command = new(commands, "lanes", act, "every memory strategy and cache policy with its parameters")
    json_flag(command)


def act(options: argparse.Namespace) -> None:
    """Carry it out."""
    from workbench.cache.registry import policies, policy
    from workbench.memory.controls import CONTROLS
    from workbench.memory.registry import strategies, strategy

    found = {
        "memory": [_card(strategy(name)) for name in strategies()],
        "cache": [_card(policy(name)) for name in policies()],
        "control": [_card(strategy(name)) for name in CONTROLS],
    }
    if options.json:
        console.say_json(found)
        return
    for kind, cards in found.items():
        rows = [[c["name"], c["title"], c["fidelity"], _given(c["parameters"]), c["paper"]] for c in cards]
        console.say(console.table([kind, "title", "fidelity", "parameters with defaults", "paper"], rows) + "\n")


def _card(cls: Any) -> dict[str, Any]:
    from dataclasses import fields

    made = cls()
    parameters = {f.name: getattr(made, f.name) for f in fields(made) if f.init}
    card = {key: getattr(cls, key, "") for key in ("name", "title", "fidelity", "paper", "differs")}
    return card | {"parameters": parameters}


def _given(parameters: dict[str, Any]) -> str:
    return " ".join(f"{k}={str(v).lower() if isinstance(v, bool) or v is None else v}" for k, v in parameters.items())
