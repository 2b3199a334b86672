"""The program's own JSON, documented in docs/session-format.md: one session, or a list of them."""

from __future__ import annotations

from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workbench.errors import SessionFormatError
from workbench.sessions.formats.limits import check_turns
from workbench.sessions.formats.lines import Lines
from workbench.sessions.formats.shapes import table
from workbench.sessions.model import Probe, Session, Turn

VERSION = 1
KEY = "mnemoscope_session"
SCORERS = ("match", "exact", "substring", "f1", "locomo", "label", "label-strict", "number", "choice", "abstain")
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
    turns: list[TurnModel]
    name: str = ""
    probes: list[ProbeModel] = []
    format: str = "native"
    warnings: list[str] = []
    extra: dict[str, Any] = {}


def detect(data: Any, path: Path) -> bool:
    """An object with ``mnemoscope_session``, or with ``turns`` and ``probes``; or a list that begins with one."""
    first = data[0] if isinstance(data, list) and data else data
    return isinstance(first, dict) and (KEY in first or {"turns", "probes"} <= first.keys())


def read(data: Any, path: Path) -> list[Session]:
    """Every session in the file; a nameless one takes the file's name."""
    if not isinstance(data, list):
        return [_session(data, "", path.stem)]
    stems = [path.stem if len(data) == 1 else f"{path.stem} {n}" for n in range(1, len(data) + 1)]
    places = [f"line {n}: " for n in data.numbers] if isinstance(data, Lines) else [f"[{n}]." for n in range(len(data))]
    return [_session(d, p, s) for d, p, s in zip(data, places, stems, strict=True)]


def _session(data: Any, where: str, stem: str) -> Session:
    version = table(data, where.rstrip(".: ") or "the file").get(KEY)
    if isinstance(version, int) and version > VERSION:
        what = f"{where}{KEY}: version {version} was written by a newer Mnemoscope (this one reads {VERSION})"
        raise SessionFormatError(what, "update this program")
    try:
        model = SessionModel.model_validate(data)
    except ValidationError as error:
        raise _readable(error, where) from error
    check_turns(len(model.turns), where.rstrip(".: ") or "turns")
    warnings = list(model.warnings)
    turns = tuple(_turn(t, i, f"{where}turns[{i}]", warnings) for i, t in enumerate(model.turns))
    probes = tuple(_probe(p, i, turns, f"{where}probes[{i}]", warnings) for i, p in enumerate(model.probes))
    _unique([p.id for p in probes], where)
    return Session(model.name or stem, turns, probes, model.format, tuple(dict.fromkeys(warnings)), model.extra)


def _turn(model: TurnModel, index: int, where: str, warnings: list[str]) -> Turn:
    if model.index not in (None, index):
        raise _error(f"{where}.index: is {model.index}, but it is turn {index} of the list", "leave index out")
    if model.date and not _is_date(model.date):
        warnings.append(f"{where}.date: {model.date!r} is not ISO 8601")
    return Turn(**model.model_dump() | {"index": index})


def _is_date(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _probe(model: ProbeModel, place: int, turns: tuple[Turn, ...], where: str, warnings: list[str]) -> Probe:
    last = len(turns) - 1
    gold = (model.gold,) if isinstance(model.gold, str) else tuple(model.gold)
    after = last if model.after is None else model.after
    if not -1 <= after <= last:
        raise _error(f"{where}.after: is {after}, the turns are 0 to {last}", "use -1 for before the first turn")
    if not model.abstain and not any(g.strip() for g in gold):
        raise _error(f"{where}.gold: no accepted answer", 'add one, or "abstain": true when there is none')
    if model.scorer not in SCORERS:
        raise _error(f"{where}.scorer: unknown scorer {model.scorer!r}", f"one of: {', '.join(SCORERS)}")
    for n, turn in enumerate(model.evidence):
        if not 0 <= turn <= last:
            raise _error(f"{where}.evidence[{n}]: is {turn}, the turns are 0 to {last}", "name turns by their index")
        if turn > after:
            warnings.append(f"{where}.evidence[{n}]: turn {turn} comes after the question")
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


def _unique(ids: list[str], where: str) -> None:
    seen: dict[str, int] = {}
    for place, name in enumerate(ids):
        if name in seen:
            raise _error(f"{where}probes[{place}].id: {name!r} is the id of probes[{seen[name]}] too", "rename one")
        seen[name] = place


def _error(what: str, remedy: str) -> SessionFormatError:
    return SessionFormatError(what, f"{remedy} (see docs/session-format.md)")


def _readable(error: ValidationError, where: str) -> SessionFormatError:
    problems = error.errors(include_url=False)
    first = problems[0]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    place = _place([p for p in first["loc"] if p not in ("str", "list[str]")])
    return _error(f"{where}{place}: {_message(first)}{more}", "mend it")


def _place(parts: list[int | str]) -> str:
    text = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in parts)
    return text.removeprefix(".")


def _message(problem: Any) -> str:
    kind, context = problem["type"], problem.get("ctx", {})
    if kind == "missing":
        return "missing"
    if kind == "extra_forbidden":
        return f"unknown key{_meant(problem['loc'])}"
    if kind == "string_too_short":
        return "is empty"
    if kind == "greater_than_equal":
        return f"must be at least {context['ge']}"
    wanted = {
        "string_type": "a string",
        "int_type": "a whole number",
        "bool_type": "true or false",
        "list_type": "an array",
        "dict_type": "an object",
        "model_type": "an object",
    }
    return f"must be {wanted[kind]}" if kind in wanted else str(problem["msg"])


def _meant(place: tuple[int | str, ...]) -> str:
    models: dict[str, type[BaseModel]] = {"turns": TurnModel, "probes": ProbeModel}
    known = models.get(str(place[0]), SessionModel).model_fields
    near = get_close_matches(str(place[-1]), known, 1)
    return f" (did you mean {near[0]}?)" if near else f" (known: {', '.join(known)})"
