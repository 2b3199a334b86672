"""Chains of three and more updates of one fact; MemoryAgentBench's FactConsolidation has two at most."""

from __future__ import annotations

from workbench.sessions.generators import pools
from workbench.sessions.generators.base import Generator, Job, Writer

_SLOTS = (
    ("lives in {value}", "has moved to {value}", "Where does {name} live now?", pools.CITIES),
    ("works as a {value}", "has changed jobs and is now a {value}", "What does {name} work as now?", pools.JOBS),
    ("spends the weekends with {value}", "has taken up {value} in place of the old hobby",
     "What hobby does {name} have now?", pools.HOBBIES),
    ("has a pet {value}", "gave the old pet away and now has a {value}", "Which pet does {name} have now?",
     pools.ANIMALS),
)  # fmt: skip


def _make(job: Job) -> None:
    w = job.writer()
    chains = _chains(w, job["updates"])
    told: dict[tuple[str, int], list[tuple[str, int]]] = {}
    while any(rest for _, _, rest in chains):
        name, slot, rest = w.r.choice([c for c in chains if c[2]])
        value = rest.pop(0)
        first, changed, _, _ = _SLOTS[slot]
        phrase = changed if (name, slot) in told else first
        turn = w.say(f"{name} {phrase.format(value=value)}.")
        told.setdefault((name, slot), []).append((value, turn))
    for (name, slot), history in list(told.items())[: job["probes"]]:
        value, turn = history[-1]
        stale = [t for _, t in history[:-1]]
        extra = {"versions": len(history), "conflicted": bool(stale), "stale": stale}
        w.ask(_SLOTS[slot][2].format(name=name), [value], "conflict_resolution", [turn], extra=extra)


def _chains(w: Writer, most: int) -> list[tuple[str, int, list[str]]]:
    """Who, what, and the values one after another; lengths 1 to ``most`` in turn, as many as have room."""
    found: list[tuple[str, int, list[str]]] = []
    left = w.room
    for name in pools.people(w.r, 100 + w.tokens // 5):
        for slot in w.r.sample(range(len(_SLOTS)), 2):
            first, changed, _, values = _SLOTS[slot]
            history = w.r.sample(values, 1 + len(found) % most)
            left -= sum(w.count(f"{name} {(changed if n else first).format(value=v)}.") for n, v in enumerate(history))
            if left < 0 and found:
                return found
            found.append((name, slot, history))
    return found
    return found


GENERATOR = Generator(
    "conflict-chains",
    "Conflict chains",
    "after MemoryAgentBench, arXiv 2507.05257 (conflict resolution)",
    "in the style of",
    "up to six versions of a fact, in plain sentences without serial numbers; the order of telling counts",
    "Facts that change up to six times among facts that do not; the newest counts.",
    {"updates": 6, "probes": 30},
    _make,
    {"updates": (1, min(len(values) for *_, values in _SLOTS))},
)
