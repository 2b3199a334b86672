"""The base of every panel: it projects in a worker thread, shows the answer, and knows empty, loading and error states.

A panel is written in four steps:

1. a projection in ``workbench/projections/NAME.py``: a pure function of (reader, cursor, options);
2. a subclass of ``Panel`` whose static ``project`` calls it (it runs in a worker thread: touch no Qt in it);
3. ``build`` makes the widgets once, ``show_view`` fills them with an answer (GUI thread);
4. ``table`` gives the same view as a table: it is the table twin (T), what is copied and what is exported as CSV.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from PySide6.QtCore import QEvent, QPoint, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QAction,
    QContextMenuEvent,
    QGuiApplication,
    QHideEvent,
    QKeyEvent,
    QPaintEvent,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QMenu,
    QProgressBar,
    QPushButton,
    QStackedWidget,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from ui.bridge.project_pool import Answer
from ui.models.table import Table, TableModel
from ui.samples import folder_for
from ui.state.moment import Moment
from ui.state.workspace import Workspace
from ui.theme import theme
from ui.widgets.choice_box import SHARE, ChoiceBox
from ui.widgets.export import Style, ask_and_export, export_figure
from ui.widgets.hidden_lanes import HiddenLanes, lane_entries
from ui.widgets.mnemonics import mnemonics
from ui.widgets.painting import painting
from ui.widgets.plain import Label, plain
from ui.widgets.spoken import name_areas
from workbench.errors import MnemoscopeError
from workbench.files import write_text
from workbench.trace.reader import TraceReader

LOADING_AFTER = 150
"""ms until a panel that still waits says so."""


def asked(reader: TraceReader, moment: Moment) -> Moment:
    """The moment at which a pinned probe was asked; the moment itself where none is pinned."""
    if not moment.pinned or not moment.session:
        return moment
    probe = next((p for p in reader.session(moment.session).probes if p.id == moment.probe), None)
    return moment if probe is None else moment.but(turn=probe.after, seq=None)


@dataclass(frozen=True, slots=True)
class Empty:
    """A projection's way to say that there is nothing to show: what is missing, and how to fill the panel."""

    what: str
    how: str = ""


NOTHING_OPEN = Empty("No run is open", "Open a run file or a session from the File menu, or drop one here")
NO_SECOND = Empty("No second run is open", "File → Compare runs… puts another run over the same session beside it")


class Panel(QFrame):
    """One view of (trace, moment, options).

    Class attributes:
        name: key in ``ui.panels.PANELS``; also names exported files.
        follows: the fields of ``Moment`` that change what ``project`` answers; others move without a projection.
        by_lane: shows lanes beside one another: as ``arranged`` has them, and it says how many are hidden.
        lanes_run: where the next lane stands, ``right`` or ``below``.
        heavy: projects in the second worker, so that it holds up no other panel (layouts, attention arrays).

    Attributes:
        workspace: what is open and selected; change the cursor and the selection through it.
        view: the last view that was shown, None before the first and while empty.
        of_one_run: its title says which of two runs it shows, while two stand side by side.
        figure_height: px that it has in a figure at least.
        pinned_lane: 0, or the lane that this panel stays with whatever is selected (layout Compare).
    """

    name: ClassVar[str] = ""
    follows: ClassVar[frozenset[str]] = frozenset({"session", "turn", "seq", "lane"})
    heavy: ClassVar[bool] = False
    by_lane: ClassVar[bool] = False
    lanes_run: ClassVar[str] = "below"
    figure_height: ClassVar[int] = 200
    of_one_run: ClassVar[bool] = True

    shown = Signal()
    """An answer has been shown (a view, an empty state or an error)."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.workspace = workspace
        self.view: Any = None
        self.pinned_lane = 0
        self._asked: tuple[Moment, Any, int] | None = None
        self._grown = 0
        self._table_on = False
        self._last_answer: Answer | None = None
        self._whole: Any = None  # the view with every lane
        self._pointed_lane = 0
        self.setProperty("part", "panel")
        self.setObjectName(f"panel-{self.name}")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._frame()
        self._wait = QTimer(self)
        self._wait.setSingleShot(True)
        self._wait.setInterval(LOADING_AFTER)
        self._wait.timeout.connect(self._show_loading)
        workspace.moved.connect(self._moved)
        workspace.opened.connect(self._opened)
        workspace.advanced.connect(self._advanced)
        workspace.compared.connect(self._retitle)
        theme.hub().changed.connect(self._rethemed)
        if self.by_lane:
            workspace.roster.changed.connect(self._rearranged)

    # What a panel fills in.

    @staticmethod
    def project(reader: TraceReader, moment: Moment, options: Any) -> Any:
        """The view at a moment, or ``Empty``. Pure; runs in a worker thread; must not touch Qt."""
        raise NotImplementedError

    def build(self) -> QWidget:
        """Make the widgets, once."""
        raise NotImplementedError

    def show_view(self, view: Any) -> None:
        """Show a view; GUI thread."""
        raise NotImplementedError

    def arranged(self, view: Any) -> Any:
        """The view with the lanes that are on show, in their order (``workspace.roster``); for panels ``by_lane``."""
        return view

    def lane_under(self, point: QPoint) -> int:
        """The lane under a point of the panel, for its context menu; 0 for none."""
        return 0

    def title(self, view: Any) -> str:
        """What the panel shows, of whom and when: ``A-MEM · items at turn 214``. ``view`` is None while empty."""
        raise NotImplementedError

    def table(self, view: Any) -> Table:
        """The view as a table."""
        raise NotImplementedError

    def options(self) -> Any:
        """The panel's own options for ``project``: a hashable value. Call ``refresh`` after changing them."""
        return None

    def on_moment(self, moment: Moment) -> None:
        """The moment has changed; for what needs no projection (highlights). Must be O(1)."""

    def retheme(self) -> None:
        """Colours or type size have changed: take over what is not asked for while painting."""

    def add_actions(self, menu: QMenu) -> None:
        """Add the panel's own entries to the top of its context menu."""

    # What a panel may use.

    @property
    def moment(self) -> Moment:
        """The moment this panel is about: the workspace's, with the pinned lane in place of the selected one."""
        moment = self.workspace.moment
        return moment.but(lane=self.pinned_lane, item="", token=None) if self._pinned(moment) else moment

    def refresh(self) -> None:
        """Project again when the moment (as far as it is followed), the options or the trace changed. Hidden: later."""
        if not self.isVisible() or self.workspace.run is None:
            return
        moment = self._reduced(self.moment)
        asked = (moment, self.options(), self._grown)
        if asked == self._asked:
            return
        self._asked = asked
        self.workspace.pool.submit(id(self), type(self).project, moment, asked[1], self._answered, self.heavy)
        if not self._wait.isActive():
            self._wait.start()

    def again(self) -> None:
        """Project again although neither moment nor trace has changed: something was said of the run."""
        self._asked = None
        self.refresh()

    @property
    def waiting(self) -> bool:
        """Whether an answer is still to come."""
        return self._wait.isActive() or self._stack.currentWidget() is self._loading

    def lane_title(self) -> str:
        """The SPEC of the lane this panel is about, for titles."""
        return self.workspace.run.name(self.moment.lane) if self.workspace.run else ""

    def toggle_table(self) -> None:
        """Switch between the picture and its table twin."""
        self._table_on = not self._table_on
        self._arrange()

    def copy_table(self) -> None:
        """Put the table twin on the clipboard, tab-separated."""
        if self.view is not None:
            table = self.table(self.view)
            lines = [table.columns, *(["" if v is None else str(v) for v in row] for row in table.rows)]
            QGuiApplication.clipboard().setText("\n".join("\t".join(map(str, line)) for line in lines))

    def copy_picture(self) -> None:
        """Put the panel's picture on the clipboard."""
        QGuiApplication.clipboard().setPixmap(self.content.grab())

    def export(self, path: Path, style: Style | None = None) -> None:
        """Write the panel to a file; the suffix decides: .png, .svg, .pdf (a figure), .csv, .json (its table twin).

        Raises ``MnemoscopeError`` when there is nothing to write, or where it cannot be written.
        """
        if path.suffix.lower() not in (".csv", ".json"):
            export_figure(self, self._title.text(), self.told_of(), path, style or Style())
            return
        if self.view is None:
            raise MnemoscopeError(f"{self.title(None)} is empty", "there is nothing to export")
        table = self.table(self.view)
        text = table.csv() if path.suffix.lower() == ".csv" else table.json(self._title.text(), self.told_of())
        write_text(path, text)

    def told_of(self) -> dict[str, Any]:
        """What a figure is of: run, session, model, lane, turn, and the probe in question."""
        run, at = self.workspace.run, self.moment
        if run is None:
            return {}
        probe = self.workspace.probe_in_question() if at.session else None
        model = str(run.engine.get("name") or "")
        return {
            "run": run.path.name, "session": run.sessions.get(at.session, ""), "model": model,
            "lane": run.name(at.lane), "turn": at.turn, "probe": probe.id if probe else "",
            "question": probe.question if probe else "",
        }  # fmt: skip

    # The machinery.

    def _frame(self) -> None:
        unit = theme.active().unit
        outer = QVBoxLayout(self)
        outer.setContentsMargins(unit(3), unit(2), unit(3), unit(3))
        outer.setSpacing(unit(2))
        self.head = QWidget()
        self.tools = QHBoxLayout(self.head)
        self.tools.setContentsMargins(0, 0, 0, 0)
        self.tools.setSpacing(unit(2))
        self._title = ElidedLabel()
        self._title.setProperty("part", "title")
        self.tools.addWidget(self._title, 1)
        if self.by_lane:
            self.tools.addWidget(HiddenLanes(self.workspace.roster, self.head))
        outer.addWidget(self.head)
        self._stack = QStackedWidget()
        outer.addWidget(self._stack, 1)
        self.content = self.build()
        name_areas(self.content, f"{self.name}, to scroll")
        self._twin, self._twin_model = QTableView(), TableModel(parent=self)
        self._prepare_twin()
        self._card, self._loading = _Card(), _loading()
        for widget in (self.content, self._twin, self._card, self._loading):
            self._stack.addWidget(widget)
        self._retitle()
        self._show_card(NO_SECOND if self.workspace.second else NOTHING_OPEN)

    def add_choices(self, *boxes: ChoiceBox) -> None:
        """Put choices into the row of tools: they share the room that the title leaves."""
        if self.tools.stretch(0):
            self.tools.setStretch(0, 0)
            self.tools.insertStretch(1, 1)
        for box in boxes:
            self.tools.addWidget(box, SHARE)

    def _prepare_twin(self) -> None:
        self._twin.setModel(self._twin_model)
        self._twin.verticalHeader().hide()
        self._twin.setShowGrid(False)
        self._twin.setWordWrap(False)
        self._twin.horizontalHeader().setStretchLastSection(True)
        self._twin.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self._twin.horizontalHeader().setHighlightSections(False)
        self._twin.setAccessibleName(f"{self.name} as a table")

    def _pinned(self, moment: Moment) -> bool:
        return self.pinned_lane not in (0, moment.lane)

    def _reduced(self, moment: Moment) -> Moment:
        blank = Moment()
        keep = {f: getattr(moment, f) for f in self.follows}
        return blank.but(**keep)

    def _moved(self, _: Moment) -> None:
        if self.isVisible():
            self.on_moment(self.moment)
            self.refresh()

    def _opened(self) -> None:
        self._asked, self.view = None, None
        self._card.offer(())  # unseen pages want their room, too
        self._grown += 1
        if self.workspace.run is None:
            self._show_card(NO_SECOND if self.workspace.second else NOTHING_OPEN)
            self._retitle()
        self.refresh()

    def _advanced(self, seq: int) -> None:
        self._grown = seq
        self.refresh()

    def _answered(self, answer: Answer) -> None:
        self._wait.stop()
        self._last_answer = answer
        if answer.error is not None:
            self.view = None
            self._show_error(answer)
        elif answer.view is None or isinstance(answer.view, Empty):
            self.view = None
            self._show_card(answer.view or Empty("Nothing to show here"))
        else:
            self._whole, self.view = answer.view, self.arranged(answer.view)
            self._arrange()
            self.on_moment(self.moment)
        self._retitle()
        self.shown.emit()

    def _rearranged(self) -> None:
        if self.view is not None:
            self.view = self.arranged(self._whole)
            self._arrange()
            self.on_moment(self.moment)
            self._retitle()

    def _arrange(self) -> None:
        """Bring the picture or its twin to the front, filled."""
        if self.view is None:
            return
        if self._table_on:
            self._twin_model.show(self.table(self.view))
            self._stack.setCurrentWidget(self._twin)
        else:
            self.show_view(self.view)
            self._stack.setCurrentWidget(self.content)

    def _retitle(self) -> None:
        label = self.workspace.label if self.of_one_run else ""
        self._title.setText(f"{label} · {self.title(self.view)}" if label else self.title(self.view))
        self.setAccessibleName(self._title.text())

    def offer(self, offers: Sequence[tuple[str, Callable[[], object]]]) -> None:
        """Buttons below the empty state for as long as no run is open; none: take them away."""
        self._card.offer(offers if self.workspace.run is None else ())

    def _show_card(self, empty: Empty) -> None:
        self._card.say(empty.what, empty.how)
        self._stack.setCurrentWidget(self._card)

    def _show_error(self, answer: Answer) -> None:
        error = answer.error
        if isinstance(error, MnemoscopeError):
            self._card.say(error.what, error.remedy, "error")
        else:
            self._card.say(
                f"{type(error).__name__}: {error}",
                "This is a defect of the program; the menu copies its details",
                "error",
            )
        self._card.setToolTip(plain(answer.trace))
        self._stack.setCurrentWidget(self._card)

    def _show_loading(self) -> None:
        if self.view is None:
            self._stack.setCurrentWidget(self._loading)

    def _rethemed(self) -> None:
        unit = theme.active().unit
        layout = self.layout()
        if layout is not None:
            layout.setContentsMargins(unit(3), unit(2), unit(3), unit(3))
        self.retheme()
        if self.view is not None:
            self._arrange()
        self.update()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: D102
        super().showEvent(event)
        self.refresh()
        if self.view is not None:
            self.on_moment(self.moment)

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: D102
        super().hideEvent(event)
        self._wait.stop()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102
        if event.key() == Qt.Key.Key_T and not event.modifiers():
            self.toggle_table()
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: D102
        self._pointed_lane = self.lane_under(event.pos()) if self.view is not None else 0
        self.context_menu().popup(event.globalPos())
        self._pointed_lane = 0

    def context_menu(self) -> QMenu:
        """The menu of the panel: its own entries, table twin, copy, export."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if self._pointed_lane and self.workspace.run is not None:
            lane, roster = self._pointed_lane, self.workspace.roster
            lane_entries(menu, roster, lane, self.workspace.run.name(lane), self.lanes_run)
            menu.addSeparator()
        self.add_actions(menu)
        if not menu.isEmpty():
            menu.addSeparator()
        twin = _entry(menu, "Show as table", self.toggle_table, "T")
        twin.setCheckable(True)
        twin.setChecked(self._table_on)
        full = self.view is not None
        entries: list[tuple[str, Callable[[], Any]]] = [
            ("Copy picture", self.copy_picture),
            ("Copy as table", self.copy_table),
        ]
        for title, action in entries:
            _entry(menu, title, action).setEnabled(full)
        menu.addSeparator()
        _entry(menu, "Export figure…", lambda: self.workspace.figure_wanted.emit(self)).setEnabled(full)
        for suffix in ("png", "svg", "pdf", "csv", "json"):
            _entry(menu, f"Export {suffix.upper()}…", partial(self._ask_export, suffix)).setEnabled(full)
        if self._last_answer and self._last_answer.error:
            _entry(menu, "Copy error details", self._copy_error)
        mnemonics(menu)
        return menu

    def _copy_error(self) -> None:
        if self._last_answer:
            QGuiApplication.clipboard().setText(self._last_answer.trace)

    def _ask_export(self, suffix: str) -> None:
        run = self.workspace.run
        start = (folder_for(run.path) if run else Path.home()) / f"{self.name}-turn-{self.moment.turn}.{suffix}"
        ask_and_export(self, start, suffix, self._exported)

    def _exported(self, path: Path) -> None:
        self.export(path)
        self.workspace.saved.emit(path)


def _entry(menu: QMenu, title: str, action: Callable[[], Any], key: str = "") -> QAction:
    entry = menu.addAction(title)
    if key:
        entry.setText(f"{title}\t{key}")
    entry.triggered.connect(lambda *_: action())
    return entry


_ROOM_STEP = 16  # px
_TELLING = 4  # characters of a part of a title that say anything, with their ellipsis


class ElidedLabel(Label):
    """A label of one line that ends in an ellipsis where it does not fit, and then shows all of it as its tooltip.

    What is left of a part after a `` · `` goes with it where it says nothing any more. It paints itself and asks for
    room in steps: titles change at every turn, and a label of Qt's lays the whole window out anew each time.
    """

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        self._full = self._tip = self._shown = ""
        self._room = 0
        super().__init__("", parent)
        self.setMinimumWidth(24)
        self.setText(text)

    def setText(self, text: str) -> None:  # noqa: D102
        if text != self._full:
            self._full = text
            self.setAccessibleName(text)
            self._elide()
            if self._wide() != self._room:
                self.updateGeometry()

    def text(self) -> str:
        """The whole text."""
        return self._full

    @property
    def shown(self) -> str:
        """What of the text there is room for."""
        return self._shown

    def _wide(self) -> int:
        """What the text needs, rounded up: another figure in it is no reason to share the room out anew."""
        return -(-(self.fontMetrics().horizontalAdvance(self._full) + 4) // _ROOM_STEP) * _ROOM_STEP

    def sizeHint(self) -> QSize:  # noqa: D102
        self._room = self._wide()
        return QSize(self._room, self.fontMetrics().lineSpacing())

    def minimumSizeHint(self) -> QSize:  # noqa: D102
        return QSize(24, self.fontMetrics().lineSpacing())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102
        super().resizeEvent(event)
        self._elide()

    def changeEvent(self, event: QEvent) -> None:  # noqa: D102
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._elide()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        with painting(self) as painter:
            align, ink = int(self.alignment().value), self.foregroundRole()
            rect, on = self.contentsRect(), self.isEnabled()
            self.style().drawItemText(painter, rect, align, self.palette(), on, self._shown, ink)

    def _elide(self) -> None:
        shown = self.fontMetrics().elidedText(self._full, Qt.TextElideMode.ElideRight, max(self.width(), 24))
        if shown != self._full and len(shown.rpartition(" · ")[2]) < _TELLING:
            shown = shown.rpartition(" · ")[0]  # "Transcript" says more than "Transcript · l…"
        if shown != self._shown:
            self._shown = shown
            self.update()
        tip = self._tip or (self._full if shown != self._full else "")
        if tip or self.toolTip():
            super(Label, self).setToolTip(plain(tip))  # once: a long one is made rich text there

    def tell(self, tip: str) -> None:
        """Show this as the tooltip, whether the text is cut or not; empty: the text where it is cut."""
        self._tip = tip
        self._elide()


class _Card(QWidget):
    """What stands in place of an empty or failed view."""

    def __init__(self) -> None:
        super().__init__()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._what, self._how = Label(), Label()
        layout.addStretch(1)  # near the top: a panel may be higher than what is seen of it
        for label in (self._what, self._how):
            label.setWordWrap(True)
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            label.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
            layout.addWidget(label)
        self._offers = QVBoxLayout()
        self._offers.setSpacing(theme.active().unit(2))
        layout.addLayout(self._offers)
        layout.addStretch(3)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """In a strip too low for both only what is missing is said; the rest is its tooltip."""
        now = theme.active()
        self._how.setVisible(bool(self._how.text()) and self.height() > 3 * now.metrics().lineSpacing())

    def offer(self, offers: Sequence[tuple[str, Callable[[], object]]]) -> None:
        while self._offers.count():
            item = self._offers.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for title, action in offers:
            button = QPushButton(title)
            button.clicked.connect(lambda _=False, a=action: a())
            self._offers.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)
            button.show()

    def say(self, what: str, how: str, part: str = "quiet") -> None:
        self._what.setText(what)
        self._how.setText(how)
        self._fit()
        for label, name in ((self._what, part), (self._how, "faint")):
            label.setProperty("part", name)
            label.style().unpolish(label)
            label.style().polish(label)
        self.setToolTip(plain(how))


def _loading() -> QWidget:
    widget = QWidget()
    layout = QVBoxLayout(widget)
    bar = QProgressBar()
    bar.setRange(0, 0)
    bar.setTextVisible(False)
    bar.setMaximumWidth(160)
    label = Label("Reading the trace")
    label.setProperty("part", "faint")
    layout.addStretch(2)
    layout.addWidget(bar, 0, Qt.AlignmentFlag.AlignHCenter)
    layout.addWidget(label, 0, Qt.AlignmentFlag.AlignHCenter)
    layout.addStretch(3)
    return widget


def popup_below(widget: QWidget) -> QPoint:
    """Where a menu of this widget opens."""
    return widget.mapToGlobal(QPoint(0, widget.height() + 4))
