"""Samples of the memory operations: the prompt that a strategy sends, and the JSON that the bundled model should write.

One convention runs through all of them: a fact is kept as the canonical sentence of its attribute (``Mira lives in
Oslo.``), a value that no longer holds as the past sentence (``Mira lived in Rome before.``), a made-up word as
``A zorp is a dax.`` Two texts are about the same thing when they are about one attribute of one person, or one word.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import phrasing
import words

from workbench.memory import prompts
from workbench.memory.strategies.caim import ONTOLOGY
from workbench.sessions.synthesis import language, vocabulary
from workbench.sessions.synthesis.language import ATTRIBUTES, Attribute
from workbench.sessions.synthesis.vocabulary import Split

OLD = "old"
SMALL_TALK = "small talk"
LABEL = "label"
DEPENDS = {
    "job": ("city",),
    "language": ("city",),
    "pet": ("city",),
    "plant": ("city",),
    "vehicle": ("city", "job"),
    "sport": ("hobby",),
    "instrument": ("hobby",),
}
"""What may have to change with what: who moves has another garden, who has another job drives there otherwise."""
SHARED = 0.25
"""Share of the values of training that somebody else has. Unseen sessions draw from four to eighteen of each kind:
most are told of several people, and which line tells of whom is what counts."""
MEMORY_TYPES = ("core", "episodic", "semantic", "procedural", "resource", "knowledge")
PLACES = ("core", "archival", "none")
FAILURES = ("It failed.", "That failed.", "There was an error.", "It did not work.", "That is wrong.")
TOOLS = (
    "store",
    "search",
    "save",
    "read",
    "write",
    "append",
    "replace",
    "insert",
    "delete",
    "update",
    "recall",
    "archival",
)


def compact(value: Any) -> str:
    """JSON as the model writes it: no spaces, characters as they are."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def rendered(operation: prompts.Operation) -> str:
    """The prompt through the chat template, up to where the model begins."""
    return "".join(f"<|{m.role}|>{m.text}<|end|>" for m in operation.messages) + "<|assistant|>"


@dataclass(frozen=True, slots=True)
class Sample:
    """A prompt with the one right answer (JSON as Python objects)."""

    operation: prompts.Operation
    right: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Fact:
    """A person's value, or a made-up word's label (``attribute`` is then None and ``person`` the word)."""

    person: str
    attribute: Attribute | None
    value: str

    @property
    def key(self) -> tuple[str, str]:
        """What the fact is about."""
        return self.person, self.noun

    @property
    def noun(self) -> str:
        """The attribute's noun."""
        return self.attribute.noun if self.attribute else LABEL

    @property
    def sentence(self) -> str:
        """The canonical sentence."""
        if self.attribute is None:
            return f"A {self.person} is a {self.value}."
        return self.attribute.fact.format(p=self.person, v=self.value)

    @property
    def past(self) -> str:
        """The canonical sentence once it no longer holds."""
        if self.attribute is None:
            return f"A {self.person} was a {self.value} before."
        return self.attribute.past.format(p=self.person, v=self.value)

    @property
    def gone(self) -> str:
        """The canonical sentence of its end."""
        if self.attribute is None:
            return f"A {self.person} is no longer a {self.value}."
        return self.attribute.gone.format(p=self.person, v=self.value)

    @property
    def keywords(self) -> list[str]:
        """What a note about it is found by."""
        return [self.person, self.noun, self.value]


class Speech:
    """Draws words and sentences from one split."""

    def __init__(self, r: random.Random, split: Split = "train", odd: float = 0.0):
        self.r, self.split, self.odd = r, split, odd
        self.people = [self.person() for _ in range(r.randint(2, 6))]
        self.attributes = r.sample(ATTRIBUTES, r.choice((1, 2, 3, 6)))
        self.values: dict[str, list[str]] = {}

    def word(self) -> str:
        """A made-up word."""
        if self.split == "train" and self.r.random() < 0.75:
            return words.invented(self.r)
        return self.r.choice(words.pool(self.split))

    def person(self) -> str:
        """A name, perhaps made up."""
        return self.word().title() if self.r.random() < self.odd else self.r.choice(vocabulary.NAMES.of(self.split))

    def adjective(self) -> str:
        """What a made-up thing looks like. Unseen ones were taken for its name: in training half are made up."""
        made_up = self.split == "train" and self.r.random() < 0.5
        return self.word() if made_up else self.r.choice(vocabulary.ADJECTIVES.of(self.split))

    def value(self, attribute: Attribute) -> str:
        """A value, perhaps made up. In training often one that somebody has: made-up ones never met twice otherwise,
        and what two people share was left out of summaries."""
        told = self.values.setdefault(attribute.name, [])
        if self.split == "train" and told and self.r.random() < SHARED:
            return self.r.choice(told)
        told.append(self._fresh_value(attribute))
        return told[-1]

    def _fresh_value(self, attribute: Attribute) -> str:
        if self.r.random() >= self.odd:
            return self.r.choice(attribute.values(self.split))
        return self.word().title() if attribute.name in ("city", "language") else self.word()

    def fact(self, key: tuple[str, Attribute | None] | None = None, but: Sequence[str] = ()) -> Fact:
        """A fact, about ``key`` if given, with none of the values ``but``."""
        r = self.r
        if key is None:
            words = 0.2 if self.split == "train" else 0.1
            key = (self.word(), None) if r.random() < words else (r.choice(self.people), r.choice(self.attributes))
        while True:
            person, attribute = key
            if attribute is None:
                value = self.word() if r.random() < 0.4 else r.choice(vocabulary.LABEL_KINDS.of(self.split))
            else:
                value = self.value(attribute)
            if value not in but:
                return Fact(person, attribute, value)

    def facts(self, count: int) -> list[Fact]:
        """Facts about different things."""
        found: dict[tuple[str, str], Fact] = {}
        for _ in range(4 * count):
            if len(found) < count:
                fact = self.fact()
                found.setdefault(fact.key, fact)
        return list(found.values())

    def said(self, fact: Fact) -> str:
        """A turn that tells the fact."""
        r = self.r
        if fact.attribute is None:
            text = self.phrase(language.LABEL_TOLD if r.random() < 0.7 else language.MEANING_TOLD)
            return f"{r.choice(self.people)}: {text.format(w=fact.person, l=fact.value, a=self.adjective())}"
        if r.random() < (0.25 if self.split == "train" else 0.1):  # about somebody else: the speaker was taken for them
            return f"{r.choice(self.people)}: {fact.sentence}"
        return f"{fact.person}: {self.told(fact.attribute, r.random() < 0.5).format(v=fact.value)}"

    def phrase(self, pool: vocabulary.Pool) -> str:
        """One of the pool's phrases; in training also others like them."""
        return phrasing.of(self.r, pool) if self.split == "train" else self.r.choice(pool.heldout)

    def told(self, attribute: Attribute, changed: bool) -> str:
        """How a person tells it, with ``{v}`` for the value."""
        if self.split == "train":
            return phrasing.told(self.r, attribute, changed)
        return self.r.choice((attribute.changed if changed else attribute.told).of(self.split))

    def talk(self) -> str:
        """A turn that tells nothing."""
        r = self.r
        if self.split == "train":
            return phrasing.line(r, self.people, self._mentioned, self.adjective)
        if r.random() < 0.4:
            acknowledged = language.ACKNOWLEDGE_FACT.of(self.split) + language.ACKNOWLEDGE_TALK.of(self.split)
            return "assistant: " + r.choice(acknowledged).format(p=r.choice(self.people))
        values = {name: r.choice(vocabulary.VALUES[name].of(self.split)) for name in ("city", "pet", "food")}
        text = r.choice(language.SMALL_TALK.of(self.split)).format(o=r.choice(self.people), **values)
        return f"{r.choice(self.people)}: {text}"

    def _mentioned(self, name: str) -> str:
        """A value that talk names: made up as often as those told, and then some."""
        return (
            self.value(language.BY_NAME[name])
            if self.r.random() < 0.4
            else self.r.choice(vocabulary.VALUES[name].train)
        )

    def question(self, fact: Fact) -> str:
        """A question that the fact answers."""
        r = self.r
        if fact.attribute is None:
            question = self.phrase(language.LABEL_ASKED if r.random() < 0.6 else language.MEANING_ASKED)
            return question.format(w=fact.person, a=self.adjective())
        if self.split == "train" and r.random() < 0.75:
            return phrasing.asked(r, fact.attribute).format(p=fact.person)
        asked = fact.attribute.asked.of(self.split)
        if r.random() < 0.3:
            asked = language.GENERIC_QUESTIONS.of(self.split)
        return r.choice(asked).format(p=fact.person, n=fact.noun)

    def memory(self, fact: Fact) -> str:
        """The fact as a memory system may keep it."""
        r = self.r
        u = r.random()
        if u < 0.7:
            return fact.sentence
        return self.said(fact) if u < 0.85 else self.noted(fact)

    def noted(self, fact: Fact) -> str:
        """The fact as an A-MEM note on one line."""
        r = self.r
        text = f"{self.said(fact)} | {fact.sentence} | {', '.join(fact.keywords)}"
        return text + (f" | {fact.noun}" if r.random() < 0.5 else "")


def note(s: Speech) -> Sample:
    """A-MEM's note about one turn."""
    if s.r.random() < 0.35:
        said = s.talk()
        who = said.split(":")[0]
        return Sample(prompts.note(said), {"keywords": [who], "context": _talked(said), "tags": [SMALL_TALK]})
    fact = s.fact()
    right = {"keywords": fact.keywords, "context": fact.sentence, "tags": [fact.noun]}
    return Sample(prompts.note(s.said(fact)), right)


def _near(s: Speech, fact: Fact, count: int) -> list[Fact]:
    """Facts around ``fact``: about the same thing, the same person, the same attribute, or anything."""
    r = s.r
    made: list[Fact] = []
    same, equal = 0.3, 0.25
    if s.split == "train":  # one of two equal ones was left out
        same, equal = r.choice((0.3, 0.3, 0.6)), 0.4
    for _ in range(count):
        u = r.random()
        if u < same:
            made.append(fact if r.random() < equal else s.fact((fact.person, fact.attribute), but=(fact.value,)))
        elif u < max(0.6, same) and fact.attribute:
            made.append(s.fact((fact.person, r.choice(ATTRIBUTES))))
        elif u < 0.85 and fact.attribute:
            made.append(s.fact((s.person(), fact.attribute)))
        else:
            made.append(s.fact())
    return made


def evolve(s: Speech) -> Sample:
    """A-MEM's evolution."""
    r = s.r
    fact = s.fact()
    around = _near(s, fact, r.randint(1, 6))
    lines: list[str] = []
    links: list[int] = []
    updates: list[dict[str, Any]] = []
    for number, other in enumerate(around):
        talk = r.random() < 0.1
        if talk:
            said = s.talk()
            lines.append(f"{said} | {said.split(':')[0]} makes small talk. | {said.split(':')[0]}")
            continue
        lines.append(s.noted(other))
        if other.key == fact.key:
            links.append(number)
            if other.value != fact.value:
                updates.append({"neighbour": number, "context": other.past, "tags": [fact.noun, OLD]})
    if r.random() < 0.15:
        said = s.talk()
        who = said.split(":")[0]
        new = f"{said} | {who} makes small talk. | {who}"
        return Sample(prompts.evolve(new, lines), {"links": [], "tags": [SMALL_TALK], "updates": []})
    return Sample(prompts.evolve(s.noted(fact), lines), {"links": links, "tags": [fact.noun], "updates": updates})


def facts(s: Speech) -> Sample:
    """The facts of a few turns."""
    lines: list[str] = []
    found: list[str] = []
    for _ in range(s.r.randint(1, 6)):
        if s.r.random() < 0.4:
            lines.append(s.talk())
        else:
            fact = s.fact()
            lines.append(s.said(fact))
            found.append(fact.sentence)
    return Sample(prompts.facts(lines), {"facts": found})


def decide(s: Speech) -> Sample:
    """Mem0's decision for each new fact."""
    r = s.r
    known = s.facts(r.choice((0, 1, 2, 3, 4, 6, 8)))
    new: list[str] = []
    right: list[dict[str, Any]] = []
    for _ in range(r.choice((1, 1, 2, 3))):
        event = r.choice(("ADD", "UPDATE", "DELETE", "NONE")) if known else "ADD"
        if event == "ADD":
            fact = _unknown_fact(s, known)
            new.append(fact.sentence)
            right.append({"text": fact.sentence, "id": len(known), "event": "ADD"})
            continue
        at = r.randrange(len(known))
        old = known[at]
        if event == "UPDATE":
            fact = s.fact((old.person, old.attribute), but=(old.value,))
            new.append(fact.sentence)
            right.append({"text": fact.sentence, "id": at, "event": "UPDATE"})
        elif event == "NONE":
            new.append(old.sentence)
            right.append({"text": old.sentence, "id": at, "event": "NONE"})
        else:
            new.append(old.gone)
            right.append({"text": old.gone, "id": at, "event": "DELETE"})
    return Sample(prompts.decide([fact.sentence for fact in known], new), {"memory": right})


def _unknown_fact(s: Speech, known: Sequence[Fact]) -> Fact:
    keys = {fact.key for fact in known}
    while True:
        near = s.r.choice(known) if known and s.r.random() < 0.7 else None
        if near and near.attribute and s.r.random() < 0.5:
            fact = s.fact((near.person, s.r.choice(ATTRIBUTES)))
        elif near and near.attribute:
            fact = s.fact((s.person(), near.attribute))
        else:
            fact = s.fact()
        if fact.key not in keys:
            return fact


def relate(s: Speech) -> Sample:
    """Contradictory, redundant or independent."""
    fact = s.fact()
    around = _near(s, fact, s.r.randint(1, 5))
    verdicts = []
    for other in around:
        same = "redundant" if other.value == fact.value else "contradictory"
        verdicts.append(same if other.key == fact.key else "independent")
    lines = [s.memory(other) for other in around]
    return Sample(prompts.relate(s.memory(fact), lines), {"verdicts": verdicts})


def summarise(s: Speech) -> Sample:
    """One text with every value: the canonical sentences in order of first mention, each with its newest value.

    Talk leaves nothing behind; of talk alone it is said who talked.
    """
    r = s.r
    as_said, changes, talk = r.choice((0.0, 0.5, 1.0)), r.choice((0.0, 0.0, 0.3)), r.choice((0.0, 0.2, 0.4))
    if s.split == "train":
        changes = r.choice((0.0, 0.2, 0.4))
    lines: list[str] = []
    kept: dict[tuple[str, str], Fact] = {}
    last = ""  # the canonical sentence that the last line ends with
    counts = (1, 1, 2, 2, 3, 4, 5, 6, 7, 8, 10)
    for _ in range(r.choice(counts[5:] if s.split == "train" and r.random() < 0.4 else counts)):
        if not lines or r.random() >= talk:
            old = r.choice(list(kept.values())) if kept and r.random() < changes else None
            fact = (
                s.fact((old.person, old.attribute), but=(old.value,)) if old else _unknown_fact(s, list(kept.values()))
            )
            kept[fact.key] = fact
            told, before = r.random() < as_said, last
            last = "" if told else fact.sentence
            if before and last and r.random() < 0.3:
                lines[-1] += f" {last}"
            else:
                lines.append(s.said(fact) if told else last)
        else:
            lines.append(s.talk())
            last = ""
    if r.random() < 0.08:
        lines, kept = [s.talk() for _ in range(r.choice((1, 1, 2, 3)))], {}
        lines[:-1] = [_talked(line) if r.random() < 0.5 else line for line in lines[:-1]]
    said = " ".join(fact.sentence for fact in kept.values())
    return Sample(prompts.summarise(lines), {"summary": said or _talked(lines[-1])})


def _talked(line: str) -> str:
    """What there is to say of a line of talk."""
    who = line.split(":")[0]
    return "The assistant answers." if who == "assistant" else f"{who} makes small talk."


def choose(s: Speech) -> Sample:
    """The options that a message is about, that a task names, the place or type of memory that it belongs to."""
    u = s.r.random()
    if u < 0.45:
        task, options, right = _about(s)
    elif u < 0.65:
        task, options, right = _tool(s)
    else:
        task, options, right = _place(s)
    return Sample(prompts.choose(task, options, most=max(1, len(right))), {"choice": right})


def _about(s: Speech) -> tuple[str, list[str], list[str]]:
    r = s.r
    if r.random() < 0.2:
        known = s.facts(r.randint(1, 3))
        nouns = dict.fromkeys(fact.noun for fact in known if fact.attribute)
        return " ".join(fact.sentence for fact in known), list(ONTOLOGY), list(nouns)
    fact = s.fact()
    if r.random() < (0.35 if s.split == "train" else 0.15):
        return _depends(s, fact)
    others = [a.noun for a in ATTRIBUTES if a.noun != fact.noun]
    options = [*r.sample(others, r.randint(1, 6)), *([fact.noun] if r.random() < 0.9 else [])]
    r.shuffle(options)
    task = r.choice((s.said(fact), fact.sentence, s.question(fact)))
    return task, options, [fact.noun] if fact.noun in options else []


def _depends(s: Speech, fact: Fact) -> tuple[str, list[str], list[str]]:
    """What a fact depends on, among slots of its person and of others: by the convention of ``DEPENDS``.

    Options are named as the slots of ``tme-dag``: of talk and of made-up words there are some, too.
    """
    r, on = s.r, DEPENDS.get(fact.noun, ())
    slots = {(fact.person, noun) for noun in on if r.random() < 0.5}
    wanted = r.randint(1, 5)
    while len(slots) < wanted:
        person = fact.person if r.random() < 0.4 else r.choice(s.people)
        noun = SMALL_TALK if r.random() < 0.1 else r.choice(ATTRIBUTES).noun
        slot = (s.word(), LABEL) if r.random() < 0.05 else (person, noun)
        slots |= {slot} - {fact.key}
    options = [f"{person} {noun}" for person, noun in sorted(slots)]
    r.shuffle(options)
    right = [option for option in options if option in {f"{fact.person} {noun}" for noun in on}]
    said = _talked(f"{r.choice(s.people)}:") if r.random() < 0.1 else fact.sentence
    return f"What does this depend on? {said}", options, right if said == fact.sentence else []


def _tool(s: Speech) -> tuple[str, list[str], list[str]]:
    r = s.r
    options = r.sample((*TOOLS, *words.pool(s.split)[:40]), r.randint(2, 7))
    right = r.choice(options)
    task = r.choice(("Use the {} tool.", "{} the message.", "The {} tool is needed.", "I want to use {}."))
    return task.format(right), options, [right]


def _place(s: Speech) -> tuple[str, list[str], list[str]]:
    """MIRIX's six stores, or Letta's two."""
    r = s.r
    letta = r.random() < 0.3
    options = list(PLACES if letta else MEMORY_TYPES)
    if not letta and r.random() < 0.3:
        r.shuffle(options)
    if r.random() < 0.3:
        return s.talk(), options, ["none"] if letta else []
    fact = s.fact()
    if fact.attribute is None:
        return s.said(fact), options, ["archival" if letta else "semantic"]
    changed = r.random() < 0.5
    said = f"{fact.person}: {s.told(fact.attribute, changed).format(v=fact.value)}"
    return said, options, ["core" if letta or not changed else "episodic"]


def check(s: Speech) -> Sample:
    """Whether a text says a fact, names a person or value, answers a question, stays with its subject, or failed."""
    u = s.r.random()
    if u < 0.35:
        return _says(s)
    if u < 0.55:
        return _names(s)
    if u < 0.8:
        return _answers(s)
    return _same_thing(s) if u < 0.93 else _failed(s)


def _yes_or_no(lines: Sequence[str], question: str, yes: bool) -> Sample:
    return Sample(prompts.check(lines, question), {"answer": "yes" if yes else "no"})


def _says(s: Speech) -> Sample:
    known = s.facts(s.r.randint(1, 5))
    fact, yes = s.r.choice(known), s.r.random() < 0.5
    asked = fact if yes else _not_said(s, known, fact)
    return _yes_or_no([s.memory(f) for f in known], f"Does the text say that {_inside(asked.sentence)}?", yes)


def _names(s: Speech) -> Sample:
    known = s.facts(s.r.randint(1, 5))
    lines = [s.memory(fact) for fact in known]
    fact, yes = s.r.choice(known), s.r.random() < 0.5
    if s.r.random() < 0.5:
        named = fact.value if yes else s.fact((fact.person, fact.attribute)).value
    else:
        named = fact.person if yes else s.person()
    return _yes_or_no(lines, f"Is {named} in the text?", named in " ".join(lines))


def _answers(s: Speech) -> Sample:
    known = s.facts(s.r.randint(1, 8))
    fact, yes = s.r.choice(known), s.r.random() < 0.5
    asked = fact if yes else _unknown_fact(s, known)
    wording = s.r.choice(("Does the text answer: {}", "Does the text answer this: {}"))
    return _yes_or_no([s.memory(f) for f in known], wording.format(s.question(asked)), yes)


def _same_thing(s: Speech) -> Sample:
    first, yes = s.fact(), s.r.random() < 0.5
    second = s.fact((first.person, first.attribute)) if yes else _unknown_fact(s, [first])
    lines = [s.memory(first), s.talk() if s.r.random() < 0.2 else s.memory(second)]
    yes = yes and second.value in lines[1]
    return _yes_or_no(lines, "Is the second line about the same thing as the first?", yes)


def _failed(s: Speech) -> Sample:
    lines = [s.memory(fact) for fact in s.facts(s.r.randint(1, 3))]
    yes = s.r.random() < 0.5
    if yes:
        failure = s.r.choice(
            ("It failed.", "That failed.", "There was an error.", "It did not work.", "That is wrong.")
        )
        lines.insert(s.r.randint(0, len(lines)), s.r.choice((failure, f"{s.person()}: {failure}")))
    return _yes_or_no(lines, "Does the text say that it failed?", yes)


def _inside(sentence: str) -> str:
    text = sentence.removesuffix(".")
    return text.replace("A ", "a ", 1) if text.startswith("A ") else text


def _not_said(s: Speech, known: Sequence[Fact], fact: Fact) -> Fact:
    said = {(other.key, other.value) for other in known}
    while True:
        near = s.fact((fact.person, fact.attribute)) if s.r.random() < 0.5 else s.fact((s.person(), fact.attribute))
        if (near.key, near.value) not in said:
            return near


def keywords(s: Speech) -> Sample:
    """The words to search with."""
    fact = s.fact()
    if fact.attribute and s.r.random() < 0.2:
        return Sample(prompts.keywords(fact.attribute.who.format(v=fact.value)), {"keywords": [fact.noun, fact.value]})
    words = [fact.person, fact.noun] if fact.attribute else [fact.person]
    return Sample(prompts.keywords(s.question(fact)), {"keywords": words})


def relevant(s: Speech) -> Sample:
    """The numbers of the memories that answer the question."""
    fact = s.fact()
    fewest = s.r.choice((1, 1, 7)) if s.split == "train" else 1  # many take more practice
    around = _near(s, fact, s.r.randint(fewest, 10))
    useful = [number for number, other in enumerate(around) if other.key == fact.key]
    lines = [s.memory(other) for other in around]
    return Sample(prompts.relevant(s.question(fact), lines), {"useful": useful})


def entities(s: Speech) -> Sample:
    """Who and what a message or a question names, with types."""
    u = s.r.random()
    if u < 0.25:
        said = s.talk()
        who = said.split(":")[0]
        found = [] if who == "assistant" else [(who, "person")]
        return _entities(said, found)
    fact = s.fact()
    kind = "person" if fact.attribute else "word"
    if u < 0.5:
        return _entities(s.question(fact), [(fact.person, kind)])
    return _entities(s.said(fact), [(fact.person, kind), (fact.value, fact.noun)])


def _entities(said: str, found: Sequence[tuple[str, str]]) -> Sample:
    return Sample(prompts.entities([said]), {"entities": [{"name": name, "type": kind} for name, kind in found]})


def relations(s: Speech) -> Sample:
    """How the names of a message relate: the words between them in the canonical sentence."""
    fact = s.fact()
    names = [fact.person, fact.value]
    if s.r.random() < 0.25:
        said, edges = s.talk(), []
    else:
        between = fact.sentence.removeprefix("A ").removeprefix(fact.person).removesuffix(f"{fact.value}.")
        said = s.said(fact)
        edges = [{"source": 0, "relation": between.removeprefix("'s").strip(), "destination": 1}]
    if s.r.random() < (0.6 if s.split == "train" else 0.3):
        names.insert(s.r.randint(0, 2), s.person())
        for edge in edges:
            edge |= {"source": names.index(fact.person), "destination": names.index(fact.value)}
    return Sample(prompts.relations([said], names), {"relations": edges})


def questions(s: Speech) -> Sample:
    """What a message answers."""
    if s.r.random() < 0.3:
        return Sample(prompts.questions(s.talk()), {"questions": []})
    fact = s.fact()
    if fact.attribute is None:
        asked = [f"What is a {fact.person}?"]
    else:
        wordings = (fact.attribute.asked.train[0], language.GENERIC_QUESTIONS.train[0])
        asked = [wording.format(p=fact.person, n=fact.noun) for wording in wordings]
    return Sample(prompts.questions(s.said(fact)), {"questions": asked})


MAKERS: dict[str, Callable[[Speech], Sample]] = {
    maker.__name__: maker
    for maker in (note, evolve, facts, decide, relate, summarise, choose, check, keywords, relevant,
                  entities, relations, questions)
}  # fmt: skip
WEIGHTS = {"note": 3, "evolve": 9, "facts": 10, "decide": 5, "relate": 4, "summarise": 30, "choose": 9, "check": 2,
           "keywords": 2, "relevant": 7, "entities": 2, "relations": 2, "questions": 1}  # fmt: skip


def sample(r: random.Random, name: str = "", split: Split = "train", odd: float | None = None) -> tuple[str, Sample]:
    """One sample of the operation ``name``, or of any; ``odd`` is the share of made-up names and values."""
    name = name or r.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
    share = odd if odd is not None else (r.choice((0.0, 0.4, 1.0, 1.0)) if split == "train" else 0.0)
    return name, MAKERS[name](Speech(r, split, share))
