"""A second run beside the open one: the same session, turn, probe and lane in both, whichever of them moves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject

from ui.state.moment import Moment
from ui.state.workspace import Workspace
from workbench.errors import MnemoscopeError
from workbench.projections.two_runs import Pairing, pairing
from workbench.trace.reader import TraceReader

_COUPLED = ("session", "turn", "lane", "probe", "pinned")


class Beside(QObject):
    """Keeps two workspaces at one moment.

    Lanes go by their names; where the other run lacks the selected one its own selection stays. Items, tokens and
    single events belong to a run alone.

    Attributes:
        there: the workspace of the second run, for panels of its own.
        pairing: what the runs have in common; None while there is no second run.
    """

    def __init__(self, here: Workspace, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.here, self.there = here, Workspace(parent=self)
        self.there.second = True
        self.pairing: Pairing | None = None
        self._led: dict[str, Any] = {}
        here.moved.connect(self._lead)
        self.there.moved.connect(self._follow)
        here.opened.connect(self._opened)

    def open(self, path: Path) -> None:
        """Put a run beside the open one. Raises ``MnemoscopeError``, and leaves all as it is, where it cannot be."""
        if self.here.reader is None:
            return
        with TraceReader(path) as reader:
            found = pairing(self.here.reader, reader)
        self.there.places = self._places(found, path)
        self.there.open(path)
        self.pairing = found
        self.here.other, self.here.label, self.there.label = path, "A", "B"
        self._led = {}
        self._lead(self.here.moment)
        for space in (self.here, self.there):
            space.compared.emit()

    def close(self) -> None:
        """No second run any more."""
        self.pairing, self.here.other, self.here.label = None, None, ""
        self.there.label = ""
        self.there.close()
        self.there.opened.emit()
        self.here.compared.emit()

    def shut(self) -> None:
        """The program ends: let go of the file and the worker threads."""
        self.there.close()

    def _opened(self) -> None:
        """Another run is open here: its sessions must be the same, else it stands alone."""
        run, other = self.here.run, self.there.run
        if self.pairing is None or run is None or other is None:
            return
        if self.here.reader is not None and self.there.reader is not None:
            try:
                self.pairing = pairing(self.here.reader, self.there.reader)
            except MnemoscopeError:
                self.pairing = None
        if self.pairing is None:
            self.close()

    def _places(self, found: Pairing, path: Path) -> dict[int, int]:
        """The places of the other run's lanes: where this run has them, the rest after."""
        run = self.here.run
        ours = {there: run.place(here) for here, there in found.lanes.items()} if run else {}
        after = len(run.lanes) if run else 0
        with TraceReader(path) as reader:
            rest = [row.id for row in reader.lanes() if row.id not in ours]
        return ours | {lane: after + place for place, lane in enumerate(rest)}

    def _lead(self, at: Moment) -> None:
        """The other run goes where this one stands."""
        common = self.pairing
        if common is None or at.session not in common.sessions:
            return
        session, space = common.sessions[at.session], self.there
        if space.cursor.session != session:
            space.enter(session, at.turn)
        space.cursor.go(at.turn)
        lane = common.lanes.get(at.lane, space.selection.now.lane)
        changes: dict[str, Any] = {"lane": lane, "probe": at.probe, "pinned": at.pinned}
        if lane != space.selection.now.lane:
            changes |= {"item": "", "token": None}
        space.selection.let_go(**changes)
        self._led = _coupled(space.moment)

    def _follow(self, at: Moment) -> None:
        """This run goes where somebody has moved the other one."""
        common = self.pairing
        if common is None or _coupled(at) == self._led:
            return
        self._led = _coupled(at)
        sessions = {there: here for here, there in common.sessions.items()}
        if at.session not in sessions:
            return
        if sessions[at.session] != self.here.cursor.session:
            self.here.enter(sessions[at.session], at.turn)
        lanes = {there: here for here, there in common.lanes.items()}
        lane = lanes.get(at.lane, self.here.selection.now.lane)
        self.here.jump(at.turn, lane=lane, probe=at.probe, pinned=at.pinned)


def _coupled(at: Moment) -> dict[str, Any]:
    return {name: getattr(at, name) for name in _COUPLED}
