"""The ``cb_eval`` callback: reads attention out of the running llama.cpp graph and edits it before the softmax.

The rules: match op and exact name; data is valid only inside its own
callback; never raise; always return True in the non-ask branch, anything else cancels the rest of the graph while
``llama_decode`` still reports success.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.llm.cells import CellMap, Ints
from workbench.llm.library import NAME_OFFSET, OP_OFFSET, Library, Tensor

MASKED = -1e30
_INT32 = ctypes.c_int32
_DTYPES: dict[int, Any] = {0: np.float32, 1: np.float16, 26: np.int32, 27: np.int64}
Floats = NDArray[np.float32]
Edit = Callable[[int, Floats], None]


@dataclass(frozen=True, slots=True)
class Node:
    """One graph node as the callback saw it: op number, name, and shape as ggml's ``ne``."""

    op: int
    name: bytes
    shape: tuple[int, ...]


class Tap:
    """The callback of one context, and what it is to do during the next decode.

    Attributes:
        cells: kept up to date from the graph itself.
        rows: filled while :attr:`record` holds layers: ``{layer: float32 [head, query, cell]}`` of the last decode.
        error: the first exception inside the callback; the decode's logits are then worthless.
    """

    def __init__(self, library: Library, size: int) -> None:
        self._library, self._base = library, library.base
        self._soft_max, self._set_rows = library.ops["SOFT_MAX"], library.ops["SET_ROWS"]
        self.cells = CellMap(size)
        self.score_nodes: dict[int, Node] = {}
        self.rows: dict[int, Floats] = {}
        self.error: BaseException | None = None
        self.seen: list[Node] | None = None
        self._positions: Ints = np.zeros(0, np.int64)
        self._record: dict[bytes, int] = {}
        self._edits: dict[tuple[int, bytes], int] = {}
        self._edit: Edit | None = None
        self._placed = False
        self._probing = False
        # Kept alive as long as the context that calls it.
        self.callback = library.C.ggml_backend_sched_eval_callback(self._call)

    def prepare(
        self, positions: Ints, record: tuple[int, ...] = (), edit: Edit | None = None, probe: bool = False
    ) -> None:
        """Say what the next decode feeds and what is wanted of it.

        Args:
            positions: of the tokens in the batch, one ubatch at most.
            record: layers whose attention weights are kept in :attr:`rows`.
            edit: called with (layer, raw scores ``[head, query, cell]``) of every layer before its softmax; changes
                them in place.
            probe: learn the graph: :attr:`score_nodes` and a check of the tensor layout.
        """
        self._positions, self._edit, self._probing = positions, edit, probe
        self._record = {b"kq_soft_max-%d" % layer: layer for layer in record}
        self._edits = {(node.op, node.name): layer for layer, node in self.score_nodes.items()} if edit else {}
        self.rows, self.error, self._placed = {}, None, False

    def check(self) -> None:
        """Raise what went wrong inside the callback during the last decode.

        Raises:
            BaseException: the callback's own exception, or RuntimeError when an expected node never came.
        """
        if self.error is not None:
            raise self.error
        if len(self.rows) != len(self._record) or not self._placed:
            raise RuntimeError("the graph lacks a node that capture needs")

    def _call(self, address: int, ask: bool, _data: Any) -> bool:
        try:
            if ask:
                return self.error is None and self._wants(address)
            if self.error is None:
                self._take(address)
        except BaseException as error:
            self.error = error
            return not ask
        return True

    def _wants(self, address: int) -> bool:
        op = _INT32.from_address(address + OP_OFFSET).value
        if op == self._soft_max:
            return self._probing or (bool(self._record) and ctypes.string_at(address + NAME_OFFSET) in self._record)
        if op == self._set_rows:
            return not self._placed and ctypes.string_at(address + NAME_OFFSET).startswith(b"cache_k_l")
        return bool(self._edits) and (op, ctypes.string_at(address + NAME_OFFSET)) in self._edits

    def _take(self, address: int) -> None:
        tensor = Tensor.from_address(address)
        name = ctypes.string_at(address + NAME_OFFSET)
        if tensor.op == self._set_rows:
            self._place(tensor)
        elif tensor.op == self._soft_max:
            self._capture(tensor, name, address)
        else:
            self._change(tensor, self._edits[tensor.op, name])

    def _place(self, tensor: Tensor) -> None:
        index = Tensor.from_address(tensor.src[1])
        cells = self._read(index).reshape(-1).astype(np.int64) % self.cells.size  # each sequence has a block of them
        self.cells.place(cells, self._positions)
        self._placed = True

    def _capture(self, tensor: Tensor, name: bytes, address: int) -> None:
        if self._probing:
            self._learn(tensor, name, address)
        layer = self._record.get(name)
        if layer is None:
            return
        weights = self._read(tensor)  # [stream, head, query, cell]
        self.rows[layer] = weights[0].copy()
        if tensor.src[1]:
            self._check_mask(Tensor.from_address(tensor.src[1]))

    def _learn(self, tensor: Tensor, name: bytes, address: int) -> None:
        problem = self._library.check_tensor(address)
        if problem:
            raise RuntimeError(problem)
        if name.startswith(b"kq_soft_max-"):
            scores = Tensor.from_address(tensor.src[0])
            node = Node(scores.op, ctypes.string_at(tensor.src[0] + NAME_OFFSET), tuple(scores.ne))
            self.score_nodes[int(name.rpartition(b"-")[2])] = node

    def _check_mask(self, mask: Tensor) -> None:
        rows = self._read(mask)[0, 0]
        for row, position in enumerate(self._positions.tolist()):
            self.cells.check(rows[row] == 0, position)

    def _change(self, tensor: Tensor, layer: int) -> None:
        assert self._edit is not None
        scores = self._read(tensor)
        self._edit(layer, scores[0])
        if not self._on_host(tensor):
            self._base.ggml_backend_tensor_set(ctypes.addressof(tensor), scores.ctypes.data, 0, scores.nbytes)

    def _on_host(self, tensor: Tensor) -> bool:
        buffer = tensor.buffer or (Tensor.from_address(tensor.view_src).buffer if tensor.view_src else None)
        return bool(buffer and self._base.ggml_backend_buffer_is_host(buffer))

    def _read(self, tensor: Tensor) -> NDArray[Any]:
        """The tensor as ``[ne3, ne2, ne1, ne0]``: a view into ggml's memory on the host, a copy from a device."""
        shape = tuple(tensor.ne)[::-1]
        dtype = np.dtype(_DTYPES[tensor.type])
        size = int(np.prod(shape)) * dtype.itemsize
        if self._base.ggml_nbytes(ctypes.addressof(tensor)) != size:
            raise RuntimeError(f"tensor {tensor.name!r} is not contiguous")
        if self._on_host(tensor):
            raw = (ctypes.c_char * size).from_address(tensor.data)
            return np.frombuffer(raw, dtype).reshape(shape)
        out = np.empty(shape, dtype)
        self._base.ggml_backend_tensor_get(ctypes.addressof(tensor), out.ctypes.data, 0, size)
        return out
