"""What is kept of an answer's attention by default: little, over all layers and heads, exact for what is shown first.

Reduced inside the callback, so that nothing is copied that is not kept.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from workbench.llm.base import Summary
from workbench.llm.cells import CellMap
from workbench.llm.halves import halves

MAP_ENTRIES = 16_384
"""Entries of each map (answer tokens x columns); longer contexts are pooled by the maximum, longer answers cut."""
MASS_ENTRIES = 16_384
"""Entries of the masses (layers x heads x spans); where there are more spans those with least are counted together."""
Floats = NDArray[np.float32]


class Summarizer:
    """Watches the decodes of one answer.

    Args:
        spans: half-open token ranges of the context's spans; tokens outside of all are in none.
    """

    def __init__(self, layers: int, heads: int, spans: Sequence[tuple[int, int]], cells: CellMap) -> None:
        self._layers, self._heads, self._spans, self._cells = layers, heads, tuple(spans), cells
        self._edges = np.array(self._spans, np.int64).reshape(-1, 2)
        self._means: list[Floats] = []
        self._peaks: list[Floats] = []
        self._masses: list[Floats] = []  # of each answer token, [layer, head, span]
        self._held = np.zeros((layers, heads, 0), np.float32)  # what the last query looked at, by cell
        self._due = False

    def begin(self, position: int) -> None:
        """The query of the next decode is at this position."""
        self._reduce()
        self._columns: NDArray[np.int64] | slice | None = None
        self._count = position + 1

    def __call__(self, layer: int, weights: Floats) -> None:
        """See :meth:`workbench.llm.tap.Tap.prepare`."""
        if self._columns is None:
            self._columns = self._find(self._count)
            if self._held.shape[2] != weights.shape[2]:
                self._held = np.zeros((self._layers, self._heads, weights.shape[2]), np.float32)
            self._due = True
        self._held[layer] = weights[:, -1]

    def whole(self, weights: Floats) -> None:
        """See there, ``watch``."""
        self._columns, self._due = self._find(self._count), False
        self._add(weights, self._columns)

    def _reduce(self) -> None:
        """Reduce what was held of the last query: once for all layers, since a call costs more than its arithmetic."""
        if self._due and self._columns is not None:
            self._due = False
            self._add(self._held, self._columns)

    def _add(self, weights: Floats, columns: NDArray[np.int64] | slice) -> None:
        """Of one query, float32 ``[layer, head, cell]``."""
        rows = weights[:, :, columns]
        if not isinstance(columns, slice):
            rows[:, :, columns < 0] = 0.0  # evicted tokens have no cell
        self._means.append(rows.sum((0, 1)))
        self._peaks.append(rows.max((0, 1)))
        self._masses.append(self._sums(rows))

    def _sums(self, rows: Floats) -> Floats:
        """Sum of every span, float32 ``[layer, head, span]``."""
        if not len(self._edges):
            return np.zeros((*rows.shape[:2], 0), np.float32)
        edges = np.minimum(self._edges, rows.shape[2])
        if edges.max() == rows.shape[2]:  # every end must lie within
            rows = np.pad(rows, ((0, 0), (0, 0), (0, 1)))
        sums = np.add.reduceat(rows, edges.reshape(-1), axis=2)[:, :, ::2]
        return np.where(edges[:, 0] < edges[:, 1], sums, np.float32(0))

    @property
    def cells(self) -> NDArray[np.int64] | slice:
        """Cell of each token when the last query looked, -1 for none; a slice where they are the first ones in order.
        Some may have been evicted since."""
        assert self._columns is not None
        return self._columns

    def _find(self, count: int) -> NDArray[np.int64] | slice:
        """Cells of the first ``count`` tokens; the newest has one only now."""
        if self._cells.in_order >= count:
            return slice(0, count)
        cells = self._cells.cells(np.arange(count))
        return slice(0, count) if np.array_equal(cells, np.arange(count)) else cells

    def summary(self, texts: Sequence[str], ids: Sequence[int], prompt: int, rows: int) -> Summary:
        """The summary of the first ``rows`` answer tokens.

        Args:
            texts, ids: of every token of prompt and answer; ``prompt`` of them are the prompt's.
        """
        self._reduce()
        shape = (self._layers, self._heads, len(self._spans))
        masses = np.stack(self._masses[:rows]) if rows else np.zeros((0, *shape), np.float32)
        mass = masses.mean(0) if rows else masses.sum(0)
        kept = self._kept(mass)
        count = len(texts)
        shown = min(rows, MAP_ENTRIES // 64)
        starts = _starts(count, max(64, MAP_ENTRIES // max(shown, 1)))
        return Summary(
            layers=self._layers,
            heads=self._heads,
            mean=_pooled(self._means[:shown], count, starts, 1 / (self._layers * self._heads)),
            peak=_pooled(self._peaks[:shown], count, starts),
            starts=None if starts is None else tuple(starts.tolist()),
            mass=halves(mass[:, :, kept]),
            spans=self._spans,
            kept=tuple(kept),
            rows=halves(masses.mean((1, 2))),
            texts=tuple(texts),
            ids=np.asarray(ids, np.int32),
            prompt=prompt,
        )

    def _kept(self, mass: Floats) -> list[int]:
        most = max(1, MASS_ENTRIES // (self._layers * self._heads))
        if len(self._spans) <= most:
            return list(range(len(self._spans)))
        strongest = np.argsort(-mass.max((0, 1), initial=0), kind="stable")[:most]
        return sorted(int(number) for number in strongest)


def _starts(count: int, most: int) -> NDArray[np.int64] | None:
    return None if count <= most else np.linspace(0, count, most, endpoint=False).astype(np.int64)


def _pooled(
    rows: Sequence[Floats], count: int, starts: NDArray[np.int64] | None, scale: float = 1.0
) -> NDArray[np.float16]:
    out = np.zeros((len(rows), count), np.float32)
    for index, row in enumerate(rows):
        out[index, : len(row)] = row[:count] * scale
    return halves(out if starts is None else np.maximum.reduceat(out, starts, axis=1))
