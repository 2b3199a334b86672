"""Synaptic Resonance: links between turns grow when they are active together and fade otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall
from workbench.memory.items import Item, Link
from workbench.memory.log import MemoryLog
from workbench.memory.retrieval import ranked
from workbench.memory.vectors import VectorIndex
from workbench.sessions.model import Turn

LABEL = "resonates"


@dataclass
class SynapticResonance(MemoryStrategy):
    """Dense retrieval whose activation spreads over links that use strengthens and time weakens.

    A new turn activates the ``spread`` turns most like it; a question activates what it finds, and what that is linked
    to. Turns that are active together become linked: w moves towards 1 by ``rate`` times both activations. A link's
    weight is multiplied by ``decay`` for every turn in which it was not strengthened (worked out when it is used), and
    the link goes when it falls below ``least``. What passes over a link is scaled by the links of both its ends
    (synaptic scaling), so that a turn that is linked to much does not come back for everything. No model call.
    Synaptic Resonance, arXiv 2502.10699.

    Attributes:
        k: turns returned.
        spread: turns that a new turn or a question makes active together.
        gain: share of a neighbour's activation that a link passes on.
        rate: how fast links grow.
        decay: of a link per turn.
        least: weight below which a link goes.
        similar: cosine from which a turn counts as active.
        learn_from_questions: whether being found together by a question strengthens links; asking then changes the
            memory.
    """

    name: ClassVar[str] = "synaptic-resonance"
    title: ClassVar[str] = "Synaptic Resonance"
    fidelity: ClassVar[Fidelity] = "emulated"
    paper: ClassVar[str] = "Synaptic Resonance, arXiv 2502.10699"
    differs: ClassVar[str] = (
        "Weights between stored turns instead of the synaptic matrices of a network in training: what is reinforced "
        "is which memories come back together."
    )

    k: int = 10
    spread: int = 4
    gain: float = 0.1
    rate: float = 0.3
    decay: float = 0.98
    least: float = 0.02
    similar: float = 0.3
    learn_from_questions: bool = False

    def __post_init__(self) -> None:
        self._index = VectorIndex()

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Append the turn; it becomes linked to the turns that it activates."""
        others = log.state.active("turn")
        item = log.write(turn.said, "turn", id=f"turn-{turn.index}")
        found = await self._index.search(item.index_text, others, mind, self.spread)
        active = [n for n in found.order[: self.spread] if found.scores[n] >= self.similar]
        for n in active:
            self._strengthen(item.id, others[n].id, float(found.scores[n]), log)
        self._prune(log)

    def _strengthen(self, one: str, other: str, activity: float, log: MemoryLog) -> None:
        key = (one, other, LABEL) if (one, other, LABEL) in log.state.links else (other, one, LABEL)
        link = log.state.links.get(key)
        weight = self._weight(link, log.turn) if link else 0.0
        source, target = key[:2] if link else (one, other)
        log.link(source, target, LABEL, round(weight + self.rate * min(1.0, activity) * (1 - weight), 6))

    def _weight(self, link: Link, turn: int) -> float:
        """A link's weight now."""
        return float(link.weight * self.decay ** max(0, turn - link.turn))

    def _prune(self, log: MemoryLog) -> None:
        for key, link in list(log.state.links.items()):
            if self._weight(link, log.turn) < self.least:
                log.unlink(*key)

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """The best ``k`` turns by cosine and resonance; the first ``spread`` of them grow closer."""
        items = log.state.active("turn")
        found = await self._index.search(query, items, mind, self.k)
        direct = np.where(found.scores >= self.similar, found.scores, 0.0)
        resonance = self._resonance(items, direct, log)
        total = np.round(found.scores + resonance, 5)
        recall = ranked(items, total, self.k, "activation", {"cosine": found.scores, "resonance": resonance})
        if self.learn_from_questions:
            self._learn(recall, log)
        return recall

    def _learn(self, recall: Recall, log: MemoryLog) -> None:
        active = [h for h in recall.hits if h.returned and h.score >= self.similar][: self.spread]
        for n, one in enumerate(active):
            for other in active[n + 1 :]:
                self._strengthen(one.item, other.item, one.score * other.score, log)

    def _resonance(self, items: list[Item], direct: NDArray[np.float64], log: MemoryLog) -> NDArray[np.float64]:
        """What each turn receives over its links, float64 ``[items]``."""
        places = {item.id: n for n, item in enumerate(items)}
        out, total = np.zeros(len(items)), np.zeros(len(items))
        joined = [
            (places[link.source], places[link.target], self._weight(link, log.turn))
            for link in log.state.links.values()
            if link.source in places and link.target in places
        ]
        for a, b, weight in joined:
            total[a] += weight
            total[b] += weight
        for a, b, weight in joined:
            passed = self.gain * weight / np.sqrt(total[a] * total[b])
            out[a] += passed * direct[b]
            out[b] += passed * direct[a]
        return out
