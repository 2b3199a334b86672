"""A turn followed through the lanes: what was made of it, which questions it reached, where it was lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.backends import ScriptedBackend
from tests.support.runs import config
from tests.support.traces import _Lane
from tests.workbench.projections.story import write_story
from workbench.engine import run as engine
from workbench.llm.base import CompletionRequest, CompletionResult
from workbench.memory.items import MemoryState
from workbench.projections.thread import RIGHT, thread
from workbench.sessions.model import Session, Turn
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


def test_what_says_another_thing_now_was_overwritten(tmp_path: Path) -> None:
    """The item is alive, the fact is not; until it says it again, in whatever words."""
    texts = ("Peter is learning Greek.", "Peter is learning Czech.", "Peter is learning Latin.", "Peter: Greek again.")
    said = [Turn(n, "user", text, "Peter") for n, text in enumerate((*texts[:3], *["Peter is learning."] * 9))]
    with TraceWriter(tmp_path / "run.mnemo") as writer:
        number = writer.add_session(Session("run", tuple(said)), "x")
        lane = _Lane(number, writer.add_lane("mem0", "mem0", "full-cache", {}))
        lane.log(0).write(texts[0], "fact")
        lane.emit(Kind.TURN_CLOSED, "", {"calls": 0, "tokens": [0, 0], "items": 1})
        views = []
        for turn, text in enumerate(texts[1:], 1):
            lane.log(turn).update("fact-0", text=text, turns=[0, turn])
            lane.emit(Kind.TURN_CLOSED, "", {"calls": 0, "tokens": [0, 0], "items": 1})
            writer.append(lane.events)
            lane.events.clear()
            with TraceReader(tmp_path / "run.mnemo") as reader:
                views.append(thread(reader, number, 0).lanes[0])
    assert [(v.lost, v.end) for v in views] == [(True, 1), (True, 1), (False, 3)]
    kept = [(s.text, s.held) for s in views[1].story.steps if s.stage == "kept"]
    assert kept == [(f"{texts[0]} → {texts[1]}", False), (f"{texts[1]} → {texts[2]}", False)]


class _Speechless(ScriptedBackend):
    """A model that says as little as a schema lets it."""

    async def complete(self, request: CompletionRequest) -> CompletionResult:
        prompt = "\n".join(m.text for m in request.messages)
        return self._result(prompt, json.dumps(_least(request.schema)) if request.schema else "")


def _least(schema: Any) -> Any:
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "object":
        return {name: _least(part) for name, part in schema.get("properties", {}).items()}
    if schema.get("type") == "array":
        return [_least(schema["items"])] * schema.get("minItems", 0)
    return {"string": "", "boolean": False}.get(schema.get("type", "string"), 0)


@pytest.mark.parametrize(("backend", "stored"), [(ScriptedBackend, True), (_Speechless, False)])
def test_what_a_buffer_let_go_of_is_no_loss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: type[ScriptedBackend], stored: bool
) -> None:
    """Whether or not something was stored of it; what was pruned or left a window is lost all the same."""
    monkeypatch.setattr(engine, "_open", lambda config: backend())
    buffering = ("mem0:batch=4", "mem0-v3:batch=4", "memos", "think-in-memory", "mirix:batch=4", "caim:session=4")
    path = engine.run(config(tmp_path, *buffering, "tim", "window:turns=4", embedder="hash"))
    with TraceReader(path) as reader:
        for turn in (0, 2):
            view = thread(reader, 1, turn)
            for one in view.lanes:
                losses = [s for s in one.story.steps if s.stage == "kept" and not s.held]
                if one.lane.memory in ("tim", "window"):
                    assert not one.story.waited and (losses or one.lane.memory == "tim"), one.lane.name
                    continue
                taken = [s for s in one.story.steps if s.stage == "stored" and "is let go of" in s.text]
                assert taken and not any(s.item in one.story.waited for s in losses), one.lane.name
                assert all(s.held == bool(one.story.stored) for s in taken), one.lane.name
            made = {one.lane.name for one in view.lanes if one.story.stored}
            assert {"mem0:batch=4", "memos"} <= made if stored else not {"mem0:batch=4", "mirix:batch=4"} & made
