"""Where a memory was written: in a call that says it, else in its turns; and what is found beside the run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.traces import session
from workbench.projections.hits import ContextSpan
from workbench.projections.states import Compared, StatesView, compared, states_view, writing_of
from workbench.trace import blobs
from workbench.trace.events import Event, Kind
from workbench.trace.reader import TraceReader
from workbench.trace.side import SideArrays
from workbench.trace.writer import TraceWriter

SAID = "Mira lives in Oslo"


def event(n: int, turn: int, what: str, subject: str = "", cause: int = 0, **payload: Any) -> Event:
    return Event(1, 1, turn, n, what, subject, cause, payload)


def call(n: int, turn: int, raw: str) -> Event:
    prompt = [{"role": "user", "text": "Facts of: I moved to Oslo."}]
    return event(
        n, turn, Kind.MODEL_CALLED, purpose="facts", prompt=prompt, raw=raw, tokens=[9, 4], stop="end", error=""
    )


def written(n: int, turn: int, item: str, text: str, cause: int = 0) -> Event:
    return event(n, turn, Kind.WRITTEN, item, cause, kind="fact", text=text, turns=[turn], fields={}, index_text=text)


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[TraceReader]:
    path = tmp_path / "run.mnemo"
    texts = tuple(f" t{n}" for n in range(12))
    arrays = {
        "mean": np.zeros((1, 12), np.float16), "peak": np.zeros((1, 12), np.float16),
        "mass": np.zeros((2, 2, 3), np.float16), "rows": np.zeros((1, 3), np.float16),
        "ids": np.arange(12, dtype=np.int32), "texts": blobs.texts_array(texts),
    }  # fmt: skip
    spans = [
        {"kind": "instruction", "label": "instruction", "text": "answer", "items": [], "turns": [], "tokens": [0, 2]},
        {"kind": "memory", "label": "fact-0", "text": SAID, "items": ["fact-0"], "turns": [0], "tokens": [2, 6]},
        {"kind": "memory", "label": "turn-2", "text": "told", "items": [], "turns": [1, 2], "tokens": [6, 10]},
    ]  # fmt: skip
    with TraceWriter(path) as writer:
        writer.set_meta("config", {"model": "demo"})
        number = writer.add_session(session(8, 1), "sha")
        assert (number, writer.add_lane("mem0", "mem0", "full-cache", {})) == (1, 1)
        events = [
            call(1, 0, '{"facts": ["Mira lives in Oslo"]}'),
            written(2, 0, "fact-0", SAID, cause=1),
            call(3, 2, '{"facts": ["nothing"]}'),
            written(4, 2, "fact-1", "something that no call says", cause=3),
            event(5, 3, Kind.UPDATED, "fact-1", changes={"text": ["no call says it", "Ines left"]}, reason=""),
            event(6, 7, Kind.PACKED, "p0", budget=100, tokens=12, spans=spans, dropped=[]),
            event(7, 7, Kind.SUMMED, "p0", layers=2, heads=2, prompt=11, starts=None,
                  spans=[s["tokens"] for s in spans], kept=[0, 1, 2],
                  blobs={name: blobs.encode(array)[0] for name, array in arrays.items()}),
        ]  # fmt: skip
        writer.append(events, arrays.values())
    with TraceReader(path) as opened:
        yield opened


def span(*items: str, turns: tuple[int, ...] = ()) -> ContextSpan:
    return ContextSpan("memory", "it", "", items, turns, (0, 1))


def test_a_fact_was_written_in_the_call_that_says_it(reader: TraceReader) -> None:
    found = writing_of(reader, 1, 1, 7, span("fact-0", turns=(0,)))
    assert found is not None and (found.turn, found.purpose, found.text) == (0, "facts", "Mira lives in Oslo")
    assert found.after.startswith("{") and found.messages[0][0] == "user" and "call facts of turn 0" in found.told


def test_what_no_call_says_was_written_in_its_turns(reader: TraceReader) -> None:
    turns = reader.session(1).turns
    found = writing_of(reader, 1, 1, 2, span("fact-1", turns=(2,)))
    assert found is not None and (found.purpose, found.text) == ("", turns[2].said)
    assert found.given == f"{turns[0].said}\n{turns[1].said}\n"
    several = writing_of(reader, 1, 1, 7, span(turns=(1, 2)))
    assert several is not None and several.text == f"{turns[1].said}\n{turns[2].said}" and several.turn == 2
    assert writing_of(reader, 1, 1, 7, span()) is None, "the question was written nowhere"
    assert writing_of(reader, 1, 1, 7, span(turns=(99,))) is None


def test_a_comparison_lies_beside_the_run(reader: TraceReader) -> None:
    assert states_view(reader, 1, 1, "p0", (0, 2)) is None, "an instruction is no memory"
    assert states_view(reader, 1, 1, "p0", (3, 5)) is None and states_view(reader, 1, 1, "zz", (2, 6)) is None
    waiting = states_view(reader, 1, 1, "p0", (2, 6))
    assert isinstance(waiting, Compared)
    figures = np.array([[0.9, np.nan, 0.7, 0.6, 0.5, 0.1], [0.8, np.nan, 0.6, 0.5, 0.4, 0.2]], np.float32)
    SideArrays(reader.path).put(waiting.key, figures)
    view = states_view(reader, 1, 1, "p0", (2, 6))
    assert isinstance(view, StatesView) and view.texts == (" t2", " t3", " t4", " t5") and view.shared == 3
    assert view.whole == pytest.approx([0.5, 0.4]) and view.others == pytest.approx([0.1, 0.2])
    other = compared(reader, 1, 1, "p0", (6, 10))
    assert other is not None and other.key != waiting.key
    SideArrays(reader.path).put(waiting.key, figures[:, :-1])
    assert isinstance(states_view(reader, 1, 1, "p0", (2, 6)), Compared), "figures of another span are none"
