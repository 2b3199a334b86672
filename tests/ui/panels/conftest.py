"""What tests of several panels stand on."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ui.memory_runs import long_capture
from ui.panels import make
from ui.state.workspace import Workspace


@pytest.fixture
def attention_panel(qtbot: Any, settle: Callable[[Workspace], None], tmp_path: Path) -> Iterator[Any]:
    """The attention panel, shown, on an answer whose 64 positions fit one picture."""
    space = Workspace()
    space.open(long_capture(tmp_path / "long.mnemo", 64, bright=30), 0)
    panel: Any = make("attention", space)
    qtbot.addWidget(panel)
    panel.resize(600, 640)
    panel.show()
    settle(space)
    yield panel
    space.close()
