"""Explaining a run: the verdicts of many probes in many lanes, batched on one model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from workbench.branch import spec_of
from workbench.errors import Cancelled
from workbench.probes import controls
from workbench.projections.index import TraceIndex
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader
from workbench.why.asking import Scene, Setting
from workbench.why.case import case, rarity
from workbench.why.causes import state_before
from workbench.why.counterfactuals import Prover
from workbench.why.funnel import ByText
from workbench.why.verdict import Verdict

AT_ONCE = 8
"""Probes that are proved side by side; their questions fill the model's batches."""


@dataclass(frozen=True, slots=True)
class Target:
    """A probe of a lane on a session, by its number."""

    session: int
    lane: int
    probe: str


def failed(reader: TraceReader, session: int | None = None, lane: int | None = None) -> list[Target]:
    """Every probe that was answered wrongly, lane by lane in the order asked; of one session or lane when given.

    Control lanes have no memory to explain; they are left out unless one is named.
    """
    rows = reader.query(
        "SELECT session, lane, subject, json_extract(payload, '$.correct') FROM event WHERE kind = ? "
        "ORDER BY session, lane, seq",
        (str(Kind.SCORED),),
    )
    no_memory = {row.id for row in reader.lanes() if row.memory in controls.LANES and row.id != lane}
    return [
        Target(at, of, probe)
        for at, of, probe, right in rows
        if not right and session in (None, at) and lane in (None, of) and of not in no_memory
    ]


def scene(reader: TraceReader, setting: Setting, target: Target) -> Scene:
    """A probe as its lane met it, ready to be asked again."""
    asked = case(reader, target.session, target.lane, target.probe)
    return Scene(setting, asked, spec_of(asked.lane, setting.code), state_before(reader, asked))


async def prove(
    reader: TraceReader,
    setting: Setting,
    targets: Sequence[Target],
    done: Callable[[Verdict], None] | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> list[Verdict]:
    """The verdicts with their proofs, in the order of ``targets``.

    Args:
        done: called with every verdict as soon as it is there.
        stopped: asked before each; once it says so, no further one is begun.

    Raises:
        Cancelled: it was stopped; ``done`` has had what there was.
    """
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(target: Target) -> Verdict | None:
        async with slots:
            if stopped():
                return None
            verdict = await prover(reader, setting, target).prove()
        if done is not None:
            done(verdict)
        return verdict

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(t)) for t in targets]
    except ExceptionGroup as many:
        raise many.exceptions[0] from many  # what a person can mend says so itself
    found = [verdict for task in tasks if (verdict := task.result()) is not None]
    if len(found) < len(targets):
        raise Cancelled("cancelled; what is proved stays")
    return found


def prover(reader: TraceReader, setting: Setting, target: Target) -> Prover:
    """What proves the cause of one answer."""
    met = scene(reader, setting, target)
    return Prover(reader, met, ByText(met.case, rarity(TraceIndex.of(reader), target.session)))
