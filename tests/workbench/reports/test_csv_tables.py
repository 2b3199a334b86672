"""A run as CSV: the same figures as ``score``, comparisons, judges, probes, costs, losses and pictures."""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.benchmark import benchmark_run
from workbench import cli
from workbench.reports.csv_tables import Table, run_tables
from workbench.trace.events import Event, Kind
from workbench.trace.reader import TraceReader
from workbench.trace.writer import TraceWriter


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = benchmark_run(tmp_path / "run.mnemo", each=3, sessions=2)
    with TraceWriter(found) as writer:
        verdict = {"name": "locomo-judge", "judge": "small", "value": 1.0, "verdict": "yes", "reason": "same"}
        tested = {
            "name": "locomo-judge",
            "judge": "small",
            "accepted": 9,
            "wrong": 71,
            "right_accepted": 20,
            "right": 24,
        }
        writer.append([Event(1, 1, 0, 1000, Kind.JUDGED, "q0", payload=verdict)])
        writer.append([Event(0, 0, 0, 1001, Kind.JUDGE_TESTED, "", payload=tested)])
    return found


@pytest.fixture
def tables(path: Path) -> Iterator[dict[str, list[dict[str, str]]]]:
    with TraceReader(path) as reader:
        texts = {table.name: table.csv() for table in run_tables(reader)}
    yield {name: list(csv.DictReader(io.StringIO(text))) for name, text in texts.items()}


def test_errata_go_through_every_export_and_every_one_says_so(path: Path, tmp_path: Path, capsys: Any) -> None:
    known = tmp_path / "wrong.jsonl"
    known.write_text('{"question": "Which one, 3?"}\n', "utf-8")
    said = "errata wrong.jsonl: 1 question(s) known to be wrong: left out"
    with_errata = ("--errata", str(known))
    assert cli.main(["score", str(path), "--json", *with_errata]) == 0
    wanted = {i["lane"]: i["overall"] for i in json.loads(capsys.readouterr().out)["lanes"]}
    folder = tmp_path / "tables"
    assert cli.main(["export", str(path), "--csv", str(folder), *with_errata]) == 0
    assert said in capsys.readouterr().out
    found = {f.stem: list(csv.DictReader(io.StringIO(f.read_text("utf-8")))) for f in folder.iterdir()}
    assert found["errata"] == [{"file": "wrong.jsonl", "questions known to be wrong": "1", "corrected": "no"}]
    assert Counter(row["known to be wrong"] for row in found["probes"]) == {"no": 108, "yes": 12}
    for row in found["scores"]:
        if row["sessions"] == "all" and row["score"] == "accuracy" and row["whose"] == "ours" and not row["column"]:
            assert float(row["mean"]) == pytest.approx(wanted[row["lane"]]["accuracy"], abs=1e-4)
            assert int(row["n"]) == wanted[row["lane"]]["n"] == 14
    page, pictures = tmp_path / "page.html", tmp_path / "pictures"
    assert cli.main(["export", str(path), "--html", str(page), *with_errata]) == 0
    assert cli.main(["export", str(path), "--figures", str(pictures), *with_errata, "--json"]) == 0
    capsys.readouterr()
    assert said in page.read_text("utf-8")
    assert all(said in f.read_text("utf-8") for f in pictures.iterdir())
    assert cli.main(["score", str(path), "--method", "by-position", *with_errata]) == 0
    assert said in capsys.readouterr().out
    assert cli.main(["export", str(path), "--otel", str(tmp_path / "x"), *with_errata]) == 2
    with TraceReader(path) as reader:
        assert "errata" not in {table.name for table in run_tables(reader)}


def test_the_command_writes_what_score_says(path: Path, tmp_path: Path, capsys: Any) -> None:
    folder = tmp_path / "tables"
    assert cli.main(["export", str(path), "--csv", str(folder), "--json"]) == 0
    files = json.loads(capsys.readouterr().out)["files"]
    assert sorted(files) == sorted(p.name for p in folder.iterdir())
    assert cli.main(["score", str(path), "--json"]) == 0
    lanes = {lane["lane"]: lane for lane in json.loads(capsys.readouterr().out)["lanes"]}
    rows = list(csv.DictReader(io.StringIO((folder / "scores.csv").read_text(encoding="utf-8"))))
    for name, lane in lanes.items():
        for title, column in lane["papers"]["LoCoMo"].items():
            (row,) = [
                r for r in rows if (r["sessions"], r["lane"], r["whose"], r["column"]) == ("all", name, "LoCoMo", title)
            ]
            assert (float(row["mean"]), row["score"]) == (pytest.approx(column["mean"]), column["score"])
            assert float(row["95 % from"]) == pytest.approx(column["ci95"][0], abs=1e-4)
        (accuracy,) = [r for r in rows if (r["sessions"], r["lane"], r["whose"], r["score"], r["column"])
                       == ("all", name, "ours", "accuracy", "")]  # fmt: skip
        assert float(accuracy["mean"]) == pytest.approx(lane["scores"]["accuracy"]["mean"])
        assert lane["context"] == {"cut": 2, "of": 20}


def test_figures_are_written_as_svg(path: Path, tmp_path: Path, capsys: Any) -> None:
    folder = tmp_path / "figures"
    assert cli.main(["export", str(path), "--figures", str(folder)]) == 0
    assert sorted(p.name for p in folder.iterdir()) == ["needle-grid.svg", "score-over-tokens.svg"]
    assert "wrote" in capsys.readouterr().out


def test_nothing_to_export_is_one_line(tmp_path: Path, capsys: Any) -> None:
    with TraceWriter(tmp_path / "empty.mnemo"):
        pass
    for kind in ("--csv", "--figures"):
        assert cli.main(["export", str(tmp_path / "empty.mnemo"), kind, str(tmp_path / "out")]) == 1
        assert "nothing to export" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_comparisons_judges_controls_and_losses_are_there(tables: dict[str, list[dict[str, str]]]) -> None:
    assert {row["score"] for row in tables["comparisons"]} >= {"accuracy", "locomo-f1"}
    assert all(float(row["p (Holm)"]) >= float(row["p"]) for row in tables["comparisons"])
    assert (tables["judges"][0]["vague wrong accepted"], tables["judges"][0]["of vague wrong"]) == ("9", "71")
    assert [row["what"] for row in tables["controls"] if row["control"] == "no memory"] == [
        "answers conv-0/q0", "answers conv-1/q0",
    ]  # fmt: skip
    assert {row["operation"] for row in tables["losses"]} == {"context"}
    assert {(row["context cut"], row["of"]) for row in tables["costs"]} == {("2", "20")}


def test_every_answer_stands_with_its_scores_and_verdicts(tables: dict[str, list[dict[str, str]]]) -> None:
    rows = tables["probes"]
    assert len(rows) == 6 * 10 * 2
    judged = next(r for r in rows if r["judged"])
    assert (judged["lane"], judged["probe"], judged["judged"]) == ("bm25", "q0", "locomo-judge by small: yes: same")
    assert {r["part"] for r in rows} == {f"LoCoMo/{n}" for n in range(1, 6)}
    assert {r["probe"] for r in rows if r["answerable without memory"] == "yes"} == {"q0"}


def test_a_text_is_no_formula() -> None:
    found = Table("x", ("a",), [("=1+1",), ("-5",), ("- five",), ("@x",), ("plain",), (None,), (True,), (0.1 + 0.2,)])
    assert found.csv().split("\n")[1:-1] == ["'=1+1", "-5", "'- five", "'@x", "plain", '""', "yes", "0.3"]
