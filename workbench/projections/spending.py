"""What every lane spent turn by turn and probe by probe: model calls, tokens and seconds, and on which operations.

Does not depend on the cursor: the view is made once per session and grows with a live run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil

from workbench.projections.index import TraceIndex
from workbench.projections.scores import ANSWER_TOKENS_SQL
from workbench.trace.events import Kind
from workbench.trace.reader import LaneRow, TraceReader

CALLS, TOKENS, SECONDS = "calls", "tokens", "seconds"
MEASURES = (CALLS, TOKENS, SECONDS)
ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class Step:
    """A turn that was taken in, or a probe that was answered.

    Attributes:
        turn: of the turn, or after which the probe was asked.
        probe: id of the probe; empty for a turn.
        calls, tokens: of a model, tokens read and written together. seconds: of the lane's own step.
    """

    turn: int
    probe: str
    calls: int
    tokens: int
    seconds: float

    def of(self, measure: str) -> float:
        """Calls, tokens or seconds."""
        return float(getattr(self, measure))


@dataclass(frozen=True, slots=True)
class OperationSpent:
    """What one operation of a lane cost in all.

    Attributes:
        operation: the call's purpose, ``answer`` for answers.
        writing: whether it belongs to taking in turns, else to probes.
        prompt, generated: tokens read and written.
        seconds: of the calls; calls of several lanes share a batch, so that these may add up to more than passed.
        middle, high: 50th and 95th percentile of a call's tokens.
    """

    operation: str
    writing: bool
    calls: int
    prompt: int
    generated: int
    seconds: float
    middle: float
    high: float


@dataclass(frozen=True, slots=True)
class LaneSpent:
    """One lane; ``turns`` and ``probes`` in order, the costliest operation first."""

    lane: LaneRow
    place: int
    turns: tuple[Step, ...]
    probes: tuple[Step, ...]
    operations: tuple[OperationSpent, ...]


@dataclass(frozen=True, slots=True)
class Spending:
    """A session of ``turns`` turns, lane by lane."""

    session: int
    turns: int
    lanes: tuple[LaneSpent, ...]


_Call = tuple[str, int, int, float]
"""Operation, tokens read and written, ms."""


@dataclass
class _Tally:
    turns: list[Step] = field(default_factory=list)
    probes: list[Step] = field(default_factory=list)
    # by (operation, writing): (prompt, generated, ms) of every call
    calls: dict[tuple[str, bool], list[tuple[int, int, float]]] = field(default_factory=dict)
    open: list[_Call] = field(default_factory=list)  # calls of a step that has not ended
    closed: int = -1
    recalled: float = 0.0


_SQL = f"""
SELECT lane, turn, kind, subject, ms,
    CASE kind WHEN '{Kind.MODEL_CALLED}' THEN json_extract(payload, '$.purpose') ELSE '' END,
    CASE kind WHEN '{Kind.MODEL_CALLED}' THEN json_extract(payload, '$.tokens[0]')
        WHEN '{Kind.ANSWERED}' THEN json_extract(payload, '$.prompt_tokens') ELSE 0 END,
    CASE kind WHEN '{Kind.MODEL_CALLED}' THEN json_extract(payload, '$.tokens[1]')
        WHEN '{Kind.ANSWERED}' THEN {ANSWER_TOKENS_SQL} ELSE 0 END
FROM event WHERE kind IN ('{Kind.MODEL_CALLED}', '{Kind.TURN_CLOSED}', '{Kind.RECALLED}', '{Kind.ANSWERED}')
    AND session = ? AND seq > ? AND seq <= ? ORDER BY seq
"""


def spending(reader: TraceReader, session: int) -> Spending:
    """What was spent in a session, up to the end of the trace."""
    index = TraceIndex.of(reader)
    kept = index.memo.setdefault(("spending", session), {"seq": 0, "lanes": {}})
    if kept["seq"] < index.seq:
        for lane, *row in reader.query(_SQL, (session, kept["seq"], index.seq)):
            _count(kept["lanes"].setdefault(lane, _Tally()), *row)
        kept["seq"] = index.seq
    lanes = tuple(_lane(row, place, kept["lanes"].get(row.id, _Tally())) for place, row in enumerate(index.lanes))
    return Spending(session, index.turns(session), lanes)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of them does not exceed (nearest rank); 0 for none."""
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)] if ordered else 0.0


def _count(
    tally: _Tally, turn: int, kind: str, subject: str, ms: float, purpose: str | None, prompt: int | None,
    generated: int | None,
) -> None:  # fmt: skip
    read, wrote = int(prompt or 0), int(generated or 0)
    if kind == Kind.MODEL_CALLED:
        tally.open.append((purpose or "", read, wrote, ms))
    elif kind == Kind.RECALLED:
        tally.recalled = ms
    elif kind == Kind.ANSWERED:
        answer = [(ANSWER, read, wrote, ms)] if read else []  # a reader that is no model reads no tokens
        own = tally.open if turn <= tally.closed else []  # before the turn is closed, calls are the turn's
        tally.probes.append(_step(tally, [*own, *answer], turn, subject, ms + tally.recalled))
        tally.open, tally.recalled = tally.open[len(own) :], 0.0
    else:
        tally.turns.append(_step(tally, tally.open, turn, "", ms))
        tally.open, tally.closed = [], turn


def _step(tally: _Tally, calls: list[_Call], turn: int, probe: str, ms: float) -> Step:
    """A step ended: these calls were its own."""
    for purpose, read, wrote, own in calls:
        tally.calls.setdefault((purpose, not probe), []).append((read, wrote, own))
    return Step(turn, probe, len(calls), sum(r + w for _, r, w, _ in calls), ms / 1000)


def _lane(row: LaneRow, place: int, tally: _Tally) -> LaneSpent:
    operations = []
    for (name, writing), calls in tally.calls.items():
        both = [float(read + wrote) for read, wrote, _ in calls]
        read, wrote = sum(r for r, _, _ in calls), sum(w for _, w, _ in calls)
        seconds = sum(ms for _, _, ms in calls) / 1000
        ends = percentile(both, 0.5), percentile(both, 0.95)
        operations.append(OperationSpent(name, writing, len(calls), read, wrote, seconds, *ends))
    operations.sort(key=lambda one: (-(one.prompt + one.generated), one.operation))
    return LaneSpent(row, place, tuple(tally.turns), tuple(tally.probes), tuple(operations))
