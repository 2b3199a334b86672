from tests.support.traces import session
from workbench.projections.asked import due, in_question
from workbench.sessions.model import Probe, Session


def _asked(*after: int) -> Session:
    probes = tuple(Probe(f"p{i}", turn, "Where?", ("Oslo",), "accurate_retrieval") for i, turn in enumerate(after))
    return Session("asked", session(8, 1).turns, probes)


def test_the_first_of_the_probes_asked_last_is_in_question() -> None:
    found = _asked(5, 2, 5, 2)
    assert due(found, 1) == ()
    assert in_question(found, 1) is None
    assert [p.id for p in due(found, 4)] == ["p1", "p3"]
    assert [p.id for p in due(found, 7)] == ["p0", "p2"]
    assert in_question(found, 7) == found.probes[0]


def test_a_selected_probe_is_in_question_while_it_is_due_and_a_pinned_one_always() -> None:
    found = _asked(5, 2, 5, 2)
    assert in_question(found, 7, "p2") == found.probes[2]
    assert in_question(found, 7, "p1") == found.probes[0]
    assert in_question(found, 7, "p1", pinned=True) == found.probes[1]
    assert in_question(found, 0, "p2", pinned=True) == found.probes[2]
    assert in_question(found, 3, "unknown", pinned=True) == found.probes[1]


def test_probes_that_are_recorded_later_are_seen() -> None:
    short = _asked(2)
    assert [p.id for p in due(short, 7)] == ["p0"]
    assert [p.id for p in due(_asked(2, 6), 7)] == ["p1"]
