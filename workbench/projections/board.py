"""The scoreboard as it is shown: ``scores`` at the cursor, in columns that stand still while the cursor moves."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.probes.competencies import family, ordered
from workbench.projections.index import TraceIndex
from workbench.projections.scores import Cell, scores
from workbench.trace.reader import TraceReader

OVERALL = ""
"""The competency of the column that counts every probe."""
_NONE = Cell(OVERALL, 0, 0, 0.0, 0.0, 1.0, 0.0)


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One lane. ``cells`` are in the order of ``Board.competencies``, with n = 0 where nothing was asked so far.

    ``recall`` is the mean recall at ``depth`` (10, or what the lane returns) over the ``recalled`` probes whose
    evidence is known; None for none.
    """

    lane: int
    place: int
    name: str
    cells: tuple[Cell, ...]
    recall: float | None
    recalled: int
    depth: int = 10


@dataclass(frozen=True, slots=True)
class Board:
    """Every lane of a session at a cursor.

    ``competencies`` are all that the session asks for, with ``OVERALL`` first when there are several; ``asked`` of
    ``probes`` were due by the cursor.
    """

    session: int
    turn: int
    competencies: tuple[str, ...]
    rows: tuple[BoardRow, ...]
    asked: int
    probes: int


def board(reader: TraceReader, session: int, turn: int, seq: int | None = None) -> Board:
    """The scoreboard after ``turn``, or after the event ``seq`` within it."""
    index = TraceIndex.of(reader)
    probes = index.session(session).probes
    families = ordered(map(family, probes))
    columns = (OVERALL, *families) if len(families) > 1 else tuple(families)
    asked = sum(p.after <= turn for p in probes)
    if seq is not None:
        return Board(session, turn, columns, _rows(reader, session, turn, seq, columns), asked, len(probes))
    key, end = ("board", session, asked), reader.last_seq()
    kept = index.memo.get(key)  # nothing on the board changes from one probe to the next
    if kept is None or kept[0] != end:
        kept = index.memo[key] = (end, _rows(reader, session, turn, None, columns))
    return Board(session, turn, columns, kept[1], asked, len(probes))


def _rows(
    reader: TraceReader, session: int, turn: int, seq: int | None, columns: tuple[str, ...]
) -> tuple[BoardRow, ...]:
    rows = []
    for place, lane in enumerate(scores(reader, session, turn, seq).lanes):
        cells = tuple(lane.overall if c == OVERALL else lane.cell(c) or _NONE for c in columns)
        found = lane.retrieval
        rows.append(BoardRow(lane.lane.id, place, lane.lane.name, cells, found.deepest, found.n, found.depth))
    return tuple(rows)
