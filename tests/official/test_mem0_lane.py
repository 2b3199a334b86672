"""The lane on Mem0's own package; only where ``mem0ai`` is installed (the extra ``official``)."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from workbench import plugins
from workbench.memory.base import MemoryStrategy
from workbench.sessions.model import Turn
from workbench.testing.minds import Lane, Mind, span_texts
from workbench.trace.events import OPERATIONS, Kind

LANE = Path(__file__).resolve().parents[2] / "official" / "mem0_lane.py"
SAID = ("Mira lives in Oslo.", "Tomas likes green tea.", "Noted.", "Mira moved to Lima.")
TURNS = tuple(Turn(n, "user", text, "Mira", f"2025-03-0{n + 1}T10:00") for n, text in enumerate(SAID))


def lane_class() -> type[MemoryStrategy]:
    found: type[MemoryStrategy] = plugins.from_path(f"{LANE}:OfficialMem0", MemoryStrategy)
    return found


def memories(sections: Any) -> dict[str, Any]:
    """What a good model draws from the new message, for the package's own prompt."""
    prompt = "\n".join(line for lines in sections.values() for line in lines)
    said = prompt.split("## New Messages")[1].split("## Observation Date")[0]
    found = [text for text in SAID if text in said and text != "Noted."]
    return {"memory": [{"id": str(n), "text": text} for n, text in enumerate(found)]}


def mind() -> Mind:
    return Mind(answers={"mem0": memories}, budget=20_000)


def test_it_is_loaded_without_the_package_and_says_what_it_cannot_do() -> None:
    cls = lane_class()
    assert (cls.name, cls().parameters()["k"]) == ("official-mem0", 20)
    assert "cannot be branched" in cls.differs


class TestWithThePackage:
    @pytest.fixture(autouse=True)
    def _package(self) -> None:
        if find_spec("mem0") is None:  # not imported here: the lane must be the first, to keep its telemetry off
            pytest.skip("the extra `official` is not installed")

    def test_what_it_stores_becomes_items_with_their_turn_and_call(self) -> None:
        lane = Lane(lane_class()(), mind()).observe(*TURNS)
        stored = lane.state.active("memory")
        assert [(item.text, item.turns) for item in stored] == [(SAID[0], (0,)), (SAID[1], (1,)), (SAID[3], (3,))]
        calls = {e.n for e in lane.events if e.kind == Kind.MODEL_CALLED}
        written = [e for e in lane.events if e.kind == Kind.WRITTEN and e.payload["kind"] == "memory"]
        assert len(calls) == 4 and {e.cause for e in written} <= calls
        assert len(lane.state.active("heard")) == 4

    def test_what_it_finds_becomes_hits_and_spans(self) -> None:
        lane = Lane(lane_class()(), mind()).observe(*TURNS)
        recall = lane.ask("Where does Mira live, in Lima?")
        assert span_texts(recall)[0] == SAID[3]
        assert [hit.rank for hit in recall.hits] == list(range(1, len(recall.hits) + 1))
        assert {hit.item for hit in recall.hits if hit.returned} == {i for s in recall.spans for i in s.items}
        scores = [hit.score for hit in recall.hits if hit.returned]
        assert scores == sorted(scores, reverse=True) and all(hit.parts for hit in recall.hits)

    def test_a_fresh_instance_goes_on_from_any_turn_and_asks_no_model_again(self) -> None:
        kept, fresh = Lane(lane_class()(), mind()), Lane(lane_class(), mind())
        kept.observe(*TURNS)
        fresh.observe(*TURNS)
        operations = [
            [(e.kind, e.subject, e.payload) for e in lane.events if e.kind in OPERATIONS] for lane in (kept, fresh)
        ]
        assert operations[0] == operations[1]
        assert len(fresh.mind.calls) == len(kept.mind.calls) == len(TURNS)
        question = "What does Tomas like?"
        assert span_texts(fresh.ask(question)) == span_texts(kept.ask(question))

    def test_its_prompt_is_its_own_with_the_sessions_date(self) -> None:
        lane = Lane(lane_class()(), mind())
        lane.date = TURNS[0].date
        lane.observe(TURNS[0])
        (call,) = lane.mind.calls
        assert len(call.messages[0].text) > 20_000, "the published prompt, whole"
        assert "## Observation Date\n2025-03-01" in call.messages[1].text

    def test_a_model_whose_context_is_too_short_costs_the_turn_and_not_the_lane(self) -> None:
        short = Mind(answers={"mem0": memories}, budget=1000)
        lane = Lane(lane_class(), short).observe(*TURNS[:2])
        dropped = [e.payload for e in lane.events if e.kind == Kind.DROPPED]
        assert len(dropped) == 2 and all("context length" in d["detail"] for d in dropped)
        assert lane.state.active("memory") == []
