"""E.T. Bench (arXiv 2409.18111): when did an event happen, from which minute to which?"""

from __future__ import annotations

from workbench.sessions.generators import pools, prose
from workbench.sessions.generators.base import Generator, Job

_STEPS = ("begins to {does}", "goes on to {does}", "still has to {does}", "has almost finished trying to {does}")
_DOES = ("carve a {thing} out of soap", "paint a {colour} {thing}", "take a {colour} {thing} apart",
         "teach a {animal} to jump over a {thing}", "wrap a {thing} for the {animal} keeper",
         "search the attic for a {colour} {thing}")  # fmt: skip


def clock(minute: int) -> str:
    """``75`` as ``01:15``."""
    return f"{minute // 60:02}:{minute % 60:02}"


def _make(job: Job) -> None:
    w, minute = job.writer(), 0
    names = iter(pools.people(w.r, 300 + job.tokens // 10))
    events = 0
    while True:
        quiet = [f"{prose.sentence(w.r)}" for _ in range(w.r.randrange(2, 6))]
        name, length = next(names), w.r.randrange(2, 6)
        does = w.r.choice(_DOES).format(
            thing=w.r.choice(pools.OBJECTS), colour=w.r.choice(pools.COLOURS), animal=w.r.choice(pools.ANIMALS)
        )
        steps = [f"{name} {_STEPS[min(n, 3)].format(does=does)}." for n in range(length)]
        if not w.fits(*(f"[{clock(minute)}] {t}" for t in (*quiet, *steps))) and events:
            break
        for text in quiet:
            w.say(f"[{clock(minute)}] {text}")
            minute += 1
        turns = []
        for text in steps:
            turns.append(w.say(f"[{clock(minute)}] {text}"))
            minute += 1
        events += 1
        if events <= job["probes"]:
            gold = f"{clock(minute - length)} to {clock(minute - 1)}"
            question = f"From when to when does {name} {does}? Answer as HH:MM to HH:MM."
            extra = {"task": "grounding", "minutes": length}
            w.ask(question, [gold], "accurate_retrieval", turns, scorer="interval", extra=extra)


GENERATOR = Generator(
    "et-bench",
    "E.T. Bench",
    "E.T. Bench, arXiv 2409.18111",
    "in the style of",
    "a minute-by-minute protocol in place of video; temporal grounding alone",
    "A protocol by the minute; from when to when did an event last?",
    {"probes": 24},
    _make,
)
