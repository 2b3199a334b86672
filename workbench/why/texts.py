"""Comparing texts without a model, in any language: whether one names a gold answer, how much of another it repeats.

These are hints. Whether a text *says* an answer is for the reader to decide (``workbench.why.says``).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import log

from workbench.memory import dates
from workbench.memory.languages import time_words
from workbench.probes import text as forms

_THOUSANDS = r"[1-9]\d{0,2}(?:[.,]\d{3})+(?:[.,]\d{1,2})?"
_NUMBER = rf"{_THOUSANDS}(?![.,:]?\d)|\d+[.,]\d+(?![.,:]?\d)|\d+(?::\d+)+"  # with thousands, a fraction, a time
_WORD = re.compile(rf"(?<!\d[.,:])(?:{_NUMBER})(?![^\W_])|[^\W_]+")
_OF_A_DAY = re.compile(r"(?<!\d)\d{1,2}(?!\d)")
_CLOCK = re.compile(r"(?<![\d:])\d{1,2}(?::\d{2}){1,2}(?![\d:])")
_KNOWN = 8192  # texts whose plain form is kept: the same items are looked at for every probe of a lane


def names(text: str, golds: Iterable[str]) -> bool:
    """Whether a gold is in the text: all of its words, in a row or not."""
    plain = _plain(text)
    said = set(forms.words(plain))
    return any(_in(said, plain, gold) for gold in map(_plain, golds) if gold)


def same_number(text: str, gold: str) -> bool:
    """Whether two texts have a number of at most two digits in common: without one they name no day in common."""
    return not _numbers(gold).isdisjoint(_numbers(text))


def without_days(text: str, languages: tuple[str, ...]) -> str:
    """A text without the numbers of days, months and times of day: "18:53" and "11 April" count nothing."""
    text = unicodedata.normalize("NFC", text)
    starts = {start for m in dates.mentions(text, time_words(languages)) for start in m.starts}
    return _CLOCK.sub(" ", _OF_A_DAY.sub(lambda m: " " * len(m[0]) if m.start() in starts else m[0], text))


@lru_cache(maxsize=_KNOWN)
def _numbers(text: str) -> frozenset[int]:
    return frozenset(map(int, _OF_A_DAY.findall(text)))


def same_day(text: str, gold: str, languages: tuple[str, ...]) -> bool:
    """Whether a gold that is a day, and nothing else, is named by a text in whatever form: 11 April is 2026-04-11."""
    wanted = _day(gold, languages)
    return wanted is not None and any(
        day[1:] == wanted[1:] and (day[0] == wanted[0] or not (day[0] and wanted[0])) for day in _days(text, languages)
    )


@lru_cache(maxsize=_KNOWN)
def _days(text: str, languages: tuple[str, ...]) -> tuple[tuple[int, int, int], ...]:
    return tuple((m.year, m.month, m.day) for m in dates.mentions(text, time_words(languages)) if m.day)


@lru_cache(maxsize=_KNOWN)
def _day(gold: str, languages: tuple[str, ...]) -> tuple[int, int, int] | None:
    """The day that a gold is (year 0 when it names none), None where it says anything else."""
    found = [m for m in dates.mentions(gold, time_words(languages)) if m.day]
    if len(found) != 1 or any(len(t.word) > 2 and t.start not in found[0].starts for t in dates.tokens(gold)):
        return None
    return found[0].year, found[0].month, found[0].day


@lru_cache(maxsize=_KNOWN)
def _plain(text: str) -> str:
    return " ".join(map(_written, _WORD.findall(unicodedata.normalize("NFKC", text).casefold())))


def _written(word: str) -> str:
    """A number as it is written without marks of thousands, with a point for a fraction: 2,600 is 2.600 and not 600."""
    if word.isalnum():
        return word
    whole = re.sub(r"[.,](?=\d{3}(?!\d))", "", word) if re.fullmatch(_THOUSANDS, word) else word
    return re.sub("[,:]", ".", whole)


def _in(said: set[str], plain: str, gold: str) -> bool:
    if not _spaced(gold):
        return gold.replace(" ", "") in plain.replace(" ", "")
    return said.issuperset(forms.words(gold) or gold.split())


@lru_cache(maxsize=_KNOWN)
def _spaced(text: str) -> bool:
    """Whether words of this script are told apart by spaces: letters that have no case are taken not to be."""
    return not any(unicodedata.category(c) == "Lo" for c in text)


def tokens(text: str) -> list[str]:
    """Words, case folded; pairs of letters where a script has no spaces."""
    found = []
    for word in _plain(text).split():
        found += [word] if _spaced(word) or len(word) == 1 else [word[n : n + 2] for n in range(len(word) - 1)]
    return found


class Rarity:
    """How much of a text another one repeats; words weigh the square of their inverse document frequency."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._n = len(texts)
        self._seen = Counter(token for text in texts for token in set(tokens(text)))

    def share(self, text: str, source: str) -> float:
        """Share (0 to 1) of what ``source`` says that ``text`` repeats; 0 for an empty source."""
        wanted, said = set(tokens(source)), set(tokens(text))
        whole = sum(map(self._weight, wanted))
        return sum(map(self._weight, wanted & said)) / whole if whole else 0.0

    def covered(self, gold: str, evidence: str, answer: str) -> float:
        """Of what a gold answer repeats of its evidence, the share that an answer says; 0 when it repeats nothing."""
        told = set(tokens(gold)) & set(tokens(evidence))
        whole = sum(map(self._weight, told))
        return sum(map(self._weight, told & set(tokens(answer)))) / whole if whole else 0.0

    def _weight(self, token: str) -> float:
        return log((1 + self._n) / (1 + self._seen[token])) ** 2 + 0.1
