"""What the detectors find in every lane of a session, kept while the trace does not grow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from workbench.memory.detectors import DROPPED, INVENTED_ID, Finding, counts, detect
from workbench.projections.controls import is_control
from workbench.projections.index import TraceIndex
from workbench.trace.reader import TraceReader

SHOWN_ELSEWHERE = frozenset({DROPPED, INVENTED_ID})
"""Kinds that the timeline marks already by the operation that was dropped."""


@dataclass(frozen=True, slots=True)
class LaneFindings:
    """The findings of a lane, in the order of the events that show them."""

    lane: int
    findings: tuple[Finding, ...]

    @property
    def counts(self) -> Mapping[str, int]:
        """How often each kind was found."""
        return counts(self.findings)

    def per_turn(self) -> dict[int, list[Finding]]:
        """The findings of every turn that has some."""
        turns: dict[int, list[Finding]] = {}
        for finding in self.findings:
            turns.setdefault(finding.turn, []).append(finding)
        return turns


@dataclass(frozen=True, slots=True)
class FindingsView:
    """The findings of all lanes of a session; ``seq`` is up to where the trace was read."""

    session: int
    lanes: Mapping[int, LaneFindings]
    seq: int


def findings_view(reader: TraceReader, session: int) -> FindingsView:
    """The findings of a session, up to the end of the trace. Lanes that did not grow are not looked at again."""
    index = TraceIndex.of(reader)
    found = {row.id: _of_lane(index, session, row.id) for row in index.lanes}
    return FindingsView(session, found, index.seq)


def finding_counts(reader: TraceReader, session: int | None = None) -> dict[int, Counter[str]]:
    """How often each kind was found in every lane (by number), in one session or (None) in all of them."""
    index = TraceIndex.of(reader)
    numbers = [session] if session is not None else list(reader.session_names())
    return {
        row.id: sum((Counter(_of_lane(index, n, row.id).counts) for n in numbers), Counter()) for row in index.lanes
    }


def _of_lane(index: TraceIndex, session: int, lane: int) -> LaneFindings:
    key = ("findings", session, lane)
    rows = index.reader.query("SELECT max(seq) FROM event WHERE session = ? AND lane = ?", (session, lane))
    last = rows[0][0] or 0
    known: tuple[int, LaneFindings] | None = index.memo.get(key)
    if known is None or known[0] < last:
        turns = index.session(session).turns
        real = not any(row.id == lane and is_control(row) for row in index.lanes)  # a control has nothing to be wrong
        found = tuple(detect(index.reader.events(session, lane, up_to_seq=index.seq), turns)) if real else ()
        known = index.memo[key] = (min(last, index.seq), LaneFindings(lane, found))
    return known[1]
