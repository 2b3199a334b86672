"""ToolLLM (arXiv 2307.16789): sessions of tool use with their calls; which tool, with what, what came back?"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from workbench.sessions.generators import pools
from workbench.sessions.generators.base import Generator, Job, Writer, choices

_TOOLS = (
    ("weather_lookup", "city", "What will the weather be like in {value}?"),
    ("train_timetable", "city", "When is the next train to {value}?"),
    ("museum_hours", "city", "How long are the museums of {value} open?"),
    ("shop_stock", "thing", "Is there still a {value} in stock?"),
    ("price_check", "thing", "What does a {value} cost at the moment?"),
    ("repair_quote", "thing", "What would it cost to mend my {value}?"),
    ("animal_facts", "animal", "How heavy does a {value} get?"),
    ("sighting_report", "animal", "Has anybody seen a {value} around here?"),
)


@dataclass(frozen=True, slots=True)
class _Call:
    tool: str
    argument: str
    value: str
    result: str
    asked: int
    called: int
    returned: int


def _make(job: Job) -> None:
    w = job.writer()
    more = pools.made_up(w.r, job.tokens // 100)
    pools_of = {"city": (*pools.CITIES, *more), "thing": (*pools.OBJECTS, *more), "animal": (*pools.ANIMALS, *more)}
    every = [(tool, kind, ask, value) for tool, kind, ask in _TOOLS for value in pools_of[kind]]
    w.r.shuffle(every)
    calls: list[_Call] = []
    results = iter(pools.codes(w.r, len(every), 6))
    for tool, kind, ask, value in every:
        result = next(results)
        texts = (
            f"{ask.format(value=value)} Please look it up.",
            f"{tool}({json.dumps({kind: value})})",
            json.dumps({"reference": result, kind: value}),
            f"I have the answer from {tool}: it is filed under {result}.",
        )
        if not w.fits(*texts) and len(calls) >= 4:
            break
        asked, called = w.say(texts[0]), w.say(texts[1], "assistant")
        returned = w.say(texts[2], "tool", tool)
        w.say(texts[3], "assistant")
        calls.append(_Call(tool, kind, value, result, asked, called, returned))
    kinds: tuple[Callable[[Writer, list[_Call]], None], ...] = (_which, _with_what, _result, _order)
    for number in range(job["probes"]):
        kinds[number % len(kinds)](w, calls)


def _which(w: Writer, calls: list[_Call]) -> None:
    """The tool that was called for something."""
    call = w.r.choice(calls)
    question = f"Which tool returned the reference {call.result}?"
    options = choices(w.r, call.tool, [tool for tool, _, _ in _TOOLS])
    w.ask(question, [call.tool], "accurate_retrieval", [call.called, call.returned], options=options,
          extra={"task": "tool"})  # fmt: skip


def _with_what(w: Writer, calls: list[_Call]) -> None:
    """The argument of a call."""
    call = w.r.choice(calls)
    question = f"With which {call.argument} was {call.tool} called when it returned {call.result}?"
    w.ask(question, [call.value], "accurate_retrieval", [call.called, call.returned], extra={"task": "argument"})


def _result(w: Writer, calls: list[_Call]) -> None:
    """What a call returned."""
    call = w.r.choice(calls)
    question = f"Which reference did {call.tool} return for {call.value}?"
    w.ask(question, [call.result], "accurate_retrieval", [call.returned], extra={"task": "result"})


def _order(w: Writer, calls: list[_Call]) -> None:
    """The tool that was called right after a call."""
    n = w.r.randrange(len(calls) - 1)
    question = f"Which tool was called right after {calls[n].tool} had returned {calls[n].result}?"
    told = [calls[n].returned, calls[n + 1].called]
    w.ask(question, [calls[n + 1].tool], "long_range_understanding", told, extra={"task": "order"})


GENERATOR = Generator(
    "tool-llm",
    "ToolLLM",
    "ToolLLM, arXiv 2307.16789",
    "in the style of",
    "eight tools of our own; what is asked is memory of the calls, not planning; real sessions open with their calls",
    "A session of tool calls: which tool, with what, what came back, in which order.",
    {"probes": 24},
    _make,
)
