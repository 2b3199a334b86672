"""What is open and where one stands: the hub that panels, commands and the window listen to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PySide6.QtCore import QFileSystemWatcher, QObject, QTimer, Signal

from ui.bridge.project_pool import Answer, ProjectPool
from ui.state.cursor import Cursor
from ui.state.moment import Moment
from ui.state.roster import Arrangement, Roster
from ui.state.selection import Place, Selection
from workbench.examine import blamed, prove
from workbench.probes.errata import Errata
from workbench.projections.asked import due, in_question
from workbench.projections.thread import Thread, thread
from workbench.sessions.model import Probe, Session
from workbench.trace.reader import LaneRow, TraceReader
from workbench.why.case import prepare

_FIRST = 40  # ms that the rest of the window waits for what was asked for
_FOLLOW_EVERY = 100  # ms


@dataclass(frozen=True, slots=True)
class OpenRun:
    """The parts of the open run that do not depend on the cursor."""

    path: Path
    lanes: tuple[LaneRow, ...]
    sessions: dict[int, str]
    engine: dict[str, object]
    places: Mapping[int, int] = field(default_factory=dict)
    """Places that lanes have by another run's order: beside it, the same lane has the same colour and shape."""

    def place(self, lane: int) -> int:
        """The place of a lane in the run, from 0; decides its colour and shape. Unknown lanes count as the first."""
        return self.places.get(lane, next((i for i, row in enumerate(self.lanes) if row.id == lane), 0))

    def name(self, lane: int) -> str:
        """The SPEC of a lane."""
        return next((row.name for row in self.lanes if row.id == lane), "")


class Workspace(QObject):
    """The open run, its cursor and the selection.

    Signals:
        opened: another run is open (or none): everything is new.
        moved: cursor or selection has changed; comes once per turn of the event loop, with the latest ``Moment``.
        advanced: the trace of a live run has grown.
        wanted: somebody asks to see a panel, by its name.
        asked: somebody has a question to the engine (``workbench.engine.protocol.Question``).
        branch_wanted: somebody wants a branch from here that begins with this edit.
        told: verdicts or remarks on the open run are new; its events are as they were.
        knocked: what leaving each span of a context out did (``workbench.engine.protocol.Knocked``).
        computed: a question was dealt with whose answer lies beside the file (``workbench.engine.protocol.Aside``).
        placed: where the texts of a memory lie (``workbench.engine.protocol.Placed``).
        rescored: scores are made with other ``errata``.
        figure_wanted: somebody wants a figure of this panel. saved: a file was written, by its path.
        compared: another run stands beside this one (``other``), or none any more.
        marked: other turns are found (``found``), for the timeline.
        followed: what became of the followed turn is known (``thread_view``), or none is followed any more.
    """

    opened = Signal()
    moved = Signal(object)
    advanced = Signal(int)
    wanted = Signal(str)
    asked = Signal(object)
    told = Signal()
    followed = Signal()
    knocked = Signal(object)
    computed = Signal(object)
    placed = Signal(object)
    marked = Signal()
    rescored = Signal()
    compared = Signal()
    figure_wanted = Signal(object)
    saved = Signal(object)
    branch_wanted = Signal(str)

    def __init__(self, pool: ProjectPool | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.pool = pool or ProjectPool(self)
        self.cursor, self.selection = Cursor(self), Selection(self)
        self.roster = Roster(self)
        self.arrangement: Callable[[Path], Arrangement] = lambda _: Arrangement()
        """How the lanes of a run file were arranged the last time."""
        self.probe_filter: tuple[int, str] = (0, "")
        """Lane and competency whose probes the probe table shows; (0, "") for all."""
        self.thread_view: Thread | None = None
        """What became of the turn that is followed; None until it is known."""
        self.errata: Errata | None = None
        """Golds that are known to be wrong and how scores take them; None counts every probe as it is."""
        self.found: tuple[int, ...] = ()
        """Turns that hold what is looked for."""
        self.other: Path | None = None
        """The run file that stands beside this one (``ui.state.beside``)."""
        self.places: dict[int, int] = {}
        self.second = False
        """Whether it is for the run that stands beside the open one."""
        self.label = ""
        """What titles call this run while two stand side by side: ``A`` or ``B``."""
        self._following: tuple[int, int | None, int] = (0, None, 0)
        self.run: OpenRun | None = None
        self.reader: TraceReader | None = None
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._tell)
        self.pool.idle.connect(lambda: self._soon.isActive() and self._soon.start(0))
        self.pool.idle.connect(self._prepare)
        self._prepared: tuple[Path, int] | None = None
        self._seq = 0
        self._watcher = QFileSystemWatcher(self)
        self._changed = QTimer(self)
        self._changed.setSingleShot(True)
        self._changed.setInterval(_FOLLOW_EVERY)
        self._changed.timeout.connect(self._follow)
        self._watcher.fileChanged.connect(lambda _: self._changed.isActive() or self._changed.start())
        self.cursor.moved.connect(self._soon.start)
        self.selection.standing = lambda: Place(self.cursor.session, self.cursor.turn, self.cursor.seq)
        self.selection.returned.connect(self._return)
        self.selection.changed.connect(self._soon.start)
        self.selection.changed.connect(lambda: self.roster.select(self.selection.now.lane))
        self.roster.changed.connect(self._stay_on_show)

    @property
    def moment(self) -> Moment:
        """Where one stands now."""
        chosen = self.selection.now
        return Moment(
            self.cursor.session,
            self.cursor.turn,
            self.cursor.seq,
            chosen.lane,
            chosen.item,
            chosen.probe,
            chosen.token,
            chosen.pinned,
            chosen.thread,
        )

    @property
    def busy(self) -> bool:
        """Whether panels have still to hear of the moment, or to be answered."""
        return self._soon.isActive() or self.pool.busy

    @property
    def session(self) -> Session | None:
        """The session that the cursor is in."""
        return None if self.reader is None or not self.cursor.session else self.reader.session(self.cursor.session)

    def open(self, path: Path, turn: int | None = None) -> None:
        """Open a run file. Raises ``TraceError`` and leaves what is open when it cannot be read."""
        reader = TraceReader(path)
        try:
            prove(reader)
            run = _describe(reader, self.places)
            first = next(iter(run.sessions), 0)
            last, seq = _last(reader, first), reader.last_seq()
            if first:
                reader.session(first)
        except Exception as error:
            reader.close()
            raise blamed(path, error) from error
        if self.reader is not None:
            self.reader.close()
        self.reader, self.run, self._seq = reader, run, seq
        self.pool.open(path)
        self.roster.open({row.id: row.name for row in run.lanes}, self.arrangement(path))
        self.selection.reset(lane=next(iter(self.roster.shown()[::-1]), 0))
        live = path.with_name(path.name + ".lock").exists()  # somebody writes it: stand where it goes on
        self.cursor.enter(first, last, turn if turn is not None else last if live else 0)
        self.opened.emit()
        self._soon.start()
        self._watch(path)

    def _prepare(self) -> None:
        """Once the panels are shown: read beside them what the first click on an answer needs."""
        session, wanted = self.session, (self.run.path, self.cursor.session) if self.run else None
        if session is not None and wanted != self._prepared:
            self._prepared = wanted
            threading.Thread(target=prepare, args=(session,), name="prepare", daemon=True).start()

    @property
    def being_written(self) -> bool:
        """Whether an engine or a recorder is writing the open file."""
        return self.run is not None and self.run.path.with_name(self.run.path.name + ".lock").exists()

    def _stay_on_show(self) -> None:
        """The selected lane is one that is on show."""
        lane = self.roster.nearest(self.selection.now.lane)
        if lane and lane != self.selection.now.lane:
            self.selection.let_go(lane=lane, item="", token=None)

    def follow_turn(self, turn: int | None) -> None:
        """Follow a turn through every lane; the one that is followed, or None, lets go of it."""
        self.selection.select(thread=None if turn == self.selection.now.thread else turn)

    def _follow_thread(self) -> None:
        """Have the thread made anew where another turn is followed, or the trace has grown."""
        wanted = (self.cursor.session, self.selection.now.thread, self._seq)
        if wanted == self._following:
            return
        self._following = wanted
        if self.thread_view is not None and (
            wanted[1] is None or wanted[:2] != (self.thread_view.session, self.thread_view.turn)
        ):
            self.thread_view = None
            self.followed.emit()
        if wanted[1] is not None and self.run is not None:
            self.pool.submit(id(self), _thread, self.moment, None, self._threaded, True)

    def _threaded(self, answer: Answer) -> None:
        view = answer.view
        if isinstance(view, Thread) and (view.session, view.turn) == self._following[:2]:
            self.thread_view = view
            self.followed.emit()

    def close(self) -> None:
        """Let go of the run and end the projections."""
        if self.reader is not None:
            self.reader.close()
        self.reader = self.run = None
        self._watch(None)
        self.pool.close()

    def enter(self, session: int, turn: int = 0) -> None:
        """Go to another session of the run."""
        if self.reader is not None:
            self.selection.select(step=True, item="", probe="", token=None, pinned=False, thread=None)
            self.cursor.enter(session, _last(self.reader, session), turn)

    def grew(self, seq: int) -> None:
        """The engine has written up to ``seq``: take in new lanes, sessions and turns, and tell the panels."""
        if self.reader is None:
            return
        self._seq = max(self._seq, seq)
        known = self.run.lanes if self.run else ()
        self.run = _describe(self.reader, self.places)
        self.roster.grew({row.id: row.name for row in self.run.lanes})
        if self.run and not known and self.run.lanes:
            self.selection.reset(lane=self.run.lanes[-1].id)
        if not self.cursor.session and self.run and self.run.sessions:
            first = next(iter(self.run.sessions))
            self.cursor.enter(first, last := _last(self.reader, first), last)
        following = self.cursor.turn >= self.cursor.last
        self.cursor.extend(_last(self.reader, self.cursor.session))
        if following:
            self.cursor.go(self.cursor.last)
        self._follow_thread()
        self.advanced.emit(seq)

    def _watch(self, path: Path | None) -> None:
        """Hear of what another process (a recorder, a run on the command line) writes into the open file."""
        watched = self._watcher.files()
        if watched:
            self._watcher.removePaths(watched)
        if path is not None and self.reader is not None:
            side = path.with_name(path.name + "-wal")  # what is being written goes there first
            self._watcher.addPaths([str(p) for p in (path, side) if p.exists()])

    def _follow(self) -> None:
        if self.reader is None:
            return
        self._watch(self.reader.path)  # the side file comes and goes
        seq = self.reader.last_seq()
        if seq > self._seq:
            self.grew(seq)

    def follow(self, turn: int, probe: str = "") -> None:
        """Go to a turn that a story names; the probe it is about, or the selected one, stays in question."""
        if probe := probe or self.selection.now.probe:
            self.jump(turn, probe=probe, pinned=True)
        else:
            self.jump(turn)

    def jump(self, turn: int, **selected: Any) -> None:
        """Go to a turn and select something there: a step that can be taken back."""
        far = turn != self.cursor.turn
        self.selection.select(step=far, **selected)
        self.cursor.go(turn)

    def mark(self, turns: tuple[int, ...]) -> None:
        """Show these turns on the timeline as found."""
        if turns != self.found:
            self.found = turns
            self.marked.emit()

    def use_errata(self, errata: Errata | None) -> None:
        """Make scores without golds that are known to be wrong, or (None) with every probe as it is."""
        self.errata = errata
        self.rescored.emit()

    def pin(self) -> None:
        """Keep the probe in question whatever turn one goes to, or no longer."""
        asked = self.probe_in_question()
        if self.selection.now.pinned:
            self.selection.select(pinned=False)
        elif asked is not None:
            self.selection.select(probe=asked.id, pinned=True)

    def _return(self, place: Place) -> None:
        if self.reader is None or self.run is None or place.session not in self.run.sessions:
            return
        if place.session != self.cursor.session:
            self.cursor.enter(place.session, _last(self.reader, place.session), place.turn)
        self.cursor.go(place.turn, place.seq)

    def explain(self, lane: int, probe: str) -> None:
        """Show why a lane answered a probe as it did: that first, and what else follows from the selection after it."""
        self.selection.select(lane=lane, probe=probe, pinned=True)
        self.wanted.emit("why")
        if self.pool.busy and self._soon.isActive():
            self._soon.start(_FIRST)  # or as soon as it has been answered

    def show_probes(self, lane: int, competency: str) -> None:
        """Show the probes of a lane and competency."""
        self.probe_filter = (lane, competency)
        self.selection.select(lane=lane)
        self.wanted.emit("probes")

    def probe_in_question(self) -> Probe | None:
        """The probe that every panel speaks of (see ``workbench.projections.asked``); None before the first."""
        chosen, session = self.selection.now, self.session
        return in_question(session, self.cursor.turn, chosen.probe, chosen.pinned) if session else None

    def due(self) -> tuple[Probe, ...]:
        """The probes asked together last, at or before the cursor."""
        session = self.session
        return due(session, self.cursor.turn) if session else ()

    def _tell(self) -> None:
        # A selected probe is left behind once the cursor has passed on to others, or back before it was asked.
        self._soon.setInterval(0)
        chosen = self.selection.now
        if chosen.probe and not chosen.pinned and all(p.id != chosen.probe for p in self.due()):
            self.selection.let_go(probe="", token=None)
            self._soon.stop()
        self._follow_thread()
        self.moved.emit(self.moment)


def _thread(reader: TraceReader, moment: Moment, options: Any) -> Thread | None:
    return None if moment.thread is None else thread(reader, moment.session, moment.thread)


def _describe(reader: TraceReader, places: Mapping[int, int]) -> OpenRun:
    loaded = list(reader.events(lane=0, kinds=("engine.loaded",)))
    engine = dict(loaded[-1].payload) if loaded else {}
    return OpenRun(reader.path, reader.lanes(), reader.session_names(), engine, places)


def _last(reader: TraceReader, session: int) -> int:
    """The last turn that any lane has closed; -1 for none."""
    return max((reader.last_turn(session, row.id) for row in reader.lanes()), default=-1) if session else -1
