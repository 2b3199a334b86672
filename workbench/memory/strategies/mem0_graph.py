"""Mem0 with its graph: entities and their relations beside the facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from workbench.memory import prompts, schemas
from workbench.memory.base import Fidelity, Hit, Mind, Recall
from workbench.memory.facts import Batch, fitting, near, shortened, shown
from workbench.memory.items import Item
from workbench.memory.lines import Line, one_line, told
from workbench.memory.log import MemoryLog
from workbench.memory.pieces import room
from workbench.memory.replies import Reply, ask
from workbench.memory.retrieval import Lexical, best, span
from workbench.memory.strategies.mem0 import Mem0
from workbench.memory.vectors import VectorIndex

ENTITY, RELATION = "entity", "relation"
_SAME, _LIKE = 0.9, 0.7


@dataclass
class Mem0Graph(Mem0):
    """Mem0's facts, and a graph of entities with labelled relations.

    After the two calls of Mem0 a batch costs up to three more: the entities; how they relate; and, when relations of
    these entities or of others like them (cosine at least 0.7) are known, which of them the messages end (these are
    deleted). The graph is drawn from the messages themselves and not from their facts, so that one may hold what the
    other lost. An entity is an existing one when their cosine is at least 0.9; a relation told again counts its
    mentions. Reading takes one call, the entities of the question: the relations of entities like them (cosine at least
    0.7) are ranked by BM25 and the best join the facts. Mem0, arXiv 2504.19413.

    Attributes:
        k: facts returned.
        neighbours: old memories looked up per fact.
        batch, speakers: as of Mem0; there is one graph for all who speak.
        relations: relations returned.
    """

    name: ClassVar[str] = "mem0-graph"
    title: ClassVar[str] = "Mem0 graph"
    fidelity: ClassVar[Fidelity] = "adapted"
    differs: ClassVar[str] = (
        Mem0.differs + " The graph lives in items and links instead of a graph database, one for all who speak. "
        "Relations name their entities and what they end by number instead of by tool calls; relations are ranked by "
        "BM25 over their words, not over whole names."
    )

    relations: int = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        self._nodes, self._lexical = VectorIndex(), Lexical()

    async def _take(self, batch: Batch, mind: Mind, log: MemoryLog) -> None:
        """Mem0's write path, then entities, relations, what is outdated."""
        await super()._take(batch, mind, log)
        lines = [line for line, _ in batch.messages]
        texts, turns = [line.text for line in lines], [t for _, own in batch.messages for t in own]
        if not mind.full and fitting(texts, mind, 256) < len(texts):
            size = sum(mind.count_tokens(text) for text in texts)
            log.dropped("too long", f"no graph of a turn of {size} tokens")
            return
        nodes = await self._entities(lines, turns, mind, log)
        if len(nodes) < 2:
            return
        names = [n.text for n in nodes]
        edge = schemas.fields(
            source=schemas.index(len(names), "number of the entity that it starts from"),
            relation=schemas.text("how it relates to the destination: a short, general, timeless phrase"),
            destination=schemas.index(len(names), "number of the entity that it leads to"),
        )
        schema = schemas.fields(relations=schemas.many(edge, "empty when the messages relate none of them"))
        plain = prompts.relations(texts, names)
        reply = await ask(mind, log, self.operation("relations", plain, schema=schema, messages=lines, names=names))
        if reply:
            await self._outdated(lines, nodes, mind, log)
            self._relate(nodes, reply, turns, log)

    async def _entities(self, lines: Sequence[Line], turns: Sequence[int], mind: Mind, log: MemoryLog) -> list[Item]:
        found: dict[str, Item] = {}
        reply = await self._named(lines, mind, log)
        for entity in reply["entities"] if reply else ():
            if reply and entity["name"]:
                node = await self._node(entity, turns, mind, log, reply.cause)
                found[node.id] = node
        return list(found.values())

    async def _named(self, lines: Sequence[Line], mind: Mind, log: MemoryLog) -> Reply | None:
        """The entities in messages, or in a question."""
        entity = schemas.fields(
            name=schemas.text("the entity, as it is called"),
            type=schemas.text("what it is: person, place, event, organisation, animal, thing, activity, …"),
        )
        schema = schemas.fields(entities=schemas.many(entity, "every entity once"))
        plain = prompts.entities([line.text for line in lines])
        return await ask(mind, log, self.operation("entities", plain, schema=schema, texts=list(lines)))

    async def _node(
        self, entity: Mapping[str, str], turns: Sequence[int], mind: Mind, log: MemoryLog, cause: int
    ) -> Item:
        name = entity["name"]
        same = await near(self._nodes, name, log.state.active(ENTITY), mind, 1, _SAME)
        if same:
            told_by = (*same[0].turns, *turns)
            return log.update(same[0].id, turns=told_by, mentions=same[0].fields["mentions"] + 1, cause=cause)
        return log.write(name, ENTITY, turns, cause=cause, type=entity["type"], mentions=1)

    async def _outdated(self, lines: Sequence[Line], nodes: Sequence[Item], mind: Mind, log: MemoryLog) -> None:
        names = await self._like([n.text for n in nodes], log.state.active(ENTITY), mind)
        known = [r for r in log.state.active(RELATION) if {r.fields["source"], r.fields["destination"]} & names]
        if mind.full:
            known = shown(known, mind, log, "outdated")
        else:
            known = known[: fitting([r.text for r in known], mind, 256, 0.5)]
        if not known:
            return
        schema = schemas.fields(
            outdated=schemas.many(
                schemas.index(len(known)), "numbers of the relations that no longer hold; mostly empty", most=len(known)
            )
        )
        plain = prompts.relate("\n".join(line.text for line in lines), [shortened(r) for r in known])
        operation = self.operation(
            "outdated", plain, schema=schema, reads=_contradicted,
            relations=[told(r) for r in known], messages=list(lines),
        )  # fmt: skip
        reply = await ask(mind, log, operation)
        for number in dict.fromkeys(reply["outdated"]) if reply else ():
            relation, cause = known[number], reply.cause if reply else 0
            log.delete(relation.id, reason="outdated", cause=cause)
            fields = relation.fields
            log.unlink(fields["source"], fields["destination"], fields["label"], cause=cause)

    def _relate(self, nodes: Sequence[Item], reply: Reply, turns: Sequence[int], log: MemoryLog) -> None:
        for edge in reply["relations"]:
            source, destination, label = nodes[edge["source"]], nodes[edge["destination"]], edge["relation"]
            if source.id == destination.id or not label:
                log.dropped("not in the schema", f"{source.text} - {label} - {destination.text}", cause=reply.cause)
                continue
            text = f"{source.text} {label} {destination.text}"
            same = [r for r in log.state.active(RELATION) if r.text == text]
            mentions = same[0].fields["mentions"] + 1 if same else 1
            if same:
                log.update(same[0].id, mentions=mentions, turns=(*same[0].turns, *turns), cause=reply.cause)
            else:
                log.write(text, RELATION, turns, cause=reply.cause, index_text="", source=source.id, label=label,
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
        asked = one_line(query)
        fits = mind.full or mind.count_tokens(asked) < room(mind, 256)
        reply = await self._named([Line(asked)], mind, log) if fits else None
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


def _contradicted(said: Mapping[str, Any]) -> dict[str, Any]:
    """What a one-liner's verdicts say is outdated."""
    return {"outdated": [n for n, verdict in enumerate(said["verdicts"]) if verdict == "contradictory"]}
