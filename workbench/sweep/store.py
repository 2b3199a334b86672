"""The folder of a sweep's results. A result is there whole or not at all; whoever is killed leaves nothing half done.

``tasks/KEY.mnemo`` are the finished tasks, ``under-way/KEY.mnemo`` those that were begun (a run goes on from them),
``VARIANT.mnemo`` the merged runs, ``sweep.json`` what became of every task.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from workbench.errors import MnemoscopeError, TraceError
from workbench.files import write_text
from workbench.sweep.tasks import Task
from workbench.trace.reader import TraceReader
from workbench.trace.writer import TraceWriter

META = "sweep"
"""Key of a run file's ``meta``: of a task ``{"task", "cells": {lane: key}}``, of a merged run ``{"tasks", "last"}``."""


@dataclass(frozen=True, slots=True)
class Found:
    """A finished cell: the run file that holds it, and its lane's name there."""

    file: Path
    lane: str


class Store:
    """The folder; made when it is not there. One sweep at a time has it.

    Raises:
        MnemoscopeError: another sweep has it, or it cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tasks, self.begun = folder / "tasks", folder / "under-way"
        self.remarks: list[str] = []
        try:
            for part in (self.tasks, self.begun):
                part.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(folder / ".lock")
            self._lock.acquire(timeout=0)
        except Timeout as error:
            what = f"{folder}: another sweep is writing there"
            raise MnemoscopeError(what, "wait for it, or say another out: in the sweep's file") from error
        except OSError as error:
            raise MnemoscopeError(f"{folder}: cannot be written ({error.strerror})", "choose another out:") from error

    def close(self) -> None:
        """Let the folder go."""
        with suppress(OSError):
            self.begun.rmdir()  # when nothing is left in it
        self._lock.release()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def finished(self) -> dict[str, Found]:
        """Every finished cell by its key. A file that cannot be read counts as none, is renamed and remarked."""
        found: dict[str, Found] = {}
        for file in sorted(self.tasks.glob("*.mnemo")):
            try:
                found |= {key: Found(file, lane) for lane, key in cells(file).items()}
            except TraceError as error:
                with suppress(OSError):
                    file.replace(file.with_suffix(".damaged"))
                self.remarks.append(f"{error.what}: it is done again, and kept as {file.stem}.damaged")
        return found

    def under_way(self, task: Task) -> Path:
        """Where a task is written until it is finished."""
        self.begun.mkdir(exist_ok=True)
        return self.begun / f"{task.key}.mnemo"

    def forget(self, task: Task) -> None:
        """Drop what there is of a task that was begun: the next attempt starts from nothing."""
        for file in self.begun.glob(f"*{task.key}*"):
            with suppress(OSError):
                file.unlink()

    def keep(self, task: Task, content: bytes | None = None) -> Path:
        """Make what was written of a task its result; ``content`` where the file was written on another machine."""
        part, place = self.under_way(task), self.tasks / f"{task.key}.mnemo"
        try:
            if content is not None:
                part = part.with_suffix(".came")
                part.write_bytes(content)
            held = cells(part)
            if held != dict(task.cells):
                raise TraceError(f"{part}: holds other lanes than the task", "a defect of this program")
            os.replace(part, place)
        except OSError as error:
            raise MnemoscopeError(f"{place}: cannot be written ({error.strerror})", "make room, and go on") from error
        self.forget(task)
        return place

    def write_record(self, record: Mapping[str, Any]) -> None:
        """Write ``sweep.json``."""
        write_text(self.folder / "sweep.json", json.dumps(record, indent=1) + "\n")


def sign(path: Path, task: str, cells: Mapping[str, str]) -> None:
    """Write into a task's run file what it is the result of; the file is whole then, in one piece."""
    with TraceWriter(path) as writer:
        writer.set_meta(META, {"task": task, "cells": dict(cells)})


def cells(path: Path) -> dict[str, str]:
    """The keys of a task's cells by lane; none where the file is no signed task. Raises ``TraceError`` as reading does.

    Looks at one row: what a thousand files hold is known in a second.
    """
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            row = connection.execute("SELECT value FROM meta WHERE key = ?", (META,)).fetchone()
        found = json.loads(row[0]) if row else {}
        return {str(lane): str(key) for lane, key in found.get("cells", {}).items()}
    except (sqlite3.Error, ValueError, TypeError, AttributeError) as error:
        raise TraceError(f"{path}: is damaged ({error})", "it can be removed") from error


def meta(path: Path) -> dict[str, Any]:
    """What a merged run says it was merged from; empty where there is none, or it says nothing."""
    if not path.is_file():
        return {}
    with closing(TraceReader(path)) as reader:
        return dict(reader.meta(META) or {})
