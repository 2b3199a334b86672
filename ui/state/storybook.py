"""The story of the open run: its steps, where one stands in it, and whether it is being told."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal

from ui.state.workspace import Workspace
from workbench.engine.protocol import Tell
from workbench.errors import MnemoscopeError
from workbench.trace.story import MOST, Step, read_story


class Storybook(QObject):
    """Holds the steps while the run is open and has the engine keep them in its file.

    Signals:
        changed: the steps are others.
        turned: another step is shown (``at``), or telling began or ended.
        trouble: what is wrong with the story in the file, in one line.
    """

    changed = Signal()
    turned = Signal()
    trouble = Signal(str)

    def __init__(self, workspace: Workspace, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self.steps: tuple[Step, ...] = ()
        self.at = -1
        self.telling = False
        self.unsaved = False
        workspace.opened.connect(self._opened)

    @property
    def step(self) -> Step | None:
        """The step one stands at."""
        return self.steps[self.at] if 0 <= self.at < len(self.steps) else None

    def add(self, step: Step) -> int:
        """Append a step; its place. Raises ``MnemoscopeError`` when there are too many."""
        if len(self.steps) >= MOST:
            raise MnemoscopeError(f"A story has at most {MOST} steps", "delete some, or export it and begin another")
        self.put((*self.steps, step))
        return len(self.steps) - 1

    def put(self, steps: Sequence[Step]) -> None:
        """Have other steps, and keep them in the run file."""
        if tuple(steps) != self.steps:
            self.steps = tuple(steps)
            self.at = min(self.at, len(self.steps) - 1)
            self.unsaved = True
            self.changed.emit()
            self.save()

    def change(self, place: int, **changes: object) -> None:
        """Change some fields of a step."""
        self.put([s.but(**changes) if i == place else s for i, s in enumerate(self.steps)])

    def delete(self, place: int) -> None:
        """Take a step out."""
        self.put([step for i, step in enumerate(self.steps) if i != place])

    def move(self, place: int, to: int) -> None:
        """Put a step to another place."""
        rest = [step for i, step in enumerate(self.steps) if i != place]
        self.put([*rest[:to], self.steps[place], *rest[to:]])

    def save(self) -> None:
        """Have the engine write the steps, unless the run is still being written: then this is called when it ended."""
        space = self._workspace
        if self.unsaved and space.run is not None and not space.being_written:
            self.unsaved = False
            space.asked.emit(Tell(space.run.path, tuple(step.to_json() for step in self.steps)))

    def turn_to(self, place: int) -> None:
        """Stand at a step."""
        self.at = place
        self.turned.emit()

    def tell(self, telling: bool) -> None:
        """Begin telling, or end it."""
        if telling != self.telling:
            self.telling = telling
            self.turned.emit()

    def _opened(self) -> None:
        reader = self._workspace.reader
        self.steps, self.at, self.unsaved, self.telling = (), -1, False, False
        if reader is not None:
            try:
                self.steps = read_story(reader)
            except MnemoscopeError as error:
                self.trouble.emit(str(error))
        self.changed.emit()
        self.turned.emit()
