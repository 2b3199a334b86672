"""Playback: moving the cursor by turns, events and probes, and playing at a speed. Reads the trace, never re-runs."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal

from ui.state.workspace import Workspace
from workbench.projections.timeline import next_change
from workbench.trace.events import Kind

SPEEDS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
PER_SECOND = 2.0
"""Turns per second at speed 1."""


class Player(QObject):
    """Moves the workspace's cursor.

    Signals:
        changed: playing or not, or the speed.
    """

    changed = Signal()

    def __init__(self, workspace: Workspace, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self.speed = 1.0
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._tick)
        workspace.opened.connect(self.pause)

    @property
    def playing(self) -> bool:
        """Whether the cursor moves by itself."""
        return self._timer.isActive()

    def toggle(self) -> None:
        """Play, from the first turn when at the end; or pause."""
        if self.playing:
            self.pause()
            return
        cursor = self._workspace.cursor
        if cursor.turn >= cursor.last:
            cursor.go(0)
        self._timer.start(round(1000 / (PER_SECOND * self.speed)))
        self.changed.emit()

    def pause(self) -> None:
        """Stop where the cursor is."""
        if self.playing:
            self._timer.stop()
            self.changed.emit()

    def set_speed(self, speed: float) -> None:
        """Turns per second, in multiples of ``PER_SECOND``."""
        self.speed = speed
        if self.playing:
            self._timer.start(round(1000 / (PER_SECOND * speed)))
        self.changed.emit()

    def faster(self, steps: int) -> None:
        """The next speed up or down."""
        place = SPEEDS.index(self.speed) + steps
        self.set_speed(SPEEDS[min(max(place, 0), len(SPEEDS) - 1)])

    def step_event(self, forward: bool) -> None:
        """To the next (or previous) event of the selected lane; over the ends of turns."""
        reader, now = self._workspace.reader, self._workspace.moment
        if reader is None or not now.session:
            return
        seqs = [e.seq for e in reader.events(now.session, now.lane, turns=(now.turn, now.turn))]
        at = now.seq if now.seq is not None else (seqs[-1] if seqs else 0)
        beyond = [s for s in seqs if (s > at if forward else s < at)]
        if beyond:
            self._workspace.cursor.go(now.turn, min(beyond) if forward else max(beyond))
        elif forward and now.turn < self._workspace.cursor.last:
            first = next(
                (e.seq for e in reader.events(now.session, now.lane, turns=(now.turn + 1, now.turn + 1))), None
            )
            self._workspace.cursor.go(now.turn + 1, first)
        elif not forward and now.turn > 0:
            self._workspace.cursor.go(now.turn - 1)

    def jump_probe(self, forward: bool, wrong: bool = False) -> bool:
        """To the next (or previous) probe of the selected lane, only wrong answers when asked; whether there is one.

        Probes of one turn come one by one, after the one in question: the pinned one wherever the cursor is, else the
        selected one. Where none is selected, those of the cursor's own turn count as still to come.
        """
        reader, now = self._workspace.reader, self._workspace.moment
        if reader is None or not now.session:
            return False
        scored = list(reader.events(now.session, now.lane or None, (Kind.SCORED,)))
        scored.sort(key=lambda e: (e.turn, e.seq))
        names = [e.subject for e in scored]
        asked = now.probe if now.pinned or any(p.id == now.probe for p in self._workspace.due()) else ""
        if asked in names:
            place = names.index(asked)
            rest = scored[place + 1 :] if forward else scored[:place][::-1]
        elif forward:
            rest = [e for e in scored if e.turn >= now.turn]
        else:
            rest = [e for e in scored if e.turn <= now.turn][::-1]
        found = next((e for e in rest if not wrong or not e.payload.get("correct")), None)
        if found is not None:
            self._workspace.jump(found.turn, probe=found.subject)
        return found is not None

    def jump_change(self, forward: bool) -> bool:
        """To the next (or previous) turn at which the selected lane's memory changed; whether there is one."""
        reader, now = self._workspace.reader, self._workspace.moment
        if reader is None or not now.session:
            return False
        found = next_change(reader, now.session, now.lane, now.turn, forward)
        if found is not None:
            self._workspace.cursor.go(found)
        return found is not None

    def _tick(self) -> None:
        cursor = self._workspace.cursor
        if cursor.turn >= cursor.last:
            self.pause()
        else:
            cursor.step(1)
