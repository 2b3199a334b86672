"""CAIM: a controller that decides whether to look, an ontology of tags, thinking after the session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from workbench.memory import prompts
from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall
from workbench.memory.facts import Fact, extract, fitting, near, shortened, with_recent
from workbench.memory.items import Item
from workbench.memory.lines import told
from workbench.memory.log import MemoryLog
from workbench.memory.replies import ask
from workbench.memory.retrieval import ranked
from workbench.memory.vectors import VectorIndex
from workbench.sessions.model import Turn

MESSAGE, EVENT = "message", "event"
ONTOLOGY = ("city", "job", "food", "drink", "pet", "hobby", "colour", "sport", "instrument", "language", "vehicle",
            "plant", "family", "friends", "health", "travel", "plans", "feelings", "knowledge", "other")  # fmt: skip
"""Tags that an event may carry."""


@dataclass
class CAIM(MemoryStrategy):
    """Short-term memory is the session; after it the model draws out events, tags them and merges what is alike.

    A sitting of the conversation (or ``session`` turns of it) ends in one model call for the events, one for their
    tags, and one for each event that resembles stored ones (the review). Reading takes up to three: whether short-term
    memory is enough (the controller); the tags that the question concerns; which of the events under them help.
    A wrong "not needed" is a silent miss. CAIM, arXiv 2505.13044.

    Attributes:
        k: events returned.
        session: turns after which post-thinking happens even within a sitting.
        similar: cosine from which the review holds an event against a stored one.
        controller: whether the controller may decide not to look.
    """

    name: ClassVar[str] = "caim"
    title: ClassVar[str] = "CAIM"
    fidelity: ClassVar[Fidelity] = "emulated"
    paper: ClassVar[str] = "CAIM, arXiv 2505.13044"
    differs: ClassVar[str] = (
        "Written from the abstract and overview: the schemas are this project's. The ontology is fixed, so there is no "
        "review list of new tags; the events of one sitting share their tags; rows are filtered by tag, not by time."
    )

    k: int = 10
    session: int = 8
    similar: float = 0.8
    controller: bool = True

    def __post_init__(self) -> None:
        self._index = VectorIndex()

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Append to short-term memory; think when a sitting ends."""
        stm = log.state.active(MESSAGE)
        if stm and (len(stm) >= self.session or stm[-1].fields["part"] != turn.part):
            await self._think(stm, mind, log)
        log.write(turn.said, MESSAGE, index_text="", part=turn.part)

    async def _think(self, stm: Sequence[Item], mind: Mind, log: MemoryLog) -> None:
        facts, complete = await extract(self, "facts", [(told(m), m.turns) for m in stm], mind, log)
        if not complete and len(stm) < 3 * self.session:
            return  # on record; tried again with the next turn
        tags, _ = await self._tags(" ".join(f.text for f in facts), ONTOLOGY, mind, log) if facts else ([], 0)
        for fact in facts:
            await self._review(fact, tags, mind, log)
        for message in stm:
            log.evict(message.id, reason="the session has ended")

    @staticmethod
    async def _tags(text: str, known: Sequence[str], mind: Mind, log: MemoryLog) -> tuple[list[str], int]:
        task = text[: 4 * prompts.MAX_TEXT]
        if not known or not fitting([task], mind, 96):
            return [], 0
        reply = await ask(mind, log, prompts.choose(task, known, most=4))
        return (list(dict.fromkeys(reply["choice"])), reply.cause) if reply else ([], 0)

    async def _review(self, fact: Fact, tags: Sequence[str], mind: Mind, log: MemoryLog) -> None:
        like = await near(self._index, fact.text, log.state.active(EVENT), mind, 3, self.similar)
        event = log.write(fact.text, EVENT, fact.turns, cause=fact.cause, tags=list(tags), date=log.now)
        reply = await ask(mind, log, prompts.relate(fact.text, [shortened(i) for i in like])) if like else None
        for old, verdict in zip(like, reply["verdicts"] if reply else (), strict=False):
            if reply and verdict == "redundant":
                both = list(dict.fromkeys((*old.fields["tags"], *event.fields["tags"])))
                event = log.update(event.id, tags=both, turns=(*old.turns, *event.turns), cause=reply.cause)
                log.merge([old.id], event.id, reason="review: the same", cause=reply.cause)

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """The events under the question's tags that help, when the controller wants to look; short-term memory."""
        stm, events = log.state.active(MESSAGE), log.state.active(EVENT)
        asked = " ".join(query.split())
        found = await self._index.search(query, events, mind, self.k)
        inside = np.ones(len(events))
        looked = not self.controller or await self._needed(asked, stm, mind, log)
        if events and looked:
            known = [t for t in ONTOLOGY if any(t in e.fields["tags"] for e in events)]
            tags, cause = await self._tags(asked, known, mind, log)
            log.note("tags", tags, cause=cause)
            if tags:
                inside = np.array([float(bool({*tags} & {*e.fields["tags"]})) for e in events])
        order = sorted(range(len(events)), key=lambda n: (-inside[n], -found.scores[n], n))
        useful = await self._useful(asked, [events[n] for n in order if inside[n]], mind, log) if looked else set()
        order.sort(key=lambda n: events[n].id not in useful)
        recall = ranked(events, found.scores, len(useful), "cosine", {"tag": inside}, order=order)
        return with_recent(Recall(recall.spans, recall.hits, self.k), stm)

    async def _needed(self, query: str, stm: Sequence[Item], mind: Mind, log: MemoryLog) -> bool:
        texts = [shortened(m) for m in stm]
        seen = fitting(list(reversed(texts)), mind, 16, 0.6)
        if not seen:
            return True
        reply = await ask(mind, log, prompts.check(texts[-seen:], f"Does the text answer: {query}"))
        needed = reply is None or reply["answer"] == "no"
        log.note("controller", {"needed": needed}, cause=reply.cause if reply else 0)
        return needed

    async def _useful(self, query: str, events: Sequence[Item], mind: Mind, log: MemoryLog) -> set[str]:
        texts = [shortened(e) for e in events[: 2 * self.k]]
        seen = fitting(texts, mind, 128, 0.6)
        reply = await ask(mind, log, prompts.relevant(query, texts[:seen])) if seen else None
        picked = [events[n].id for n in reply["useful"]] if reply else []
        return set(picked[: self.k]) or {e.id for e in events[: self.k]}
