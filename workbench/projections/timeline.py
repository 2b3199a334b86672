"""The whole run at a glance: what each lane did at every turn, and which probes it got right.

Does not depend on the cursor: the view is made once per session and grows with a live run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from workbench.projections.index import TraceIndex
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader

CLASSES: dict[str, str] = {
    Kind.WRITTEN: "written",
    Kind.RESTORED: "written",
    Kind.UPDATED: "updated",
    Kind.MERGED: "superseded",
    Kind.SUPERSEDED: "superseded",
    Kind.DELETED: "deleted",
    Kind.EVICTED: "evicted",
    Kind.LINKED: "linked",
    Kind.UNLINKED: "linked",
    Kind.DROPPED: "dropped",
    Kind.LANE_FAILED: "failed",
}
"""Event kinds that leave a mark on the timeline, and which one."""


@dataclass(frozen=True, slots=True)
class ProbeMark:
    """A probe that a lane has answered."""

    probe: str
    turn: int
    correct: bool


@dataclass(frozen=True, slots=True)
class Track:
    """One lane of the timeline. ``marks`` maps a class of ``CLASSES`` to how often it happened per turn."""

    lane: int
    place: int
    name: str
    marks: Mapping[str, Mapping[int, int]]
    probes: tuple[ProbeMark, ...]

    @property
    def total(self) -> Mapping[str, int]:
        """How often each class happened in all."""
        return {name: sum(turns.values()) for name, turns in self.marks.items()}


@dataclass(frozen=True, slots=True)
class Timeline:
    """Every track of a session of ``turns`` turns; ``asked`` are the turns after which a probe is asked."""

    session: int
    turns: int
    tracks: tuple[Track, ...]
    asked: tuple[int, ...]
    seq: int


@dataclass
class _Tally:
    seq: int = 0
    marks: dict[int, dict[str, dict[int, int]]] = field(default_factory=dict)
    probes: dict[int, list[ProbeMark]] = field(default_factory=dict)


def timeline(reader: TraceReader, session: int) -> Timeline:
    """The tracks of a session, up to the end of the trace."""
    index = TraceIndex.of(reader)
    tally: _Tally = index.memo.setdefault(("timeline", session), _Tally())
    if tally.seq < index.seq:
        _count(reader, session, tally, index.seq)
    tracks = tuple(
        Track(
            row.id,
            place,
            row.name,
            {name: dict(turns) for name, turns in tally.marks.get(row.id, {}).items()},
            tuple(tally.probes.get(row.id, ())),
        )
        for place, row in enumerate(index.lanes)
    )
    whole = index.session(session)
    return Timeline(session, len(whole.turns), tracks, tuple(sorted({p.after for p in whole.probes})), index.seq)


def _count(reader: TraceReader, session: int, tally: _Tally, seq: int) -> None:
    marks = ", ".join("?" * len(CLASSES))
    rows = reader.query(
        f"SELECT lane, kind, turn, count(*) FROM event WHERE kind IN ({marks}) "
        "AND session = ? AND seq > ? AND seq <= ? GROUP BY lane, kind, turn",
        [*CLASSES, session, tally.seq, seq],
    )
    for lane, kind, turn, count in rows:
        turns = tally.marks.setdefault(lane, {}).setdefault(CLASSES[kind], {})
        turns[turn] = turns.get(turn, 0) + count
    for event in reader.events(session, kinds=(Kind.SCORED,), after_seq=tally.seq, up_to_seq=seq):
        mark = ProbeMark(event.subject, event.turn, bool(event.payload.get("correct")))
        tally.probes.setdefault(event.lane, []).append(mark)
    tally.seq = seq


def next_change(reader: TraceReader, session: int, lane: int, turn: int, forward: bool = True) -> int | None:
    """The next turn after ``turn`` (before it when not ``forward``) at which the lane's items or links changed."""
    kinds = [str(k) for k in CLASSES if k.startswith("item.")]
    side, best = (">", "min") if forward else ("<", "max")
    query = (
        f"SELECT {best}(turn) FROM event WHERE kind IN ({', '.join('?' * len(kinds))}) AND session = ? AND lane = ? "
        f"AND turn {side} ?"
    )
    found = reader.query(query, [*kinds, session, lane, turn])[0][0]
    return None if found is None else int(found)
