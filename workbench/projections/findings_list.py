"""All findings of a session in one list: what the detectors found, and operations that lost what is still asked."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.memory.detectors import KINDS
from workbench.projections.findings import findings_view
from workbench.projections.index import TraceIndex
from workbench.trace.events import Kind
from workbench.trace.reader import LaneRow, TraceReader
from workbench.why.causes import known

DESTRUCTIVE = "destructive update"
MEANINGS = {DESTRUCTIVE: "An operation took away a fact that a question after it needs", **KINDS}
"""Every kind in the list and what it means; the gravest first."""
_BY_CHOICE = (Kind.UPDATED, Kind.SUPERSEDED, Kind.MERGED, Kind.DELETED)


@dataclass(frozen=True, slots=True)
class FindingRow:
    """One finding: where, what kind, which item, the event that shows it; ``probe`` that needs what was lost."""

    lane: LaneRow
    turn: int
    kind: str
    item: str
    seq: int
    text: str
    probe: str = ""


def findings_list(reader: TraceReader, session: int) -> tuple[FindingRow, ...]:
    """The findings of all lanes, the gravest kinds first, each by turn."""
    index = TraceIndex.of(reader)
    found = findings_view(reader, session)
    rows, grave = [], {kind: n for n, kind in enumerate(MEANINGS)}
    for lane in index.lanes:
        rows += [FindingRow(lane, f.turn, f.kind, f.item, f.seq, f.text) for f in found.lanes[lane.id].findings]
        rows += _destructive(reader, session, lane)
    return tuple(sorted(rows, key=lambda r: (grave[r.kind], r.turn, r.lane.id, r.seq)))


def _destructive(reader: TraceReader, session: int, lane: LaneRow) -> list[FindingRow]:
    """Operations that a method chose to make (an eviction for want of room is none) and that lost asked evidence."""
    seen: dict[int, FindingRow] = {}
    for event in reader.events(session, lane.id, (Kind.SCORED,)):
        verdict = known(reader, session, lane.id, event.subject)
        loss = verdict.loss
        if loss is not None and loss.kind in _BY_CHOICE and loss.seq not in seen:
            text = f"{loss.old} → {loss.new or 'nothing'}; asked by {event.subject}: {verdict.question}"
            seen[loss.seq] = FindingRow(lane, loss.turn, DESTRUCTIVE, loss.item, loss.seq, text, event.subject)
    return list(seen.values())
