"""What comes from outside: by entry point of an installed package, or by path.

Groups of entry points: ``mnemoscope.memory``, ``mnemoscope.cache``, ``mnemoscope.readers``, ``mnemoscope.scorers``.
What cannot be loaded costs a line in the log and never the program. A path is loaded only where a person typed it; a
path that stands in a run file is never followed.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import re
import sys
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from workbench.errors import UsageError

_PATH = re.compile(r"(?P<path>.+\.py):(?P<name>[A-Za-z_]\w*)")
_log = logging.getLogger("mnemoscope")


@cache
def loaded(group: str) -> dict[str, Any]:
    """What installed packages register in a group, by name; what cannot be loaded is logged and left out."""
    found: dict[str, Any] = {}
    for entry in entry_points(group=group):
        try:
            found[entry.name] = entry.load()
        except Exception as error:  # somebody else's code: anything may happen
            what = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            _log.warning("%s of %s cannot be loaded (%s); it is left out", entry.name, entry.value, what)
    return found


def is_path(name: str) -> bool:
    """Whether a name has the form ``path/to/file.py:Class``."""
    return _PATH.fullmatch(name) is not None


def from_path(name: str, base: type) -> type:
    """The class ``path/to/file.py:Class``, which must derive from ``base``. The file is run.

    Raises:
        UsageError: when there is no such file or class, the file fails, or the class is another kind of thing.
    """
    found = _PATH.fullmatch(name)
    if found is None:
        raise UsageError(f"{name!r} is no path to a class", "write path/to/file.py:Class")
    path = Path(found["path"]).expanduser().resolve()
    cls = getattr(_module(path), found["name"], None)
    if not isinstance(cls, type) or not issubclass(cls, base):
        what = "no class" if cls is None else f"no {base.__name__}"
        raise UsageError(
            f"{found['path']}: {found['name']} is {what}", f"derive it from {base.__module__}.{base.__name__}"
        )
    return cls


def fingerprint(name: str) -> str:
    """SHA-256 of the file that a path names: a run goes on only with the code that it was begun with."""
    found = _PATH.fullmatch(name)
    return hashlib.sha256(Path(found["path"]).expanduser().read_bytes()).hexdigest() if found else ""


@cache
def _module(path: Path) -> Any:
    if not path.is_file():
        raise UsageError(f"{path.name}: no such file", "check the path, relative to the folder you are in")
    name = f"mnemoscope_path_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path.name}: is no Python file", "write path/to/file.py:Class")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        line = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise UsageError(f"{path.name} cannot be loaded ({line})", "mend the file") from error
    return module
