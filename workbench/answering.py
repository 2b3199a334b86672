"""Answering: from what a lane recalled to an answer. Writes nothing: the replay records it, ``why`` compares."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from workbench import context as contexts
from workbench.errors import ModelError
from workbench.llm.base import AnswerRequest, AnswerResult, Backend
from workbench.memory.base import Span
from workbench.reading import Reader, newest
from workbench.sessions.model import Probe

ANSWER_TOKENS = 32


class Scales(Protocol):
    """What packing weighs with: the tokens of a text, and the tokens that spans may take beside a question."""

    def count_tokens(self, text: str) -> int:
        """Length of ``text`` in tokens."""
        ...

    def room(self, question: str) -> int:
        """Tokens for the spans of a context beside this question."""
        ...


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer and the context that it came from.

    Attributes:
        result: what the model did; None when a rule answered or the model could not.
        error: why there is no whole answer, empty when there is one.
        items: items that a rule took its answer from.
        ms: how long the reader took.
    """

    packed: contexts.Context
    text: str
    result: AnswerResult | None
    error: str = ""
    items: tuple[str, ...] = ()
    ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Answerer:
    """How a lane answers probes: the same for the run and for every question of what if."""

    backend: Backend
    scales: Scales
    reader: Reader = "model"
    seed: int = 0
    capture: bool = True

    async def __call__(self, probe: Probe, spans: Sequence[Span], budget: int | None = None) -> Answered:
        """Pack the spans (into ``budget`` tokens; None: all that the context leaves) and have the probe answered."""
        budget = self.scales.room(probe.question) if budget is None else budget
        packed = contexts.pack(spans, probe.question, budget, self.scales.count_tokens)
        if self.reader == "newest":
            return self._by_rule(packed)
        return await self._by_model(packed)

    def request(self, packed: contexts.Context) -> AnswerRequest:
        """The request for a packed context."""
        operation = packed.operation
        return AnswerRequest(operation.messages, packed.marks, ANSWER_TOKENS, seed=self.seed, capture=self.capture)

    async def _by_model(self, packed: contexts.Context) -> Answered:
        began = time.perf_counter()
        try:
            result = await self.backend.answer(self.request(packed))
        except ModelError as problem:
            return Answered(packed, "", None, str(problem), ms=since(began))
        done = result.completion
        error = f"cut off at {ANSWER_TOKENS} tokens" if done.stop == "limit" else ""
        return Answered(packed, done.text, result, error, ms=since(began))

    def _by_rule(self, packed: contexts.Context) -> Answered:
        began = time.perf_counter()
        text, items = newest(packed.question, packed.spans)
        return Answered(packed, text, None, items=items, ms=since(began))


def since(began: float) -> float:
    """Milliseconds since a ``time.perf_counter()``."""
    return (time.perf_counter() - began) * 1000
