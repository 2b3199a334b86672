"""The application, where there is no screen: Qt would abort the process."""

from __future__ import annotations

import gc
import os
import subprocess
import sys

import pytest

from ui.application import no_display


@pytest.mark.parametrize(
    ("environment", "said", "told"),
    [
        ({}, ["could not connect to display ", "no Qt platform plugin"], "neither DISPLAY nor WAYLAND_DISPLAY is set"),
        ({"DISPLAY": ":77"}, ["could not connect to display :77", "no plugin"], "cannot be opened (DISPLAY=:77)"),
        ({"DISPLAY": ":0"}, ['Could not load "xcb".', "no plugin\n\n"], 'Could not load "xcb" - QT_DEBUG_PLUGINS'),
        ({"QT_QPA_PLATFORM": "linuxfb"}, [], "it has no screen"),
    ],
)
def test_one_line_says_why_there_is_no_window(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], said: list[str], told: str
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", "linux")
    line = no_display(said)
    assert told in line and "\n" not in line


def test_qt_does_not_abort_where_it_can_show_nothing() -> None:
    environment = {**os.environ, "QT_QPA_PLATFORM": "nowhere"}
    command = [sys.executable, "-c", "from ui.application import application; application()"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and done.stdout == ""
    [line] = done.stderr.splitlines()
    assert line.startswith("Qt cannot show a window: ") and "nowhere" in line


def test_a_file_that_the_desktop_hands_over_is_opened() -> None:
    code = """
from PySide6.QtGui import QFileOpenEvent
from ui.application import application
app = application()
app.sendEvent(app, QFileOpenEvent("early"))
app.on_file = print
app.sendEvent(app, QFileOpenEvent("of mine.mnemo"))
"""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
    assert done.stdout == "of mine.mnemo\n", done.stderr


def test_what_a_long_collection_left_alive_is_left_alone_until_another_run(monkeypatch: pytest.MonkeyPatch) -> None:
    from ui import application as made

    monkeypatch.setattr(made, "_LONG", 0.0)
    before = list(gc.callbacks)
    gc.unfreeze()
    try:
        made.spare_what_stays()
        made.spare_what_stays()
        assert len(gc.callbacks) == len(before) + 1
        gc.collect(1)
        assert gc.get_freeze_count() == 0
        gc.collect()
        assert gc.get_freeze_count() > 1000
        made.let_go()
        assert gc.get_freeze_count() == 0
        monkeypatch.setattr(made, "_LONG", 60.0)
        gc.collect()
        assert gc.get_freeze_count() == 0
    finally:
        gc.callbacks[:] = before
        gc.unfreeze()
