"""Costs are what counting the trace by hand gives, in one session and over several."""

import json
from pathlib import Path

from tests.support.structures import run_of
from tests.support.traces import write_trace
from workbench.memory.items import Item
from workbench.projections.costs import ANSWER, Spent, costs, stored
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
            assert lane.spent["note"] == Spent(len(calls), sum(c[0] for c in calls), sum(c[1] for c in calls))
            assert lane.writing == lane.spent["note"]
            read, written = sum(a["prompt_tokens"] for a in answers), sum(len(a["tokens"]) for a in answers)
            assert lane.answers == lane.spent[ANSWER] == Spent(len(answers), read, written)
            assert lane.turns == 60
            assert lane.items == sum(e.kind == Kind.WRITTEN for e in events)
            assert 0 < lane.active <= lane.items
            assert lane.size > lane.active
            assert lane.purposes == f"note {len(calls)}"


def test_a_store_counts_texts_fields_and_other_index_texts_in_bytes() -> None:
    assert stored(Item("a", "turn", "Ünï", (0,))) == 5
    assert stored(Item("a", "turn", "abc", (0,), index_text="abc")) == 3
    assert stored(Item("a", "turn", "abc", (0,), index_text="abcd")) == 7
    assert stored(Item("a", "turn", "abc", (0,), {"k": 1})) == 3 + len(json.dumps({"k": 1}, separators=(",", ":")))


def test_findings_are_counted_over_sessions(tmp_path: Path) -> None:
    with TraceReader(run_of(tmp_path, ("full", "a-mem"), 16)) as reader:
        view = findings_view(reader, 1)
        assert {lane: dict(found) for lane, found in finding_counts(reader).items()} == {
            lane: dict(found.counts) for lane, found in view.lanes.items()
        }
        assert finding_counts(reader, 1) == finding_counts(reader)
