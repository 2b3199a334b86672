"""What every cache policy of a run kept at its budget, and what came of it: evidence survival as a curve.

An answer under a policy is read once and remembered by the reader's index; a cursor only chooses among them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.projections.cache import evidence_held, fates_of, held_shares, policy_parameters
from workbench.projections.hits import span_of
from workbench.projections.index import TraceIndex
from workbench.trace.events import Event, Kind
from workbench.trace.reader import LaneRow, TraceReader


@dataclass(frozen=True, slots=True)
class SurvivalPoint:
    """One lane in the curve of a policy: what it kept, and what came of it; means over its probes.

    Attributes:
        way, badge: how its policy is carried out, for programs and for people.
        budget: ``keep`` as given: a share, or a number of tokens; of policies that have no budget the share they kept.
        share: entries kept of those of the full cache.
        evidence: share of the evidence kept over ``with_evidence`` probes, None without any.
        kl: next-token distance from the full cache in nats, None when it was not compared.
        agreement: of the heads with the one set that all got, None where each has its own.
        logical, modelled, full: bytes of the cells in use, of the method itself, of the full cache.
        accuracy: share of right answers over those of ``probes`` that have an answer.
    """

    lane: int
    name: str
    memory: str
    policy: str
    way: str
    badge: str
    when: str
    budget: float
    share: float
    evidence: float | None
    with_evidence: int
    kl: float | None
    agreement: float | None
    logical: float
    modelled: float
    full: float
    accuracy: float
    probes: int

    def to_json(self) -> dict[str, Any]:
        """``{name, way, badge, when, budget, share, evidence, kl, agreement, bytes: {logical, modelled, full}}``."""
        sizes = {"logical": round(self.logical), "modelled": round(self.modelled), "full": round(self.full)}
        keys = ("way", "badge", "when", "budget", "share", "evidence", "with_evidence", "kl", "agreement")
        return {"name": self.policy, **{key: getattr(self, key) for key in keys}, "bytes": sizes}

    @property
    def series(self) -> tuple[str, str, str, str]:
        """What the points of one line of the curve share."""
        return self.memory, self.policy, self.way, self.when


@dataclass(frozen=True, slots=True)
class _Answer:
    """One answer under a policy; ``payload`` of its ``cache.compressed``."""

    session: int
    turn: int
    seq: int
    payload: dict[str, Any]
    evidence: float | None
    correct: bool | None  # None: a question without an answer, which is no part of an accuracy


def survival(
    reader: TraceReader, session: int | None = None, seq: int | None = None, turn: int | None = None
) -> tuple[SurvivalPoint, ...]:
    """A point for every lane with a cache policy, ordered by policy and budget, over what was answered by then."""
    found = []
    for row in TraceIndex.of(reader).lanes:
        chosen = [
            a
            for a in _answers(reader, row)
            if session in (None, a.session) and (seq is None or a.seq <= seq) and (turn is None or a.turn <= turn)
        ]
        if chosen:
            found.append(_point(row, chosen))
    return tuple(sorted(found, key=lambda p: (*p.series, p.budget)))


def _point(row: LaneRow, answers: Sequence[_Answer]) -> SurvivalPoint:
    last = answers[-1].payload
    share = _mean(a.payload["share"] for a in answers) or 0.0
    sizes = [a.payload["bytes"] for a in answers]
    return SurvivalPoint(
        row.id,
        row.name,
        row.memory,
        row.cache,
        last["way"],
        last["badge"],
        last["when"],
        float(policy_parameters(row).get("keep", round(share, 3))),
        share,
        _mean(a.evidence for a in answers),
        sum(a.evidence is not None for a in answers),
        _mean(float(np.mean(a.payload["kl"])) for a in answers if a.payload["kl"]),
        _mean(a.payload.get("agreement") for a in answers),
        _mean(s["logical"] for s in sizes) or 0.0,
        _mean(s["modelled"] for s in sizes) or 0.0,
        _mean(s["full"] for s in sizes) or 0.0,
        _mean(a.correct for a in answers) or 0.0,
        len(answers),
    )


def _mean(values: Iterable[float | None]) -> float | None:
    known = [float(v) for v in values if v is not None]
    return float(np.mean(known)) if known else None


def _answers(reader: TraceReader, row: LaneRow) -> list[_Answer]:
    """Every answer of a lane under its policy; a probe's events are written as one, so none is read by half."""
    index = TraceIndex.of(reader)
    known: dict[str, Any] = index.memo.setdefault(("survival", row.id), {"seq": 0, "answers": []})
    if known["seq"] < index.seq:
        kinds = (Kind.PACKED, Kind.COMPRESSED, Kind.SCORED)
        spans: list[dict[str, Any]] = []
        pressed: Event | None = None
        for event in reader.events(None, row.id, kinds=kinds, after_seq=known["seq"], up_to_seq=index.seq):
            if event.kind == Kind.PACKED:
                spans, pressed = event.payload["spans"], None
            elif event.kind == Kind.COMPRESSED:
                pressed = event
            elif pressed is not None and pressed.subject == event.subject:
                known["answers"].append(_answer(reader, pressed, event, spans))
                pressed = None
        known["seq"] = index.seq
    answers: list[_Answer] = known["answers"]
    return answers


def _answer(reader: TraceReader, pressed: Event, scored: Event, spans: list[dict[str, Any]]) -> _Answer:
    session = TraceIndex.of(reader).session(pressed.session)
    probe = next((p for p in session.probes if p.id == pressed.subject), None)
    held = None
    if probe is not None and probe.evidence:
        data = pressed.payload
        shares = held_shares(reader.array(data["blobs"]["survival"])[:1], data)
        known = [span_of(s, probe.evidence) for s in spans]
        held = evidence_held(fates_of(shares, known, int(data["read"]), data["generated"][:1]))
    payload = dict(pressed.payload)
    correct = None if scored.payload.get("scorer") == "abstain" else bool(scored.payload["correct"])
    return _Answer(pressed.session, pressed.turn, scored.seq, payload, held, correct)
