"""What every lane did and spent in a range of turns."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.projections.index import TraceIndex
from workbench.projections.timeline import CLASSES
from workbench.trace.events import Kind
from workbench.trace.reader import LaneRow, TraceReader

LOSSES = ("superseded", "deleted", "evicted", "dropped")


@dataclass(frozen=True, slots=True)
class RangeRow:
    """One lane over a range of turns.

    Attributes:
        written, updated, lost: operations; lost is what was superseded, deleted, evicted or dropped.
        calls, tokens: of the memory's model calls and of answers, tokens read and written together.
        seconds: of the lane's own steps.
        right, asked: probes that were answered, of those that have an answer.
    """

    lane: LaneRow
    written: int
    updated: int
    lost: int
    calls: int
    tokens: int
    seconds: float
    right: int
    asked: int


_COUNTS = "SELECT lane, kind, count(*) FROM event WHERE session = ? AND turn BETWEEN ? AND ? GROUP BY lane, kind"
_TOKENS = f"""
SELECT lane, sum(coalesce(json_extract(payload, '$.tokens[0]'), 0) + coalesce(json_extract(payload, '$.tokens[1]'), 0))
FROM event WHERE session = ? AND turn BETWEEN ? AND ? AND kind = '{Kind.MODEL_CALLED}' GROUP BY lane
"""
_ANSWERS = f"""
SELECT lane, sum(coalesce(json_extract(payload, '$.prompt_tokens'), 0)
    + coalesce(json_extract(payload, '$.generated'), json_array_length(payload, '$.tokens'), 0))
FROM event WHERE session = ? AND turn BETWEEN ? AND ? AND kind = '{Kind.ANSWERED}' GROUP BY lane
"""
_TIMES = f"""
SELECT lane, sum(ms) / 1000 FROM event WHERE session = ? AND turn BETWEEN ? AND ?
    AND kind IN ('{Kind.TURN_CLOSED}', '{Kind.RECALLED}', '{Kind.ANSWERED}') GROUP BY lane
"""
_RIGHT = f"""
SELECT lane, sum(json_extract(payload, '$.correct')), count(*) FROM event
WHERE session = ? AND turn BETWEEN ? AND ? AND kind = '{Kind.SCORED}'
    AND json_extract(payload, '$.scorer') IS NOT 'abstain' GROUP BY lane
"""


def turn_range(reader: TraceReader, session: int, first: int, last: int) -> tuple[RangeRow, ...]:
    """What every lane did from turn ``first`` to ``last``, both included."""
    given = (session, first, last)
    done: dict[int, dict[str, int]] = {}
    for lane, kind, count in reader.query(_COUNTS, given):
        named = CLASSES.get(kind, kind)
        of = done.setdefault(lane, {})
        of[named] = of.get(named, 0) + count
    tokens, answers, times = (dict(reader.query(sql, given)) for sql in (_TOKENS, _ANSWERS, _TIMES))
    right = {lane: (int(good or 0), asked) for lane, good, asked in reader.query(_RIGHT, given)}
    rows = []
    for row in TraceIndex.of(reader).lanes:
        of = done.get(row.id, {})
        rows.append(
            RangeRow(
                row,
                of.get("written", 0),
                of.get("updated", 0),
                sum(of.get(name, 0) for name in LOSSES),
                of.get(Kind.MODEL_CALLED, 0) + of.get(Kind.ANSWERED, 0),
                int((tokens.get(row.id) or 0) + (answers.get(row.id) or 0)),
                float(times.get(row.id) or 0),
                *right.get(row.id, (0, 0)),
            )
        )
    return tuple(rows)
