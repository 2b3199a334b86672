"""Planted failures: the cause that is named is the one that was planted, and a flip proves it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.why.faults import NAME, WHERE
from tests.why.measure import BUILT_WITH, CONTEXT, KINDS, SEED, Outcome, groups, matrix, measured, missed, table
from tests.why.planting import Field, session
from workbench.llm.base import Backend, BackendOptions
from workbench.llm.open import open_backend
from workbench.memory.registry import STRATEGIES
from workbench.trace.reader import TraceReader
from workbench.why.asking import Setting
from workbench.why.explaining import Target, prove
from workbench.why.verdict import MISREAD

LEAST = 30
"""Cases of every kind that the whole suite plants at least."""


@pytest.fixture(autouse=True)
def faulty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STRATEGIES, NAME, WHERE)


@pytest.fixture(scope="module")
def backend() -> Iterator[Backend]:
    with closing(open_backend(BackendOptions(context=CONTEXT))) as opened:
        yield opened


def good(outcomes: list[Outcome], of: str) -> None:
    right = sum(o.right for o in outcomes) / len(outcomes)
    proved = sum(bool(o.verdict.confirmed) for o in outcomes) / len(outcomes)
    assert right >= 0.95 and proved >= 0.9, f"{of}: {right:.0%} right, {proved:.0%} proved\n{missed(outcomes)}"


def test_a_slice(tmp_path: Path, backend: Backend) -> None:
    """One strategy, one session: every cause and two at once."""
    outcomes = measured(tmp_path, backend, SEED + 1, ("planted",), ("bm25",))
    assert {len(o.case.causes) for o in outcomes} == {1, 2} and len(outcomes) >= 15
    good(outcomes, "bm25")


def test_a_slice_in_other_words(tmp_path: Path, backend: Backend) -> None:
    """What is said in other words: by the answer, by the items; and named without being said."""
    outcomes = measured(tmp_path, backend, SEED + 1, ("in other words", "paraphrased"), ("bm25",))
    assert {o.kind for o in outcomes} == {"in other words", "paraphrased"} and len(outcomes) >= 15
    assert {o.case.what for o in outcomes} == {"", "says", "names"}
    good(outcomes, "bm25")


def test_what_a_cache_policy_threw_out(tmp_path: Path, backend: Backend) -> None:
    """The whole cache makes the answer right: what the policy evicted nobody could attend to.

    Of this seed one answer repeats its word until it is cut off, which is not the gold in other words.
    """
    outcomes = measured(tmp_path, backend, 9191, ("in the cache",), ("bm25",))
    assert {o.case.what for o in outcomes} == {"streaming-llm", "snapkv"}
    good(outcomes, "bm25 under a cache policy")
    assert all(o.verdict.proof and o.verdict.proof.flip and o.verdict.proof.flip.fixes == ("whole",) for o in outcomes)
    assert all("the cache policy kept" in o.verdict.sentence for o in outcomes)


def test_a_fact_that_stands_twice_in_the_context(tmp_path: Path, backend: Backend) -> None:
    """One of the spans alone is the gold fact alone; with both of them this reader goes on misreading."""
    short = session(SEED + 1, turns=12, probes=4)
    asked = short.probes[0]
    last = len(short.turns)
    again = replace(short.turns[asked.evidence[0]], index=last)
    told = replace(short, turns=(*short.turns, again), probes=(replace(asked, after=last),))
    ground = Field(tmp_path / "twice.mnemo", told, backend, SEED)
    with closing(ground.writer):
        assert ground.right(ground.run("full", ground.plan(), "clean")) == {asked.id}
        plan = ground.plan()
        plan.add(MISREAD, asked)
        lane = ground.run("full", plan, "misread")
        assert not ground.right(lane)
        with closing(TraceReader(ground.path)) as reader:
            setting = Setting(plan.reader(backend))  # type: ignore[arg-type]
            (verdict,) = asyncio.run(prove(reader, setting, [Target(ground.number, lane, asked.id)]))
    assert (
        verdict.cause == MISREAD and verdict.confirmed and verdict.proof is not None and verdict.proof.flip is not None
    )
    assert verdict.proof.flip.what == f"turn-{asked.evidence[0]} alone in the context"


@pytest.mark.slow
def test_all_of_them(tmp_path: Path, backend: Backend, capsys: pytest.CaptureFixture[str]) -> None:
    """At least 30 of each of the seven causes, of two at once and of paraphrases, over at least eight strategies."""
    assert SEED != BUILT_WITH
    outcomes = measured(tmp_path, backend, SEED, KINDS)
    with capsys.disabled():
        print("", table(outcomes), matrix(outcomes), missed(outcomes), sep="\n\n")
    assert len({o.case.strategy for o in outcomes}) >= 8
    for name, mine in groups(outcomes).items():
        assert len(mine) >= LEAST, f"only {len(mine)} cases of {name}"
        good(mine, name)
