"""The transcript: turns with the probes asked after them. Depends on the session and the trace, not on the cursor."""

from __future__ import annotations

from dataclasses import dataclass, field

from workbench.probes.competencies import family
from workbench.projections.index import TraceIndex
from workbench.projections.remarks import remarks
from workbench.sessions.model import Probe, Turn
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader


@dataclass(frozen=True, slots=True)
class TurnRow:
    """A turn. ``speaker`` falls back to the role; ``opens_part`` when a new sitting begins here; ``remarks`` are what
    people said of it, in any lane."""

    turn: int
    speaker: str
    role: str
    text: str
    date: str
    opens_part: bool = False
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProbeRow:
    """A probe, after the turn ``turn``. ``verdicts``: (lane, answered right) of the lanes that have answered."""

    turn: int
    probe: str
    question: str
    gold: tuple[str, ...]
    competency: str
    evidence: tuple[int, ...]
    abstain: bool
    verdicts: tuple[tuple[int, bool], ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Transcript:
    """Rows in the order of the session.

    ``turn_rows`` maps a turn to its row, ``probe_rows`` a probe's id to its row.
    """

    session: int
    name: str
    rows: tuple[TurnRow | ProbeRow, ...]
    turn_rows: dict[int, int] = field(default_factory=dict)
    probe_rows: dict[str, int] = field(default_factory=dict)


def transcript(reader: TraceReader, session: int) -> Transcript:
    """The transcript of a session."""
    index = TraceIndex.of(reader)
    whole, verdicts = index.session(session), _verdicts(reader, index, session)
    asked: dict[int, list[Probe]] = {}
    for probe in whole.probes:
        asked.setdefault(probe.after, []).append(probe)
    said = _remarks(reader, session)
    rows: list[TurnRow | ProbeRow] = [_probe(p, verdicts, said) for p in asked.get(-1, ())]
    for place, turn in enumerate(whole.turns):
        rows.append(_turn(turn, whole.turns[place - 1] if place else None, said))
        rows.extend(_probe(p, verdicts, said) for p in asked.get(turn.index, ()))
    return Transcript(
        session,
        whole.name,
        tuple(rows),
        {row.turn: place for place, row in enumerate(rows) if isinstance(row, TurnRow)},
        {row.probe: place for place, row in enumerate(rows) if isinstance(row, ProbeRow)},
    )


Said = dict[tuple[str, str], tuple[str, ...]]


def _remarks(reader: TraceReader, session: int) -> Said:
    """Remarks on turns and probes, with who made them, by what they are about."""
    found: Said = {}
    for remark in remarks(reader, session):
        key = (remark.about, remark.subject)
        found[key] = (*found.get(key, ()), f"{remark.author}: {remark.text}")
    return found


def _turn(turn: Turn, before: Turn | None, said: Said) -> TurnRow:
    opens = before is None or before.part != turn.part
    about = said.get(("turn", str(turn.index)), ())
    return TurnRow(turn.index, turn.speaker or turn.role, turn.role, turn.text, turn.date, opens, about)


def _probe(probe: Probe, verdicts: dict[str, list[tuple[int, bool]]], said: Said) -> ProbeRow:
    return ProbeRow(
        probe.after,
        probe.id,
        probe.question,
        probe.gold,
        family(probe),
        probe.evidence,
        probe.abstain,
        tuple(verdicts.get(probe.id, ())),
        said.get(("probe", probe.id), ()),
    )


def _verdicts(reader: TraceReader, index: TraceIndex, session: int) -> dict[str, list[tuple[int, bool]]]:
    """Verdicts per probe, in the order of the lanes; reads only what is new."""
    seen = index.memo.setdefault(("verdicts", session), {"seq": 0, "of": {}})
    if seen["seq"] < index.seq:
        for event in reader.events(session, kinds=(Kind.SCORED,), after_seq=seen["seq"], up_to_seq=index.seq):
            seen["of"].setdefault(event.subject, {})[event.lane] = bool(event.payload.get("correct"))
        seen["seq"] = index.seq
    return {probe: sorted(lanes.items()) for probe, lanes in seen["of"].items()}
