"""Running a branch: the child lane goes on from where it was cut, alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from workbench.branch import Edit, Start, create, start
from workbench.engine import explain
from workbench.engine.control import Control
from workbench.engine.protocol import Loading, Progress, Report, TraceAdvanced
from workbench.errors import Cancelled, UsageError
from workbench.llm.base import Backend
from workbench.replay import LaneReplay
from workbench.trace.reader import LaneRow, TraceReader
from workbench.trace.writer import TraceWriter


def branch(
    path: Path,
    lane: str,
    turn: int,
    edits: tuple[Edit, ...],
    session: int | None = None,
    threads: int | None = None,
    report: Callable[[Report], None] | None = None,
    control: Control | None = None,
) -> LaneRow:
    """Make a branch and run it to the session's end; the child's row.

    Raises:
        UsageError: what is to be changed is not there.
        Cancelled: what was committed stays.
        MnemoscopeError: for whatever a person can mend.
    """
    tell = report or (lambda _: None)
    with closing(TraceReader(path)) as reader:
        number = _session(reader, session)
        begin = start(reader, number, lane, turn, edits)
        tell(Loading("loading the model"))
        backend = explain.backend_of(reader, begin.settings, threads)
    with closing(backend), TraceWriter(path) as writer:
        child = create(writer, begin)
        tell(TraceAdvanced(writer.last_seq))
        asyncio.run(_run(writer, begin, child, backend, tell, control or Control()))
        with writer.reader() as reader:
            return next(row for row in reader.lanes() if row.id == child)


def _session(reader: TraceReader, session: int | None) -> int:
    names = reader.session_names()
    if session is None and len(names) > 1:
        raise UsageError(
            f"{reader.path}: holds several sessions", f"choose one with --session: {', '.join(names.values())}"
        )
    return session if session is not None else next(iter(names))


async def _run(
    writer: TraceWriter, begin: Start, child: int, backend: Backend, tell: Callable[[Report], None], control: Control
) -> None:
    with writer.reader() as reader:
        session = reader.session(begin.session)
        how = explain.setting(begin.settings, backend)
    asking = how.asked_under(begin.spec)
    capture = how.capture if backend.info.capture else "off"
    lane = LaneReplay(
        session, begin.session, child, begin.spec.strategy, backend, writer, how.seed, capture, how.reader, asking
    )
    control.bind(asyncio.get_running_loop(), tell)
    task = asyncio.ensure_future(_go_on(lane, writer, begin, tell, control))
    control.running([task])
    try:
        await task
    except asyncio.CancelledError:
        raise Cancelled("cancelled; what the branch did so far stays") from None


async def _go_on(
    lane: LaneReplay, writer: TraceWriter, begin: Start, tell: Callable[[Report], None], control: Control
) -> None:
    with writer.reader() as reader:
        session = reader.session(begin.session)
    left = session.turns[begin.turn + 1 :]
    for probe in session.probes_after(begin.turn):
        await lane.ask(probe)
    for done, turn in enumerate(left, 1):
        await control.turn()
        await lane.observe(turn)
        for probe in session.probes_after(turn.index):
            await lane.ask(probe)
        tell(Progress(done, len(left), f"{session.name}: turn {turn.index}"))
        tell(TraceAdvanced(writer.last_seq))
