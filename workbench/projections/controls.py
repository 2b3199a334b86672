"""The control lanes of a run, and which of its probes need no memory at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.probes.controls import FULL, LANES, NO_MEMORY, ORACLE
from workbench.projections.index import TraceIndex
from workbench.trace.events import Kind
from workbench.trace.reader import LaneRow, TraceReader


@dataclass(frozen=True, slots=True)
class Controls:
    """Control lanes, None where the run has none.

    Attributes:
        full: full context; ``fitted`` says for how many probes of how many it fitted whole.
        guessable: (session, probe) that was right without any memory.
    """

    no_memory: LaneRow | None
    oracle: LaneRow | None
    full: LaneRow | None
    fitted: tuple[int, int]
    guessable: frozenset[tuple[int, str]]

    @property
    def lanes(self) -> frozenset[int]:
        """The lanes that are no memory."""
        return frozenset(row.id for row in (self.no_memory, self.oracle) if row)


def is_control(row: LaneRow) -> bool:
    """Whether a lane is no memory but a control."""
    return row.memory in LANES


def controls(reader: TraceReader, session: int | None = None, seq: int | None = None) -> Controls:
    """The controls of a run, over one session or (None) all, up to an event."""
    index, end = TraceIndex.of(reader), reader.last_seq() if seq is None else seq
    key = ("controls", session)
    kept: tuple[int, Controls] | None = index.memo.get(key)
    if kept is None or kept[0] != end:  # the same at every turn
        kept = index.memo[key] = (end, _controls(reader, index.lanes, session, seq))
    return kept[1]


def _controls(reader: TraceReader, rows: Sequence[LaneRow], session: int | None, seq: int | None) -> Controls:
    no_memory, oracle, full = (next((r for r in rows if r.memory == name), None) for name in (NO_MEMORY, ORACLE, FULL))
    guessable: frozenset[tuple[int, str]] = frozenset()
    if no_memory:
        query = (
            "SELECT session, subject FROM event WHERE kind = ?1 AND lane = ?2 AND (?3 IS NULL OR session = ?3) "
            "AND (?4 IS NULL OR seq <= ?4) AND json_extract(payload, '$.correct') "
            "AND json_extract(payload, '$.scorer') != 'abstain'"
        )
        found = reader.query(query, (str(Kind.SCORED), no_memory.id, session, seq))
        guessable = frozenset((number, probe) for number, probe in found)
    fitted = (0, 0)
    if full:
        query = (
            "SELECT count(*), coalesce(sum(json_array_length(payload, '$.dropped') = 0 "
            "AND coalesce(json_array_length(payload, '$.clipped'), 0) = 0), 0) FROM event "
            "WHERE kind = ?1 AND lane = ?2 AND (?3 IS NULL OR session = ?3) AND (?4 IS NULL OR seq <= ?4)"
        )
        ((asked, whole),) = reader.query(query, (str(Kind.PACKED), full.id, session, seq))
        fitted = (whole, asked)
    return Controls(no_memory, oracle, full, fitted, guessable)


def to_json(found: Controls, names: Mapping[int, str]) -> dict[str, Any]:
    """``controls`` of ``score --json``; ``names`` are those of the sessions."""
    several = len(names) > 1
    return {
        "no-memory": found.no_memory.name if found.no_memory else None,
        "oracle": found.oracle.name if found.oracle else None,
        "full": {"lane": found.full.name, "fitted": found.fitted[0], "of": found.fitted[1]} if found.full else None,
        "answerable_without_memory": [f"{names[n]}/{p}" if several else p for n, p in sorted(found.guessable)],
    }
