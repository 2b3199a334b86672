"""The scoreboard as it is shown: each benchmark's published scores, then our own reading, per lane at the cursor.

Columns are those of the whole session, so that they stand still while the cursor moves. Control lanes that are no
memory (no memory, the evidence alone) have no row but a mark in every cell; full context has both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, cast

from workbench.probes.competencies import ABSTENTION, family, ordered
from workbench.probes.errata import Errata
from workbench.probes.papers import EVERY, score_title, short_title
from workbench.probes.scorers import JUDGED, RETRIEVED
from workbench.probes.statistics import Interval, wilson
from workbench.projections.compared import Compared, differences
from workbench.projections.controls import controls, is_control
from workbench.projections.index import TraceIndex
from workbench.projections.published import ACCURACY, Figure, Scored, Standing, scored, standing, tables
from workbench.projections.scores import LaneScores, Results, results, scores, without
from workbench.trace.reader import TraceReader

OURS, FURTHER = "ours", "further published"
"""Groups of columns that are no benchmark's table: our own reading, and published scores beside the headline."""
RECALL = "recall"
"""Our column of retrieval."""
Scope = Literal["cursor", "session", "run"]
"""What is counted: up to the cursor, the session's whole run, or all sessions of the run."""


@dataclass(frozen=True, slots=True)
class BoardColumn:
    """A column.

    Attributes:
        group: the benchmark, ``FURTHER`` or ``OURS``.
        key: within the group: a category, a score's name, a competency.
        title: what stands over it.
        score: the published name of what it holds; ``accuracy``, ``abstention`` or ``recall`` of ours.
        competency: whose probes it counts ("" for all); of ours alone.
        comparable: lanes can be compared probe by probe.
    """

    group: str
    key: str
    title: str
    score: str
    competency: str = ""
    comparable: bool = True

    @property
    def ours(self) -> bool:
        """Whether it is our own reading."""
        return self.group == OURS


@dataclass(frozen=True, slots=True)
class BoardCell:
    """A figure in 0..1 over ``n`` probes (0: none so far) with its interval; ``right`` counts for rights and wrongs.

    ``n`` is 0 and ``mean`` is there for a mean of columns. ``depth`` is the cut of a recall.
    """

    n: int = 0
    mean: float | None = None
    interval: Interval | None = None
    right: int | None = None
    judge: str = ""
    depth: int = 0


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One lane; ``cells`` are in the order of ``Board.columns``."""

    lane: int
    place: int
    name: str
    cells: tuple[BoardCell, ...]


@dataclass(frozen=True, slots=True)
class Board:
    """Every lane at a cursor, or over all of a session or run.

    Attributes:
        asked: how many of ``probes`` any lane has an answer to; a run that was broken off asked fewer than were due.
        columns: first the published ones, then ours.
        controls: by what it is (``no memory``, ``evidence alone``, ``full context``) a row of marks.
        guessable: probes that were right without any memory.
        fitted: for how many probes of how many full context fitted whole.
        missing: published scores that probes want and that are not there, and why.
        errata: which golds that are known to be wrong were left out or corrected; empty for none.
    """

    session: int
    turn: int
    scope: Scope
    asked: int
    probes: int
    columns: tuple[BoardColumn, ...]
    rows: tuple[BoardRow, ...]
    controls: Mapping[str, BoardRow] = field(default_factory=dict)
    guessable: int = 0
    fitted: tuple[int, int] = (0, 0)
    missing: Mapping[str, str] = field(default_factory=dict)
    errata: str = ""

    @property
    def published(self) -> bool:
        """Whether any column is a benchmark's."""
        return any(not c.ours for c in self.columns)


def board(
    reader: TraceReader,
    session: int,
    turn: int,
    seq: int | None = None,
    scope: Scope = "cursor",
    errata: Errata | None = None,
) -> Board:
    """The scoreboard after ``turn``, or after the event ``seq`` within it; over everything with another ``scope``."""
    index, whole = TraceIndex.of(reader), None if scope == "run" else session
    sessions = reader.session_names() if whole is None else (session,)
    probes = [p for number in sessions for p in index.session(number).probes]
    due = len(probes) if scope != "cursor" else sum(p.after <= turn for p in probes)
    key, end = ("board", whole, scope, due, seq, errata), reader.last_seq()
    kept = index.memo.get(key) if seq is None else None  # nothing changes from one probe to the next
    if kept is None or kept[0] != end:
        until, event = (turn, seq) if scope == "cursor" else (None, None)
        kept = (end, _made(reader, whole, until, event, errata))
        if seq is None:
            index.memo[key] = kept
    asked, made = kept[1]
    return replace(Board(session, turn, scope, asked, len(probes), *made), errata=str(errata or ""))


def compared_at(
    reader: TraceReader,
    session: int,
    turn: int,
    seq: int | None,
    scope: Scope,
    column: BoardColumn,
    errata: Errata | None = None,
) -> Compared | None:
    """The lanes against one another on a column's probes; None where there are no two, or nothing to compare."""
    if not column.comparable:
        return None
    until, event = (turn, seq) if scope == "cursor" else (None, None)
    rows, _ = scored(reader, None if scope == "run" else session, until, event, errata)
    names = {row.id: row.name for row in TraceIndex.of(reader).lanes if not is_control(row)}
    values = {
        lane: {(s.session, s.probe.id): value for s in rows.get(lane, ()) if (value := _value(s, column)) is not None}
        for lane in names
    }
    return differences(column.score, {lane: own for lane, own in values.items() if own}, names)


def _value(row: Scored, column: BoardColumn) -> float | None:
    """What a probe adds to a column, None for nothing."""
    if column.ours:
        own = family(row.probe)
        counted = own == column.competency if column.competency else own != ABSTENTION
        return float(row.correct) if counted else None
    if column.group == FURTHER:
        return row.scores.get(column.score)
    inside = (column.group, column.score) in tables(row)
    away = column.key == ABSTENTION and row.probe.abstain
    return row.scores[column.score] if inside and (away or column.key in (EVERY, row.place.category)) else None


_Made = tuple[tuple[BoardColumn, ...], tuple[BoardRow, ...], dict[str, BoardRow], int, tuple[int, int], dict[str, str]]


def _made(
    reader: TraceReader, session: int | None, turn: int | None, seq: int | None, errata: Errata | None
) -> tuple[int, _Made]:
    """How many probes were asked, and the board's figures."""
    lanes = TraceIndex.of(reader).lanes
    every, columns = _whole(reader, session, errata)
    here = every if turn is None and seq is None else scored(reader, session, turn, seq, errata)[0]
    now = {row.id: standing(here.get(row.id, ()), ours=False) for row in lanes}
    counted = _counted(reader, session, turn, seq, here if errata else None)
    rows = {
        row.id: BoardRow(row.id, place, row.name, tuple(_cell(c, now[row.id], counted[row.id]) for c in columns))
        for place, row in enumerate(lanes)
    }
    found = controls(reader, session, seq)
    memories = [row for row in lanes if not is_control(row)] or list(lanes)
    beside = {"no memory": found.no_memory, "evidence alone": found.oracle, "full context": found.full}
    missing = {name: why for own in now.values() for name, (_, why) in own.missing.items()}
    answered = scored(reader, session, turn, seq)[0] if errata else here  # errata leave out what was asked
    asked = len({(one.session, one.probe.id) for own in answered.values() for one in own})
    return asked, (
        columns,
        tuple(rows[row.id] for row in memories),
        {name: rows[row.id] for name, row in beside.items() if row is not None and memories != [row]},
        len(found.guessable),
        found.fitted,
        missing,
    )


def _counted(
    reader: TraceReader, session: int | None, turn: int | None, seq: int | None, only: Mapping[int, list[Scored]] | None
) -> Mapping[int, Results | LaneScores]:
    """What every lane scored by our own reading, on ``only`` these probes where some are named."""
    if only is None:
        return results(reader, session, turn, seq)
    return {lane.lane.id: lane for lane in without(scores(reader, session, turn, seq), only).lanes}


_Whole = tuple[Mapping[int, list[Scored]], tuple[BoardColumn, ...]]


def _whole(reader: TraceReader, session: int | None, errata: Errata | None) -> _Whole:
    """Every scored probe by lane, and the columns, which stand still while the cursor moves."""
    index, end = TraceIndex.of(reader), reader.last_seq()
    key = ("board.whole", session, errata)
    kept = index.memo.get(key)
    if kept is None or kept[0] != end:
        every = scored(reader, session, errata=errata)[0]
        standings = [standing(every.get(row.id, ()), ours=False) for row in index.lanes]
        columns = (*_published(standings), *_ours(reader, session, results(reader, session)))
        kept = index.memo[key] = (end, (every, columns))
    return cast("_Whole", kept[1])


def _published(standings: Iterable[Standing]) -> list[BoardColumn]:
    found_tables: dict[str, dict[str, BoardColumn]] = {}
    further: dict[str, BoardColumn] = {}
    own = list(standings)
    for found in own:
        for benchmark, columns in found.papers.items():
            table = found_tables.setdefault(benchmark, {})
            for c in columns:
                key = c.category or c.title
                short = short_title(benchmark.partition(", ")[0], c.title)
                table.setdefault(c.title, BoardColumn(benchmark, key, short, c.score, comparable=bool(c.category)))
    shown = {c.score for table in found_tables.values() for c in table.values()}
    for name in _cut([f.name for found in own for f in found.figures]):
        if name not in (ACCURACY, ABSTENTION) and name not in shown:
            further.setdefault(name, BoardColumn(FURTHER, name, score_title(name), name))
    return [*(c for table in found_tables.values() for c in table.values()), *further.values()]


def _cut(names: Iterable[str]) -> list[str]:
    """Of a retrieval figure at several cuts the one without a cut, else the deepest that every lane has."""
    found = list(dict.fromkeys(names))
    cuts: dict[str, list[str]] = {}
    for name in found:
        base, _, cut = name.partition("@")
        if base in RETRIEVED and cut:
            cuts.setdefault(base, []).append(name)
    kept = {base if base in found else max(own, key=lambda n: int(n.partition("@")[2])) for base, own in cuts.items()}
    return [name for name in found if name.partition("@")[0] not in RETRIEVED or name in kept]


def _ours(reader: TraceReader, session: int | None, counted: Mapping[int, Results]) -> list[BoardColumn]:
    index = TraceIndex.of(reader)
    numbers = reader.session_names() if session is None else (session,)
    families = ordered(family(p) for number in numbers for p in index.session(number).probes)
    memories = [name for name in families if name != ABSTENTION]
    found = [BoardColumn(OURS, ACCURACY, ACCURACY, ACCURACY)] if len(memories) > 1 else []
    found += [BoardColumn(OURS, name, "", ACCURACY, name) for name in memories]
    if ABSTENTION in families:
        found.append(BoardColumn(OURS, ABSTENTION, "", ABSTENTION, ABSTENTION))
    if any(own.retrieval.n for own in counted.values()):
        found.append(BoardColumn(OURS, RECALL, "evidence recall", RECALL, comparable=False))
    return found


def _cell(column: BoardColumn, own: Standing, counted: Results | LaneScores) -> BoardCell:
    if column.ours:
        return _our_cell(column, counted)
    if column.group == FURTHER:
        figure = next((f for f in own.figures if f.name == column.score), None)
        return _of_figure(figure) if figure else BoardCell()
    found = next((c for c in own.papers.get(column.group, ()) if (c.category or c.title) == column.key), None)
    if found is None or found.score != column.score:
        return BoardCell()
    judge = next((f.judge for f in own.figures if f.name == found.score), "") if found.score in JUDGED else ""
    return BoardCell(found.n, found.mean, found.interval, judge=judge)


def _of_figure(figure: Figure) -> BoardCell:
    return BoardCell(figure.n, figure.mean, figure.interval, judge=figure.judge)


def _our_cell(column: BoardColumn, counted: Results | LaneScores) -> BoardCell:
    if column.score == RECALL:
        found = counted.retrieval
        return BoardCell(found.n, found.deepest, found.interval, depth=found.depth) if found.n else BoardCell()
    wanted = [c for c in counted.cells if _counts(c.competency, column)]
    n, right = sum(c.n for c in wanted), sum(c.correct for c in wanted)
    return BoardCell(n, right / n, Interval(*wilson(right, n), "wilson"), right) if n else BoardCell()


def _counts(competency: str, column: BoardColumn) -> bool:
    return competency == column.competency if column.competency else competency != ABSTENTION
