"""Five key views, pixel by pixel against pictures in ``snapshots/``, within a tolerance, at half their size.

Text is drawn in a font that comes with Pillow, unhinted, so that they look alike wherever Qt draws text the same way;
where it does not (another version of Qt, other fonts for arrows and ticks) the test is skipped and says why. Where a
view is changed on purpose: ``MNEMOSCOPE_SNAPSHOTS=write pytest tests/ui/test_snapshots.py``; look at what changed
before you commit it.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt, qVersion
from PySide6.QtGui import QFont, QFontDatabase, QImage
from PySide6.QtWidgets import QWidget

from tests.support.traces import write_trace
from ui.state.workspace import Workspace
from ui.theme import motion, theme

FOLDER = Path(__file__).parent / "snapshots"
WRITE = os.environ.get("MNEMOSCOPE_SNAPSHOTS") == "write"
APART = 32  # of 255: what antialiasing makes of half a pixel is less
SHARE = 0.005  # of the pixels that may differ by more
VIEWS = {
    "debug": (1280, 720),
    "lanes": (900, 420),
    "timeline": (1200, 170),
    "hits": (460, 520),
    "scoreboard": (1100, 240),
}


@pytest.fixture
def one_font(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The program in Pillow's own font, without hinting, without motion."""
    drawn = pytest.importorskip("PIL.ImageFont", reason="Pillow, whose font is used, is a development dependency")
    number = QFontDatabase.addApplicationFontFromData(drawn.load_default(12).font_bytes)
    families = QFontDatabase.applicationFontFamilies(number)
    if not families:
        pytest.skip("Qt cannot read the font that comes with Pillow")

    def font(_: object) -> QFont:
        made = QFont(families[0])
        made.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
        return made

    fonts = SimpleNamespace(SystemFont=QFontDatabase.SystemFont, systemFont=font)
    monkeypatch.setattr(theme, "QFontDatabase", fonts)
    theme.use("dark", theme.NORMAL)
    yield
    motion.reduce(False)
    QFontDatabase.removeApplicationFont(number)


def made_with() -> dict[str, str]:
    """What decides how text is drawn: the widths of words, and of signs that the font may lack."""
    metrics = theme.active().metrics()
    texts = ("Where does Mira live? 0123456789", "· → … – ✓ ✗ % ≤ ×")
    return {
        "platform": sys.platform,
        "qt": qVersion(),
        "px": " ".join(str(metrics.horizontalAdvance(t)) for t in texts),
    }


def picture(widget: QWidget) -> QImage:
    """A widget at half its size."""
    image = QImage(widget.size(), QImage.Format.Format_RGB32)
    image.fill(theme.active().color("window"))
    widget.render(image, QPoint())
    smooth = Qt.TransformationMode.SmoothTransformation
    return image.scaled(image.size() / 2, mode=smooth).convertToFormat(QImage.Format.Format_RGB888)


def pixels(image: QImage) -> np.ndarray:
    """``int [height, width, 3]``."""
    plain = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(plain.constBits(), np.uint8).reshape(plain.height(), plain.bytesPerLine())
    return rows[:, : plain.width() * 3].reshape(plain.height(), plain.width(), 3).astype(int)


def differing(one: QImage, two: QImage) -> float:
    """Share of the pixels that differ by more than ``APART`` in some colour; 1 for pictures of different sizes."""
    if one.size() != two.size():
        return 1.0
    return float((np.abs(pixels(one) - pixels(two)).max(axis=2) > APART).mean())


def views(window: Any, run_file: Path, qtbot: Any, settle: Callable[[Workspace], None]) -> Iterator[tuple[str, QImage]]:
    """The views by name, each at rest."""
    motion.reduce(True)
    window.open(run_file)
    window.resize(*VIEWS["debug"])
    window.workspace.jump(34, lane=5, probe="p6")
    window.show_panel("hits")
    settle(window.workspace)
    yield "debug", picture(window)
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
        settle(window.workspace)
        yield name, picture(alone)
        alone.hide()


@pytest.mark.usefixtures("one_font")
def test_key_views_look_as_they_did(request: pytest.FixtureRequest, qtbot: Any, settle: Any, tmp_path: Path) -> None:
    known = json.loads((FOLDER / "made-with.json").read_text("utf-8")) if not WRITE else made_with()
    if made_with() != known:
        pytest.skip(f"the pictures were made with {known}, this is {made_with()}")
    found = dict(views(request.getfixturevalue("window"), write_trace(tmp_path / "run.mnemo"), qtbot, settle))
    if WRITE:
        for name, image in found.items():
            image.save(str(FOLDER / f"{name}.png"), quality=0)
        (FOLDER / "made-with.json").write_text(json.dumps(known, indent=1) + "\n", "utf-8")
    shares = {name: differing(image, QImage(str(FOLDER / f"{name}.png"))) for name, image in found.items()}
    for name, share in shares.items():
        if share > SHARE:
            found[name].save(str(tmp_path / f"{name}.png"))
    assert set(shares) == set(VIEWS)
    assert max(shares.values()) <= SHARE, f"{shares} differ; as they are now: {tmp_path}"


def test_a_line_that_is_gone_is_seen() -> None:
    image = QImage(str(FOLDER / "hits.png"))
    rows, ground = pixels(image), image.pixelColor(1, 1)
    line = int((np.abs(rows - rows[1, 1]).max(axis=2) > APART).sum(axis=1).argmax())
    changed = image.copy()
    for y in range(max(0, line - 8), line + 8):
        for x in range(image.width()):
            changed.setPixelColor(x, y, ground)
    assert differing(image, changed) > SHARE
    assert differing(image, image.copy()) == 0
