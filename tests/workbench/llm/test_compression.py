"""Policies on real cells: what is emulated, evicted, re-read and rewritten is what NumPy says, and nothing else."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.gguf_models import Shape, forward
from workbench.cache import registry
from workbench.cache.base import CachePolicy, Observation, Plan
from workbench.cache.policies.h2o import H2O
from workbench.cache.policies.knorm import Knorm
from workbench.cache.policies.snapkv import SnapKV
from workbench.cache.policies.streaming_llm import StreamingLLM
from workbench.cache.policies.tova import TOVA
from workbench.errors import ModelError
from workbench.llm import llama
from workbench.llm.base import AnswerRequest, AnswerResult, BackendOptions, CacheRequest, RetraceRequest
from workbench.llm.llama import LlamaBackend
from workbench.llm.messages import Message
from workbench.llm.open import open_backend

STORY = [f"fact {i}: {name} likes {thing}." for i, (name, thing) in enumerate([("ann", "tea"), ("bob", "milk")] * 12)]
QUESTION = "what does bob like?"
MARKS = (*STORY, QUESTION)
NAMES = [name for name in registry.POLICIES if name != registry.DEFAULT]


def asked(policy: CachePolicy | None, **more: Any) -> AnswerRequest:
    messages = (Message("user", "\n".join(STORY) + "\n" + QUESTION),)
    cache = None if policy is None else CacheRequest(policy, len(MARKS) - 1)
    return AnswerRequest(messages, MARKS, **({"max_tokens": 6, "stop": (), "cache": cache} | more))


def answer(backend: LlamaBackend, policy: CachePolicy | None, **more: Any) -> AnswerResult:
    return asyncio.run(backend.answer(asked(policy, **more)))


def logprobs(result: AnswerResult) -> np.ndarray:
    return np.array([token.logprob for token in result.completion.tokens])


def forced(backend: LlamaBackend) -> tuple[int, ...]:
    return tuple(token.id for token in answer(backend, None).completion.tokens)


@pytest.mark.parametrize("name", NAMES)
def test_a_budget_of_everything_is_the_full_cache(backend: LlamaBackend, name: str) -> None:
    kind = registry.policy(name)
    policy = kind(keep=1.0) if "keep" in kind.__dataclass_fields__ and kind.__dataclass_fields__["keep"].init else None
    if policy is None:
        pytest.skip("this policy has no budget")
    full, same = answer(backend, None), answer(backend, policy, forced=forced(backend))
    assert np.abs(logprobs(full) - logprobs(same)).max() < 1e-5
    assert same.compression is not None and same.compression.share == 1 and max(same.compression.kl) < 1e-5


@pytest.mark.parametrize("when", ["before-question", "after-question"])
@pytest.mark.parametrize(
    "make", [lambda **p: SnapKV(window_size=8, **p), H2O, TOVA, Knorm], ids=["snapkv", "h2o", "tova", "knorm"]
)
def test_heads_see_what_the_plan_keeps_and_nothing_else(backend: LlamaBackend, make: Any, when: str) -> None:
    result = answer(backend, make(keep=0.3, when=when, every=0))
    done, capture = result.compression, result.capture
    assert done is not None and capture is not None
    assert done.kept.shape == (3, 3, done.read) and done.entries == 9
    assert (done.kept.sum(-1) == round(0.3 * done.read)).all()
    # Attention of the answer: none where a head dropped a token, some wherever it kept one; query heads 2g, 2g+1 share.
    seen = capture.weights[:, :, :, : done.read].max(2).reshape(3, 3, 2, done.read)
    assert seen[~np.broadcast_to(done.kept[:, :, None], seen.shape)].max() == 0
    assert (seen.max(2)[done.kept] > 0).mean() > 0.99
    assert done.read == (result.completion.prompt_tokens - 1 if when == "after-question" else result.spans[-1][0])
    assert done.share == pytest.approx(round(0.3 * done.read) / done.read)
    assert done.modelled_bytes == pytest.approx(done.share * done.full_bytes) and done.logical_bytes == done.full_bytes
    assert done.survival.shape == (1, done.read) and (done.survival[0] == done.kept.sum((0, 1))).all()


@pytest.mark.parametrize("when", ["before-question", "after-question"])
def test_masked_heads_give_the_numbers_of_an_independent_model(
    backend: LlamaBackend, weights: dict[str, np.ndarray], shape: Shape, when: str
) -> None:
    """The whole answer under SnapKV, recomputed in float64 NumPy with the plan's masks."""
    result = answer(backend, SnapKV(keep=0.3, window_size=8, when=when), forced=forced(backend))
    done = result.compression
    assert done is not None
    prompt = backend.chat.tokenize(result.completion.prompt).tolist()
    tokens = prompt + [token.id for token in result.completion.tokens]
    hidden = np.repeat(~done.kept, 2, axis=1)
    _, logits = forward(weights, shape, tokens, per_head=(hidden, done.read))
    rows = logits[len(prompt) - 1 : -1]
    expected = (rows - np.log(np.exp(rows).sum(-1, keepdims=True)))[np.arange(len(rows)), tokens[len(prompt) :]]
    assert np.abs(logprobs(result) - expected).max() < 1e-3


@pytest.mark.parametrize(
    "make", [lambda **p: SnapKV(window_size=8, **p), H2O, TOVA, Knorm], ids=["snapkv", "h2o", "tova", "knorm"]
)
def test_evicted_for_all_equals_a_mask_of_the_same_tokens(backend: LlamaBackend, make: Any) -> None:
    tokens = forced(backend)
    result = answer(backend, make(keep=0.3, variant="evicted-uniform", every=0), forced=tokens)
    done = result.compression
    assert done is not None and done.kept.shape == (done.read,) and done.kept.sum() == round(0.3 * done.read)
    assert done.badge == "EVICTED uniform" and done.agreement is not None and 0 < done.agreement <= 1
    assert done.logical_bytes == done.modelled_bytes == done.full_bytes * done.kept.sum() // done.read
    masked = answer(backend, Fixed(done.kept), forced=tokens)
    assert masked.compression is not None and masked.compression.way == "emulated-per-head"
    assert np.abs(logprobs(result) - logprobs(masked)).max() < 1e-5


class Fixed(CachePolicy):
    """Masks the same given tokens in every head."""

    name = "fixed"
    way = "emulated-per-head"

    def __init__(self, kept: np.ndarray) -> None:
        super().__init__(keep=1.0)
        self._kept = kept

    def plan(self, seen: Observation, budget: int) -> Plan:
        return Plan(np.broadcast_to(self._kept, seen.alive.shape).copy())


def test_streaming_drops_the_middle_and_goes_on_as_a_shorter_text(
    backend: LlamaBackend, weights: dict[str, np.ndarray], shape: Shape
) -> None:
    tokens = forced(backend)
    result = answer(backend, StreamingLLM(keep=40), forced=tokens)
    done = result.compression
    assert done is not None and done.kept.sum() == 40 and done.kept[:4].all() and done.kept[-36:].all()
    # One token goes for every one that comes, and the survival says which and when.
    assert done.generated == (0, 1, 2, 3, 4, 5, 6) and (done.survival.astype(bool).sum(1) == 40).all()
    gone = [np.flatnonzero(a & ~b) for a, b in zip(*_rows(done.survival), strict=True)]
    assert [place.tolist() for place in gone] == [[done.read - 36 + step] for step in range(6)]
    still = answer(backend, StreamingLLM(keep=40, renumber=False, every=0), forced=tokens)
    masked = answer(backend, Fixed(done.kept), forced=tokens)
    assert np.abs(logprobs(still) - logprobs(masked)).max() < 1e-5
    assert np.abs(logprobs(result) - logprobs(still)).max() > 1e-3


def _rows(survival: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    there = survival.astype(bool)
    return there[:-1], there[1:]


def test_decoding_keeps_the_budget_in_every_head(backend: LlamaBackend) -> None:
    done = answer(backend, H2O(keep=30)).compression
    assert done is not None and len(done.survival) > 3
    assert (done.survival.sum(1) == 30 * done.entries).all()
    evicted = answer(backend, TOVA(keep=30, variant="evicted-uniform")).compression
    assert evicted is not None and set(np.unique(evicted.survival)) == {0, evicted.entries}
    assert (evicted.survival.astype(bool).sum(1) == 30).all()


def test_the_distance_is_to_the_full_cache_on_its_own_words(
    backend: LlamaBackend, weights: dict[str, np.ndarray], shape: Shape
) -> None:
    policy = SnapKV(keep=0.1, window_size=8)
    full, result = answer(backend, None), answer(backend, policy)
    done = result.compression
    assert done is not None and done.full_text == full.completion.text
    assert done.compared == tuple(token.text for token in full.completion.tokens)
    prompt = backend.chat.tokenize(result.completion.prompt).tolist()
    tokens = prompt + [token.id for token in full.completion.tokens]
    _, logits = forward(weights, shape, tokens)
    _, pressed = forward(weights, shape, tokens, per_head=(np.repeat(~done.kept, 2, axis=1), done.read))
    p, q = (rows[len(prompt) - 1 : -1] for rows in (logits, pressed))
    p, q = (rows - np.log(np.exp(rows).sum(-1, keepdims=True)) for rows in (p, q))
    assert np.allclose(done.kl, (np.exp(p) * (p - q)).sum(-1), atol=1e-3) and max(done.kl) > 1e-2
    # Its own answer is what it writes when nobody compares.
    alone = asyncio.run(
        backend.answer(replace(asked(policy), cache=CacheRequest(policy, len(MARKS) - 1, compare=False)))
    )
    assert alone.completion == result.completion and alone.compression is not None and alone.compression.kl == ()


def test_nothing_stays_behind_for_whoever_asks_next(backend: LlamaBackend) -> None:
    before = answer(backend, None)
    for policy in (StreamingLLM(keep=20), H2O(keep=0.2), SnapKV(keep=0.2, variant="evicted-uniform")):
        first = answer(backend, policy)
        again = answer(backend, policy)
        assert first.completion == again.completion
        assert first.compression is not None and again.compression is not None
        assert np.array_equal(first.compression.kept, again.compression.kept)
        assert first.compression.kl == again.compression.kl
        after = answer(backend, None)
        assert after.completion == before.completion
        assert after.capture is not None and before.capture is not None
        assert np.array_equal(after.capture.weights, before.capture.weights)


def test_an_exact_backend_says_the_same(backend: LlamaBackend) -> None:
    exact = open_backend(replace(backend.options, exact=True))
    assert isinstance(exact, LlamaBackend)
    for policy in (SnapKV(keep=0.2), TOVA(keep=0.2, variant="evicted-uniform", when="before-question")):
        one, other = answer(backend, policy), answer(exact, policy)
        assert one.completion == other.completion
        assert one.compression is not None and other.compression is not None
        assert np.array_equal(one.compression.kept, other.compression.kept)
        assert one.compression.kl == other.compression.kl
    exact.close()


def test_tiny_budgets_leave_something(backend: LlamaBackend) -> None:
    for name in NAMES:
        kind = registry.policy(name)
        if not kind.__dataclass_fields__["keep"].init:
            continue
        done = answer(backend, kind(keep=0.001)).compression
        assert done is not None and done.kept.any(-1).all(), name
        assert done.budget >= kind.sinks + 1, name
    done = answer(backend, StreamingLLM(keep=1e-9)).compression
    assert done is not None and done.kept.sum() == 5


def test_a_plan_that_cannot_be_carried_out_fails_that_answer_only(backend: LlamaBackend) -> None:
    broken = Fixed(np.ones(3, bool))
    with pytest.raises(ModelError, match="answering under fixed failed"):
        answer(backend, broken)
    assert answer(backend, None).completion.tokens


CHOOSE_AGAIN = ("sentencekv", "squeezed-attention", "actqkv", "shadowkv", "em-llm-kv", "longmem")
"""Policies that choose at every token, the question's included, from a cache that is the same for all."""
QUESTIONS = ("what does bob like?", "who likes tea?", "what is fact 7 about, and who is in it?")


def of_question(backend: LlamaBackend, policy: CachePolicy, question: str) -> AnswerResult:
    """The same context, another question."""
    messages = (Message("user", "\n".join(STORY) + "\n" + question),)
    marks = (*STORY, question)
    return asyncio.run(backend.answer(AnswerRequest(messages, marks, 6, (), cache=CacheRequest(policy, len(STORY)))))


@pytest.mark.parametrize("name", [n for n in NAMES if not registry.policy(n).unbudgeted])
def test_one_compressed_context_serves_many_questions(backend: LlamaBackend, name: str) -> None:
    """SCBench's multi-request mode: the context is compressed without any question, and every question begins again
    from that cache, whatever was asked before."""
    policy = registry.policy(name)(keep=0.3, when="before-question")
    results = [of_question(backend, policy, question) for question in (*QUESTIONS, QUESTIONS[0])]
    done = [result.compression for result in results]
    assert len({one.read for one in done if one is not None}) == 1
    first, last = done[0], done[-1]
    assert first is not None and last is not None
    if name not in CHOOSE_AGAIN:
        assert all(one is not None and np.array_equal(one.kept, first.kept) for one in done)
    assert first.kl == last.kl and logprobs(results[0]).tolist() == logprobs(results[-1]).tolist()


def test_with_the_question_in_sight_every_question_has_a_cache_of_its_own(backend: LlamaBackend) -> None:
    policy = SnapKV(keep=0.3, window_size=8, when="after-question")
    kept = [of_question(backend, policy, question).compression for question in QUESTIONS[:2]]
    assert kept[0] is not None and kept[1] is not None
    both = min(kept[0].read, kept[1].read) - 16  # before the questions, whose lengths differ
    assert not np.array_equal(kept[0].kept[..., :both], kept[1].kept[..., :both])


def test_models_whose_cache_cannot_are_refused_with_a_reason(tmp_path: Path) -> None:
    from tests.support.gguf_models import write_model

    path = tmp_path / "swa.gguf"
    write_model(path, Shape(), architecture="olmo2", extra={"attention.sliding_window": 64})
    backend = open_backend(BackendOptions(str(path), "hash", context=1024, threads=1))
    assert "sliding-window" in backend.refusal(SnapKV())
    with pytest.raises(ModelError, match=r"snapkv cannot be carried out on .*swa\.gguf: a sliding-window cache"):
        asyncio.run(backend.answer(asked(SnapKV())))
    backend.close()


def test_attention_too_large_to_be_computed_again_is_refused(
    backend: LlamaBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = RetraceRequest(np.arange(20, 60, dtype=np.int32), 30)
    assert asyncio.run(backend.retrace(request)).shape[-1] == 40
    monkeypatch.setattr(llama, "MOST_RETRACED", 4096)
    with pytest.raises(ModelError, match="the attention of this answer takes 0 MiB"):
        asyncio.run(backend.retrace(request))
