"""The engine of this machine: so many engine processes, each with the model loaded, each with one task at a time."""

from __future__ import annotations

import threading
from queue import Empty, SimpleQueue

from workbench import console
from workbench.errors import Cancelled, MnemoscopeError
from workbench.sweep.drive import Outcome
from workbench.sweep.hand import Hand, Job
from workbench.sweep.store import Store
from workbench.sweep.tasks import Task

WHERE = "this machine"


class LocalEngine:
    """Tasks in engine processes of this machine.

    Args:
        workers: processes; one core each, or as many as the sweep's ``threads`` say.
    """

    def __init__(self, store: Store, workers: int) -> None:
        self._store, self.workers = store, workers
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._outcomes: SimpleQueue[Outcome] = SimpleQueue()
        self._under_way, self._stopped = 0, False
        self._hands = [Hand() for _ in range(workers)]
        self._threads = [threading.Thread(target=self._serve, args=(hand,), daemon=True) for hand in self._hands]
        for thread in self._threads:
            thread.start()

    @property
    def title(self) -> str:
        """How many processes."""
        return f"{WHERE}, {console.count(self.workers, 'engine process').replace('processs', 'processes')}"

    @property
    def notes(self) -> tuple[str, ...]:
        """None: nothing travels."""
        return ()

    @property
    def pids(self) -> list[int]:
        """Process ids of the engines that have been started."""
        return [hand.pid for hand in self._hands if hand.pid is not None]

    def room(self) -> int:
        """Processes that have nothing to do."""
        return self.workers - self._under_way

    def start(self, task: Task) -> None:
        """Take a task in."""
        self._under_way += 1
        self._tasks.put(task)

    def wait(self, seconds: float) -> list[Outcome]:
        """Attempts that have ended since."""
        found = []
        try:
            found.append(self._outcomes.get(timeout=seconds))
            while True:
                found.append(self._outcomes.get_nowait())
        except Empty:
            self._under_way -= len(found)
            return found

    def stop(self) -> None:
        """Cancel what is under way; its files stay for the next time."""
        self._stopped = True
        for hand in self._hands:
            hand.cancel()

    def close(self) -> None:
        """End the processes."""
        self.stop()
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join()
        for hand in self._hands:
            hand.close()

    def _serve(self, hand: Hand) -> None:
        while (task := self._tasks.get()) is not None:
            self._outcomes.put(self._done(hand, task))

    def _done(self, hand: Hand, task: Task) -> Outcome:
        try:
            if self._stopped:
                raise Cancelled("cancelled")
            hand.do(Job(task.key, task.config, task.source.session, task.cells), self._store.under_way(task))
        except (MnemoscopeError, Cancelled, OSError) as error:
            return Outcome(task, error=str(error), where=WHERE)
        return Outcome(task, where=WHERE)
