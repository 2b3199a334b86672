"""Judging a run file: opens a model, asks it about every answer that wants a judge, and adds its verdicts to the file.

What was judged by the same model before is not judged again, so an interrupted judging goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from workbench.errors import UsageError
from workbench.judging import Judge, Verdict, judged
from workbench.llm.base import Backend
from workbench.probes.scorers import JUDGED
from workbench.projections.judged import Trial, judgements, trials
from workbench.sessions.model import Probe
from workbench.trace.events import Event, Kind
from workbench.trace.reader import TraceReader
from workbench.trace.writer import TraceWriter

Step = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Task:
    """An answer that is to be judged under a name."""

    session: int
    lane: int
    probe: Probe
    answer: str
    name: str


def tasks(
    reader: TraceReader,
    judge: str,
    session: int | None = None,
    lane: str = "",
    again: bool = False,
    rubric: str = "",
) -> list[Task]:
    """What is to be judged: every answer to a probe that names a judged score, not yet judged by this judge.

    Args:
        rubric: judge every probe that has an answer under this name, whatever it names itself.

    Raises:
        UsageError: there is no such lane, or no probe that wants a judge.
    """
    lanes = {row.name: row.id for row in reader.lanes()}
    if lane and lane not in lanes:
        raise UsageError(f"{reader.path}: no lane {lane!r}", f"it has: {', '.join(lanes)}")
    found: list[Task] = []
    wanted = 0
    for number in [session] if session is not None else list(reader.session_names()):
        probes = {p.id: p for p in reader.session(number).probes if _names(p, rubric)}
        done = {(j.lane, j.probe, j.name) for j in judgements(reader, number) if j.judge == judge}
        for event in reader.events(number, lanes.get(lane), kinds=(Kind.ANSWERED,)):
            probe = probes.get(event.subject)
            for name in _names(probe, rubric) if probe else ():
                wanted += 1
                if probe and (again or (event.lane, probe.id, name) not in done):
                    found.append(Task(number, event.lane, probe, str(event.payload.get("text", "")), name))
    if not wanted:
        what = f"{reader.path}: no probe of it names a judged score ({', '.join(JUDGED)})"
        raise UsageError(what, "judge runs of LoCoMo, LongMemEval or MemoryAgentBench, or name one with --rubric")
    return found


def _names(probe: Probe, rubric: str) -> tuple[str, ...]:
    """The scores that a judge gives a probe."""
    if rubric:
        return () if probe.abstain else (rubric,)
    return tuple(name for name in probe.scores if name in JUDGED)


def judge_run(
    path: Path,
    backend: Backend,
    session: int | None = None,
    lane: str = "",
    again: bool = False,
    step: Step = lambda done, total, note: None,
    rubric: str = "",
) -> tuple[int, tuple[Trial, ...]]:
    """Judge a run file; how many verdicts were added, and how the judge did in the stress test."""
    judge = Judge(backend)
    with closing(TraceReader(path)) as reader:
        wanted = tasks(reader, judge.name, session, lane, again, rubric)
        names = list(dict.fromkeys(task.name for task in wanted))
        known = {(t.name, t.judge) for t in trials(reader)}
    with TraceWriter(path) as writer:
        asyncio.run(_judge(judge, wanted, [n for n in names if (n, judge.name) not in known], _Keeper(writer), step))
    with closing(TraceReader(path)) as reader:
        return len(wanted), tuple(t for t in trials(reader) if t.judge == judge.name)


async def _judge(judge: Judge, wanted: Sequence[Task], names: Sequence[str], keeper: _Keeper, step: Step) -> None:
    for name in names:
        found = await judge.stress(name, lambda done, total, name=name: step(done, total, f"stress test of {name}"))  # type: ignore[misc]
        keeper.tested(found)
    places = iter(wanted)

    async def one(name: str, probe: Probe, answer: str) -> Verdict:
        task = next(places)
        verdict = await judge(name, probe, answer)
        keeper.judged(task, verdict)
        return verdict

    work = [(task.name, task.probe, task.answer) for task in wanted]
    await judged(one, work, lambda done, total: step(done, total, "answers judged"))


class _Keeper:
    """Adds verdicts to a run file, each at once."""

    def __init__(self, writer: TraceWriter) -> None:
        self._writer, self._last = writer, dict[tuple[int, int], int]()

    def _next(self, session: int, lane: int) -> int:
        if (session, lane) not in self._last:
            query = "SELECT coalesce(max(n), 0) FROM event WHERE session = ? AND lane = ?"
            with self._writer.reader() as reader:
                self._last[session, lane] = int(reader.query(query, (session, lane))[0][0])
        self._last[session, lane] += 1
        return self._last[session, lane]

    def judged(self, task: Task, verdict: Verdict) -> None:
        """Keep a verdict."""
        n = self._next(task.session, task.lane)
        event = Event(task.session, task.lane, task.probe.after, n, Kind.JUDGED, task.probe.id, payload=verdict.payload)
        self._writer.append([event])

    def tested(self, trial: Trial) -> None:
        """Keep a stress test."""
        event = Event(0, 0, -1, self._next(0, 0), Kind.JUDGE_TESTED, "", payload=asdict(trial))
        self._writer.append([event])
