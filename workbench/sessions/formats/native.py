"""The program's own JSON, documented in docs/session-format.md: one session, or a list of them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, FailFast, Field, ValidationError

from workbench.errors import SessionFormatError
from workbench.sessions.formats.limits import Remarks, check_turns, shown
from workbench.sessions.formats.lines import dotted, placed, sample, stem
from workbench.sessions.formats.shapes import problem, sessions_of, table
from workbench.sessions.model import Probe, Session, Turn

VERSION = 1
KEY = "mnemoscope_session"
SCORERS = (
    "match", "exact", "substring", "f1", "locomo", "label", "label-strict", "number", "choice", "abstain", "interval",
    "checks", "all", "in-order", "pair", "event-time",
)  # fmt: skip
"""The scorers a probe may name: ``workbench.probes.scorers.SCORERS``, which this layer cannot import."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class TurnModel(_Strict):
    """One element of ``turns``."""

    role: str = Field(min_length=1)
    text: str
    index: int | None = None
    speaker: str = ""
    date: str = ""
    part: int = Field(0, ge=0)
    source: str = ""
    extra: dict[str, Any] = {}
    weekday: str = ""


class ProbeModel(_Strict):
    """One element of ``probes``."""

    question: str = Field(min_length=1)
    competency: str = Field(min_length=1)
    gold: str | list[str] = []
    id: str = ""
    after: int | None = None
    evidence: list[int] = []
    scorer: str = "match"
    options: list[str] = []
    abstain: bool = False
    extra: dict[str, Any] = {}
    asked: str = ""
    task: str = ""
    max_tokens: int = Field(0, ge=0)
    scores: list[str] = []


class SessionModel(_Strict):
    """A session."""

    mnemoscope_session: int
    turns: Annotated[list[TurnModel], FailFast()]
    name: str = ""
    probes: Annotated[list[ProbeModel], FailFast()] = []
    format: str = "native"
    warnings: list[str] = []
    extra: dict[str, Any] = {}


_MODELS: dict[str, type[BaseModel]] = {"turns": TurnModel, "probes": ProbeModel, "": SessionModel}


def detect(data: Any, path: Path) -> bool:
    """An object with ``mnemoscope_session``, or with ``turns`` and ``probes``; or a list that holds some."""
    return any(KEY in row or {"turns", "probes"} <= row.keys() for row in sample(data))


def read(data: Any, path: Path) -> list[Session]:
    """Every session in the file; a nameless one takes the file's name."""
    if not isinstance(data, list):
        return [_session(data, "", stem(path))]
    stems = [stem(path) if len(data) == 1 else f"{stem(path)} {n}" for n in range(1, len(data) + 1)]
    rows = [(where, (row, name)) for (where, row), name in zip(placed(data), stems, strict=True)]
    return sessions_of(rows, lambda where, one: [_session(one[0], where, one[1])])


def _session(data: Any, where: str, stem: str) -> Session:
    version = table(data, where).get(KEY)
    if isinstance(version, int) and version > VERSION:
        what = f"version {version} was written by a newer Mnemoscope (this one reads {VERSION})"
        raise SessionFormatError(f"{dotted(where, KEY)}: {what}", "update this program")
    turns = data.get("turns")
    if isinstance(turns, list):
        check_turns(len(turns), where or "turns")
    try:
        model = SessionModel.model_validate(data)
    except ValidationError as error:
        raise _error(problem(error, where, _MODELS), "mend it") from error
    remarks = Remarks(*model.warnings)
    said = tuple(_turn(t, i, f"{dotted(where, 'turns')}[{i}]", remarks) for i, t in enumerate(model.turns))
    asked = (_probe(p, i, said, f"{dotted(where, 'probes')}[{i}]", remarks) for i, p in enumerate(model.probes))
    return Session(model.name or stem, said, tuple(asked), model.format, tuple(remarks), model.extra)


def _turn(model: TurnModel, index: int, where: str, remarks: Remarks) -> Turn:
    if model.index not in (None, index):
        raise _error(f"{where}.index: is {model.index}, but it is turn {index} of the list", "leave index out")
    if model.date and not _is_date(model.date):
        remarks.add(f"{where}.date", f"{shown(model.date)} is not ISO 8601")
    return Turn(**model.model_dump() | {"index": index})


def _is_date(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def probe(data: Any, place: int, turns: tuple[Turn, ...], where: str, remarks: Remarks) -> Probe:
    """An element of ``probes`` that stands apart from its session. Raises ``SessionFormatError`` naming its place."""
    try:
        model = ProbeModel.model_validate(table(data, where))
    except ValidationError as error:
        raise _error(problem(error, where, {"": ProbeModel}), "mend it") from error
    return _probe(model, place, turns, where, remarks)


def _probe(model: ProbeModel, place: int, turns: tuple[Turn, ...], where: str, remarks: Remarks) -> Probe:
    last = len(turns) - 1
    gold = (model.gold,) if isinstance(model.gold, str) else tuple(model.gold)
    after = last if model.after is None else model.after
    if not -1 <= after <= last:
        raise _error(f"{where}.after: is {after}, the turns are 0 to {last}", "use -1 for before the first turn")
    if not model.abstain and not any(g.strip() for g in gold):
        raise _error(f"{where}.gold: no accepted answer", 'add one, or "abstain": true when there is none')
    if model.scorer not in SCORERS:
        raise _error(f"{where}.scorer: unknown scorer {shown(model.scorer)}", f"one of: {', '.join(SCORERS)}")
    for n, turn in enumerate(model.evidence):
        if not 0 <= turn <= last:
            raise _error(f"{where}.evidence[{n}]: is {turn}, the turns are 0 to {last}", "name turns by their index")
        if turn > after:
            remarks.add(f"{where}.evidence[{n}]", f"turn {turn} comes after the question")
    return Probe(
        model.id or f"p{place + 1}",
        after,
        model.question,
        gold,
        model.competency,
        tuple(model.evidence),
        model.scorer,
        tuple(model.options),
        model.abstain,
        model.extra,
        model.asked,
        model.task,
        model.max_tokens,
        tuple(model.scores),
    )


def _error(what: str, remedy: str) -> SessionFormatError:
    return SessionFormatError(what, f"{remedy} (see docs/session-format.md)")
