"""The one Qt application, whoever needs it: the window, the tour, the benchmarks."""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PySide6.QtCore import QMessageLogContext, QtMsgType
    from PySide6.QtWidgets import QApplication

_WITHOUT = "without one, `mnemoscope export RUN --html FILE` makes a report and `mnemoscope-ui --tour DIR` pictures"


def application() -> object:
    """The one ``QApplication``, made when there is none."""
    from PySide6.QtWidgets import QApplication

    app = QApplication.instance() or _made()
    app.setApplicationName("mnemoscope")
    QApplication.setApplicationDisplayName("Mnemoscope")
    QApplication.setDesktopFileName("mnemoscope")  # whose icon and menu entry it is (packaging/linux)
    sys.setswitchinterval(0.002)  # the projections' threads hand the interpreter back to the window sooner
    return app


_LONG = 0.03  # seconds of a full collection from which on it is noticed


def spare_what_stays() -> None:
    """A run that is read is a million objects that stay; going through them again and again stops the window.

    What a long full collection has left alive is therefore left alone from then on, in the window's own process.
    ``let_go`` ends that.
    """
    if _after not in gc.callbacks:
        gc.callbacks.append(_after)


_began = [0.0]


def _after(phase: str, about: dict[str, int]) -> None:
    if about["generation"] < 2:
        return
    if phase == "start":
        _began[0] = time.perf_counter()
    elif time.perf_counter() - _began[0] > _LONG:
        gc.freeze()


def let_go() -> None:
    """Another run is opened: what was left alone may be collected again."""
    gc.unfreeze()


def _made() -> QApplication:
    """A new application. Qt aborts the process where it can show nothing: then one line, and exit code 1."""
    from PySide6.QtCore import QtMsgType, qFormatLogMessage, qInstallMessageHandler

    from ui.file_open import Application

    said: list[str] = []
    lines: list[str] = []

    def hear(kind: QtMsgType, context: QMessageLogContext, text: str) -> None:
        said.append(text)
        if "UTF-8 locale" not in text:  # that it takes C.UTF-8 where LANG is C: all that a person needs
            lines.append(qFormatLogMessage(kind, context, text))
        if kind == QtMsgType.QtFatalMsg:
            print(no_display(said), file=sys.stderr, flush=True)
            os._exit(1)  # when this returns, Qt aborts

    before = qInstallMessageHandler(hear)
    try:
        app = Application(sys.argv[:1])
    finally:
        qInstallMessageHandler(before)
    if app.primaryScreen() is None:
        raise SystemExit(no_display(said))
    for line in lines:
        print(line, file=sys.stderr)
    return app


def no_display(said: Sequence[str]) -> str:
    """One line on why there can be no window, from what Qt has said before it gave up."""
    asked = os.environ.get("QT_QPA_PLATFORM")
    screens = [name for name in ("WAYLAND_DISPLAY", "DISPLAY") if os.environ.get(name)]
    if sys.platform == "linux" and not asked and not screens:
        return f"There is no display here (neither DISPLAY nor WAYLAND_DISPLAY is set) - {_WITHOUT}"
    reached = next((text for text in said if "connect" in text.lower()), "")
    if reached and screens:
        named = ", ".join(f"{name}={os.environ[name]}" for name in screens)
        return f"The display cannot be opened ({named}) - {_WITHOUT}"
    found = [text for text in said if "Could not" in text] or said or ["it has no screen"]
    reason = " ".join(found[-1].split())[:300].rstrip(".")
    return f"Qt cannot show a window: {reason} - QT_DEBUG_PLUGINS=1 makes it say which library it misses"
