"""Budgets: every policy keeps what it was given, to the token, at every budget; no head is ever left with nothing."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from workbench.cache import registry
from workbench.cache.base import CachePolicy, Observation, Plan, checked
from workbench.cache.retrieval import products
from workbench.errors import UsageError
from workbench.lanes import LaneSpec

SHARES = tuple(round(0.05 * step, 2) for step in range(1, 21))
LENGTHS = (3, 61, 403)
LAYERS, KV_HEADS, GROUP, WIDTH = 9, 2, 2, 8
BUDGETED = [
    name for name in registry.POLICIES if any(f.name == "keep" and f.init for f in fields(registry.policy(name)))
]
VARIANTS = [
    (name, variant)
    for name in BUDGETED
    for variant in (("emulated-per-head", "evicted-uniform") if hasattr(registry.policy(name), "variant") else ("",))
]
STREAMING = "streaming-llm"
"""Keeps so many first tokens whatever the budget."""
LOOSE = ("squeezed-attention",)
"""Its threshold gives the budget on average over the queries that set it, whole clusters at a time."""


class Text:
    """A text of n tokens in sentences and spans of a user, an assistant and a tool, as a random model sees it."""

    def __init__(self, n: int) -> None:
        rng = np.random.default_rng(n)
        self.n = n
        self.queries = rng.normal(size=(LAYERS, KV_HEADS * GROUP, n, WIDTH)).astype(np.float32)
        self.keys = rng.normal(size=(LAYERS, KV_HEADS, n, WIDTH)).astype(np.float32)
        self.values = rng.normal(size=(LAYERS, KV_HEADS, n, WIDTH)).astype(np.float32)
        scores = np.einsum("lhqd,lhkd->lhqk", self.queries, np.repeat(self.keys, GROUP, axis=1))
        scores = np.where(np.tri(n, dtype=bool), scores, -np.inf)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        self.attention = (weights / weights.sum(-1, keepdims=True)).astype(np.float32)
        self.surprise = rng.exponential(size=n).astype(np.float32)

    def seen(self, window: int) -> Observation:
        spans = np.arange(self.n) // 9
        roles = ("user", "assistant", "tool", "assistant")
        return Observation(
            tuple("." if at % 7 == 6 else " word" for at in range(self.n)),
            np.ones((LAYERS, KV_HEADS, self.n), bool),
            KV_HEADS * GROUP,
            scale=1.0,
            spans=spans,
            roles=tuple(roles[span % 4] for span in range(int(spans.max()) + 1)),
            sums=self.attention.sum(2),
            counts=np.arange(self.n, 0, -1).astype(np.float32),
            recent=self.attention[:, :, self.n - window :].sum(2),
            queries=self.queries[:, :, self.n - window :],
            keys=self.keys,
            values=self.values,
            surprise=self.surprise,
        )

    def scores(self, layer: int) -> np.ndarray:
        """What the last three queries make of the keys, the future too: a retriever's queries come after all keys."""
        keys = np.repeat(self.keys[layer], GROUP, axis=0)
        return np.einsum("hqd,hkd->hqk", self.queries[layer, :, -3:], keys).astype(np.float32)


TEXTS = {n: Text(n) for n in LENGTHS}


def looked_at(plan: Plan, text: Text) -> np.ndarray:
    """Tokens that a query sees in each layer and head: those kept, or of them those that are retrieved."""
    if plan.retriever is None:
        return np.broadcast_to(plan.kept, (LAYERS, KV_HEADS, text.n)).sum(-1)
    visible = np.stack([plan.retriever.visible(layer, text.scores(layer)) for layer in range(LAYERS)])
    return np.asarray((visible & np.broadcast_to(plan.kept, visible.shape)).sum(-1))


def made(name: str, variant: str, keep: float) -> CachePolicy:
    return registry.policy(name)(**({"keep": keep} | ({"variant": variant} if variant else {})))


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_a_budget_is_exact_and_leaves_every_head_something(name: str, variant: str) -> None:
    for text in TEXTS.values():
        for share in SHARES:
            policy = made(name, variant, share)
            budget, least = policy.budget(text.n), min(text.n, getattr(policy, "start", 0) * (name == STREAMING) + 1)
            assert budget == max(least, round(share * text.n))
            seen = text.seen(min(policy.window(budget), text.n))
            counts = looked_at(checked(policy.plan(seen, budget), seen), text)
            where = (variant, text.n, share, budget, np.unique(counts))
            assert counts.min() >= least, where
            if name not in LOOSE or variant == "evicted-uniform":  # where layers or heads share a budget: their mean
                assert counts.sum() == budget * counts.size, where


@pytest.mark.parametrize("name", sorted(set(registry.POLICIES) - set(BUDGETED)))
def test_what_has_no_budget_takes_none_and_says_why(name: str) -> None:
    why = registry.policy(name).unbudgeted
    assert why
    with pytest.raises(UsageError, match=f"no parameter 'keep': {why}"):
        LaneSpec.parse(f"full+{name}:keep=0.1")


def test_clusters_above_a_threshold_are_the_budget_on_average() -> None:
    """Of the queries that set the threshold, to within the largest cluster."""
    text = TEXTS[403]
    for share in (0.1, 0.3, 0.6):
        policy = made("squeezed-attention", "emulated-per-head", share)
        budget = policy.budget(text.n)
        seen = text.seen(policy.window(budget))
        retriever = policy.plan(seen, budget).retriever
        assert retriever is not None
        seen_by = [retriever.visible(layer, products(seen, layer)).sum(-1).mean() for layer in range(LAYERS)]
        assert budget - 0.02 * text.n < np.mean(seen_by) <= budget
