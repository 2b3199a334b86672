"""JSON schemas of what a full prompt asks for, and the same in words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Schema = dict[str, Any]


def fields(**properties: Schema) -> Schema:
    """An object with exactly these properties, in this order."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def text(about: str = "", default: str | None = None) -> Schema:
    """A string of any length; ``about`` says in words what it is, ``default`` what it is when nobody asked for it."""
    return _told({"type": "string"}, about, default)


def texts(about: str = "", default: Sequence[str] | None = None) -> Schema:
    """Strings."""
    return _told({"type": "array", "items": {"type": "string"}}, about, None if default is None else list(default))


def one_of(options: Sequence[str], about: str = "", default: str | None = None) -> Schema:
    """One of these words."""
    return _told({"type": "string", "enum": list(options)}, about, default)


def number(low: int, high: int, about: str = "", default: int | None = None) -> Schema:
    """A whole number from ``low`` to ``high``."""
    return _told({"type": "integer", "minimum": low, "maximum": max(low, high)}, about, default)


def index(count: int, about: str = "", default: int | None = None) -> Schema:
    """The number of one of ``count`` entries that were shown under 0, 1, …"""
    return number(0, count - 1, about, default)


def many(of: Schema, about: str = "", most: int | None = None, exactly: int | None = None) -> Schema:
    """A list; ``exactly`` of so many entries, at ``most`` of so many, or of any length."""
    bounds = {} if most is None else {"minItems": 0, "maxItems": most}
    bounds = bounds if exactly is None else {"minItems": exactly, "maxItems": exactly}
    return _told({"type": "array", "items": of} | bounds, about, None)


def truth(about: str = "", default: bool | None = None) -> Schema:
    """true or false."""
    return _told({"type": "boolean"}, about, default)


def _told(schema: Schema, about: str, default: Any) -> Schema:
    told = {"description": about} if about else {}
    return schema | told | ({} if default is None else {"default": default})


_FORM = "Answer with one JSON object and nothing else, in this form, where text is a string in double quotes:"


def in_words(schema: Mapping[str, Any]) -> str:
    """The format of an answer as instructions, so that a model without a grammar can follow it.

    A text stands there as the bare word ``text``: of ``"..."`` SmolLM2-135M made its answer, ``"..."`` again and again.
    """
    lines = [f"- {name}: {about}" for name, about in _abouts(schema)]
    shape = f"{_FORM}\n{_shape(schema)}"
    return "\n".join([shape, *(["where", *lines] if lines else [])])


def _shape(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(json.dumps(option, ensure_ascii=False) for option in schema["enum"])
    match schema.get("type"):
        case "object":
            inside = (f'"{name}": {_shape(part)}' for name, part in schema["properties"].items())
            return "{" + ", ".join(inside) + "}"
        case "array":
            return f"[{_shape(schema['items'])}, ...]"
        case "integer" | "number":
            return "number"
        case "boolean":
            return "true | false"
    return "text"


def _abouts(schema: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, part in schema.get("properties", {}).items():
        if "description" in part:
            yield f"{prefix}{name}", part["description"]
        inner = part.get("items", part)
        yield from _abouts(inner, f"{prefix}{name}.")


def completed(value: Any, plain: Mapping[str, Any], full: Mapping[str, Any]) -> Any:
    """An answer to ``plain`` with the defaults of what only ``full`` asks for, at every depth.

    A text in the place of an object is the object's first property.
    """
    if isinstance(value, str) and "properties" in full:
        value = {next(iter(full["properties"])): value}
    if isinstance(value, Mapping) and "properties" in full:
        known = plain.get("properties", {})
        out = {}
        for name, part in full["properties"].items():
            if name in value:
                out[name] = completed(value[name], known.get(name, {}), part)
            elif "default" in part:
                out[name] = part["default"]
        return {**value, **out}
    if isinstance(value, list) and "items" in full:
        return [completed(entry, plain.get("items", {}), full["items"]) for entry in value]
    return value
