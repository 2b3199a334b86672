"""Contexts that had to make room for others, as llama.cpp's own bytes, until somebody asks about one of them again.

Every lane asks with a context of its own, and each grows from question to question; the sequences of a context take
their whole length in memory, so that few of them fit. Kept here a context takes what it holds, and putting it back
costs a copy where reading it again costs the model. It is put back to the bit, so that no number changes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from workbench.llm.model import Tokens, common_prefix
from workbench.llm.scope import Snapshot

SHELF_BYTES = 1 << 30
"""Of all contexts together, at most."""
SHARE_OF_FREE = 1 / 8
"""Of the memory that is free when a model is opened: no more than that, either."""
STALE = 64
"""Answers after which a context is given up that nobody has asked about again: five rounds of a dozen lanes."""
COPIED = 64
"""Tokens that are put back in the time in which the model reads one: 23 KB each of SmolLM2, whose token takes 3 ms."""


@dataclass(slots=True, eq=False)
class Shelved:
    """A context: what was read of it, in which number of answer it was last used, and how often it was taken up."""

    prompt: Tokens
    snapshot: Snapshot
    used: int
    wanted: int = 0

    @property
    def size(self) -> int:
        """Bytes that it takes."""
        return self.snapshot.state.nbytes + self.prompt.nbytes


class Shelf:
    """Contexts of at most ``most`` bytes; what is worth least goes first: short, long unused, never asked for.

    What nobody has asked about for :data:`STALE` answers goes too: a long run would fill all of it with contexts that
    its memories have left behind.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: list[Shelved] = []

    @property
    def size(self) -> int:
        """Bytes of what is held."""
        return sum(entry.size for entry in self._held)

    def has(self, prompt: Tokens) -> bool:
        """Whether a context is here, by itself or as the beginning of a longer one."""
        return any(common_prefix(entry.prompt, prompt) == len(prompt) for entry in self._held)

    def takes(self, size: int) -> bool:
        """Whether a context of so many bytes can be kept at all."""
        return size <= self._most

    def put(self, prompt: Tokens, snapshot: Snapshot, now: int, wanted: int) -> None:
        """Keep a context; those that it goes on from are no longer needed."""
        grown = [e for e in self._held if common_prefix(e.prompt, prompt) == len(e.prompt)]
        self._held = [entry for entry in self._held if entry not in grown and now - entry.used <= STALE]
        wanted = max([wanted, *(entry.wanted for entry in grown)])
        self._held.append(Shelved(prompt, snapshot, now, wanted))
        while self.size > self._most:
            self._held.remove(min(self._held, key=lambda entry: self._worth(entry, now)))

    @staticmethod
    def _worth(entry: Shelved, now: int) -> float:
        return len(entry.prompt) * (1 + entry.wanted) / (now - entry.used + 1)

    def best(self, shared: Callable[[Tokens], int], beside: int) -> tuple[Shelved, int] | None:
        """The context that shares most, where putting it back costs less than reading what it has beyond ``beside``.

        Args:
            shared: how many first tokens of a context can be taken over.
        """
        found = [(shared(entry.prompt) - len(entry.prompt) / COPIED, entry) for entry in self._held]
        worth, entry = max(found, key=lambda pair: pair[0], default=(0.0, None))
        return None if entry is None or worth <= beside else (entry, shared(entry.prompt))

    def clear(self) -> None:
        """Throw everything away."""
        self._held.clear()


def shelf_bytes() -> int:
    """Bytes that a shelf may take on this machine now."""
    import psutil

    return int(min(SHELF_BYTES, psutil.virtual_memory().available * SHARE_OF_FREE))
