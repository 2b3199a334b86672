"""What evaluation methods work on: the answered probes of runs, with what stood in the context and what it cost."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from workbench.probes import score_answer
from workbench.probes.errata import Errata
from workbench.projections.attention import span_attention
from workbench.projections.costs import costs
from workbench.projections.hits import probe_events
from workbench.sessions.model import Probe, Session
from workbench.trace.events import FIXED, Event, Kind
from workbench.trace.reader import TraceReader

_KINDS = (Kind.RECALLED, Kind.PACKED, Kind.ANSWERED, Kind.SCORED)


@dataclass(frozen=True, slots=True)
class Shown:
    """A span of a context: its text, items and turns, and its share of the answer's attention (None: not recorded)."""

    text: str
    items: tuple[str, ...]
    turns: tuple[int, ...]
    attention: float | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """One probe as one lane answered it.

    Attributes:
        tokens: generated for this answer: by the memory while it recalled, and by the answer with its thought.
    """

    session: str
    lane: str
    probe: Probe
    correct: bool
    score: float
    answer: str
    shown: tuple[Shown, ...]
    tokens: int


@dataclass(frozen=True, slots=True)
class Run:
    """A run file.

    Attributes:
        rows: by lane, in the order of the trace.
        memories: the memory strategy of every lane.
        sizes: bytes that every lane's memory holds in the end.
        written: tokens that every lane's memory generated while it took in turns.
    """

    name: str
    sessions: Mapping[str, Session]
    rows: Mapping[str, Sequence[Answered]]
    memories: Mapping[str, str]
    sizes: Mapping[str, int]
    written: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Found:
    """What a method found: rows with the same keys, and remarks. Shares are in 0..1; None is not known."""

    rows: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        rows = [{k: round(v, 6) if isinstance(v, float) else v for k, v in row.items()} for row in self.rows]
        return {"rows": rows, "notes": list(self.notes)}


@dataclass(frozen=True, slots=True)
class Method:
    """An evaluation method over runs.

    Attributes:
        label: as of a generator: ``faithful``, ``adapted`` or ``in the style of``.
        differs: what differs from the publication; empty for faithful.
        needs: what a run must have for it.
        measure: the method.
    """

    name: str
    title: str
    paper: str
    label: str
    differs: str
    help: str
    needs: str
    measure: Callable[[Sequence[Run]], Found] = field(compare=False)


def run_of(reader: TraceReader, name: str, session: int | None = None, errata: Errata | None = None) -> Run:
    """What methods need of a run file, over one session or (None) all, without or with corrected ``errata``."""
    lanes = {lane.id: lane for lane in reader.lanes()}
    names = reader.session_names()
    sessions = {names[n]: reader.session(n) for n in names if session in (None, n)}
    rows: dict[str, list[Answered]] = {lane.name: [] for lane in lanes.values()}
    for number in names:
        if session in (None, number):
            every = reader.session(number).probes
            mended = [errata.apply(p, names[number]) if errata else p for p in every]
            probes = {p.id: p for p in mended if p is not None}
            corrected = {p.id for p, old in zip(mended, every, strict=True) if p not in (None, old)}
            waiting: dict[tuple[int, str], dict[str, Event]] = {}
            for event in reader.events(number, kinds=_KINDS):
                found = waiting.setdefault((event.lane, event.subject), {})
                found[event.kind] = event
                if event.kind == Kind.SCORED and event.subject in probes and event.lane in lanes:
                    made = _row(reader, number, names[number], lanes[event.lane].name, probes[event.subject], found)
                    rows[lanes[event.lane].name].append(_again(made) if event.subject in corrected else made)
                    waiting.pop((event.lane, event.subject))
    spent = costs(reader, session)
    return Run(
        name,
        sessions,
        rows,
        {lane.name: lane.memory for lane in lanes.values()},
        {c.lane.name: c.size for c in spent},
        {c.lane.name: c.written.generated for c in spent},
    )


def _again(row: Answered) -> Answered:
    """The same with its probe's gold as it is now."""
    found = score_answer(row.probe, row.answer)
    return replace(row, correct=bool(found["correct"]), score=float(found["score"]))


def _row(
    reader: TraceReader, number: int, session: str, lane: str, probe: Probe, found: Mapping[str, Event]
) -> Answered:
    scored = found[Kind.SCORED].payload
    answered = found[Kind.ANSWERED].payload if Kind.ANSWERED in found else {}
    recalled = found[Kind.RECALLED].payload if Kind.RECALLED in found else {}
    spans = [s for s in (found[Kind.PACKED].payload["spans"] if Kind.PACKED in found else ()) if _is_memory(s)]
    shares = _attention(reader, number, found, probe, spans)
    shown = tuple(
        Shown(str(s["text"]), tuple(s["items"]), tuple(s["turns"]), share)
        for s, share in zip(spans, shares, strict=True)
    )
    tokens = int((recalled.get("spent") or {}).get("tokens", (0, 0))[1])
    tokens += int(answered.get("generated") or len(answered.get("tokens", ())))
    right, value, text = bool(scored["correct"]), float(scored["score"]), str(answered.get("text", ""))
    return Answered(session, lane, probe, right, value, text, shown, tokens)


def _is_memory(span: Mapping[str, Any]) -> bool:
    return span["kind"] not in FIXED


def _attention(
    reader: TraceReader, number: int, found: Mapping[str, Event], probe: Probe, spans: Sequence[Mapping[str, Any]]
) -> list[float | None]:
    """The share of attention of every span; None where none was recorded."""
    if not spans or not any(s["tokens"][1] for s in spans):
        return [None] * len(spans)
    events = probe_events(reader, number, found[Kind.SCORED].lane, probe.id)
    shares = span_attention(reader, events, [(s["tokens"][0], s["tokens"][1]) for s in spans])
    return [None] * len(spans) if shares is None else list(shares[0])


def lanes(runs: Sequence[Run]) -> list[str]:
    """Every lane of the runs, in the order of their first run."""
    return list(dict.fromkeys(lane for run in runs for lane in run.rows))


def together(runs: Sequence[Run], lane: str) -> list[Answered]:
    """A lane's answers over all runs."""
    return [row for run in runs for row in run.rows.get(lane, ())]


def answerable(rows: Sequence[Answered]) -> list[Answered]:
    """Those whose probe has an answer; to recognise the others is abstention, which is no part of an accuracy."""
    return [row for row in rows if not row.probe.abstain]


def shown(value: Any) -> str:
    """A value as it stands in a table."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else str(value)
