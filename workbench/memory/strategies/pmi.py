"""PMI: working memory of a fixed number of slots that inputs compete for, merged into associative long-term memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall, Span
from workbench.memory.items import Item
from workbench.memory.log import MemoryLog
from workbench.memory.pieces import Scored, Vectors, cut, hits
from workbench.sessions.model import Turn

SLOT, LONG_TERM = "slot", "long-term"
Floats = NDArray[np.float64]


@dataclass
class PMI(MemoryStrategy):
    """Let inputs compete for a fixed number of working-memory slots, and merge what loses into long-term memory.

    A piece of a turn goes to the slot whose content is most similar (softmax competition); when none is as similar as
    ``novelty``, to an empty slot, and when there is none, it takes the slot that won least of late. A slot holds up to
    ``entries`` pieces. What falls out of a slot is merged into long-term memory, a sum of outer products of vectors of
    ``order`` factors, less what all of them share: contracted with a question's vector it gives a vector back. Question
    and what it brought back are integrated, and the merged pieces nearest to both are read, beside the slots. The sum
    is rebuilt from the merged pieces; no model call.

    PMI, "A Neural Module for Inference Inspired by Human Memory Mechanisms", arXiv 2310.09297.

    Attributes:
        slots: slots of working memory.
        entries: pieces in one slot.
        novelty: similarity below which an input opens another slot.
        decay: share of a slot's activation that is left after another input.
        order: factors of the outer product; the higher, the sharper the recall.
        k: merged pieces recalled.
        piece: tokens of one input.
    """

    name: ClassVar[str] = "pmi"
    title: ClassVar[str] = "PMI"
    fidelity: ClassVar[Fidelity] = "emulated"
    paper: ClassVar[str] = "PMI, arXiv 2310.09297"
    differs: ClassVar[str] = (
        "Fixed similarities of sentence vectors instead of trained attention inside a transformer; slots hold text, "
        "and what long-term memory gives back is mapped to merged text."
    )

    slots: int = 8
    entries: int = 4
    novelty: float = 0.5
    decay: float = 0.9
    order: int = 6
    k: int = 10
    piece: int = 64
    _vectors: Vectors = field(default_factory=Vectors, init=False, repr=False, compare=False)

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Let every piece of the turn compete for a slot."""
        if not turn.text.strip():
            return
        for piece in cut(turn.said, self.piece, mind.count_tokens):
            await self._compete(piece, mind, log)

    async def _compete(self, piece: str, mind: Mind, log: MemoryLog) -> None:
        held, now = log.state.active(SLOT), _inputs(log)
        vector = (await self._vectors.of(mind, [piece]))[0].astype(np.float64)
        scores = np.round(await self._contents(held, mind) @ vector, 5) if held else np.zeros(0)
        powers = np.exp(4 * (scores - scores.max())) if held else np.zeros(0)
        shares = powers / powers.sum() if held else powers
        winner = int(scores.argmax()) if held else -1
        if held and scores[winner] < self.novelty:
            winner = (
                -1 if len(held) < self.slots else min(range(len(held)), key=lambda n: self._activation(held[n], now))
            )
            if winner >= 0:
                self._merge(held[winner], held[winner].fields["entries"], log)
                held[winner] = log.update(held[winner].id, entries=[], activation=0.0, reason="lost")
        if winner < 0:
            values: dict[str, Any] = {"entries": [[piece, log.turn]], "activation": 1.0, "won": now + 1}
            name = log.write(piece, SLOT, id=f"slot-{len(held)}", **values).id
        else:
            name = self._write(held[winner], piece, now, log)
        rivals = {s.id: round(float(share), 4) for s, share in zip(held, shares, strict=True)}
        figures = {"slot": name, "shares": rivals}
        log.note("competition", figures, subject=name)

    def _write(self, slot: Item, piece: str, now: int, log: MemoryLog) -> str:
        entries = [*slot.fields["entries"], [piece, log.turn]]
        self._merge(slot, entries[: -self.entries], log)
        kept = entries[-self.entries :]
        values: dict[str, Any] = {"text": " ".join(e[0] for e in kept), "entries": kept}
        values |= {"activation": round(1 + self._activation(slot, now), 4), "won": now + 1}
        log.update(slot.id, turns=[e[1] for e in kept], index_text=values["text"], reason="won", **values)
        return slot.id

    def _activation(self, slot: Item, now: int) -> float:
        """How much a slot has won of late, after ``now`` inputs."""
        return float(slot.fields["activation"] * self.decay ** (now - slot.fields["won"]))

    @staticmethod
    def _merge(slot: Item, entries: list[list[Any]], log: MemoryLog) -> None:
        for text, turn in entries:
            item = log.write(text, LONG_TERM, [turn])
            log.link(item.id, slot.id, "merged from")

    async def _contents(self, held: list[Item], mind: Mind) -> Floats:
        """The mean vector of each slot's entries, unit length, ``[slots, dimensions]``."""
        rows = [(await self._vectors.of(mind, [e[0] for e in i.fields["entries"]])).mean(0) for i in held]
        out: Floats = np.stack([r / (np.linalg.norm(r) + 1e-12) for r in rows]).astype(np.float64)
        return out

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """Working memory entry by entry, and the merged pieces that the question brings back, as they were said."""
        held, merged = log.state.active(SLOT), log.state.active(LONG_TERM)
        if not held:
            return Recall((), k=self.k)
        asked = (await mind.embed([query]))[0].astype(np.float64)
        working = np.round(await self._contents(held, mind) @ asked, 5)
        vectors = (await self._vectors.of(mind, [i.index_text for i in merged])).astype(np.float64)
        given = contract(vectors, asked, self.order)
        both = asked + given
        long_term = np.round(vectors @ both / (np.linalg.norm(both) + 1e-12), 5) if merged else np.zeros(0)
        best = set(np.argsort(-long_term, kind="stable")[: self.k].tolist())
        scored: list[Scored] = [
            (i.id, float(s), True, {"working": float(s)}) for i, s in zip(held, working, strict=True)
        ]
        spans = [
            (turn, Span(text, (i.id,), (turn,), SLOT, i.id, 1 + float(s)))
            for i, s in zip(held, working, strict=True)
            for text, turn in i.fields["entries"]
        ]
        for n, (item, score) in enumerate(zip(merged, long_term.tolist(), strict=True)):
            scored.append((item.id, score, n in best, {"long-term": score}))
            if n in best:
                spans.append((item.turns[0], Span(item.text, (item.id,), item.turns, LONG_TERM, priority=score)))
        spans.sort(key=lambda pair: pair[0])
        return Recall(tuple(s for _, s in spans), hits(scored), self.k)


def _inputs(log: MemoryLog) -> int:
    """How many pieces have been taken in: each is in a slot or was merged."""
    return sum(len(i.fields["entries"]) for i in log.state.active(SLOT)) + len(log.state.active(LONG_TERM))


def contract(vectors: Floats, query: Floats, order: int) -> Floats:
    """The sum of the vectors' outer products of ``order`` factors, contracted with ``query`` in all but one.

    That is ``sum_i (x_i . q)^(order - 1) x_i``, so the tensor is never built; unit length, zero when nothing answers.
    The vectors are centred first: sentences have much in common, and else every question would bring back their mean.
    """
    if not len(vectors):
        return np.zeros_like(query)
    mean = vectors.mean(0) if len(vectors) > 1 else np.zeros_like(query)
    centred, asked = vectors - mean, query - mean
    given = centred.T @ np.clip(centred @ asked, 0, None) ** (order - 1)
    out: Floats = given / (np.linalg.norm(given) + 1e-12)
    return out
