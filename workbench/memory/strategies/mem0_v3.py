"""Mem0 v3: facts are only ever added; entities and words help to find them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from workbench.memory import schemas
from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall
from workbench.memory.facts import FACT, MESSAGE, Batch, Fact, add, digest, extract, gathered, near, shown, with_recent
from workbench.memory.items import Item
from workbench.memory.lines import one_line, told
from workbench.memory.log import MemoryLog
from workbench.memory.names import named, names, written_small
from workbench.memory.retrieval import Lexical, best, ranked
from workbench.memory.vectors import VectorIndex
from workbench.sessions.model import Turn
from workbench.words import words

ENTITY, RECENT = "entity", "recent"
_BATCH, _LAST, _EXISTING = 2, 10, 10  # messages a batch, messages before it that are shown, memories that are shown
_PAST = 300  # characters to which a message before the batch is shortened
_SIGMOIDS = ((3, 5.0, 0.7), (6, 7.0, 0.6), (9, 9.0, 0.5), (15, 10.0, 0.5))
"""Words of the query up to, midpoint, steepness; beyond: 12, 0.5."""
_SAME, _LIKE, _FLOOR, _BOOST = 0.95, 0.5, 0.1, 0.5


@dataclass
class Mem0V3(MemoryStrategy):
    """Draw facts from messages and only ever add them; find them by meaning, words and entities.

    One model call a batch of messages; it also sees the last ten messages before them, to know what they speak of, and
    the ten nearest memories, so as not to tell them again and to name those that a new one belongs to (they are
    linked). A fact with a hash that is known is dropped; its entities go to an entity store whose entries link to their
    facts. Reading adds the cosine (at least 0.1), BM25 through a sigmoid whose midpoint follows the query's length, and
    a boost for shared entities, over the most that could be reached, for the nearest 4 ``k`` facts (at least 60).
    Contradictions pile up: that is the method. Mem0, arXiv 2504.19413, as its code is since v3 (mem0ai/mem0, April
    2026).

    Attributes:
        k: facts returned.
        batch: messages that one extraction draws out, of one sitting; 0: two, and one for the bundled model.
    """

    name: ClassVar[str] = "mem0-v3"
    title: ClassVar[str] = "Mem0 v3"
    fidelity: ClassVar[Fidelity] = "adapted"
    paper: ClassVar[str] = "Mem0, arXiv 2504.19413; mem0ai/mem0 v3"
    differs: ClassVar[str] = (
        "Prompt in own words, a third as long and with fewer examples. The model names the entities of each memory, in "
        "any script, where the library has an English tagger (the bundled model's are spelled as names); a question's "
        "are those stored ones that it names, and what it spells as a name. Words are not lemmatised for BM25. Links "
        "to old memories are kept, which the library drops. A message that waits for its batch is in the context."
    )

    k: int = 20
    batch: int = 0

    def __post_init__(self) -> None:
        self._index, self._entities, self._lexical = VectorIndex(), VectorIndex(), Lexical()

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Extract, drop what is known word for word, add, link entities."""
        for batch in gathered(turn, self.batch or (_BATCH if mind.full else 1), log):
            await self._store(batch, mind, log)
            if mind.full:  # the bundled model is not shown them
                _remember(batch, log)

    async def _store(self, batch: Batch, mind: Mind, log: MemoryLog) -> None:
        known = log.state.active(FACT)
        hashes = {i.fields["hash"]: i.id for i in known}
        before = await self._nearest(batch, known, mind, log)
        seen = [told(i, clipped_to(i.text, _PAST)) for i in log.state.active(RECENT)]
        memories = [told(i) for i in before]
        facts, _ = await extract(
            self, "facts", batch.messages, mind, log, schema=_schema(len(before)), recent=seen, memories=memories
        )
        for fact in facts:
            same = hashes.get(digest(fact.text))
            if same:
                log.dropped("duplicate", f"{same}: {fact.text}", cause=fact.cause)
                continue
            item = add(fact, log, **_attributed(fact))
            hashes[item.fields["hash"]] = item.id
            await self._index.add([item.index_text], mind)
            for number in fact.fields.get("linked", ()):
                log.link(item.id, before[number].id, "linked", cause=fact.cause)
            for name in _told(fact) or self._spelled(fact.text, log):
                await self._link(name, item, mind, log, fact.cause)

    def _spelled(self, text: str, log: MemoryLog) -> list[str]:
        """What is spelled as a name, given how its words are written elsewhere in memory."""
        return names(text, written_small(i.text for i in log.state.active(FACT, MESSAGE, RECENT)))

    async def _nearest(self, batch: Batch, known: Sequence[Item], mind: Mind, log: MemoryLog) -> list[Item]:
        if not mind.full:
            return []
        text = "\n".join(line.text for line, _ in batch.messages)
        return shown(await near(self._index, text, known, mind, _EXISTING), mind, log, "facts")

    async def _link(self, name: str, item: Item, mind: Mind, log: MemoryLog, cause: int) -> None:
        stored = log.state.active(ENTITY)
        exact = [e for e in stored if e.text.casefold() == name.casefold()]
        if not exact:
            found = await self._entities.search(name, stored, mind, 1)
            exact = [stored[i] for i in found.order[:1] if found.scores[i] >= _SAME]
        if exact:
            entity = log.update(exact[0].id, turns=(*exact[0].turns, *item.turns), cause=cause)
        else:
            entity = log.write(name, ENTITY, item.turns, cause=cause)
        log.link(entity.id, item.id, "mentioned in", cause=cause)

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """The best ``k`` facts by the combined score; its parts are in the hits."""
        items, waiting = log.state.active(FACT), log.state.active(MESSAGE)
        if not items:
            return with_recent(Recall((), k=self.k), waiting)
        found = await self._index.search(query, items, mind, max(4 * self.k, 60))
        cosine = found.scores
        lexical = _sigmoid(self._lexical.scores(query, [i.text for i in items]), len(words(query)))
        boost = await self._boosts(query, items, mind, log)
        most = 1.0 + bool(lexical.any()) + _BOOST * bool(boost.any())
        total = np.where(cosine >= _FLOOR, (cosine + lexical + boost) / most, -1.0)
        near = set(found.order)  # words and entities rank what meaning found, and add nothing to it
        order = [i for i in best(total) if i in near and cosine[i] >= _FLOOR]
        parts = {"cosine": cosine, "bm25": lexical, "entity": boost}
        return with_recent(ranked(items, total, self.k, "score", parts, order=order), waiting)

    async def _boosts(self, query: str, items: Sequence[Item], mind: Mind, log: MemoryLog) -> NDArray[np.float64]:
        stored, out = log.state.active(ENTITY), np.zeros(len(items))
        places = {item.id: n for n, item in enumerate(items)}
        targets: dict[str, list[str]] = {}
        for link in log.state.links.values():
            targets.setdefault(link.source, []).append(link.target)
        spelled = self._spelled(query, log)
        asked = {name.casefold(): name for name in (*spelled, *named(query, [e.text for e in stored]))}
        for name in asked.values():
            found = await self._entities.search(name, stored, mind, len(stored))
            for i in found.order:
                if found.scores[i] >= _LIKE:
                    linked = [t for t in targets.get(stored[i].id, []) if t in places]
                    worth = found.scores[i] * _BOOST / (1 + 0.001 * (len(linked) - 1) ** 2)
                    for target in linked:
                        out[places[target]] = max(out[places[target]], worth)
        return out


def _schema(count: int) -> dict[str, Any]:
    """The schema of the extraction beside ``count`` memories."""
    entry = schemas.fields(
        text=schemas.text("the memory: one or two sentences that stand alone"),
        entities=schemas.texts("names and things in it that a question may ask for", default=()),
        attributed_to=schemas.text("name of the one who said it", default=""),
        linked=schemas.many(schemas.index(count), "numbers of the existing memories that it belongs to", most=count)
        | {"default": []},
    )
    return schemas.fields(facts=schemas.many(entry, "the new memories; empty when there is none"))


def _attributed(fact: Fact) -> dict[str, str]:
    said_by = fact.fields.get("attributed_to", "")
    return {"attributed_to": said_by} if said_by else {}


def _remember(batch: Batch, log: MemoryLog) -> None:
    """Keep the last messages as what the next extraction reads before its own."""
    for line, turns in batch.messages:
        log.write(line.text, RECENT, turns, index_text="")
    kept = log.state.active(RECENT)
    for old in kept[: max(0, len(kept) - _LAST)]:
        log.evict(old.id, reason="no longer among the last messages")


def clipped_to(text: str, characters: int) -> str:
    """The beginning of a text, with dots where it was longer."""
    return text if len(text) <= characters else f"{text[:characters]}…"


def _told(fact: Fact) -> list[str]:
    """The entities that the model named with a fact."""
    return list(dict.fromkeys(one_line(name) for name in fact.fields.get("entities", ()) if name.strip()))


def _sigmoid(scores: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    midpoint, steepness = next(((m, s) for upto, m, s in _SIGMOIDS if length <= upto), (12.0, 0.5))
    return np.where(scores > 0, 1 / (1 + np.exp(-steepness * (scores - midpoint))), 0.0)
