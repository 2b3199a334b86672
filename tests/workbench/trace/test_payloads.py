"""What the payload of an event must look like: said with its place, and no stricter than the views are."""

from typing import Any

import pytest

from workbench.trace.events import Event, Kind
from workbench.trace.payloads import ARRAYS, arrays_of, wrong

CLOSED = {"calls": 1, "tokens": [40, 12], "items": 3}
HIT = {"item": "a", "rank": 1, "score": 0.5, "returned": True, "turns": [0]}
RECALLED = {"query": "who?", "k": 5, "hits": [HIT]}


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (Kind.TURN_CLOSED, CLOSED),
        (Kind.TURN_CLOSED, CLOSED | {"embedded": 0, "of a newer program": None}),
        (Kind.RECALLED, RECALLED | {"hits": [HIT, HIT | {"parts": {"cosine": 0.5}, "text": "x"}]}),
        (Kind.LINKED, {"to": "b"}),
        (Kind.UPDATED, {"changes": {"text": ["old", "new"], "weight": [1, None]}}),
        ("of a newer program", {}),
        (Kind.DELETED, {}),
    ],
)
def test_what_is_as_it_should_be(kind: str, payload: Any) -> None:
    assert wrong(kind, payload) == ""


@pytest.mark.parametrize(
    ("kind", "payload", "said"),
    [
        (Kind.TURN_CLOSED, [], "the payload is no JSON object"),
        ("of a newer program", None, "the payload is no JSON object"),
        (Kind.TURN_CLOSED, CLOSED | {"calls": "1"}, "calls: Input should be a valid integer"),
        (Kind.TURN_CLOSED, CLOSED | {"calls": True, "items": "x"}, "calls: Input should be a valid integer"),
        (
            Kind.TURN_CLOSED,
            CLOSED | {"tokens": [40]},
            "tokens: List should have at least 2 items after validation, not 1",
        ),
        (Kind.TURN_CLOSED, CLOSED | {"tokens": [1, 2, 3]}, "tokens: List should have at most 2 items after validation"),
        (
            Kind.RECALLED,
            RECALLED | {"hits": [HIT, HIT | {"turns": [0, "1"]}]},
            "hits.1.turns.1: Input should be a valid",
        ),
        (Kind.RECALLED, {"query": "who?", "k": 5}, "hits: Field required"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(kind: str, payload: Any, said: str) -> None:
    assert wrong(kind, payload).startswith(said)


def test_the_arrays_that_an_event_names() -> None:
    def named(kind: str, payload: dict[str, Any]) -> dict[str, str]:
        return arrays_of(Event(1, 1, 0, 1, kind, payload=payload))

    assert named(Kind.CAPTURED, {"blob": "a1"}) == {"weights": "a1"}
    for kind in (Kind.SUMMED, Kind.COMPRESSED):
        assert named(kind, {"blobs": {"ids": "a1", "merged": None}}) == {"ids": "a1"}
    assert named(Kind.WRITTEN, {"blobs": {"ids": "a1"}, "blob": "a1"}) == {}
    assert set(ARRAYS) == {Kind.CAPTURED, Kind.SUMMED, Kind.COMPRESSED}
