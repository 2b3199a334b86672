"""The work context: requests of all lanes decoded as one llama.cpp batch.

Every step builds one batch: first one token for each sequence that is generating, so that nobody starves, then as much
of the waiting prompts as fits. Each request has its own sampler. A request starts from the longest prefix of its prompt
that some sequence already holds.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from workbench.errors import ModelError
from workbench.llm.base import Stop
from workbench.llm.context import Context
from workbench.llm.model import Tokens, common_prefix
from workbench.llm.output import Generated, Output
from workbench.llm.sampler import Sampler
from workbench.llm.worker import Served, Ticket

COST_OF_COPY = 64
"""Prompt tokens that could be computed while another sequence is copied."""
CHANCE_OF_REUSE = 0.25
"""How likely what a sequence holds is wanted again; weighs its loss against what a new prompt saves."""
MAX_LOGITS = 1 << 24
"""Most floats of logits in one step (64 MiB); the buffer is never given back by llama.cpp."""


@dataclass(slots=True, eq=False)
class Job:
    """One generation, or the scoring of given tokens.

    Attributes:
        prompt: token ids, int32 ``[n]``, n ≥ 1.
        sampler: chooses tokens; None when ``forced`` is given.
        forced: tokens to score after the prompt instead of generating.
        entropies: where given, filled with the entropy of the prediction of each forced token, in nats.
    """

    ticket: Ticket[Generated]
    prompt: Tokens
    output: Output
    sampler: Sampler | None = None
    forced: Tokens | None = None
    entropies: list[float] | None = None
    sequence: int = -1
    done: int = 0
    feed: Tokens = field(default_factory=lambda: np.zeros(0, np.int32))
    known: int = 0
    wants_from: int = 0
    """First position whose logits are needed."""

    def plan(self) -> None:
        """Lay out what is to be fed: the prompt, then the tokens as they become known."""
        self.wants_from = len(self.prompt) - 1
        given = self.prompt if self.forced is None else np.concatenate([self.prompt, self.forced[:-1]])
        self.known = len(given)
        self.feed = np.empty(self.known + (self.output.max_tokens if self.forced is None else 0), np.int32)
        self.feed[: self.known] = given


class _Held:
    """What one sequence of the cache holds."""

    def __init__(self, size: int) -> None:
        self.tokens = np.zeros(size, np.int32)
        self.count = 0
        self.job: Job | None = None

    def note(self, tokens: Tokens) -> None:
        """Remember tokens that were decoded."""
        self.tokens[self.count : self.count + len(tokens)] = tokens
        self.count += len(tokens)


class Scheduler:
    """Batches jobs over the sequences of one context. Lives on the worker's thread.

    ``steps`` and ``fed`` count the batches and the tokens that were decoded, in so many ``seconds``.

    Args:
        exact: one job at a time from an empty cache, so that the same job gives the same bits.
        record: called with (tokens, positions, sequences, wants) of every batch before it is decoded.
    """

    def __init__(
        self,
        context: Context,
        exact: bool = False,
        record: Callable[[Tokens, Tokens, Tokens, NDArray[np.int8]], None] | None = None,
    ) -> None:
        self.context, self.exact, self.record = context, exact, record
        self._held = [_Held(context.size) for _ in range(context.options.sequences)]
        self._waiting: deque[Job] = deque()
        self._active: list[Job] = []
        self.steps = self.fed = 0
        self.seconds = 0.0
        self.forget()

    @property
    def busy(self) -> bool:
        """Whether any job waits or runs."""
        return bool(self._waiting or self._active)

    @property
    def queue(self) -> tuple[int, int]:
        """Jobs that are decoded, and jobs that wait for a sequence."""
        return len(self._active), len(self._waiting)

    @property
    def held(self) -> int:
        """Tokens in the cache."""
        return sum(held.count for held in self._held)

    def add(self, job: Job) -> None:
        """Queue a job."""
        job.plan()
        self._waiting.append(job)

    def step(self) -> Served:
        """One batch for all running jobs."""
        self._drop_cancelled()
        self._admit()
        if not self._active:
            return ()
        count, rows, fed = self._fill()
        if self.record is not None:
            self.record(*self.context.batch_copy(count))
        began = time.perf_counter()
        self.context.decode(count)
        self.seconds += time.perf_counter() - began
        self.steps, self.fed = self.steps + 1, self.fed + count
        for job, tokens in fed:
            self._held[job.sequence].note(tokens)
            job.done += len(tokens)
        if rows:
            self._read(rows)
        return [(job.ticket, len(tokens)) for job, tokens in fed]

    def fail(self, error: BaseException) -> None:
        """Fail every job; the cache is emptied, since nobody knows what it holds after a failed decode."""
        for job in [*self._active, *self._waiting]:
            job.ticket.fail(error)
            self._close(job)
        self._active.clear()
        self._waiting.clear()
        self.forget()

    def forget(self) -> None:
        """Empty the cache; no job may be running."""
        self.context.clear()
        for held in self._held:
            held.count, held.job = 0, None

    def close(self) -> None:
        """Free the context."""
        self.context.close()

    # Admission

    def _drop_cancelled(self) -> None:
        for job in [job for job in self._active if job.ticket.cancelled]:
            self._release(job)
        if any(job.ticket.cancelled for job in self._waiting):
            for job in self._waiting:
                if job.ticket.cancelled:
                    self._close(job)
            self._waiting = deque(job for job in self._waiting if not job.ticket.cancelled)

    def _admit(self) -> None:
        limit = 1 if self.exact else len(self._held)
        while self._waiting and len(self._active) < limit:
            job = self._waiting.popleft()
            try:
                self._start(job)
            except ModelError as error:
                job.ticket.fail(error)
                self._close(job)

    def _start(self, job: Job) -> None:
        if self.exact:
            self.context.clear()
            self._held[0].count = 0
        most = job.wants_from  # that token and what follows must be computed to have its logits
        common = [min(common_prefix(held.tokens[: held.count], job.prompt), most) for held in self._held]
        richest = max(range(len(common)), key=common.__getitem__)
        free = [index for index, held in enumerate(self._held) if held.job is None]

        def worth(index: int) -> float:
            """Tokens saved by taking this sequence, less what is lost with its contents."""
            saved = max(common[index], common[richest] - COST_OF_COPY)
            return saved - CHANCE_OF_REUSE * (self._held[index].count - common[index])

        best = max(free, key=worth)
        keep = common[best]
        if common[richest] - COST_OF_COPY > keep:
            self._copy(richest, best)
            keep = common[richest]
        self._cut(best, keep)
        job.sequence, job.done = best, self._held[best].count
        self._held[best].job = job
        self._active.append(job)

    def _copy(self, source: int, target: int) -> None:
        self.context.copy(source, target)
        held, other = self._held[target], self._held[source]
        held.tokens[: other.count], held.count = other.tokens[: other.count], other.count

    def _cut(self, index: int, keep: int) -> None:
        """Leave the first ``keep`` tokens in a sequence; recurrent caches can only be emptied."""
        held = self._held[index]
        if keep < held.count and not (keep and self.context.forget(index, keep)):
            self.context.forget(index)
            keep = 0
        held.count = min(held.count, keep)

    # One batch

    def _fill(self) -> tuple[int, list[tuple[Job, int]], list[tuple[Job, Tokens]]]:
        """Fill the batch. Returns its size, (job, rows) in output order, and what each job was fed."""
        at, room = 0, self.context.options.batch
        outputs = max(len(self._active), MAX_LOGITS // self.context.model.n_vocab)
        rows: list[tuple[Job, int]] = []
        fed: list[tuple[Job, Tokens]] = []
        for job in sorted(self._active, key=lambda job: job.known - job.done > 1):
            size = min(job.known - job.done, room - at)
            scored = job.done + size - max(job.done, job.wants_from)
            if scored > outputs:
                size, scored = size - (scored - outputs), outputs
            if size <= 0:
                continue
            tokens = job.feed[job.done : job.done + size]
            end = self.context.fill(at, tokens, job.done, job.sequence)
            if scored > 0:
                self.context.wants[end - scored : end] = 1
                rows.append((job, scored))
                outputs -= scored
            fed.append((job, tokens))
            at = end
        return at, rows, fed

    def _read(self, rows: Sequence[tuple[Job, int]]) -> None:
        total = sum(count for _, count in rows)
        logits = self.context.logits(total)
        best = logits.argmax(axis=1)
        top = logits[np.arange(total), best]
        norm = top + np.log(np.exp(logits - top[:, None]).sum(axis=1))
        if not np.isfinite(norm).all():
            raise ModelError(
                f"{self.context.model.path.name} computed values that are not numbers", "the file may be damaged"
            )
        at = 0
        for job, count in rows:
            if job.forced is not None:
                self._score(job, logits[at : at + count], norm[at : at + count])
            else:
                self._extend(job, logits[at], int(best[at]), float(norm[at]))
            at += count

    def _score(self, job: Job, logits: NDArray[np.float32], norm: NDArray[np.float32]) -> None:
        assert job.forced is not None
        first = len(job.output.tokens)
        targets = job.forced[first : first + len(logits)]
        chosen = logits[np.arange(len(targets)), targets] - norm[: len(targets)]
        if job.entropies is not None:
            job.entropies += entropy(logits[: len(targets)], norm[: len(targets)]).tolist()
        for token, logprob in zip(targets.tolist(), chosen.tolist(), strict=True):
            job.output.append(token, logprob)
        if len(job.output.tokens) == len(job.forced):
            self._finish(job, "end")

    def _extend(self, job: Job, logits: NDArray[np.float32], best: int, norm: float) -> None:
        sampler = job.sampler
        assert sampler is not None
        try:
            token = best if sampler.plain else sampler.choose(logits, best)
        except ModelError as error:
            job.ticket.fail(error)
            self._release(job)
            return
        stop = job.output.extend(token, float(logits[token]) - norm)
        added = [token]
        if stop == "repetition":
            added = job.output.close_loop(sampler)
            stop = None if added else stop
        if stop in (None, "limit") and sampler.finished():
            stop = "end"
        if stop is not None:
            self._finish(job, stop)
            return
        self._write(job, added)

    def _write(self, job: Job, added: Sequence[int]) -> None:
        """Feed the last tokens of the output next; where it was cut back, what the cache holds of the rest goes."""
        end = len(job.prompt) + len(job.output.tokens)
        job.known = end - len(added)
        if job.done > job.known:
            self._cut(job.sequence, job.known)
            job.done = self._held[job.sequence].count
        job.feed[job.known : end] = added
        job.known, job.wants_from = end, end - 1

    def _finish(self, job: Job, stop: Stop) -> None:
        job.ticket.resolve(job.output.result(stop))
        self._release(job)

    def _release(self, job: Job) -> None:
        self._held[job.sequence].job = None
        self._active.remove(job)
        self._close(job)

    def _close(self, job: Job) -> None:
        if job.sampler is not None:
            job.sampler.close()


def entropy(logits: NDArray[np.float32], norm: NDArray[np.float32]) -> NDArray[np.float32]:
    """Entropy in nats of predictions ``[row, token]``, ``[row]``; ``norm`` is the log of the sum of ``exp(logits)``."""
    given = logits - norm[:, None]
    shares = np.exp(given)
    return -np.where(shares > 0, shares * given, 0).sum(axis=1)
