"""Evaluation methods on answers whose figures can be worked out by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.backends import ScriptedBackend
from tests.support.runs import session_file
from workbench import cli
from workbench.engine import run as engine
from workbench.engine.config import RunConfig
from workbench.projections.methods import METHODS, Found, Run, run_of
from workbench.projections.methods.base import Answered, Shown
from workbench.projections.methods.benchmark_agreement import agreement, win_rates
from workbench.projections.methods.memory_budget import area as budget_area
from workbench.projections.methods.report_statements import statements, supported
from workbench.projections.methods.thinking_adjusted import adjusted, area
from workbench.sessions import Probe, Session, Turn
from workbench.sessions.generators import generate, versions
from workbench.sessions.rotations import rotated
from workbench.trace.reader import TraceReader

TURNS = tuple(Turn(n, "user", f"turn {n}") for n in range(11))


def row(right: bool, lane: str = "a", session: str = "s", answer: str = "x", shown: Sequence[Shown] = (),
        tokens: int = 0, **fields: Any) -> Answered:  # fmt: skip
    probe = Probe("p", 10, "?", ("x",), "accurate_retrieval", **fields)
    return Answered(session, lane, probe, right, float(right), answer, tuple(shown), tokens)


def run(*rows: Answered, sizes: dict[str, int] | None = None, written: int = 0, **extra: Any) -> Run:
    lanes = list(dict.fromkeys(r.lane for r in rows))
    by_lane = {lane: [r for r in rows if r.lane == lane] for lane in lanes}
    sessions = {r.session: Session(r.session, TURNS, extra=extra.get(r.session, {})) for r in rows}
    memories = {lane: lane.partition(":")[0] for lane in lanes}
    return Run("r", sessions, by_lane, memories, sizes or dict.fromkeys(lanes, 0), dict.fromkeys(lanes, written))


def measured(name: str, *runs: Run) -> Found:
    return METHODS[name].measure(runs)


# CircularEval ---------------------------------------------------------------------------------------------------------


def turned(right: Sequence[bool], name: str) -> list[Answered]:
    return [row(ok, extra={"circular": name, "rotations": 3}) for ok in right]


def test_circular_eval_wants_every_rotation() -> None:
    rows = [*turned([True, True, True], "q1"), *turned([True, True, False], "q2"), *turned([False, True, True], "q3"),
            *turned([True, True], "q4"), row(True)]  # fmt: skip
    found = measured("circular-eval", run(*rows))
    assert found.rows == ({"lane": "a", "n": 3, "vanilla": 2 / 3, "mean": 7 / 9, "circular": 1 / 3},)
    assert found.notes == ("1 questions without all of their rotations: left out",)


def test_rotations_turn_the_options_and_letter_them_anew() -> None:
    asked = "Where is it?\nA: Oslo\nB: Lima\nC: Rome"
    probes = (Probe("q", 0, asked, ("B",), "accurate_retrieval", (0,), "choice", ("Oslo", "Lima", "Rome")),
              Probe("r", 0, "Who?", ("Tom",), "accurate_retrieval"))  # fmt: skip
    found = rotated(Session("s", TURNS, probes)).probes
    assert [p.id for p in found] == ["q-r0", "q-r1", "q-r2", "r"]
    assert [p.gold for p in found[:3]] == [("Lima",)] * 3
    assert found[1].question == "Where is it?\nA: Lima\nB: Rome\nC: Oslo"
    assert {p.options[0] for p in found[:3]} == {"Oslo", "Lima", "Rome"}
    assert rotated(rotated(Session("s", TURNS, probes))) == rotated(Session("s", TURNS, probes))


def test_a_lane_that_always_says_the_first_letter_is_found_out(tmp_path: Path, capsys: Any) -> None:
    made = tmp_path / "made.json"
    made.write_text(json.dumps(generate("humble-bench", 600, 1)[0].to_json()))
    assert cli.main(["convert", str(made), "--rotate", "--out", str(tmp_path / "turned.json")]) == 0
    session = rotated(generate("humble-bench", 600, 1)[0])
    rows = [row(p.options[0] in p.gold, extra=dict(p.extra)) for p in session.probes if p.options]
    (only,) = measured("circular-eval", run(*rows)).rows
    assert only["mean"] == pytest.approx(0.2)
    assert only["circular"] == 0.0


# UGMathBench ----------------------------------------------------------------------------------------------------------


def test_effective_accuracy_and_the_gap() -> None:
    rights = {"q1": [True, True, True], "q2": [True, False, True], "q3": [False, False, False], "q4": [True]}
    rows = [row(ok, extra={"version_of": q, "version": n}) for q, own in rights.items() for n, ok in enumerate(own, 1)]
    (only,) = measured("effective-accuracy", run(*rows)).rows
    assert (only["n"], only["versions"]) == (3, 3)
    assert only["AAcc"] == pytest.approx(5 / 9)
    assert only["EAcc"] == pytest.approx(1 / 3)
    assert only["delta"] == pytest.approx(2 / 9)
    assert only["RE"] == pytest.approx(2 / 3)


def test_versions_of_a_generator_are_grouped() -> None:
    rows = [row(n == 0, extra=dict(p.extra)) for n, s in enumerate(versions("worm", 600, 1, 2)) for p in s.probes]
    (only,) = measured("effective-accuracy", run(*rows)).rows
    assert (only["AAcc"], only["EAcc"], only["RE"]) == (0.5, 0.0, None)


# OptimalThinkingBench -------------------------------------------------------------------------------------------------


def test_accuracy_counts_below_the_budget_only() -> None:
    right, tokens = [True, True, False, True], [0, 500, 10, 2000]
    assert [adjusted(right, tokens, t) for t in (1, 500, 501, 5000)] == [0.25, 0.25, 0.5, 0.75]
    # 0 tokens are below 1,000 of the 1,001 budgets, 500 below 500 of them, 2,000 below none
    assert area(right, tokens) == pytest.approx((1000 + 500) / 1001 / 4)


def test_what_a_memory_generated_while_it_listened_is_shared_by_its_probes() -> None:
    (only,) = measured("thinking-adjusted", run(row(True, tokens=50), row(True, tokens=90), written=400)).rows
    assert only["tokens"] == 270
    assert (only["OAA@100"], only["OAA@300"], only["accuracy"]) == (0.0, 1.0, 1.0)


# TreeBench ------------------------------------------------------------------------------------------------------------


def test_turns_that_an_answer_rests_on_against_its_evidence() -> None:
    spans = [Shown("", ("i",), (1, 2), 0.6), Shown("", ("j",), (3,), 0.1), Shown("", ("k",), (9,), 0.2)]
    (only,) = measured("traced-evidence", run(row(True, shown=spans, evidence=(2, 7)))).rows
    assert (only["precision"], only["recall"], only["IoU"]) == (0.25, 0.5, 0.2)
    assert (only["attended precision"], only["attended recall"]) == (0.5, 0.5)
    assert only["right without evidence"] == 0.0
    (only,) = measured("traced-evidence", run(row(True, shown=[Shown("", (), (5,))], evidence=(2,)))).rows
    assert (only["right without evidence"], only["attended n"], only["attended recall"]) == (1.0, 0, None)


# ReportBench ----------------------------------------------------------------------------------------------------------


def test_statements_are_checked_against_what_they_cite() -> None:
    spans = [Shown("Mira bought 12 lanterns in Oslo.", ("i1",), (3,)), Shown("Tom sold his boat.", ("i2",), (4,))]
    first = "Mira bought 12 lanterns in Oslo [turn 3]. Tom sold his boat [3]."
    answer = f"{first} Tom sold his boat [i2]. Tom bought 13 boats."
    found = [(cites, ok) for _, cites, ok in statements(row(True, answer=answer, shown=spans))]
    assert found == [(True, True), (True, False), (True, True), (False, False)]
    (only,) = measured("report-statements", run(row(True, answer=answer, shown=spans))).rows
    assert (only["statements"], only["cited"]) == (4, 0.75)
    assert only["cited supported"] == pytest.approx(2 / 3)
    assert only["uncited supported"] == 0.0


@pytest.mark.parametrize(
    ("statement", "text", "right"),
    [
        ("The lantern is kept in Graz.", "The crimson lantern of Ada is kept in Graz.", True),
        ("The lantern is kept in Porto.", "The crimson lantern of Ada is kept in Graz.", False),
        ("It cost 15 euros.", "It cost 16 euros.", False),
        ("灯笼在格拉茨", "灯笼在格拉茨。", True),
        ("灯笼在波尔图", "灯笼在格拉茨。", False),
        ("Nothing.", "", False),
    ],
)
def test_support_is_words_and_numbers(statement: str, text: str, right: bool) -> None:
    assert supported(statement, [text]) is right


# BenchBench -----------------------------------------------------------------------------------------------------------


def test_sets_that_rank_alike_agree_and_a_reversed_one_does_not() -> None:
    table = np.asarray([[0.9, 0.5, 0.1], [0.8, 0.6, 0.2], [0.7, 0.6, 0.5], [0.1, 0.5, 0.9]])
    assert agreement(table[:3], 0)[:3] == (1.0, 1.0, 1.0)
    low = agreement(table, 3)
    assert low[0] == -1.0
    assert agreement(table, 0) == agreement(table, 0), "the same seed draws the same references"
    assert agreement(np.asarray([[0.5, 0.5, 0.5], [0.1, 0.2, 0.3]]), 0) == (None, None, None, None)


def test_win_rates_count_ties_half() -> None:
    assert win_rates(np.asarray([0.9, 0.5, 0.5])).tolist() == [1.0, 0.25, 0.25]


def test_agreement_takes_sessions_as_sets_and_says_when_there_are_too_few() -> None:
    rights = {"s1": "110100", "s2": "110100", "s3": "111000"}
    rows = [row(right == "1", lane, session) for session, own in rights.items()
            for lane, pair in zip("abc", (own[:2], own[2:4], own[4:]), strict=True) for right in pair]  # fmt: skip
    found = measured("benchmark-agreement", run(*rows))
    assert [r["set"] for r in found.rows] == ["s1", "s2", "s3"]
    assert all(r["kendall"] > 0.7 for r in found.rows)
    few = measured("benchmark-agreement", run(row(True), row(False, "b")))
    assert few.rows == ()
    assert "needs two probe sets and 3 lanes" in few.notes[0]


# MEMO -----------------------------------------------------------------------------------------------------------------


def test_lanes_are_compared_at_equal_budgets() -> None:
    rows = [row(True, "window:turns=9"), row(False, "window:turns=2"), row(True, "bm25"), row(False, "bm25")]
    found = measured("memory-budget", run(*rows, sizes={"window:turns=9": 50, "window:turns=2": 10, "bm25": 100}))
    window, bm25 = found.rows
    assert (window["lanes"], window["25 B"], window["50 B"], window["100 B"]) == (2, 0.0, 1.0, 1.0)
    assert (bm25["50 B"], bm25["100 B"]) == (None, 0.5)
    assert (window["AUC"], bm25["AUC"]) == (0.5, None)


def test_the_area_is_that_of_the_best_within_each_budget() -> None:
    assert budget_area([(0, 0.5), (50, 0.25), (75, 1.0)], 100) == pytest.approx((75 * 0.5 + 25 * 1.0) / 100)


# LiveBench ------------------------------------------------------------------------------------------------------------


def test_releases_are_told_apart_and_judged_answers_left_out() -> None:
    rows = [row(True, session="old"), row(True, session="old"), row(False, session="new"), row(True, session="new"),
            row(True, session="new", scores=("locomo-judge",)), row(True, session="undated")]  # fmt: skip
    dated = {"old": {"released": "2026-01-01"}, "new": {"released": "2026-11-01"}}
    found = measured("freshness", run(*rows, **dated))
    assert found.rows == ({"lane": "a", "n": 4, "2026-01-01": 1.0, "2026-11-01": 0.5, "older less newest": 0.5},)
    assert found.notes == ("newest release 2026-11-01", "1 answers that a model judges: left out")


# LongGenBench, positions ----------------------------------------------------------------------------------------------


def test_long_answers_by_kind_of_instruction() -> None:
    parts = ["Week 1", "Week 2", "Week 3"]
    checks = [{"part": "Week 1", "says": "harp", "kind": "once"}, {"part": "Week 2", "says": "oar", "kind": "range"},
              {"part": "Week 3", "says": "oar", "kind": "range"}]  # fmt: skip
    answer = "Week 1: I saw a harp.\nWeek 2: I saw a harp."
    extra = {"parts": parts, "checks": checks}
    (only,) = measured("long-generation", run(row(False, answer=answer, scorer="checks", extra=extra))).rows
    assert (only["completion"], only["STIC-1"], only["STIC-2"]) == (pytest.approx(2 / 3), 0.5, pytest.approx(1 / 3))
    assert (only["once"], only["range"]) == (1.0, 0.0)


def test_accuracy_by_where_the_evidence_stood() -> None:
    rows = [
        row(True, extra={"position": 0.0}),
        row(False, extra={"depth": 1.0}),
        row(True, evidence=(9, 10)),
        row(True),
    ]
    (only,) = measured("by-position", run(*rows)).rows
    assert (only["n"], only["0-20 %"], only["40-60 %"], only["80-100 %"]) == (3, 1.0, None, 0.5)


@pytest.mark.parametrize(
    "name",
    ["effective-accuracy", "thinking-adjusted", "benchmark-agreement", "memory-budget", "freshness", "by-position"],
)
def test_questions_that_nothing_answers_are_no_part_of_an_accuracy(name: str) -> None:
    sizes = {"a": 100, "b": 100, "c": 100}
    told = [
        row(right, lane, session, extra={"version_of": "q", "version": version, "position": 0.5})
        for lane, rights in (("a", (True, True)), ("b", (True, False)), ("c", (False, False)))
        for session in ("s", "t")
        for version, right in enumerate(rights)
    ]
    away = [
        row(r.lane == "c", r.lane, r.session, abstain=True,
            extra={"version_of": "z", "version": r.probe.extra["version"], "position": 0.5})
        for r in told
    ]  # fmt: skip
    released = {"s": {"released": "2026-01-01"}, "t": {"released": "2026-02-01"}}
    alone = measured(name, run(*told, sizes=sizes, **released))
    assert alone.rows
    assert measured(name, run(*told, *away, sizes=sizes, **released)) == alone


# of a run file --------------------------------------------------------------------------------------------------------


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(engine, "_open", lambda config: ScriptedBackend())
    config = RunConfig((session_file(tmp_path),), ("full", "bm25:k=2", "window"), out=tmp_path / "run.mnemo")
    return engine.run(config, lambda _: None)


def test_a_run_file_gives_every_answer_with_its_context(recorded: Path) -> None:
    with TraceReader(recorded) as reader:
        found = run_of(reader, "run")
    assert {lane: len(rows) for lane, rows in found.rows.items()} == dict.fromkeys(("full", "bm25:k=2", "window"), 4)
    assert all(len(r.shown) <= 2 and all(s.turns for s in r.shown) for r in found.rows["bm25:k=2"])
    assert found.memories == {"full": "full", "bm25:k=2": "bm25", "window": "window"}
    assert all(size > 0 for size in found.sizes.values())
    assert all(r.answer and r.tokens > 0 for r in found.rows["full"])


@pytest.mark.parametrize("name", METHODS)
def test_every_method_measures_a_run_or_says_what_it_needs(name: str, recorded: Path, capsys: Any) -> None:
    assert cli.main(["score", str(recorded), "--method", name]) == 0
    text = capsys.readouterr().out
    assert text.startswith(METHODS[name].title)
    assert cli.main(["score", str(recorded), "--method", name, "--json"]) == 0
    data = json.loads(capsys.readouterr().out)["methods"][name]
    assert data.keys() == {"rows", "notes"}
    assert ("it needs" in text or "make some" in text) == (not data["rows"]) or data["notes"]


def test_methods_are_listed_with_paper_label_and_call(capsys: Any) -> None:
    assert cli.main(["methods", "--json"]) == 0
    cards = json.loads(capsys.readouterr().out)
    assert {c["name"] for c in cards} > METHODS.keys()
    assert all("arXiv" in c["paper"] and c["call"].startswith("`") for c in cards)
    for method in METHODS.values():
        assert bool(method.differs) == (method.label != "faithful")
    assert cli.main(["methods"]) == 0
    assert cli.main(["score", "x.mnemo", "--method", "guess"]) == 2
