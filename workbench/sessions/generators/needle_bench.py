"""NeedleBench (arXiv 2407.11963): needles at set depths in contexts of set lengths: one, several, or a chain."""

from __future__ import annotations

from itertools import pairwise

from workbench.sessions.generators import pools
from workbench.sessions.generators.base import LEAST, Generator, Job, Writer, spread


def _needles(w: Writer, n: int) -> list[tuple[str, str, str]]:
    """Text, question and answer of ``n`` needles that nobody can take for one another."""
    things = w.r.sample([(c, o) for c in pools.COLOURS for o in pools.OBJECTS], n)
    owners = pools.people(w.r, n)
    found = []
    for (colour, thing), owner in zip(things, owners, strict=True):
        city, what = w.r.choice(pools.CITIES), f"the {colour} {thing} of {owner}"
        found.append((f"{what[0].upper()}{what[1:]} is kept in {city}.", f"Where is {what} kept?", city))
    return found


def _single(job: Job) -> None:
    """A session for every cell of the grid."""
    for step in range(1, job["lengths"] + 1):
        length = max(LEAST, job.tokens * step // job["lengths"])
        for depth in spread(job["depths"]):
            w = job.writer(f"{length}-{depth * 100:.0f}", length)
            text, question, city = _needles(w, 1)[0]
            at = w.lay([(depth, text)])
            w.ask(question, [city], "accurate_retrieval", at, extra={"length": length, "depth": depth, "needles": 1})


def _several(job: Job) -> None:
    """All needles in one context: each asked alone, and all together."""
    w, n = job.writer(), job["needles"]
    depths, needles = spread(n), _needles(w, n)
    places = w.lay([(d, text) for d, (text, _, _) in zip(depths, needles, strict=True)])
    for depth, at, (_, question, city) in zip(depths, places, needles, strict=True):
        extra = {"length": job.tokens, "depth": depth, "needles": n}
        w.ask(question, [city], "accurate_retrieval", [at], extra=extra)
    asked = pools.listed([question.removeprefix("Where is ").removesuffix(" kept?") for _, question, _ in needles])
    gold = ", ".join(city for _, _, city in needles)
    question = f"Where are these kept: {asked}? Name the places in this order."
    w.ask(question, [gold], "accurate_retrieval", places, scorer="f1", extra={"length": job.tokens, "needles": n})


def _chain(job: Job) -> None:
    """Needles that lead from one to the next; their order in the text is not that of the chain."""
    w, hops = job.writer(), job["needles"]
    names = pools.first_names(w.r, (hops + 1) * 3)
    chains = [names[n * (hops + 1) : (n + 1) * (hops + 1)] for n in range(3)]
    links = [(a, b) for chain in chains for a, b in pairwise(chain)]
    depths = spread(len(links))
    w.r.shuffle(depths)
    texts = [(d, f"{a} passes everything on to {b}.") for d, (a, b) in zip(depths, links, strict=True)]
    places = w.lay(texts)
    for number, chain in enumerate(chains):
        question = f"A parcel is handed to {chain[0]}. Who has it in the end?"
        told = places[number * hops : (number + 1) * hops]
        w.ask(question, [chain[-1]], "accurate_retrieval", told, extra={"length": job.tokens, "needles": hops})


def _make(job: Job) -> None:
    {"single": _single, "multi": _several, "reasoning": _chain}[job["task"]](job)


GENERATOR = Generator(
    "needle-bench",
    "NeedleBench",
    "NeedleBench, arXiv 2407.11963",
    "adapted",
    "hay and needles are our own English; one language; no essays",
    "Needles in running text: a grid of lengths and depths, several at once, or a chain of them.",
    {"task": ("single", "multi", "reasoning"), "lengths": 3, "depths": 5, "needles": 4},
    _make,
    {"lengths": (1, 20), "depths": (1, 30), "needles": (1, 200)},
)
