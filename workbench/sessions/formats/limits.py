"""How much a session file may hold, and remarks that stay readable however odd it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from workbench.errors import SessionFormatError

MAX_BYTES = 512 << 20
"""Of a file, of a compressed file once unpacked, and of all that is read from an archive."""
MAX_VALUES = 20_000_000
"""JSON values in a file, by its commas and brackets: one takes up to 64 bytes of memory."""
MAX_LINES = 2_000_000
"""Lines of a JSON Lines file."""
MAX_TURNS = 200_000
"""Turns of a session."""
MAX_REMARKS = 100
"""Remarks that a session keeps in words; the rest is counted."""
LONGEST = 600
"""Characters of an error's line, without its remedy."""
SHOWN = 80
"""Characters of a foreign value that a message quotes."""


class Remarks:
    """What a reader tolerated: each once, in order, each with its place; after ``MAX_REMARKS`` they are counted."""

    def __init__(self, *said: str) -> None:
        self._said: dict[str, None] = dict.fromkeys(said)
        self._more = 0

    def add(self, where: str, what: str) -> None:
        """Remark ``what`` about the place ``where``; an empty place is the whole."""
        self.take([f"{where}: {what}" if where else what])

    def take(self, said: Any) -> None:
        """Remarks that already name their place."""
        for remark in said:
            if remark in self._said:
                continue
            if len(self._said) < MAX_REMARKS:
                self._said[remark] = None
            else:
                self._more += 1

    def __iter__(self) -> Iterator[str]:
        yield from self._said
        if self._more:
            yield f"{self._more} more remarks of these kinds"

    def __bool__(self) -> bool:
        return bool(self._said)


def shown(value: Any, limit: int = SHOWN) -> str:
    """A foreign value as a message quotes it: one line, at most ``limit`` characters."""
    if isinstance(value, str | bytes):
        text = repr(value[: limit + 1])
    elif isinstance(value, dict | list):
        text = "a list" if isinstance(value, list) else "an object"
    else:
        text = repr(value)
    return text if len(text) <= limit + 3 else f"{text[:limit]}…"


def one_line(text: str) -> str:
    """A message as one line of printable characters, bounded: foreign text may stand in it."""
    line = "".join(c if c.isprintable() else " " for c in text[: LONGEST + 1])
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}…"


def check_turns(count: int, where: str) -> None:
    """Refuse a session without turns, or one too long to replay."""
    if not count:
        raise SessionFormatError(f"{where}: no turns" if where else "no turns", "choose a session that has some")
    if count > MAX_TURNS:
        raise SessionFormatError(f"{where}: {count} turns, at most {MAX_TURNS} are read", "split the session")
