"""Where the models of the runs that were made on this machine lie, and the code of lanes that were given by path. Kept
here, since no run file says it.

A run file names its model; whoever asks what if needs the file or the server. Only what this machine wrote down itself
is followed: a run file that was mailed cannot send anybody's prompts anywhere, nor have anything executed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from workbench import paths
from workbench.discreet import is_address, place_name
from workbench.errors import MnemoscopeError, ModelError, UsageError
from workbench.plugins import fingerprint

_KEYS = ("model", "embedder", "prompts")
_MOST = 1000  # runs that are remembered, the latest
_CODE = "code "  # before the names of classes that were given by path
_said: dict[str, dict[str, str]] = {}  # in this process; it may be that nothing can be written


def remember(identity: str, places: Iterable[str]) -> None:
    """Write down paths and addresses that a run's file has only the names of. A folder of the user's that cannot be
    written is no reason not to run."""
    _write(identity, {place_name(place): _absolute(place) for place in places if place_name(place) != place})


def remember_code(identity: str, classes: Mapping[str, str]) -> None:
    """Write down ``{name of a memory or cache policy: path/to/file.py:Class}``, as a person typed it, with the file's
    hash."""
    _write(identity, {_CODE + name: f"{fingerprint(given)} {_absolute_code(given)}" for name, given in classes.items()})


def code(identity: str | None, names: Collection[str] | None = None) -> dict[str, str]:
    """What :func:`remember_code` wrote down for a run: ``{name: path/to/file.py:Class}``; of these names when given.

    Raises:
        UsageError: a file is another by now.
    """
    found: dict[str, str] = {}
    for key, value in _known().get(identity or "", {}).items():
        if not key.startswith(_CODE):
            continue
        name, (sha256, _, place) = key.removeprefix(_CODE), value.partition(" ")
        if names is not None and name not in names:
            continue
        with suppress(OSError):  # it is gone: whoever needs it says so
            if fingerprint(place) != sha256:
                what = f"{name} was run with another version of {place_name(place)}"
                raise UsageError(what, "run the sessions again, or name the file with --code path/to/file.py:Class")
            found[name] = place
    return found


def _write(identity: str, here: Mapping[str, str]) -> None:
    if not here:
        return
    _said[identity] = _said.get(identity, {}) | dict(here)
    try:
        known = _known()
        here = known.pop(identity, {}) | dict(here)
        store = _store()
        part = store.with_name(f"{store.name}.{os.getpid()}")
        part.write_text(json.dumps(dict([*known.items(), (identity, here)][-_MOST:]), indent=1), "utf-8")
        part.replace(store)
    except (OSError, MnemoscopeError):
        return


def resolved(identity: str | None, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a run or a branch, with paths and addresses where this machine knows them."""
    here = _known().get(identity or "", {})
    return dict(settings) | {key: here[settings[key]] for key in _KEYS if settings.get(key) in here}


def named(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings as a run file may hold them."""
    return dict(settings) | {key: place_name(settings[key]) for key in _KEYS if settings.get(key)}


def check(identity: str | None, place: str) -> None:
    """Raise ``ModelError`` for a server that only the run file names."""
    if (is_address(place) or place.startswith("server#")) and place not in _known().get(identity or "", {}).values():
        what = f"this run's model is on a server ({place_name(place) if is_address(place) else place})"
        raise ModelError(what, "say which one with --model http://HOST:PORT/v1#MODEL")


def _absolute(place: str) -> str:
    path = Path(place).expanduser()
    return place if is_address(place) or not path.exists() else str(path.absolute())


def _absolute_code(given: str) -> str:
    path, _, name = given.rpartition(":")
    return f"{Path(path).expanduser().absolute()}:{name}"


def _store() -> Path:
    return paths.user_data() / "run-models.json"


def _known() -> dict[str, dict[str, str]]:
    try:
        stored = dict(json.loads(_store().read_text("utf-8")))
    except (OSError, ValueError, MnemoscopeError):
        stored = {}
    return stored | {identity: stored.get(identity, {}) | here for identity, here in _said.items()}
