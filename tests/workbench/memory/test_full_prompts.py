"""The methods' own prompts: every operation of every strategy, rendered with what a short dated session gives it.

A scripted reader that sees only the rendered prompt must be able to decide: the prompt holds the time of everything
that was said, the neighbours under numbers, the definition of every option and field, and the format in words.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest

from tests.support.minds import Lane, Mind
from tests.support.readers import Reader
from workbench import paths
from workbench.memory.base import Completion
from workbench.memory.lines import Line
from workbench.memory.prompt_sets import PromptSet, Rendered
from workbench.memory.prompts import Full, Operation
from workbench.memory.registry import STRATEGIES, strategy
from workbench.memory.replies import ask
from workbench.sessions.model import Turn
from workbench.trace.events import Kind

SMALL: dict[str, dict[str, Any]] = {
    "lightmem": {"sensory": 16, "short_term": 24, "sleep": 0.2},
    "memos": {"similar": 0.3, "group": 4, "cluster": 2},
    "memoryos": {"short": 1, "hot": 2.0, "join": 0.2},
    "mirix": {"batch": 2},
    "letta": {"queue": 4},
    "think-in-memory": {"buckets": 2},
    "caim": {"similar": 0.3},
    "hmt": {"segment": 16, "sensory": 4},
    "sculptor": {"fill": 0.02, "short": 4},
}
"""Parameters with which a method does all that it can within so short a session."""
WRITES_NO_TEXT = {
    "sculptor": "a summary is kept only where it is shorter, which a reader that copies never writes",
    "expe-repair": "the reader takes the first option, which says that everything failed",
    "spatial": "the only text is the name of a place",
}
FORCED = {
    "mirix/meta": {"choice": ["core", "episodic", "semantic", "procedural", "resource", "knowledge"]},
}
"""Answers that the reader is told, so that the session comes to every operation."""
SAID = (
    ("Caroline", "I adopted a cat named Bailey yesterday.", 0),
    ("Melanie", "Lovely! My old piano came back from repair.", 0),
    ("Caroline", "Caroline lives in Boston with the cat Bailey.", 0),
    ("Melanie", "Melanie plays the old piano every evening.", 0),
    ("Caroline", "I saw a concert in Boston, it was great.", 1),
    ("Melanie", "Melanie sold the old piano to a school.", 1),
    ("Caroline", "Caroline lives in Denver now, the cat Bailey too.", 1),
    ("Melanie", "To reset the router: unplug it, wait, plug it in.", 1),
    ("Caroline", "Caroline has a new job as a counselor in Denver.", 2),
    ("Melanie", "Melanie bought a red car yesterday.", 2),
    ("Caroline", "The cat Bailey went to the vet in Denver yesterday.", 2),
    ("Melanie", "Poor Bailey! Melanie plays tennis on Sundays.", 2),
    ("Caroline", "Thanks, bye!", 3),
)
TURNS = tuple(
    Turn(n, "user" if n % 2 == 0 else "assistant", text, who, f"2023-0{5 + part}-08T13:{10 + n}", part)
    for n, (who, text, part) in enumerate(SAID)
)
QUESTION = "Where does Caroline live with the cat Bailey?"
YESTERDAYS = ("7 May 2023", "7 July 2023")
_SHARED = paths.resources() / "prompts" / "shared"


@dataclass
class ReadingMind(Mind):
    """Is sent full prompts and lets the reader answer them."""

    full: bool = True
    operations: list[tuple[Operation, Rendered]] = field(default_factory=list)

    async def run(self, operation: Operation) -> Completion:
        self.calls.append(operation)
        rendered = PromptSet("full").rendered(operation)
        self.operations.append((operation, rendered))
        full = operation.full
        forced = FORCED.get(f"{full.method}/{full.name}") if full else None
        data = forced or Reader(rendered.messages).answer()
        called = {"purpose": operation.purpose, "prompt": [], "raw": "", "tokens": [0, 0], "stop": "end", "error": ""}
        event = self.emit(Kind.MODEL_CALLED, "", called, 0, 0.0) if self.emit else None
        return Completion("", data, True, event.n if event else 0, schema=rendered.schema)


@cache
def lane(name: str, reading: bool = False) -> Lane:
    """A strategy that has gone through the session and was asked."""
    mind: Mind = ReadingMind() if reading else Mind(full=True)
    made = Lane(strategy(name)(**SMALL.get(name, {})), mind, whens=[]).observe(*TURNS)
    made.ask(QUESTION)
    return made


def operations(name: str) -> list[Operation]:
    """What a strategy asked: with sensible answers, and with those of the reader."""
    return [*lane(name).mind.calls, *lane(name, reading=True).mind.calls]


def own(name: str) -> dict[str, list[Full]]:
    """The operations of a strategy that have a prompt of their own."""
    out: dict[str, list[Full]] = {}
    for operation in operations(name):
        if operation.full and PromptSet("full").source(operation.full):
            out.setdefault(operation.full.name, []).append(operation.full)
    return out


def rendered(full: Full, dates: bool = True) -> Rendered:
    return PromptSet("full").rendered(Operation("x", (), {}, full=full), dates)


def values(inputs: Any) -> Iterator[str]:
    """Every text among inputs, a line with its time."""
    match inputs:
        case Line() | str():
            yield str(inputs)
        case Mapping():
            for value in inputs.values():
                yield from values(value)
        case list() | tuple():
            for value in inputs:
                yield from values(value)


def properties(schema: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, part in schema.get("properties", {}).items():
        yield name, part
        yield from properties(part.get("items", part))


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_operation_has_a_prompt_of_its_own(name: str) -> None:
    assert [o.purpose for o in operations(name) if not o.full or not PromptSet("full").source(o.full)] == []


def test_no_method_borrows_a_prompt_and_none_lies_about() -> None:
    used = {PromptSet("full").source(full) for name in STRATEGIES for fulls in own(name).values() for full in fulls}
    for name in STRATEGIES:
        parents = [vars(base).get("name") for base in strategy(name).__mro__[1:]]
        for full in (full for fulls in own(name).values() for full in fulls):
            folder = str(PromptSet("full").source(full)).split("/")[0]
            assert folder == name or folder in parents, (name, folder)
    root = paths.resources() / "prompts"
    there = {p.relative_to(root).as_posix() for p in root.rglob("*.md")}
    assert {p for p in there if not p.startswith(("answer/", "judge/", "probes/", "shared/"))} == used, (
        "a prompt that nothing sends"
    )


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_prompt_shows_all_that_it_is_given(name: str) -> None:
    for full in (full for fulls in own(name).values() for full in fulls):
        user = rendered(full).messages[-1].text
        assert [text for text in values(full.inputs) if text and text not in user] == [], full.name
        undated = rendered(full, dates=False).messages[-1].text
        assert not re.search(r"^(?:- )?(?:\d+ \| )?\[\w*,? ?\d{1,2} \w+ 2023", undated, re.MULTILINE)


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_prompt_defines_every_field_and_option(name: str) -> None:
    for fulls in own(name).values():
        defined(fulls[0])


def defined(full: Full) -> None:
    system = rendered(full).messages[0].text
    told = system[: system.index("Answer with one JSON object")]
    for property, part in properties(full.schema):
        explained = part.get("description") or re.search(rf"\b{property}:", told)
        assert explained, f"{property} of {full.name} is not explained"
        options = part.get("enum") or part.get("items", {}).get("enum") or ()
        undefined = [o for o in options if not re.search(rf"\b{re.escape(o)}\b", told)]
        assert undefined == [], f"options of {full.name} without a definition"
    free = any(
        p.get("type") == "string" and "enum" not in p and "YYYY-MM-DD" not in p.get("description", "")
        for p in _leaves(full.schema)
    )
    flat = " ".join(system.split())
    assert not free or " ".join((_SHARED / "language.md").read_text("utf-8").split()) in flat, full.name
    dated = any(isinstance(v, Line) and v.when for v in _lines(full.inputs))
    assert not dated or " ".join((_SHARED / "dates.md").read_text("utf-8").split()) in flat, full.name


@pytest.mark.parametrize("name", STRATEGIES)
def test_what_never_changes_stands_first(name: str) -> None:
    varying = [o for o, fulls in own(name).items() if len({rendered(f).messages[0].text for f in fulls}) > 1]
    assert varying == []


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_reader_of_the_prompt_alone_can_answer_it(name: str) -> None:
    """Its answers follow the format in words, name what was shown, and turn "yesterday" into the date."""
    read = lane(name, reading=True)
    if not own(name):
        return  # asks nothing
    assert set(read.losses()) <= {"duplicate", "two events"}
    if name in WRITES_NO_TEXT:
        return
    wrote = json.dumps([e.payload for e in read.events if e.cause and e.kind in (Kind.WRITTEN, Kind.UPDATED)])
    assert any(day in wrote for day in YESTERDAYS), wrote


UNDATED = {
    "mem0-graph/entities": "the question",
    "memoryos/profile": "the profile",
    "mirix/core": "blocks",
    "letta/edit": "blocks",
    "letta/search": "blocks",
}
"""Operations that are shown something that nobody said at any one time."""


@pytest.mark.parametrize("name", STRATEGIES)
def test_everything_that_was_said_is_dated(name: str) -> None:
    """Not only the newest message: neighbours, memories, candidates and what was found, too."""
    for operation, fulls in own(name).items():
        told = [line for full in fulls for line in _lines(full.inputs)]
        undated = [str(line) for line in told if not line.when]
        assert bool(undated) == (f"{name}/{operation}" in UNDATED), (operation, undated[:2])
        assert not told or any(line.when for line in told) or f"{name}/{operation}" in UNDATED


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_number_that_can_be_answered_is_shown(name: str) -> None:
    """Neighbours, memories and options stand under the numbers that the format asks for."""
    for operation, fulls in own(name).items():
        for full in fulls:
            user = rendered(full).messages[-1].text
            shown = {int(n) for n in re.findall(r"^(?:- )?(\d+) \|", user, re.MULTILINE)}
            for property, part in _numbers(full.schema):
                if not shown and part["maximum"] == 0:
                    continue  # there is nothing to name
                past = "one past the last" in part.get("description", "")
                assert set(range(part["maximum"] + (not past))) <= shown, (operation, property)


@dataclass
class Told(Mind):
    """Answers every operation with what it was told."""

    answer: Any = None

    async def run(self, operation: Operation) -> Completion:
        return Completion("", self.answer, True, 1, schema=operation.full.schema if operation.full else None)


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_reader_decides_every_operation_from_its_prompt_alone(name: str) -> None:
    """Also those that its answers do not lead to: in the form asked for, with numbers and options that are there."""
    for operation, fulls in own(name).items():
        for full in (fulls[0], fulls[-1]):
            answer, ground = Reader(rendered(full).messages).answer(), Lane(strategy("full")())
            asked = Operation(operation, (), dict(full.schema), full=full)
            reply = asyncio.run(ask(Told(answer=answer), ground.log(), asked))
            assert reply is not None and ground.losses() == [], (operation, answer)


def _numbers(schema: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, part in properties(schema):
        leaf = part.get("items", part)
        if leaf.get("type") == "integer":
            yield name, {**leaf, "description": part.get("description", leaf.get("description", ""))}


def _leaves(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for _, part in properties(schema):
        yield part.get("items", part)


def _lines(inputs: Any) -> Iterator[Any]:
    match inputs:
        case Line():
            yield inputs
        case Mapping():
            for value in inputs.values():
                yield from _lines(value)
        case list() | tuple():
            for value in inputs:
                yield from _lines(value)
