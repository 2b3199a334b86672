"""Items, diff, graph, hits, attention: what the memory of the selected lane is, did, found and looked at."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt, QUrl
from PySide6.QtTest import QAbstractItemModelTester

from tests.ui.memory_runs import colors, long_capture
from tests.workbench.projections.story import write_story
from ui.models import items as columns
from ui.panels import make
from ui.panels.attention import HINT
from ui.panels.base import Panel
from ui.state.workspace import Workspace
from ui.theme import theme
from workbench.engine.protocol import Knocked as Told
from workbench.trace.reader import TraceReader
from workbench.why.knockout import Bars, Knocked

MINE = ("items", "diff", "graph", "hits", "attention")
Maker = Callable[..., Any]


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Workspace]:
    """The run made by hand, at the turn of its first probe, its memory lane selected."""
    space = Workspace()
    space.open(write_story(tmp_path / "story.mnemo"), 4)
    space.selection.reset(lane=1)
    yield space
    space.close()


@pytest.fixture
def shown(qtbot: Any, settle: Callable[[Workspace], None]) -> Maker:
    def make_panel(name: str, space: Workspace, width: int = 520, height: int = 560) -> Panel:
        panel = make(name, space)
        qtbot.addWidget(panel)
        panel.resize(width, height)
        panel.show()
        settle(space)
        return panel

    return make_panel


@pytest.fixture
def move(settle: Callable[[Workspace], None]) -> Callable[..., None]:
    """Move the cursor, select, and wait for the panels."""

    def go(space: Workspace, turn: int | None = None, **selected: Any) -> None:
        if turn is not None:
            space.cursor.go(turn)
        if selected:
            space.selection.select(**selected)
        settle(space)

    return go


@pytest.mark.parametrize(("look", "size"), [("dark", theme.NORMAL), ("light", theme.TALK)])
@pytest.mark.parametrize("name", MINE)
def test_it_draws_something_in_every_look_and_size(
    shown: Maker, workspace: Workspace, name: str, look: str, size: int, move: Any
) -> None:
    theme.use(look, size)
    move(workspace, 34)
    for width, height in ((300, 240), (520, 560), (1100, 700)):
        panel = shown(name, workspace, width, height)
        assert panel.view is not None, panel.title(None)
        assert colors(panel) > 12
    theme.use("light" if look == "dark" else "dark", theme.NORMAL)
    assert colors(panel) > 12


@pytest.mark.parametrize("name", MINE)
def test_table_twin_titles_menu_and_export(
    shown: Maker, workspace: Workspace, name: str, tmp_path: Path, qtbot: Any
) -> None:
    panel = shown(name, workspace)
    table = panel.table(panel.view)
    assert table.rows and all(len(row) == len(table.columns) for row in table.rows)
    assert "a-mem" in panel.title(panel.view) and "turn" in panel.title(panel.view)
    assert panel.context_menu().actions()
    qtbot.keyClick(panel, Qt.Key.Key_T)
    assert panel._stack.currentWidget() is panel._twin
    panel.toggle_table()
    for suffix in ("png", "svg", "pdf", "csv"):
        panel.export(tmp_path / f"{name}.{suffix}")
        assert (tmp_path / f"{name}.{suffix}").stat().st_size > 200


@pytest.mark.parametrize("name", MINE)
def test_without_a_run_and_before_anything_it_says_what_to_do(
    name: str, qtbot: Any, story: Workspace, shown: Maker, move: Any
) -> None:
    alone = Workspace()
    panel = make(name, alone)
    qtbot.addWidget(panel)
    assert panel._card._how.text() and panel.title(None)
    alone.close()
    panel = shown(name, story)
    move(story, 0, lane=2)  # a lane that did nothing
    assert panel.view is None and panel._stack.currentWidget() is panel._card
    assert panel._card._what.text()


@pytest.mark.parametrize("name", MINE)
def test_it_survives_any_walk(shown: Maker, workspace: Workspace, name: str, move: Any) -> None:
    panel = shown(name, workspace)
    for turn, lane in ((0, 5), (59, 5), (20, 1), (59, 3), (3, 5), (-1, 4), (41, 5)):
        move(workspace, turn, lane=lane)
        panel.grab()
    assert panel.view is not None


class TestItems:
    def test_rows_follow_the_cursor_without_a_reset(
        self, shown: Maker, workspace: Workspace, move: Any, qtbot: Any
    ) -> None:
        panel = shown("items", workspace)
        tester = QAbstractItemModelTester(panel.items, QAbstractItemModelTester.FailureReportingMode.Fatal)
        with qtbot.assertNotEmitted(panel.items.modelReset):
            for turn in (40, 12, 59, 58, 2, 33):
                move(workspace, turn)
                with TraceReader(workspace.run.path) as reader:  # type: ignore[union-attr]
                    view = type(panel).project(reader, panel.moment, None)
                assert panel.items.rowCount() == len(view.items.rows) > 0
        del tester

    def test_a_click_selects_everywhere_and_opens_the_story(
        self, shown: Maker, story: Workspace, qtbot: Any, move: Any
    ) -> None:
        panel = shown("items", story)
        assert not panel.detail.isVisible()
        view = panel.view_table
        where = view.visualRect(panel.items.index(0, columns.TEXT)).center()
        qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=where)
        assert story.selection.now.item == "note-0"
        move(story)
        text = panel.detail.toPlainText()
        assert panel.detail.isVisible()
        for said in ("note-0", "superseded", "I moved to Lima.", "moved on", "evolution", "after the cursor"):
            assert said in text
        assert "Note this" not in text
        panel.detail.toggled.emit("2")  # its writing is the second event of the lane
        assert "Note this" in panel.detail.toPlainText() and '{"keywords": ["Lima"]}' in panel.detail.toPlainText()
        panel.detail.anchorClicked.emit(QUrl("turn:0"))
        assert story.cursor.turn == 0
        qtbot.keyClick(panel, Qt.Key.Key_Escape)
        assert story.selection.now.item == ""

    def test_a_selection_from_elsewhere_marks_the_row(self, shown: Maker, story: Workspace, move: Any) -> None:
        panel = shown("items", story)
        move(story, item="note-1")
        assert panel.view_table.currentIndex().row() == 1
        move(story, item="")
        assert not panel.view_table.currentIndex().isValid()

    def test_filter_changed_and_ended(self, shown: Maker, story: Workspace, qtbot: Any, move: Any) -> None:
        panel = shown("items", story)
        move(story, 3)
        qtbot.keyClick(panel, "/")
        qtbot.keyClicks(panel.search, "oslo")
        assert panel.items.rowCount() == 1
        whole = len(panel.view.items.rows)
        assert f"· 1 of {whole} items shown at turn 3" in panel._title.text()
        panel.search.clear()
        assert "shown" not in panel._title.text()
        panel._changed.setChecked(True)
        assert [panel.items.row(i).item.id for i in range(panel.items.rowCount())] == ["note-0", "note-2"]
        panel._alive.setChecked(True)
        assert [panel.items.row(i).item.id for i in range(panel.items.rowCount())] == ["note-2"]

    def test_what_a_turn_wrote_comes_into_view(self, shown: Maker, workspace: Workspace, move: Any, qtbot: Any) -> None:
        panel = shown("items", workspace, 520, 300)
        for turn in (20, 59, 31):
            move(workspace, turn)
            row = panel.items.first_written
            if row >= 0:
                rect = panel.view_table.visualRect(panel.items.index(row, 0))
                qtbot.waitUntil(lambda r=rect: panel.view_table.viewport().rect().intersects(r))

    def test_return_goes_to_the_source_turn(self, shown: Maker, story: Workspace, qtbot: Any, move: Any) -> None:
        panel = shown("items", story)
        move(story, item="note-2")
        panel.view_table.doubleClicked.emit(panel.items.index(2, 0))
        assert story.cursor.turn == 3

    def test_narrow_panels_leave_columns_out(self, shown: Maker, story: Workspace) -> None:
        assert not shown("items", story, 700).view_table.isColumnHidden(columns.USED)
        narrow = shown("items", story, 380).view_table
        assert narrow.isColumnHidden(columns.USED) and narrow.isColumnHidden(columns.CHANGED)


class TestDiff:
    def test_a_turn_word_by_word(self, shown: Maker, story: Workspace, move: Any) -> None:
        panel = shown("diff", story)
        assert panel.view is None and "Turn 4 changed nothing" in panel._card._what.text()
        assert "turn 3" in panel._card._how.text()
        move(story, 3)
        text = panel.text.toPlainText()
        assert panel.title(panel.view) == "a-mem · 4 changes at turn 3"
        for said in ("written", "updated", "superseded", "linked", "evolution", "lived in Lima until last week"):
            assert said in text

    def test_a_base_can_be_chosen_and_let_go(self, shown: Maker, story: Workspace, qtbot: Any, move: Any) -> None:
        panel = shown("diff", story)
        move(story, 1)
        qtbot.keyClick(panel, "b")
        move(story, 3)
        assert (panel.view.base, panel.view.turn) == (1, 3) and panel.title(panel.view).endswith("in turns 2 to 3")
        assert panel._pin.text() == "Since turn 1"
        panel.compare_with(-1)
        move(story)
        assert panel.view.base == -1 and len(panel.view.changes) > 4
        qtbot.keyClick(panel, "b")
        move(story)
        assert panel.view.base == 2

    def test_links_lead_to_items_and_turns(self, shown: Maker, story: Workspace, move: Any) -> None:
        panel = shown("diff", story)
        move(story, 3)
        panel.text.anchorClicked.emit(QUrl("item:note-2"))
        assert story.selection.now.item == "note-2"

    def test_many_changes_are_counted_not_drawn(self, shown: Maker, workspace: Workspace, move: Any) -> None:
        import ui.panels.diff as module

        panel = shown("diff", workspace)
        panel.compare_with(-1)
        move(workspace, 59)
        whole = len(panel.table(panel.view).rows)
        before, module._MOST = module._MOST, 5
        try:
            assert "more in the table" in module.diff_html(panel.view)
        finally:
            module._MOST = before
        assert whole >= len(panel.view.changes)


class TestGraph:
    def test_selection_and_opening(self, shown: Maker, story: Workspace, move: Any) -> None:
        panel = shown("graph", story)
        panel.canvas.clicked.emit("note-2")
        move(story)
        assert panel.canvas.selected == "note-2"
        panel.canvas.opened.emit("note-2")
        assert story.cursor.turn == 3

    def test_the_title_counts_and_the_legend_explains(self, shown: Maker, story: Workspace, move: Any) -> None:
        panel = shown("graph", story)
        assert panel.title(panel.view) == "a-mem · 3 items, 2 links at turn 4"
        assert (
            "hits of p0" in panel.legend.accessibleDescription()
            and "superseded" in panel.legend.accessibleDescription()
        )
        move(story, 3)
        assert "written this turn" in panel.legend.accessibleDescription()

    def test_arranging_by_turn(self, shown: Maker, story: Workspace, qtbot: Any) -> None:
        panel = shown("graph", story)
        qtbot.keyClick(panel, "l")
        xs = panel.canvas._screen[:, 0]
        assert xs[0] < xs[1] < xs[2]

    def test_laying_out_again_keeps_a_finished_run_as_it_is(self, shown: Maker, story: Workspace, move: Any) -> None:
        panel = shown("graph", story)
        before = panel.view.layout
        panel._again()
        move(story)
        assert panel.view.layout is not before and (panel.view.layout.xy == before.xy).all()

    def test_another_run_starts_afresh(self, shown: Maker, story: Workspace, run_file: Path, move: Any) -> None:
        panel = shown("graph", story)
        panel.canvas._zoom(2.0, panel.canvas.rect().center().toPointF())
        story.open(run_file, 30)
        move(story)
        assert panel.view.nodes > 3 and not panel.canvas._camera.own


class TestHits:
    def test_question_answer_evidence_and_context(self, shown: Maker, story: Workspace) -> None:
        panel = shown("hits", story)
        assert panel.question.text() == "Where does Mira live?"
        assert panel.verdict.text() == "Evidence (turn 3) ranked 3, below the cut"
        assert panel.dropped.text() == "no room for note-1"
        assert panel.hits.cut == 2
        assert panel.answer._said.text() == "Lima" and panel.answer._gold.text() == "gold Oslo"

    def test_clicks_select_and_follow(self, shown: Maker, story: Workspace, qtbot: Any) -> None:
        panel = shown("hits", story)
        where = panel.list.visualRect(panel.hits.index(3)).center()
        qtbot.mouseClick(panel.list.viewport(), Qt.MouseButton.LeftButton, pos=where)
        assert story.selection.now.item == "note-2"
        panel.list.doubleClicked.emit(panel.hits.index(3))
        assert story.cursor.turn == 3

    def test_the_context_bar_selects_what_a_span_holds(self, shown: Maker, story: Workspace, qtbot: Any) -> None:
        panel = shown("hits", story)
        panel.grab()
        zone = panel.bar.zones[1]
        assert "note-0" in zone.tip
        qtbot.mouseClick(panel.bar, Qt.MouseButton.LeftButton, pos=zone.rect.center())
        assert story.selection.now.item == "note-0"

    def test_a_lane_without_candidates_says_so(self, shown: Maker, tmp_path: Path, qtbot: Any) -> None:
        space = Workspace()
        space.open(long_capture(tmp_path / "long.mnemo", 64, bright=30), 0)
        panel = shown("hits", space)
        assert panel.nothing.isVisible() and not panel.list.isVisible()
        assert panel.verdict.text() == "Evidence (turn 0) is in the context without being scored"
        space.close()


class TestAttention:
    def test_choices_reach_the_picture(self, shown: Maker, story: Workspace, qtbot: Any, move: Any) -> None:
        panel = shown("attention", story)
        assert panel.layer_box.count() == panel.head_box.count() == 4
        panel._choose_head(1, 0)
        move(story)
        assert (panel.view.choice.layer, panel.view.choice.head) == (1, 0)
        assert panel.layer_box.currentText() == "layer 3" and panel.head_box.currentText() == "head 0"
        qtbot.keyClick(panel, "s")
        move(story)
        assert panel.view.hidden.any() and "hidden" in panel.sunk.text()
        qtbot.keyClick(panel, "[")
        move(story)
        assert panel.layer_box.currentText() == "layer 0"

    def test_the_chosen_span_is_masked_in_the_chosen_head(
        self, shown: Maker, story: Workspace, qtbot: Any, move: Any
    ) -> None:
        panel = shown("attention", story)
        asked: list[Any] = []
        story.asked.connect(asked.append)
        panel._choose_head(1, 0)
        move(story)
        band = panel.view.view.bands[panel._band]
        qtbot.keyClick(panel, "k")
        panel.masking.click()
        (question,) = asked
        assert question.spans == (str(band.place),) and band.place >= 0
        assert (question.layers, question.heads) == ((3,), (0,)), "layers by their numbers in the model"
        assert "masking in layer 3, head 0" in panel.readout.text()
        done = Knocked((band.place,), "Lima", False, 0.25, None)
        made = Bars("q", ("Oslo",), "Lima", False, (), None, done, (band.span.label,))
        story.knocked.emit(Told(question, made))
        said = f"without {band.span.label} in layer 3, head 0: the answer stays; "
        assert panel.readout.text() == f"{said}log-probability of the answer given -0.25"
        panel._choose_head(-1, -1)
        move(story)
        assert "without" not in panel.readout.text(), "that was another choice"
        panel.masking.click()
        assert asked[-1].layers is None and asked[-1].heads is None
        story.told.emit()  # it came to nothing: it may be asked again
        panel.masking.click()
        assert len(asked) == 3

    def test_what_is_no_memory_is_not_masked(self, shown: Maker, story: Workspace) -> None:
        panel = shown("attention", story)
        asked: list[Any] = []
        story.asked.connect(asked.append)
        panel._band = next(n for n, b in enumerate(panel.view.view.bands) if b.place < 0)
        panel.masking.click()
        assert not asked and "Choose a span" in panel.readout.text()

    def test_token_selection_is_shared(self, shown: Maker, story: Workspace, move: Any) -> None:
        panel = shown("attention", story)
        panel.map.row_chosen.emit(1)
        move(story)
        assert story.selection.now.token == 1 and panel.map.row == 1
        move(story, token=None)
        assert panel.map.row == -1

    def test_pointing_reads_out(self, shown: Maker, story: Workspace) -> None:
        panel = shown("attention", story)
        assert panel.readout.text() == "answer “Lima”, the evidence is not in the context"
        panel.map._point(0, 1)
        assert panel.readout.text() == "“Li” looks at “Mira” in note-0, position 1: 25 %"
        panel._text_pointed(3)
        assert panel.map.cross == (1, 3)
        panel._text_pointed(-1)
        assert panel.map.cross == (-1, -1)

    def test_bands_lead_to_their_source(self, shown: Maker, story: Workspace, move: Any) -> None:
        panel = shown("attention", story)
        panel.map.band_chosen.emit(1)
        assert story.selection.now.item == "note-0"
        move(story)
        assert panel.map.band == 1 and "note-0" in panel.about.text()
        panel.map.band_followed.emit(1)
        assert story.cursor.turn == 0

    def test_it_warns(self, shown: Maker, story: Workspace) -> None:
        from PySide6.QtWidgets import QLabel

        panel = shown("attention", story)
        assert HINT in [label.text() for label in panel.content.findChildren(QLabel)]

    def test_a_probe_without_capture_says_why(self, shown: Maker, story: Workspace, move: Any) -> None:
        panel = shown("attention", story)
        move(story, 5)
        assert panel.view is None and "p1" in panel._card._what.text() and panel._card._how.text()

    @pytest.mark.parametrize("bins", [False, True])
    def test_a_long_context(self, shown: Maker, tmp_path: Path, bins: bool, move: Any) -> None:
        space = Workspace()
        space.open(long_capture(tmp_path / "long.mnemo", bins=bins), 0)
        panel = shown("attention", space)
        assert panel.view.view.pooled is bins
        panel._choose_head(1, 5)
        move(space)
        assert panel.grid._shares.shape == (2, 8)
        panel._text_pointed(3001)
        assert panel.map.cross[1] == (750 if bins else 3001)
        assert colors(panel) > 20
        space.close()


def test_points_are_where_the_mouse_is(shown: Maker, story: Workspace, qtbot: Any) -> None:
    """A panel at a place other than the corner: widget coordinates, not window ones."""
    panel = shown("graph", story)
    node = panel.canvas._screen[1]
    with qtbot.waitSignal(panel.canvas.clicked) as signal:
        qtbot.mouseClick(panel.canvas, Qt.MouseButton.LeftButton, pos=QPoint(round(node[0]), round(node[1])))
    assert signal.args == ["note-1"]
