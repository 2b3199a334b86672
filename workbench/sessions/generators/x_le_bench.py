"""X-LeBench (arXiv 2501.06835): life logs of days with consistent plans and what came of them, over weeks."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from workbench.sessions.generators import pools
from workbench.sessions.generators.base import Generator, Job, Writer

_ACTIVITIES = (
    "went swimming", "cooked lentil soup", "met {friend} for tea", "repaired the bicycle", "visited the museum",
    "wrote a letter to {friend}", "bought vegetables", "practised the cello", "cleaned the windows",
    "watered the tomatoes", "walked along the canal", "played cards with {friend}", "read in the library",
    "baked rye bread", "sorted photographs", "went to the dentist",
)  # fmt: skip
_LEFT = ("left the {thing} {where}", "put the {thing} {where}", "forgot the {thing} {where}")
_WHERES = ("on the balcony", "under the stairs", "at the office", "in the car", "on the kitchen shelf", "in the cellar",
           "at the neighbours' flat", "behind the sofa")  # fmt: skip
_TIMES = (7, 9, 11, 14, 16, 18, 20)


@dataclass(frozen=True, slots=True)
class _Entry:
    day: datetime.date
    hour: int
    what: str
    turn: int


def spoken(day: datetime.date) -> str:
    """A date as people say it: ``Monday, 3 March``."""
    return f"{day:%A}, {day.day} {day:%B}"


def _make(job: Job) -> None:
    w = job.writer()
    friends = pools.first_names(w.r, 4)
    day = datetime.date(2024, 1, 1) + datetime.timedelta(days=w.r.randrange(200))
    entries: list[_Entry] = []
    things: dict[str, list[_Entry]] = {}
    owned = w.r.sample(pools.OBJECTS, 8)
    part = 0
    while True:
        plan = [(h, w.r.choice(_ACTIVITIES).format(friend=w.r.choice(friends))) for h in sorted(w.r.sample(_TIMES, 4))]
        texts = [_logged(w, day, hour, what, friends) for hour, what in plan]
        thing, where = w.r.choice(owned), w.r.choice(_WHERES)
        put = w.r.choice(_LEFT).format(thing=thing, where=where)
        texts.append(f"{spoken(day)}, 22:00. Before bed I {put}.")
        if not w.fits(*texts) and part:
            break
        for text, (hour, _) in zip(texts, plan, strict=False):
            done = text.split(" I ", 1)[1].rstrip(".")
            entries.append(_Entry(day, hour, done, w.say(text, date=f"{day}T{hour:02}:00", part=part)))
        at = w.say(texts[-1], date=f"{day}T22:00", part=part)
        things.setdefault(thing, []).append(_Entry(day, 22, where, at))
        day += datetime.timedelta(days=1)
        part += 1
    log = _Log(entries, things, friends)
    kinds: tuple[Callable[[Writer, _Log], None], ...] = (
        _what, _when, _people, _how_often, _where, _order, _day,
    )  # fmt: skip
    for number in range(job["probes"]):
        kinds[number % len(kinds)](w, log)


def _logged(w: Writer, day: datetime.date, hour: int, what: str, friends: list[str]) -> str:
    """What was done at an hour: mostly as planned."""
    if w.r.random() < 0.2:
        what = w.r.choice(_ACTIVITIES).format(friend=w.r.choice(friends))
        return f"{spoken(day)}, {hour:02}:00. Plans changed: I {what}."
    return f"{spoken(day)}, {hour:02}:00. As planned, I {what}."


@dataclass(frozen=True, slots=True)
class _Log:
    entries: list[_Entry]
    things: dict[str, list[_Entry]]
    friends: list[str]


def _what(w: Writer, log: _Log) -> None:
    """What was done at a time of a day."""
    entry = w.r.choice(log.entries)
    question = f"What did I do on {spoken(entry.day)} at {entry.hour:02}:00?"
    w.ask(question, [entry.what], "accurate_retrieval", [entry.turn], scorer="f1", extra={"task": "lookup"})


def _when(w: Writer, log: _Log) -> None:
    """On which day something was done that was done once."""
    times = Counter(e.what for e in log.entries)
    once = [e for e in log.entries if times[e.what] == 1]
    entry = w.r.choice(once) if once else None
    if entry is None:
        return _what(w, log)
    gold = f"{entry.day.day} {entry.day:%B}"
    question = f"On which date was it that I {entry.what}?"
    return w.ask(question, [gold], "accurate_retrieval", [entry.turn], extra={"task": "moment-retrieval"})


def _people(w: Writer, log: _Log) -> None:
    """People-related retrieval: on which day somebody was met last."""
    met = [e for e in log.entries if any(f" {word} " in f" {e.what} " for word in log.friends)]
    if not met:
        return _what(w, log)
    friend = w.r.choice(sorted({word for e in met for word in log.friends if f" {word} " in f" {e.what} "}))
    entry = next(e for e in reversed(met) if f" {friend} " in f" {e.what} ")
    question = f"On which date did I last do something with or for {friend}?"
    gold = f"{entry.day.day} {entry.day:%B}"
    return w.ask(question, [gold], "accurate_retrieval", [entry.turn], extra={"task": "people-retrieval"})


def _order(w: Writer, log: _Log) -> None:
    """Ordering: three activities that were done once each, from the earliest."""
    times = Counter(e.what for e in log.entries)
    once = [e for e in log.entries if times[e.what] == 1]
    if len(once) < 3:
        return _what(w, log)
    three = w.r.sample(once, 3)
    shown = "; ".join(f"I {e.what}" for e in three)
    golds = [e.what for e in sorted(three, key=lambda e: (e.day, e.hour))]
    question = f"Put these in the order in which I did them: {shown}."
    turns = [e.turn for e in three]
    return w.ask(question, golds, "long_range_understanding", turns, scorer="in-order", extra={"task": "ordering"})


def _day(w: Writer, log: _Log) -> None:
    """Summarisation of several recordings: all that was done on one day."""
    day = w.r.choice(log.entries).day
    own = [e for e in log.entries if e.day == day]
    question = f"Sum up what I did on {spoken(day)} from morning to night."
    turns, golds = [e.turn for e in own], list(dict.fromkeys(e.what for e in own))
    w.ask(question, golds, "long_range_understanding", turns, scorer="all", extra={"task": "summarisation"})


def _how_often(w: Writer, log: _Log) -> None:
    """On how many days something was done."""
    what = w.r.choice(sorted({e.what for e in log.entries}))
    own = [e for e in log.entries if e.what == what]
    question = f"How many entries of my log say that I {what}?"
    w.ask(question, [str(len(own))], "long_range_understanding", [e.turn for e in own], scorer="number",
          extra={"task": "counting"})  # fmt: skip


def _where(w: Writer, log: _Log) -> None:
    """Where a thing is now, which was put somewhere more than once."""
    thing = w.r.choice(sorted(log.things, key=lambda t: (-len(log.things[t]), t))[:4])
    newest = log.things[thing][-1]
    question = f"Where did I last leave the {thing}?"
    competency = "conflict_resolution" if len(log.things[thing]) > 1 else "accurate_retrieval"
    w.ask(question, [newest.what], competency, [newest.turn], extra={"task": "object-retrieval"})


GENERATOR = Generator(
    "x-le-bench",
    "X-LeBench",
    "X-LeBench, arXiv 2501.06835",
    "in the style of",
    "a diary in words in place of video; scored by rules, its answers are not public; no summary of the whole log",
    "A life log of days and weeks: when, with whom, where things are, how often, in which order, and what a day was.",
    {"probes": 28},
    _make,
)
