"""Loops: small models repeat themselves inside one string until the tokens run out."""

from __future__ import annotations

LONGEST = 120
"""Bytes of the longest piece whose repetition is found."""
_TIMES, _BYTES = 4, 64


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
    """Watches the strings of a JSON text, or a whole plain text, while it is written."""

    def __init__(self, json: bool = True) -> None:
        self._json = json
        self._string = bytearray()
        self._inside, self._escaped = not json, False

    def add(self, piece: bytes) -> bool:
        """Take in what was written; whether the string that is open has begun to loop."""
        for byte in piece:
            self._take(byte)
        return self._inside and len(self._string) >= _BYTES and loop_start(self._string) is not None

    def _take(self, byte: int) -> None:
        if not self._json:
            self._string.append(byte)
        elif not self._inside:
            self._inside = byte == 0x22
            self._string.clear()
        elif self._escaped or byte != 0x22:
            self._escaped = byte == 0x5C and not self._escaped
            self._string.append(byte)
        else:
            self._inside = False
