"""A run of every memory strategy with a shape of its own, made by the real engine around a scripted backend."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.backends import ScriptedBackend
from tests.support.traces import session
from workbench.engine import run as engine
from workbench.engine.config import RunConfig
from workbench.memory.registry import STRATEGIES

TURNS = 30


def run_of(folder: Path, lanes: tuple[str, ...] = tuple(STRATEGIES), turns: int = TURNS) -> Path:
    """A run file with these lanes over an invented session."""
    file = folder / "session.json"
    file.write_text(json.dumps(session(turns, 3).to_json()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "_open", lambda config: ScriptedBackend())
        return engine.run(RunConfig((file,), lanes, out=folder / "structures.mnemo"), lambda _: None)
