"""A text on a few lines, of which some words stand out; the last line is elided."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QTextCharFormat, QTextLayout, QTextOption

_FAR = 4000  # characters that are laid out at most: more never fit a few lines


def lines_of(text: str, font: QFont, width: float, most: int = 0) -> list[tuple[int, int]]:
    """Start and length of every line that a text takes, or of the first ``most``."""
    layout = _layout(text[:_FAR], font, ())
    return _lay_out(layout, width, most)


def height_of(text: str, font: QFont, width: float, most: int) -> int:
    """Height in px of the first ``most`` lines of a text; scripts with a font of their own have higher lines."""
    layout = _layout(text[:_FAR], font, ())
    _lay_out(layout, width, most)
    return ceil(sum(layout.lineAt(n).height() for n in range(layout.lineCount())))


def draw_lines(
    p: QPainter, text: str, rect: QRectF, font: QFont, ink: QColor, most: int,
    marked: Sequence[tuple[int, int]] = (), under: QColor | None = None,
) -> int:  # fmt: skip
    """Draw at most so many lines from the top of ``rect``; ``marked`` ranges are underlined in ``under``.

    Returns their height in px, rounded up.
    """
    text = text[:_FAR]
    layout = _layout(text, font, marked, under)
    lines = _lay_out(layout, rect.width(), most + 1)
    if len(lines) > most:
        start = lines[most - 1][0]
        rest = QFontMetrics(font).elidedText(text[start:], Qt.TextElideMode.ElideRight, int(rect.width()))
        text = text[:start] + rest
        marked = [(a, min(b, len(text) - 1)) for a, b in marked if a < len(text) - 1]
        layout = _layout(text, font, marked, under)
        _lay_out(layout, rect.width(), most)
    p.setPen(ink)
    layout.draw(p, QPointF(rect.x(), rect.y()))
    return ceil(sum(layout.lineAt(n).height() for n in range(layout.lineCount())))


def _layout(text: str, font: QFont, marked: Sequence[tuple[int, int]], under: QColor | None = None) -> QTextLayout:
    layout = QTextLayout(text, font)
    option = QTextOption()
    option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    layout.setTextOption(option)
    formats = []
    for start, end in marked:
        one = QTextLayout.FormatRange()
        kind = QTextCharFormat()
        kind.setFontUnderline(True)
        if under is not None:
            kind.setUnderlineColor(under)
        one.start, one.length, one.format = start, end - start, kind
        formats.append(one)
    layout.setFormats(formats)
    return layout


def _lay_out(layout: QTextLayout, width: float, most: int = 0) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    layout.beginLayout()
    y = 0.0
    while not most or len(found) < most:
        line = layout.createLine()
        if not line.isValid():
            break
        line.setLineWidth(width)
        line.setPosition(QPointF(0, y))
        y += line.height()
        found.append((line.textStart(), line.textLength()))
    layout.endLayout()
    return found
