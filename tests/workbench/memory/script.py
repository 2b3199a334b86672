"""A scripted mind and a lane around one strategy, for tests of what is particular to a method."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.memory.base import Completion, MemoryStrategy, Recall
from workbench.memory.items import MemoryState
from workbench.memory.log import MemoryLog
from workbench.memory.prompts import Operation
from workbench.sessions.model import Turn
from workbench.trace.events import Event, Kind

CUT_OFF = object()
"""An answer that hit its token limit."""


def words(text: str, size: int = 64) -> NDArray[np.float32]:
    """A unit vector that counts the words of a text in hashed places."""
    out = np.zeros(size, np.float32)
    for word in text.lower().replace(".", " ").replace("?", " ").replace(":", " ").split() or [""]:
        out[int(hashlib.md5(word.encode()).hexdigest(), 16) % size] += 1
    return out / np.linalg.norm(out)


@dataclass
class ScriptedMind:
    """Answers by purpose: a list is used up from its front, a function is asked each time with the prompt's text.

    Args:
        vectors: texts to vectors, made unit length; a text that is not there counts its words.
        surprises: what each token (word) costs; the length of the word when it is not there.
    """

    answers: Mapping[str, Any] = field(default_factory=dict)
    vectors: Mapping[str, Sequence[float]] = field(default_factory=dict)
    surprises: dict[str, float] = field(default_factory=dict)
    budget: int = 400
    prompts: list[tuple[str, str]] = field(default_factory=list)

    async def run(self, operation: Operation) -> Completion:
        prompt = operation.messages[-1].text
        self.prompts.append((operation.purpose, prompt))
        if self.count_tokens(prompt) > self.budget + 48:  # about what the context leaves beside the answer
            return Completion("", None, False, len(self.prompts))
        scripted = self.answers.get(operation.purpose, [])
        data = scripted(prompt) if callable(scripted) else scripted.pop(0) if scripted else CUT_OFF
        if data is CUT_OFF:
            return Completion("{", None, False, len(self.prompts))
        return Completion(json.dumps(data), data, True, len(self.prompts))

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        found = [np.asarray(self.vectors[t], np.float32) if t in self.vectors else words(t) for t in texts]
        return np.stack([np.pad(v, (0, 64 - len(v))) / np.linalg.norm(v) for v in found])

    async def surprise(self, text: str) -> tuple[tuple[str, ...], NDArray[np.float32]]:
        tokens = tuple(text.split())
        return tokens, np.array([self.surprises.get(t, len(t)) for t in tokens], np.float32)

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    @property
    def purposes(self) -> list[str]:
        return [purpose for purpose, _ in self.prompts]


@dataclass
class Lane:
    """One strategy on one session; every turn and question is taken by a fresh instance on the folded state."""

    make: Callable[[], MemoryStrategy]
    mind: ScriptedMind = field(default_factory=ScriptedMind)
    seed: int = 0
    events: list[Event] = field(default_factory=list)
    turn: int = -1

    def tell(self, *texts: str, speaker: str = "Mira", role: str = "user", part: int = 0, date: str = "") -> Lane:
        for text in texts:
            self.turn += 1
            log = self.log(date)
            asyncio.run(self.make().observe(Turn(self.turn, role, text, speaker, date, part), self.mind, log))
            assert MemoryState(self.events) == log.state
            assert all(item.turns for item in log.state.items.values())
        return self

    def ask(self, question: str) -> Recall:
        log = self.log()
        recall = asyncio.run(self.make().recall(question, self.mind, log))
        assert MemoryState(self.events) == log.state
        for name in [*(h.item for h in recall.hits), *(i for s in recall.spans for i in s.items)]:
            assert name in log.state
        returned = {h.item for h in recall.hits if h.returned}
        assert {i for s in recall.spans for i in s.items} >= returned
        assert [h.rank for h in recall.hits] == list(range(1, len(recall.hits) + 1))
        return recall

    def log(self, now: str = "") -> MemoryLog:
        return MemoryLog(self._emit, MemoryState(self.events), self.turn, now, self.seed)

    def _emit(self, kind: str, subject: str, payload: dict[str, Any], cause: int, ms: float) -> Event:
        copied = json.loads(json.dumps(payload))  # what is not plain JSON fails here
        assert copied == payload or kind == Kind.NOTED
        self.events.append(Event(1, 1, self.turn, len(self.events) + 1, kind, subject, cause, copied, ms))
        return self.events[-1]

    @property
    def state(self) -> MemoryState:
        return MemoryState(self.events)

    def texts(self, *kinds: str) -> list[str]:
        return [i.text for i in self.state.active(*kinds)]

    def notes(self, name: str) -> list[Any]:
        return [e.payload["value"] for e in self.events if e.kind == Kind.NOTED and e.payload["name"] == name]

    @property
    def losses(self) -> list[str]:
        return [e.payload["reason"] for e in self.events if e.kind == Kind.DROPPED]


def span_texts(recall: Recall) -> list[str]:
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
