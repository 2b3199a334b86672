"""Why an answer is as it is: the verdict on the probe in question, its funnel; and the causes of all wrong answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workbench.probes import controls
from workbench.projections.audit import Audited, audited
from workbench.projections.diff import Piece, word_diff
from workbench.projections.hits import probe_at
from workbench.projections.index import TraceIndex
from workbench.projections.remarks import Remark, remarks
from workbench.sessions.model import Probe
from workbench.trace.events import Kind
from workbench.trace.reader import LaneRow, TraceReader
from workbench.why.causes import known
from workbench.why.funnel import STAGES
from workbench.why.provenance import Source, sources
from workbench.why.verdict import CAUSES, UNEXPLAINED, Step, Verdict

HELD, BROKE, BEYOND = "held", "broke", "beyond"
ORDER = (*CAUSES, UNEXPLAINED)
"""The order of causes wherever they are counted."""


@dataclass(frozen=True, slots=True)
class Station:
    """One stage of the funnel for this answer.

    Attributes:
        state: ``held``, ``broke`` here, or ``beyond`` where the fact never came.
        step: what the thread says of it, None for nothing.
    """

    stage: str
    state: str
    step: Step | None


@dataclass(frozen=True, slots=True)
class WhyView:
    """Why a lane answered a probe as it did.

    Attributes:
        lost: old and new text of what lost it, word by word.
        sources: the spans that the answer looked at, most first.
        turn: after which it was asked.
        remarks: what people said of the probe, or of events in its thread.
        token: the token of the answer that ``sources`` are of, None for all of it.
        audit: what became of old and new versions of the fact, where the session knows them.
    """

    lane: int
    turn: int
    probe: Probe
    verdict: Verdict
    stations: tuple[Station, ...]
    lost: tuple[Piece, ...]
    sources: tuple[Source, ...]
    remarks: tuple[Remark, ...] = ()
    audit: Audited | None = None
    token: int | None = None

    @property
    def right(self) -> bool:
        """Whether the answer was right."""
        return not self.verdict.cause


def why_view(
    reader: TraceReader,
    session: int,
    lane: int,
    turn: int,
    selected: str = "",
    seq: int | None = None,
    pinned: bool = False,
    token: int | None = None,
) -> WhyView | None:
    """The verdict on the probe at the cursor, or on a pinned one wherever the cursor is; None before the first.

    Args:
        token: of the answer, from 0; the sources are then that token's alone.
    """
    probe = probe_at(reader, session, lane, turn, selected, seq)
    scored = "SELECT 1 FROM event WHERE kind = ? AND session = ? AND lane = ? AND subject = ?"
    if probe is None or not reader.query(scored, (str(Kind.SCORED), session, lane, probe.id)):
        return None
    verdict = known(reader, session, lane, probe.id)
    loss = verdict.loss
    lost = word_diff(loss.old, loss.new) if loss is not None and loss.new else ()
    looked = tuple(sources(reader, session, lane, probe.id, token))
    about = tuple(r for r in remarks(reader, session) if r.lane == lane and _concerns(r, verdict))
    return WhyView(
        lane,
        probe.after,
        probe,
        verdict,
        _stations(verdict),
        tuple(lost),
        looked,
        about,
        audited(reader, session, lane, probe),
        token,
    )


def _concerns(remark: Remark, verdict: Verdict) -> bool:
    if remark.about == "turn":
        return remark.turn in verdict.turns
    return remark.subject == verdict.probe or remark.seq in verdict.evidence


def _stations(verdict: Verdict) -> tuple[Station, ...]:
    steps: dict[str, Step] = {}
    for step in verdict.thread:
        if step.stage not in steps or not step.held:
            steps[step.stage] = step
    broke = STAGES.index(verdict.broke) if verdict.broke in STAGES else len(STAGES)  # type: ignore[arg-type]
    states = [HELD if n < broke else BROKE if n == broke else BEYOND for n in range(len(STAGES))]
    return tuple(Station(stage, state, steps.get(stage)) for stage, state in zip(STAGES, states, strict=True))


@dataclass(frozen=True, slots=True)
class Wrong:
    """A wrong answer in the overview."""

    lane: int
    probe: str
    turn: int
    competency: str
    question: str
    answer: str
    gold: tuple[str, ...]
    cause: str
    causes: tuple[str, ...]
    confirmed: bool | None
    sentence: str


@dataclass(frozen=True, slots=True)
class LaneCauses:
    """The wrong answers of a lane, in the order asked; ``asked`` counts all of its answers."""

    lane: LaneRow
    asked: int
    wrong: tuple[Wrong, ...]

    @property
    def counts(self) -> Mapping[str, int]:
        """How many have which cause."""
        return Counter(w.cause for w in self.wrong)

    def by_competency(self) -> dict[str, Mapping[str, int]]:
        """The same per competency."""
        names = dict.fromkeys(w.competency for w in self.wrong)
        return {name: Counter(w.cause for w in self.wrong if w.competency == name) for name in names}

    @property
    def proved(self) -> int:
        """How many causes a flipped answer proves."""
        return sum(bool(w.confirmed) for w in self.wrong)


def causes_view(reader: TraceReader, session: int) -> tuple[LaneCauses, ...]:
    """The causes of every wrong answer of a session, lane by lane; the controls are no memories to be explained."""
    index = TraceIndex.of(reader)
    probes = {p.id: p for p in index.session(session).probes}
    found = []
    for row in [r for r in index.lanes if r.memory not in controls.LANES]:
        events = list(reader.events(session, row.id, (Kind.SCORED,), up_to_seq=index.seq))
        wrong = [e.subject for e in events if not e.payload["correct"] and e.subject in probes]
        if events:
            found.append(LaneCauses(row, len(events), tuple(_wrong(reader, session, row.id, probes, wrong))))
    return tuple(found)


def _wrong(
    reader: TraceReader, session: int, lane: int, probes: Mapping[str, Probe], ids: Sequence[str]
) -> list[Wrong]:
    found = []
    for name in ids:
        v, p = known(reader, session, lane, name), probes[name]
        found.append(
            Wrong(
                lane,
                name,
                p.after,
                p.competency,
                p.question,
                v.answer,
                p.gold,
                v.cause,
                v.causes,
                v.confirmed,
                v.sentence,
            )
        )
    return found
