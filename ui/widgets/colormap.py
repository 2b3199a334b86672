"""Colour maps for heatmaps: perceptually even, readable without red and green, the same in print."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor, QImage

from ui.theme import theme

_ANCHORS = {
    # Nuñez, Anderton and Renslow 2018, every sixteenth colour.
    "cividis": "00204d 002c69 06366e 2d426c 414d6b 52596c 61646f 6f7073 7d7c78 8b8779 9b9477 aca174 bcaf6f cebc68 "
    "e0cb5e f2da50 ffea46",
    # Van der Walt and Smith 2015, every sixteenth colour.
    "viridis": "440154 48186a 472d7b 424086 3b528b 33638d 2c728e 26828e 21918c 1f9f88 27ad81 3dbc74 5cc863 81d34d "
    "aadc32 d5e21a fde725",
}
NAMES = tuple(_ANCHORS)


@lru_cache(maxsize=8)
def table(name: str) -> NDArray[np.uint8]:
    """A colour map as uint8 ``[256, 3]``, dark to bright."""
    hexes = _ANCHORS[name].split()
    anchors = np.array([[int(h[i : i + 2], 16) for i in (0, 2, 4)] for h in hexes], float)
    places = np.linspace(0, 255, len(hexes))
    channels = [np.interp(np.arange(256), places, anchors[:, c]) for c in range(3)]
    return np.stack(channels, 1).round().astype(np.uint8)


def color(name: str, value: float) -> QColor:
    """The colour of a value in [0, 1]."""
    red, green, blue = table(name)[int(np.clip(value, 0, 1) * 255)].tolist()
    return QColor(red, green, blue)


def signed(value: float) -> QColor:
    """The colour of a difference from -1 to 1: more is blue, less is orange, nothing is the ground of the theme."""
    ground, end = theme.active().color("track"), theme.active().color("right" if value > 0 else "wrong")
    part = min(abs(value), 1.0)
    mixed = (round(a + part * (b - a)) for a, b in zip(ground.getRgb()[:3], end.getRgb()[:3], strict=True))  # type: ignore[index]
    return QColor(*mixed)


def image(values: NDArray[np.floating], name: str) -> QImage:
    """Values in [0, 1], ``[rows, columns]``, as a picture of one pixel each. It owns its data."""
    levels = np.clip(values, 0, 1) * 255
    pixels = np.full((*values.shape, 4), 255, np.uint8)
    pixels[..., :3] = table(name)[levels.astype(np.uint8)][..., ::-1]  # RGB32 lies in memory as blue, green, red
    pixels = np.ascontiguousarray(pixels)
    rows, columns = values.shape
    return QImage(pixels.data, columns, rows, columns * 4, QImage.Format.Format_RGB32).copy()
