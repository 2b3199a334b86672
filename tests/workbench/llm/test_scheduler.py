"""Batched lanes: the same numbers as one by one, fair, cancellable, and honest about limits."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from workbench.errors import ModelError
from workbench.llm.base import AnswerRequest, BackendOptions, CompletionRequest, CompletionResult
from workbench.llm.context import FLASH_OFF, Context, ContextOptions
from workbench.llm.llama import LlamaBackend
from workbench.llm.messages import Message
from workbench.llm.model import Model
from workbench.llm.open import open_backend
from workbench.llm.output import Output
from workbench.llm.scheduler import Job, Scheduler
from workbench.llm.worker import Ticket


def ask(text: str, **options: object) -> CompletionRequest:
    return CompletionRequest((Message("user", text),), **options)


def complete(backend: LlamaBackend, requests: Sequence[CompletionRequest]) -> list[CompletionResult]:
    async def together() -> list[CompletionResult]:
        return await asyncio.gather(*map(backend.complete, requests))

    return asyncio.run(together())


PROMPTS = [f"lane {lane}: " + "the weather in the north " * (1 + 3 * lane) for lane in range(8)]


@pytest.fixture(scope="module", params=[False, True], ids=["separate", "unified"])
def context(request: pytest.FixtureRequest, model_path: Path) -> Iterator[Context]:
    model = Model(model_path)
    options = ContextOptions(
        1024, 1, sequences=8, batch=256, ubatch=256, flash=FLASH_OFF, unified=request.param, kv_type="f32"
    )
    opened = Context(model, options)
    yield opened
    opened.close()
    model.close()


def forced_logits(context: Context, prompts: list[np.ndarray], forced: list[np.ndarray]) -> list[np.ndarray]:
    """Logits ``[token, vocabulary]`` of the forced tokens of every lane, all lanes batched by the scheduler."""
    scheduler = Scheduler(context)
    scheduler.forget()
    kept: dict[int, list[np.ndarray]] = {}
    score = scheduler._score

    def spy(job: Job, logits: np.ndarray, norm: np.ndarray) -> None:
        kept.setdefault(id(job), []).append(logits.copy())
        score(job, logits, norm)

    scheduler._score = spy

    async def go() -> list[np.ndarray]:
        jobs = [
            Job(Ticket(), prompt, Output(context.model, 0), None, tokens)
            for prompt, tokens in zip(prompts, forced, strict=True)
        ]
        for job in jobs:
            scheduler.add(job)
        while scheduler.busy:
            scheduler.step()
        return [np.concatenate(kept[id(job)]) for job in jobs]

    return asyncio.run(go())


def test_eight_lanes_batched_give_the_logits_of_one_by_one(context: Context) -> None:
    rng = np.random.default_rng(3)
    prompts = [rng.integers(5, 260, 20 + 37 * lane).astype(np.int32) for lane in range(8)]
    forced = [rng.integers(5, 260, 12).astype(np.int32) for _ in range(8)]
    together = forced_logits(context, prompts, forced)
    for lane in range(8):
        (alone,) = forced_logits(context, prompts[lane : lane + 1], forced[lane : lane + 1])
        assert alone.shape == (12, context.model.n_vocab)
        assert np.abs(together[lane] - alone).max() < 1e-3


def test_eight_lanes_batched_write_the_text_of_one_by_one(backend: LlamaBackend) -> None:
    requests = [ask(text, max_tokens=24) for text in PROMPTS]
    together = complete(backend, requests)
    for request, batched in zip(requests, together, strict=True):
        (alone,) = complete(backend, [request])
        same = [a.id == b.id for a, b in zip(alone.tokens, batched.tokens, strict=False)]
        # A near-tie may flip, and everything after it with it; up to there the texts must be the same.
        first = same.index(False) if False in same else len(same)
        flips = first < len(same) and abs(alone.tokens[first].logprob - batched.tokens[first].logprob) < 1e-3
        assert flips or alone.text == batched.text


def test_logprobs_match_forced_scores(backend: LlamaBackend) -> None:
    request = AnswerRequest((Message("user", PROMPTS[2]),), max_tokens=12, stop=(), capture=False)
    free = asyncio.run(backend.answer(request)).completion
    ids = tuple(token.id for token in free.tokens)
    forced = asyncio.run(backend.answer(replace(request, forced=ids))).completion
    assert forced.text == free.text
    assert [a.logprob for a in free.tokens] == pytest.approx([b.logprob for b in forced.tokens], abs=1e-4)
    scoped = asyncio.run(backend.answer(replace(request, forced=ids, capture=True))).completion
    assert [a.logprob for a in free.tokens] == pytest.approx([b.logprob for b in scoped.tokens], abs=2e-3)


def test_prefix_reuse_changes_nothing(model_path: Path) -> None:
    options = BackendOptions(str(model_path), "hash", context=1024, threads=1, extra={"kv_type": "f32"})
    backend, afresh = open_backend(options), open_backend(replace(options, exact=True))
    assert isinstance(backend, LlamaBackend) and isinstance(afresh, LlamaBackend)
    long = "the old story of the house " * 20
    for text in (long, long + "and more", long + "and less", "short", long + "and more still"):
        request = ask(text, max_tokens=8)
        (reused,), (exact,) = complete(backend, [request]), complete(afresh, [request])
        assert reused.text == exact.text
        assert [t.logprob for t in reused.tokens] == pytest.approx([t.logprob for t in exact.tokens], abs=1e-4)
    fed = backend.scheduler.fed
    assert fed < afresh.scheduler.fed / 2, "shared prefixes were computed again"
    backend.close()
    afresh.close()


def test_prefix_of_a_busy_lane_is_copied(backend: LlamaBackend) -> None:
    assert backend.scheduler is not None
    long = "a story that many lanes share " * 10
    complete(backend, [ask("something else entirely", max_tokens=2)])
    complete(backend, [ask(long, max_tokens=2)])
    before = backend.scheduler.fed
    requests = [ask(long + f"lane {lane}", max_tokens=6) for lane in range(4)]
    together = complete(backend, requests)
    assert backend.scheduler.fed - before < 4 * 6 + 4 * 60, "the shared story was computed once per lane"
    for request, batched in zip(requests, together, strict=True):
        (alone,) = complete(backend, [request])
        assert [t.logprob for t in alone.tokens[:1]] == pytest.approx([t.logprob for t in batched.tokens[:1]], abs=1e-3)


def test_exact_runs_are_bit_identical(model_path: Path) -> None:
    def once() -> list[CompletionResult]:
        backend = open_backend(BackendOptions(str(model_path), "hash", context=1024, exact=True))
        assert isinstance(backend, LlamaBackend)
        try:
            return complete(backend, [ask(text, max_tokens=10) for text in PROMPTS[::-1]])
        finally:
            backend.close()

    assert once() == once()


def test_temperature_follows_the_seed(backend: LlamaBackend) -> None:
    texts = [complete(backend, [ask("go", max_tokens=16, temperature=1.0, seed=seed)])[0].text for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]


def test_limit_and_stop_are_told_apart(backend: LlamaBackend) -> None:
    (free,) = complete(backend, [ask("go", max_tokens=16)])
    assert free.stop == "limit" and len(free.tokens) == 16
    marker = next(token.text for token in free.tokens[3:] if token.text.isascii())
    cut = free.text.index(marker)
    (stopped,) = complete(backend, [ask("go", max_tokens=16, stop=(marker,))])
    assert stopped.stop == "stop" and stopped.text == free.text[:cut]
    assert "".join(token.text for token in stopped.tokens) == stopped.text


def test_too_long_prompt_is_one_clear_line(backend: LlamaBackend) -> None:
    with pytest.raises(ModelError, match=r"a prompt of 2,\d+ tokens and 8 of answer exceed the context of 1,024 - "):
        complete(backend, [ask("x" * 2000, max_tokens=8)])
    with pytest.raises(ModelError, match="exceed the context"):
        asyncio.run(backend.answer(AnswerRequest((Message("user", "x" * 2000),))))
    room = backend.prompt_limit(8) - backend.prompt_overhead()
    (fits,) = complete(backend, [ask("x" * (room - 1), max_tokens=8)])
    assert fits.prompt_tokens <= backend.prompt_limit(8)


def test_cancelled_lane_frees_its_sequence_at_the_next_step(context: Context) -> None:
    async def go() -> None:
        scheduler = Scheduler(context)
        prompt = np.arange(400, dtype=np.int32) % 200 + 5
        forced = np.arange(5, 250, dtype=np.int32)
        jobs = [Job(Ticket(), prompt + lane, Output(context.model, 0), None, forced) for lane in range(10)]
        for job in jobs:
            scheduler.add(job)
        scheduler.step()
        waits = [asyncio.ensure_future(job.ticket.wait()) for job in jobs]
        await asyncio.sleep(0)
        for wait in (*waits[1:4], waits[9]):
            wait.cancel()
        await asyncio.gather(*waits[1:4], waits[9], return_exceptions=True)
        assert [job.ticket.cancelled for job in jobs] == [False, True, True, True, *[False] * 5, True]
        scheduler.step()
        assert scheduler._active == [jobs[0], *jobs[4:9]]  # the ninth took a freed sequence, the tenth never started
        while scheduler.busy:
            scheduler.step()
        scores = await asyncio.gather(waits[0], *waits[4:9])
        assert all(len(result.tokens) == len(forced) for result in scores)

    asyncio.run(go())


def test_cancelled_request_ends_at_once_and_others_go_on(backend: LlamaBackend) -> None:
    async def go() -> None:
        gone = asyncio.create_task(backend.complete(ask("first", max_tokens=900)))
        kept = asyncio.create_task(backend.complete(ask("second", max_tokens=4)))
        await asyncio.sleep(0)
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        assert len((await kept).tokens) == 4

    asyncio.run(go())


def test_more_requests_than_sequences_all_finish(backend: LlamaBackend) -> None:
    results = complete(backend, [ask(f"request {number}", max_tokens=5) for number in range(30)])
    assert [len(result.tokens) for result in results] == [5] * 30


def test_failed_decode_reaches_every_waiting_lane(backend: LlamaBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    assert backend.scheduler is not None

    def broken(_count: int) -> None:
        raise ModelError("the device is gone")

    (before,) = complete(backend, [ask("go", max_tokens=4)])
    with monkeypatch.context() as patch:
        patch.setattr(backend.scheduler.context, "decode", broken)
        for text in ("one", "two"):
            with pytest.raises(ModelError, match="the device is gone"):
                complete(backend, [ask(text, max_tokens=4)])
    (after,) = complete(backend, [ask("go", max_tokens=4)])
    assert after.text == before.text


def test_surprise_equals_teacher_forcing_and_windows_overlap(backend: LlamaBackend) -> None:
    text = "the cat sat on the mat and the dog did not"
    tokens, values = asyncio.run(backend.surprise(text))
    assert "".join(tokens) == text and values[0] == 0 and values.dtype == np.float32
    assert backend.scheduler is not None
    ids = backend.model.tokenize(text, special=False)
    context = backend.scheduler.context
    (logits,) = forced_logits(context, [ids[:1]], [ids[1:]])
    norm = np.log(np.exp(logits - logits.max(1, keepdims=True)).sum(1)) + logits.max(1)
    assert values[1:] == pytest.approx(norm - logits[np.arange(len(ids) - 1), ids[1:]], abs=1e-4)
    long_tokens, long_values = asyncio.run(backend.surprise("abcdefgh " * 300))
    assert len(long_tokens) > 1024 and (long_values[1:] > 0).all()


def test_surprise_after_what_was_said_before_reads_that_once(backend: LlamaBackend) -> None:
    given, text = "the cat sat on the mat\n", "and the dog did not"
    assert backend.scheduler is not None
    ids, prompt = (backend.model.tokenize(t, special=False) for t in (text, given))
    (logits,) = forced_logits(backend.scheduler.context, [prompt], [ids])
    norm = np.log(np.exp(logits - logits.max(1, keepdims=True)).sum(1)) + logits.max(1)
    backend.scheduler.forget()
    before = backend.scheduler.fed
    tokens, values = asyncio.run(backend.surprise(text, given))
    assert "".join(tokens) == text and values == pytest.approx(norm - logits[np.arange(len(ids)), ids], abs=1e-3)
    first = backend.scheduler.fed - before
    before = backend.scheduler.fed
    asyncio.run(backend.surprise(text, given))
    assert backend.scheduler.fed - before <= len(tokens) + 1 < first <= len(tokens) + len(prompt) + 1
    _, cut = asyncio.run(backend.surprise(text, given * 400))
    assert len(cut) == len(tokens) and cut[0] > 0, "of what does not fit, the end counts"


def test_close_fails_what_waits(model_path: Path) -> None:
    async def go() -> None:
        backend = open_backend(BackendOptions(str(model_path), "hash", context=512, threads=1))
        task = asyncio.create_task(backend.complete(ask("go", max_tokens=400)))
        await asyncio.sleep(0)
        backend.close()
        with pytest.raises(ModelError, match="the model is closed"):
            await task

    asyncio.run(go())
