"""People's remarks on turns, items and probes (the table ``annotation``), and the event that a new one goes to."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader

_WHAT = {Kind.WRITTEN: "item", Kind.SCORED: "probe"}


@dataclass(frozen=True, slots=True)
class Remark:
    """What somebody said of an event: ``about`` is ``turn``, ``item`` or ``probe``, ``subject`` its id."""

    seq: int
    session: int
    lane: int
    turn: int
    about: str
    subject: str
    author: str
    text: str
    created: str


def remarks(reader: TraceReader, session: int | None = None) -> tuple[Remark, ...]:
    """All remarks, in the order of the events that they are on; of one session when given."""
    rows = reader.query(
        "SELECT e.seq, e.session, e.lane, e.turn, e.kind, e.subject, a.author, a.text, a.created FROM annotation a "
        "JOIN event e ON e.seq = a.seq ORDER BY e.session, e.turn, e.seq, a.id"
    )
    return tuple(
        Remark(
            seq, at, lane, turn, _WHAT.get(kind, "turn"), subject if kind in _WHAT else str(turn), author, text, when
        )
        for seq, at, lane, turn, kind, subject, author, text, when in rows
        if session in (None, at)
    )


def place(reader: TraceReader, session: int, lane: int, turn: int, item: str = "", probe: str = "") -> int:
    """The event that a remark goes to: the item's first, else the probe's score, else the turn's end; 0 for none."""
    where = (session, lane)
    if item:
        found = reader.query(
            "SELECT seq FROM event WHERE session = ? AND lane = ? AND subject = ? AND kind = 'item.written'",
            (*where, item),
        )
    elif probe:
        found = reader.query(
            "SELECT seq FROM event WHERE session = ? AND lane = ? AND subject = ? AND kind = 'probe.scored'",
            (*where, probe),
        )
    else:
        found = reader.query(
            "SELECT max(seq) FROM event WHERE session = ? AND lane = ? AND turn = ? AND kind = 'turn.closed'",
            (*where, turn),
        )
    return int(found[0][0] or 0) if found else 0
