"""The main window: transport bar, scrubber, and the parts that a layout arranges."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QByteArray, QEvent, QSize, Qt, QTimer, QUrl
from PySide6.QtGui import (
    QCloseEvent,
    QDesktopServices,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QGuiApplication,
    QIcon,
    QKeyEvent,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QMainWindow,
    QMenu,
    QSplitter,
    QTabBar,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from ui import layouts, panels
from ui.application import let_go
from ui.bridge.engine_client import EngineClient
from ui.bridge.inquiry import Inquiry
from ui.bridge.project_pool import Answer
from ui.commands import catalogue
from ui.commands.registry import MENUS, SUBMENUS, Registry
from ui.floating import TITLES, FloatingPanel
from ui.panels.base import Panel
from ui.panels.lanes import LanesPanel
from ui.panels.scoreboard import ScoreboardPanel
from ui.panels.scrubber import ScrubberPanel
from ui.samples import Sample, folder_for, is_sample, other_sample, sample_run, samples
from ui.settings import Settings
from ui.stage import Stage
from ui.state.beside import Beside
from ui.state.moment import Moment
from ui.state.pace import Pace
from ui.state.player import Player
from ui.state.roster import Arrangement
from ui.state.workspace import Workspace
from ui.theme import motion, theme
from ui.widgets.drop_hint import DropHint
from ui.widgets.focus_ring import FocusRing
from ui.widgets.ground import Ground
from ui.widgets.guide import Guide, Pointer
from ui.widgets.inspector import Inspector
from ui.widgets.mnemonics import follow, literal, mnemonics
from ui.widgets.notice import Notice
from ui.widgets.plain import sure
from ui.widgets.transport import Transport
from ui.widgets.units import count, percent
from workbench import paths
from workbench.engine.config import RunConfig
from workbench.engine.protocol import Annotate, Branch, Explained, Failed, Question, Ready, Undo, Undone
from workbench.engine.resuming import Progress, progress, resumed
from workbench.errors import MnemoscopeError, SessionFormatError, TraceError
from workbench.files import write_text
from workbench.models.store import checked
from workbench.projections.probe_table import most_telling, probe_table
from workbench.projections.remarks import place
from workbench.sessions import formats
from workbench.sessions.model import Probe, Session
from workbench.trace.reader import LaneRow, TraceReader
from workbench.why.causes import remember
from workbench.why.verdict import Verdict

_SESSIONS = "Sessions (*.json *.jsonl *.ndjson *.csv *.af *.eval *.db *.zip *.gz *.zst *.bz2 *.xz);;All files (*)"
_TABLES = "Tables (*.jsonl *.ndjson *.json *.csv *.tsv *.parquet *.gz *.zst *.bz2 *.xz);;All files (*)"
_SMALLEST, _LARGEST = 11, 26
TOLD = 15
"""Pixel size of the type that a story is told in at least, in layouts that are not made for talks."""
_TABLE_ENDINGS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet")
_GROW_EVERY = 100  # ms
_FRAME = (8, 40)  # px beside and above a window that its frame takes at most; it is not known before it is shown
_NAVIGATION = {
    Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Home, Qt.Key.Key_End,
    Qt.Key.Key_PageUp, Qt.Key.Key_PageDown,
}  # fmt: skip


class MainWindow(QMainWindow):
    """Everything is put together here; nothing of the domain is kept here."""

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__()
        self.settings = settings or Settings()
        self.workspace = Workspace(parent=self)
        self.workspace.arrangement = lambda path: Arrangement.of(self.settings.arrangement(path))
        self.workspace.roster.kept.connect(self._keep_lanes)
        self.player = Player(self.workspace, self)
        self.beside = Beside(self.workspace, self)
        self.client, self.inquiry = EngineClient(self), Inquiry(self)
        self.registry = Registry(self)
        self.layout_name = "Debug"
        self._named = ""  # the saved layout in force, empty for a plain one
        self._zoom = 0
        self._telling = False
        self._sizes: list[Any] = []
        self._narrow = self._moved = False  # how the parts lie, and whether a hand has moved them
        self._wanted: dict[str, int] = {}
        self._seq = 0
        self._growing = QTimer(self)
        self._growing.setSingleShot(True)
        self._growing.setInterval(_GROW_EVERY)
        self._growing.timeout.connect(self._grow)
        self.setObjectName("main")
        self.setWindowTitle("Mnemoscope")
        self.setWindowIcon(QIcon(str(paths.resources() / "icons" / "app.svg")))
        self.setAcceptDrops(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.pace = Pace()
        self._came: Progress | None = None
        self._root = QWidget()
        self.stage = Stage(self, self._root)
        self.guide = Guide(self._root)
        catalogue.register(self.registry, self)
        self.addActions([self.registry.action(c.name) for c in self.registry])
        app = QApplication.instance()
        self._rings = FocusRing(app, self) if isinstance(app, QApplication) else None
        motion.reduce(self.settings.get("less-motion") is True)
        self._build()
        self._menus()
        self._connect()
        self.set_layout(self.settings.get("layout", "Debug"))
        self._restore()

    # Building.

    def _build(self) -> None:
        root = self._root
        self._outer = QVBoxLayout(root)
        self._outer.setContentsMargins(0, 0, 0, 0)
        self._outer.setSpacing(0)
        self.transport = Transport(self.workspace, self.player, self.client, self.registry)
        self.notice = Notice()
        self.notice.warned.connect(self.guide.end)  # what went wrong is read undimmed
        self._drop = DropHint(self)
        self.scrubber = ScrubberPanel(self.workspace)
        self._body = QWidget()
        self._inner = QVBoxLayout(self._body)
        self._inner.setSpacing(layouts.HANDLE)
        self._inner.addWidget(self.notice)
        self._inner.addWidget(self.scrubber)
        self._outer.addWidget(self.transport)
        self._outer.addWidget(self._body, 1)
        self.inspector, self.second = Inspector(self.workspace), Inspector(self.workspace)
        self._parts: dict[str, QWidget] = {
            "transcript": panels.make("transcript", self.workspace),
            "lanes": panels.make("lanes", self.workspace),
            "scoreboard": panels.make("scoreboard", self.workspace),
            "inspector": self.inspector,
            "second": self.second,
        }
        self._later: dict[str, Callable[[], QWidget]] = {  # made for the first layout that shows them
            "flips": lambda: panels.make("flips", self.workspace),
            "lanes-there": lambda: panels.make("lanes", self.beside.there),
            "inspector-there": lambda: Inspector(self.beside.there),
        }
        self._splitter: QSplitter | None = None
        self.ground = Ground()
        self._inner.addWidget(self.ground, 1)
        self.setCentralWidget(root)
        self._outer.addWidget(self.stage.caption)
        self._floating: list[FloatingPanel] = []
        self._space()

    def _menus(self) -> None:
        bar = self.menuBar()
        self._menu: dict[str, QMenu] = {}
        for title in MENUS:
            menu = bar.addMenu("S&tory" if title == "Story" else f"&{title}")
            menu.aboutToShow.connect(self.registry.update)
            self._menu[title], group = menu, None
            for command in self.registry:
                if command.menu == title:
                    if group is not None and command.group != group:
                        menu.addSeparator()
                    group = command.group
                    within = SUBMENUS.get((title, group), "")
                    if within and within not in self._menu:
                        self._menu[within] = menu.addMenu(within)
                    self._menu[within or title].addAction(self.registry.action(command.name))
        self._recent = QMenu("Recent files", self)
        self._recent.aboutToShow.connect(self._fill_recent)
        self._menu["File"].insertMenu(self.registry.action("file.open-sample"), self._recent)
        self._samples = QMenu("Samples", self)
        self._samples.aboutToShow.connect(self._fill_samples)
        self._menu["File"].insertMenu(self.registry.action("file.open-sample"), self._samples)
        self.transport.layouts.menu().aboutToShow.connect(self._fill_layouts)
        for menu in (*self._menu.values(), self._recent, self._samples, self.transport.layouts.menu()):
            follow(menu)
            mnemonics(menu)

    def _connect(self) -> None:
        self.workspace.opened.connect(self._opened)
        self.scrubber.shown.connect(self._focus)
        board = self._parts["scoreboard"]
        if isinstance(board, Panel):
            board.shown.connect(self._more_wanted)
        self.workspace.wanted.connect(self.show_panel)
        for space in (self.workspace, self.beside.there):
            space.figure_wanted.connect(self.export_figure)
            space.saved.connect(self._saved)
        self.stage.book.changed.connect(self.registry.update)
        self.stage.book.turned.connect(self.registry.update)
        self.player.changed.connect(self.registry.update)
        self.workspace.asked.connect(self._ask)
        self.workspace.branch_wanted.connect(self.ask_branch)
        self.inquiry.explained.connect(self._explained)
        self.inquiry.branched.connect(self._branched)
        self.inquiry.knocked.connect(self.workspace.knocked)
        self.inquiry.placed.connect(self.workspace.placed)
        self.inquiry.undone.connect(self._undone)
        self.inquiry.failed.connect(self._failed_question)
        self.inquiry.done.connect(self.workspace.told)
        self.inquiry.aside.connect(self.workspace.computed)
        self.inquiry.done.connect(self.beside.there.told)
        self.beside.there.asked.connect(self._ask)
        self.beside.there.wanted.connect(self.show_panel)
        self.client.ready.connect(self._ready)
        self.client.advanced.connect(self._advanced)
        self.client.failed.connect(self._failed)
        self.client.state_changed.connect(self._engine_state)
        theme.hub().changed.connect(self._space)

    def _space(self) -> None:
        unit = theme.active().unit
        self._inner.setContentsMargins(unit(2), unit(2), unit(2), unit(2))

    # Opening.

    def open(self, path: Path, then: Callable[[Path], None] | None = None) -> None:
        """Open a run file, or offer to replay a session file, or do something else with it (``then``).

        What is wrong with it is said in the window.
        """
        path = Path(path)
        self.notice.hide()
        try:
            if then is not None:
                then(path)
            elif path.suffix.lower() == ".mnemo":
                self.open_run(path)
                self._stand(path)
                self._say_unfinished()
            elif path.suffix.lower() == ".gguf":
                self.choose_model(path)
            else:
                self.offer_session(path)
        except SessionFormatError as error:
            offered = [("Choose its columns…", partial(self.open, path, self.offer_table))]
            self.notice.say(str(error), offered if then is None and path.suffix.lower() in _TABLE_ENDINGS else [])
        except (MnemoscopeError, OSError) as error:
            self.notice.say(str(error))

    def open_run(self, path: Path, turn: int | None = None) -> None:
        """Open a run file. Raises ``MnemoscopeError``."""
        self._keep_place()
        let_go()
        self.workspace.open(path, turn)
        self.settings.remember(path)

    def open_sample(self) -> None:
        """Open the recorded run that ships with the program."""
        found = sample_run()
        if found is None:
            what = "There is no recorded sample run in this installation. Replay a session to make a run."
            offered = [(one.title, partial(self.open, one.path)) for one in samples()[:3]]
            self.notice.say(what, [*offered, ("Open session…", self.ask_session)])
        else:
            self.open(found)
            if not self.settings.get("shown-around", False):
                # The panels have their places once the run is shown.
                QTimer.singleShot(0, self, self.show_around)

    def show_around(self) -> None:
        """Help → Show me around: what is open, and three things in turn; by itself it comes once."""
        run, session = self.workspace.run, self.workspace.session
        if run is None or session is None:
            return
        self.settings.set("shown-around", True)
        if layouts.LAYOUTS["Debug"].name != self.layout_name:
            self.set_layout("Debug")
        self.guide.begin(_opening(run.path, session, len(run.lanes)), self._pointers())

    def _pointers(self) -> list[Pointer]:
        lanes, why = self._parts["lanes"], self.inspector
        return [
            Pointer(
                self.scrubber, "The whole conversation, one row for each memory",
                "Marks are what a memory wrote, changed and lost. Badges are questions that were asked: a tick was "
                "answered right, a cross wrong. Drag, or press the arrow keys, to stand at another turn.",
            ),
            Pointer(
                lanes, "What each memory answered, side by side",
                "The same question, beside the right answer, and below it the context that the answer was given "
                "from: brighter where it holds the evidence. W goes to the next wrong answer.",
            ),
            Pointer(
                why, "Why an answer was wrong",
                "A click on an answer follows its fact: said, stored, kept, found, in the context, read. The other "
                "tabs show the memory itself: its graph, items, changes, hits and attention.",
                self._explain_one,
            ),
        ]  # fmt: skip

    def _explain_one(self) -> None:
        """Show why one of the lanes answered the probe in question as it did: one that was wrong, if any was."""
        space, probe = self.workspace, self.workspace.probe_in_question()
        if space.reader is None or probe is None:
            return
        lines = probe_table(space.reader, space.moment.session).lines
        line = next((one for one in lines if one.probe == probe.id), None)
        failed = [v.lane for v in line.verdicts if v is not None and not v.correct] if line is not None else []
        wrong = [lane for lane in failed if lane in space.roster.shown()]
        space.explain(wrong[-1] if wrong else space.selection.now.lane, probe.id)

    def other_sample(self) -> Sample | None:
        """The sample to change to while one is open."""
        run = self.workspace.run
        return other_sample(run.path if run else None)

    def open_other_sample(self) -> None:
        """Change from the sample that is open to the other one."""
        if (found := self.other_sample()) is not None:
            self.open(found.path)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: D102
        super().showEvent(event)
        self._rearrange()
        QTimer.singleShot(0, self.scrubber, self.scrubber.setFocus)

    def _stand(self, path: Path) -> None:
        """Where one left this run; else where there is something to see, unless the run is being written."""
        if path.with_name(path.name + ".lock").exists():
            return
        place, run = self.settings.place(path), self.workspace.run
        if not place or run is None or place["session"] not in run.sessions:
            self._interesting_moment()
            return
        if place["session"] != self.workspace.cursor.session:
            self.workspace.enter(place["session"])
        lane = place["lane"] if place["lane"] in {row.id for row in run.lanes} else self.workspace.selection.now.lane
        self.workspace.cursor.go(place["turn"])
        self.workspace.selection.reset(lane=lane, probe=place["probe"], pinned=place["pinned"])

    def _keep_lanes(self) -> None:
        """Remember how the lanes of this run are arranged."""
        run, roster = self.workspace.run, self.workspace.roster
        if run is not None:
            self.settings.keep_arrangement(run.path, roster.now.row() if roster.arranged else None)
        self.registry.update()

    def _keep_place(self) -> None:
        """Remember where one stands, for the next time that this run is opened."""
        run, at = self.workspace.run, self.workspace.moment
        if run is not None and at.session:
            place = {name: getattr(at, name) for name in ("session", "turn", "lane", "probe", "pinned")}
            self.settings.keep_place(run.path, place)

    def _interesting_moment(self) -> None:
        """Start where there is something to see: lanes that disagree, else a wrong answer, else the last turn."""
        reader, session = self.workspace.reader, self.workspace.moment.session
        if reader is None:
            return
        try:
            line = most_telling(probe_table(reader, session))
        except (TraceError, AttributeError, KeyError, TypeError, ValueError):  # a damaged event: the panels say so
            self.workspace.cursor.go(self.workspace.cursor.last)
            return
        if line is not None:
            self.workspace.cursor.go(line.turn)
            self.workspace.selection.let_go(probe=line.probe)
        elif not self.player.jump_probe(True, wrong=True):
            self.workspace.cursor.go(self.workspace.cursor.last)

    def offer_session(self, path: Path) -> None:
        """Ask for lanes and model, then replay a session file; before that for probes, when it has none.

        Raises ``MnemoscopeError`` when it cannot be read.
        """
        sessions = formats.read(path)
        if any(session.probes for session in sessions):
            self._ask_lanes(path, sessions)
        else:
            self.offer_probes(path, sessions)

    def offer_table(self, path: Path) -> None:
        """Ask which columns of a table are what, then go on as with a session. Raises ``MnemoscopeError``."""
        from ui.dialogs.map_dialog import MapDialog

        dialog = MapDialog(path, self)
        if dialog.exec():
            self._ask_lanes(path, formats.read(path, map=dialog.spec()), dialog.spec())

    def offer_probes(self, path: Path, sessions: Sequence[Session] = ()) -> None:
        """Show a session file's probes and write some; then replay it. Raises ``MnemoscopeError`` as above."""
        from ui.dialogs.probes_dialog import ProbesDialog

        dialog = ProbesDialog(path, sessions or formats.read(path), self.settings, self)
        if dialog.exec():
            self._ask_lanes(path, dialog.sessions)

    def _ask_lanes(self, path: Path, sessions: Sequence[Session], columns: str = "") -> None:
        from ui.dialogs.run_dialog import RunDialog

        dialog = RunDialog((path,), self.settings, self, sessions, (("map", columns),) if columns else ())
        if dialog.exec():
            self.start_run(dialog.config())

    def _say_unfinished(self) -> None:
        """A run that ended before its end says so, and offers to go on."""
        if self.can_resume():
            assert self._came is not None
            share = percent(self._came.done / max(1, self._came.total))
            self.notice.say(f"This run was broken off: {share} of it is done.", [("Go on", self.resume_run)])

    def can_resume(self) -> bool:
        """Whether the open run ended before its end and nobody is writing it."""
        run = self.workspace.run
        if run is None or self.client.live or self._came is None or self._came.finished:
            return False
        return not run.path.with_name(run.path.name + ".lock").exists()

    def resume_run(self) -> None:
        """Run → Go on with this run: from what its file holds."""
        if self.workspace.reader is None:
            return
        try:
            self.start_run(resumed(self.workspace.reader))
        except MnemoscopeError as error:
            self.notice.say(str(error))

    def start_run(self, config: RunConfig, paused: bool = False) -> None:
        """Start a live run; its trace streams into the window."""
        self.notice.hide()
        self.player.pause()
        self.client.start(config, paused)

    def choose_model(self, path: Path) -> None:
        """New runs use this GGUF. Raises ``MnemoscopeError`` when it cannot be one."""
        self.settings.set("model", str(checked(path)))
        self.notice.say(
            f"New runs use {path.name}. Open a session to start one.", [("Open session…", self.ask_session)]
        )

    # What commands do.

    def ask_run(self) -> None:
        """File → Open run."""
        self._ask_file("Open run", "Runs (*.mnemo)", paths.sample_sessions())

    def ask_session(self) -> None:
        """File → Open session."""
        self._ask_file("Open session", _SESSIONS, paths.sample_sessions())

    def ask_probes(self) -> None:
        """File → Probes of a session."""
        self._ask_file("Probes of a session", _SESSIONS, paths.sample_sessions(), self.offer_probes)

    def ask_errata(self, correct: bool) -> None:
        """View → Leave out (or correct) known errors: asks for a file, or takes the errata away that are on so."""
        from PySide6.QtWidgets import QFileDialog

        from workbench.probes import errata

        used = self.workspace.errata
        if used is not None and used.correct is correct:
            self.workspace.use_errata(None)
            return
        kinds = "Errata (*.json *.jsonl);;All files (*)"
        name, _ = QFileDialog.getOpenFileName(self, "Known errors", self.settings.get("folder", ""), kinds)
        if not name:
            return
        try:
            self.workspace.use_errata(errata.read([Path(name)], correct))
        except MnemoscopeError as error:
            self.notice.say(str(error))

    def ask_table(self) -> None:
        """File → Open table."""
        self._ask_file("Open table", _TABLES, paths.sample_sessions(), self.offer_table)

    def ask_model(self) -> None:
        """File → Open model."""
        self._ask_file(
            "Open model", "GGUF models (*.gguf)", Path(self.settings.get("model", str(paths.models()))).parent
        )

    def ask_compare(self) -> None:
        """File → Compare runs."""
        self._ask_file("Compare with another run", "Runs (*.mnemo)", paths.sample_sessions(), self.compare)

    def compare(self, path: Path) -> None:
        """Put another run beside the open one. Raises ``MnemoscopeError`` when they have no session in common."""
        if self.workspace.run is None:
            self.notice.say("No run is open to compare with. Open one first.")
            return
        self.beside.open(path)
        self.settings.remember(path)
        self.set_layout("Runs")

    def stop_comparing(self) -> None:
        """File → Stop comparing: the second run is closed."""
        self.beside.close()
        self.set_layout("Debug")

    def comparing(self) -> bool:
        """Whether a second run is open."""
        return self.beside.pairing is not None

    def ask_branch(self, *start: str) -> None:
        """Run → What if: a branch of the selected lane from this turn; ``start`` are edits to begin with."""
        from ui.dialogs.what_if import WhatIfDialog

        run, at = self.workspace.run, self.workspace.moment
        if run is None or not at.lane:
            return
        dialog = WhatIfDialog(run.name(at.lane), at.turn, start, self)
        if dialog.exec() and dialog.edits:
            self._ask(Branch(run.path, at.session, run.name(at.lane), at.turn, dialog.edits))

    def show_answers(self) -> None:
        """Select → Answers in full."""
        self._parts["lanes"].show_answers()  # type: ignore[attr-defined]

    def has_branch(self) -> bool:
        """Whether the selected lane is a branch."""
        return self._branch() is not None

    def _branch(self) -> LaneRow | None:
        run, lane = self.workspace.run, self.workspace.selection.now.lane
        return next((r for r in run.lanes if r.id == lane and r.parent is not None), None) if run else None

    def ask_undo(self) -> None:
        """Run → Undo this branch: its lane goes, and every other row of the file stays."""
        run, row = self.workspace.run, self._branch()
        if run is None or row is None:
            return
        more = "All that this branch did goes. The lane that it came from stays as it is."
        if sure(self, "Undo this branch", f"Take {row.name} out of {run.path.name}?", more, "Undo it"):
            self._ask(Undo(run.path, row.name))

    def ask_remark(self) -> None:
        """Select → Add a remark: on the selected item, else on the probe in question, else on this turn."""
        from PySide6.QtWidgets import QInputDialog

        run, at, reader = self.workspace.run, self.workspace.moment, self.workspace.reader
        if run is None or reader is None:
            return
        probe = self.workspace.probe_in_question() if at.probe else None
        seq = place(reader, at.session, at.lane, at.turn, at.item, probe.id if probe else "")
        about = at.item or (f"probe {probe.id}" if probe else f"turn {at.turn}")
        text, chosen = QInputDialog.getMultiLineText(self, "Add a remark", f"Of {about} in {run.name(at.lane)}")
        if chosen and text.strip() and seq:
            self._ask(Annotate(run.path, seq, getpass.getuser(), text.strip()))

    def ask_turn(self) -> None:
        """Playback → Go to turn."""
        from PySide6.QtWidgets import QInputDialog

        cursor = self.workspace.cursor
        turn, chosen = QInputDialog.getInt(
            self, "Go to turn", f"Turn, 0 to {cursor.last}", cursor.turn, 0, max(0, cursor.last)
        )
        if chosen:
            cursor.go(turn)

    def ask_picture(self) -> None:
        """File → Export window."""
        from PySide6.QtWidgets import QFileDialog

        from ui.widgets.export import export_widget

        name, _ = QFileDialog.getSaveFileName(self, "Export window", "mnemoscope.png", "Pictures (*.png *.svg *.pdf)")
        if name:
            try:
                export_widget(self, Path(name), self.windowTitle())
                self._saved(Path(name))
            except MnemoscopeError as error:
                self.notice.say(str(error))

    def export_figure(self, panel: QWidget | None = None) -> None:
        """File → Export figure: of the panel with the focus, else of the one in front of the inspector."""
        from ui.dialogs.figure_dialog import FigureDialog

        panel = panel or self._panel_in_focus()
        if isinstance(panel, Panel) and panel.view is not None:
            FigureDialog(panel, self.settings, self).exec()
        else:
            self.notice.say("There is nothing in this panel to make a figure of.")

    def ask_report(self) -> None:
        """File → Export report."""
        from PySide6.QtWidgets import QFileDialog

        run = self.workspace.run
        if run is None:
            return
        start = str(folder_for(run.path) / f"{run.path.stem}.html")
        name, _ = QFileDialog.getSaveFileName(self, "Export report", start, "HTML (*.html)")
        if name:
            path = Path(name).with_suffix(".html")
            self.notice.say("The report is being written.", calm=True)
            told = partial(self._report_made, path)
            self.workspace.pool.submit(id(self), _report, self.workspace.moment, None, told, True)

    def _report_made(self, path: Path, answer: Answer) -> None:
        try:
            if answer.error is not None:
                raise answer.error
            write_text(path, answer.view)
        except (MnemoscopeError, OSError) as error:
            self.notice.say(f"The report was not written: {error}")
        else:
            self._saved(path)

    def _saved(self, path: Path) -> None:
        """Say where a file was saved, with a way to its folder."""
        folder = QUrl.fromLocalFile(str(path.resolve().parent))
        offers: list[tuple[str, Callable[[], object]]] = [("Open folder", lambda: QDesktopServices.openUrl(folder))]
        if path.suffix == ".html":
            page = QUrl.fromLocalFile(str(path.resolve()))
            offers.insert(0, ("Open", lambda: QDesktopServices.openUrl(page)))
        self.notice.say(f"Saved to {path}", offers, calm=True)

    def ask_layout_name(self) -> None:
        """View → Save layout as."""
        from PySide6.QtWidgets import QInputDialog

        name, chosen = QInputDialog.getText(self, "Save layout", "Name of the layout", text=self._named)
        if chosen and name.strip():
            self.save_layout(name.strip())

    def pause_run(self) -> None:
        """Pause the live run, or let it go on."""
        if self.client.state == "paused":
            self.client.resume()
        else:
            self.client.pause()

    def follow(self) -> None:
        """Stand at the end of a live run; the cursor then moves with it."""
        self.workspace.cursor.go(self.workspace.cursor.last)

    def step_lane(self, steps: int) -> None:
        """Select the next lane, or the one before."""
        run = self.workspace.run
        if run is not None and run.lanes:
            lanes, now = self.workspace.roster.steps(), self.workspace.selection.now.lane
            place = lanes.index(now) if now in lanes else 0
            self.workspace.selection.select(lane=lanes[(place + steps) % len(lanes)])

    def has_sessions(self) -> bool:
        """Whether the run has more than one session."""
        return self.workspace.run is not None and len(self.workspace.run.sessions) > 1

    def step_session(self, steps: int) -> None:
        """To the next session of the run, or the one before."""
        run = self.workspace.run
        if run is not None and run.sessions:
            numbers = list(run.sessions)
            place = (numbers.index(self.workspace.cursor.session) + steps) % len(numbers)
            self.workspace.enter(numbers[place])

    def toggle_table(self) -> None:
        """Switch the panel with the focus (else the inspector's) between picture and table."""
        panel = self._panel_in_focus()
        if isinstance(panel, Panel):
            panel.toggle_table()

    def show_panel(self, name: str) -> None:
        """Bring a panel of the inspector to the front, in a layout that has the inspector."""
        front = self.second if self.layout_name == "Probe" and name != "probes" else self.inspector
        front.show_panel(name)
        self.ground.bring(front)
        there = self._parts.get("inspector-there")
        if self.layout_name == "Runs" and isinstance(there, Inspector):
            there.show_panel(name)
        if name == "find" and front.panel is not None:
            front.panel.setFocus()  # one wants to type at once

    def show_probe(self, probe: Probe) -> None:
        """Go to where a probe was asked, and select it."""
        self.workspace.jump(probe.after, probe=probe.id)

    def show_palette(self) -> None:
        """Open the command palette."""
        from ui.commands.palette import Palette

        palette = Palette(self.palette_entries(), self)
        corner = self.mapToGlobal(self.rect().topLeft())
        palette.move(corner.x() + (self.width() - palette.width()) // 2, corner.y() + self.height() // 8)
        palette.show()

    def palette_entries(self) -> list[Any]:
        """Commands, saved layouts, lanes, probes and sessions."""
        from ui.commands.palette import Entry, command_entries

        select = self.workspace.selection.select
        entries = command_entries(self.registry)
        entries += [
            Entry(f"{name} layout", partial(self.set_layout, name), "saved") for name in self.settings.layouts()
        ]
        entries += [Entry(one.title, partial(self.open, one.path), "sample") for one in samples()]
        run, session = self.workspace.run, self.workspace.session
        if run is not None:
            entries += [Entry(row.name, partial(select, lane=row.id), "lane") for row in run.lanes]
            if len(run.sessions) > 1:
                entries += [Entry(n, partial(self.workspace.enter, i), "session") for i, n in run.sessions.items()]
        if session is not None:
            entries += [
                Entry(p.question, partial(self.show_probe, p), f"probe, turn {p.after}") for p in session.probes
            ]
        return entries

    def toggle_theme(self) -> None:
        """Dark or light."""
        name = "light" if theme.active().dark else "dark"
        self.settings.set("theme", name)
        theme.use(name)

    def less_motion(self) -> bool:
        """Whether nothing is to move by itself."""
        return motion.reduced()

    def toggle_motion(self) -> None:
        """View → Less motion; kept for the next time."""
        motion.reduce(not motion.reduced())
        self.settings.set("less-motion", motion.reduced())

    def zoom(self, steps: int) -> None:
        """Larger or smaller type, on top of the layout's."""
        self.set_type(self._zoom + steps)

    def set_type(self, zoom: int) -> None:
        """Type that many steps larger than the layout's."""
        base = layouts.LAYOUTS[self.layout_name].size
        self._zoom = min(max(zoom, _SMALLEST - base), _LARGEST - base)
        self._dress()
        if self.isVisible():
            self._rearrange()

    @property
    def type_zoom(self) -> int:
        """Steps that the type is larger than the layout's."""
        return self._zoom

    @property
    def timeline(self) -> ScrubberPanel:
        """The timeline over all layouts."""
        return self.scrubber

    def layout_in_force(self) -> str:
        """Name of the layout, or of the saved one."""
        return self._named or self.layout_name

    # Talks.

    def set_telling(self, telling: bool) -> None:
        """A story is being told, without chrome and in large type, or no longer."""
        self._telling = telling
        room = self.size()
        self._dress()
        if not telling:
            self.transport.retheme()
        if self.isVisible() and not self.isFullScreen():
            self._share_out()
            self.resize(room)

    def show_steps(self) -> None:
        """Story → Steps."""
        from ui.dialogs.story_dialog import StoryDialog

        run = self.workspace.run
        StoryDialog(self.stage, folder_for(run.path) if run else Path.home(), self).show()

    def has_story(self) -> bool:
        """Whether the run has a story."""
        return bool(self.stage.book.steps)

    def float_panel(self) -> None:
        """View → Panel in a window of its own: the panel with the focus, else the one in front of the inspector."""
        panel = self._panel_in_focus()
        if isinstance(panel, Panel) and panel.name in TITLES:
            actions = [self.registry.action(command.name) for command in self.registry]
            made = FloatingPanel(panel.name, panel.workspace, actions, self)
            made.closed.connect(self._floating.remove)
            self._floating.append(made)
            others = [screen for screen in QGuiApplication.screens() if screen is not self.screen()]
            if others:
                made.go_to(others[0])
            made.show()

    def _panel_in_focus(self) -> QWidget | None:
        widget = QApplication.focusWidget()
        while widget is not None and not isinstance(widget, Panel):
            widget = widget.parentWidget()
        return widget if widget is not None and widget is not self.scrubber else self.inspector.panel

    def toggle_full_screen(self) -> None:
        """Fill the screen, or not."""
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def show_help(self, page: str = "start") -> None:
        """Open the help at a page."""
        from ui.dialogs.help import HelpDialog

        HelpDialog(self.registry, page, self).show()

    def show_models(self) -> None:
        """File → Models."""
        from ui.dialogs.models_dialog import ModelsDialog

        ModelsDialog(self.settings, self).show()

    def show_about(self) -> None:
        """Open the help at the page that says what this program is."""
        self.show_help("about")

    # Layouts.

    def set_layout(self, name: str) -> None:
        """Arrange the parts: one of ``layouts.LAYOUTS``, or a layout that was saved."""
        saved = self.settings.layouts().get(name, {})
        base = saved.get("base", name)
        layout = layouts.LAYOUTS.get(base, layouts.LAYOUTS["Debug"])
        self._keep_sizes()
        self.layout_name, self._named = layout.name, name if saved else ""
        room = self.size()
        for inspector, tab in zip((self.inspector, self.second), saved.get("tabs", layout.tabs), strict=True):
            if tab in panels.INSPECTORS:
                inspector.show_panel(tab)
        for late in layouts.parts(layout.body) & self._later.keys():
            self._parts[late] = self._later.pop(late)()
        self._narrow = self._is_narrow()
        self._place(layout, saved.get("sizes") or self.settings.get(self._sizes_key(), []))
        for part in self._parts.values():
            if isinstance(part, LanesPanel):
                part.show_only_selected(layout.lone)
        there = self._parts.get("inspector-there")
        if layout.name == "Runs" and isinstance(there, Inspector):
            there.show_panel(self.inspector.current)
        self._compare(layout)
        if self.workspace.run is None:
            self._offer()
        self._dress()
        self.settings.set("layout", name)
        if self.isVisible():
            self._share_out()
            self.resize(room)  # half way between two layouts more may have been needed than either of them does
        self._focus()
        self.transport.fill_layouts([], self._named or layout.name)
        self.registry.update()

    def _offer(self) -> None:
        """While no run is open, the largest panel offers what can be opened; the others say it in words."""
        front = next((n for n in ("lanes", "scoreboard") if not self._parts[n].isHidden()), "")
        offers: list[tuple[str, Callable[[], object]]] = [
            *((literal(f"Sample: {one.title}"), partial(self.open, one.path)) for one in samples()[:2]),
            ("Open run…", self.ask_run),
            ("Open session…", self.ask_session),
            ("Models…", self.show_models),
        ]
        for name in ("lanes", "scoreboard"):
            panel = self._parts[name]
            if isinstance(panel, Panel):
                panel.offer(offers if name == front else ())

    def _dress(self) -> None:
        """Chrome and type as the layout wants them; a story is told without chrome and in large type."""
        layout, telling = layouts.LAYOUTS[self.layout_name], self._telling
        self.menuBar().setVisible(layout.chrome and not telling)
        self.transport.setVisible(not telling)
        self.scrubber.setVisible(layout.chrome)
        for inspector in (self.inspector, self.second):
            inspector.set_chrome(layout.chrome and not telling)
        size = layout.size + self._zoom
        size = max(size, TOLD if layout.chrome else theme.TALK) if telling else size
        if theme.active().size != size:
            theme.use(size=min(size, _LARGEST))

    def _place(self, layout: layouts.Layout, sizes: list[Any]) -> None:
        body, old = self._split(layout), self._splitter
        used = layouts.parts(body)
        for name, part in self._parts.items():
            if name not in used:
                part.hide()
                part.setParent(self._body)
        self._moved = False
        self._splitter = layouts.build(body, self._parts, self._hand_moved)
        self.ground.put(self._splitter)
        for name in used:
            self._parts[name].show()
        if old is not None:
            old.hide()
            old.deleteLater()
        self._splitter.show()  # what is not seen yet is given no room
        self._sizes = sizes

    def _share_out(self) -> None:
        """Give the parts of the layout the room they had, or their shares of it."""
        assert self._splitter is not None
        shape = layouts.LAYOUTS[self.layout_name]
        self.ground.need(shape.least[self._narrow] * theme.active().size)
        for layout in (self.layout(), self._outer, self._inner):
            if layout is not None:
                layout.activate()
        self.ground.settle()
        if self._sizes:
            layouts.resize(self._splitter, self._sizes)
        else:
            layouts.share_out(self._splitter, self._split(shape), self._wanted)

    def _split(self, layout: layouts.Layout) -> layouts.Split:
        return layout.narrow if self._narrow and layout.narrow is not None else layout.body

    def _is_narrow(self) -> bool:
        size = layouts.LAYOUTS[self.layout_name].size + self._zoom
        return self.width() < layouts.ROOMY * size and layouts.LAYOUTS[self.layout_name].narrow is not None

    def _sizes_key(self) -> str:
        return f"sizes/{self.layout_name}{'-narrow' if self._narrow else ''}"

    def _hand_moved(self) -> None:
        self._moved = True

    def _rearrange(self) -> None:
        """The parts lie otherwise where the window has become narrow for its type, or wide again."""
        if self._splitter is None:
            return
        if self._is_narrow() != self._narrow:
            self._keep_sizes()
            self._narrow = not self._narrow
            self._place(layouts.LAYOUTS[self.layout_name], self.settings.get(self._sizes_key(), []))
        self._share_out()

    def _more_wanted(self) -> None:
        """The scoreboard has other rows: it is as high as they need, unless a hand has made it otherwise."""
        board = self._parts["scoreboard"]
        wanted = {"scoreboard": board.wanted()} if isinstance(board, ScoreboardPanel) else {}
        if wanted != self._wanted:
            self._wanted = wanted
            if not self._sizes and not self._moved and self.isVisible():
                self._share_out()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102
        super().resizeEvent(event)
        if self.isVisible() and self._is_narrow() != self._narrow:
            self._rearrange()

    def _compare(self, layout: layouts.Layout) -> None:
        run = self.workspace.run
        ids = self.workspace.roster.shown() if run else ()
        chosen = self.workspace.selection.now.lane
        other = next((i for i in ids if i != chosen), 0)
        self.inspector.set_comparing(layout.comparing, chosen)
        self.second.set_comparing(layout.comparing, other)

    def has_layout(self, name: str) -> bool:
        """Whether this layout, or one that was saved from it, is in force."""
        return self.layout_name == name

    def save_layout(self, name: str) -> None:
        """Keep the panels as they are now under a name."""
        assert self._splitter is not None
        tabs = [self.inspector.current, self.second.current]
        kept = {"base": self.layout_name, "sizes": layouts.sizes(self._splitter), "tabs": tabs}
        self.settings.set("layouts", self.settings.layouts() | {name: kept})
        self._named = name
        self.settings.set("layout", name)
        self.transport.fill_layouts([], name)

    def reset_layout(self) -> None:
        """View → Reset layout: the parts have the room that the layout gives them; so does type."""
        name = self.layout_name
        self._sizes = []
        self._moved = False
        self.settings.remove(self._sizes_key())
        self._named = name  # what there is now is not kept
        self._zoom = 0
        self.set_layout(name)

    def _keep_sizes(self) -> None:
        """What a hand has made of the layout; what nobody touched goes by what there is to show."""
        if self._splitter is not None and not self._named and self.isVisible() and self._moved:
            self.settings.set(self._sizes_key(), layouts.sizes(self._splitter))

    # What happens.

    def _opened(self) -> None:
        run, reader = self.workspace.run, self.workspace.reader
        self._came = progress(reader) if reader is not None else None
        self.setWindowTitle(f"{run.path.name} · Mnemoscope" if run else "Mnemoscope")
        layout = layouts.LAYOUTS[self.layout_name]
        if layout.comparing:
            self._compare(layout)
        self.registry.update()

    def _focus(self) -> None:
        """The strip has the keys until something else is chosen: no button of the bar shall look chosen."""
        if self.transport.isAncestorOf(QApplication.focusWidget() or self.transport.turn):
            (self.scrubber if self.scrubber.isVisible() else self).setFocus()

    def _ready(self, report: Ready) -> None:
        try:
            self.open_run(Path(report.path), turn=sys.maxsize)
            self.pace.began(self.workspace.reader)
            if report.note:
                self.notice.say(report.note)
        except MnemoscopeError as error:
            self.notice.say(str(error))

    def _advanced(self, seq: int) -> None:
        """The engine tells 30 times a second; panels take it in ten times a second, to leave it the processor."""
        self._seq = max(self._seq, seq)
        if not self._growing.isActive():
            self._growing.start()

    def _grow(self) -> None:
        config, run = self.client.config, self.workspace.run
        if config is not None and run is not None and run.path == Path(config.path):
            self.workspace.grew(self._seq)

    def _engine_state(self, state: str) -> None:
        reader = self.workspace.reader
        if state in ("finished", "cancelled"):
            self.stage.book.save()  # steps that were added meanwhile
        if state in ("finished", "cancelled") and reader is not None:
            self._seq = reader.last_seq()
            self._grow()
            self._came = progress(reader)
            self.pace.ended(reader, self.client.config, self.settings)
        elif state == "paused":
            self.pace.forget()
        if state == "cancelled":
            self.notice.say(
                "The run was cancelled. What was written stays; the same run goes on from there.", self._again()
            )

    def _ask(self, question: Question) -> None:
        run = self.client.config
        if self.client.live and run is not None and Path(run.path) == question.path:
            self.notice.say("The run is still being written. Ask again when it has ended, or cancel it first.")
            self.workspace.told.emit()
            self.workspace.computed.emit(question)
            return
        self.inquiry.ask(question)

    def _explained(self, report: Explained) -> None:
        run = self.workspace.run
        if report.problem and run is not None:
            remember(str(run.path), Verdict.from_row(report.verdict))
        self.workspace.told.emit()

    def _branched(self, lane: str) -> None:
        if self.workspace.reader is not None:
            self.workspace.grew(self.workspace.reader.last_seq())
            run = self.workspace.run
            child = next((row.id for row in run.lanes if row.name == lane), 0) if run else 0
            if child:
                self.workspace.selection.select(lane=child)

    def _undone(self, report: Undone) -> None:
        """The file has less in it than the panels know: it is opened anew, where one stands."""
        run, at = self.workspace.run, self.workspace.moment
        if run is None or run.path != report.path:
            return
        self.open_run(report.path, at.turn)
        run = self.workspace.run
        parent = next((row.id for row in run.lanes if row.name == report.parent), 0) if run else 0
        if run is not None and at.session in run.sessions and at.session != self.workspace.cursor.session:
            self.workspace.enter(at.session, at.turn)
        self.workspace.selection.select(lane=parent, probe=at.probe, pinned=at.pinned)

    def _failed_question(self, report: Failed) -> None:
        self.notice.say(report.message[:1].upper() + report.message[1:], [], report.log)
        self.workspace.told.emit()

    def _again(self) -> list[tuple[str, Any]]:
        config = self.client.config
        return [("Go on", lambda: self.start_run(config))] if config is not None else []

    def _failed(self, report: Failed) -> None:
        actions: list[tuple[str, Any]] = []
        if report.crashed:
            actions = [
                ("Go on", lambda: self.client.go_on(smaller=False)),
                ("Go on with half the context", lambda: self.client.go_on(smaller=True)),
            ]
        what = report.message[:1].upper() + report.message[1:]
        self.notice.say(f"{what}. Nothing that was written is lost." if report.crashed else what, actions, report.log)

    def _ask_file(self, title: str, kinds: str, folder: Path, then: Callable[[Path], None] | None = None) -> None:
        from PySide6.QtWidgets import QFileDialog

        name, _ = QFileDialog.getOpenFileName(self, title, self.settings.get("folder", str(folder)), kinds)
        if name:
            self.settings.set("folder", str(Path(name).parent))
            self.open(Path(name), then)

    def _fill_recent(self) -> None:
        self._recent.clear()
        for path in self.settings.recent():
            self._recent.addAction(literal(path.name)).triggered.connect(lambda _=False, p=path: self.open(p))
        if self._recent.isEmpty():
            self._recent.addAction("Nothing was opened yet").setEnabled(False)

    def _fill_samples(self) -> None:
        self._samples.clear()
        for one in samples():
            self._samples.addAction(literal(one.title)).triggered.connect(lambda _=False, p=one.path: self.open(p))

    def _fill_layouts(self) -> None:
        menu = self.transport.layouts.menu()
        menu.clear()
        for name in layouts.LAYOUTS:
            menu.addAction(self.registry.action(f"view.layout-{name.lower()}"))
        menu.addSeparator()
        for name in self.settings.layouts():
            menu.addAction(literal(name)).triggered.connect(lambda _=False, n=name: self.set_layout(n))
        menu.addAction(self.registry.action("view.save-layout"))

    def event(self, event: QEvent) -> bool:  # noqa: D102
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and _own_key(event):
            event.accept()  # the widget with the focus gets the key, not the command
            return True
        return super().event(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: D102
        files = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if files:
            event.acceptProposedAction()
            self._drop.say(files[0].name)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:  # noqa: D102
        self._drop.hide()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: D102
        self._drop.hide()
        files = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if files:
            event.acceptProposedAction()
            QTimer.singleShot(0, self, lambda: self.open(files[0]))  # the drag must end before a dialog opens

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: D102
        self.stage.end()
        self._keep_sizes()
        self._keep_place()
        for floating in list(self._floating):
            floating.close()
        self.settings.set("geometry", bytes(self.saveGeometry().toBase64().data()).decode())
        self.settings.sync()
        self.player.pause()
        self.client.shutdown()
        self.inquiry.shutdown()
        self.beside.shut()
        self.workspace.close()
        super().closeEvent(event)

    def _restore(self) -> None:
        kept = self.settings.get("geometry")
        if not isinstance(kept, str) or not self.restoreGeometry(QByteArray.fromBase64(kept.encode())):
            self.resize(QSize(1480, 920))
        screen = self.screen().availableGeometry()
        self.resize(fitting(self.size(), screen.size()))
        corner = self.frameGeometry()
        if not screen.contains(corner):
            corner.moveBottomRight(screen.bottomRight() if corner.right() > screen.right() else corner.bottomRight())
            self.move(max(corner.left(), screen.left()), max(corner.top(), screen.top()))


def fitting(wanted: QSize, screen: QSize) -> QSize:
    """A window's size that leaves room for its frame on a screen of this free size."""
    return wanted.boundedTo(QSize(screen.width() - _FRAME[0], screen.height() - _FRAME[1]))


def _own_key(event: QKeyEvent) -> bool:
    """Whether the widget with the focus has a use of its own for this key, which a shortcut must not take from it."""
    if event.modifiers() != Qt.KeyboardModifier.NoModifier:
        return False
    widget = QApplication.focusWidget()
    if event.key() == Qt.Key.Key_Space:
        return isinstance(widget, QAbstractButton | QComboBox)
    moves = isinstance(widget, QAbstractItemView | QComboBox | QTabBar | QAbstractSpinBox | QTextEdit)
    return moves and event.key() in _NAVIGATION


def _report(reader: TraceReader, moment: Moment, options: Any) -> str:
    from workbench.reports.html import report

    return report(reader)


def _opening(path: Path, session: Session, lanes: int) -> str:
    """What one looks at."""
    kind = "This is a sample" if is_sample(path) else f"This is {path.name}"
    held = f"{count(len(session.turns), 'turn')} of a conversation, read by {count(lanes, 'memory', 'memories')}"
    return f"{kind}: {held} and asked about {count(len(session.probes), 'time')}."
