"""Spans of a context below a picture: a line each, a name and a figure where there is room, the rest folded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFontMetrics, QPainter

from ui.theme.theme import Theme
from ui.widgets.ink import fit

_LEFT = int(Qt.AlignmentFlag.AlignLeft)
_WIDEST = 22  # steps of the grid that a name takes at most where its span is narrower
_GAP = 6.0


@dataclass(frozen=True, slots=True)
class BandMark:
    """A span: from where to where in px, its name, a figure below it, and what it weighs when room is short."""

    left: float
    right: float
    label: str
    note: str
    weight: float
    evidence: bool = False


def band_height(style: Theme) -> int:
    """Room that lines and names take."""
    return style.metrics("small").height() * 2 + style.unit(4)


def paint_bands(
    painter: QPainter, style: Theme, area: QRectF, bands: Sequence[BandMark], chosen: int = -1
) -> list[QRectF]:
    """Paint them; evidence in the accent. Returns where the names stand: no two of them meet."""
    small = style.metrics("small")
    painter.setFont(style.font("small"))
    for number, band in enumerate(bands):
        color = style.color("accent-fill" if band.evidence else "text-3")
        wide = max(band.right - band.left - 1, 1)
        painter.fillRect(QRectF(band.left + 0.5, area.top(), wide, 4.0 if number == chosen else 2.5), color)
    boxes: dict[int, QRectF] = {}
    order = sorted(range(len(bands)), key=lambda n: (n != chosen, not bands[n].evidence, -bands[n].weight, n))
    for number in order:
        box = _box(bands[number], area, style, small, number == chosen)
        if box is not None and not any(_meet(box, other) for other in boxes.values()):
            boxes[number] = box
            role = "accent" if bands[number].evidence else "text" if number == chosen else "text-2"
            _write(painter, style, small, box, bands[number].label, bands[number].note, role)
    folded = _fold(bands, boxes, area, small)
    for box, text in folded:
        _write(painter, style, small, box, text, "", "text-3")
    return [*boxes.values(), *(box for box, _ in folded)]


def _box(band: BandMark, area: QRectF, style: Theme, small: QFontMetrics, chosen: bool) -> QRectF | None:
    full = max(small.horizontalAdvance(band.label), small.horizontalAdvance(band.note)) + 2.0
    room = band.right - band.left
    loud = chosen or band.evidence
    if room < 10 and not loud:
        return None
    wide = min(full, max(room - _GAP, float(style.unit(_WIDEST)) if loud or room >= full / 2 else room - _GAP))
    if wide < min(full, small.horizontalAdvance("mmm")):
        return None
    left = min(max(band.left, area.left()), area.right() - wide)
    return QRectF(left, area.top() + style.unit(1.5), wide, 2 * small.height())


def _meet(one: QRectF, other: QRectF) -> bool:
    return one.left() < other.right() + _GAP and other.left() < one.right() + _GAP


def _write(painter: QPainter, style: Theme, small: QFontMetrics, box: QRectF, label: str, note: str, role: str) -> None:
    painter.setPen(style.color(role))
    painter.drawText(box, _LEFT, fit(small, label, box.width() + 1))
    painter.setPen(style.color("text-3"))
    painter.drawText(box.adjusted(0, small.height(), 0, 0), _LEFT, fit(small, note, box.width() + 1))


def _fold(
    bands: Sequence[BandMark], boxes: dict[int, QRectF], area: QRectF, small: QFontMetrics
) -> list[tuple[QRectF, str]]:
    """What has no name of its own, neighbours together: how many there are."""
    found: list[tuple[QRectF, str]] = []
    run: list[int] = []
    taken = sorted(boxes.values(), key=QRectF.left)
    for number in range(len(bands) + 1):
        if number < len(bands) and number not in boxes:
            run.append(number)
            continue
        if len(run) > 1:
            found += _folded(bands, run, taken, area, small)
        run = []
    return found


def _folded(
    bands: Sequence[BandMark], run: list[int], taken: list[QRectF], area: QRectF, small: QFontMetrics
) -> list[tuple[QRectF, str]]:
    left, right = bands[run[0]].left, bands[run[-1]].right
    left = max([left, *(b.right() + _GAP for b in taken if b.left() <= left + 1 and b.right() > left - _GAP)])
    right = min([right, area.right(), *(b.left() - _GAP for b in taken if b.left() > left)])
    for text in (f"{len(run)} spans", f"{len(run)}"):
        wide = small.horizontalAdvance(text) + 2.0
        if wide <= right - left:
            top = area.top() + small.height() * 0.5
            return [(QRectF((left + right - wide) / 2, top, wide, 2 * small.height()), text)]
    return []
