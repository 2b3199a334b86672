"""The one Qt application, whoever needs it: the window, the tour, the benchmarks."""

from __future__ import annotations

import sys


def application() -> object:
    """The one ``QApplication``, made when there is none."""
    from PySide6.QtWidgets import QApplication

    app = QApplication.instance() or QApplication(sys.argv[:1])
    app.setApplicationName("mnemoscope")
    QApplication.setApplicationDisplayName("Mnemoscope")
    QApplication.setDesktopFileName("mnemoscope")  # whose icon and menu entry it is (packaging/linux)
    sys.setswitchinterval(0.002)  # the projections' threads hand the interpreter back to the window sooner
    return app
