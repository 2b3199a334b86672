import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPersistentModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester

from tests.support.traces import write_trace
from ui.models.items import CHANGED, ITEM, MARK, ROW, TEXT, TURNS, ItemsModel, turns_text
from workbench.memory.items import SUPERSEDED, Item
from workbench.projections.items import ItemRow, items_view
from workbench.trace.reader import TraceReader


@pytest.fixture
def model(qapp: Any) -> ItemsModel:
    made = ItemsModel()
    made.tester = QAbstractItemModelTester(made, QAbstractItemModelTester.FailureReportingMode.Fatal)  # type: ignore[attr-defined]
    return made


def rows(count: int, **changes: Any) -> list[ItemRow]:
    return [
        ItemRow(Item(f"note-{i}", "note", f"text {i}", (i,), {"tags": [f"tag{i % 3}"]}, changed=i, **changes))
        for i in range(count)
    ]


def ids(model: ItemsModel) -> list[str]:
    return [model.row(at).item.id for at in range(model.rowCount())]


def test_the_next_cursor_comes_by_difference(model: ItemsModel, qtbot: Any) -> None:
    model.show(rows(5))
    events: list[str] = []
    model.modelReset.connect(lambda: events.append("reset"))
    model.layoutChanged.connect(lambda: events.append("moved"))
    model.rowsInserted.connect(lambda _, first, last: events.append(f"+{first}-{last}"))
    model.rowsRemoved.connect(lambda _, first, last: events.append(f"-{first}-{last}"))
    model.dataChanged.connect(lambda a, b: events.append(f"~{a.row()}-{b.row()}"))
    later = rows(7)
    later[2] = replace(later[2], marks=("item.updated",))
    later[3] = replace(later[3], marks=("item.superseded",))
    model.show(later)
    assert events == ["~2-3", "+5-6"]
    events.clear()
    model.show(rows(7))
    assert events == ["~2-3"]
    events.clear()
    model.show(rows(3))
    assert events == ["-3-6"]
    model.show(rows(3))
    assert events == ["-3-6"]


def test_a_row_that_is_held_stays_with_its_item(model: ItemsModel) -> None:
    model.show(rows(6))
    held = QPersistentModelIndex(model.index(4, ITEM))
    model.sort(CHANGED, Qt.SortOrder.DescendingOrder)
    assert ids(model)[0] == "note-5" and held.row() == 1
    model.show(rows(9))
    assert held.data() == "note-4" and held.row() == 4
    model.filter("tag2", False, True)
    assert not held.isValid()


def test_filter_and_sort(model: ItemsModel) -> None:
    some = rows(6)
    some[1] = ItemRow(replace(some[1].item, status=SUPERSEDED), ("item.superseded",))
    some[4] = ItemRow(replace(some[4].item, text="the harbour"), ("item.written",))
    model.show(some)
    model.filter("TAG1", False, True)
    assert ids(model) == ["note-1", "note-4"]
    model.filter("tag1 harbour", False, True)
    assert ids(model) == ["note-4"]
    model.filter("", True, True)
    assert ids(model) == ["note-1", "note-4"]
    model.filter("", True, False)
    assert ids(model) == ["note-4"]
    model.filter("", False, True)
    model.sort(MARK)
    assert ids(model)[:2] == ["note-1", "note-4"]
    model.sort(TEXT, Qt.SortOrder.DescendingOrder)
    assert ids(model)[0] == "note-4"
    assert model.first_written == 0 and model.place("note-4") == 0 and model.place("note-9") == -1


@pytest.mark.parametrize("seed", range(4))
def test_any_way_through_a_run_shows_what_a_fresh_model_would(model: ItemsModel, tmp_path: Path, seed: int) -> None:
    """Scrubbing, filtering and sorting in any order end in the same rows; Qt's own tester watches every step."""
    rng = random.Random(seed)
    path = write_trace(tmp_path / "run.mnemo", turns=60, items=50, probes=2, lanes=("a-mem",), seed=seed)
    with TraceReader(path) as reader:
        for _ in range(40):
            view = items_view(reader, 1, 1, rng.randrange(-1, 60))
            choice = (rng.choice(["", "city", "note-1", "oslo home"]), rng.random() < 0.3, rng.random() < 0.7)
            order = rng.choice(
                [
                    (ITEM, Qt.SortOrder.AscendingOrder),
                    (CHANGED, Qt.SortOrder.DescendingOrder),
                    (TEXT, Qt.SortOrder.AscendingOrder),
                ]
            )
            steps = ("show", view.rows), ("filter", *choice), ("sort", *order)
            for name, *values in rng.sample(steps, 3):
                getattr(model, name)(*values)
            fresh = ItemsModel()
            fresh.filter(*choice)
            fresh.sort(*order)
            fresh.show(view.rows)
            assert [model.row(i) for i in range(model.rowCount())] == [fresh.row(i) for i in range(fresh.rowCount())]


def test_what_a_cell_says(model: ItemsModel) -> None:
    item = Item(
        "note-0",
        "note",
        "text",
        (3, 4, 5),
        {"keywords": ["a", "b"]},
        accessed=2,
        changed=7,
        created=3,
        successor="note-1",
    )
    model.show([ItemRow(item, ("item.written", "item.linked"), used=2)])
    said = [model.index(0, column).data() for column in range(model.columnCount())]
    assert said == ["written, linked", "note-0", "text", "3 to 5", "7", "2"]
    assert model.index(0, ITEM).data(Qt.ItemDataRole.ToolTipRole) == "note note-0, active → note-1, written at turn 3"
    assert "keywords: a, b" in model.index(0, TEXT).data(Qt.ItemDataRole.ToolTipRole)
    assert "note-0" in model.index(0, TURNS).data(Qt.ItemDataRole.AccessibleTextRole)
    assert model.index(0, 0).data(ROW).item is item
    assert model.headerData(0, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole)


@pytest.mark.parametrize(
    ("turns", "said"),
    [((), ""), ((4,), "4"), ((4, 9), "4, 9"), ((1, 2, 3), "1 to 3"), ((1, 5, 7, 9, 11), "1, 5, 7, 9…")],
)
def test_turns_in_short(turns: tuple[int, ...], said: str) -> None:
    assert turns_text(turns) == said
