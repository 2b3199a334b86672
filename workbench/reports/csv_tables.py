"""A run as tables for other programs: every score, comparison, probe, cost and loss, and what the pictures show.

Text that a spreadsheet would take for a formula gets an apostrophe in front: what a session says is never executed.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.probes.errata import Errata
from workbench.probes.papers import Column
from workbench.probes.statistics import Interval
from workbench.projections.charts import charts
from workbench.projections.compared import compared
from workbench.projections.controls import controls
from workbench.projections.costs import costs
from workbench.projections.index import TraceIndex
from workbench.projections.judged import trials
from workbench.projections.losses import losses
from workbench.projections.probe_table import ProbeLine, Verdict, probe_table
from workbench.projections.published import scored, standings
from workbench.projections.scores import Cell, LaneScores, scores, without
from workbench.reports import charts as pictures
from workbench.trace.reader import TraceReader

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_SCORE = ("sessions", "lane", "whose", "column", "score", "n", "mean", "95 % from", "95 % to", "interval", "judge")


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its file's name without ending, its columns, its rows."""

    name: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]

    def csv(self) -> str:
        """RFC 4180's quoting, with a header."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows([_cell(value) for value in row] for row in self.rows)
        return out.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, str) and value.startswith(_FORMULA) and not _number(value):
        return f"'{value}"
    return "" if value is None else value


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def run_tables(reader: TraceReader, errata: Errata | None = None) -> list[Table]:
    """Every table of a run that has rows. ``errata`` are a table of their own, and probes say what they do to them."""
    found = [
        Table("errata", ("file", "questions known to be wrong", "corrected"), _errata(errata)),
        Table("scores", _SCORE, list(_scores(reader, errata))),
        Table("comparisons", _PAIR, list(_comparisons(reader, errata))),
        Table("controls", ("control", "lane", "what"), list(_controls(reader))),
        Table("judges", _JUDGE, [(t.name, t.judge, t.accepted, t.wrong, t.right_accepted, t.right, t.unread)
                                 for t in trials(reader)]),
        _probes(reader, errata),
        Table("costs", _COST, list(_costs(reader))),
        Table("losses", ("lane", "operation", "what", "reason", "times"), [
            (lane.lane.name, loss.operation, loss.kind, loss.reason, loss.times)
            for lane in losses(reader) for loss in lane.losses
        ]),
        *_pictures(reader, errata),
    ]  # fmt: skip
    return [table for table in found if table.rows]


# scores -------------------------------------------------------------------------------------------------------------


def _errata(errata: Errata | None) -> list[tuple[Any, ...]]:
    return [(errata.name, len(errata), errata.correct)] if errata else []


def _scores(reader: TraceReader, errata: Errata | None) -> Iterator[tuple[Any, ...]]:
    """Over all sessions, then each of several: published by column, every figure, ours by competency, retrieval."""
    names = reader.session_names()
    for number, sessions in [(None, "all"), *(names.items() if len(names) > 1 else ())]:
        for lane in standings(reader, number, errata=errata):
            for benchmark, columns in lane.papers.items():
                yield from (_of_column(sessions, lane.name, benchmark, column) for column in columns)
            for f in lane.figures:
                whose = "ours" if f.name in ("accuracy", "abstention") else "published"
                yield (sessions, lane.name, whose, "", f.name, f.n, f.mean, *_bounds(f.interval), f.judge)
        board = scores(reader, number)
        for own in (without(board, scored(reader, number, errata=errata)[0]) if errata else board).lanes:
            yield from _ours(sessions, own)


def _of_column(sessions: str, lane: str, benchmark: str, column: Column) -> tuple[Any, ...]:
    return (sessions, lane, benchmark, column.title, column.score, column.n or None, column.mean,
            *_bounds(column.interval), "")  # fmt: skip


def _ours(sessions: str, own: LaneScores) -> Iterator[tuple[Any, ...]]:
    for cell in own.cells:
        yield (sessions, own.lane.name, "ours", cell.competency, "accuracy", cell.n, cell.accuracy, *_wilson(cell), "")
    found = own.retrieval
    for k, share in found.recall.items():
        bounds = _bounds(found.interval) if k == found.depth else (None, None, None)
        yield (sessions, own.lane.name, "ours", "", f"recall@{k}", found.n, share, *bounds, "")
    if found.ndcg is not None:
        yield (sessions, own.lane.name, "ours", "", f"ndcg@{found.depth}", found.n, found.ndcg, *_bounds(None), "")


def _wilson(cell: Cell) -> tuple[float, float, str]:
    return cell.low, cell.high, "wilson"


def _bounds(found: Interval | None) -> tuple[Any, Any, Any]:
    return (found.low, found.high, found.method) if found else (None, None, None)


_PAIR = (
    "score", "first", "second", "n", "second less first", "95 % from", "95 % to", "test", "p", "p (Holm)",
    "only first", "only second", "detectable",
)  # fmt: skip


def _comparisons(reader: TraceReader, errata: Errata | None) -> Iterator[tuple[Any, ...]]:
    for one in compared(reader, scored(reader, errata=errata)[0]):
        for pair in one.pairs:
            c = pair.comparison
            yield (one.score, pair.first, pair.second, c.n, c.difference, c.low, c.high, c.test, c.p, c.holm,
                   c.first_only, c.second_only, one.detectable)  # fmt: skip


def _controls(reader: TraceReader) -> Iterator[tuple[Any, ...]]:
    found, names = controls(reader), reader.session_names()
    if found.no_memory:
        for session, probe in sorted(found.guessable):
            yield "no memory", found.no_memory.name, f"answers {names[session]}/{probe}"
    if found.oracle:
        yield "evidence alone", found.oracle.name, ""
    if found.full:
        yield "full context", found.full.name, f"fitted whole for {found.fitted[0]} of {found.fitted[1]} probes"


_JUDGE = (
    "score", "judge", "vague wrong accepted", "of vague wrong", "right accepted", "of right", "verdicts not readable",
)  # fmt: skip

# probes, costs ------------------------------------------------------------------------------------------------------


def _probes(reader: TraceReader, errata: Errata | None) -> Table:
    """The probes as they were recorded; a column says of which gold ``errata`` know that it is wrong."""
    names = reader.session_names()
    found = {name: probe_table(reader, number) for number, name in names.items()}
    lines = [(name, line) for name, table in found.items() for line in table.lines]
    wrong = {
        (name, probe.id)
        for number, name in names.items()
        for probe in reader.session(number).probes
        if errata and errata.apply(probe, name) is not probe
    }
    named = dict.fromkeys(score for _, line in lines for v in line.verdicts if v for score in v.scores)
    lanes = {lane: name for table in found.values() for lane, name in table.lanes}
    rows = [
        (*_asked(session, line), lanes[v.lane], v.answer, v.correct, v.rank or None, *map(v.scores.get, named), _of(v),
         *([(session, line.probe) in wrong] if errata else []))
        for session, line in lines for v in line.verdicts if v
    ]  # fmt: skip
    heads = ("session", "probe", "turn", "competency", "part", "question", "gold", "answerable without memory", "lane",
             "answer", "right (ours)", "rank of evidence", *named, "judged",
             *(["known to be wrong"] if errata else []))  # fmt: skip
    return Table("probes", heads, rows)


def _asked(session: str, line: ProbeLine) -> tuple[Any, ...]:
    return (session, line.probe, line.turn, line.competency, line.part, line.question, line.gold, line.guessable)


def _of(verdict: Verdict) -> str:
    return "; ".join(f"{name} by {judge}: {said or 'no verdict'}: {why}" for name, judge, said, why in verdict.judged)


_COST = (
    "lane", "turns", "probes", "calls to write", "calls to read", "prompt tok", "generated tok", "answer prompt tok",
    "answer generated tok", "seconds a turn", "seconds a probe", "active items", "items", "bytes", "context cut", "of",
)  # fmt: skip


def _costs(reader: TraceReader) -> Iterator[tuple[Any, ...]]:
    lost = {lane.lane.id: lane for lane in losses(reader)}
    for own in costs(reader):
        wrote, read, asked, cut = own.written, own.read, own.answers, lost[own.lane.id]
        yield (
            own.lane.name, own.turns, own.probes, wrote.calls, read.calls, wrote.prompt + read.prompt,
            wrote.generated + read.generated, asked.prompt, asked.generated, own.seconds_a_turn, own.seconds_a_probe,
            own.active, own.items, own.size, cut.cut, cut.packed,
        )  # fmt: skip


FILES = {"needles": "needle-grid", "retention": "retention", "memory": "score-over-cost"}
"""The tables of the pictures by their kind; the two of what a lane spends have one."""


def _pictures(reader: TraceReader, errata: Errata | None) -> Iterator[Table]:
    if not TraceIndex.of(reader).lanes:
        return
    found = charts(reader, errata=errata)
    for kind, name in FILES.items():
        yield Table(name, *pictures.rows(kind, found))
