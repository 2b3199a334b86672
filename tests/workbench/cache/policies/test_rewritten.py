"""Policies that write keys and values anew: merged sets, blocks of bits, and what is left of precision."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from tests.workbench.cache.policies.conftest import LINES, QUESTION, Look, kept
from workbench.cache.base import CachePolicy
from workbench.cache.policies.kivi import KIVI, quantized
from workbench.cache.policies.kvmerger import KVMerger
from workbench.cache.policies.quantized import Quantized, through
from workbench.cache.rewriting import RewritingPolicy
from workbench.errors import UsageError
from workbench.llm.base import AnswerRequest, AnswerResult, CacheRequest
from workbench.llm.messages import Message


def answer(look: Look, policy: CachePolicy | None, forced: tuple[int, ...] | None = None) -> AnswerResult:
    marks = (*LINES, QUESTION)
    messages = (Message("user", "\n".join(LINES) + "\n" + QUESTION),)
    cache = None if policy is None else CacheRequest(policy, len(marks) - 1)
    request = AnswerRequest(messages, marks, 40, cache=cache, forced=forced)
    return asyncio.run(look.backend.answer(request))


@pytest.mark.parametrize("budget", [30, 80, 200])
def test_kvmerger(look: Look, budget: int) -> None:
    policy = KVMerger()
    seen = look.seen(policy, budget)
    plan = policy.plan(seen, budget)
    assert plan.keys is not None and plan.values is not None
    assert (plan.kept.sum(-1) == budget).all()
    for layer, head in look.each():
        keys, values = look.keys[layer, head], look.values[layer, head]
        received = look.group(lambda h, layer=layer: look.attention[layer, h].sum(0), head)
        recent = set(range(look.n - max(1, int(0.25 * budget)), look.n))
        order = sorted((t for t in range(look.n) if t not in recent), key=lambda t: (-round(received[t], 4), t))
        alone = set(order[: int(0.125 * budget)]) | recent
        unit = keys / np.linalg.norm(keys, axis=-1, keepdims=True)
        alike = [-np.inf if t in alone or t + 1 in alone else float(unit[t] @ unit[t + 1]) for t in range(look.n - 1)]
        cuts = set(sorted(range(look.n - 1), key=lambda t: (round(alike[t], 6), t))[: budget - 1])
        sets, own = [], [0]
        for token in range(1, look.n):
            if token - 1 in cuts:
                sets.append(own)
                own = []
            own.append(token)
        sets.append(own)
        assert len(sets) == budget
        places = set()
        for members in sets:
            pivot = max(members, key=lambda t: (t == look.n - 1, round(received[t], 4), -t))
            places.add(pivot)
            far = np.linalg.norm(keys[members] - keys[pivot], axis=-1)
            sigma = far.sum() / (np.sqrt(2) * len(members))
            weights = np.exp(-(far**2) / (2 * max(sigma, 1e-12) ** 2))
            weights /= weights.sum()
            assert np.allclose(plan.keys[layer, head, pivot], weights @ keys[members], atol=1e-4)
            assert np.allclose(plan.values[layer, head, pivot], weights @ values[members], atol=1e-4)
        assert kept(plan.kept[layer, head]) == places


def test_merged_sets_for_all_are_really_evicted(look: Look) -> None:
    done = answer(look, KVMerger(keep=0.4, variant="evicted-uniform")).compression
    assert done is not None and done.kept.shape == (done.read,) and done.kept.sum() == round(0.4 * done.read)
    assert done.badge == "REWRITTEN K/V, EVICTED uniform" and done.logical_bytes < done.full_bytes
    each = answer(look, KVMerger(keep=0.4)).compression
    assert each is not None and each.kept.ndim == 3 and each.badge == "REWRITTEN K/V (no memory saved)"
    whole = answer(look, KVMerger(keep=1.0)).compression
    assert whole is not None and max(whole.kl) < 1e-5


@pytest.mark.parametrize(("kind", "levels"), [("q8_0", 127), ("q4_0", 8)])
def test_block_formats_are_those_of_ggml(kind: str, levels: int) -> None:
    rng = np.random.default_rng(0)
    array = rng.normal(size=(2, 3, 5, 32)).astype(np.float32)
    found = through(array, kind)
    for block, back in zip(array.reshape(-1, 32), found.reshape(-1, 32), strict=True):
        largest = block[np.abs(block).argmax()]
        scale = np.float32(np.abs(largest) / 127 if kind == "q8_0" else largest / -8)
        inverse = np.float32(1 / scale)
        steps = np.round(block * inverse) if kind == "q8_0" else np.clip(np.trunc(block * inverse + 8.5), 0, 15) - 8
        assert np.allclose(back, steps * np.float32(np.float16(scale)), atol=1e-6)
        assert np.abs(back - block).max() <= 1.02 * abs(scale) * (0.5 if kind == "q8_0" else 1)


def test_kivi_rounds_keys_by_channel_and_values_by_token(look: Look) -> None:
    keys, values = (array[:, :, :64].astype(np.float32) for array in (look.keys, look.values))
    for bits in (2, 4):
        policy = KIVI(bits=bits, group=16, residual=32)
        for layer, head in look.each():
            back = policy.stored_keys(keys)[layer, head]
            for start in range(0, 64, 16):
                for channel in range(back.shape[1]):
                    column = keys[layer, head, start : start + 16, channel]
                    step = (column.max() - column.min()) / (2**bits - 1)
                    steps = (back[start : start + 16, channel] - column.min()) / step
                    assert np.allclose(steps, np.round(steps), atol=1e-2)
                    assert np.abs(back[start : start + 16, channel] - column).max() <= step / 2 + 1e-5
            back = policy.stored_values(values)[layer, head]
            row = values[layer, head, 7]  # 16 channels: one group
            step = (row.max() - row.min()) / (2**bits - 1)
            assert np.abs(back[7] - row).max() <= step / 2 + 1e-5
    flat = np.ones((1, 1, 2, 16, 3), np.float32)
    assert np.array_equal(quantized(flat, 2, 3), flat)


def test_kivi_leaves_the_residual(look: Look) -> None:
    policy = KIVI(group=16, residual=32)
    assert [policy.due(n) for n in (31, 32, 33, 70)] == [(0, 0), (32, 0), (32, 1), (64, 38)]


@pytest.mark.parametrize(
    "policy",
    [Quantized(), Quantized(keys="q4_0", values="none"), KIVI(bits=4), KIVI(bits=2)],
    ids=["q8_0", "q4_0-keys", "kivi-4", "kivi-2"],
)
def test_what_the_cache_holds_is_what_the_policy_stores(look: Look, policy: RewritingPolicy) -> None:
    """Every cell after the answer, prompt and generated tokens alike, is the stored form of what it was written as."""
    full = answer(look, None)
    done = answer(look, policy, tuple(t.id for t in full.completion.tokens)).compression
    assert done is not None and done.way == "rewritten" and done.share == 1 and done.logical_bytes == done.full_bytes
    assert done.modelled_bytes < done.full_bytes
    prompt, scope = look.backend.chat.tokenize(full.completion.prompt), look.scope()
    for start in range(0, len(prompt) - 1, 128):
        scope.feed(prompt[start : min(start + 128, len(prompt) - 1)])
    cells = scope.tap.cells.cells(np.arange(len(prompt) - 1))
    keys, values = scope.kv.keys(0, cells), scope.kv.values(0, cells)
    due = policy.due(len(prompt) - 1)
    stored_keys, stored_values = policy.stored_keys(keys[:, :, : due[0]]), policy.stored_values(values[:, :, : due[1]])
    scope.kv.write_keys(0, cells[: due[0]], stored_keys)
    scope.kv.write_values(0, cells[: due[1]], stored_values)
    logits = scope.feed(prompt[-1:])
    first = float(np.log(np.exp(logits - logits.max()).sum()) + logits.max())
    logits = logits.copy()
    look.scope()
    result = answer(look, policy, tuple(t.id for t in full.completion.tokens)).completion.tokens[0]
    assert result.logprob == pytest.approx(float(logits[result.id]) - first, abs=1e-5)


def test_more_bits_are_nearer_to_the_full_cache(look: Look) -> None:
    distances = []
    for policy in (Quantized(), KIVI(bits=4), KIVI(bits=2), KIVI(bits=1)):
        done = answer(look, policy).compression
        assert done is not None
        distances.append(float(np.mean(done.kl)))
    assert distances[0] < 1e-3 and distances == sorted(distances)


def test_formats_that_do_not_exist_are_refused() -> None:
    with pytest.raises(UsageError, match="residual a multiple"):
        KIVI(group=32, residual=40)
