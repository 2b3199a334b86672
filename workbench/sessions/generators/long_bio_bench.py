"""LongBioBench (arXiv 2506.02921): generated biographies; understanding, reasoning and trustworthiness settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from workbench.sessions.generators import pools
from workbench.sessions.generators.base import Generator, Job, Writer

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_PLAIN = {
    "born": "{name} was born on {born}.",
    "city": "The birthplace of {name} is {city}.",
    "work": "{name} works in {work}.",
    "subject": "{name} has a degree in {subject}.",
    "university": "{name} studied at the University of {university}.",
    "hobby": "In spare time {name} enjoys {hobby}.",
}
_PARAPHRASED = {
    "born": "The life of {name} began on {born}.",
    "city": "{name} came into the world in {city}.",
    "work": "The working days of {name} are spent in {work}.",
    "subject": "What {name} learned at university was {subject}.",
    "university": "{name} is a graduate of the University of {university}.",
    "hobby": "Nothing relaxes {name} more than {hobby}.",
}
_PRONOUN = {
    "born": "I was born on {born}.",
    "city": "My birthplace is {city}.",
    "work": "I work in {work}.",
    "subject": "I have a degree in {subject}.",
    "university": "I studied at the University of {university}.",
    "hobby": "In my spare time I enjoy {hobby}.",
}
_TEXTS = {"plain": _PLAIN, "paraphrased": _PARAPHRASED, "pronoun": _PRONOUN}
_ASKED = {
    "born": "On which date was {name} born?",
    "city": "In which city was {name} born?",
    "work": "In which city does {name} work?",
    "subject": "Which subject did {name} study?",
    "university": "Which university did {name} attend?",
    "hobby": "What is the hobby of {name}?",
}
_FIELDS = tuple(_PLAIN)
_SCORES = ("longbio",)


@dataclass
class _Bio:
    name: str
    year: int
    facts: dict[str, str]
    turn: int = -1
    missing: set[str] = field(default_factory=set)

    @property
    def date(self) -> tuple[int, int, int]:
        day, month, _ = self.facts["born"].split()
        return self.year, MONTHS.index(month), int(day)


def _bio(w: Writer, name: str) -> _Bio:
    year = w.r.randrange(1935, 2003)
    born = f"{w.r.randrange(1, 29)} {w.r.choice(MONTHS)} {year}"
    pick = w.r.choice
    facts = {"born": born, "city": pick(pools.CITIES), "work": pick(pools.CITIES), "subject": pick(pools.SUBJECTS),
             "university": pick(pools.CITIES), "hobby": pick(pools.HOBBIES)}  # fmt: skip
    return _Bio(name, year, facts)


def _make(job: Job) -> None:
    w = job.writer()
    bios: list[_Bio] = []
    phrases, named = _TEXTS[job["text"]], job["text"] == "pronoun"
    for n, name in enumerate(pools.people(w.r, 200 + job.tokens // 20)):
        bio = _bio(w, name)
        if n % 4 == 3:
            bio.missing.add(w.r.choice(_FIELDS[1:]))
        told = [phrases[f].format(name=name, **bio.facts) for f in _FIELDS if f not in bio.missing]
        text = f"[{n + 1}] {' '.join([f'My name is {name}.', *told] if named else told)}"
        if not w.fits(text) and len(bios) >= 5:
            break
        bio.turn = w.say(text)
        bios.append(bio)
    kinds: tuple[Callable[[Writer, list[_Bio]], None], ...] = (
        _standard, _older, _ranked, _by_trait, _cited, _unknown, _several, _apart,
    )  # fmt: skip
    for number in range(job["probes"]):
        kinds[number % len(kinds)](w, bios)


def _standard(w: Writer, bios: list[_Bio]) -> None:
    """Understanding: one fact."""
    what = _FIELDS[len(w.probes) // 8 % len(_FIELDS)]
    bio = w.r.choice([b for b in bios if what not in b.missing])
    extra = {"setting": "understanding", "task": "standard", "attribute": what, "longbio": "text"}
    question = _ASKED[what].format(name=bio.name)
    w.ask(question, [bio.facts[what]], "accurate_retrieval", [bio.turn], extra=extra, scores=_SCORES)


def _several(w: Writer, bios: list[_Bio]) -> None:
    """Understanding: three facts of three people at once."""
    three = w.r.sample(bios, 3)
    asked = [(bio, w.r.choice([f for f in _FIELDS if f not in bio.missing])) for bio in three]
    lines = [f"{n}. {_ASKED[what].format(name=bio.name)}" for n, (bio, what) in enumerate(asked, 1)]
    w.ask(
        "\n".join(["Answer all three questions in their order.", *lines]),
        [bio.facts[what] for bio, what in asked],
        "accurate_retrieval",
        [bio.turn for bio in three],
        scorer="in-order",
        extra={"setting": "understanding", "task": "multi", "longbio": "list"},
        scores=_SCORES,
    )


def _older(w: Writer, bios: list[_Bio]) -> None:
    """Reasoning: a difference of birth years."""
    one, two = _years_apart(w, bios)
    question = f"By how many years do the birth years of {one.name} and {two.name} differ?"
    extra = {"setting": "reasoning", "task": "calculation", "longbio": "number"}
    gold, turns = str(abs(one.year - two.year)), [one.turn, two.turn]
    w.ask(question, [gold], "long_range_understanding", turns, scorer="number", extra=extra, scores=_SCORES)


def _years_apart(w: Writer, bios: list[_Bio]) -> list[_Bio]:
    """Two people who were not born in the same year; whoever there is where all were."""
    two = w.r.sample(bios, 2)
    for _ in range(50):
        if two[0].year != two[1].year:
            break
        two = w.r.sample(bios, 2)
    return two


def _apart(w: Writer, bios: list[_Bio]) -> None:
    """Reasoning: any two people whose birth years are so far apart."""
    one, two = _years_apart(w, bios)
    years = {bio.name: bio.year for bio in bios}
    question = (
        f"Name two people of these biographies whose birth years are exactly {abs(one.year - two.year)} years apart. "
        "One pair is enough."
    )
    extra = {"setting": "reasoning", "task": "twodiff", "longbio": "pair", "years": years}
    gold, turns = str(abs(one.year - two.year)), [one.turn, two.turn]
    w.ask(question, [gold], "long_range_understanding", turns, scorer="pair", extra=extra, scores=_SCORES)


def _ranked(w: Writer, bios: list[_Bio]) -> None:
    """Reasoning: three people from the youngest to the oldest."""
    three = w.r.sample(bios, 3)
    while len({bio.date for bio in three}) < 3:
        three = w.r.sample(bios, 3)
    names = pools.listed([bio.name for bio in three])
    w.ask(
        f"Rank these people from the youngest to the oldest: {names}.",
        [bio.name for bio in sorted(three, key=lambda bio: bio.date, reverse=True)],
        "long_range_understanding",
        [bio.turn for bio in three],
        scorer="in-order",
        extra={"setting": "reasoning", "task": "rank", "longbio": "list"},
        scores=_SCORES,
    )


def _by_trait(w: Writer, bios: list[_Bio]) -> None:
    """Reasoning: the only person with two traits, and a third fact."""
    whole = [bio for bio in bios if not bio.missing]
    alone = [b for b in whole if sum(_traits(b) == _traits(other) for other in whole) == 1]
    if not alone:
        return _standard(w, bios)
    bio = w.r.choice(alone)
    question = (
        f"In which city was the person born who works in {bio.facts['work']}, studied {bio.facts['subject']} "
        f"and enjoys {bio.facts['hobby']}?"
    )
    extra = {"setting": "reasoning", "task": "multihop", "longbio": "text"}
    return w.ask(question, [bio.facts["city"]], "long_range_understanding", [bio.turn], extra=extra, scores=_SCORES)


def _traits(bio: _Bio) -> tuple[str, str, str]:
    return bio.facts["work"], bio.facts["subject"], bio.facts["hobby"]


def _cited(w: Writer, bios: list[_Bio]) -> None:
    """Trust: a fact, and the number of the biography that says it."""
    what = w.r.choice(_FIELDS)
    bio = w.r.choice([b for b in bios if what not in b.missing])
    cite = f"[{bio.turn + 1}]"
    question = f"{_ASKED[what].format(name=bio.name)} Write the number of the biography behind the answer, like [1]."
    extra = {"setting": "trustworthiness", "task": "cite", "longbio": "text", "cite": cite}
    gold, scores = [bio.facts[what], cite], (*_SCORES, "longbio-cite")
    w.ask(question, gold, "accurate_retrieval", [bio.turn], scorer="in-order", extra=extra, scores=scores)


def _unknown(w: Writer, bios: list[_Bio]) -> None:
    """Trust: a fact that was left out."""
    bio = w.r.choice([b for b in bios if b.missing])
    what = sorted(bio.missing)[0]
    extra = {"setting": "trustworthiness", "task": "IDK", "longbio": "unstated"}
    question = f'{_ASKED[what].format(name=bio.name)} Answer "not stated" where no biography says it.'
    w.ask(question, [], "accurate_retrieval", extra=extra, scores=_SCORES)


GENERATOR = Generator(
    "long-bio-bench",
    "LongBioBench",
    "A Controllable Examination for Long-Context Language Models, arXiv 2506.02921",
    "adapted",
    "one context for all questions; birth years in place of ages; no examples before the question",
    "Biographies in a row: single facts, differences, pairs, ranks, joins, citations, facts that were left out.",
    {"text": ("plain", "paraphrased", "pronoun"), "probes": 32},
    _make,
)
