"""A panel that the cursor has led to and fro shows what one shows that was made at that cursor, to the pixel."""

import random
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtGui import QImage, QPixmap, QRegion
from PySide6.QtWidgets import QWidget

from ui.models.items import ItemsModel
from ui.panels import make
from ui.panels.base import Panel
from ui.state.workspace import Workspace
from ui.theme import theme
from ui.widgets import item_table
from ui.widgets.arrays import figure
from ui.widgets.item_table import ItemTable
from workbench.memory.items import Item
from workbench.projections.items import ItemRow
from workbench.trace.events import Kind

Shown = Callable[..., Any]


@pytest.fixture
def shown(qtbot: Any, settle: Callable[[Workspace], None]) -> Shown:
    def make_panel(name: str, space: Workspace, width: int = 640) -> Panel:
        panel = make(name, space)
        qtbot.addWidget(panel)
        panel.resize(width, 400)
        panel.show()
        settle(space)
        return panel

    return make_panel


def seen(panel: Any) -> QImage:
    """What the panel itself paints, without a text cursor that blinks or a bar that fades."""
    painted = {
        "items": lambda: panel.view_table.viewport(),
        "lanes": lambda: panel.side.viewport(),  # columns out of sight have not been read whole
        "scoreboard": lambda: panel.matrix,
    }
    return painted[panel.name]().grab().toImage()


@pytest.mark.parametrize(("name", "width"), [("items", 640), ("lanes", 640), ("lanes", 1200), ("scoreboard", 640)])
def test_the_way_to_a_cursor_leaves_no_trace(
    name: str, width: int, workspace: Workspace, shown: Shown, settle: Any
) -> None:
    used = shown(name, workspace, width)
    for turn in (*random.Random(11).sample(range(8, 60), 4), 33, 34):
        workspace.cursor.go(turn)
        settle(workspace)
        if turn == 33:
            continue
        fresh = shown(name, workspace, width)
        if name == "items":  # how far it is scrolled depends on the way, and may
            fresh.view_table.verticalScrollBar().setValue(used.view_table.verticalScrollBar().value())
        assert seen(used) == seen(fresh), turn
        fresh.hide()


def test_a_low_scoreboard_paints_what_is_seen_and_scrolled_to(workspace: Workspace, shown: Shown, settle: Any) -> None:
    panel = shown("scoreboard", workspace)
    panel.setMinimumHeight(0)
    panel.resize(640, 150)
    settle(workspace)
    bar, view = panel.area.verticalScrollBar(), panel.area.viewport()
    assert bar.maximum() > 0
    for value in (0, bar.maximum() // 2, bar.maximum()):
        bar.setValue(value)
        whole = panel.matrix.grab().toImage()  # paints every row
        assert view.grab().toImage() == whole.copy(-panel.matrix.x(), value, view.width(), view.height())
        assert len([z for z in panel.matrix.zones if z.tip.endswith("Drag: move this lane")]) == 5


def rows(many: int) -> list[ItemRow]:
    fields = {"tags": ["home", "a place with a rather long name"], "context": "someone moved"}
    made = [ItemRow(Item(f"note-{n}", "note", f"I moved to city {n}. " * 9, (n,), fields)) for n in range(many)]
    made[1] = replace(made[1], marks=(str(Kind.WRITTEN), str(Kind.LINKED)), used=3)
    made[2] = replace(made[2], item=replace(made[2].item, status="deleted"), marks=(str(Kind.DELETED),))
    return made


@pytest.fixture
def table(qtbot: Any) -> ItemTable:
    found = ItemTable(ItemsModel())
    qtbot.addWidget(found)
    found.color = theme.active().lane(2)
    found.verticalHeader().setDefaultSectionSize(item_table.row_height())
    found.resize(620, 300)
    found._items.show(rows(40))
    found.show()
    return found


def picture(table: ItemTable, anew: bool = False) -> QImage:
    """As it looks on a panel's ground."""
    ground = QPixmap(table.viewport().size())
    ground.fill(theme.active().color("surface"))
    with figure() if anew else nullcontext():
        table.viewport().render(ground, QPoint(), QRegion(), QWidget.RenderFlag.DrawChildren)
    return ground.toImage()


def test_kept_rows_are_what_is_painted_anew(table: ItemTable) -> None:
    table.selectRow(3)
    table.followed = 4
    for _ in range(2):  # the second time from the kept pictures
        assert picture(table) == picture(table, anew=True)
    assert len(table._kept) >= 5
    table.followed = None
    changed = rows(40)
    changed[0] = replace(changed[0], item=replace(changed[0].item, text="I live in Turin."))
    table._items.show(changed)
    assert picture(table) == picture(table, anew=True)
    table.color = theme.active().lane(5)
    assert picture(table) == picture(table, anew=True)
    table.setColumnHidden(5, True)
    assert picture(table) == picture(table, anew=True)


def test_rows_that_came_have_their_places_at_once(table: ItemTable) -> None:
    table._items.show(rows(90))
    table.settle()
    table.scrollToBottom()
    assert table.rowAt(table.viewport().height() - 1) == 89


def test_pictures_of_rows_take_no_more_than_they_may(table: ItemTable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(item_table, "_MOST_BYTES", 8 * 4 * table.viewport().width() * item_table.row_height())
    for place in (0, 10, 20, 30):
        table.scrollTo(table._items.index(place, 0), ItemTable.ScrollHint.PositionAtTop)
        picture(table)
        assert 5 <= len(table._kept) <= 8
