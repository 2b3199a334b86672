"""Every probe of a session with what each lane answered. Depends on the session and the trace, not on the cursor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from workbench.probes.competencies import family
from workbench.probes.papers import place, title
from workbench.projections.controls import controls
from workbench.projections.index import TraceIndex
from workbench.sessions.model import Probe
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader


@dataclass(frozen=True, slots=True)
class Verdict:
    """One lane's answer to one probe.

    Attributes:
        rank: of the first hit with evidence, 0 for none.
        scores: published figures by name.
        judged: what judges said: score, model, verdict and reason.
    """

    lane: int
    correct: bool
    answer: str
    rank: int
    scores: Mapping[str, float] = field(default_factory=dict)
    judged: tuple[tuple[str, str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ProbeLine:
    """One probe; ``verdicts`` in the order of the lanes, None where the lane has not answered.

    ``guessable``: it was right without any memory, so it says nothing about memories. ``part`` is its benchmark and
    category, as ``LoCoMo/2``; empty for a probe of no benchmark.
    """

    probe: str
    turn: int
    competency: str
    question: str
    gold: str
    verdicts: tuple[Verdict | None, ...]
    guessable: bool = False
    part: str = ""

    @property
    def disputed(self) -> bool:
        """Whether some lanes answered it right and some wrong."""
        return len({v.correct for v in self.verdicts if v is not None}) == 2


@dataclass(frozen=True, slots=True)
class ProbeTable:
    """The probes in the order they are asked, and the lanes of the columns."""

    session: int
    lanes: tuple[tuple[int, str], ...]
    lines: tuple[ProbeLine, ...]


def of_lanes(view: ProbeTable, lanes: Sequence[int]) -> ProbeTable:
    """The table with these lanes' columns alone, in this order; numbers of no column are left out."""
    place = {lane: n for n, (lane, _) in enumerate(view.lanes)}
    places = [place[lane] for lane in lanes if lane in place]
    lines = tuple(replace(line, verdicts=tuple(line.verdicts[p] for p in places)) for line in view.lines)
    return replace(view, lanes=tuple(view.lanes[p] for p in places), lines=lines)


def probe_table(reader: TraceReader, session: int) -> ProbeTable:
    """The probes of a session."""
    index = TraceIndex.of(reader)
    kept = index.memo.setdefault(("probes", session), {"seq": 0, "said": {}, "of": {}})
    if kept["seq"] < index.seq:
        kinds = (Kind.ANSWERED, Kind.SCORED, Kind.JUDGED)
        for event in reader.events(session, kinds=kinds, after_seq=kept["seq"], up_to_seq=index.seq):
            key, data = (event.subject, event.lane), event.payload
            if event.kind == Kind.ANSWERED:
                kept["said"][key] = data.get("text", "")
            elif event.kind == Kind.JUDGED:
                kept["of"][key] = _judged(kept["of"].get(key), data)
            else:
                said, rank = kept["said"].get(key, ""), int(data.get("rank") or 0)
                kept["of"][key] = Verdict(event.lane, bool(data.get("correct")), said, rank, data.get("scores") or {})
        kept["seq"] = index.seq
    known = controls(reader, session).guessable
    lines = tuple(
        ProbeLine(
            p.id,
            p.after,
            family(p),
            p.question,
            "never said" if p.abstain else " or ".join(p.gold),
            tuple(kept["of"].get((p.id, row.id)) for row in index.lanes),
            (session, p.id) in known,
            _part(p, index.session(session).extra),
        )
        for p in sorted(index.session(session).probes, key=lambda p: p.after)
    )
    return ProbeTable(session, tuple((row.id, row.name) for row in index.lanes), lines)


def part_title(part: str) -> str:
    """``LoCoMo/2`` as "LoCoMo: 2 temporal"."""
    benchmark, _, category = part.partition("/")
    return f"{benchmark}: {title(benchmark, category)}"


def _part(probe: Probe, shared: Mapping[str, Any]) -> str:
    where = place(probe, shared)
    return f"{where.benchmark}/{where.category}" if where.benchmark else ""


def _judged(verdict: Verdict | None, data: Mapping[str, Any]) -> Verdict | None:
    """The verdict with what a judge said of it; a later word of the same judge takes the place of the earlier."""
    if verdict is None:
        return None
    said = tuple(str(data.get(key, "")) for key in ("name", "judge", "verdict", "reason"))
    others = tuple(j for j in verdict.judged if j[:2] != said[:2])
    return replace(verdict, judged=(*others, said))  # type: ignore[arg-type]


def most_telling(table: ProbeTable) -> ProbeLine | None:
    """The probe that divides the lanes most, of several the last: memories are full then. None when all agree."""

    def disagreement(line: ProbeLine) -> int:
        right = [verdict.correct for verdict in line.verdicts if verdict is not None]
        return min(right.count(True), right.count(False))

    best = max(reversed(table.lines), key=disagreement, default=None)
    return best if best is not None and disagreement(best) else None
