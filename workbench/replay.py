"""The replay loop: turn -> lanes -> probes -> trace.

A lane on a session is a ``LaneReplay``. Whatever it does within a turn, or for a probe, is committed as one: after a
crash or a cancel the trace ends at a whole turn or probe and a new ``LaneReplay`` goes on from its fold.
"""

from __future__ import annotations

import asyncio
import json
import time
import traceback
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench import context as contexts
from workbench.answering import ANSWER_TOKENS, Answered, Answerer, since
from workbench.errors import ModelError
from workbench.llm.base import AnswerResult, Backend, Capture, CompletionRequest
from workbench.memory.base import Completion, MemoryStrategy, Recall
from workbench.memory.items import MemoryState
from workbench.memory.log import MemoryLog
from workbench.memory.prompts import Operation
from workbench.probes import score_probe
from workbench.reading import Reader
from workbench.sessions.model import Probe, Session, Turn
from workbench.trace import blobs
from workbench.trace.events import Event, Kind
from workbench.trace.reader import TraceReader
from workbench.trace.writer import TraceWriter

_MARGIN = 16  # tokens that merging spans into one prompt may add to the sum of their lengths


@dataclass
class Recorder:
    """Collects the events of one step of a lane and commits them as one; without a writer nothing is ever written."""

    writer: TraceWriter | None
    session: int
    lane: int
    n: int = 0
    turn: int = -1
    events: list[Event] = field(default_factory=list)
    arrays: list[NDArray[Any]] = field(default_factory=list)

    def emit(self, kind: str, subject: str, payload: dict[str, Any], cause: int = 0, ms: float = 0.0) -> Event:
        """Record an event; its ``n`` is final, its ``seq`` comes with the commit."""
        self.n += 1
        event = Event(self.session, self.lane, self.turn, self.n, kind, subject, cause, payload, ms)
        self.events.append(event)
        return event

    def commit(self) -> None:
        """Write what was collected."""
        if self.writer is not None:
            self.writer.append(self.events, self.arrays)
        self.events.clear()
        self.arrays.clear()

    def discard(self) -> None:
        """Forget what was collected, as if the step had not begun."""
        self.n -= len(self.events)
        self.events.clear()
        self.arrays.clear()


class LaneMind:
    """The Mind of one lane: every call goes to the shared backend and into the lane's trace."""

    def __init__(self, backend: Backend, recorder: Recorder, seed: int) -> None:
        self._backend, self._recorder, self._seed = backend, recorder, seed
        self.count_tokens = lru_cache(maxsize=65536)(backend.count_tokens)
        self.calls, self.prompt_tokens, self.generated_tokens = 0, 0, 0

    async def run(self, operation: Operation) -> Completion:
        """See ``workbench.memory.base.Mind``."""
        request = CompletionRequest(operation.messages, operation.schema, operation.max_tokens, seed=self._seed)
        began = time.perf_counter()
        try:
            result = await self._backend.complete(request)
        except ModelError as problem:
            return self._called(operation, began, "", (0, 0), "limit", str(problem))
        error = "" if result.stop != "limit" else f"cut off at {operation.max_tokens} tokens"
        tokens = (result.prompt_tokens, result.generated_tokens)
        return self._called(operation, began, result.text, tokens, result.stop, error)

    def _called(
        self, operation: Operation, began: float, raw: str, tokens: tuple[int, int], stop: str, error: str
    ) -> Completion:
        data = None
        if operation.schema and not error:
            try:
                data = json.loads(raw)
            except json.JSONDecodeError as problem:
                error = f"not JSON: {problem}"
        self.calls += 1
        self.prompt_tokens += tokens[0]
        self.generated_tokens += tokens[1]
        payload = {
            "purpose": operation.purpose,
            "prompt": [{"role": m.role, "text": m.text} for m in operation.messages],
            "raw": raw,
            "tokens": list(tokens),
            "stop": stop,
            "error": error,
        }
        event = self._recorder.emit(Kind.MODEL_CALLED, "", payload, ms=since(began))
        return Completion(raw, data, not error, event.n)

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """See ``workbench.memory.base.Mind``."""
        return await self._backend.embed(texts)

    async def surprise(self, text: str) -> tuple[tuple[str, ...], NDArray[np.float32]]:
        """See ``workbench.memory.base.Mind``."""
        return await self._backend.surprise(text)

    @property
    def budget(self) -> int:
        """Tokens for the spans of a context when the question is of ordinary length."""
        return self.room("x " * 32)

    def room(self, question: str) -> int:
        """Tokens for the spans of a context beside this question."""
        taken = self._backend.prompt_overhead() + self.count_tokens(question) + _MARGIN
        instruction = contexts.pack((), question, 0, len).operation.messages[0].text
        return max(0, self._backend.prompt_limit(ANSWER_TOKENS) - taken - self.count_tokens(instruction))

    def spent(self) -> dict[str, Any]:
        """What was spent since the last call of this method. Embeddings do not count: a resumed lane embeds again."""
        spent = {"calls": self.calls, "tokens": [self.prompt_tokens, self.generated_tokens]}
        self.calls = self.prompt_tokens = self.generated_tokens = 0
        return spent


class LaneReplay:
    """One lane on one session, from wherever its trace ends.

    Args:
        new_strategy: makes a fresh strategy; it keeps no state, so a fresh one can go on at any turn.
        reader: who answers probes from the packed context.
    """

    def __init__(
        self,
        session: Session,
        number: int,
        lane: int,
        new_strategy: Callable[[], MemoryStrategy],
        backend: Backend,
        writer: TraceWriter,
        seed: int,
        capture: bool,
        reader: Reader = "model",
    ) -> None:
        self._session, self._new_strategy = session, new_strategy
        self._writer, self._seed = writer, seed
        self._recorder = Recorder(writer, number, lane)
        self._mind = LaneMind(backend, self._recorder, seed)
        self._answer = Answerer(backend, self._mind, reader, seed, capture)
        with writer.reader() as trace:
            self._fold(trace)

    def _fold(self, reader: TraceReader) -> None:
        """Stand where the trace ends."""
        self._strategy, self._state = self._new_strategy(), MemoryState()
        self.closed, self.scored, last = -1, set[str](), 0
        for event in reader.events(self._recorder.session, self._recorder.lane):
            self._state.apply(event)
            last = event.n
            if event.kind in (Kind.TURN_CLOSED, Kind.LANE_FAILED):
                self.closed = max(self.closed, event.turn)
            elif event.kind == Kind.SCORED:
                self.scored.add(event.subject)
        self._recorder.n = last

    async def observe(self, turn: Turn) -> None:
        """Let the strategy take in a turn and commit what it did; nothing to do when the trace has it already."""
        if turn.index > self.closed:
            await self._step(turn.index, lambda: self._observe(turn))
            self.closed = turn.index

    async def ask(self, probe: Probe) -> None:
        """Ask a probe, score it and commit; nothing to do when the trace has it already."""
        if probe.id not in self.scored:
            await self._step(probe.after, lambda: self._ask(probe), probe)
            self.scored.add(probe.id)

    async def _step(self, turn: int, work: Callable[[], Awaitable[None]], probe: Probe | None = None) -> None:
        self._recorder.turn = turn
        try:
            await work()
        except asyncio.CancelledError:
            self._recorder.discard()
            raise
        except Exception as error:  # a strategy's defect must not take the other lanes with it
            self._failed(error, probe)
        self._recorder.commit()

    def _failed(self, error: Exception, probe: Probe | None) -> None:
        self._recorder.discard()
        with self._writer.reader() as reader:
            closed, scored = self.closed, self.scored
            self._fold(reader)
            self.closed, self.scored = closed, scored
        payload = {"message": f"{type(error).__name__}: {error}", "traceback": traceback.format_exc()[-4000:]}
        self._recorder.emit(Kind.LANE_FAILED, probe.id if probe else "", payload)
        if probe:
            self._recorder.emit(Kind.SCORED, probe.id, score_probe(probe, "", []))

    def _log(self, turn: int) -> MemoryLog:
        now = self._session.turns[turn].date if turn >= 0 else ""
        return MemoryLog(self._recorder.emit, self._state, turn, now, self._seed)

    async def _observe(self, turn: Turn) -> None:
        began = time.perf_counter()
        await self._strategy.observe(turn.neutral(), self._mind, self._log(turn.index))
        payload = self._mind.spent() | {"items": len(self._state.active())}
        self._recorder.emit(Kind.TURN_CLOSED, "", payload, ms=since(began))

    async def _ask(self, probe: Probe) -> None:
        began = time.perf_counter()
        recall = await self._strategy.recall(probe.question, self._mind, self._log(probe.after))
        hits = self._recalled(probe, recall, since(began))
        answered = await self._answer(probe, recall.spans)
        self._answered(probe, answered)
        self._recorder.emit(Kind.SCORED, probe.id, score_probe(probe, answered.text, hits, recall.k))
        self._mind.spent()

    def _recalled(self, probe: Probe, recall: Recall, ms: float) -> list[tuple[int, bool, tuple[int, ...]]]:
        items = self._state.items
        hits = [
            {
                "item": h.item,
                "rank": h.rank,
                "score": round(float(h.score), 6),
                "returned": h.returned,
                "parts": {k: round(float(v), 6) for k, v in h.parts.items()},
                "turns": list(items[h.item].turns),
                "text": items[h.item].text,
            }
            for h in recall.hits
        ]
        payload = {"query": probe.question, "k": recall.k, "hits": hits} | {"spent": self._mind.spent()}
        self._recorder.emit(Kind.RECALLED, probe.id, payload, ms=ms)
        return [(h.rank, h.returned, items[h.item].turns) for h in recall.hits]

    def _answered(self, probe: Probe, answered: Answered) -> None:
        answer = answered.result
        self._packed(probe, answered.packed, answer)
        done = answer.completion if answer else None
        result = {
            "text": answered.text,
            "tokens": [[t.text, round(t.logprob, 5)] for t in done.tokens] if done else [],
            "prompt_tokens": done.prompt_tokens if done else 0,
            "stop": done.stop if done else "limit" if answered.error else "end",
            "error": answered.error,
        }
        if self._answer.reader == "newest":
            result |= {"reader": "newest", "items": list(answered.items)}
        self._recorder.emit(Kind.ANSWERED, probe.id, result, ms=answered.ms)
        if answer and answer.capture:
            self._captured(probe, answer.capture)

    def _packed(self, probe: Probe, packed: contexts.Context, answer: AnswerResult | None) -> None:
        ranges = answer.spans if answer else ((0, 0),) * len(packed.parts)
        spans = [
            {"kind": s.kind, "label": s.label or (s.items[0] if s.items else s.kind), "text": s.text,
             "items": list(s.items), "turns": list(s.turns), "tokens": list(where)}
            for s, where in zip(packed.parts, ranges, strict=True)
        ]  # fmt: skip
        dropped = [
            {"label": s.label, "text": s.text, "items": list(s.items), "turns": list(s.turns)} for s in packed.dropped
        ]
        length = answer.completion.prompt_tokens if answer else 0
        payload = {"budget": packed.budget, "tokens": length, "spans": spans, "dropped": dropped}
        self._recorder.emit(Kind.PACKED, probe.id, payload)

    def _captured(self, probe: Probe, capture: Capture) -> None:
        self._recorder.arrays.append(capture.weights)
        payload = {
            "blob": blobs.digest(capture.weights),
            "layers": list(capture.layers),
            "heads": int(capture.weights.shape[1]),
            "tokens": list(capture.tokens),
            "bins": None if capture.bins is None else list(capture.bins),
        }
        self._recorder.emit(Kind.CAPTURED, probe.id, payload)
