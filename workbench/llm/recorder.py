"""Collects the attention rows of one answer, within a bound of bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from workbench.llm.base import Capture
from workbench.llm.halves import halves

MAX_BYTES = 4 << 20
"""Above this size of the float16 array only :data:`FEW_LAYERS` layers are kept."""
FEW_LAYERS = 6
MAX_COLUMNS = 2048
_AT_ONCE = 8


def spread(layers: Sequence[int], count: int) -> tuple[int, ...]:
    """``count`` of the layers, spread evenly over depth, first and last included."""
    if len(layers) <= count:
        return tuple(layers)
    picks = np.linspace(0, len(layers) - 1, count).round().astype(int)
    return tuple(layers[index] for index in picks)


class Recorder:
    """Rows by position, not by cell.

    Args:
        layers: layers to keep.
        bounded: whether layers may be dropped when the capture grows over :data:`MAX_BYTES`.
    """

    def __init__(self, layers: Sequence[int], bounded: bool) -> None:
        self.layers = tuple(layers)
        self._bounded = bounded
        self._rows: list[NDArray[np.float16]] = []
        self._new: list[tuple[Mapping[int, NDArray[np.float32]], NDArray[np.int64] | slice]] = []
        self._bytes = 0

    def add(self, rows: Mapping[int, NDArray[np.float32]], columns: NDArray[np.int64] | slice) -> None:
        """Keep the row of a query, from ``{layer: [head, 1, cell]}`` and the cell of each token up to the query's.

        Both are held for a while and must not be changed.
        """
        self._new.append((rows, columns))
        if len(self._new) == _AT_ONCE:
            self._turn()

    def _turn(self) -> None:
        """Turn the new rows into half floats: several at once, since the first call after a decode is the slow one."""
        if not self._new:
            return
        lengths = [columns.stop if isinstance(columns, slice) else len(columns) for _, columns in self._new]
        heads = len(self._new[0][0][self.layers[0]]) if self.layers else 0
        block = np.zeros((len(self._new), len(self.layers), heads, max(lengths)), np.float32)
        for row, length, (rows, columns) in zip(block, lengths, self._new, strict=True):
            for one, layer in zip(row, self.layers, strict=True):
                one[:, :length] = rows[layer][:, -1][:, columns]
            if not isinstance(columns, slice):
                row[:, :, :length][:, :, columns < 0] = 0.0  # evicted positions have no cell
        self._rows += [row[:, :, :length] for row, length in zip(halves(block), lengths, strict=True)]
        self._bytes += sum(row.nbytes for row in self._rows[-len(self._new) :])
        self._new.clear()
        if self._bounded and self._bytes > MAX_BYTES and len(self.layers) > FEW_LAYERS:
            self._thin()

    def _thin(self) -> None:
        kept = spread(self.layers, FEW_LAYERS)
        index = [self.layers.index(layer) for layer in kept]
        self._rows = [row[index] for row in self._rows]
        self.layers, self._bytes = kept, sum(row.nbytes for row in self._rows)

    def capture(self, heads: int, texts: Sequence[str], rows: int) -> Capture:
        """The capture of the first ``rows`` answer tokens; ``texts`` are all prompt and answer tokens."""
        self._turn()
        weights = np.zeros((len(self.layers), heads, rows, len(texts)), np.float16)
        for index, row in enumerate(self._rows[:rows]):
            weights[:, :, index, : row.shape[2]] = row
        if len(texts) <= MAX_COLUMNS:
            return Capture(self.layers, weights, tuple(texts))
        starts = np.linspace(0, len(texts), MAX_COLUMNS, endpoint=False).astype(int)
        pooled = np.maximum.reduceat(weights, starts, axis=3)
        return Capture(self.layers, pooled, tuple(texts), tuple(starts.tolist()))
