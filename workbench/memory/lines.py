"""Lines: a text with the time it was said at, as a model is shown it."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.memory.items import Item
from workbench.sessions.model import Turn


@dataclass(frozen=True, slots=True)
class Line:
    """A text on one line and when it was said, in words; ``when`` is empty where nobody knows."""

    text: str
    when: str = ""

    def __str__(self) -> str:
        return f"[{self.when}] {self.text}" if self.when else self.text


def one_line(text: str) -> str:
    """The text without line breaks and repeated white space: what it says cannot pass for a line of the prompt."""
    return " ".join(text.split())


def said(turn: Turn) -> Line:
    """A turn as a line: ``[8 May 2023, 13:56] Caroline: …``."""
    return Line(one_line(turn.said), turn.when)


def told(item: Item, text: str | None = None) -> Line:
    """An item as a line: its text (or how the method writes it) under the time of the last turn that it came from."""
    return Line(one_line(item.text if text is None else text), item.when)
