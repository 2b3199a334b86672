"""Each detector finds its fault, and not what only looks like it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tests.support.minds import Lane, Mind
from workbench.memory import detectors
from workbench.memory.detectors import Finding, counts, detect
from workbench.memory.items import MemoryState
from workbench.memory.log import MemoryLog
from workbench.memory.strategies.a_mem import AMem
from workbench.memory.strategies.mem0 import Mem0
from workbench.sessions.model import Turn
from workbench.trace.events import Event, Kind

Story = list[Callable[[MemoryLog], Any]]


def told(*turns: Story, said: Sequence[str] = (), parts: Sequence[int] = (0, 0, 0, 0)) -> list[Finding]:
    """Findings of a lane that does these things, turn by turn, on what Mira said in these sittings."""
    events: list[Event] = []
    state = MemoryState()
    for number, turn in enumerate(turns):

        def emit(kind: str, subject: str, payload: dict[str, Any], cause: int = 0, ms: float = 0.0) -> Event:
            seq = len(events) + 1
            events.append(Event(1, 1, number, seq, kind, subject, cause, payload, ms, seq))  # noqa: B023
            return events[-1]

        log = MemoryLog(emit, state, number)
        for step in turn:
            step(log)
        emit(Kind.TURN_CLOSED, "", {})
    return detect(events, [Turn(n, "user", text, "Mira", part=parts[n]) for n, text in enumerate(said)])


def write(text: str, kind: str = "fact", **fields: Any) -> Callable[[MemoryLog], Any]:
    return lambda log: log.write(text, kind, **fields)


def kinds(found: list[Finding]) -> list[str]:
    return [f.kind for f in found]


def test_a_healthy_lane_has_no_findings() -> None:
    assert told([write("Mira lives in Oslo.")], [write("Tomas likes tea.")]) == []


def test_losses_are_told_apart_and_a_call_is_reported_once() -> None:
    found = told([
        write("x y z"),
        lambda log: log._emit(Kind.MODEL_CALLED, "", {"purpose": "note", "error": "cut off at 8 tokens"}, 0, 0.0),
        lambda log: log.dropped("not in the schema", "again", cause=2),
        lambda log: log.dropped("not in the schema", "another", cause=9),
        lambda log: log.dropped("invented id", "memory 7"),
        lambda log: log.dropped("duplicate", "fact-0"),
    ])  # fmt: skip
    assert kinds(found) == ["invalid output", "invalid output", "invented id", "dropped"]
    assert found[0].text == "note: cut off at 8 tokens" and found[0].seq == 2
    assert counts(found) == {"invalid output": 2, "invented id": 1, "dropped": 1}


def test_a_turn_that_stored_nothing() -> None:
    found = told(
        [write("a b c")], [lambda log: log.access(["fact-0"])], [lambda log: log.update("fact-0", turns=[0, 2])]
    )
    assert [(f.kind, f.turn) for f in found] == [("nothing stored", 1)]


def test_a_stale_vector_and_one_that_was_renewed_in_time() -> None:
    start = [write("Mira lives in Oslo.", index_text="home: Oslo town", context="Oslo town", tags=["home"])]
    stale = [lambda log: log.update("fact-0", context="Lima town", turns=[0, 1])]
    assert [(f.kind, f.item, f.turn) for f in told(start, stale)] == [("stale vector", "fact-0", 1)]
    renewed = [*stale, lambda log: log.update("fact-0", index_text="home: Lima town")]
    assert told(start, renewed) == []
    shared = write("Mira lives in Oslo.", index_text="context: Mira is home", context="Mira is home", tags=["home"])
    assert told([shared], [lambda log: log.update("fact-0", tags=["old"], turns=[0, 1])]) == []
    not_indexed = [lambda log: log.update("fact-0", tags=["moved"], turns=[0, 1])]
    assert told([write("Mira lives in Oslo.", index_text="Mira", tags=["home"])], not_indexed) == []


def test_dead_links() -> None:
    invented = [write("a b c"), lambda log: log.link("fact-0", "fact-9", "strengthen")]
    assert [(f.kind, f.item) for f in told(invented)] == [("dead link", "fact-0")]
    pair = [write("a b c"), write("d e f"), lambda log: log.link("fact-0", "fact-1")]
    died = [lambda log: log.evict("fact-1"), write("g h i")]
    assert [(f.kind, f.turn) for f in told(pair, died)] == [("dead link", 1)]
    undone = [*died, lambda log: log.unlink("fact-0", "fact-1")]
    assert told(pair, undone) == []


def test_two_active_values_for_one_slot() -> None:
    oslo, lima = write("Mira lives in Oslo."), write("Mira lives in Lima.")
    found = told([oslo], [lima])
    assert kinds(found) == ["two values"] and found[0].text == "Mira lives in: Lima, and Oslo in fact-0"
    assert told([oslo], [lima, lambda log: log.supersede("fact-0", "fact-1")]) == []
    assert told([oslo], [write("Mira works in Lima.")]) == []
    assert told([write("Mira: I live in Oslo.", "turn")], [write("Tomas: I live in Lima.", "turn")]) == []
    third = told([oslo], [lima], [write("Mira lives in Rome.")])
    assert [f.text for f in third][1:] == ["Mira lives in: Rome, and Oslo in fact-0, Lima in fact-1"]
    assert told([oslo], [write("Mira lives in Lima.", "note")]) == [], "another kind is another view of it"
    touched = [lambda log: log.update("fact-0", turns=[0, 2])]
    assert kinds(told([oslo], [lima], touched)) == ["two values"], "a pair is found once"


def test_deleted_without_replacement() -> None:
    oslo = write("Mira lives in Oslo.")
    gone = told([oslo], [lambda log: log.delete("fact-0"), write("Tomas likes tea.")])
    assert [(f.kind, f.item) for f in gone] == [("no replacement", "fact-0")]
    assert told([oslo], [lambda log: log.delete("fact-0"), write("Mira lives in Lima.")]) == []
    assert kinds(told([oslo], [lambda log: log.delete("fact-0"), write("Tomas lives in Oslo.")])) == ["no replacement"]


def test_duplicates_and_recalls_that_come_back() -> None:
    oslo = write("Mira lives in Oslo.")
    assert kinds(told([oslo], [write("mira lives in oslo")])) == ["duplicate"]
    assert told([oslo], [write("Mira lives in Oslo.", "note")]) == [], "another kind is another view of it"
    hits = {"hits": [{"item": "fact-0", "returned": True}]}
    recall = lambda log: log._emit(Kind.RECALLED, "p0", hits, 0, 0.0)  # noqa: E731
    called = lambda log: log._emit(Kind.MODEL_CALLED, "", {}, 0, 0.0)  # noqa: E731
    again = lambda log: log.write("Mira lives in Oslo.", "fact", cause=4)  # noqa: E731
    assert kinds(told([oslo, recall], [called, again])) == ["re-ingested"]
    assert kinds(told([oslo, recall], [oslo])) == ["duplicate"], "no model took it for news: it was just said twice"
    ended = [lambda log: log.merge(["fact-0"], "fact-1")]
    assert told([oslo], [oslo, *ended]) == []


def test_names_and_numbers_that_no_turn_said() -> None:
    said = ("I moved to Oslo with 2 cats.", "I met Ines there.")
    drawn = [write("Mira moved to Oslo with 2 cats.", cause=1)]
    assert told(drawn, [write("Mira met Ines.", cause=1)], said=said) == []
    found = told(drawn, [write("Mira met John Doe and 3 cats.", cause=1)], said=said)
    assert [(f.kind, f.item) for f in found] == [("unsupported", "fact-1")]
    assert found[0].text == "john, doe, 3, not in the sitting of turn 1: Mira met John Doe and 3 cats."
    early = [write("Ines met Mira.", cause=1, turns=[0])]
    assert told(drawn, early, said=said) == [], "the sitting says it"
    first = told(drawn, early, said=said, parts=(0, 1))
    assert "unsupported" in kinds(first), "a name that begins a sentence counts where the session knows it as one"
    assert told(drawn, [write("There she met Ines.", cause=1)], said=said) == [], "There is no name"
    merged = [write("Mira moved to Oslo and met Ines.", cause=1, turns=[0, 1])]
    assert told(drawn, merged, said=said) == [], "what is made of two turns may say what either said"
    assert told(drawn, [write("Mira met John.")], said=said) == [], "no model wrote it"
    assert told([write("Mira met John.", cause=1)]) == [], "nobody knows what was said"


def test_days_that_later_mean_another_day() -> None:
    found = told([write("Mira went to Rome yesterday.", cause=1)])
    assert kinds(found) == ["relative day"] and found[0].text.startswith("yesterday: ")
    assert kinds(told([write("Tomas left two weeks ago.", cause=1)])) == ["relative day"]
    assert told([write("Mira: I went to Rome yesterday.", cause=1)]) == [], "kept as it was said"
    assert told([write("Mira went to Rome on 2025-03-01.", cause=1)]) == []


def test_small_talk_that_leaves_nothing_is_no_loss() -> None:
    said = ("Good morning, Mira!", "I adopted two kittens from the shelter in Leeds.", "Ha, how lovely for you!")
    assert [(f.kind, f.turn) for f in told([], [], [], said=said)] == [("nothing stored", 1)]


def test_what_another_said_of_themself() -> None:
    turns = [Turn(0, "user", "I keep bees on a roof.", "Ada"), Turn(1, "user", "Oh, you do?", "Kim")]
    state, events = MemoryState(), []

    def emit(kind: str, subject: str, payload: dict[str, Any], cause: int = 0, ms: float = 0.0) -> Event:
        events.append(Event(1, 1, 0, len(events) + 1, kind, subject, cause, payload, ms, len(events) + 1))
        return events[-1]

    log = MemoryLog(emit, state, 0)
    log.write("Kim keeps bees on a roof.", "fact", cause=1)
    log.write("Ada keeps bees on a roof.", "fact", cause=1)
    assert [(f.kind, f.item, f.text) for f in detect(events, turns)] == [
        ("wrong subject", "fact-0", "Ada said it: Kim keeps bees on a roof.")
    ]


def test_what_is_kept_as_it_was_said_is_no_duplicate() -> None:
    noted = write("assistant: Noted.", "fragment", cause=1)
    assert told([noted], [noted]) == []


def test_real_strategies() -> None:
    update = {"links": [0], "tags": ["x"], "updates": [{"neighbour": 0, "context": "Lima now.", "tags": []}]}
    note = {"keywords": ["Mira"], "context": "Mira lives in Oslo now.", "tags": ["home"]}
    nothing = {"links": [], "tags": [], "updates": []}
    mind = Mind({"note": [note, note | {"context": "Other words here."}], "evolve": [nothing, update]})
    assert detectors.STALE_VECTOR in kinds(detect(Lane(AMem(), mind).tell("I live in Oslo.", "I live in Lima.").events))
    decide = [{"memory": [{"event": "ADD", "id": 0, "text": "Mira lives in Oslo."}]},
              {"memory": [{"event": "DELETE", "id": 0, "text": ""}]}]  # fmt: skip
    lane = Lane(Mem0(), Mind({"decide": decide})).tell("Mira lives in Oslo.", "Mira lives in Lima.")
    assert detectors.NO_REPLACEMENT in kinds(detect(lane.events))


def test_every_kind_says_what_it_means() -> None:
    assert all(meaning[0].isupper() for meaning in detectors.KINDS.values()) and len(detectors.KINDS) == 13


def test_of_a_whole_book_as_one_item_the_beginning_is_looked_at() -> None:
    filler = "we talked about it " * 300
    said = ["Mira lives in Oslo, and we talked about it."] * 2

    def found(text: str) -> list[str]:
        change = lambda log: log.update("fact-0", text=text, reason="rewritten", cause=1)  # noqa: E731
        return kinds(told([write("Mira lives in Oslo.", cause=1)], [change], said=said))

    assert detectors.UNSUPPORTED in found(f"Mira lives in Lisbon, and {filler}")
    assert detectors.UNSUPPORTED not in found(f"Mira lives in Oslo, and {filler} Lisbon")
    assert detectors.UNSUPPORTED in kinds(told([write(f"Mira lives in Lisbon, and {filler}", cause=1)], said=said))
    assert detectors.UNSUPPORTED not in kinds(
        told([write(f"Mira lives in Oslo, and {filler} Lisbon", cause=1)], said=said)
    )
