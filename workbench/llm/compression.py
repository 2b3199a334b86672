"""Carries out a cache policy's plan on real cells, and collects what the policy looks at.

An :class:`Observer` reads the prompt and keeps what the policy asked for; a :class:`Pressed` sequence is one on which
the plan was carried out, and goes on from there.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.cache.base import Bools, CachePolicy, Floats, Ints, Observation, Plan, Retriever, checked
from workbench.cache.rewriting import RewritingPolicy
from workbench.llm.base import Compression
from workbench.llm.model import Tokens
from workbench.llm.scope import ScopeContext
from workbench.llm.tap import MASKED, Edit, Watch


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """What is known of the prompt besides its tokens.

    Attributes:
        cut: tokens that are read before the cache is compressed.
        spans: which mark each prompt token belongs to, -1 for none; ``roles`` of the marks.
    """

    cut: int
    texts: tuple[str, ...]
    spans: Ints
    roles: tuple[str, ...] = ()


class Observer:
    """Reads tokens into the selected sequence and keeps what a policy looks at.

    Args:
        window: how many of the last tokens before ``cut`` are the policy's window.
        capacity: tokens that will be read at most.
    """

    def __init__(self, scope: ScopeContext, policy: CachePolicy, cut: int, window: int, capacity: int) -> None:
        self._scope, self._needs, self._cut, self._window = scope, policy.needs, cut, window
        self._first = max(0, cut - window)
        self._again = bool(policy.interval)
        model = scope.model
        shape = (model.n_layer, model.n_head, capacity)
        self._sums = np.zeros(shape, np.float32) if "sums" in self._needs else None
        self._recent = np.zeros(shape, np.float32) if "recent" in self._needs and not self._again else None
        self._rows: list[Floats] = []  # of the last queries, [layers, heads, queries, n]; where it plans again
        self._part: dict[int, Floats] = {}
        self._queries: list[Floats] = []
        self._asked: dict[int, Floats] = {}
        self._surprise = np.zeros(capacity, np.float32) if "surprise" in self._needs else None
        self._next: Floats | None = None

    @property
    def least(self) -> int:
        """How many tokens may be in the sequence before it begins to look."""
        return 0 if self._needs & {"sums", "surprise"} else self._first

    def copy(self) -> Observer:
        """One that goes on from here by itself."""
        other = copy.copy(self)
        other._sums = None if self._sums is None else self._sums.copy()
        other._rows, other._queries = list(self._rows), list(self._queries)
        return other

    def feed(
        self, tokens: Tokens, edit: Edit | None = None, record: tuple[int, ...] = (), watch: Watch | None = None
    ) -> Floats:
        """Read tokens; logits after the last of them. ``watch`` sees the weights, too."""
        start, end = self._scope.position, self._scope.position + len(tokens)
        reading = start < self._cut
        weighs = self._sums is not None or (
            "recent" in self._needs and (self._again or (reading and end > self._first))
        )
        asks = "queries" in self._needs and (self._again or (reading and end > self._first))
        logits = self._scope.feed_tapped(
            tokens,
            record,
            edit,
            _both(self._weigh if weighs else None, watch),
            self._ask if asks else None,
            self._surprise is not None and reading,
        )
        self._gather(start, end)
        if self._surprise is not None and reading:
            self._astonish(tokens, logits, start)
        return logits[-1]

    def _weigh(self, layer: int, weights: Floats) -> None:
        count = weights.shape[1]
        end = self._scope.position + count  # the scope counts them when the decode is over
        cells = self._scope.tap.cells.cells(np.arange(end))
        part = weights[:, :, cells]
        part[:, :, cells < 0] = 0.0
        if self._sums is not None:
            self._sums[layer, :, :end] += part.sum(1)
        if "recent" not in self._needs:
            return
        if self._recent is None:
            self._part[layer] = part[:, -self._window :]
        elif end <= self._cut:
            self._recent[layer, :, :end] += part[:, max(0, self._first - end + count) :].sum(1)

    def _ask(self, layer: int, queries: Floats) -> None:
        self._asked[layer] = queries

    def _gather(self, start: int, end: int) -> None:
        if self._part:
            self._rows.append(np.stack([self._part[layer] for layer in sorted(self._part)]))
            while sum(rows.shape[2] for rows in self._rows[1:]) >= self._window:
                self._rows.pop(0)
        if self._asked:
            asked = np.stack([self._asked[layer] for layer in sorted(self._asked)])
            self._queries.append(
                asked[:, :, -self._window :] if self._again else asked[:, :, max(0, self._first - start) :]
            )
            while self._again and sum(part.shape[2] for part in self._queries[1:]) >= self._window:
                self._queries.pop(0)
        self._part, self._asked = {}, {}

    def _astonish(self, tokens: Tokens, logits: Floats, start: int) -> None:
        assert self._surprise is not None
        before = logits[:-1] if self._next is None else np.concatenate([self._next[None], logits[:-1]])
        targets = tokens[len(tokens) - len(before) :]
        top = before.max(1)
        norm = top + np.log(np.exp(before - top[:, None]).sum(1))
        first = start + len(tokens) - len(before)
        self._surprise[first : start + len(tokens)] = norm - before[np.arange(len(targets)), targets]
        self._next = logits[-1].copy()

    def seen(self, context: Context, alive: Bools) -> Observation:
        """The observation of all tokens read so far; ``alive`` as there."""
        scope, n = self._scope, self._scope.position
        recent = None if self._recent is None else self._recent[:, :, :n]
        if self._rows:
            recent = self._window_sum(n)
        cells = scope.tap.cells.cells(np.arange(n))
        return Observation(
            texts=context.texts[:n],
            alive=alive,
            heads=scope.model.n_head,
            scale=scope.tap.scales[0],
            spans=np.pad(context.spans[:n], (0, max(0, n - len(context.spans))), constant_values=-1),
            roles=context.roles,
            sums=None if self._sums is None else self._sums[:, :, :n],
            counts=(n - np.arange(n)).astype(np.float32),
            recent=recent,
            queries=np.concatenate(self._queries, 2)[:, :, -self._window :] if self._queries else None,
            keys=self._held(scope.kv.keys, cells) if "keys" in self._needs else None,
            values=self._held(scope.kv.values, cells) if "values" in self._needs else None,
            surprise=None if self._surprise is None else self._surprise[:n],
        )

    def _window_sum(self, n: int) -> Floats:
        out = np.zeros((*self._rows[0].shape[:2], n), np.float32)
        left = self._window
        for rows in reversed(self._rows):
            part = rows[:, :, -left:] if left else rows[:, :, :0]
            out[:, :, : rows.shape[3]] += part.sum(2)
            left -= part.shape[2]
        return out

    def _held(self, read: Any, cells: Ints) -> Floats:
        found: Floats = read(self._scope.sequence, np.maximum(cells, 0))
        found[:, :, cells < 0] = 0.0
        return found


class Pressed:
    """The selected sequence under a policy.

    Args:
        observer: has read the first ``context.cut`` tokens of ``prompt``; it goes on here.
        mask: knocks tokens out; combined with what the policy hides.
    """

    def __init__(
        self,
        scope: ScopeContext,
        policy: CachePolicy,
        context: Context,
        prompt: Tokens,
        observer: Observer,
        mask: Edit | None = None,
    ) -> None:
        self._scope, self._policy, self._context, self._prompt = scope, policy, context, prompt
        self._observer, self._masked = observer, mask
        model = scope.model
        self._alive = np.ones((model.n_layer, model.n_head_kv, context.cut), bool)
        self._hidden: Bools | None = None  # [layers, heads, cells]
        self._retriever: Retriever | None = None
        self._retrieved: dict[int, Bools] = {}  # what the last query of a decode saw, of each layer
        self._reach = 0
        self._due = (0, 0)
        self._since = 0
        self._survival: list[NDArray[np.uint16]] = []
        self._times: list[int] = []
        self._plan = self._compress()
        self._bytes = self._measure()

    def _compress(self) -> Plan:
        alive = self._alive if self._policy.forgets else np.ones_like(self._alive)
        seen = self._observer.seen(self._context, alive)
        plan = checked(self._policy.plan(seen, self._policy.budget(seen.n)), seen)
        self._alive = self._alive & plan.kept if self._policy.forgets else plan.kept & np.ones_like(self._alive)
        self._rewrite_kept(plan)
        if self._policy.way == "re-read":
            numbers = np.flatnonzero(plan.kept)
            self._scope.reread(self._prompt[numbers], numbers, seen.n)
        elif plan.kept.ndim == 1:
            if not plan.kept.all():
                self._scope.keep(plan.kept, self._policy.renumbers)
        elif not plan.kept.all():
            self._hide()
        self._retriever, self._reach = plan.retriever, seen.n
        self._rewrite_due()
        if self._retriever is None:
            self._note(self._alive, seen.n)
        return plan

    def _note(self, alive: Bools, n: int) -> None:
        self._survival.append(alive.sum((0, 1)).astype(np.uint16))
        self._times.append(n - self._context.cut)

    def _rewrite_kept(self, plan: Plan) -> None:
        scope = self._scope
        numbers = np.flatnonzero(self._alive.any((0, 1)))
        cells = scope.tap.cells.cells(numbers)
        if plan.keys is not None:
            scope.kv.write_keys(scope.sequence, cells, plan.keys[:, :, numbers])
        if plan.values is not None:
            scope.kv.write_values(scope.sequence, cells, plan.values[:, :, numbers])

    def _rewrite_due(self) -> None:
        policy, scope = self._policy, self._scope
        if not isinstance(policy, RewritingPolicy):
            return
        now, done = policy.due(scope.position), self._due
        if now[0] > done[0]:
            cells = scope.tap.cells.cells(np.arange(done[0], now[0]))
            keys = scope.kv.keys(scope.sequence, cells)
            scope.kv.write_keys(scope.sequence, cells, policy.stored_keys(keys))
        if now[1] > done[1]:
            cells = scope.tap.cells.cells(np.arange(done[1], now[1]))
            values = scope.kv.values(scope.sequence, cells)
            scope.kv.write_values(scope.sequence, cells, policy.stored_values(values))
        self._due = now

    def _hide(self) -> None:
        """Which cells each query head must not see any more. Cells do not move while nothing is evicted."""
        scope, group = self._scope, self._scope.model.n_head // self._scope.model.n_head_kv
        cells = scope.tap.cells.cells(np.arange(self._alive.shape[2]))
        hidden = np.zeros((*self._alive.shape[:2], scope.context.size), bool)
        hidden[:, :, cells] = ~self._alive
        self._hidden = np.repeat(hidden, group, axis=1)

    @property
    def _edit(self) -> Edit | None:
        if self._hidden is None and self._retriever is None:
            return self._masked
        return self._change

    def _change(self, layer: int, scores: Floats) -> None:
        if self._retriever is not None:
            cells = self._scope.tap.cells.cells(np.arange(self._reach))
            there = cells >= 0
            part = scores[:, :, cells]
            part[:, :, ~there] = MASKED
            if self._hidden is not None:
                np.copyto(part, MASKED, where=self._hidden[layer][:, None, cells])
            visible = self._retriever.visible(layer, part * self._scope.tap.scales[layer])
            self._retrieved[layer] = visible[:, -1]
            scores[:, :, cells[there]] = np.where(visible, part, MASKED)[:, :, there]
        if self._hidden is not None:
            np.copyto(scores, MASKED, where=self._hidden[layer][:, None, : scores.shape[2]])
        if self._masked is not None:
            self._masked(layer, scores)

    def feed(self, tokens: Tokens, record: tuple[int, ...] = (), watch: Watch | None = None) -> Floats:
        """Read tokens; logits after the last of them."""
        logits = self._observer.feed(tokens, self._edit, record, watch).copy()
        if self._retrieved:
            self._note_retrieved()
        self._alive = np.pad(self._alive, ((0, 0), (0, 0), (0, len(tokens))), constant_values=True)
        self._since += len(tokens)
        if self._policy.interval and self._since >= self._policy.interval:
            self._since = 0
            if self._alive.sum(2).max() > self._policy.budget(self._scope.position):
                self._compress()
        else:
            self._rewrite_due()
        return logits

    def _note_retrieved(self) -> None:
        """What the last query looked at counts as kept: of the prompt's last token, and of every generated one."""
        rows = np.stack([self._retrieved[layer] for layer in sorted(self._retrieved)])
        layers, kv_heads = self._alive.shape[:2]
        seen = np.asarray(rows.reshape(layers, kv_heads, -1, rows.shape[-1]).any(axis=2))
        self._retrieved = {}
        if self._scope.position < len(self._prompt):
            return
        if not self._survival:
            self._plan = replace(self._plan, kept=seen)
            self._bytes = self._measure(seen)
        self._note(seen, self._scope.position - 1)

    def _measure(self, alive: Bools | None = None) -> tuple[float, float, float]:
        """Bytes of the cells in use, of what the method would take, and of the full cache; after the prompt."""
        kv = self._scope.kv
        entry, n = kv.bytes_per_entry, self._context.cut
        entries = self._alive.shape[0] * self._alive.shape[1]
        cells = int((self._scope.tap.cells.cells(np.arange(n)) >= 0).sum())
        modelled = self._policy.modelled_bytes(self._alive if alive is None else alive, entry, kv.width)
        return entry * entries * cells, modelled, entry * entries * n

    def compression(self) -> Compression:
        """What was done, without a comparison."""
        policy, cut = self._policy, self._context.cut
        width = max(len(row) for row in self._survival)
        survival = np.stack([np.pad(row, (0, width - len(row))) for row in self._survival])
        entries = self._alive.shape[0] * self._alive.shape[1]
        kept = self._plan.kept
        return Compression(
            policy=policy.name,
            way=policy.way,
            badge=policy.badge,
            when=policy.when,
            read=cut,
            budget=policy.budget(cut),
            kept=kept,
            worth=self._plan.worth,
            agreement=self._plan.agreement,
            survival=survival,
            generated=tuple(self._times),
            entries=entries,
            share=float(kept.mean()),
            logical_bytes=round(self._bytes[0]),
            modelled_bytes=round(self._bytes[1]),
            full_bytes=round(self._bytes[2]),
            cells=self._scope.tap.cells.cells(np.arange(self._scope.position)).astype(np.int32),
            size=self._scope.context.size,
            merged=None if self._plan.merged is None else self._plan.merged.astype(np.int32),
            facts=dict(self._plan.facts),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """The full cache's own answer: its tokens, and the log-probabilities of all predictions, ``[steps, vocab]``."""

    tokens: tuple[int, ...]
    logprobs: Floats
    text: str


def _both(one: Watch | None, other: Watch | None) -> Watch | None:
    if one is None or other is None:
        return one or other

    def watch(layer: int, weights: Floats) -> None:
        one(layer, weights)
        other(layer, weights)

    return watch


def log_softmax(logits: Floats) -> Floats:
    """Natural logs of probabilities, float32 of the same shape."""
    top = logits.max(-1, keepdims=True)
    norm = top + np.log(np.exp(logits - top).sum(-1, keepdims=True))
    return (logits - norm).astype(np.float32)


def divergence(full: Floats, other: Floats) -> float:
    """Kullback-Leibler divergence of ``full`` from ``other`` (log-probabilities) in nats; never below 0."""
    return max(0.0, float((np.exp(full.astype(np.float64)) * (full.astype(np.float64) - other)).sum()))


def chunks(start: int, end: int, size: int) -> Iterator[tuple[int, int]]:
    """Ranges from ``start`` to ``end``, cut at multiples of ``size``."""
    while start < end:
        stop = min(end, (start // size + 1) * size)
        yield start, stop
        start = stop
