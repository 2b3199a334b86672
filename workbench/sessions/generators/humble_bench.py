"""HumbleBench (arXiv 2509.09658): five options of which the last is none of the others, about objects, colours, places.

``mode=nota-only`` takes the right option out of every question (HumbleBench-E), so that only the last is right. What
the benchmark finds out with pictures of noise (HumbleBench-GN) is here the control ``no-memory``: the question alone.
"""

from __future__ import annotations

from collections.abc import Callable

from workbench.sessions import tasks
from workbench.sessions.generators import pools
from workbench.sessions.generators.base import Generator, Job, Writer

NONE = "None of the above"
LETTERS = "ABCDE"
_CASES = ("the {} drawer", "the {} cupboard", "the {} basket", "the {} chest")
_RELATIONS = ("behind", "under", "next to", "on top of", "in front of", "opposite")

Asked = tuple[str, str, str, list[str]]
"""What is told, what is asked, the answer and what else might be one."""


def _object(w: Writer, name: str, thing: str) -> Asked:
    place = w.r.choice(_CASES).format(w.r.choice(pools.COLOURS))
    others = [f"a {o}" for o in pools.OBJECTS if o != thing]
    told = f"{place.capitalize()} of {name} holds a {thing}."
    return told, f"What does {place} of {name} hold?", f"a {thing}", others


def _attribute(w: Writer, name: str, thing: str) -> Asked:
    colour = w.r.choice(pools.COLOURS)
    others = [c for c in pools.COLOURS if c != colour]
    return f"The {thing} of {name} is {colour}.", f"Which colour is the {thing} of {name}?", colour, others


def _relation(w: Writer, name: str, thing: str) -> Asked:
    other = w.r.choice([o for o in pools.OBJECTS if o != thing])
    where = w.r.choice(_RELATIONS)
    others = [f"{r} the {o}" for r in _RELATIONS for o in (other, *w.r.sample(pools.OBJECTS, 2)) if r != where]
    told = f"The {thing} of {name} lies {where} the {other}."
    return told, f"Where does the {thing} of {name} lie?", f"{where} the {other}", others


_TYPES: dict[str, Callable[[Writer, str, str], Asked]] = {
    "Object": _object, "Attribute": _attribute, "Relation": _relation,
}  # fmt: skip
"""The benchmark's kinds of hallucination."""


def _make(job: Job) -> None:
    w = job.writer()
    people = iter(pools.people(w.r, 60 + job.tokens // 8))
    facts: dict[str, list[tuple[Asked, int]]] = {kind: [] for kind in _TYPES}
    kinds = list(_TYPES)
    while True:
        kind = kinds[len(w.turns) % len(kinds)]
        asked = _TYPES[kind](w, next(people), w.r.choice(pools.OBJECTS))
        if not w.fits(asked[0]) and len(w.turns) >= len(kinds):
            break
        facts[kind].append((asked, w.say(asked[0])))
    for number in range(job["probes"]):
        kind = kinds[number % len(kinds)]
        _ask(w, *w.r.choice(facts[kind]), kind, false=number % 5 == 4, nota=job["mode"] == "nota-only")


def _ask(w: Writer, asked: Asked, turn: int, kind: str, false: bool, nota: bool) -> None:
    """Four options and the way out; ``false``: the right one is not among them; ``nota``: and where it was, no more."""
    _, question, right, others = asked
    wrong = w.r.sample(list(dict.fromkeys(others)), 4)
    options = [pools.with_articles(o) for o in (wrong if false else [right, *wrong[:3]])]
    w.r.shuffle(options)
    options.append(NONE)
    was = LETTERS[options.index(NONE if false else pools.with_articles(right))]
    gone = was if nota and was != "E" else ""
    lines = [f"{letter}. {o}" for letter, o in zip(LETTERS, options, strict=True) if letter != gone]
    gold = "E" if nota else was
    extra = {"type": kind, "was": was, "mode": "nota-only" if nota else "common"}
    fields = tasks.GENERATED["humble-bench"].fields | {"options": tuple(options), "extra": extra}
    if gold == "E":
        fields["scores"] = (*fields["scores"], "humblebench-none")
    told = [gold, options[LETTERS.index(gold)]]
    w.ask("\n".join([question, *lines]), told, "accurate_retrieval", [turn], **fields)


GENERATOR = Generator(
    "humble-bench",
    "HumbleBench",
    "Measuring Epistemic Humility in Multimodal Large Language Models, arXiv 2509.09658",
    "adapted",
    "facts of a text in place of pictures; every fifth question has no right option",
    "Five options of which the last is none of the others; it alone is right where the others are false.",
    {"mode": ("common", "nota-only"), "probes": 30},
    _make,
)
