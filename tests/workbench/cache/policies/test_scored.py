"""Policies that keep the best tokens: the kept sets of every layer and head against loops on captured Q and K."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.workbench.cache.policies.conftest import Look, best, kept
from workbench.cache.base import CachePolicy
from workbench.cache.policies.adakv import AdaKV
from workbench.cache.policies.h2o import H2O
from workbench.cache.policies.knorm import Knorm
from workbench.cache.policies.pyramidkv import PyramidKV
from workbench.cache.policies.snapkv import SnapKV
from workbench.cache.policies.streaming_llm import StreamingLLM
from workbench.cache.policies.tova import TOVA
from workbench.cache.policies.windowkv import WindowKV

BUDGETS = (20, 60, 150)


def pool(row: np.ndarray, kernel: int, how: Any = None) -> np.ndarray:
    out = np.zeros_like(row)
    for at in range(len(row)):
        near = row[max(0, at - kernel // 2) : at + kernel // 2 + 1]
        out[at] = near.max() if how == "max" else near.sum() / kernel
    return out


def snap(look: Look, layer: int, head: int, window: int, kernel: int = 5) -> np.ndarray:
    before = look.n - window
    return look.group(lambda h: pool(look.received(layer, h, window)[:before], kernel), head)


def test_captured_attention_is_that_of_captured_queries_and_keys(look: Look) -> None:
    seen = look.seen(H2O(), 10)
    assert seen.sums is not None and np.abs(seen.sums - look.attention.sum(2)).max() < 1e-3
    assert seen.counts is not None and seen.counts.tolist() == list(range(look.n, 0, -1))
    recent = look.seen(SnapKV(), 60).recent
    assert recent is not None and np.abs(recent - look.attention[:, :, -30:].sum(2)).max() < 1e-4


@pytest.mark.parametrize("budget", BUDGETS)
def test_snapkv(look: Look, budget: int) -> None:
    policy = SnapKV(window_size=16)
    plan = policy.plan(look.seen(policy, budget), budget)
    window = min(16, budget // 2)
    for layer, head in look.each():
        last = set(range(look.n - window, look.n))
        expected = best(np.append(snap(look, layer, head, window), np.zeros(window)), budget, last)
        assert kept(plan.kept[layer, head]) == expected


@pytest.mark.parametrize("budget", BUDGETS)
def test_h2o(look: Look, budget: int) -> None:
    for mean in (False, True):
        policy = H2O(mean=mean)
        plan = policy.plan(look.seen(policy, budget), budget)
        for layer, head in look.each():
            scores = look.group(lambda h, layer=layer: look.attention[layer, h].sum(0), head)
            if mean:
                scores = scores / np.arange(look.n, 0, -1)
            assert kept(plan.kept[layer, head]) == best(scores, budget, set(range(look.n - budget // 2, look.n)))


@pytest.mark.parametrize("budget", BUDGETS)
def test_tova(look: Look, budget: int) -> None:
    policy = TOVA()
    plan = policy.plan(look.seen(policy, budget), budget)
    for layer, head in look.each():
        assert kept(plan.kept[layer, head]) == best(look.attention[layer, :, -1].mean(0), budget)


@pytest.mark.parametrize("budget", BUDGETS)
def test_knorm(look: Look, budget: int) -> None:
    policy = Knorm()
    plan = policy.plan(look.seen(policy, budget), budget)
    for layer, head in look.each():
        norms = np.sqrt((look.keys[layer, head] ** 2).sum(-1))
        inside = plan.kept[layer, head]
        # Equal tokens have equal norms in the first layer, whatever their place: which of them stays is rounding.
        assert inside.sum() == budget and norms[inside].max() <= norms[~inside].min() + 1e-5


@pytest.mark.parametrize("budget", BUDGETS)
def test_pyramidkv(look: Look, budget: int) -> None:
    policy = PyramidKV(window_size=16, beta=4)
    plan = policy.plan(look.seen(policy, budget), budget)
    window = min(16, budget // 2)
    mean = budget - window
    first, last = 2 * mean - mean / 4, mean / 4
    if first > look.n - window:
        first, last = look.n - window, 2 * mean - look.n + window
    for layer, head in look.each():
        share = len(kept(plan.kept[layer, head])) - window
        assert abs(share - (first + (last - first) * layer / (look.layers - 1))) <= 1
        recent = set(range(look.n - window, look.n))
        expected = best(np.append(snap(look, layer, head, window), np.zeros(window)), share + window, recent)
        assert kept(plan.kept[layer, head]) == expected
    assert plan.kept.sum() == budget * look.layers * look.kv_heads


@pytest.mark.parametrize("budget", BUDGETS)
def test_adakv(look: Look, budget: int) -> None:
    policy = AdaKV(window_size=16, alpha=0.2)
    plan = policy.plan(look.seen(policy, budget), budget)
    window = min(16, budget // 2)
    for layer in range(look.layers):
        chosen: dict[tuple[int, int], float] = {}
        for head in range(look.kv_heads):
            scores = np.append(snap(look, layer, head, window), np.full(window, np.inf))
            safe = best(scores, max(1, int(0.2 * budget)))
            for token in range(look.n):
                chosen[head, token] = np.inf if token in safe else scores[token]
        order = sorted(chosen, key=lambda place: (-chosen[place], place))[: budget * look.kv_heads]
        for head in range(look.kv_heads):
            assert kept(plan.kept[layer, head]) == {token for h, token in order if h == head}


@pytest.mark.parametrize("task", ["localize", "aggregate"])
@pytest.mark.parametrize("budget", BUDGETS)
def test_windowkv(look: Look, budget: int, task: Any) -> None:
    policy = WindowKV(task=task, shared_layers=2, beta=4)
    plan = policy.plan(look.seen(policy, budget), budget)
    suffix = min(32 if task == "localize" else 16, budget // 2)
    before = look.n - suffix
    for layer, head in look.each():
        received = np.stack([look.received(layer // 2 * 2, h, suffix)[:before] for h in range(look.heads)])
        scores = np.zeros(look.n)
        for start in range(0, before, 8):
            values = np.sort(received[:, start : min(before, start + 8)].ravel())
            scores[start : min(before, start + 8)] = values[-4:].mean() if task == "localize" else values.mean()
        count = len(kept(plan.kept[layer, head]))
        assert kept(plan.kept[layer, head]) == best(scores, count, set(range(before, look.n)))
        whole = [set(range(start, min(before, start + 8))) for start in range(0, before, 8)]
        assert sum(0 < len(part & kept(plan.kept[layer, head])) < len(part) for part in whole) <= 1
    assert plan.kept.sum() == budget * look.layers * look.kv_heads
    sizes = plan.kept[:, 0].sum(-1)
    assert sizes[0] >= sizes[3] and abs(int(sizes[0]) - int(sizes[1])) <= 1


def test_streaming_llm(look: Look) -> None:
    policy = StreamingLLM()
    assert kept(policy.plan(look.seen(policy, 30), 30).kept) == {0, 1, 2, 3, *range(look.n - 26, look.n)}


SCORED: list[CachePolicy] = [H2O(), SnapKV(), TOVA(), Knorm(), PyramidKV(), AdaKV(), WindowKV()]


@pytest.mark.parametrize("policy", SCORED, ids=lambda policy: policy.name)
@pytest.mark.parametrize("keep", [0.05, 0.1, 0.37, 0.5, 0.9, 1, 17, 100_000])
def test_budgets_are_exact(look: Look, policy: CachePolicy, keep: float) -> None:
    for variant in ("emulated-per-head", "evicted-uniform"):
        made = type(policy)(keep=keep, variant=variant)  # type: ignore[call-arg]
        budget = made.budget(look.n)
        assert budget == min(look.n, round(keep * look.n) if keep <= 1 else keep)
        plan = made.plan(look.seen(made, budget), budget)
        if variant == "evicted-uniform":
            assert plan.kept.shape == (look.n,) and plan.kept.sum() == budget and plan.kept[-1]
            assert plan.agreement is not None and 0 <= plan.agreement <= 1
        else:
            assert plan.kept.sum() == budget * look.layers * look.kv_heads
            assert (plan.kept.sum(-1) >= 1).all()


def test_the_vote_is_that_of_the_normalised_heads(look: Look) -> None:
    policy = SnapKV(window_size=16, variant="evicted-uniform")
    plan = policy.plan(look.seen(policy, 60), 60)
    total = np.zeros(look.n - 16)
    for layer, head in look.each():
        scores = snap(look, layer, head, 16)
        total += scores / scores.sum()
    assert kept(plan.kept) == best(np.append(total, np.zeros(16)), 60, set(range(look.n - 16, look.n)))
