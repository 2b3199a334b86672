"""Answering: from what a lane recalled to an answer. Writes nothing: the replay records it, ``why`` compares."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from workbench import context as contexts
from workbench.cache.base import CachePolicy
from workbench.discreet import discreet
from workbench.errors import ModelError
from workbench.lanes import LaneSpec
from workbench.llm.base import AnswerRequest, AnswerResult, Backend, CacheRequest, Capturing
from workbench.llm.chat import THOUGHT
from workbench.memory.base import Span
from workbench.memory.prompt_sets import PromptSet
from workbench.reading import RULES, Reader, Requests
from workbench.sessions.model import Probe

TWO_OPTIONS = "maybe-not-mentioned"
"""The task whose rule shows a probe's options: LoCoMo's adversarial questions."""
ANSWER_TOKENS = 32
"""What an answer may take where its benchmark does not say."""


def policy_of(spec: LaneSpec, requests: Requests) -> CachePolicy | None:
    """A lane's policy in a run that asks so."""
    policy = spec.policy()
    if policy is not None and requests == "multi-request":
        policy.when = "before-question"
    return policy


class Scales(Protocol):
    """What packing weighs with: the tokens of a text, and the tokens that spans may take beside a question."""

    def count_tokens(self, text: str) -> int:
        """Length of ``text`` in tokens."""
        ...

    def room(self, question: contexts.Question, answer: int = ANSWER_TOKENS) -> int:
        """Tokens for the spans of a context beside this question and its answer."""
        ...


@dataclass(frozen=True, slots=True)
class Asking:
    """How models are asked in a run.

    Attributes:
        prompts: the prompt set.
        thinking: tokens that a model may think aloud before it answers; 0: it is told not to.
        temperature: of memory operations; answers are always greedy.
        cache: the policy that answers are given under; None for the full cache. Memory operations never are.
        requests: how questions about the same context follow one another.
    """

    prompts: PromptSet = field(default_factory=lambda: PromptSet("plain"))
    thinking: int = 0
    temperature: float = 0.0
    cache: CachePolicy | None = None
    requests: Requests = "separate"


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer and the context that it came from.

    Attributes:
        result: what the model did; None when a rule answered or the model could not.
        error: why there is no whole answer, empty when there is one.
        items: items that a rule took its answer from.
        ms: how long the reader took.
        thought: what the model thought aloud; no part of ``text``.
    """

    packed: contexts.Context
    text: str
    result: AnswerResult | None
    error: str = ""
    items: tuple[str, ...] = ()
    ms: float = 0.0
    thought: str = ""


def _nobody_knows(probe: Probe) -> str:
    return probe.asked


def _nobody(turn: int) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Answerer:
    """How a lane answers probes: the same for the run and for every question of what if.

    Attributes:
        asked: when a probe is asked, in words.
        role: who said a turn; policies that prune subtasks need it.
        batched: answers may be computed together with others, without a capture; they may differ in a near tie.
        earlier: what was asked before in the same conversation.
    """

    backend: Backend
    scales: Scales
    reader: Reader = "model"
    seed: int = 0
    capture: Capturing = "answers"
    asking: Asking = field(default_factory=Asking)
    asked: Callable[[Probe], str] = _nobody_knows
    dates: bool = True
    role: Callable[[int], str] = _nobody
    batched: bool = False
    earlier: tuple[contexts.Exchange, ...] = ()

    def pack(self, probe: Probe, spans: Sequence[Span], budget: int | None = None) -> contexts.Context:
        """The context of a probe: of the spans what fits into ``budget`` tokens (None: all that is left)."""
        question = self.question(probe)
        room = self.scales.room(question, self.length(probe) + self.asking.thinking)
        return contexts.pack(spans, question, room if budget is None else budget, self.scales.count_tokens)

    async def __call__(self, probe: Probe, spans: Sequence[Span], budget: int | None = None) -> Answered:
        """Pack the spans (into ``budget`` tokens; None: all that the context leaves) and have the probe answered."""
        packed = self.pack(probe, spans, budget)
        if self.reader in RULES:
            return self._by_rule(packed)
        return await self._by_model(packed, self.length(probe))

    def question(self, probe: Probe) -> contexts.Question:
        """What a model is asked: the question, its benchmark's rule and when it is asked; nothing of the answer key."""
        options = probe.options if probe.task == TWO_OPTIONS else ()
        asked, asking = self.asked(probe), self.asking
        return contexts.Question(probe.question, probe.task, asked, asking.prompts, self.dates, options, self.earlier)

    def length(self, probe: Probe) -> int:
        """Tokens that the answer may take: what its benchmark allows, of which the bundled model needs few."""
        if self.asking.prompts.name == "plain":
            return ANSWER_TOKENS
        return min(probe.max_tokens or ANSWER_TOKENS, max(ANSWER_TOKENS, self.backend.prompt_limit(0) // 2))

    def request(self, packed: contexts.Context, max_tokens: int = ANSWER_TOKENS) -> AnswerRequest:
        """The request for a packed context."""
        stop = ("\n",) if self.asking.prompts.name == "plain" else ()
        marks, cache = packed.marks, self._cache(packed)
        return AnswerRequest(
            packed.messages,
            marks,
            max_tokens,
            stop,
            seed=self.seed,
            capture=self.capture != "off",
            arrays=self.capture == "full",
            batched=self.batched,
            cache=cache,
        )

    def _cache(self, packed: contexts.Context) -> CacheRequest | None:
        if self.asking.cache is None:
            return None
        said = ({self.role(turn) for turn in part.turns} for part in packed.parts)
        roles = tuple(next(iter(names)) if len(names) == 1 else "" for names in said)
        first = packed.question.earlier[0].question.messages(packed.spans) if packed.question.earlier else ()
        return CacheRequest(self.asking.cache, 1 + len(packed.spans), roles, first=first)

    async def _by_model(self, packed: contexts.Context, max_tokens: int) -> Answered:
        began = time.perf_counter()
        request = self.request(packed, max_tokens)
        try:
            thought = await self._think(request)
            if thought:
                prefix = f"{THOUGHT[0]}\n{thought}\n{THOUGHT[1]}\n\n"
                request = replace(request, prefix=prefix, thinking=True)
            result = await self.backend.answer(request)
        except ModelError as problem:
            return Answered(packed, "", None, discreet(str(problem)), ms=since(began))
        done = result.completion
        error = f"cut off at {max_tokens} tokens" if done.stop == "limit" else ""
        error = "ended because it repeats itself" if done.stop == "repetition" else error
        more, text = without_thought(done.text)
        if packed.question.options and self.asking.prompts.name != "plain":
            text = written_out(text, packed.question.options)
        return Answered(packed, text, result, error, ms=since(began), thought=thought or more)

    async def _think(self, request: AnswerRequest) -> str:
        """What the model thinks aloud within its budget; empty when it is not let or does not."""
        if not self.asking.thinking:
            return ""
        aloud = replace(request, max_tokens=self.asking.thinking, stop=(THOUGHT[1],), capture=False, thinking=True)
        aloud = replace(aloud, batched=True)
        done = (await self.backend.answer(aloud)).completion
        if done.stop != "stop" and THOUGHT[0] not in done.text:
            return ""  # it answered at once
        return done.text.replace(THOUGHT[0], "").strip()

    def _by_rule(self, packed: contexts.Context) -> Answered:
        began = time.perf_counter()
        text, items = RULES[self.reader](packed.question.text, packed.spans)
        return Answered(packed, text, None, items=items, ms=since(began))


def written_out(text: str, options: Sequence[str]) -> str:
    """An answer that is the letter of one of two options as that option, as LoCoMo's official code reads it.

    One character, or three: the second option unless it is "a" or "(a)". Anything else stays as it is.
    """
    said = text.strip().lower()
    if len(options) != 2 or len(said) not in (1, 3):
        return text
    return options[0] if said in ("a", "(a)") else options[1]


def without_thought(text: str) -> tuple[str, str]:
    """The thought and the answer in what a model wrote. A thought that was never finished leaves no answer."""
    begin, end = THOUGHT
    before, found, after = text.rpartition(end)
    if found:
        return before.replace(begin, "").strip(), after.strip()
    head, opened, inside = text.partition(begin)
    return (inside.strip(), head.strip()) if opened else ("", text.strip())


def since(began: float) -> float:
    """Milliseconds since a ``time.perf_counter()``."""
    return (time.perf_counter() - began) * 1000
