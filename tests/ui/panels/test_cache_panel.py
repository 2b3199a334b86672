"""The Cache panel: what it shows, where a click goes, and that it stays quick at long contexts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPointF, Qt

from tests.support.caches import long_cache, write_cache
from tests.support.captures import two_captures
from tests.ui.memory_runs import colors
from ui.panels import make
from ui.panels.base import Panel
from ui.panels.cache import BUDGETS, CELLS, HEADS, MEMORIES, PAGES, TOKENS
from ui.state.workspace import Workspace
from ui.theme import theme
from workbench.projections.cache_picture import Cell

Maker = Callable[..., Any]


@pytest.fixture
def space(tmp_path: Path) -> Iterator[Workspace]:
    made = Workspace()
    made.open(write_cache(tmp_path / "cache.mnemo"), 1)
    made.selection.reset(lane=2)
    yield made
    made.close()


@pytest.fixture
def shown(qtbot: Any, settle: Callable[[Workspace], None]) -> Maker:
    def make_panel(space: Workspace, width: int = 480, height: int = 560) -> Panel:
        panel = make("cache", space)
        qtbot.addWidget(panel)
        panel.resize(width, height)
        panel.show()
        settle(space)
        return panel

    return make_panel


@pytest.mark.parametrize(("look", "size"), [("dark", theme.NORMAL), ("light", theme.TALK)])
def test_every_page_draws_in_every_look_and_size(shown: Maker, space: Workspace, look: str, size: int) -> None:
    theme.use(look, size)
    for width, height in ((300, 260), (480, 560), (1100, 700)):
        panel = shown(space, width, height)
        assert panel.view is not None
        for page in PAGES:
            panel.turn_to(page)
            assert colors(panel) > 12, page


def test_the_badge_and_the_figures_stand_on_top(shown: Maker, space: Workspace) -> None:
    panel = shown(space)
    assert panel.badge.text() == "B" and "40 %" in panel.facts.text() and "KL 0.38 nats" in panel.distance.text()
    assert "evidence kept 0 %" in panel.outcome.text() and "✗" in panel.outcome.text()
    assert panel.title(panel.view) == "full+snapkv:keep=0.4 · cache while answering p0 at turn 1"


def test_a_conversation_says_which_question_it_is(shown: Maker, space: Workspace) -> None:
    panel = shown(space)
    assert panel.distance.text().endswith("compressed after the question was read")
    later = replace(panel.view, view=replace(panel.view.view, requests="multi-turn", request=3))
    panel.show_view(later)
    assert panel.distance.text().endswith("compressed after the first question was read · multi-turn, question 3")
    panel.show_view(replace(later, view=replace(later.view, requests="multi-request", request=1)))
    assert panel.distance.text().endswith("the question was read · multi-request")


def test_a_memory_says_when_it_was_lost_and_a_click_goes_there(
    shown: Maker, space: Workspace, settle: Any, qtbot: Any
) -> None:
    panel = shown(space)
    rows = {row.span.label: row for row in panel.list._rows}
    assert rows["t1"].says == "0 of 4 tok kept, all gone with the prompt"
    assert rows["t0"].says == "0 of 3 tok kept, first lost with the prompt, all gone at the prompt's end"
    assert rows["question"].says.startswith("kept")
    centre = panel.list.rect_of(0).center()
    qtbot.mouseClick(panel.list, Qt.MouseButton.LeftButton, pos=centre)
    assert panel.map.band == 0
    qtbot.mouseDClick(panel.list, Qt.MouseButton.LeftButton, pos=centre)
    settle(space)
    assert space.cursor.turn == 0 and space.selection.now.probe == "p0"  # the turn, with the probe still in question
    space.jump(1)
    panel._follow(1)
    assert space.selection.now.item == "note-1"


def test_the_answer_token_moves_the_step_and_the_step_the_token(
    shown: Maker, space: Workspace, settle: Any, qtbot: Any
) -> None:
    panel = shown(space)
    assert panel._step == 1 and "compression 2 of 2" in panel.readout.text()
    space.selection.select(token=0)
    settle(space)
    assert panel._step == 0 and panel.list._rows[1].kept == pytest.approx(1 / 3)
    qtbot.keyClick(panel.map, Qt.Key.Key_Down)
    settle(space)
    assert panel._step == 1


def test_cells_by_position_and_by_cell(shown: Maker, space: Workspace) -> None:
    panel = shown(space)
    panel.turn_to(CELLS)
    assert len(panel.grid._states) == 12
    panel.by_cell.setChecked(True)
    panel._fill_page()
    states = panel.grid._states
    assert len(states) == 16 and (states == Cell.FREE).sum() == 5 and (states == Cell.GONE).sum() == 6
    spot = panel.grid.rect_of(2).center()
    assert panel.grid.entry_at(QPointF(spot)) == 2 and "“k”" in panel.grid._says(2)
    panel._choose_cell(2)
    assert panel._token == 10 and panel.grid.selected == 2


def test_tokens_that_went_are_struck_through(shown: Maker, space: Workspace) -> None:
    panel = shown(space)
    panel.turn_to(TOKENS)
    assert panel.text._gone.tolist() == [False, False, *[True] * 7, False, False, False]
    assert panel.text._underlined == ((5, 9),)


def test_two_lanes_as_a_difference(shown: Maker, space: Workspace, settle: Any) -> None:
    space.selection.select(lane=1)
    panel = shown(space)
    assert [panel.against.itemData(n) for n in range(panel.against.count())] == [0, 2]
    panel.against.setCurrentIndex(1)
    panel._choose_other()
    settle(space)
    assert panel.map._signed and panel.map._values[0, 5] == pytest.approx(1.0)
    panel.turn_to(HEADS)
    assert panel.heads._signed and panel.heads._shares.shape == (2, 2)
    assert abs(panel.heads._shares).max() == pytest.approx(1.0), "as strong as there is room for"
    assert panel.about.text().endswith(f"up to {100 * panel.heads.scale:.0f} points apart")
    panel.turn_to(BUDGETS)
    assert [name for name, _ in panel.curve._series] == ["snapkv, per head", "snapkv, uniform"]
    assert colors(panel.curve) > 12


def test_table_menu_and_export(shown: Maker, space: Workspace, tmp_path: Path) -> None:
    panel = shown(space)
    table = panel.table(panel.view)
    assert all(len(row) == len(table.columns) for row in table.rows)
    assert [row[0] for row in table.rows] == ["span"] * 3 + ["budget"] * 2
    assert {"B"} == {row[2] for row in table.rows}
    assert [a.text().replace("&", "") for a in panel.context_menu().actions()][:5] == list(PAGES)
    for suffix in ("png", "svg", "pdf", "csv"):
        panel.export(tmp_path / f"cache.{suffix}")
        assert (tmp_path / f"cache.{suffix}").stat().st_size > 200


def test_a_lane_that_keeps_every_cell_says_how_to_have_a_policy(shown: Maker, space: Workspace, settle: Any) -> None:
    panel = shown(space)
    space.selection.select(lane=3)
    settle(space)
    assert panel.view is None and "--lane full+snapkv:keep=0.25" in panel._card._how.text()


def test_a_long_context_is_drawn_in_squares_that_share(shown: Maker, qtbot: Any, tmp_path: Path) -> None:
    space = Workspace()
    space.open(long_cache(tmp_path / "long.mnemo", 32_768, plans=8), 39)
    space.selection.reset(lane=1)
    panel = shown(space)
    for page in PAGES:
        panel.turn_to(page)
        assert colors(panel) > 12
    panel.turn_to(CELLS)
    side, wide, each = panel.grid._shape()
    assert side == 3 and each > 1 and wide > 100
    assert panel.grid.entry_at(QPointF(panel.grid.rect_of(each * 5).center())) == each * 5
    panel.turn_to(HEADS)
    assert panel.heads._shares.shape == (30, 3)
    panel.turn_to(MEMORIES)
    assert len(panel.list._rows) == 40 and panel.list._rows[0].span.evidence
    space.close()


def test_the_attention_of_two_lanes_side_by_side(qtbot: Any, settle: Any, tmp_path: Path) -> None:
    space = Workspace()
    space.open(two_captures(tmp_path / "two.mnemo"), 1)
    space.selection.reset(lane=1)
    panel = make("attention", space)
    qtbot.addWidget(panel)
    panel.resize(520, 600)
    panel.show()
    settle(space)
    assert [panel.against.itemText(n) for n in range(panel.against.count())] == [
        "against no other lane",
        "near",
        "far",
        "deep",
    ]
    for place, said in ((1, "+17.5 points of attention on the evidence"), (2, "not in both"), (3, "other layers")):
        panel.against.setCurrentIndex(place)
        panel._choose()
        settle(space)
        assert said in panel.readout.text()
        assert panel.grid._signed == (place != 3) and colors(panel) > 12
    panel.pool.setChecked(False)
    settle(space)
    assert panel.view.choice.pool == "mean"
    space.close()
