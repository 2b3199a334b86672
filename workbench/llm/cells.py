"""Which cache cell holds which position.

After an eviction llama.cpp fills freed cells in index order, so cells are not in position order. The map is kept from
the index tensor of the SET_ROWS node that writes the keys (``src[1]`` of ``cache_k_l0 (view)``), and checked against
the attention mask.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


class CellMapError(Exception):
    """The map and the attention mask disagree: what was captured cannot be trusted."""


class CellMap:
    """The cells of one sequence.

    Args:
        size: number of cells of the cache.

    Attributes:
        in_order: so many first positions at least lie in the cells of their number.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._position_of = np.full(size, -1, np.int64)
        self._cell_of = np.full(size, -1, np.int64)
        self.in_order = 0

    def place(self, cells: Ints, positions: Ints) -> None:
        """Note that the given positions were written to the given cells (both int ``[n]``)."""
        overwritten = self._position_of[cells]
        if (overwritten >= 0).any():
            raise CellMapError(f"cells {cells[overwritten >= 0].tolist()} were written while still in use")
        if len(positions) and positions.max() >= len(self._cell_of):
            self._cell_of = np.concatenate([self._cell_of, np.full(int(positions.max()) + 1, -1, np.int64)])
        self._position_of[cells] = positions
        self._cell_of[positions] = cells
        if np.array_equal(cells, np.arange(self.in_order, self.in_order + len(cells))):
            self.in_order += len(cells) if np.array_equal(cells, positions) else 0

    def place_one(self, cell: int, position: int) -> None:
        """As :meth:`place`, of one."""
        if self._position_of[cell] >= 0:
            raise CellMapError(f"cells {[cell]} were written while still in use")
        if position >= len(self._cell_of):
            self._cell_of = np.concatenate([self._cell_of, np.full(position + 1, -1, np.int64)])
        self._position_of[cell] = position
        self._cell_of[position] = cell
        self.in_order += cell == position == self.in_order

    def forget(self, start: int, end: int) -> None:
        """Note that positions ``start…end-1`` were removed."""
        cells = self._cell_of[start:end]
        self._position_of[cells[cells >= 0]] = -1
        self._cell_of[start:end] = -1
        self.in_order = min(self.in_order, start)

    def clear(self) -> None:
        """Note that the cache was emptied."""
        self._position_of[:] = -1
        self._cell_of[:] = -1
        self.in_order = 0

    def positions(self, cells: int) -> Ints:
        """Position held by each of the first ``cells`` cells, -1 for an empty one."""
        return self._position_of[:cells]

    def cells(self, positions: Ints) -> Ints:
        """Cell of each position, -1 where it is not in the cache."""
        return self._cell_of[positions]

    def check(self, visible: NDArray[np.bool_], positions: Ints) -> None:
        """Compare with rows of the attention mask.

        Args:
            visible: which cells each query may see, bool ``[queries, n_kv]``.
            positions: of the queries.

        Raises:
            CellMapError: when the mask shows other cells than those that hold positions up to the query's.
        """
        held = self._position_of[: visible.shape[1]]
        expected = (held >= 0) & (held <= positions[:, None])
        if not np.array_equal(expected, visible):
            row, _ = np.argwhere(expected != visible)[0]
            wrong = np.flatnonzero(expected[row] != visible[row])
            raise CellMapError(f"cells {wrong[:8].tolist()} are mapped wrongly for position {positions[row]}")
