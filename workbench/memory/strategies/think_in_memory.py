"""Think-in-Memory: thoughts in hashed buckets, with insert, forget and merge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from workbench.memory import prompts
from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall
from workbench.memory.facts import extract, fitting, shortened
from workbench.memory.items import Item
from workbench.memory.lines import said
from workbench.memory.log import MemoryLog
from workbench.memory.pieces import Vectors
from workbench.memory.replies import ask
from workbench.memory.retrieval import ranked
from workbench.memory.strategies.mem0_v3 import entities
from workbench.sessions.model import Turn
from workbench.words import words

THOUGHT = "thought"


@dataclass
class ThinkInMemory(MemoryStrategy):
    """Thoughts drawn from every turn go into buckets of a locality-sensitive hash; a question sees one bucket.

    The bucket of a vector x is argmax [xR ; -xR] with R random from the run's seed. A turn costs up to three model
    calls: the thoughts; per bucket that takes some in, which of its older thoughts they contradict (forgotten); per
    head entity with ``merge`` thoughts in a bucket, their merging. A right thought in another bucket than the
    question's is missed: that is the method, and ``hits`` show it (``bucket`` 0). Think-in-Memory, arXiv 2311.08719.

    Attributes:
        k: thoughts returned.
        buckets: number of buckets, even.
        merge: thoughts with the same head that are merged into one; 0 never.
    """

    name: ClassVar[str] = "think-in-memory"
    title: ClassVar[str] = "Think-in-Memory"
    fidelity: ClassVar[Fidelity] = "adapted"
    paper: ClassVar[str] = "Think-in-Memory, arXiv 2311.08719"
    differs: ClassVar[str] = (
        "Written from the paper: there is no official code. Thoughts are drawn from every turn by itself, not from a "
        "question with its response. Forgetting asks for verdicts on the older thoughts of the bucket instead of the "
        "bucket without the contradictory ones; the head of a thought is its first name."
    )

    k: int = 10
    buckets: int = 8
    merge: int = 3

    def __post_init__(self) -> None:
        self._vectors = Vectors()

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Insert, forget, merge."""
        facts, _ = await extract(self, "facts", [(said(turn), [turn.index])], mind, log)
        new: dict[int, list[Item]] = {}
        for fact in facts:
            bucket = await self.bucket(fact.text, mind, log.seed)
            item = log.write(fact.text, THOUGHT, fact.turns, cause=fact.cause, bucket=bucket, head=head(fact.text))
            new.setdefault(bucket, []).append(item)
        for bucket, thoughts in new.items():
            await self._forget(bucket, thoughts, mind, log)
            await self._merge(bucket, thoughts, mind, log)

    async def bucket(self, text: str, mind: Mind, seed: int) -> int:
        """The bucket of a text."""
        vector = (await self._vectors.of(mind, [text]))[0]
        return hashed(vector, self.buckets, seed)

    async def _forget(self, bucket: int, new: Sequence[Item], mind: Mind, log: MemoryLog) -> None:
        names = {i.id for i in new}
        old = [i for i in _in(bucket, log) if i.id not in names]
        told = " ".join(shortened(i) for i in new)
        old = old[: fitting([shortened(i) for i in old], mind, 256, 0.5)]
        reply = await ask(mind, log, prompts.relate(told, [shortened(i) for i in old])) if old else None
        for item, verdict in zip(old, reply["verdicts"] if reply else (), strict=False):
            if reply and verdict == "contradictory":
                log.delete(item.id, reason=f"forgotten for: {told}", cause=reply.cause)

    async def _merge(self, bucket: int, new: Sequence[Item], mind: Mind, log: MemoryLog) -> None:
        for name in dict.fromkeys(i.fields["head"] for i in new):
            same = [i for i in _in(bucket, log) if i.fields["head"] == name]
            texts = [shortened(i) for i in same]
            if not self.merge or len(same) < self.merge or fitting(texts, mind, 384) < len(same):
                continue
            reply = await ask(mind, log, prompts.summarise(texts))
            if reply and reply["summary"]:
                turns = [t for i in same for t in i.turns]
                where = await self.bucket(reply["summary"], mind, log.seed)
                merged = log.write(reply["summary"], THOUGHT, turns, cause=reply.cause, bucket=where, head=name)
                log.merge([i.id for i in same], merged.id, reason=f"about {name}", cause=reply.cause)

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """The nearest ``k`` thoughts of the question's bucket; candidates of other buckets are named, not returned."""
        thoughts = log.state.active(THOUGHT)
        if not thoughts:
            return Recall((), k=self.k)
        vector = (await mind.embed([query]))[0]
        own = hashed(vector, self.buckets, log.seed)
        cosine = np.round(await self._vectors.of(mind, [t.text for t in thoughts]) @ vector, 5).astype(np.float64)
        inside = np.array([float(t.fields["bucket"] == own) for t in thoughts])
        log.note("bucket", {"bucket": own, "thoughts": int(inside.sum()), "of": len(thoughts)})
        order = sorted(range(len(thoughts)), key=lambda n: (-inside[n], -cosine[n], n))
        within = min(self.k, int(inside.sum()))
        recall = ranked(thoughts, cosine, within, "cosine", {"bucket": inside}, order=order)
        return Recall(recall.spans, recall.hits, self.k)


def hashed(vector: NDArray[np.float32], buckets: int, seed: int) -> int:
    """argmax [xR ; -xR] with R ``[dimensions, buckets / 2]`` normal from ``seed``."""
    r = np.random.default_rng(seed).standard_normal((len(vector), max(1, buckets // 2)))
    projected = vector.astype(np.float64) @ r
    return int(np.argmax(np.concatenate((projected, -projected))))


def head(text: str) -> str:
    """What a thought is about: its first name, else its first word."""
    return next(iter(entities(text)), "") or next(iter(words(text)), text[:16])


def _in(bucket: int, log: MemoryLog) -> list[Item]:
    return [i for i in log.state.active(THOUGHT) if i.fields["bucket"] == bucket]
