"""ToolLLM (arXiv 2307.16789): sessions of tool use in ToolBench's form; which tool, with what, what came back?

``scenario`` is one of ToolBench's three: G1 calls one tool, G2 several of one category, G3 several of any category.
Each request is worked off in steps of a thought, an action and its input, a tool's response to each, and *Finish* with
the answer. ToolEval judges plans; what is asked here is memory of the calls.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from workbench.sessions.generators import pools
from workbench.sessions.generators.base import Generator, Job, Writer, choices

_TOOLS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "Travel": (
        ("weather_lookup", "city", "what the weather will be like in {value}"),
        ("train_timetable", "city", "when the next train to {value} leaves"),
        ("museum_hours", "city", "how long the museums of {value} are open"),
    ),
    "Commerce": (
        ("shop_stock", "thing", "whether there is still a {value} in stock"),
        ("price_check", "thing", "what a {value} costs at the moment"),
        ("repair_quote", "thing", "what it would cost to mend a {value}"),
    ),
    "Animals": (
        ("animal_facts", "animal", "how heavy a {value} gets"),
        ("sighting_report", "animal", "where a {value} was seen last"),
        ("vet_directory", "animal", "who treats a {value}"),
    ),
}
"""By category: name, parameter, and what it is asked for."""
_ALL = tuple(tool for tools in _TOOLS.values() for tool, _, _ in tools)


@dataclass(frozen=True, slots=True)
class _Call:
    tool: str
    argument: str
    value: str
    result: str
    request: int
    called: int
    returned: int


def _make(job: Job) -> None:
    w = job.writer()
    more = pools.made_up(w.r, 20 + job.tokens // 60)
    pools_of = {"city": (*pools.CITIES, *more), "thing": (*pools.OBJECTS, *more), "animal": (*pools.ANIMALS, *more)}
    results = iter(pools.codes(w.r, 60 + job.tokens // 10, 6))
    used: set[tuple[str, str]] = set()
    calls: list[_Call] = []
    request = 0
    while True:
        drawn: list[tuple[str, str, str, str, str]] = []
        for tool, argument, wish in _wanted(w, job["scenario"]):
            value = w.r.choice([v for v in pools_of[argument] if (tool, v) not in used])
            used.add((tool, value))
            drawn.append((tool, argument, wish.format(value=value), value, next(results)))
        asked = f"Please find out {pools.listed([wish for _, _, wish, _, _ in drawn])}."
        steps = [(_action(tool, {argument: value}, f"I need {wish}."), _response(result, argument, value))
                 for tool, argument, wish, value, result in drawn]  # fmt: skip
        filed = pools.listed([f"{wish} is filed under {result}" for _, _, wish, _, result in drawn])
        end = _action("Finish", {"return_type": "give_answer", "final_answer": filed}, "I have all that I need.")
        if not w.fits(asked, *(text for step in steps for text in step), end) and len(calls) >= 4:
            break
        request += 1
        w.say(asked)
        for (action, response), (tool, argument, _, value, result) in zip(steps, drawn, strict=True):
            called = w.say(action, "assistant", own=False)
            returned = w.say(response, "tool", tool, own=False)
            calls.append(_Call(tool, argument, value, result, request, called, returned))
        w.say(end, "assistant", own=False)
    kinds: tuple[Callable[[Writer, list[_Call]], None], ...] = (_which, _with_what, _result, _order)
    for number in range(job["probes"]):
        kinds[number % len(kinds)](w, calls)


def _wanted(w: Writer, scenario: str) -> list[tuple[str, str, str]]:
    """The tools that a request needs."""
    category = w.r.choice(sorted(_TOOLS))
    if scenario == "G1":
        return [w.r.choice(_TOOLS[category])]
    if scenario == "G2":
        return w.r.sample(_TOOLS[category], w.r.choice((2, 3)))
    categories = w.r.sample(sorted(_TOOLS), w.r.choice((2, 3)))
    return [w.r.choice(_TOOLS[c]) for c in categories]


def _action(name: str, given: dict[str, str], thought: str) -> str:
    return f"Thought: {thought}\nAction: {name}\nAction Input: {json.dumps(given)}"


def _response(result: str, argument: str, value: str) -> str:
    return json.dumps({"error": "", "response": {"reference": result, argument: value}})


def _which(w: Writer, calls: list[_Call]) -> None:
    """The tool that was called for something."""
    call = w.r.choice(calls)
    options = choices(w.r, call.tool, _ALL)
    question = f"Which tool returned the reference {call.result}?"
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
    "adapted",
    "nine tools of our own in three categories; what is asked is memory of the calls, where ToolEval judges plans",
    "Sessions of tool calls in ToolBench's form: which tool, with what, what came back, in which order.",
    {"scenario": ("G1", "G2", "G3"), "probes": 24},
    _make,
)
