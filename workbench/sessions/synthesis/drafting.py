"""A session in the making: turns with dates, what each told, and the probes that can be asked of it."""

from __future__ import annotations

import datetime
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from workbench.sessions.model import Probe, Session, Turn
from workbench.sessions.synthesis import language, vocabulary
from workbench.sessions.synthesis.language import Attribute
from workbench.sessions.synthesis.vocabulary import Pool, Split

TURNS_A_SITTING = 14
"""Turns after which the next sitting, some days later, begins."""


@dataclass(frozen=True, slots=True)
class Told:
    """Turn ``turn`` told that ``person``'s ``attribute`` is ``value``."""

    turn: int
    person: str
    attribute: Attribute
    value: str


@dataclass(frozen=True, slots=True)
class Shown:
    """Turn ``turn`` showed an ``adjective`` ``word`` and what it is called."""

    turn: int
    word: str
    adjective: str
    label: str


@dataclass
class Draft:
    """Collects turns and probes; every draw comes from ``r``, so a seed makes one session."""

    r: random.Random
    split: Split
    people: list[str]
    acknowledge: float = 0.6
    turns: list[Turn] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    shown: list[Shown] = field(default_factory=list)
    probes: list[Probe] = field(default_factory=list)
    allow_repeats: bool = False

    def pick(self, pool: Pool) -> str:
        """One of the split's words or phrasings."""
        return self.r.choice(pool.of(self.split))

    def say(self, role: str, text: str, speaker: str = "") -> int:
        """Append a turn; its index."""
        index = len(self.turns)
        part = index // TURNS_A_SITTING
        if self.turns and self.turns[-1].part == part:
            date = self.turns[-1].date
        elif self.turns:
            last = datetime.date.fromisoformat(self.turns[-1].date)
            date = (last + datetime.timedelta(days=self.r.randint(1, 9))).isoformat()
        else:
            date = (datetime.date(2025, 1, 6) + datetime.timedelta(days=self.r.randrange(120))).isoformat()
        self.turns.append(Turn(index, role, text, speaker, date, part))
        return index

    def tell(self, person: str, attribute: Attribute, value: str) -> None:
        """``person`` tells a value, as news or as a change; the assistant may acknowledge."""
        known = any(t.person == person and t.attribute is attribute for t in self.told)
        text = self.pick(attribute.changed if known else attribute.told).format(v=value)
        self.told.append(Told(self.say("user", text, person), person, attribute, value))
        self.reply(language.ACKNOWLEDGE_FACT, person)

    def show(self, speaker: str, word: str, adjective: str, label: str) -> None:
        """``speaker`` gives an example of what a made-up word is called."""
        text = self.pick(language.LABEL_TOLD).format(a=adjective, w=word, l=label)
        self.shown.append(Shown(self.say("user", text, speaker), word, adjective, label))
        self.reply(language.ACKNOWLEDGE_FACT, speaker)

    def talk(self) -> None:
        """Small talk, which tells nothing."""
        person = self.r.choice(self.people)
        others = [name for name in self.people if name != person] or self.people
        values = {name: self.pick(vocabulary.VALUES[name]) for name in ("city", "pet", "food")}
        text = self.pick(language.SMALL_TALK).format(o=self.r.choice(others), **values)
        self.say("user", text, person)
        self.reply(language.ACKNOWLEDGE_TALK, person)

    def reply(self, pool: Pool, person: str) -> None:
        """The assistant's acknowledgement, now and then."""
        if self.r.random() < self.acknowledge:
            self.say("assistant", self.pick(pool).format(p=person))

    def history(self, after: int) -> dict[tuple[str, str], list[Told]]:
        """What was told up to and with turn ``after``: per person and attribute, oldest first."""
        found: dict[tuple[str, str], list[Told]] = {}
        for told in self.told:
            if told.turn <= after:
                found.setdefault((told.person, told.attribute.name), []).append(told)
        return found

    def ask(
        self,
        after: int,
        question: str,
        gold: Sequence[str],
        competency: str,
        evidence: Sequence[int] = (),
    ) -> bool:
        """Append a probe; False when much the same is asked already. No gold: abstain.

        Much the same is the same question, or, unless ``allow_repeats``, the same answer from the same turns.
        """
        if any(p.question == question and (p.after == after or not gold) for p in self.probes):
            return False
        asked = {(p.gold, p.evidence) for p in self.probes if p.gold}
        if (tuple(gold), tuple(evidence)) in asked and not self.allow_repeats:
            return False
        number = len(self.probes) + 1
        probe = Probe(f"p{number}", after, question, tuple(gold), competency, tuple(evidence), abstain=not gold)
        self.probes.append(probe)
        return True

    def session(self, name: str) -> Session:
        """The finished session; probes in the order in which they are asked."""
        ordered = sorted(self.probes, key=lambda p: (p.after, int(p.id[1:])))
        numbered = (Probe(f"p{n}", *_rest(p)) for n, p in enumerate(ordered, start=1))
        return Session(name, tuple(self.turns), tuple(numbered))


def _rest(p: Probe) -> tuple[int, str, tuple[str, ...], str, tuple[int, ...], str, tuple[str, ...], bool]:
    return p.after, p.question, p.gold, p.competency, p.evidence, p.scorer, p.options, p.abstain
