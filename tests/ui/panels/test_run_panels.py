"""The panels that show the run: timeline, transcript, lanes, scoreboard, probes, log."""

from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QPaintEvent, QRegion
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QTableView

from tests.support.traces import write_trace
from ui.models.probes import FIXED, VERDICT, ProbesModel
from ui.models.table import Table, TableModel
from ui.models.transcript import TranscriptModel
from ui.panels import PANELS, make
from ui.panels.base import Panel
from ui.state.workspace import Workspace
from ui.theme import marks, theme
from ui.tour import blank
from workbench.trace.reader import TraceReader

MINE = ("scrubber", "transcript", "lanes", "scoreboard", "probes", "log")
Maker = Callable[..., Any]


@pytest.fixture
def shown(workspace: Workspace, qtbot: Any, settle: Callable[[Workspace], None]) -> Maker:
    """Makes a panel, shows it and waits for its view."""

    def make_panel(name: str, width: int = 700, height: int = 460) -> Panel:
        panel = make(name, workspace)
        qtbot.addWidget(panel)
        panel.resize(width, height)
        panel.show()
        settle(workspace)
        return panel

    return make_panel


def picture(panel: Panel) -> QImage:
    return panel.grab().toImage()


@pytest.mark.parametrize("look", ["dark", "light"])
@pytest.mark.parametrize("name", MINE)
def test_every_panel_draws_something_in_both_themes(shown: Maker, name: str, look: str) -> None:
    theme.use(look)
    panel = shown(name)
    assert panel.view is not None
    assert not blank(picture(panel))
    ground = picture(panel).pixelColor(2, picture(panel).height() // 2)
    assert abs(ground.lightness() - theme.active().color("surface").lightness()) < 12


@pytest.mark.parametrize("name", MINE)
def test_every_panel_has_a_table_and_a_title(shown: Maker, name: str) -> None:
    panel = shown(name)
    table = panel.table(panel.view)
    assert table.rows
    assert all(len(row) == len(table.columns) for row in table.rows)
    assert panel.title(panel.view)
    assert panel.title(None)
    assert table.csv().count("\n") >= len(table.rows) + 1


@pytest.mark.parametrize("name", MINE)
def test_every_panel_survives_theme_type_and_turns(shown: Maker, name: str, workspace: Workspace, settle: Any) -> None:
    panel = shown(name, 420, 300)
    for turn in (0, 59, 12):
        workspace.cursor.go(turn)
        workspace.selection.select(lane=1 + turn % 5, item="note-1")
        settle(workspace)
        theme.use("light" if turn else "dark", theme.TALK if turn == 12 else theme.NORMAL)
        assert not blank(picture(panel))
    assert panel._last_answer is not None
    assert panel._last_answer.error is None


@pytest.mark.parametrize("name", MINE)
def test_without_a_run_it_says_how_to_get_one(name: str, qtbot: Any) -> None:
    space = Workspace()
    panel = make(name, space)
    qtbot.addWidget(panel)
    panel.show()
    assert "No run is open" in panel._card._what.text()
    assert "File menu" in panel._card._how.text()
    space.close()


def test_all_panels_are_registered() -> None:
    assert set(MINE) < set(PANELS)


def test_models_are_models(shown: Maker, workspace: Workspace) -> None:
    strict = QAbstractItemModelTester.FailureReportingMode.Fatal
    transcript, probes, log = shown("transcript"), shown("probes"), shown("log")
    for model in (transcript.model, probes.model, log.model, TranscriptModel(), ProbesModel(), TableModel()):
        QAbstractItemModelTester(model, strict)
    table = TableModel(Table(("a",), [(1,), (None,), (True,), (0.5,)]))
    QAbstractItemModelTester(table, strict)
    assert [table.data(table.index(r, 0)) for r in range(4)] == ["1", "", "yes", "0.5"]
    table.show(Table(("a", "b"), []))
    assert table.headerData(1, Qt.Orientation.Horizontal) == "b"
    probes.model.show(probes.view, "conflict_resolution")
    assert probes.model.rowCount() == 3


def test_figures_and_their_header_stand_to_the_right() -> None:
    table = TableModel(
        Table(("name", "calls", "size", "ok"), [("x", None, "8.7 MiB", True), ("y", 12_209, "", False)], ("size",))
    )
    role, across = Qt.ItemDataRole.TextAlignmentRole, Qt.Orientation.Horizontal
    heads = [table.headerData(n, across, role) for n in range(4)]
    assert [bool(head) for head in heads] == [False, True, True, False]
    cells = [table.data(table.index(1, n), role) for n in range(4)]
    assert cells == heads and cells[1] & Qt.AlignmentFlag.AlignRight.value
    assert table.data(table.index(1, 1)) == "12,209"


def test_probes_sort_filter_and_follow_the_arrows(shown: Maker, workspace: Workspace, qtbot: Any) -> None:
    probes = shown("probes", 900, 400)
    everything = len(probes.model.lines)
    probes.disputed.setChecked(True)
    few = probes.model.lines
    assert 0 < len(few) < everything
    assert all({v.correct for v in line.verdicts if v} == {True, False} for line in few)
    probes.disputed.setChecked(False)
    lane = len(FIXED)
    probes.grid.horizontalHeader().setSortIndicator(lane, Qt.SortOrder.AscendingOrder)
    verdicts = [line.verdicts[0].correct for line in probes.model.lines if line.verdicts[0]]
    assert verdicts == sorted(verdicts) and len(set(verdicts)) == 2
    probes.grid.horizontalHeader().setSortIndicator(2, Qt.SortOrder.DescendingOrder)
    asked = [line.question.lower() for line in probes.model.lines]
    assert asked == sorted(asked, reverse=True)
    probes.grid.setCurrentIndex(probes.model.index(0, 0))
    for row in (1, 2):
        qtbot.keyClick(probes.grid, Qt.Key.Key_Down)
        line = probes.model.lines[row]
        assert (workspace.selection.now.probe, workspace.cursor.turn) == (line.probe, line.turn)


def test_a_narrow_row_of_tools_has_shorter_words_and_keeps_its_title(shown: Maker) -> None:
    probes = shown("probes", 900, 400)
    assert (probes.wrong.text(), probes.disputed.text()) == ("wrong only", "lanes disagree")
    probes.resize(400, 400)
    assert (probes.wrong.text(), probes.disputed.text()) == ("wrong", "differ")
    assert (probes.wrong.accessibleName(), probes.disputed.accessibleName()) == ("wrong only", "lanes disagree")
    assert probes.grid.columnWidth(0) >= probes.fontMetrics().horizontalAdvance("0000")


def test_only_probes_that_the_cursor_has_passed_are_painted_anew(
    shown: Maker, workspace: Workspace, settle: Any
) -> None:
    class Painted(QObject):
        region = QRegion()

        def eventFilter(self, watched: QObject, event: QEvent) -> bool:
            if isinstance(event, QPaintEvent):
                self.region += event.region()
            return False

    panel, seen = shown("probes", 900, 900), Painted()
    workspace.cursor.go(30)
    settle(workspace)
    panel.grid.viewport().installEventFilter(seen)
    for old, new in ((30, 50), (50, 20)):
        seen.region = QRegion()
        workspace.cursor.go(new)
        settle(workspace)
        rows = {row: panel.grid.visualRect(panel.model.index(row, 2)) for row in range(panel.model.rowCount())}
        painted = {row for row, rect in rows.items() if seen.region.intersects(rect)}
        low, high = sorted((old, new))
        assert painted == {row for row in rows if low < panel.model.lines[row].turn <= high} != set(rows)


def test_more_lanes_than_colours_look_different() -> None:
    def look(place: int) -> tuple[Any, ...]:
        outline = marks.shape(place, QPointF(), 8)
        corners = [(outline.elementAt(n).x, outline.elementAt(n).y) for n in range(outline.elementCount())]
        return theme.active().lane(place).name(), tuple(corners)

    assert len({look(place) for place in range(24)}) == 24


def test_a_click_on_the_timeline_moves_the_cursor(shown: Maker, workspace: Workspace, qtbot: Any) -> None:
    tracks = shown("scrubber", 1200, 180).tracks
    spot = QPoint(round(tracks._x(21)), round(tracks._y(0)))
    qtbot.mouseClick(tracks, Qt.MouseButton.LeftButton, pos=spot)
    assert workspace.cursor.turn == 21
    qtbot.mousePress(tracks, Qt.MouseButton.LeftButton, pos=spot)
    qtbot.mouseMove(tracks, QPoint(round(tracks._x(40)), spot.y()))
    qtbot.mouseRelease(tracks, Qt.MouseButton.LeftButton, pos=spot)
    assert workspace.cursor.turn == 40
    qtbot.keyClick(tracks, Qt.Key.Key_Left)
    assert workspace.cursor.turn == 39
    qtbot.keyClick(tracks, Qt.Key.Key_End)
    assert workspace.cursor.turn == 59


def test_a_click_on_a_badge_selects_its_probe_and_lane(shown: Maker, workspace: Workspace, qtbot: Any) -> None:
    tracks = shown("scrubber", 1200, 180).tracks
    probe = tracks._view.tracks[1].probes[3]
    qtbot.mouseClick(tracks, Qt.MouseButton.LeftButton, pos=QPointF(tracks._x(probe.turn), tracks._y(1)).toPoint())
    assert (workspace.cursor.turn, workspace.selection.now.probe) == (probe.turn, probe.probe)
    assert workspace.selection.now.lane == tracks._view.tracks[1].lane
    qtbot.mouseClick(tracks, Qt.MouseButton.LeftButton, pos=QPoint(8, round(tracks._y(2))))
    assert workspace.selection.now.lane == tracks._view.tracks[2].lane


def test_a_drag_that_begins_on_a_badge_keeps_the_lane(shown: Maker, workspace: Workspace, qtbot: Any) -> None:
    tracks = shown("scrubber", 1200, 180).tracks
    before, probe = workspace.selection.now.lane, tracks._view.tracks[1].probes[3]
    assert before != tracks._view.tracks[1].lane
    spot = QPointF(tracks._x(probe.turn), tracks._y(1)).toPoint()
    qtbot.mousePress(tracks, Qt.MouseButton.LeftButton, pos=spot)
    qtbot.mouseMove(tracks, QPoint(round(tracks._x(5)), spot.y()))
    qtbot.mouseRelease(tracks, Qt.MouseButton.LeftButton, pos=QPoint(round(tracks._x(5)), spot.y()))
    assert (workspace.cursor.turn, workspace.selection.now.lane, workspace.selection.now.probe) == (5, before, "")


def test_the_timeline_marks_where_the_evidence_is(shown: Maker, workspace: Workspace, settle: Any) -> None:
    tracks = shown("scrubber", 1200, 180).tracks
    probes = workspace.session.probes  # type: ignore[union-attr]
    asked = {p.after for p in probes}
    probe = next(p for p in probes if p.evidence and p.evidence[0] not in asked)
    workspace.follow(workspace.cursor.last, probe.id)
    settle(workspace)
    turn, top = probe.evidence[0], int(tracks._top())
    with_mark = tracks.grab().toImage()
    assert "holds the answer" in tracks._tip(QPoint(round(tracks._x(turn)), round(tracks._y(2))))
    workspace.selection.let_go(probe="", pinned=False)
    tracks._evidence = ()
    without = tracks.grab().toImage()
    x = round(tracks._x(turn))
    spots = [(x + dx, y) for dx in range(-3, 4) for y in range(top - 6, top + 1)]
    assert any(with_mark.pixel(*spot) != without.pixel(*spot) for spot in spots)


def test_moving_the_cursor_does_not_draw_the_marks_again(shown: Maker, workspace: Workspace, settle: Any) -> None:
    panel = shown("scrubber", 1200, 180)
    panel.grab()
    before = panel.tracks._picture
    for turn in (3, 50, 20):
        workspace.cursor.go(turn)
        settle(workspace)
        panel.grab()
    assert panel.tracks._picture is before
    now = panel.grab().toImage()
    at = panel.tracks.mapTo(panel, QPoint(round(panel.tracks._x(20)), panel.tracks.height() - 3))
    assert now.pixelColor(at).name() == theme.active().color("accent-fill").name()


def test_the_timeline_says_what_is_under_the_mouse(shown: Maker) -> None:
    tracks = shown("scrubber", 1200, 180).tracks
    probe = tracks._view.tracks[0].probes[0]
    assert probe.probe in tracks._tip(QPointF(tracks._x(probe.turn), tracks._y(0)).toPoint())
    written = next(iter(tracks._view.tracks[0].marks["written"]))
    assert "written" in tracks._tip(QPointF(tracks._x(written), tracks._y(0)).toPoint()) or written == probe.turn
    assert "probes right" in tracks._tip(QPoint(5, round(tracks._y(0))))


def test_the_transcript_follows_the_cursor_and_moves_it(
    shown: Maker, workspace: Workspace, qtbot: Any, settle: Any
) -> None:
    panel = shown("transcript", 300, 500)
    for turn in (59, 0, 30):
        workspace.cursor.go(turn)
        settle(workspace)
        rect = panel.list.visualRect(panel.model.index(panel.view.turn_rows[turn]))
        assert panel.list.viewport().rect().contains(rect)
    row = panel.view.turn_rows[31]
    rect = panel.list.visualRect(panel.model.index(row))
    qtbot.mouseClick(panel.list.viewport(), Qt.MouseButton.LeftButton, pos=rect.center())
    assert workspace.cursor.turn == 31


def test_the_transcript_marks_the_evidence_of_the_probe_in_question(
    shown: Maker, workspace: Workspace, settle: Any
) -> None:
    panel = shown("transcript", 300, 500)
    probe = workspace.session.probes[4]  # type: ignore[union-attr]
    workspace.cursor.go(probe.after)
    workspace.selection.select(probe=probe.id)
    settle(workspace)
    assert panel.delegate._evidence == frozenset(probe.evidence)
    assert panel.list.visualRect(panel.model.index(panel.view.probe_rows[probe.id])).isValid()


def test_long_turns_are_cut_and_keep_their_height(tmp_path: Path, qtbot: Any, settle: Any) -> None:
    from tests.ui.live import Growing
    from workbench.sessions.model import Session, Turn

    turns = tuple(Turn(i, "user", "word " * (3 if i else 2000)) for i in range(3))
    growing = Growing(tmp_path / "long.mnemo", Session("long", turns))
    growing.turns(3)
    growing.close()
    space = Workspace()
    space.open(growing.path, 2)
    panel = make("transcript", space)
    qtbot.addWidget(panel)
    panel.resize(300, 500)
    panel.show()
    settle(space)
    heights = [panel.list.visualRect(panel.model.index(i)).height() for i in range(3)]  # type: ignore[attr-defined]
    line = theme.active().metrics().lineSpacing()
    assert heights[1] < heights[0] <= 11 * line
    space.close()


def test_lanes_show_answers_and_pass_clicks_on(shown: Maker, workspace: Workspace, qtbot: Any, settle: Any) -> None:
    panel = shown("lanes", 1200, 560)
    panel.grab()
    columns = panel.columns
    view = panel.view
    assert [lane.name for lane in view.lanes] == ["full", "window", "bm25", "dense", "a-mem"]
    spans = [z for z in columns.zones if "memory" in z.tip and z.click]
    assert spans
    qtbot.mouseClick(columns, Qt.MouseButton.LeftButton, pos=spans[0].rect.center())
    settle(workspace)
    assert workspace.selection.now.item
    qtbot.mouseClick(columns, Qt.MouseButton.LeftButton, pos=QPoint(4, columns.height() - 4))
    assert workspace.selection.now.lane == view.lanes[0].lane


def test_lanes_show_whole_columns_and_bring_the_selected_one(shown: Maker, workspace: Workspace, settle: Any) -> None:
    panel = shown("lanes", 620, 500)
    workspace.selection.select(lane=1)
    settle(workspace)
    bar = panel.side.horizontalScrollBar()
    assert bar.maximum() > 0
    assert bar.value() == 0
    workspace.selection.select(lane=5)
    settle(workspace)
    assert bar.value() == bar.maximum()
    panel.show_only_selected(True)
    assert [lane.lane for lane in panel.columns._shown()] == [5]


def test_lanes_out_of_sight_are_read_when_they_are_wanted(
    shown: Maker, workspace: Workspace, settle: Any, tmp_path: Path
) -> None:
    panel = shown("lanes", 620, 500)
    workspace.selection.select(lane=1)
    workspace.cursor.go(workspace.cursor.last - 1)
    settle(workspace)

    def whole() -> set[int]:
        return {lane.lane for lane in panel.view.lanes if lane.answer and lane.answer.whole}

    assert 1 in whole() and 5 not in whole()
    assert whole() == panel.columns.in_sight()
    panel.side.horizontalScrollBar().setValue(panel.side.horizontalScrollBar().maximum())
    settle(workspace)
    assert 5 in whole()
    panel.export(tmp_path / "lanes.csv")
    rows = (tmp_path / "lanes.csv").read_text("utf-8").splitlines()
    spans = rows[0].split(",").index("spans")
    assert len(rows) == 6 and all(int(row.split(",")[spans]) > 0 for row in rows[1:])


def test_lanes_paint_what_they_kept_as_if_anew(shown: Maker, workspace: Workspace, settle: Any) -> None:
    panel = shown("lanes", 1200, 560)
    columns = panel.columns
    last = workspace.cursor.last
    for turn in (last, last - 1, 2 * last // 3, last):
        workspace.cursor.go(turn)
        settle(workspace)
        panel.grab()
        assert columns.kept
        kept, places = columns.grab().toImage(), [(z.rect, z.tip) for z in columns.zones]
        columns.kept.clear()
        assert columns.grab().toImage() == kept
        assert [(z.rect, z.tip) for z in columns.zones] == places


def test_lanes_before_the_first_probe_say_so(shown: Maker, workspace: Workspace, settle: Any) -> None:
    workspace.cursor.go(0)
    panel = shown("lanes")
    assert panel.view.probe == ""
    assert "No probe" in panel.question.accessibleName() or panel.question.accessibleName() == "Probe: "
    assert all(lane.answer is None for lane in panel.view.lanes)


def test_a_cell_of_the_scoreboard_leads_to_its_probes(
    shown: Maker, workspace: Workspace, qtbot: Any, settle: Any
) -> None:
    board, probes = shown("scoreboard", 1200, 200), shown("probes", 800, 400)
    board.grab()
    cell = next(z for z in board.matrix.zones if "bm25 · conflict resolution" in z.tip)
    with qtbot.waitSignal(workspace.wanted) as wanted:
        cell.click()  # type: ignore[misc]
    assert wanted.args == ["probes"]
    settle(workspace)
    assert probes.family.currentData() == "conflict_resolution"
    assert {line.competency for line in probes.model.lines} == {"conflict_resolution"}
    assert workspace.run.name(workspace.selection.now.lane) == "bm25"  # type: ignore[union-attr]


def test_probes_wrong_in_the_selected_lane(shown: Maker, workspace: Workspace, run_file: Path, settle: Any) -> None:
    panel = shown("probes", 900, 400)
    workspace.selection.select(lane=1)
    settle(workspace)
    panel.wrong.setChecked(True)
    with TraceReader(run_file) as reader:
        wrong = [e.subject for e in reader.events(1, 1, ("probe.scored",)) if not e.payload["correct"]]
    assert [line.probe for line in panel.model.lines] == wrong
    verdict = panel.model.data(panel.model.index(0, 4), VERDICT)
    assert verdict is not None
    assert not verdict.correct
    panel._chosen(panel.model.index(0, 4))
    assert workspace.selection.now.probe == wrong[0]
    assert workspace.cursor.turn == panel.model.lines[0].turn


@pytest.mark.parametrize(
    ("width", "narrow", "competency"), [(440, True, False), (700, True, True), (1300, False, True)]
)
def test_every_lane_of_the_probes_is_in_view(
    shown: Maker, workspace: Workspace, width: int, narrow: bool, competency: bool
) -> None:
    panel = shown("probes", width, 400)
    grid, model = panel.grid, panel.model
    last = model.columnCount() - 1
    assert (model.narrow, not grid.isColumnHidden(1)) == (narrow, competency)
    assert grid.columnViewportPosition(last) + grid.columnWidth(last) <= grid.viewport().width()
    name = model.headerData(last, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole)
    assert name == model.lanes[-1][1]
    assert model.headerData(last, Qt.Orientation.Horizontal) == (None if narrow else name)
    assert not model.headerData(last, Qt.Orientation.Horizontal, Qt.ItemDataRole.DecorationRole).isNull()


def test_a_tall_column_lists_what_was_in_the_context(shown: Maker, workspace: Workspace, settle: Any) -> None:
    panel = shown("lanes", 1200, 900)
    lane = panel.view.lanes[0]
    spans = [s for s in lane.answer.spans if s.kind not in ("instruction", "question")]
    assert len(spans) >= 3

    def listed() -> list[Any]:
        panel.grab()
        return [z for z in panel.columns.zones if escape(spans[0].text) in z.tip]

    tall = len(listed())
    panel.resize(1200, 420)
    settle(workspace)
    assert tall == 2 * len(listed())  # the bar alone


def test_the_log_shows_prompts_and_raw_output(shown: Maker, workspace: Workspace, settle: Any) -> None:
    panel = shown("log")
    assert "Message" in panel.text.toPlainText()
    assert '{"keywords": ["city"]}' in panel.text.toPlainText()
    panel.list.selectRow(1)
    assert "Answer." in panel.text.toPlainText()
    panel.what.setCurrentIndex(1)
    panel._arrange()
    lines = {panel.model.data(panel.model.index(r, 1)) for r in range(panel.model.rowCount())}
    assert {"engine.loaded", "run.finished"} <= lines


def test_a_broken_memory_is_seen_in_its_column(tmp_path: Path, qtbot: Any, settle: Any) -> None:
    from tests.ui.live import Growing
    from workbench.trace.events import Kind

    growing = Growing(tmp_path / "broken.mnemo")
    growing.turns(2)
    failed = {"message": "KeyError: 'x'", "traceback": "Traceback"}
    growing._writer.append([growing._event(2, Kind.LANE_FAILED, "", failed)])
    growing.close()
    space = Workspace()
    space.open(growing.path, 2)
    space.cursor.extend(2)
    space.cursor.go(2)
    panel = make("lanes", space)
    qtbot.addWidget(panel)
    panel.resize(400, 400)
    panel.show()
    settle(space)
    panel.grab()
    assert panel.view.lanes[0].failed == "KeyError: 'x'"
    assert any("KeyError" in z.tip for z in panel.columns.zones)  # type: ignore[attr-defined]
    space.close()


def test_eight_lanes_and_many_turns_fit(tmp_path: Path, qtbot: Any, settle: Any) -> None:
    names = tuple(f"window:turns={n}" for n in range(8))
    space = Workspace()
    space.open(write_trace(tmp_path / "wide.mnemo", turns=300, items=60, probes=60, lanes=names), 200)
    for name, size in (
        ("scrubber", (900, 220)),
        ("lanes", (700, 400)),
        ("scoreboard", (900, 160)),
        ("probes", (600, 300)),
    ):
        panel = make(name, space)
        qtbot.addWidget(panel)
        panel.resize(*size)
        panel.show()
        settle(space)
        assert not blank(picture(panel))
    space.close()


def test_the_twin_of_a_panel_is_a_table_view(shown: Maker) -> None:
    panel = shown("scoreboard")
    panel.toggle_table()
    twin = panel._stack.currentWidget()
    assert isinstance(twin, QTableView)
    assert twin.model().rowCount() == len(panel.table(panel.view).rows)
