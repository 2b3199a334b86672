"""Decoding token after token stops at no node, or asks none twice what it is: what is read is the same, also where the
graph moves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from workbench.llm.cells import CellMap, CellMapError
from workbench.llm.direct import Direct
from workbench.llm.model import Model
from workbench.llm.scope import ScopeContext
from workbench.llm.summary import Summarizer

LAYERS = (0, 2)
READ, WRITTEN = 240, 40
GROWS = 256 - READ  # there the graph gets other shapes


ATTACH = Direct.attach


@pytest.fixture(scope="module")
def scope(model_path: Path) -> Iterator[ScopeContext]:
    model = Model(model_path)
    context = ScopeContext(model, 512, threads=1)
    yield context
    context.close()
    model.close()


def written(scope: ScopeContext, steady: bool, spoil: int = -1) -> list[np.ndarray]:
    """Logits, recorded rows and summed attention of every token; before token ``spoil`` the known places are wrong."""
    straight = steady and Direct.attach is ATTACH
    tokens = np.random.default_rng(1).integers(5, 260, READ + WRITTEN).astype(np.int32)
    scope.clear()
    scope.tap._wanted = None
    for start in range(0, READ, 120):
        scope.feed_tapped(tokens[start : start + 120])
    summarizer = Summarizer(scope.model.n_layer, scope.model.n_head, ((0, 100), (100, READ)), scope.tap.cells)
    found = []
    for number, token in enumerate(tokens[READ:]):
        if number == spoil:
            assert scope.tap._wanted is not None
            scope.tap._wanted = (scope.tap._wanted[0], frozenset({1, 2, 3}))
            scope.tap._direct._last = np.zeros(1, np.float32)  # where nothing is written
        summarizer.begin(scope.position)
        logits = scope.feed_tapped(token[None], LAYERS, watch=summarizer, steady=steady)[-1]
        anew = (0, spoil, GROWS) if straight else (0, spoil)
        assert (scope.tap._fast is not None) == (steady and number not in anew)
        assert scope.tap._straight == (straight and number not in anew)
        assert scope.position == READ + number + 1
        assert (scope.tap.cells.cells(np.arange(scope.position)) == np.arange(scope.position)).all()
        found += [logits.copy(), *(scope.tap.rows[layer] for layer in LAYERS)]
    summary = summarizer.summary(("x",) * (READ + WRITTEN), tokens.tolist(), READ, WRITTEN)
    return [*found, summary.mean, summary.peak, summary.mass, summary.rows]


@pytest.mark.parametrize("spoil", [-1, 5, WRITTEN - 1])
@pytest.mark.parametrize("straight", [True, False])
def test_what_is_read_is_the_same(
    scope: ScopeContext, spoil: int, straight: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also on a device, whose memory is its own."""
    if not straight:
        monkeypatch.setattr(Direct, "attach", lambda *_: False)
    for one, other in zip(written(scope, False), written(scope, True, spoil), strict=True):
        assert np.array_equal(one, other)


def test_other_wishes_are_met_at_once(scope: ScopeContext) -> None:
    """Other layers, or an edit in between, are no decode like the one before."""
    written(scope, True)
    scope.feed_tapped(np.array([7], np.int32), (1,), steady=True)
    assert set(scope.tap.rows) == {1}
    changed: list[int] = []
    scope.feed_tapped(np.array([7], np.int32), (1,), lambda layer, scores: changed.append(layer), steady=True)
    assert changed == [0, 1, 2] and set(scope.tap.rows) == {1}
    scope.feed_tapped(np.array([7], np.int32), (1,), steady=True)
    assert set(scope.tap.rows) == {1}
    for straight in (False, True):  # nothing but the cell
        scope.feed_tapped(np.array([7], np.int32), steady=True)
        assert scope.tap._straight == straight and not scope.tap.rows
    assert scope.tap.cells.in_order == scope.position


def test_the_map_knows_how_many_tokens_lie_in_order() -> None:
    cells = CellMap(8)
    cells.place(np.arange(3), np.arange(3))
    cells.place_one(3, 3)
    assert cells.in_order == 4
    cells.place_one(6, 4)
    assert cells.in_order == 4
    cells.forget(2, 3)
    assert cells.in_order == 2
    cells.place_one(2, 5)
    assert cells.in_order == 2 and cells.cells(np.arange(6)).tolist() == [0, 1, -1, 3, 6, 2]
    with pytest.raises(CellMapError, match="still in use"):
        cells.place_one(2, 6)
    cells.place_one(7, 20)
    assert cells.cells(np.array([20])).tolist() == [7]
    cells.clear()
    assert cells.in_order == 0
