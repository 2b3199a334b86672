"""The border: what a reader takes from JSON is checked here, and every wrong shape is one error that names its place.

A reader declares what it needs as a ``Row`` and calls ``checked``; foreign keys are kept in ``model_extra``. The types
forgive what files get wrong without harm: a number where a text stands, one value where a list stands, null for none.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from workbench.errors import SessionFormatError
from workbench.sessions.formats.limits import SHOWN, Remarks, shown
from workbench.sessions.formats.lines import dotted
from workbench.sessions.model import Session

MEND = "mend or re-export the file"
M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")


class Row(BaseModel):
    """An object of a foreign file: the fields that a reader needs; what else is there is kept in ``model_extra``."""

    model_config = ConfigDict(extra="allow", strict=True)


def as_text(value: Any) -> Any:
    """Numbers as text, null as the empty text; anything else stays, for the check to refuse."""
    if value is None:
        return ""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def as_list(value: Any) -> Any:
    """null as the empty list, one value as a list of it."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def as_object(value: Any) -> Any:
    """null as the empty object."""
    return {} if value is None else value


Text = Annotated[str, BeforeValidator(as_text)]
"""A text; a number is taken as its digits, null as the empty text."""
Listed = Annotated[list[Any], BeforeValidator(as_list)]
"""A list of anything; null is the empty list and one value a list of it."""
Object = Annotated[dict[str, Any], BeforeValidator(as_object)]
"""An object; null is the empty one."""


def checked(model: type[M], value: Any, where: str) -> M:
    """``value`` as a ``model``. Raises ``SessionFormatError`` naming the first place that is wrong."""
    try:
        return model.model_validate(table(value, where))
    except ValidationError as error:
        raise SessionFormatError(problem(error, where), MEND) from error


def problem(error: ValidationError, where: str, models: Mapping[str, type[BaseModel]] | None = None) -> str:
    """The first thing that a check found, with its place, and how many more there are.

    Args:
        models: of the parts of a strict model, by their key ("" is the whole): for what an unknown key may have meant.
    """
    found = error.errors(include_url=False)
    first = found[0]
    for key in (p for p in first["loc"] if p not in ("str", "list[str]")):
        where = dotted(where, key if isinstance(key, int) else shown(key)[1:-1])
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return f"{where}: {_message(first, models or {})}{more}"


def _message(found: Any, models: Mapping[str, type[BaseModel]]) -> str:
    kind, context = found["type"], found.get("ctx", {})
    if kind == "missing":
        return "missing"
    if kind == "extra_forbidden":
        return f"unknown key{_meant(found['loc'], models)}"
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
    return f"must be {wanted[kind]}, is {describe(found['input'])}" if kind in wanted else str(found["msg"])


def _meant(place: tuple[int | str, ...], models: Mapping[str, type[BaseModel]]) -> str:
    model = models.get(str(place[0])) or models.get("")
    if model is None:
        return ""
    near = get_close_matches(str(place[-1])[:SHOWN], model.model_fields, 1)
    return f" (did you mean {near[0]}?)" if near else f" (known: {', '.join(model.model_fields)})"


def table(value: Any, where: str) -> dict[str, Any]:
    """``value``, which must be a JSON object."""
    return _of(value, dict, "an object", where)


def array(value: Any, where: str) -> list[Any]:
    """``value``, which must be a JSON array."""
    return _of(value, list, "an array", where)


def string(value: Any, where: str) -> str:
    """``value``, which must be a JSON string."""
    return _of(value, str, "a string", where)


def _of(value: Any, kind: type, name: str, where: str) -> Any:
    if not isinstance(value, kind):
        raise SessionFormatError(f"{where or 'the file'}: must be {name}, is {describe(value)}", MEND)
    return value


def describe(value: Any) -> str:
    """A JSON value's type as a person calls it."""
    names = {dict: "an object", str: "a string", bool: "true or false", type(None): "null or missing"}
    return names.get(type(value), "an array" if isinstance(value, list) else "a number")


def golds(answer: Any) -> tuple[str, ...]:
    """The accepted answers that a value spells: lists in lists are one list, null and blank are none."""
    found: list[str] = []
    waiting = [answer]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += reversed(value)
        elif value is not None:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            found += [text.strip()] * bool(text.strip())
    return tuple(dict.fromkeys(found))


def each(rows: Iterable[tuple[str, Any]], read: Callable[[str, Any], T], remarks: Remarks, need: int = 1) -> list[T]:
    """``read(where, row)`` of every row. A row that cannot be read costs itself, with a remark that names its place.

    Raises the first row's ``SessionFormatError`` when fewer than ``need`` can be read.
    """
    found: list[T] = []
    first: SessionFormatError | None = None
    for where, row in rows:
        try:
            found.append(read(where, row))
        except SessionFormatError as error:
            first = first or error
            remarks.take([f"{error.what}; left out"])
    if len(found) < need and first is not None:
        raise first
    return found


def sessions_of(rows: Iterable[tuple[str, Any]], read: Callable[[str, Any], list[Session]]) -> list[Session]:
    """The sessions of every row; the first of them says which rows could not be read (see ``each``)."""
    remarks = Remarks()
    found = [session for sessions in each(rows, read, remarks) for session in sessions]
    return with_remarks(found, remarks)


def with_remarks(sessions: list[Session], remarks: Iterable[str]) -> list[Session]:
    """The sessions, the first of them with remarks that concern the file."""
    said = tuple(remarks)
    if not said or not sessions:
        return sessions
    first, *rest = sessions
    return [replace(first, warnings=tuple(dict.fromkeys((*first.warnings, *said)))), *rest]
