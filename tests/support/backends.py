"""A backend without a model, for tests of what surrounds inference. Every answer follows from the request alone."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tests.support.minds import fill
from workbench.cache.base import CachePolicy
from workbench.errors import ModelError
from workbench.legibility import Who
from workbench.llm.base import (
    AnswerRequest,
    AnswerResult,
    Capture,
    CompletionRequest,
    CompletionResult,
    ModelInfo,
    RetraceRequest,
    States,
    StatesRequest,
    Token,
    Track,
    TrackRequest,
)
from workbench.llm.load import Load

INFO = ModelInfo("scripted", "", "0" * 64, "none", 0, 2, 2, 4096, 256, "nothing", "none", True)


@dataclass
class ScriptedBackend:
    """Answers with the last span that shares the question's last word; fills schemas with hashes of the prompt.

    Args:
        pause: seconds that each call takes.
        limit: prompt tokens (words) that fit; more raise ``ModelError``.
        foreign: shares of the session that model and embedder cannot read.
    """

    pause: float = 0.0
    limit: int = 4000
    info: ModelInfo = INFO
    embedder: str = "words (64, sum)"
    calls: list[str] = field(default_factory=list)
    waiting: int = 0
    closed: bool = False
    foreign: dict[str, float] = field(default_factory=dict)

    async def complete(self, request: CompletionRequest) -> CompletionResult:
        await self._wait()
        prompt = "\n".join(m.text for m in request.messages)
        self.calls.append(prompt)
        text = json.dumps(fill(request.schema, prompt)) if request.schema else prompt[-20:]
        return self._result(prompt, text)

    async def answer(self, request: AnswerRequest) -> AnswerResult:
        await self._wait()
        prompt = "\n".join(m.text for m in request.messages)
        word = request.marks[-1].rstrip("?").split()[-1]
        known = [m for m in request.marks[1:-1] if word in m]
        result = self._result(prompt, known[-1].split()[-1].rstrip(".") if known else "unknown")
        ends = np.cumsum([len(m.split()) for m in request.marks])
        spans = tuple((int(e) - len(m.split()), int(e)) for e, m in zip(ends, request.marks, strict=True))
        weights = np.full((2, 2, 1, int(ends[-1])), 1 / ends[-1], np.float16)
        words = tuple(w for m in request.marks for w in m.split())
        return AnswerResult(result, spans, Capture((0, 1), weights, words) if request.capture else None)

    async def retrace(self, request: RetraceRequest) -> NDArray[np.float16]:
        raise ModelError("nothing is computed here")

    def refusal(self, policy: CachePolicy) -> str:
        return "nothing is computed here"

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        await self._wait()
        out = np.zeros((len(texts), 64), np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().split() or [""]:
                out[row, int(hashlib.md5(word.encode()).hexdigest(), 16) % 64] += 1
        return out / np.linalg.norm(out, axis=1, keepdims=True)

    async def surprise(self, text: str, given: str = "") -> tuple[tuple[str, ...], NDArray[np.float32]]:
        words = tuple(text.split())
        return words, np.array([len(w) for w in words], np.float32)

    async def track(self, request: TrackRequest) -> Track:
        raise ModelError("nothing is computed here")

    async def states(self, request: StatesRequest) -> States:
        raise ModelError("nothing is computed here")

    def unread(self, text: str, by: Who) -> float | None:
        return self.foreign.get(by)

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def prompt_limit(self, max_tokens: int) -> int:
        return self.limit - max_tokens

    def prompt_overhead(self) -> int:
        return 4

    def load(self) -> Load:
        return Load(threads=1, tokens=len(self.calls), seconds=0.001 * len(self.calls), active=self.waiting)

    def close(self) -> None:
        self.closed = True

    async def _wait(self) -> None:
        self.waiting += 1
        try:
            await asyncio.sleep(self.pause)
        finally:
            self.waiting -= 1

    def _result(self, prompt: str, text: str) -> CompletionResult:
        length = self.count_tokens(prompt)
        if length > self.limit:
            raise ModelError(f"the prompt has {length} tokens, {self.limit} fit")
        return CompletionResult(text, (Token(0, text, -0.5),), length, "end", prompt)
