"""MemoryOS: short-term pages, mid-term segments with heat, long-term knowledge and a profile."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar

import numpy as np

from workbench.memory import prompts, schemas
from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall, Span
from workbench.memory.facts import Fact, add, extract, fitting, shortened, with_recent
from workbench.memory.items import Item
from workbench.memory.lines import Line, one_line, told
from workbench.memory.log import MemoryLog
from workbench.memory.pieces import room
from workbench.memory.replies import Reply, ask
from workbench.memory.retrieval import best, marked
from workbench.memory.vectors import VectorIndex
from workbench.sessions.model import Turn

PAGE, SEGMENT, KNOWLEDGE, PROFILE = "page", "segment", "knowledge", "profile"
SHORT, MID = "short-term", "mid-term"
_THEMES = 2
_PROFILE = 1500  # tokens of a profile
_OWNERS = ("user", "assistant")


@dataclass
class MemoryOS(MemoryStrategy):
    """Pages leave a short queue for segments of one theme; hot segments become knowledge and a profile.

    A page is what somebody said with the answer to it. A page that leaves the queue costs up to three model calls:
    whether it continues the page before; the summary of the chain that it stands in, which all pages of the chain then
    carry; its themes, two at most, with keywords. For each theme it joins the segment whose cosine plus keyword overlap
    (Jaccard) is at least ``join``, or begins one. Heat = visits + pages since the last time + exp(-hours since the last
    visit / 24); when a page has joined, the new pages of the hottest segment that reaches ``hot`` are drawn out into
    knowledge of user and assistant (one call) and into the profile (one call), and its heat is reset. Reading takes
    none: the queue, the profile, the best pages of the best segments with the summary of their chain, the best
    knowledge. MemoryOS, arXiv 2506.06326.

    Attributes:
        short: pages in the queue.
        mid: segments kept; the least visited leaves with its pages.
        long: pieces of knowledge kept, of user and assistant each; the oldest leaves.
        join: what a page must reach to join a segment.
        hot: heat at which a segment is drawn out.
        segments: segments searched.
        pages: pages returned.
        knowledge: pieces of knowledge returned, half of them about the user and half about the assistant.
        visits: whether a question counts as a visit to the segments that it finds, as published; off, it leaves memory
            as it was.
    """

    name: ClassVar[str] = "memoryos"
    title: ClassVar[str] = "MemoryOS"
    fidelity: ClassVar[Fidelity] = "adapted"
    paper: ClassVar[str] = "MemoryOS, arXiv 2506.06326"
    differs: ClassVar[str] = (
        "Prompts in own words; the profile's dimensions are named without the explanation of each. What is shown keeps "
        "the order of time. Hours come from the session's dates instead of the clock. A question counts as a visit "
        "only with visits=true. A profile shorter than 30 characters is kept."
    )

    short: int = 10
    mid: int = 2000
    long: int = 100
    join: float = 0.6
    hot: float = 5.0
    segments: int = 5
    pages: int = 7
    knowledge: int = 40
    visits: bool = False

    def __post_init__(self) -> None:
        self._index = VectorIndex()

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Append to the queue; what it can no longer hold goes to mid-term memory."""
        queue, speaker = _queue(log), turn.speaker or turn.role
        if queue and queue[-1].fields["open"] and _answers(turn, speaker, queue[-1], mind):
            text, page = f"{queue[-1].text} {turn.said}", queue[-1]
            log.update(page.id, text=text, index_text=text, turns=(*page.turns, turn.index), open=False)
        else:
            is_open = turn.role != "assistant"
            log.write(turn.said, PAGE, tier=SHORT, open=is_open, speaker=speaker, part=turn.part, date=log.now)
        while len(_queue(log)) > self.short:
            await self._to_mid_term(_queue(log)[0], mind, log)

    async def _to_mid_term(self, page: Item, mind: Mind, log: MemoryLog) -> None:
        await self._continue(page, mind, log)
        themes, cause = await self._themes(page, mind, log)
        for theme in themes:
            segment = await self._segment(page, theme["content"], theme["keywords"], mind, log, cause)
            log.link(page.id, segment.id, "page of", cause=cause)
        log.update(page.id, tier=MID, reason="left the queue", cause=cause)
        warm = [s for s in log.state.active(SEGMENT) if _heat(s, log.now) >= self.hot and _fresh(s.id, log)]
        if warm:
            await self._draw_out(max(warm, key=lambda s: _heat(s, log.now)).id, mind, log)
        known = log.state.active(SEGMENT)
        for cold in sorted(known, key=lambda s: s.fields["total"])[: max(0, len(known) - self.mid)]:
            for name in (*_pages(cold.id, log), cold.id):
                log.evict(name, reason="least visited")

    async def _themes(self, page: Item, mind: Mind, log: MemoryLog) -> tuple[list[dict[str, Any]], int]:
        """What a page is about, and the call that said so; itself where no call could."""
        reply = None
        if mind.full or _fits(page.text, mind):
            plain = prompts.note(shortened(page, 2000))
            reply = await ask(mind, log, self.operation("themes", plain, schema=_THEME, reads=_noted, page=told(page)))
        found = [dict(t) for t in reply["summaries"]] if reply else []
        themes: list[dict[str, Any]] = [
            t | {"content": t["content"] or shortened(page)} for t in found or [{"content": "", "keywords": []}]
        ]
        return themes, reply.cause if reply else 0

    async def _continue(self, page: Item, mind: Mind, log: MemoryLog) -> None:
        """Link a page to the one before when it goes on with it, and sum up the chain that it stands in."""
        before = [p for p in log.state.active(PAGE) if p.fields["tier"] == MID][-1:]
        texts = [shortened(p, 1000) for p in (*before, page)]
        if not mind.full and (not before or fitting(texts, mind, 384) < 2):
            return
        reply = await self._continues(before[0], page, mind, log) if before else None
        goes_on = bool(reply and reply["continuous"])
        if goes_on and reply:
            log.link(page.id, before[0].id, "continues", cause=reply.cause)
        elif not mind.full:
            return
        last = before[0].fields.get("meta", "") if goes_on else ""
        plain = prompts.summarise([last or texts[0], texts[-1]])
        schema = schemas.fields(summary=schemas.text("one or two sentences"))
        operation = self.operation("meta", plain, schema=schema, meta=last, page=told(page))
        meta = await ask(mind, log, operation)
        if meta and meta["summary"]:
            for name in _chain(page.id, log) if mind.full else (page.id,):
                log.update(name, meta=meta["summary"], reason="chain", cause=meta.cause)

    async def _continues(self, before: Item, page: Item, mind: Mind, log: MemoryLog) -> Reply | None:
        texts = [shortened(p, 1000) for p in (before, page)]
        plain = prompts.check(texts, "Is the second line about the same thing as the first?")
        schema = schemas.fields(continuous=schemas.truth("whether the current page continues the previous one"))
        operation = self.operation(
            "continues", plain, schema=schema, reads=_yes, previous=told(before), current=told(page)
        )
        return await ask(mind, log, operation)

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
        facts, complete = await extract(
            self, "knowledge", [(told(p), p.turns) for p in fresh], mind, log, schema=_KNOWLEDGE
        )
        if not complete:
            return  # on record; the segment stays hot and is tried again
        known = {i.text for i in log.state.active(KNOWLEDGE)}
        new = [add(f, log, KNOWLEDGE, owner=_owner(f)) for f in facts if f.text not in known]
        for page in fresh:
            log.update(page.id, drawn=True)
        await self._profile(fresh if mind.full else new, mind, log)
        for owner in _OWNERS:
            stored = [i for i in log.state.active(KNOWLEDGE) if i.fields["owner"] == owner]
            for old in stored[: max(0, len(stored) - self.long)]:
                log.evict(old.id, reason="long-term memory is full")
        log.update(segment, visits=0, pages=0, reason="drawn out")
        self._warmed(segment, log)

    async def _profile(self, new: Sequence[Item], mind: Mind, log: MemoryLog) -> None:
        old = log.state.active(PROFILE)
        texts = [shortened(i) for i in (*old, *new)]
        if not new or (not mind.full and fitting(texts, mind, 384) < len(texts)):
            return
        plain, schema = prompts.summarise(texts), schemas.fields(summary=schemas.text("the whole profile"))
        operation = self.operation(
            "profile", plain, schema=schema, max_tokens=_PROFILE,
            profile=[Line(one_line(i.text)) for i in old], pages=[told(i) for i in new],
        )  # fmt: skip
        reply = await ask(mind, log, operation)
        if reply is None or not reply["summary"]:
            return
        turns = [t for i in (*old, *new) for t in i.turns]
        if old:
            log.update(old[0].id, text=reply["summary"], turns=turns, reason="rewritten", cause=reply.cause)
        else:
            log.write(reply["summary"], PROFILE, turns, index_text="", cause=reply.cause)

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """Queue, profile, the best pages of the best segments, the best knowledge."""
        chosen = await self._best(query, log.state.active(SEGMENT), mind, self.segments, 0.1)
        own = {page for segment in chosen for page in _pages(segment, log)}
        pages = [p for p in log.state.active(PAGE) if p.fields["tier"] == MID]
        known = log.state.active(KNOWLEDGE)
        items = [*pages, *known]
        scores = (await self._index.search(query, items, mind, len(items))).scores
        returned = {*await self._best(query, [p for p in pages if p.id in own], mind, self.pages, 0.1)}
        for part, most in self._knowledge(known, mind):
            returned |= {*await self._best(query, part, mind, most, 0.01)}
        for name in chosen if self.visits else ():
            fields = log.state[name].fields
            log.update(name, visits=fields["visits"] + 1, total=fields["total"] + 1, last=log.now, reason="visited")
            self._warmed(name, log)
        recall = marked(items, scores, returned, len(returned))
        recall = with_recent(recall, [*log.state.active(PROFILE), *_queue(log)])
        # The profile first, then everything in the order of time: what is drawn out late is not news.
        spans = sorted(recall.spans, key=lambda s: -1 if log.state[s.items[0]].kind == PROFILE else s.turns[-1])
        return replace(recall, spans=tuple(_overview(s, log) if mind.full else s for s in spans))

    def _knowledge(self, known: Sequence[Item], mind: Mind) -> list[tuple[list[Item], int]]:
        """The knowledge in the parts that are searched by themselves, and how much of each is returned."""
        if not mind.full:  # the bundled model does not tell whose it is
            return [([*known], self.knowledge)]
        return [([i for i in known if i.fields["owner"] == owner], self.knowledge // 2) for owner in _OWNERS]

    async def _best(self, query: str, items: Sequence[Item], mind: Mind, k: int, least: float) -> list[str]:
        found = await self._index.vectors.cosines(mind, query, [i.index_text for i in items])
        return [items[i].id for i in best(np.round(found, 5))[:k] if found[i] >= least]


_THEME = schemas.fields(
    summaries=schemas.many(
        schemas.fields(
            theme=schemas.text("its name, a few words", default=""),
            keywords=schemas.texts("its key words"),
            content=schemas.text("what is said about it, in short"),
        ),
        "one theme, or two where the page has two",
        most=_THEMES,
    )
)
_KNOWLEDGE = schemas.fields(
    facts=schemas.many(
        schemas.fields(
            fact=schemas.text("in as few words as possible, with entities and time"),
            owner=schemas.one_of(_OWNERS, "whom it is about", default=_OWNERS[0]),
        ),
        "empty when there is none",
    )
)


def _noted(said: Mapping[str, Any]) -> dict[str, Any]:
    return {"summaries": [{"content": said["context"], "keywords": said["keywords"]}]}


def _yes(said: Mapping[str, Any]) -> dict[str, Any]:
    return {"continuous": said["answer"] == "yes"}


def _owner(fact: Fact) -> str:
    return str(fact.fields.get("owner", _OWNERS[0]))


def _answers(turn: Turn, speaker: str, page: Item, mind: Mind) -> bool:
    """Whether a turn is the answer to what a page holds: the assistant's, or in a talk of people another one's."""
    if not mind.full:
        return turn.role == "assistant"
    return bool(speaker != page.fields["speaker"] and turn.part == page.fields["part"])


def _overview(span: Span, log: MemoryLog) -> Span:
    """A page with the summary of its chain, as the answering model is shown it."""
    meta = log.state[span.items[0]].fields.get("meta", "")
    return replace(span, text=f"{span.text} (conversation chain: {meta})") if meta else span


def _chain(page: str, log: MemoryLog) -> list[str]:
    """A page and all that hang together with it by continuing."""
    seen, rest = [page], [page]
    while rest:
        here = rest.pop()
        for other, link in log.state.neighbours(here):
            if link.label == "continues" and other.id not in seen:
                seen.append(other.id)
                rest.append(other.id)
    return seen


def _queue(log: MemoryLog) -> list[Item]:
    return [p for p in log.state.active(PAGE) if p.fields["tier"] == SHORT]


def _pages(segment: str, log: MemoryLog) -> list[str]:
    return [x.source for x in log.state.ties(segment) if x.target == segment and x.label == "page of"]


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
