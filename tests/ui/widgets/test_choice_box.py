"""Choices in a row of tools: they take what room there is, and the title keeps its own."""

from typing import Any

import pytest
from PySide6.QtCore import QRect
from PySide6.QtWidgets import QHBoxLayout, QWidget

from ui.theme import theme
from ui.widgets.choice_box import SHARE, ChoiceBox
from ui.widgets.plain import Label

CHOICES = ("all", "a choice of many letters")


@pytest.fixture
def row(qtbot: Any) -> QWidget:
    theme.use("dark", theme.NORMAL)
    holder = QWidget()
    qtbot.addWidget(holder)
    layout = QHBoxLayout(holder)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(Label("A title"))
    layout.addStretch(1)
    for name in ("One", "Two"):
        layout.addWidget(ChoiceBox(name, 4), SHARE)
    return holder


def _shown(row: QWidget, width: int) -> list[ChoiceBox]:
    boxes: list[ChoiceBox] = row.findChildren(ChoiceBox)
    layout = row.layout()
    assert layout is not None
    layout.setGeometry(QRect(0, 0, width, 30))
    return boxes


def test_a_choice_is_read_whole_where_there_is_room(row: QWidget) -> None:
    for box in row.findChildren(ChoiceBox):
        box.addItems(CHOICES)
        box.setCurrentIndex(1)
    wide = _shown(row, 900)
    assert not any(box.cut for box in wide)
    assert all(box.width() <= box.maximumWidth() < 300 for box in wide)  # and the title has what is left
    narrow = _shown(row, 240)
    assert all(box.cut and box.width() < box.maximumWidth() for box in narrow)
    assert sum(box.width() for box in narrow) < 240
    assert all(box.width() >= box.minimumSizeHint().width() for box in narrow)
    title = row.findChildren(Label)[0]
    assert title.width() >= title.sizeHint().width(), "the choices leave the title its room"


def test_what_is_added_later_makes_it_wider(row: QWidget) -> None:
    box = row.findChildren(ChoiceBox)[0]
    box.addItem(CHOICES[0])
    before = box.maximumWidth()
    box.addItem(CHOICES[1])
    assert box.maximumWidth() > before
    assert box.accessibleName() == "One"
    box.setCurrentIndex(1)
    box.grab()  # painting a cut choice leaves the choice itself alone
    assert box.currentText() == CHOICES[1]
