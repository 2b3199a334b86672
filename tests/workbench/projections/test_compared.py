"""Lanes against one another on the same probes."""

import json
from pathlib import Path

import pytest

from tests.support.traces import write_trace
from workbench.probes.papers import Place
from workbench.probes.statistics import Comparison
from workbench.projections.compared import compared
from workbench.projections.published import Scored
from workbench.reports import tables
from workbench.sessions import Probe
from workbench.trace.reader import TraceReader


def scored(number: int, right: bool, figure: float, abstain: bool = False) -> Scored:
    probe = Probe(f"p{number}", 0, "?", ("x",), "y", abstain=abstain, scores=("locomo-f1",))
    return Scored(1, probe, Place("LoCoMo", "4"), right, {"locomo-f1": figure})


def rows(rights: str, figures: list[float]) -> list[Scored]:
    return [scored(n, r == "1", f) for n, (r, f) in enumerate(zip(rights, figures, strict=True))]


def test_pairs_are_compared_on_what_both_answered(tmp_path: Path) -> None:
    write_trace(tmp_path / "run.mnemo", lanes=("full", "bm25", "a-mem"))
    zeros, ones = [0.0] * 10, [0.5 + n / 100 for n in range(10)]
    data = {
        1: rows("1111111111", ones),
        2: rows("0000000001", zeros),
        3: [*rows("0000000001", zeros)[:8], scored(99, True, 1.0), scored(9, True, 0.1, abstain=True)],
    }
    with TraceReader(tmp_path / "run.mnemo") as reader:
        accuracy, figure = compared(reader, data)
    assert (accuracy.score, figure.score) == ("accuracy", "locomo-f1")
    best = accuracy.pairs[0]
    assert (best.first, best.second, best.comparison.n, best.comparison.difference) == ("full", "bm25", 10, -0.9)
    assert (best.comparison.first_only, best.comparison.second_only) == (9, 0)
    assert best.comparison.p == pytest.approx(2 / 512)
    assert best.comparison.holm == pytest.approx(3 * 2 / 512)
    assert [p.comparison.n for p in accuracy.pairs] == [10, 8, 8]
    assert accuracy.power.startswith("10 probes can show differences of ")
    assert (accuracy.shares, figure.shares) == (True, False)
    pair = figure.to_json()["pairs"][0]
    assert pair.keys() >= {"first", "second", "n", "difference", "ci95", "interval", "p", "p_holm"}
    assert (pair["interval"], accuracy.to_json()["pairs"][0]["interval"]) == ("bca", "newcombe")
    json.dumps(figure.to_json())
    text = tables.compared([accuracy, figure])
    assert "full   bm25         -90.0" in text
    assert "paired bootstrap, BCa intervals" in text


def test_many_lanes_are_compared_with_the_best_alone(tmp_path: Path) -> None:
    names = tuple(f"lane{n}" for n in range(8))
    write_trace(tmp_path / "run.mnemo", lanes=names)
    data = {n + 1: rows("1" * n + "0" * (8 - n), [0.0] * 8) for n in range(8)}
    with TraceReader(tmp_path / "run.mnemo") as reader:
        found = compared(reader, data)[0]
    assert {p.second for p in found.pairs} == {"lane7"}
    assert len(found.pairs) == 7


def test_one_lane_or_no_common_probe_gives_no_comparison(tmp_path: Path) -> None:
    write_trace(tmp_path / "run.mnemo", lanes=("full", "bm25"))
    with TraceReader(tmp_path / "run.mnemo") as reader:
        assert compared(reader, {1: rows("10", [0, 1])}) == ()
        assert compared(reader, {1: rows("10", [0, 1]), 2: [scored(7, True, 1.0)]}) == ()


def test_no_bound_is_less_than_nought_by_nothing() -> None:
    found = Comparison(9, 0.05, -0.004, 0.104, 0.5, "mcnemar", 1, 2)
    assert tables.pair_texts(found)[1] == "+0 to +10"
