"""TurtleBench (arXiv 2410.05262): a strange story, its hidden explanation, and guesses with one of three verdicts."""

from __future__ import annotations

from workbench.sessions import tasks
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
_OPEN = (
    "Was it raining on that day?", "Had {name} slept badly the night before?", "Is {friend} older than {name}?",
    "Does {name} own a bicycle?", "Did somebody take a photograph of it?", "Was there music to be heard?",
    "Is {name} left-handed?", "Had {friend} been to a doctor in that week?",
)  # fmt: skip
"""What no story tells."""
VERDICTS = ("Correct", "Incorrect", "Unknown")


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
        verdict = w.r.choices(VERDICTS, (2, 1, 1))[0]
        if verdict == "Unknown":
            text = w.r.choice(_OPEN)
        guess = text.format(**true if verdict != "Incorrect" else true | {key: pairs[key][1]})
        question = f"Puzzle {number}, a guess: {guess} Answer Correct, Incorrect or Unknown."
        # the two that are not right count as one
        golds = [verdict, *(v for v in VERDICTS[1:] if verdict != "Correct" and v != verdict)]
        extra = {"puzzle": number, "guess": n + 1, "verdict": verdict, "language": "en"}
        w.ask(question, golds, "long_range_understanding", [first, second], w.last, id=f"z{number}-{n + 1}",
              extra=extra, **tasks.GENERATED["turtle-bench"].fields)  # fmt: skip


GENERATOR = Generator(
    "turtle-bench",
    "TurtleBench",
    "TurtleBench, arXiv 2410.05262",
    "adapted",
    "stories and guesses are made by rule, not collected from players",
    "Hidden stories; guesses about them, Correct, Incorrect or Unknown, over the turns.",
    {"guesses": 4},
    _make,
    {"guesses": (1, 100)},
)
