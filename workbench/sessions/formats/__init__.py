"""One reader per file format; ``read`` recognises a file by its content and hands back sessions.

A reader raises ``SessionFormatError`` that names the place in the file; what it tolerates becomes a warning of the
session, which names the place too. Neither names the file: ``read`` puts that in front of an error, and a session must
be the same wherever its file lies.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from workbench.errors import SessionFormatError
from workbench.sessions.formats import mapped
from workbench.sessions.formats.guess import seems
from workbench.sessions.formats.limits import Remarks, one_line, shown
from workbench.sessions.formats.lines import Lines, stem
from workbench.sessions.formats.loading import Archive, load, members
from workbench.sessions.formats.registry import READERS, Reader, readers, titles
from workbench.sessions.formats.shapes import with_remarks
from workbench.sessions.formats.sidecar import attached
from workbench.sessions.formats.wrapped import inside
from workbench.sessions.model import Probe, Session

__all__ = ["READERS", "distinct", "read", "recognise", "titles"]


_WAYS = 200  # to take an object apart that are tried


def read(path: Path | str, **options: str) -> list[Session]:
    """Every session in the file, under distinct names, with the probes that lie beside it (``sidecar``).

    Args:
        options: for readers that have some (``OPTIONS`` in their module), as ``chunk="code"`` of MemoryAgentBench;
            ``("FILE",)`` there stands for the name of any file. ``map``: the file is a table, and this is what its
            columns are (``mapped``).

    Raises ``SessionFormatError`` naming file, place and remedy, ``UsageError`` for what is no mapping.
    """
    path = Path(path)
    if "map" in options:
        return distinct(attached(distinct(mapped.read(path, mapped.parse_map(options["map"]))), path))
    data = load(path)
    try:
        return distinct(attached(distinct(_read(data, path, options)), path))
    except SessionFormatError as error:
        raise SessionFormatError(f"{path}: {one_line(error.what)}", error.remedy) from error
    finally:
        _close(data)


def recognise(path: Path | str) -> str:
    """Name of the file's format, of an archive's first session file. Raises as ``read`` does when it has none."""
    path = Path(path)
    data = load(path)
    try:
        return str(next(iter(_recognised(data, path, Remarks())))[0])
    except SessionFormatError as error:
        raise SessionFormatError(f"{path}: {one_line(error.what)}", error.remedy) from error
    finally:
        _close(data)


def _close(data: Any) -> None:
    if isinstance(data, Archive):
        data.close()


def _read(data: Any, path: Path, options: Mapping[str, str]) -> list[Session]:
    found: list[Session] = []
    remarks = Remarks()
    first: SessionFormatError | None = None
    for format_, reader, inner, name, part in _recognised(data, path, remarks):
        try:
            sessions = reader.read(inner, name, **_checked(options, format_, reader))
        except SessionFormatError as error:
            if inner is data:
                raise
            first = first or SessionFormatError(f"{part}: {error.what}", error.remedy)
            remarks.add(part, f"{error.what}; left out")
            continue
        found += with_remarks(sessions, inner.remarks if isinstance(inner, Lines) else ())
    if not found and first:
        raise first
    if isinstance(data, Archive):
        remarks.take(data.remarks)
    return with_remarks(found, remarks)


def _checked(options: Mapping[str, str], format_: str, reader: Reader) -> Mapping[str, str]:
    """The options, which the reader must have."""
    known: Mapping[str, Sequence[str]] = getattr(reader, "OPTIONS", {})
    for key, value in options.items():
        choices = known.get(key, ())
        if value not in choices and choices != ("FILE",):
            offered = "; ".join(f"{name}={'|'.join(values)}" for name, values in known.items()) or "none"
            raise SessionFormatError(f"no option {key}={shown(value)[1:-1]} for {format_}", f"there are: {offered}")
    return options


def _recognised(data: Any, path: Path, remarks: Remarks) -> Iterable[Any]:
    """Format, reader, data, path and place of the file, or of every part of it when no reader takes it whole."""
    reader = _reader(data, path)
    if reader:
        yield *reader, data, path, ""
        return
    found = False
    for name, inner in (members(data) if isinstance(data, Archive) else {}).items():
        parts = _parts(inner, Path(name), remarks)
        found = found or bool(parts)
        yield from ((*taken, place, f"{place.name}: {part}" if part else place.name) for *taken, place, part in parts)
        if not parts and isinstance(data, Archive):
            data.remarks.add(name, "no session format; left out")
    parts = [] if isinstance(data, Archive) else _parts(data, path, remarks)
    yield from parts
    if not (found or parts):
        raise SessionFormatError(*seems(data))


def _parts(data: Any, path: Path, remarks: Remarks) -> list[Any]:
    """The data as its reader takes it, or what stands inside it in the first way that a reader knows; as above."""
    reader = _reader(data, path)
    if reader:
        return [(*reader, data, path, "")]
    for way in islice(inside(data), _WAYS):
        known = [(key, inner, _reader(inner, path)) for key, inner in way.items()]
        taken = [(key, inner, reader) for key, inner, reader in known if reader]
        for key, inner, reader in known if taken else ():
            if not reader and inner:
                remarks.add(key, "no session format; left out")
        if taken:
            several = len(taken) > 1
            place = path.parent
            return [
                (*reader, inner, place / f"{stem(path)} {key}.json" if several else path, key)
                for key, inner, reader in taken
            ]
    return []


def _reader(data: Any, path: Path) -> tuple[str, Reader] | None:
    return next(((name, reader) for name, reader in readers() if reader.detect(data, path)), None)


def distinct(sessions: Sequence[Session]) -> list[Session]:
    """Sessions under names, and probes under ids, that name one each; a changed one is remarked."""
    names = _unique([s.name for s in sessions])
    return [_probes_distinct(_askable(_renamed(s, name))) for s, name in zip(sessions, names, strict=True)]


def _askable(session: Session) -> Session:
    """The session without probes that nobody can answer, whichever reader let them through."""
    kept = tuple(p for p in session.probes if p.question.strip() and (p.abstain or any(g.strip() for g in p.gold)))
    if len(kept) == len(session.probes):
        return session
    gone = len(session.probes) - len(kept)
    remark = f"{gone} question{'s' if gone > 1 else ''} without a text or an answer: left out"
    return replace(session, probes=kept, warnings=(*session.warnings, remark))


def _renamed(session: Session, name: str) -> Session:
    if name == session.name:
        return session
    remark = f"the name {shown(session.name)} is another session's too; this one is called {shown(name)}"
    return replace(session, name=name, warnings=(*session.warnings, remark))


def _probes_distinct(session: Session) -> Session:
    ids = _unique([p.id for p in session.probes])
    remarks = Remarks(*session.warnings)
    probes: list[Probe] = []
    for probe, id in zip(session.probes, ids, strict=True):
        if id != probe.id:
            remarks.add("", f"question id {shown(probe.id)} is another question's too; this one is called {shown(id)}")
        probes.append(replace(probe, id=id) if id != probe.id else probe)
    if tuple(ids) == tuple(p.id for p in session.probes):
        return session
    return replace(session, probes=tuple(probes), warnings=tuple(remarks))


def _unique(names: list[str]) -> list[str]:
    """Every name once: the first keeps it, later ones get ``(2)``, ``(3)`` behind it."""
    taken, count = set(names), Counter[str]()
    found = []
    for name in names:
        count[name] += 1
        new = name
        while count[name] > 1 and new in taken:
            new = f"{name} ({count[name]})"
            count[name] += new in taken
        taken.add(new)
        found.append(new)
    return found
