"""EM-LLM: episodic events cut at surprise, retrieved with their neighbours in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall, Span
from workbench.memory.items import Item
from workbench.memory.log import MemoryLog
from workbench.memory.pieces import Scored, Vectors, cut, hits
from workbench.sessions.model import Turn

EVENT = "event"
_UNIT = 4  # tokens of the text pieces between which refinement may move a cut


@dataclass
class EMLLM(MemoryStrategy):
    """Cut the session into events where the next token is surprising, and retrieve events with their neighbours.

    A token begins a new event when its surprise (-log p) is above mean + ``gamma`` standard deviations of the last
    ``n_local`` tokens before the current chunk; events have ``block_min`` to ``block_max`` tokens. With ``refine`` a
    cut moves to where the pieces of text on its two sides hang together best. The context holds the first ``n_init``
    tokens, the last ``n_local``, and ``n_mem`` tokens of retrieved events: the most similar ones, and for the share
    ``contiguity`` the events before and after those. When that is more than fits, each part shrinks alike. No model
    call; one forward pass over a turn, whose tokens are surprising after up to ``n_local`` tokens of what was said
    before (as many as the context takes; at least half of them, so that the cache is of use).

    EM-LLM, "Human-like Episodic Memory for Infinite Context LLMs", arXiv 2407.09450.

    Attributes:
        gamma: how surprising a boundary is, in standard deviations (1.0).
        block_min, block_max: tokens of an event (8 and 128).
        chunk: tokens read with one threshold (512).
        n_init, n_local, n_mem: tokens of the context's parts (128, 4096, 2048).
        contiguity: share of ``n_mem`` for neighbours in time; 0 as in the official code's configurations (0.3 where it
            is used).
        refine: how cuts are refined, ``none``, ``modularity`` or ``conductance``.
    """

    name: ClassVar[str] = "em-llm"
    title: ClassVar[str] = "EM-LLM"
    fidelity: ClassVar[Fidelity] = "emulated"
    paper: ClassVar[str] = "EM-LLM, arXiv 2407.09450"
    differs: ClassVar[str] = (
        "Events are text, found by one sentence vector, instead of key-value blocks found in every layer by four "
        "representative tokens; refinement is approximate, on vectors of short pieces instead of attention keys."
    )

    needs_surprise: ClassVar[bool] = True

    gamma: float = 1.0
    block_min: int = 8
    block_max: int = 128
    chunk: int = 512
    n_init: int = 128
    n_local: int = 4096
    n_mem: int = 2048
    contiguity: float = 0.0
    refine: Literal["none", "modularity", "conductance"] = "none"
    _vectors: Vectors = field(default_factory=Vectors, init=False, repr=False, compare=False)

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Read the turn, find where it surprises, continue the open event or begin new ones."""
        if not turn.text.strip():
            return
        for piece in cut(turn.said, self.chunk, mind.count_tokens):
            await self._read(piece, mind, log)

    async def _read(self, text: str, mind: Mind, log: MemoryLog) -> None:
        events = log.state.active(EVENT)
        tokens, values = await mind.surprise(text, self._before(events, mind.budget))
        starts, values = offsets(text, tokens), np.round(values, 3)
        if not len(tokens):
            log.dropped("no tokens", text[:200])
            return
        places = [0, *starts[1:]]
        past = [v for event in events for v in event.fields["surprise"]][-self.n_local :]
        threshold = limit(past or values.tolist(), self.gamma)
        held = len(events[-1].fields["surprise"]) if events else 0
        cuts = boundaries(values.tolist(), threshold, held, self.block_min, self.block_max)
        cuts = await self._refined(text, places, cuts, mind)
        cuts = [c for n, c in enumerate(cuts) if places[c] > (places[cuts[n - 1]] if n else -1)]
        log.note("surprise", {"tokens": list(tokens), "values": values.tolist(), "threshold": round(threshold, 3),
                              "boundaries": cuts, "gamma": self.gamma})  # fmt: skip
        await self._store(text, places, values.tolist(), cuts, mind, log)

    def _before(self, events: Sequence[Item], budget: int) -> str:
        """What was said before a chunk, from the first event after the last whole step of half the tokens that count.

        It grows at its end until a step is full, so that what was read of it for the last chunk is in the cache.
        """
        step = max(1, min(self.n_local, max(self.chunk, budget - self.chunk)) // 2)
        ends = np.cumsum([len(event.fields["surprise"]) for event in events])
        start = max(0, int(ends[-1]) // step - 1) * step if len(ends) else 0
        texts = [event.text for event, end in zip(events, ends, strict=True) if end > start]
        return "\n".join(texts) + "\n" if texts else ""

    async def _store(
        self, text: str, places: list[int], values: list[float], cuts: list[int], mind: Mind, log: MemoryLog
    ) -> None:
        edges = [*([] if cuts and cuts[0] == 0 else [0]), *cuts, len(values)]
        events = log.state.active(EVENT)
        for start, end in pairwise(edges):
            part = text[places[start] : places[end] if end < len(values) else len(text)].strip()
            if start == 0 and not (cuts and cuts[0] == 0) and events:
                last = events[-1]
                joined = f"{last.text}\n{part}" if last.turns[-1] != log.turn else f"{last.text} {part}"
                log.update(last.id, text=joined, index_text=joined, turns=[*last.turns, log.turn],
                           surprise=[*last.fields["surprise"], *values[:end]], reason="the event goes on")  # fmt: skip
            else:
                log.write(part, EVENT, surprise=values[start:end])
        await self._vectors.keep(mind, [i.index_text for i in log.state.active(EVENT)[len(events) - 1 :]])

    async def _refined(self, text: str, places: list[int], cuts: list[int], mind: Mind) -> list[int]:
        if self.refine == "none":
            return cuts
        out: list[int] = []
        for number, at in enumerate(cuts):
            left = out[-1] if out else 0
            right = cuts[number + 1] if number + 1 < len(cuts) else len(places)
            grid = list(range(left, right, _UNIT))
            if at == 0 or len(grid) < 3:
                out.append(at)
                continue
            edges = [*(places[g] for g in grid), places[right] if right < len(places) else len(text)]
            pieces = [text[a:b].strip() or "-" for a, b in pairwise(edges)]
            split = best_split(await self._vectors.of(mind, pieces), self.refine)
            moved = grid[split]
            out.append(moved if moved - left >= self.block_min and right - moved >= self.block_min else at)
        return out

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """The beginning, the end, the most similar events and their neighbours, in the order they were told."""
        items = log.state.active(EVENT)
        if not items:
            return Recall(())
        cosines = await self._vectors.cosines(mind, query, [i.index_text for i in items])
        roles = self._chosen([len(i.fields["surprise"]) for i in items], cosines, mind.budget)
        weights = {"local": 3.0, "init": 2.0, "similar": 1.0, "contiguous": 0.0}
        spans, scored = [], list[Scored]()
        for n, item in enumerate(items):
            role, score = roles.get(n, ""), float(cosines[n])
            if role:
                spans.append(Span(item.text, (item.id,), item.turns, role, item.id, weights[role] + score))
            parts: dict[str, Any] = {"cosine": score, "contiguous": float(role == "contiguous"),
                                     "local": float(role in ("local", "init"))}  # fmt: skip
            scored.append((item.id, score, bool(role), parts))
        return Recall(tuple(spans), hits(scored), sum(r == "similar" for r in roles.values()))

    def _chosen(self, sizes: Sequence[int], cosines: NDArray[np.float64], budget: int) -> dict[int, str]:
        """Which event is in the context, and as what: ``init``, ``local``, ``similar`` or ``contiguous``."""
        share = min(1.0, budget / max(1, self.n_init + self.n_local + self.n_mem))
        roles = dict.fromkeys(_filled(range(len(sizes) - 1, -1, -1), sizes, self.n_local * share), "local")
        first = _filled(range(len(sizes)), sizes, self.n_init * share)
        roles = dict.fromkeys(first, "init") | roles
        free = [n for n in np.argsort(-cosines, kind="stable").tolist() if n not in roles]
        similar = _filled(free, sizes, self.n_mem * share * (1 - self.contiguity), skip=True)
        roles |= dict.fromkeys(similar, "similar")
        beside = [m for n in similar for m in (n - 1, n + 1) if 0 <= m < len(sizes) and m not in roles]
        near = _filled(list(dict.fromkeys(beside)), sizes, self.n_mem * share * self.contiguity, skip=True)
        return roles | dict.fromkeys(near, "contiguous")


def limit(past: Sequence[float], gamma: float) -> float:
    """The surprise above which a token begins an event: mean + ``gamma`` standard deviations of ``past`` (nats)."""
    return float(np.mean(past) + gamma * np.std(past))


def boundaries(values: Sequence[float], threshold: float, held: int, least: int, most: int) -> list[int]:
    """Tokens that begin an event, when the open event holds ``held`` tokens; every event has ``least`` to ``most``."""
    out: list[int] = []
    for n, value in enumerate(values):
        if held >= most or (value > threshold and held >= least):
            out.append(n)
            held = 0
        held += 1
    return out


def offsets(text: str, tokens: Sequence[str]) -> list[int]:
    """Where each token begins in ``text``; a token that is a part of a character begins where the one before ended."""
    out, at, missed = [], 0, 0
    for token in tokens:
        found = text.find(token, at)
        if 0 <= found <= at + 4 + missed:
            out.append(found)
            at, missed = found + len(token), 0
        else:
            out.append(at)
            missed += 1
    return out


def best_split(vectors: NDArray[np.float32], metric: Literal["modularity", "conductance"]) -> int:
    """Where to cut a row of pieces in two: the most modular cut, or the one of least conductance."""
    links = np.clip(vectors @ vectors.T, 0, None).astype(np.float64)
    np.fill_diagonal(links, 0)
    total = links.sum() + 1e-12
    scores = []
    for at in range(1, len(links)):
        left, right = links[:at].sum(), links[at:].sum()
        between = links[:at, at:].sum()
        if metric == "modularity":
            scores.append((left + right - 2 * between) / total - (left**2 + right**2) / total**2)
        else:
            scores.append(-between / (min(left, right) + 1e-12))
    return 1 + int(np.argmax(np.round(scores, 6)))


def _filled(order: Sequence[int], sizes: Sequence[int], room: float, skip: bool = False) -> list[int]:
    """The first events of ``order`` that fit; with ``skip`` one that does not is passed over."""
    out: list[int] = []
    for n in order:
        if sizes[n] <= room:
            out.append(n)
            room -= sizes[n]
        elif not skip:
            break
    return out
