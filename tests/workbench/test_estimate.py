"""What a run will cost: calls as the methods' page has them, tokens that grow with the session."""

from __future__ import annotations

import pytest

from tests.workbench.memory.test_costs import CARDS, TURNS
from workbench.estimate import CALLS, calls, estimate
from workbench.lanes import LaneSpec
from workbench.memory.registry import STRATEGIES
from workbench.sessions.model import Probe, Session, Turn


def session(turns: int, words: int = 20) -> Session:
    said = tuple(Turn(i, "user", "word " * words) for i in range(turns))
    return Session("s", said, (Probe("p", turns - 1, "which word?", ("word",), "accurate_retrieval"),))


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_calls_are_those_of_the_page(name: str) -> None:
    card = CARDS[name]
    found = calls(name)
    assert found is not None
    assert found[0] == pytest.approx(sum(card.write.values()) / TURNS, abs=0.4)
    assert found[1] == sum(card.read.values())


def test_no_method_is_priced_that_is_not_there() -> None:
    assert set(CALLS) <= set(STRATEGIES)


def test_more_turns_and_lanes_cost_more() -> None:
    lanes = [LaneSpec.parse("full"), LaneSpec.parse("mem0")]
    small, large = estimate([session(10)], lanes, full=True), estimate([session(100)], lanes, full=True)
    assert (small.turns, small.probes) == (10, 1)
    assert small.calls == 2 + round(1.5 * 10)
    assert large.tokens > 5 * small.tokens
    assert estimate([session(10)], lanes[:1], full=True).calls == 1
    assert estimate([session(10)], lanes, full=False).prompt < small.prompt


def test_no_prompt_is_longer_than_the_context() -> None:
    assert estimate([session(5_000)], [LaneSpec.parse("full")], full=True, context=2_000).prompt == 2_000


def test_a_method_from_outside_has_unknown_calls() -> None:
    assert calls("my_memory.py:Diary") is None
