"""WorM (arXiv 2307.10768): ten working-memory tasks, each trial asked about right after its last stimulus.

Stimuli are told in words in place of pictures: cells of a grid by column and row, bars by what they look like. Lengths,
the ways in which a distractor differs and what is asked are those of the benchmark's generators.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.sessions.generators import prose
from workbench.sessions.generators.base import Generator, Job, choices, lettered

FAMILY = "working_memory"
Cells = tuple[int, ...]
_MOVES = {
    "up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1), "up and left": (-1, -1), "up and right": (-1, 1),
    "down and left": (1, -1), "down and right": (1, 1),
}  # fmt: skip
_BAR = {
    "colour": ("red", "blue", "green", "black", "white", "brown"),
    "orientation": ("upright", "lying", "slanting left", "slanting right"),
    "size": ("short", "long"),
    "gap": ("whole", "broken"),
}


@dataclass
class _Trial:
    """What is told, and what is asked of it: question, gold, which lines prove it, after which line, and fields."""

    lines: list[str] = field(default_factory=list)
    asked: list[tuple[str, list[str], list[int], int, dict[str, Any]]] = field(default_factory=list)

    def tell(self, line: str) -> int:
        """A line; its place."""
        self.lines.append(line)
        return len(self.lines) - 1

    def ask(
        self, task: str, question: str, gold: Sequence[str], proof: Sequence[int], at: int = -1, **extra: Any
    ) -> None:
        """A question after the line ``at`` (-1: the last); ``scorer`` and ``options`` are the probe's."""
        fields = {key: extra.pop(key) for key in ("scorer", "options") if key in extra}
        place = len(self.lines) - 1 if at < 0 else at
        self.asked.append((question, list(gold), list(proof), place, fields | {"extra": {"task": task, **extra}}))

    def wait(self, r: random.Random, most: int) -> int:
        """Nothing to remember for a while: 0 or ``most`` lines; how many."""
        n = r.choice((0, most))
        for _ in range(n):
            self.tell(prose.sentence(r))
        return n


def named(cells: Sequence[int], width: int) -> str:
    """Cells as column and row: ``A1, C3``."""
    return ", ".join(f"{chr(ord('A') + c % width)}{c // width + 1}" for c in cells)


def _pattern(r: random.Random, width: int = 3) -> Cells:
    return tuple(sorted(r.sample(range(width * width), width * width // 2)))


def _patterns(r: random.Random, n: int) -> list[Cells]:
    found: list[Cells] = []
    while len(found) < n:
        one = _pattern(r)
        if one not in found:
            found.append(one)
    return found


def _other(r: random.Random, pattern: Cells, known: Sequence[Cells], width: int = 3) -> Cells:
    """A pattern that differs by one cell or two, and is none of those known."""
    while True:
        moved = r.choice((1, 2))
        kept = r.sample(pattern, len(pattern) - moved)
        made = tuple(sorted([*kept, *r.sample([c for c in range(width * width) if c not in pattern], moved)]))
        if made not in known:
            return made


def _yes(right: bool) -> list[str]:
    return ["yes" if right else "no"]


def _listed(trial: _Trial, r: random.Random, n: int, items: int) -> tuple[list[Cells], list[int]]:
    own = _patterns(r, items)
    lines = [trial.tell(f"List {n}, pattern {k}: dark are {named(one, 3)}.") for k, one in enumerate(own, 1)]
    return own, lines


def _item_recognition(trial: _Trial, r: random.Random, n: int, job: Job) -> None:
    own, lines = _listed(trial, r, n, job["items"])
    waited = trial.wait(r, job["retention"])
    place, old = r.randrange(len(own)), r.random() < 0.5
    shown = own[place] if old else _other(r, own[place], own)
    question = f"Was the pattern with {named(shown, 3)} dark one of list {n}? Answer yes or no."
    proof = [lines[place]] if old else lines
    trial.ask("visual-item-recognition", question, _yes(old), proof, retention=waited, items=len(own))


def _serial_recall(trial: _Trial, r: random.Random, n: int, job: Job) -> None:
    own, lines = _listed(trial, r, n, job["items"])
    texts = [named(one, 3) for one in own]
    for place in sorted(r.sample(range(len(own)), min(job["probes"], len(own)))):
        options = choices(r, texts[place], texts, min(4, len(own)))
        question = f"Which pattern stood at place {place + 1} of list {n}?\n{lettered(options)}"
        trial.ask("visual-serial-recall", question, [texts[place]], [lines[place]], scorer="choice", options=options,
                  position=place / (len(own) - 1))  # fmt: skip


def _serial_recognition(trial: _Trial, r: random.Random, n: int, job: Job) -> None:
    own, lines = _listed(trial, r, n, job["items"])
    for place in sorted(r.sample(range(len(own)), min(job["probes"], len(own)))):
        same = r.random() < 0.5
        shown = own[place] if same else _other(r, own[place], own)
        question = f"Had pattern {place + 1} of list {n} exactly {named(shown, 3)} dark? Answer yes or no."
        trial.ask("visual-serial-recognition", question, _yes(same), [lines[place]], position=place / (len(own) - 1))


def _free_recall(trial: _Trial, r: random.Random, n: int, job: Job) -> None:
    cells = r.sample(range(36), job["items"])
    lines = [trial.tell(f"Grid {n}, flash {k}: cell {named([c], 6)} turns red.") for k, c in enumerate(cells, 1)]
    question = f"Which cells of grid {n} turned red? Name all of them, in any order."
    trial.ask("spatial-free-recall", question, [named([c], 6) for c in cells], lines, scorer="all", items=len(cells))


def _coordination(trial: _Trial, r: random.Random, n: int, job: Job) -> None:
    left = r.sample([c for c in range(64) if c % 8 < 4], max(2, job["items"] // 2))
    right = [c + 7 - 2 * (c % 8) for c in left]
    even = r.random() < 0.5
    if not even:
        right[0] = r.choice([c for c in range(64) if c % 8 >= 4 and c not in right])
    cells = [*left, *right]
    r.shuffle(cells)
    lines = [trial.tell(f"Figure {n}, cell {k}: {named([c], 8)}.") for k, c in enumerate(cells, 1)]
    question = f"Is figure {n} symmetrical about the line between the columns D and E? Answer yes or no."
    trial.ask("spatial-coordination", question, _yes(even), lines, items=len(cells))


def _walk(r: random.Random, start: list[int], length: int, barred: Sequence[int] = ()) -> list[int] | None:
    """A line of neighbouring points of a 5 × 5 lattice that goes on from ``start``, without touching itself."""
    line = list(start)
    while len(line) < length:
        row, column = divmod(line[-1], 5)
        near = [(row + a) * 5 + column + b for a, b in _MOVES.values() if 0 <= row + a < 5 and 0 <= column + b < 5]
        free = [p for p in near if p not in line and p not in barred]
        if not free:
            return None
        line.append(r.choice(free))
    return line


def _integration(trial: _Trial, r: random.Random, n: int, job: Job) -> None:
    part, same = r.choice((3, 4, 6)), r.random() < 0.5
    line, shown = None, None
    while line is None or shown is None:
        line = _walk(r, [r.randrange(25)], 13)
        shown = line if same or line is None else _walk(r, line[:-1], 13, line[-1:])
    pieces = [line[at : at + part + 1] for at in range(0, 12, part)]
    r.shuffle(pieces)
    lines = [trial.tell(f"Drawing {n}, part {k}: a line through {named(p, 5)}.") for k, p in enumerate(pieces, 1)]
    question = f"Do the parts of drawing {n} together make the line through {named(shown, 5)}? Answer yes or no."
    trial.ask("spatial-integration", question, _yes(same), lines, parts=len(pieces))


def _updating(trial: _Trial, r: random.Random, n: int, job: Job) -> None:
    boxes = r.randint(1, 4)
    where = [r.randrange(9) for _ in range(boxes)]
    proof = [[trial.tell(f"Box {b + 1} of game {n}: the marker is at {named([c], 3)}.")] for b, c in enumerate(where)]
    for step in range(job["updates"]):
        box = step % boxes
        row, column = divmod(where[box], 3)
        moves = {m: (row + a) * 3 + column + b for m, (a, b) in _MOVES.items()
                 if 0 <= row + a < 3 and 0 <= column + b < 3}  # fmt: skip
        move = r.choice(sorted(moves))
        where[box] = moves[move]
        proof[box].append(trial.tell(f"In box {box + 1} of game {n} the marker moves {move} by one cell."))
    for box in r.sample(range(boxes), boxes):
        question = f"Where is the marker of box {box + 1} of game {n} now, by column and row?"
        trial.ask("spatial-memory-updating", question, [named([where[box]], 3)], proof[box], items=boxes)


def _switching(trial: _Trial, r: random.Random, n: int, job: Job) -> None:
    """Cued: which of the two to say holds until the next cue."""
    rules = ("up or down", "left or right")
    rule = r.randrange(2)
    cue = trial.tell(f"Round {n}: from here on say whether the marker is {rules[rule]}.")
    for number in range(1, 1 + 2 * job["items"]):
        switched = number > 1 and r.random() < 0.2
        if switched:
            rule = 1 - rule
            cue = trial.tell(f"Round {n}: from here on say whether the marker is {rules[rule]}.")
        place = (r.choice(("up", "down")), r.choice(("left", "right")))
        at = trial.tell(f"Round {n}, marker {number}: {place[0]} and {place[1]}.")
        if number > 2 * job["items"] - job["probes"]:
            question = f"What is to be said of marker {number} of round {n}?"
            trial.ask("spatial-task-switching", question, [place[rule]], [cue, at], at, switch=switched)


def _bars(r: random.Random, n: int) -> dict[int, dict[str, str]]:
    return {c: {key: r.choice(values) for key, values in _BAR.items()} for c in sorted(r.sample(range(16), n))}


def _told(bars: dict[int, dict[str, str]]) -> str:
    return "; ".join(f"{named([c], 4)} {', '.join(bar.values())}" for c, bar in bars.items())


def _change(trial: _Trial, r: random.Random, n: int, job: Job) -> None:
    bars = _bars(r, min(16, job["items"]))
    line = trial.tell(f"Display {n} has bars at {_told(bars)}.")
    waited = trial.wait(r, job["retention"])
    kind, changed = r.choice(sorted(_BAR)), r.random() < 0.5
    shown = {c: dict(bar) for c, bar in bars.items()}
    if changed:
        bar = shown[r.choice(sorted(shown))]
        bar[kind] = r.choice([v for v in _BAR[kind] if v != bar[kind]])
    question = f"Display {n} comes again with bars at {_told(shown)}. Has a bar changed? Answer yes or no."
    trial.ask("change-detection", question, _yes(changed), [line], retention=waited, variant=kind)


def _complex_span(trial: _Trial, r: random.Random, n: int, job: Job) -> None:
    """Two things to keep, with other work after each of them."""
    ways = [line for row in range(3) for line in ((3 * row, 3 * row + 1, 3 * row + 2), (row, row + 3, row + 6))]
    kept, lines, many = [], [], r.choice((0, 1, 3, 5))
    for number in (1, 2):
        line = r.choice([*ways, (0, 4, 8), (2, 4, 6)])
        kept.append(line if r.random() < 0.5 else line[::-1])
        lines.append(trial.tell(f"Span {n}, to keep {number}: a ball goes through {named(kept[-1], 3)}."))
        for _ in range(many):
            colour, shape = r.choice(_BAR["colour"]), r.choice(("square", "circle"))
            trial.tell(f"Span {n}, a check: the {shape} is {colour}.")
    for number in (1, 2):
        question = f"Through which cells did ball {number} of span {n} go, in their order?"
        gold = [named(kept[number - 1], 3)]
        trial.ask("complex-span", question, gold, [lines[number - 1]], scorer="in-order", distractors=many)


_TASKS: tuple[Callable[[_Trial, random.Random, int, Job], None], ...] = (
    _item_recognition, _serial_recall, _serial_recognition, _free_recall, _coordination, _integration, _updating,
    _switching, _change, _complex_span,
)  # fmt: skip


def _trials(r: random.Random, job: Job) -> Iterator[_Trial]:
    number = 0
    while True:
        trial = _Trial()
        _TASKS[number % len(_TASKS)](trial, r, number + 1, job)
        number += 1
        yield trial


def _make(job: Job) -> None:
    w = job.writer()
    for trial in _trials(w.r, job):
        if w.turns and not w.fits(*trial.lines):
            break
        first = len(w.turns)
        for line in trial.lines:
            w.say(line)
        for question, gold, proof, at, fields in trial.asked:
            w.ask(question, gold, FAMILY, [first + n for n in proof], first + at, **fields)


GENERATOR = Generator(
    "worm",
    "WorM",
    "Decoding the Enigma: Benchmarking Humans and AIs on the Many Facets of Working Memory, arXiv 2307.10768",
    "adapted",
    "stimuli in words in place of pictures; patterns of 3 × 3 cells; task switching cued alone; no model is trained",
    "Its ten tasks of working memory: recognition, recall, updating, switching, change detection, complex span.",
    {"items": 4, "probes": 4, "updates": 8, "retention": 5},
    _make,
    {"items": (3, 18), "probes": (1, 18), "updates": (1, 40), "retention": (1, 18)},
)
