"""Drawing many lines or copies of a picture from NumPy arrays in one call, without a Python object for each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import shiboken6
from numpy.typing import NDArray
from PySide6.QtCore import QLineF
from PySide6.QtGui import QPainter, QPixmap


def draw_lines(painter: QPainter, ends: NDArray[np.float64]) -> None:
    """Draw lines with the painter's pen. ``ends`` is float64 ``[n, 4]``: x1, y1, x2, y2."""
    if not len(ends):
        return
    lines = np.ascontiguousarray(ends, np.float64)
    # A QLineF is four doubles, so the first row of the array is the first line of a C array.
    first: Any = shiboken6.wrapInstance(lines.ctypes.data, QLineF)
    painter.drawLines(first, len(lines))


def draw_copies(painter: QPainter, sprite: QPixmap, centers: NDArray[np.float64]) -> None:
    """Draw a picture around each of ``centers``, float64 ``[n, 2]`` in the painter's units."""
    count = len(centers)
    if not count:
        return
    ratio = sprite.devicePixelRatio()
    fragments = np.empty(
        (count, 10), np.float64
    )  # x, y, source left, top, width, height, scale x, y, rotation, opacity
    fragments[:, :2] = centers
    fragments[:, 2:] = (0, 0, sprite.width(), sprite.height(), 1 / ratio, 1 / ratio, 0, 1)
    first: Any = shiboken6.wrapInstance(fragments.ctypes.data, QPainter.PixmapFragment)
    plain = QPixmap(sprite)
    plain.setDevicePixelRatio(1)
    painter.drawPixmapFragments(first, count, plain)


_figures: list[object] = []
"""What is being drawn as a figure: pictures that are kept at the screen's sharpness are then drawn anew."""


@contextmanager
def figure() -> Iterator[None]:
    """Everything that is painted meanwhile is painted anew, as for lines, also onto pixels."""
    mark = object()
    _figures.append(mark)
    try:
        yield
    finally:
        _figures.remove(mark)


def vector(painter: QPainter) -> bool:
    """Whether the painter writes a file of shapes (SVG, PDF), where pictures of pictures would be coarse."""
    engine = painter.paintEngine()
    return bool(_figures) or (
        engine is not None and engine.type() in (engine.Type.SVG, engine.Type.Pdf, engine.Type.Picture)
    )
