"""A turn followed through the lanes: what was made of it, which questions it reached, where it was lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.backends import ScriptedBackend
from tests.support.runs import config
from tests.workbench.projections.story import write_story
from workbench.engine import run as engine
from workbench.memory.items import MemoryState
from workbench.projections.thread import RIGHT, thread
from workbench.trace.events import Event, Kind
from workbench.trace.reader import TraceReader
from workbench.trace.writer import TraceWriter


def test_the_evidence_was_stored_and_reached_no_context(tmp_path: Path) -> None:
    with TraceReader(write_story(tmp_path / "story.mnemo")) as reader:
        view = thread(reader, 1, 3)
    assert view.said == "Mira: I moved to Oslo last week."
    mine, other = view.lanes
    assert (mine.lane.name, other.lane.name) == ("a-mem", "full")
    assert "note-2" in mine.story.items and not mine.lost and mine.end == 5
    steps = [(s.stage, s.turn, s.item, s.held) for s in mine.story.steps]
    assert steps[0] == ("stored", 3, "note-2", True)
    assert ("retrieved", 4, "note-0", True) in steps or ("retrieved", 4, "note-2", False) in steps
    assert other.lost and not other.story.steps and other.end == 3, "nothing was made of it there"


def test_what_reached_a_context_says_whether_the_answer_was_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_open", lambda config: ScriptedBackend())
    path = engine.run(config(tmp_path, "full", "window:turns=2", embedder="hash"))
    with TraceReader(path) as reader:
        scored = {(e.lane, e.subject): e.payload["correct"] for e in reader.events(kinds=[Kind.SCORED])}
        full, window = thread(reader, 1, 2).lanes
        reached = [s for s in full.story.steps if s.stage == RIGHT]
        assert len(reached) == full.count("packed") > window.count("packed"), "a window forgets"
        assert all(s.held == scored[1, s.item] for s in reached)


def test_a_deletion_ends_the_thread(tmp_path: Path) -> None:
    path = write_story(tmp_path / "story.mnemo")
    with TraceWriter(path) as writer:
        with writer.reader() as reader:
            state = MemoryState(reader.events(1, 1))
            held = [i.id for i in state.active() if 3 in i.turns]
        writer.append([Event(1, 1, 5, 900 + n, Kind.DELETED, item, 0, {"reason": "x"}) for n, item in enumerate(held)])
    with TraceReader(path) as reader:
        mine = thread(reader, 1, 3).lanes[0]
    assert held and mine.lost and mine.end == 5 and not mine.story.alive
