"""How the controlled English says things: facts, changes, small talk, acknowledgements, questions.

Every list is split: the bundled model never sees the ``heldout`` phrasings in training. ``{p}`` stands for a person,
``{v}`` for a value, ``{n}`` for the noun of an attribute.
"""

from __future__ import annotations

from dataclasses import dataclass

from workbench.sessions.synthesis.vocabulary import VALUES, Pool, Split


@dataclass(frozen=True, slots=True)
class Attribute:
    """One thing that may be known about a person, and every way to say it.

    Attributes:
        name: key in ``vocabulary.VALUES``.
        noun: what it is called in questions, notes and tags.
        fact: the canonical sentence in the third person, as memories keep it.
        past: the canonical sentence of a value that no longer holds.
        gone: the canonical sentence of having none any more; ``{v}`` is the value that was.
        told: what a person says of themselves, first time.
        changed: what a person says of themselves when the value changes.
        asked: questions for the present value.
        who: question for the person who has the value.
    """

    name: str
    noun: str
    fact: str
    past: str
    gone: str
    told: Pool
    changed: Pool
    asked: Pool
    who: str

    def values(self, split: Split) -> tuple[str, ...]:
        """The values of ``split``."""
        return VALUES[self.name].of(split)


GENERIC_QUESTIONS = Pool(
    ("What is {p}'s {n}?", "What is the {n} of {p}?", "Which {n} does {p} have now?", "Tell me the {n} of {p}."),
    ("What is the {n} of {p} now?", "Tell me {p}'s {n}."),
)


def _attribute(
    name: str,
    noun: str,
    fact: str,
    past: str,
    gone: str,
    told: tuple[str, ...],
    changed: tuple[str, ...],
    asked: tuple[str, ...],
    who: str,
) -> Attribute:
    """The last phrasing of each list is held out."""

    def split(phrases: tuple[str, ...]) -> Pool:
        return Pool(phrases[:-1], phrases[-1:])

    return Attribute(name, noun, fact, past, gone, split(told), split(changed), split(asked), who)


ATTRIBUTES: tuple[Attribute, ...] = (
    _attribute(
        "city",
        "city",
        "{p} lives in {v}.",
        "{p} lived in {v} before.",
        "{p} no longer lives in {v}.",
        ("I live in {v}.", "My home is in {v}.", "My city is {v}.", "My home city is {v}."),
        ("I moved to {v}.", "I moved to {v} last week.", "I live in {v} now.", "We moved, and I live in {v} now."),
        (
            "Where does {p} live?",
            "Where does {p} live now?",
            "Which city does {p} live in?",
            "In which city does {p} live?",
        ),
        "Who lives in {v}?",
    ),
    _attribute(
        "job",
        "job",
        "{p} works as a {v}.",
        "{p} worked as a {v} before.",
        "{p} no longer works as a {v}.",
        ("I work as a {v}.", "My job is {v}.", "I am a {v} by trade.", "I am a {v}, and I like the work."),
        ("I am a {v} now.", "I changed my job and work as a {v} now.", "My new job is {v}.", "Now I work as a {v}."),
        ("What does {p} work as?", "What work does {p} do?", "What is {p}'s job now?", "As what does {p} work now?"),
        "Who works as a {v}?",
    ),
    _attribute(
        "food",
        "food",
        "{p} likes to eat {v}.",
        "{p} liked to eat {v} before.",
        "{p} no longer eats {v}.",
        ("My favourite food is {v}.", "I like to eat {v}.", "I eat {v} every week.", "I love to eat {v}."),
        ("Now I like to eat {v}.", "My new favourite food is {v}.", "These days I eat {v}.", "I eat {v} now."),
        (
            "What does {p} like to eat?",
            "What does {p} eat now?",
            "What is {p}'s favourite food?",
            "What food does {p} like?",
        ),
        "Who likes to eat {v}?",
    ),
    _attribute(
        "drink",
        "drink",
        "{p} likes to drink {v}.",
        "{p} liked to drink {v} before.",
        "{p} no longer drinks {v}.",
        ("My favourite drink is {v}.", "I like to drink {v}.", "I drink {v} every day.", "I love to drink {v}."),
        ("Now I like to drink {v}.", "My new favourite drink is {v}.", "These days I drink {v}.", "I drink {v} now."),
        (
            "What does {p} like to drink?",
            "What does {p} drink now?",
            "What is {p}'s favourite drink?",
            "What drink does {p} like?",
        ),
        "Who likes to drink {v}?",
    ),
    _attribute(
        "pet",
        "pet",
        "{p} has a pet {v}.",
        "{p} had a pet {v} before.",
        "{p} no longer has a pet {v}.",
        ("I have a pet {v}.", "My pet is a {v}.", "At home I have a {v}.", "I keep a {v} as a pet."),
        ("I have a new pet, a {v}.", "My pet is a {v} now.", "I have a pet {v} now.", "My new pet is a {v}."),
        (
            "What pet does {p} have?",
            "Which pet does {p} have now?",
            "What kind of pet does {p} have?",
            "What pet does {p} keep?",
        ),
        "Who has a pet {v}?",
    ),
    _attribute(
        "hobby",
        "hobby",
        "{p}'s hobby is {v}.",
        "{p}'s hobby was {v} before.",
        "{p} no longer does {v}.",
        ("My hobby is {v}.", "I do {v} in my free time.", "In my free time I like {v}.", "I like {v} in my free time."),
        ("My new hobby is {v}.", "Now I do {v} in my free time.", "My hobby is {v} now.", "I do {v} as a hobby now."),
        (
            "What hobby does {p} have?",
            "What does {p} do in free time?",
            "Which hobby does {p} have now?",
            "What is the hobby that {p} has?",
        ),
        "Who does {v} as a hobby?",
    ),
    _attribute(
        "colour",
        "colour",
        "{p}'s favourite colour is {v}.",
        "{p}'s favourite colour was {v} before.",
        "{p} no longer likes {v}.",
        (
            "My favourite colour is {v}.",
            "I like the colour {v}.",
            "The colour I like is {v}.",
            "I love the colour {v}.",
        ),
        (
            "My new favourite colour is {v}.",
            "Now I like the colour {v}.",
            "My favourite colour is {v} now.",
            "The colour I like now is {v}.",
        ),
        (
            "Which colour does {p} like?",
            "What is {p}'s favourite colour?",
            "What colour does {p} like now?",
            "Which is {p}'s favourite colour?",
        ),
        "Who likes the colour {v}?",
    ),
    _attribute(
        "sport",
        "sport",
        "{p}'s sport is {v}.",
        "{p}'s sport was {v} before.",
        "{p} no longer plays {v}.",
        ("My sport is {v}.", "I play {v} every week.", "As a sport I play {v}.", "For sport I play {v}."),
        ("My new sport is {v}.", "I play {v} now.", "My sport is {v} now.", "As a sport I play {v} now."),
        (
            "What sport does {p} play?",
            "Which sport does {p} play now?",
            "What does {p} play as a sport?",
            "What sport is {p}'s?",
        ),
        "Who plays {v}?",
    ),
    _attribute(
        "instrument",
        "instrument",
        "{p} plays the {v}.",
        "{p} played the {v} before.",
        "{p} no longer plays the {v}.",
        ("I play the {v}.", "My instrument is the {v}.", "I make music with the {v}.", "I play music on the {v}."),
        (
            "Now I play the {v}.",
            "My new instrument is the {v}.",
            "I play the {v} now.",
            "My instrument is the {v} now.",
        ),
        (
            "What instrument does {p} play?",
            "Which instrument does {p} play now?",
            "On what does {p} play music?",
            "What instrument is {p}'s?",
        ),
        "Who plays the {v}?",
    ),
    _attribute(
        "language",
        "language",
        "{p} is learning {v}.",
        "{p} was learning {v} before.",
        "{p} is no longer learning {v}.",
        (
            "I am learning {v}.",
            "The language I am learning is {v}.",
            "I learn {v} at school.",
            "I am learning to speak {v}.",
        ),
        (
            "Now I am learning {v}.",
            "My new language is {v}.",
            "I am learning {v} now.",
            "The language I am learning now is {v}.",
        ),
        (
            "What language is {p} learning?",
            "Which language is {p} learning now?",
            "Which language does {p} learn?",
            "What is the language that {p} is learning?",
        ),
        "Who is learning {v}?",
    ),
    _attribute(
        "vehicle",
        "vehicle",
        "{p} drives a {v}.",
        "{p} drove a {v} before.",
        "{p} no longer drives a {v}.",
        ("I drive a {v}.", "My vehicle is a {v}.", "I drive to work in a {v}.", "I go to work in a {v}."),
        ("I drive a {v} now.", "My new vehicle is a {v}.", "Now I drive a {v}.", "My vehicle is a {v} now."),
        (
            "What does {p} drive?",
            "What does {p} drive now?",
            "Which vehicle does {p} drive?",
            "What vehicle does {p} drive now?",
        ),
        "Who drives a {v}?",
    ),
    _attribute(
        "plant",
        "plant",
        "{p} grows {v}.",
        "{p} grew {v} before.",
        "{p} no longer grows {v}.",
        ("I grow {v}.", "In my garden I grow {v}.", "My garden is full of {v}.", "I grow {v} in my garden."),
        ("Now I grow {v}.", "These days I grow {v} in my garden.", "I grow {v} now.", "In my garden I grow {v} now."),
        (
            "What does {p} grow?",
            "What does {p} grow now?",
            "What does {p} grow in the garden?",
            "Which plant does {p} grow?",
        ),
        "Who grows {v}?",
    ),
)

BY_NAME = {attribute.name: attribute for attribute in ATTRIBUTES}

SMALL_TALK = Pool(
    (
        "The weather is nice today.",
        "It is raining again.",
        "The bus was late this morning.",
        "I slept well last night.",
        "I went for a walk.",
        "The market was full of people.",
        "I am a bit tired today.",
        "I saw {o} in the park.",
        "I had a long talk with {o}.",
        "{o} says hello.",
        "I will call {o} later.",
        "I met {o} on the train.",
        "There was a good film on last night.",
        "The train was on time for once.",
        "My phone is broken again.",
        "I have to clean the kitchen.",
        "It was a long day.",
        "The sun is out at last.",
        "I am reading a good book.",
        "What a day!",
        "I need a short break.",
        "The shop was closed.",
        "I lost my keys, but I found them again.",
        "The weather in {city} is bad today.",
        "There was news from {city} on the radio.",
        "I had a dream about a {pet}.",
        "I saw a {pet} on the street.",
        "We talked about {food} at lunch.",
        "It was good to see you.",
        "How are you today?",
        "See you tomorrow.",
        "Let us talk again soon.",
    ),
    (
        "The sky is grey this morning.",
        "I had lunch with {o}.",
        "I saw {o} at the market.",
        "The train was late again.",
        "There was a film about {city} on last night.",
        "I saw a {pet} in the park.",
        "I went for a walk in the sun.",
        "It was a long night.",
    ),
)

ACKNOWLEDGE_FACT = Pool(
    (
        "Noted, {p}.",
        "Thank you, {p}. I will remember that.",
        "Good to know, {p}.",
        "I will remember that.",
        "Thanks for telling me.",
        "I see. Noted.",
        "That is good to know.",
    ),
    ("Thanks, {p}. Noted.", "I see, {p}. I will remember it."),
)

ACKNOWLEDGE_TALK = Pool(
    (
        "I see.",
        "Nice to hear, {p}.",
        "I hope you have a good day.",
        "That sounds fine.",
        "Tell me more.",
        "Good to hear from you, {p}.",
        "Oh well.",
    ),
    ("That is nice to hear.", "Oh, I see, {p}."),
)

LABEL_TOLD = Pool(
    (
        "A {a} {w} is called a {l}.",
        "We call a {a} {w} a {l}.",
        "For example, a {a} {w} is a {l}.",
        "This {a} {w} is a {l}.",
    ),
    ("A {a} {w} is a {l}.", "One example: a {a} {w} is called a {l}."),
)

LABEL_ASKED = Pool(
    (
        "What do we call a {a} {w}?",
        "What is a {a} {w} called?",
        "What is a {a} {w}?",
        "Which label does a {a} {w} have?",
    ),
    ("Which label has a {a} {w}?", "A {a} {w} is called what?"),
)

MEANING_TOLD = Pool(
    ("A {w} is a {l}.", "A {w} is a kind of {l}.", "The word {w} means {l}.", "{w} means {l}."),
    ("By a {w} I mean a {l}.",),
)

MEANING_ASKED = Pool(
    ("What is a {w}?", "What does {w} mean?", "What kind of thing is a {w}?", "What does the word {w} mean?"),
    ("What is the word {w} for?", "What is meant by {w}?"),
)

FIRST_ASKED = Pool(
    ("What was the first {n} of {p}?", "What was {p}'s first {n}?", "Which {n} did {p} have first?"),
    ("Which was the first {n} of {p}?",),
)

BEFORE_ASKED = Pool(
    ("What was {p}'s {n} before {v}?", "Which {n} did {p} have before {v}?", "What was the {n} of {p} before {v}?"),
    ("Before {v}, what was {p}'s {n}?",),
)

AFTER_ASKED = Pool(
    ("What was {p}'s {n} after {v}?", "Which {n} did {p} have after {v}?", "What was the {n} of {p} after {v}?"),
    ("After {v}, what was {p}'s {n}?",),
)

COUNT_CHANGES_ASKED = Pool(
    (
        "How many times did {p} change the {n}?",
        "How often did {p} change the {n}?",
        "How many times did {p}'s {n} change?",
    ),
    ("How often did {p}'s {n} change?",),
)

COUNT_VALUES_ASKED = Pool(
    ("How many people told us their {n}?", "How many people told their {n}?", "Of how many people do we know the {n}?"),
    ("How many people have told us their {n}?",),
)

MOST_CHANGED_ASKED = Pool(
    ("Who changed the {n} most often?", "Who changed their {n} most often?", "Who had the most changes of {n}?"),
    ("Whose {n} changed most often?",),
)

FIRST_PERSON_ASKED = Pool(
    ("Who told us their {n} first?", "Who was the first to tell the {n}?", "Who told the {n} first?"),
    ("Who was first to tell us their {n}?",),
)

NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
