"""What a report says, gathered from the trace: plain values that a page only has to lay out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workbench.probes.competencies import SHORT, family, title
from workbench.probes.errata import Errata
from workbench.projections.charts import Charts, charts
from workbench.projections.compared import Compared, compared
from workbench.projections.controls import Controls, controls
from workbench.projections.costs import LaneCosts, costs
from workbench.projections.findings import finding_counts
from workbench.projections.judged import Trial, trials
from workbench.projections.losses import LaneLosses, losses
from workbench.projections.probe_table import ProbeTable, probe_table
from workbench.projections.published import Standing, scored, standings
from workbench.projections.remarks import Remark, remarks
from workbench.projections.scores import Scoreboard, scores, without
from workbench.projections.survival import SurvivalPoint, survival
from workbench.projections.timeline import Timeline, timeline
from workbench.projections.unread import unread
from workbench.projections.why import LaneCauses, causes_view
from workbench.trace.events import Event, Kind
from workbench.trace.reader import TraceReader

MOST_TROUBLES = 200
"""Troubles that are listed one by one; the rest are counted."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that went wrong or was lost: where (lane and turn, empty for the run), what, and how often."""

    where: str
    what: str
    times: int = 1


@dataclass(frozen=True, slots=True)
class SessionPart:
    """One session: its tracks and its probes with every lane's answer."""

    number: int
    name: str
    turns: int
    timeline: Timeline
    probes: ProbeTable
    competencies: Mapping[str, str]
    causes: tuple[LaneCauses, ...] = ()


@dataclass(frozen=True, slots=True)
class Content:
    """Everything in a report, in its order."""

    run: str
    facts: tuple[tuple[str, str], ...]
    board: Scoreboard
    costs: tuple[LaneCosts, ...]
    findings: Mapping[int, Mapping[str, int]]
    sessions: tuple[SessionPart, ...]
    warnings: tuple[Trouble, ...]
    troubles: tuple[Trouble, ...]
    finished: bool
    remarks: tuple[Remark, ...]
    standings: tuple[Standing, ...]
    compared: tuple[Compared, ...]
    controls: Controls
    trials: tuple[Trial, ...]
    losses: tuple[LaneLosses, ...]
    charts: Charts
    policies: tuple[SurvivalPoint, ...]
    errata: str = ""

    @property
    def whole(self) -> bool:
        """Whether nothing was lost, cut or odd."""
        return not (self.troubles or self.warnings or any(lane.losses or lane.cut for lane in self.losses))


def gather(reader: TraceReader, errata: Errata | None = None) -> Content:
    """The content of a run's report. ``errata`` change scores and what is made of them, not the list of probes."""
    sessions = tuple(_session(reader, number) for number in reader.session_names())
    warnings = [Trouble(s.name, w) for s in sessions for w in reader.session(s.number).warnings]
    warnings += [Trouble(f"{u.lane}, {u.session}", u.text) for u in unread(reader)]
    last = [str(e.kind) for e in reader.events(lane=0, kinds=(Kind.RUN_STARTED, Kind.RUN_CANCELLED, Kind.RUN_FINISHED))]
    kept = scored(reader, errata=errata)[0]
    return Content(
        reader.path.name,
        tuple(_facts(reader, sessions)),
        without(scores(reader), kept) if errata else scores(reader),
        costs(reader),
        finding_counts(reader),
        sessions,
        tuple(warnings),
        tuple(_troubles(reader)),
        bool(last) and last[-1] == Kind.RUN_FINISHED,
        remarks(reader),
        standings(reader, errata=errata),
        compared(reader, kept),
        controls(reader),
        trials(reader),
        losses(reader),
        charts(reader, errata=errata),
        survival(reader),
        str(errata or ""),
    )


def heading(competency: str) -> str:
    """A competency as a column heading."""
    return SHORT.get(competency, title(competency))


def _session(reader: TraceReader, number: int) -> SessionPart:
    session = reader.session(number)
    names = {c: title(c) for c in dict.fromkeys(map(family, session.probes))}
    return SessionPart(
        number,
        session.name,
        len(session.turns),
        timeline(reader, number),
        probe_table(reader, number),
        names,
        causes_view(reader, number),
    )


def _facts(reader: TraceReader, sessions: tuple[SessionPart, ...]) -> list[tuple[str, str]]:
    loaded = next(reversed(list(reader.events(lane=0, kinds=(Kind.ENGINE_LOADED,)))), None)
    info = dict(loaded.payload) if loaded else {}
    config = reader.meta("config", {})
    versions = ", ".join(f"{k} {v}" for k, v in info.get("versions", {}).items())
    turns, probes = sum(s.turns for s in sessions), sum(len(s.probes.lines) for s in sessions)
    named = ", ".join(s.name for s in sessions)
    found = [
        ("Session" if len(sessions) == 1 else f"{len(sessions)} sessions", named),
        ("Size", f"{turns:,} turns, {probes:,} probes, {len(reader.lanes())} lanes, {reader.last_seq():,} events"),
        ("Model", str(info.get("name", ""))),
        ("Device", str(info.get("device", ""))),
        ("Embeddings", str(info.get("embedder", ""))),
        ("Seed", _seed(config)),
        ("Versions", versions),
    ]
    return [(key, value) for key, value in found if value]


def _seed(config: Mapping[str, object]) -> str:
    if "seed" not in config:
        return ""
    how = "one sequence at a time, bit-identical from run to run" if config.get("exact") else "batched"
    return f"{config['seed']}, {how}"


_WHAT = {
    Kind.ENGINE_CRASHED: "the engine crashed",
    Kind.RUN_CANCELLED: "the run was cancelled",
    Kind.LANE_FAILED: "the strategy failed",
    Kind.DROPPED: "lost",
}


def _troubles(reader: TraceReader) -> list[Trouble]:
    lanes = {row.id: row.name for row in reader.lanes()}
    names = reader.session_names()
    found: dict[tuple[str, str], int] = {}
    for event in reader.events(kinds=tuple(_WHAT)):
        key = (_where(event, lanes, names), _what(event))
        found[key] = found.get(key, 0) + 1
    for lane, purpose, error, times in _model_errors(reader):
        found[(lanes[lane], f"model call “{purpose}”: {error}")] = times
    listed = [Trouble(where, what, times) for (where, what), times in found.items()]
    rest = sum(t.times for t in listed[MOST_TROUBLES:])
    return [*listed[:MOST_TROUBLES], *([Trouble("", "further ones, not listed here", rest)] if rest else [])]


def _where(event: Event, lanes: Mapping[int, str], sessions: Mapping[int, str]) -> str:
    if not event.lane:
        return "run"
    place = f"{sessions[event.session]}, " if len(sessions) > 1 else ""
    return f"{lanes[event.lane]}, {place}turn {event.turn}"


def _what(event: Event) -> str:
    data = event.payload
    detail = " - ".join(str(data[k]) for k in ("reason", "message", "detail") if data.get(k))
    what = _WHAT[Kind(event.kind)]
    return f"{what}: {detail}" if detail else what


def _model_errors(reader: TraceReader) -> list[tuple[int, str, str, int]]:
    """Lane, purpose, error and count of the model calls and answers that ended in one."""
    query = (
        "SELECT lane, coalesce(json_extract(payload, '$.purpose'), 'answer') AS purpose, "
        "json_extract(payload, '$.error') AS error, count(*) FROM event WHERE kind IN (?, ?) "
        "AND coalesce(error, '') != '' GROUP BY lane, purpose, error ORDER BY lane, purpose"
    )
    return reader.query(query, (str(Kind.MODEL_CALLED), str(Kind.ANSWERED)))  # type: ignore[return-value]
