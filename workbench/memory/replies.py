"""Asking a model: what fits the schema is used, what does not is on record as lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbench.memory.base import Mind
from workbench.memory.log import MemoryLog
from workbench.memory.prompts import Operation

_UNFIT = object()


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
    a lane run without grammars, may answer anything. Whatever is lost is on record as ``operation.dropped``: a whole
    answer that was cut off or has another shape (``malformed output``), single entries of its lists that have another
    shape, and numbers or options that were never offered (``invented id``). Strings are put on one line.
    """
    done = await mind.run(operation)
    if not done.ok or operation.schema is None:
        log.dropped("malformed output", f"{operation.purpose}: {done.text[:200]}", cause=done.cause)
        return None
    reader = _Reader(log, operation.purpose, done.cause)
    data = reader.read(operation.schema, done.data, "answer")
    return None if data is _UNFIT else Reply(data, done.cause)


class _Reader:
    def __init__(self, log: MemoryLog, purpose: str, cause: int) -> None:
        self._log, self._purpose, self._cause = log, purpose, cause

    def read(self, schema: Mapping[str, Any], value: Any, where: str) -> Any:
        """The part of ``value`` that fits, or ``_UNFIT`` after saying so."""
        if "enum" in schema:
            return value if value in schema["enum"] else self._lost("invented id", value, where)
        match schema.get("type"):
            case "object" if isinstance(value, Mapping):
                return self._object(schema, value, where)
            case "array" if isinstance(value, list):
                return self._array(schema, value, where)
            case "integer" if isinstance(value, int) and not isinstance(value, bool):
                low, high = schema.get("minimum", value), schema.get("maximum", value)
                return value if low <= value <= high else self._lost("invented id", value, where)
            case "string" if isinstance(value, str):
                return " ".join(value.split())
        return self._lost("malformed output", value, where)

    def _object(self, schema: Mapping[str, Any], value: Mapping[str, Any], where: str) -> Any:
        out = {}
        for name, part in schema["properties"].items():
            found = self.read(part, value.get(name), f"{where}.{name}")
            if found is _UNFIT and part.get("type") == "array":
                found = []  # the loss is on record; the rest of the answer is still good
            if found is _UNFIT:
                return _UNFIT
            out[name] = found
        return out

    def _array(self, schema: Mapping[str, Any], value: list[Any], where: str) -> list[Any]:
        read = (self.read(schema["items"], entry, f"{where}[{n}]") for n, entry in enumerate(value))
        return [entry for entry in read if entry is not _UNFIT]

    def _lost(self, reason: str, value: Any, where: str) -> Any:
        self._log.dropped(reason, f"{self._purpose}: {where} is {value!r}"[:300], cause=self._cause)
        return _UNFIT
