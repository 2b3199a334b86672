"""Titans: an associative memory that learns while it reads, by surprise, with momentum and forgetting."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall, Span, above
from workbench.memory.items import Item
from workbench.memory.log import MemoryLog
from workbench.memory.pieces import Scored, Vectors, cut, hits
from workbench.sessions.model import Turn

SEGMENT, PERSISTENT = "segment", "persistent"
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Learned:
    """The memory after some segments: ``matrix`` and ``momentum`` ``[width, width]``, the surprise of each segment."""

    matrix: Floats
    momentum: Floats
    surprises: tuple[float, ...] = ()

    def step(self, key: Floats, row: int, rate: float, momentum: float, forget: float) -> Learned:
        """One step of gradient descent on ``|M k - e_row|^2`` with momentum and weight decay.

        Surprise is the size of the gradient.
        """
        error = self.matrix @ key
        error[row] -= 1.0
        gradient = 2 * np.outer(error, key)
        velocity = momentum * self.momentum - rate * gradient
        surprise = float(np.linalg.norm(gradient))
        return Learned((1 - forget) * self.matrix + velocity, velocity, (*self.surprises, surprise))


@dataclass(frozen=True, slots=True)
class _Read:
    """What was made of the segments so far, a cache: their texts, keys ``[width]`` each, the sum of their vectors."""

    texts: tuple[str, ...]
    seed: int
    keys: list[Floats]
    total: Floats
    learned: Learned

    def strengths(self, places: list[int], width: int) -> Floats:
        """How much of each of these values the memory still gives back for its key; 1 is all."""
        if not places:
            return np.zeros(0)
        rows = self.learned.matrix[np.array(places) % width]
        out: Floats = (rows * np.stack([self.keys[n] for n in places])).sum(1)
        return out


@dataclass
class Titans(MemoryStrategy):
    """Learn at test time which segment goes with what: a matrix trained by every segment that is read.

    A segment's key is a fixed random projection of its vector, less the mean of those before it; its value is a row of
    its own (of the ``width`` that there are, in turn), so that what M gives back for a key says which segments it
    learned with it, and a segment that was never read has no strength. The matrix M takes one gradient step on the
    error of M k = v: momentary surprise is the gradient, past surprise is carried by ``momentum``, and ``forget`` lets
    go a part of M. A question's key is sent through M; the segments whose rows answer most are read, beside the last
    ``window`` segments and the persistent slots (what the system role says; memory as context). A segment that M no
    longer gives back with a strength above ``floor``, since others have taken its row or M has let go of it, is
    evicted. The matrix is rebuilt from the segments in order; no model call.

    Titans: Learning to Memorize at Test Time, arXiv 2501.00663.

    Attributes:
        width: rows and columns of M: so many segments have a row of their own.
        rate, momentum, forget: of the update; with these a segment that nothing disturbs is learned fully.
        k: segments recalled.
        window: last segments always read.
        segment: tokens of a segment.
        persistent: persistent slots.
        floor: strength below which a segment is forgotten.
    """

    name: ClassVar[str] = "titans"
    title: ClassVar[str] = "Titans"
    fidelity: ClassVar[Fidelity] = "emulated"
    paper: ClassVar[str] = "Titans, arXiv 2501.00663"
    differs: ClassVar[str] = (
        "A matrix over sentence vectors beside a frozen model, with a fixed random projection and fixed gates, instead "
        "of a deep memory with learned ones inside the network; a segment's value is a row that names it."
    )

    width: int = above(1, 512)
    rate: float = 0.02
    momentum: float = 0.9
    forget: float = 0.001
    k: int = 10
    window: int = 4
    segment: int = 64
    persistent: int = 4
    floor: float = 0.05
    _vectors: Vectors = field(default_factory=Vectors, init=False, repr=False, compare=False)
    _known: _Read | None = field(default=None, init=False, repr=False, compare=False)

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Learn every segment of the turn, then forget what has faded."""
        if not turn.text.strip():
            return
        for piece in cut(turn.said, self.segment, mind.count_tokens):
            if turn.role == "system" and len(log.state.active(PERSISTENT)) < self.persistent:
                log.write(piece, PERSISTENT, index_text="")
                continue
            item = log.write(piece, SEGMENT)
            read = await self._read(mind, log)
            learned = read.learned
            figures = {"momentary": learned.surprises[-1], "past": float(np.linalg.norm(learned.momentum))}
            log.note("surprise", {name: round(v, 4) for name, v in figures.items()}, subject=item.id)
            self._forget(read, log)

    def _forget(self, read: _Read, log: MemoryLog) -> None:
        items = _segments(log)
        alive = [n for n, item in enumerate(items[: -self.window or None]) if item.active]
        for n, strength in zip(alive, read.strengths(alive, self.width), strict=True):
            if strength < self.floor:
                log.evict(items[n].id, reason=f"faded to a strength of {strength:.3f}")

    async def _read(self, mind: Mind, log: MemoryLog) -> _Read:
        """The memory after all segments: what was read before is not read again."""
        texts = tuple(i.index_text for i in _segments(log))
        before = self._known
        if before is None or before.seed != log.seed or texts[: len(before.texts)] != before.texts:
            nothing = np.zeros((self.width, self.width))
            before = _Read((), log.seed, [], np.zeros(0), Learned(nothing, nothing))
        learned, keys, total = before.learned, before.keys, before.total
        vectors = (await self._vectors.of(mind, texts[len(keys) :])).astype(np.float64)
        for number, vector in enumerate(vectors, len(keys)):
            total = total + vector if number else vector
            # Less the mean of those up to it, of which the first has none: what all have in common is no key.
            key = self._key(vector - total / (number + 1) if number else vector, log.seed)
            learned = learned.step(key, number % self.width, self.rate, self.momentum, self.forget)
            keys.append(key)
        self._known = _Read(texts, log.seed, keys, total, learned)
        return self._known

    def _key(self, vector: Floats, seed: int) -> Floats:
        """The unit key of a centred vector ``[dimensions]``."""
        projected = vector @ _drawn(seed, len(vector), self.width)
        out: Floats = projected / (np.linalg.norm(projected) + 1e-12)
        return out

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """Persistent slots, the segments that the memory associates with the question, the last segments."""
        everything = _segments(log)
        fixed = log.state.active(PERSISTENT)
        spans = [Span(i.text, (i.id,), i.turns, PERSISTENT, priority=3.0) for i in fixed]
        scored: list[Scored] = [(i.id, 1.0, True, {}) for i in fixed]
        if everything:
            read = await self._read(mind, log)
            asked = (await mind.embed([query]))[0].astype(np.float64)
            given = read.learned.matrix @ self._key(asked - read.total / len(everything), log.seed)
            active = [n for n, i in enumerate(everything) if i.active]
            scores = {n: round(float(given[n % self.width]), 5) for n in active}
            strengths = read.strengths(active, self.width)
            last = set(active[-self.window :]) if self.window else set[int]()
            best = set(sorted((n for n in active if n not in last), key=lambda n: -scores[n])[: self.k])
            for n, strength in zip(active, strengths.tolist(), strict=True):
                item, score = everything[n], scores[n]
                parts = {"association": score, "strength": strength, "window": float(n in last)}
                scored.append((item.id, score, n in best | last, parts))
                if n in best | last:
                    spans.append(Span(item.text, (item.id,), item.turns, SEGMENT, priority=score + 2.0 * (n in last)))
        return Recall(tuple(spans), hits(scored), self.k)


@lru_cache(maxsize=16)
def _drawn(seed: int, dimensions: int, width: int) -> Floats:
    return np.random.default_rng(seed).normal(size=(dimensions, width))


def _segments(log: MemoryLog) -> list[Item]:
    """All segments ever read, forgotten ones too: what the matrix was trained on."""
    return [i for i in log.state.items.values() if i.kind == SEGMENT]
