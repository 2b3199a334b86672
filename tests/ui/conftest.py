"""Fixtures for everything with a window: invented runs, a workspace and a window that end when the test does."""

import gc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QRect
from PySide6.QtWidgets import QApplication

from tests.support.traces import write_trace
from ui.state.workspace import Workspace
from ui.theme import theme


@pytest.fixture(scope="session")
def run_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of 60 turns, five lanes and 12 probes."""
    return write_trace(tmp_path_factory.mktemp("runs") / "run.mnemo")


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qapp: object) -> Iterator[None]:
    """Nobody's settings are touched, and every test begins in the dark theme at the ordinary size."""
    monkeypatch.setenv("MNEMOSCOPE_HOME", str(tmp_path / "home"))
    theme.use("dark", theme.NORMAL)
    yield
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()


@pytest.fixture
def workspace(run_file: Path) -> Iterator[Workspace]:
    """A workspace with the run open at turn 34."""
    space = Workspace()
    space.open(run_file, 34)
    yield space
    space.close()


@pytest.fixture
def settle(qtbot: object) -> Callable[[Workspace], None]:
    """Wait until every panel has its answer and no widget moves any more: answers change what a layout must give."""

    def at_rest(space: Workspace) -> bool:
        before = _places()
        QCoreApplication.processEvents()
        return not space.busy and _places() == before

    def wait(space: Workspace) -> None:
        qtbot.wait(1)  # type: ignore[attr-defined]
        qtbot.waitUntil(lambda: at_rest(space), timeout=30_000)  # type: ignore[attr-defined]

    return wait


def _places() -> list[QRect]:
    """Where every widget that is shown stands."""
    return [w.geometry() for w in QApplication.allWidgets() if w.isVisible()]


@pytest.fixture
def window(qtbot: object, tmp_path: Path) -> Iterator[object]:
    """The main window, shown, with settings of its own; nothing is open."""
    from ui.settings import Settings
    from ui.window import MainWindow

    made = MainWindow(Settings(tmp_path / "window.ini"))
    made.resize(1480, 920)
    made.show()
    yield made
    made.close()
    made.deleteLater()
