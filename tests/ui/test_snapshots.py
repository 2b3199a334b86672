"""Five key views, pixel by pixel against pictures in ``snapshots/``, within a tolerance.

The pictures are of one font and one version of Qt; elsewhere the test is skipped and says why. Where a view is changed
on purpose: ``MNEMOSCOPE_SNAPSHOTS=write pytest tests/ui/test_snapshots.py``; look at what changed before you commit it.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, qVersion
from PySide6.QtGui import QFontInfo, QImage
from PySide6.QtWidgets import QWidget

from tests.support.traces import write_trace
from ui.theme import theme
from ui.tour import settle

FOLDER = Path(__file__).parent / "snapshots"
WRITE = os.environ.get("MNEMOSCOPE_SNAPSHOTS") == "write"
APART = 40  # of 255: antialiasing differs by less
SHARE = 0.004  # of the pixels that may differ by more
VIEWS = {
    "debug": (1280, 720),
    "lanes": (900, 420),
    "timeline": (1200, 170),
    "hits": (460, 520),
    "scoreboard": (1100, 240),
}


def made_with() -> dict[str, str]:
    """What decides how text is drawn."""
    info = QFontInfo(theme.active().font())
    mono = QFontInfo(theme.active().font(mono=True))
    wide = theme.active().metrics().horizontalAdvance("Where does Mira live? 0123456789")
    return {"platform": sys.platform, "qt": qVersion(), "font": f"{info.family()}, {mono.family()}, {wide} px"}


def pixels(image: QImage) -> np.ndarray:
    """``uint8 [height, width, 3]``."""
    plain = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(plain.constBits(), np.uint8).reshape(plain.height(), plain.bytesPerLine())
    return rows[:, : plain.width() * 3].reshape(plain.height(), plain.width(), 3).copy()


def differing(one: QImage, two: QImage) -> float:
    """Share of the pixels that differ by more than ``APART`` in some colour; 1 for pictures of different sizes."""
    if one.size() != two.size():
        return 1.0
    apart = np.abs(pixels(one).astype(int) - pixels(two).astype(int)).max(axis=2)
    return float((apart > APART).mean())


def picture(widget: QWidget) -> QImage:
    image = QImage(widget.size(), QImage.Format.Format_RGB32)
    image.fill(theme.active().color("window"))
    widget.render(image, QPoint())
    return image


@pytest.fixture
def views(window: Any, tmp_path: Path, qtbot: Any) -> dict[str, QImage]:
    known = json.loads((FOLDER / "made-with.json").read_text("utf-8"))
    if not WRITE and made_with() != known:
        pytest.skip(f"the pictures were made with {known}, this is {made_with()}")
    window.open(write_trace(tmp_path / "run.mnemo"))
    window.resize(*VIEWS["debug"])
    window.workspace.jump(34, lane=5, probe="p6")
    window.show_panel("hits")
    settle(window)
    window.inspector.setFocus()
    found = {"debug": picture(window)}
    shown = {
        "lanes": window._parts["lanes"],
        "timeline": window.scrubber,
        "hits": window.inspector.panel,
        "scoreboard": window._parts["scoreboard"],
    }
    for name, panel in shown.items():
        alone = type(panel)(window.workspace)
        qtbot.addWidget(alone)
        alone.resize(*VIEWS[name])
        alone.show()
        settle(window)
        found[name] = picture(alone)
        alone.hide()
    return found


def test_key_views_look_as_they_did(views: dict[str, QImage], tmp_path: Path) -> None:
    if WRITE:
        for name, image in views.items():
            image.save(str(FOLDER / f"{name}.png"), quality=0)
        (FOLDER / "made-with.json").write_text(json.dumps(made_with(), indent=1) + "\n", "utf-8")
    shares = {name: differing(image, QImage(str(FOLDER / f"{name}.png"))) for name, image in views.items()}
    for name, share in shares.items():
        if share > SHARE:
            views[name].save(str(tmp_path / f"{name}.png"))
    assert set(shares) == set(VIEWS)
    assert max(shares.values()) <= SHARE, f"{shares} differ; as they are now: {tmp_path}"


def test_a_column_that_is_gone_is_seen(views: dict[str, QImage]) -> None:
    image = views["lanes"]
    changed = image.copy()
    ground = image.pixelColor(1, 1)
    for y in range(100, 200):
        for x in range(60, 180):
            changed.setPixelColor(x, y, ground)
    assert differing(image, changed) > SHARE
    assert differing(image, image.copy()) == 0
