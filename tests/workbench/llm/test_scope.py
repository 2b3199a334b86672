"""Attention out of the running graph: right against NumPy, right through eviction, and never silently wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tests.support.gguf_models import Shape, forward
from workbench.errors import ModelError
from workbench.llm import scope as scopes
from workbench.llm.base import AnswerRequest, BackendOptions
from workbench.llm.cells import CellMap, CellMapError
from workbench.llm.context import WORTH_THREADS, Context, ContextOptions
from workbench.llm.llama import LlamaBackend
from workbench.llm.messages import Message
from workbench.llm.model import Model
from workbench.llm.open import open_backend
from workbench.llm.recorder import Recorder
from workbench.llm.scope import ScopeContext

LAYERS = (0, 1, 2)


@pytest.fixture(scope="module")
def scope(model_path: Path) -> Iterator[ScopeContext]:
    model = Model(model_path)
    context = ScopeContext(model, 512, threads=1, kv_type="f32")
    yield context
    context.close()
    model.close()


@pytest.fixture
def tokens(scope: ScopeContext) -> np.ndarray:
    scope.clear()
    return np.random.default_rng(1).integers(5, 260, 200).astype(np.int32)


def test_captured_attention_equals_float64_numpy(
    scope: ScopeContext, tokens: np.ndarray, weights: dict[str, np.ndarray], shape: Shape
) -> None:
    expected, logits = forward(weights, shape, tokens[:100].tolist())
    last = scope.feed(tokens[:100], LAYERS).copy()
    for layer in LAYERS:
        cells = scope.tap.cells.cells(np.arange(100))
        captured = scope.tap.rows[layer][:, :, cells]
        assert captured.shape == (shape.heads, 100, 100)
        assert np.abs(captured - expected[layer]).max() < 1e-4
    assert np.abs(last - logits[-1]).max() < 1e-3


def test_answer_rows_equal_float64_numpy(backend: LlamaBackend, weights: dict[str, np.ndarray], shape: Shape) -> None:
    request = AnswerRequest((Message("user", "anna likes tea"),), max_tokens=5, stop=())
    result = asyncio.run(backend.answer(request))
    capture, answer = result.capture, [token.id for token in result.completion.tokens]
    assert capture is not None and len(answer) == 5
    prompt = backend.chat.tokenize(result.completion.prompt).tolist()
    expected, logits = forward(weights, shape, prompt + answer)
    assert capture.weights.shape == (3, shape.heads, 5, len(prompt) + 5)
    rows = expected[:, :, len(prompt) - 1 : -1, :]
    assert np.abs(capture.weights - rows).max() < 1e-3  # float16 steps near 1 are 5e-4
    assert capture.tokens[: len(prompt)] == tuple(map(backend.model.shown, prompt))
    best = logits[len(prompt) - 1 : -1].argmax(1)
    assert best.tolist() == answer


def test_masking_by_edit_equals_eviction(scope: ScopeContext, tokens: np.ndarray) -> None:
    masked = np.arange(20, 60)
    scope.feed(tokens[:100])
    edited = scope.feed(tokens[100:101], masked=masked).copy()
    scope.clear()
    scope.feed(tokens[:100])
    full = scope.feed(tokens[100:101]).copy()
    scope.clear()
    scope.feed(tokens[:100])
    scope.evict(20, 60)
    evicted = scope.feed(tokens[100:101])
    assert np.abs(edited - evicted).max() < 1e-5
    assert np.abs(edited - full).max() > 1e-2  # the mask did change something


def test_masking_while_reading_equals_float64_numpy(
    scope: ScopeContext, tokens: np.ndarray, weights: dict[str, np.ndarray], shape: Shape
) -> None:
    masked = np.arange(20, 60)
    scope.feed(tokens[:50], LAYERS, masked)
    scope.feed(tokens[50:100], LAYERS, masked)
    expected, logits = forward(weights, shape, tokens[:101].tolist(), hidden=masked)
    last = scope.feed(tokens[100:101], LAYERS, masked)
    assert np.abs(last - logits[-1]).max() < 1e-3
    cells = scope.tap.cells.cells(np.arange(101))
    for layer in LAYERS:
        assert np.abs(scope.tap.rows[layer][:, 0, cells] - expected[layer][:, 100]).max() < 1e-4


def test_edit_reaches_one_head_only(scope: ScopeContext, tokens: np.ndarray) -> None:
    def edit(layer: int, scores: np.ndarray) -> None:
        if layer == 1:
            scores[0, :, scope.tap.cells.cells(np.arange(10, 20))] = -1e30

    scope.feed(tokens[:100])
    scope.feed_edited(tokens[100:101], edit, LAYERS)
    rows = scope.tap.rows[1][:, 0]
    cells = scope.tap.cells.cells(np.arange(10, 20))
    assert rows[0, cells].max() == 0
    assert rows[1:, cells].min() > 0


def test_cell_map_through_eviction_and_refill(
    scope: ScopeContext, tokens: np.ndarray, weights: dict[str, np.ndarray], shape: Shape
) -> None:
    scope.feed(tokens[:30])
    scope.evict(5, 9)
    scope.evict(12, 13)
    for position in range(30, 36):
        scope.feed(tokens[position : position + 1], LAYERS)  # checks the map against the mask each time
    cells = scope.tap.cells.cells(np.arange(36))
    assert (cells[[5, 6, 7, 8, 12]] == -1).all()
    assert set(cells[30:36].tolist()) & {5, 6, 7, 8, 12}, "freed cells were used again, out of position order"
    row = scope.tap.rows[0][:, 0]
    alive = [position for position in range(36) if cells[position] >= 0]
    assert np.allclose(row[:, cells[alive]].sum(1), 1, atol=1e-5)
    # Layer 0 sees token embeddings only, so its scores do not depend on what was evicted: compare with NumPy.
    expected = forward(weights, shape, tokens[:36].tolist())[0][0, :, 35, :]
    expected = expected[:, alive] / expected[:, alive].sum(1, keepdims=True)
    assert np.abs(row[:, cells[alive]] - expected).max() < 1e-4


def test_wrong_cell_map_is_an_error(scope: ScopeContext, tokens: np.ndarray) -> None:
    scope.feed(tokens[:30])
    scope.tap.cells.forget(3, 4)  # a lie: the cache still holds it
    with pytest.raises(CellMapError):
        scope.feed(tokens[30:31], LAYERS)
    scope.feed(tokens[:30], LAYERS)  # and the context is usable again, from empty


def test_cell_map_refuses_overwriting() -> None:
    cells = CellMap(8)
    cells.place(np.array([0, 1]), np.array([0, 1]))
    with pytest.raises(CellMapError, match="still in use"):
        cells.place(np.array([1]), np.array([2]))
    cells.forget(1, 2)
    cells.place(np.array([1]), np.array([2]))
    assert cells.positions(3).tolist() == [0, 2, -1]


def test_exception_in_callback_surfaces_and_logits_are_discarded(scope: ScopeContext, tokens: np.ndarray) -> None:
    def broken(layer: int, _scores: np.ndarray) -> None:
        if layer == 1:
            raise ZeroDivisionError("on purpose")

    good = scope.feed(tokens[:50]).copy()
    with pytest.raises(ZeroDivisionError, match="on purpose"):
        scope.feed_edited(tokens[50:51], broken)
    assert scope.position == 0
    assert np.array_equal(scope.feed(tokens[:50]), good)


def test_exception_in_callback_fails_the_answer_only(backend: LlamaBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    assert backend.scope is not None
    request = AnswerRequest((Message("user", "anna likes tea"),), max_tokens=5, stop=())
    before = asyncio.run(backend.answer(request))
    tap = backend.scope.tap

    def broken(*_arguments: object) -> None:
        raise ZeroDivisionError("on purpose")

    with monkeypatch.context() as patch:
        patch.setattr(tap, "_hand_out", broken)
        with pytest.raises(ModelError, match="on purpose"):
            asyncio.run(backend.answer(request))
    after = asyncio.run(backend.answer(request))
    assert after.completion == before.completion


def test_knock_out_changes_forced_scores(backend: LlamaBackend) -> None:
    marks = ("anna likes tea", "bob likes milk")
    messages = (Message("user", "Memory\nanna likes tea\nbob likes milk\nQuestion\nwhat?"),)
    asked = AnswerRequest(messages, marks, max_tokens=6, stop=())
    free = asyncio.run(backend.answer(asked))
    forced = tuple(token.id for token in free.completion.tokens)
    same = asyncio.run(backend.answer(AnswerRequest(messages, marks, forced=forced)))
    assert [token.logprob for token in same.completion.tokens] == [token.logprob for token in free.completion.tokens]
    out = asyncio.run(backend.answer(AnswerRequest(messages, marks, forced=forced, knock_out=(0,))))
    assert out.capture is not None
    start, end = out.spans[0]
    assert out.capture.weights[:, :, :, start:end].max() == 0
    assert np.allclose(out.capture.weights.astype(np.float32).sum(-1), 1, atol=5e-3)
    changes = [a.logprob - b.logprob for a, b in zip(free.completion.tokens, out.completion.tokens, strict=True)]
    assert max(map(abs, changes)) > 0.05


def test_knock_out_in_chosen_layers_and_heads(backend: LlamaBackend) -> None:
    marks = ("anna likes tea", "bob likes milk")
    messages = (Message("user", "Memory\nanna likes tea\nbob likes milk\nQuestion\nwhat?"),)
    request = AnswerRequest(
        messages, marks, max_tokens=2, stop=(), knock_out=(0,), knock_layers=(1,), knock_heads=(0, 2)
    )
    result = asyncio.run(backend.answer(request))
    assert result.capture is not None
    start, end = result.spans[0]
    seen = result.capture.weights[:, :, :, start:end].max(axis=(2, 3)) > 0
    expected = np.ones_like(seen)
    expected[1, [0, 2]] = False
    assert (seen == expected).all()
    with pytest.raises(ModelError, match="no head 99"):
        asyncio.run(backend.answer(replace(request, knock_heads=(99,))))
    with pytest.raises(ModelError, match="no layer 3"):
        asyncio.run(backend.answer(replace(request, knock_layers=(3,))))


def test_knock_out_of_everything_leaves_no_empty_row(backend: LlamaBackend) -> None:
    messages = (Message("user", "anna likes tea"),)
    prompt = backend.chat.render(messages)
    result = asyncio.run(backend.answer(AnswerRequest(messages, (prompt,), max_tokens=3, stop=(), knock_out=(0,))))
    assert result.spans == ((0, result.completion.prompt_tokens),)
    assert len(result.completion.tokens) == 3


def test_reused_prefix_gives_identical_captures(backend: LlamaBackend, model_path: Path) -> None:
    story = " ".join(f"fact {i} is {i * 7 % 13}." for i in range(40))
    first = AnswerRequest((Message("user", story + " what is fact 3?"),), max_tokens=4, stop=())
    other = AnswerRequest((Message("user", story + " and what is fact 30?"),), max_tokens=4, stop=())
    masked = AnswerRequest(other.messages, (story[:40],), max_tokens=4, stop=(), knock_out=(0,))
    late = AnswerRequest(other.messages, (story[200:240],), max_tokens=4, stop=(), knock_out=(0,))
    # An exact backend starts every answer from an empty cache.
    afresh = open_backend(replace(backend.options, exact=True))
    for request in (first, other, masked, late, other, first):
        result, expected = asyncio.run(backend.answer(request)), asyncio.run(afresh.answer(request))
        assert result.completion == expected.completion
        assert result.capture is not None and expected.capture is not None
        assert np.array_equal(result.capture.weights, expected.capture.weights)
    afresh.close()


@pytest.mark.parametrize("sequences", [1, 4])
@pytest.mark.parametrize("lead", ["", "You answer from the memory that is given below. " * 12])
def test_lanes_that_ask_in_turn_keep_their_contexts(
    model_path: Path, monkeypatch: pytest.MonkeyPatch, sequences: int, lead: str
) -> None:
    """Growing contexts of three lanes, also where only one has a sequence, and where all begin with the same chunk."""
    monkeypatch.setattr(scopes, "MOST_SEQUENCES", sequences)
    options = BackendOptions(str(model_path), "hash", context=1024, threads=1, extra={"kv_type": "f32"})
    backend, afresh = open_backend(options), open_backend(replace(options, exact=True))
    assert isinstance(backend, LlamaBackend) and backend.scope is not None and backend._scope_runner is not None
    assert backend.scope.context.options.sequences == sequences
    stories = [" ".join(f"{name} {i} is {i * 7 % 13}." for i in range(30)) for name in ("tale", "thing", "word")]
    requests = [
        AnswerRequest((Message("user", f"{lead}{story}{more}what is it?"),), max_tokens=2, stop=(), capture=capture)
        for more, capture in ((" ", True), (" and then more. " * 2, True), (" and then more. " * 4, False))
        for story in stories
    ]
    fed: list[int] = []
    feed = backend.scope.feed_tapped
    monkeypatch.setattr(
        backend.scope,
        "feed_tapped",
        lambda tokens, *rest, **more: fed.append(len(tokens)) or feed(tokens, *rest, **more),
    )
    needed = []
    for request in requests:
        fed.clear()
        result, expected = asyncio.run(backend.answer(request)), asyncio.run(afresh.answer(request))
        needed.append(sum(fed))
        assert result.completion == expected.completion
        if request.capture:
            assert result.capture is not None and expected.capture is not None
            assert np.array_equal(result.capture.weights, expected.capture.weights)
    shelf = backend._scope_runner.shelf
    assert shelf.size > 0 or sequences > 1
    afresh.close()
    backend.close()
    assert max(needed[3:]) < min(needed[:3]) / 2  # each found what it had read before


def test_small_batches_take_one_thread(model_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = Model(model_path)
    context = Context(model, ContextOptions(size=512, threads=2))
    asked: list[int] = []
    monkeypatch.setattr(
        context, "C", SimpleNamespace(llama_set_n_threads=lambda _handle, one, _batch: asked.append(one))
    )
    monkeypatch.setattr(model, "n_params", int(WORTH_THREADS / 10) * model.n_layer)
    for count in (1, 9, 10, 300, 2):
        context._share(count)
    assert asked == [1, 2, 1]
    monkeypatch.undo()
    context.close()
    model.close()


def test_large_captures_keep_six_layers_and_pool_columns() -> None:
    layers, heads = tuple(range(24)), 4
    recorder = Recorder(layers, bounded=True)
    cells = CellMap(4096)
    cells.place(np.arange(4096), np.arange(4096))
    peak = np.zeros((heads, 1, 4096), np.float32)
    peak[:, 0, 3001] = 1.0
    for position in range(3500, 3508):
        recorder.add({layer: peak for layer in recorder.layers}, cells.cells(np.arange(position + 1)))
    assert recorder.layers == (0, 5, 9, 14, 18, 23)
    capture = recorder.capture(heads, ["x"] * 3508, 8)
    assert capture.bins is not None and len(capture.bins) == 2048 == capture.weights.shape[3]
    column = max(index for index, start in enumerate(capture.bins) if start <= 3001)
    assert capture.weights[:, :, :, column].min() == 1 and capture.weights.sum() == capture.weights[..., column].sum()


def test_asked_layers_are_kept_in_order(backend: LlamaBackend) -> None:
    request = AnswerRequest((Message("user", "anna likes tea"),), max_tokens=2, stop=(), layers=(2, 0))
    capture = asyncio.run(backend.answer(request)).capture
    assert capture is not None and capture.layers == (2, 0)
    every = asyncio.run(backend.answer(replace(request, layers=None))).capture
    assert every is not None and np.array_equal(capture.weights, every.weights[[2, 0]])
