"""A spotlight: all but one panel, or with Shift held a circle about the pointer, is dimmed."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QCursor, QGuiApplication, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QApplication, QWidget
from shiboken6 import isValid

from ui.panels.base import Panel
from ui.theme import theme

_RADIUS = 30  # units of the grid
_DIM = {True: 0.62, False: 0.5}  # dark and light theme


class Spotlight(QWidget):
    """Lies over the window and lets every click through. The panel pointed at is lit, or the one with the focus.

    Args:
        over: what it dims.
        spared: what in it is never dimmed, the caption.
    """

    def __init__(self, over: QWidget, spared: QWidget) -> None:
        super().__init__(over)
        self._spared = spared
        self._over = over
        self._panel: QWidget | None = None
        self._circle: QPoint | None = None
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.hide()

    @property
    def on(self) -> bool:
        """Whether something is dimmed."""
        return self.isVisibleTo(self._over)

    @property
    def lit(self) -> str:
        """Name of the panel that is lit; empty for none."""
        panel = self._panel
        return panel.name if self.on and isinstance(panel, Panel) and isValid(panel) else ""

    def light(self, panel: QWidget | None) -> None:
        """Dim all but this panel; None puts the light out."""
        app = QApplication.instance()
        if panel is None:
            if app is not None:
                app.removeEventFilter(self)
            self._panel = self._circle = None
            self.hide()
            return
        self._panel, self._circle = panel, None
        self.setGeometry(self._over.rect())
        self.show()
        self.raise_()
        self.update()
        if app is not None:
            app.removeEventFilter(self)
            app.installEventFilter(self)

    def light_pointed(self) -> bool:
        """Light what is pointed at, else what has the focus; whether there is anything."""
        found = _panel_of(QApplication.widgetAt(QCursor.pos())) or _panel_of(QApplication.focusWidget())
        found = found or next((p for p in self._over.findChildren(Panel) if p.isVisible()), None)
        self.light(found)
        return found is not None

    def lit_rect(self) -> QRect:
        """The lit part in own pixels."""
        if self._circle is not None:
            r = theme.active().unit(_RADIUS)
            return QRect(self._circle - QPoint(r, r), self._circle + QPoint(r, r))
        panel = self._panel
        if panel is None or not isValid(panel) or not panel.isVisible():
            return QRect()
        return QRect(panel.mapTo(self._over, QPoint()), panel.size()) if self._over.isAncestorOf(panel) else QRect()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: D102
        kind = event.type()
        if kind == QEvent.Type.MouseMove:
            self._point()
        elif kind == QEvent.Type.FocusIn and isinstance(watched, QWidget):
            self._to(_panel_of(watched))
        elif watched is self._over and kind == QEvent.Type.Resize:
            self.setGeometry(self._over.rect())
        return False

    def _point(self) -> None:
        at = self._over.mapFromGlobal(QCursor.pos())
        shift = bool(QGuiApplication.queryKeyboardModifiers() & Qt.KeyboardModifier.ShiftModifier)
        circle = at if shift else None
        if circle != self._circle:
            self._circle = circle
            self.update()
        if not shift:
            self._to(_panel_of(QApplication.widgetAt(QCursor.pos())))

    def _to(self, panel: QWidget | None) -> None:
        if panel is not None and panel is not self._panel and self._over.isAncestorOf(panel):
            self._panel = panel
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        now, path, hole = theme.active(), QPainterPath(), self.lit_rect()
        path.addRect(QRectF(self.rect()))
        if not hole.isEmpty():
            lit = QPainterPath()
            if self._circle is not None:
                lit.addEllipse(QPointF(hole.center()), hole.width() / 2, hole.height() / 2)
            else:
                lit.addRoundedRect(QRectF(hole), 6, 6)
            path = path.subtracted(lit)
        if self._spared.isVisible():
            said = QPainterPath()
            said.addRect(QRectF(QRect(self._spared.mapTo(self._over, QPoint()), self._spared.size())))
            path = path.subtracted(said)
        color = QColor(0, 0, 0)
        color.setAlphaF(_DIM[now.dark])
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillPath(path, color)
        painter.end()


def _panel_of(widget: QWidget | None) -> QWidget | None:
    while widget is not None and not isinstance(widget, Panel):
        widget = widget.parentWidget()
    return widget
