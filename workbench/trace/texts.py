"""Texts that stand in many events, stored once: a prompt's instruction, a packed turn, what a hit says.

In the stored JSON the ``text`` of such a place is a whole number, the ``id`` of a row of the table ``text``. Readers
give the words; nothing but this module and the reader and writer beside it knows of the numbers.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any

from workbench.trace.events import Kind

FOLDED = {
    Kind.MODEL_CALLED: "prompt",
    Kind.PACKED: "spans",
    Kind.RECALLED: "hits",
    Kind.JUDGED: "prompts",
    Kind.WRITTEN: "",
}
"""Where in the payload of a kind such texts are: below this key, or (empty) in the payload itself."""
LEAST = 48
"""Characters from which on a text is worth a row; of one sample run (SmolLM2, seven lanes) a third is saved by it."""
LONGEST = 64 << 20
"""Characters of JSON in one stored value, and of all texts that one event names; a session of ten million words has as
many. Nothing longer is written, since nothing longer is read."""
MENTIONED = re.compile(r'"text":(\d+)')
"""A number in stored JSON where a text was."""

_NAMED = re.compile(r'"text"\s*:\s*[-\d]')
_DEPTH = 2  # lists in lists: the messages of each of several prompts


def named(stored: Any) -> bool:
    """Whether stored JSON may name a text. Most events of most runs do not, and need no look into all their parts."""
    return not isinstance(stored, str) or _NAMED.search(stored) is not None


def number(text: str, taken: int = 0) -> int:
    """The row of a text: 52 bits of its SHA-256, which every JSON reader holds exactly.

    Args:
        taken: how many rows from there on hold another text.
    """
    digest = hashlib.sha256(text.encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 12) + taken


def fold(kind: str, payload: Mapping[str, Any], keep: Callable[[str], int]) -> Mapping[str, Any]:
    """The payload as it is stored; ``keep`` stores a text and gives its row. The payload given stays as it is."""

    def stored(text: Any) -> Any:
        return keep(text) if isinstance(text, str) and len(text) >= LEAST else text

    return _changed(kind, payload, stored)


def unfold(kind: str, payload: Any, known: Callable[[int], str], most: int) -> Any:
    """The payload as it was appended.

    Args:
        known: the text of a row.
        most: characters that all texts together may have.

    Raises:
        ValueError: when they have more.
    """
    room = most

    def said(text: Any) -> Any:
        nonlocal room
        if type(text) is not int:
            return text
        found = known(text)
        room -= len(found)
        if room < 0:
            raise ValueError(f"texts of more than {most:,} characters")
        return found

    return _changed(kind, payload, said)


def _changed(kind: str, payload: Any, change: Callable[[Any], Any]) -> Any:
    if kind not in FOLDED or not isinstance(payload, Mapping):
        return payload
    place = FOLDED[kind]  # type: ignore[index]
    if not place:
        return _inside(payload, change)
    return {**payload, place: _inside(payload[place], change)} if place in payload else payload


def _inside(value: Any, change: Callable[[Any], Any], depth: int = _DEPTH) -> Any:
    """The same with every ``text`` of its mappings changed; lists in lists are gone through, as deep as ours are."""
    if isinstance(value, list | tuple):
        return [_inside(part, change, depth - 1) for part in value] if depth else value
    if isinstance(value, Mapping) and "text" in value:
        return {**value, "text": change(value["text"])}
    return value
