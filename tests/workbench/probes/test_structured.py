"""Answers with a structure: times, and the checks of a long answer in its parts."""

from typing import Any

import pytest

from workbench.probes.memoryagentbench import em, substring_em
from workbench.probes.structured import checked, checks, interval
from workbench.sessions.model import Probe


def probe(*gold: str, **extra: Any) -> Probe:
    return Probe("p", 0, "When?", gold, "accurate_retrieval", extra=extra)


INTERVALS = [
    (("10 to 20",), "from 10 to 20", True, 1.0, "10 to 20"),
    (("0 to 9",), "from 5 to 14", False, 0.5, "5 to 14"),  # 5 of 15 seconds reach two of four thresholds
    (("0 to 9", "5 to 14"), "from 5 to 14", True, 1.0, "5 to 14"),  # the better gold counts
    (("10 to 20",), "I cannot say", False, 0.0, ""),
    (("early",), "from 5 to 14", False, 0.0, "5 to 14"),
    (("7",), "at 7", True, 1.0, "7 to 7"),
    (("7",), "at 9", False, 0.0, "9 to 9"),
]


@pytest.mark.parametrize(("golds", "answer", "right", "share", "shown"), INTERVALS)
def test_times_overlap_with_the_best_gold(
    golds: tuple[str, ...], answer: str, right: bool, share: float, shown: str
) -> None:
    found = interval(probe(*golds), answer)
    assert (found.correct, found.extracted) == (right, shown)
    assert found.score == pytest.approx(share)


CHECKS = [
    {"part": "Week 1", "says": "tea", "kind": "once"},
    {"part": "Week 2", "says": "jam", "kind": "once"},
    {"part": "Week 3", "says": "oil", "kind": "once"},
    {"part": "Week 2", "says": "salt", "kind": "range"},
    "no check",
]


def test_checks_are_counted_by_their_kind_and_by_whether_their_part_is_there() -> None:
    asked = probe("x", parts=["Week 1", "Week 2", "Week 3"], checks=CHECKS)
    answer = "Week 1: bread and tea\nWeek 2: salt"
    found = checked(asked, answer)
    assert found.complete == pytest.approx(2 / 3)
    assert found.of == {"once": 3, "range": 1}
    assert found.present == {"once": 2, "range": 1}
    assert found.met == {"once": 1, "range": 1}
    assert checks(asked, answer).score == 0.5 and not checks(asked, answer).correct
    assert checks(asked, answer + " and jam\nWeek 3: oil").correct


def test_a_check_that_names_nothing_is_met_by_nothing() -> None:
    wanted = [{"part": "Week 1"}, {"says": "tea"}, {"part": "Week 1", "says": "tea"}]
    found = checked(probe("x", parts=["Week 1", "None"], checks=wanted), "Week 1: None of the tea\nNone: tea")
    assert (found.complete, found.of, found.present, found.met) == (1.0, {"": 3}, {"": 2}, {"": 1})


@pytest.mark.parametrize("where", ["probe", "session", "nowhere"])
def test_in_context_learning_is_judged_by_what_follows_answer_alone(where: str) -> None:
    """The kind of the question is the probe's or the session's; elsewhere the raw output counts, too."""
    own = {"source": "icl_banking"} if where == "probe" else {}
    shared = {"source": "icl_banking"} if where == "session" else {}
    asked = probe("maybe 3", **own)
    said = "maybe 3\nAnswer: 7"
    assert substring_em(asked, said, shared) == float(where == "nowhere")
    assert em(probe("7", **own), said, shared) == 1.0
