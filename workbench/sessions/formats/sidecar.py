"""Probes that a person or a model wrote for a session file: in ``NAME.probes.json`` beside it, never in the file.

``formats.read`` hands them back with the session's own. A file of probes says which turns it was written for; when they
have changed since, that is a remark, as is a probe that no longer fits.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from pydantic import Field

from workbench.errors import SessionFormatError, UsageError
from workbench.files import write_text
from workbench.sessions.formats import native
from workbench.sessions.formats.limits import Remarks
from workbench.sessions.formats.loading import load
from workbench.sessions.formats.shapes import Listed, Row, Text, checked, each, table
from workbench.sessions.model import COMPETENCIES, Probe, Session

SUFFIX = ".probes.json"
KEY = "mnemoscope_probes"
VERSION = 1
SHORT = 6
"""Words up to which an answer is matched as a whole."""
WRITTEN = "written"
"""In ``Probe.extra`` of such probes: ``by hand``, or the name of the model that wrote them."""


class Entry(Row):
    """What was written for one session."""

    turns: Text = ""
    probes: Listed = Field(default=[])


def beside(path: Path) -> Path:
    """Where the probes for a session file lie."""
    return path.with_name(path.name + SUFFIX)


def attached(sessions: Sequence[Session], path: Path) -> list[Session]:
    """The sessions of a file with the probes that lie beside it. What cannot be read there is a remark."""
    place = beside(path)
    try:
        found = _entries(place) if place.is_file() else {}
    except (SessionFormatError, OSError) as error:
        what = error.what if isinstance(error, SessionFormatError) else f"cannot be read ({error.strerror})"
        first, *rest = sessions
        remark = f"the probes beside it are left out: {what.removeprefix(f'{place}: ')}"
        return [replace(first, warnings=(*first.warnings, remark)), *rest]
    return [_with(session, found[session.name]) if session.name in found else session for session in sessions]


def _with(session: Session, entry: Entry) -> Session:
    remarks = Remarks(*session.warnings)
    if entry.turns and entry.turns != digest(session):
        remarks.add("", "its turns have changed since the probes beside it were written: check them")
    rows = [(f"probes beside it[{n}]", (n, row)) for n, row in enumerate(entry.probes)]
    made = each(rows, lambda at, one: native.probe(one[1], one[0], session.turns, at, remarks), remarks, need=0)
    return replace(session, probes=(*session.probes, *made), warnings=tuple(remarks))


def digest(session: Session) -> str:
    """SHA-256 of what was said by whom: the turns that probes name by their index."""
    said = [[t.role, t.speaker, t.text] for t in session.turns]
    return hashlib.sha256(json.dumps(said, ensure_ascii=False).encode("utf-8", "replace")).hexdigest()


def _entries(place: Path) -> dict[str, Entry]:
    data = table(load(place), "")
    version = data.get(KEY)
    if not isinstance(version, int) or isinstance(version, bool):
        raise SessionFormatError(f"{KEY}: missing: no file of probes", "move it away, or write it again")
    if version > VERSION:
        raise SessionFormatError(f"{KEY}: version {version} was written by a newer Mnemoscope", "update this program")
    sessions = table(data.get("sessions", {}), "sessions")
    return {name: checked(Entry, entry, f"sessions.{name}"[:80]) for name, entry in sessions.items()}


# changing them ------------------------------------------------------------------------------------------------------


def written(path: Path) -> dict[str, list[str]]:
    """The ids of the probes that lie beside a session file, by the session's name. Raises ``SessionFormatError``."""
    found = _entries(beside(path)) if beside(path).is_file() else {}
    return {name: [str(row.get("id", "")) for row in e.probes if isinstance(row, dict)] for name, e in found.items()}


def by_hand(
    session: Session,
    question: str,
    gold: Sequence[str],
    after: int | None = None,
    evidence: Sequence[int] = (),
    competency: str = COMPETENCIES[0],
) -> Probe:
    """A probe that a person writes; ``add`` gives it its id.

    Args:
        after: the turn after which it is asked; None is the last one, -1 before the first.
        evidence: indexes of the turns that hold the answer.

    Raises ``UsageError`` for what is no probe of this session.
    """
    answers, last = tuple(g.strip() for g in gold if g.strip()), len(session.turns) - 1
    asked = last if after is None else after
    wrong = next((n for n in evidence if not 0 <= n <= last), None if -1 <= asked <= last else asked)
    if not question.strip() or not answers:
        raise UsageError("a probe needs a question and an answer", "give both")
    if wrong is not None:
        raise UsageError(f"there is no turn {wrong}: the turns are 0 to {last}", "name turns by number")
    turns = tuple(dict.fromkeys(sorted(evidence)))
    return Probe("", asked, question.strip(), answers, competency, turns, scorer(answers), extra={WRITTEN: "by hand"})


def scorer(gold: Sequence[str]) -> str:
    """Short answers are matched as a whole, longer ones compared by their words."""
    return "match" if max(len(answer.split()) for answer in gold) <= SHORT else "f1"


def add(path: Path, session: Session, probes: Sequence[Probe]) -> list[Probe]:
    """Write probes for a session beside its file; the probes under the ids that they got.

    Args:
        path: the session file, which is not touched.
        session: as ``formats.read`` gave it, with all its probes: new ids are none of theirs.

    Raises ``SessionFormatError`` when the file of probes that is there cannot be read, ``MnemoscopeError`` when it
    cannot be written.
    """
    taken = {p.id for p in session.probes}
    named = []
    for probe in probes:
        number = 1
        while probe.id in taken or not probe.id:
            probe, number = replace(probe, id=f"own-{number}"), number + 1
        taken.add(probe.id)
        named.append(probe)
    entries = _raw(path)
    entry = entries.setdefault(session.name, {})
    entry["turns"] = digest(session)
    entry["probes"] = [*entry.get("probes", []), *map(_plain, named)]
    _write(path, entries)
    return named


def remove(path: Path, session: Session, ids: Sequence[str]) -> list[str]:
    """Take probes out again; the ids that were there. Those of the session file itself cannot be removed."""
    entries = _raw(path)
    entry = entries.get(session.name, {})
    gone = [str(row.get("id")) for row in entry.get("probes", []) if row.get("id") in ids]
    if gone:
        entry["probes"] = [row for row in entry["probes"] if row.get("id") not in gone]
        _write(path, {name: e for name, e in entries.items() if e.get("probes")})
    return gone


def _raw(path: Path) -> dict[str, dict[str, Any]]:
    place = beside(path)
    if not place.is_file():
        return {}
    return {
        name: {"turns": entry.turns, "probes": [row for row in entry.probes if isinstance(row, dict)]}
        for name, entry in _entries(place).items()
    }


def _write(path: Path, entries: Mapping[str, Any]) -> None:
    data = {KEY: VERSION, "file": path.name, "sessions": entries}
    write_text(beside(path), json.dumps(data, ensure_ascii=False, indent=1, allow_nan=False) + "\n")


def _plain(probe: Probe) -> dict[str, Any]:
    """A probe in the session format, without what says nothing."""
    plain = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(probe).items()}
    return {key: value for key, value in plain.items() if value or key in ("after", "question")}
