"""The embedding view: where items lie, what is said of it, pointing and keys."""

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt

from tests.support.backends import ScriptedBackend
from tests.support.runs import session_file
from ui.panels import make
from ui.state.workspace import Workspace
from workbench.engine import run as engine
from workbench.engine.config import RunConfig
from workbench.engine.placing import place
from workbench.engine.protocol import Place


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lanes with and without vectors over 24 turns; vectors of hashed words."""
    folder = tmp_path_factory.mktemp("embedding")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "_open", lambda config: ScriptedBackend())
        file = session_file(folder, turns=24, probes=3)
        lanes = ("no-memory", "bm25", "dense")
        return engine.run(RunConfig((file,), lanes, embedder="hash", out=folder / "run.mnemo"), lambda _: None)


@pytest.fixture
def space(recorded: Path, qtbot: Any, settle: Any) -> Any:
    made = Workspace()
    made.open(recorded, 23)
    yield made
    made.close()


@pytest.fixture
def panel(space: Workspace, qtbot: Any, settle: Any) -> Any:
    """The panel as the window serves it: what it asks is answered by the engine's own function."""
    made = make("embedding", space)
    qtbot.addWidget(made)
    made.asked = []
    space.asked.connect(made.asked.append)
    made.resize(480, 420)
    made.show()
    settle(space)
    return made


def answer(panel: Any, space: Workspace) -> None:
    for question in panel.asked:
        space.placed.emit(place(question, lambda *n: None, lambda: False))
        space.told.emit()
    panel.asked.clear()
    panel.map.grab()


def test_it_asks_once_for_a_lanes_places_and_keeps_them(panel: Any, space: Workspace, settle: Any) -> None:
    assert panel.asked == [Place(space.run.path, 1, 3)]
    assert panel.front.currentWidget() is panel.wait and "reads" in panel.what.text()
    answer(panel, space)
    assert panel.front.currentWidget() is panel.map and len(panel.map._order) == 24
    assert "as this memory's own vectors" in panel.note.text() and "variance" in panel.note.text()
    before = {d.item: panel.map._spot(d.key) for d in panel.map._order}
    space.cursor.go(10)
    settle(space)
    panel.map.grab()
    assert not panel.asked and len(panel.map._order) == 11
    assert all(panel.map._spot(d.key) == before[d.item] for d in panel.map._order)  # nothing jumps


def test_a_memory_without_vectors_is_shown_and_says_so(panel: Any, space: Workspace, settle: Any) -> None:
    answer(panel, space)
    space.selection.select(lane=2)
    settle(space)
    assert panel.asked == [Place(space.run.path, 1, 2)]
    answer(panel, space)
    assert "keeps no vectors" in panel.note.text() and len(panel.map._order) == 24


def test_a_lane_that_holds_nothing_has_an_empty_state(panel: Any, space: Workspace, settle: Any) -> None:
    space.selection.select(lane=1)
    settle(space)
    assert panel.view is None and "holds no items" in panel._card._what.text()


def test_a_question_that_came_to_nothing_can_be_asked_again(panel: Any, space: Workspace, qtbot: Any) -> None:
    space.told.emit()  # dealt with, no places: the embedder is not installed, or it was cancelled
    assert panel.compute.isVisible() and "not computed" in panel.what.text()
    qtbot.mouseClick(panel.compute, Qt.MouseButton.LeftButton)
    assert panel.asked == [Place(space.run.path, 1, 3)] * 2


def test_pointing_names_a_click_selects_and_hits_are_told(
    panel: Any, space: Workspace, settle: Any, qtbot: Any
) -> None:
    answer(panel, space)
    view = panel.view
    assert view.query and view.hits and "hits: 1 " in panel.map.accessibleDescription()
    zone = panel.map.zones[-1]
    dot = panel.map._order[-1]
    assert zone.tip.startswith(f"{dot.item} · turn {dot.turn}") and dot.text in zone.tip
    hit = next(z for z, d in zip(panel.map.zones, panel.map._order, strict=True) if d.item == view.hits[0].item)
    assert "rank 1, score " in hit.tip
    qtbot.mouseClick(panel.map, Qt.MouseButton.LeftButton, pos=zone.rect.center())
    top = panel.map.zone_at(zone.rect.center())
    assert space.selection.now.item and space.selection.now.item in top.tip
    settle(space)
    assert panel.map._selected == space.selection.now.item
    qtbot.mouseClick(panel.map, Qt.MouseButton.LeftButton, pos=QPoint(2, 2))
    assert not space.selection.now.item


def test_keys_go_from_item_to_item(panel: Any, space: Workspace, qtbot: Any) -> None:
    answer(panel, space)
    panel.map.setFocus()
    qtbot.keyClick(panel.map, Qt.Key.Key_Home)
    assert panel.map.at == panel.view.hits[0].item and "rank 1" in panel.map.accessibleDescription()
    seen = {panel.map.at}
    for key in (Qt.Key.Key_Left, Qt.Key.Key_Up, Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Down):
        qtbot.keyClick(panel.map, key)
        seen.add(panel.map.at)
    assert len(seen) >= 3
    qtbot.keyClick(panel.map, Qt.Key.Key_Return)
    assert space.selection.now.item == panel.map.at
    assert space.cursor.turn == 23  # the arrows were not playback's


def test_the_table_has_places_and_ranks(panel: Any, space: Workspace) -> None:
    answer(panel, space)
    table = panel.table(panel.view)
    assert table.columns[:4] == ("item", "turn", "status", "across") and len(table.rows) == 24
    assert all(isinstance(row[3], float) for row in table.rows) and {1} <= {row[5] for row in table.rows}


def test_the_pictures_of_both_themes_differ_from_nothing(panel: Any, space: Workspace) -> None:
    from ui.theme import theme

    answer(panel, space)
    dark = panel.map.grab().toImage()
    theme.use("light")
    assert panel.map.grab().toImage() != dark
