"""The inspector: tabs whose panels are made when they are first looked at."""

from __future__ import annotations

import traceback

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QMenu,
    QScrollArea,
    QStackedWidget,
    QTabBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ui import panels
from ui.panels.base import Panel
from ui.state.workspace import Workspace
from ui.theme import marks, theme
from ui.widgets.plain import Label, plain


class _Front(QStackedWidget):
    """Needs the room of the panel in front: one that was looked at once must not keep the window from shrinking."""

    def minimumSizeHint(self) -> QSize:
        front = self.currentWidget()
        return front.minimumSizeHint() if front else super().minimumSizeHint()


class Inspector(QFrame):
    """A tab bar over lazily made panels. With a lane chooser it can stay with one lane (layout Compare).

    Signals:
        tab_changed: name of the panel that is in front now.
    """

    tab_changed = Signal(str)

    def __init__(self, workspace: Workspace, names: dict[str, str] | None = None) -> None:
        super().__init__()
        self._workspace = workspace
        self._names = names or panels.INSPECTORS
        self._made: dict[str, QWidget] = {}
        self._pinned = 0
        self.setProperty("part", "panel")
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        self.head = QWidget()
        row = QHBoxLayout(self.head)
        self.tabs = QTabBar()
        self.tabs.setExpanding(False)
        self.tabs.setUsesScrollButtons(True)
        self.tabs.setElideMode(Qt.TextElideMode.ElideNone)
        self.tabs.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.tabs.setAccessibleName("Inspector")
        for title in self._names.values():
            self.tabs.addTab(title)
        row.addWidget(self.tabs, 1)
        self.every = QToolButton()  # more panels than there is room for tabs: their names in one look
        self.every.setProperty("part", "quiet")
        self.every.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.every.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the tabs are walked by arrows
        self.every.setAccessibleName("All panels")
        self.every.setToolTip("All panels")
        menu = QMenu(self.every)
        for name, title in self._names.items():
            menu.addAction(title).triggered.connect(lambda _=False, n=name: self.show_panel(n))
        self.every.setMenu(menu)
        row.addWidget(self.every)
        self.chooser = QComboBox()
        self.chooser.setAccessibleName("Lane of this inspector")
        self.chooser.activated.connect(lambda _: self._choose())
        row.addWidget(self.chooser)
        self._row = row
        outer.addWidget(self.head)
        self._stack, self._nothing = _Front(), QWidget()
        self._stack.addWidget(self._nothing)
        room = QScrollArea()  # on a small screen a panel is scrolled; it makes no window larger than its screen
        room.setFrameShape(QFrame.Shape.NoFrame)
        room.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        room.setWidgetResizable(True)
        room.setWidget(self._stack)
        outer.addWidget(room, 1)
        self.tabs.currentChanged.connect(self._show)
        workspace.opened.connect(self._lanes)
        workspace.advanced.connect(lambda _: self._lanes() if self.chooser.count() < self._count() else None)
        theme.hub().changed.connect(self._space)
        self.set_comparing(False)
        self._space()

    @property
    def current(self) -> str:
        """Name of the panel in front."""
        return list(self._names)[self.tabs.currentIndex()]

    @property
    def panel(self) -> Panel | None:
        """The panel in front, once it was made."""
        made = self._made.get(self.current)
        return made if isinstance(made, Panel) else None

    def knows(self, name: str) -> bool:
        """Whether it has a panel of this name."""
        return name in self._names

    def show_panel(self, name: str) -> None:
        """Bring a panel to the front; what it shows is asked for before anything else."""
        self.tabs.setCurrentIndex(list(self._names).index(name))
        self._show()
        if self.panel is not None:
            self.panel.refresh()

    def set_comparing(self, comparing: bool, lane: int = 0) -> None:
        """Offer a lane chooser and stay with ``lane``; or follow the selection."""
        self.chooser.setVisible(comparing)
        self._pinned = lane if comparing else 0
        self._lanes()
        self._pin()

    def set_chrome(self, chrome: bool) -> None:
        """Show the tab bar or not (layout Talk)."""
        self.head.setVisible(chrome)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: D102
        super().showEvent(event)
        self._show()

    def _count(self) -> int:
        return len(self._workspace.run.lanes) if self._workspace.run else 0

    def _lanes(self) -> None:
        run = self._workspace.run
        self.chooser.clear()
        for place, row in enumerate(run.lanes if run else ()):
            self.chooser.addItem(marks.shape_icon(place, theme.active().lane(place)), row.name, row.id)
        known = [row.id for row in run.lanes] if run else []
        if self._pinned and self._pinned not in known:
            self._pinned = known[0] if known else 0
        self.chooser.setCurrentIndex(self.chooser.findData(self._pinned))
        self._pin()

    def _choose(self) -> None:
        self._pinned = self.chooser.currentData() or 0
        self._pin()

    def _pin(self) -> None:
        for made in self._made.values():
            if isinstance(made, Panel) and made.pinned_lane != self._pinned:
                made.pinned_lane = self._pinned
                made.refresh()

    def _show(self, _: int = 0) -> None:
        name = self.current
        if not self.isVisible():  # made when it is looked at; until then nothing old stands in its place
            self._stack.setCurrentWidget(self._made.get(name, self._nothing))
            return
        if name not in self._made:
            self._made[name] = self._make(name)
            self._stack.addWidget(self._made[name])
        if self._stack.currentWidget() is not self._made[name]:
            self._stack.setCurrentWidget(self._made[name])
            self._stack.updateGeometry()  # else there is still room for what was in front before
        self.tab_changed.emit(name)

    def _make(self, name: str) -> QWidget:
        try:
            panel = panels.make(name, self._workspace)
        except Exception as error:  # one broken panel must not take the window with it; it says what broke
            label = Label(f"This panel could not be made\n{type(error).__name__}: {error}")
            label.setProperty("part", "error")
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            label.setWordWrap(True)
            label.setToolTip(plain(traceback.format_exc()))
            return label
        panel.pinned_lane = self._pinned
        return panel

    def _space(self) -> None:
        unit = theme.active().unit
        self._row.setContentsMargins(unit(3), unit(1), unit(3), 0)
        self._row.setSpacing(unit(2))
        self.every.setIcon(theme.active().icon("mdi6.menu"))
        for place in range(self.chooser.count()):
            self.chooser.setItemIcon(place, marks.shape_icon(place, theme.active().lane(place)))
