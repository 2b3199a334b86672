import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QImage, QPainter

from ui.theme import marks, theme, tokens
from workbench.trace.events import OPERATIONS, Kind

TEXT = ("text", "text-2", "text-3", "accent", "right", "wrong", "good", "bad")
GROUNDS = ("window", "surface", "raised", "sunken", "control", "accent-soft", "right-soft", "wrong-soft")


@pytest.mark.parametrize("name", tokens.THEMES)
def test_text_keeps_its_contrast_on_every_ground(name: str) -> None:
    colors = tokens.load(name).colors
    weak = {(t, g): tokens.contrast(colors[t], colors[g]) for t in TEXT for g in GROUNDS}
    assert {pair: round(c, 2) for pair, c in weak.items() if c < 4.5} == {}
    assert tokens.contrast(colors["on-accent"], colors["accent-fill"]) >= 4.5
    pressed = {t: tokens.contrast(colors[t], colors["control-hover"]) for t in ("text", "text-2")}
    assert all(c >= 4.5 for c in pressed.values()), pressed  # what a button under the pointer is written in
    selected = tokens.contrast(colors["on-accent"], colors["accent-fill"])  # text selected in a field
    assert selected >= 4.5


@pytest.mark.parametrize("name", tokens.THEMES)
def test_marks_keep_theirs(name: str) -> None:
    loaded = tokens.load(name)
    inks = (*loaded.lanes, *(loaded.colors[role] for role in ("accent-fill", "right", "wrong", "bad")))
    grounds = [loaded.colors[ground] for ground in ("surface", "raised", "sunken", "window")]
    assert [(i, g) for i in inks for g in grounds if tokens.contrast(i, g) < 3] == []


def test_both_themes_name_the_same_roles_and_eight_lanes() -> None:
    dark, light = (tokens.load(name) for name in tokens.THEMES)
    assert dark.colors.keys() == light.colors.keys()
    assert len(dark.lanes) == len(light.lanes) == 8
    assert len(set(dark.lanes)) == len(set(light.lanes)) == 8


def test_contrast_is_that_of_wcag() -> None:
    assert tokens.contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert tokens.contrast("#767676", "#FFFFFF") == pytest.approx(4.54, abs=0.01)


def test_a_theme_tells_everybody(qtbot: object) -> None:
    with qtbot.waitSignal(theme.hub().changed):  # type: ignore[attr-defined]
        theme.use("light", theme.TALK)
    assert not theme.active().dark
    assert theme.active().pixels() == theme.TALK
    assert theme.active().unit(4) == 20


def test_every_operation_has_a_mark_and_every_mark_a_meaning() -> None:
    assert all(marks.mark_of(kind) for kind in OPERATIONS)
    assert marks.mark_of(Kind.TURN_CLOSED) is None
    assert marks.mark_of("something.new") is None
    assert set(marks.MEANING) == set(marks.Mark) == set(marks._DRAW)


def _drawn(draw: object) -> QImage:
    image = QImage(40, 40, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    draw(painter)  # type: ignore[operator]
    painter.end()
    return image


def _ink(image: QImage) -> frozenset[tuple[int, int]]:
    return frozenset((x, y) for x in range(40) for y in range(40) if image.pixelColor(x, y).alpha() > 128)


def test_marks_differ_from_each_other() -> None:
    drawn = {m: _ink(_drawn(lambda p, m=m: marks.draw(p, m, QPointF(20, 20), 9, QColor("white")))) for m in marks.Mark}
    assert all(drawn.values())
    same = {marks.Mark.DELETED, marks.Mark.EVICTED, marks.Mark.WRONG}  # one cross; wrong has a colour of its own
    assert len(set(drawn.values())) == len(drawn) - len(same) + 1


def test_lane_shapes_differ_and_go_on_one_ahead_of_the_colours_after_eight() -> None:
    shapes = [
        _ink(_drawn(lambda p, i=i: marks.draw_shape(p, i, QPointF(20, 20), 9, QColor("white")))) for i in range(9)
    ]
    assert len(set(shapes[:8])) == 8
    assert shapes[8] == shapes[1]


def test_verdict_badges_show_right_wrong_and_mixed() -> None:
    now = theme.active()

    def colors(right: int, asked: int) -> set[str]:
        image = _drawn(lambda p: marks.draw_verdicts(p, right, asked, QPointF(20, 20), 9, now))
        return {image.pixelColor(x, y).name().upper() for x, y in ((13, 20), (27, 20))}

    right, wrong = now.tokens.colors["right"], now.tokens.colors["wrong"]
    assert colors(3, 3) == {right}
    assert colors(0, 2) == {wrong}
    assert colors(1, 2) == {right, wrong}
