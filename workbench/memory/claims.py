"""What a stored sentence claims: names, numbers and dates that its sitting should have said, whom it speaks of, and
days that only the day it was said on tells.

In any language. Names are what the session itself writes with a capital inside sentences more often than without one;
where a script has no capitals, or nouns have them (German), names are not told from other words. A date is no invention
when the turn's own date resolves it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from math import sqrt

import regex

from workbench.memory.dates import Dates, Mention, Token, mentions, numeral, possible, tokens
from workbench.memory.languages import (
    UNSPACED,
    folded,
    function_words,
    languages,
    scripts,
    spoken,
    time_words,
    wording,
    written,
)
from workbench.sessions.model import Turn
from workbench.words import numeric, words

NEAR = 30
"""Turns on each side that are the sitting where a session is not divided into sittings."""
_FEW = 30
"""Words of a session below which nobody knows its language."""
_NOUNS = 0.2
"""Share of capitals inside sentences from which on a language writes more than names with them."""
_SMALL = 12
"""Numbers up to here are often spelled out."""
_CONTENT = 4
"""Words of content that a turn must have to be worth a memory, where it has no name or number."""
_SAME = 0.4
"""Share of a text's content that a sentence must have to be what it says."""
_OFTEN = 0.02
"""Share of the turns from which on a word tells little."""
_ASKS = regex.compile(r"[?？؟;]")
_SENTENCE = regex.compile(r"[^.!?…。！？؟\n]+[.!?…。！？؟]*")


@dataclass(frozen=True, slots=True)
class _Said:
    """What a stretch of turns says, folded; what is said of dates as numbers of months and weekdays."""

    words: frozenset[str]
    numbers: frozenset[str]
    months: frozenset[int]
    weekdays: frozenset[int]
    unspaced: bool

    def has(self, word: str) -> bool:
        """Whether a word is said, also with another ending."""
        return word in self.words or any(_inflected(word, other) for other in self.words)


class Sources:
    """What the turns of a session said.

    Attributes:
        languages: the session's, ISO 639-1.
        names: folded words that the session writes like names.
        participants: folded words of the speakers' names, or of their roles where they have none.
        small: folded words that the session writes without a capital at least as often.
        function_words: of the session's languages, folded.
    """

    def __init__(self, turns: Sequence[Turn]) -> None:
        self._turns = {t.index: t for t in turns}
        self._tokens = {t.index: tokens(t.text) for t in turns}
        every = [token for found in self._tokens.values() for token in found]
        likely = languages(token.word for token in every)
        self.languages = likely if len(every) >= _FEW else written()
        self._time = time_words(self.languages)
        self.function_words = frozenset().union(*map(function_words, likely))
        self._speakers = {t.index: frozenset(w.word for w in tokens(t.speaker or t.role)) for t in turns}
        self.participants = frozenset().union(*self._speakers.values())
        self._scripts = scripts(" ".join(t.text for t in turns))
        self._count_capitals(every)
        self._turns_with = Counter(w for found in self._tokens.values() for w in {token.word for token in found})
        self._parts: dict[int, list[Turn]] = {}
        for turn in turns:
            self._parts.setdefault(turn.part, []).append(turn)
        self._said: dict[int, _Said] = {}
        self._sittings: dict[tuple[int, ...], _Said] = {}

    def _count_capitals(self, every: Iterable[Token]) -> None:
        capital, small = Counter[str](), Counter[str]()
        for token in every:
            if token.inside and token.capital:
                capital[token.word] += 1
            elif len(token.text) > 1 and token.text[0].islower():
                small[token.word] += 1
        inside = capital.total() + small.total()
        self._nouns = capital.total() > _NOUNS * inside + sqrt(inside * _NOUNS * (1 - _NOUNS))  # no chance of few words
        self.small = frozenset(w for w in small if small[w] >= capital[w])
        self.names = frozenset(w for w in capital if capital[w] > small[w]) - self.function_words

    def number(self, word: str) -> int | None:
        """The value of a number word of the session's languages, None for another word."""
        return self._time.number(word)

    def languages_of(self, text: str) -> tuple[str, ...]:
        """The session's languages, and those of a text in a script that they are not written in."""
        if len(self.languages) == len(written()) or scripts(text) <= self._scripts:
            return self.languages
        return tuple(dict.fromkeys((*self.languages, *languages(token.word for token in tokens(text)))))

    def missing(self, text: str, turns: Sequence[int]) -> list[str]:
        """What ``text`` names and nobody said in the sittings of these turns: names, numbers, dates.

        Nothing when one of the turns is not known.
        """
        if not turns or not all(t in self._turns for t in turns):
            return []
        said, dates, found = self._sitting(turns), self._dates(turns), tokens(text)
        if self._foreign(text, found, turns, said):
            return [token.word for token in found[:3]]
        named = mentions(text, self._time)
        known = [m for m in named if _resolved(m, said, dates)]
        dated = {start for m in named for start in m.starts}
        bad = {start for m in named if m not in known for start in m.starts}
        for place, token in enumerate(found):
            if token.start not in dated and not self._supported(
                token, found[place + 1 : place + 3], said, dates, known
            ):
                bad.add(token.start)
        return list(dict.fromkeys(token.word for token in found if token.start in bad))

    def wrong_subject(self, text: str, turns: Sequence[int]) -> str:
        """Who said what a text says of another participant; empty where it says what its turns say, as far as words
        tell.

        That is so when the text names participants, none of its turns is one's own, and much of its content stands
        there in sentences that ask nothing, speak to nobody and do not name them: more than in all that they said in
        the sitting.
        """
        if not turns or not all(self._speaks(t) for t in turns):
            return ""
        own, found = frozenset().union(*(self._speakers[t] for t in turns)), tokens(text)
        about = frozenset(w for w in self.participants - own if self._names_participant(w, text, found))
        if not about or any(self._names_participant(w, text, found) for w in own):
            return ""
        content = self._content(text) - about
        theirs = " ".join(t.text for t in self._around(turns) if self._speakers[t.index] & about)
        own_words = " ".join(
            s for t in turns for s in _SENTENCE.findall(self._turns[t].text) if self._of_oneself(s, about)
        )
        enough = _share(content, own_words) > max(_SAME * len(content), _share(content, theirs))
        return self._turns[turns[0]].speaker if enough and self._first_person(own_words) else ""

    def _speaks(self, turn: int) -> bool:
        """Whether a turn is known and a person's: an assistant or a tool speaks of others."""
        return turn in self._turns and self._turns[turn].role not in ("assistant", "system", "tool")

    def _names_participant(self, name: str, text: str, found: Sequence[Token]) -> bool:
        if UNSPACED.search(name):
            return name in text
        return any(t.word == name or (t.capital and _inflected(t.word, name)) or t.word[1:] == name for t in found)

    def _content(self, text: str) -> frozenset[str]:
        """The words of a text that are no function words; in scripts without spaces every two neighbours."""
        return frozenset(w for w in words(text) if w not in self.function_words and (len(w) > 2 or UNSPACED.search(w)))

    def _first_person(self, text: str) -> bool:
        """Whether a text speaks of its speaker; not told in a language that often leaves out who does something."""
        told = [lang for lang in self.languages if wording(lang, "me")]
        return len(told) < len(self.languages) or any(spoken(self.languages, "me", folded(text)))

    def _of_oneself(self, sentence: str, about: Collection[str]) -> bool:
        """Whether a sentence asks nothing, speaks to nobody and names none of these."""
        found = tokens(sentence)
        if any(self._names_participant(name, sentence, found) for name in about):
            return False
        return not _ASKS.search(sentence) and not any(spoken(self.languages, "you", folded(sentence)))

    def relative_day(self, text: str) -> str:
        """The first words of ``text`` that tell a day by its distance from the day it was said, where no date stands
        beside them; empty for none."""
        time = time_words(self.languages_of(text))
        found = time.relative.search(folded(text)) if time.relative else None
        return found[0] if found and not any(m.day for m in mentions(text, time)) else ""

    def worth(self, turn: int) -> bool:
        """Whether a turn tells something that a memory might keep, so that it is no greeting, thanks or question: a
        number, a name that no participant has, or several words of content that the session does not say all the time.

        True for a turn that is not known.
        """
        if turn not in self._turns:
            return True
        told = " ".join(s for s in _SENTENCE.findall(self._turns[turn].text) if not _ASKS.search(s))
        found = [t for t in tokens(told) if t.word not in self.participants]
        if any(t.number for t in found):
            return True
        if UNSPACED.search(told):
            return self._characters(told) >= 2 * _CONTENT
        often = max(2, _OFTEN * len(self._turns))
        content = {t.word for t in found if len(t.word) > 2 and t.word not in self.function_words}
        rare = {w for w in content if self._turns_with[w] <= often}
        names = {t.word for t in found if t.inside and t.capital and not self._nouns} & self.names
        return len(rare | names) + len(names) >= _CONTENT

    def _characters(self, told: str) -> int:
        """How many characters of content a text has in a script without spaces."""
        for word in sorted(self.function_words | self.participants, key=len, reverse=True):
            told = told.replace(word, " ")
        return len(regex.findall(r"\p{L}", told))

    def _sitting(self, turns: Sequence[int]) -> _Said:
        own = self._around(turns)
        key = tuple(t.index for t in own)
        if key not in self._sittings:
            self._sittings[key] = self._say(own)
        return self._sittings[key]

    def _around(self, turns: Sequence[int]) -> list[Turn]:
        """The turns of the sittings that these turns belong to."""
        if len(self._parts) == 1 and len(self._turns) > 2 * NEAR:
            near = sorted({n for t in turns for n in range(t - NEAR, t + NEAR + 1)})
            return [self._turns[n] for n in near if n in self._turns]
        return [t for part in sorted({self._turns[t].part for t in turns}) for t in self._parts[part]]

    def _say(self, turns: Sequence[Turn]) -> _Said:
        each = [self._said_in(t) for t in turns]
        return _Said(
            self.participants.union(*(said.words for said in each)),
            frozenset().union(*(said.numbers for said in each)),
            frozenset().union(*(said.months for said in each)),
            frozenset().union(*(said.weekdays for said in each)),
            any(said.unspaced for said in each),
        )

    def _said_in(self, turn: Turn) -> _Said:
        if turn.index not in self._said:
            self._said[turn.index] = self._read(turn)
        return self._said[turn.index]

    def _read(self, turn: Turn) -> _Said:
        found, text, time = self._tokens[turn.index], folded(turn.text), self._time
        numbers = {_plain(part) for t in found if t.number for part in (t.text, *regex.split("[.,:]", t.text))}
        numbers |= {str(n) for t in found if (n := time.number(t.word))}
        numbers |= {str(n) for character in set(text) if not character.isdecimal() and (n := numeral(character))}
        words = frozenset(t.word for t in found)
        months = {m.month for m in mentions(turn.text, time)} | {time.months[w] for w in words & time.months.keys()}
        weekdays = {time.weekdays[w] for w in words & time.weekdays.keys()}
        unspaced = bool(UNSPACED.search(text))
        if unspaced:
            weekdays |= {n for w, n in time.weekdays.items() if len(w) > 1 and UNSPACED.search(w) and w in text}
        return _Said(words, frozenset(numbers), frozenset(months), frozenset(weekdays), unspaced)

    def _dates(self, turns: Sequence[int]) -> Dates:
        return possible([(self._turns[t].date, self._turns[t].text) for t in turns], self._time)

    def _foreign(self, text: str, found: Sequence[Token], turns: Sequence[int], said: _Said) -> bool:
        """Whether a text is written in no script of its turns, and its sitting has none of its words."""
        own, theirs = scripts(text), scripts(" ".join(self._turns[t].text for t in turns))
        return bool(own and theirs and not own & theirs) and not any(t.word in said.words for t in found)

    def _supported(
        self, token: Token, after: Sequence[Token], said: _Said, dates: Dates, known: Sequence[Mention]
    ) -> bool:
        if token.number:
            return self._number(_plain(token.text), after, said, dates)
        if (n := self._time.number(token.word)) and n > 1:
            return token.word in said.words or self._number(str(n), after, said, dates)
        weekday = self._time.weekdays.get(token.word)
        if weekday is not None and (len(token.word) > 3 or token.capital):
            told = {d.weekday() for d in dates.told}
            told |= {d.weekday() for m in known for d in dates.days if (d.month, d.day) == (m.month, m.day)}
            return weekday in said.weekdays | told or token.word in said.words
        return not self._name(token) or said.has(token.word)

    def _name(self, token: Token) -> bool:
        """Whether a word of a stored text is written as a name."""
        if self._nouns or not token.capital or token.word in self.participants | self.function_words:
            return False
        return token.word not in self.small if token.inside else token.word in self.names

    def _number(self, plain: str, after: Sequence[Token], said: _Said, dates: Dates) -> bool:
        if plain in said.numbers or numeric(plain) in dates.years:
            return True
        value = int(plain) if plain.isdecimal() and len(plain) < 5 else 0
        if any(self._time.units.get(t.word) == "year" for t in after):  # "for 7 years", said as "since 2015"
            years = {int(n) for n in said.numbers if len(n) == 4}
            if any(abs(now - then) == value for now in dates.years for then in years):
                return True
        spelled = not self._time.numbers and not said.unspaced
        return spelled and 0 < value <= _SMALL


def _resolved(mention: Mention, said: _Said, dates: Dates) -> bool:
    """Whether a date that a text names was said, or follows from the turns' dates."""
    if mention.day and dates.has_day(mention):
        return True
    year = not mention.year or str(mention.year) in said.numbers or mention.year in dates.years
    month = mention.month in said.months or dates.has_month(mention)
    return year and month and (not mention.day or str(mention.day) in said.numbers)


def _plain(number: str) -> str:
    """A number without zeros in front and without marks between thousands."""
    return regex.sub(r"[.,](?=\d{3}\b)", "", number).lstrip("0") or "0"


def _share(content: Collection[str], text: str) -> int:
    """How many of these words a text has, also with other endings."""
    there = set(words(text))
    return sum(w in there or any(_inflected(w, other) for other in there) for w in content)


def _inflected(one: str, other: str) -> bool:
    """Whether two words are likely the same name with other endings (Самара, Самаре)."""
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
    if same == len(one) - 1 == len(other) - 1 and same > 1 and not one.isascii():
        return True
    return same > 2 and max(len(one), len(other)) - same <= 2
