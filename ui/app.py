"""The window program: ``mnemoscope-ui [FILE]`` and ``mnemoscope-ui --tour DIR`` or ``--demo OUT``."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PySide6.QtCore import QMessageLogContext, QtMsgType

    from ui.window import MainWindow


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; its exit code. 2 for wrong usage, 1 for what a person can mend."""
    multiprocessing.freeze_support()  # first: in a frozen program the engine process starts in here
    options = _parse(sys.argv[1:] if argv is None else argv)
    refusal = _refusal()
    if refusal:
        print(refusal, file=sys.stderr)
        return 1
    if options.tour:
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        os.environ.setdefault("QT_SCALE_FACTOR", "2")  # icons and kept pictures as sharp as the larger pictures
        from ui.tour import tour

        _without_screen()
        return tour(options.tour, options.file)
    if options.demo:
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        from ui.demo import demo

        _without_screen()
        return demo(options.demo, options.file)
    return _window(options)


def _without_screen() -> None:
    """Keep two lines of Qt's own about its offscreen platform off the terminal; everything else is passed on."""
    from PySide6.QtCore import qFormatLogMessage, qInstallMessageHandler

    def tell(kind: QtMsgType, context: QMessageLogContext, text: str) -> None:
        if not text.startswith("This plugin does not support"):
            print(qFormatLogMessage(kind, context, text), file=sys.stderr)

    qInstallMessageHandler(tell)


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("mnemoscope-ui", description="See what an agent remembers, and why it forgot.")
    parser.add_argument("file", nargs="?", type=Path, help="a run (.mnemo) or a session; default: the sample run")
    parser.add_argument("--tour", type=Path, metavar="DIR", help="save a picture of every panel, layout and theme")
    parser.add_argument("--compare", type=Path, metavar="RUN", help="another run over the same session, beside it")
    parser.add_argument("--demo", type=Path, metavar="OUT", help="a minute of the window as .webp, .gif or .apng")
    parser.add_argument("--theme", choices=("dark", "light", "system"), help="colours; default: as last time")
    parser.add_argument("--layout", help="Debug, Compare, Talk, Probe, or the name of a saved one")
    parser.add_argument("--times", action="store_true", help="print how long the first window took, and leave")
    parser.add_argument("--settings", type=Path, help="ini file that the window remembers its state in")
    return parser.parse_args(list(argv))


def _refusal() -> str:
    """One line when this installation of Qt cannot work; empty when it can."""
    try:
        import PySide6
    except ImportError as error:
        return f"The window needs PySide6 ({error}) - install it with: pip install mnemoscope"
    version = tuple(int(part) for part in PySide6.__version__.split(".")[:2])
    if version >= (6, 12) and sys.version_info < (3, 12):
        # 6.12.0 loses references to None there and aborts the process after a few thousand calls.
        have = f"PySide6 {PySide6.__version__} on Python {sys.version_info.major}.{sys.version_info.minor}"
        return f'{have} aborts after a while - install another: pip install "PySide6-Essentials<6.12"'
    return ""


def _show_defects(window: MainWindow) -> None:
    """An exception that nobody expected is printed as ever, and said in the window instead of being lost.

    One that the open run file has caused blames the file.
    """
    from workbench.errors import MnemoscopeError
    from workbench.examine import blamed

    printed = sys.excepthook

    def show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        run = window.workspace.run
        told = blamed(run.path, error) if run is not None and isinstance(error, Exception) else error
        if isinstance(told, MnemoscopeError):
            window.notice.say(str(told))
            return
        printed(kind, error, trace)
        details = "".join(traceback.format_exception(kind, error, trace))
        window.notice.say(f"A defect of this program: {kind.__name__}: {error}", details=details)

    sys.excepthook = show


def _times(window: MainWindow, file: Path | None) -> int:
    """Print seconds since the process began, and processor seconds: of the first window, and with a run shown."""
    import psutil
    from PySide6.QtWidgets import QApplication

    from ui.tour import settle

    def tell(what: str) -> None:
        used, passed = process.cpu_times(), time.time() - process.create_time()
        print(f"{what}: {passed:.2f} s ({used.user + used.system:.2f} s of processor)", flush=True)

    process = psutil.Process()
    QApplication.processEvents()
    tell("first window")
    if file:
        window.open(file)
    else:
        window.open_sample()
    settle(window)
    tell("with a run shown")
    window.close()
    return 0


def _open(window: MainWindow, file: Path | None, other: Path | None) -> None:
    if file:
        window.open(file)
    else:
        window.open_sample()
    if other:
        window.open(other, window.compare)


def _window(options: argparse.Namespace) -> int:
    from PySide6.QtCore import QTimer

    from ui.application import application, spare_what_stays

    app = application()
    spare_what_stays()

    from ui.file_open import Application
    from ui.settings import Settings
    from ui.theme import theme

    settings = Settings(options.settings)
    theme.use(options.theme or settings.get("theme", "system"))
    from ui.window import MainWindow

    window = MainWindow(settings)
    _show_defects(window)
    if options.layout:
        window.set_layout(options.layout)
    window.show()
    if options.times:
        return _times(window, options.file)
    if isinstance(app, Application):
        app.on_file = window.open
    # The empty window is painted first; the run comes a moment later.
    QTimer.singleShot(0, window, lambda: _open(window, options.file, options.compare))
    return app.exec()  # type: ignore[attr-defined,no-any-return]
