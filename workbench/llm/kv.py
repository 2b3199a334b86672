"""Keys and values in the cache's own tensors: single cells read and written between decodes.

Keys lie as ``[stream, cell, kv_heads * d]``, values transposed as ``[stream, kv_heads * d, cell]``, since flash
attention is off. The addresses come from the tap, which finds them in the graph.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.llm.library import Library, Tensor
from workbench.llm.tap import Tap

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
_DTYPES: dict[int, Any] = {0: np.float32, 1: np.float16, 30: np.uint16}


class KVCells:
    """The cells of one context.

    Args:
        kv_heads: heads of keys and values per layer.
    """

    def __init__(self, library: Library, tap: Tap, layers: int, kv_heads: int) -> None:
        self._base = library.base
        self._kv_heads, self.layers = kv_heads, layers
        self._keys = [tap.keys.get(layer) for layer in range(layers)]
        self._values = [tap.values.get(layer) for layer in range(layers)]

    @property
    def problem(self) -> str:
        """Why cells cannot be read and written; "" when they can."""
        for what, found in (("keys", self._keys), ("values", self._values)):
            if any(address is None for address in found):
                return f"the {what} of this model are not found in its graph"
            kinds = {Tensor.from_address(address).type for address in found if address}
            if not kinds <= _DTYPES.keys():
                return f"the cache's {what} are quantized"
        return ""

    @property
    def width(self) -> int:
        """Width of a head."""
        return int(Tensor.from_address(self._keys[0] or 0).ne[0]) // self._kv_heads

    @property
    def bytes_per_entry(self) -> float:
        """Bytes of one token's key and value in one layer and key head."""
        tensors = [Tensor.from_address(address or 0) for address in (self._keys[0], self._values[0])]
        return sum(np.dtype(_DTYPES[t.type]).itemsize * int(t.ne[0]) / self._kv_heads for t in tensors)

    def keys(self, stream: int, cells: Ints) -> Floats:
        """Keys of these cells as they are (after RoPE), float32 ``[layers, kv_heads, cells, d]``."""
        return np.stack([self._of_heads(self._view(a, stream, False)[cells]) for a in self._keys])

    def values(self, stream: int, cells: Ints) -> Floats:
        """Values of these cells, float32 ``[layers, kv_heads, cells, d]``."""
        return np.stack([self._of_heads(self._view(a, stream, True)[:, cells].T) for a in self._values])

    def write_keys(self, stream: int, cells: Ints, keys: Floats) -> None:
        """Put keys ``[layers, kv_heads, cells, d]`` in their place."""
        for address, rows in zip(self._keys, keys, strict=True):
            self._write(address, stream, False, cells, rows)

    def write_values(self, stream: int, cells: Ints, values: Floats) -> None:
        """Put values ``[layers, kv_heads, cells, d]`` in their place."""
        for address, rows in zip(self._values, values, strict=True):
            self._write(address, stream, True, cells, rows)

    def _of_heads(self, rows: NDArray[Any]) -> Floats:
        """``[cells, kv_heads * d]`` as stored, as float32 ``[kv_heads, cells, d]``."""
        if rows.dtype == np.uint16:
            rows = (rows.astype(np.uint32) << 16).view(np.float32)
        return (
            rows.astype(np.float32)
            .reshape(len(rows), self._kv_heads, rows.shape[1] // self._kv_heads)
            .transpose(1, 0, 2)
        )

    def _stored(self, heads: Floats, dtype: Any) -> NDArray[Any]:
        rows = heads.transpose(1, 0, 2).reshape(heads.shape[1], heads.shape[0] * heads.shape[2])
        if dtype != np.uint16:
            return rows.astype(dtype)
        bits = np.ascontiguousarray(rows, np.float32).view(np.uint32)
        return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)  # to the nearest, ties to even

    def _view(self, address: int | None, stream: int, transposed: bool) -> NDArray[Any]:
        """One stream of a tensor: a view on the host, a copy from a device."""
        tensor = Tensor.from_address(address or 0)
        dtype = np.dtype(_DTYPES[tensor.type])
        channels, cells = int(tensor.ne[0]), int(tensor.ne[1])
        size, offset = channels * cells * dtype.itemsize, stream * int(tensor.nb[2])
        shape = (channels, cells) if transposed else (cells, channels)
        if self._base.ggml_backend_buffer_is_host(tensor.buffer):
            raw = (ctypes.c_char * size).from_address(tensor.data + offset)
            return np.frombuffer(raw, dtype).reshape(shape)
        out = np.empty(shape, dtype)
        self._base.ggml_backend_tensor_get(address, out.ctypes.data, offset, size)
        return out

    def _write(self, address: int | None, stream: int, transposed: bool, cells: Ints, heads: Floats) -> None:
        tensor = Tensor.from_address(address or 0)
        view = self._view(address, stream, transposed)
        rows = self._stored(heads, view.dtype)
        if transposed:
            view[:, cells] = rows.T
        else:
            view[cells] = rows
        if not self._base.ggml_backend_buffer_is_host(tensor.buffer):
            offset = stream * int(tensor.nb[2])
            self._base.ggml_backend_tensor_set(address, view.ctypes.data, offset, view.nbytes)
