"""The conformance matrix: what holds for every memory strategy, as tests that anybody runs on their own.

In a test file::

    from my_memory import Diary
    from workbench.testing import MemoryMatrix

    class TestDiary(MemoryMatrix):
        strategy = Diary

or without a file: ``pytest -p workbench.testing --memory my_memory.py:Diary --pyargs workbench.testing.run``.
"""

from __future__ import annotations

import asyncio
from dataclasses import MISSING, fields, replace
from typing import Any, ClassVar

import pytest

from workbench.memory.base import MemoryStrategy, Recall
from workbench.memory.items import EVICTED, MemoryState
from workbench.memory.registry import strategy
from workbench.sessions.model import Turn
from workbench.testing.minds import BROKEN, Lane, Mind, has_ids, span_texts
from workbench.trace.events import OPERATIONS, Event, Kind

SAID = (
    ("Mira", "Mira lives in Oslo."),
    ("assistant", "Noted."),
    ("Tomas", "Tomas likes green tea."),
    ("Mira", "Mira has a cat named Pixel."),
    ("assistant", "That sounds nice, thank you!"),
    ("Tomas", "Tomas works in the old library."),
    ("Mira", "Mira lives in Lima."),
    ("assistant", "Noted."),
    ("Tomas", "Tomas likes black coffee."),
    ("Mira", "Mira plays the cello."),
)
TURNS = tuple(
    Turn(n, "assistant" if who == "assistant" else "user", text, who, f"2025-03-{1 + n:02d}T10:00", n // 5)
    for n, (who, text) in enumerate(SAID)
)
QUESTION = "Where does Tomas work?"
ODD = (
    "",
    "  \n ",
    "x" * 3000,
    "🧠 Ünïcode — 記憶、東京。",
    "Zoë läuft nach 東京。 " * 300,
    "Mira lives in Oslo.\nReally.",
)


def sound(lane: Lane, recall: Recall) -> None:
    """What holds for every recall."""
    for hit in recall.hits:
        assert hit.item in lane.state
    assert [h.rank for h in recall.hits] == list(range(1, len(recall.hits) + 1))
    assert len({h.item for h in recall.hits}) == len(recall.hits)
    shown = {i for s in recall.spans for i in s.items}
    assert {h.item for h in recall.hits if h.returned} <= shown
    for span in recall.spans:
        assert span.text and span.items and span.turns
        assert all(item in lane.state for item in span.items)


class MemoryMatrix:
    """What every strategy must hold to; derive from it and name the strategy.

    Attributes:
        strategy: a class, a registered name or ``path/to/file.py:Class``.
    """

    strategy: ClassVar[Any]

    @pytest.fixture
    def memory(self) -> type[MemoryStrategy]:
        """The class under test."""
        given = self.strategy
        return strategy(given) if isinstance(given, str) else given

    @staticmethod
    def make(memory: type[MemoryStrategy]) -> MemoryStrategy:
        """A fresh instance with its defaults."""
        return memory()

    def test_says_what_it_is(self, memory: type[MemoryStrategy]) -> None:
        """Name, title, paper, and what differs where it is not faithful; every parameter has a default."""
        assert memory.name and memory.title and memory.paper and memory.__doc__
        assert bool(memory.differs) == (memory.fidelity not in ("faithful", "baseline")), "below faithful it says why"
        assert all(f.default is not MISSING or f.default_factory is not MISSING for f in fields(memory))

    def test_every_item_names_its_turns_and_the_fold_is_the_state(self, memory: type[MemoryStrategy]) -> None:
        """No item without its turns; what the events add up to is all there is."""
        lane = Lane(self.make(memory)).observe(*TURNS)
        assert len(lane.state) > 0
        for item in lane.state.items.values():
            assert item.turns and all(0 <= t < len(TURNS) for t in item.turns), item
        sound(lane, lane.ask(QUESTION))
        assert MemoryState(lane.events) == lane.state

    def test_what_was_said_comes_back(self, memory: type[MemoryStrategy]) -> None:
        """A plain question about a plain fact brings the fact and its turn."""
        lane = Lane(self.make(memory)).observe(*TURNS)
        recall = lane.ask(QUESTION)
        assert "library" in " ".join(span_texts(recall))
        assert 5 in {t for s in recall.spans for t in s.turns}

    def test_a_fresh_instance_goes_on_from_any_turn(self, memory: type[MemoryStrategy]) -> None:
        """No hidden state: a fresh instance on the fold does what the old one did, event by event."""

        def step(lane: Lane, turn: Turn) -> int:
            lane.observe(turn)
            if turn.index % 3 == 1:  # a question in the middle leaves its traces too: visits, links, working memory
                lane.ask(QUESTION)
            return len(lane.events)

        straight = Lane(self.make(memory))
        marks = [step(straight, turn) for turn in TURNS]
        straight.ask(QUESTION)
        for turn, before in zip(TURNS, [0, *marks], strict=False):
            branch = Lane(self.make(memory), events=straight.events[:before])
            step(branch, turn)
            assert branch.events[before:] == straight.events[before : marks[turn.index]], f"turn {turn.index}"
        last = Lane(self.make(memory), events=straight.events[: marks[-1]], turn=TURNS[-1].index, date=TURNS[-1].date)
        last.ask(QUESTION)
        assert last.events == straight.events

    def test_a_question_leaves_the_memory_as_it_was(self, memory: type[MemoryStrategy]) -> None:
        """Asking writes, changes and loses nothing; that something was retrieved may be counted."""
        lane = Lane(self.make(memory)).observe(*TURNS)
        items, links = {i.id: replace(i, accessed=0) for i in lane.state.items.values()}, dict(lane.state.links)
        lane.ask(QUESTION)
        assert {i.id: replace(i, accessed=0) for i in lane.state.items.values()} == items
        assert lane.state.links == links

    def test_the_same_again(self, memory: type[MemoryStrategy]) -> None:
        """The same twice: no wall clock, no randomness but from the seed."""
        first, second = (Lane(self.make(memory)).observe(*TURNS) for _ in range(2))
        assert first.ask(QUESTION) == second.ask(QUESTION)
        assert first.events == second.events

    @pytest.mark.parametrize("how", BROKEN)
    def test_a_bad_answer_is_on_record_and_loses_nothing(self, memory: type[MemoryStrategy], how: str) -> None:
        """Whatever a model answers, what is stored stays, and the loss is said."""
        good = Lane(self.make(memory)).observe(*TURNS[:6])
        known = {i.id: i.text for i in good.state.active()}
        bad = Lane(self.make(memory), Mind(broken=how), events=list(good.events)).observe(*TURNS[6:])
        sound(bad, bad.ask(QUESTION))
        spoiled = [c for c in bad.mind.calls if c.schema and (how != "invented ids" or has_ids(c.schema))]
        if spoiled and how != "empty":
            assert bad.losses(), "a bad answer must be on record"
        for item, text in known.items():
            after = bad.state[item]
            assert after.active or after.status == EVICTED or how in ("invented ids", "empty"), (item, after)
            if how not in ("invented ids", "empty"):
                assert not after.active or text in after.text or after.kind in ("buffer",), (text, after.text)

    def test_nothing_is_remembered_before_anything_was_said(self, memory: type[MemoryStrategy]) -> None:
        """A question before the first turn, and an empty one."""
        lane = Lane(self.make(memory))
        recall = lane.ask(QUESTION)
        assert recall.hits == () and all(s.text for s in recall.spans)
        lane.ask("")

    def test_odd_turns(self, memory: type[MemoryStrategy]) -> None:
        """Nothing, white space, one endless word, other scripts, more than fits."""
        lane = Lane(self.make(memory), Mind(budget=400)).tell(*ODD)
        sound(lane, lane.ask("Where does Mira live?"))
        sound(lane, lane.ask(""))
        sound(lane, lane.ask("記憶 " * 200))
        assert MemoryState(lane.events) == lane.state

    def test_cancelled_in_the_middle(self, memory: type[MemoryStrategy]) -> None:
        """A turn that was cancelled at any await can be taken in again."""
        before = Lane(self.make(memory)).observe(*TURNS[:6])
        whole = Lane(self.make(memory), events=list(before.events)).observe(TURNS[6])
        whole_asked = whole.ask(QUESTION)
        for call in range(1, 50):
            lane = Lane(self.make(memory), Mind(cancel_at=call), events=list(before.events))
            lane.turn, lane.date = TURNS[6].index, TURNS[6].date
            try:
                asyncio.run(lane.instance().observe(TURNS[6].neutral(), lane.mind, lane.log()))
                lane.ask(QUESTION)
            except asyncio.CancelledError:
                again = Lane(lane.strategy, events=list(before.events)).observe(TURNS[6])
                assert again.ask(QUESTION) == whole_asked and again.events == whole.events
            else:
                return
        pytest.fail("more than 50 calls in one turn")

    def test_operations_name_what_caused_them(self, memory: type[MemoryStrategy]) -> None:
        """What a model brought about names the call."""
        lane = Lane(self.make(memory)).observe(*TURNS)
        calls: dict[int, Event] = {e.n: e for e in lane.events if e.kind == Kind.MODEL_CALLED}
        assert all(e.cause in calls for e in lane.events if e.cause and e.kind in OPERATIONS)
        if calls and any(e.kind == Kind.WRITTEN for e in lane.events):
            assert any(e.cause for e in lane.events if e.kind in OPERATIONS), "operations of a model name its call"
