"""Whether things may move by themselves. Qt does not tell what the platform wants, so a person says it once."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

_EFFECTS = (
    Qt.UIEffect.UI_AnimateMenu,
    Qt.UIEffect.UI_FadeMenu,
    Qt.UIEffect.UI_AnimateCombo,
    Qt.UIEffect.UI_AnimateTooltip,
    Qt.UIEffect.UI_FadeTooltip,
    Qt.UIEffect.UI_AnimateToolBox,
)
_reduced = [False]


def reduced() -> bool:
    """Whether nothing is to move by itself: no fading, no busy bars."""
    return _reduced[0]


def reduce(less: bool) -> None:
    """Have less motion from now on, or the ordinary one."""
    _reduced[0] = less
    for effect in _EFFECTS:
        QApplication.setEffectEnabled(effect, not less)


def milliseconds(usual: int) -> int:
    """How long a movement takes: as usual, or no time at all."""
    return 0 if _reduced[0] else usual
