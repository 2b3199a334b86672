"""What is kept of an answer by default: it changes nothing, is small, and says what the whole says."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from workbench.cache.policies.h2o import H2O
from workbench.cache.policies.snapkv import SnapKV
from workbench.cache.policies.streaming_llm import StreamingLLM
from workbench.llm.base import AnswerRequest, AnswerResult, CacheRequest, RetraceRequest, Summary
from workbench.llm.cells import CellMap
from workbench.llm.llama import LlamaBackend
from workbench.llm.messages import Message
from workbench.llm.summary import MAP_ENTRIES, Summarizer
from workbench.trace import blobs

LINES = [f"fact {i}: the number of box {i} is {i * 7 % 13}." for i in range(12)]
MARKS = (*LINES, "which number has box 5?")
REQUEST = AnswerRequest((Message("user", "\n".join(MARKS)),), MARKS, max_tokens=6, stop=())


def answer(backend: LlamaBackend, request: AnswerRequest) -> AnswerResult:
    return asyncio.run(backend.answer(request))


SNAPKV, STREAMING = CacheRequest(SnapKV(keep=0.3)), CacheRequest(StreamingLLM(keep=30))
H2O_HEADS, H2O_ALL = CacheRequest(H2O(keep=30)), CacheRequest(H2O(keep=40, variant="evicted-uniform"))


@pytest.mark.parametrize("cache", [None, SNAPKV, STREAMING], ids=["full", "snapkv", "streaming"])
def test_whether_anyone_looks_changes_nothing(backend: LlamaBackend, cache: CacheRequest | None) -> None:
    seen = [
        answer(backend, replace(REQUEST, capture=capture, arrays=arrays, cache=cache)).completion
        for capture, arrays in ((True, True), (True, False), (False, False))
    ]
    assert seen[0] == seen[1] == seen[2]


@pytest.mark.parametrize("cache", [None, SNAPKV, H2O_ALL], ids=["full", "snapkv", "h2o-uniform"])
def test_the_summary_says_what_the_arrays_say(backend: LlamaBackend, cache: CacheRequest | None) -> None:
    result = answer(backend, replace(REQUEST, cache=cache))
    assert result.capture is not None and result.capture.summary is not None
    summary, weights = result.capture.summary, result.capture.weights.astype(np.float64)
    assert weights.shape[:2] == (summary.layers, summary.heads) == (3, 6)
    assert summary.starts is None and summary.kept == tuple(range(len(MARKS))) and summary.spans == result.spans
    assert np.abs(summary.mean - weights.mean((0, 1))).max() < 1e-3
    assert np.abs(summary.peak - weights.max((0, 1))).max() < 1e-3
    for number, (start, end) in enumerate(result.spans):
        assert np.abs(summary.mass[:, :, number] - weights[..., start:end].sum(-1).mean(2)).max() < 2e-3
        assert np.abs(summary.rows[:, number] - weights[..., start:end].sum(-1).mean((0, 1))).max() < 2e-3
    prompt = backend.chat.tokenize(result.completion.prompt).tolist()
    assert summary.ids.tolist() == prompt + [t.id for t in result.completion.tokens] and summary.prompt == len(prompt)
    assert summary.texts == result.capture.tokens
    alone = answer(backend, replace(REQUEST, cache=cache, arrays=False)).capture
    assert alone is not None and alone.layers == () and alone.summary is not None
    assert np.array_equal(alone.summary.mass, summary.mass) and np.array_equal(alone.summary.mean, summary.mean)


@pytest.mark.parametrize("cache", [None, SNAPKV, H2O_HEADS, STREAMING], ids=["full", "snapkv", "h2o", "streaming"])
def test_the_whole_can_be_computed_again_to_the_bit(backend: LlamaBackend, cache: CacheRequest | None) -> None:
    result = answer(backend, replace(REQUEST, cache=cache))
    assert result.capture is not None and result.capture.summary is not None
    summary = result.capture.summary
    read = result.compression.read if result.compression else 0
    asked = RetraceRequest(summary.ids, summary.prompt, summary.spans, cache, read)
    assert np.array_equal(asyncio.run(backend.retrace(asked)), result.capture.weights)


def stored(summary: Summary) -> int:
    arrays = [summary.mean, summary.peak, summary.mass, summary.rows, summary.ids, blobs.texts_array(summary.texts)]
    return sum(len(blobs.encode(array)[-1]) for array in arrays)


@pytest.mark.parametrize(
    ("layers", "heads", "spans", "tokens", "rows"),
    [(30, 9, 40, 2000, 12), (32, 32, 60, 4000, 20), (24, 14, 200, 4000, 120), (32, 32, 12, 8000, 8)],
)
def test_an_answer_takes_a_hundred_kilobytes_at_most(
    layers: int, heads: int, spans: int, tokens: int, rows: int
) -> None:
    """Attention of random scores, which packs worse than a model's."""
    rng = np.random.default_rng(0)
    cells = CellMap(tokens + rows)
    cells.place(np.arange(tokens + rows), np.arange(tokens + rows))
    edges = np.linspace(5, tokens, spans + 1).astype(int)
    ranges = [(int(a), int(b)) for a, b in pairwise(edges)]
    summarizer = Summarizer(layers, heads, ranges, cells)
    for row in range(rows):
        summarizer.begin(tokens - 1 + row)
        scores = np.exp(2 * rng.normal(size=(heads, 1, tokens + row)).astype(np.float32))
        for layer in range(layers):
            summarizer(layer, np.roll(scores, 31 * layer, -1) / scores.sum(-1, keepdims=True))
    words = rng.integers(0, 26, (tokens + rows, 4)) + 97
    texts = [" " + bytes(word.tolist()).decode() for word in words]
    ids = rng.integers(0, 49_000, tokens + rows)
    summary = summarizer.summary(texts, ids.tolist(), tokens, rows)
    assert summary.mean.size <= MAP_ENTRIES + summary.mean.shape[0] and summary.mass.size <= 16_384
    assert np.allclose(summary.rows.astype(float).sum(1), 1, atol=0.05)  # the answer's own tokens have the rest
    if tokens <= 4000:
        assert stored(summary) <= 100_000


def test_spans_that_do_not_fit_are_those_with_least_attention() -> None:
    cells = CellMap(64)
    cells.place(np.arange(64), np.arange(64))
    summarizer = Summarizer(64, 64, [(i, i + 1) for i in range(8)], cells)
    summarizer.begin(9)
    weights = np.zeros((64, 1, 64), np.float32)
    weights[:, 0, :8] = np.arange(8) / 28
    for layer in range(64):
        summarizer(layer, weights)
    summary = summarizer.summary(["x"] * 11, [0] * 11, 10, 1)
    assert summary.kept == (4, 5, 6, 7) and summary.mass.shape == (64, 64, 4)
    assert np.allclose(summary.rows[0], np.arange(8) / 28, atol=1e-3)
    assert np.allclose(summary.mass[3, 5], np.arange(4, 8) / 28, atol=1e-3)


def test_an_answer_without_tokens_has_a_summary(backend: LlamaBackend) -> None:
    result = answer(backend, replace(REQUEST, forced=(), arrays=False))
    assert result.capture is not None and result.capture.summary is not None
    assert result.capture.summary.mean.shape[0] == 0 and result.capture.summary.rows.shape == (0, len(MARKS))
