"""M3-Agent: episodic and semantic memory around entities, searched over several rounds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from workbench.memory import prompts, schemas
from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall, Span
from workbench.memory.facts import shown
from workbench.memory.items import Item
from workbench.memory.lines import told
from workbench.memory.log import MemoryLog
from workbench.memory.pieces import Vectors, cut, fitting, hits, room
from workbench.memory.replies import ask
from workbench.sessions.model import Turn

ENTITY, EPISODE, KNOWLEDGE = "entity", "episode", "knowledge"


@dataclass
class M3Agent(MemoryStrategy):
    """Keep what happened and what is known around entities, and search it until the question can be answered.

    Every speaker is an entity. A turn is a clip with an episode (what happened); the model draws the facts from it (one
    call), which are knowledge. Both are linked to the entities that they name, to the speaker when they name none. A
    fact that the knowledge of its entities says already is not stored twice: its weight grows; one that says the
    opposite takes weight away from what it contradicts, which goes when none is left, and is not stored. A question is
    searched for in up to ``rounds`` rounds; after each the model answers whether it is enough, and if not, with what to
    search next (one call). A search among entries of the entities that it names, else among all, brings the ``k`` clips
    with the nearest entry as wholes, new ones only. The bundled model says whether it is enough; what is searched next
    follows by rule: keywords, then the best entry so far.

    M3-Agent, arXiv 2508.09736.

    Attributes:
        rounds: searches for one question at most (5).
        k: clips that one search brings (2).
        least: cosine that the nearest entry of a clip must reach.
        same: cosine from which a fact repeats what is known.
        opposite: cosine below which it contradicts it.
    """

    name: ClassVar[str] = "m3-agent"
    title: ClassVar[str] = "M3-Agent"
    fidelity: ClassVar[Fidelity] = "prompt-only"
    paper: ClassVar[str] = "M3-Agent, arXiv 2508.09736"
    differs: ClassVar[str] = (
        "Text only: speakers stand for the faces and voices that identify an entity, a turn for a clip of 30 seconds. "
        "The policy that decides what to search next is not trained, and the answer is written in a call of its own. A "
        "clip needs no least cosine (least=0.5 as published, for another embedder)."
    )

    rounds: int = 5
    k: int = 2
    least: float = 0.0
    same: float = 0.85
    opposite: float = 0.0
    _vectors: Vectors = field(default_factory=Vectors, init=False, repr=False, compare=False)

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Store the turn as an episode and its facts as knowledge."""
        if not turn.text.strip():
            return
        speaker = self._entity(turn.speaker or turn.role, log)
        for piece in cut(turn.said, room(mind, 384, 0.5), mind.count_tokens):
            episode = log.write(piece, EPISODE)
            self._about(episode, speaker, log)
            schema = schemas.fields(facts=schemas.texts("what is known now, a sentence each; may be empty"))
            plain, entities = prompts.facts([piece]), [e.text for e in log.state.active(ENTITY)]
            operation = self.operation("know", plain, schema=schema, episode=told(episode), entities=entities)
            reply = await ask(mind, log, operation)
            for fact in reply["facts"] if reply else []:
                if fact:
                    await self._know(fact, episode, speaker, mind, log, reply.cause if reply else 0)

    @staticmethod
    def _entity(name: str, log: MemoryLog) -> Item:
        known = next((i for i in log.state.active(ENTITY) if i.text.casefold() == name.casefold()), None)
        return known or log.write(name, ENTITY, index_text="")

    @staticmethod
    def _about(item: Item, speaker: Item, log: MemoryLog) -> None:
        for name in _named(item.text, log.state.active(ENTITY)) or [speaker.id]:
            log.link(item.id, name, "about")

    async def _know(self, fact: str, episode: Item, speaker: Item, mind: Mind, log: MemoryLog, cause: int) -> None:
        entities = _named(fact, log.state.active(ENTITY)) or [speaker.id]
        known = [i for i in log.state.active(KNOWLEDGE) if set(i.fields["entities"]) & set(entities)]
        scores = await self._vectors.cosines(mind, fact, [i.index_text for i in known])
        told = False
        for old, score in zip(known, scores, strict=True):
            if set(entities) <= set(old.fields["entities"]) and (score > self.same or score < self.opposite):
                self._weigh(old, 1 if score > self.same else -1, log, cause)
                told = True
        if told:
            return
        item = log.write(fact, KNOWLEDGE, episode.turns, entities=entities, weight=1, cause=cause)
        self._about(item, speaker, log)
        log.link(item.id, episode.id, "drawn from", cause=cause)

    @staticmethod
    def _weigh(old: Item, by: int, log: MemoryLog, cause: int) -> None:
        """Strengthen or weaken what is known; without any weight it is no longer reached."""
        weight = old.fields["weight"] + by
        turns = [*old.turns, log.turn] if by > 0 else old.turns
        reason = "said again" if by > 0 else "contradicted"
        log.update(old.id, weight=weight, turns=turns, reason=reason, cause=cause)
        if weight <= 0:
            log.evict(old.id, reason=reason, cause=cause)

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """Search in rounds; everything found, in the order it was learned."""
        items = log.state.active(EPISODE, KNOWLEDGE)
        found: dict[str, int] = {}
        best: dict[str, dict[str, float]] = {}
        rounds: list[dict[str, Any]] = []
        search = query
        while items and len(rounds) < self.rounds:
            scores = await self._search(search, items, mind, log)
            best = {n: max(p, best.get(n, p), key=lambda parts: sum(parts.values())) for n, p in scores.items()}
            passed = {} if mind.full else found  # a search that follows by rule would come upon what led to it
            new = [n for n in self._clips({n: p for n, p in scores.items() if n not in passed}, log) if n not in found]
            found |= dict.fromkeys(new, len(rounds) + 1)
            rounds.append({"search": search, "found": new})
            if len(rounds) == self.rounds or (not new and not mind.full):
                break
            then = await self._act(query, rounds, found, mind, log)
            if not then:
                break
            search = then
        log.note("rounds", rounds)
        returned = [i for i in items if i.id in found]
        spans = (
            Span(i.text, (i.id,), i.turns, i.kind, f"round {found[i.id]}", sum(best[i.id].values())) for i in returned
        )
        scored = [(n, sum(parts.values()), n in found, parts) for n, parts in best.items()]
        return Recall(tuple(spans), hits(scored), self.k)

    def _clips(self, scores: Mapping[str, Mapping[str, float]], log: MemoryLog) -> list[str]:
        """What the best clips hold, clip by clip."""
        worth: dict[int, float] = {}
        members: dict[int, list[str]] = {}
        named = any(parts["entity"] for parts in scores.values())
        for name, parts in scores.items():
            clip = log.state[name].turns[0]
            members.setdefault(clip, []).append(name)
            reached = parts["cosine"] if parts["entity"] or not named else -1.0
            worth[clip] = max(worth.get(clip, -1.0), reached)
        order = sorted((c for c in worth if worth[c] >= self.least), key=lambda c: (-worth[c], c))[: self.k]
        return [name for clip in order for name in members[clip]]

    async def _search(
        self, text: str, items: Sequence[Item], mind: Mind, log: MemoryLog
    ) -> dict[str, dict[str, float]]:
        """Every entry's cosine, and whether it is about an entity that the search names; heavier ones first."""
        cosines = await self._vectors.cosines(mind, text, [i.index_text for i in items])
        entities = set(_named(text, log.state.active(ENTITY)))
        about = {link.source for link in log.state.links.values() if link.label == "about" and link.target in entities}
        order = sorted(zip(items, cosines, strict=True), key=lambda pair: -pair[0].fields.get("weight", 0))
        return {i.id: {"cosine": float(c), "entity": float(i.id in about)} for i, c in order}

    async def _act(
        self, query: str, rounds: Sequence[Mapping[str, Any]], found: Iterable[str], mind: Mind, log: MemoryLog
    ) -> str:
        """What to search next; empty when what was found is enough."""
        known = [log.state[n] for n in found]
        texts = fitting([i.text for i in known], room(mind, 16, 0.8), mind.count_tokens)
        question = cut(query, room(mind, 16, 0.15), mind.count_tokens)[:1]
        plain = prompts.check(texts, f"Does the text answer this: {' '.join(question)}")
        schema = schemas.fields(
            action=schemas.one_of(["Answer", "Search"], "whether it can be answered, or must be searched for"),
            query=schemas.text("with Search: what to search for next; else empty", default=""),
        )
        seen = shown(known, mind, log, "act") if mind.full else known[: len(texts)]
        operation = self.operation("act", plain, schema=schema, reads=_answered, question=query,
                                   found=[told(i) for i in seen], searches=[r["search"] for r in rounds])  # fmt: skip
        reply = await ask(mind, log, operation)
        if reply is not None and reply["action"] == "Answer":
            return ""
        if mind.full:
            return str(reply["query"]) if reply else ""
        return await self._next(query, rounds, mind, log)

    @staticmethod
    async def _next(query: str, rounds: Sequence[Mapping[str, Any]], mind: Mind, log: MemoryLog) -> str:
        """The bundled model's next search: the question's keywords, then the best entry so far."""
        best = log.state[rounds[-1]["found"][0]].text
        asked = cut(query, room(mind, 96), mind.count_tokens)
        if len(rounds) > 1 or not asked:
            return best
        reply = await ask(mind, log, prompts.keywords(asked[0]))
        return " ".join(w for w in reply["keywords"] if w) or best if reply else best


def _answered(said: Mapping[str, Any]) -> dict[str, Any]:
    """The one-liner says whether the question is answered."""
    return {"action": "Answer" if said["answer"] == "yes" else "Search", "query": ""}


def _named(text: str, entities: Sequence[Item]) -> list[str]:
    folded = text.casefold()
    return [e.id for e in entities if re.search(rf"(?<!\w){re.escape(e.text.casefold())}(?!\w)", folded)]
