"""Loops: small models repeat themselves, inside one string or entry by entry, until the tokens run out.

Where a loop begins in a JSON text, its string or list can be closed there and the rest of the text be written after it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

LONGEST = 600
"""Bytes of the longest piece whose repetition is found."""
MOST_CLOSINGS = 8
"""Loops that are closed in one output; the next one ends it."""
_TIMES, _BYTES = 4, 64
_LONG, _TIMES_LONG = 120, 3  # bytes of a piece, about a sentence, from which fewer times do
_AGAIN, _STALE = 3, 12  # times that each entry is said again; entries in a row that were all said before
_COUNTED = 12  # entries that differ in numbers alone, which go up or down by the same each time
_COUNTED_INSIDE = 24  # the same inside one text
_QUOTE, _ESCAPE, _COMMA = b'"\\,'
_DIGITS = re.compile(rb"\d{1,9}")
_NUMBER = re.compile(rb"\d{1,9}")
_HALF_ESCAPE = re.compile(rb"(?<!\\)(?:\\\\)*(\\(?:u[0-9a-fA-F]{0,3})?)\Z")
_WORDS = ("boolean", "integer", "number", "null")
_MARKS = b'"{['

Schemas = tuple[Mapping[str, Any], ...]


def loop_start(data: bytes | bytearray, times: int = _TIMES, least: int = _BYTES) -> int | None:
    """Where the text begins to repeat itself to its end, None when it does not.

    A loop is a piece of at most :data:`LONGEST` bytes that stands at the end ``times`` times or more (a long one three
    times), at least ``least`` bytes in all; or a number that goes up by one again and again. The first of the repeats
    is no repetition yet: the place named is behind it.
    """
    size = len(data)
    for period in range(1, min(LONGEST, size // min(times, _TIMES_LONG)) + 1):
        if data[-period:] != data[-2 * period : -period]:
            continue
        start = size - period
        while start >= period and data[start - period : start] == data[-period:]:
            start -= period
        needed = times if period <= _LONG else min(times, _TIMES_LONG)
        if (size - start) >= max(least, needed * period):
            return start + period
    return _counting(data)


def _counting(data: bytes | bytearray) -> int | None:
    """Behind the first number of those at the end that go up by one, always with the same between them."""
    numbers = [found for found in _DIGITS.finditer(data) if found.end() < len(data)]
    if len(numbers) < _COUNTED_INSIDE or len(data) - numbers[-1].end() > numbers[-1].start() - numbers[-2].end():
        return None
    between = data[numbers[-2].end() : numbers[-1].start()]
    run = len(numbers) - 1
    while (
        run
        and data[numbers[run - 1].end() : numbers[run].start()] == between
        and int(numbers[run - 1].group()) + 1 == int(numbers[run].group())
    ):
        run -= 1
    return numbers[run].end() if len(numbers) - run >= _COUNTED_INSIDE else None


@dataclass(frozen=True, slots=True)
class Loop:
    """Where an output began to repeat itself.

    Attributes:
        keep: bytes before the first thing that was said again.
        close: what ends the string, list or object behind them; empty in a plain text, which can only end there.
        place: which one it is: ``answer.rows[3].name``.
        what: ``string``, ``list``, ``object`` or ``text``.
    """

    keep: int
    close: bytes
    place: str
    what: str


class LoopGuard:
    """Watches a JSON text, or a plain one, while it is written.

    A string, or a plain text, loops when its end is the same piece again and again. A list of texts or objects loops
    when nothing new is said in it any more, or when its entries count on and on; only a list whose length the schema
    leaves open: where it asks for one word per entry, equal ones are right. So does an object whose names are free.

    Args:
        schema: what the JSON text follows; None for plain text.
    """

    def __init__(self, schema: Mapping[str, Any] | None = None) -> None:
        self._schema = schema
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self._data = bytearray()
        self._open: list[_Open] = []
        self._inside, self._escaped, self._from = self._schema is None, False, 0

    def resume(self, written: bytes) -> None:
        """Go on behind a text that was cut back; what it says again is known."""
        self.forget()
        for byte in written:
            self._take(byte)

    def add(self, piece: bytes) -> Loop | None:
        """Take in what was written; the loop that it has run into."""
        for byte in piece:
            found = self._take(byte)
            if found is not None:
                return found
        if self._inside and len(self._data) - self._from >= _BYTES:
            string = self._data[self._from :]
            start = loop_start(string)
            if start is not None:
                return self._in(string[:start])
        return None

    def _in(self, string: bytearray) -> Loop:
        """The loop of the string that is open, of which ``string`` stays."""
        whole = len(string.decode("utf-8", "ignore").encode()) if _broken(string) else len(string)
        if self._schema is None:
            return Loop(whole, b"", "answer", "text")
        half = _HALF_ESCAPE.search(string[:whole])
        keep = half.start(1) if half else whole
        return Loop(self._from + keep, b'"', self._place(), "string")

    def _take(self, byte: int) -> Loop | None:
        """Take in a byte; the loop of the list that it goes on with."""
        self._data.append(byte)
        if self._schema is None:
            return None
        if self._inside:
            return self._in_string(byte)
        if byte == _QUOTE:
            self._inside, self._from = True, len(self._data)
        elif byte in b"[{":
            self._begin(byte == ord("["))
        elif byte in b"]}" and self._open:
            self._said(len(self._data) - 1)
            self._open.pop()
            return self._said(len(self._data))
        elif byte == _COMMA and self._open:
            found = self._said(len(self._data) - 1)
            self._open[-1].next(len(self._data))
            return found
        return None

    def _in_string(self, byte: int) -> Loop | None:
        if self._escaped or byte != _QUOTE:
            self._escaped = byte == _ESCAPE and not self._escaped
            return None
        self._inside = False
        if self._open and not self._open[-1].is_list and self._open[-1].key is None:
            self._open[-1].key = self._data[self._from : -1].decode("utf-8", "replace")
            return None
        return self._said(len(self._data))

    def _begin(self, is_list: bool) -> None:
        kind = "array" if is_list else "object"
        schemas = tuple(s for s in self._schemas() if s.get("type", kind) == kind)
        self._open.append(_Open(is_list, schemas, self._place(), len(self._data)))

    def _schemas(self) -> Schemas:
        """What the value that begins here may be."""
        if not self._open:
            return tuple(_alternatives(self._schema or {}))
        parent = self._open[-1]
        if parent.is_list:
            inner: Iterable[Mapping[str, Any]] = (s.get("items", {}) for s in parent.schemas)
        else:
            inner = (s.get("properties", {}).get(parent.key, {}) for s in parent.schemas)
        return tuple(found for schema in inner for found in _alternatives(schema))

    def _place(self) -> str:
        if not self._open:
            return "answer"
        parent = self._open[-1]
        return f"{parent.place}[{len(parent.ends)}]" if parent.is_list else f"{parent.place}.{parent.key}"

    def _said(self, end: int) -> Loop | None:
        """The value that ends here was an entry of the list or object that is open."""
        if not self._open or self._open[-1].done or not self._data[self._open[-1].start : end].strip():
            return None
        inside = self._open[-1]
        keep = inside.add(bytes(self._data[inside.start : end].strip()), end)
        if keep is None:
            return None
        return Loop(keep, b"]", inside.place, "list") if inside.is_list else Loop(keep, b"}", inside.place, "object")


@dataclass(slots=True)
class _Open:
    """A list or an object that is being written: its entries, where each ends, and what was said again at last."""

    is_list: bool
    schemas: Schemas
    place: str
    start: int
    key: str | None = None
    done: bool = False
    entries: list[bytes] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    again: list[bytes] = field(default_factory=list)
    fresh: int = 0
    free: bool = False

    def __post_init__(self) -> None:
        self.free = (
            all(map(_is_open, self.schemas)) if self.is_list else not any("properties" in s for s in self.schemas)
        )

    def next(self, start: int) -> None:
        """Another entry begins."""
        self.start, self.key, self.done = start, None, False

    def add(self, entry: bytes, end: int) -> int | None:
        """An entry ends at ``end``; where to cut when the entries loop."""
        new, self.done = entry not in self.entries, True
        self.entries.append(entry)
        self.ends.append(end)
        if new:
            self.fresh, self.again = len(self.ends), []
        else:
            self.again.append(entry)
        if not self.free or (self.is_list and entry[0] not in _MARKS):
            return None
        least = max((int(s.get("minItems", 0)) for s in self.schemas), default=0)
        if self.again and len(self.again) >= min(_STALE, _AGAIN * len(set(self.again))):
            return self.ends[max(self.fresh, least) - 1]
        return end if _counts(self.entries[-_COUNTED:]) else None


def _alternatives(schema: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    if "anyOf" not in schema:
        return (schema,)
    return (found for part in schema["anyOf"] for found in _alternatives(part))


def _is_open(schema: Mapping[str, Any]) -> bool:
    """Whether a list's schema leaves open how many texts, objects or lists there are."""
    parts = tuple(_alternatives(schema.get("items", {})))
    words = all("enum" in part or "const" in part or part.get("type") in _WORDS for part in parts)
    return "maxItems" not in schema and not words


def _broken(data: bytearray) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return True
    return False


def _counts(entries: Sequence[bytes]) -> bool:
    """Whether a small model counts on and on: ``date_1``, ``date_2`` and so forth, or ``1,200``, ``2,200``."""
    texts = all(entry[0] == _QUOTE for entry in entries)  # objects that count may be a verdict on each of many
    if not texts or len(entries) < _COUNTED or len({_NUMBER.sub(b"#", entry) for entry in entries}) > 1:
        return False
    columns = list(zip(*(map(int, _NUMBER.findall(entry)) for entry in entries), strict=True))
    steps = [{after - before for before, after in pairwise(column)} for column in columns]
    return all(len(step) == 1 for step in steps) and any(step != {0} for step in steps)
