"""Think-in-Memory: thoughts in hashed buckets, with insert, forget and merge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from workbench.memory import prompts, schemas
from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall
from workbench.memory.facts import MESSAGE, Batch, extract, fitting, gathered, shortened, shown, with_recent
from workbench.memory.items import Item
from workbench.memory.lines import told
from workbench.memory.log import MemoryLog
from workbench.memory.names import names
from workbench.memory.pieces import Vectors
from workbench.memory.replies import UNFIT, ask
from workbench.memory.retrieval import ranked
from workbench.sessions.model import Turn
from workbench.words import words

THOUGHT = "thought"
_BATCH = 2  # messages: what was said, and the response to it


@dataclass
class ThinkInMemory(MemoryStrategy):
    """Thoughts drawn from what was said with its response go into buckets of a locality-sensitive hash.

    The bucket of a vector x is argmax [xR ; -xR] with R random from the run's seed. A batch of messages costs up to
    three kinds of model calls: the thoughts, each with the entity that is its head; per bucket that takes some in,
    which of its older thoughts they contradict (forgotten); per head with ``merge`` thoughts in a bucket, which of them
    say the like and how they read as one (merged; the others stay). A question sees one bucket, and a right thought in
    another one is missed: that is the method, and ``hits`` show it (``bucket`` 0). Think-in-Memory, arXiv 2311.08719.

    Attributes:
        k: thoughts returned.
        buckets: number of buckets, even.
        merge: thoughts with the same head from which it is asked what to merge; 0 never.
        batch: messages that thoughts are drawn from, of one sitting; 0: two, and one for the bundled model.
    """

    name: ClassVar[str] = "think-in-memory"
    title: ClassVar[str] = "Think-in-Memory"
    fidelity: ClassVar[Fidelity] = "adapted"
    paper: ClassVar[str] = "Think-in-Memory, arXiv 2311.08719"
    differs: ClassVar[str] = (
        "Written from the paper: there is no official code. Forgetting and merging name thoughts by number instead of "
        "writing the bucket anew; merging is asked for from three thoughts of one head on. A message that waits for "
        "its response is in the context."
    )

    k: int = 10
    buckets: int = 8
    merge: int = 3
    batch: int = 0

    def __post_init__(self) -> None:
        self._vectors = Vectors()

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Insert, forget, merge."""
        for batch in gathered(turn, self.batch or (_BATCH if mind.full else 1), log):
            await self._think(batch, mind, log)

    async def _think(self, batch: Batch, mind: Mind, log: MemoryLog) -> None:
        facts, _ = await extract(self, "thoughts", batch.messages, mind, log, schema=_THOUGHTS)
        new: dict[int, list[Item]] = {}
        for fact in facts:
            bucket = await self.bucket(fact.text, mind, log.seed)
            about = fact.fields.get("head", "") or head(fact.text)
            item = log.write(fact.text, THOUGHT, fact.turns, cause=fact.cause, bucket=bucket, head=about)
            new.setdefault(bucket, []).append(item)
        for bucket, thoughts in new.items():
            await self._forget(bucket, thoughts, mind, log)
            await self._merge(bucket, thoughts, mind, log)

    async def bucket(self, text: str, mind: Mind, seed: int) -> int:
        """The bucket of a text."""
        vector = (await self._vectors.of(mind, [text]))[0]
        return hashed(vector, self.buckets, seed)

    async def _forget(self, bucket: int, new: Sequence[Item], mind: Mind, log: MemoryLog) -> None:
        ids = {i.id for i in new}
        old = [i for i in _in(bucket, log) if i.id not in ids]
        news = " ".join(shortened(i) for i in new)
        seen = (
            shown(old, mind, log, "forget")
            if mind.full
            else old[: fitting([shortened(i) for i in old], mind, 256, 0.5)]
        )
        if not seen:
            return
        plain = prompts.relate(news, [shortened(i) for i in seen])
        numbers = schemas.many(schemas.index(len(seen)), "numbers of the thoughts to forget", most=len(seen))
        operation = self.operation("forget", plain, schema=schemas.fields(forget=numbers), reads=_contradicted,
                                   thoughts=[told(i) for i in seen], new=[told(i) for i in new])  # fmt: skip
        reply = await ask(mind, log, operation)
        for number in dict.fromkeys(reply["forget"]) if reply else ():
            log.delete(seen[number].id, reason=f"forgotten for: {news}", cause=reply.cause if reply else 0)

    async def _merge(self, bucket: int, new: Sequence[Item], mind: Mind, log: MemoryLog) -> None:
        for name in dict.fromkeys(_key(i) for i in new):
            same = [i for i in _in(bucket, log) if _key(i) == name]
            if not self.merge or len(same) < self.merge:
                continue
            texts = [shortened(i) for i in same]
            if mind.full:
                same = shown(same, mind, log, "merge")
            elif fitting(texts, mind, 384) < len(same):
                continue
            plain, lines = prompts.summarise(texts), [told(i) for i in same]
            reads = partial(_all_in_one, len(same))
            operation = self.operation("merge", plain, schema=_merging(len(same)), reads=reads, thoughts=lines)
            reply = await ask(mind, log, operation)
            for entry in reply["merged"] if reply else ():
                old = [same[n] for n in dict.fromkeys(entry["thoughts"])]
                await self._merged(
                    entry["text"], [log.state[i.id] for i in old], mind, log, reply.cause if reply else 0
                )

    async def _merged(self, text: str, old: Sequence[Item], mind: Mind, log: MemoryLog, cause: int) -> None:
        """Write one thought in the place of several; one of them may have gone into another already."""
        gone = [i.id for i in old if not i.active]
        if gone or not text or len(old) < 2:
            what = f"{', '.join(gone)}, merged before" if gone else "of one thought" if text else "without a text"
            log.dropped(UNFIT, f"merging {what}: {text}", operation="merge", cause=cause)
            return
        where = await self.bucket(text, mind, log.seed)
        turns = [t for i in old for t in i.turns]
        merged = log.write(text, THOUGHT, turns, cause=cause, bucket=where, head=old[0].fields["head"])
        log.merge([i.id for i in old], merged.id, reason=f"about {old[0].fields['head']}", cause=cause)

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """The nearest ``k`` thoughts of the question's bucket; candidates of other buckets are named, not returned."""
        thoughts, waiting = log.state.active(THOUGHT), log.state.active(MESSAGE)
        if not thoughts:
            return with_recent(Recall((), k=self.k), waiting)
        vector = (await mind.embed([query]))[0]
        own = hashed(vector, self.buckets, log.seed)
        cosine = np.round(await self._vectors.of(mind, [t.text for t in thoughts]) @ vector, 5).astype(np.float64)
        inside = np.array([float(t.fields["bucket"] == own) for t in thoughts])
        log.note("bucket", {"bucket": own, "thoughts": int(inside.sum()), "of": len(thoughts)})
        order = sorted(range(len(thoughts)), key=lambda n: (-inside[n], -cosine[n], n))
        within = min(self.k, int(inside.sum()))
        recall = ranked(thoughts, cosine, within, "cosine", {"bucket": inside}, order=order)
        return with_recent(Recall(recall.spans, recall.hits, self.k), waiting)


def hashed(vector: NDArray[np.float32], buckets: int, seed: int) -> int:
    """argmax [xR ; -xR] with R ``[dimensions, buckets / 2]`` normal from ``seed``."""
    r = np.random.default_rng(seed).standard_normal((len(vector), max(1, buckets // 2)))
    projected = vector.astype(np.float64) @ r
    return int(np.argmax(np.concatenate((projected, -projected))))


def head(text: str) -> str:
    """What a thought is about: its first name, else its first word."""
    return next(iter(names(text)), "") or next(iter(words(text)), text[:16])


_THOUGHTS = schemas.fields(
    facts=schemas.many(
        schemas.fields(
            text=schemas.text("the thought: one sentence that relates its head to something"),
            head=schemas.text("the entity that the thought is about, always named in the same way", default=""),
        ),
        "the thoughts; empty when there is nothing to remember",
    )
)


def _merging(count: int) -> dict[str, Any]:
    """The schema of merging among ``count`` thoughts."""
    entry = schemas.fields(
        text=schemas.text("the thought that takes their place"),
        thoughts=schemas.many(schemas.index(count), "numbers of the two or more thoughts that it takes in", most=count),
    )
    return schemas.fields(merged=schemas.many(entry, "one entry for each group that is merged; empty when none is"))


def _contradicted(said: Mapping[str, Any]) -> dict[str, Any]:
    """The one-liner gives a verdict on each thought."""
    return {"forget": [n for n, verdict in enumerate(said["verdicts"]) if verdict == "contradictory"]}


def _all_in_one(count: int, said: Mapping[str, Any]) -> dict[str, Any]:
    """The one-liner sums up all thoughts."""
    return {"merged": [{"text": said["summary"], "thoughts": list(range(count))}]}


def _key(thought: Item) -> str:
    """The head, however it is capitalised."""
    return str(thought.fields["head"]).casefold()


def _in(bucket: int, log: MemoryLog) -> list[Item]:
    return [i for i in log.state.active(THOUGHT) if i.fields["bucket"] == bucket]
