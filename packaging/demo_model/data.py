"""Training rows: the controlled English of ``workbench.sessions.synthesis`` inside the workbench's own prompts.

A row is a list of pieces of text; each piece is either read (a tenth of the loss) or to be answered (the loss), and an
answered piece belongs to a task. Several questions share one context, so that a row holds many answers. A piece
may only begin at a special token, a line break or a space: there the tokenizer splits anyway, so that the pieces'
tokens are the tokens of the whole.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import operations
import phrasing
import tokenizer as tokens
from words import invented, pool

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
FAR = 1000
"""Length of rows from which most have one block, with its facts early: facts more than 1,400 tokens back were answered
"unknown" while rows of 2,048 tokens were cut into several blocks."""
MADE_UP = pool("train")
UNKNOWN = prompts.UNKNOWN

Piece = tuple[str, int]


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
    """

    length: int
    simple: float = 0.0
    framed: float = 1.0
    repeat: float = 0.1
    advanced: float = 0.15
    who: float = 0.08
    changing: bool = False


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
    odd = r.choice((0.0, 0.5, 1.0))
    return [made_up(r).title() if r.random() < odd else name for name in names]


def made_up(r: random.Random) -> str:
    """A made-up word, at times from the pool that sessions draw from."""
    return r.choice(MADE_UP) if r.random() < 0.25 else invented(r)


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
    taught: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    order: list[tuple[str, str]] = field(default_factory=list)

    def value(self, attribute: Attribute) -> str:
        """A value, perhaps made up."""
        if self.r.random() < self.odd_values:
            word = made_up(self.r)
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
        return self.line(person, attribute, value, changed=len(past) > 1)

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
        else:
            template = phrasing.told(r, attribute, news)
        said = f"{person}: {template.format(v=value)}"
        fact = attribute.fact.format(p=person, v=value)
        if style == "fact":
            return [(fact, READ)]
        if style == "other":
            return [(f"{r.choice(self.people)}: {fact}", READ)]
        if style == "note":
            return [(f"{said} |", READ), (f" {fact} | {person}, {attribute.noun}, {value}", TASK["note"])]
        return [(said, READ)]

    def talk(self) -> str:
        """A line without a fact."""
        r = self.r
        if r.random() < 0.3:
            pool = language.ACKNOWLEDGE_FACT.train + language.ACKNOWLEDGE_TALK.train
            return "assistant: " + r.choice(pool).format(p=r.choice(self.people))
        return f"{r.choice(self.people)}: {small_talk(r, self.people)}"

    def ask(self) -> tuple[str, str, str] | None:
        """A question, its answer, its task."""
        r = self.r
        if not self.taught or r.random() < (0.05 if self.level.changing else 0.12):
            return self.ask_unknown()
        u = r.random()
        if u < self.level.advanced:
            return self.ask_long_range() or self.ask_value()
        if u < self.level.advanced + self.level.who:
            return self.ask_who() or self.ask_value()
        return self.ask_value()

    def ask_value(self) -> tuple[str, str, str]:
        """What the newest value is."""
        r = self.r
        changed = [key for key, past in self.taught.items() if len(past) > 1]
        key = r.choice(changed) if changed and r.random() < 0.4 else r.choice(list(self.taught))
        past = self.taught[key]
        question = self.question(key[0], language.BY_NAME[key[1]])
        return question, past[-1], "newest" if len(past) > 1 else "recall"

    def question(self, person: str, attribute: Attribute) -> str:
        """One of the ways to ask."""
        r = self.r
        if r.random() < 0.25 * (1 - self.level.simple):
            return phrasing.of(r, language.GENERIC_QUESTIONS).format(p=person, n=attribute.noun)
        simple = r.random() < self.level.simple
        return (attribute.asked.train[0] if simple else phrasing.asked(r, attribute)).format(p=person)

    def ask_unknown(self) -> tuple[str, str, str] | None:
        """A question whose answer was never told: another attribute, or another person."""
        r = self.r
        for _ in range(9):
            person = r.choice(self.people) if r.random() < 0.7 else person_names(r, 1)[0]
            attribute = r.choice(self.attributes) if r.random() < 0.6 else r.choice(ATTRIBUTES)
            if (person, attribute.name) not in self.taught:
                return self.question(person, attribute), UNKNOWN, "unknown"
        return None

    def ask_who(self) -> tuple[str, str, str] | None:
        """Who has a value now."""
        r = self.r
        person, name = r.choice(list(self.taught))
        value = self.taught[person, name][-1]
        if any(value in past for key, past in self.taught.items() if key[1] == name and key != (person, name)):
            return None
        return language.BY_NAME[name].who.format(v=value), person, "who"

    def ask_long_range(self) -> tuple[str, str, str] | None:
        """First value, value before or after another, number of changes, who changed most, how many people."""
        kinds = self.r.sample(("first", "before", "after", "changes", "most", "people", "teller"), 7)
        return next((asked for kind in kinds if (asked := self._ask_about_changes(kind))), None)

    def _ask_about_changes(self, kind: str) -> tuple[str, str, str] | None:
        r = self.r
        if kind in ("most", "people", "teller"):
            return self._ask_about_people(kind)
        changed = [key for key, past in self.taught.items() if len(past) > 1]
        if not changed and (kind != "changes" or r.random() < 0.8):
            return None
        if kind == "changes":
            count = r.choice(sorted({len(past) for past in self.taught.values()})) - 1
            person, name = r.choice([key for key, past in self.taught.items() if len(past) == count + 1])
            text = phrasing.of(r, language.COUNT_CHANGES_ASKED)
            return text.format(p=person, n=language.BY_NAME[name].noun), language.NUMBERS[min(count, 12)], "count"
        person, name = r.choice(changed)
        past, noun = self.taught[person, name], language.BY_NAME[name].noun
        at = r.randrange(len(past) - 1)
        if kind == "first":
            return phrasing.of(r, language.FIRST_ASKED).format(p=person, n=noun), past[0], "order"
        if kind == "before":
            return phrasing.of(r, language.BEFORE_ASKED).format(p=person, n=noun, v=past[at + 1]), past[at], "order"
        return phrasing.of(r, language.AFTER_ASKED).format(p=person, n=noun, v=past[at]), past[at + 1], "order"

    def _ask_about_people(self, kind: str) -> tuple[str, str, str] | None:
        r = self.r
        attribute = language.BY_NAME[r.choice(list(self.taught))[1]]
        counts = {p: len(past) for (p, name), past in self.taught.items() if name == attribute.name}
        if kind == "people":
            return (
                phrasing.of(r, language.COUNT_VALUES_ASKED).format(n=attribute.noun),
                language.NUMBERS[min(len(counts), 12)],
                "people",
            )
        if len(counts) < 2:
            return None
        if kind == "teller":
            first = next(p for p, name in self.order if name == attribute.name)
            return phrasing.of(r, language.FIRST_PERSON_ASKED).format(n=attribute.noun), first, "teller"
        ranked = sorted(counts.items(), key=lambda entry: -entry[1])
        if ranked[0][1] == ranked[1][1]:
            return None
        return phrasing.of(r, language.MOST_CHANGED_ASKED).format(n=attribute.noun), ranked[0][0], "most"


@dataclass
class Labels:
    """Made-up words and what they are called, in one row."""

    r: random.Random
    level: Level
    words: dict[str, str]
    speaker: str
    adjectives: bool
    seen: dict[str, int] = field(default_factory=dict)
    told: str = ""

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
        return [(line, READ), (f" {label}", TASK["labels"] if known else READ), (after, READ)]

    def ask(self) -> tuple[str, str, str] | None:
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
        return question, label, task


def small_talk(r: random.Random, people: Sequence[str]) -> str:
    """What tells nothing."""
    text = phrasing.of(r, language.SMALL_TALK, edited=0.25)
    values = {name: r.choice(vocabulary.VALUES[name].train) for name in ("city", "pet", "food")}
    return text.format(o=r.choice(people), **values)


def new_world(r: random.Random, level: Level) -> World:
    """People and attributes for a row."""
    room = max(2, level.length // 24)
    people = person_names(r, r.randint(2, 6 if level.changing else min(10, 1 + room)))
    attributes = r.sample(ATTRIBUTES, r.choice((1, 2, 3) if level.changing else (1, 2, 4, 8, 12, 12)))
    odd = r.choice((0.0, 0.2, 0.6, 1.0))
    style = r.choice(("said", "said", "said", "fact", "fact", "other", "note", "mixed"))
    if level.simple > 0.5 and r.random() < level.simple:
        style = r.choice(("said", "said", "fact", "fact", "note"))
    return World(r, level, people, attributes, odd, style)


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
    pieces: list[Piece] = [(ANSWER_SYSTEM, READ)] if framed else []
    far = level.length >= FAR and r.random() < 0.6
    blocks = 1 if far or r.random() < 0.35 else r.randint(2, max(2, min(5, level.length // 50)))
    talk = r.choice(TALK) if level.length > 80 else r.choice((0.0, 0.1))
    date = r.random() < 0.12
    room = level.length - (24 if framed else 0)
    share = r.uniform(0.45, 0.7) if level.length < 300 else r.uniform(0.55, 0.85)
    share = r.uniform(0.85, 0.93) if far else share
    share = min(share, 0.6) if level.changing else share
    size = int((room - 16) / blocks)
    for _ in range(blocks):
        pieces += _memory(r, source, framed, talk, date, int(size * share), early=far and r.random() < 0.6)
        pieces += _questions(r, source, framed, int(size * (1 - share)))
    return pieces


def _memory(
    r: random.Random, source: World | Labels, framed: bool, talk: float, date: bool, room: int, early: bool = False
) -> list[Piece]:
    """``early``: what is told is told in the first part; afterwards people talk, for the most part."""
    pieces: list[Piece] = [("<|user|>Memory\n" if framed else "", READ)]
    used, first, rest = 0, r.uniform(0.2, 0.7) * room, r.uniform(0.85, 1.0)
    while used < room:
        if early:
            talk = min(talk, 0.3) if used < first else rest
        if isinstance(source, Labels):
            line = source.tell()
        elif r.random() < talk:
            line = [(source.talk(), READ)]
        else:
            line = source.tell()
        if date:
            day = f"{r.choice((2024, 2025))}-{r.randint(1, 12):02}-{r.randint(1, 28):02} "
            line = [(day + line[0][0], READ), *line[1:]]
        used += length("".join(text for text, _ in line)) + 1
        pieces += [*line, ("\n", READ)]
    return pieces


def _questions(r: random.Random, source: World | Labels, framed: bool, room: int) -> list[Piece]:
    pieces: list[Piece] = []
    used = 0
    while used < room or not pieces:
        asked = source.ask()
        if asked is None:
            used += 4
            continue
        question, answer, task = asked
        opening = "<|user|>Question\n" if framed and pieces else "Question\n"
        pieces += [(f"{opening}{question}<|end|><|assistant|>", READ), (f"{answer}<|end|>", TASK[task])]
        used += length(question) + length(answer) + 6
    return pieces


def length(text: str) -> int:
    """Tokens of a text. Guessed from its letters, invented words were twice as long and pushed the questions off the
    ends of rows."""
    return len(_tokenizer().encode(text, add_special_tokens=False).ids)


@cache
def _tokenizer() -> Any:
    return tokens.load()


def repeat_row(r: random.Random, vocabulary_size: int, length: int) -> tuple[list[int], list[int]]:
    """A random segment again and again: the first circuit to learn."""
    size = r.randint(4, max(5, length // 3))
    segment = [r.randrange(len(tokens.SPECIAL), vocabulary_size) for _ in range(size)]
    ids = (segment * (length // size + 2))[:length]
    return ids, [READ] * (size + 1) + [TASK["repeat"]] * (length - size - 1)


class Encoder:
    """Pieces to token ids and tasks."""

    def __init__(self) -> None:
        self.tokenizer = tokens.load()
        self.size = self.tokenizer.get_vocab_size()

    def rows(self, rows: Sequence[list[Piece]]) -> list[tuple[list[int], list[int]]]:
        """Ids and tasks of each row, in one call of the tokenizer."""
        flat = [text for row in rows for text, _ in row]
        encoded = iter(self.tokenizer.encode_batch_fast(flat, add_special_tokens=False))
        made = []
        for row in rows:
            ids: list[int] = []
            tasks: list[int] = []
            for _, task in row:
                piece = next(encoded).ids
                ids += piece
                tasks += [task] * len(piece)
            made.append((ids, tasks))
        return made


def batch(r: random.Random, encoder: Encoder, level: Level, rows: int) -> tuple[list[list[int]], list[list[int]]]:
    """``rows`` rows of ``level.length + 1`` tokens and their tasks, padded."""
    length = level.length + 1
    repeats = sum(r.random() < level.repeat for _ in range(rows))
    made = [repeat_row(r, encoder.size, length) for _ in range(repeats)]
    made += encoder.rows([stream(r, level) for _ in range(rows - repeats)])
    return pad(made, length)


def pad(made: Sequence[tuple[list[int], list[int]]], length: int) -> tuple[list[list[int]], list[list[int]]]:
    """Rows of one length: cut, or filled with the pad token, which has no loss."""
    ids = [row[:length] + [tokens.PAD] * (length - len(row)) for row, _ in made]
    tasks = [row[:length] + [READ] * (length - len(row)) for _, row in made]
    return ids, tasks


class OperationRows:
    """Batches of memory operations, each of rows of about one length."""

    def __init__(self, encoder: Encoder, pool: int = 256):
        self.encoder, self.pool = encoder, pool
        self.ready: list[list[tuple[list[int], list[int]]]] = []

    def next(self, r: random.Random, room: int) -> tuple[list[list[int]], list[list[int]]]:
        """A batch of at most about ``room`` tokens, padding included."""
        if not self.ready:
            self.fill(r, room)
        rows = self.ready.pop(r.randrange(len(self.ready)))
        return pad(rows, max(len(ids) for ids, _ in rows))

    def fill(self, r: random.Random, room: int) -> None:
        """Draw samples, sort them by length, cut them into batches."""
        rows = []
        for _ in range(max(self.pool, room // 20)):
            name, sample = operations.sample(r)
            prompt, answer = operations.rendered(sample.operation), operations.compact(sample.right)
            rows.append([(prompt, READ), (f"{answer}<|end|>", TASK[name])])
        made = sorted(self.encoder.rows(rows), key=lambda row: len(row[0]))
        at: list[tuple[list[int], list[int]]] = []
        for row in made:
            if at and len(row[0]) * (len(at) + 1) > room:
                self.ready.append(at)
                at = []
            at.append(row)
        self.ready.append(at)
