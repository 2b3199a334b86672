"""SCBench (arXiv 2412.10319) in its two modes: several questions over one shared context.

``multi-request``: every question is asked of the context alone. ``multi-turn``: questions follow one another in one
conversation, each with the ones before it and their right answers, as the official code runs it (golden context).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from workbench.sessions import tasks
from workbench.sessions.generators import pools, utterances
from workbench.sessions.generators.base import Generator, Job, Writer


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question over the context, the benchmark's task that it is, its gold and evidence."""

    task: str
    question: str
    gold: tuple[str, ...]
    competency: str
    turns: tuple[int, ...]


def _kv(w: Writer, room: int, n: int) -> list[_Asked]:
    """Strings by key: nothing to go by but the string itself."""
    found: dict[str, tuple[str, int]] = {}
    until = w.used + room
    line = "Key k0000000 holds the value k0000000."
    many = max(n, room // max(1, w.count(line)) + 8)
    keys, values = pools.codes(w.r, many), pools.codes(w.r, many)
    for key, value in zip(keys, values, strict=True):
        text = f"Key {key} holds the value {value}."
        if w.used + w.count(text) > until and len(found) >= n:
            break
        found[key] = (value, w.say(text))
    return [
        _Asked("scbench_kv", f"Which value does the key {key} hold?", (found[key][0],), "accurate_retrieval",
               (found[key][1],))
        for key in w.r.sample(sorted(found), n)
    ]  # fmt: skip


def _prefix_suffix(w: Writer, room: int, n: int) -> list[_Asked]:
    """The string that begins and ends in a given way."""
    found: dict[str, int] = {}
    until = w.used + room
    many = max(n, room // max(1, w.count("k" + 23 * "0"))) + 8
    for text in pools.codes(w.r, many, 24):
        if w.used + w.count(text) > until and len(found) >= n:
            break
        found[text] = w.say(text)
    asked = []
    for text in w.r.sample(sorted(found), n):
        question = f"Which string of the list begins with {text[:8]} and ends with {text[-8:]}?"
        asked.append(_Asked("scbench_prefix_suffix", question, (text,), "accurate_retrieval", (found[text],)))
    return asked


def _variables(w: Writer, room: int, n: int) -> list[_Asked]:
    """Variables that are set to others: which all have one value?"""
    chains: list[tuple[list[str], str]] = []
    until = w.used + room
    names = iter(f"VAR_{code[1:].upper()}" for code in pools.codes(w.r, 40 + room, 6))
    lines: list[tuple[int, str]] = []
    used = 0
    while True:
        chain, value = [next(names) for _ in range(4)], str(w.r.randrange(10_000, 99_999))
        texts = [f"{a} is set to {b}." for a, b in zip(chain, [value, *chain], strict=False)]
        used += sum(map(w.count, texts))
        if w.used + used > until and len(chains) >= n:
            break
        lines += [(len(chains), text) for text in texts]
        chains.append((chain, value))
    turns: dict[int, list[int]] = {}
    waiting = [[text for c, text in lines if c == number] for number in range(len(chains))]
    while any(waiting):  # chains are told in turns of one another, each in its own order
        number = w.r.choice([i for i, rest in enumerate(waiting) if rest])
        turns.setdefault(number, []).append(w.say(waiting[number].pop(0)))
    return [
        _Asked("scbench_vt", f"Which variables have the value {value} in the end? Name all of them.", tuple(chain),
               "long_range_understanding", tuple(turns[number]))
        for number, (chain, value) in ((i, chains[i]) for i in w.r.sample(range(len(chains)), n))
    ]  # fmt: skip


def _math_find(w: Writer, room: int, n: int) -> list[_Asked]:
    """Numbers; the largest, smallest, and the median of them."""
    until, numbers = w.used + room, [w.r.randrange(1, 10_000) for _ in range(max(9, room))]
    shown: list[int] = []
    first = len(w.turns)
    while True:
        row = numbers[len(shown) : len(shown) + 12]
        text = "Numbers: " + ", ".join(map(str, row)) + "."
        if (w.used + w.count(text) > until and shown) or len(row) < 12:
            break
        w.say(text)
        shown += row
    turns, ordered = tuple(range(first, len(w.turns))), sorted(shown)
    kinds = (
        ("the largest", ordered[-1]), ("the smallest", ordered[0]), ("the second largest", ordered[-2]),
        ("the second smallest", ordered[1]), ("the third largest", ordered[-3]), ("the third smallest", ordered[2]),
    )  # fmt: skip
    return [
        _Asked("scbench_mf", f"Of all the numbers in the list, counted with repetitions, which is {what}?",
               (str(value),), "long_range_understanding", turns)
        for what, value in kinds[:n]
    ]  # fmt: skip


def _many_shot(w: Writer, room: int, n: int) -> list[_Asked]:
    """Labelled utterances; the label is a letter-coded word of no meaning."""
    until, wants = w.used + room, utterances.wants(w.r, 12)
    labels = pools.made_up(w.r, len(wants))
    told: dict[int, list[int]] = {k: [] for k in range(len(wants))}
    number = 0
    while True:
        k = number % len(wants)
        text = f"{utterances.said(w.r, wants[k])}\nlabel: {labels[k]}"
        if w.used + w.count(text) > until and number >= len(wants):
            break
        told[k].append(w.say(text))
        number += 1
    asked = []
    for k in w.r.sample(range(len(wants)), n):
        question = f"Which label fits: {utterances.said(w.r, wants[k], utterances.ASKED)}"
        asked.append(_Asked("scbench_many_shot", question, (labels[k],), "test_time_learning", tuple(told[k])))
    return asked


_TASKS: dict[str, Callable[[Writer, int, int], list[_Asked]]] = {
    "kv": _kv,
    "prefix-suffix": _prefix_suffix,
    "vt": _variables,
    "math-find": _math_find,
    "many-shot": _many_shot,
}


_LONGEST = "Which variables have the value 00000 in the end? Name all of them." + 4 * " VAR_0A0A00,"
"""As long as a question with its answer becomes, nearly."""


def _make(job: Job) -> None:
    w, n = job.writer(), min(job["probes"], 6)
    chosen = list(_TASKS) if job["task"] == "mixed" else [job["task"]]
    multi = job["mode"] == "multi-turn"
    reserve = len(chosen) * n * w.count(_LONGEST) if multi else 0
    room = max(w.room // 2, w.room - reserve) // len(chosen)
    asked = [one for name in chosen for one in _TASKS[name](w, room, n)]
    w.r.shuffle(asked)
    before: list[int] = []
    for number, one in enumerate(asked, 1):
        fields = tasks.SCBENCH[one.task].fields
        extra = {"dataset": one.task, "mode": job["mode"], "request": number}
        w.ask(one.question, one.gold, one.competency, one.turns, w.last, extra=extra, **fields)
        if one.task == "scbench_vt":  # all of its golds are wanted
            w.probes[-1] = replace(w.probes[-1], scorer="all")
        if multi and number < len(asked):
            before += [w.say(one.question), w.say(", ".join(one.gold), "assistant")]


GENERATOR = Generator(
    "sc-bench",
    "SCBench",
    "SCBench, arXiv 2412.10319",
    "in the style of",
    "five of its twelve tasks and their mix, with its scorers; strings are shorter, texts our own",
    "A shared context with several requests: strings, variables, numbers, many shots; both modes.",
    {"task": ("kv", "prefix-suffix", "vt", "math-find", "many-shot", "mixed"),
     "mode": ("multi-request", "multi-turn"), "probes": 6},
    _make,
    {"probes": (1, 6)},
)  # fmt: skip
