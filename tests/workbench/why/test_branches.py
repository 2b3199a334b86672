"""Branches on the bundled model: under a cache policy, on another model file; the parent stays as it was."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from workbench import paths
from workbench.branch import Edit, settings_of, undo
from workbench.engine.branching import branch
from workbench.errors import TraceError
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader


@pytest.fixture
def run(sample: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(sample, tmp_path / "run.mnemo"))


def parents(path: Path) -> list[Any]:
    with TraceReader(path) as reader:
        return reader.query("SELECT * FROM event WHERE lane IN (1, 2) ORDER BY seq")


def test_another_cache_policy(run: Path) -> None:
    before = parents(run)
    with TraceReader(run) as reader:
        last = reader.last_turn(1, 2)
    child = branch(run, "bm25:k=2", last - 1, (Edit.parse("cache:snapkv:keep=0.4"),))
    assert (child.cache, child.params["cache.keep"]) == ("snapkv", 0.4) and child.params["k"] == 2
    with TraceReader(run) as reader:
        done = list(reader.events(1, child.id, [Kind.COMPRESSED]))
        (told,) = reader.events(0, 0, [Kind.BRANCHED])
        assert not list(reader.events(1, 2, [Kind.COMPRESSED]))
    assert done and all(e.payload["policy"].startswith("snapkv") and e.turn == last for e in done)
    assert told.payload["edits"] == [{"kind": "cache", "name": "", "value": "snapkv:keep=0.4"}]
    assert told.payload["settings"] == {}
    again = branch(run, child.name, last - 1, ())
    assert (again.cache, again.params) == (child.cache, child.params), "a branch of it keeps the policy"
    assert parents(run) == before
    for name in (again.name, child.name):
        undo(run, name)
    assert parents(run) == before


def test_another_model(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNEMOSCOPE_HOME", str(tmp_path / "home"))
    other = Path(shutil.copy(paths.resources() / "models" / "mnemoscope-demo.gguf", tmp_path / "other.gguf"))
    before = parents(run)
    with TraceReader(run) as reader:
        last = reader.last_turn(1, 2)
    child = branch(run, "bm25:k=2", last - 1, (Edit.parse(f"model:{other}"),))
    with TraceReader(run) as reader:
        (told,) = reader.events(0, 0, [Kind.BRANCHED])
        assert told.payload["settings"] == {"model": "other.gguf"}, "no run file says where a model lies"
        assert told.payload["edits"] == [{"kind": "model", "name": "", "value": "other.gguf"}]
        assert settings_of(reader, child.id)["model"] == str(other), "this machine knows"
        assert settings_of(reader, 2)["model"] == "demo"
    assert parents(run) == before
    with pytest.raises((TraceError, Exception), match="nowhere"):
        branch(run, "bm25:k=2", last - 1, (Edit.parse(f"model:{tmp_path / 'nowhere.gguf'}"),))
    with TraceReader(run) as reader:
        assert len(reader.lanes()) == 3, "what cannot be run leaves no lane"
