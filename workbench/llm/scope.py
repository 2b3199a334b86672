"""The scope context: answers with attention capture and knock-out.

Flash attention is off (only then do scores exist), ubatches are small, and the ``cb_eval`` tap is installed. One answer
at a time. The prompt is computed in chunks cut at multiples of :data:`CHUNK`, its last token alone. Whole chunks that
a later prompt shares are kept, in several sequences, since the lanes ask in turn and each adds to its own context: they
were computed in the same shapes, so the numbers are the same as from an empty cache.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from workbench.errors import ModelError
from workbench.llm.base import Capture, Stop
from workbench.llm.cells import CellMap
from workbench.llm.context import FLASH_OFF, Context, ContextOptions
from workbench.llm.model import Model, Tokens, common_prefix
from workbench.llm.output import Generated, Output
from workbench.llm.recorder import Recorder
from workbench.llm.tap import MASKED, Edit, Floats, Tap
from workbench.llm.worker import Ticket

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
class ScopeJob:
    """One answer in the scope context.

    Attributes:
        masked: what is knocked out.
        layers: layers to capture; None all of them, within the recorder's bound.
    """

    ticket: Ticket[tuple[Generated, Capture | None]]
    prompt: Tokens
    output: Output
    forced: Tokens | None = None
    capture: bool = True
    layers: tuple[int, ...] | None = None
    masked: Masked = field(default_factory=Masked)


class ScopeContext:
    """The context and its tap; what cache policies and captures are built on.

    All but :meth:`select`, :meth:`clear` and :meth:`close` are about the selected sequence, at first 0.

    Attributes:
        position: where the next token goes.
        sequence: the selected one.

    Raises:
        ModelError: when the context cannot be made or the graph of this model cannot be read.
    """

    def __init__(self, model: Model, size: int, threads: int, kv_type: str = "f16", sequences: int = 1) -> None:
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
        self._maps = [self.tap.cells, *(CellMap(self.context.size) for _ in range(sequences - 1))]
        self._positions = [0] * sequences
        self.sequence = self.position = 0
        try:
            self._probe()
        except Exception as error:
            self.context.close()
            raise ModelError(
                f"attention of {model.path.name} cannot be read: {error}", "answers work without capture"
            ) from error

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

    def select(self, sequence: int) -> None:
        """Go on with another sequence."""
        self._positions[self.sequence] = self.position
        self.sequence, self.position = sequence, self._positions[sequence]
        self.tap.cells = self._maps[sequence]

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
        edit = None
        if masked is not None and len(masked):
            positions = np.arange(self.position, self.position + len(tokens))
            edit = self._masker(Masked(masked, layers, heads), positions)
        return self._feed(tokens, edit, record)

    def feed_edited(self, tokens: Tokens, edit: Edit, record: tuple[int, ...] = ()) -> NDArray[np.float32]:
        """As :meth:`feed`, with a function that changes raw scores before the softmax (see :meth:`Tap.prepare`)."""
        return self._feed(tokens, edit, record)

    def _feed(
        self, tokens: Tokens, edit: Edit | None, record: tuple[int, ...] = (), probe: bool = False
    ) -> NDArray[np.float32]:
        positions = np.arange(self.position, self.position + len(tokens), dtype=np.int64)
        count = self.context.fill(0, tokens, self.position, self.sequence)
        self.context.wants[count - 1] = 1
        self.tap.prepare(positions, record, edit, probe)
        try:
            self.context.decode(count)
            self.tap.check()
        except BaseException:
            self.clear()  # the cache may hold garbage
            raise
        self.position += count
        return self.context.logits(1)[0]

    def _masker(self, masked: Masked, positions: NDArray[np.int64]) -> Edit:
        hidden, layers = masked.positions, masked.layers
        rows = np.flatnonzero(~np.isin(positions, hidden))  # a masked token keeps its own cell: no row is ever empty

        def edit(layer: int, scores: Floats) -> None:
            cells = self.tap.cells.cells(hidden)
            cells = cells[cells >= 0]
            if len(cells) and len(rows) and (layers is None or layer in layers):
                heads = np.arange(scores.shape[0]) if masked.heads is None else np.array(masked.heads)
                scores[heads[:, None, None], rows[:, None], cells] = MASKED

        return edit

    def evict(self, start: int, end: int) -> None:
        """Drop positions ``start…end-1`` from the cache; their cells are used again."""
        self.context.C.llama_memory_seq_rm(self.context.memory, self.sequence, start, end)
        self.tap.cells.forget(start, end)
        if end >= self.position:
            self.position = min(self.position, start)

    def clear(self) -> None:
        """Empty the cache, all sequences."""
        self.context.clear()
        for cells in self._maps:
            cells.clear()
        self._positions = [0] * len(self._positions)
        self.position = 0

    def close(self) -> None:
        """Free the context."""
        self.context.close()


def sequences(model: Model, size: int, kv_type: str) -> int:
    """How many sequences of ``size`` tokens :data:`KEPT_BYTES` hold."""
    bytes_each = size * model.kv_bytes(kv_type)
    return int(max(1, min(MOST_SEQUENCES, KEPT_BYTES // bytes_each)))


@dataclass(slots=True)
class _Kept:
    """The whole chunks of the last prompt of a sequence, and the number of the job that had it."""

    prompt: Tokens = field(default_factory=lambda: np.zeros(0, np.int32))
    used: int = 0


class ScopeRunner:
    """Answers jobs one after another, one decode per step. Lives on the worker's thread."""

    def __init__(self, scope: ScopeContext, exact: bool = False) -> None:
        self.scope, self._exact = scope, exact
        self._waiting: deque[ScopeJob] = deque()
        self._job: ScopeJob | None = None
        self._run: Iterator[None] = iter(())
        self._kept = [_Kept() for _ in range(1 if exact else scope.context.options.sequences)]
        self._answered = 0

    @property
    def busy(self) -> bool:
        """Whether any job waits or runs."""
        return bool(self._waiting or self._job)

    def add(self, job: ScopeJob) -> None:
        """Queue a job."""
        self._waiting.append(job)

    def step(self) -> None:
        """One decode of the running job."""
        if self._job is not None and self._job.ticket.cancelled:
            self._job = None
        while self._job is None and self._waiting:
            job = self._waiting.popleft()
            if not job.ticket.cancelled:
                self._job, self._run = job, self._answer(job)
        if self._job is None:
            return
        try:
            next(self._run)
        except StopIteration:
            self._job = None
        except Exception as error:
            self.forget()
            self._job.ticket.fail(_told(error))
            self._job = None

    def fail(self, error: BaseException) -> None:
        """Fail every job."""
        for job in ([self._job] if self._job else []) + list(self._waiting):
            job.ticket.fail(error)
        self._job = None
        self._waiting.clear()
        self.forget()

    def forget(self) -> None:
        """Empty the cache; no job may be running."""
        self._kept = [_Kept() for _ in self._kept]
        self.scope.clear()

    def close(self) -> None:
        """Free the context."""
        self.scope.close()

    def _answer(self, job: ScopeJob) -> Iterator[None]:
        scope, prompt, hidden = self.scope, job.prompt, job.masked.positions
        kept = self._reuse(job)
        while scope.position < len(prompt) - 1:
            start = scope.position
            end = min(len(prompt) - 1, (start // CHUNK + 1) * CHUNK)
            scope.feed(prompt[start:end], (), hidden, job.masked.layers, job.masked.heads)
            if end % CHUNK == 0 and (not len(hidden) or end <= hidden.min()):
                kept.prompt = prompt[:end].copy()
            yield
        recorder = self._recorder(job)
        token = int(prompt[-1])
        while True:
            layers = recorder.layers if recorder is not None else ()
            position = scope.position
            logits = scope.feed(np.array([token], np.int32), layers, hidden, job.masked.layers, job.masked.heads)
            if recorder is not None:
                recorder.add(scope.tap.rows, scope.tap.cells, position)
            token, stop = self._extend(job, logits)
            if stop is not None:
                break
            yield
        done = job.output.result(stop)
        job.ticket.resolve((done, self._captured(job, recorder, done)))

    def _extend(self, job: ScopeJob, logits: NDArray[np.float32]) -> tuple[int, Stop | None]:
        """Write the next token, the best one or the forced one."""
        norm = _log_sum(logits)
        if not np.isfinite(norm):
            raise ModelError(f"{self.scope.model.path.name} computed values that are not numbers", "check the file")
        if job.forced is None:
            token = int(logits.argmax())
            return token, job.output.extend(token, float(logits[token]) - norm)
        written = len(job.output.tokens)
        if written == len(job.forced):
            return -1, "end"
        token = int(job.forced[written])
        job.output.append(token, float(logits[token]) - norm)
        return token, "end" if written + 1 == len(job.forced) else None

    def _reuse(self, job: ScopeJob) -> _Kept:
        """Select the sequence that shares most whole chunks with this prompt and drop the rest of it; without one, the
        sequence whose contents are worth least: few chunks, long unused."""
        self._answered += 1
        scope, shared = self.scope, [self._shared(kept, job) for kept in self._kept]
        best = max(range(len(shared)), key=shared.__getitem__)
        if not shared[best]:
            worth = [len(kept.prompt) / (self._answered - kept.used) for kept in self._kept]
            best = min(range(len(worth)), key=worth.__getitem__)
        kept = self._kept[best]
        kept.prompt, kept.used = kept.prompt[: shared[best]], self._answered
        if self._exact:
            scope.clear()
        scope.select(best)
        scope.evict(shared[best], max(scope.position, shared[best]))
        return kept

    def _shared(self, kept: _Kept, job: ScopeJob) -> int:
        shared = common_prefix(kept.prompt, job.prompt[:-1])  # the last token is decoded: its logits are needed
        if len(job.masked.positions):
            shared = min(shared, int(job.masked.positions.min()))
        return 0 if self._exact else shared // CHUNK * CHUNK

    def _recorder(self, job: ScopeJob) -> Recorder | None:
        if not job.capture:
            return None
        every = tuple(range(self.scope.model.n_layer))
        layers = every if job.layers is None else tuple(layer for layer in job.layers if layer in every)
        return Recorder(layers, bounded=job.layers is None)

    def _captured(self, job: ScopeJob, recorder: Recorder | None, done: Generated) -> Capture | None:
        if recorder is None:
            return None
        model = self.scope.model
        texts = [model.shown(token) for token in job.prompt.tolist()] + [token.text for token in done.tokens]
        return recorder.capture(model.n_head, texts, len(done.tokens))


def _log_sum(logits: NDArray[np.float32]) -> float:
    top = float(logits.max())
    return top + float(np.log(np.exp(logits - top).sum()))


def _told(error: Exception) -> Exception:
    return error if isinstance(error, ModelError) else ModelError(f"capture failed: {error}", "answer without capture")


def masked_positions(spans: Sequence[tuple[int, int]], chosen: Sequence[int]) -> NDArray[np.int64]:
    """Positions of the chosen spans, sorted and unique, int64 ``[n]``."""
    parts = [np.arange(*spans[index], dtype=np.int64) for index in chosen]
    return np.unique(np.concatenate(parts)) if parts else np.zeros(0, np.int64)
