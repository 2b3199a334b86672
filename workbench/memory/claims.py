"""What a stored sentence claims: names and numbers that its turns should have said, and days without a date."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain

from workbench.sessions.model import Turn

_TOKEN = re.compile(r"\w+")
_SENTENCE_END = re.compile(r"[.!?…]\s+|\n+")
_DAYS = r"mon|tues|wednes|thurs|fri|satur|sun"
_RELATIVE = re.compile(
    r"\b(?:yesterday|today|tomorrow|tonight|(?:last|next|this) (?:night|morning|evening|week|weekend|month|year|"
    rf"(?:{_DAYS})day)|(?:\w+) (?:day|week|month|year)s? ago|in (?:\w+) (?:day|week|month|year)s)\b",
    re.IGNORECASE,
)


class Sources:
    """What the turns of a session said, word by word.

    Attributes:
        names: words that the session writes like names: speakers, and capitals inside a sentence.
    """

    def __init__(self, turns: Sequence[Turn]) -> None:
        self._words: Mapping[int, frozenset[str]] = {t.index: _folded(t.said) for t in turns}
        speakers = chain.from_iterable(_folded(t.speaker) for t in turns)
        self.names = frozenset(chain(speakers, *(_capitals(t.text, ()) for t in turns)))

    def missing(self, text: str, turns: Sequence[int]) -> list[str]:
        """The names and numbers in ``text`` that none of these turns said; nothing when one of them is not known."""
        if not all(t in self._words for t in turns):
            return []
        said = frozenset(chain.from_iterable(self._words[t] for t in turns))
        return [word for word in dict.fromkeys(_capitals(text, self.names)) if word not in said]


def relative_day(text: str) -> str:
    """The first word of ``text`` that names a day by its distance from the day it was said; empty for none."""
    found = _RELATIVE.search(text)
    return found[0] if found else ""


def _capitals(text: str, names: Collection[str]) -> Iterator[str]:
    """Numbers and names of a text, case folded: the first word of a sentence is one when ``names`` knows it."""
    for sentence in _SENTENCE_END.split(text):
        for place, word in enumerate(_TOKEN.findall(sentence)):
            folded = word.casefold()
            if word[0].isdigit() or (len(word) > 1 and word[0].isupper() and (place or folded in names)):
                yield folded


def _folded(text: str) -> frozenset[str]:
    return frozenset(_TOKEN.findall(text.casefold()))
