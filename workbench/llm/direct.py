"""Attention written straight where it is read: what a callback costs per layer is saved while tokens follow each other.

llama.cpp decodes one token after another with the same graph, whose tensors stay as long as it fits. On the CPU a
tensor's data is an address: after the first of such decodes the weights of the layers that are wanted, the index of
the cell that is written and the attention mask get addresses of ours. The next decodes need no stop at any node, and
compute the same, to the bit. What is wanted is marked before each decode; a mark that is still there after it says
that the graph was made anew.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from workbench.llm.library import Library, Tensor

_F32, _I64 = 0, 27
_MARK = -1  # no attention weight, and no cell
_CPU = b"CPU"  # the buffer of ggml's own processor backend: any other keeps books of its addresses
Floats = NDArray[np.float32]


class Direct:
    """The arrays of one context, for decodes of one token.

    They live as long as it and are large enough for every graph of it, since a graph that was told to write here may be
    run again for others.

    Args:
        cells: of the cache.

    Attributes:
        weights: of the last decode, float32 ``[layer, head, cell]``, the wanted layers' in their places among all;
            valid until the next one.
        mask: which cells that token could see, float32 ``[cell]``, 0 where it could; None when no layer is wanted.
        ready: whether the next decode like the last one writes here.
    """

    def __init__(self, library: Library, cells: int) -> None:
        self._base, self._cells = library.base, cells
        self._index, self._mask = np.full(1, _MARK, np.int64), np.zeros(cells, np.float32)
        self._room: Floats | None = None  # pages that no graph has reached yet take no memory
        self.weights: Floats = np.zeros((0, 0, 0), np.float32)
        self._last: Floats | None = None  # of the weights, the row that is written last
        self.mask: Floats | None = None
        self.ready = False

    @property
    def cell(self) -> int:
        """Where the token of the last decode lies."""
        return int(self._index[0])

    def attach(self, nodes: Mapping[int, int], count: int, index: int, mask: int) -> bool:
        """After a decode of one token: let the next ones that are like it write here.

        Args:
            nodes: of the layers that are wanted, the address of the node of their weights. count: of all layers.
            index, mask: addresses of the cache indices, and of the attention mask (0 without layers).

        Returns:
            Whether they will; on a device, or of other shapes, nothing is changed.
        """
        layers = {layer: Tensor.from_address(nodes[layer]) for layer in sorted(nodes)}
        cell, visible = Tensor.from_address(index), Tensor.from_address(mask) if layers else None
        written = [cell, *([visible] if visible else []), *layers.values()]
        self.ready = all(map(self._movable, written)) and self._fits(cell, visible, list(layers.values()))
        if not self.ready:
            return False
        cell.data = self._index.ctypes.data
        self.mask = self._last = None
        if visible is not None:
            visible.data = self._mask.ctypes.data
            self.mask = self._mask[: visible.ne[0]]
            self._redirect(layers, count)
        return True

    def _redirect(self, layers: Mapping[int, Tensor], count: int) -> None:
        """Each layer has the place of its number: others of the same graph may write here as well."""
        first = next(iter(layers.values()))
        cells, heads = int(first.ne[0]), int(first.ne[2])
        if self._room is None:
            self._room = np.empty(count * heads * self._cells, np.float32)
        self.weights = self._room[: count * heads * cells].reshape(count, heads, cells)
        for layer, tensor in layers.items():
            tensor.data = self.weights[layer].ctypes.data
        self._last = self.weights[max(layers), 0]

    def _movable(self, tensor: Tensor) -> bool:
        """Whether all that reads or writes it goes by the address in it."""
        if not tensor.buffer or tensor.view_src:
            return False
        return bool(self._base.ggml_backend_buffer_name(tensor.buffer) == _CPU)

    def _fits(self, index: Tensor, mask: Tensor | None, nodes: list[Tensor]) -> bool:
        """One token, one stream, and every node of the same shape."""
        if index.type != _I64 or tuple(index.ne) != (1, 1, 1, 1):
            return False
        if mask is None:
            return True
        cells, heads = mask.ne[0], nodes[0].ne[2]
        shapes = [(tensor, (cells, 1, heads, 1)) for tensor in nodes] + [(mask, (cells, 1, 1, 1))]
        return cells <= self._cells and all(
            tensor.type == _F32
            and tuple(tensor.ne) == shape
            and self._base.ggml_nbytes(ctypes.addressof(tensor)) == 4 * shape[0] * shape[2]
            for tensor, shape in shapes
        )

    def mark(self) -> None:
        """Before a decode."""
        self._index[0] = _MARK
        if self._last is not None:
            self._last[0] = _MARK

    def written(self) -> bool:
        """After it: whether what is wanted was written here. A graph that was made anew writes nothing of it."""
        return bool(self._index[0] >= 0 and (self._last is None or self._last[0] >= 0))
