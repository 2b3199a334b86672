"""How the table of operations counts what becomes of an answer, on what ``replies.ask`` really writes."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from tests.benchmarks.bench_operations import _fate
from tests.support.minds import Lane, Mind
from workbench.memory.base import Completion
from workbench.memory.prompts import Full, Operation, facts
from workbench.memory.registry import strategy
from workbench.memory.replies import ask
from workbench.trace.events import Event, Kind

SCHEMA = {"type": "object", "properties": {"facts": {"type": "array", "items": {"type": "string"}}}}


class Model(Mind):
    """Ends each call as told: (stop, whole, data)."""

    def __init__(self, *ends: tuple[str, bool, Any]) -> None:
        super().__init__()
        self.ends = list(ends)

    async def run(self, operation: Operation) -> Completion:
        stop, whole, data = self.ends.pop(0)
        payload = {"purpose": operation.purpose, "stop": stop, "error": "" if whole else "cut off"}
        assert self.emit
        event = self.emit(Kind.MODEL_CALLED, "", payload, 0, 0.0)
        return Completion('{"facts": ["a", "b', data, whole, event.n, stop, SCHEMA)


def counted(*ends: tuple[str, bool, Any]) -> dict[str, int]:
    lane = Lane(strategy("full")(), Model(*ends))
    asked = Operation("facts", facts(["x"]).messages, SCHEMA, full=Full("mem0", "facts", {}, SCHEMA))
    asyncio.run(ask(lane.mind, lane.log(), asked))
    losses: dict[int, list[Event]] = {}
    for event in lane.events:
        if event.kind == Kind.DROPPED:
            losses.setdefault(event.cause, []).append(event)
    found: Counter[str] = Counter()
    for event in lane.events:
        if event.kind == Kind.MODEL_CALLED:
            found.update(_fate(event, losses.get(event.n, [])))
    return dict(found)


@pytest.mark.parametrize(
    ("ends", "fate"),
    [
        ([("end", True, {"facts": ["a"]})], {"calls": 1}),
        (
            [("limit", False, None), ("limit", False, {"facts": ["a"]})],
            {"calls": 2, "cut": 2, "asked again": 1, "salvaged": 1},
        ),
        ([("limit", False, None), ("end", True, {"facts": []})], {"calls": 2, "cut": 1, "asked again": 1}),
        ([("repetition", False, {"facts": ["a"]})], {"calls": 1, "looped": 1, "salvaged": 1}),
        ([("repetition", False, None)], {"calls": 1, "looped": 1, "lost": 1}),
        ([("end", True, {"facts": ["a", 7]})], {"calls": 1, "entries dropped": 1}),
        ([("end", True, [1])], {"calls": 1, "lost": 1}),
    ],
)
def test_what_becomes_of_an_answer(ends: list[tuple[str, bool, Any]], fate: dict[str, int]) -> None:
    assert counted(*ends) == fate
