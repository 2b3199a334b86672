"""A card with what every lane did and spent in a range of turns; it can be copied and goes with Escape."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHBoxLayout, QPushButton, QTableView, QVBoxLayout, QWidget

from ui.models.table import Table, TableModel
from ui.theme import theme
from ui.widgets.plain import Label
from workbench.projections.turn_range import RangeRow

_COLUMNS = ("lane", "written", "updated", "lost", "model calls", "tokens", "seconds", "probes right")


def range_table(rows: Sequence[RangeRow]) -> Table:
    """The figures as a table."""
    cells = [
        (r.lane.name, r.written, r.updated, r.lost, r.calls, r.tokens, round(r.seconds, 2), f"{r.right} of {r.asked}")
        for r in rows
    ]
    return Table(_COLUMNS, cells, right=("probes right",))


class RangeCard(QFrame):
    """Shown over the window, under the range."""

    def __init__(self, first: int, last: int, rows: Sequence[RangeRow], parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Tool | Qt.WindowType.FramelessWindowHint)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setProperty("part", "over")
        now = theme.active()
        outer = QVBoxLayout(self)
        outer.setContentsMargins(now.unit(3), now.unit(3), now.unit(3), now.unit(3))
        head = QHBoxLayout()
        title = Label(f"Turns {first} to {last}" if first != last else f"Turn {first}")
        title.setProperty("part", "title")
        head.addWidget(title, 1)
        copy = QPushButton("Copy")
        table = range_table(rows)
        copy.clicked.connect(lambda _: QGuiApplication.clipboard().setText(table.csv()))
        head.addWidget(copy)
        outer.addLayout(head)
        self.model = TableModel(table, self)
        grid = QTableView()
        grid.setModel(self.model)
        grid.setAccessibleName("What every lane did in these turns")
        grid.verticalHeader().hide()
        grid.setShowGrid(False)
        grid.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        grid.verticalHeader().setDefaultSectionSize(now.metrics().height() + now.unit(2))
        grid.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        grid.horizontalHeader().setHighlightSections(False)
        grid.resizeColumnsToContents()
        head_height = grid.horizontalHeader().sizeHint().height()
        shown = min(len(rows), 16)
        grid.setFixedHeight(head_height + shown * grid.verticalHeader().defaultSectionSize() + 4)
        width = sum(grid.columnWidth(n) for n in range(len(_COLUMNS)))
        grid.setMinimumWidth(min(width + now.unit(5), now.unit(200)))
        outer.addWidget(grid)

    def event(self, event: QEvent) -> bool:  # noqa: D102
        if event.type() == QEvent.Type.WindowDeactivate:
            self.close()
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102
        if event.key() == Qt.Key.Key_Escape:
            self.close()
        else:
            super().keyPressEvent(event)

    def show_at(self, right: QPoint) -> None:
        """Show it with its upper right corner there, inside the screen."""
        self.adjustSize()
        screen = self.screen().availableGeometry()
        x = min(max(right.x() - self.width() // 2, screen.left()), screen.right() - self.width())
        self.move(x, min(right.y(), screen.bottom() - self.height()))
        self.show()
