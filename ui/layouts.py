"""The layouts: which parts are seen, how they are split, and at which type size."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSplitter, QWidget

from ui.theme.theme import NORMAL, TALK

HANDLE = 8
ROOMY = 62
"""Width of the window, in type sizes, from which parts stand side by side as a layout has them; below it is narrow."""
_MOST_WANTED = 45  # percent of the height that a part may have beyond its share, because it has so much to show


@dataclass(frozen=True, slots=True)
class Split:
    """A splitter: its parts are names of widgets or further splits, with their shares of the room."""

    down: bool
    parts: tuple[str | Split, ...]
    shares: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """A layout by name.

    Attributes:
        body: how the parts are split.
        tabs: panel in front of ``inspector`` and of ``second``.
        narrow: how they are split where the window is not ``ROOMY`` for its type; None for as ever.
        least: height of the body in type sizes, roomy and narrow; in a lower window it is scrolled.
        comparing: both inspectors have a lane chooser and stay with a lane each.
        chrome: menu bar, scrubber and inspector tabs are shown.
        lone: only the selected lane's column is shown.
        size: pixel size of the body type.
    """

    name: str
    help: str
    body: Split
    tabs: tuple[str, str] = ("graph", "attention")
    narrow: Split | None = None
    least: tuple[int, int] = (28, 36)
    comparing: bool = False
    chrome: bool = True
    lone: bool = False
    size: int = NORMAL


LAYOUTS = {
    layout.name: layout
    for layout in (
        Layout(
            "Debug",
            "Transcript, lanes and inspector side by side over the scoreboard",
            Split(True, (Split(False, ("transcript", "lanes", "inspector"), (18, 47, 35)), "scoreboard"), (72, 28)),
            narrow=Split(
                True, (Split(False, ("lanes", "inspector"), (48, 52)), "scoreboard", "transcript"), (48, 24, 28)
            ),
            least=(28, 40),
        ),
        Layout(
            "Compare",
            "Lanes large, with an inspector for each of two lanes",
            Split(True, ("lanes", Split(False, ("inspector", "second"), (1, 1))), (50, 50)),
            tabs=("hits", "hits"),
            comparing=True,
        ),
        Layout(
            "Talk",
            "One lane with its graph and attention, in large type and without chrome",
            Split(False, ("lanes", Split(True, ("inspector", "second"), (55, 45))), (30, 70)),
            chrome=False,
            lone=True,
            size=TALK,
        ),
        Layout(
            "Probe",
            "Scoreboard and probes large",
            Split(True, ("scoreboard", Split(False, ("inspector", "second", "transcript"), (46, 34, 20))), (27, 73)),
            tabs=("probes", "hits"),
            narrow=Split(
                True, ("scoreboard", Split(False, ("inspector", "second"), (1, 1)), "transcript"), (24, 48, 28)
            ),
            least=(28, 40),
        ),
        Layout(
            "Runs",
            "Two runs at the same moment, and which answers flipped between them",
            Split(
                False,
                (
                    "flips",
                    Split(True, ("lanes", "inspector"), (50, 50)),
                    Split(True, ("lanes-there", "inspector-there"), (50, 50)),
                ),
                (38, 31, 31),
            ),
            tabs=("hits", "hits"),
            narrow=Split(
                True,
                (
                    "flips",
                    Split(False, ("lanes", "lanes-there"), (1, 1)),
                    Split(False, ("inspector", "inspector-there"), (1, 1)),
                ),
                (34, 33, 33),
            ),
            least=(28, 54),
            lone=True,
        ),
    )
}


def build(split: Split, widgets: Mapping[str, QWidget], moved: Callable[[], object]) -> QSplitter:
    """Make the splitters of a layout around widgets that exist already; ``moved`` is called when a hand moved one."""
    splitter = QSplitter(Qt.Orientation.Vertical if split.down else Qt.Orientation.Horizontal)
    splitter.setHandleWidth(HANDLE)
    splitter.setChildrenCollapsible(False)
    splitter.splitterMoved.connect(lambda *_: moved())
    for place, part in enumerate(split.parts):
        splitter.addWidget(build(part, widgets, moved) if isinstance(part, Split) else widgets[part])
        splitter.setStretchFactor(place, split.shares[place])
    splitter.setSizes([share * 1000 // sum(split.shares) for share in split.shares])
    return splitter


def share_out(splitter: QSplitter, split: Split, wanted: Mapping[str, int]) -> None:
    """Give every part its share of the room there is; splitters go by the wishes of their parts otherwise.

    Args:
        wanted: px of height in which a part of this name shows all it has: it gets no less as far as that is
            possible, and no more where it lies below others.
    """
    room = splitter.height() if split.down else splitter.width()
    room -= splitter.handleWidth() * (splitter.count() - 1)
    shares = [room * share // sum(split.shares) for share in split.shares]
    for place, part in enumerate(split.parts):
        if split.down and isinstance(part, str) and part in wanted:
            other = max((n for n in range(len(shares)) if n != place), key=lambda n: shares[n])
            most = max(shares[place], room * _MOST_WANTED // 100)
            size = min(wanted[part], most) if place else min(max(wanted[part], shares[place]), most)
            shares[other] += shares[place] - size
            shares[place] = size
    splitter.setSizes(shares)
    for place, part in enumerate(split.parts):
        child = splitter.widget(place)
        if isinstance(part, Split) and isinstance(child, QSplitter):
            share_out(child, part, wanted)


def sizes(splitter: QSplitter) -> list[Any]:
    """Sizes of a splitter and of the splitters in it, for ``resize``."""
    inner = [sizes(w) for w in (splitter.widget(i) for i in range(splitter.count())) if isinstance(w, QSplitter)]
    return [splitter.sizes(), inner]


def resize(splitter: QSplitter, kept: list[Any]) -> None:
    """Take over sizes that were kept; ignores what does not fit the layout."""
    if len(kept) != 2 or len(kept[0]) != splitter.count():
        return
    splitter.setSizes([int(n) for n in kept[0]])
    inner = [w for w in (splitter.widget(i) for i in range(splitter.count())) if isinstance(w, QSplitter)]
    for child, rest in zip(inner, kept[1], strict=False):
        resize(child, rest)


def parts(split: Split) -> set[str]:
    """Names of all widgets in a layout."""
    return set().union(*(parts(p) if isinstance(p, Split) else {p} for p in split.parts))
