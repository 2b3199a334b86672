"""The driver: hands tasks to an engine, keeps what comes back, tries again what failed, and says how far it is."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any, Protocol

from workbench.errors import Cancelled, MnemoscopeError
from workbench.sweep.store import Store
from workbench.sweep.tasks import Plan, Task
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader

LOST = 10
"""How often a task may lose its worker or node, which is not its fault, before it counts as failed."""
IN_A_ROW = 12
"""Attempts that fail without one that succeeds in between, after which the sweep ends: nothing works."""
_EVERY = 0.25  # seconds between two looks at the engine


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an attempt.

    Attributes:
        content: the run file's bytes, where it was written on another machine.
        error: why it came to nothing, in one line; empty when it did not.
        lost: the worker or its node died; the task is not to blame.
        where: the node that did it.
    """

    task: Task
    content: bytes | None = None
    error: str = ""
    lost: bool = False
    where: str = ""


class Engine(Protocol):
    """Does tasks, several at once."""

    @property
    def title(self) -> str:
        """What it is and how large, for people."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """Remarks on how it went, for people."""
        ...

    def room(self) -> int:
        """How many more tasks it takes now."""
        ...

    def start(self, task: Task) -> None:
        """Take a task in."""
        ...

    def wait(self, seconds: float) -> list[Outcome]:
        """Attempts that have ended since, waiting for the first one at most so long."""
        ...

    def stop(self) -> None:
        """End what is under way (any thread); it comes back as outcomes, or not at all."""
        ...

    def close(self) -> None:
        """Let everything go."""
        ...


@dataclass
class Tally:
    """A lane of a system so far: results, probes answered, right ones."""

    results: int = 0
    probes: int = 0
    right: int = 0


@dataclass
class Report:
    """How far a sweep is.

    Attributes:
        total: tasks of this call: those that were left to do.
        held: cells that were finished before.
        errors: by task's key how its failed attempts ended. failed: tasks that were given up.
        nodes: finished tasks by node.
        lost: attempts that died with their worker or node.
        tallies: by (system, lane).
    """

    total: int
    held: int
    done: int = 0
    under_way: int = 0
    retried: int = 0
    lost: int = 0
    errors: dict[str, list[str]] = field(default_factory=dict)
    failed: dict[str, Task] = field(default_factory=dict)
    nodes: Counter[str] = field(default_factory=Counter)
    tallies: dict[tuple[str, str], Tally] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Since the first task was handed out."""
        return time.monotonic() - self.began

    @property
    def left(self) -> float | None:
        """Seconds that the rest will take at the rate so far; None before the first result."""
        rest = self.total - self.done - len(self.failed)
        return self.seconds / self.done * rest if self.done else None


class Driver:
    """Does what is left of a plan.

    Args:
        tell: called with the report after every change.
    """

    def __init__(self, plan: Plan, store: Store, engine: Engine, tell: Callable[[Report], None]) -> None:
        self._plan, self._store, self._engine, self._tell = plan, store, engine, tell
        self._stop = Event()
        self._attempts: Counter[str] = Counter()
        self._lost: Counter[str] = Counter()
        self._row = 0

    def cancel(self) -> None:
        """End at once (any thread); what is under way goes on from where it is when the sweep is called again."""
        self._stop.set()
        self._engine.stop()

    def go(self, tasks: Iterable[Task], report: Report) -> Report:
        """Do these tasks.

        Raises:
            Cancelled: by :meth:`cancel`.
            MnemoscopeError: nothing works (see :data:`IN_A_ROW`), or results cannot be written.
        """
        waiting = deque(tasks)
        under_way: dict[str, Task] = {}
        while (waiting or under_way) and not self._stop.is_set():
            for _ in range(min(self._engine.room(), len(waiting))):
                task = waiting.popleft()
                under_way[task.key] = task
                self._engine.start(task)
            report.under_way = len(under_way)
            self._tell(report)
            for outcome in self._engine.wait(_EVERY):
                under_way.pop(outcome.task.key, None)
                if self._stop.is_set() and outcome.error:
                    continue
                again = self._took(outcome, report)
                if again:
                    waiting.append(again)
        report.under_way = 0
        self._tell(report)
        if self._stop.is_set():
            raise Cancelled(f"cancelled with {report.done:,} of {report.total:,} tasks done; the same command goes on")
        return report

    def _took(self, outcome: Outcome, report: Report) -> Task | None:
        """Keep a result, or the reason why there is none; the task when it is to be tried again."""
        task = outcome.task
        if not outcome.error:
            self._row = 0
            file = self._store.keep(task, outcome.content)
            report.done += 1
            report.nodes[outcome.where] += 1
            count(file, task.variant.system, dict.fromkeys(task.cells), report.tallies)
            return None
        report.errors.setdefault(task.key, []).append(outcome.error)
        counted = self._lost if outcome.lost else self._attempts
        counted[task.key] += 1
        if outcome.lost:
            report.lost += 1
        else:
            self._row += 1
            self._store.forget(task)
        if counted[task.key] <= (LOST if outcome.lost else self._plan.sweep.retries):
            report.retried += 1
            again: Task | None = task
        else:
            report.failed[task.key] = task
            again = None
        if self._row >= IN_A_ROW:
            self.cancel()
            what = f"the last {self._row} attempts failed, the latest one: {outcome.error}"
            raise MnemoscopeError(what, "mend it; what is done stays, and the same command goes on")
        return again


def count(file: Path, system: str, lanes: Mapping[str, Any], tallies: dict[tuple[str, str], Tally]) -> None:
    """Add what a task's run file says to the tallies of these lanes."""
    query = (
        "SELECT lane.name, count(event.seq), coalesce(sum(json_extract(event.payload, '$.correct')), 0) FROM lane "
        "LEFT JOIN event ON event.lane = lane.id AND event.kind = ? "
        "AND json_extract(event.payload, '$.scorer') IS NOT 'abstain' WHERE lane.parent IS NULL GROUP BY lane.id"
    )
    with closing(TraceReader(file)) as reader:
        for lane, probes, right in reader.query(query, (str(Kind.SCORED),)):
            if lane in lanes:
                own = tallies.setdefault((system, lane), Tally())
                own.results, own.probes, own.right = own.results + 1, own.probes + probes, own.right + int(right)
