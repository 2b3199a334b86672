from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QPainter
from PySide6.QtSvg import QSvgGenerator

from tests.support.traces import write_trace
from tests.ui.memory_runs import pixels
from tests.workbench.projections.story import write_story
from ui.theme import theme
from ui.widgets.graph_view import FORCE, THREAD, GraphCanvas, _nice
from workbench.projections.graph import graph_view
from workbench.trace.reader import TraceReader


@pytest.fixture
def canvas(qtbot: Any) -> GraphCanvas:
    made = GraphCanvas()
    qtbot.addWidget(made)
    made.resize(400, 360)
    made.show()
    return made


@pytest.fixture
def story(tmp_path: Path) -> Any:
    with TraceReader(write_story(tmp_path / "story.mnemo")) as reader:
        yield reader


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_trace(tmp_path_factory.mktemp("crowd") / "run.mnemo", turns=300, items=500, probes=3, lanes=("a-mem",))


def place(canvas: GraphCanvas, item: str) -> QPoint:
    assert canvas.view is not None
    x, y = canvas._screen[canvas.view.layout.place[item]]
    return QPoint(round(x), round(y))


@pytest.mark.parametrize("look", ["dark", "light"])
@pytest.mark.parametrize("arrangement", [FORCE, THREAD])
def test_it_draws_nodes_where_they_stand(canvas: GraphCanvas, story: TraceReader, look: str, arrangement: str) -> None:
    theme.use(look)
    canvas.arrange(arrangement)
    canvas.show_view(graph_view(story, 1, 1, 2), 0)
    lane, surface = theme.active().lane(0), theme.active().color("surface")
    for item in ("note-0", "note-1"):
        found = canvas.grab().toImage().pixelColor(place(canvas, item))
        to_lane = sum(abs(a - b) for a, b in zip(found.getRgb()[:3], lane.getRgb()[:3], strict=True))
        to_surface = sum(abs(a - b) for a, b in zip(found.getRgb()[:3], surface.getRgb()[:3], strict=True))
        assert to_lane < to_surface
    to_come = canvas.grab().toImage().pixelColor(place(canvas, "note-2"))
    faint = sum(abs(a - b) for a, b in zip(to_come.getRgb()[:3], surface.getRgb()[:3], strict=True))
    assert faint < 160 or arrangement == THREAD  # a speck; the line of the cursor may stand there


def test_a_later_cursor_moves_nothing(canvas: GraphCanvas, story: TraceReader) -> None:
    canvas.show_view(graph_view(story, 1, 1, 0), 0)
    before = place(canvas, "note-0")
    canvas.show_view(graph_view(story, 1, 1, 5), 0)
    assert place(canvas, "note-0") == before


def test_clicks_select_and_double_clicks_open(canvas: GraphCanvas, story: TraceReader, qtbot: Any) -> None:
    canvas.show_view(graph_view(story, 1, 1, 4), 0)
    with qtbot.waitSignal(canvas.clicked) as signal:
        qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=place(canvas, "note-1") + QPoint(3, 2))
    assert signal.args == ["note-1"]
    with qtbot.waitSignal(canvas.clicked) as signal:
        qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=QPoint(3, 3))
    assert signal.args == [""]
    with qtbot.waitSignal(canvas.opened) as signal:
        qtbot.mouseDClick(canvas, Qt.MouseButton.LeftButton, pos=place(canvas, "note-2"))
    assert signal.args == ["note-2"]


def test_dragging_moves_the_picture_and_fit_brings_it_back(canvas: GraphCanvas, story: TraceReader, qtbot: Any) -> None:
    canvas.show_view(graph_view(story, 1, 1, 4), 0)
    home = place(canvas, "note-0")
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=QPoint(10, 10))
    canvas.mouseMoveEvent(_move(QPointF(60, 40)))
    with qtbot.assertNotEmitted(canvas.clicked):
        qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=QPoint(60, 40))
    assert place(canvas, "note-0") - home == QPoint(50, 30)
    canvas.show_view(graph_view(story, 1, 1, 3), 0)
    assert place(canvas, "note-0") - home == QPoint(50, 30)
    qtbot.keyClick(canvas, Qt.Key.Key_F)
    assert place(canvas, "note-0") == home


def _move(where: QPointF) -> Any:
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QMouseEvent

    buttons = Qt.MouseButton.LeftButton
    return QMouseEvent(QEvent.Type.MouseMove, where, where, buttons, buttons, Qt.KeyboardModifier.NoModifier)


def test_zoom_keeps_what_is_under_the_mouse(canvas: GraphCanvas, story: TraceReader) -> None:
    canvas.show_view(graph_view(story, 1, 1, 4), 0)
    at = canvas._screen[0].copy()
    canvas._zoom(1.7, QPointF(*at))
    assert np.allclose(canvas._screen[0], at)
    canvas._zoom(1e9, QPointF(*at))
    assert np.isfinite(canvas._screen).all()


def test_arrows_walk_to_neighbours_in_space(canvas: GraphCanvas, story: TraceReader, qtbot: Any) -> None:
    canvas.show_view(graph_view(story, 1, 1, 4), 0)
    canvas.clicked.connect(canvas.select)
    qtbot.keyClick(canvas, Qt.Key.Key_Right)
    assert canvas.selected
    seen = {canvas.selected}
    for key in (Qt.Key.Key_Left, Qt.Key.Key_Up, Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Right, Qt.Key.Key_Up) * 2:
        qtbot.keyClick(canvas, key)
        seen.add(canvas.selected)
    assert seen == {"note-0", "note-1", "note-2"}
    with qtbot.waitSignal(canvas.opened):
        qtbot.keyClick(canvas, Qt.Key.Key_Return)
    qtbot.keyClick(canvas, Qt.Key.Key_Escape)
    assert canvas.selected == ""


def test_local_depth_leaves_out_what_is_far(canvas: GraphCanvas, story: TraceReader) -> None:
    canvas.show_view(graph_view(story, 1, 1, 4), 0)
    canvas.select("note-1")
    canvas.limit(1)
    assert canvas._shown.tolist() == [True, True, False]
    canvas.limit(2)
    assert canvas._shown.tolist() == [True, True, True]
    canvas.limit(0)
    assert canvas._shown.all()


def test_new_retrieved_and_selected_stand_out(canvas: GraphCanvas, story: TraceReader) -> None:
    plain = graph_view(story, 1, 1, 4)
    canvas.show_view(plain, 0)
    glowing = pixels(canvas)
    canvas.show_view(graph_view(story, 1, 1, 3), 0)
    fresh = pixels(canvas)
    canvas.select("note-0")
    selected = pixels(canvas)
    assert (glowing != fresh).any() and (fresh != selected).any()
    accent = np.array(theme.active().color("accent-fill").getRgb()[:3])
    near = [(np.abs(p.astype(int) - accent).sum(2) < 40).sum() for p in (fresh, selected)]
    assert near[0] > 20 and near[1] > near[0]


def test_a_crowd_looks_the_same_however_one_came_there(canvas: GraphCanvas, crowd: Path) -> None:
    """Edges that were kept from another cursor must not stay where they are gone, nor be missing where they are new."""
    with TraceReader(crowd) as reader:
        for turn in (250, 251, 255, 248, 299, 240, 243):
            canvas.show_view(graph_view(reader, 1, 1, turn), 0)
            canvas.grab()
        arrived = pixels(canvas)
        canvas._settled = None
        canvas.retheme()
        fresh = pixels(canvas)
    assert (
        np.abs(arrived.astype(int) - fresh).max(2) > 24
    ).mean() < 0.002  # where hairlines cross, their order differs


def test_files_hold_shapes_not_pictures(canvas: GraphCanvas, story: TraceReader, tmp_path: Path) -> None:
    canvas.show_view(graph_view(story, 1, 1, 4), 0)
    generator = QSvgGenerator()
    generator.setFileName(str(tmp_path / "graph.svg"))
    generator.setSize(canvas.size())
    painter = QPainter(generator)
    canvas.render(painter, QPoint())
    painter.end()
    text = (tmp_path / "graph.svg").read_text()
    assert text.count("<circle") + text.count("<ellipse") + text.count("<path") >= 3
    assert "base64" not in text


def test_nothing_to_show(canvas: GraphCanvas, story: TraceReader, qtbot: Any) -> None:
    canvas.show_view(graph_view(story, 1, 2, 4), 0)
    assert len(np.unique(pixels(canvas)[8:-8, 8:-8].reshape(-1, 3), axis=0)) == 1
    qtbot.keyClick(canvas, Qt.Key.Key_Right)
    canvas.show_view(None, 0)
    assert canvas._at(QPointF(10, 10)) == -1


@pytest.mark.parametrize(("least", "step"), [(0.1, 1), (1, 1), (1.5, 2), (3, 5), (7, 10), (84, 100), (101, 200)])
def test_axis_steps_are_round(least: float, step: int) -> None:
    assert _nice(least) == step
