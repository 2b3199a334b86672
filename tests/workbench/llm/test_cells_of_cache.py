"""Real cells: keys and values read and written, tokens evicted, moved together, saved and put back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.support.gguf_models import Shape, forward, keys_and_values
from workbench.cache.policies.streaming_llm import StreamingLLM
from workbench.llm.model import Model
from workbench.llm.scope import ScopeContext, runs

LAYERS = (0, 1, 2)


@pytest.fixture(scope="module", params=["f32", "f16", "bf16"])
def scope(model_path: Path, request: pytest.FixtureRequest) -> Iterator[ScopeContext]:
    model = Model(model_path)
    context = ScopeContext(model, 512, threads=1, kv_type=request.param, sequences=2)
    context.select(1)  # the second stream of the tensors
    yield context
    context.close()
    model.close()


@pytest.fixture
def tokens(scope: ScopeContext) -> np.ndarray:
    scope.clear()
    return np.random.default_rng(1).integers(5, 260, 200).astype(np.int32)


def kind(scope: ScopeContext) -> str:
    return scope.context.options.kv_type


def steps(scope: ScopeContext) -> float:
    return {"f32": 1e-4, "f16": 5e-3}[kind(scope)]


def test_keys_values_and_queries_equal_float64_numpy(
    scope: ScopeContext, tokens: np.ndarray, weights: dict[str, np.ndarray], shape: Shape
) -> None:
    seen: dict[int, np.ndarray] = {}
    scope.feed_tapped(tokens[:100], queries=seen.__setitem__)
    queries, keys, values = keys_and_values(weights, shape, tokens[:100].tolist())
    cells = scope.tap.cells.cells(np.arange(100))
    assert scope.kv.problem == "" and scope.kv.width == shape.head
    near = {"f32": 1e-4, "f16": 2e-2, "bf16": 2e-1}[kind(scope)]
    assert np.abs(scope.kv.keys(1, cells) - keys).max() < near
    assert np.abs(scope.kv.values(1, cells) - values).max() < near
    assert np.abs(np.stack([seen[layer] for layer in LAYERS]) - queries).max() < near
    scale = scope.tap.scales[1]
    assert scale == pytest.approx(shape.head**-0.5)


def test_what_is_written_is_what_is_computed_with(scope: ScopeContext, tokens: np.ndarray) -> None:
    before = scope.feed(tokens[:50]).copy()
    cells = scope.tap.cells.cells(np.arange(50))
    keys, values = scope.kv.keys(1, cells), scope.kv.values(1, cells)
    scope.kv.write_keys(1, cells, keys)
    scope.kv.write_values(1, cells, values)
    saved = scope.save()
    after = scope.feed(tokens[50:51]).copy()
    scope.load(saved)
    scope.kv.write_values(1, scope.tap.cells.cells(np.arange(10, 20)), np.zeros_like(values[:, :, 10:20]))
    assert np.array_equal(scope.kv.values(1, scope.tap.cells.cells(np.arange(50)))[:, :, 20:], values[:, :, 20:])
    changed = scope.feed(tokens[50:51]).copy()
    scope.clear()
    assert np.array_equal(scope.feed(tokens[:50]), before)
    assert np.array_equal(scope.feed(tokens[50:51]), after)
    assert np.abs(changed - after).max() > 1e-2


def test_a_saved_sequence_goes_on_with_the_same_bits(scope: ScopeContext, tokens: np.ndarray) -> None:
    scope.feed(tokens[:100])
    saved = scope.save()
    expected = scope.feed(tokens[100:110]).copy()
    kept = np.ones(110, bool)
    kept[5:60] = False
    scope.keep(kept)
    scope.feed(tokens[110:120])
    scope.load(saved)
    assert scope.position == 100
    assert np.array_equal(scope.feed(tokens[100:110], LAYERS), expected)  # recording checks the map against the mask


def test_evicted_equals_masked_from_the_start(scope: ScopeContext, tokens: np.ndarray) -> None:
    kept = np.random.default_rng(3).random(100) < 0.3
    kept[[0, 99]] = True
    scope.feed(tokens[:100])
    scope.keep(kept)
    evicted = [scope.feed(tokens[at : at + 1], LAYERS).copy() for at in range(100, 105)]
    scope.clear()
    scope.feed(tokens[:100])
    for at, expected in zip(range(100, 105), evicted, strict=True):
        masked = scope.feed(tokens[at : at + 1], masked=np.flatnonzero(~kept))
        # A shorter cache type rounds a key the other way where sums differ in their last bit.
        assert np.abs(masked - expected).max() < {"f32": 1e-5, "f16": 1e-4, "bf16": 1e-3}[kind(scope)]


def test_renumbered_cells_are_where_a_shorter_text_would_have_them(
    scope: ScopeContext, tokens: np.ndarray, weights: dict[str, np.ndarray], shape: Shape
) -> None:
    if kind(scope) == "bf16":  # llama.cpp would abort the process
        assert "bf16" in scope.refuses(StreamingLLM()) and scope.refuses(StreamingLLM(renumber=False)) == ""
        return
    assert scope.refuses(StreamingLLM()) == ""
    kept = np.zeros(60, bool)
    kept[:4] = kept[30:35] = kept[50:] = True
    scope.feed(tokens[:60])
    scope.keep(kept, renumber=True)
    scope.feed(tokens[60:61], LAYERS)
    cells = scope.tap.cells.cells(np.flatnonzero(kept))
    # Values of layer 0 do not depend on other tokens and keys only on the place, so they are those of the short text.
    short = [*tokens[:60][kept].tolist(), int(tokens[60])]
    _, keys, _ = keys_and_values(weights, shape, short)
    assert np.abs(scope.kv.keys(1, cells)[0] - keys[0][:, :-1]).max() < 4 * steps(scope)
    attention = forward(weights, shape, short)[0][0, :, -1]
    row = scope.tap.rows[0][:, 0, [*cells, *scope.tap.cells.cells(np.array([60]))]]
    assert np.abs(row - attention).max() < steps(scope)
    again = np.ones(61, bool)
    again[np.flatnonzero(~kept)] = False
    again[[2, 31]] = False
    scope.keep(again, renumber=True)
    scope.feed(tokens[61:64], LAYERS)
    assert scope.position == 64 and scope.context.C.llama_memory_seq_pos_max(scope.context.memory, 1) == 20


def test_runs() -> None:
    assert runs(np.array([], bool)) == []
    assert runs(np.array([True, True, False, True])) == [(0, 2), (3, 4)]
