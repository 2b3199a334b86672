"""Whether a tokenizer can read a text: what share of its letters stands in pieces that say something.

No list of languages: a script is foreign to a tokenizer that takes its words apart into single letters, into bytes, or
does not know them at all. One character is a piece of its own only where it is a word of its own or where the script
writes no spaces between words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import regex

from workbench.words import unspaced

UNREADABLE = 0.25
"""Share of letters in meaningless pieces from which a text counts as one that cannot be read."""
UNREAD = "cannot read"
"""Name of the note that says so in the trace."""
LEAST = 40
"""Letters that a text must have to be judged by."""
_WORD = regex.compile(r"[\p{L}\p{M}]+")
_MOST = 2_000  # different words that are looked at
Who = Literal["model", "embedder"]
Pieces = Callable[[str], Sequence[bytes]]
"""The bytes of each token of a word; of an unknown one none."""


def remark(noted: Mapping[str, Any]) -> str:
    """The note ``UNREAD`` as a sentence."""
    return (
        f"the {noted['who']} cannot read this session's script: {noted['share']:.0%} of its letters stand in pieces "
        "that say nothing to it"
    )


def unread(text: str, pieces: Pieces) -> float | None:
    """The share of the letters of ``text`` that are in pieces that say nothing; None when it has too few to tell."""
    counts = Counter(_WORD.findall(text))
    letters = sum(len(word) * n for word, n in counts.items())
    if letters < LEAST:
        return None
    seen = counts.most_common(_MOST)
    return sum(_lost(word, pieces(word)) * n for word, n in seen) / sum(len(word) * n for word, n in seen)


def _lost(word: str, pieces: Sequence[bytes]) -> int:
    texts = [piece.decode("utf-8", "ignore").strip(" ▁") for piece in pieces]
    known = [t for t in texts if t]
    if len(known) == 1 and len(known[0]) >= len(word):
        return 0
    return max(0, len(word) - sum(len(t) for t in known if len(t) > 1 or (unspaced(t) and t in word)))
