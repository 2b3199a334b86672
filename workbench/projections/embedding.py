"""A memory's items where their texts lie among each other, with a probe's query and hits: what can be drawn of it.

Where a text lies is no part of the trace: an engine says it for every text of a lane at once (``engine.placing``), by
``key``, so that nothing moves from turn to turn. This projection says which texts are there at a cursor.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from workbench.memory.items import Item
from workbench.projections.hits import hits_view
from workbench.projections.index import TraceIndex
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader

_SHOWN = 400  # characters of an item's text


@dataclass(frozen=True, slots=True)
class Dot:
    """An item: ``key`` of the text that places it, and the turn by which it is coloured: when it was last said."""

    item: str
    key: str
    text: str
    turn: int
    active: bool
    status: str


@dataclass(frozen=True, slots=True)
class Found:
    """A hit of the probe: ``returned`` or left out."""

    item: str
    rank: int
    score: float
    returned: bool


@dataclass(frozen=True, slots=True)
class EmbeddingView:
    """The items of a lane after a turn.

    Attributes:
        texts: how many different texts the lane's items and queries have in the whole session.
        query: ``key`` of the probe's query; empty while none was asked.
        hits: by rank; of items alone, as methods also return what is none.
        evidence: turns that hold the answer; ``holders`` are the items that come from one of them.
        ever: whether the lane holds an item at any turn of the session.
    """

    lane: int
    turn: int
    turns: int
    texts: int
    dots: tuple[Dot, ...]
    probe: str
    question: str
    query: str
    hits: tuple[Found, ...]
    evidence: tuple[int, ...]
    holders: tuple[str, ...]
    ever: bool


def key(text: str) -> str:
    """A short name of a text."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def said(item: Item) -> str:
    """The text that places an item: what its vector is of, else what a model would read of it."""
    return item.index_text or item.text


def embedding_view(
    reader: TraceReader, session: int, lane: int, turn: int, seq: int | None = None, probe: str = ""
) -> EmbeddingView:
    """What to draw of a lane's items after ``turn``, or after the event ``seq`` within it."""
    index = TraceIndex.of(reader)
    state = index.state(session, lane, turn, seq)
    dots = tuple(
        Dot(i.id, key(said(i)), i.text[:_SHOWN], max(i.turns, default=i.created), i.active, i.status)
        for i in state.items.values()
        if said(i).strip()
    )
    hits = hits_view(reader, session, lane, turn, probe, seq)
    found = tuple(Found(r.item, r.rank, r.score, r.returned) for r in hits.rows) if hits else ()
    query = key(hits.query) if hits else ""
    evidence = hits.evidence if hits else ()
    holders = tuple(i.id for i in state.items.values() if i.active and not set(i.turns).isdisjoint(evidence))
    asked = (hits.probe.id, hits.probe.question) if hits else ("", "")
    return EmbeddingView(
        lane,
        turn,
        index.turns(session),
        len(every_text(reader, session, lane)),
        dots,
        *asked,
        query,
        found,
        evidence,
        holders,
        bool(index.operations(session, lane)),
    )


def every_text(reader: TraceReader, session: int, lane: int) -> dict[str, str]:
    """Every text that an item of the lane ever had, and every query, by ``key``; in order of the trace."""
    index = TraceIndex.of(reader)
    kept = index.memo.setdefault(("texts", session, lane), {"seq": 0, "now": {}, "texts": {}})
    if kept["seq"] < index.seq:
        kinds = (Kind.WRITTEN, Kind.UPDATED, Kind.RECALLED)
        for event in reader.events(session, lane, kinds, after_seq=kept["seq"], up_to_seq=index.seq):
            data = event.payload
            if event.kind == Kind.RECALLED:
                text = data["query"]
            else:
                now = kept["now"].get(event.subject, ("", ""))
                given = data if event.kind == Kind.WRITTEN else {k: v[1] for k, v in data["changes"].items()}
                now = kept["now"][event.subject] = (given.get("index_text", now[0]), given.get("text", now[1]))
                text = now[0] or now[1]
            if text.strip():
                kept["texts"].setdefault(key(text), text)
        kept["seq"] = index.seq
    texts: dict[str, str] = kept["texts"]
    return texts
