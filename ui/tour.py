"""The tour: opens the sample run, visits every panel, layout and theme, and saves a picture of each.

It makes the README's pictures and is a test: it fails when a panel shows an error or a blank picture.
"""

from __future__ import annotations

import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QEvent, QEventLoop, QPoint, QTimer
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QDialog, QWidget

from ui import layouts, panels
from ui.panels.base import Panel
from ui.panels.find import FindPanel
from ui.panels.flips import FlipsPanel
from ui.panels.why import WhyPanel
from ui.theme import theme
from ui.theme.tokens import THEMES
from ui.widgets.range_card import RangeCard
from workbench.projections.why import causes_view
from workbench.why.verdict import LOST

if TYPE_CHECKING:
    from ui.window import MainWindow

WIDTH, HEIGHT = 1600, 1000
SMALL = ((1024, 768), (1280, 720))
"""A projector and a small laptop: sizes at which every layout and a told step are shown, too."""
PATIENCE = 60.0  # seconds that a projection may take on a machine that is busy with other things


def tour(folder: Path, file: Path | None = None, looks: Sequence[str] = THEMES) -> int:
    """Save the pictures into ``folder``; the exit code: 1 when a panel failed, with a line per failure."""
    from ui.application import application
    from ui.samples import sample_run
    from ui.settings import Settings
    from ui.window import MainWindow

    found = file or sample_run()
    if found is None or not found.is_file():
        print(f"no run to show ({found or 'sample_sessions/*.mnemo'}) - name a .mnemo file", file=sys.stderr)
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    app = application()
    problems: list[str] = []
    hook, sys.excepthook = sys.excepthook, lambda *what: problems.append("".join(traceback.format_exception(*what)))
    with tempfile.TemporaryDirectory() as scratch:
        theme.use("dark", theme.NORMAL)
        window = MainWindow(Settings(Path(scratch) / "window.ini"))
        window.resize(WIDTH, HEIGHT)
        window.show()
        window.open(found)
        for name, widget in _stops(window, looks):
            problems += _picture(folder, name, widget, window)
        window.close()
        window.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    sys.excepthook = hook
    del app
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{len(list(folder.glob('*.png')))} pictures in {folder}")
    return 1 if problems else 0


def _stops(window: MainWindow, looks: Sequence[str]) -> Iterator[tuple[str, QWidget]]:
    """What to take pictures of, brought to the front one after the other."""
    for look in looks:
        theme.use(look)
        for layout in layouts.LAYOUTS:
            window.set_layout(layout)
            settle(window)
            yield f"layout-{layout.lower()}-{look}", window
        window.set_layout("Debug")
        for name in ("scrubber", "transcript", "lanes", "scoreboard"):
            settle(window)
            yield f"panel-{name}-{look}", window.scrubber if name == "scrubber" else window._parts[name]
        yield from _range(window, look)
        for name in panels.INSPECTORS:
            if name == "why":
                _wrong_answer(window)
            window.show_panel(name)
            settle(window)
            if name == "embedding":
                _answered(window)
            yield f"panel-{name}-{look}", window.inspector
            if name == "find":
                yield from _found(window, look)
            if name == "why":
                yield f"window-why-{look}", window
                yield from _all_causes(window, look)
                yield from _thread(window, look)
        yield from _talks(window, look)
        yield from _small(window, look)
        yield from _dialogs(window, look)
    theme.use("dark")


def _range(window: MainWindow, look: str) -> Iterator[tuple[str, QWidget]]:
    """The timeline zoomed in, with a range of turns and what every lane did in it."""
    timeline, last = window.timeline, window.workspace.cursor.last
    timeline.tracks.zoom(2.0, last / 2)
    first, end = last * 2 // 5, last * 3 // 5
    timeline.tracks.mark_range(first, end)
    timeline.tell_range(first, end)
    settle(window)
    cards = window.findChildren(RangeCard)
    for card in cards:  # Qt's offscreen screen is smaller than the window and keeps it to the left
        card.move(window.mapToGlobal(QPoint((window.width() - card.width()) // 2, timeline.geometry().bottom())))
    yield f"window-range-{look}", window
    for card in cards:
        card.close()
    timeline.tracks.mark_range()
    timeline.tracks.zoom(0.0)


def _wrong_answer(window: MainWindow) -> None:
    """Go to a wrong answer whose cause is proved and whose fact was lost by an operation; to any wrong one without."""
    space = window.workspace
    if space.reader is None or not space.cursor.session:
        return
    wrong = [w for lane in causes_view(space.reader, space.cursor.session) for w in lane.wrong]
    # Of the rest the last lane: lanes stand from the plainest to the one with most to see.
    best = max(wrong, key=lambda w: (bool(w.confirmed), w.cause == LOST and bool(w.confirmed), w.lane), default=None)
    if best is not None:
        space.follow(best.turn, best.probe)
        space.explain(best.lane, best.probe)


def _found(window: MainWindow, look: str) -> Iterator[tuple[str, QWidget]]:
    """Places of a word that the session has, marked on the timeline."""
    panel, space = window.inspector.panel, window.workspace
    if isinstance(panel, FindPanel) and space.session is not None:
        panel.field.setText(max(space.session.turns[0].text.split(), key=len).strip(".,?!"))
        panel.refresh()
        settle(window)
        yield f"panel-find-places-{look}", window
        panel.field.clear()
        panel.refresh()
        settle(window)


def _all_causes(window: MainWindow, look: str) -> Iterator[tuple[str, QWidget]]:
    panel = window.inspector.panel
    if isinstance(panel, WhyPanel):
        panel.all.setChecked(True)
        settle(window)
        yield f"panel-why-all-{look}", window.inspector
        panel.all.setChecked(False)


def _thread(window: MainWindow, look: str) -> Iterator[tuple[str, QWidget]]:
    """What the answer needed, followed through every panel."""
    panel = window.inspector.panel
    if isinstance(panel, WhyPanel):
        settle(window)
        panel.thread_on.click()
        settle(window)
        yield f"window-thread-{look}", window
        window.workspace.follow_turn(None)
        panel.thread_on.setChecked(False)


def _talks(window: MainWindow, look: str) -> Iterator[tuple[str, QWidget]]:
    """Two runs side by side (the run beside itself), a step that is told, the spotlight, a panel that floats."""
    run = window.workspace.run
    if run is not None:
        window.compare(run.path)
        settle(window)
        yield f"window-runs-alike-{look}", window
        flips = window._parts.get("flips")
        if isinstance(flips, FlipsPanel):
            flips.kinds.setCurrentIndex(flips.kinds.count() - 1)  # every answer: none of them has flipped
            settle(window)
            flips._filter()
        yield f"window-runs-{look}", window
        window.stop_comparing()
    settle(window)
    yield f"window-story-{look}", _told(window)
    window.stage.light.light(window._parts["lanes"])
    yield f"window-spotlight-{look}", window
    window.stage.end()
    window.float_panel()
    settle(window)
    for floating in list(window._floating):
        yield f"window-floating-{look}", floating
        floating.close()


def _told(window: MainWindow) -> MainWindow:
    """The window as a step of a story, told; the run file hears nothing of it."""
    stage = window.stage
    note = "The fact was stored, and lost again before anybody asked for it."
    stage.book.steps = (stage.taken().but(name="Where it went wrong", note=note), stage.taken())
    stage.play(0)
    settle(window)
    return window


def _small(window: MainWindow, look: str) -> Iterator[tuple[str, QWidget]]:
    room = window.size()
    for width, height in SMALL:
        window.resize(width, height)
        for layout in layouts.LAYOUTS:
            window.set_layout(layout)
            run = window.workspace.run
            if layout == "Runs" and run is not None:
                window.compare(run.path)
            settle(window)
            yield f"layout-{layout.lower()}-{width}x{height}-{look}", window
            if window.comparing():
                window.stop_comparing()
        window.set_layout("Debug")
        yield f"window-story-{width}x{height}-{look}", _told(window)
        window.stage.end()
    window.stage.book.steps = ()
    window.resize(room)
    settle(window)


def _dialogs(window: MainWindow, look: str) -> Iterator[tuple[str, QWidget]]:
    from ui.commands.palette import Palette
    from ui.dialogs.figure_dialog import FigureDialog
    from ui.dialogs.help import HelpDialog
    from ui.dialogs.probes_dialog import ProbesDialog
    from ui.dialogs.run_dialog import RunDialog
    from ui.dialogs.story_dialog import StoryDialog
    from workbench import paths
    from workbench.sessions import formats

    made: list[tuple[str, QDialog]] = [("command-palette", Palette(window.palette_entries(), window))]
    made += [(f"help-{page}", HelpDialog(window.registry, page, window)) for page in ("start", "marks", "keys")]
    lanes = window._parts["lanes"]
    if isinstance(lanes, Panel):
        made.append(("figure", FigureDialog(lanes, window.settings, window)))
    window.stage.book.steps = (window.stage.taken().but(note="What one says here is shown as caption."),) * 3
    made.append(("story", StoryDialog(window.stage, Path.cwd(), window)))
    sessions = sorted(paths.sample_sessions().glob("*.json"))
    if sessions:
        read = formats.read(sessions[0])
        made.append(("new-run", RunDialog((sessions[0],), window.settings, window, read)))
        made.append(("probes", ProbesDialog(sessions[0], read, window.settings, window)))
    for name, dialog in made:
        dialog.show()
        settle(window)
        yield f"dialog-{name}-{look}", dialog
        dialog.close()


def _picture(folder: Path, name: str, widget: QWidget, window: MainWindow) -> list[str]:
    """Save a widget at 1 and 2 pixels per pixel; what was wrong with it."""
    problems = [f"{name}: {problem}" for problem in failures(window)]
    for scale in (1, 2):
        image = QImage(widget.size() * scale, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(scale)
        image.fill(theme.active().color("window"))
        widget.render(image, QPoint())
        for card in window.findChildren(RangeCard) if widget is window else ():
            card.render(image, window.mapFromGlobal(card.pos()))  # a window of its own, over this one
        if blank(image):
            problems.append(f"{name}: the picture is blank")
        if not image.save(str(folder / f"{name}@{scale}x.png")):
            problems.append(f"{name}: {folder} cannot be written to")
    return problems


def failures(window: QWidget) -> list[str]:
    """What the visible panels say went wrong."""
    shown = [p for p in window.findChildren(Panel) if p.isVisible() and p._last_answer is not None]
    return [
        f"{p.name} failed\n{p._last_answer.trace}" for p in shown if p._last_answer and p._last_answer.error is not None
    ]


def blank(image: QImage) -> bool:
    """Whether a picture shows next to nothing: fewer than four colours on a grid of points."""
    small = image.scaled(160, 100)
    return len({small.pixel(x, y) for x in range(160) for y in range(100)}) < 4


def _answered(window: MainWindow) -> None:
    """Wait until the engine has dealt with what panels ask it; what it could not do is said in the panel."""
    until, tick = time.monotonic() + PATIENCE, QTimer()
    tick.start(100)  # so that waiting ends though the engine says nothing
    while window.inquiry.busy and time.monotonic() < until:
        QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
    window.notice.hide()
    settle(window)


def settle(window: MainWindow, patience: float = PATIENCE) -> None:
    """Handle events until every visible panel has its answer. Raises ``TimeoutError`` after ``patience`` seconds."""
    space, until = window.workspace, time.monotonic() + patience
    quiet = 0
    while quiet < 3:
        QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
        quiet = 0 if space.busy else quiet + 1
        if time.monotonic() > until:
            raise TimeoutError(f"a panel has not answered in {patience:.0f} s")
