"""The ``cb_eval`` callback: reads attention out of the running llama.cpp graph and edits it before the softmax.

The rules: match op and exact name; data is valid only inside its own
callback; never raise; always return True in the non-ask branch, anything else cancels the rest of the graph while
``llama_decode`` still reports success.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.cache.base import MASKED
from workbench.llm.cells import CellMap, Ints
from workbench.llm.direct import Direct
from workbench.llm.library import NAME_OFFSET, OP_OFFSET, Library, Tensor

__all__ = ["MASKED", "Edit", "Floats", "Node", "Tap", "Watch"]

_INT32 = ctypes.c_int32
_INT64_TYPE = 27
_NODE = NAME_OFFSET + 64  # bytes of a node that say what and where it is, its name with them
_DTYPES: dict[int, Any] = {0: np.float32, 1: np.float16, 26: np.int32, 27: np.int64}
_OUTPUT = b"l_out-"  # what a layer hands on; one node of this name and an addition in every graph that was looked at
_CHECKED = 16  # steady decodes from one comparison of the cell map with the mask to the next; each costs 0.1 ms
_WALK = 4  # nodes that may lie between a softmax and the product it is of
Floats = NDArray[np.float32]
Edit = Callable[[int, Floats], None]
Watch = Callable[[int, Floats], None]


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
        scales: of each layer, what raw scores are multiplied by before the softmax.
        keys, values: addresses of each layer's tensors in the cache (``cache_k_l0``), learned by probing.
        products: layers whose scores are the plain product of queries and keys, so that queries can be read.
    """

    def __init__(self, library: Library, size: int) -> None:
        self._library, self._base = library, library.base
        self._soft_max, self._set_rows = library.ops["SOFT_MAX"], library.ops["SET_ROWS"]
        self._mul_mat, self._add = library.ops["MUL_MAT"], library.ops["ADD"]
        self.cells = CellMap(size)
        self.score_nodes: dict[int, Node] = {}
        self.rows: dict[int, Floats] = {}
        self.error: BaseException | None = None
        self.scales: dict[int, float] = {}
        self.keys: dict[int, int] = {}
        self.values: dict[int, int] = {}
        self.products: set[int] = set()
        self._outputs: dict[bytes, int] = {}
        self._positions: Ints = np.zeros(0, np.int64)
        self._record: dict[bytes, int] = {}
        self._watched: dict[bytes, int] = {}
        self._edits: dict[tuple[int, bytes], int] = {}
        self._edit: Edit | None = None
        self._watch: Watch | None = None
        self._queries: Watch | None = None
        self._hidden: Watch | None = None
        self._placed = self._checked = False
        self._unchecked = 0
        self._probing = False
        self._ops: frozenset[int] = frozenset()
        self._came: set[int] = set()
        self._steady: tuple[object, ...] | None = None  # what a decode of one token after another wants
        self._wanted: tuple[tuple[object, ...], frozenset[int]] | None = None
        self._fast: frozenset[int] | None = None
        self._seen: dict[int, tuple[bytes, Floats, int | None, int | None]] = {}  # how nodes are read
        self._asked: set[int] = set()
        self._direct = Direct(library, size)
        self._straight = False  # the decode under way is read from there
        self._index = self._mask = 0  # addresses of the inputs that say where keys go, and what is visible
        self._views: set[int] = set()  # of the probed graph: what others are views of,
        self._roots: set[int] = set()  # and what is written elsewhere when nothing is a view of it
        # Kept alive as long as the context that calls it.
        self.callback = library.C.ggml_backend_sched_eval_callback(self._call)

    def prepare(
        self,
        positions: Ints,
        record: tuple[int, ...] = (),
        edit: Edit | None = None,
        probe: bool = False,
        watch: Watch | None = None,
        queries: Watch | None = None,
        hidden: Watch | None = None,
        steady: bool = False,
    ) -> None:
        """Say what the next decode feeds and what is wanted of it.

        Args:
            positions: of the tokens in the batch, one ubatch at most; any ascending numbers will do, they are what
                :attr:`cells` calls them.
            record: layers whose attention weights are kept in :attr:`rows`.
            edit: called with (layer, raw scores ``[head, query, cell]``) of every layer before its softmax; changes
                them in place.
            probe: learn the graph: :attr:`score_nodes` and a check of the tensor layout.
            watch: called with (layer, weights ``[head, query, cell]``) of every layer after its softmax; they are
                valid during the call only. Where it has a ``whole`` that may be called once instead, with the weights
                of the only query in all layers, ``[layer, head, cell]``.
            queries: called with (layer, queries ``[head, query, d]`` as they meet the keys), as ``watch``.
            hidden: called with (layer, what it hands on ``[token, width]``), as ``watch``; of the last layer's tokens
                only those whose logits are wanted.
            steady: the decode is like the one before, and may be done again when :attr:`stale` says so. The graph is
                then taken to have its nodes where they were: to be asked of each of a thousand what it is costs as
                much as all that is read from thirty.
        """
        self._positions, self._edit, self._probing = positions, edit, probe
        self._watch, self._queries, self._hidden = watch, queries, hidden
        self._record = {b"kq_soft_max-%d" % layer: layer for layer in record}
        self._watched = {b"kq_soft_max-%d" % layer: layer for layer in self.score_nodes} if watch else {}
        wanted = edit is not None or queries is not None
        self._edits = {(node.op, node.name): layer for layer, node in self.score_nodes.items()} if wanted else {}
        self.rows, self.error, self._placed, self._checked = {}, None, False, False
        self._came, self._asked = set(), set()
        plain = steady and not (edit or queries or hidden or probe)
        self._index = self._mask = 0
        self._steady = (record, watch is not None, len(positions)) if plain else None
        known = self._wanted
        self._fast = known[1] if known is not None and self._steady is not None and known[0] == self._steady else None
        if self._steady is not None and self._fast is None:
            self._seen.clear()  # of other layers
        self._straight = self._fast is not None and self._direct.ready
        if self._straight:
            self._fast = frozenset()
            self._direct.mark()
        looks = {self._soft_max} if self._record or self._watched or probe else set()
        looks |= {self._mul_mat, self._add} if probe else {op for op, _ in self._edits}
        looks |= {self._add} if hidden else set()
        self._ops = frozenset(looks | {self._set_rows})

    def check(self) -> None:
        """Raise what went wrong inside the callback during the last decode.

        Raises:
            BaseException: the callback's own exception, or RuntimeError when an expected node never came.
        """
        if self.error is not None:
            raise self.error
        if not self._complete:
            raise RuntimeError("the graph lacks a node that capture needs")
        if self._fast is None and self._steady is not None:
            self._wanted = self._steady, frozenset(self._asked)
            self._direct.ready = len(self._positions) == 1 and self._redirect()

    def _redirect(self) -> bool:
        """Have the next decodes that are like this one write where they are read, where the graph allows it."""
        if self._views & self._roots or not self._index:
            return False
        layers = {address: known[2] if known[2] is not None else known[3] for address, known in self._seen.items()}
        nodes = {layer: address for address, layer in layers.items() if layer is not None}
        return self._direct.attach(nodes, len(self.score_nodes), self._index, self._mask)

    @property
    def _complete(self) -> bool:
        return self._placed and len(self.rows) == len(self._record) and len(self._came) == len(self._watched)

    def missed(self) -> bool:
        """After a decode: whether what is wanted of it was not where it had been. It must then be taken back and done
        again, for which this has forgotten where that was."""
        if self._straight and self.error is None and self._direct.written():
            self._collect()
        if self._fast is None or self._complete or self.error is not None:
            return False
        self._wanted, self._direct.ready = None, False
        return True

    def _collect(self) -> None:
        """Hand out what the decode wrote without a stop."""
        self.cells.place_one(self._direct.cell % self.cells.size, int(self._positions[0]))
        self._placed = True
        if self._direct.mask is not None and self._due():
            self.cells.check(self._direct.mask[None] == 0, self._positions)
        for layer in self._record.values():
            self.rows[layer] = self._direct.weights[layer][:, None].copy()
        self._came = set(self._watched.values())
        whole = getattr(self._watch, "whole", None)
        if whole is not None:
            whole(self._direct.weights)
        elif self._watch is not None:
            for layer, weights in enumerate(self._direct.weights):
                self._watch(layer, weights[:, None])

    def _due(self) -> bool:
        """Whether the cell map is compared with the mask at this decode."""
        self._unchecked = 0 if self._fast is None else (self._unchecked + 1) % _CHECKED
        return not self._unchecked

    def _call(self, address: int, ask: bool, _data: Any) -> bool:
        try:
            if ask:  # of every node: what is no candidate must cost next to nothing
                if self._fast is not None:
                    return address in self._fast
                if self._probing:
                    self._views.add(Tensor.from_address(address).view_src or 0)
                if _INT32.from_address(address + OP_OFFSET).value not in self._ops:
                    return False
                if self.error is not None or not self._wants(address):
                    return False
                self._asked.add(address)
                return True
            if self.error is None and not self._again(address) and (self._fast is None or self._wants(address)):
                self._take(address)
        except BaseException as error:
            self.error = error
            return not ask
        return True

    def _again(self, address: int) -> bool:
        """Look at weights that lie where they lay at the last decode; False for any other node."""
        known = self._seen.get(address) if self._fast is not None else None
        if known is None or ctypes.string_at(address, _NODE) != known[0]:
            return False
        _, weights, layer, watched = known
        self._hand_out(weights, layer, watched, Tensor.from_address(address).src[1])
        return True

    def _wants(self, address: int) -> bool:
        op = _INT32.from_address(address + OP_OFFSET).value
        if op == self._soft_max:
            if not (self._record or self._watched):
                return self._probing
            name = ctypes.string_at(address + NAME_OFFSET)
            return self._probing or name in self._record or name in self._watched
        if op == self._set_rows:
            return not self._placed and ctypes.string_at(address + NAME_OFFSET).startswith(b"cache_k_l")
        if op == self._add:
            name = ctypes.string_at(address + NAME_OFFSET)
            if self._probing:
                return name.startswith(_OUTPUT) and name.removeprefix(_OUTPUT).isdigit()
            return self._hidden is not None and name in self._outputs
        if self._probing and op == self._mul_mat:
            return ctypes.string_at(address + NAME_OFFSET).startswith(b"kqv-")
        return bool(self._edits) and (op, ctypes.string_at(address + NAME_OFFSET)) in self._edits

    def _take(self, address: int) -> None:
        tensor = Tensor.from_address(address)
        name = ctypes.string_at(address + NAME_OFFSET)
        if tensor.op == self._set_rows:
            self._place(tensor)
        elif tensor.op == self._soft_max:
            self._capture(tensor, name, address)
        elif tensor.op == self._add:
            self._visit(tensor, name)
        elif self._probing:
            self._learn_values(tensor, name)
        else:
            self._change(tensor, self._edits[tensor.op, name])

    def _place(self, tensor: Tensor) -> None:
        self._index = tensor.src[1]
        index = Tensor.from_address(self._index)
        if self._probing:
            self._roots.add(self._index)
        if self._fast is not None and len(self._positions) == 1 and index.type == _INT64_TYPE and self._on_host(index):
            cell = ctypes.c_int64.from_address(index.data).value % self.cells.size
            self.cells.place_one(cell, int(self._positions[0]))
            self._placed = True
            return
        cells = self._read(index).reshape(-1).astype(np.int64) % self.cells.size  # each sequence has a block of them
        self.cells.place(cells, self._positions)
        self._placed = True

    def _capture(self, tensor: Tensor, name: bytes, address: int) -> None:
        if self._probing:
            self._learn(tensor, name, address)
        layer, watched = self._record.get(name), self._watched.get(name)
        if layer is None and watched is None:
            return
        weights = self._read(tensor)[0]  # [head, query, cell] of the one stream
        if self._steady is not None and self._on_host(tensor):
            self._seen[address] = ctypes.string_at(address, _NODE), weights, layer, watched
        self._hand_out(weights, layer, watched, tensor.src[1])

    def _hand_out(self, weights: Floats, layer: int | None, watched: int | None, mask: int | None) -> None:
        if layer is not None:
            self.rows[layer] = weights.copy()
        if mask and not self._checked:  # one mask for all layers
            self._mask = mask
            if self._due():
                self._check_mask(Tensor.from_address(mask))
            self._checked = True
        if watched is not None and self._watch is not None:
            self._came.add(watched)
            self._watch(watched, weights)

    def _visit(self, tensor: Tensor, name: bytes) -> None:
        if self._probing:
            self._outputs[name] = int(name.removeprefix(_OUTPUT))
        elif self._hidden is not None:
            self._hidden(self._outputs[name], self._read(tensor)[0, 0])

    @property
    def hidden(self) -> bool:
        """Whether every layer has a node with what it hands to the next one."""
        return set(self._outputs.values()) == set(self.score_nodes)

    def _learn(self, tensor: Tensor, name: bytes, address: int) -> None:
        problem = self._library.check_tensor(address)
        if problem:
            raise RuntimeError(problem)
        if name.startswith(b"kq_soft_max-"):
            self._roots |= {address, tensor.src[1] or 0} - {0}
            scores = Tensor.from_address(tensor.src[0])
            node = Node(scores.op, ctypes.string_at(tensor.src[0] + NAME_OFFSET), tuple(scores.ne))
            layer = int(name.rpartition(b"-")[2])
            self.score_nodes[layer] = node
            self.scales[layer] = float(np.frombuffer(tensor.op_params, np.float32, 1)[0])
            self._learn_keys(layer, scores)

    def _learn_keys(self, layer: int, scores: Tensor) -> None:
        plain = scores.op == self._mul_mat
        for _ in range(_WALK):
            if scores.op == self._mul_mat or not scores.src[0]:
                break
            scores = Tensor.from_address(scores.src[0])
        if scores.op == self._mul_mat:
            self._note(self.keys, layer, b"cache_k_l%d" % layer, scores.src[0])
            if plain:
                self.products.add(layer)

    def _learn_values(self, tensor: Tensor, name: bytes) -> None:
        layer, address = int(name.rpartition(b"-")[2]), tensor.src[0]
        for _ in range(_WALK):
            if not address or Tensor.from_address(address).view_src:
                break
            address = Tensor.from_address(address).src[0]
        self._note(self.values, layer, b"cache_v_l%d" % layer, address)

    def _note(self, found: dict[int, int], layer: int, name: bytes, view: int | None) -> None:
        """Remember the tensor that a view is of, when it is the cache's own: those live as long as the context."""
        root = Tensor.from_address(view).view_src if view else None
        if root and ctypes.string_at(root + NAME_OFFSET) == name:
            found[layer] = root

    def _check_mask(self, mask: Tensor) -> None:
        rows = self._read(mask)[0, 0, : len(self._positions)]
        self.cells.check(rows == 0, self._positions)

    def _change(self, tensor: Tensor, layer: int) -> None:
        if self._queries is not None and layer in self.products:
            self._queries(layer, self._spread(Tensor.from_address(tensor.src[1]))[0])
        if self._edit is None:
            return
        scores = self._read(tensor)
        self._edit(layer, scores[0])
        if not self._on_host(tensor):
            self._base.ggml_backend_tensor_set(ctypes.addressof(tensor), scores.ctypes.data, 0, scores.nbytes)

    def _spread(self, tensor: Tensor) -> Floats:
        """A float tensor that may be permuted, as ``[ne3, ne2, ne1, ne0]``; a copy."""
        size = int(self._base.ggml_nbytes(ctypes.addressof(tensor)))
        raw = np.empty(size, np.uint8)
        self._base.ggml_backend_tensor_get(ctypes.addressof(tensor), raw.ctypes.data, 0, size)
        dtype = np.dtype(_DTYPES[tensor.type])
        view = np.ndarray(tuple(tensor.ne)[::-1], dtype, raw.data, strides=tuple(tensor.nb)[::-1])
        return view.astype(np.float32)

    def _on_host(self, tensor: Tensor) -> bool:
        buffer = tensor.buffer or (Tensor.from_address(tensor.view_src).buffer if tensor.view_src else None)
        return bool(buffer and self._base.ggml_backend_buffer_is_host(buffer))

    def _read(self, tensor: Tensor) -> NDArray[Any]:
        """The tensor as ``[ne3, ne2, ne1, ne0]``: a view into ggml's memory on the host, a copy from a device."""
        shape = tuple(tensor.ne)[::-1]
        dtype = np.dtype(_DTYPES[tensor.type])
        size = math.prod(shape) * dtype.itemsize
        if self._base.ggml_nbytes(ctypes.addressof(tensor)) != size:
            raise RuntimeError(f"tensor {tensor.name!r} is not contiguous")
        if self._on_host(tensor):
            raw = (ctypes.c_char * size).from_address(tensor.data)
            return np.frombuffer(raw, dtype).reshape(shape)
        out = np.empty(shape, dtype)
        self._base.ggml_backend_tensor_get(ctypes.addressof(tensor), out.ctypes.data, 0, size)
        return out
