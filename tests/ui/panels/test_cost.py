"""The cost view: strips, cursor, operations, exports."""

import json
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt

from tests.support.benchmark import benchmark_run
from ui.panels import make
from ui.state.workspace import Workspace


@pytest.fixture
def panel(workspace: Workspace, qtbot: Any, settle: Any) -> Any:
    made = make("cost", workspace)
    qtbot.addWidget(made)
    made.resize(520, 640)
    made.show()
    settle(workspace)
    made.chart.grab()
    return made


def test_every_lane_has_a_strip_with_median_and_95th(panel: Any) -> None:
    said = panel.chart.accessibleDescription()
    assert said.count("p50 ") == said.count("p95 ") >= 1
    assert all(row.lane.name in said for row in panel.view.lanes)
    heads = [zone.tip for zone in panel.chart.zones]
    assert len(heads) == 5 and heads[-1].startswith("a-mem\n") and " tok · a turn: p50 " in heads[-1]


def test_the_cursor_is_shown_and_moved(panel: Any, workspace: Workspace, settle: Any, qtbot: Any) -> None:
    assert panel.chart._here(4, panel.view.lanes[4]).startswith("turn 34: ")
    before = panel.chart.grab().toImage()
    workspace.cursor.go(12)
    settle(workspace)
    assert panel.chart.grab().toImage() != before
    plot = panel.chart._plot(4)
    at = QPoint(round(panel.chart._x(50, plot)), round(plot.center().y()))
    qtbot.mouseClick(panel.chart, Qt.MouseButton.LeftButton, pos=at)
    assert workspace.cursor.turn == 50


def test_measures_and_probes_can_be_chosen(panel: Any) -> None:
    panel.measure.setCurrentIndex(panel.measure.findData("seconds"))
    panel.part.setCurrentIndex(panel.part.findData("probes"))
    panel.measure.activated.emit(0)
    said = panel.chart.accessibleDescription()
    assert "a probe: p50" in said and " tok" not in said


def test_operations_are_those_of_the_selected_lane(panel: Any, workspace: Workspace, settle: Any) -> None:
    first = [row[0] for row in panel.model.table.rows]
    assert first and first != ["no model was called"]
    lane = panel.view.lanes[-1]
    assert first == [one.operation for one in lane.operations]
    panel.chart.lane_chosen.emit(panel.view.lanes[0].lane.id)
    settle(workspace)
    assert [row[0] for row in panel.model.table.rows] == (
        [one.operation for one in panel.view.lanes[0].operations] or ["no model was called"]
    )


def test_hidden_lanes_have_no_strip(panel: Any, workspace: Workspace) -> None:
    workspace.roster.hide(workspace.selection.now.lane)
    panel.chart.grab()
    assert len(panel.chart.zones) == 4 and "a-mem" not in panel.chart.accessibleDescription()


def test_figures_are_exported_as_csv_and_json(panel: Any, tmp_path: Path) -> None:
    panel.export(tmp_path / "cost.csv")
    head, *lines = (tmp_path / "cost.csv").read_text().splitlines()
    assert head.startswith("lane,of,operation,calls,prompt (tok)") and lines[0].startswith("full,turns,all,")
    panel.export(tmp_path / "cost.json")
    told = json.loads((tmp_path / "cost.json").read_text())
    rows = [dict(zip(told["columns"], row, strict=True)) for row in told["rows"]]
    assert rows[0]["lane"] == "full" and len(rows) == len(lines)
    assert any(row["operation"] != "all" and row["p95 (tok)"] for row in rows)
    panel.export(tmp_path / "cost.svg")
    assert "<svg" in (tmp_path / "cost.svg").read_text()


def test_lanes_that_spend_on_probes_alone_are_shown_with_those(tmp_path: Path, qtbot: Any, settle: Any) -> None:
    space = Workspace()
    space.open(benchmark_run(tmp_path / "run.mnemo"))
    made = make("cost", space)
    qtbot.addWidget(made)
    made.show()
    settle(space)
    assert made.part.currentData() == "probes"
    assert "a probe: p50" in made.chart.accessibleDescription()
    space.close()
