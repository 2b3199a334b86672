"""A deterministic Mind that answers every operation sensibly, and a lane around one strategy.

A test double: what a good model would answer to the controlled English of the tests follows from the prompt alone.
``Mind(broken=...)`` answers what a bad one might, ``ScriptedMind`` nothing but what it was told. ``Mind(full=True)`` is
sent the methods' own prompts, as they are rendered.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.memory.base import Completion, MemoryStrategy, Recall
from workbench.memory.items import MemoryState
from workbench.memory.log import MemoryLog
from workbench.memory.prompt_sets import PromptSet, Rendered
from workbench.memory.prompts import Operation
from workbench.memory.schemas import completed
from workbench.sessions.model import Turn
from workbench.trace.events import Event, Kind

BROKEN = ("cut off", "null", "a list", "wrong types", "invented ids", "empty")
"""Ways of answering badly."""

_TITLES = {
    "Message", "New note", "Neighbours", "Messages", "Memories", "New facts", "New", "Old", "Facts", "Task", "Options",
    "Text", "Question", "Names",
}  # fmt: skip


def sections(operation: Operation) -> dict[str, list[str]]:
    """The lists of a prompt by their titles."""
    found: dict[str, list[str]] = {}
    title = ""
    for line in operation.messages[-1].text.split("\n"):
        if line in _TITLES:
            title = line
            found[title] = []
        else:
            found.setdefault(title, []).append(line)
    return found


def unnumbered(lines: Iterable[str]) -> list[str]:
    """Lines without their ``0 | ``."""
    return [line.split(" | ", 1)[-1] for line in lines]


def subject(text: str) -> tuple[str, ...]:
    """What a sentence of the tests is about: its first two words, without the speaker."""
    return tuple(re.findall(r"\w+", text.split(": ", 1)[-1])[:2])


def _facts(lines: Iterable[str]) -> list[str]:
    said = [line.split(": ", 1)[-1].strip()[:400] for line in lines]
    return [s for s in said if re.match(r"[A-Z]\w+ \w+ \w+", s)]


def _names(text: str) -> list[str]:
    return list(dict.fromkeys(re.findall(r"\b[A-Z]\w+", text)))[:8]


def _decide(s: Mapping[str, list[str]]) -> dict[str, Any]:
    known, out = unnumbered(s.get("Memories", [])), []
    for fact in s["New facts"]:
        same = [n for n, old in enumerate(known) if subject(old) == subject(fact)]
        if not same:
            out.append({"event": "ADD", "id": len(known), "text": fact})
        else:
            event = "NONE" if known[same[0]] == fact else "DELETE" if " not " in fact else "UPDATE"
            out.append({"event": event, "id": same[0], "text": "" if event == "DELETE" else fact})
    return {"memory": out}


def _verdict(new: str, old: str) -> str:
    if subject(new) != subject(old):
        return "independent"
    return "redundant" if new.split(": ")[-1] == old.split(": ")[-1] else "contradictory"


def _evolve(s: Mapping[str, list[str]]) -> dict[str, Any]:
    new, old = s["New note"][0], unnumbered(s.get("Neighbours", []))
    about = [n for n, text in enumerate(old) if subject(new) == subject(text)]
    updates = [{"neighbour": n, "context": f"Now: {new[:40]}", "tags": ["old"]} for n in about]
    return {"links": about, "tags": ["linked"], "updates": updates}


def _choose(s: Mapping[str, list[str]]) -> dict[str, Any]:
    task, options = " ".join(s["Task"]), s.get("Options", [])
    named = [o for o in options if o.lower() in task.lower()]
    return {"choice": (named or options)[:1]}


def _relevant(s: Mapping[str, list[str]]) -> dict[str, Any]:
    asked = {w.lower() for w in _names(s["Question"][0])[1:]}
    useful = [n for n, m in enumerate(unnumbered(s["Memories"])) if asked & set(re.findall(r"\w+", m.lower()))]
    return {"useful": useful}


def _named(lines: Iterable[str]) -> list[str]:
    return _names(" ".join(line.split(": ", 1)[-1] for line in lines))


def _relations(s: Mapping[str, list[str]]) -> dict[str, Any]:
    names, said = unnumbered(s["Names"]), " ".join(s["Messages"])
    label = re.search(r"[A-Z]\w+ (\w+)", said.split(": ", 1)[-1])
    pairs = [(0, n) for n in range(1, len(names))] if label else []
    return {"relations": [{"source": a, "relation": label[1], "destination": b} for a, b in pairs if label]}


SENSIBLE: dict[str, Callable[[Mapping[str, list[str]]], dict[str, Any]]] = {
    "note": lambda s: {"keywords": _names(s["Message"][0]), "context": s["Message"][0][:200], "tags": ["talk"]},
    "evolve": _evolve,
    "facts": lambda s: {"facts": _facts(s["Messages"])[:12]},
    "decide": _decide,
    "relate": lambda s: {"verdicts": [_verdict(s["New"][0], o) for o in unnumbered(s["Old"])]},
    "summarise": lambda s: {"summary": " ".join(line.split(": ", 1)[-1] for line in s["Facts"])[:400]},
    "choose": _choose,
    "check": lambda s: {"answer": "no" if re.search("failed|text answer", s["Question"][0]) else "yes"},
    "keywords": lambda s: {"keywords": re.findall(r"\w+", " ".join(s["Question"]))[-8:]},
    "relevant": _relevant,
    "entities": lambda s: {"entities": [{"name": n, "type": "thing"} for n in _named(s["Messages"])]},
    "relations": _relations,
}
"""What a good model answers, by purpose."""


def fill(schema: Mapping[str, Any], prompt: str) -> Any:
    """Something that fits a schema; the same for the same prompt."""
    number = int(hashlib.md5(prompt.encode()).hexdigest(), 16)
    if "enum" in schema:
        return schema["enum"][number % len(schema["enum"])]
    match schema["type"]:
        case "object":
            return {name: fill(part, prompt + name) for name, part in schema["properties"].items()}
        case "array":
            most, least = schema.get("maxItems", 3), schema.get("minItems", 0)
            return [fill(schema["items"], f"{prompt}{i}") for i in range(max(least, min(most, 1 + number % 3)))]
        case "integer":
            low, high = schema.get("minimum", 0), schema.get("maximum", 9)
            return low + number % (high - low + 1)
        case "boolean":
            return bool(number % 2)
        case _:
            told = [w for w in prompt.split() if w.isalpha()] or ["word"]
            return told[number % len(told)]


def spoil(schema: Mapping[str, Any], good: Any, how: str) -> Any:
    """A bad answer in the place of a good one."""
    if how in ("null", "a list"):
        return None if how == "null" else [good]
    return _spoil(schema, good, how)


def _spoil(schema: Mapping[str, Any], good: Any, how: str) -> Any:
    if "enum" in schema:
        return "nonsense" if how != "wrong types" else 7
    match schema["type"]:
        case "object":
            return {name: _spoil(part, good[name], how) for name, part in schema["properties"].items()}
        case "array":
            if how == "empty":
                return []
            return [_spoil(schema["items"], g, how) for g in good] if how == "invented ids" else "not a list"
        case "integer":
            return 999 if how != "wrong types" else "zero"
        case _:
            return {"invented ids": good, "empty": ""}.get(how, 7)


def has_ids(schema: Mapping[str, Any] | None) -> bool:
    """Whether an answer names ids or options, which can be invented."""
    return bool(schema) and ('"enum"' in json.dumps(schema) or '"integer"' in json.dumps(schema))


@dataclass
class Mind:
    """Answers by purpose.

    Args:
        answers: by purpose, instead of the sensible ones: a list is used up from its front, a function gets the
            prompt's sections. With ``full``, by the operation's name and in its own schema; a function gets the text of
            the rendered prompt, and what is not there is the sensible answer with the schema's defaults.
        broken: how every operation is answered badly, one of ``BROKEN``.
        cancel_at: the number of the awaited call that is cancelled, from 1.
    """

    answers: dict[str, list[Any] | Callable[[Any], Any]] = field(default_factory=dict)
    broken: str = ""
    budget: int = 2000
    full: bool = False
    cancel_at: int = 0
    awaited: int = 0
    calls: list[Operation] = field(default_factory=list)
    sent: list[tuple[str, Rendered]] = field(default_factory=list)
    emit: Callable[[str, str, dict[str, Any], int, float], Event] | None = None

    async def run(self, operation: Operation) -> Completion:
        """See ``workbench.memory.base.Mind``."""
        await self._await()
        self.calls.append(operation)
        rendered = self._rendered(operation)
        data = self._answer(operation) if rendered is None else self._full_answer(operation, rendered)
        schema = rendered.schema if rendered else operation.schema
        ok = self.broken != "cut off"
        if self.broken and ok and schema:
            data = spoil(schema, data, self.broken)
        raw = json.dumps(data)
        prompt = [{"role": m.role, "text": m.text} for m in (rendered or operation).messages]
        called = {"purpose": operation.purpose, "prompt": prompt, "raw": raw, "tokens": [0, 0], "stop": "end"}
        called["error"] = "" if ok else "cut off"
        event = self.emit(Kind.MODEL_CALLED, "", called, 0, 0.0) if self.emit else None
        return Completion(raw, data if ok else None, ok, event.n if event else 0, schema=schema)

    def _rendered(self, operation: Operation) -> Rendered | None:
        """The operation as a model with full prompts is sent it."""
        if not self.full or operation.full is None:
            return None
        rendered = PromptSet("full").rendered(operation)
        self.sent.append((f"{operation.full.method}/{operation.full.name}", rendered))
        return rendered

    def _full_answer(self, operation: Operation, rendered: Rendered) -> Any:
        full = operation.full
        assert full is not None
        scripted = self.answers.get(full.name)
        if callable(scripted):
            return scripted(rendered.messages[-1].text)
        if scripted:
            return scripted.pop(0)
        plain = self._answer(operation)
        said = full.reads(plain) if full.reads else plain
        return completed(said, operation.schema or {}, full.schema)

    def _answer(self, operation: Operation) -> Any:
        scripted = self.answers.get(operation.purpose)
        if callable(scripted):
            return scripted(sections(operation))
        if scripted:
            return scripted.pop(0)
        if operation.purpose in SENSIBLE:
            return SENSIBLE[operation.purpose](sections(operation))
        return fill(operation.schema, operation.messages[-1].text) if operation.schema else "free text"

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors that count the words of each text; no model."""
        await self._await()
        return np.stack([vector(t) for t in texts])

    async def surprise(self, text: str, given: str = "") -> tuple[tuple[str, ...], NDArray[np.float32]]:
        """Words as tokens, and a made-up -log p of each."""
        await self._await()
        tokens = tuple(re.findall(r"\s*\S+", text))
        return tokens, np.array([0.0, *(len(t) % 7 for t in tokens[1:])][: len(tokens)], np.float32)

    def count_tokens(self, text: str) -> int:
        """Words."""
        return len(text.split())

    @property
    def purposes(self) -> list[str]:
        """What was asked so far, by purpose."""
        return [c.purpose for c in self.calls]

    @property
    def names(self) -> list[str]:
        """The operations so far, by their own names."""
        return [c.full.name if c.full else c.purpose for c in self.calls]

    def prompt(self, name: str, n: int = -1) -> str:
        """The user's part of the ``n``-th full prompt that was sent for an operation, ``method/name`` or ``name``."""
        found = [r for sent, r in self.sent if name in (sent, sent.rpartition("/")[2])]
        return found[n].messages[-1].text

    async def _await(self) -> None:
        self.awaited += 1
        if self.awaited == self.cancel_at:
            raise asyncio.CancelledError
        await asyncio.sleep(0)


def vector(text: str, size: int = 512) -> NDArray[np.float32]:
    """A unit vector that counts the words of a text in hashed places."""
    out = np.zeros(size, np.float32)
    for word in re.findall(r"\w+", text.lower()) or [text]:
        out[int(hashlib.md5(word.encode()).hexdigest(), 16) % size] += 1
    return out / np.linalg.norm(out)


CUT_OFF = object()
"""A scripted answer that hit its token limit."""


@dataclass
class ScriptedMind(Mind):
    """Answers by purpose what it was told and nothing else: an operation without an answer is cut off.

    A prompt that is longer than the budget fails as well. Functions get the prompt's text. Calls are not in the events.

    Args:
        vectors: texts to vectors, made unit length; a text that is not there counts its words.
        surprises: what each token (word) costs; the length of the word when it is not there.
    """

    budget: int = 400
    vectors: Mapping[str, Sequence[float]] = field(default_factory=dict)
    surprises: dict[str, float] = field(default_factory=dict)

    async def run(self, operation: Operation) -> Completion:
        """See ``workbench.memory.base.Mind``."""
        self.calls.append(operation)
        prompt = operation.messages[-1].text
        if self.count_tokens(prompt) > self.budget + 48:  # about what the context leaves beside the answer
            return Completion("", None, False, len(self.calls))
        scripted = self.answers.get(operation.purpose, [])
        data = scripted(prompt) if callable(scripted) else scripted.pop(0) if scripted else CUT_OFF
        if data is CUT_OFF:
            return Completion("{", None, False, len(self.calls))
        return Completion(json.dumps(data), data, True, len(self.calls))

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors that count the words of each text; no model."""
        found = [np.asarray(self.vectors[t], np.float32) if t in self.vectors else vector(t, 64) for t in texts]
        return np.stack([np.pad(v, (0, 64 - len(v))) / np.linalg.norm(v) for v in found])

    async def surprise(self, text: str, given: str = "") -> tuple[tuple[str, ...], NDArray[np.float32]]:
        """Words as tokens, and a made-up -log p of each."""
        tokens = tuple(text.split())
        return tokens, np.array([self.surprises.get(t, len(t)) for t in tokens], np.float32)

    @property
    def prompts(self) -> list[str]:
        """The texts of the prompts so far."""
        return [operation.messages[-1].text for operation in self.calls]


@dataclass
class Lane:
    """One strategy on one session, with all that happened; stands where ``events`` ends.

    Given a class or a function instead of a strategy, every turn and question is taken by a fresh instance on the
    state folded from the events. With a list of ``whens`` items know when they were said.
    """

    strategy: MemoryStrategy | Callable[[], MemoryStrategy]
    mind: Mind = field(default_factory=Mind)
    events: list[Event] = field(default_factory=list)
    seed: int = 0
    turn: int = -1
    date: str = ""
    whens: list[str] | None = None

    def __post_init__(self) -> None:
        self.state = MemoryState(self.events)
        self.mind.emit = self._emit

    def observe(self, *turns: Turn) -> Lane:
        """Let the strategy take in turns; checks that the state is the fold of the events."""
        for turn in turns:
            self.turn, self.date = turn.index, turn.date
            if self.whens is not None:
                self.whens.append(turn.when)
            asyncio.run(self.instance().observe(turn.neutral(), self.mind, self.log()))
        assert MemoryState(self.events) == self.state
        assert all(item.turns for item in self.state.items.values())
        return self

    def tell(self, *texts: str, speaker: str = "Mira", date: str = "", part: int = 0, role: str = "user") -> Lane:
        """Let it take in texts, each as the next turn."""
        return self.observe(*(Turn(self.turn + 1 + n, role, t, speaker, date, part) for n, t in enumerate(texts)))

    def ask(self, query: str) -> Recall:
        """Ask; checks what holds for every recall."""
        recall = asyncio.run(self.instance().recall(query, self.mind, self.log()))
        assert MemoryState(self.events) == self.state
        shown = {i for s in recall.spans for i in s.items}
        assert all(name in self.state for name in (*shown, *(h.item for h in recall.hits)))
        assert shown >= {h.item for h in recall.hits if h.returned}
        assert [h.rank for h in recall.hits] == list(range(1, len(recall.hits) + 1))
        return recall

    def instance(self) -> MemoryStrategy:
        """The strategy, or a fresh one on the fold of the events."""
        if isinstance(self.strategy, MemoryStrategy):
            return self.strategy
        self.state = MemoryState(self.events)
        return self.strategy()

    def log(self) -> MemoryLog:
        """The log at the current turn."""
        return MemoryLog(self._emit, self.state, self.turn, self.date, self.seed, self.whens or ())

    def _emit(self, kind: str, subject: str, payload: dict[str, Any], cause: int = 0, ms: float = 0.0) -> Event:
        assert json.loads(json.dumps(payload)) == payload, f"{kind} is not plain JSON: {payload}"
        event = Event(1, 1, self.turn, len(self.events) + 1, kind, subject, cause, payload, ms)
        self.events.append(event)
        return event

    def count(self, *kinds: Kind) -> int:
        """How many events of these kinds there are."""
        return sum(e.kind in kinds for e in self.events)

    def losses(self) -> list[str]:
        """The reasons of what was dropped, in order."""
        return [e.payload["reason"] for e in self.events if e.kind == Kind.DROPPED]

    def notes(self, name: str) -> list[Any]:
        """The values of the notes called ``name``."""
        return [e.payload["value"] for e in self.events if e.kind == Kind.NOTED and e.payload["name"] == name]

    def texts(self, *kinds: str) -> list[str]:
        """The texts of the active items."""
        return [i.text for i in self.state.active(*kinds)]


def span_texts(recall: Recall) -> list[str]:
    """The texts of what was recalled, in order."""
    return [s.text for s in recall.spans]


LONG = "Zoë läuft nach 東京。 " * 300
"""A turn longer than any context of these tests, not in ASCII."""


def survives_odd_turns(lane: Lane) -> None:
    """Nothing, white space, one endless word, unicode and more than fits; then a question."""
    lane.ask("Where does Mira live?")
    lane.tell("", "  \n ", "x" * 3000, "🧠 Ünïcode — 記憶", LONG, "Mira lives in Oslo.")
    lane.ask("")
    lane.ask("Where does Mira live? " * 5)
    for item in lane.state.items.values():
        assert all(0 <= t <= lane.turn for t in item.turns)
