"""The engine panel: a picture and a table of what was measured, an explanation where nothing was."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.traces import write_trace
from ui.panels import make
from ui.panels.base import Empty
from ui.panels.engine import EnginePanel
from ui.state.moment import Moment
from ui.state.workspace import Workspace
from ui.theme import theme
from ui.tour import blank
from workbench.llm.load import Buffer, Load
from workbench.trace.events import Event, Kind
from workbench.trace.reader import TraceReader
from workbench.trace.writer import TraceWriter

MB = 1 << 20


def write_measured(path: Path, server: bool = False) -> Path:
    write_trace(path, turns=12, items=12, probes=3)
    buffers = (Buffer("CPU_Mapped", "weights", "model", 90 * MB), Buffer("CPU", "cache", "work", 700 * MB))
    whole = Load(2, buffers, 92 * MB, 60 * MB, 400 * MB, 30, 0, 23_040, 8, 4096, held=900, active=2, waiting=1)
    with TraceWriter(path) as writer:
        for place in range(6):
            load = Load(process=MB, sequences=4, context=2048, active=2, repeated=3) if server else whole
            steps = {"after": 2.0 * place, "tokens": 200 * place, "seconds": 1.0 * place}
            payload = load.to_json() | (steps if not server else {"after": 2.0 * place})
            writer.append([Event(0, 0, -1, 100 + place, Kind.ENGINE_MEASURED, payload=payload)])
    return path


@pytest.fixture(params=[False, True], ids=["local", "server"])
def workspace(request: Any, tmp_path: Path) -> Any:
    space = Workspace()
    space.open(write_measured(tmp_path / "run.mnemo", request.param), 11)
    yield space
    space.close()


@pytest.mark.parametrize("look", ["dark", "light"])
def test_it_is_drawn_and_has_a_table(
    workspace: Workspace, qtbot: Any, settle: Callable[[Workspace], None], look: str
) -> None:
    theme.use(look)
    panel = make("engine", workspace)
    qtbot.addWidget(panel)
    panel.resize(420, 520)
    panel.show()
    settle(workspace)
    assert panel.view is not None and not blank(panel.grab().toImage())
    assert "at turn 11" in panel.title(panel.view)
    table = panel.table(panel.view)
    assert all(len(row) == len(table.columns) for row in table.rows)
    whats = {row[0] for row in table.rows}
    assert {"speed", "queue"} <= whats
    if panel.view.pieces:
        zones = [zone.tip for zone in panel.canvas.zones]  # type: ignore[attr-defined]
        assert any("700 MiB" in tip for tip in zones)
        assert any("No GPU" in tip for tip in zones)
        assert any("60 MiB of the mapped file" in tip for tip in zones)


def test_a_run_of_before_says_that_it_holds_none(run_file: Path) -> None:
    with TraceReader(run_file) as reader:
        found = EnginePanel.project(reader, Moment(session=1, turn=3), None)
    assert isinstance(found, Empty)
