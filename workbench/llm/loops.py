"""Loops: small models repeat themselves inside one string until the tokens run out."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

LONGEST = 120
"""Bytes of the longest piece whose repetition is found."""
_TIMES, _BYTES = 4, 64
_SAME, _CYCLE = 4, 3  # equal entries of a list; entries that take turns
_COUNTED = 12  # entries that differ in a number alone, which goes up by one
_OPEN, _CLOSE = b"{}"
_NUMBER = re.compile(rb"\d{1,9}(?=\D*\Z)")


def loop_start(data: bytes | bytearray, times: int = _TIMES, least: int = _BYTES) -> int | None:
    """Where the text begins to repeat itself to its end, None when it does not.

    A loop is a piece of at most :data:`LONGEST` bytes that stands at the end ``times`` times or more, at least
    ``least`` bytes in all. The first of the repeats is no repetition yet: the place named is behind it.
    """
    size = len(data)
    for period in range(1, min(LONGEST, size // times) + 1):
        if data[-period:] != data[-2 * period : -period]:
            continue
        start = size - period
        while start >= period and data[start - period : start] == data[-period:]:
            start -= period
        if (size - start) >= max(least, times * period):
            return start + period
    return None


class LoopGuard:
    """Watches the strings of a JSON text, or a whole plain text, while it is written.

    Args:
        json: whether the text is JSON; each of its strings is then watched for itself.
        entries: whether equal strings, or equal objects, one after another are a loop as well. Not where the schema
            asks for one word per entry of a list.
    """

    def __init__(self, json: bool = True, entries: bool = False) -> None:
        self._json, self._entries = json, entries
        self._string = bytearray()
        self._strings: deque[bytes] = deque(maxlen=_SAME * _CYCLE)
        self._objects: deque[bytes] = deque(maxlen=_SAME * _CYCLE)
        self._object = bytearray()  # the innermost one that is open
        self._inside, self._escaped = not json, False

    def add(self, piece: bytes) -> bool:
        """Take in what was written; whether the string that is open has begun to loop, or the list of strings."""
        closed = False
        for byte in piece:
            closed = self._take(byte) or closed
        if closed and self._entries and self._cycles():
            return True
        return self._inside and len(self._string) >= _BYTES and loop_start(self._string) is not None

    def _take(self, byte: int) -> bool:
        """Take in a byte; whether it closed a string or an object."""
        if not self._json:
            self._string.append(byte)
            return False
        if not self._inside and byte == _OPEN:
            self._object.clear()
        self._object.append(byte)
        if not self._inside and byte == _CLOSE:
            self._objects.append(bytes(self._object))
            return True
        return self._in_string(byte)

    def _in_string(self, byte: int) -> bool:
        if not self._inside:
            self._inside = byte == 0x22
            self._string.clear()
        elif self._escaped or byte != 0x22:
            self._escaped = byte == 0x5C and not self._escaped
            self._string.append(byte)
        else:
            self._inside = False
            self._strings.append(bytes(self._string))
        return not self._inside and byte == 0x22

    def _cycles(self) -> bool:
        """Whether the last strings or objects are one, two or three, again and again, or the strings count."""
        for last in (list(self._strings), list(self._objects)):
            for period in range(1, _CYCLE + 1):
                tail = last[-_SAME * period :]
                if len(tail) == _SAME * period and tail == tail[:period] * _SAME:
                    return True
        return _counts(list(self._strings)[-_COUNTED:])


def _counts(strings: Sequence[bytes]) -> bool:
    """Whether a small model counts on and on: ``date_1``, ``date_2``, ``date_3`` and so forth."""
    numbers = [_NUMBER.search(string) for string in strings]
    if len(strings) < _COUNTED or not all(numbers):
        return False
    values = [int(found.group()) for found in numbers if found]
    frames = {_NUMBER.sub(b"#", string) for string in strings}
    return len(frames) == 1 and values == list(range(values[0], values[0] + _COUNTED))


def open_lists(schema: Mapping[str, Any]) -> bool:
    """Whether a schema has a list of free texts or of objects whose length it does not bound."""
    inner = [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]
    free = schema.get("items", {}).get("type") in ("string", "object") and "enum" not in schema["items"]
    return (free and "maxItems" not in schema) or any(open_lists(part) for part in inner)
