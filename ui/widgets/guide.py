"""The first minute: says that what is open is a sample, points at three things in turn, and gets out of the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget
from shiboken6 import isValid

from ui.theme import theme
from ui.widgets.plain import Label

_WIDE = 90  # units of the grid
_DIM = {True: 0.5, False: 0.28}  # dark and light theme


@dataclass(frozen=True, slots=True)
class Pointer:
    """One thing that is pointed at.

    Attributes:
        at: the widget; one that is not seen is passed over.
        name: what it is, in a few words.
        says: what one does with it.
        before: done as this is pointed at, for example to bring a panel to the front.
    """

    at: QWidget
    name: str
    says: str
    before: Callable[[], object] = lambda: None


class Guide(QWidget):
    """Lies over the window, dims what it does not point at and lets every click through; its card has the buttons.

    Args:
        over: the window's content.
    """

    def __init__(self, over: QWidget) -> None:
        super().__init__(over)
        self._over = over
        self._pointers: tuple[Pointer, ...] = ()
        self._place = 0
        self._first = ""
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.card = _Card(over)
        self.card.further.clicked.connect(self._further)
        self.card.close_.clicked.connect(self.end)
        theme.hub().changed.connect(self._arrange)
        self.hide()

    @property
    def on(self) -> bool:
        """Whether it is seen."""
        return self.isVisibleTo(self._over)

    @property
    def pointed(self) -> QWidget | None:
        """What it points at."""
        return self._pointers[self._place].at if self.on else None

    def begin(self, first: str, pointers: Sequence[Pointer]) -> None:
        """Point at these in turn; ``first`` says above the first what one looks at."""
        seen = tuple(p for p in pointers if p.at.isVisible())
        app = QApplication.instance()
        if not seen or app is None:
            return
        self._pointers, self._first = seen, first
        app.removeEventFilter(self)
        app.installEventFilter(self)
        self._point(0)

    def end(self) -> None:
        """Out of the way."""
        app = QApplication.instance()
        if app is not None:
            app.removeEventFilter(self)
        self.card.hide()
        self.hide()

    def _further(self) -> None:
        if self._place + 1 < len(self._pointers):
            self._point(self._place + 1)
        else:
            self.end()

    def _point(self, place: int) -> None:
        self._place = place
        pointer, last = self._pointers[place], place + 1 == len(self._pointers)
        pointer.before()
        self.card.say(self._first if place == 0 else "", pointer, f"{place + 1} of {len(self._pointers)}", last)
        self.show()
        self.card.show()
        self.raise_()
        self.card.raise_()
        self._arrange()
        self.card.further.setFocus()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: D102
        kind = event.type()
        if kind in (QEvent.Type.Resize, QEvent.Type.Move, QEvent.Type.Hide) and watched in (self._over, self.pointed):
            self._arrange()
        elif kind in (QEvent.Type.KeyPress, QEvent.Type.ShortcutOverride) and isinstance(event, QKeyEvent):
            window = self._over.window()
            free = QApplication.activeModalWidget() is None and QApplication.activePopupWidget() is None
            if event.key() == Qt.Key.Key_Escape and free and window.isActiveWindow():
                event.accept()
                if kind == QEvent.Type.KeyPress:
                    self.end()
                return True
        return False

    def pointed_rect(self) -> QRect:
        """What it points at, in own pixels."""
        at = self.pointed
        if at is None or not isValid(at) or not at.isVisible() or not self._over.isAncestorOf(at):
            return QRect()
        return QRect(at.mapTo(self._over, QPoint()), at.size())

    def _arrange(self) -> None:
        """The card stands beside what it points at, where there is most room, and always within the window."""
        if not self.on:
            return
        self.setGeometry(self._over.rect())
        now, hole, room = theme.active(), self.pointed_rect(), self._over.rect()
        self.card.retheme()
        self.card.setFixedWidth(min(now.unit(_WIDE), room.width() - now.unit(8)))
        self.card.adjustSize()
        size, gap = self.card.size(), now.unit(3)
        free = {
            "below": room.bottom() - hole.bottom() - size.height(), "above": hole.top() - size.height(),
            "left": hole.left() - size.width(), "right": room.right() - hole.right() - size.width(),
        }  # fmt: skip
        side = max(free, key=lambda name: free[name])
        x, y = hole.center().x() - size.width() // 2, hole.center().y() - size.height() // 2
        x = {"left": hole.left() - gap - size.width(), "right": hole.right() + gap}.get(side, x)
        y = {"above": hole.top() - gap - size.height(), "below": hole.bottom() + gap}.get(side, y)
        self.card.move(
            max(gap, min(x, room.width() - size.width() - gap)), max(gap, min(y, room.height() - size.height() - gap))
        )
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        now, path, hole = theme.active(), QPainterPath(), QRectF(self.pointed_rect())
        path.addRect(QRectF(self.rect()))
        lit = QPainterPath()
        lit.addRoundedRect(hole, 6, 6)
        dim = QColor(0, 0, 0)
        dim.setAlphaF(_DIM[now.dark])
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillPath(path.subtracted(lit), dim)
        painter.setPen(QPen(now.color("accent-fill"), 2))
        painter.drawRoundedRect(hole.adjusted(1, 1, -1, -1), 6, 6)
        painter.end()


class _Card(QFrame):
    """The words and the buttons."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("part", "guide")
        self._column = QVBoxLayout(self)
        self.first, self.name, self.says, self.place = Label(), Label(), Label(), Label()
        self.first.setProperty("part", "quiet")
        self.place.setProperty("part", "faint")
        for label in (self.first, self.name, self.says):
            label.setWordWrap(True)
            self._column.addWidget(label)
        row = QHBoxLayout()
        self.further, self.close_ = QPushButton("Next"), QPushButton("Close")
        self.further.setProperty("part", "primary")
        self.close_.setToolTip("Esc")
        row.addWidget(self.place)
        row.addStretch(1)
        row.addWidget(self.close_)
        row.addWidget(self.further)
        self._column.addLayout(row)
        self.hide()

    def say(self, first: str, pointer: Pointer, place: str, last: bool) -> None:
        self.first.setText(first)
        self.first.setVisible(bool(first))
        self.name.setText(pointer.name)
        self.says.setText(pointer.says)
        self.place.setText(place)
        self.further.setText("Done" if last else "Next")
        self.close_.setVisible(not last)
        self.setAccessibleName(f"{place}: {pointer.name}. {pointer.says}")

    def retheme(self) -> None:
        now = theme.active()
        self._column.setContentsMargins(now.unit(4), now.unit(3), now.unit(4), now.unit(3))
        self._column.setSpacing(now.unit(2))
        self.name.setFont(now.font("title", bold=True))
