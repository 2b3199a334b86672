"""Mem0 with its graph: entities and their relations beside the facts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from workbench.memory import prompts
from workbench.memory.base import Fidelity, Hit, Mind, Recall
from workbench.memory.facts import fitting, near, shortened
from workbench.memory.items import Item
from workbench.memory.log import MemoryLog
from workbench.memory.pieces import room
from workbench.memory.replies import Reply, ask
from workbench.memory.retrieval import Lexical, best, span
from workbench.memory.strategies.mem0 import Mem0
from workbench.memory.vectors import VectorIndex
from workbench.sessions.model import Turn

ENTITY, RELATION = "entity", "relation"
_SAME, _LIKE = 0.9, 0.7


@dataclass
class Mem0Graph(Mem0):
    """Mem0's facts, and a graph of entities with labelled relations.

    After the two calls of Mem0 a turn costs up to three more: the entities; how they relate; and, when relations of
    these entities or of others like them (cosine at least 0.7) are known, which of them the turn contradicts (these are
    deleted). The graph is drawn from the turn
    itself and not from its facts, so that one may hold what the other lost. An entity is an existing one when
    their cosine is at least 0.9; a relation told again counts its mentions. Reading takes one call, the entities of the
    question: the relations of entities like them (cosine at least 0.7) are ranked by BM25 and the best join the facts.
    Mem0, arXiv 2504.19413.

    Attributes:
        k: facts returned.
        neighbours: old memories looked up per fact.
        relations: relations returned.
    """

    name: ClassVar[str] = "mem0-graph"
    title: ClassVar[str] = "Mem0 graph"
    fidelity: ClassVar[Fidelity] = "adapted"
    differs: ClassVar[str] = (
        "Outdated relations are found by a verdict on each known relation instead of a tool call that names them; "
        "the graph lives in items and links instead of a graph database."
    )

    relations: int = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        self._nodes, self._lexical = VectorIndex(), Lexical()

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Mem0's write path, then entities, relations, what is outdated."""
        await super().observe(turn, mind, log)
        said = " ".join(turn.said.split())
        if turn.role == "system":
            return
        if fitting([said], mind, 256) == 0:
            log.dropped("too long", f"no graph of a turn of {mind.count_tokens(said)} tokens")
            return
        nodes = await self._entities([said], mind, log)
        if len(nodes) < 2:
            return
        reply = await ask(mind, log, prompts.relations([said], [n.text for n in nodes]))
        if reply:
            await self._outdated(said, nodes, mind, log)
            self._relate(nodes, reply, log)

    async def _entities(self, said: Sequence[str], mind: Mind, log: MemoryLog) -> list[Item]:
        reply = await ask(mind, log, prompts.entities(said))
        found: dict[str, Item] = {}
        for entity in reply["entities"] if reply else ():
            if reply and entity["name"]:
                node = await self._node(entity["name"], entity["type"], mind, log, reply.cause)
                found[node.id] = node
        return list(found.values())

    async def _node(self, name: str, kind: str, mind: Mind, log: MemoryLog, cause: int) -> Item:
        same = await near(self._nodes, name, log.state.active(ENTITY), mind, 1, _SAME)
        if same:
            turns = (*same[0].turns, log.turn)
            return log.update(same[0].id, turns=turns, mentions=same[0].fields["mentions"] + 1, cause=cause)
        return log.write(name, ENTITY, cause=cause, type=kind, mentions=1)

    async def _outdated(self, said: str, nodes: Sequence[Item], mind: Mind, log: MemoryLog) -> None:
        names = await self._like([n.text for n in nodes], log.state.active(ENTITY), mind)
        known = [r for r in log.state.active(RELATION) if {r.fields["source"], r.fields["destination"]} & names]
        known = known[: fitting([r.text for r in known], mind, 256, 0.5)]
        reply = await ask(mind, log, prompts.relate(said, [shortened(r) for r in known])) if known else None
        for relation, verdict in zip(known, reply["verdicts"] if reply else (), strict=False):
            if reply and verdict == "contradictory":
                log.delete(relation.id, reason="outdated", cause=reply.cause)
                fields = relation.fields
                log.unlink(fields["source"], fields["destination"], fields["label"], cause=reply.cause)

    def _relate(self, nodes: Sequence[Item], reply: Reply, log: MemoryLog) -> None:
        for edge in reply["relations"]:
            source, destination, label = nodes[edge["source"]], nodes[edge["destination"]], edge["relation"]
            if source.id == destination.id or not label:
                log.dropped("not in the schema", f"{source.text} - {label} - {destination.text}", cause=reply.cause)
                continue
            text = f"{source.text} {label} {destination.text}"
            same = [r for r in log.state.active(RELATION) if r.text == text]
            mentions = same[0].fields["mentions"] + 1 if same else 1
            if same:
                log.update(same[0].id, mentions=mentions, turns=(*same[0].turns, log.turn), cause=reply.cause)
            else:
                log.write(text, RELATION, cause=reply.cause, index_text="", source=source.id, label=label,
                          destination=destination.id, mentions=1, date=log.now)  # fmt: skip
            log.link(source.id, destination.id, label, mentions, cause=reply.cause)

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """The nearest ``k`` facts and the best relations around the question's entities."""
        facts = await super().recall(query, mind, log)
        around = await self._around(query, mind, log)
        if not around:
            return facts
        scores = self._lexical.scores(query, [r.text for r in around])
        order, first = best(scores), len(facts.hits) + 1
        hits = [Hit(around[i].id, float(scores[i]), first + n, n < self.relations, {"bm25": float(scores[i])})
                for n, i in enumerate(order)]  # fmt: skip
        spans = [span(around[i], -float(n), kind="relation") for n, i in enumerate(order[: self.relations])]
        return replace(facts, hits=(*facts.hits, *hits), spans=(*facts.spans, *spans))

    async def _around(self, query: str, mind: Mind, log: MemoryLog) -> list[Item]:
        stored = log.state.active(ENTITY)
        if not stored:
            return []
        asked = " ".join(query.split())
        reply = await ask(mind, log, prompts.entities([asked])) if mind.count_tokens(asked) < room(mind, 256) else None
        names = [e["name"] for e in reply["entities"] if e["name"]] if reply else []
        close = await self._like(names, stored, mind)
        return [r for r in log.state.active(RELATION) if {r.fields["source"], r.fields["destination"]} & close]

    async def _like(self, names: Sequence[str], stored: Sequence[Item], mind: Mind) -> set[str]:
        """The stored entities that are like one of the names."""
        close: set[str] = set()
        for name in names:
            found = await self._nodes.search(name, stored, mind, len(stored))
            close |= {stored[int(i)].id for i in np.flatnonzero(found.scores >= _LIKE)}
        return close
