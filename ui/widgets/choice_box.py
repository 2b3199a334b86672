"""A box of choices that takes the room there is: as much as its longest choice needs, a few letters at least.

What does not fit ends in an ellipsis and is read whole in the tooltip.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QHelpEvent, QPaintEvent
from PySide6.QtWidgets import QComboBox, QStyle, QStyleOptionComboBox, QToolTip, QWidget

from ui.widgets.painting import painting
from ui.widgets.plain import plain

SHARE = 100
"""Stretch in a row of tools: what is free goes to the choices first, then it stays empty."""


class ChoiceBox(QComboBox):
    """A combo box for a panel's row of tools (``Panel.add_choices``).

    Args:
        name: for screen readers.
        letters: how many it shows at least.
    """

    def __init__(self, name: str, letters: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._letters = letters
        self.setAccessibleName(name)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        for changed in (self.model().rowsInserted, self.model().rowsRemoved, self.model().modelReset):
            changed.connect(self._fit)
        self.model().dataChanged.connect(self._fit)

    def sizeHint(self) -> QSize:  # noqa: D102
        whole, metrics = super().sizeHint(), self.fontMetrics()
        widest = max((metrics.horizontalAdvance(self.itemText(n)) for n in range(self.count())), default=0)
        few = whole.width() - widest + self._letters * metrics.horizontalAdvance("x")
        return QSize(min(whole.width(), few), whole.height())

    def minimumSizeHint(self) -> QSize:  # noqa: D102
        return self.sizeHint()

    def changeEvent(self, event: QEvent) -> None:  # noqa: D102
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._fit()

    def _fit(self) -> None:
        self.setMaximumWidth(max(super().sizeHint().width(), 1))
        self.updateGeometry()

    def _elided(self, option: QStyleOptionComboBox) -> str:
        part = QStyle.SubControl.SC_ComboBoxEditField
        room = self.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, part, self).width()
        icon = 0 if self.itemIcon(self.currentIndex()).isNull() else self.iconSize().width() + 4
        return self.fontMetrics().elidedText(self.currentText(), Qt.TextElideMode.ElideRight, room - icon)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        option.currentText = self._elided(option)  # type: ignore[attr-defined]
        with painting(self) as painter:
            self.style().drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option, painter, self)
            self.style().drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option, painter, self)

    @property
    def cut(self) -> bool:
        """Whether the choice of now does not fit."""
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        return self._elided(option) != self.currentText()

    def event(self, event: QEvent) -> bool:  # noqa: D102
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent) and self.cut:
            said = "\n".join(filter(None, (self.currentText(), self.toolTip())))
            QToolTip.showText(event.globalPos(), plain(said), self)
            return True
        return super().event(event)
