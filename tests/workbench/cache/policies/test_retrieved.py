"""Policies that look up tokens anew for every query: what each head may see against loops on captured Q and K."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from tests.workbench.cache.policies.conftest import Look, best, kept
from workbench.cache.base import CachePolicy, Observation
from workbench.cache.policies.actqkv import ActQKV, shares
from workbench.cache.policies.em_llm_kv import EMLLMKV, events
from workbench.cache.policies.longmem import LongMem
from workbench.cache.policies.sentencekv import SentenceKV, sentences
from workbench.cache.policies.shadowkv import ShadowKV
from workbench.cache.policies.squeezed_attention import SqueezedAttention, clustered
from workbench.cache.retrieval import RetrievalPolicy

BUDGETS = (24, 70, 150)


def queried(look: Look, policy: CachePolicy, budget: int, count: int = 2) -> tuple[Observation, list[np.ndarray]]:
    """The observation, and what each layer's heads see when the last ``count`` queries are asked together as one step
    after the compression: bool [heads, queries, n]."""
    seen = look.seen(policy, budget)
    assert isinstance(policy, RetrievalPolicy)
    retriever = policy.retriever(seen, budget)
    out = []
    for layer in range(look.layers):
        keys = np.repeat(look.keys[layer], 2, axis=0)
        scores = np.einsum("hqd,hnd->hqn", look.queries[layer][:, -count:], keys) * look.scale
        out.append(retriever.visible(layer, scores.astype(np.float32)))
    return seen, out


def whole(groups: list[list[int]], worth: list[float], always: set[int], budget: int) -> set[int]:
    """Groups best first until the budget is full, the last in part."""
    out = set(always)
    for _, tokens in sorted(zip(worth, groups, strict=True), key=lambda pair: -pair[0]):
        for token in tokens:
            if len(out) < budget:
                out.add(token)
    return out


@pytest.mark.parametrize("budget", BUDGETS)
def test_longmem(look: Look, budget: int) -> None:
    _, found = queried(look, LongMem(), budget)
    local = budget // 2
    chunks = [list(range(i, min(i + 4, look.n - local))) for i in range(0, look.n - local, 4)]
    for layer in range(look.layers):
        for head in range(look.heads):
            for query in (-2, -1):
                q = look.queries[layer, head, query]
                worth = [float(q @ look.keys[layer, head // 2, chunk].mean(0)) for chunk in chunks]
                expected = whole(chunks, worth, set(range(look.n - local, look.n)), budget)
                assert kept(found[layer][head, query]) == expected and len(expected) == budget


@pytest.mark.parametrize("budget", BUDGETS)
def test_shadowkv(look: Look, budget: int) -> None:
    _, found = queried(look, ShadowKV(chunk=4, local=2), budget)
    local = min(8, budget // 4)
    chunks = [list(range(i, min(i + 4, look.n - local))) for i in range(0, look.n - local, 4)]
    count = budget // 4 // 4
    for layer, kv_head in look.each():
        keys = look.keys[layer, kv_head]
        cosines = []
        for chunk in chunks:
            mean = keys[chunk].mean(0)
            cosines.append(min(k @ mean / np.linalg.norm(k) / np.linalg.norm(mean) for k in keys[chunk]))
        outliers = sorted(range(len(chunks)), key=lambda i: (round(cosines[i], 9), i))[:count]
        always = {token for i in outliers for token in chunks[i]} | set(range(look.n - local, look.n))
        others = [i for i in range(len(chunks)) if i not in outliers]
        for query in (-2, -1):
            most = np.zeros(len(chunks))
            for head in (2 * kv_head, 2 * kv_head + 1):
                products = np.array([look.queries[layer, head, query] @ keys[c].mean(0) * look.scale for c in chunks])
                weights = np.exp(products - products.max())
                most = np.maximum(most, weights / weights.sum())
            expected = whole([chunks[i] for i in others], [most[i] for i in others], always, budget)
            for head in (2 * kv_head, 2 * kv_head + 1):
                assert kept(found[layer][head, query]) == expected and len(expected) == budget


@pytest.mark.parametrize("budget", BUDGETS)
def test_sentencekv(look: Look, budget: int) -> None:
    policy = SentenceKV(factor=2, window_size=16, start=4, recent=8)
    seen, found = queried(look, policy, budget)
    of = sentences(seen)
    start, recent, window = min(4, budget // 4), min(8, budget // 4), min(16, budget // 2)
    always = set(range(start)) | set(range(look.n - recent, look.n))
    for layer, kv_head in look.each():

        def snap(head: int, layer: int = layer) -> np.ndarray:
            row = look.received(layer, head, window)[: look.n - window]
            return np.array([row[max(0, i - 3) : i + 4].max() for i in range(len(row))])

        scores = np.append(look.group(snap, kv_head), np.zeros(window))
        held = best(scores, 2 * budget, always | set(range(look.n - window, look.n)))
        groups = [[t for t in range(look.n) if of[t] == s and t in held and t not in always] for s in range(of[-1] + 1)]
        groups = [group for group in groups if group]
        for head in (2 * kv_head, 2 * kv_head + 1):
            for query in (-2, -1):  # the second query's sentence is both of them
                q = look.queries[layer, head, -2 : query + 1 or None].mean(0)
                own = [[t for t in range(look.n) if of[t] == of[group[0]] and t in held] for group in groups]
                worth = [float(q @ look.keys[layer, kv_head, sentence].mean(0)) for sentence in own]
                assert kept(found[layer][head, query]) == whole(groups, worth, always, budget)


def test_sentences_end_in_many_scripts_and_with_spans() -> None:
    texts = ("Oslo", ".", " 东京", "。", "दिल्ली", "।", " a", " b", " c")
    seen = Observation(texts, np.ones((1, 1, 9), bool), 1, spans=np.array([0, 0, 0, 0, 0, 0, 0, 1, 1]))
    assert sentences(seen).tolist() == [0, 0, 1, 1, 2, 2, 3, 4, 4]


def test_clusters_are_those_of_k_means(look: Look) -> None:
    from sklearn.cluster import KMeans

    for count in (5, 14):
        of = clustered(look.keys.astype(np.float32), count)
        for layer, head in ((0, 0), (3, 2)):
            unit = look.keys[layer, head] / np.linalg.norm(look.keys[layer, head], axis=-1, keepdims=True)
            begin = unit[np.linspace(0, look.n - 1, count).round().astype(int)]
            means = KMeans(count, init=begin, n_init=1, max_iter=10, tol=0, algorithm="lloyd")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that it has not come to rest
                labels = means.fit(unit).labels_
            # scikit-learn assigns once more after its last mean; wherever both had come to rest they are the same.
            assert (labels == of[layer, head]).mean() > 0.95


@pytest.mark.parametrize("budget", BUDGETS)
def test_squeezed_attention(look: Look, budget: int) -> None:
    policy = SqueezedAttention(clusters=0.05, calibration=20)
    window = min(20, budget // 2)
    seen, found = queried(look, policy, budget, window)
    before = look.n - window
    count = round(0.05 * before)
    of = clustered(look.keys[:, :, :before].astype(np.float32), count)

    def share(layer: int, head: int, query: int) -> tuple[np.ndarray, list[list[int]]]:
        groups = [[t for t in range(before) if of[layer, head // 2, t] == c] for c in range(count)]
        products = np.full(count, -np.inf)
        for cluster, group in enumerate(groups):
            if group:
                centroid = look.keys[layer, head // 2, group].mean(0)
                products[cluster] = look.queries[layer, head, query] @ centroid * look.scale
        weights = np.exp(products - products.max())
        return weights / (np.array([len(group) for group in groups]) * weights).sum(), groups

    threshold = policy.retriever(seen, budget).facts["threshold"]  # type: ignore[attr-defined]
    looked = []
    for layer in range(look.layers):
        for head in range(look.heads):
            for query in range(-window, 0):
                shares_, groups = share(layer, head, query)
                seen_by = kept(found[layer][head, query])
                assert seen_by >= set(range(before, look.n))
                for cluster, group in enumerate(groups):  # the one that the threshold was read off may go either way
                    if abs(shares_[cluster] / threshold - 1) > 1e-4:
                        assert len(seen_by & set(group)) == (shares_[cluster] > threshold) * len(group)
                looked.append(len(seen_by))
    assert budget - 0.02 * look.n < np.mean(looked) <= budget  # a whole cluster may not fit any more


def test_events_begin_where_the_text_surprises(look: Look) -> None:
    assert look.surprise is not None
    for gamma, least, most in ((1.0, 8, 128), (0.5, 3, 20)):
        of = events(look.surprise, gamma, least, most)
        number, begun = 0, 0
        for token in range(1, look.n):
            before = look.surprise[:token].astype(np.float64)
            surprising = look.surprise[token] > before.mean() + gamma * before.std()
            if (surprising and token - begun >= least) or token - begun >= most:
                number, begun = number + 1, token
            assert of[token] == number
        assert number > 3
    assert look.surprise[0] == 0


@pytest.mark.parametrize("budget", BUDGETS)
def test_em_llm_kv(look: Look, budget: int) -> None:
    policy = EMLLMKV(least=3, most=20, contiguity=0.3)
    seen, found = queried(look, policy, budget, count=1)
    whole_ = 128 + 4096 + 2048
    first, local = max(1, budget * 128 // whole_), max(1, budget * 4096 // whole_)
    always = set(range(first)) | set(range(look.n - local, look.n))
    of = events(seen.surprise, 1.0, 3, 20)  # type: ignore[arg-type]
    groups = [[t for t in range(look.n) if of[t] == e and t not in always] for e in range(of[-1] + 1)]
    groups = [group for group in groups if group]
    for layer in range(look.layers):
        received = look.attention[layer].sum(1).mean(0)
        worth = []
        for group in groups:
            standing = sorted(group, key=lambda t: (-round(received[t], 4), t))[:4]
            keys = [look.keys[layer, h // 2, standing].mean(0) for h in range(look.heads)]
            worth.append(sum(float(look.queries[layer, h, -1] @ keys[h]) for h in range(look.heads)))
        near = int(0.3 * (budget - len(always)))
        chosen = whole(groups, worth, always, budget - near)
        inside = [e for e in sorted(range(len(groups)), key=lambda e: -worth[e]) if chosen & set(groups[e])]
        for event in inside:
            for beside in (event - 1, event + 1):
                for token in groups[beside] if 0 <= beside < len(groups) else []:
                    if len(chosen) < budget:
                        chosen.add(token)
        result = kept(found[layer][0, 0])
        assert len(result) == budget and all(kept(found[layer][h, 0]) == result for h in range(look.heads))
        assert len(result & chosen) >= budget - 4  # events beside two chosen ones may come in another order
        assert always <= result


@pytest.mark.parametrize("budget", BUDGETS)
def test_actqkv(look: Look, budget: int) -> None:
    policy = ActQKV(block=8, initial=4, local=16, window_size=12)
    plan = policy.plan(look.seen(policy, budget), budget)
    first, last = min(4, budget // 8), min(16, budget // 4)
    always = set(range(first)) | set(range(look.n - last, look.n))
    groups = [list(range(i, min(i + 8, look.n - last))) for i in range(first, look.n - last, 8)]
    assert plan.kept.sum() == budget * look.layers * look.kv_heads
    for layer in range(look.layers):
        window = np.concatenate([look.queries[layer, h, -12:] for h in range(look.heads)], axis=-1)
        variance = window.var(0)
        weights = ((window - window.mean(0)) ** 2 / (variance + variance.mean() / 100)).mean(-1)
        probe = (weights[:, None] * window).sum(0) / weights.sum()
        received = look.attention[layer].sum(1).mean(0)
        worth = []
        for group in groups:
            standing = sorted(group, key=lambda t: (-round(received[t], 4), t))[:4]
            key = np.concatenate([look.keys[layer, h // 2, standing].mean(0) for h in range(look.heads)])
            worth.append(float(key @ probe / np.linalg.norm(key) / np.linalg.norm(probe)))
        count = len(kept(plan.kept[layer, 0]))
        for head in range(look.kv_heads):
            assert kept(plan.kept[layer, head]) == whole(groups, worth, always, count)


def test_even_rankings_get_more_of_the_budget() -> None:
    sharp, even = np.array([9.0, 0, 0, 0]), np.zeros(4)
    found = shares(np.stack([sharp, even]).astype(np.float32), 20, 100)
    assert found.sum() == 40 and found[1] > 30
    assert shares(np.stack([sharp, even]).astype(np.float32), 20, 25).tolist() == [15, 25]


RETRIEVED: list[CachePolicy] = [LongMem(), ShadowKV(), SentenceKV(), EMLLMKV()]


@pytest.mark.parametrize("policy", RETRIEVED, ids=lambda policy: policy.name)
@pytest.mark.parametrize("keep", [0.05, 0.3, 0.8, 1, 11])
def test_budgets_are_exact_and_no_row_is_empty(look: Look, policy: CachePolicy, keep: float) -> None:
    made = type(policy)(keep=keep)
    budget = made.budget(look.n)
    _, found = queried(look, made, budget)
    for layer in found:
        assert (layer.sum(-1) == budget).all()
    uniform = type(policy)(keep=keep, variant="evicted-uniform")  # type: ignore[call-arg]
    plan = uniform.plan(look.seen(uniform, budget), budget)
    assert plan.kept.shape == (look.n,) and plan.kept.sum() == budget and plan.kept[-1]


def test_the_vote_of_a_retriever_is_what_the_last_queries_look_up(look: Look) -> None:
    policy = LongMem(variant="evicted-uniform")
    plan = policy.plan(look.seen(policy, 60), 60)
    votes = np.zeros(look.n)
    chunks = [list(range(i, min(i + 4, look.n - 30))) for i in range(0, look.n - 30, 4)]
    local = set(range(look.n - 30, look.n))
    for layer in range(look.layers):
        for head in range(look.heads):
            for query in range(look.n - 16, look.n):
                q = look.queries[layer, head, query]
                allowed = [chunk for chunk in chunks if chunk[-1] <= query]
                worth = [float(q @ look.keys[layer, head // 2, chunk].mean(0)) for chunk in allowed]
                votes[list(whole(allowed, worth, local, 60))] += 1
    assert len(kept(plan.kept) ^ best(votes, 60, {look.n - 1})) <= 4  # equal votes
