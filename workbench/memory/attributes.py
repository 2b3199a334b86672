"""Two statements that give one attribute two values: "Priya lives in Boston." and "Priya lives in Denver.".

Only an attribute that has one value at a time can have one too many, and that is not in its grammar: one lives in one
town and likes several things. What decides, in this order: a number in the place of another; what the session shows
(two values told at once by the same turn, one that replaced another, an attribute that nearly everybody has once); and
the words of ``resources/wording`` that name such attributes in some languages. An attribute of which nothing of this
tells has no findings.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

import regex

from workbench.memory.claims import Sources
from workbench.memory.dates import Token, numeral, tokens
from workbench.memory.items import Item
from workbench.memory.languages import UNSPACED, folded, function_words, spoken

_NUMBERED = regex.compile(r"^\d+\.\s+")
_SENTENCES = regex.compile(r"[.!?;]\s+\S|[。！？；]\s*\S|\n")
_LISTED = regex.compile(r"[,،、，]")
_OWNERS = 3
"""How many must have an attribute once before the session shows that one does."""
_MOSTLY = 0.7
MANY = 12
"""Values that an attribute may have at once before it is taken for one that has several."""
_LONGEST = 4
"""Words of a value, and twice that many characters of a script without spaces."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A short statement in pieces: words, or characters in a script without spaces; who says it comes first."""

    pieces: tuple[str, ...]
    tokens: tuple[Token, ...]
    spaced: bool
    value: int
    text: str


@dataclass(frozen=True, slots=True)
class _Difference:
    """The one stretch in which two statements differ, and what they have in common before and after it."""

    before: tuple[Token, ...]
    mine: tuple[Token, ...]
    theirs: tuple[Token, ...]
    after: tuple[Token, ...]

    @property
    def common(self) -> tuple[Token, ...]:
        return self.before + self.after


@dataclass(frozen=True, slots=True)
class Clash:
    """Two values of one attribute: what both statements say, the new value, the old one."""

    about: str
    new: str
    old: str


@lru_cache(maxsize=65536)
def statement(text: str) -> Statement | None:
    """What a text states, None when it is no short statement: a question, several sentences, a list, an assistant."""
    speaker, _, said = text.rpartition(": ") if text.count(": ") == 1 else ("", "", text)
    said = _NUMBERED.sub("", said.strip())
    if speaker == "assistant" or _LISTED.search(said) or said.endswith(("?", "？", "؟")):
        return None
    if _SENTENCES.search(said):
        return None
    spaced = not UNSPACED.search(said)
    found = [*tokens(speaker), *(tokens(said) if spaced else _characters(said))]
    if not 3 <= len(found) - len(tokens(speaker)) <= (16 if spaced else 40):
        return None
    return Statement(tuple(t.word for t in found), tuple(found), spaced, _value(found), said)


def _characters(text: str) -> list[Token]:
    """The characters of a script without spaces; words and numbers of other scripts stay whole."""
    found = []
    for token in tokens(text):
        if UNSPACED.search(token.word):
            found += [Token(c, folded(c), token.start + n, True) for n, c in enumerate(token.text)]
        else:
            found.append(token)
    return found


def _value(found: list[Token]) -> int:
    """Where the value at the end of a statement begins: a name in capitals, what follows an "of", or the last word."""
    words = [t.text for t in found]
    cut = last = len(words) - 1
    if not words[last][:1].isupper():
        return next((n + 1 for n in range(last - 1, max(1, last - 4), -1) if words[n] == "of"), last)
    while cut > 2:
        step = 2 if words[cut - 1] in ("of", "the", "and", "de") else 1
        if not words[cut - step][:1].isupper():
            break
        cut -= step
    return cut


@dataclass
class Attributes:
    """The statements of a lane, by what they say without their values."""

    sources: Sources
    _alike: dict[tuple[str, ...], dict[str, Item]] = field(default_factory=lambda: defaultdict(dict))
    _owners: dict[tuple[str, ...], dict[str, set[str]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(set))
    )
    _several: set[tuple[str, ...]] = field(default_factory=set)
    _replaced: set[tuple[str, ...]] = field(default_factory=set)

    def add(self, item: Item, alive: Callable[[str], bool] = lambda _: True) -> list[Item]:
        """Take in an item; the living items that may give the same attribute another value, as they were taken in.

        What more than ``MANY`` give a value is an attribute with several: nothing is handed over for it.
        """
        own = statement(item.text)
        if own is None:
            return []
        names = [n for n, t in enumerate(own.tokens) if self._names(t)]
        if own.value >= 2 and names[:1] == [0]:
            owner = 1 + next((n for n in range(len(own.pieces)) if n + 1 not in names), 0)
            relation, value = self._relation(own.tokens[: own.value]), " ".join(own.pieces[own.value :])
            self._owners[item.kind, *relation][" ".join(own.pieces[:owner])].add(value)
        near: dict[str, Item] = {}
        for key in self._keys(own):
            group = self._alike[item.kind, *key]
            if len(group) > MANY:
                for name in [name for name in group if not alive(name)]:
                    del group[name]
            if len(group) <= MANY:
                near |= group
            group[item.id] = item
        return [other for name, other in near.items() if name != item.id and alive(name)]

    def _keys(self, own: Statement) -> Iterator[tuple[str, ...]]:
        """The forms of a statement with a value left out: at its end, a number anywhere, and before the verb where
        that comes last."""
        pieces, longest = own.pieces, _LONGEST if own.spaced else 2 * _LONGEST
        for cut in range(max(2, len(pieces) - longest), len(pieces)):
            yield pieces[:cut]
        for n, token in enumerate(own.tokens):
            if n and self._counts(token):
                yield (*pieces[:n], "#", *pieces[n + 1 :])
        if self._verb_last(own):
            for begin in range(1 if own.spaced else 2, min(5, len(pieces) - 1)):
                for end in range(begin + 1, min(begin + longest, len(pieces) - 1) + 1):
                    yield (*pieces[:begin], "…", *pieces[end:])

    def _verb_last(self, own: Statement) -> bool:
        said = folded(own.text).rstrip("。.!！")
        return len(said) in spoken(self.sources.languages_of(own.text), "one value", said)

    def replaced(self, old: str, new: str) -> None:
        """Learn that a method wrote one text in the place of another."""
        both = self._difference(old, new)
        if both is not None:
            self._replaced.add(self._relation(both.common))

    def clash(self, new: Item, old: Item) -> Clash | None:
        """The attribute that two items give different values, None where they do not or it may have several."""
        both = self._difference(new.text, old.text)
        if both is None:
            return None
        relation = self._relation(both.common)
        numbers = [all(self._counts(t) for t in part) for part in (both.mine, both.theirs)]
        if numbers[0] != numbers[1]:
            return None
        one = self._one_value(new.text, both)
        if not one and self._at_once(new, old):
            self._several.add(relation)
        shown = relation in self._replaced or self._owned_once((new.kind, *relation))
        if not (one or (relation not in self._several and (numbers[0] or shown))):
            return None
        if not numbers[0] and (self._adds(new.text) or self._adds(old.text)):
            return None
        return Clash(_words(both.common), _words(both.mine), _words(both.theirs))

    def _difference(self, new: str, old: str) -> _Difference | None:
        """Where two statements differ; None when that is no one value."""
        a, b = statement(new), statement(old)
        if a is None or b is None or a.spaced != b.spaced or a.pieces == b.pieces:
            return None
        begin = _same(a.pieces, b.pieces)
        end = min(_same(a.pieces[::-1], b.pieces[::-1]), len(a.pieces) - begin, len(b.pieces) - begin)
        if not end and a.spaced:
            begin = min(begin, max(a.value, 1), max(b.value, 1))
        mine, theirs = a.tokens[begin : len(a.tokens) - end], b.tokens[begin : len(b.tokens) - end]
        both = _Difference(a.tokens[:begin], mine, theirs, a.tokens[len(a.tokens) - end :])
        longest = _LONGEST if a.spaced else 2 * _LONGEST
        if not (mine and theirs and begin and len(both.common) > 1) or max(len(mine), len(theirs)) > longest:
            return None
        if not self._relation(both.common) or 2 * len(both.common) < max(len(a.pieces), len(b.pieces)):
            return None
        return None if self._alike_values(mine, theirs) else both

    def _alike_values(self, mine: tuple[Token, ...], theirs: tuple[Token, ...]) -> bool:
        """Whether one value is in the other, or both are words like "is" and "was"."""
        one, other = {t.word for t in mine}, {t.word for t in theirs}
        counted = any(self._counts(t) for t in (*mine, *theirs))
        return one <= other or other <= one or (not counted and (one | other) <= self.sources.function_words)

    def _relation(self, common: tuple[Token, ...]) -> tuple[str, ...]:
        """What a statement says of its subject: its words without names."""
        return tuple(t.word for t in common if not self._names(t))

    def _names(self, token: Token) -> bool:
        return token.word in self.sources.participants or (token.capital and token.word not in self.sources.small)

    def _counts(self, token: Token) -> bool:
        return token.number or bool(self.sources.number(token.word) or numeral(token.text))

    def _one_value(self, text: str, both: _Difference) -> bool:
        """Whether words that name an attribute with one value stand before the value at the end, but for small words
        and a noun ("favourite colour is"), or end the statement after it."""
        spoken_in = self.sources.languages_of(text)
        said = folded(_words(both.after or both.before))
        return any(self._leads(said[end:], both, spoken_in) for end in spoken(spoken_in, "one value", said))

    def _leads(self, rest: str, both: _Difference, spoken_in: tuple[str, ...]) -> bool:
        """Whether between the attribute's words and the value (or the end) stands no other thing."""
        if UNSPACED.search(_words(both.common)):
            return len(rest) <= 2
        small = frozenset().union(*map(function_words, spoken_in))
        between = [t.word for t in tokens(rest)]
        names = {t.word for t in both.common if self._names(t)}
        return not names & set(between) and sum(word not in small for word in between) <= (0 if both.after else 1)

    def _adds(self, text: str) -> bool:
        """Whether a text says that it adds to something."""
        return any(spoken(self.sources.languages_of(text), "another", folded(text)))

    def _at_once(self, new: Item, old: Item) -> bool:
        """Whether the same turn tells both."""
        if new.turns != old.turns:
            return False
        return not any(self.sources.missing(item.text, item.turns) for item in (new, old))

    def _owned_once(self, relation: tuple[str, ...]) -> bool:
        owners = self._owners.get(relation, {})
        once = sum(len(values) == 1 for values in owners.values())
        return once >= _OWNERS and once >= _MOSTLY * len(owners)


def _same(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    """How many pieces two statements begin with alike."""
    for n, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return n
    return min(len(one), len(other))


def _words(found: tuple[Token, ...]) -> str:
    return ("" if found and UNSPACED.search(found[0].text) else " ").join(t.text for t in found)
