"""CAIM: a controller that decides whether to look, an ontology of tags, thinking after the session."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from workbench.memory import prompts, schemas
from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall
from workbench.memory.facts import SOURCE, Fact, extract, fitting, near, shortened, shown, sitting_over, with_recent
from workbench.memory.items import Item
from workbench.memory.lines import one_line, told
from workbench.memory.log import MemoryLog
from workbench.memory.replies import UNFIT, ask
from workbench.memory.retrieval import ranked
from workbench.memory.vectors import VectorIndex
from workbench.sessions.model import Turn

MESSAGE, EVENT = "message", "event"
ONTOLOGY = ("city", "job", "food", "drink", "pet", "hobby", "colour", "sport", "instrument", "language", "vehicle",
            "plant", "family", "friends", "health", "travel", "plans", "feelings", "knowledge", "other")  # fmt: skip
"""Tags that the bundled model chooses from; every other model's ontology grows out of the session."""
_PLAIN_SESSION = 8


@dataclass
class CAIM(MemoryStrategy):
    """Short-term memory is the session; after it the model draws out events, tags them and merges what is alike.

    A sitting of the conversation ends in one model call for the events, each under tags of the ontology or new ones,
    which join it, and one for each event that resembles stored ones (the review). The bundled model chooses the tags in
    a call of its own, from a fixed list. Reading takes up to three calls: whether short-term memory is enough (the
    controller); the tags and the time that the question concerns; which of the events under them help. A wrong "not
    needed" is a silent miss. CAIM, arXiv 2505.13044.

    Attributes:
        k: events returned.
        session: turns after which post-thinking happens even within a sitting; 0: when a prompt is full, and of the
            bundled model eight.
        similar: cosine from which the review holds an event against a stored one.
        controller: whether the controller may decide not to look.
    """

    name: ClassVar[str] = "caim"
    title: ClassVar[str] = "CAIM"
    fidelity: ClassVar[Fidelity] = "emulated"
    paper: ClassVar[str] = "CAIM, arXiv 2505.13044"
    differs: ClassVar[str] = (
        "Written from the abstract and overview: prompts and schemas are this project's. The ontology begins empty and "
        "new tags join it at once, without a list that a person reviews."
    )

    k: int = 10
    session: int = 0
    similar: float = 0.8
    controller: bool = True

    def __post_init__(self) -> None:
        self._index = VectorIndex()

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Append to short-term memory; think when a sitting ends."""
        stm, most = log.state.active(MESSAGE), self.session or (0 if mind.full else _PLAIN_SESSION)
        if sitting_over(stm, turn, most, mind):
            await self._think(stm, mind, log)
        log.write(turn.said, MESSAGE, index_text="", part=turn.part, date=log.now)

    async def _think(self, stm: Sequence[Item], mind: Mind, log: MemoryLog) -> None:
        asked = {"schema": lambda batch: _events(len(batch)), "tags": tags_of(log.state.active(EVENT))}
        facts, complete = await extract(self, "events", [(told(m), m.turns) for m in stm], mind, log, **asked)
        if not complete and len(stm) < 3 * (self.session or _PLAIN_SESSION):
            return  # on record; tried again with what comes next
        shared = await self._chosen_tags(" ".join(f.text for f in facts), mind, log) if facts and not mind.full else []
        dates = {t: m.fields["date"] for m in stm for t in m.turns}
        for fact in facts:
            tags = [tag for t in fact.fields.get("tags", ()) if (tag := one_line(t).casefold())] or shared
            await self._review(fact, list(dict.fromkeys(tags)), dates.get(fact.turns[-1], ""), mind, log)
        for message in stm:
            log.evict(message.id, reason="the session has ended")

    @staticmethod
    async def _chosen_tags(text: str, mind: Mind, log: MemoryLog) -> list[str]:
        """Tags of the fixed list, which the bundled model chooses for all events of a sitting."""
        task = text[: 4 * prompts.MAX_TEXT]
        fits = fitting([task], mind, 96)
        reply = await ask(mind, log, prompts.choose(task, ONTOLOGY, most=4)) if fits else None
        return list(dict.fromkeys(reply["choice"])) if reply else []

    async def _review(self, fact: Fact, tags: Sequence[str], date: str, mind: Mind, log: MemoryLog) -> None:
        like = await near(self._index, fact.text, log.state.active(EVENT), mind, 3, self.similar)
        event = log.write(fact.text, EVENT, fact.turns, cause=fact.cause, tags=list(tags), date=date)
        if not like:
            return
        plain = prompts.relate(fact.text, [shortened(i) for i in like])
        schema = schemas.fields(
            same=schemas.many(
                schemas.index(len(like)), "numbers of the stored events to merge with it", most=len(like)
            ),
            text=schemas.text("the merged event; empty when none is merged", default=""),
        )
        operation = self.operation("review", plain, schema=schema, reads=_redundant, event=told(event),
                                   stored=[told(i) for i in like])  # fmt: skip
        reply = await ask(mind, log, operation)
        for old in [like[n] for n in dict.fromkeys(reply["same"])] if reply else ():
            event = log.state[event.id]
            both = list(dict.fromkeys((*old.fields["tags"], *event.fields["tags"])))
            text = (reply["text"] if reply else "") or event.text
            cause = reply.cause if reply else 0
            log.update(event.id, text=text, index_text=text, tags=both, turns=(*old.turns, *event.turns), cause=cause)
            log.merge([old.id], event.id, reason="review: the same", cause=cause)

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """The events under the question's tags and in its time that help, when the controller wants to look; short-term
        memory."""
        stm, events = log.state.active(MESSAGE), log.state.active(EVENT)
        asked = " ".join(query.split())
        found = await self._index.search(query, events, mind, self.k)
        inside = np.ones(len(events))
        looked = not self.controller or await self._needed(asked, stm, mind, log)
        if events and looked:
            inside = await self._selected(asked, events, mind, log)
        order = sorted(range(len(events)), key=lambda n: (-inside[n], -found.scores[n], n))
        useful = await self._useful(asked, [events[n] for n in order if inside[n]], mind, log) if looked else set()
        order.sort(key=lambda n: events[n].id not in useful)
        recall = ranked(events, found.scores, len(useful), "cosine", {"tag": inside}, order=order)
        return with_recent(Recall(recall.spans, recall.hits, self.k), stm)

    async def _needed(self, query: str, stm: Sequence[Item], mind: Mind, log: MemoryLog) -> bool:
        newest = list(reversed(stm))
        if mind.full:
            seen = shown(newest, mind, log, "needed")
        else:
            seen = newest[: fitting([shortened(m) for m in newest], mind, 16, 0.6)]
        if not seen:
            return True
        plain = prompts.check([shortened(m) for m in reversed(seen)], f"Does the text answer: {query}")
        schema = schemas.fields(needed=schemas.truth("whether long-term memory must be searched for the answer"))
        lines = [told(m) for m in reversed(seen)]
        operation = self.operation("needed", plain, schema=schema, reads=_unanswered, messages=lines, question=query)
        reply = await ask(mind, log, operation)
        needed = reply is None or bool(reply["needed"])
        log.note("controller", {"needed": needed}, cause=reply.cause if reply else 0)
        return needed

    async def _selected(self, query: str, events: Sequence[Item], mind: Mind, log: MemoryLog) -> NDArray[np.float64]:
        """1 for every event under a tag that the question concerns, and of its time; for all where it names none."""
        tags = tags_of(events) if mind.full else [t for t in ONTOLOGY if any(t in e.fields["tags"] for e in events)]
        if not tags or (not mind.full and not fitting([query], mind, 96)):
            return np.ones(len(events))
        dates = sorted(d[:10] for e in events if (d := e.fields["date"])) if self.dates else []
        about = "first day that the question concerns, as YYYY-MM-DD; empty where it concerns no time"
        schema = schemas.fields(
            tags=schemas.many(schemas.index(len(tags)), "numbers of the tags that it concerns", most=len(tags)),
            since=schemas.text(about, default=""),
            until=schemas.text(about.replace("first", "last"), default=""),
        )
        plain = prompts.choose(query, tags, most=4)
        numbers = {tag: n for n, tag in enumerate(tags)}
        operation = self.operation(
            "select", plain, schema=schema, tags=tags, first=dates[0] if dates else "", last=dates[-1] if dates else "",
            question=query, reads=lambda said: {"tags": [numbers[t] for t in dict.fromkeys(said["choice"])]},
        )  # fmt: skip
        reply = await ask(mind, log, operation)
        if reply is None:
            return np.ones(len(events))
        wanted = {tags[n] for n in reply["tags"]}
        since, until = (_day(reply[name], name, reply.cause, log) for name in ("since", "until"))
        log.note("tags", sorted(wanted), cause=reply.cause)
        if since or until:
            log.note("time", {"since": since, "until": until}, cause=reply.cause)
        if not self.dates:
            since = until = ""
        within = [not (d := e.fields["date"][:10]) or (since or d) <= d <= (until or d) for e in events]
        under = [not wanted or bool(wanted & {*e.fields["tags"]}) for e in events]
        return np.array([float(a and b) for a, b in zip(within, under, strict=True)])

    async def _useful(self, query: str, events: Sequence[Item], mind: Mind, log: MemoryLog) -> set[str]:
        candidates = events[: 2 * self.k]
        if mind.full:
            seen = shown(candidates, mind, log, "relevant")
        else:
            seen = list(candidates[: fitting([shortened(e) for e in candidates], mind, 128, 0.6)])
        numbers = schemas.many(schemas.index(len(seen)), "numbers of the events that help", most=len(seen))
        plain = prompts.relevant(query, [shortened(e) for e in seen])
        operation = self.operation("relevant", plain, schema=schemas.fields(useful=numbers),
                                   events=[told(e) for e in seen], question=query)  # fmt: skip
        reply = await ask(mind, log, operation) if seen else None
        picked = [seen[n].id for n in reply["useful"]] if reply else []
        understood = reply is not None and mind.full  # the bundled model's empty list says nothing
        return set(picked[: self.k]) if picked or understood else {e.id for e in events[: self.k]}


def tags_of(events: Sequence[Item]) -> list[str]:
    """The ontology: every tag that events carry, what most carry first."""
    return [tag for tag, _ in Counter(tag for e in events for tag in e.fields["tags"]).most_common()]


def _events(count: int) -> dict[str, Any]:
    """The schema of the events in ``count`` messages."""
    entry = schemas.fields(
        text=schemas.text("the event: one sentence that stands alone"),
        tags=schemas.texts("one to three tags", default=()),
        **{SOURCE: schemas.index(count, "number of the message that it comes from", default=-1)},
    )
    return schemas.fields(facts=schemas.many(entry, "the events of the session; empty when nothing is worth keeping"))


def _redundant(said: Mapping[str, Any]) -> dict[str, Any]:
    """The one-liner gives a verdict on each stored event."""
    return {"same": [n for n, verdict in enumerate(said["verdicts"]) if verdict == "redundant"]}


def _unanswered(said: Mapping[str, Any]) -> dict[str, Any]:
    """The one-liner says whether what is there answers the question."""
    return {"needed": said["answer"] == "no"}


def _day(text: str, name: str, cause: int, log: MemoryLog) -> str:
    """A day as the model named it; what is none is on record."""
    try:
        return date.fromisoformat(text).isoformat() if text else ""
    except ValueError:
        log.dropped(UNFIT, f"{name} is {text[:40]!r}", operation="select", cause=cause)
        return ""
