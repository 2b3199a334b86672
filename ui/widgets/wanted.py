"""Figures of a span that lie beside the run file: shown when they are there, asked for once where they are not."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from ui.state.workspace import Workspace
from workbench.engine.protocol import Aside


class Wanted(QWidget):
    """What asks for them; a subclass shows them, and says in :meth:`say` why there are none.

    Signals:
        told: what is shown, in a line.
    """

    told = Signal(str)

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.workspace = workspace
        self._dealt: dict[Aside, bool] = {}
        workspace.computed.connect(self._computed)

    def want(self, asked: Aside, meanwhile: str) -> None:
        """Ask, once; ``meanwhile`` says what is being done."""
        if self.workspace.being_written:
            self.say("They can be computed when the run has ended")
        elif self._dealt.get(asked):
            self.say("They could not be computed")
        else:
            self.say(meanwhile)
            if asked not in self._dealt:
                self._dealt[asked] = False
                self.workspace.asked.emit(asked)

    def say(self, text: str) -> None:
        """Say it in place of the figures."""
        raise NotImplementedError

    def again(self) -> None:
        """Look once more for what is shown."""
        raise NotImplementedError

    def _computed(self, question: object) -> None:
        if question in self._dealt:
            self._dealt[question] = True  # type: ignore[index]
            if self.isVisible():
                self.again()
