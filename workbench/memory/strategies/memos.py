"""MemOS: memory nodes in tiers, merged on conflict, clustered into a tree, scheduled into working memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from workbench.memory import prompts, schemas
from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall, above
from workbench.memory.facts import (
    MESSAGE,
    Batch,
    Fact,
    Said,
    extract,
    gathered,
    near,
    shortened,
    shown,
    with_recent,
)  # fmt: skip
from workbench.memory.items import Item
from workbench.memory.lines import Line, one_line, told
from workbench.memory.log import MemoryLog
from workbench.memory.pieces import cut, room
from workbench.memory.replies import Reply, ask
from workbench.memory.retrieval import best, marked, span
from workbench.memory.vectors import VectorIndex
from workbench.sessions.model import Turn
from workbench.words import telling

MEMORY, SUMMARY = "memory", "summary"
LONG_TERM, USER = "LongTermMemory", "UserMemory"
_VERDICTS = ("contradictory", "redundant", "independent")
_BATCH, _CLUSTERS = 2, 20
_TAGS = 2  # tags that a node shares with the goal when it is fetched for them


@dataclass
class MemOS(MemoryStrategy):
    """Tree text memory: extracted nodes in tiers, conflicts resolved pair by pair, clusters under summaries.

    Writing costs one model call per window of messages (the nodes: title, type, value, tags; and a summary, their
    background), one per neighbour at a cosine of at least ``similar`` (contradictory, redundant or independent) and one
    per conflict (the fusion: a merged node takes both, or the older one goes). After every ``group`` nodes, k-means
    clusters of at least ``cluster`` get a parent summary, one call each, which is found like any node. In ``fast`` mode
    windows are kept as they are, without the first call. Reading costs one call for the goal (keys, tags, a clearer
    question, other wordings), one for the scheduler (is working memory enough, and which evidence is missing); if it is
    not, what is missing is fetched and one call puts all in a new order. Candidates are working memory, the nearest
    nodes of every wording, and nodes under the goal's keys or two of its tags; they are ranked by their best cosine. A
    window whose extraction fails is kept as it is. MemOS, arXiv 2507.03724 and 2505.22101.

    Attributes:
        k: nodes returned.
        mode: ``fine`` extracts nodes, ``fast`` keeps each window as one.
        batch: messages that are taken in together, of one sitting; 0: two, as in the authors' LoCoMo runs, and one for
            the bundled model.
        window: tokens that one extraction sees at most.
        working: capacity of working memory.
        long_term: capacity of long-term memory.
        user: capacity of user memory.
        neighbours: nodes that a new one is held against.
        similar: cosine from which they are.
        group: nodes between two reorganisations.
        cluster: nodes that a cluster needs to get a summary.
        schedule: whether questions go through the scheduler.
        refill: whether what was fetched for a question becomes working memory, as published; off, a question leaves
            memory as it was.
    """

    name: ClassVar[str] = "memos"
    title: ClassVar[str] = "MemOS"
    fidelity: ClassVar[Fidelity] = "adapted"
    paper: ClassVar[str] = "MemOS, arXiv 2507.03724 and 2505.22101"
    differs: ClassVar[str] = (
        "Text memory only: activation and parameter memory and the internet path are not modelled. Prompts in own "
        "words. Windows do not overlap; the tree is rebuilt by count of nodes instead of by the clock, and clusters "
        "are neither divided by the model nor searched for relations, inferences and concepts. Working memory is a "
        "mark on nodes instead of copies of them, and a question changes it only with refill=true. A message that "
        "waits for its batch is in the context."
    )

    k: int = 10
    mode: Literal["fine", "fast"] = "fine"
    batch: int = 0
    window: int = 1024
    working: int = 20
    long_term: int = 1500
    user: int = 480
    neighbours: int = 5
    similar: float = 0.8
    group: int = above(1, 20)
    cluster: int = above(1, 4)
    schedule: bool = True
    refill: bool = False

    def __post_init__(self) -> None:
        self._index = VectorIndex()

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Extract nodes, settle conflicts, keep the tiers within bounds, reorganise when due."""
        before = _nodes_ever(log)
        for batch in gathered(turn, self.batch or (_BATCH if mind.full else 1), log):
            await self._store(batch, mind, log)
        self._bound(log)
        if before // self.group < _nodes_ever(log) // self.group:
            await self._reorganise(mind, log)

    async def _store(self, batch: Batch, mind: Mind, log: MemoryLog) -> None:
        tier = USER if batch.roles[-1] == "user" else LONG_TERM  # where nobody says which
        limit = min(self.window, room(mind, prompts.FULL_TOKENS, 0.6) if mind.full else room(mind, 384, 0.8))
        for window in _windows(batch.messages, limit, mind):
            for fact in await self._nodes(window, mind, log):
                await self._settle(self._write(fact, tier, log), mind, log)

    async def _nodes(self, window: Sequence[Said], mind: Mind, log: MemoryLog) -> list[Fact]:
        facts: list[Fact] = []
        complete = False
        if self.mode == "fine":
            facts, complete = await extract(self, "facts", window, mind, log, schema=_NODES)
        if complete:
            return facts
        text, turns = " ".join(line.text for line, _ in window), tuple(t for _, own in window for t in own)
        return [*facts, Fact(text, turns, 0)]

    @staticmethod
    def _write(fact: Fact, tier: str, log: MemoryLog, **fields: Any) -> Item:
        told_of = fact.fields
        tags = told_of.get("tags") or sorted(telling(fact.text))
        kept = {
            "title": told_of.get("title", ""), "tags": tags, "background": told_of.get("summary", ""),
            "tier": told_of.get("memory_type") or tier, "working": True, "version": 1, "date": log.now,
        }  # fmt: skip
        return log.write(fact.text, MEMORY, fact.turns, cause=fact.cause, **kept | fields)

    async def _settle(self, node: Item, mind: Mind, log: MemoryLog) -> None:
        others = [n for n in log.state.active(MEMORY) if n.id != node.id]
        for old in await near(self._index, node.text, others, mind, self.neighbours, self.similar):
            plain = prompts.relate(shortened(node), [shortened(old)])
            schema = schemas.fields(verdict=schemas.one_of(_VERDICTS, "how the two statements relate"))
            operation = self.operation("relate", plain, schema=schema, reads=_verdict, old=told(old), new=told(node))
            reply = await ask(mind, log, operation)
            if reply and reply["verdict"] != "independent":
                node = await self._resolve(old, node, reply["verdict"], mind, log)

    async def _resolve(self, old: Item, node: Item, verdict: str, mind: Mind, log: MemoryLog) -> Item:
        reply = await ask(mind, log, self._fusion(old, node, verdict))
        if reply is None:
            return node
        if not reply["fused"]:
            log.supersede(old.id, node.id, reason=verdict, cause=reply.cause)
            return node
        fields = {name: node.fields[name] or old.fields[name] for name in ("title", "background")}
        tags = list(dict.fromkeys((*old.fields["tags"], *node.fields["tags"])))
        fact = Fact(reply["fused"], (*old.turns, *node.turns), reply.cause)
        version = old.fields["version"] + 1
        merged = self._write(fact, old.fields["tier"], log, tags=tags, version=version, **fields)
        log.merge([old.id, node.id], merged.id, reason=verdict, cause=reply.cause)
        for part in (old, node):
            log.link(part.id, merged.id, "MERGED_TO", cause=reply.cause)
        return log.state[merged.id]

    def _fusion(self, old: Item, node: Item, verdict: str) -> prompts.Operation:
        plain = prompts.decide([shortened(old)], [shortened(node)])
        schema = schemas.fields(fused=schemas.text("the one statement; empty where they cannot be reconciled"))
        both = [
            {"statement": told(n), "title": n.fields["title"], "background": n.fields["background"]}
            for n in (old, node)
        ]
        return self.operation("fuse", plain, schema=schema, reads=_fused, relation=verdict, statements=both)

    def _bound(self, log: MemoryLog) -> None:
        for tier, most in ((LONG_TERM, self.long_term), (USER, self.user)):
            nodes = [n for n in log.state.active(MEMORY) if n.fields["tier"] == tier]
            for node in nodes[: max(0, len(nodes) - most)]:
                log.evict(node.id, reason=f"{tier} is full")
        nodes = [n for n in log.state.active(MEMORY) if n.fields["working"]]
        for node in nodes[: max(0, len(nodes) - self.working)]:
            log.update(node.id, working=False, reason="working memory is full")

    async def _reorganise(self, mind: Mind, log: MemoryLog) -> None:
        from sklearn.cluster import KMeans

        nodes = log.state.active(MEMORY)
        if len(nodes) < self.cluster:
            return
        vectors = await self._index.vectors.of(mind, [n.index_text for n in nodes])
        count = min(_CLUSTERS, max(1, len(nodes) // (2 * self.cluster)), len(np.unique(vectors, axis=0)))
        labels = KMeans(count, random_state=log.seed, n_init=4).fit_predict(vectors)
        for old in log.state.active(SUMMARY):
            log.evict(old.id, reason="reorganised")
        for label in range(count):
            members = [n for n, own in zip(nodes, labels, strict=True) if own == label]
            if len(members) >= self.cluster:
                await self._summarise(members, mind, log)

    async def _summarise(self, members: Sequence[Item], mind: Mind, log: MemoryLog) -> None:
        seen = shown(members, mind, log, "summarise", 384)
        plain = prompts.summarise([shortened(m) for m in seen])
        children = [{"title": m.fields["title"], "value": told(m), "tags": m.fields["tags"]} for m in seen]
        operation = self.operation("summarise", plain, schema=_PARENT, reads=_parent, memories=children)
        reply = await ask(mind, log, operation) if seen else None
        if reply is None or not reply["value"]:
            return
        turns = [t for m in seen for t in m.turns]
        tags = reply["tags"] or sorted(telling(reply["value"]))
        parent = log.write(reply["value"], SUMMARY, turns, cause=reply.cause, title=reply["title"], tags=tags,
                           background=reply["summary"], working=False)  # fmt: skip
        for member in members:
            log.link(parent.id, member.id, "PARENT", cause=reply.cause)

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """The best ``k`` candidates; the scheduler may fetch what is missing and put them in another order."""
        nodes, waiting = log.state.active(MEMORY, SUMMARY), log.state.active(MESSAGE)
        if not nodes:
            return with_recent(Recall((), k=self.k), waiting)
        goal = await self._goal(query, mind, log)
        cosine = await self._cosines(_wordings(query, goal), nodes, mind)
        recall = self._ranked(nodes, cosine, _fetched(nodes, cosine, goal, query, self.k))
        if self.schedule:
            recall = await self._schedule(query, nodes, recall, mind, log)
        if self.refill:
            log.access([h.item for h in recall.hits if h.returned], query)
        return with_recent(recall, waiting)

    async def _goal(self, query: str, mind: Mind, log: MemoryLog) -> Reply | None:
        asked = one_line(query)
        return await ask(mind, log, self.operation("goal", prompts.keywords(asked), schema=_GOAL, reads=_keys,
                                                   question=asked))  # fmt: skip

    async def _cosines(self, wordings: Sequence[str], nodes: Sequence[Item], mind: Mind) -> NDArray[np.float64]:
        """The best cosine of each node to any wording."""
        found = [(await self._index.search(text, nodes, mind, self.k)).scores for text in wordings]
        return np.max(found, axis=0)

    def _ranked(self, nodes: Sequence[Item], cosine: NDArray[np.float64], candidates: set[str]) -> Recall:
        order = [n for n in best(cosine) if nodes[n].id in candidates]
        return marked(nodes, cosine, {nodes[n].id for n in order[: self.k]}, self.k)

    async def _schedule(self, query: str, nodes: Sequence[Item], recall: Recall, mind: Mind, log: MemoryLog) -> Recall:
        asked = one_line(query)
        working = shown([n for n in nodes if n.fields["working"]], mind, log, "intent", 16)
        plain = prompts.check([shortened(n) for n in working], f"Does the text answer: {asked}")
        operation = self.operation(
            "intent", plain, schema=_INTENT, reads=_trigger, memories=[told(n) for n in working], question=asked
        )
        reply = await ask(mind, log, operation)
        missing = [m for m in reply["missing_evidences"] if m] if reply else []
        enough = reply is not None and not reply["trigger_retrieval"]
        note = {"trigger_retrieval": not enough} | ({"missing": missing} if missing else {})
        log.note("scheduler", note, cause=reply.cause if reply else 0)
        if enough:
            return recall
        if missing:
            found = await self._cosines(missing, nodes, mind)
            more = {nodes[n].id for n in best(found)[: self.k]}
            known = {h.item: h.score for h in recall.hits}
            scores = np.array([known.get(n.id, 0.0) for n in nodes])
            returned = {h.item for h in recall.hits if h.returned} | more
            recall = marked(nodes, np.maximum(scores, found), returned, self.k)
        return await self._rerank(query, recall, mind, log)

    async def _rerank(self, query: str, recall: Recall, mind: Mind, log: MemoryLog) -> Recall:
        """Put the candidates in the order of their use for the question; with ``refill`` they are working memory."""
        asked = one_line(query)
        seen = shown([log.state[h.item] for h in recall.hits], mind, log, "rerank", 128)
        plain = prompts.relevant(query, [shortened(n) for n in seen])
        numbers = schemas.many(schemas.index(len(seen)), "all their numbers, the most relevant first", most=len(seen))
        operation = self.operation(
            "rerank", plain, schema=schemas.fields(new_order=numbers), reads=_new_order,
            memories=[told(n) for n in seen], question=asked,
        )  # fmt: skip
        reply = await ask(mind, log, operation) if seen else None
        first = list(dict.fromkeys(reply["new_order"])) if reply else []
        order = [*first, *(n for n in range(len(recall.hits)) if n not in first)]
        hits = tuple(replace(recall.hits[n], rank=rank, returned=rank <= self.k, score=float(-rank))
                     for rank, n in enumerate(order, 1))  # fmt: skip
        if self.refill:
            fetched = {h.item for h in hits[: self.working]}
            for node in log.state.active(MEMORY):
                log.update(node.id, working=node.id in fetched, reason="scheduled", cause=reply.cause if reply else 0)
        place = {item: n for n, item in enumerate(log.state.items)}
        chosen = sorted((h for h in hits if h.returned), key=lambda h: place[h.item])
        return Recall(tuple(span(log.state[h.item], h.score) for h in chosen), hits, self.k)


_NODE = {
    "title": schemas.text("a short title of its own", default=""),
    "memory_type": schemas.one_of((LONG_TERM, USER), "its tier", default=""),
    "tags": schemas.texts("words for its themes", default=[]),
}
_NODES = schemas.fields(
    facts=schemas.many(
        schemas.fields(value=schemas.text("the memory: detailed, self-contained and clear"), **_NODE), "the memories"
    ),
    summary=schemas.text("one paragraph that sums them up, 120 to 200 words at most", default=""),
)
_PARENT = schemas.fields(
    value=schemas.text("one memory with everything that the memories say"),
    **_NODE,
    summary=schemas.text("one paragraph that sums it up, 120 to 200 words at most", default=""),
)
_GOAL = schemas.fields(
    keys=schemas.texts("the key words of the question"),
    tags=schemas.texts("themes that memories with the answer may have", default=[]),
    rephrased=schemas.text("the question in a clearer wording; empty when it is clear", default=""),
    memories=schemas.texts("two to five other short wordings to search with", default=[]),
)
_INTENT = schemas.fields(
    trigger_retrieval=schemas.truth("true when more information is needed"),
    evidences=schemas.texts("what in working memory helps to answer", default=[]),
    missing_evidences=schemas.texts("what else one has to know", default=[]),
)


def _verdict(said: Mapping[str, Any]) -> dict[str, Any]:
    return {"verdict": said["verdicts"][0] if said["verdicts"] else "independent"}


def _fused(said: Mapping[str, Any]) -> dict[str, Any]:
    entry = said["memory"][0] if said["memory"] else {"event": "NONE", "text": ""}
    return {"fused": entry["text"] if entry["event"] == "UPDATE" else ""}


def _parent(said: Mapping[str, Any]) -> dict[str, Any]:
    return {"value": said["summary"], "summary": ""}


def _keys(said: Mapping[str, Any]) -> dict[str, Any]:
    return {"keys": said["keywords"]}


def _trigger(said: Mapping[str, Any]) -> dict[str, Any]:
    return {"trigger_retrieval": said["answer"] == "no"}


def _new_order(said: Mapping[str, Any]) -> dict[str, Any]:
    return {"new_order": said["useful"]}


def _wordings(query: str, goal: Reply | None) -> list[str]:
    """What is searched with: the question, or its clearer wording, and the others."""
    asked = (goal["rephrased"] if goal else "") or query
    return list(dict.fromkeys([asked, *([m for m in goal["memories"] if m] if goal else [])]))


def _fetched(nodes: Sequence[Item], cosine: NDArray[np.float64], goal: Reply | None, query: str, k: int) -> set[str]:
    """The candidates: working memory, the nearest, and what stands under the goal's keys or two of its tags."""
    keys = {w for text in (goal["keys"] if goal else [query]) for w in (text, *telling(text))}
    tags = {*(goal["tags"] if goal else ()), *keys}
    found = {nodes[n].id for n in best(cosine)[: 2 * k]}
    for node in nodes:
        shared = tags & {*node.fields["tags"]}
        if node.fields["working"] or node.fields["title"] in keys or len(shared) >= _TAGS:
            found.add(node.id)
    return found


def _windows(messages: Sequence[Said], limit: int, mind: Mind) -> Iterator[list[Said]]:
    """Messages in windows of at most ``limit`` tokens; a longer one is cut."""
    window: list[Said] = []
    length = 0
    for line, turns in messages:
        for piece in cut(line.text, limit, mind.count_tokens):
            size = mind.count_tokens(piece)
            if window and length + size > limit:
                yield window
                window, length = [], 0
            window.append((Line(piece, line.when), turns))
            length += size
    if window:
        yield window


def _nodes_ever(log: MemoryLog) -> int:
    return sum(i.kind == MEMORY for i in log.state.items.values())
