"""LightMem: a sensory buffer cut by topic, a short-term buffer drawn out in one call, sleep-time updates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from workbench.memory import prompts
from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall
from workbench.memory.facts import FACT, MESSAGES, add, extract, shortened, with_recent
from workbench.memory.items import Item
from workbench.memory.lines import told
from workbench.memory.log import MemoryLog
from workbench.memory.pieces import room
from workbench.memory.replies import ask
from workbench.memory.retrieval import ranked
from workbench.memory.vectors import VectorIndex
from workbench.sessions.model import Turn

TURN = "turn"
SENSORY, SHORT_TERM = "sensory", "short-term"


@dataclass
class LightMem(MemoryStrategy):
    """Turns gather in a sensory buffer, move on topic by topic, and become facts in one call per full buffer.

    When the sensory buffer is full it is cut where neighbouring turns differ in topic (cosine below a threshold that
    starts at 0.2 and rises by 0.05 to 0.5 until there is a cut); what is before the last cut moves to the short-term
    buffer, all of it when there is no cut. Of a full short-term buffer the oldest turns, as many as one model call can
    draw out, become facts and leave it; when the call fails they stay and are tried again at the next turn.
    Then, as in sleep, every older fact that a new one resembles is put to the model once: update, delete or ignore. An
    updated fact keeps its old vector, as in the official code. Turns in the buffers are in the context. LightMem, arXiv
    2510.18866.

    Attributes:
        k: facts returned.
        sensory: tokens of the sensory buffer.
        short_term: tokens of the short-term buffer, at most a quarter of what fits a prompt.
        sleep: cosine at which a new fact is a source for updating an older one; above 1 never.
        sources: new facts that the update of an old one sees.
        stale_vectors: whether an updated fact keeps its old vector.
    """

    name: ClassVar[str] = "lightmem"
    title: ClassVar[str] = "LightMem"
    fidelity: ClassVar[Fidelity] = "adapted"
    paper: ClassVar[str] = "LightMem, arXiv 2510.18866"
    differs: ClassVar[str] = (
        "No LLMLingua-2 compression and no attention in the topic cuts; a fact's source is the turn that shares the "
        "most words with it instead of a number that the model writes; the buffers hold at most what one call "
        "can draw out (eight turns, a quarter of what fits a prompt); sleep follows every extraction."
    )

    k: int = 10
    sensory: int = 512
    short_term: int = 2000
    sleep: float = 0.8
    sources: int = 10
    stale_vectors: bool = True

    def __post_init__(self) -> None:
        self._index = VectorIndex()

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Into the sensory buffer; from there on what is full."""
        log.write(turn.said, TURN, id=f"turn-{turn.index}", index_text="", tier=SENSORY)
        limit = room(mind, 384, 0.25)
        if _full(SENSORY, min(self.sensory, limit // 2), MESSAGES // 2, mind, log):
            await self._segment(mind, log)
        if _full(SHORT_TERM, min(self.short_term, limit), MESSAGES, mind, log):
            await self._extract(mind, log)

    async def _segment(self, mind: Mind, log: MemoryLog) -> None:
        turns = _buffer(SENSORY, log)
        vectors = await self._index.vectors.of(mind, [t.text for t in turns])
        likeness = np.sum(vectors[1:] * vectors[:-1], axis=1) if len(turns) > 1 else np.zeros(0)
        threshold, used, cuts = 0.2, 0.2, np.zeros(0, np.int64)
        while not len(cuts) and threshold < 0.501:
            cuts, used = np.flatnonzero(likeness < threshold) + 1, threshold
            threshold += 0.05
        last = int(cuts[-1]) if len(cuts) else len(turns)
        log.note("topics", {"cuts": [turns[int(c)].turns[0] for c in cuts], "threshold": round(used, 2),
                            "likeness": [round(float(s), 4) for s in likeness]})  # fmt: skip
        for item in turns[:last]:
            log.update(item.id, tier=SHORT_TERM, reason="topic complete")

    async def _extract(self, mind: Mind, log: MemoryLog) -> None:
        turns = _buffer(SHORT_TERM, log)[:MESSAGES]  # what one call takes; the rest waits for the next
        older = log.state.active(FACT)
        facts, complete = await extract(self, "facts", [(told(t), t.turns) for t in turns], mind, log)
        if not complete:
            return  # on record; the turns stay and are tried again with the next that come
        if not facts:
            log.dropped("empty extraction", f"turns {turns[0].turns[0]} to {turns[-1].turns[-1]}")
        new = [add(fact, log) for fact in facts]
        for item in turns:
            log.evict(item.id, reason="drawn out")
        await self._index.add([i.index_text for i in new], mind)
        if older and new:
            await self._asleep(older, new, mind, log)

    async def _asleep(self, older: Sequence[Item], new: Sequence[Item], mind: Mind, log: MemoryLog) -> None:
        vectors = await self._index.vectors.of(mind, [i.index_text for i in (*older, *new)])
        likeness = vectors[: len(older)] @ vectors[len(older) :].T
        for row, old in enumerate(older):
            order = [int(n) for n in np.argsort(-likeness[row], kind="stable") if likeness[row, n] >= self.sleep]
            near = [new[n] for n in order[: self.sources] if new[n].text != old.text]
            if near:
                await self._update(old, near, mind, log)

    async def _update(self, old: Item, near: Sequence[Item], mind: Mind, log: MemoryLog) -> None:
        reply = await ask(mind, log, prompts.decide([shortened(old)], [shortened(n) for n in near]))
        for source, entry in zip(near, reply["memory"] if reply else (), strict=False):
            if not reply or entry["id"] != 0 or entry["event"] not in ("UPDATE", "DELETE"):
                continue  # ADD and NONE: the old fact is left as it is
            if entry["event"] == "DELETE":
                log.delete(old.id, reason=f"by {source.id}", cause=reply.cause)
                return
            if not entry["text"]:
                log.dropped("not in the schema", f"UPDATE of {old.id} without a text", cause=reply.cause)
                continue
            index = old.index_text if self.stale_vectors else entry["text"]
            log.update(old.id, text=entry["text"], index_text=index, turns=(*old.turns, *source.turns),
                       reason=f"by {source.id}", cause=reply.cause)  # fmt: skip

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """The nearest ``k`` facts and the turns in the buffers."""
        facts = log.state.active(FACT)
        found = await self._index.search(query, facts, mind, self.k)
        recall = ranked(facts, found.scores, self.k, "cosine", order=found.order)
        return with_recent(recall, log.state.active(TURN))


def _full(tier: str, tokens: int, turns: int, mind: Mind, log: MemoryLog) -> bool:
    held = _buffer(tier, log)
    return len(held) >= turns or sum(mind.count_tokens(i.text) for i in held) >= tokens


def _buffer(tier: str, log: MemoryLog) -> list[Item]:
    return [i for i in log.state.active(TURN) if i.fields["tier"] == tier]
