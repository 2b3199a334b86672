"""What a judge was asked, what it replied and what came of it, as plain text that can be selected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from PySide6.QtWidgets import QPlainTextEdit, QWidget

from ui.theme import theme
from workbench.projections.judged import Judgement

MOST = 20_000
"""Characters of a prompt or reply that are shown."""


class VerdictPane(QPlainTextEdit):
    """Verdicts on one answer, each with its reason, prompts and replies."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setReadOnly(True)
        self.setAccessibleName("Judges' verdicts")
        self.setTabChangesFocus(True)
        self.retheme()

    def show_judgements(self, found: Sequence[Judgement], lane: str) -> None:
        """Show the verdicts on an answer of a lane."""
        self.setPlainText("\n".join(line for one in found for line in _told(one, lane)))

    def retheme(self) -> None:
        """Take over the type."""
        self.setFont(theme.active().font("small", mono=True))


def _told(one: Judgement, lane: str) -> Iterator[str]:
    value = "no verdict that can be read" if one.value is None else f"{one.verdict} ({one.value:g})"
    yield f"{one.name} by {one.judge} on {lane}, {one.probe}: {value}"
    if one.reason:
        yield f"Reason: {one.reason}"
    for number, prompt in enumerate(one.prompts):
        which = f" {number + 1} of {len(one.prompts)}" if len(one.prompts) > 1 else ""
        yield f"\nAsked{which}"
        for role, text in prompt:
            yield f"[{role}] {_shown(text)}"
        if number < len(one.replies):
            yield f"\nReplied{which}\n{_shown(one.replies[number])}"
    yield ""


def _shown(text: str) -> str:
    return text if len(text) <= MOST else f"{text[:MOST]} … ({len(text) - MOST:,} characters more)"
