"""The structure panel over memories that real strategies made."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt

from tests.support.structures import run_of
from tests.ui.memory_runs import colors
from ui.panels import make
from ui.panels.structure import StructurePanel
from ui.state.workspace import Workspace
from ui.theme import theme
from workbench.projections.structure import view as shapes

LANES = (
    "full",
    "mem0",
    "memoryos",
    "mirix",
    "think-in-memory",
    "em-llm",
    "mem1",
    "sculptor",
    "tim",
    "tme-dag",
    "titans",
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_of(tmp_path_factory.mktemp("structure"), LANES)


@pytest.fixture
def space(run: Path) -> Iterator[Workspace]:
    opened = Workspace()
    opened.open(run, 20)
    yield opened
    opened.close()


@pytest.fixture
def shown(qtbot: Any, settle: Callable[[Workspace], None], space: Workspace) -> Callable[[str], StructurePanel]:
    panel = make("structure", space)
    assert isinstance(panel, StructurePanel)
    qtbot.addWidget(panel)
    panel.resize(520, 560)
    panel.show()

    def select(lane: str) -> StructurePanel:
        space.selection.reset(lane=LANES.index(lane) + 1)
        settle(space)
        return panel

    return select


@pytest.mark.parametrize("look", ["dark", "light"])
@pytest.mark.parametrize("lane", LANES)
def test_every_lane_is_painted_named_and_tabled(
    shown: Callable[[str], StructurePanel], settle: Callable[[Workspace], None], lane: str, look: str, tmp_path: Path
) -> None:
    theme.use(look, theme.NORMAL)
    panel = shown(lane)
    assert panel._last_answer is not None and panel._last_answer.error is None
    assert panel.title(panel.view).startswith(f"{lane} · ") and panel.title(panel.view).endswith(" at turn 20")
    assert colors(panel.content) > 12
    for shape in panel.view.offered:
        panel.look(shape)
        settle(panel.workspace)
        assert panel.view.shape == shape
        table = panel.table(panel.view)
        assert table.rows and all(len(row) == len(table.columns) for row in table.rows)
    panel.export(tmp_path / "out.csv")
    panel.export(tmp_path / "out.png")
    assert (tmp_path / "out.csv").read_text("utf-8").count("\n") > 1


def test_a_card_selects_its_item_and_explains_itself(
    shown: Callable[[str], StructurePanel], qtbot: Any, settle: Callable[[Workspace], None]
) -> None:
    panel = shown("memoryos")
    panel.canvas.grab()
    zone = next(z for z in panel.canvas.zones if z.click is not None)
    assert "page-" in zone.tip
    qtbot.mouseClick(panel.canvas, Qt.MouseButton.LeftButton, pos=QPoint(zone.rect.center()))
    settle(panel.workspace)
    chosen = panel.workspace.moment.item
    assert chosen and chosen in zone.tip
    assert panel.canvas.sketch is not None and panel.canvas.sketch.chosen == chosen


def test_the_wanted_shape_lasts_where_it_fits(
    shown: Callable[[str], StructurePanel], settle: Callable[..., None]
) -> None:
    panel = shown("mem0")
    assert panel.view.shape == shapes.LEDGER and "UPDATE" in panel.text.toPlainText()
    panel.look(shapes.KINDS)
    settle(panel.workspace)
    assert panel.view.shape == shapes.KINDS and panel.canvas_scroll.isVisible() and not panel.text.isVisible()
    assert shown("em-llm").view.shape == shapes.KINDS
    panel.look("")
    settle(panel.workspace)
    assert panel.view.shape == shapes.SURPRISE


def test_before_the_first_item_it_says_where_that_is(
    shown: Callable[[str], StructurePanel], space: Workspace, settle: Callable[..., None]
) -> None:
    panel = shown("em-llm")
    first = panel.view.body.points[0].turn
    space.cursor.go(0)
    settle(space)
    assert (panel.view is None) == (first > 0)
    panel = shown("mem0")
    written = [row[0] for row in panel.table(panel.view).rows] if panel.view else []
    assert written or "first item" in panel._card._how.text()


def test_findings_become_flags_on_the_timeline(
    qtbot: Any, space: Workspace, settle: Callable[[Workspace], None]
) -> None:
    panel = make("scrubber", space)
    qtbot.addWidget(panel)
    panel.resize(900, 260)
    panel.show()
    settle(space)
    qtbot.waitUntil(lambda: bool(panel.tracks.findings(2).findings), timeout=10_000)
    lane = panel.tracks.findings(2)
    finding = lane.findings[0]
    place = QPoint(round(panel.tracks._x(finding.turn)), round(panel.tracks._y(1)))
    assert finding.kind in panel.tracks._tip(place)
    assert finding.kind in panel.tracks._tip(QPoint(4, place.y()))
    told = [row for row in panel.table(panel.view).rows if row[0] == "mem0" and str(row[2]).startswith("finding")]
    assert len(told) == len(lane.findings)
    with_flags = panel.tracks.grab().toImage()
    panel.tracks._found = None
    panel.tracks.forget()
    assert panel.tracks.grab().toImage() != with_flags
