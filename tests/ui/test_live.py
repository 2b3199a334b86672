"""Live runs: the window's engine client over the real run loop."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QPushButton

from tests.support.backends import ScriptedBackend
from tests.support.runs import config
from tests.ui.live import ThreadSupervisor
from ui.bridge import engine_client
from ui.bridge.engine_client import EngineClient
from ui.settings import Settings
from ui.tour import failures
from ui.window import MainWindow
from workbench import paths
from workbench.engine import run as engine
from workbench.engine.protocol import Failed, StateChanged
from workbench.llm.open import DEMO_MODEL
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader

LANES = ("full", "bm25")


@pytest.fixture
def threaded(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedBackend]:
    """Runs are made by a thread of this process, with a scripted backend."""
    scripted = ScriptedBackend()
    monkeypatch.setattr(engine, "_open", lambda config: scripted)
    monkeypatch.setattr(engine_client, "Supervisor", ThreadSupervisor)
    yield scripted
    for made in ThreadSupervisor.made:
        made.shutdown()
    ThreadSupervisor.made.clear()


def stepped(window: Any, qtbot: Any, setup: Any, turns: int) -> None:
    """Start a run and let it do so many turns."""
    window.start_run(setup, paused=True)
    qtbot.waitUntil(lambda: window.client.state == "paused", timeout=20_000)
    for turn in range(turns):
        window.registry.run("run.step")
        qtbot.waitUntil(lambda t=turn: window.workspace.cursor.last == t, timeout=20_000)


def test_a_live_run_streams_into_the_window(
    window: Any, threaded: ScriptedBackend, tmp_path: Path, qtbot: Any, settle: Any
) -> None:
    turns: list[int] = []
    window.workspace.cursor.moved.connect(lambda: turns.append(window.workspace.cursor.turn))
    stepped(window, qtbot, config(tmp_path, *LANES), 3)
    assert {0, 1, 2} <= set(turns)
    assert window.transport.live.isVisible()
    window.registry.run("run.pause")
    qtbot.waitUntil(lambda: window.client.state == "finished", timeout=30_000)
    settle(window.workspace)
    assert window.workspace.cursor.turn == 11
    assert turns == sorted(turns)
    assert not window.transport.live.isVisible()
    assert failures(window) == []
    lanes = window._parts["lanes"].view
    assert [lane.name for lane in lanes.lanes] == list(LANES)
    assert all(lane.answer is not None for lane in lanes.lanes)


def test_it_pauses_steps_and_goes_on(window: Any, threaded: ScriptedBackend, tmp_path: Path, qtbot: Any) -> None:
    stepped(window, qtbot, config(tmp_path, *LANES), 1)
    assert window.registry["run.step"].enabled()
    window.registry.run("run.pause")
    qtbot.waitUntil(lambda: window.client.state == "finished", timeout=20_000)
    assert not window.registry["run.pause"].enabled()


def test_it_is_cancelled_and_goes_on_from_there(
    window: Any, threaded: ScriptedBackend, tmp_path: Path, qtbot: Any, settle: Any
) -> None:
    stepped(window, qtbot, config(tmp_path, *LANES), 2)
    window.registry.run("run.cancel")
    qtbot.waitUntil(lambda: window.client.state == "cancelled", timeout=5_000)
    assert "cancelled" in window.notice.what.text()
    with TraceReader(window.workspace.run.path) as reader:
        kept = reader.last_seq()
        asked = {event.subject for event in reader.events(1, kinds=(Kind.SCORED,))}
    qtbot.waitUntil(lambda: not window.workspace.being_written)  # else lanes say that they are at work
    window.workspace.cursor.go(11)
    settle(window.workspace)
    board = window._parts["scoreboard"]
    assert f"· {len(asked)} of " in board.title(board.view), "what was due and not asked is not counted"
    window.notice.findChildren(QPushButton)[0].click()
    qtbot.waitUntil(lambda: window.client.state == "finished", timeout=20_000)
    with TraceReader(window.workspace.run.path) as reader:
        assert reader.last_seq() > kept
        assert reader.last_turn(1) == 11


def test_a_broken_off_run_goes_on_from_the_menu(
    window: Any, threaded: ScriptedBackend, tmp_path: Path, qtbot: Any
) -> None:
    setup = config(tmp_path, *LANES)
    stepped(window, qtbot, setup, 2)
    window.registry.run("run.cancel")
    qtbot.waitUntil(lambda: window.client.state == "cancelled", timeout=5_000)
    window.notice.hide()
    setup.sessions[0].unlink()  # the run file holds all that is needed
    window.open(setup.path)
    assert "broken off" in window.notice.what.text()
    assert window.registry["run.resume"].enabled()
    window.registry.run("run.resume")
    qtbot.waitUntil(lambda: window.client.state in ("finished", "failed"), timeout=20_000)
    assert window.client.state == "finished", window.notice.what.text()
    with TraceReader(setup.path) as reader:
        assert reader.last_turn(1) == 11
    assert not window.registry["run.resume"].enabled()
    window.open(setup.path)
    assert not window.notice.isVisible()


def test_a_crash_offers_to_go_on(window: Any, threaded: ScriptedBackend, tmp_path: Path, qtbot: Any) -> None:
    window.start_run(config(tmp_path, *LANES), paused=True)
    qtbot.waitUntil(lambda: window.client.state == "paused", timeout=10_000)
    crash = Failed("the engine process died (signal 6)", "GGML_ASSERT: out of memory", True, 6)
    window.client._reported.emit(crash)
    qtbot.waitUntil(window.notice.isVisible)
    window.client._take(StateChanged("paused"))
    assert window.client.state == "failed"
    assert "signal 6" in window.notice.what.text()
    assert "out of memory" in window.notice.details.toPlainText()
    titles = [b.text() for b in window.notice.findChildren(QPushButton)]
    assert titles[:2] == ["Go on", "Go on with half the context"]


def test_two_windows_on_one_file(
    window: Any, threaded: ScriptedBackend, tmp_path: Path, qtbot: Any, settle: Any
) -> None:
    setup = config(tmp_path, *LANES)
    stepped(window, qtbot, setup, 3)
    other = MainWindow(Settings(tmp_path / "other.ini"))
    try:
        other.open(setup.path)
        settle(other.workspace)
        assert other.workspace.cursor.last == 2 and failures(other) == []
        other.start_run(setup)
        qtbot.waitUntil(lambda: other.client.state == "failed", timeout=20_000)
        said = other.notice.what.text()
        assert str(setup.path) in said and "\n" not in said
        assert window.client.state == "paused"
        window.registry.run("run.pause")
        qtbot.waitUntil(lambda: window.client.state == "finished", timeout=20_000)
        other.open(setup.path)
        settle(other.workspace)
        assert other.workspace.cursor.last == 11 and failures(other) == []
    finally:
        other.close()
        other.deleteLater()


def test_the_cursor_stays_where_it_was_put(window: Any, threaded: ScriptedBackend, tmp_path: Path, qtbot: Any) -> None:
    stepped(window, qtbot, config(tmp_path, *LANES), 4)
    window.workspace.cursor.go(1)
    window.registry.run("run.pause")
    qtbot.waitUntil(lambda: window.client.state == "finished", timeout=20_000)
    assert window.workspace.cursor.turn == 1
    assert window.workspace.cursor.last == 11


def test_the_real_engine_process_reports_what_is_wrong(tmp_path: Path, qtbot: Any) -> None:
    client = EngineClient()
    setup = config(tmp_path, *LANES, model=str(tmp_path / "nowhere.gguf"), embedder="hash")
    with qtbot.waitSignal(client.failed, timeout=60_000) as failed:
        client.start(setup)
    assert "nowhere.gguf" in failed.args[0].message
    assert client.state == "failed"
    client.shutdown()


@pytest.mark.skipif(paths.find_model(DEMO_MODEL) is None, reason=f"no {DEMO_MODEL} in resources/models")
def test_the_real_engine_process_runs_the_demo_model(window: Any, tmp_path: Path, qtbot: Any, settle: Any) -> None:
    before = set(sys.modules)
    window.start_run(config(tmp_path, *LANES, embedder="hash"))
    qtbot.waitUntil(lambda: window.client.state in ("finished", "failed"), timeout=120_000)
    assert window.client.state == "finished", window.notice.what.text()
    settle(window.workspace)
    assert failures(window) == []
    assert "llama_cpp" not in set(sys.modules) - before
