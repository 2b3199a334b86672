"""MemoryOS: short-term pages, mid-term segments with heat, long-term knowledge and a profile."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar

import numpy as np

from workbench.memory import prompts
from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall
from workbench.memory.facts import add, extract, fitting, shortened, with_recent
from workbench.memory.items import Item
from workbench.memory.lines import told
from workbench.memory.log import MemoryLog
from workbench.memory.pieces import room
from workbench.memory.replies import ask
from workbench.memory.retrieval import best, marked
from workbench.memory.vectors import VectorIndex
from workbench.sessions.model import Turn

PAGE, SEGMENT, KNOWLEDGE, PROFILE = "page", "segment", "knowledge", "profile"
SHORT, MID = "short-term", "mid-term"


@dataclass
class MemoryOS(MemoryStrategy):
    """Pages leave a short queue for segments of one theme; hot segments become knowledge and a profile.

    A page is what a user said with the answer to it. A page that leaves the queue costs up to three model calls:
    whether it continues the page before (then also a summary of the two), a note of its theme and keywords. It joins
    the segment whose cosine plus keyword overlap (Jaccard) is at least ``join``, or begins one. Heat = visits + pages
    since the last time + exp(-hours since the last visit / 24); when a page has joined, the new pages of the hottest
    segment that reaches ``hot`` are drawn out into knowledge (one call) and the profile is rewritten (one call), and
    its heat is reset. Reading takes none: the queue, the profile, the best pages of the best segments, the best
    knowledge. MemoryOS, arXiv 2506.06326.

    Attributes:
        short: pages in the queue.
        mid: segments kept; the least visited leaves with its pages.
        long: pieces of knowledge kept; the oldest leaves.
        join: what a page must reach to join a segment.
        hot: heat at which a segment is drawn out.
        segments: segments searched.
        pages: pages returned.
        knowledge: pieces of knowledge returned.
    """

    name: ClassVar[str] = "memoryos"
    title: ClassVar[str] = "MemoryOS"
    fidelity: ClassVar[Fidelity] = "adapted"
    paper: ClassVar[str] = "MemoryOS, arXiv 2506.06326"
    differs: ClassVar[str] = (
        "Pages leave the queue one at a time and have one theme each; the profile is a short text instead of ninety "
        "dimensions; knowledge of user and assistant is one list; hours come from the session's dates."
    )

    short: int = 10
    mid: int = 2000
    long: int = 100
    join: float = 0.6
    hot: float = 5.0
    segments: int = 5
    pages: int = 7
    knowledge: int = 40

    def __post_init__(self) -> None:
        self._index = VectorIndex()

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Append to the queue; what it can no longer hold goes to mid-term memory."""
        queue = _queue(log)
        if turn.role == "assistant" and queue and queue[-1].fields["open"]:
            text, page = f"{queue[-1].text} {turn.said}", queue[-1]
            log.update(page.id, text=text, index_text=text, turns=(*page.turns, turn.index), open=False)
        else:
            log.write(turn.said, PAGE, tier=SHORT, open=turn.role != "assistant", date=log.now)
        while len(_queue(log)) > self.short:
            await self._to_mid_term(_queue(log)[0], mind, log)

    async def _to_mid_term(self, page: Item, mind: Mind, log: MemoryLog) -> None:
        await self._continue(page, mind, log)
        reply = await ask(mind, log, prompts.note(shortened(page, 2000))) if _fits(page.text, mind) else None
        theme = reply["context"] if reply and reply["context"] else shortened(page)
        keywords = reply["keywords"] if reply else []
        cause = reply.cause if reply else 0
        segment = await self._segment(page, theme, keywords, mind, log, cause)
        log.update(page.id, tier=MID, reason="left the queue", cause=cause)
        log.link(page.id, segment.id, "page of", cause=cause)
        warm = [s for s in log.state.active(SEGMENT) if _heat(s, log.now) >= self.hot and _fresh(s.id, log)]
        if warm:
            await self._draw_out(max(warm, key=lambda s: _heat(s, log.now)).id, mind, log)
        known = log.state.active(SEGMENT)
        for cold in sorted(known, key=lambda s: s.fields["total"])[: max(0, len(known) - self.mid)]:
            for name in (*_pages(cold.id, log), cold.id):
                log.evict(name, reason="least visited")

    @staticmethod
    async def _continue(page: Item, mind: Mind, log: MemoryLog) -> None:
        before = [p for p in log.state.active(PAGE) if p.fields["tier"] == MID]
        texts = [shortened(p, 1000) for p in (*before[-1:], page)]
        if not before or fitting(texts, mind, 384) < 2:
            return
        reply = await ask(mind, log, prompts.check(texts, "Is the second line about the same thing as the first?"))
        if reply is None or reply["answer"] != "yes":
            return
        log.link(page.id, before[-1].id, "continues", cause=reply.cause)
        meta = await ask(mind, log, prompts.summarise([before[-1].fields.get("meta") or texts[0], texts[1]]))
        if meta and meta["summary"]:
            log.update(page.id, meta=meta["summary"], cause=meta.cause)

    async def _segment(
        self, page: Item, theme: str, keywords: Sequence[str], mind: Mind, log: MemoryLog, cause: int
    ) -> Item:
        known = log.state.active(SEGMENT)
        found = await self._index.search(theme, known, mind, 1)
        scores = found.scores + np.array([_jaccard(keywords, s.fields["keywords"]) for s in known])
        if known and scores.max() >= self.join:
            own = known[int(scores.argmax())]
            merged = list(dict.fromkeys((*own.fields["keywords"], *keywords)))
            log.update(own.id, keywords=merged, pages=own.fields["pages"] + 1, last=log.now, cause=cause,
                       turns=(*own.turns, *page.turns), reason="joined by a page")  # fmt: skip
            return self._warmed(own.id, log)
        segment = log.write(theme, SEGMENT, page.turns, cause=cause, keywords=list(keywords), visits=0, pages=1,
                            total=0, last=log.now)  # fmt: skip
        return self._warmed(segment.id, log)

    @staticmethod
    def _warmed(segment: str, log: MemoryLog) -> Item:
        return log.update(segment, heat=round(_heat(log.state[segment], log.now), 2), reason="heat")

    async def _draw_out(self, segment: str, mind: Mind, log: MemoryLog) -> None:
        fresh = _fresh(segment, log)
        facts, complete = await extract(self, "profile", [(told(p), p.turns) for p in fresh], mind, log)
        if not complete:
            return  # on record; the segment stays hot and is tried again
        known = {i.text for i in log.state.active(KNOWLEDGE)}
        new = [add(f, log, KNOWLEDGE) for f in facts if f.text not in known]
        for page in fresh:
            log.update(page.id, drawn=True)
        await self._profile(new, mind, log)
        stored = log.state.active(KNOWLEDGE)
        for old in stored[: max(0, len(stored) - self.long)]:
            log.evict(old.id, reason="long-term memory is full")
        log.update(segment, visits=0, pages=0, reason="drawn out")
        self._warmed(segment, log)

    @staticmethod
    async def _profile(new: Sequence[Item], mind: Mind, log: MemoryLog) -> None:
        old = log.state.active(PROFILE)
        texts = [shortened(i) for i in (*old, *new)]
        if not new or fitting(texts, mind, 384) < len(texts):
            return
        reply = await ask(mind, log, prompts.summarise(texts))
        if reply is None or not reply["summary"]:
            return
        turns = [t for i in (*old, *new) for t in i.turns]
        if old:
            log.update(old[0].id, text=reply["summary"], turns=turns, reason="rewritten", cause=reply.cause)
        else:
            log.write(reply["summary"], PROFILE, turns, index_text="", cause=reply.cause)

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """Queue, profile, the best pages of the best segments, the best knowledge; visits are counted."""
        chosen = await self._best(query, log.state.active(SEGMENT), mind, self.segments, 0.1)
        own = {page for segment in chosen for page in _pages(segment, log)}
        pages = [p for p in log.state.active(PAGE) if p.fields["tier"] == MID]
        known = log.state.active(KNOWLEDGE)
        items = [*pages, *known]
        scores = (await self._index.search(query, items, mind, len(items))).scores
        returned = {
            *await self._best(query, [p for p in pages if p.id in own], mind, self.pages, 0.1),
            *await self._best(query, known, mind, self.knowledge, 0.01),
        }
        for name in chosen:
            fields = log.state[name].fields
            log.update(name, visits=fields["visits"] + 1, total=fields["total"] + 1, last=log.now, reason="visited")
            self._warmed(name, log)
        recall = marked(items, scores, returned, len(returned))
        recall = with_recent(recall, [*log.state.active(PROFILE), *_queue(log)])
        # The profile first, then everything in the order of time: what is drawn out late is not news.
        spans = sorted(recall.spans, key=lambda s: -1 if log.state[s.items[0]].kind == PROFILE else s.turns[-1])
        return replace(recall, spans=tuple(spans))

    async def _best(self, query: str, items: Sequence[Item], mind: Mind, k: int, least: float) -> list[str]:
        found = await self._index.vectors.cosines(mind, query, [i.index_text for i in items])
        return [items[i].id for i in best(np.round(found, 5))[:k] if found[i] >= least]


def _queue(log: MemoryLog) -> list[Item]:
    return [p for p in log.state.active(PAGE) if p.fields["tier"] == SHORT]


def _pages(segment: str, log: MemoryLog) -> list[str]:
    return [x.source for x in log.state.links.values() if x.target == segment and x.label == "page of"]


def _fresh(segment: str, log: MemoryLog) -> list[Item]:
    """The pages of a segment that were not drawn out yet."""
    return [log.state[p] for p in _pages(segment, log) if not log.state[p].fields.get("drawn")]


def _fits(text: str, mind: Mind) -> bool:
    return mind.count_tokens(text) < room(mind, 256)


def _jaccard(a: Sequence[str], b: Sequence[str]) -> float:
    left, right = {w.casefold() for w in a}, {w.casefold() for w in b}
    return len(left & right) / len(left | right) if left | right else 0.0


def _heat(segment: Item, now: str) -> float:
    fields = segment.fields
    return float(fields["visits"] + fields["pages"] + math.exp(-_hours(fields["last"], now) / 24))


def _hours(before: str, now: str) -> float:
    """Hours between two dates of a session; 0 when it does not tell them."""
    try:
        return max(0.0, (datetime.fromisoformat(now) - datetime.fromisoformat(before)).total_seconds() / 3600)
    except (ValueError, TypeError):
        return 0.0
