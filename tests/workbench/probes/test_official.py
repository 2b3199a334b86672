"""Every published scorer against a table that its official code made (``tables/make.py``): no difference at all."""

import json
from pathlib import Path
from typing import Any

import pytest

from workbench.judging import summary_f1
from workbench.probes import longmemeval
from workbench.probes.scorers import PUBLISHED
from workbench.sessions.model import Probe

TABLES = Path(__file__).parent / "tables"
EXACT = 1e-9


def table(name: str) -> tuple[dict[str, Any], list[Any]]:
    """The head of a table and its rows."""
    head, *rows = (TABLES / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return json.loads(head), [json.loads(row) for row in rows]


def value(name: str, answer: str, golds: list[str], shared: dict[str, Any] | None = None, **fields: Any) -> float:
    probe = Probe("p", 0, "?", tuple(golds), "accurate_retrieval", **fields)
    found = PUBLISHED[name](probe, answer, shared or {})
    assert found is not None
    return found


def check(name: str, wanted: list[float], found: list[float]) -> None:
    """At least 500 pairs, none different, and the values do differ among themselves."""
    assert len(wanted) >= 500
    assert len(set(wanted)) > 1
    assert [n for n, (w, f) in enumerate(zip(wanted, found, strict=True)) if abs(w - f) > EXACT] == []


def test_locomo() -> None:
    _, rows = table("locomo-f1")
    found = [value("locomo-f1", said, [gold], extra={"category": c}) for c, gold, said, _ in rows]
    check("locomo-f1", [row[-1] for row in rows], found)
    assert {row[0] for row in rows} == {1, 2, 3, 4, 5}


@pytest.mark.parametrize("name", ["em", "substring-em", "icl-em", "eventqa-recall"])
def test_memoryagentbench(name: str) -> None:
    _, rows = table(name)
    found = [value(name, said, golds, {"source": source}) for source, golds, said, _ in rows]
    check(name, [row[-1] for row in rows], found)


def test_recommended_films() -> None:
    _, ((catalogue, *_), *rows) = table("recsys-recall@5")
    found = [value("recsys-recall@5", said, golds, {"catalogue": catalogue}) for golds, said, _ in rows]
    check("recsys-recall@5", [row[-1] for row in rows], found)


def test_judged_summaries() -> None:
    _, rows = table("infbench-judge")
    names = ("fluency", "recall", "precision", "sentence_count")
    found = [summary_f1(dict(zip(names, counts, strict=True)), points) for points, *counts, _ in rows]
    check("infbench-judge", [row[-1] for row in rows], found)


def test_longmemeval() -> None:
    _, rows = table("longmemeval")
    figures = [longmemeval.figures(ranks, len(ranks), k) for ranks, k, _ in rows]
    for place, name in enumerate(("recall-any", "recall-all", "longmemeval-ndcg")):
        check(
            name, [row[2][place] for row in rows], [f[f"{name}@{row[1]}"] for f, row in zip(figures, rows, strict=True)]
        )


@pytest.mark.parametrize(
    "name", ["longbench-f1", "rouge-l", "code-sim", "longbench-count", "longbench-retrieval", "scbench"]
)
def test_longbench_and_scbench(name: str) -> None:
    _, rows = table(name)
    found = [value(name, said, golds, extra={"dataset": dataset}) for dataset, golds, said, _ in rows]
    check(name, [row[-1] for row in rows], found)


def test_functions_of_scbench() -> None:
    _, ((repos, *_), *rows) = table("scbench-repoqa")
    found = []
    for language, repo, name, said, _ in rows:
        gold = next(needle["code"] for needle in repos[repo] if needle["name"] == name)
        extra = {"dataset": "scbench_repoqa", "lang": language, "func_name": name}
        found.append(value("scbench", said, [gold], {"needles": repos[repo]}, extra=extra))
    check("scbench-repoqa", [row[-1] for row in rows], found)
    assert {row[0] for row in rows} == {"python", "java", "typescript", "rust", "cpp", "go"}


def test_classes() -> None:
    _, ((classes, *_), *rows) = table("longbench-class")
    fields = {"options": tuple(classes)}
    found = [value("longbench-class", a, g, extra={"dataset": d}, **fields) for d, g, a, _ in rows]
    check("longbench-class", [row[-1] for row in rows], found)


@pytest.mark.parametrize("name", ["longbench-f1-zh", "rouge-l-zh"])
def test_chinese_parts_of_longbench(name: str) -> None:
    pytest.importorskip("jieba", reason="jieba, which cuts Chinese into words, is no dependency of this program")
    _, rows = table(name)
    check(name, [row[-1] for row in rows], [value(name, said, golds) for _, golds, said, _ in rows])


@pytest.mark.parametrize("name", ["longins-f1", "turtlebench"])
def test_wrong_numbers_and_verdicts(name: str) -> None:
    _, rows = table(name)
    check(name, [row[-1] for row in rows], [value(name, said, [gold]) for gold, said, _ in rows])


def test_labels_by_name() -> None:
    _, rows = table("longicl-em")
    found = [PUBLISHED["longicl-em"](Probe("p", 0, q, (gold,), "x"), said, {}) for q, gold, said, _ in rows]
    check("longicl-em", [row[-1] for row in rows], found)  # type: ignore[arg-type]


def test_biographies() -> None:
    _, rows = table("longbio")
    check("longbio", [row[-1] for row in rows], [value("longbio", said, g, extra=x) for x, g, said, *_ in rows])
    cited = [(x, g, said, wanted) for x, g, said, wanted, _ in rows if wanted is not None]
    found = [value("longbio-cite", said, g, extra=x) for x, g, said, _ in cited]
    check("longbio-cite", [wanted for *_, wanted in cited], found)
    assert {x["longbio"] for x, *_ in rows} == {"text", "number", "list", "pair", "unstated"}


def test_options_of_which_none_may_be_right() -> None:
    _, rows = table("humblebench")
    check("humblebench", [row[-1] for row in rows], [value("humblebench", said, [gold]) for gold, said, *_ in rows])
    none = [(gold, said, wanted) for gold, said, wanted, _ in rows if wanted is not None]
    check(
        "humblebench-none", [n[-1] for n in none], [value("humblebench-none", said, [gold]) for gold, said, _ in none]
    )


def test_times_of_events() -> None:
    _, rows = table("etbench-f1")
    extras = [{"task": task, "spans": spans} for task, spans, *_ in rows]
    found = [value("etbench-f1", row[2], ["?"], extra=extra) for row, extra in zip(rows, extras, strict=True)]
    check("etbench-f1", [row[-1] for row in rows], found)
    once = [(row[3], value("etbench-iou", row[2], ["?"], extra=extra))
            for row, extra in zip(rows, extras, strict=True) if row[3] is not None]  # fmt: skip
    check("etbench-iou", [wanted for wanted, _ in once], [own for _, own in once])


_BESIDE = {"longbio-cite": "longbio", "humblebench-none": "humblebench", "etbench-iou": "etbench-f1"}
"""Scorers whose values stand in another's table."""


def test_every_published_scorer_has_a_table_that_names_its_source_and_commit() -> None:
    for name in (*PUBLISHED, "scbench-repoqa"):
        head, _ = table(_BESIDE.get(name, name))
        owner, commit, *_ = head["source"].split()
        assert "/" in owner
        assert len(commit) == 40


def test_the_task_of_scbench_is_that_of_the_probe_or_of_its_session() -> None:
    told = [
        PUBLISHED["scbench"](Probe("p", 0, "?", gold, "x", extra=own), "the key is 1 to 9", shared)
        for gold, own, shared in (
            (("1 to 9",), {"dataset": "scbench_kv"}, {}),
            (("1 to 9",), {}, {"dataset": "scbench_kv"}),
            (("12",), {"dataset": "scbench_kv"}, {"dataset": "scbench_choice_eng"}),
            ((), {"dataset": "scbench_kv"}, {}),
            (("1 to 9",), {}, {}),
        )
    ]
    assert told == [1.0, 1.0, 0.0, None, None]
