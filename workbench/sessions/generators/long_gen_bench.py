"""One long answer that must satisfy many dated sub-instructions, each checked.

After both benchmarks of that name: LongGenBench (arXiv 2409.02076) has a diary of weeks with instructions for single
weeks, for ranges and at intervals; LongGenBench (arXiv 2410.04199) has many questions answered in one go.
"""

from __future__ import annotations

from typing import Any

from workbench.sessions.generators import pools, prose
from workbench.sessions.generators.base import Generator, Job, Writer

FAMILY = "long_generation"


def _make(job: Job) -> None:
    {"diary": _diary, "questions": _questions}[job["task"]](job)


def _diary(job: Job) -> None:
    """Sub-instructions are told over the session among other talk; then the diary is asked for."""
    w = job.writer()
    weeks = job["weeks"]
    things = iter(w.r.sample(pools.OBJECTS, job["instructions"]))
    rules: list[tuple[str, str, list[int]]] = []
    for n in range(job["instructions"]):
        thing = next(things)
        if n % 3 == 0:
            week = w.r.randrange(1, weeks + 1)
            rules.append((f"In week {week} the diary must mention a {thing}.", thing, [week]))
        elif n % 3 == 1:
            first = w.r.randrange(1, weeks)
            last = min(weeks, first + w.r.randrange(1, 4))
            rules.append((f"From week {first} to week {last} it must mention a {thing} every week.", thing,
                          list(range(first, last + 1))))  # fmt: skip
        else:
            step = w.r.randrange(2, 5)
            rules.append((f"Every {pools.ordinal(step)} week it must mention a {thing}.", thing,
                          list(range(step, weeks + 1, step))))  # fmt: skip
    depths = [(n + 0.5) / len(rules) for n in range(len(rules))]
    places = w.lay([(d, f"About the diary: {text}") for d, (text, _, _) in zip(depths, rules, strict=True)], 3)
    checks: list[dict[str, Any]] = [
        {"part": f"Week {week}", "says": thing, "kind": ("once", "range", "periodic")[n % 3]}
        for n, (_, thing, own) in enumerate(rules)
        for week in own
    ]
    question = (
        f"Write the diary of all {weeks} weeks, one sentence or two for each, and follow everything that was said "
        f'about it. Begin every week with "Week 1:", "Week 2:" and so on.'
    )
    _ask(w, question, checks, places, [f"Week {n}" for n in range(1, weeks + 1)], 40 * weeks)


def _questions(job: Job) -> None:
    """Facts are told; then all questions are asked at once."""
    w = job.writer()
    owners = pools.people(w.r, job["weeks"])
    cities = [w.r.choice(pools.CITIES) for _ in owners]
    depths = [n / len(owners) for n in range(len(owners))]
    texts = [f"{owner} has moved to {city}." for owner, city in zip(owners, cities, strict=True)]
    places = w.lay(list(zip(depths, texts, strict=True)), 2)
    parts = [f"Answer {n}" for n in range(1, len(owners) + 1)]
    checks: list[dict[str, Any]] = [
        {"part": part, "says": city, "kind": "question"} for part, city in zip(parts, cities, strict=True)
    ]
    asked = " ".join(f"Question {n}: Where has {owner} moved?" for n, owner in enumerate(owners, 1))
    question = f'Answer all questions, each behind "Answer 1:", "Answer 2:" and so on. {asked}'
    _ask(w, question, checks, places, parts, 12 * len(owners))


def _ask(w: Writer, question: str, checks: list[dict[str, Any]], told: list[int], parts: list[str], most: int) -> None:
    """A model answer that meets every check is the gold, so that other scorers have something to compare with."""
    own = {part: [c["says"] for c in checks if c["part"] == part] for part in parts}
    plain = "Answer" in parts[0]
    lines = [
        f"{part}: {', '.join(says)}." if plain else
        f"{part}: " + (" ".join(f"I saw a {thing}." for thing in says) if says else prose.sentence(w.r))
        for part, says in own.items()
    ]  # fmt: skip
    extra = {"checks": checks, "parts": parts}
    gold = pools.with_articles("\n".join(lines))
    w.ask(question, [gold], FAMILY, told, scorer="checks", max_tokens=most, extra=extra)


GENERATOR = Generator(
    "long-gen-bench",
    "LongGenBench",
    "LongGenBench, arXiv 2410.04199 (questions) and arXiv 2409.02076 (diary)",
    "adapted",
    "instructions are told over the session; checks are words, by rule, not a judge",
    "One long answer with many dated sub-instructions, or many questions answered at once; each is checked.",
    {"task": ("diary", "questions"), "weeks": 20, "instructions": 9},
    _make,
    {"weeks": (2, 500), "instructions": (1, len(pools.OBJECTS))},
)
