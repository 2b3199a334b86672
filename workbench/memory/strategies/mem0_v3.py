"""Mem0 v3: facts are only ever added; entities and words help to find them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall
from workbench.memory.facts import FACT, add, digest, extract
from workbench.memory.items import Item
from workbench.memory.lines import said
from workbench.memory.log import MemoryLog
from workbench.memory.retrieval import Lexical, best, ranked
from workbench.memory.vectors import VectorIndex
from workbench.sessions.model import Turn
from workbench.words import words

ENTITY = "entity"
_SIGMOIDS = ((3, 5.0, 0.7), (6, 7.0, 0.6), (9, 9.0, 0.5), (15, 10.0, 0.5))
"""Words of the query up to, midpoint, steepness; beyond: 12, 0.5."""
_SAME, _LIKE, _FLOOR, _BOOST = 0.95, 0.5, 0.1, 0.5
_NAME = re.compile(r"\b[A-ZÀ-Þ][\w'-]*(?:\s+[A-ZÀ-Þ][\w'-]*)*|\b\d[\d.,:/-]*\d\b|\"[^\"]+\"")
_COMMON = frozenset(
    {
        "the",
        "a",
        "an",
        "i",
        "it",
        "he",
        "she",
        "they",
        "we",
        "you",
        "my",
        "his",
        "her",
        "and",
        "but",
        "do",
        "does",
        "did",
    }
    | {"what", "where", "who", "when", "which", "how", "why", "is", "are", "was", "in", "on", "at"}
)


@dataclass
class Mem0V3(MemoryStrategy):
    """Draw facts from every turn and only ever add them; find them by meaning, words and entities.

    One model call a turn, which is drawn out when it comes; nothing waits in a buffer. A fact with a hash that is known
    is dropped; its entities go to an entity store whose entries link to their facts. Reading adds the cosine (at least
    0.1), BM25 through a sigmoid whose midpoint follows the query's length, and a boost for shared entities, over the
    most that could be reached, for the nearest 4 ``k`` facts (at least 60). Contradictions pile up: that is the method.
    Mem0, arXiv 2504.19413, as its code is since v3 (mem0ai/mem0, April 2026).

    Attributes:
        k: facts returned.
    """

    name: ClassVar[str] = "mem0-v3"
    title: ClassVar[str] = "Mem0 v3"
    fidelity: ClassVar[Fidelity] = "adapted"
    paper: ClassVar[str] = "Mem0, arXiv 2504.19413; mem0ai/mem0 v3"
    differs: ClassVar[str] = (
        "The extraction sees the new messages and not also the last ten and the ten nearest memories. Entities are "
        "names, numbers and quotations by their spelling instead of a tagger's."
    )

    k: int = 20

    def __post_init__(self) -> None:
        self._index, self._entities, self._lexical = VectorIndex(), VectorIndex(), Lexical()

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Extract, drop what is known word for word, add, link entities."""
        known = {i.fields["hash"]: i.id for i in log.state.active(FACT)}
        facts, _ = await extract(self, "facts", [(said(turn), [turn.index])], mind, log)
        for fact in facts:
            same = known.get(digest(fact.text))
            if same:
                log.dropped("duplicate", f"{same}: {fact.text}", cause=fact.cause)
                continue
            item = add(fact, log)
            known[item.fields["hash"]] = item.id
            await self._index.add([item.index_text], mind)
            for name in entities(fact.text):
                await self._link(name, item, mind, log, fact.cause)

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
        items = log.state.active(FACT)
        if not items:
            return Recall((), k=self.k)
        found = await self._index.search(query, items, mind, max(4 * self.k, 60))
        cosine = found.scores
        lexical = _sigmoid(self._lexical.scores(query, [i.text for i in items]), len(words(query)))
        boost = await self._boosts(query, items, mind, log)
        most = 1.0 + bool(lexical.any()) + _BOOST * bool(boost.any())
        total = np.where(cosine >= _FLOOR, (cosine + lexical + boost) / most, -1.0)
        near = set(found.order)  # words and entities rank what meaning found, and add nothing to it
        order = [i for i in best(total) if i in near and cosine[i] >= _FLOOR]
        return ranked(items, total, self.k, "score", {"cosine": cosine, "bm25": lexical, "entity": boost}, order=order)

    async def _boosts(self, query: str, items: Sequence[Item], mind: Mind, log: MemoryLog) -> NDArray[np.float64]:
        stored, out = log.state.active(ENTITY), np.zeros(len(items))
        places = {item.id: n for n, item in enumerate(items)}
        targets: dict[str, list[str]] = {}
        for link in log.state.links.values():
            targets.setdefault(link.source, []).append(link.target)
        for name in entities(query):
            found = await self._entities.search(name, stored, mind, len(stored))
            for i in found.order:
                if found.scores[i] >= _LIKE:
                    linked = [t for t in targets.get(stored[i].id, []) if t in places]
                    worth = found.scores[i] * _BOOST / (1 + 0.001 * (len(linked) - 1) ** 2)
                    for target in linked:
                        out[places[target]] = max(out[places[target]], worth)
        return out


def entities(text: str) -> list[str]:
    """Names, numbers and quotations in a text, by their spelling."""
    found = [n.strip('"') if n.startswith('"') else _trimmed(n) for n in _NAME.findall(text)]
    return list(dict.fromkeys(n for n in found if n))


def _trimmed(name: str) -> str:
    return " ".join(w for w in name.split() if w.casefold() not in _COMMON).removesuffix("'s")


def _sigmoid(scores: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    midpoint, steepness = next(((m, s) for upto, m, s in _SIGMOIDS if length <= upto), (12.0, 0.5))
    return np.where(scores > 0, 1 / (1 + np.exp(-steepness * (scores - midpoint))), 0.0)
