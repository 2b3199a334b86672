"""WorM (arXiv 2307.10768): working-memory tasks as text: span, serial position, n-back, interference."""

from __future__ import annotations

from collections.abc import Callable

from workbench.sessions.generators import pools
from workbench.sessions.generators.base import Generator, Job, Writer

_FAMILY = "working_memory"


def _make(job: Job) -> None:
    w, number = job.writer(), 0
    tasks: tuple[Callable[[Writer, int, int, int], None], ...] = (_span, _position, _n_back, _updates)
    cost = sum(w.count(_word(99, 99, word)) for word in pools.OBJECTS[: job["items"]]) + 20
    while number == 0 or w.room > cost:
        tasks[number % 4](w, number + 1, job["items"], job["probes"])
        number += 1


def _word(number: int, place: int, word: str) -> str:
    return f"List {number}, word {place}: {word}."


def _list(w: Writer, number: int, items: int) -> tuple[list[str], list[int]]:
    """A list of different words, a turn each."""
    words = w.r.sample(pools.OBJECTS, items)
    return words, [w.say(_word(number, n, word)) for n, word in enumerate(words, 1)]


def _span(w: Writer, number: int, items: int, probes: int) -> None:
    words, turns = _list(w, number, items)
    for share in (0.5, 1.0):
        n = max(2, round(items * share))
        question = f"Repeat the first {n} words of list {number} in their order."
        extra = {"task": "span", "span": n, "list": number}
        w.ask(question, [" ".join(words[:n])], _FAMILY, turns[:n], w.last, scorer="substring", extra=extra)


def _position(w: Writer, number: int, items: int, probes: int) -> None:
    words, turns = _list(w, number, items)
    for n in sorted(w.r.sample(range(items), min(probes, items))):
        question = f"Which word was word {n + 1} of list {number}?"
        extra = {"task": "serial-position", "position": n / (items - 1), "list": number}
        w.ask(question, [words[n]], _FAMILY, [turns[n]], w.last, extra=extra)


def _n_back(w: Writer, number: int, items: int, probes: int) -> None:
    words, turns = _list(w, number, items)
    for n in range(1, min(probes, items - 1) + 1):
        at = w.r.randrange(n, items)
        back = f"{pools.NUMBERS[n] if n < len(pools.NUMBERS) else n} word{'s' * (n > 1)}"
        question = f'In list {number}, which word came {back} before "{words[at]}"?'
        w.ask(question, [words[at - n]], _FAMILY, [turns[at - n], turns[at]], w.last, extra={"task": "n-back", "n": n})


def _updates(w: Writer, number: int, items: int, probes: int) -> None:
    """Proactive interference: drawers whose content is told again and again; the newest counts."""
    drawers = [f"drawer {letter} of cabinet {number}" for letter in "ABC"]
    now: dict[str, tuple[str, int, int]] = {}
    words = w.r.sample(pools.OBJECTS, items)
    for n, word in enumerate(words):
        drawer = drawers[n % len(drawers)]
        before = now[drawer][2] if drawer in now else 0
        now[drawer] = (word, w.say(f"In {drawer} there is now a {word}."), before + 1)
    for drawer, (word, turn, times) in now.items():
        extra = {"task": "interference", "updates": times}
        w.ask(f"What is in {drawer} now?", [word], _FAMILY, [turn], w.last, extra=extra)


GENERATOR = Generator(
    "worm",
    "WorM",
    "Decoding the Enigma: Benchmarking Humans and AIs on the Many Facets of Working Memory, arXiv 2307.10768",
    "in the style of",
    "words in place of pictures; four of its task families; serial position curves by extra.position",
    "Working memory: span, serial position, n-back, interference, asked right after each list.",
    {"items": 12, "probes": 6},
    _make,
    {"items": (4, len(pools.OBJECTS))},
)
