"""Answers of another system, scored like a run's."""

import json
from pathlib import Path
from typing import Any

import pytest

from workbench import cli
from workbench.errors import MnemoscopeError
from workbench.grading import Answer, grade, read_answers
from workbench.sessions import Probe, Session, Turn, tasks

Capture = pytest.CaptureFixture[str]


def session(name: str, *golds: str) -> Session:
    fields = tasks.locomo(4)
    probes = tuple(
        Probe(f"q{n}", 0, f"What is {name} {n}?", (gold,), "accurate_retrieval", (0,), extra={"category": 4}, **fields)
        for n, gold in enumerate(golds, 1)
    )
    return Session(name, (Turn(0, "user", "Hello."),), probes, "locomo")


def answers(*rows: tuple[str, str] | tuple[str, str, str]) -> list[Answer]:
    return [Answer(row[0], row[2] if len(row) > 2 else "", row[1], n) for n, row in enumerate(rows, 1)]


def test_answers_are_scored_by_every_scorer_of_their_probe() -> None:
    found = grade([session("a", "Oslo", "a red kayak")], answers(("q1", "in Oslo"), ("q2", "kayak")))
    assert [g.scores for g in found.graded] == [
        {"accuracy": 1.0, "locomo-f1": pytest.approx(2 / 3)},
        {"accuracy": 1.0, "locomo-f1": pytest.approx(2 / 3)},
    ]
    assert found.standing().papers["LoCoMo"][0].mean == pytest.approx(2 / 3)


def test_probes_without_an_answer_are_told_and_not_counted() -> None:
    found = grade([session("a", "Oslo", "Lima")], answers(("q1", "Oslo"), ("q9", "x")))
    assert (found.unanswered, found.unknown, len(found.graded)) == (("q2",), ("q9",), 1)


def test_an_id_of_several_sessions_must_say_of_which() -> None:
    sessions = [session("a", "Oslo"), session("b", "Lima")]
    with pytest.raises(MnemoscopeError, match=r"line 1: 'q1' is a probe of several sessions \(a, b\)"):
        grade(sessions, answers(("q1", "Oslo")))
    said = answers(("q1", "Oslo", "a"), ("b/q1", "Oslo"))
    found = grade(sessions, said)
    assert [(g.session.name, g.scores["accuracy"]) for g in found.graded] == [("a", 1.0), ("b", 0.0)]
    asked = grade(sessions, answers(("what is B 1", "Lima")))
    assert [(g.session.name, g.scores["accuracy"]) for g in asked.graded] == [("b", 1.0)]
    assert asked.unanswered == ("a/q1",)


def test_nothing_that_fits_is_an_error_that_names_the_ids() -> None:
    with pytest.raises(MnemoscopeError, match=r"no answer belongs to a probe: .*'p7', the probes are called q1"):
        grade([session("a", "Oslo")], answers(("p7", "x")))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"id": "q1"', "line 1 is no JSON"),
        ('{"id": "q1", "answer": "x"}\n7', "line 2 is no object"),
        ('{"answer": "x"}', "line 1: id is missing"),
        ('{"id": "q1", "answer": ["x"]}', "line 1: answer is missing or no text"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "x.jsonl").write_text(text)
    with pytest.raises(MnemoscopeError, match=said):
        read_answers(tmp_path / "x.jsonl")


def test_what_may_stand_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('\ufeff{"id": 1, "answer": 3}\n\n{"question": "Who?", "prediction": null, "session": "a"}\n')
    assert read_answers(path) == [Answer("1", "", "3", 1), Answer("Who?", "a", "", 3)]


def call(capsys: Capture, *arguments: object) -> tuple[int, str, str]:
    code = cli.main([str(a) for a in arguments])
    out = capsys.readouterr()
    return code, out.out, out.err


def test_the_command_has_the_stable_shape(tmp_path: Path, capsys: Capture) -> None:
    file, said = tmp_path / "s.json", tmp_path / "answers.jsonl"
    file.write_text(json.dumps(session("a", "Oslo", "Lima").to_json()))
    said.write_text('{"id": "q1", "answer": "Oslo"}\n')
    code, out, err = call(capsys, "grade", file, "--answers", said, "--json")
    data: dict[str, Any] = json.loads(out)
    assert code == 0
    assert data["session"] == "a"
    assert data["scores"]["locomo-f1"].keys() >= {"n", "mean", "ci95", "by"}
    assert data["scores"]["locomo-f1"]["by"] == {"4": {"n": 1, "mean": 1.0}}
    assert data["probes"] == [{"id": "q1", "scores": {"accuracy": 1.0, "locomo-f1": 1.0}}]
    assert (data["unanswered"], data["unknown"]) == (["q2"], [])
    assert "1 probe: no answer; not counted: q2" in err
    code, out, _ = call(capsys, "grade", file, "--answers", said)
    assert code == 0
    assert "LoCoMo: locomo-f1" in out
    assert "not scored: locomo-judge" in out
    assert call(capsys, "grade", file, "--answers", said, "--session", "b")[0] == 2


def test_errata_are_off_and_say_so_when_they_are_on(tmp_path: Path, capsys: Capture) -> None:
    file, said, known = tmp_path / "s.json", tmp_path / "answers.jsonl", tmp_path / "wrong.jsonl"
    file.write_text(json.dumps(session("a", "Oslo", "Lima").to_json()))
    said.write_text('{"id": "q1", "answer": "Oslo"}\n{"id": "q2", "answer": "Quito"}\n')
    known.write_text('{"question": "What is a 2?", "gold": "Quito"}\n')
    grading = ("grade", file, "--answers", said)
    _, plain, _ = call(capsys, *grading, "--json")
    assert json.loads(plain)["scores"]["locomo-f1"]["mean"] == 0.5
    assert "errata" not in json.loads(plain)
    _, out, _ = call(capsys, *grading, "--errata", known)
    assert "errata wrong.jsonl: 1 question(s) known to be wrong: left out" in out
    _, out, _ = call(capsys, *grading, "--errata", known, "--correct", "--json")
    data = json.loads(out)
    assert data["errata"] == {"file": "wrong.jsonl", "known": 1, "corrected": True}
    assert (data["scores"]["locomo-f1"]["n"], data["scores"]["locomo-f1"]["mean"]) == (2, 1.0)
    assert "scored with its golds" in call(capsys, *grading, "--errata", known, "--correct")[1]


def test_answers_to_a_foreign_table_are_graded_by_its_mapped_columns(tmp_path: Path, capsys: Capture) -> None:
    table, said = tmp_path / "boats.csv", tmp_path / "answers.jsonl"
    table.write_text("nr,q,a/b,c\n7,Where is it?,At pier 9,It lies at pier 9.\n8,Which colour?,blue,It is blue.\n")
    said.write_text('{"id": "7", "answer": "At pier 9."}\n{"id": "8", "answer": "green"}\n')
    columns = "id=nr,question=q,answers=a/b,context=c,session==one"
    code, out, err = call(capsys, "grade", table, "--map", columns, "--answers", said, "--json")
    data: dict[str, Any] = json.loads(out)
    assert (code, err) == (0, "")
    assert data["session"] == "one"
    assert [(p["id"], p["scores"]["accuracy"]) for p in data["probes"]] == [("7", 1.0), ("8", 0.0)]
    kept = tmp_path / "columns.json"
    kept.write_text(json.dumps(dict(pair.split("=", 1) for pair in columns.split(","))))
    assert json.loads(call(capsys, "grade", table, "--map", kept, "--answers", said, "--json")[1]) == data
    code, out, err = call(capsys, "grade", table, "--map", "question=nothing,context=c", "--answers", said)
    assert (code, out) == (1, "")
    assert "nothing" in err and len(err.strip().splitlines()) == 1
    code, out, err = call(capsys, "grade", table, "--answers", said)
    assert code == 1, "without the columns it is no session"
