"""The demo: a minute of the window on the sample run as an animated picture, told as a story.

``python -m ui --demo OUT.webp`` (or .gif, .apng) makes the picture of the README.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtGui import QImage

from ui.theme import theme
from ui.tour import settle
from workbench.projections.why import causes_view
from workbench.trace.story import Step
from workbench.why.verdict import LOST

if TYPE_CHECKING:
    from ui.window import MainWindow

SECONDS = 60
MOST = 8 << 20
"""Bytes that the picture may have."""
_SIZE = (1280, 720)
_FRAME = 200  # ms while the cursor moves
_KINDS = {".webp": "WEBP", ".gif": "GIF", ".apng": "PNG"}


@dataclass(frozen=True, slots=True)
class Scene:
    """A step that is told for ``ms``; ``turns`` are gone through at its beginning, ``then`` is done to the window."""

    step: Step
    ms: int
    turns: tuple[int, ...] = ()
    look: str = "dark"


def demo(out: Path, file: Path | None = None) -> int:
    """Write the picture; the exit code, with a line on the error stream for what a person can mend."""
    from ui.application import application
    from ui.samples import sample_run
    from ui.settings import Settings
    from ui.window import MainWindow

    kind, found = _KINDS.get(out.suffix.lower()), file or sample_run()
    refusal = _refusal(out, kind, found)
    if refusal or found is None or kind is None:
        print(refusal, file=sys.stderr)
        return 1
    app = application()
    with tempfile.TemporaryDirectory() as scratch:
        theme.use("dark", theme.NORMAL)
        window = MainWindow(Settings(Path(scratch) / "window.ini"))
        window.resize(*_SIZE)
        window.show()
        window.open(found)
        settle(window)
        frames = list(_frames(window, scenes(window)))
        window.close()
        window.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    del app
    try:
        _write(frames, out, kind)
    except OSError as error:
        print(f"{out}: cannot be written ({error.strerror}) - choose another file", file=sys.stderr)
        return 1
    size, seconds = out.stat().st_size, sum(ms for _, ms in frames) / 1000
    print(f"{out}: {seconds:.0f} s, {len(frames)} pictures, {size / (1 << 20):.1f} MiB")
    return 0 if size <= MOST else 1


def _refusal(out: Path, kind: str | None, found: Path | None) -> str:
    if kind is None:
        return f"{out.name}: a demo is written as {', '.join(_KINDS)} - choose one of these suffixes"
    if found is None or not found.is_file():
        return f"no run to show ({found or 'sample_sessions/*.mnemo'}) - name a .mnemo file"
    try:
        import PIL  # noqa: F401
    except ImportError:
        return "animated pictures need Pillow - pip install Pillow"
    return ""


def scenes(window: MainWindow) -> list[Scene]:
    """The story of the demo: as long as ``SECONDS`` in all, on whatever run is open."""
    space = window.workspace
    assert space.run is not None and space.reader is not None
    session, last, lanes = space.cursor.session, space.cursor.last, [row.name for row in space.run.lanes]
    wrong = [w for lane in causes_view(space.reader, session) for w in lane.wrong]
    best = max(wrong, key=lambda w: (w.cause == LOST, bool(w.confirmed), w.turn), default=None)
    at = Step(session=session, lane=lanes[-1], layout="Debug", tabs=("why", "attention"))
    lane = space.run.name(best.lane) if best else lanes[0]
    turn, probe = (best.turn, best.probe) if best else (last, "")
    asked = next((p for p in space.session.probes if p.id == probe), None) if space.session else None
    evidence = min(asked.evidence, default=turn) if asked else turn
    half = last // 2
    return [
        Scene(
            at.but(name=f"{len(lanes)} memories read one conversation", turn=half, tabs=("graph", "attention"),
                   note="Every dot is a turn at which a memory changed. Ticks and crosses are answers."),
            9000, tuple(range(0, half + 1, max(1, half // 25))),
        ),
        Scene(
            at.but(name=f"{lane} answers wrong. Why?", turn=turn, lane=lane, probe=probe, pinned=bool(probe),
                   note="The way of the fact, from what was said to the answer."),
            8000,
        ),
        Scene(
            at.but(name="Here the fact was said", turn=evidence, lane=lane, probe=probe, pinned=bool(probe),
                   spot="lanes", note="The probe stays in question wherever one goes."),
            6000,
        ),
        Scene(
            at.but(name="What the memory links", layout="Talk", turn=last, tabs=("graph", "attention"),
                   note="Positions never jump: items appear, fade and light up."),
            11_000, tuple(range(half, last + 1, max(1, (last - half) // 30))),
        ),
        Scene(
            at.but(name="What the model looked at", layout="Talk", turn=last, tabs=("graph", "attention"),
                   spot="attention", note="Attention comes out of the running model, layer by layer and head by head."),
            6000,
        ),
        Scene(
            at.but(name="Two memories, the same question", layout="Compare", turn=last, tabs=("hits", "hits"),
                   note="What each of them retrieved, with scores, and what was left out."),
            6000,
        ),
        Scene(
            at.but(name="Every answer, with intervals", layout="Probe", turn=last, tabs=("probes", "hits"),
                   note="Scores by competency, differences tested, controls marked."),
            7000,
        ),
        Scene(
            at.but(name="One file, dark or light", turn=last, tabs=("items", "attention"),
                   note="A run is one SQLite file: replay it, branch it, mail it."),
            7000, (), "light",
        ),
    ]  # fmt: skip


def _frames(window: MainWindow, told: list[Scene]) -> Iterator[tuple[QImage, int]]:
    """Pictures with how long each is shown, in ms."""
    stage = window.stage
    stage.book.steps = tuple(scene.step for scene in told)  # not kept in the run file
    stage.book.changed.emit()
    stage.play(0)
    for place, scene in enumerate(told):
        theme.use(scene.look)
        stage.go(place)
        settle(window)
        left = scene.ms
        for turn in scene.turns:
            window.workspace.cursor.go(turn)
            settle(window)
            yield window.grab().toImage(), _FRAME
            left -= _FRAME
        if scene.turns:
            stage.go(place)
            settle(window)
        yield window.grab().toImage(), left
    stage.end()
    theme.use("dark")


def _write(frames: list[tuple[QImage, int]], out: Path, kind: str) -> None:
    from PIL import Image

    pictures: list[Any] = []
    for image, _ in frames:
        plain = image.convertToFormat(QImage.Format.Format_RGB888)
        data = bytes(plain.constBits())
        pictures.append(
            Image.frombytes("RGB", (plain.width(), plain.height()), data, "raw", "RGB", plain.bytesPerLine())
        )
    how: dict[str, Any] = {"quality": 72, "method": 4} if kind == "WEBP" else {}
    if kind == "GIF":
        pictures = [picture.quantize(160, dither=Image.Dither.NONE) for picture in pictures]
    pictures[0].save(
        out, kind, save_all=True, append_images=pictures[1:], duration=[ms for _, ms in frames], loop=0, **how
    )
