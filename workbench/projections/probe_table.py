"""Every probe of a session with what each lane answered. Depends on the session and the trace, not on the cursor."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.probes.competencies import family
from workbench.projections.index import TraceIndex
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader


@dataclass(frozen=True, slots=True)
class Verdict:
    """One lane's answer to one probe. ``rank`` of the first hit with evidence, 0 for none."""

    lane: int
    correct: bool
    answer: str
    rank: int


@dataclass(frozen=True, slots=True)
class ProbeLine:
    """One probe; ``verdicts`` in the order of the lanes, None where the lane has not answered."""

    probe: str
    turn: int
    competency: str
    question: str
    gold: str
    verdicts: tuple[Verdict | None, ...]


@dataclass(frozen=True, slots=True)
class ProbeTable:
    """The probes in the order they are asked, and the lanes of the columns."""

    session: int
    lanes: tuple[tuple[int, str], ...]
    lines: tuple[ProbeLine, ...]


def probe_table(reader: TraceReader, session: int) -> ProbeTable:
    """The probes of a session."""
    index = TraceIndex.of(reader)
    kept = index.memo.setdefault(("probes", session), {"seq": 0, "said": {}, "of": {}})
    if kept["seq"] < index.seq:
        kinds = (Kind.ANSWERED, Kind.SCORED)
        for event in reader.events(session, kinds=kinds, after_seq=kept["seq"], up_to_seq=index.seq):
            key, data = (event.subject, event.lane), event.payload
            if event.kind == Kind.ANSWERED:
                kept["said"][key] = data.get("text", "")
            else:
                said = kept["said"].get(key, "")
                kept["of"][key] = Verdict(event.lane, bool(data.get("correct")), said, int(data.get("rank") or 0))
        kept["seq"] = index.seq
    lines = tuple(
        ProbeLine(
            p.id,
            p.after,
            family(p),
            p.question,
            "never said" if p.abstain else " or ".join(p.gold),
            tuple(kept["of"].get((p.id, row.id)) for row in index.lanes),
        )
        for p in sorted(index.session(session).probes, key=lambda p: p.after)
    )
    return ProbeTable(session, tuple((row.id, row.name) for row in index.lanes), lines)


def most_telling(table: ProbeTable) -> ProbeLine | None:
    """The probe that divides the lanes most, of several the last: memories are full then. None when all agree."""

    def disagreement(line: ProbeLine) -> int:
        right = [verdict.correct for verdict in line.verdicts if verdict is not None]
        return min(right.count(True), right.count(False))

    best = max(reversed(table.lines), key=disagreement, default=None)
    return best if best is not None and disagreement(best) else None
