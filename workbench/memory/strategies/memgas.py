"""MemGAS: four granularities of a session, associated by a Gaussian mixture, weighed by an entropy router."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from workbench.memory import prompts, schemas
from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall, above
from workbench.memory.facts import MESSAGES, fitting, shortened, shown, sitting_over, with_recent
from workbench.memory.items import Item
from workbench.memory.lines import Line, told
from workbench.memory.log import MemoryLog
from workbench.memory.pieces import Vectors
from workbench.memory.prompts import Operation
from workbench.memory.replies import ask
from workbench.memory.retrieval import best, marked
from workbench.sessions.model import Turn
from workbench.words import telling

TURN = "turn"
SESSION, TURNS, SUMMARY, KEYWORDS = GRANULARITIES = ("session", "turns", "summary", "keywords")
_WARM = 6  # sessions from which associations are made
_ASSOCIATED = "associated"
_ANSWER, _EXTRACT = 500, 4000  # tokens of summary and keywords, of what the filter extracts
_PLAIN_SESSION = 10


@dataclass
class MemGAS(MemoryStrategy):
    """Store a sitting as four nodes and associate them with earlier ones; read through router, PageRank and filter.

    A sitting becomes its text, the mean of its turns' vectors, a summary and keywords (one model call each; of the
    bundled model one, whose keywords are the summary's words). From the sixth on, a two-component Gaussian mixture over
    the best ``associations`` similarities of a node to earlier nodes decides which it is linked to. A question weighs
    each granularity by one minus the entropy of its softmax, spreads from the best ``seeds`` nodes by personalised
    PageRank, adds up the nodes of each session, and lets the model extract what helps from the best ``k`` sessions, in
    the words that were said. The bundled model picks turns instead, eight at a time. MemGAS, arXiv 2505.19549.

    Attributes:
        k: sessions returned.
        session: turns after which a session ends even within a sitting; 0: when a prompt is full, and of the bundled
            model ten.
        associations: similarities that the mixture is fitted to.
        temperature: of the router's softmax.
        raw_entropy: as in the official code, do not divide the entropy by its maximum, so that weights may be negative.
        seeds: nodes from which PageRank spreads.
        damping: of PageRank.
        weighted: whether PageRank prefers the links between what is more alike; the official code does not.
    """

    name: ClassVar[str] = "memgas"
    title: ClassVar[str] = "MemGAS"
    fidelity: ClassVar[Fidelity] = "adapted"
    paper: ClassVar[str] = "MemGAS, arXiv 2505.19549; quqxui/MemGAS"
    differs: ClassVar[str] = (
        "Prompts in own words; the code has no licence, and none of it was taken. The filter names the turn that each "
        "extract is from, and does not know when the question is asked. The run's embedder stands for Contriever. "
        "Turns of the open session are in the context."
    )

    k: int = 3
    session: int = 0
    associations: int = 30
    temperature: float = above(0.001, 0.2)
    raw_entropy: bool = True
    seeds: int = above(1, 15)
    damping: float = 0.1
    weighted: bool = False

    def __post_init__(self) -> None:
        self._vectors = Vectors()

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Append the turn; a session that is over becomes nodes first."""
        waiting, most = _open(log), self.session or (0 if mind.full else _PLAIN_SESSION)
        if sitting_over(waiting, turn, most, mind, _ANSWER):
            await self._close(waiting, mind, log)
        item = log.write(turn.said, TURN, id=f"turn-{turn.index}", part=turn.part, session=-1)
        await self._vectors.keep(mind, [item.index_text])

    async def _close(self, turns: Sequence[Item], mind: Mind, log: MemoryLog) -> None:
        number = len(log.state.active(SESSION))
        described = await self._described(turns, mind, log)
        every = [t for item in turns for t in item.turns]
        members = [t.id for t in turns]
        whole = " ".join(t.text for t in turns)
        nodes = [
            log.write(whole, SESSION, every, session=number, members=members),
            log.write(f"{len(turns)} turns", TURNS, every, session=number, members=members, index_text=""),
        ]
        for kind, (text, cause) in described.items():
            if text:
                nodes.append(log.write(text, kind, every, cause=cause, session=number))
        for item in turns:
            log.update(item.id, session=number, reason="the session is over")
        if number + 1 >= _WARM:
            await self._associate(nodes, mind, log)

    async def _described(self, turns: Sequence[Item], mind: Mind, log: MemoryLog) -> dict[str, tuple[str, int]]:
        """Summary and keywords of a session, each with the call that wrote it."""
        texts = [shortened(t) for t in turns]
        texts = texts if mind.full else texts[: fitting(texts, mind, 384)]
        lines = [told(t) for t in turns]
        schema = schemas.fields(summary=schemas.text("a short paragraph"))
        plain = prompts.summarise(texts)
        operation = self.operation("summary", plain, schema=schema, max_tokens=_ANSWER, messages=lines)
        reply = await ask(mind, log, operation) if texts else None
        text, cause = (reply["summary"], reply.cause) if reply else ("", 0)
        if not mind.full:
            return {SUMMARY: (text, cause), KEYWORDS: (", ".join(_words(text)), cause)}
        schema = schemas.fields(keywords=schemas.texts("a word or a short phrase each"))
        operation = self.operation("keywords", plain, schema=schema, max_tokens=_ANSWER, messages=lines,
                                   reads=lambda said: {"keywords": _words(said["summary"])})  # fmt: skip
        reply = await ask(mind, log, operation)
        found = ("; ".join(reply["keywords"]), reply.cause) if reply else ("", 0)
        return {SUMMARY: (text, cause), KEYWORDS: found}

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
        recall = marked(turns, worth, useful, self.k, "pagerank")
        spans = (replace(s, text=useful[s.items[0]] or s.text) for s in recall.spans)
        return with_recent(replace(recall, spans=tuple(spans)), _open(log))

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
        weight = "weight" if self.weighted else None
        ranks = nx.pagerank(graph, alpha=self.damping, personalization=seeds, weight=weight)
        return np.round([ranks[n.id] for n in nodes], 9)

    async def _filter(self, query: str, turns: Sequence[Item], mind: Mind, log: MemoryLog) -> dict[str, str]:
        """The turns that help, by id, each with what was extracted from it; empty where it is wanted as a whole."""
        kept: dict[str, str] = {}
        cause, understood = 0, False
        for part in self._parts(turns, mind, log):
            reply = await ask(mind, log, self._extraction(query, part, log))
            for entry in reply["extracts"] if reply else ():
                id = part[entry["turn"]].id
                kept[id] = f"{kept[id]} {entry['words']}".strip() if id in kept else entry["words"]
            cause, understood = (reply.cause, mind.full) if reply else (cause, understood)
        log.note("filter", {"of": len(turns), "kept": len(kept)}, cause=cause)
        return kept if kept or understood else dict.fromkeys((t.id for t in turns), "")

    def _parts(self, turns: Sequence[Item], mind: Mind, log: MemoryLog) -> list[Sequence[Item]]:
        """The turns that are filtered at once: all that a prompt takes, of the bundled model eight."""
        if mind.full:
            return [seen] if (seen := shown(turns, mind, log, "filter")) else []
        eights = (turns[n : n + MESSAGES] for n in range(0, len(turns), MESSAGES))
        return [p for part in eights if (p := part[: fitting([shortened(t) for t in part], mind, 128)])]

    def _extraction(self, query: str, turns: Sequence[Item], log: MemoryLog) -> Operation:
        entry = schemas.fields(
            turn=schemas.index(len(turns), "number of the turn"),
            words=schemas.text("the words of that turn that the question needs, as they were said", default=""),
        )
        schema = schemas.fields(extracts=schemas.many(entry, "in the order of the turns; empty when nothing helps"))
        plain = prompts.relevant(query, [shortened(t) for t in turns])
        described = {
            kind: {n.fields["session"]: told(n) for n in log.state.active(kind)} for kind in (SUMMARY, KEYWORDS)
        }
        numbered: dict[int, list[tuple[int, Line]]] = {}
        for n, turn in enumerate(turns):
            numbered.setdefault(turn.fields["session"], []).append((n, told(turn)))
        sessions = [
            {
                "turns": lines,
                "summary": described[SUMMARY].get(session, ""),
                "keywords": described[KEYWORDS].get(session, ""),
            }
            for session, lines in numbered.items()
        ]
        return self.operation("filter", plain, schema=schema, max_tokens=_EXTRACT, reads=_whole, sessions=sessions,
                              question=query)  # fmt: skip


def _words(text: str) -> list[str]:
    """The distinct words of a summary, which stand for keywords where none are written."""
    return [w for w in dict.fromkeys(text.replace(".", " ").split()) if telling(w)]


def _whole(said: Mapping[str, Any]) -> dict[str, Any]:
    """The one-liner names turns; each is wanted as a whole."""
    return {"extracts": [{"turn": n, "words": ""} for n in said["useful"]]}


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
