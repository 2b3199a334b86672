"""One llama.cpp context and the batch that feeds it."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import ModelError, Unavailable
from workbench.llm.cores import Cores
from workbench.llm.load import buffers
from workbench.llm.model import Model, Tokens

FLASH_OFF, FLASH_AUTO = 0, -1
WORTH_THREADS = 32e6
"""Multiplications per layer from which threads save more than they cost by waiting for each other at every operation.
The bundled model on one core and on two: one token 1.5 and 3.4 ms, 21 tokens 5.4 and 7.9 ms, 90 tokens 18 and 14 ms."""
LEAST_TOKENS = 6
"""A batch of fewer costs as much as this many: the weights have to be read all the same."""
_FAILURES = {1: "the cache is full", 2: "aborted", -1: "an invalid batch", -2: "no memory is left", -3: "it failed"}
KV_TYPES = {"f32": 0, "f16": 1, "q8_0": 8, "bf16": 30}


@dataclass(frozen=True, slots=True)
class ContextOptions:
    """How a context is made.

    Attributes:
        size: tokens per sequence.
        threads: CPU threads for batches that are worth them (:data:`WORTH_THREADS`): a number, or as many as are free.
        sequences: how many sequences live in it.
        batch: tokens handed to one ``llama_decode`` at most; ``ubatch`` of them are computed at once.
        flash: ``FLASH_OFF`` or ``FLASH_AUTO``.
        unified: one cell array for all sequences instead of one per sequence.
        pooling: pooling of an embedding context, None for a language model.
        callback: ``ggml_backend_sched_eval_callback``; the caller keeps it alive as long as the context.
    """

    size: int
    threads: int | Cores
    sequences: int = 1
    batch: int = 512
    ubatch: int = 512
    flash: int = FLASH_AUTO
    unified: bool = False
    kv_type: str = "f16"
    pooling: int | None = None
    causal: bool = True
    callback: Any = None


class Context:
    """A llama.cpp context with one reusable batch. Every call must come from one thread at a time."""

    def __init__(self, model: Model, options: ContextOptions) -> None:
        self.model, self.options = model, options
        self._cores = options.threads if isinstance(options.threads, Cores) else Cores(options.threads)
        self.C: Any = model.library.C
        self.handle = self._create()
        owner = "scope" if options.callback is not None else "work" if options.pooling is None else "embedder"
        self.buffers = buffers(model.library.log, owner)
        self.memory = self.C.llama_get_memory(self.handle)
        self.size: int = self.C.llama_n_ctx_seq(self.handle)
        self._threads = self._cores.most
        self._batch = _Batch(self.C, options.batch)

    def _create(self) -> Any:
        options = self.options
        params = self.C.llama_context_default_params()
        params.n_ctx = options.size * options.sequences
        params.n_batch, params.n_ubatch = options.batch, options.ubatch
        params.n_seq_max = options.sequences
        params.n_threads = params.n_threads_batch = self._cores.most
        params.flash_attn_type, params.kv_unified = options.flash, options.unified
        params.type_k = params.type_v = KV_TYPES[options.kv_type]
        params.no_perf = True
        if options.pooling is not None:
            params.embeddings, params.pooling_type = True, options.pooling
        if options.callback is not None:
            params.cb_eval = options.callback
        self.model.library.log.clear()
        handle = self.C.llama_init_from_model(self.model.handle, params)
        if not handle:
            why = self.model.library.reason() or "not enough memory"
            raise ModelError(
                f"no context of {options.sequences} x {options.size:,} tokens for {self.model.path.name}: {why}",
                "use a smaller context or fewer sequences",
            )
        return handle

    def fill(self, at: int, tokens: Tokens, start: int, sequence: int) -> int:
        """Put tokens at positions ``start…`` of a sequence into the batch from index ``at``; returns the next index.

        No token asks for logits; set ``wants[i]`` for those that do.
        """
        end = at + len(tokens)
        batch = self._batch
        batch.tokens[at:end] = tokens
        batch.positions[at:end] = np.arange(start, start + len(tokens), dtype=np.int32)
        batch.sequences[at:end] = sequence
        batch.wants[at:end] = 0
        return end

    def put(self, at: int, token: int, position: int, sequence: int) -> None:
        """Put one token that asks for logits at index ``at`` of the batch."""
        batch = self._batch
        batch.tokens[at], batch.positions[at], batch.sequences[at], batch.wants[at] = token, position, sequence, 1

    @property
    def wants(self) -> NDArray[np.int8]:
        """Which batch entries ask for logits (or embeddings)."""
        return self._batch.wants

    def batch_copy(self, count: int) -> tuple[Tokens, Tokens, Tokens, NDArray[np.int8]]:
        """Copies of the first ``count`` entries: tokens, positions, sequences, wants."""
        batch = self._batch
        arrays = batch.tokens, batch.positions, batch.sequences
        tokens, positions, sequences = (array[:count].copy() for array in arrays)
        return tokens, positions, sequences, batch.wants[:count].copy()

    def refill(self, tokens: Tokens, positions: Tokens, sequences: Tokens, wants: NDArray[np.int8]) -> None:
        """Put back what :meth:`batch_copy` returned."""
        batch, count = self._batch, len(tokens)
        batch.tokens[:count], batch.positions[:count] = tokens, positions
        batch.sequences[:count], batch.wants[:count] = sequences, wants

    def decode(self, count: int, encode: bool = False) -> None:
        """Compute the first ``count`` entries of the batch.

        Raises:
            ModelError: when llama.cpp reports failure; the cache then holds an unknown part of the batch.
            Unavailable: when what computes failed, mostly for lack of memory; the next request would fail as well.
        """
        self._share(count)
        self._batch.struct.n_tokens = count
        if self.model.library.log:
            self.model.library.log.clear()  # so that a reason is about this decode
        code = (self.C.llama_encode if encode else self.C.llama_decode)(self.handle, self._batch.struct)
        if code != 0:
            why = _FAILURES.get(code, f"code {code}")
            detail = self.model.library.reason()
            what = f"llama.cpp could not compute a batch of {count}: {why}. {detail}".rstrip(". ")
            if code < -1:
                raise Unavailable(what, "free memory or use a smaller context; the run goes on from here")
            raise ModelError(what)

    def _share(self, count: int) -> None:
        """Use all free cores for a batch of ``count`` tokens where that is worth it, else one."""
        work = self.model.n_params / max(1, self.model.n_layer) * max(count, LEAST_TOKENS)
        threads = self._cores.free() if work >= WORTH_THREADS else 1
        if threads != self._threads:
            self._threads = threads
            self.C.llama_set_n_threads(self.handle, threads, threads)

    def logits(self, rows: int) -> NDArray[np.float32]:
        """Logits of the entries that asked for them, in batch order: float32 ``[rows, vocabulary]``.

        A view into llama.cpp's buffer, valid until the next decode.
        """
        pointer = self.C.llama_get_logits(self.handle)
        return np.ctypeslib.as_array(pointer, shape=(rows, self.model.n_vocab))

    def pooled(self, sequence: int) -> NDArray[np.float32]:
        """The pooled embedding of a sequence after a decode, float32 ``[dimensions]``.

        Raises:
            ModelError: when the model gives none.
        """
        pointer = self.C.llama_get_embeddings_seq(self.handle, sequence)
        if not pointer:
            raise ModelError(f"{self.model.path.name} gives no sentence embedding", "choose an embedding model")
        return np.ctypeslib.as_array(pointer, shape=(self.model.n_embd,)).copy()

    def forget(self, sequence: int, start: int = 0) -> bool:
        """Drop positions ``start…`` of a sequence. False when this kind of cache can only be dropped whole."""
        return bool(self.C.llama_memory_seq_rm(self.memory, sequence, start, -1))

    def copy(self, source: int, target: int) -> None:
        """Make ``target`` hold what ``source`` holds (whole sequences only: partial copies abort llama.cpp)."""
        self.C.llama_memory_seq_rm(self.memory, target, -1, -1)
        self.C.llama_memory_seq_cp(self.memory, source, target, -1, -1)

    def clear(self) -> None:
        """Empty the cache. Contents are zeroed too, so that what follows does not depend on what was there."""
        self.C.llama_memory_clear(self.memory, True)

    def close(self) -> None:
        """Free the context."""
        if self.handle:
            self.C.llama_free(self.handle)
            self.handle = None


class _Batch:
    """A ``llama_batch`` over NumPy arrays that we own, so that a step fills slices instead of looping over tokens."""

    def __init__(self, C: Any, size: int) -> None:
        self.tokens = np.zeros(size, np.int32)
        self.positions = np.zeros(size, np.int32)
        self.sequences = np.zeros(size, np.int32)
        self.wants = np.zeros(size, np.int8)
        self._counts = np.ones(size, np.int32)
        # seq_id is an array of pointers, one per token, each to that token's list of (here: one) sequence ids.
        self._pointers = self.sequences.ctypes.data + np.arange(size, dtype=np.uint64) * 4
        self.struct = C.llama_batch()
        self.struct.embd = None
        for name, array in (
            ("token", self.tokens),
            ("pos", self.positions),
            ("n_seq_id", self._counts),
            ("seq_id", self._pointers),
            ("logits", self.wants),
        ):
            kind = type(getattr(self.struct, name))
            setattr(self.struct, name, ctypes.cast(array.ctypes.data, kind))
