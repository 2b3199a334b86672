"""What every generator shares: a session in the making that knows how long it may become, and the generator's card."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from workbench.errors import MnemoscopeError
from workbench.sessions.generators import pools, prose
from workbench.sessions.model import Probe, Session, Turn

Count = Callable[[str], int]
"""Length of a text in tokens of the model that shall read it."""
LEAST = 100
"""Tokens of the shortest session."""
MOST_OF_ALL = 1000
"""The largest number an option may be."""
_SENTENCES = 4  # of a turn of prose


class GeneratorError(MnemoscopeError):
    """A generator or option that does not exist, or a value that cannot be."""


@dataclass(frozen=True, slots=True)
class Generator:
    """A generator's card.

    Attributes:
        name: lower case with hyphens.
        paper: title and arXiv number.
        label: ``faithful`` (the published construction on texts of our own), ``adapted``, or ``in the style of`` (the
            idea alone).
        differs: what differs from the publication; empty for faithful.
        help: one sentence.
        options: by name the default; a tuple holds every value, the default first.
        ranges: least and most of numbers that may not be anything from 1 to ``MOST_OF_ALL``.
        make: fills the job's sessions.
    """

    name: str
    title: str
    paper: str
    label: str
    differs: str
    help: str
    options: Mapping[str, Any]
    make: Callable[[Job], None]
    ranges: Mapping[str, tuple[int, int]] = field(default_factory=dict)


@dataclass
class Writer:
    """One session in the making: turns up to a number of tokens, and probes. Every draw comes from ``r``."""

    name: str
    r: random.Random
    tokens: int
    count: Count
    turns: list[Turn] = field(default_factory=list)
    probes: list[Probe] = field(default_factory=list)
    used: int = 0
    extra: dict[str, Any] = field(default_factory=dict)
    """What the session's ``extra`` has beside what all generators write."""

    @property
    def room(self) -> int:
        """Tokens that are left."""
        return self.tokens - self.used

    @property
    def last(self) -> int:
        """Index of the newest turn, -1 before the first."""
        return len(self.turns) - 1

    def fits(self, *texts: str) -> bool:
        """Whether turns with these texts still have room."""
        return sum(map(self.count, texts)) <= self.room

    def say(
        self, text: str, role: str = "user", speaker: str = "", date: str = "", part: int = 0, own: bool = True
    ) -> int:
        """Append a turn; its index. ``own``: a text of ours, whose articles are put right."""
        index = len(self.turns)
        text = pools.with_articles(text) if own else text
        self.turns.append(Turn(index, role, text, speaker, date, part))
        self.used += self.count(text)
        return index

    def lay(self, pieces: Sequence[tuple[float, str]], sentences: int = _SENTENCES) -> list[int]:
        """Prose up to the session's length with ``pieces`` as turns of their own at their depths; where each stands.

        A depth is the share of the prose that stands before the piece, 0 to 1. Pieces at one depth keep their order.
        """
        hay = list(self._prose(self.room - sum(self.count(text) for _, text in pieces), sentences))
        order = sorted(range(len(pieces)), key=lambda n: pieces[n][0])
        found, laid = [0] * len(pieces), 0
        for n in order:
            until = round(pieces[n][0] * len(hay))
            for text in hay[laid:until]:
                self.say(text)
            laid = max(laid, until)
            found[n] = self.say(pieces[n][1])
        for text in hay[laid:]:
            self.say(text)
        return found

    def _prose(self, room: int, sentences: int) -> Iterator[str]:
        while True:
            text = prose.paragraph(self.r, sentences)
            room -= self.count(text)
            if room < 0:
                return
            yield text

    def ask(
        self,
        question: str,
        gold: Sequence[str],
        competency: str,
        evidence: Sequence[int] = (),
        after: int | None = None,
        **fields: Any,
    ) -> None:
        """Append a probe; without ``gold`` it has no answer. ``after`` None: asked when all has been told."""
        place = -2 if after is None else after
        told = tuple(dict.fromkeys(evidence))
        question = pools.with_articles(question)
        name = fields.pop("id", f"p{len(self.probes) + 1}")
        self.probes.append(Probe(name, place, question, tuple(gold), competency, told, abstain=not gold, **fields))

    def session(self, extra: Mapping[str, Any]) -> Session:
        """The finished session; probes in the order in which they are asked."""
        placed = [p if p.after != -2 else replace(p, after=self.last) for p in self.probes]
        placed.sort(key=lambda p: p.after)
        return Session(self.name, tuple(self.turns), tuple(placed), extra={**self.extra, **extra})


@dataclass
class Job:
    """What a generator is asked for. ``writer`` begins a session; a generator may fill several."""

    name: str
    seed: int
    tokens: int
    count: Count
    options: Mapping[str, Any]
    date: str = ""
    writers: list[Writer] = field(default_factory=list)

    def writer(self, part: str = "", tokens: int = 0) -> Writer:
        """A new session; ``part`` names it among several, ``tokens`` is its length if not the job's."""
        name = f"{self.name}-{self.seed}" + (f"-{part}" if part else "")
        made = Writer(name, random.Random(f"{name} {self.date}"), tokens or self.tokens, self.count)
        self.writers.append(made)
        return made

    def __getitem__(self, option: str) -> Any:
        return self.options[option]


def spread(n: int) -> list[float]:
    """``n`` depths from 0 to 1, evenly; the middle for one."""
    return [0.5] if n == 1 else [i / (n - 1) for i in range(n)]


def lettered(options: Sequence[str]) -> str:
    """The options of a question as ``A: …`` lines."""
    return "\n".join(f"{chr(ord('A') + n)}: {option}" for n, option in enumerate(options))


def choices(r: random.Random, gold: str, others: Sequence[str], n: int = 4) -> tuple[str, ...]:
    """The gold among ``n - 1`` others, shuffled."""
    wrong = r.sample([o for o in dict.fromkeys(others) if o != gold], n - 1)
    found = [gold, *wrong]
    r.shuffle(found)
    return tuple(found)
