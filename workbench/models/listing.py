"""What the model manager shows, on the command line and in the window: one card per model."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from workbench.errors import ModelError, UsageError
from workbench.llm.gguf_file import GGUFHeader, read_header
from workbench.llm.open import find_language_model
from workbench.llm.server import is_address, parse
from workbench.models import catalogue, fit, store
from workbench.models.catalogue import Entry
from workbench.models.store import Installed

UNSTATED = "not stated"


@dataclass(frozen=True, slots=True)
class Card:
    """A model, installed or not.

    Attributes:
        file: path when it is installed, else the name it has at its source.
        ram: bytes that a run with the usual settings holds at most (``fit.needed``).
        fits: whether this machine has so much now: ``fits``, ``tight``, ``too large``.
        source: ``bundled``, ``registry``, ``hub``, ``file`` or ``quantised``.
        note: what there is to say: not tried, no capture, the file is gone.
        measured: what was measured of it on this machine.
    """

    name: str
    title: str
    file: str
    bytes: int
    licence: str
    context: int
    ram: int
    fits: str
    source: str
    installed: bool
    note: str
    measured: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)


def cards(free: int | None = None) -> list[Card]:
    """Every model: the bundled one, the catalogue's, and the user's own.

    Args:
        free: bytes of memory to judge by; None asks the machine.
    """
    free = fit.available() if free is None else free
    known, have = catalogue.entries(), store.installed()
    own = {name: one for name, one in have.items() if name not in known or _another(one, known[name])}
    found = [_bundled(free)]
    found += [_of_entry(entry, have.get(name), free) for name, entry in known.items() if name not in own]
    found += [_of_file(one, free) for one in own.values()]
    return found


def _another(one: Installed, entry: Entry) -> bool:
    """Whether the user gave a catalogue's name to a file of his own."""
    return one.source == "file" and one.sha256 != entry.sha256


def card(name: str) -> Card:
    """One model's card.

    Raises:
        UsageError: when there is no such model.
    """
    found = {one.name: one for one in cards()}
    if name not in found:
        raise UsageError(f"no model {name!r}", f"there are: {', '.join(found)}")
    return found[name]


def _bundled(free: int) -> Card:
    path = find_language_model("demo")
    header = read_header(path)
    note = "understands the sample sessions' English, nothing else"
    return _from_header("demo", header, "bundled", "MIT", note, free, {})


def _of_entry(entry: Entry, have: Installed | None, free: int) -> Card:
    there = have is not None and have.there
    ram = fit.needed(fit.of_entry(entry))
    notes = [entry.remarks, "" if have is None or there else f"{have.file} is gone"]
    return Card(
        entry.name,
        entry.title,
        str(have.file) if have is not None and there else entry.file,
        have.bytes if have is not None and there else entry.bytes,
        entry.licence,
        entry.context,
        ram,
        fit.fitness(ram, free),
        have.source if have is not None and there else entry.source,
        there,
        "; ".join(filter(None, notes)),
        dict(have.measured) if have is not None else {},
    )


def _of_file(one: Installed, free: int) -> Card:
    try:
        header = read_header(one.file)
    except ModelError as error:
        note = error.what if one.there else f"{one.file} is gone"
        return Card(one.name, one.name, str(one.file), one.bytes, "", 0, 0, "", one.source, False, note, one.measured)
    return _from_header(one.name, header, one.source, "", "", free, one.measured)


def _from_header(
    name: str, header: GGUFHeader, source: str, licence: str, note: str, free: int, measured: dict[str, Any]
) -> Card:
    shape = fit.of_header(header)
    ram = fit.needed(shape)
    said = str(header.metadata.get("general.license", "")) or UNSTATED
    title = str(header.metadata.get("general.name") or header.path.stem)
    return Card(
        name,
        title,
        str(header.path),
        shape.bytes,
        licence or said,
        shape.context,
        ram,
        fit.fitness(ram, free),
        source,
        True,
        note,
        measured,
    )


def usable(name: str) -> None:
    """Whether a run can ask for this model: a name, a path, or a server's address; nothing is loaded or asked.

    Raises:
        ModelError: when there is no such model.
        UsageError: when it is no proper address.
    """
    if is_address(name):
        parse(name)
    else:
        find_language_model(name)


def details(name: str) -> dict[str, Any]:
    """Everything about one model: its card, and what its file says about itself when it is installed."""
    found = card(name)
    more: dict[str, Any] = {}
    if found.installed:
        header = read_header(Path(found.file))
        record = store.find(name)
        more = {
            "sha256": record.sha256 if record else "",
            "architecture": header.architecture,
            "layers": header.of_architecture("block_count"),
            "heads": header.of_architecture("attention.head_count"),
            "kv_bytes": fit.of_header(header).kv_bytes,
            "chat_template": "tokenizer.chat_template" in header.metadata,
        }
    elif found.name in catalogue.entries():
        entry = catalogue.entry(found.name)
        more = {"sha256": entry.sha256, "place": entry.place, "kv_bytes": entry.kv_bytes, "tried": entry.tried}
    return found.to_json() | {"ram_context": fit.default_context(found.context), "free": fit.available()} | more
