"""A list of a session's turns in which a click, Space or Return marks evidence."""

from __future__ import annotations

from PySide6.QtCore import QAbstractItemModel, QEvent, QModelIndex, QPersistentModelIndex, QPointF, QRect, QRectF, QSize
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPen, Qt
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from ui.models.turns import TURN, TurnsModel
from ui.theme import marks, theme
from ui.theme.marks import Mark
from ui.widgets.paragraph import draw_lines
from workbench.sessions import Turn

_LINES = 2  # of a turn that are shown; its tooltip has more
_SHOWN = 400  # characters of a turn that two lines hold at most


class TurnList(QListView):
    """All rows have one height, so that a log of twenty thousand turns is there at once."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows = TurnsModel(self)
        self.setModel(self.rows)
        self.setItemDelegate(_Delegate(self))
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Turns")
        self.setAccessibleDescription("Space marks a turn as evidence")

    @property
    def turn(self) -> int:
        """The turn that the list stands at; -1 before the first was chosen."""
        return self.currentIndex().row()

    def go(self, turn: int) -> None:
        """Stand at a turn and bring it into view."""
        self.setCurrentIndex(self.rows.index(turn))
        self.scrollTo(self.rows.index(turn), QListView.ScrollHint.PositionAtCenter)

    def go_to_text(self, text: str) -> bool:
        """Go to the next turn that says this, from the top again after the last; False when none does."""
        wanted, count = text.casefold(), len(self.rows.turns)
        for step in range(1, count + 1):
            place = (self.turn + step) % count
            if wanted in self.rows.turns[place].said.casefold():
                self.go(place)
                return True
        return False


class _Delegate(QStyledItemDelegate):
    """Paints a turn as the transcript does; evidence has the glow that it has there."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        now = theme.active()
        return QSize(80, now.metrics("small").height() + _LINES * now.line() + now.unit(5))

    def editorEvent(
        self,
        event: QEvent,
        model: QAbstractItemModel,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> bool:
        clicked = (
            event.type() == QEvent.Type.MouseButtonRelease
            and isinstance(event, QMouseEvent)
            and event.button() == Qt.MouseButton.LeftButton
            and option.rect.contains(event.position().toPoint())
        )
        pressed = (
            event.type() == QEvent.Type.KeyPress
            and isinstance(event, QKeyEvent)
            and event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Select)
        )
        if (clicked or pressed) and isinstance(model, TurnsModel):
            model.toggle(index.row())
            return True
        return False

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        now, turn = theme.active(), index.data(TURN)
        evidence = index.data(Qt.ItemDataRole.CheckStateRole) == Qt.CheckState.Checked.value
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        card = option.rect.adjusted(1, now.unit(0.5), -1, -now.unit(0.5))
        hover = bool(option.state & QStyle.StateFlag.State_MouseOver)
        here = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.setPen(QPen(now.color("accent-fill" if here else "line"), 1.2) if here or hover else Qt.PenStyle.NoPen)
        painter.setBrush(now.color("accent-soft" if evidence else "raised"))
        painter.drawRoundedRect(QRectF(card).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        self._text(painter, card.adjusted(now.unit(2.5), now.unit(1.5), -now.unit(2.5), -now.unit(1)), turn, evidence)
        painter.restore()

    def _text(self, painter: QPainter, rect: QRect, turn: Turn, evidence: bool) -> None:
        now = theme.active()
        small = now.metrics("small")
        base = rect.y() + small.ascent()
        painter.setFont(now.font("small", mono=True))
        painter.setPen(now.color("text-3"))
        painter.drawText(rect.x(), base, str(turn.index))
        x = rect.x() + now.metrics("small", mono=True).horizontalAdvance("00000") + now.unit(1)
        said = "evidence" if evidence else turn.date[:16].replace("T", " ")
        end = rect.right() - small.horizontalAdvance(said) - now.unit(4 if evidence else 0)
        painter.setFont(now.font("small", bold=True))
        painter.setPen(now.color("text-2"))
        name = now.metrics("small", bold=True).elidedText(
            turn.speaker or turn.role, Qt.TextElideMode.ElideRight, max(0, end - x - now.unit(2))
        )
        painter.drawText(x, base, name)
        painter.setFont(now.font("small"))
        painter.setPen(now.color("accent" if evidence else "text-3"))
        painter.drawText(end, base, said)
        if evidence:
            center = QPointF(rect.right() - now.unit(1), rect.y() + small.height() / 2)
            marks.draw(painter, Mark.RETRIEVED, center, now.unit(1.1), now.color("accent-fill"))
        text = " ".join(turn.text[:_SHOWN].split())
        below = QRectF(rect.adjusted(0, small.height() + now.unit(1), 0, 0))
        draw_lines(painter, text, below, now.font(), now.color("text"), _LINES)
