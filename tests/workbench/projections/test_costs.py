"""Costs are what counting the trace by hand gives, in one session and over several."""

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.support.backends import ScriptedBackend
from tests.support.traces import session, write_trace
from workbench.engine import run as engine
from workbench.engine.config import RunConfig
from workbench.memory.items import Item
from workbench.projections.costs import Spent, costs, stored
from workbench.projections.findings import finding_counts, findings_view
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader


def test_costs_are_those_of_the_trace(tmp_path: Path) -> None:
    with TraceReader(write_trace(tmp_path / "run.mnemo")) as reader:
        for lane in costs(reader):
            events = list(reader.events(1, lane.lane.id))
            calls = [e.payload["tokens"] for e in events if e.kind == Kind.MODEL_CALLED]
            answers = [e.payload for e in events if e.kind == Kind.ANSWERED]
            assert calls
            assert lane.writing == {"note": Spent(len(calls), sum(c[0] for c in calls), sum(c[1] for c in calls))}
            assert (lane.written, lane.reading, lane.read) == (lane.writing["note"], {}, Spent(0, 0, 0))
            read, written = sum(a["prompt_tokens"] for a in answers), sum(len(a["tokens"]) for a in answers)
            assert lane.answers == Spent(len(answers), read, written)
            assert (lane.turns, lane.probes) == (60, len(answers))
            assert lane.items == sum(e.kind == Kind.WRITTEN for e in events)
            assert 0 < lane.active <= lane.items
            assert lane.size > lane.active
            assert lane.purposes == f"note {len(calls)}"


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of two lanes over two sessions of 16 and 12 turns."""
    files = tmp_path / "first.json", tmp_path / "second.json"
    for file, turns in zip(files, (16, 12), strict=True):
        file.write_text(json.dumps(session(turns, 3).to_json()))
    monkeypatch.setattr(engine, "_open", lambda config: ScriptedBackend())
    return engine.run(RunConfig(files, ("full", "a-mem"), out=tmp_path / "two.mnemo"), lambda _: None)


def test_writing_and_reading_are_told_apart_and_sessions_add_up(two: Path) -> None:
    with TraceReader(two) as reader:
        full, a_mem = costs(reader)
        assert (full.written.calls, full.read.calls, full.purposes) == (0, 0, "")
        recalled = list(reader.events(lane=a_mem.lane.id, kinds=(Kind.RECALLED,)))
        asked = len(recalled)
        assert {purpose: spent.calls for purpose, spent in a_mem.writing.items()} == {"note": 28, "evolve": 28}
        assert {purpose: spent.calls for purpose, spent in a_mem.reading.items()} == {"keywords": asked}
        assert a_mem.purposes == f"note 28, evolve 28; to read: keywords {asked}"
        assert a_mem.read.calls == sum(e.payload["spent"]["calls"] for e in recalled) == 6
        assert (a_mem.turns, a_mem.probes) == (28, asked)
        assert min(a_mem.seconds_a_turn, a_mem.seconds_a_probe) > 0
        for whole, *parts in zip(costs(reader), costs(reader, 1), costs(reader, 2), strict=True):
            for figure in ("written", "read", "answers"):
                assert getattr(whole, figure).calls == sum(getattr(part, figure).calls for part in parts)
            for figure in ("turns", "probes", "items", "active", "size"):
                assert getattr(whole, figure) == sum(getattr(part, figure) for part in parts) > 0


def test_a_store_counts_texts_fields_and_other_index_texts_in_bytes() -> None:
    assert stored(Item("a", "turn", "Ünï", (0,))) == 5
    assert stored(Item("a", "turn", "abc", (0,), index_text="abc")) == 3
    assert stored(Item("a", "turn", "abc", (0,), index_text="abcd")) == 7
    assert stored(Item("a", "turn", "abc", (0,), {"k": 1})) == 3 + len(json.dumps({"k": 1}, separators=(",", ":")))


def test_findings_are_counted_over_sessions(two: Path) -> None:
    with TraceReader(two) as reader:
        counted, single = finding_counts(reader), [finding_counts(reader, number) for number in (1, 2)]
        for number, found in enumerate(single, 1):
            view = findings_view(reader, number)
            assert found == {lane: Counter(held.counts) for lane, held in view.lanes.items()}
        assert counted == {lane: single[0][lane] + single[1][lane] for lane in counted}
        assert all(sum(found.values()) for found in single[0].values())


def test_a_reader_that_is_a_rule_costs_no_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "session.json"
    file.write_text(json.dumps(session(12, 3).to_json()))
    monkeypatch.setattr(engine, "_open", lambda config: ScriptedBackend())
    config = RunConfig((file,), ("bm25",), out=tmp_path / "rule.mnemo", reader="newest")
    with TraceReader(engine.run(config, lambda _: None)) as reader:
        (lane,) = costs(reader)
    assert (lane.probes, lane.answers, lane.purposes) == (3, Spent(0, 0, 0), "")
