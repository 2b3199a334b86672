"""MemGAS: four granularities of a session, associated by a Gaussian mixture, weighed by an entropy router."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from workbench.memory import prompts
from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall, above
from workbench.memory.facts import MESSAGES, fitting, keyed_words, shortened, with_recent
from workbench.memory.items import Item
from workbench.memory.log import MemoryLog
from workbench.memory.pieces import Vectors
from workbench.memory.replies import ask
from workbench.memory.retrieval import best, marked
from workbench.sessions.model import Turn

TURN = "turn"
SESSION, TURNS, SUMMARY, KEYWORDS = GRANULARITIES = ("session", "turns", "summary", "keywords")
_WARM = 6  # sessions from which associations are made
_ASSOCIATED = "associated"


@dataclass
class MemGAS(MemoryStrategy):
    """Store a sitting as four nodes and associate them with earlier ones; read through router, PageRank and filter.

    A sitting (or ``session`` turns of it) becomes its text, the mean of its turns' vectors, a summary (one model call)
    and keywords. From the sixth on, a two-component Gaussian mixture over the best ``associations`` similarities of a
    node to earlier nodes decides which it is linked to. A question weighs each granularity by one minus the entropy of
    its softmax, spreads from the best ``seeds`` nodes by personalised PageRank, adds up the nodes of each session, and
    lets the model keep the turns that help among the best ``k`` sessions (one call for every eight turns, which small
    models need). MemGAS, arXiv 2505.19549.

    Attributes:
        k: sessions returned.
        session: turns after which a session ends even within a sitting.
        associations: similarities that the mixture is fitted to.
        temperature: of the router's softmax.
        raw_entropy: as in the official code, do not divide the entropy by its maximum, so that weights may be negative.
        seeds: nodes from which PageRank spreads.
        damping: of PageRank.
    """

    name: ClassVar[str] = "memgas"
    title: ClassVar[str] = "MemGAS"
    fidelity: ClassVar[Fidelity] = "adapted"
    paper: ClassVar[str] = "MemGAS, arXiv 2505.19549"
    differs: ClassVar[str] = (
        "Written from the paper: the code has no licence. Keywords are the distinct words of the summary instead of a "
        "second part of the answer. The filter judges eight turns at once. The run's embedder stands for Contriever. "
        "Turns of the open session are in the context."
    )

    k: int = 3
    session: int = 10
    associations: int = 30
    temperature: float = above(0.001, 0.2)
    raw_entropy: bool = False
    seeds: int = above(1, 15)
    damping: float = 0.1

    def __post_init__(self) -> None:
        self._vectors = Vectors()

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Append the turn; a session that is over becomes nodes first."""
        waiting = _open(log)
        if waiting and (len(waiting) >= self.session or waiting[-1].fields["part"] != turn.part):
            await self._close(waiting, mind, log)
        item = log.write(turn.said, TURN, id=f"turn-{turn.index}", part=turn.part, session=-1)
        await self._vectors.of(mind, [item.index_text])

    async def _close(self, turns: Sequence[Item], mind: Mind, log: MemoryLog) -> None:
        number = len(log.state.active(SESSION))
        texts = [shortened(t) for t in turns]
        seen = fitting(texts, mind, 384)
        reply = await ask(mind, log, prompts.summarise(texts[:seen])) if seen else None
        text, cause = (reply["summary"], reply.cause) if reply else ("", 0)
        every = [t for item in turns for t in item.turns]
        members = [t.id for t in turns]
        whole = " ".join(t.text for t in turns)
        nodes = [
            log.write(whole, SESSION, every, session=number, members=members),
            log.write(f"{len(turns)} turns", TURNS, every, session=number, members=members, index_text=""),
        ]
        if text:
            words = ", ".join(w for w in dict.fromkeys(text.replace(".", " ").split()) if keyed_words(w))
            for kind, content in ((SUMMARY, text), (KEYWORDS, words)):
                nodes.append(log.write(content, kind, every, cause=cause, session=number))
        for item in turns:
            log.update(item.id, session=number, reason="the session is over")
        if number + 1 >= _WARM:
            await self._associate(nodes, mind, log)

    async def _associate(self, nodes: Sequence[Item], mind: Mind, log: MemoryLog) -> None:
        names = {n.id for n in nodes}
        earlier = [n for n in log.state.active(*GRANULARITIES) if n.id not in names]
        known = await self._of(earlier, mind, log)
        for node, vector in zip(nodes, await self._of(nodes, mind, log), strict=True):
            likeness = np.round(known @ vector, 5)
            top = best(likeness)[: self.associations]
            chosen, cut = upper_component(likeness[top], log.seed)
            for n, inside in zip(top, chosen, strict=True):
                if inside:
                    log.link(node.id, earlier[n].id, _ASSOCIATED, float(likeness[n]))
            log.note("mixture", {"likeness": [float(s) for s in likeness[top]], "linked": int(chosen.sum()),
                                 "cut": cut}, subject=node.id)  # fmt: skip

    async def _of(self, nodes: Sequence[Item], mind: Mind, log: MemoryLog) -> NDArray[np.float32]:
        """Vectors of nodes ``[nodes, dimensions]``; that of ``turns`` is the mean of its turns'."""
        rows = []
        for node in nodes:
            texts = [log.state[m].text for m in node.fields["members"]] if node.kind == TURNS else [node.text]
            rows.append((await self._vectors.of(mind, texts)).mean(axis=0))
        return np.stack(rows) if rows else np.zeros((0, 0), np.float32)

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """The turns that help of the best ``k`` sessions, and those of the open one."""
        nodes = log.state.active(*GRANULARITIES)
        if not nodes:
            return with_recent(Recall((), k=self.k), _open(log))
        likeness = np.round(await self._of(nodes, mind, log) @ (await mind.embed([query]))[0], 5).astype(np.float64)
        weights = self._route(nodes, likeness, log)
        scores = self._spread(nodes, likeness * np.array([weights[n.kind] for n in nodes]), log)
        sessions: dict[int, float] = {}
        for node, score in zip(nodes, scores, strict=True):
            sessions[node.fields["session"]] = sessions.get(node.fields["session"], 0.0) + float(score)
        top = sorted(sessions, key=lambda s: (-sessions[s], s))[: self.k]
        turns = [t for t in log.state.active(TURN) if t.fields["session"] >= 0]
        useful = await self._filter(query, [t for t in turns if t.fields["session"] in top], mind, log)
        worth = np.array([sessions[t.fields["session"]] for t in turns])
        return with_recent(marked(turns, worth, useful, self.k, "pagerank"), _open(log))

    def _route(self, nodes: Sequence[Item], likeness: NDArray[np.float64], log: MemoryLog) -> dict[str, float]:
        weights = {}
        for kind in GRANULARITIES:
            own = likeness[[n for n, node in enumerate(nodes) if node.kind == kind]]
            weights[kind] = 1 - entropy(own, self.temperature, self.raw_entropy) if len(own) else 0.0
        total = sum(weights.values()) or 1.0
        weights = {kind: round(w / total, 6) for kind, w in weights.items()}
        log.note("router", weights)
        return weights

    def _spread(self, nodes: Sequence[Item], scores: NDArray[np.float64], log: MemoryLog) -> NDArray[np.float64]:
        import networkx as nx

        graph = nx.Graph()
        graph.add_nodes_from(n.id for n in nodes)
        links = (link for link in log.state.links.values() if link.label == _ASSOCIATED)
        graph.add_weighted_edges_from((link.source, link.target, max(link.weight, 0.0)) for link in links)
        seeds = {nodes[n].id: max(float(scores[n]), 1e-9) for n in best(scores)[: self.seeds]}
        ranks = nx.pagerank(graph, alpha=self.damping, personalization=seeds)
        return np.round([ranks[n.id] for n in nodes], 9)

    async def _filter(self, query: str, turns: Sequence[Item], mind: Mind, log: MemoryLog) -> set[str]:
        picked: set[str] = set()
        cause = 0
        for start in range(0, len(turns), MESSAGES):
            part = turns[start : start + MESSAGES]
            texts = [shortened(t) for t in part]
            seen = fitting(texts, mind, 128)
            reply = await ask(mind, log, prompts.relevant(query, texts[:seen])) if seen else None
            if reply:
                picked |= {part[n].id for n in reply["useful"]}
                cause = reply.cause
        log.note("filter", {"of": len(turns), "kept": len(picked)}, cause=cause)
        return picked or {t.id for t in turns}


def upper_component(values: NDArray[np.floating], seed: int) -> tuple[NDArray[np.bool_], float]:
    """Which values belong to the component with the higher mean of a two-component Gaussian mixture, and their least.

    With fewer than two different values nothing does.
    """
    if len(np.unique(values)) < 2:
        return np.zeros(len(values), bool), 1.0
    from sklearn.mixture import GaussianMixture

    mixture: Any = GaussianMixture(2, random_state=seed).fit(values.reshape(-1, 1))
    chosen = np.asarray(mixture.predict(values.reshape(-1, 1)) == int(mixture.means_.argmax()))
    return chosen, float(values[chosen].min()) if chosen.any() else 1.0


def entropy(scores: NDArray[np.floating], temperature: float, raw: bool = False) -> float:
    """Entropy of softmax(scores / temperature): over its maximum, or in nats when ``raw``."""
    p = np.exp((scores - scores.max()) / temperature)
    p /= p.sum()
    nats = float(-(p * np.log(p)).sum())
    return nats if raw or len(scores) < 2 else nats / float(np.log(len(scores)))


def _open(log: MemoryLog) -> list[Item]:
    return [t for t in log.state.active(TURN) if t.fields["session"] < 0]
