"""Token counts by text."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable

NONE = -1


class TokenCounts:
    """Counts a text once, as long as no other one takes its place: a table of one size, however long a run is.

    Kept by hash: texts would hold on to every prompt that was ever measured. The hash's low bits are the place, all 64
    tell the texts of a place apart.

    Args:
        count: how many tokens a text has.
        size: how many counts are kept, 12 bytes each.
    """

    def __init__(self, count: Callable[[str], int], size: int = 65_536) -> None:
        self._count, self._size = count, size
        self._keys, self._counts = array("Q", bytes(8 * size)), array("i", [NONE]) * size

    def __call__(self, text: str) -> int:
        """How many tokens a text has."""
        digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        key = int.from_bytes(digest, "little")
        place = key % self._size
        if self._keys[place] != key or self._counts[place] == NONE:
            self._keys[place], self._counts[place] = key, self._count(text)
        return self._counts[place]
