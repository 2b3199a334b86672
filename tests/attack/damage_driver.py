"""Gives damaged run files to commands and to the window, each in a child with little time and memory.

    python -m tests.attack.damage_driver FOLDER FIRST COUNT (commands|window)
    python -m tests.attack.damage_driver FOLDER (commands|window) FILE…      files that are damaged already

Prints JSON: ``{"tried": …, "wrong": [what was not one clear line]}``. A command is right when it ends with 0, or with 1
or 2 and one line on standard error that is neither a traceback nor a defect of this program.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.damage import damaged_copy
from tests.support.traces import write_trace

if TYPE_CHECKING:
    from PySide6.QtCore import QCoreApplication

    from ui.window import MainWindow

SECONDS, MEMORY = 20, 3 << 30  # of the processor, for one file: all its commands, or the window
WAIT = 10 * SECONDS  # on a machine that does other things as well


Harm = Callable[[Path, Path], str]
"""Makes a damaged file in the second place, from the undamaged one in the first; says how."""


def main(folder: Path, harms: Iterable[Harm], what: str) -> None:
    """Try the files; see the module."""
    lanes, more = ("full", "bm25", "a-mem"), " All the boxes went along, one by one, as they do."
    source = write_trace(folder / "source.mnemo", turns=12, items=8, probes=4, lanes=lanes, more=more)
    _afterwards(source)
    job = {"commands": commands, "window": window}[what]
    job(source, folder)  # everything imported, so that a child costs little
    wrong, tried = [], 0
    for tried, harm in enumerate(harms, 1):
        path = folder / f"{tried}.mnemo"
        how = harm(source, path)
        said = _in_child(lambda path=path: job(path, folder))  # type: ignore[misc]
        if said:
            wrong.append(f"{how}: {said[-600:]}")
        for left in folder.glob(f"{tried}.*"):
            left.unlink()
    print(json.dumps({"tried": tried, "wrong": wrong}))


def drawn(number: int) -> Harm:
    """The damage that has this number."""
    return lambda source, path: f"{number} {damaged_copy(source, path, number)}"


def given(file: Path) -> Harm:
    """A file that is damaged already."""
    return lambda source, path: str(shutil.copyfile(file, path) and file.name)


def _afterwards(path: Path) -> None:
    """What a run gets later: a what-if lane that shares the parent's beginning, and verdicts on what is wrong."""
    from dataclasses import replace

    from workbench.trace.events import Event, Kind
    from workbench.trace.reader import TraceReader
    from workbench.trace.writer import TraceWriter
    from workbench.why.causes import suspect

    with TraceReader(path) as reader, TraceWriter(path) as writer:
        child = writer.add_lane("bm25 @6", "bm25", "full-cache", {"k": 3}, parent=2, parent_turn=6)
        edits = [{"kind": "param", "name": "k", "value": 3}]
        told = {"lane": child, "parent": 2, "session": 1, "turn": 6, "edits": edits, "settings": {}}
        writer.append([Event(0, 0, -1, 3, Kind.BRANCHED, payload=told)])
        writer.append([replace(event, lane=child) for event in reader.events(1, 2)])
        asked = [(lane.id, probe.id) for lane in reader.lanes() for probe in reader.session(1).probes]
        rows = [(1, lane, probe, suspect(reader, 1, lane, probe).to_row()) for lane, probe in asked]
        writer.put_verdicts(rows)


def commands(path: Path, folder: Path) -> str:
    """What is wrong with how the commands took the file; "" when nothing is."""
    from workbench import cli

    new = folder / f"{path.stem}.new.mnemo"
    for command in (
        ["score", path, "--audit"], ["inspect", path], ["export", path, "--html", folder / f"{path.stem}.html"],
        ["convert", path, "--out", folder / f"{path.stem}.json"], ["explain", path],
        ["export", path, "--redact", folder / f"{path.stem}.red.mnemo"], ["repair", path, "--out", new],
    ):  # fmt: skip
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = cli.main([str(a) for a in command])
        line = err.getvalue()
        if code not in (0, 1) or "defect" in line or "Traceback" in line or line.count("\n") > 1 or len(line) > 1000:
            return f"{command[0]}: exit {code}: {line}"
    if new.exists():
        return _sound(new)
    return ""


def _sound(path: Path) -> str:
    from workbench.examine import opened, problems

    with opened(path) as reader:
        found = list(problems(reader))
    return f"repaired, but {found[0]}" if found else ""


def window(path: Path, folder: Path) -> str:
    """What is wrong with how the window took the file; "" when nothing is."""
    from PySide6.QtCore import QCoreApplication, QEvent

    from ui.application import application
    from ui.settings import Settings
    from ui.window import MainWindow

    app = application()
    wrong: list[str] = []
    before = folder / "source.mnemo"
    hook, sys.excepthook = sys.excepthook, lambda kind, error, trace: wrong.append(f"{kind.__name__}: {error}")
    try:
        shown = MainWindow(Settings(folder / "window.ini"))
        shown.open(before)
        _settle(shown, app)
        shown.open(path)
        _settle(shown, app)
        wrong += _seen(shown, before, path, app)
        shown.close()
        shown.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    finally:
        sys.excepthook = hook
    return "; ".join(wrong)


def _seen(shown: MainWindow, before: Path, path: Path, app: QCoreApplication) -> Iterator[str]:
    from ui.panels.base import Panel
    from workbench.errors import MnemoscopeError

    run = shown.workspace.run
    if run is None or run.path not in (before, path):
        yield "what was open is gone"
    elif run.path == path:
        for turn in (0, 3, 11):
            shown.workspace.cursor.go(turn)
            _settle(shown, app)
    elif shown.notice.isHidden():
        yield "nothing was said"
    for panel in shown.findChildren(Panel):
        answer = panel._last_answer
        if answer and answer.error and not isinstance(answer.error, MnemoscopeError):
            yield f"{type(panel).__name__}: {answer.trace[-300:]}"


def _settle(shown: MainWindow, app: QCoreApplication) -> None:
    end = time.monotonic() + WAIT / 4
    app.processEvents()
    while shown.workspace.pool.busy and time.monotonic() < end:
        app.processEvents()
    app.processEvents()


def _in_child(job: Callable[[], str]) -> str:
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receive)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 1))  # ends the process, and so does the alarm
        signal.alarm(WAIT)
        said = "died"
        try:
            said = job()
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        finally:
            os.write(send, said.encode()[-4000:])
            os._exit(0)
    os.close(send)
    with os.fdopen(receive, errors="replace") as pipe:
        said = pipe.read()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return said if code == 0 else f"signal {-code} (14 and 24 are too slow)"


if __name__ == "__main__":
    place, *asked = sys.argv[1:]
    if asked[0].isdecimal():
        numbers = range(int(asked[0]), int(asked[0]) + int(asked[1]))
        main(Path(place), map(drawn, numbers), asked[2])
    else:
        main(Path(place), (given(Path(file)) for file in asked[1:]), asked[0])
