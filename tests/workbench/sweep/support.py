"""An engine for sweeps without a model and without processes, and small sweep files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import yaml

from tests.support.backends import ScriptedBackend
from tests.support.runs import session_file
from workbench.engine.run import Lent, run
from workbench.sweep.drive import Outcome
from workbench.sweep.store import Store, sign
from workbench.sweep.tasks import Task


def sweep_file(folder: Path, sessions: int = 3, **keys: object) -> Path:
    """A sweep over small sessions."""
    for seed in range(sessions):
        session_file(folder, seed=seed)
    path = folder / "sweep.yaml"
    data = {"sessions": ["session-*.json"], "lanes": ["full", "bm25"], "embedder": "hash", "prompts": "plain"} | keys
    path.write_text(yaml.safe_dump(data, sort_keys=False))
    return path


class ScriptedEngine:
    """Does tasks at once, in this process.

    Args:
        fault: what goes wrong with a task at its nth attempt (from 0): (message, whether its worker died), or nothing.
    """

    title, notes = "a script", ("it went well",)

    def __init__(
        self, store: Store, fault: Callable[[Task, int], tuple[str, bool] | None] = lambda task, n: None
    ) -> None:
        self._store, self._fault = store, fault
        self._outcomes: list[Outcome] = []
        self.attempts: list[str] = []
        self.stopped = self.closed = False

    def room(self) -> int:
        return 2 - len(self._outcomes)

    def start(self, task: Task) -> None:
        fault = self._fault(task, self.attempts.count(task.key))
        self.attempts.append(task.key)
        if fault:
            self._outcomes.append(Outcome(task, error=fault[0], lost=fault[1], where="here"))
            return
        out = self._store.under_way(task)
        config = task.config
        run(
            type(config)(**{name: getattr(config, name) for name in config.__dataclass_fields__} | {"out": out}),
            lent=Lent((task.source.session,), ScriptedBackend()),
        )
        sign(out, task.key, task.cells)
        self._outcomes.append(Outcome(task, where="here"))

    def wait(self, seconds: float) -> list[Outcome]:
        found, self._outcomes = self._outcomes, []
        return found

    def stop(self) -> None:
        self.stopped = True

    def close(self) -> None:
        self.closed = True
