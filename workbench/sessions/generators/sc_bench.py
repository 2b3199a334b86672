"""SCBench (arXiv 2412.10319), its twelve tasks in its two modes: several questions over one shared context.

``multi-request``: every question is asked of the context alone. ``multi-turn``: questions follow one another in one
conversation, each with the ones before it and their right answers, as the official code runs it (golden context).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from workbench.sessions import tasks
from workbench.sessions.generators import functions, pools, prose, tales, utterances
from workbench.sessions.generators.base import Generator, Job, Writer, choices, lettered


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question over the context, the benchmark's task that it is, its gold and evidence."""

    task: str
    question: str
    gold: tuple[str, ...]
    competency: str
    turns: tuple[int, ...]
    options: tuple[str, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def answer(self) -> str:
        """The right answer as the conversation has it."""
        return ", ".join(self.gold) if self.task == "scbench_vt" else self.gold[0]


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


def _repoqa(w: Writer, room: int, n: int) -> list[_Asked]:
    """The function that a description fits."""
    until, language = w.used + room, w.r.choice(functions.LANGUAGES)
    size = w.count(functions.functions(w.r, 1, language)[0].code)
    told: dict[str, tuple[functions.Function, int]] = {}
    for one in functions.functions(w.r, max(n, 2 * room // max(1, size)), language):
        text = f"File src/{one.name}\n\n{one.code}"
        if w.used + w.count(text) > until and len(told) >= n:
            break
        told[one.name] = one, w.say(text, own=False)
    w.extra["needles"] = []
    asked = []
    for one, turn in w.r.sample(list(told.values()), n):
        w.extra["needles"].append({"name": one.name, "code": one.code})
        question = f"Which function is described here? Repeat it exactly, in a code block. {one.described}"
        extra = {"lang": language, "func_name": one.name}
        asked.append(_Asked("scbench_repoqa", question, (one.code,), "accurate_retrieval", (turn,), extra=extra))
    return asked


def _scattered(w: Writer, room: int, pieces: list[str], filler: Callable[[], str] | None = None) -> list[int]:
    """Pieces at random places in prose up to ``room`` tokens; the turn of each."""
    filler = filler or (lambda: prose.paragraph(w.r, 3))
    left, hay = room - sum(map(w.count, pieces)), list[str]()
    while (left := left - w.count(text := filler())) >= 0:
        hay.append(text)
    places = sorted(w.r.randrange(len(hay) + 1) for _ in pieces)
    found, at = [], 0
    for piece, place in zip(pieces, places, strict=True):
        for text in hay[at:place]:
            w.say(text)
        at = place
        found.append(w.say(piece))
    for text in hay[at:]:
        w.say(text)
    return found


def _qa_english(w: Writer, room: int, n: int) -> list[_Asked]:
    """Questions about a tale."""
    every = tales.hidden(w.r, 2 * n)
    turns = _scattered(w, room, [one.told for one in every])
    return [
        _Asked("scbench_qa_eng", one.asked, (one.place.removeprefix("the "),), "accurate_retrieval", (turn,))
        for one, turn in w.r.sample(list(zip(every, turns, strict=True)), n)
    ]


def _qa_chinese(w: Writer, room: int, n: int) -> list[_Asked]:
    """Questions about a Chinese tale."""
    every = tales.hidden_zh(w.r, 2 * n)
    turns = _scattered(w, room, [one.told for one in every], lambda: tales.paragraph_zh(w.r))
    return [
        _Asked("scbench_qa_chn", one.asked, (one.place,), "accurate_retrieval", (turn,))
        for one, turn in w.r.sample(list(zip(every, turns, strict=True)), n)
    ]


def _choice(w: Writer, room: int, n: int) -> list[_Asked]:
    """Questions about a tale with four answers to choose from, all of which it names."""
    every = tales.hidden(w.r, max(6, 2 * n))
    turns = _scattered(w, room, [one.told for one in every])
    asked = []
    for one, turn in w.r.sample(list(zip(every, turns, strict=True)), n):
        options = choices(w.r, one.thing, [other.thing for other in every])
        gold = (one.thing, chr(ord("A") + options.index(one.thing)))
        question = f"{one.asked_what}\n{lettered(options)}"
        asked.append(_Asked("scbench_choice_eng", question, gold, "accurate_retrieval", (turn,), options))
    return asked


def _summary(w: Writer, room: int, n: int) -> list[_Asked]:
    """Several documents, each to be summarised: what was decided at a meeting."""
    until, told = w.used + room, list[tuple[tales.Report, int]]()
    for one in tales.reports(w.r, min(500, max(n, room // 20))):
        if w.used + w.count(one.text) > until and told:
            break
        told.append((one, w.say(one.text)))
    return [
        _Asked("scbench_summary", f"Summarise the meeting about the {one.title}: what was decided?", (one.summary,),
               "long_range_understanding", (turn,))
        for one, turn in w.r.sample(told, min(n, len(told)))
    ]  # fmt: skip


def _passkey(w: Writer, room: int, n: int) -> list[_Asked]:
    """Numbers in running text."""
    things = w.r.sample(pools.OBJECTS, n)
    numbers = [str(w.r.randrange(10_000, 99_999)) for _ in things]
    pieces = [
        f"Remember: the pass key of the {thing} is {number}." for thing, number in zip(things, numbers, strict=True)
    ]
    turns = _scattered(w, room, pieces)
    return [
        _Asked("scbench_passkey", f"What is the pass key of the {thing}?", (number,), "accurate_retrieval", (turn,))
        for thing, number, turn in zip(things, numbers, turns, strict=True)
    ]


_TASKS: dict[str, Callable[[Writer, int, int], list[_Asked]]] = {
    "kv": _kv,
    "prefix-suffix": _prefix_suffix,
    "vt": _variables,
    "repoqa": _repoqa,
    "qa-eng": _qa_english,
    "qa-chn": _qa_chinese,
    "choice-eng": _choice,
    "many-shot": _many_shot,
    "math-find": _math_find,
    "summary": _summary,
    "passkey": _passkey,
}
_MIXED: dict[str, tuple[str, ...]] = {
    "summary-with-needles": ("summary", "passkey"),
    "repoqa-and-kv": ("repoqa", "kv"),
    "mixed": ("kv", "prefix-suffix", "vt", "math-find", "many-shot"),
}
"""The two tasks of the benchmark that put two kinds of questions to one context, and one of ours with five."""
_MOST = 0.3
"""Share of a session that questions and answers of the multi-turn mode may take."""


def _make(job: Job) -> None:
    n, reserve = job["probes"], 0
    if job["mode"] == "multi-turn":  # how long questions and answers are, is known when they have been made
        trial = job.writer()
        length = sum(trial.count(one.question) + trial.count(one.answer) for one in _asked(trial, job, n, 0))
        n = max(1, min(n, int(n * _MOST * trial.tokens / max(1, length))))
        job.writers.clear()
        reserve = length * n // job["probes"]
    w = job.writer()
    asked = _asked(w, job, n, reserve)
    w.r.shuffle(asked)
    for number, one in enumerate(asked, 1):
        fields = tasks.SCBENCH[one.task].fields
        extra = {"dataset": one.task, "mode": job["mode"], "request": number, **one.extra}
        w.ask(one.question, one.gold, one.competency, one.turns, w.last, extra=extra, options=one.options, **fields)
        if one.task == "scbench_vt":  # all of its golds are wanted
            w.probes[-1] = replace(w.probes[-1], scorer="all")
        if reserve and number < len(asked):
            w.say(w.probes[-1].question, own=False)
            w.say(one.answer, "assistant", own=False)


def _asked(w: Writer, job: Job, n: int, reserve: int) -> list[_Asked]:
    """Tell a context that leaves ``reserve`` tokens, and what is asked about it, ``n`` questions of each kind."""
    chosen = _MIXED.get(job["task"], (job["task"],))
    room = (w.tokens - reserve) // len(chosen)
    return [one for name in chosen for one in _TASKS[name](w, room, n)]


GENERATOR = Generator(
    "sc-bench",
    "SCBench",
    "SCBench, arXiv 2412.10319",
    "in the style of",
    "its twelve tasks, modes and scorers; strings are shorter; functions, tales and minutes are made by rule",
    "A shared context with several requests: strings, functions, tales, shots, numbers, summaries; both modes.",
    {"task": ("kv", *(name for name in (*_TASKS, *_MIXED) if name not in ("kv", "passkey"))),
     "mode": ("multi-request", "multi-turn"), "probes": 6},
    _make,
    {"probes": (1, 6)},
)  # fmt: skip
