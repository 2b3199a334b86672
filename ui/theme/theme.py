"""The active theme: colours, fonts and sizes that every widget asks for while it paints.

``active()`` is the one theme of the process. ``hub().changed`` says that it was replaced; panels hear of it through
``Panel.retheme``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from PySide6.QtCore import QObject, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QFontMetrics, QGuiApplication, QIcon, QPalette
from PySide6.QtWidgets import QApplication, QStyleFactory

from ui.theme import tokens
from ui.theme.stylesheet import stylesheet

_ICON_SIZES = (16, 20, 24, 25, 32, 40, 48, 50, 64)
_SHORT, _MOST_ADVANCES = 48, 4096
NORMAL, TALK = 13, 18
"""Pixel size of the body type in the ordinary layouts and in the talk layout."""


class Theme:
    """A theme at a type size. Immutable; its colours and fonts are made once.

    Sizes are in device-independent pixels. ``unit(n)`` is n steps of the 4 px grid, grown with the type.
    """

    def __init__(self, name: str = "dark", size: int = NORMAL) -> None:
        self.tokens, self.size = tokens.load(name), size
        self.name = self.tokens.name
        self._colors = {role: QColor(value) for role, value in self.tokens.colors.items()}
        self._lanes = [QColor(value) for value in self.tokens.lanes]
        self._fonts: dict[tuple[str, bool, bool], QFont] = {}
        self._metrics: dict[tuple[str, bool, bool], QFontMetrics] = {}
        self._icons: dict[tuple[str, str], QIcon] = {}
        self._lines: dict[str, int] = {}
        self._advances: dict[tuple[str, str, bool], int] = {}

    @property
    def dark(self) -> bool:
        """Whether text is lighter than what it stands on."""
        return self.name == "dark"

    def color(self, role: str, alpha: float = 1.0) -> QColor:
        """A colour by its role in ``resources/themes/*.json``; ``alpha`` from 0 to 1."""
        color = QColor(self._colors[role])
        if alpha < 1:
            color.setAlphaF(alpha)
        return color

    def lane(self, place: int, alpha: float = 1.0) -> QColor:
        """The colour of the lane at this place of the run (``OpenRun.place``); starts over after eight."""
        color = QColor(self._lanes[place % len(self._lanes)])
        if alpha < 1:
            color.setAlphaF(alpha)
        return color

    def font(self, role: str = "body", bold: bool = False, mono: bool = False) -> QFont:
        """A font by role: ``small``, ``body``, ``title`` or ``large``."""
        key = (role, bold, mono)
        if key not in self._fonts:
            kind = QFontDatabase.SystemFont.FixedFont if mono else QFontDatabase.SystemFont.GeneralFont
            font = QFontDatabase.systemFont(kind)
            font.setPixelSize(self.pixels(role))
            font.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
            self._fonts[key] = font
        return self._fonts[key]

    def metrics(self, role: str = "body", bold: bool = False, mono: bool = False) -> QFontMetrics:
        """Metrics of ``font``."""
        key = (role, bold, mono)
        if key not in self._metrics:
            self._metrics[key] = QFontMetrics(self.font(role, bold, mono))
        return self._metrics[key]

    def advance(self, text: str, role: str = "body", bold: bool = False) -> int:
        """Width of a text in ``metrics``. Kept for short ones: painted rows ask for the same over and over again."""
        if len(text) > _SHORT:
            return self.metrics(role, bold).horizontalAdvance(text)
        key = (text, role, bold)
        width = self._advances.get(key)
        if width is None:
            if len(self._advances) > _MOST_ADVANCES:
                self._advances.clear()
            width = self._advances[key] = self.metrics(role, bold).horizontalAdvance(text)
        return width

    def line(self, role: str = "body") -> int:
        """Height of a line of wrapped text; painting gives it a pixel more than ``lineSpacing`` in some sizes."""
        if role not in self._lines:
            room, wrap = QRect(0, 0, 1000, 1000), int(Qt.TextFlag.TextWordWrap)
            self._lines[role] = self.metrics(role).boundingRect(room, wrap, "Xg").height()
        return self._lines[role]

    def pixels(self, role: str = "body") -> int:
        """Pixel size of a type role."""
        return self.size + {"small": -2, "body": 0, "title": 1, "large": 5}[role] * (2 if self.size >= TALK else 1)

    def unit(self, steps: float = 1) -> int:
        """Steps of the 4 px grid; a step grows to 5 px with the talk layout's type."""
        return round(steps * (5 if self.size >= TALK else 4))

    def icon(self, name: str, role: str = "text-2") -> QIcon:
        """An icon of the Material Design set (``mdi6.*``) in a colour of the theme; greyed while disabled."""
        key = (name, role)
        if key not in self._icons:
            self._icons[key] = _icon(name, color=self.color(role), color_disabled=self.color("text-3", 0.45))
        return self._icons[key]

    def palette(self) -> QPalette:
        """The palette for whatever Fusion draws itself."""
        palette, role = QPalette(), QPalette.ColorRole
        pairs = {
            role.Window: "window", role.Base: "surface", role.AlternateBase: "raised", role.Button: "control",
            role.ToolTipBase: "raised", role.WindowText: "text", role.Text: "text", role.ButtonText: "text",
            role.ToolTipText: "text", role.BrightText: "text", role.Highlight: "accent-soft",
            role.HighlightedText: "text", role.Link: "accent", role.PlaceholderText: "text-3", role.Light: "raised",
            role.Midlight: "line", role.Mid: "line", role.Dark: "sunken", role.Shadow: "window",
        }  # fmt: skip
        for which, token in pairs.items():
            palette.setColor(which, self.color(token))
        for which in (role.WindowText, role.Text, role.ButtonText):
            palette.setColor(QPalette.ColorGroup.Disabled, which, self.color("text-3", 0.6))
        return palette


def _icon(name: str, **options: Any) -> QIcon:
    import os

    os.environ.setdefault("QT_API", "pyside6")
    import qtawesome

    drawn: QIcon = qtawesome.icon(name, **options)
    icon = QIcon()  # of pixmaps: qtawesome's own icons set their text anew at every repaint
    for size in _ICON_SIZES:
        for mode in (QIcon.Mode.Normal, QIcon.Mode.Disabled):
            icon.addPixmap(drawn.pixmap(QSize(size, size), 1.0, mode), mode)
    return icon


class Hub(QObject):
    """Says that the theme has been replaced."""

    changed = Signal()


_active: list[Theme] = []


@lru_cache(maxsize=1)
def hub() -> Hub:
    """The one hub."""
    return Hub()


def active() -> Theme:
    """The theme in force; the dark one at the ordinary size until ``use`` was called."""
    if not _active:
        _active.append(Theme())
    return _active[0]


def use(name: str | None = None, size: int | None = None) -> Theme:
    """Replace the theme of the whole program; what is None stays. ``system`` follows the platform's colour scheme."""
    now = active()
    if name == "system":
        name = system()
    theme = Theme(name or now.name, size or now.size)
    _active[:] = [theme]
    app = QApplication.instance()
    if isinstance(app, QApplication):
        app.setStyle(QStyleFactory.create("Fusion"))
        app.setPalette(theme.palette())
        app.setFont(theme.font())
        app.setStyleSheet(stylesheet(theme.tokens, theme.size, theme.unit(1)))
    hub().changed.emit()
    return theme


@contextmanager
def lent(name: str, size: int) -> Iterator[Theme]:
    """Another theme for as long as a figure is drawn; widgets are told, the program's stylesheet stays."""
    before = active()
    _active[:] = [Theme(name, size)]
    hub().changed.emit()
    try:
        yield _active[0]
    finally:
        _active[:] = [before]
        hub().changed.emit()


def system() -> str:
    """``light`` when the platform says so, else ``dark`` (some platforms do not say)."""
    scheme = QGuiApplication.styleHints().colorScheme()
    return "light" if scheme == Qt.ColorScheme.Light else "dark"
