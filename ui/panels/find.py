"""Find: a text in turns, questions, items, prompts, outputs, answers and findings; the timeline marks its turns."""

from __future__ import annotations

from typing import Any, ClassVar

from PySide6.QtCore import QModelIndex, Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QComboBox, QLineEdit, QToolButton, QWidget

from ui.models.table import Table, TableModel
from ui.panels.base import Empty, Panel
from ui.state.moment import Moment
from ui.theme import theme
from ui.widgets.plain import plain
from ui.widgets.row_table import row_table
from ui.widgets.spoken import clearable
from workbench.projections.find import WHERE, Found, Place, find
from workbench.trace.reader import TraceReader

_COLUMNS = ("turn", "lane", "where", "text")
_PAUSE = 250  # ms without a key until it is looked for


class FindPanel(Panel):
    """A field, and a table of the places; Return and Shift+Return go from one to the next."""

    name: ClassVar[str] = "find"
    follows: ClassVar[frozenset[str]] = frozenset({"session"})
    heavy: ClassVar[bool] = True

    @staticmethod
    def project(reader: TraceReader, moment: Moment, options: Any) -> Found | Empty:  # noqa: D102
        if not moment.session:
            return Empty("The run has no session yet")
        if not options:
            return Empty("Type what to find", "in turns, questions, items, prompts, outputs, answers and findings")
        found = find(reader, moment.session, options)
        return found if found.places else Empty("Found nowhere in this session", "Upper and lower case are the same")

    def build(self) -> QWidget:  # noqa: D102
        self.rows: list[Place] = []
        self.model = TableModel(parent=self)
        self.field = QLineEdit()
        self.field.setPlaceholderText("Find in the whole session")
        self.field.setAccessibleName("Find")
        clearable(self.field)
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE)
        self._pause.timeout.connect(self.refresh)
        self.field.textChanged.connect(lambda _: self._pause.start())
        self.field.returnPressed.connect(self._next)
        self.where = QComboBox()
        self.where.setAccessibleName("Where")
        self.where.addItem("everywhere", "")
        for name in WHERE:
            self.where.addItem(f"{name}s", name)
        self.where.activated.connect(lambda _: self._fill())
        self.tools.addWidget(self.field, 2)
        self.tools.addWidget(self.where)
        for text, tip, step in (("‹", "Previous place (Shift+F3)", -1), ("›", "Next place (F3)", 1)):
            button = QToolButton()
            button.setText(text)
            button.setToolTip(plain(tip))
            button.setAccessibleName(tip)
            button.clicked.connect(lambda _, by=step: self.step(by))
            self.tools.addWidget(button)
        self.grid = row_table(self.model, "Places")
        self.grid.clicked.connect(self._go)
        self.grid.activated.connect(self._go)
        self.setFocusProxy(self.field)
        self.shown.connect(self._mark)
        return self.grid

    def options(self) -> str:  # noqa: D102
        return self.field.text().strip()

    def title(self, view: Found | None) -> str:  # noqa: D102
        if view is None:
            return "Find"
        more = f" of {view.total:,}" if view.total > len(self.rows) else ""
        return f"Find · {len(self.rows):,}{more}"

    def show_view(self, view: Found) -> None:  # noqa: D102
        self._fill()
        unit = theme.active().unit
        for column, width in enumerate((11, 22, 18)):
            self.grid.setColumnWidth(column, unit(width))

    def table(self, view: Any) -> Table:  # noqa: D102
        places = view.places if isinstance(view, Found) else view
        return Table(_COLUMNS, [(p.turn, p.lane.name, p.where, p.text) for p in places])

    def retheme(self) -> None:  # noqa: D102
        self.grid.verticalHeader().setDefaultSectionSize(theme.active().metrics().height() + theme.active().unit(2))

    def step(self, by: int) -> None:
        """Go to the next place, or the previous one; round the end."""
        if self.rows:
            now = self.grid.currentIndex().row()
            row = (now + by) % len(self.rows) if now >= 0 else 0 if by > 0 else len(self.rows) - 1
            self.grid.selectRow(row)
            self._go(self.model.index(row, 0))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102
        if event.key() == Qt.Key.Key_F3:
            self.step(-1 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1)
        else:
            super().keyPressEvent(event)

    def _next(self) -> None:
        """Return: look at once where the text is new, else go on to the next place."""
        if self._pause.isActive() or not isinstance(self.view, Found) or self.view.text != self.options():
            self._pause.stop()
            self.refresh()
        else:
            self.step(1)

    def _fill(self) -> None:
        if isinstance(self.view, Found):
            wanted = self.where.currentData()
            self.rows = [p for p in self.view.places if wanted in ("", p.where)]
            self.model.show(self.table(self.rows))
            self._retitle()

    def _mark(self) -> None:
        """Have the timeline mark the turns."""
        self.workspace.mark(self.view.turns if isinstance(self.view, Found) else ())

    def _go(self, index: QModelIndex) -> None:
        place = self.rows[index.row()]
        space = self.workspace
        chosen: dict[str, Any] = {"lane": place.lane.id} if place.lane.id else {}
        if place.item:
            chosen["item"] = place.item
        if place.probe:
            space.jump(place.turn, **chosen, probe=place.probe, pinned=True)
        else:
            space.jump(place.turn, **chosen)
