"""LongMemEval files: the real ones whole, and what is odd about rows."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from workbench.errors import SessionFormatError
from workbench.sessions import Session, formats


def test_the_real_oracle_file(shared_data: Path) -> None:
    sessions = formats.read(shared_data / "longmemeval_oracle" / "longmemeval_oracle_250.json")
    assert (len(sessions), sum(len(s.turns) for s in sessions)) == (250, 5476)
    probes = [s.probes[0] for s in sessions]
    assert Counter(p.competency for p in probes) == {
        "long_range_understanding": 127,
        "accurate_retrieval": 72,
        "conflict_resolution": 37,
        "abstention": 14,
    }
    assert sum(bool(p.evidence) for p in probes) == 239
    assert all(p.abstain == p.id.endswith("_abs") for p in probes)
    for session in sessions:
        assert [t.date for t in session.turns] == sorted(t.date for t in session.turns)
        assert all(e < len(session.turns) for e in session.probes[0].evidence)


def test_no_strategy_can_see_which_sitting_holds_the_answer(shared_data: Path) -> None:
    (session, *_) = formats.read(shared_data / "longmemeval_s_sample" / "longmemeval_s_sample14.json")
    assert any("answer" in t.source for t in session.turns)
    assert not any("answer_" in str(t.neutral()) for t in session.turns)


def row(**values: Any) -> dict[str, Any]:
    said = [
        {"role": "user", "content": "I waited a year.", "has_answer": True},
        {"role": "assistant", "content": "I see."},
    ]
    chat = [{"role": "user", "content": "Hello", "has_answer": True}]
    return {
        "question_id": "q7",
        "question_type": "temporal-reasoning",
        "question": "How long?",
        "answer": 12,
        "question_date": "2023/06/01 (Thu) 10:00",
        "haystack_dates": ["2023/05/21 (Sun) 19:50", "2023/05/20 (Sat) 08:00"],
        "haystack_session_ids": ["answer_1", "chat_2"],
        "haystack_sessions": [said, chat],
        "answer_session_ids": ["answer_1"],
    } | values


def read(folder: Path, data: Any) -> list[Session]:
    path = folder / "rows.json"
    path.write_text(json.dumps(data))
    return formats.read(path)


def test_sittings_are_put_in_order_and_evidence_follows_them(tmp_path: Path) -> None:
    (session,) = read(tmp_path, [row()])
    assert [t.text for t in session.turns] == ["Hello", "I waited a year.", "I see."]
    assert [(t.part, t.date) for t in session.turns][:2] == [(0, "2023-05-20T08:00"), (1, "2023-05-21T19:50")]
    (probe,) = session.probes
    assert (probe.id, probe.after, probe.gold, probe.evidence, probe.scorer) == ("q7", 2, ("12",), (1,), "match")
    assert probe.extra == {"type": "temporal-reasoning", "date": "2023/06/01 (Thu) 10:00", "answer": 12}


@pytest.mark.parametrize(
    ("answer", "gold", "scorer"),
    [
        ("30 days. 31 days (including the last day) is also acceptable.", ("30 days", "31 days"), "match"),
        ("The user would prefer a lens made by Sony.", ("The user would prefer a lens made by Sony.",), "f1"),
    ],
)
def test_answers_of_every_kind(tmp_path: Path, answer: str, gold: tuple[str, ...], scorer: str) -> None:
    (session,) = read(tmp_path, row(answer=answer))
    assert (session.probes[0].gold, session.probes[0].scorer) == (gold, scorer)


def test_what_is_missing_is_a_warning_where_it_can_be(tmp_path: Path) -> None:
    (session,) = read(tmp_path, row(haystack_dates=["soon"]))
    assert [t.text for t in session.turns][:1] == ["I waited a year."]
    assert session.warnings == (
        "[0].haystack_dates[0]: 'soon' is no date",
        "[0].haystack_dates[1]: None is no date",
    )


def test_iso_dates_and_weekdays(tmp_path: Path) -> None:
    dates = ["2023-05-22T10:00:00", "2023-05-20T02:21:00"]
    (session,) = read(tmp_path, [row(haystack_dates=dates)])
    assert [t.date for t in session.turns] == ["2023-05-20T02:21:00", "2023-05-22T10:00:00", "2023-05-22T10:00:00"]
    assert session.probes[0].asked == "2023-06-01T10:00"
    (session,) = read(tmp_path, [row()])
    assert [t.weekday for t in session.turns] == ["Saturday", "Sunday", "Sunday"]


def test_several_questions_about_one_haystack(tmp_path: Path) -> None:
    many = {
        "question": ["How long?", "What?", "Who?"],
        "question_id": ["a", "b", "c"],
        "question_type": ["multi-session", "single_hop", "riddle"],
        "question_date": ["2023/06/01 (Thu) 10:00", "2023/06/02 (Fri) 10:00", None],
        "answer": ["a year", ["x", ["y"]], None],
        "answer_session_ids": ["answer_1", "chat_2", "answer_1"],
    }
    (session,) = read(tmp_path, [row(**many)])
    assert [(p.id, p.gold, p.evidence, p.asked) for p in session.probes] == [
        ("a", ("a year",), (1,), "2023-06-01T10:00"),
        ("b", ("x", "y"), (0,), "2023-06-02T10:00"),
    ]
    assert session.warnings == (
        "[0].question_type: unknown type 'riddle'; counted as single-session-user",
        "[0].answer: missing; the question 'c' is left out",
    )


def test_marks_count_everywhere_when_no_sitting_is_named(tmp_path: Path) -> None:
    (session,) = read(tmp_path, [row(answer_session_ids=None)])
    assert session.probes[0].evidence == (0, 1)


def test_a_bad_message_or_sitting_costs_itself(tmp_path: Path) -> None:
    sittings = [[{"role": "user"}, {"role": "user", "content": "Hi"}, 3], {}, [{"role": "user", "content": 4}]]
    (session,) = read(tmp_path, [row(haystack_sessions=sittings, haystack_dates=["2023-05-20"] * 3)])
    assert [t.text for t in session.turns] == ["Hi"]
    assert session.warnings[:4] == (
        "[0].haystack_sessions[0][0].content: must be a string, is null or missing; left out",
        "[0].haystack_sessions[0][2]: must be an object, is a number; left out",
        "[0].haystack_sessions[1]: must be an array, is an object; left out",
        "[0].haystack_sessions[2][0].content: must be a string, is a number; left out",
    )


def test_a_question_that_cannot_be_read_costs_itself(tmp_path: Path) -> None:
    (session,) = read(tmp_path, [row(question=3)])
    assert (len(session.turns), session.probes) == (3, ())
    assert session.warnings == ("[0].question: must be a string, is a number; left out",)


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"haystack_sessions": [[{"role": "user"}]]}, r"\[0\]\.haystack_sessions\[0\]\[0\]\.content: must be a string"),
    ({"haystack_sessions": [{}]}, r"\[0\]\.haystack_sessions\[0\]: must be an array, is an object"),
    ({"haystack_sessions": []}, r"\[0\]: no turns"),
]


@pytest.mark.parametrize(("values", "message"), MISTAKES)
def test_a_mistake_names_its_place(tmp_path: Path, values: dict[str, Any], message: str) -> None:
    with pytest.raises(SessionFormatError, match=rf"rows\.json: {message}"):
        read(tmp_path, row(**values))
