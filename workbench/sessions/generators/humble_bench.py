"""HumbleBench (arXiv 2509.09658): false options must be refused, also when all of them are false."""

from __future__ import annotations

from workbench.sessions.generators import pools
from workbench.sessions.generators.base import Generator, Job, Writer, choices, lettered

NONE = "None of the above"
_TOLD = ("{name} keeps the {thing} in {place}.", "The {thing} of {name} lies in {place}.")
_PLACES = tuple(
    f"the {where} {what}"
    for where in ("upper", "lower", "blue", "green", "narrow", "wide", "left", "right")
    for what in ("drawer", "cupboard", "basket", "chest")
)


def _make(job: Job) -> None:
    w = job.writer()
    names = (*pools.FIRST, *pools.people(w.r, job.tokens // (5 * len(pools.OBJECTS))))
    pairs = [(n, t) for n in names for t in pools.OBJECTS]
    w.r.shuffle(pairs)
    facts: list[tuple[str, str, str, int]] = []
    for name, thing in pairs:
        place = w.r.choice(_PLACES)
        text = w.r.choice(_TOLD).format(name=name, thing=thing, place=place)
        if not w.fits(text) and facts:
            break
        facts.append((name, thing, place, w.say(text)))
    untold = pairs[len(facts) :] or [(f"{a} Doe", t) for a, t in pairs[:50]]
    for number in range(job["probes"]):
        if number % 4 == 3:
            _never_told(w, *w.r.choice(untold))
        else:
            _asked(w, *w.r.choice(facts), false=number % 2 == 1)


def _asked(w: Writer, name: str, thing: str, place: str, turn: int, false: bool) -> None:
    """Four places and the way out; ``false``: the place that was told is not among them."""
    four = choices(w.r, place, _PLACES, 5)
    shown = [p for p in four if p != place][:4] if false else [place, *(p for p in four if p != place)][:4]
    w.r.shuffle(shown)
    options = (*shown, NONE)
    gold = NONE if false else place
    question = f"Where does {name} keep the {thing}?\n{lettered(options)}"
    extra = {"task": "false-option" if false else "true-option"}
    w.ask(question, [gold], "accurate_retrieval", [turn], scorer="choice", options=options, extra=extra)


def _never_told(w: Writer, name: str, thing: str) -> None:
    """Nothing was told of it: only saying so is right."""
    w.ask(f"Where does {name} keep the {thing}?", [], "accurate_retrieval", extra={"task": "abstention"})


GENERATOR = Generator(
    "humble-bench",
    "HumbleBench",
    "Measuring Epistemic Humility in Multimodal Large Language Models, arXiv 2509.09658",
    "in the style of",
    "facts of a text in place of pictures; beside the fifth option also questions that nothing answers",
    "Options that are all false, where only none of them is right, and questions about what was never told.",
    {"probes": 24},
    _make,
)
