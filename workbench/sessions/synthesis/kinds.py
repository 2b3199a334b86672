"""The kinds of generated sessions: what is told, and what is asked."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from workbench.sessions.synthesis import asking, vocabulary
from workbench.sessions.synthesis.drafting import Draft
from workbench.sessions.synthesis.language import ATTRIBUTES, Attribute
from workbench.sessions.synthesis.vocabulary import Split

Ask = Callable[[Draft, int], bool]


@dataclass(frozen=True, slots=True)
class Options:
    """What a session can be asked to be; every kind has its own defaults.

    Attributes:
        turns: about how many turns, the assistant's included.
        people: how many people speak (at most 40).
        versions: most values that one thing has over time.
        labels: made-up words to learn.
        examples: examples of each word.
        probes: how many questions.
        abstain: share of the questions whose answer was never told.
        size: multiplies turns, labels and probes.
        split: ``train`` or ``heldout`` words and phrasings.
    """

    turns: int = 50
    people: int = 4
    versions: int = 1
    labels: int = 0
    examples: int = 0
    probes: int = 12
    abstain: float = 0.15
    size: float = 1.0
    split: Split = "train"


def start(r: random.Random, o: Options) -> Draft:
    """An empty draft with its people."""
    return Draft(r, o.split, r.sample(vocabulary.NAMES.of(o.split), o.people))


def accurate_retrieval(r: random.Random, o: Options) -> Draft:
    """Many facts, each told once, among small talk; questions for old and fresh ones."""
    draft = start(r, o)
    things = _things(r, draft, ATTRIBUTES)
    while len(draft.turns) < o.turns * o.size:
        if things and r.random() < 0.65:
            _tell_new(draft, *things.pop())
        else:
            draft.talk()
    asks: list[Ask] = [asking.ask_value] * 5 + [asking.ask_who]
    probe(draft, o, asks, asking.ACCURATE_RETRIEVAL)
    return draft


def conflict_resolution(r: random.Random, o: Options) -> Draft:
    """Facts that change, up to ``versions`` values of each; the newest one counts."""
    draft = start(r, o)
    _tell_changing(r, draft, o)

    def newest(draft: Draft, after: int) -> bool:
        return asking.ask_value(draft, after, asking.CONFLICT)

    probe(draft, o, [newest], asking.CONFLICT)
    return draft


def long_range_understanding(r: random.Random, o: Options) -> Draft:
    """Facts that change over the whole session; questions of order, count and who changed most."""
    draft = start(r, o)
    _tell_changing(r, draft, o)
    probe(draft, o, [asking.ask_long_range], asking.LONG_RANGE)
    return draft


def test_time_learning(r: random.Random, o: Options) -> Draft:
    """Made-up words, each shown by a few examples; questions with an example that was not shown."""
    draft = start(r, o)
    examples = _examples(r, draft, o)
    while examples or len(draft.turns) < o.turns * o.size:
        if examples and r.random() < 0.85:
            draft.show(r.choice(draft.people), *examples.pop())
        else:
            draft.talk()
    probe(draft, o, [asking.ask_label], asking.TEST_TIME_LEARNING, asking.ask_unknown_label)
    return draft


def mixed(r: random.Random, o: Options) -> Draft:
    """All four competencies in one long session."""
    draft = start(r, o)
    examples = _examples(r, draft, o)
    changing = _things(r, draft, r.sample(ATTRIBUTES, 3))
    things = [thing for thing in _things(r, draft, ATTRIBUTES) if thing not in changing]
    while len(draft.turns) < o.turns * o.size:
        u = r.random()
        if u < 0.2 and examples:
            draft.show(r.choice(draft.people), *examples.pop())
        elif u < 0.4 and things:
            _tell_new(draft, *things.pop())
        elif u < 0.7:
            _tell_changed(draft, r.choice(changing), o.versions)
        else:
            draft.talk()

    def newest(draft: Draft, after: int) -> bool:
        return asking.ask_value(draft, after, asking.CONFLICT)

    asks: list[Ask] = [asking.ask_value, newest, asking.ask_label, asking.ask_long_range]
    probe(draft, o, asks, asking.ACCURATE_RETRIEVAL)
    return draft


def probe(
    draft: Draft,
    o: Options,
    asks: Sequence[Ask],
    competency: str,
    unknown: Ask | None = None,
) -> None:
    """Ask ``o.probes`` questions: half of them along the way, half after the last turn, some unanswerable."""
    count = max(1, round(o.probes * o.size))
    last = len(draft.turns) - 1
    abstain = set(draft.r.sample(range(count), round(count * o.abstain)))
    for number in range(count):
        after = draft.r.randint(last // 5, last) if number % 2 else last

        def never_told(draft: Draft, after: int) -> bool:
            return asking.ask_unknown(draft, after, competency)

        choices = [unknown or never_told] if number in abstain else asks
        turn = number // 2 if len(choices) > 1 else 0
        for attempt in range(60):
            draft.allow_repeats = attempt >= 45
            at = after if attempt < 30 else draft.r.randint(last // 5, last)
            if choices[(turn + attempt // 8) % len(choices)](draft, at):
                break


def _things(r: random.Random, draft: Draft, attributes: Sequence[Attribute]) -> list[tuple[str, Attribute]]:
    things = [(person, attribute) for person in draft.people for attribute in attributes]
    r.shuffle(things)
    return things


def _tell_new(draft: Draft, person: str, attribute: Attribute) -> None:
    draft.tell(person, attribute, draft.r.choice(attribute.values(draft.split)))


def _tell_changed(draft: Draft, thing: tuple[str, Attribute], versions: int) -> None:
    """A further value of ``thing``, one that it never had; small talk when it has had ``versions`` already."""
    person, attribute = thing
    had = [told.value for told in draft.told if told.person == person and told.attribute is attribute]
    fresh = [value for value in attribute.values(draft.split) if value not in had]
    if len(had) >= versions or not fresh:
        draft.talk()
        return
    draft.tell(person, attribute, draft.r.choice(fresh))


def _tell_changing(r: random.Random, draft: Draft, o: Options) -> None:
    """Facts of two or three attributes that change, among small talk."""
    attributes = r.sample(ATTRIBUTES, 3 if o.people < 6 else 2)
    things = _things(r, draft, attributes)
    while len(draft.turns) < o.turns * o.size:
        if r.random() < 0.75:
            _tell_changed(draft, r.choice(things), o.versions)
        else:
            draft.talk()


def _examples(r: random.Random, draft: Draft, o: Options) -> list[tuple[str, str, str]]:
    """Word, adjective, label of every example, shuffled."""
    count = max(1, round(o.labels * o.size))
    words = r.sample(vocabulary.made_up_pool(o.split), 2 * count)
    adjectives = vocabulary.ADJECTIVES.of(o.split)
    examples = [
        (word, adjective, label)
        for word, label in zip(words[:count], words[count:], strict=True)
        for adjective in r.sample(adjectives, min(o.examples, len(adjectives) - 1))
    ]
    r.shuffle(examples)
    return examples
