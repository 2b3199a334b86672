from typing import Any

import numpy as np
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage

from ui.theme import theme
from ui.widgets.bands import BandMarks, paint_bands
from ui.widgets.painting import painting

WIDE = 700


def painted(count: int, chosen: int = -1, evidence: tuple[int, ...] = ()) -> tuple[list[QRectF], list[int], QImage]:
    """Spans of one width: where names stand, whose figures were asked for, and the picture."""
    edges, asked = np.linspace(0, WIDE, count + 1), []
    known = np.zeros(count, bool)
    known[list(evidence)] = True

    def note(number: int) -> str:
        asked.append(number)
        return "1 %"

    marks = BandMarks(edges[:-1], edges[1:], [f"turn {n}" for n in range(count)], np.ones(count), known, note)
    image = QImage(WIDE, 60, QImage.Format.Format_RGB32)
    image.fill(theme.active().color("surface"))
    with painting(image) as painter:
        boxes = paint_bands(painter, theme.active(), QRectF(0, 0, WIDE, 60), marks, chosen)
    return boxes, asked, image


def test_no_two_names_meet_and_of_a_thousand_spans_only_what_counts_has_one(qapp: Any) -> None:
    boxes, asked, image = painted(1000, chosen=400, evidence=(100, 101, 102, 900, 901, 902))
    assert set(asked) == {100, 101, 102, 400, 900, 901, 902}
    assert not any(a.intersects(b) for n, a in enumerate(boxes) for b in boxes[:n])
    accent = theme.active().color("accent-fill")
    wanted = [accent.red(), accent.green(), accent.blue()]
    found = [x for x in range(WIDE) if np.abs(np.array(image.pixelColor(x, 1).getRgb()[:3]) - wanted).max() < 40]
    assert {round(x / WIDE * 10) for x in found} == {1, 9}, "a line in the accent where the evidence stands"
    few, _, _ = painted(4)
    assert len(few) == 4, "where there is room all have a name"
