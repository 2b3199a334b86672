"""Token counts by text."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable


class TokenCounts:
    """Counts each text once. Kept by hash: texts would hold on to every prompt that was ever measured.

    Args:
        count: how many tokens a text has.
        size: how many counts are kept; the one used longest ago is forgotten.
    """

    def __init__(self, count: Callable[[str], int], size: int = 65_536) -> None:
        self._count, self._size = count, size
        self._known: OrderedDict[bytes, int] = OrderedDict()

    def __call__(self, text: str) -> int:
        """How many tokens a text has."""
        key = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._count(text)
            if len(self._known) > self._size:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(key)
        return known
