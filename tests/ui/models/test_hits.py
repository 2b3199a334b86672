from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester

from tests.workbench.projections.story import write_story
from ui.models.hits import ROW, HitsModel, score_text
from workbench.projections.hits import HitsView, hits_view
from workbench.trace.reader import TraceReader


@pytest.fixture
def views(tmp_path: Path) -> tuple[HitsView, HitsView]:
    with TraceReader(write_story(tmp_path / "story.mnemo")) as reader:
        first, second = hits_view(reader, 1, 1, 4), hits_view(reader, 1, 1, 5)
    assert first is not None and second is not None
    return first, second


def test_the_cut_is_a_row_of_its_own(qapp: Any, views: tuple[HitsView, HitsView]) -> None:
    model = HitsModel()
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    model.show(views[0])
    assert [row.item if (row := model.row(i)) else None for i in range(model.rowCount())] == [
        "note-0",
        "note-1",
        None,
        "note-2",
    ]
    assert model.cut == 2 and model.index(2).data() == "2 returned (k = 2), 1 left out"
    assert not model.flags(model.index(2)) & Qt.ItemFlag.ItemIsSelectable
    assert model.place("note-2") == 3 and model.place("note-9") == -1
    spoken = model.index(3).data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken.startswith("rank 3, note-2, score 0.600") and "evidence of turn 3" in spoken
    assert "no room" in model.index(1).data(Qt.ItemDataRole.ToolTipRole)
    assert model.index(2).data(ROW) is None
    model.show(views[1])
    assert model.rowCount() == 1 and model.cut == -1
    del tester


def test_the_same_probe_again_changes_nothing(qapp: Any, qtbot: Any, views: tuple[HitsView, HitsView]) -> None:
    model = HitsModel()
    model.show(views[0])
    with qtbot.assertNotEmitted(model.modelReset):
        model.show(views[0])


@pytest.mark.parametrize(
    ("score", "said"),
    [(0.8734, "0.873"), (0.0, "0.000"), (12.345, "12.3"), (1234.5, "1.23e+03"), (1.2e-5, "1.2e-05"), (-3.5, "-3.500")],
)
def test_scores_have_the_digits_they_need(score: float, said: str) -> None:
    assert score_text(score) == said
