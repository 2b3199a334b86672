"""The column in which a dialog's parts stand."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog, QVBoxLayout

from ui.theme import theme


def framed(dialog: QDialog) -> QVBoxLayout:
    """A dialog's outermost layout, with the margins and the spacing that all dialogs have."""
    now = theme.active()
    outer = QVBoxLayout(dialog)
    outer.setContentsMargins(now.unit(5), now.unit(4), now.unit(5), now.unit(4))
    outer.setSpacing(now.unit(3))
    return outer
