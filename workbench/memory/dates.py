"""Dates that a text names, and those that a turn may mean by "yesterday", "on Friday" or "for three years"."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import regex

from workbench.memory.languages import UNSPACED, Offset, TimeWords, folded
from workbench.words import numeric

AROUND = 14
"""Days on each side of a turn that it may speak of by weekday, or as "last weekend"."""

_TWO = ("两", "兩", "俩")
_TOKEN = regex.compile(r"\d+(?:[.,:]\d+)*|[\p{L}\p{M}]+")
_ENDS = regex.compile(r"[。！？\n]|[.!?…:][\p{P}\p{S}]*\s")
_DAY = regex.compile(r"(?<!\d)(\d{4})-(\d{1,2})-(\d{1,2})(?!\d)")
_EAST = regex.compile(r"(?:(\d{4})\s*年\s*)?(\d{1,2})\s*月(?:\s*(\d{1,2})\s*日)?")


@dataclass(frozen=True, slots=True)
class Token:
    """A word or number of a text: as written, folded, where it begins, and whether it stands inside a sentence."""

    text: str
    word: str
    start: int
    inside: bool

    @property
    def capital(self) -> bool:
        """Whether it is written like a name; one letter alone is not."""
        return len(self.text) > 1 and self.text[0].isupper()

    @property
    def number(self) -> bool:
        """Whether it is written in digits."""
        return self.text[0].isdigit()


def tokens(text: str) -> list[Token]:
    """The words and numbers of a text, in order."""
    text = unicodedata.normalize("NFC", text)
    found: list[Token] = []
    end = 0
    for match in _TOKEN.finditer(text):
        inside = bool(found) and not _ENDS.search(text[end : match.start()])
        found.append(Token(match[0], folded(match[0]), match.start(), inside))
        end = match.end()
    return found


@dataclass(frozen=True, slots=True)
class Mention:
    """A date that a text names, 0 where it leaves something open; ``starts``: where its words begin in the text."""

    year: int
    month: int
    day: int
    starts: frozenset[int]


def mentions(text: str, time: TimeWords) -> list[Mention]:
    """The dates that a text names by a month's name, in ISO form or in Chinese and Japanese characters."""
    text = unicodedata.normalize("NFC", text)
    found = []
    for pattern in (_DAY, _EAST):
        for match in pattern.finditer(text):
            starts = frozenset(match.start(n) for n in range(1, 4) if match[n])
            year, month, day = (int(match[n] or 0) for n in range(1, 4))
            found.append(Mention(year, month, day, starts))
    return found + list(_by_name(tokens(text), time))


def _by_name(found: Sequence[Token], time: TimeWords) -> Iterator[Mention]:
    for place, token in enumerate(found):
        month = time.months.get(token.word)
        if month is None or (token.word.isascii() and len(token.word) < 3):
            continue
        before = [t for t in found[max(0, place - 3) : place] if t.number]
        after = [t for t in found[place + 1 : place + 5] if t.number]
        day = next((t for t in (*before[::-1], *after) if _is_day(t.text)), None)
        year = next((t for t in (*after, *before) if _is_year(t.text)), None)
        if not (token.capital or day or year) and token.word.isascii() and len(token.word) < 5:
            continue  # English may, mar.
        parts = [t for t in (token, day, year) if t]
        yield Mention(
            int(year.text) if year else 0, month, int(day.text) if day else 0, frozenset(t.start for t in parts)
        )


def _is_day(text: str) -> bool:
    return 1 <= numeric(text) <= 31


def _is_year(text: str) -> bool:
    return text.isdecimal() and len(text) == 4 and 1900 <= int(text) <= 2100


@dataclass(frozen=True, slots=True)
class Dates:
    """The dates that turns may mean. ``told``: the days that they tell by their distance."""

    days: frozenset[date] = frozenset()
    months: frozenset[tuple[int, int]] = frozenset()
    years: frozenset[int] = frozenset()
    told: frozenset[date] = frozenset()

    def has_day(self, mention: Mention) -> bool:
        """Whether one of the days is the one that is named."""
        wanted = (mention.month, mention.day)
        return any((d.month, d.day) == wanted and mention.year in (0, d.year) for d in self.days)

    def has_month(self, mention: Mention) -> bool:
        """Whether one of the months is the one that is named."""
        return any(month == mention.month and mention.year in (0, year) for year, month in self.months)


def possible(said: Iterable[tuple[str, str]], time: TimeWords) -> Dates:
    """The dates that turns (ISO 8601 date, text) may mean: those near them, and those at a distance they speak of."""
    days: set[date] = set()
    told: set[date] = set()
    months: set[tuple[int, int]] = set()
    years: set[int] = set()
    for when, text in said:
        base = day_of(when)
        if base is None:
            continue
        years |= {base.year}
        if any(mention.month for mention in mentions(text, time)):
            years |= {base.year - 1, base.year + 1}  # "in November" may be last year's or the next
        days |= _near(base, 0, AROUND)
        for n, unit in offsets(text, time):
            for way in (-n, n):
                if unit == "day":
                    told |= _near(base, way, 0)
                elif unit == "week":
                    days |= _near(base, 7 * way, 6)
                elif unit == "month":
                    months |= {_month(base, way)}
                else:
                    years |= {base.year + way}
                    months |= {(base.year + way, month) for month in range(1, 13)}
    days |= told
    months |= {(d.year, d.month) for d in days}
    return Dates(frozenset(days), frozenset(months), frozenset(years | {y for y, _ in months}), frozenset(told))


def day_of(when: str) -> date | None:
    """The day of an ISO 8601 date; None for another text."""
    try:
        return date.fromisoformat(when[:10])
    except ValueError:
        return None


def offsets(text: str, time: TimeWords) -> list[Offset]:
    """The distances in time that a text speaks of: "yesterday", "two weeks ago", "for three years", "a month"."""
    low = folded(text)
    found = [time.offsets[m[0]] for m in time.relative.finditer(low) if m[0] in time.offsets] if time.relative else []
    if UNSPACED.search(low):
        for word, unit in time.units.items():
            for match in regex.finditer(rf"(\d+|\p{{N}}|\p{{Han}})\s*{regex.escape(word)}", low):
                if n := _value(match[1], time):
                    found.append((n, unit))
        return found
    every = tokens(text)
    for place, token in enumerate(every):
        if unit := time.units.get(token.word, ""):
            counts = [_value(t.word, time) for t in every[max(0, place - 2) : place]]
            found.append((next((n for n in reversed(counts) if n), 1), unit))
    return found


def _value(word: str, time: TimeWords) -> int:
    """The number that a word is, 0 for none or one too large to count time by."""
    value = int(word) if word.isdecimal() and len(word) < 5 else time.number(word) or numeral(word)
    return value if 0 < value < 1000 else 0


def numeral(character: str) -> int:
    """What a single character counts (三, 两), 0 for none."""
    value = 2 if character in _TWO else unicodedata.numeric(character, 0) if len(character) == 1 else 0
    return int(value) if 0 < value <= 10 else 0


def _near(base: date, way: int, around: int) -> set[date]:
    try:
        return {base + timedelta(days=way + n) for n in range(-around, around + 1)}
    except OverflowError:
        return set()


def _month(base: date, way: int) -> tuple[int, int]:
    year, month = divmod(base.year * 12 + base.month - 1 + way, 12)
    return year, month + 1
