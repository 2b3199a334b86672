"""Training rows: the controlled English of ``workbench.sessions.synthesis`` inside the workbench's own prompts.

A row is a list of pieces of text; each piece is either read (a tenth of the loss) or to be answered (the loss), and an
answered piece belongs to a task. Several questions share one context, so that a row holds many answers. A piece
may only begin at a special token, a line break or a space: there the tokenizer splits anyway, so that the pieces'
tokens are the tokens of the whole. The last token of a piece may be where a reader ought to know something
(``Known``): what the line that ends there told, or what is asked.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any, NamedTuple

import operations
import phrasing
import tokenizer as tokens
from words import held_out, invented, pool

from workbench.memory import prompts
from workbench.sessions.synthesis import language, vocabulary
from workbench.sessions.synthesis.language import ATTRIBUTES, Attribute

READ = -1
TASKS = ("repeat", "recall", "newest", "labels", "unknown", "order", "teller", "who", "count", "people", "most",
         "note", "evolve", "facts", "decide", "relate", "summarise", "choose", "check", "keywords", "relevant",
         "entities", "relations", "questions")  # fmt: skip
TASK = {name: number for number, name in enumerate(TASKS)}
TALK = (0.0, 0.15, 0.4, 0.65, 0.8)
"""Shares of a row's lines that tell nothing. Real sessions are mostly talk: facts among it were answered "unknown"
while training had seen at most 0.4 of it."""
CUED = (0.2, 0.6, 0.9, 0.9)
"""Shares of a row's facts that a few words after the value tell apart. "I like {v} in my free time" and "I keep a {v}
as a pet" were taken for each other (15 of 27 unseen values right, 91 of 93 in the other phrasings) while few rows had
several of them."""
FAR = 1000
"""Length of rows from which most have one block, with its facts early: facts more than 1,400 tokens back were answered
"unknown" while rows of 2,048 tokens were cut into several blocks."""
SINK = 4
"""First tokens, which anything may look at: heads with nothing to find look there."""
MADE_UP = pool("train")
UNKNOWN = prompts.UNKNOWN

KINDS = ("value", "who", "first", "before", "after", "changes", "most", "people", "teller")
"""What is asked."""
NO_FACT, LABEL = len(ATTRIBUTES), len(ATTRIBUTES) + 1
"""What a line is about when it is about no attribute."""
MOST_VERSIONS, MOST_PEOPLE = 6, 11


class Known(NamedTuple):
    """What the memory up to a token has come to; words first, then numbers, each empty or -1 where there is nothing.

    Attributes:
        person: whom the line or the question is about (a made-up word counts).
        value: what was told, or what the question names.
        before: the value that it took the place of.
        leader: who has changed the attribute most often so far, if one person has.
        teller: who told the attribute first.
        attribute: number of the attribute, or ``NO_FACT`` or ``LABEL``.
        version: how many values came before this one.
        people: how many people have told the attribute so far.
        kind: what is asked, a number of ``KINDS``.
        opens: 2 when nobody told the attribute before, 1 when this person did not, else 0.
    """

    person: str = ""
    value: str = ""
    before: str = ""
    leader: str = ""
    teller: str = ""
    attribute: int = -1
    version: int = -1
    people: int = -1
    kind: int = -1
    opens: int = -1


WORDS = Known._fields[:5]
CLASSES = {"attribute": LABEL + 1, "version": MOST_VERSIONS, "people": MOST_PEOPLE, "kind": len(KINDS), "opens": 3}
NOTHING = Known()


class Piece(NamedTuple):
    """Text with its task; ``known`` holds at its last token."""

    text: str
    task: int = READ
    known: Known = NOTHING


class Asked(NamedTuple):
    """A question, its answer, its task, and what it is about."""

    question: str
    answer: str
    task: str
    about: Known


class Row(NamedTuple):
    """Token ids, the task of each, what is known at some of them: ``(position, numbers)``, and where the answers to
    some questions stand: ``(position, ends of lines)``."""

    ids: list[int]
    tasks: list[int]
    known: list[tuple[int, tuple[int, ...]]]
    looks: list[tuple[int, list[int]]]


@dataclass(frozen=True)
class Level:
    """How hard rows are.

    Attributes:
        length: tokens of a row.
        simple: share of facts and questions in their first phrasing.
        framed: share of rows inside the full prompt (system message, section titles).
        repeat: share of rows of repeated random segments.
        advanced: share of questions about order and counts.
        who: share of questions for the person who has a value.
        changing: few things, which change often: what questions of order and counts need to be worth asking.
        asking: one memory and many questions about it.
    """

    length: int
    simple: float = 0.0
    framed: float = 1.0
    repeat: float = 0.1
    advanced: float = 0.15
    who: float = 0.08
    changing: bool = False
    asking: bool = False


def system_of(operation: prompts.Operation) -> str:
    """The system message as the chat template renders it."""
    return f"<|system|>{operation.messages[0].text}<|end|>"


ANSWER_SYSTEM = system_of(prompts.answer([], ""))


def phrase(r: random.Random, pool: vocabulary.Pool, simple: float) -> str:
    """One of a pool's phrases; the first one with probability ``simple``, else any, at times edited."""
    return pool.train[0] if r.random() < simple else phrasing.of(r, pool)


def person_names(r: random.Random, count: int) -> list[str]:
    """Names from the training pool, some of them made up."""
    names = r.sample(vocabulary.NAMES.train, count)
    odd = r.choice((0.2, 0.6, 1.0))
    return [alike(r, made_up(r).title(), names) if r.random() < odd else name for name in names]


def made_up(r: random.Random) -> str:
    """A made-up word, at times from the pool that sessions draw from."""
    return r.choice(MADE_UP) if r.random() < 0.25 else invented(r)


def alike(r: random.Random, word: str, others: Sequence[str]) -> str:
    """``word``, at times with the first letters of one of ``others``: an answer that begins as another one does has to
    go on as its own. "Doris" was answered for "Dallas", and "basing" for "bassoon"."""
    if not others or r.random() < 0.7:
        return word
    shared = r.choice((1, 1, 2, 3))
    begun = r.choice(others)[:shared] + word[shared:]
    return word if begun.lower() in held_out() else begun


def adjective(r: random.Random) -> str:
    """What a made-up thing looks like."""
    return made_up(r) if r.random() < 0.3 else r.choice(vocabulary.ADJECTIVES.train)


@dataclass
class World:
    """Who is what in one row: people, attributes, and every value so far, in order."""

    r: random.Random
    level: Level
    people: list[str]
    attributes: list[Attribute]
    odd_values: float
    style: str
    cued: float
    taught: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    order: list[tuple[str, str]] = field(default_factory=list)
    known: Known = NOTHING

    def value(self, attribute: Attribute) -> str:
        """A value, perhaps made up, at times one that somebody has: made-up ones never met twice otherwise."""
        told = [past[-1] for (_, name), past in self.taught.items() if past and name == attribute.name]
        if told and self.r.random() < operations.SHARED:
            return self.r.choice(told)
        if self.r.random() < self.odd_values:
            word = alike(self.r, made_up(self.r), [past[-1] for past in self.taught.values() if past])
            return word.title() if attribute.name in ("city", "language") else word
        return self.r.choice(attribute.values("train"))

    def tell(self) -> list[Piece]:
        """A line with a fact, new or changed."""
        r = self.r
        person, attribute = r.choice(self.people), r.choice(self.attributes)
        if self.taught and r.random() < (0.35 if self.level.changing else 0.0):
            person, name = r.choice(list(self.taught))
            attribute = language.BY_NAME[name]
        key = (person, attribute.name)
        past = self.taught.setdefault(key, [])
        again = bool(past) and r.random() < 0.05
        value = past[-1] if again else self.fresh(attribute, past)
        if not again:
            past.append(value)
            self.order.append(key)
        self.known = self.come_to(person, attribute)
        return self.line(person, attribute, value, changed=len(past) > 1)

    def come_to(self, person: str, attribute: Attribute) -> Known:
        """What is known after a line about ``person``'s ``attribute``."""
        past = self.taught[person, attribute.name]
        counts = {p: len(values) for (p, name), values in self.taught.items() if name == attribute.name}
        return Known(
            person,
            past[-1],
            past[-2] if len(past) > 1 else "",
            leader(counts) or "",
            next(p for p, name in self.order if name == attribute.name),
            ATTRIBUTES.index(attribute),
            min(len(past), MOST_VERSIONS) - 1,
            min(len(counts), MOST_PEOPLE - 1),
            opens=0 if len(past) > 1 else 1 + (len(counts) == 1),
        )

    def fresh(self, attribute: Attribute, past: list[str]) -> str:
        """A value that the person did not just have."""
        for _ in range(9):
            value = self.value(attribute)
            if value not in past:
                return value
        return made_up(self.r)

    def line(self, person: str, attribute: Attribute, value: str, changed: bool) -> list[Piece]:
        """The fact in this row's style of memory. What a note adds to the words said is to be answered."""
        r = self.r
        style = self.style if self.style != "mixed" else r.choice(("said", "fact", "other", "note"))
        news = changed and r.random() < 0.7
        if r.random() < self.level.simple:
            template = (attribute.changed if news else attribute.told).train[0]
        elif r.random() < self.cued:
            template = phrasing.cued(r, attribute)
        else:
            template = phrasing.told(r, attribute, news)
        said = f"{person}: {template.format(v=value)}"
        fact = attribute.fact.format(p=person, v=value)
        if style == "fact":
            return [Piece(fact)]
        if style == "other":
            return [Piece(f"{r.choice(self.people)}: {fact}")]
        if style == "note":
            return [Piece(f"{said} |"), Piece(f" {fact} | {person}, {attribute.noun}, {value}", TASK["note"])]
        return [Piece(said)]

    def talk(self) -> str:
        """A line without a fact."""
        r = self.r
        self.known = Known(attribute=NO_FACT)
        return phrasing.line(r, self.people, lambda name: mentioned(r, name), lambda: adjective(r))

    def ask(self) -> Asked | None:
        """A question."""
        r = self.r
        if not self.taught or r.random() < (0.05 if self.level.changing else 0.12):
            return self.ask_unknown()
        u = r.random()
        if u < self.level.advanced:
            return self.ask_long_range() or self.ask_value()
        if u < self.level.advanced + self.level.who:
            return self.ask_who() or self.ask_value()
        return self.ask_value()

    def ask_value(self) -> Asked:
        """What the newest value is."""
        r = self.r
        changed = [key for key, past in self.taught.items() if len(past) > 1]
        key = r.choice(changed) if changed and r.random() < 0.4 else r.choice(list(self.taught))
        past = self.taught[key]
        question = self.question(key[0], language.BY_NAME[key[1]])
        about = asked_about("value", key[0], language.BY_NAME[key[1]])
        return Asked(question, past[-1], "newest" if len(past) > 1 else "recall", about)

    def question(self, person: str, attribute: Attribute) -> str:
        """One of the ways to ask."""
        r = self.r
        if r.random() < 0.25 * (1 - self.level.simple):
            return phrasing.of(r, language.GENERIC_QUESTIONS).format(p=person, n=attribute.noun)
        simple = r.random() < self.level.simple
        return (attribute.asked.train[0] if simple else phrasing.asked(r, attribute)).format(p=person)

    def ask_unknown(self) -> Asked | None:
        """A question whose answer was never told: another attribute, or another person."""
        r = self.r
        for _ in range(9):
            person = r.choice(self.people) if r.random() < 0.7 else person_names(r, 1)[0]
            attribute = r.choice(self.attributes) if r.random() < 0.6 else r.choice(ATTRIBUTES)
            if (person, attribute.name) not in self.taught:
                about = asked_about("value", person, attribute)
                return Asked(self.question(person, attribute), UNKNOWN, "unknown", about)
        return None

    def ask_who(self) -> Asked | None:
        """Who has a value now."""
        r = self.r
        person, name = r.choice(list(self.taught))
        value = self.taught[person, name][-1]
        if any(value in past for key, past in self.taught.items() if key[1] == name and key != (person, name)):
            return None
        attribute = language.BY_NAME[name]
        return Asked(attribute.who.format(v=value), person, "who", asked_about("who", "", attribute, value))

    def ask_long_range(self) -> Asked | None:
        """First value, value before or after another, number of changes, who changed most, how many people."""
        kinds = self.r.sample(("first", "before", "after", "changes", "most", "people", "teller"), 7)
        return next((asked for kind in kinds if (asked := self._ask_about_changes(kind))), None)

    def _ask_about_changes(self, kind: str) -> Asked | None:
        r = self.r
        if kind in ("most", "people", "teller"):
            return self._ask_about_people(kind)
        changed = [key for key, past in self.taught.items() if len(past) > 1]
        if not changed and (kind != "changes" or r.random() < 0.8):
            return None
        if kind == "changes":
            return self._ask_for_changes()
        key = r.choice(changed)
        person, past, attribute = key[0], self.taught[key], language.BY_NAME[key[1]]
        at = r.randrange(len(past) - 1)
        pool, given, right = {
            "first": (language.FIRST_ASKED, "", past[0]),
            "before": (language.BEFORE_ASKED, past[at + 1], past[at]),
            "after": (language.AFTER_ASKED, past[at], past[at + 1]),
        }[kind]
        question = phrasing.of(r, pool).format(p=person, n=attribute.noun, v=given)
        return Asked(question, right, "order", asked_about(kind, person, attribute, given))

    def _ask_for_changes(self) -> Asked:
        r = self.r
        count = r.choice(sorted({len(past) for past in self.taught.values()})) - 1
        person, name = r.choice([key for key, past in self.taught.items() if len(past) == count + 1])
        attribute = language.BY_NAME[name]
        question = phrasing.of(r, language.COUNT_CHANGES_ASKED).format(p=person, n=attribute.noun)
        return Asked(question, language.NUMBERS[min(count, 12)], "count", asked_about("changes", person, attribute))

    def _ask_about_people(self, kind: str) -> Asked | None:
        r = self.r
        attribute = language.BY_NAME[r.choice(list(self.taught))[1]]
        counts = {p: len(past) for (p, name), past in self.taught.items() if name == attribute.name}
        if kind != "people" and len(counts) < 2:
            return None
        pool, right = {
            "people": (language.COUNT_VALUES_ASKED, language.NUMBERS[min(len(counts), 12)]),
            "teller": (language.FIRST_PERSON_ASKED, next(p for p, name in self.order if name == attribute.name)),
            "most": (language.MOST_CHANGED_ASKED, leader(counts)),
        }[kind]
        question = phrasing.of(r, pool).format(n=attribute.noun)
        return Asked(question, right, kind, asked_about(kind, "", attribute)) if right else None


def leader(counts: dict[str, int]) -> str | None:
    """Who has the most, when one of several has."""
    ranked = sorted(counts, key=lambda person: -counts[person])
    return ranked[0] if len(ranked) > 1 and counts[ranked[0]] > counts[ranked[1]] else None


def asked_about(kind: str, person: str, attribute: Attribute, value: str = "") -> Known:
    """What a question is about."""
    return Known(person, value, attribute=ATTRIBUTES.index(attribute), kind=KINDS.index(kind))


@dataclass
class Labels:
    """Made-up words and what they are called, in one row."""

    r: random.Random
    level: Level
    words: dict[str, str]
    speaker: str
    adjectives: bool
    seen: dict[str, int] = field(default_factory=dict)
    known: Known = NOTHING

    def tell(self) -> list[Piece]:
        """An example; the label of a word that was seen before is to be answered."""
        r = self.r
        word = r.choice(list(self.words))
        label = self.words[word]
        if self.adjectives:
            text = phrase(r, language.LABEL_TOLD, self.level.simple)
        else:
            text = phrase(r, language.MEANING_TOLD, self.level.simple)
        before, after = text.split(" {l}")
        line = f"{self.speaker}{before}".format(w=word, a=adjective(r))
        known = word in self.seen
        self.seen[word] = self.seen.get(word, 0) + 1
        self.known = Known(word, label, attribute=LABEL)
        return [Piece(line), Piece(f" {label}", TASK["labels"] if known else READ), Piece(after)]

    def ask(self) -> Asked | None:
        """What a word, with an adjective that need not have been seen with it, is called."""
        r = self.r
        asked = language.LABEL_ASKED if self.adjectives else language.MEANING_ASKED
        if not self.seen or r.random() < 0.1:
            word, label, task = made_up(r), UNKNOWN, "unknown"
            if word in self.words:
                return None
        else:
            word = r.choice(list(self.seen))
            label, task = self.words[word], "labels"
        question = phrase(r, asked, self.level.simple).format(w=word, a=adjective(r))
        return Asked(question, label, task, Known(word, attribute=LABEL, kind=KINDS.index("value")))


def mentioned(r: random.Random, name: str) -> str:
    """A value that talk names."""
    return made_up(r) if r.random() < 0.15 else r.choice(vocabulary.VALUES[name].train)


def new_world(r: random.Random, level: Level) -> World:
    """People and attributes for a row."""
    room = max(2, level.length // 24)
    people = person_names(r, r.randint(2, 6 if level.changing else min(10, 1 + room)))
    attributes = r.sample(ATTRIBUTES, r.choice((1, 2, 3) if level.changing else (1, 2, 4, 8, 12, 12)))
    odd = r.choice((0.1, 0.5, 1.0, 1.0, 1.0))
    style = r.choice(("said", "said", "said", "fact", "fact", "other", "note", "mixed"))
    if level.simple > 0.5 and r.random() < level.simple:
        style = r.choice(("said", "said", "fact", "fact", "note"))
    return World(r, level, people, attributes, odd, style, r.choice(CUED))


def new_labels(r: random.Random, level: Level) -> Labels:
    """Made-up words and their labels for a row."""
    count = r.randint(3, max(4, min(14, level.length // 20)))
    words = {made_up(r): "" for _ in range(count)}
    names = [made_up(r) if r.random() < 0.5 else r.choice(vocabulary.LABEL_KINDS.train) for _ in range(count)]
    if r.random() < 0.3:
        names = names[: max(2, count // 2)]
    labels = {word: r.choice(names) for word in words}
    speaker = "" if r.random() < 0.2 else f"{person_names(r, 1)[0]}: "
    return Labels(r, level, labels, speaker, adjectives=r.random() < 0.7)


def stream(r: random.Random, level: Level) -> list[Piece]:
    """A row of facts or labels and questions: blocks of memory, each with several questions."""
    labels = r.random() < 0.14 and not level.changing
    return world_stream(r, level, new_labels(r, level) if labels else new_world(r, level))


def world_stream(r: random.Random, level: Level, source: World | Labels) -> list[Piece]:
    """A row about ``source``."""
    framed = r.random() < level.framed
    pieces = [Piece(ANSWER_SYSTEM)] if framed else []
    far = level.length >= FAR and r.random() < 0.6 and not level.asking
    blocks = 1 if far or level.asking or r.random() < 0.35 else r.randint(2, max(2, min(5, level.length // 50)))
    talk = r.choice(TALK) if level.length > 80 else r.choice((0.0, 0.1))
    date = r.random() < 0.12
    room = level.length - (24 if framed else 0)
    share = r.uniform(0.45, 0.7) if level.length < 300 else r.uniform(0.55, 0.85)
    share = r.uniform(0.85, 0.93) if far else share
    share = min(share, 0.6) if level.changing or level.asking else share
    size = int((room - 16) / blocks) - min(10, room // (8 * blocks))  # a block ends up to a line and a question later
    for _ in range(blocks):
        pieces += _memory(r, source, framed, talk, date, int(size * share), early=far and r.random() < 0.6)
        pieces += _questions(r, source, framed, int(size * (1 - share)))
    return pieces


def _memory(
    r: random.Random, source: World | Labels, framed: bool, talk: float, date: bool, room: int, early: bool = False
) -> list[Piece]:
    """``early``: what is told is told in the first part; afterwards people talk, for the most part."""
    pieces = [Piece("<|user|>Memory\n" if framed else "")]
    used, first, rest = 0, r.uniform(0.2, 0.7) * room, r.uniform(0.85, 1.0)
    while used < room:
        if early:
            talk = min(talk, 0.3) if used < first else rest
        if isinstance(source, Labels):
            line = source.tell()
        elif r.random() < talk:
            line = [Piece(source.talk())]
        else:
            line = source.tell()
        if date:
            day = f"{r.choice((2024, 2025))}-{r.randint(1, 12):02}-{r.randint(1, 28):02} "
            line = [Piece(day + line[0].text), *line[1:]]
        used += length("".join(piece.text for piece in line)) + 1
        pieces += [*line, Piece("\n", READ, source.known)]
    return pieces


def _questions(r: random.Random, source: World | Labels, framed: bool, room: int) -> list[Piece]:
    pieces: list[Piece] = []
    used = 0
    while used < room or not pieces:
        asked = source.ask()
        if asked is None:
            used += 4
            continue
        question, answer, task, about = asked
        opening = "<|user|>Question\n" if framed and pieces else "Question\n"
        pieces += [
            Piece(f"{opening}{question}<|end|><|assistant|>", READ, about),
            Piece(f"{answer}<|end|>", TASK[task]),
        ]
        used += length(question) + length(answer) + 6
    return pieces


def length(text: str) -> int:
    """Tokens of a text. Guessed from its letters, invented words were twice as long and pushed the questions off the
    ends of rows."""
    return len(_tokenizer().encode(text, add_special_tokens=False).ids)


@cache
def _tokenizer() -> Any:
    return tokens.load()


@lru_cache(maxsize=50_000)
def first_token(word: str) -> int:
    """The first token of a word, -1 of none."""
    return int(_tokenizer().encode(word, add_special_tokens=False).ids[0]) if word else -1


def numbers(known: Known) -> tuple[int, ...]:
    """The fields of ``known`` as numbers, words as their first tokens."""
    return (*(first_token(word) for word in known[: len(WORDS)]), *known[len(WORDS) :])  # type: ignore[arg-type]


def repeat_row(r: random.Random, vocabulary_size: int, length: int) -> Row:
    """A random segment again and again: the first circuit to learn."""
    size = r.randint(4, max(5, length // 3))
    segment = [r.randrange(len(tokens.SPECIAL), vocabulary_size) for _ in range(size)]
    ids = (segment * (length // size + 2))[:length]
    return Row(ids, [READ] * (size + 1) + [TASK["repeat"]] * (length - size - 1), [], [])


class Encoder:
    """Pieces to token ids and tasks."""

    def __init__(self) -> None:
        self.tokenizer = tokens.load()
        self.size = self.tokenizer.get_vocab_size()
        self.names = [self.tokenizer.id_to_token(number) for number in range(self.size)]

    def rows(self, rows: Sequence[list[Piece]]) -> list[Row]:
        """Each row, in one call of the tokenizer."""
        flat = [piece.text for row in rows for piece in row]
        encoded = iter(self.tokenizer.encode_batch_fast(flat, add_special_tokens=False))
        made = []
        for pieces in rows:
            row = Row([], [], [], [])
            told: dict[tuple[str, int], list[int]] = {}
            for piece in pieces:
                ids = next(encoded).ids
                row.ids.extend(ids)
                row.tasks.extend([piece.task] * len(ids))
                if piece.known is not NOTHING:
                    at = len(row.ids) - 1
                    row.known.append((at, numbers(piece.known)))
                    look(piece.known, at, told, row.looks)
            made.append(row)
        return made


def look(known: Known, at: int, told: dict[tuple[str, int], list[int]], looks: list[tuple[int, list[int]]]) -> None:
    """Note where the line that ends at ``at`` tells its fact, or where the question that ends there has its answer.

    A value is looked up at the end of the newest line that tells it, a label at the end of every example, and what was
    never told at the first tokens.
    """
    about = (known.person, known.attribute)
    if known.kind < 0:
        if known.person:
            told.setdefault(about, []).append(at)
    elif known.kind == KINDS.index("value"):
        ends = told.get(about, [])
        ends = ends[:] if known.attribute == LABEL else ends[-1:]
        looks.append((at, ends or list(range(SINK))))


def batch(r: random.Random, encoder: Encoder, level: Level, rows: int) -> list[Row]:
    """``rows`` rows of ``level.length + 1`` tokens, padded."""
    length = level.length + 1
    repeats = sum(r.random() < level.repeat for _ in range(rows))
    made = [repeat_row(r, encoder.size, length) for _ in range(repeats)]
    made += encoder.rows([stream(r, level) for _ in range(rows - repeats)])
    return [pad(row, length) for row in made]


def pad(row: Row, length: int) -> Row:
    """A row of ``length`` tokens: cut, or filled with the pad token, which has no loss."""
    missing = length - len(row.ids)
    return Row(
        row.ids[:length] + [tokens.PAD] * missing,
        row.tasks[:length] + [READ] * missing,
        [(at, known) for at, known in row.known if at < length - 1],
        [(at, ends) for at, ends in row.looks if at < length - 1],
    )


class OperationRows:
    """Batches of memory operations, each of rows of about one length."""

    def __init__(self, encoder: Encoder, pool: int = 256):
        self.encoder, self.pool = encoder, pool
        self.ready: list[list[Row]] = []

    def next(self, r: random.Random, room: int) -> list[Row]:
        """A batch of at most about ``room`` tokens, padding included."""
        if not self.ready:
            self.fill(r, room)
        rows = self.ready.pop(r.randrange(len(self.ready)))
        longest = max(len(row.ids) for row in rows)
        return [pad(row, longest) for row in rows]

    def fill(self, r: random.Random, room: int) -> None:
        """Draw samples, sort them by length, cut them into batches."""
        rows = []
        for _ in range(max(self.pool, room // 20)):
            name, sample = operations.sample(r)
            prompt, answer = operations.rendered(sample.operation), operations.compact(sample.right)
            rows.append([Piece(prompt), Piece(f"{answer}<|end|>", TASK[name])])
        at: list[Row] = []
        for row in sorted(self.encoder.rows(rows), key=lambda row: len(row.ids)):
            if at and len(row.ids) * (len(at) + 1) > room:
                self.ready.append(at)
                at = []
            at.append(row)
        self.ready.append(at)
