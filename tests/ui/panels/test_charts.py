"""The Charts panel: every picture, by every score, of the session and the run; and the judges' words beside a probe."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.benchmark import benchmark_run
from tests.workbench.projections.test_charts import needle_run
from ui.panels import make
from ui.panels.charts import ChartsPanel
from ui.state.workspace import Workspace
from ui.theme import theme
from ui.tour import blank
from workbench.trace.events import Event, Kind
from workbench.trace.writer import TraceWriter

Opened = Callable[[Path], Any]


@pytest.fixture
def opened(qtbot: Any, settle: Callable[[Workspace], None]) -> Iterator[Opened]:
    spaces: list[Workspace] = []

    def open_(path: Path, name: str = "charts") -> Any:
        space = Workspace()
        spaces.append(space)
        space.open(path, 9)
        panel = make(name, space)
        qtbot.addWidget(panel)
        panel.resize(640, 420)
        panel.show()
        settle(space)
        return panel

    yield open_
    for space in spaces:
        space.close()


def choose(box: Any, data: str) -> None:
    box.setCurrentIndex(box.findData(data))
    box.activated.emit(box.currentIndex())


@pytest.mark.parametrize("look", ["dark", "light"])
def test_every_picture_is_drawn_in_both_themes(opened: Opened, tmp_path: Path, look: str) -> None:
    theme.use(look)
    panel: ChartsPanel = opened(benchmark_run(tmp_path / "run.mnemo", each=3))
    for kind in ("needles", "tokens"):
        choose(panel.kind, kind)
        assert panel.chart.picture is not None
        assert not blank(panel.grab().toImage())
        assert panel.chart.zones
        assert panel.table(panel.view).rows
    choose(panel.kind, "memory")
    assert panel.chart.picture is None
    assert "No lane holds anything" in panel.chart.accessibleDescription()
    assert not blank(panel.grab().toImage())


def test_the_score_and_what_is_counted_can_be_chosen(opened: Opened, tmp_path: Path, settle: Any) -> None:
    panel: ChartsPanel = opened(benchmark_run(tmp_path / "run.mnemo", each=3, sessions=2))
    assert [panel.score.itemData(n) for n in range(panel.score.count())] == ["locomo-f1", "accuracy"]
    assert panel.view.outlays[0].mean.n == 20
    choose(panel.score, "accuracy")
    settle(panel.workspace)
    assert (panel.view.score, panel.view.outlays[0].mean.n) == ("accuracy", 16)
    choose(panel.scope, "session")
    settle(panel.workspace)
    assert (panel.view.score, panel.view.outlays[0].mean.n) == ("accuracy", 8)


def test_a_mark_says_lane_place_and_share(opened: Opened, tmp_path: Path) -> None:
    asked = [(10, 0, {}, True), (10, 9, {}, False), (20, 0, {}, True)]
    panel: ChartsPanel = opened(needle_run(tmp_path / "n.mnemo", *asked))
    said = [zone.tip.split("\n") for zone in panel.chart.zones]
    assert ["bm25", "10 turns, evidence at 100 %", "0.0 % of 1 probe, 95 % 0 to 79 % (Wilson)"] in said
    assert ["bm25", "20 turns, evidence at 100 %", "no probe"] in said


def test_a_low_window_scrolls_and_does_not_flicker(opened: Opened, tmp_path: Path, qtbot: Any) -> None:
    panel: ChartsPanel = opened(benchmark_run(tmp_path / "run.mnemo", each=3))
    for size in ((320, 160), (900, 700), (320, 160)):
        panel.resize(*size)
        qtbot.wait(1)
        heights = set()
        for _ in range(4):
            qtbot.wait(1)
            heights.add(panel.chart.height())
        assert len(heights) == 1
        assert panel.chart.picture is not None
        assert panel.chart.height() >= round(panel.chart.picture.height)


def judged_run(path: Path) -> Path:
    benchmark_run(path)
    with TraceWriter(path) as writer:
        prompts = [[{"role": "user", "text": "Is <b>boat 0</b> right?"}]]
        verdict = {"name": "locomo-judge", "judge": "small", "value": 1.0, "verdict": "yes", "reason": "the same boat"}
        writer.append([Event(1, 1, 0, 1000, Kind.JUDGED, "q0",
                             payload=verdict | {"prompts": prompts, "replies": ['{"verdict": "yes"}']})])  # fmt: skip
    return path


def test_a_judges_prompt_verdict_and_reply_stand_beside_the_probe(opened: Any, tmp_path: Path, settle: Any) -> None:
    panel = opened(judged_run(tmp_path / "run.mnemo"), "probes")
    space = panel.workspace
    assert panel.verdicts.isHidden()
    space.selection.select(lane=1, probe="q0", pinned=True)
    settle(space)
    assert panel.verdicts.isVisible()
    said = panel.verdicts.toPlainText()
    assert said.startswith("locomo-judge by small on bm25, q0: yes (1)\nReason: the same boat")
    assert "[user] Is <b>boat 0</b> right?" in said
    assert 'Replied\n{"verdict": "yes"}' in said
    space.selection.select(lane=2, probe="q0", pinned=True)
    settle(space)
    assert panel.verdicts.isHidden()
