"""Names for what Qt leaves without one when a screen reader asks."""

from __future__ import annotations

from PySide6.QtWidgets import QLineEdit, QScrollArea, QToolButton, QWidget


def name_areas(root: QWidget, name: str) -> None:
    """Name the scroll areas under ``root``, and itself, that have no name: they take the keys to be scrolled."""
    areas = root.findChildren(QScrollArea)
    for area in [root, *areas] if isinstance(root, QScrollArea) else areas:
        if not area.accessibleName():
            area.setAccessibleName(name)


def clearable(field: QLineEdit) -> None:
    """Give a field a button that empties it, with a name."""
    field.setClearButtonEnabled(True)
    for button in field.findChildren(QToolButton):
        button.setAccessibleName("Clear")
