"""MemOS: memory nodes in tiers, merged on conflict, clustered into a tree, scheduled into working memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np

from workbench.memory import prompts
from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall
from workbench.memory.facts import Fact, extract, fitting, keyed_words, near, shortened
from workbench.memory.items import Item
from workbench.memory.lines import Line
from workbench.memory.log import MemoryLog
from workbench.memory.pieces import cut, room
from workbench.memory.replies import ask
from workbench.memory.retrieval import Lexical, ranked, span, unit_range
from workbench.memory.vectors import VectorIndex
from workbench.sessions.model import Turn

MEMORY, SUMMARY = "memory", "summary"
LONG_TERM, USER = "LongTermMemory", "UserMemory"
_RANKING = (0.9, 0.05, 0.05)  # cosine, BM25, keys
_CLUSTERS = 20


@dataclass
class MemOS(MemoryStrategy):
    """Tree text memory: extracted nodes in tiers, conflicts resolved pair by pair, clusters under summaries.

    Writing costs one model call per window of a turn (the nodes), one per neighbour at a cosine of at least ``similar``
    (contradictory, redundant or independent) and one per conflict (the resolver: a merged node takes both, or the older
    one goes). After every ``group`` nodes, k-means clusters of at least ``cluster`` get a parent summary, one call
    each, which is found like any node. In ``fast`` mode windows are kept as they are, without the first call. Reading
    costs one call for the goal's keys and one for the scheduler, whether working memory is enough; if not, one to
    rerank what was fetched, which then replaces working memory. A turn whose extraction fails is kept as it is. MemOS,
    arXiv 2507.03724 and 2505.22101.

    Attributes:
        k: nodes returned.
        mode: ``fine`` extracts nodes, ``fast`` keeps each window as one.
        window: tokens of a turn that one extraction sees.
        working: capacity of working memory.
        long_term: capacity of long-term memory.
        user: capacity of user memory.
        neighbours: nodes that a new one is held against.
        similar: cosine from which they are.
        group: nodes between two reorganisations.
        cluster: nodes that a cluster needs to get a summary.
        schedule: whether questions go through the scheduler.
    """

    name: ClassVar[str] = "memos"
    title: ClassVar[str] = "MemOS"
    fidelity: ClassVar[Fidelity] = "adapted"
    paper: ClassVar[str] = "MemOS, arXiv 2507.03724 and 2505.22101"
    differs: ClassVar[str] = (
        "Text memory only: activation and parameter memory and the internet path are not modelled. Windows do not "
        "overlap; what a user says goes to user memory, the rest to long-term memory; the tree is rebuilt by count of "
        "nodes instead of by the clock; working memory is a mark on nodes instead of copies of them."
    )

    k: int = 10
    mode: Literal["fine", "fast"] = "fine"
    window: int = 1024
    working: int = 20
    long_term: int = 1500
    user: int = 480
    neighbours: int = 5
    similar: float = 0.8
    group: int = 20
    cluster: int = 4
    schedule: bool = True

    def __post_init__(self) -> None:
        self._index, self._lexical = VectorIndex(), Lexical()

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Extract nodes, settle conflicts, keep the tiers within bounds, reorganise when due."""
        before = _nodes_ever(log)
        tier = USER if turn.role == "user" else LONG_TERM
        for window in cut(turn.said, min(self.window, room(mind, 384, 0.8)), mind.count_tokens):
            for fact in await self._nodes(window, turn.index, mind, log):
                await self._settle(self._write(fact, tier, log), mind, log)
        self._bound(log)
        if before // self.group < _nodes_ever(log) // self.group:
            await self._reorganise(mind, log)

    async def _nodes(self, window: str, turn: int, mind: Mind, log: MemoryLog) -> list[Fact]:
        facts: list[Fact] = []
        complete = False
        if self.mode == "fine":
            facts, complete = await extract(self, "facts", [(Line(window, log.when), [turn])], mind, log)
        return facts if complete else [*facts, Fact(window, (turn,), 0)]

    @staticmethod
    def _write(fact: Fact, tier: str, log: MemoryLog) -> Item:
        return log.write(fact.text, MEMORY, fact.turns, cause=fact.cause, tier=tier, working=True, version=1,
                         key=sorted(keyed_words(fact.text)), date=log.now)  # fmt: skip

    async def _settle(self, node: Item, mind: Mind, log: MemoryLog) -> None:
        others = [n for n in log.state.active(MEMORY) if n.id != node.id]
        for old in await near(self._index, node.text, others, mind, self.neighbours, self.similar):
            reply = await ask(mind, log, prompts.relate(shortened(node), [shortened(old)]))
            verdict = reply["verdicts"][0] if reply and reply["verdicts"] else "independent"
            if verdict != "independent":
                node = await self._resolve(old, node, verdict, mind, log)

    async def _resolve(self, old: Item, node: Item, verdict: str, mind: Mind, log: MemoryLog) -> Item:
        reply = await ask(mind, log, prompts.decide([shortened(old)], [shortened(node)]))
        if reply is None or not reply["memory"]:
            return node
        entry = reply["memory"][0]
        if entry["event"] != "UPDATE" or not entry["text"]:
            log.supersede(old.id, node.id, reason=verdict, cause=reply.cause)
            return node
        fact = Fact(entry["text"], (*old.turns, *node.turns), reply.cause)
        merged = self._write(fact, old.fields["tier"], log)
        log.update(merged.id, version=old.fields["version"] + 1, cause=reply.cause)
        log.merge([old.id, node.id], merged.id, reason=verdict, cause=reply.cause)
        for part in (old, node):
            log.link(part.id, merged.id, "MERGED_TO", cause=reply.cause)
        return log.state[merged.id]

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

    @staticmethod
    async def _summarise(members: Sequence[Item], mind: Mind, log: MemoryLog) -> None:
        texts = [shortened(m) for m in members]
        seen = fitting(texts, mind, 384)
        reply = await ask(mind, log, prompts.summarise(texts[:seen])) if seen else None
        if reply is None or not reply["summary"]:
            return
        turns = [t for m in members[:seen] for t in m.turns]
        keys = sorted(keyed_words(reply["summary"]))
        parent = log.write(reply["summary"], SUMMARY, turns, cause=reply.cause, key=keys, working=False)
        for member in members:
            log.link(parent.id, member.id, "PARENT", cause=reply.cause)

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """The best ``k`` nodes by cosine, BM25 and keys; the scheduler may reorder them and refill working memory."""
        nodes = log.state.active(MEMORY, SUMMARY)
        if not nodes:
            return Recall((), k=self.k)
        goal = await ask(mind, log, prompts.keywords(" ".join(query.split())))
        wanted = keyed_words(" ".join(goal["keywords"]) if goal else query)
        cosine = (await self._index.search(query, nodes, mind, self.k)).scores
        lexical = unit_range(self._lexical.scores(query, [n.text for n in nodes]))
        keys = np.array([len(wanted & set(n.fields["key"])) / max(1, len(wanted)) for n in nodes])
        score = _RANKING[0] * cosine + _RANKING[1] * lexical + _RANKING[2] * keys
        working = np.array([float(n.fields["working"]) for n in nodes])
        parts = {"cosine": cosine, "bm25": lexical, "keys": keys, "working": working}
        recall = ranked(nodes, score, self.k, "score", parts)
        if self.schedule:
            recall = await self._schedule(query, recall, mind, log)
        log.access([h.item for h in recall.hits if h.returned], query)
        return recall

    async def _schedule(self, query: str, recall: Recall, mind: Mind, log: MemoryLog) -> Recall:
        texts = [shortened(n) for n in log.state.active(MEMORY) if n.fields["working"]]
        asked = f"Does the text answer: {' '.join(query.split())}"
        reply = await ask(mind, log, prompts.check(texts[: fitting(texts, mind, 16, 0.6)], asked))
        enough = reply is not None and reply["answer"] == "yes"
        log.note("scheduler", {"trigger_retrieval": not enough}, cause=reply.cause if reply else 0)
        return recall if enough else await self._refill(query, recall, mind, log)

    async def _refill(self, query: str, recall: Recall, mind: Mind, log: MemoryLog) -> Recall:
        """Put the useful candidates first and make what was fetched the working memory."""
        texts = [shortened(log.state[h.item]) for h in recall.hits]
        seen = fitting(texts, mind, 128, 0.6)
        reply = await ask(mind, log, prompts.relevant(query, texts[:seen])) if seen else None
        useful = list(dict.fromkeys(reply["useful"])) if reply else []
        order = [*useful, *(n for n in range(len(recall.hits)) if n not in useful)]
        hits = tuple(replace(recall.hits[n], rank=rank, returned=rank <= self.k, score=float(-rank))
                     for rank, n in enumerate(order, 1)) if useful else recall.hits  # fmt: skip
        fetched = {h.item for h in hits[: self.working]}
        for node in log.state.active(MEMORY):
            log.update(node.id, working=node.id in fetched, reason="scheduled", cause=reply.cause if reply else 0)
        place = {item: n for n, item in enumerate(log.state.items)}
        chosen = sorted((h for h in hits if h.returned), key=lambda h: place[h.item])
        return Recall(tuple(span(log.state[h.item], h.score) for h in chosen), hits, self.k)


def _nodes_ever(log: MemoryLog) -> int:
    return sum(i.kind == MEMORY for i in log.state.items.values())
