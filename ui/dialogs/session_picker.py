"""Which of a file's sessions are replayed."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from ui.theme import theme
from workbench.sessions.model import Session

_ROWS = 5  # shown at once; more are scrolled


class SessionPicker(QWidget):
    """The sessions with their turns and probes, to tick. Of many, only the first is ticked: a run takes hours."""

    changed = Signal()

    def __init__(self, sessions: Sequence[Session], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sessions = list(sessions)
        self.rows = QTreeWidget()
        self.rows.setAccessibleName("Sessions")
        self.rows.setRootIsDecorated(False)
        self.rows.setHeaderLabels(["Session", "Turns", "Probes", "Remarks"])
        self.rows.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.rows.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self._lines = [_row(session, ticked=not place) for place, session in enumerate(self._sessions)]
        self.rows.addTopLevelItems(self._lines)
        head = self.rows.header()
        head.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        head.setStretchLastSection(False)
        for narrow in (1, 2, 3):
            head.setSectionResizeMode(narrow, QHeaderView.ResizeMode.ResizeToContents)
        row = self.rows.sizeHintForRow(0)
        self.rows.setFixedHeight(
            row * min(_ROWS, len(self._sessions)) + head.sizeHint().height() + theme.active().unit(1)
        )
        self.rows.itemChanged.connect(lambda *_: self.changed.emit())
        beside = QHBoxLayout(self)
        beside.setContentsMargins(0, 0, 0, 0)
        beside.setSpacing(theme.active().unit(3))
        beside.addWidget(self.rows, 1)
        beside.addLayout(self._bar())

    def chosen(self) -> list[Session]:
        """The sessions that are ticked, in the file's order."""
        both = zip(self._sessions, self._lines, strict=True)
        return [session for session, line in both if line.checkState(0) == Qt.CheckState.Checked]

    def choose(self, *names: str) -> None:
        """Tick these; every one without names."""
        self.rows.blockSignals(True)
        for session, line in zip(self._sessions, self._lines, strict=True):
            wanted = not names or session.name in names
            line.setCheckState(0, Qt.CheckState.Checked if wanted else Qt.CheckState.Unchecked)
        self.rows.blockSignals(False)
        self.changed.emit()

    def _bar(self) -> QVBoxLayout:
        bar = QVBoxLayout()
        for title, names in (("All", ()), ("First only", (self._sessions[0].name,))):
            button = QPushButton(title)
            button.clicked.connect(lambda _, these=names: self.choose(*these))
            bar.addWidget(button)
        bar.addStretch(1)
        return bar


def _row(session: Session, ticked: bool) -> QTreeWidgetItem:
    cells = [session.name, f"{len(session.turns):,}", f"{len(session.probes):,}", str(len(session.warnings) or "")]
    row = QTreeWidgetItem(cells)
    row.setFlags(row.flags() | Qt.ItemFlag.ItemIsUserCheckable)
    row.setSizeHint(0, QSize(0, theme.active().unit(7)))
    row.setCheckState(0, Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked)
    for column in (1, 2, 3):
        row.setTextAlignment(column, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    return row
