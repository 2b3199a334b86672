"""The samples that the window offers."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.traces import write_trace
from ui import samples as module
from ui.samples import TITLES, folder_for, samples
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


def test_one_click_changes_between_the_samples(
    window: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settle: Any
) -> None:
    for name in ("natural", "toy"):
        write_trace(tmp_path / f"{name}.mnemo")
    elsewhere = write_trace(tmp_path / "own" / "mine.mnemo")
    monkeypatch.setattr(paths, "sample_sessions", lambda: tmp_path)
    window.open(elsewhere)
    settle(window.workspace)
    assert not window.transport.samples.isVisible(), "one's own run has no other sample"
    window.open(tmp_path / "toy.mnemo")
    settle(window.workspace)
    for opened in ("natural", "toy"):
        assert window.transport.samples.isVisible()
        window.transport.samples.click()
        settle(window.workspace)
        assert window.workspace.run.path.stem == opened


def test_what_is_made_of_a_sample_is_not_saved_where_the_program_lies(tmp_path: Path) -> None:
    assert folder_for(tmp_path / "mine.mnemo") == tmp_path
    offered = folder_for(paths.sample_sessions() / "mixed-long.mnemo")
    assert offered.is_dir() and offered != paths.sample_sessions()
