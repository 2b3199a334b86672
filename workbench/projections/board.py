"""The scoreboard at a cursor: accuracy per lane and competency over the probes asked so far.

Made for scrubbing: verdicts are read once and kept in order, a cursor costs a bisection per cell.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass, field

from workbench.projections.index import TraceIndex
from workbench.sessions.model import COMPETENCIES
from workbench.trace.events import Event, Kind
from workbench.trace.reader import TraceReader

OVERALL = ""
"""The competency of the cell that counts every probe."""


@dataclass(frozen=True, slots=True)
class Cell:
    """``right`` of ``n`` probes; ``low`` and ``high`` bound the accuracy with 95 % (Wilson 1927), 0 and 1 for none."""

    n: int
    right: int
    low: float
    high: float

    @property
    def accuracy(self) -> float:
        """Share of right answers; 0 for no probe."""
        return self.right / self.n if self.n else 0.0


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One lane. ``cells`` are in the order of ``Board.competencies``; ``recall`` is the mean of recall@10 over the
    ``recalled`` probes whose evidence is known (None where the lane retrieves nothing)."""

    lane: int
    place: int
    name: str
    cells: tuple[Cell, ...]
    recall: float | None
    recalled: int


@dataclass(frozen=True, slots=True)
class Board:
    """Every lane; ``competencies`` begins with ``OVERALL``; ``asked`` counts the probes that were due so far."""

    session: int
    turn: int
    competencies: tuple[str, ...]
    rows: tuple[BoardRow, ...]
    asked: int
    probes: int


@dataclass
class _Column:
    """Verdicts of a lane on a competency by turn, with how many were right up to each."""

    turns: list[int] = field(default_factory=list)
    seqs: list[int] = field(default_factory=list)
    right: list[int] = field(default_factory=lambda: [0])
    recall: list[float] = field(default_factory=lambda: [0.0])
    recalled: list[int] = field(default_factory=lambda: [0])

    def add(self, event: Event) -> None:
        known = (event.payload.get("recall") or {}).get("10")
        self.turns.append(event.turn)
        self.seqs.append(event.seq)
        self.right.append(self.right[-1] + bool(event.payload.get("correct")))
        self.recall.append(self.recall[-1] + (known or 0.0))
        self.recalled.append(self.recalled[-1] + (known is not None))

    def upto(self, turn: int, seq: int | None) -> int:
        """How many verdicts there are at the cursor."""
        end = bisect_right(self.turns, turn)
        while seq is not None and end and self.turns[end - 1] == turn and self.seqs[end - 1] > seq:
            end -= 1
        return end


@dataclass
class _Kept:
    seq: int = 0
    columns: dict[tuple[int, str], _Column] = field(default_factory=dict)


def board(reader: TraceReader, session: int, turn: int, seq: int | None = None) -> Board:
    """The scoreboard after ``turn``, or after the event ``seq`` within it."""
    index = TraceIndex.of(reader)
    kept = _read(reader, index, session)
    whole = index.session(session)
    families = {p.competency for p in whole.probes}
    named = [c for c in COMPETENCIES if c in families] + sorted(families - set(COMPETENCIES))
    competencies = (OVERALL, *named) if len(named) != 1 else tuple(named)
    blank = _Column()
    rows = []
    for place, row in enumerate(index.lanes):
        columns = [kept.columns.get((row.id, c), blank) for c in competencies]
        every = kept.columns.get((row.id, OVERALL), blank)
        end = every.upto(turn, seq)
        known = every.recalled[end]
        recall = every.recall[end] / known if known else None
        cells = tuple(_cell(column, turn, seq) for column in columns)
        rows.append(BoardRow(row.id, place, row.name, cells, recall, known))
    asked = sum(p.after <= turn for p in whole.probes)
    return Board(session, turn, competencies, tuple(rows), asked, len(whole.probes))


def _cell(column: _Column, turn: int, seq: int | None) -> Cell:
    n = column.upto(turn, seq)
    return Cell(n, column.right[n], *wilson(column.right[n], n))


def _read(reader: TraceReader, index: TraceIndex, session: int) -> _Kept:
    kept: _Kept = index.memo.setdefault(("board", session), _Kept())
    if kept.seq < index.seq:
        for event in reader.events(session, kinds=(Kind.SCORED,), after_seq=kept.seq, up_to_seq=index.seq):
            for family in (OVERALL, event.payload.get("competency", OVERALL)):
                kept.columns.setdefault((event.lane, family), _Column()).add(event)
        kept.seq = index.seq
    return kept


def wilson(right: int, n: int, z: float = 1.959963984540054) -> tuple[float, float]:
    """The score interval of Wilson (1927) for ``right`` of ``n``; (0, 1) for n = 0."""
    if n == 0:
        return 0.0, 1.0
    share, square = right / n, z * z
    middle = share + square / (2 * n)
    half = z * math.sqrt(share * (1 - share) / n + square / (4 * n * n))
    return max(0.0, (middle - half) / (1 + square / n)), min(1.0, (middle + half) / (1 + square / n))
