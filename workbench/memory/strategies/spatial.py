"""Spatially-Aware Transformer: episodes kept by place, and an allocator that decides what each place forgets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np

from workbench.memory import prompts, schemas
from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall, Span
from workbench.memory.items import Item
from workbench.memory.lines import Line, one_line
from workbench.memory.log import MemoryLog
from workbench.memory.pieces import Vectors, cut, hits, room
from workbench.memory.replies import ask
from workbench.sessions.model import Turn

PLACE, EPISODE = "place", "episode"
ELSEWHERE = "elsewhere"


@dataclass
class Spatial(MemoryStrategy):
    """Keep episodes by place, within one capacity that an allocator divides among the places.

    The model names what a turn is about (one call); that topic is the turn's place. When more than ``capacity``
    episodes are held, the allocator chooses the place that forgets and its oldest episode goes: the place that holds
    most for how often it was asked about (``adaptive``), the one that holds most (``mvfo``) or least
    (``lvfo``); or it forgets by time alone, the oldest (``fifo``) or the newest episode before this one (``lifo``). A
    question finds the nearest ``places`` by the nearest of their episodes, then the nearest episodes there.

    Spatially-Aware Transformer for Embodied Agents, ICLR 2024 (OpenReview Ts95eXsPBc).

    Attributes:
        capacity: episodes held.
        allocator: who forgets.
        places: places that a question opens.
        k: episodes returned.
        learn_from_questions: whether being recalled counts for a place; asking then changes what is forgotten.
    """

    name: ClassVar[str] = "spatial"
    title: ClassVar[str] = "Spatially-Aware Transformer"
    fidelity: ClassVar[Fidelity] = "emulated"
    paper: ClassVar[str] = "Spatially-Aware Transformer for Embodied Agents, ICLR 2024"
    differs: ClassVar[str] = (
        "A conversation has no coordinates: a place is the topic that the model names. The adaptive allocator is a "
        "rule over visits and recalls, not a policy trained with reinforcement learning; the transformer is left out."
    )

    capacity: int = 128
    allocator: Literal["adaptive", "fifo", "lifo", "mvfo", "lvfo"] = "adaptive"
    places: int = 8
    k: int = 10
    learn_from_questions: bool = False
    _vectors: Vectors = field(default_factory=Vectors, init=False, repr=False, compare=False)

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Put the turn where it belongs; forget something when there is no room."""
        if not turn.text.strip():
            return
        for piece in cut(turn.said, room(mind, 256, 0.5), mind.count_tokens):
            schema = schemas.fields(place=schemas.text("the place"))
            known = [p.text for p in log.state.active(PLACE)]
            operation = self.operation(
                "place", prompts.note(piece), schema=schema, reads=_first_tag, max_tokens=64,
                episode=Line(one_line(piece), log.when), places=known,
            )  # fmt: skip
            reply = await ask(mind, log, operation)
            place = self._visit(reply["place"] if reply and reply["place"] else ELSEWHERE, log)
            episode = log.write(piece, EPISODE, place=place.id, cause=reply.cause if reply else 0)
            log.link(episode.id, place.id, "at")
            self._allocate(episode, log)

    @staticmethod
    def _visit(topic: str, log: MemoryLog) -> Item:
        known = next((i for i in log.state.active(PLACE) if i.text.casefold() == topic.casefold()), None)
        if known is None:
            return log.write(topic, PLACE, index_text="", visits=1)
        return log.update(known.id, visits=known.fields["visits"] + 1, turns=[*known.turns, log.turn])

    def _allocate(self, newest: Item, log: MemoryLog) -> None:
        held = log.state.active(EPISODE)
        while len(held) > max(1, self.capacity):
            gone = self._forgotten([i for i in held if i.id != newest.id], log)
            log.evict(gone.id, reason=f"{self.allocator}: no room")
            shares = {p.text: sum(i.fields["place"] == p.id for i in held) for p in log.state.active(PLACE)}
            log.note("allocation", {"evicted": gone.id, "place": gone.fields["place"], "held": shares}, subject=gone.id)
            held = log.state.active(EPISODE)

    def _forgotten(self, held: list[Item], log: MemoryLog) -> Item:
        if self.allocator in ("fifo", "lifo"):
            return held[0 if self.allocator == "fifo" else -1]
        places = {i.fields["place"]: log.state[i.fields["place"]] for i in held}
        if self.allocator == "adaptive":
            counts = {p: sum(i.fields["place"] == p for i in held) for p in places}
            chosen = max(places, key=lambda p: counts[p] / (1 + places[p].accessed))
        else:
            sign = 1 if self.allocator == "mvfo" else -1
            held_there = {p: sum(i.fields["place"] == p for i in held) for p in places}
            chosen = max(places, key=lambda p: sign * held_there[p])
        return next(i for i in held if i.fields["place"] == chosen)

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """The nearest episodes of the nearest places, in the order they happened."""
        items = log.state.active(EPISODE)
        if not items:
            return Recall((), k=self.k)
        cosines = await self._vectors.cosines(mind, query, [i.index_text for i in items])
        at = np.array([i.fields["place"] for i in items])
        near = {p: float(cosines[at == p].max()) for p in dict.fromkeys(at.tolist())}
        opened = set(sorted(near, key=lambda p: -near[p])[: self.places])
        inside = [n for n in range(len(items)) if at[n] in opened]
        best = set(sorted(inside, key=lambda n: -cosines[n])[: self.k])
        if self.learn_from_questions:
            log.access(sorted({str(at[n]) for n in best}), query)
        spans = tuple(
            Span(items[n].text, (items[n].id,), items[n].turns, label=log.state[at[n]].text, priority=float(cosines[n]))
            for n in sorted(best)
        )
        scored = [
            (i.id, float(cosines[n]), n in best, {"cosine": float(cosines[n]), "place": near[at[n]]})
            for n, i in enumerate(items)
        ]
        return Recall(spans, hits(scored), self.k)


def _first_tag(plain: Mapping[str, Any]) -> dict[str, Any]:
    """The one-liner's note: its first tag is what the turn is about."""
    return {"place": next((t for t in plain["tags"] if t), "")}
