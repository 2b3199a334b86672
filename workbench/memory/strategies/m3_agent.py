"""M3-Agent: episodic and semantic memory around entities, searched over several rounds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from workbench.memory import prompts, schemas
from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall, Span
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

    Every speaker is an entity. A turn is an episode (what happened); the model draws the facts from it (one call),
    which are knowledge. Both are linked to the entities that they name, to the speaker when they name none. A fact that
    an entity's knowledge says already is not stored twice: its weight grows. A question is answered in up to ``rounds``
    searches: with the question itself, then with its keywords, then with the best entry so far, so that an entity leads
    to the next; before every further round the model checks whether the question is answered (one call a round). An
    entry of an entity that the search names comes first, then the nearest; of equals the heavier.

    M3-Agent, arXiv 2508.09736.

    Attributes:
        rounds: searches for one question at most (5).
        k: entries that one search adds.
        same: cosine from which a fact repeats what is known.
    """

    name: ClassVar[str] = "m3-agent"
    title: ClassVar[str] = "M3-Agent"
    fidelity: ClassVar[Fidelity] = "prompt-only"
    paper: ClassVar[str] = "M3-Agent, arXiv 2508.09736"
    differs: ClassVar[str] = (
        "Text only: speakers stand for the faces and voices that identify an entity. The policy that decides what to "
        "search next is not trained; the model checks what was found, and the next query follows by rule."
    )

    rounds: int = 5
    k: int = 5
    same: float = 0.85
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
        best = int(scores.argmax()) if known else 0
        if known and scores[best] >= self.same:
            same = known[best]
            log.update(same.id, weight=same.fields["weight"] + 1, turns=[*same.turns, log.turn], reason="said again",
                       cause=cause)  # fmt: skip
            return
        item = log.write(fact, KNOWLEDGE, episode.turns, entities=entities, weight=1, cause=cause)
        self._about(item, speaker, log)
        log.link(item.id, episode.id, "drawn from", cause=cause)

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
            new = sorted((n for n in scores if n not in found), key=lambda n: -sum(scores[n].values()))[: self.k]
            found |= dict.fromkeys(new, len(rounds) + 1)
            rounds.append({"search": search, "found": new})
            if not new or len(rounds) == self.rounds or await self._answered(query, found, mind, log):
                break
            search = await self._next(query, search, log.state[new[0]].text, len(rounds), mind, log)
        log.note("rounds", rounds)
        shown = [i for i in items if i.id in found]
        spans = (
            Span(i.text, (i.id,), i.turns, i.kind, f"round {found[i.id]}", sum(best[i.id].values())) for i in shown
        )
        scored = [(n, sum(parts.values()), n in found, parts) for n, parts in best.items()]
        return Recall(tuple(spans), hits(scored), self.k)

    async def _search(
        self, text: str, items: Sequence[Item], mind: Mind, log: MemoryLog
    ) -> dict[str, dict[str, float]]:
        cosines = await self._vectors.cosines(mind, text, [i.index_text for i in items])
        entities = set(_named(text, log.state.active(ENTITY)))
        about = {link.source for link in log.state.links.values() if link.label == "about" and link.target in entities}
        order = sorted(zip(items, cosines, strict=True), key=lambda pair: -pair[0].fields.get("weight", 0))
        return {i.id: {"cosine": float(c), "entity": float(i.id in about)} for i, c in order}

    async def _answered(self, query: str, found: Iterable[str], mind: Mind, log: MemoryLog) -> bool:
        size = room(mind, 16, 0.8)
        texts = fitting([log.state[n].text for n in found], size, mind.count_tokens)
        question = cut(query, room(mind, 16, 0.15), mind.count_tokens)[:1]
        plain = prompts.check(texts, f"Does the text answer this: {' '.join(question)}")
        schema = schemas.fields(answer=schemas.one_of(["yes", "no"], "yes: they hold the whole answer; no: not yet"))
        lines = [told(log.state[n]) for n in found][: len(texts)]
        operation = self.operation("enough", plain, schema=schema, max_tokens=64, question=query, found=lines)
        reply = await ask(mind, log, operation)
        return bool(reply and reply["answer"] == "yes")

    async def _next(self, query: str, last: str, best: str, done: int, mind: Mind, log: MemoryLog) -> str:
        if done > 1:
            return best
        asked = cut(query, room(mind, 96), mind.count_tokens)
        schema = schemas.fields(keywords=schemas.texts("what to search for next"))
        plain = prompts.keywords(asked[0] if asked else "")
        operation = self.operation("next", plain, schema=schema, question=query, last=last, best=best)
        reply = await ask(mind, log, operation) if asked else None
        return " ".join(w for w in reply["keywords"] if w) or best if reply else best


def _named(text: str, entities: Sequence[Item]) -> list[str]:
    folded = text.casefold()
    return [e.id for e in entities if re.search(rf"(?<!\w){re.escape(e.text.casefold())}(?!\w)", folded)]
