"""Probes of each competency over a draft: question, gold answers, evidence turns.

Each function asks one probe after a given turn and says whether there was one to ask.
"""

from __future__ import annotations

from collections import Counter

from workbench.sessions.synthesis import language, vocabulary
from workbench.sessions.synthesis.drafting import Draft, Told
from workbench.sessions.synthesis.language import ATTRIBUTES, BY_NAME, Attribute

ACCURATE_RETRIEVAL, TEST_TIME_LEARNING, LONG_RANGE, CONFLICT = (
    "accurate_retrieval",
    "test_time_learning",
    "long_range_understanding",
    "conflict_resolution",
)


def question_for(draft: Draft, person: str, attribute: Attribute) -> str:
    """One of the ways to ask for a present value."""
    if draft.r.random() < 0.2:
        return draft.pick(language.GENERIC_QUESTIONS).format(p=person, n=attribute.noun)
    return draft.pick(attribute.asked).format(p=person)


def ask_value(draft: Draft, after: int, competency: str = ACCURATE_RETRIEVAL) -> bool:
    """The newest value of something told once or more; with ``CONFLICT`` only of something that changed."""
    history = draft.history(after)
    least = 2 if competency == CONFLICT else 1
    keys = [key for key, told in history.items() if len(told) >= least]
    if competency == ACCURATE_RETRIEVAL:
        keys = [key for key in keys if len(history[key]) == 1] or keys
    if not keys:
        return False
    old_first = sorted(keys, key=lambda key: history[key][-1].turn)
    keys = old_first[: max(1, len(keys) // 2)] if draft.r.random() < 0.5 else keys
    person, name = draft.r.choice(keys)
    newest = history[person, name][-1]
    return draft.ask(after, question_for(draft, person, BY_NAME[name]), [newest.value], competency, [newest.turn])


def ask_who(draft: Draft, after: int) -> bool:
    """Who has a value, when exactly one person ever had it."""
    history = draft.history(after)
    if not history:
        return False
    person, name = draft.r.choice(list(history))
    newest = history[person, name][-1]
    if sum(t.value == newest.value and t.attribute.name == name for told in history.values() for t in told) > 1:
        return False
    question = BY_NAME[name].who.format(v=newest.value)
    return draft.ask(after, question, [person], ACCURATE_RETRIEVAL, [newest.turn])


def ask_unknown(draft: Draft, after: int, competency: str) -> bool:
    """Something that was never told, of a person who is there or of one who is not."""
    history = draft.history(after)
    stranger = draft.r.random() < 0.25
    strangers = [name for name in vocabulary.NAMES.of(draft.split) if name not in draft.people]
    person = draft.r.choice(strangers if stranger else draft.people)
    open_attributes = [a for a in ATTRIBUTES if (person, a.name) not in history]
    if not open_attributes:
        return False
    return draft.ask(after, question_for(draft, person, draft.r.choice(open_attributes)), [], competency)


def ask_label(draft: Draft, after: int) -> bool:
    """What a word is called, with an adjective that no example had."""
    seen = [shown for shown in draft.shown if shown.turn <= after]
    if not seen:
        return False
    word = draft.r.choice(sorted({shown.word for shown in seen}))
    examples = [shown for shown in seen if shown.word == word]
    fresh = [a for a in vocabulary.ADJECTIVES.of(draft.split) if a not in {shown.adjective for shown in examples}]
    question = draft.pick(language.LABEL_ASKED).format(w=word, a=draft.r.choice(fresh))
    return draft.ask(after, question, [examples[0].label], TEST_TIME_LEARNING, [shown.turn for shown in examples])


def ask_unknown_label(draft: Draft, after: int) -> bool:
    """What a word that no example showed is called."""
    seen = {shown.word for shown in draft.shown}
    word = draft.r.choice([w for w in vocabulary.made_up_pool(draft.split) if w not in seen])
    question = draft.pick(language.LABEL_ASKED).format(w=word, a=draft.pick(vocabulary.ADJECTIVES))
    return draft.ask(after, question, [], TEST_TIME_LEARNING)


def ask_order(draft: Draft, after: int) -> bool:
    """The first value, or the one before or after another."""
    history = draft.history(after)
    changed = [key for key, told in history.items() if len(told) > 1]
    if not changed:
        return False
    person, name = draft.r.choice(changed)
    told, noun = history[person, name], BY_NAME[name].noun
    at = draft.r.randrange(len(told) - 1)
    kind = draft.r.choice(("first", "before", "after"))
    if kind == "first":
        question = draft.pick(language.FIRST_ASKED).format(p=person, n=noun)
        return draft.ask(after, question, [told[0].value], LONG_RANGE, [told[0].turn])
    given, wanted = (at + 1, at) if kind == "before" else (at, at + 1)
    pool = language.BEFORE_ASKED if kind == "before" else language.AFTER_ASKED
    question = draft.pick(pool).format(p=person, n=noun, v=told[given].value)
    return draft.ask(after, question, [told[wanted].value], LONG_RANGE, [told[at].turn, told[at + 1].turn])


def ask_first_person(draft: Draft, after: int) -> bool:
    """Who was the first to tell an attribute."""
    told, attribute = _one_attribute(draft, after)
    if attribute is None or len({t.person for t in told}) < 2:
        return False
    question = draft.pick(language.FIRST_PERSON_ASKED).format(n=attribute.noun)
    return draft.ask(after, question, [told[0].person], LONG_RANGE, [told[0].turn])


def ask_count(draft: Draft, after: int) -> bool:
    """How often something changed, or how many people told it."""
    told, attribute = _one_attribute(draft, after)
    if attribute is None:
        return False
    if draft.r.random() < 0.5:
        people = {t.person for t in told}
        question = draft.pick(language.COUNT_VALUES_ASKED).format(n=attribute.noun)
        return draft.ask(after, question, _number(len(people)), LONG_RANGE, [t.turn for t in told])
    person = draft.r.choice(told).person
    turns = [t.turn for t in told if t.person == person]
    question = draft.pick(language.COUNT_CHANGES_ASKED).format(p=person, n=attribute.noun)
    return draft.ask(after, question, _number(len(turns) - 1), LONG_RANGE, turns)


def ask_most_changed(draft: Draft, after: int) -> bool:
    """Who changed an attribute most often, when there is one such person."""
    told, attribute = _one_attribute(draft, after)
    counts = Counter(t.person for t in told).most_common(2)
    if attribute is None or len(counts) < 2 or counts[0][1] == counts[1][1]:
        return False
    question = draft.pick(language.MOST_CHANGED_ASKED).format(n=attribute.noun)
    return draft.ask(after, question, [counts[0][0]], LONG_RANGE, [t.turn for t in told])


def ask_long_range(draft: Draft, after: int) -> bool:
    """Any of the questions of order, count and who changed most."""
    return draft.r.choice((ask_order, ask_first_person, ask_count, ask_most_changed))(draft, after)


def _one_attribute(draft: Draft, after: int) -> tuple[list[Told], Attribute | None]:
    told = [t for t in draft.told if t.turn <= after]
    if not told:
        return [], None
    attribute = draft.r.choice(told).attribute
    return [t for t in told if t.attribute is attribute], attribute


def _number(count: int) -> list[str]:
    return [language.NUMBERS[count], str(count)]
