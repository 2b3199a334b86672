"""LongIns (arXiv 2406.17588): an exam paper with answers; which of them are wrong? Settings GIST, LIST and LIMT."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from workbench.sessions import tasks
from workbench.sessions.generators import pools
from workbench.sessions.generators.base import Generator, Job, Writer

WRONG = 0.1
"""Share of wrong answers, as published; at least one in every paper."""
OPPOSITES = (
    ("hot", "cold"), ("early", "late"), ("heavy", "light"), ("open", "closed"), ("wide", "narrow"), ("full", "empty"),
    ("deep", "shallow"), ("rough", "smooth"), ("rare", "common"), ("sharp", "blunt"), ("loud", "quiet"), ("wet", "dry"),
)  # fmt: skip
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_A_TURN = 5


@dataclass(frozen=True, slots=True)
class Small:
    """A small task: its instruction, and a function that draws a question, its answer and a wrong one."""

    instruction: str
    draw: Callable[[random.Random], tuple[str, str, str]]


def _sum(r: random.Random) -> tuple[str, str, str]:
    a, b = r.randrange(11, 90), r.randrange(11, 90)
    return f"{a} + {b}", str(a + b), str(a + b + r.choice((-10, -1, 1, 10)))


def _opposite(r: random.Random) -> tuple[str, str, str]:
    one, two = r.sample(OPPOSITES, 2)
    return one[0], one[1], two[1]


def _letters(r: random.Random) -> tuple[str, str, str]:
    word = r.choice(pools.OBJECTS)
    return word, str(len(word)), str(len(word) + r.choice((-1, 1, 2)))


def _tomorrow(r: random.Random) -> tuple[str, str, str]:
    day = r.randrange(7)
    return DAYS[day], DAYS[(day + 1) % 7], DAYS[(day + r.choice((2, 3, 6))) % 7]


TASKS = (
    Small("Add the two numbers.", _sum),
    Small("Give the opposite of the word.", _opposite),
    Small("Count the letters of the word.", _letters),
    Small("Name the day that follows.", _tomorrow),
)


def _make(job: Job) -> None:
    w, paper = job.writer(), 0
    sample = "\n".join(f"99. {TASKS[0].instruction} 55 + 55 Answer: 110" for _ in range(job["items"]))
    while paper == 0 or w.fits(sample):
        paper += 1
        _paper(w, paper, job["setting"], job["items"])


def _paper(w: Writer, paper: int, setting: str, items: int) -> None:
    chosen = TASKS if setting == "LIMT" else [TASKS[(paper - 1) % len(TASKS)]]
    wrong = set(w.r.sample(range(1, items + 1), max(1, round(items * WRONG))))
    lines = []
    for n in range(1, items + 1):
        task = w.r.choice(chosen)
        asked, right, false = task.draw(w.r)
        local = "" if setting == "GIST" else f"{task.instruction} "
        lines.append((n, f"{n}. {local}{asked} Answer: {false if n in wrong else right}"))
    head = f"Exam paper {paper}." + (f" {chosen[0].instruction}" if setting == "GIST" else "")
    place: dict[int, int] = {}
    for start in range(0, items, _A_TURN):
        part = lines[start : start + _A_TURN]
        title = head if not start else f"Exam paper {paper}, continued."
        turn = w.say("\n".join([title, *(line for _, line in part)]))
        place |= {n: turn for n, _ in part}
    question = f"Which answers in exam paper {paper} are wrong? Give their numbers in square brackets."
    gold = ", ".join(map(str, sorted(wrong)))
    extra = {"setting": setting, "items": items}
    fields = tasks.GENERATED["long-ins"].fields
    w.ask(question, [gold], "long_range_understanding", [place[n] for n in sorted(wrong)], extra=extra, **fields)


GENERATOR = Generator(
    "long-ins",
    "LongIns",
    "LongIns, arXiv 2406.17588",
    "adapted",
    "four small tasks whose answers a rule can check, in place of instruction data sets",
    "Exam papers with a tenth of the answers wrong: find them (GIST, LIST, LIMT).",
    {"setting": ("GIST", "LIST", "LIMT"), "items": 30},
    _make,
    {"items": (5, 500)},
)
