"""The scope context: what answers with capture, knock-out and cache policies run in.

Flash attention is off (only then do scores exist), ubatches are small, and the ``cb_eval`` tap is installed. Tokens are
fed at most :data:`CHUNK` at a time; cells are read, written, evicted and put back here. ``runner.py`` answers with it.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.cache.base import CachePolicy
from workbench.errors import ModelError
from workbench.llm.cells import CellMap
from workbench.llm.context import FLASH_OFF, Context, ContextOptions
from workbench.llm.cores import Cores
from workbench.llm.kv import KVCells
from workbench.llm.model import Model, Tokens
from workbench.llm.tap import MASKED, Edit, Floats, Tap, Watch

CHUNK = 128
KEPT_BYTES = 256 << 20
"""Memory for sequences, and the most of them."""
MOST_SEQUENCES = 8


@dataclass(frozen=True, slots=True, eq=False)
class Masked:
    """Prompt positions hidden from every query outside of them, int64 ``[n]``; None means all layers, all heads."""

    positions: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    layers: tuple[int, ...] | None = None
    heads: tuple[int, ...] | None = None


@dataclass(slots=True, eq=False)
class _Held:
    """One sequence: its cells by the number of the token in the order of reading, where the next token goes in
    llama.cpp's positions, that token's number, and the position of every token before it."""

    cells: CellMap
    position: int = 0
    number: int = 0
    places: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    def clear(self) -> None:
        self.cells.clear()
        self.position = self.number = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A sequence as it was, without gaps: llama.cpp's own state of it, and how many tokens it held."""

    state: NDArray[np.uint8]
    count: int


class ScopeContext:
    """The context and its tap; what cache policies and captures are built on.

    All but :meth:`select`, :meth:`clear` and :meth:`close` are about the selected sequence, at first 0. Tokens are
    named by their number in the order of reading, which is llama.cpp's position until :meth:`keep` renumbers.

    Attributes:
        sequence: the selected one.
        kv: its keys and values.

    Raises:
        ModelError: when the context cannot be made or the graph of this model cannot be read.
    """

    def __init__(self, model: Model, size: int, threads: int | Cores, kv_type: str = "f16", sequences: int = 1) -> None:
        self.model = model
        self.tap = Tap(model.library, -(-size // 256) * 256)
        options = ContextOptions(
            size=size,
            threads=threads,
            sequences=sequences,
            batch=CHUNK,
            ubatch=CHUNK,
            flash=FLASH_OFF,
            kv_type=kv_type,
            callback=self.tap.callback,
        )
        self.context = Context(model, options)
        self._sequences = [_Held(self.tap.cells), *(_Held(CellMap(self.context.size)) for _ in range(sequences - 1))]
        self.sequence = 0
        try:
            self._probe()
        except Exception as error:
            self.context.close()
            raise ModelError(
                f"attention of {model.path.name} cannot be read: {error}", "answers work without capture"
            ) from error
        self.kv = KVCells(model.library, self.tap, model.n_layer, model.n_head_kv)

    def _probe(self) -> None:
        """Learn the graph from a decode of two tokens, and check that what is read is attention."""
        model = self.model
        if model.library.layout_error:
            raise RuntimeError(model.library.layout_error)
        token = max(0, model.special.bos)
        self._feed(np.array([token, token], np.int32), None, probe=True)
        layers = tuple(range(model.n_layer))
        if tuple(sorted(self.tap.score_nodes)) != layers:
            raise RuntimeError(f"{len(self.tap.score_nodes)} of {model.n_layer} layers have an attention matrix")
        self._feed(np.array([token], np.int32), None, record=layers)
        for layer, rows in self.tap.rows.items():
            if rows.shape[:2] != (model.n_head, 1):
                raise RuntimeError(f"layer {layer} has an attention matrix of shape {rows.shape}")
            if abs(rows.sum(axis=2) - 1).max() > 1e-3:
                raise RuntimeError(f"the attention weights of layer {layer} do not sum to 1")
        self.clear()

    @property
    def position(self) -> int:
        """Number of the next token, which is where it goes unless the cache was renumbered."""
        return self._held.number

    @property
    def _held(self) -> _Held:
        return self._sequences[self.sequence]

    def select(self, sequence: int) -> None:
        """Go on with another sequence."""
        self.sequence = sequence
        self.tap.cells = self._held.cells

    def feed(
        self,
        tokens: Tokens,
        record: tuple[int, ...] = (),
        masked: NDArray[np.int64] | None = None,
        layers: tuple[int, ...] | None = None,
        heads: tuple[int, ...] | None = None,
    ) -> NDArray[np.float32]:
        """Decode up to :data:`CHUNK` tokens after what the cache holds.

        Args:
            record: layers whose attention is left in ``tap.rows``.
            masked: positions that queries outside of them must not see.
            layers, heads: where they must not; None in all.

        Returns:
            Logits after the last token, float32 ``[vocabulary]``, valid until the next call.

        Raises:
            Exception: what happened inside the callback; nothing was returned from that decode.
        """
        edit = self.masker(Masked(masked, layers, heads)) if masked is not None and len(masked) else None
        return self._feed(tokens, edit, record)[-1]

    def feed_edited(self, tokens: Tokens, edit: Edit | None, record: tuple[int, ...] = ()) -> NDArray[np.float32]:
        """As :meth:`feed`, with a function that changes raw scores before the softmax (see :meth:`Tap.prepare`)."""
        return self._feed(tokens, edit, record)[-1]

    def feed_tapped(
        self,
        tokens: Tokens,
        record: tuple[int, ...] = (),
        edit: Edit | None = None,
        watch: Watch | None = None,
        queries: Watch | None = None,
        every_logit: bool = False,
        hidden: Watch | None = None,
        steady: bool = False,
    ) -> NDArray[np.float32]:
        """As :meth:`feed`, with functions that change scores and look at weights, queries and hidden states
        (:meth:`Tap.prepare`). Without ``every_logit`` the last layer's hidden states are of the last token alone.

        Args:
            steady: tokens are decoded one after another; ``watch`` may be called twice, and the last call counts.

        Returns:
            Logits after every token (``every_logit``) or the last, float32 ``[tokens or 1, vocabulary]``.
        """
        return self._feed(tokens, edit, record, False, watch, queries, every_logit, hidden=hidden, steady=steady)

    def reread(self, tokens: Tokens, numbers: NDArray[np.int64], end: int) -> None:
        """Empty the sequence and read some of its ``end`` tokens again, without gaps, under the numbers they had."""
        self.reset()
        for start in range(0, len(tokens), CHUNK):
            self._feed(tokens[start : start + CHUNK], None, numbers=numbers[start : start + CHUNK])
        self._held.number = end

    def _feed(
        self,
        tokens: Tokens,
        edit: Edit | None,
        record: tuple[int, ...] = (),
        probe: bool = False,
        watch: Watch | None = None,
        queries: Watch | None = None,
        every_logit: bool = False,
        numbers: NDArray[np.int64] | None = None,
        hidden: Watch | None = None,
        steady: bool = False,
    ) -> NDArray[np.float32]:
        held = self._held
        if numbers is None:
            numbers = np.arange(held.number, held.number + len(tokens), dtype=np.int64)
        count = self.context.fill(0, tokens, held.position, self.sequence)
        self.context.wants[0 if every_logit else count - 1 : count] = 1
        prepare = partial(self.tap.prepare, numbers, record, edit, probe, watch, queries, hidden, steady)
        prepare()
        try:
            self.context.decode(count)
            if self.tap.missed():
                self.context.C.llama_memory_seq_rm(self.context.memory, self.sequence, held.position, -1)
                held.cells.forget(int(numbers[0]), int(numbers[-1]) + 1)
                prepare()
                self.context.decode(count)
            self.tap.check()
        except BaseException:
            self.clear()  # the cache may hold garbage
            raise
        self._place(numbers, held)
        return self.context.logits(count if every_logit else 1)

    def _place(self, numbers: NDArray[np.int64], held: _Held) -> None:
        end = int(numbers[-1]) + 1
        if end > len(held.places):
            held.places = np.concatenate([held.places, np.zeros(max(end, 256), np.int64)])
        held.places[numbers] = np.arange(held.position, held.position + len(numbers))
        held.position, held.number = held.position + len(numbers), end

    def masker(self, masked: Masked) -> Edit:
        """The edit that hides tokens from the queries of any decode."""
        hidden, layers = masked.positions, masked.layers

        def edit(layer: int, scores: Floats) -> None:
            numbers = np.arange(self.position, self.position + scores.shape[1])
            rows = np.flatnonzero(~np.isin(numbers, hidden))  # a masked token keeps its own cell: no row is ever empty
            cells = self.tap.cells.cells(hidden)
            cells = cells[cells >= 0]
            if len(cells) and len(rows) and (layers is None or layer in layers):
                heads = np.arange(scores.shape[0]) if masked.heads is None else np.array(masked.heads)
                scores[heads[:, None, None], rows[:, None], cells] = MASKED

        return edit

    def evict(self, start: int, end: int) -> None:
        """Drop tokens ``start…end-1`` from the cache; their cells are used again. The last tokens leave no gap."""
        held = self._held
        there = np.flatnonzero(held.cells.cells(np.arange(start, min(end, held.number))) >= 0) + start
        if len(there):
            first, last = int(held.places[there[0]]), int(held.places[there[-1]]) + 1
            self.context.C.llama_memory_seq_rm(self.context.memory, self.sequence, first, last)
            held.cells.forget(int(there[0]), int(there[-1]) + 1)
        if end >= held.number > start:
            held.position = int(held.places[there[0]]) if len(there) else held.position
            held.number = start

    def keep(self, kept: NDArray[np.bool_], renumber: bool = False) -> None:
        """Evict the tokens that are False, bool ``[position]``; the last token must stay.

        Args:
            renumber: move what is kept together, so that positions have no gaps; keys are turned at the next decode.
        """
        assert len(kept) == self.position and kept[-1], "llama.cpp counts on from the highest position that it holds"
        held, C, memory = self._held, self.context.C, self.context.memory
        for start, end in runs(~kept):
            self.evict(start, end)
        if not renumber:
            return
        there = np.flatnonzero(held.cells.cells(np.arange(held.number)) >= 0)
        for block in np.split(np.arange(len(there)), np.flatnonzero(np.diff(held.places[there]) != 1) + 1):
            places = held.places[there[block]]
            by = int(block[0] - places[0])
            if by:
                C.llama_memory_seq_add(memory, self.sequence, int(places[0]), int(places[-1]) + 1, by)
                held.places[there[block]] += by
        held.position = len(there)

    def state_bytes(self) -> int:
        """Bytes that :meth:`save` would take."""
        return int(self.context.C.llama_state_seq_get_size(self.context.handle, self.sequence))

    def save(self) -> Snapshot:
        """The sequence as it is, for :meth:`load`; only of one that nothing was evicted from but its end."""
        state = np.empty(self.state_bytes(), np.uint8)
        C, handle = self.context.C, self.context.handle
        written = C.llama_state_seq_get_data(handle, _bytes(state), len(state), self.sequence)
        return Snapshot(state[:written], self._held.number)

    def load(self, snapshot: Snapshot) -> None:
        """Make the sequence what it was.

        Raises:
            RuntimeError: when llama.cpp does not take it back.
        """
        C, held, state = self.context.C, self._held, snapshot.state
        self.reset()
        if not C.llama_state_seq_set_data(self.context.handle, _bytes(state), len(state), self.sequence):
            self.clear()
            raise RuntimeError("llama.cpp did not take a saved sequence back")
        numbers = np.arange(snapshot.count)
        held.cells.place(numbers, numbers)  # an empty sequence is filled from its first cell; the mask check proves it
        self._place(numbers, held)

    def reset(self) -> None:
        """Empty the selected sequence."""
        self.context.C.llama_memory_seq_rm(self.context.memory, self.sequence, -1, -1)
        self._held.clear()

    def refuses(self, policy: CachePolicy) -> str:
        """Why a policy cannot be carried out on this model's cache; "" when it can."""
        reads = policy.needs & {"keys", "values"} or policy.way.startswith("rewritten")
        if reads and self.kv.problem:
            return self.kv.problem
        if "queries" in policy.needs and len(self.tap.products) < self.model.n_layer:
            return "the queries of this model are not found in its graph"
        if policy.renumbers and not self.context.C.llama_memory_can_shift(self.context.memory):
            return "the positions in this model's cache cannot be moved"
        if policy.renumbers and self.context.options.kv_type == "bf16":
            return "positions in a bf16 cache cannot be moved"  # ggml turns no bf16 keys: the process would abort
        return ""

    def clear(self) -> None:
        """Empty the cache, all sequences."""
        self.context.clear()
        for held in self._sequences:
            held.clear()

    def close(self) -> None:
        """Free the context."""
        self.context.close()


def _bytes(data: NDArray[np.uint8]) -> Any:
    return data.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))


def runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Half-open ranges where ``flags`` is True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def sequences(model: Model, size: int, kv_type: str) -> int:
    """How many sequences of ``size`` tokens :data:`KEPT_BYTES` hold."""
    bytes_each = size * model.kv_bytes(kv_type)
    return int(max(1, min(MOST_SEQUENCES, KEPT_BYTES // bytes_each)))


def masked_positions(spans: Sequence[tuple[int, int]], chosen: Sequence[int]) -> NDArray[np.int64]:
    """Positions of the chosen spans, sorted and unique, int64 ``[n]``."""
    parts = [np.arange(*spans[index], dtype=np.int64) for index in chosen]
    return np.unique(np.concatenate(parts)) if parts else np.zeros(0, np.int64)
