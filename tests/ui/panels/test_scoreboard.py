"""The scoreboard panel: groups, marks, differences by pointer and keyboard, what a click shows."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt

from tests.support.benchmark import benchmark_run
from ui.panels import make
from ui.panels.scoreboard import ScoreboardPanel
from ui.state.workspace import Workspace
from ui.theme import theme
from ui.tour import blank
from ui.widgets.score_matrix import ScoreMatrix
from workbench.probes import errata


@pytest.fixture
def space(tmp_path: Path) -> Iterator[Workspace]:
    made = Workspace()
    made.open(benchmark_run(tmp_path / "run.mnemo", sessions=2), 9)
    yield made
    made.close()


@pytest.fixture
def panel(space: Workspace, qtbot: Any, settle: Callable[[Workspace], None]) -> ScoreboardPanel:
    made = make("scoreboard", space)
    assert isinstance(made, ScoreboardPanel)
    qtbot.addWidget(made)
    made.resize(1280, 260)
    made.show()
    settle(space)
    made.grab()
    return made


def tips(panel: ScoreboardPanel) -> list[str]:
    panel.grab()
    return [zone.tip for zone in panel.matrix.zones]


def zone(panel: ScoreboardPanel, said: str) -> Any:
    panel.grab()
    return next(z for z in panel.matrix.zones if said in z.tip)


def test_room_for_the_bar_below_comes_and_goes_with_the_width(panel: ScoreboardPanel, settle: Any, space: Any) -> None:
    least, bar = panel.matrix.minimumWidth(), panel.area.horizontalScrollBar().sizeHint().height()
    heights = []
    for width in (2 * least, least // 2, 2 * least):
        panel.resize(width, 260)
        settle(space)
        heights.append(panel.minimumHeight())
    assert heights == [heights[0], heights[0] + bar, heights[0]]


def test_an_answer_before_the_first_layout_asks_for_no_other_height(
    space: Workspace, qtbot: Any, settle: Callable[[Workspace], None]
) -> None:
    made = make("scoreboard", space)
    qtbot.addWidget(made)
    made.resize(3000, 260)
    made.show()
    settle(space)
    least = made.minimumHeight()
    made.retheme()  # as a figure of any panel does
    assert made.minimumHeight() == least


@pytest.mark.parametrize("look", ["dark", "light"])
def test_it_draws_in_both_themes(panel: ScoreboardPanel, look: str) -> None:
    theme.use(look)
    assert not blank(panel.grab().toImage())


def test_a_cell_says_figure_interval_and_controls(panel: ScoreboardPanel) -> None:
    said = zone(panel, "a-mem · LoCoMo, 4 single-hop: F1").tip.split("\n")
    assert said[1] == "75.0 %, mean of 4 probes"
    assert said[2].endswith("(Wilson)")
    assert said[3] == "controls: no memory 25 %, evidence alone 100 %, full context 100 %"
    ours = zone(panel, "a-mem · accuracy").tip
    assert "6 of 8 probes right: 75 %" in ours
    assert "1 probe answerable without memory" in next(t for t in tips(panel) if t.startswith("accuracy\nOurs:"))
    assert "1 answerable without memory" in panel.title(panel.view)


def test_errata_change_the_figures_and_the_title_says_so(
    panel: ScoreboardPanel, space: Workspace, settle: Any, tmp_path: Path
) -> None:
    known = tmp_path / "wrong.jsonl"
    known.write_text('{"question": "Which one, 3?"}\n', "utf-8")
    space.use_errata(errata.read([known]))
    settle(space)
    assert zone(panel, "a-mem · LoCoMo, 4 single-hop: F1").tip.split("\n")[1] == "100.0 %, mean of 3 probes"
    assert "errata wrong.jsonl: 1 question(s) known to be wrong: left out" in panel.title(panel.view)
    space.use_errata(None)
    settle(space)
    assert zone(panel, "a-mem · LoCoMo, 4 single-hop: F1").tip.split("\n")[1] == "75.0 %, mean of 4 probes"
    assert "errata" not in panel.title(panel.view)


def test_what_is_not_scored_is_told(panel: ScoreboardPanel) -> None:
    assert "locomo-judge is not scored: `mnemoscope judge` gives it" in tips(panel)


def test_pointing_at_a_column_brings_the_differences(panel: ScoreboardPanel, space: Workspace, settle: Any) -> None:
    cell = zone(panel, "a-mem · LoCoMo, 4 single-hop: F1")
    assert "comparing the lanes" in cell.tip
    panel.matrix._point(panel.matrix.view.columns[3])  # type: ignore[union-attr]
    settle(space)
    said = zone(panel, "a-mem · LoCoMo, 4 single-hop: F1").tip
    assert "against window: +50 points (" in said
    assert "p = 1.000" in said
    assert "corrected by Holm" in said
    assert "4 probes can show differences of" in said


def test_the_keyboard_goes_from_cell_to_cell_and_says_the_same(
    panel: ScoreboardPanel, space: Workspace, qtbot: Any, settle: Any
) -> None:
    matrix = panel.matrix
    matrix.setFocus()
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Right):
        qtbot.keyClick(matrix, key)
    settle(space)
    assert matrix.at_keyboard.startswith("a-mem · LoCoMo, 2 temporal: F1")
    assert matrix.accessibleDescription() == matrix.at_keyboard
    assert "against window: +100 points (" in matrix.at_keyboard
    for _ in range(30):
        qtbot.keyClick(matrix, Qt.Key.Key_Right)
    assert matrix.at_keyboard.startswith("a-mem · evidence recall")
    with qtbot.waitSignal(space.wanted) as wanted:
        qtbot.keyClick(matrix, Qt.Key.Key_Return)
    assert wanted.args == ["probes"]


def test_in_the_window_the_arrows_go_to_the_cells_and_not_to_playback(
    window: Any, tmp_path: Path, qtbot: Any, settle: Any
) -> None:
    window.open(benchmark_run(tmp_path / "run.mnemo", each=3))
    settle(window.workspace)
    window.workspace.cursor.go(20)
    matrix = window.findChild(ScoreMatrix)
    matrix.setFocus()
    settle(window.workspace)
    for _ in range(2):
        qtbot.keyClick(matrix, Qt.Key.Key_Right)
    assert window.workspace.cursor.turn == 20
    assert matrix.at_keyboard.startswith("bm25 · LoCoMo, 2 temporal")


def test_a_click_on_a_published_cell_shows_the_probes_of_its_category(
    panel: ScoreboardPanel, space: Workspace, qtbot: Any, settle: Any
) -> None:
    probes: Any = make("probes", space)
    qtbot.addWidget(probes)
    probes.resize(800, 400)
    probes.show()
    settle(space)
    cell = zone(panel, "bm25 · LoCoMo, 2 temporal: F1")
    qtbot.mouseClick(panel.matrix, Qt.MouseButton.LeftButton, pos=cell.rect.center())
    settle(space)
    assert probes.family.currentText() == "LoCoMo: 2 temporal"
    assert [line.probe for line in probes.model.lines] == ["q5", "q6"]
    assert space.run.name(space.selection.now.lane) == "bm25"  # type: ignore[union-attr]


def test_what_is_counted_can_be_chosen(panel: ScoreboardPanel, space: Workspace, settle: Any) -> None:
    space.cursor.go(1)
    settle(space)
    assert panel.title(panel.view).startswith("Scoreboard · 2 of 10 probes asked by turn 1")
    for scope, said in (("session", "10 probes of the whole session"), ("run", "20 probes of the whole run")):
        panel.scope.setCurrentIndex(panel.scope.findData(scope))
        panel.refresh()
        settle(space)
        assert said in panel.title(panel.view)


def test_names_stay_in_view_when_it_is_scrolled_sideways(panel: ScoreboardPanel, space: Workspace) -> None:
    panel.resize(640, 300)
    panel.grab()
    bar = panel.area.horizontalScrollBar()
    assert bar.maximum() > 0
    bar.setValue(bar.maximum())
    panel.grab()
    name = next(z for z in panel.matrix.zones if z.tip.startswith("a-mem\n"))
    shown = panel.matrix.mapTo(panel.area.viewport(), name.rect.topLeft())
    assert shown.x() == 0
    under = panel.matrix.zone_at(QPoint(name.rect.x() + 10, name.rect.center().y()))
    assert under is not None
    assert under.tip == name.tip


def test_the_table_holds_controls_groups_and_intervals(panel: ScoreboardPanel) -> None:
    table = panel.table(panel.view)
    rows = {(row[0], row[2]): row for row in table.rows}
    row = dict(zip(table.columns, rows["bm25", "LoCoMo, all: F1"], strict=True))
    assert (row["group"], row["score"], row["n"], row["interval"]) == ("LoCoMo", "locomo-f1", 10, "bca")
    assert ("no-memory (control: no memory)", "accuracy") in rows
    assert ("oracle (control: evidence alone)", "accuracy") in rows
    assert ("full", "accuracy") in rows
    assert not any(name.startswith("full (control") for name, _ in rows)
