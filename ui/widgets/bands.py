"""Spans of a context below a picture: a line each, a name and a figure where there is room, the rest folded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPen

from ui.theme.theme import Theme
from ui.widgets.arrays import draw_lines
from ui.widgets.ink import fit

_LEFT = int(Qt.AlignmentFlag.AlignLeft)
_WIDEST = 22  # steps of the grid that a name takes at most where its span is narrower
_GAP = 6.0
_LEAST = 10.0  # px of a span that may have a name without being evidence or chosen


@dataclass(frozen=True, slots=True, eq=False)
class BandMarks:
    """Spans, in order: from where to where in px (float64 ``[span]``), their names, what each weighs when room is
    short, which are evidence (bool ``[span]``), and the figure below a name, which is asked for where there is room."""

    left: NDArray[np.float64]
    right: NDArray[np.float64]
    labels: Sequence[str]
    weights: NDArray[np.floating]
    evidence: NDArray[np.bool_]
    note: Callable[[int], str]


def band_height(style: Theme) -> int:
    """Room that lines and names take."""
    return style.metrics("small").height() * 2 + style.unit(4)


def paint_bands(painter: QPainter, style: Theme, area: QRectF, bands: BandMarks, chosen: int = -1) -> list[QRectF]:
    """Paint them; evidence in the accent. Returns where the names stand: no two of them meet."""
    small = style.metrics("small")
    painter.setFont(style.font("small"))
    _lines(painter, style, area, bands, chosen)
    boxes: dict[int, QRectF] = {}
    loud = bands.evidence.copy()
    if chosen >= 0:
        loud[chosen] = True
    named = np.flatnonzero(loud | (bands.right - bands.left >= _LEAST))
    keys = (named, -bands.weights[named], ~bands.evidence[named], named != chosen)
    for number in named[np.lexsort(keys)].tolist():
        box = _box(bands, number, area, style, small, bool(loud[number]))
        if box is not None and not any(_meet(box, other) for other in boxes.values()):
            boxes[number] = box
            role = "accent" if bands.evidence[number] else "text" if number == chosen else "text-2"
            _write(painter, style, small, box, bands.labels[number], bands.note(number), role)
    folded = _fold(bands, boxes, area, small)
    for box, text in folded:
        _write(painter, style, small, box, text, "", "text-3")
    return [*boxes.values(), *(box for box, _ in folded)]


def _lines(painter: QPainter, style: Theme, area: QRectF, bands: BandMarks, chosen: int) -> None:
    """A line for each, all of a colour in one call: there may be a thousand."""
    left = bands.left + 0.5
    right = left + np.maximum(bands.right - bands.left - 1, 1)
    thick = np.arange(len(left)) == chosen
    for role, high, which in (
        ("text-3", 2.5, ~bands.evidence & ~thick),
        ("accent-fill", 2.5, bands.evidence & ~thick),
        ("accent-fill" if thick.any() and bands.evidence[chosen] else "text-3", 4.0, thick),
    ):
        pen = QPen(style.color(role), high)
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        painter.setPen(pen)
        middle = np.full(int(which.sum()), area.top() + high / 2)
        draw_lines(painter, np.stack([left[which], middle, right[which], middle], 1))


def _box(bands: BandMarks, number: int, area: QRectF, style: Theme, small: QFontMetrics, loud: bool) -> QRectF | None:
    left, room = float(bands.left[number]), float(bands.right[number] - bands.left[number])
    full = max(small.horizontalAdvance(bands.labels[number]), small.horizontalAdvance(bands.note(number))) + 2.0
    wide = min(full, max(room - _GAP, float(style.unit(_WIDEST)) if loud or room >= full / 2 else room - _GAP))
    if wide < min(full, small.horizontalAdvance("mmm")):
        return None
    left = min(max(left, area.left()), area.right() - wide)
    return QRectF(left, area.top() + style.unit(1.5), wide, 2 * small.height())


def _meet(one: QRectF, other: QRectF) -> bool:
    return one.left() < other.right() + _GAP and other.left() < one.right() + _GAP


def _write(painter: QPainter, style: Theme, small: QFontMetrics, box: QRectF, label: str, note: str, role: str) -> None:
    painter.setPen(style.color(role))
    painter.drawText(box, _LEFT, fit(small, label, box.width() + 1))
    painter.setPen(style.color("text-3"))
    painter.drawText(box.adjusted(0, small.height(), 0, 0), _LEFT, fit(small, note, box.width() + 1))


def _fold(bands: BandMarks, boxes: dict[int, QRectF], area: QRectF, small: QFontMetrics) -> list[tuple[QRectF, str]]:
    """What has no name of its own, neighbours together: how many there are."""
    taken = sorted(boxes.values(), key=QRectF.left)
    edges = [-1, *sorted(boxes), len(bands.left)]
    runs = ((low + 1, high) for low, high in pairwise(edges) if high - low > 2)
    return [folded for run in runs for folded in _folded(bands, run, taken, area, small)]


def _folded(
    bands: BandMarks, run: tuple[int, int], taken: list[QRectF], area: QRectF, small: QFontMetrics
) -> list[tuple[QRectF, str]]:
    left, right = float(bands.left[run[0]]), float(bands.right[run[1] - 1])
    left = max([left, *(b.right() + _GAP for b in taken if b.left() <= left + 1 and b.right() > left - _GAP)])
    right = min([right, area.right(), *(b.left() - _GAP for b in taken if b.left() > left)])
    count = run[1] - run[0]
    for text in (f"{count} spans", f"{count}"):
        wide = small.horizontalAdvance(text) + 2.0
        if wide <= right - left:
            top = area.top() + small.height() * 0.5
            return [(QRectF((left + right - wide) / 2, top, wide, 2 * small.height()), text)]
    return []
