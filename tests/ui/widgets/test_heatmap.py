from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent

from tests.ui.memory_runs import colors, long_capture, pixels
from tests.workbench.projections.story import write_story
from ui.theme import theme
from ui.widgets import colormap
from ui.widgets.heatmap import AttentionMap, ColorBar, HeadGrid, _stretches, _visible
from ui.widgets.token_strip import TokenStrip
from workbench.projections.attention import MAX, MEAN, AttentionPicture, Choice, _Captures, _chosen, attention_picture
from workbench.trace.reader import TraceReader


def picture_of(path: Path, turn: int, **choice: Any) -> AttentionPicture:
    with TraceReader(path) as reader:
        found = attention_picture(reader, 1, 1, turn, choice=Choice(**choice))
    assert isinstance(found, AttentionPicture)
    return found


@pytest.fixture
def story(tmp_path: Path) -> Path:
    return write_story(tmp_path / "story.mnemo")


@pytest.fixture
def shown_map(qtbot: Any) -> AttentionMap:
    made = AttentionMap()
    qtbot.addWidget(made)
    made.resize(480, 200)
    made.show()
    return made


@pytest.mark.parametrize("look", ["dark", "light"])
@pytest.mark.parametrize("scale", ["log", "rank", "linear"])
def test_a_cell_has_the_colour_of_its_value(shown_map: AttentionMap, story: Path, look: str, scale: str) -> None:
    theme.use(look)
    picture = picture_of(story, 4, layer=0, head=1, scale=scale)
    shown_map.show_picture(picture)
    image, places = shown_map.grab().toImage(), shown_map._places()
    for row in range(2):
        for column in range(6):
            x = shown_map._x(column + 0.5, places)
            y = places.map.top() + (row + 0.5) * places.row
            wanted = colormap.color("cividis", float(picture.values[row, column]))
            assert image.pixelColor(round(x), round(y)) == wanted


def test_one_bright_token_of_thousands_is_seen_and_found(shown_map: AttentionMap, tmp_path: Path) -> None:
    picture = picture_of(long_capture(tmp_path / "long.mnemo"), 0, layer=1, head=5)
    shown_map.show_picture(picture)
    brightest = colormap.color("cividis", float(picture.values.max()))
    rows = pixels(shown_map).reshape(-1, 3)
    assert (rows == np.array(brightest.getRgb()[:3])).all(1).any()
    places = shown_map._places()
    cell = shown_map._cell(QPointF(shown_map._x(3000.5, places), places.map.center().y()))
    assert cell[1] == 3000


def test_pointing_says_row_and_column(shown_map: AttentionMap, story: Path, qtbot: Any) -> None:
    shown_map.show_picture(picture_of(story, 4))
    places = shown_map._places()
    target = QPointF(shown_map._x(2.5, places), places.map.top() + 1.5 * places.row)
    with qtbot.waitSignal(shown_map.pointed) as signal:
        qtbot.mouseMove(shown_map, target.toPoint())
    assert signal.args == [1, 2]
    with qtbot.waitSignal(shown_map.row_chosen) as signal:
        qtbot.mouseClick(shown_map, Qt.MouseButton.LeftButton, pos=target.toPoint())
    assert signal.args == [1]
    with qtbot.waitSignal(shown_map.row_chosen) as signal:
        qtbot.mouseClick(shown_map, Qt.MouseButton.LeftButton, pos=QPoint(4, round(places.map.top() + 2)))
    assert signal.args == [0]
    below = QPoint(target.toPoint().x(), round(places.bands.top()) + 1)
    with qtbot.waitSignal(shown_map.band_chosen) as signal:
        qtbot.mouseClick(shown_map, Qt.MouseButton.LeftButton, pos=below)
    assert signal.args == [1]
    with qtbot.waitSignal(shown_map.band_followed) as signal:
        qtbot.mouseDClick(shown_map, Qt.MouseButton.LeftButton, pos=below)
    assert signal.args == [1]


def test_the_cross_walks_by_keys(shown_map: AttentionMap, story: Path, qtbot: Any) -> None:
    shown_map.show_picture(picture_of(story, 4))
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Left):
        qtbot.keyClick(shown_map, key)
    assert shown_map.cross == (1, 0)
    qtbot.keyClick(shown_map, Qt.Key.Key_Right)
    with qtbot.waitSignals([shown_map.row_chosen, shown_map.band_followed]):
        qtbot.keyClick(shown_map, Qt.Key.Key_Return)
    qtbot.keyClick(shown_map, Qt.Key.Key_Escape)
    assert shown_map.cross == (-1, -1)


def test_hidden_sinks_are_painted_over(shown_map: AttentionMap, story: Path) -> None:
    shown_map.show_picture(picture_of(story, 4, hide_sinks=True))
    places = shown_map._places()
    found = shown_map.grab().toImage().pixelColor(round(shown_map._x(0.9, places)), round(places.map.top() + 4))
    assert found == theme.active().color("sunken")


def test_layers_and_heads_can_be_chosen(qtbot: Any) -> None:
    grid = HeadGrid()
    qtbot.addWidget(grid)
    shares = np.array([[0.1, 0.2, 0.3], [0.0, 0.9, 0.1]], np.float32)
    grid.show_shares(shares, (0, 7), -1, -1)
    grid.resize(grid.sizeHint())
    grid.show()
    best = grid.grab().toImage().pixelColor(grid._rect(1, 1).center().toPoint())
    assert best == colormap.color("cividis", 1)
    with qtbot.waitSignal(grid.chosen) as signal:
        qtbot.mouseClick(grid, Qt.MouseButton.LeftButton, pos=grid._rect(1, 2).center().toPoint())
    assert signal.args == [1, 2]
    grid.show_shares(shares, (0, 7), 1, 2)
    with qtbot.waitSignal(grid.chosen) as signal:
        qtbot.keyClick(grid, Qt.Key.Key_Left)
    assert signal.args == [1, 1]
    assert "layer 7 H1: 90 %" in grid.accessibleDescription()
    grid.show_shares(np.zeros((0, 0), np.float32), (), -1, -1)
    grid.grab()


def test_many_heads_stay_small(qtbot: Any) -> None:
    grid = HeadGrid()
    qtbot.addWidget(grid)
    grid.show_shares(np.random.default_rng(0).random((32, 32), np.float32), tuple(range(32)), 3, 4)
    assert grid.sizeHint().width() < 300 and grid.sizeHint().height() < 220
    grid.resize(grid.sizeHint())
    assert colors(grid) > 50


def test_the_bar_says_its_scale(qtbot: Any, story: Path) -> None:
    bar = ColorBar()
    qtbot.addWidget(bar)
    bar.resize(300, bar.sizeHint().height())
    bar.show_scale(picture_of(story, 4, scale="linear"))
    assert bar.accessibleDescription().startswith("0 %, ")
    narrow = colors(bar)
    bar.resize(60, bar.sizeHint().height())
    assert narrow > 100 and colors(bar) > 30


@pytest.mark.parametrize("name", colormap.NAMES)
def test_colours_rise_in_lightness(name: str) -> None:
    table = colormap.table(name).astype(float)
    light = table @ (0.2126, 0.7152, 0.0722)
    assert table.shape == (256, 3)
    assert np.all(np.diff(light) > -0.5) and light[-1] - light[0] > 150


def test_a_picture_owns_its_data() -> None:
    image = colormap.image(np.linspace(0, 1, 8).reshape(2, 4), "viridis")
    assert (image.width(), image.height()) == (4, 2)
    assert image.pixelColor(3, 1) == colormap.color("viridis", 1)


def test_small_things() -> None:
    assert _stretches(np.array([True, True, False, True])) == [(0, 2), (3, 4)]
    assert _stretches(np.zeros(3, bool)) == []
    assert [_visible(t) for t in (" Oslo", "\n", "  ")] == ["Oslo", "⏎", "␣␣"]


def test_tokens_flow_and_can_be_pointed_at(qtbot: Any) -> None:
    strip = TokenStrip()
    qtbot.addWidget(strip)
    strip.resize(200, 300)
    strip.show()
    strip.show_tokens([f"word{i} " for i in range(60)], breaks=[30], underlined=[(2, 4)])
    strip.show_values(np.linspace(0, 1, 60), theme.active().lane(0))
    for token in (0, 17, 30, 59):
        rect = strip.rect_of(token)
        assert rect.right() <= 202
        assert strip.token_at(QPointF(rect.center())) == token
    assert strip.rect_of(30).left() == 0
    assert strip.token_at(QPointF(rect.center()) + QPointF(0, 4000)) == -1
    with qtbot.waitSignal(strip.pointed) as signal:
        qtbot.mouseMove(strip, strip.rect_of(5).center())
    assert signal.args == [5]
    with qtbot.waitSignal(strip.chosen) as signal:
        qtbot.mouseClick(strip, Qt.MouseButton.LeftButton, pos=strip.rect_of(9).center())
    assert signal.args == [9]
    assert colors(strip) > 20
    before = strip.minimumHeight()
    strip.resize(400, 300)
    assert strip.minimumHeight() < before


def test_lines_of_tokens_break_between_words(qtbot: Any) -> None:
    strip = TokenStrip()
    qtbot.addWidget(strip)
    strip.resize(200, 300)
    strip.show()
    strip.show_tokens([part for i in range(40) for part in (f" split{i}", "word", ",")])
    placed = strip._placed
    assert placed is not None and len(placed.firsts) > 3
    assert all(first % 3 == 0 for first in placed.firsts)
    space = theme.active().metrics().horizontalAdvance(" ")
    assert [placed.x[first] for first in placed.firsts[1:]] == [-space] * (len(placed.firsts) - 1)
    strip.show_tokens(["x" * 30, "y" * 30, " z"])  # a word longer than a line breaks where it must
    assert strip._placed is not None and strip._placed.firsts[:2] == [0, 1]


def test_no_tokens_no_trouble(qtbot: Any) -> None:
    strip = TokenStrip()
    qtbot.addWidget(strip)
    strip.show_tokens([])
    strip.resize(100, 50)
    strip.grab()
    assert strip.token_at(QPointF(3, 3)) == -1


def test_a_part_of_the_positions_can_be_looked_at(shown_map: AttentionMap, tmp_path: Path, qtbot: Any) -> None:
    picture = picture_of(long_capture(tmp_path / "long.mnemo"), 0, layer=1, head=5)
    shown_map.show_picture(picture)
    assert shown_map.seen == (0, 4096)
    with qtbot.waitSignal(shown_map.zoomed) as told:
        shown_map.zoom(16, 3000 / 4096)
    assert told.args == [True]
    first, end = shown_map.seen
    assert first < 3000 < end and end - first == pytest.approx(256, abs=1)
    places = shown_map._places()
    where = QPointF(shown_map._x(3000.5, places), places.map.center().y())
    assert shown_map._cell(where)[1] == 3000  # fewer columns than pixels: exactly the one under the mouse
    bright = colormap.color("cividis", float(picture.values.max()))
    assert shown_map.grab().toImage().pixelColor(round(where.x()), round(places.map.top() + places.row / 2)) == bright
    assert shown_map._x(0, places) == places.map.left() and shown_map._x(4096, places) == places.map.right()
    wheel(shown_map, where, 120, Qt.KeyboardModifier.ControlModifier)
    assert shown_map.seen[1] - shown_map.seen[0] < 256 and shown_map.seen[0] < 3000 < shown_map.seen[1]
    before = shown_map.seen
    wheel(shown_map, where, -120)
    assert shown_map.seen[0] > before[0]
    qtbot.keyClick(shown_map, Qt.Key.Key_0)
    assert shown_map.seen == (0, 4096)
    qtbot.keyClick(shown_map, Qt.Key.Key_Plus)
    assert shown_map.seen[1] - shown_map.seen[0] == pytest.approx(2560, abs=2)


def wheel(widget: AttentionMap, where: QPointF, turned: int, held: Any = Qt.KeyboardModifier.NoModifier) -> None:
    none, phase = Qt.MouseButton.NoButton, Qt.ScrollPhase.NoScrollPhase
    spot = QPointF(widget.mapToGlobal(where.toPoint()))
    widget.wheelEvent(QWheelEvent(where, spot, QPoint(), QPoint(0, turned), none, held, phase, False))


def test_every_position_is_asked_for_where_they_were_pooled(tmp_path: Path) -> None:
    picture = picture_of(long_capture(tmp_path / "long.mnemo", bins=True), 0)
    maps = {MEAN: picture.matrix, MAX: picture.matrix}
    view = replace(picture.view, maps=maps)
    kept = _Captures()
    assert view.pooled
    assert _chosen(kept, view, Choice())[2] is False
    assert (
        _chosen(kept, view, Choice(exact=True))[2] is True
    )  # not there yet: the mean over pooled positions in its place
    whole = picture_of(long_capture(tmp_path / "whole.mnemo"), 0).view
    found, matrix, missing = _chosen(kept, replace(view, every=whole.layers, full=whole), Choice(exact=True))
    assert found is whole and matrix.shape[1] == 4096 and not missing
