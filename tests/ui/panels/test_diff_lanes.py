"""Two lanes held against each other in the diff panel: neither has deleted what only the other holds."""

from pathlib import Path
from typing import Any

from tests.workbench.projections.story import write_story
from ui.panels import make
from ui.state.workspace import Workspace


def test_two_lanes_are_told_apart_by_name(tmp_path: Path, qtbot: Any, settle: Any) -> None:
    space = Workspace()
    space.open(write_story(tmp_path / "story.mnemo"), 4)
    space.selection.reset(lane=2)
    panel = make("diff", space)
    qtbot.addWidget(panel)
    panel.show()
    settle(space)
    panel.compare_with_lane(1)
    settle(space)
    assert panel.title(panel.view) == f"full · {len(panel.view.changes)} differences"
    told = panel.text.toHtml()
    assert "only in a-mem" in panel.text.toPlainText() and "line-through" not in told
    assert panel._pin.isHidden(), "a base turn has no part in this"
    assert {row[0] for row in panel.table(panel.view).rows} == {"only in a-mem"}
    panel.compare_with_lane(0)
    settle(space)
    assert not panel._pin.isHidden()
    space.selection.select(lane=1)
    panel.compare_with_lane(2)
    settle(space)
    assert "only in a-mem" in panel.text.toPlainText()
    space.close()
