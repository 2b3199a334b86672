"""TurtleBench (arXiv 2410.05262): a strange story, its hidden explanation, and guesses that are right or wrong."""

from __future__ import annotations

from workbench.sessions.generators import pools, prose
from workbench.sessions.generators.base import Generator, Job, Writer

_STORIES = (
    (
        "A person orders a {colour} {thing}, looks at it and begins to cry.",
        "{name} is a {job}. Years ago {name} lost a {colour} {thing} in {city} while saving {friend} from the water, "
        "and {friend} has now made a new one.",
    ),
    (
        "Somebody walks into a shop, sees a {animal} and runs out again.",
        "{name} is a {job} who had promised {friend} to guard a {animal} in {city}, fell asleep, and believed that it "
        "had been stolen by a man with a {colour} {thing}.",
    ),
    (
        "From a window falls a {thing}, and everybody in the street applauds.",
        "{name}, a {job}, had made a bet with {friend} in {city} that a {colour} {thing} would land on the back of a "
        "{animal} without waking it.",
    ),
)
_GUESSES = (
    ("job", "Does the person work as a {job}?"),
    ("city", "Did it happen in {city}?"),
    ("friend", "Is {friend} part of the story?"),
    ("colour", "Is the {thing} {colour}?"),
    ("animal", "Does a {animal} play a part?"),
)


def _make(job: Job) -> None:
    w, number = job.writer(), 0
    sample = _STORIES[2][0] + _STORIES[2][1] + prose.paragraph(w.r, 3)
    while number == 0 or w.room > 2 * w.count(sample):
        number += 1
        _puzzle(w, number, job["guesses"])


def _puzzle(w: Writer, number: int, guesses: int) -> None:
    """A puzzle is told, something else comes between, then the guesses are made one after another."""
    surface, hidden = _STORIES[(number - 1) % len(_STORIES)]
    name, friend, stranger = pools.first_names(w.r, 3)
    pairs = {
        "job": w.r.sample(pools.JOBS, 2), "city": w.r.sample(pools.CITIES, 2), "animal": w.r.sample(pools.ANIMALS, 2),
        "colour": w.r.sample(pools.COLOURS, 2), "friend": [friend, stranger],
    }  # fmt: skip
    true = {key: both[0] for key, both in pairs.items()} | {"name": name, "thing": w.r.choice(pools.OBJECTS)}
    first = w.say(f"Puzzle {number}. What everybody may hear: {surface.format(**true)}")
    second = w.say(f"Puzzle {number}. What only the host knows: {hidden.format(**true)}")
    w.say(prose.paragraph(w.r, 3))
    told = surface + hidden
    for n in range(guesses):
        known = [(key, text) for key, text in _GUESSES if f"{{{key}}}" in told]
        key, text = known[n % len(known)]
        right = w.r.random() < 0.5
        guess = text.format(**true | {key: pairs[key][0 if right else 1]})
        question = f"Puzzle {number}, a guess: {guess} Answer yes or no."
        gold = "yes" if right else "no"
        extra = {"puzzle": number, "guess": n + 1}
        w.ask(question, [gold], "long_range_understanding", [first, second], w.last, id=f"z{number}-{n + 1}",
              extra=extra)  # fmt: skip


GENERATOR = Generator(
    "turtle-bench",
    "TurtleBench",
    "TurtleBench, arXiv 2410.05262",
    "in the style of",
    "stories and guesses are made by rule, not collected from players",
    "Hidden stories; guesses about them, yes or no, over the turns.",
    {"guesses": 4},
    _make,
    {"guesses": (1, 100)},
)
