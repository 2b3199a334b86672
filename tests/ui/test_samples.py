"""The samples that the window offers."""

from typing import Any

from tests.support.traces import write_trace
from ui import samples as module
from ui.samples import TITLES, samples
from workbench import paths


def test_runs_come_first_and_every_sample_is_there() -> None:
    found = samples()
    recorded = [one.recorded for one in found]
    assert recorded == sorted(recorded, reverse=True) and any(recorded)
    stems = {path.stem for path in paths.sample_sessions().glob("*.json")}
    assert {one.path.stem for one in found} == stems
    assert stems == set(TITLES), "every sample has a title"


def test_the_menu_opens_them(window: Any, tmp_path: Any, monkeypatch: Any) -> None:
    run = write_trace(tmp_path / "mine.mnemo")
    monkeypatch.setattr("ui.window.samples", lambda: [module.Sample("Mine", run)])
    window._fill_samples()
    (action,) = window._samples.actions()
    assert action.text() == "Mine"
    action.trigger()
    assert window.workspace.run is not None and window.workspace.run.path == run
