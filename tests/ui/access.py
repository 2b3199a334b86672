"""Walking a window as a screen reader does: which widgets take keys or clicks, and how they name themselves."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QHeaderView,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QScrollBar,
    QTabBar,
    QTextEdit,
    QWidget,
)

_KINDS = (
    QAbstractButton, QAbstractItemView, QAbstractSlider, QAbstractSpinBox, QComboBox, QLineEdit, QPlainTextEdit,
    QTabBar, QTextEdit,
)  # fmt: skip


def interactive(root: QWidget) -> Iterator[QWidget]:
    """The widgets under ``root`` that one can use, without what Qt puts inside its own ones."""
    for widget in root.findChildren(QWidget):
        name = widget.objectName()
        if isinstance(widget, QMenu | QScrollBar | QHeaderView) or name.startswith("qt_") or _inside(widget):
            continue
        takes_focus = bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus)
        if isinstance(widget, _KINDS) or takes_focus:
            yield widget


def _inside(widget: QWidget) -> bool:
    """Whether it is a part of one of Qt's own widgets: the list of a combo box, the buttons of a tab bar."""
    parent = widget.parentWidget()
    while parent is not None:
        if isinstance(parent, QComboBox | QAbstractSpinBox | QTabBar | QHeaderView | QMenu):
            return True
        if type(parent).__name__ in ("QComboBoxPrivateContainer",):
            return True
        parent = parent.parentWidget()
    return False


def spoken(widget: QWidget) -> str:
    """What a screen reader calls a widget."""
    found = QAccessible.queryAccessibleInterface(widget)
    return found.text(QAccessible.Text.Name).strip() if found is not None else ""


def nameless(root: QWidget) -> list[str]:
    """The interactive widgets without a name, each with its kind and where it is."""
    return [_path(widget) for widget in interactive(root) if not spoken(widget)]


def _path(widget: QWidget | None) -> str:
    parts: list[str] = []
    while widget is not None and len(parts) < 5:
        parts.append(widget.objectName() or type(widget).__name__)
        widget = widget.parentWidget()
    return " < ".join(parts)
