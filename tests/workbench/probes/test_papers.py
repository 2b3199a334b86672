"""How each paper puts its scores together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench.errors import UsageError
from workbench.probes import errata, longbench, papers
from workbench.probes.papers import Column
from workbench.probes.statistics import _bootstrap_p, compare, mcnemar
from workbench.sessions.model import Probe


def probe(*scores: str, **extra: Any) -> Probe:
    return Probe("p", 0, "?", ("Oslo",), "conflict_resolution", scores=scores, extra=extra)


def test_memoryagentbench_averages_columns_into_competencies_and_those_into_one() -> None:
    parts = [("icl_a", 0.2), ("icl_b", 0.4), ("recsys", 0.9), ("detective_qa", 0.5), ("ruler_qa1_x", 1.0)]
    wanted = [("AR", "", 1.0), ("TTL", "", (0.3 + 0.9) / 2), ("LRU", "", 0.5)]
    for more in ([], [("factconsolidation_mh_6k", 0.1)]):
        given = [Column(title, "em", 3, mean) for title, mean in parts + more]
        found = papers._memoryagentbench(given)
        assert found[: len(given)] == given
        if more:
            wanted += [("SF", "", 0.1), ("overall", "", (1.0 + 0.6 + 0.5 + 0.1) / 4)]
        rest = found[len(given) :]
        assert [(c.title, c.score, c.n) for c in rest] == [(title, score, 0) for title, score, _ in wanted]
        assert [c.mean for c in rest] == pytest.approx([mean for *_, mean in wanted])


@pytest.mark.parametrize(
    ("asked", "shared", "benchmark", "category"),
    [
        (probe("locomo-f1", category=2), {}, "LoCoMo", "2"),
        (probe("locomo-f1"), {}, "LoCoMo", "4"),
        (probe("em", source="icl_banking"), {}, "MemoryAgentBench", "icl_banking"),
        (probe("em"), {"source": "recsys_redial"}, "MemoryAgentBench", "recsys_redial"),
        (probe("longmemeval-judge", type="multi-session"), {}, "LongMemEval", "multi-session"),
        (probe("longmemeval-judge"), {}, "LongMemEval", ""),
        (probe("scbench"), {"dataset": "scbench_kv"}, "SCBench", "scbench_kv"),
        (probe("longbench-f1", dataset="hotpotqa"), {}, "LongBench", "hotpotqa"),
        (probe(), {"dataset": "hotpotqa"}, "", "conflict_resolution"),
    ],
)
def test_the_place_of_a_probe(asked: Probe, shared: dict[str, Any], benchmark: str, category: str) -> None:
    found = papers.place(asked, shared)
    assert (found.benchmark, found.category) == (benchmark, category)


def test_a_figure_of_longbench_is_the_best_over_the_golds_and_never_below_nought() -> None:
    figure = longbench.best(lambda said, gold: {"a": -0.5, "b": 0.25, "c": 0.75}[gold] * len(said))
    two = Probe("p", 0, "?", ("b", "c"), "x", extra={"dataset": "trec"})
    assert figure(two, "\nx\nmore", {}) == 0.75, "the first line alone, for such a part"
    assert figure(Probe("p", 0, "?", ("b", "c"), "x"), "xy", {}) == 1.5
    assert (
        figure(Probe("p", 0, "?", ("a",), "x"), "x", {}) == 0.0 and figure(Probe("p", 0, "?", (), "x"), "x", {}) is None
    )


def test_graded_figures_are_compared_by_the_bootstrap() -> None:
    first = [0.1, 0.5, 0.3, 0.7, 0.2, 0.4]
    second = [0.2, 0.4, 0.5, 0.8, 0.4, 0.3]
    found = compare(first, second, seed=3)
    assert found.test == "bootstrap" and found.p == _bootstrap_p(np.array(second) - np.array(first), 3)
    assert found.p != mcnemar(2, 4)


def test_errata_that_cannot_be_read_say_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"a\.json: cannot be read .* - check the path"):
        errata._rows(tmp_path / "a.json")
    (tmp_path / "a.json").write_text("{\n")
    with pytest.raises(UsageError, match=r"a\.json: is neither JSON nor JSON Lines .* - mend the file"):
        errata._rows(tmp_path / "a.json")
    for text, rows in (('{"a": 1}', [{"a": 1}]), ("[1, 2]", [1, 2]), ('{"a": 1}\n\n{"a": 2}', [{"a": 1}, {"a": 2}])):
        (tmp_path / "a.json").write_text(text)
        assert errata._rows(tmp_path / "a.json") == rows
