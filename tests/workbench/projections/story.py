"""A run made by hand: two notes about Mira, one lost fact, one probe whose evidence is below the cut."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tests.support.traces import _Lane
from workbench.sessions.model import Probe, Session, Turn
from workbench.trace import blobs
from workbench.trace.events import Event, Kind
from workbench.trace.writer import TraceWriter

TURNS = (
    "I moved to Lima.",
    "Noted.",
    "I have a cat.",
    "I moved to Oslo last week.",
    "The bus was late.",
    "Good night.",
)
PROBE = Probe("p0", 4, "Where does Mira live?", ("Oslo",), "conflict_resolution", (3,))
LATER = Probe("p1", 5, "What pet does Mira have?", ("cat",), "accurate_retrieval", (2,))

# Four layers' worth of rows is not needed to be sure of a reduction: two layers, two heads, two rows, six columns.
WEIGHTS = np.array(
    [
        [[[0.9, 0.1, 0, 0, 0, 0], [0.5, 0, 0.5, 0, 0, 0]], [[0.8, 0, 0, 0.2, 0, 0], [0.25, 0, 0, 0.75, 0, 0]]],
        [[[0.6, 0, 0, 0, 0.4, 0], [0.6, 0, 0, 0, 0, 0.4]], [[0.1, 0.9, 0, 0, 0, 0], [0.1, 0, 0.9, 0, 0, 0]]],
    ],
    np.float16,
)


def write_story(path: Path) -> Path:
    """Lane 1 is the story, lane 2 has nothing in it."""
    turns = tuple(Turn(i, "assistant" if i == 1 else "user", text, "Mira") for i, text in enumerate(TURNS))
    session = Session("story", turns, (PROBE, LATER))
    with TraceWriter(path) as writer:
        number = writer.add_session(session, "story")
        lane = _Lane(number, writer.add_lane("a-mem", "a-mem", "full-cache", {}))
        writer.add_lane("full", "full", "full-cache", {})
        for turn in range(len(turns)):
            _TURNS[turn](lane)
            lane.emit(Kind.TURN_CLOSED, "", {"calls": 1, "tokens": [40, 12], "items": len(lane.state.active())})
            writer.append(lane.events, [WEIGHTS] if turn == 4 else [])
            lane.events.clear()
    return path


def _called(lane: _Lane, raw: str) -> Event:
    prompt = [{"role": "user", "text": "Note this"}]
    payload = {"purpose": "note", "prompt": prompt, "raw": raw, "tokens": [40, 12], "stop": "end", "error": ""}
    return lane.emit(Kind.MODEL_CALLED, "", payload, ms=12.0)


def _zero(lane: _Lane) -> None:
    log = lane.log(0)
    call = _called(lane, '{"keywords": ["Lima"]}')
    log.write("Mira: I moved to Lima.", "note", cause=call.n, keywords=["Lima", "move"], context="Mira lives in Lima",
              index_text="I moved to Lima. Lima move")  # fmt: skip


def _one(lane: _Lane) -> None:
    lane.log(1).dropped("not in the schema", "expected an object")


def _two(lane: _Lane) -> None:
    log = lane.log(2)
    log.write("Mira: I have a cat.", "note", keywords=["cat"])
    log.link("note-1", "note-0", "same person", 0.8)


def _three(lane: _Lane) -> None:
    log = lane.log(3)
    call = _called(lane, '{"keywords": ["Oslo"]}')
    log.write("Mira: I moved to Oslo last week.", "note", cause=call.n, keywords=["Oslo"])
    log.update(
        "note-0", context="Mira lived in Lima until last week", keywords=["move"], reason="evolution", cause=call.n
    )
    log.link("note-2", "note-0", "moved on", 0.9, cause=call.n)
    log.supersede("note-0", "note-2", reason="newer")


def _four(lane: _Lane) -> None:
    lane.log(4)
    _asked(lane, PROBE, [("note-0", 0.9, True), ("note-1", 0.7, True), ("note-2", 0.6, False)], "Lima")
    spans = [
        ("instruction", "instruction", [], [], [0, 1]), ("memory", "note-0", ["note-0"], [0], [1, 3]),
        ("question", "question", [], [], [3, 5]),
    ]  # fmt: skip
    payload = [dict(zip(("kind", "label", "items", "turns", "tokens"), s, strict=True)) | {"text": s[1]} for s in spans]
    cut = [{"label": "note-1", "text": "cat", "items": ["note-1"], "turns": [2]}]
    lane.emit(Kind.PACKED, "p0", {"budget": 512, "tokens": 5, "spans": payload, "dropped": cut})
    lane.emit(
        Kind.ANSWERED, "p0", {"text": "Lima", "tokens": [["Li", -0.1], ["ma", -0.2]], "prompt_tokens": 5, "error": ""}
    )
    captured: dict[str, Any] = {"blob": blobs.digest(WEIGHTS), "layers": [0, 3], "heads": 2, "bins": None}
    lane.emit(Kind.CAPTURED, "p0", captured | {"tokens": ["<s>", "Mira ", "Lima ", "Where", "?", "Li"]})
    lane.emit(Kind.SCORED, "p0", {"correct": False, "score": 0.0, "extracted": "Lima", "rank": 3})


def _five(lane: _Lane) -> None:
    log = lane.log(5)
    log.delete("note-1", reason="contradiction")
    log.unlink("note-1", "note-0", "same person")
    log.restore("note-0", reason="asked for")
    _asked(lane, LATER, [("note-2", 0.4, True)], "dog")


def _asked(lane: _Lane, probe: Probe, hits: list[tuple[str, float, bool]], answer: str) -> None:
    rows = [
        {"item": name, "rank": rank + 1, "score": score, "returned": returned, "parts": {"cosine": score},
         "turns": list(lane.state[name].turns), "text": lane.state[name].text}
        for rank, (name, score, returned) in enumerate(hits)
    ]  # fmt: skip
    lane.emit(Kind.RECALLED, probe.id, {"query": probe.question, "k": 2, "hits": rows}, ms=1.5)


_TURNS = (_zero, _one, _two, _three, _four, _five)
