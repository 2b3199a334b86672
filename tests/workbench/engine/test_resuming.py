"""Going on with a run that was broken off, from its file alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.backends import ScriptedBackend
from tests.support.runs import config, lane_events
from tests.support.traces import write_trace
from workbench import whereabouts
from workbench.engine import run as engine
from workbench.engine.branching import branch
from workbench.engine.control import Control
from workbench.engine.resuming import Progress, progress, resumed
from workbench.errors import Cancelled, ModelError, TraceError, UsageError
from workbench.trace.reader import TraceReader
from workbench.trace.writer import TraceWriter


@pytest.fixture(autouse=True)
def backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_open", lambda config: ScriptedBackend())
    monkeypatch.setattr("workbench.engine.explain.open_backend", lambda options: ScriptedBackend())


def broken_off(folder: Path, steps: int, **values: object) -> Path:
    """A run of two sessions through two lanes that was cancelled after some steps of 64."""
    control = Control()

    def stop(report: object) -> None:
        nonlocal steps
        steps -= 1
        if steps == 0:
            control.cancel()

    setup = config(folder, "full", "bm25:k=3", sessions=2, exact=True, **values)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Cancelled):
        patch.setattr(engine, "_REPORT_EVERY", 0)
        engine.run(setup, stop, control=control)
    return setup.path


def far(path: Path) -> Progress | None:
    with TraceReader(path) as reader:
        return progress(reader)


def test_a_run_goes_on_from_its_file_and_ends_like_an_undisturbed_one(tmp_path: Path) -> None:
    whole = engine.run(config(tmp_path, "full", "bm25:k=3", sessions=2, exact=True, seed=5, out=tmp_path / "b.mnemo"))
    path = broken_off(tmp_path, 20, seed=5)
    before = far(path)
    assert before is not None and 20 <= before.done < 40 and (before.total, before.finished) == (64, False)
    for file in tmp_path.glob("session-*.json"):
        file.unlink()  # what is needed of them is in the run
    with TraceReader(path) as reader:
        setup = resumed(reader)
    assert (setup.sessions, setup.out, setup.lanes, setup.seed) == ((path,), path, ("full", "bm25:k=3"), 5)
    engine.run(setup)
    assert far(path) == Progress(64, 64, True)
    assert lane_events(path) == lane_events(whole)


def test_a_branch_is_no_step_of_the_run(tmp_path: Path) -> None:
    path = engine.run(config(tmp_path, "full", "bm25:k=3", sessions=2))
    branch(path, "full", 5, (), session=1)
    assert far(path) == Progress(64, 64, True)


def test_every_setting_that_makes_the_run_what_it_is_is_kept(tmp_path: Path) -> None:
    given = {"capture": "off", "context": 512, "threads": 2, "prompts": "full", "temperature": 0.5, "thinking": 9}
    path = engine.run(config(tmp_path, "full", **given, requests="multi-turn"))
    with TraceReader(path) as reader:
        setup = resumed(reader)
    assert {name: getattr(setup, name) for name in given} == given and setup.requests == "multi-turn"


def test_what_was_recorded_has_no_end_to_go_on_to(tmp_path: Path) -> None:
    with TraceWriter(tmp_path / "a.mnemo") as writer:
        writer.set_meta("config", {"lanes": []})
    assert far(tmp_path / "a.mnemo") is None
    with TraceReader(tmp_path / "a.mnemo") as reader, pytest.raises(UsageError, match="was recorded, not run"):
        resumed(reader)


def test_a_server_that_only_the_file_names_is_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = broken_off(tmp_path, 3, model="http://127.0.0.1:9/v1#x")
    with TraceReader(path) as reader:
        assert resumed(reader).model == "http://127.0.0.1:9/v1#x", "this machine began it"
        monkeypatch.setenv("MNEMOSCOPE_HOME", str(tmp_path / "another"))
        monkeypatch.setattr(whereabouts, "_said", {})
        with pytest.raises(ModelError):
            resumed(reader)


@pytest.mark.parametrize("told", ["text", 5, [], {"lanes": 5}, {"lanes": "bm25"}, {"lanes": [["a"]]}])
def test_a_run_that_tells_nonsense_of_its_lanes_has_no_end_to_go_on_to(tmp_path: Path, told: object) -> None:
    path = write_trace(tmp_path / "run.mnemo", turns=4, items=2, probes=1)
    with TraceWriter(path) as writer:
        writer.set_meta("config", told)
    with TraceReader(path) as reader:
        assert progress(reader) is None
        with pytest.raises(TraceError, match="which lanes it was made with"):
            resumed(reader)
