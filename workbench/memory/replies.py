"""Asking a model: what fits the schema is used, what does not is on record as lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from workbench.memory.base import Completion, Mind
from workbench.memory.log import MemoryLog
from workbench.memory.prompts import Operation
from workbench.memory.schemas import completed

CUT_OFF, TOO_LONG, REPETITION = "cut off", "too long", "repetition"
INVENTED, UNFIT = "invented id", "not in the schema"
"""The reasons for which something of an answer is lost."""

_REASONS = {"limit": CUT_OFF, "repetition": REPETITION, "refused": TOO_LONG}
_UNFIT = object()
_MORE_ROOM = 3  # times the tokens, when an answer was cut off and is asked for again


@dataclass(frozen=True, slots=True)
class Reply:
    """A model's answer that fits its schema; ``cause`` is the number of the model call."""

    data: Mapping[str, Any]
    cause: int

    def __getitem__(self, name: str) -> Any:
        return self.data[name]


async def ask(mind: Mind, log: MemoryLog, operation: Operation) -> Reply | None:
    """Ask the model; None when nothing of its answer can be used.

    A grammar lets a local model write nothing that does not fit, but an answer may be cut off, and a remote server, or
    a lane run without grammars, may answer anything. A full prompt's answer that was cut off is asked for once more
    with more room; then what can be read of it is used, entry by entry. Where a local model looped, the string or list
    was closed and the answer went on: what was cut out there is lost. Whatever is lost is on record as
    ``operation.dropped`` with its reason. Strings are put on one line.
    """
    done = await mind.run(operation)
    if done.stop == "limit" and operation.full is not None and operation.room == 1:
        done = await mind.run(replace(operation, room=_MORE_ROOM))
    reader = _Reader(log, operation.purpose, done.cause)
    schema = done.schema or operation.schema
    if schema is None or not _readable(done):
        reader.lost(_REASONS.get(done.stop, UNFIT), done.text[:200])
        return None
    if not done.ok:
        reader.lost(_REASONS.get(done.stop, UNFIT), f"…{done.text[-160:]}")
    for closing in done.closings:
        reader.lost(REPETITION, closing)
    data = reader.read(schema, done.data, "answer", whole=done.ok)
    if data is _UNFIT:
        return None
    full = operation.full
    if full is None or schema == full.schema:
        return Reply(data, done.cause)
    said = full.reads(data) if full.reads else data
    return Reply(completed(said, schema, full.schema), done.cause)


def _readable(done: Completion) -> bool:
    return done.data is not None and (done.ok or bool(done.data))


class _Reader:
    def __init__(self, log: MemoryLog, purpose: str, cause: int) -> None:
        self._log, self._purpose, self._cause = log, purpose, cause

    def read(self, schema: Mapping[str, Any], value: Any, where: str, whole: bool = True) -> Any:
        """The part of ``value`` that fits, or ``_UNFIT`` after saying so.

        Args:
            whole: whether the answer was written to its end; of one that was not, what is missing is taken as empty.
        """
        if "default" in schema and value == schema["default"]:
            return value  # what stands for "not said" may lie outside of what can be said
        if "enum" in schema:
            return value if value in schema["enum"] else self._unfit(INVENTED, value, where)
        match schema.get("type"):
            case "object" if isinstance(value, Mapping):
                return self._object(schema, value, where, whole)
            case "array" if isinstance(value, list):
                return self._array(schema, value, where, whole)
            case "boolean" if isinstance(value, bool):
                return value
            case "integer" if isinstance(value, int) and not isinstance(value, bool):
                low, high = schema.get("minimum", value), schema.get("maximum", value)
                return value if low <= value <= high else self._unfit(INVENTED, value, where)
            case "string" if isinstance(value, str):
                return self._string(schema, value, where)
        return self._unfit(UNFIT, value, where)

    def _string(self, schema: Mapping[str, Any], value: str, where: str) -> str:
        if len(value) >= schema.get("maxLength", len(value) + 1):
            self.lost(TOO_LONG, f"{where} ends at {len(value)} characters: …{value[-60:]!r}")
        return " ".join(value.split())

    def _object(self, schema: Mapping[str, Any], value: Mapping[str, Any], where: str, whole: bool) -> Any:
        out = {}
        for name, part in schema["properties"].items():
            if name not in value and (not whole or "default" in part):
                out[name] = part.get("default", _empty(part))  # the cut is on record
                continue
            found = self.read(part, value.get(name), f"{where}.{name}", whole)
            if found is _UNFIT and part.get("type") == "array":
                found = []  # the loss is on record; the rest of the answer is still good
            if found is _UNFIT:
                return _UNFIT
            out[name] = found
        return _UNFIT if any(part is _UNFIT for part in out.values()) else out

    def _array(self, schema: Mapping[str, Any], value: list[Any], where: str, whole: bool) -> list[Any]:
        most = schema.get("maxItems", len(value))
        if len(value) > most:  # a model without a grammar may name more than there are
            self.lost(INVENTED if most == 0 else TOO_LONG, f"{where} has {len(value)} entries, of at most {most}")
            value = value[:most]
        last = len(value) - 1  # of an answer that was cut off only the last entry may be half
        free = schema["items"].get("type") in ("string", "object") and "enum" not in schema["items"]
        if not whole and free and schema.get("minItems", 0) == 0:
            value = [v for n, v in enumerate(value) if v not in value[:n]]  # one of each, where it looped
            last = len(value) - 1
        read = (self.read(schema["items"], entry, f"{where}[{n}]", whole or n < last) for n, entry in enumerate(value))
        return [entry for entry in read if entry is not _UNFIT]

    def _unfit(self, reason: str, value: Any, where: str) -> Any:
        self.lost(reason, f"{where} is {value!r}")
        return _UNFIT

    def lost(self, reason: str, detail: str) -> None:
        """Put on record that something of the answer is lost."""
        self._log.dropped(reason, f"{self._purpose}: {detail}"[:300], operation=self._purpose, cause=self._cause)


def _empty(schema: Mapping[str, Any]) -> Any:
    """What a property counts as that a cut answer did not come to; ``_UNFIT`` where nothing can stand for it."""
    if "enum" in schema:
        return _UNFIT
    return {"string": "", "array": []}.get(str(schema.get("type")), _UNFIT)
