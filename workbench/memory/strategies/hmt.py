"""HMT: sensory, short-term and long-term memory over the segments of a session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from workbench.memory import prompts, schemas
from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall, Span
from workbench.memory.items import Item
from workbench.memory.lines import told
from workbench.memory.log import MemoryLog
from workbench.memory.pieces import Vectors, carried, cut, fitting, hits, room, sentences
from workbench.memory.replies import ask
from workbench.sessions.model import Turn

_SEGMENT, _PLAIN_SEGMENT = 256, 128  # tokens
PIECE, SENSORY, MEMORY = "piece", "sensory", "memory"


@dataclass
class HMT(MemoryStrategy):
    """Read the session segment by segment; of each only a memory stays, made with the memories that it recalled.

    Pieces of turns fill the short-term segment. When it is full, its first half recalls the most similar long-term
    memories; they, the sensory memory (the end of the segment before) and the segment are summarised into a new
    long-term memory (one call per segment), the segment is let go, and its end becomes the sensory memory. The oldest
    of more than ``memories`` memories is evicted. A question recalls by similarity to the memories, beside the sensory
    memory and the segment that is being filled. A segment that cannot be summarised is kept word for word.

    Hierarchical Memory Transformer, arXiv 2405.06067.

    Attributes:
        segment: tokens of a segment, at most a third of what fits; 0: 256 as by default in the official code (its
            scripts: 512 and 1024), and 128 for the bundled model.
        sensory: tokens of the last segment that are kept (32).
        memories: long-term memories (300).
        recalled: memories that a segment recalls.
        k: memories that a question recalls.
    """

    name: ClassVar[str] = "hmt"
    title: ClassVar[str] = "HMT"
    fidelity: ClassVar[Fidelity] = "emulated"
    paper: ClassVar[str] = "Hierarchical Memory Transformer, arXiv 2405.06067"
    differs: ClassVar[str] = (
        "Memories are summaries in words instead of trained memory embeddings; the best memories are recalled instead "
        "of a mixture of the last hundred by cross-attention."
    )

    segment: int = 0
    sensory: int = 32
    memories: int = 300
    recalled: int = 3
    k: int = 5
    _vectors: Vectors = field(default_factory=Vectors, init=False, repr=False, compare=False)

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Fill the segment; turn it into a memory when it is full."""
        size = min(self.segment or (_SEGMENT if mind.full else _PLAIN_SEGMENT), room(mind, 384, 1 / 3))
        for piece in cut(turn.said if turn.text.strip() else "", size, mind.count_tokens):
            held = log.state.active(PIECE)
            if sum(mind.count_tokens(i.text) for i in held) + mind.count_tokens(piece) > size and held:
                await self._close(held, size, mind, log)
            log.write(piece, PIECE, index_text="")

    async def _close(self, held: Sequence[Item], size: int, mind: Mind, log: MemoryLog) -> None:
        text = " ".join(i.text for i in held)
        before = await self._similar(cut(text, max(1, size // 2), mind.count_tokens)[0], mind, log)
        head = fitting([i.text for i in before], size, mind.count_tokens)
        before = before[: len(head)]
        last = [i.text for i in log.state.active(SENSORY)]
        operation = self.operation(
            "memory",
            prompts.summarise([*head, *last, *(i.text for i in held)]),
            schema=schemas.fields(summary=schemas.text("the memory of the segment")),
            recalled=[told(i) for i in before],
            sensory=[told(i) for i in log.state.active(SENSORY)],
            segment=[told(i) for i in held],
        )
        reply = await ask(mind, log, operation)
        known = [(s, i.turns) for i in before for s in sentences(i.text)]
        own = sorted({t for i in held for t in i.turns})
        summary = reply["summary"] if reply else ""
        turns = {t for _, origin in carried(summary, known, own) for t in origin} | set(own)
        names = [i.id for i in before]
        cause = reply.cause if reply else 0
        memory = log.write(summary or text, MEMORY, turns, recalled=names, summarised=bool(summary), cause=cause)
        for item in before:
            log.link(memory.id, item.id, "recalled", cause=cause)
        for item in held:
            log.evict(item.id, reason=f"the segment is over: see {memory.id}", cause=cause)
        self._sense(held, mind, log)
        for old in log.state.active(MEMORY)[: -self.memories]:
            log.evict(old.id, reason="long-term memory is full")

    async def _similar(self, text: str, mind: Mind, log: MemoryLog) -> list[Item]:
        items = log.state.active(MEMORY)
        scores = await self._vectors.cosines(mind, text, [i.index_text for i in items])
        return [items[n] for n in np.argsort(-scores, kind="stable")[: self.recalled]]

    def _sense(self, held: Sequence[Item], mind: Mind, log: MemoryLog) -> None:
        words: list[str] = []
        turns: set[int] = set()
        for item in reversed(held):
            for word in reversed(item.text.split()):
                if words and mind.count_tokens(" ".join([word, *words])) > self.sensory:
                    break
                words.insert(0, word)
                turns |= set(item.turns)
            else:
                continue
            break
        tail = " ".join(words)
        if "sensory-0" in log.state:
            log.update("sensory-0", text=tail, turns=turns, reason="the end of the last segment")
        else:
            log.write(tail, SENSORY, turns, index_text="")

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """The memories most similar to the question, the sensory memory and the segment being filled."""
        items = log.state.active(MEMORY)
        scores = (await self._vectors.cosines(mind, query, [i.index_text for i in items])).tolist()
        best = set(sorted(range(len(items)), key=lambda n: -scores[n])[: self.k])
        spans = [Span(items[n].text, (items[n].id,), items[n].turns, MEMORY, priority=scores[n]) for n in sorted(best)]
        scored = [(i.id, scores[n], n in best, {"cosine": scores[n]}) for n, i in enumerate(items)]
        near = [*log.state.active(SENSORY), *log.state.active(PIECE)]
        for age, item in enumerate(near, 1):
            spans.append(Span(item.text, (item.id,), item.turns, item.kind, priority=1 + age))
            scored.append((item.id, age / len(near) - 1, True, {"recency": age / len(near)}))  # below all recalled
        return Recall(tuple(spans), hits(scored), len(best) + len(near))
