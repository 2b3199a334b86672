"""Models that are installed: one small JSON record each, in the user's models folder.

A record names the file, wherever it lies; files that the user pointed at stay where they are.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from workbench import paths
from workbench.errors import MnemoscopeError, ModelError, UsageError
from workbench.llm.gguf_file import read_header, sha256
from workbench.llm.trial import check_figures, proved

RESERVED = ("demo",)
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Installed:
    """A model that can be used by its name.

    Attributes:
        file: absolute path of the GGUF.
        source: where it came from: ``registry``, ``hub``, ``file`` (the user's own), ``quantised`` (made from another).
        owned: whether the file goes when the record is removed.
        measured: figures that were measured on this machine, by name.
    """

    name: str
    file: Path
    bytes: int
    sha256: str
    source: str
    owned: bool
    measured: dict[str, Any] = field(default_factory=dict)

    @property
    def there(self) -> bool:
        """Whether the file is still where it was."""
        return self.file.is_file()


def _record(name: str) -> Path:
    return paths.models() / f"{name}.json"


def installed() -> dict[str, Installed]:
    """Every installed model by name. A record that cannot be read is left out; `get` and `add` write it anew."""
    found = (_read(path) for path in sorted(paths.models().glob("*.json")))
    return {one.name: one for one in found if one is not None}


def _read(path: Path) -> Installed | None:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return Installed(**data | {"file": Path(data["file"]), "name": path.stem})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def find(name: str) -> Installed | None:
    """The installed model of that name, or None."""
    return _read(_record(name)) if _NAME.fullmatch(name) else None


def put(model: Installed) -> Installed:
    """Write a record, whole or not at all.

    Raises:
        MnemoscopeError: when the models folder cannot be written.
    """
    record = _record(model.name)
    part = record.with_suffix(f".{os.getpid()}.part")
    try:
        part.write_text(json.dumps(asdict(model) | {"file": str(model.file)}, indent=1), encoding="utf-8")
        part.replace(record)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise MnemoscopeError(f"{record}: cannot be written ({error.strerror})", "set MNEMOSCOPE_HOME") from error
    return model


def check_name(name: str) -> str:
    """The name, when it may be given to a model.

    Raises:
        UsageError: when it may not.
    """
    if name in RESERVED or not _NAME.fullmatch(name):
        raise UsageError(f"a model cannot be called {name!r}", "use lower-case letters, digits, dots and hyphens")
    return name


def add(path: Path, name: str = "") -> Installed:
    """Make a GGUF of the user's usable by name; the file stays where it is.

    Args:
        name: what it is called; empty makes one of the file's name.

    Raises:
        ModelError: when the file cannot be used as a model.
        UsageError: when the name is taken by another file, or may not be given.
    """
    path = proved(checked(path.expanduser().absolute()))
    name = check_name(name or _slug(path.stem))
    taken = find(name)
    if taken is not None and taken.there and taken.file != path:
        raise UsageError(f"{name} is {taken.file} already", "give this one another name with --name")
    return put(Installed(name, path, path.stat().st_size, sha256(path), "file", owned=False))


def checked(path: Path) -> Path:
    """The path, when its header is that of a model; costs milliseconds.

    Raises:
        ModelError: what is wrong with it.
    """
    header = read_header(path)
    if not header.architecture or not header.tensors:
        raise ModelError(f"{path} holds no model weights", "choose the GGUF of a language model")
    check_figures(header)
    return path


def _slug(stem: str) -> str:
    return re.sub(r"[^a-z0-9._-]+", "-", stem.lower()).strip("-._")[:64] or "model"


def remove(name: str) -> tuple[Installed, bool]:
    """Forget an installed model; its file goes too when this program fetched or made it.

    Returns:
        The record, and whether the file was removed.

    Raises:
        UsageError: when no such model is installed.
        MnemoscopeError: when something cannot be removed.
    """
    found = find(name)
    if found is None:
        raise UsageError(f"no model {name!r} is installed", f"installed: {', '.join(installed()) or 'none'}")
    others = [one for one in installed().values() if one.name != name]
    goes = found.owned and found.there and not any(_same(one.file, found.file) for one in others)
    try:
        if goes:
            blob = found.file.resolve()  # the hub's cache holds a link to the data
            found.file.unlink()
            blob.unlink(missing_ok=True)
        _record(name).unlink()
    except OSError as error:
        raise MnemoscopeError(f"{found.file}: cannot be removed ({error.strerror})", "remove it by hand") from error
    return found, goes


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()
