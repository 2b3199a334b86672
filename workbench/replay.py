"""The replay loop: turn -> lanes -> probes -> trace.

A lane on a session is a ``LaneReplay``. Whatever it does within a turn, or for a probe, is committed as one: after a
crash or a cancel the trace ends at a whole turn or probe and a new ``LaneReplay`` goes on from its fold.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench import context as contexts
from workbench.answering import ANSWER_TOKENS, Answered, Answerer, Asking
from workbench.conversation import Talk
from workbench.discreet import discreet
from workbench.errors import ModelError, TraceError, Unavailable
from workbench.legibility import UNREAD, UNREADABLE, Who
from workbench.llm.base import (
    AnswerResult,
    Backend,
    Capture,
    Capturing,
    Closing,
    CompletionRequest,
    CompletionResult,
    Compression,
    Summary,
)
from workbench.llm.meter import Meter
from workbench.memory.base import Completion, MemoryStrategy, Recall, Span
from workbench.memory.controls import handed
from workbench.memory.items import MemoryState
from workbench.memory.json_text import parse, parse_cut
from workbench.memory.log import MemoryLog
from workbench.memory.prompt_sets import PromptSet, Rendered, shortened, texts_of
from workbench.memory.prompts import Operation
from workbench.memory.replies import TOO_LONG
from workbench.memory.shelf import of_lane
from workbench.probes import score_probe
from workbench.reading import Reader
from workbench.sessions.model import Probe, Session, Turn
from workbench.sessions.spoken import spoken
from workbench.trace import blobs, payloads
from workbench.trace.events import Event, Kind
from workbench.trace.reader import TraceReader
from workbench.trace.writer import TraceWriter

_STEPS = 64  # of a context, in which the room for its spans grows
_QUOTED = 160  # characters of a loop that are put on record
_MARGIN = 16  # tokens that merging spans into one prompt may add to the sum of their lengths
_TELLING = 4000  # characters of a session; who cannot tell of so many how much it reads never will
_SHORTEST = 32  # tokens to which an input of a prompt is clipped at most


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
        """Write what was collected. Raises ``ValueError`` or ``TypeError``, and writes nothing, when a method has
        logged what no run file can hold."""
        if self.writer is not None:
            for event in self.events:
                problem = payloads.wrong(event.kind, event.payload)
                if problem or not isinstance(event.subject, str):
                    raise TypeError(f"{event.kind} {event.subject}: {problem or 'its name is no text'}")
            self.writer.append(self.events, self.arrays)
        self.events.clear()
        self.arrays.clear()

    def discard(self) -> None:
        """Forget what was collected, as if the step had not begun."""
        self.n -= len(self.events)
        self.events.clear()
        self.arrays.clear()


class LaneMind:
    """The Mind of one lane: every call goes to the shared backend and into the lane's trace.

    Args:
        prompts: in which rendering operations are sent.
        temperature: of memory operations; 0 is greedy.
    """

    def __init__(
        self, backend: Backend, recorder: Recorder, seed: int, prompts: PromptSet, temperature: float = 0.0
    ) -> None:
        self._backend, self._recorder, self._seed = backend, recorder, seed
        self.prompts, self._temperature = prompts, temperature
        self.dates = True
        self.calls, self.prompt_tokens, self.generated_tokens = 0, 0, 0
        self.used: set[Who] = set()

    async def run(self, operation: Operation) -> Completion:
        """See ``workbench.memory.base.Mind``."""
        self.used.add("model")
        rendered, cuts = self._fitted(operation)
        request = CompletionRequest(
            rendered.messages, rendered.schema, rendered.max_tokens, temperature=self._temperature, seed=self._seed
        )
        result, error = None, ""
        with Meter() as meter:
            try:
                result = await self._backend.complete(request)
            except ModelError as problem:
                error = discreet(str(problem))
        stops = {"limit": f"cut off at {rendered.max_tokens} tokens", "repetition": "it repeats itself"}
        done = self._called(operation, rendered, meter, result, stops.get(result.stop, "") if result else error)
        if result is None:
            return done
        for cut in cuts:
            payload = {"reason": TOO_LONG, "detail": cut, "operation": operation.purpose}
            self._recorder.emit(Kind.DROPPED, "", payload, cause=done.cause)
        return done

    def _fitted(self, operation: Operation) -> tuple[Rendered, list[str]]:
        """The operation as it is sent, and what had to be clipped so that it fits the context.

        Long inputs of a full prompt are clipped in their middle; the answer gets what room is left.
        """
        rendered = self.prompts.rendered(operation, self.dates)
        if operation.full is None or self.prompts.name == "plain":
            return rendered, []
        cuts: list[str] = []
        limit = self._backend.prompt_limit(0)
        least = min(rendered.max_tokens, max(limit // 4, 1))
        longest = max((self.count_tokens(text) for text in texts_of(operation.full.inputs)), default=0)
        while self._size(rendered) > limit - least and longest > _SHORTEST:
            longest //= 2
            cuts = []
            inputs = shortened(operation.full.inputs, longest, self.count_tokens, cuts)
            operation = replace(operation, full=replace(operation.full, inputs=inputs))
            rendered = self.prompts.rendered(operation, self.dates)
        left = limit - self._size(rendered)
        return replace(rendered, max_tokens=max(1, min(rendered.max_tokens, left))), cuts

    def _size(self, rendered: Rendered) -> int:
        overhead = self._backend.prompt_overhead() + _MARGIN
        return sum(self.count_tokens(m.text) for m in rendered.messages) + overhead

    def _called(
        self, operation: Operation, rendered: Rendered, meter: Meter, result: CompletionResult | None, error: str
    ) -> Completion:
        raw, stop = (result.text, str(result.stop)) if result else ("", "refused")
        data = None
        if rendered.schema is not None and result is not None:
            try:
                data = parse_cut(raw) if error else parse(raw)
            except ValueError as problem:
                error = f"not JSON: {problem}"
        tokens = (result.prompt_tokens, result.generated_tokens) if result else (0, 0)
        self.calls += 1
        self.prompt_tokens += tokens[0]
        self.generated_tokens += tokens[1]
        full = operation.full
        payload = {
            "purpose": operation.purpose,
            "prompt": [{"role": m.role, "text": m.text} for m in rendered.messages],
            "raw": raw,
            "tokens": list(tokens),
            "stop": "limit" if stop == "refused" else stop,
            "error": error,
        } | ({"operation": f"{full.method}/{full.name}"} if full and self.prompts.name == "full" else {})
        closings = tuple(map(_closed, result.closings)) if result else ()
        note = "; ".join([*([result.note] if result and result.note else ()), *closings])
        payload |= {"note": note} if note else {}
        event = self._recorder.emit(Kind.MODEL_CALLED, "", payload, ms=meter.ms)
        return Completion(raw, data, not error, event.n, stop, rendered.schema, closings)

    def count_tokens(self, text: str) -> int:
        """See ``workbench.memory.base.Mind``."""
        return self._backend.count_tokens(text)

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """See ``workbench.memory.base.Mind``."""
        self.used.add("embedder")
        return await self._backend.embed(texts)

    async def surprise(self, text: str, given: str = "") -> tuple[tuple[str, ...], NDArray[np.float32]]:
        """See ``workbench.memory.base.Mind``."""
        return await self._backend.surprise(text, given)

    @property
    def full(self) -> bool:
        """See ``workbench.memory.base.Mind``."""
        return self.prompts.name == "full"

    @property
    def budget(self) -> int:
        """Tokens for the spans of a context when the question is of ordinary length."""
        return self.room(contexts.Question("x " * 32, prompts=self.prompts))

    def room(self, question: contexts.Question, answer: int = ANSWER_TOKENS) -> int:
        """Tokens for the spans of a context beside this question and an answer of ``answer`` tokens.

        What a question takes is rounded up in full prompts, so that questions of nearly one length that are asked at
        one turn find the same context: it is then read once.
        """
        messages, overhead = question.messages(()), self._backend.prompt_overhead()
        taken = sum(self.count_tokens(m.text) for m in messages) + _MARGIN
        taken += overhead * max(0, len(messages) - 2) // 2  # it is that of two messages
        step = max(1, self._backend.prompt_limit(0) // _STEPS) if self.full else 1
        return max(0, self._backend.prompt_limit(answer) - overhead - -(-taken // step) * step)

    def spent(self) -> dict[str, Any]:
        """What was spent since the last call of this method. Embeddings do not count: a resumed lane embeds again."""
        spent = {"calls": self.calls, "tokens": [self.prompt_tokens, self.generated_tokens]}
        self.calls = self.prompt_tokens = self.generated_tokens = 0
        return spent


def _closed(closing: Closing) -> str:
    lost = closing.lost if len(closing.lost) <= _QUOTED else f"{closing.lost[:_QUOTED]}…"
    return f"the {closing.what} {closing.place} repeated itself and was closed, without {lost!r}"


class Desk:
    """What a lane works with on a session: its mind, its log and how it answers; the same in a run and in what-if.

    Args:
        new_strategy: makes a fresh strategy; it keeps no state, so a fresh one can go on at any turn.
        reader: who answers probes from the packed context.
        asking: how models are asked; None for the plain prompts.
        writer: None where nothing is to be written.
    """

    def __init__(
        self,
        session: Session,
        number: int,
        lane: int,
        new_strategy: Callable[[], MemoryStrategy],
        backend: Backend,
        seed: int,
        capture: Capturing,
        reader: Reader = "model",
        asking: Asking | None = None,
        writer: TraceWriter | None = None,
    ) -> None:
        self.session, self.new_strategy, self.seed = session, new_strategy, seed
        self.recorder = Recorder(writer, number, lane)
        self._whens = tuple(turn.when for turn in session.turns)
        self._backend, self._foreign = backend, dict[Who, float]()
        asking, dates = asking or Asking(), new_strategy().dates
        self.mind = LaneMind(backend, self.recorder, seed, asking.prompts, asking.temperature)
        self.mind.dates = dates
        self.answer = Answerer(backend, self.mind, reader, seed, capture, asking, self.asked, dates, self.role)

    def grow(self, session: Session) -> None:
        """Go on with more of the same session: it is being recorded."""
        self.session = session
        self._whens += tuple(turn.when for turn in session.turns[len(self._whens) :])

    def log(self, state: MemoryState, turn: int) -> MemoryLog:
        """A log that changes this state, at a turn."""
        now = self.session.turns[turn].date if turn >= 0 else ""
        return MemoryLog(self.recorder.emit, state, turn, now, self.seed, self._whens)

    def foreign(self) -> dict[Who, float]:
        """The share of the session's letters that say nothing to what the lane has used, where that is too much."""
        if not self._foreign.keys() >= self.mind.used:
            text = "\n".join(turn.text for turn in self.session.turns)
            for who in self.mind.used - self._foreign.keys():
                share = self._backend.unread(text, who)
                if share is not None or len(text) > _TELLING:
                    self._foreign[who] = share or 0.0
        return {who: share for who, share in self._foreign.items() if share >= UNREADABLE}

    def role(self, turn: int) -> str:
        """Who said a turn."""
        return self.session.turns[turn].role

    def asked(self, probe: Probe) -> str:
        """When a probe is asked, in words: as its benchmark says, else when the last turn before it was said."""
        return spoken(probe.asked) or next((w for w in reversed(self._whens[: probe.after + 1]) if w), "")

    def dated(self, spans: Sequence[Span]) -> tuple[Span, ...]:
        """Every span with when it was said: at the last of its turns, where the strategy did not say."""
        told = self._whens
        return tuple(
            s if s.when else replace(s, when=next((told[t] for t in sorted(s.turns, reverse=True) if told[t]), ""))
            for s in spans
        )


class LaneReplay:
    """One lane on one session, from wherever its trace ends. Arguments as of :class:`Desk`."""

    def __init__(
        self,
        session: Session,
        number: int,
        lane: int,
        new_strategy: Callable[[], MemoryStrategy],
        backend: Backend,
        writer: TraceWriter,
        seed: int,
        capture: Capturing,
        reader: Reader = "model",
        asking: Asking | None = None,
    ) -> None:
        self._session, self._writer = session, writer
        self._desk = Desk(session, number, lane, new_strategy, backend, seed, capture, reader, asking, writer)
        self._recorder, self._mind, self._answer = self._desk.recorder, self._desk.mind, self._desk.answer
        self._talk = Talk(session, self._answer)
        with writer.reader() as trace:
            self._fold(trace)

    def _fold(self, reader: TraceReader) -> None:
        """Stand where the trace ends."""
        self._strategy, self._state = self._desk.new_strategy(), MemoryState()
        self._talk.end()
        self.closed, self.scored, last, self._remarked = -1, set[str](), 0, set[str]()
        for event in reader.events(self._recorder.session, self._recorder.lane):
            self._state.apply(event)
            last = event.n
            if event.kind in (Kind.TURN_CLOSED, Kind.LANE_FAILED):
                self.closed = max(self.closed, event.turn)
            elif event.kind == Kind.SCORED:
                self.scored.add(event.subject)
            elif event.kind in (Kind.PACKED, Kind.ANSWERED):
                self._talk.fold(event)
            elif event.kind == Kind.NOTED and event.payload["name"] == UNREAD:
                self._remarked.add(event.payload["value"]["who"])
        self._recorder.n = last

    def grow(self, session: Session) -> None:
        """Go on with more of the same session: it is being recorded."""
        self._session = session
        self._desk.grow(session)

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
            with of_lane(f"s{self._recorder.session}-lane{self._recorder.lane}"):
                await work()
            self._recorder.commit()
        except (asyncio.CancelledError, Unavailable, TraceError):
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
        message, trace = f"{type(error).__name__}: {error}", traceback.format_exc()
        payload = {"message": discreet(message), "traceback": discreet(trace)[-4000:]}
        self._recorder.emit(Kind.LANE_FAILED, probe.id if probe else "", payload)
        if probe:
            self._recorder.emit(Kind.SCORED, probe.id, score_probe(probe, "", [], shared=self._session.extra))

    async def _observe(self, turn: Turn) -> None:
        with Meter() as meter:
            await self._strategy.observe(turn.neutral(), self._mind, self._desk.log(self._state, turn.index))
        self._remark()
        payload = self._mind.spent() | {"items": self._state.held}
        self._recorder.emit(Kind.TURN_CLOSED, "", payload, ms=meter.ms)

    def _remark(self) -> None:
        """Say once that the model or the embedder cannot read the session's script."""
        for who, share in self._desk.foreign().items():
            if who not in self._remarked:
                self._remarked.add(who)
                self._recorder.emit(Kind.NOTED, "", {"name": UNREAD, "value": {"who": who, "share": round(share, 3)}})

    async def _ask(self, probe: Probe) -> None:
        with Meter() as meter:
            recall = await self._strategy.recall(probe.question, self._mind, self._desk.log(self._state, probe.after))
        hits = self._recalled(probe, recall, meter.ms)
        evidence = handed(type(self._strategy), probe, self._session.turns)
        spans = (*self._desk.dated(recall.spans), *evidence)
        with Meter() as meter:
            answered = await self._talk.answerer(probe, spans)(probe, spans)
        self._answered(probe, replace(answered, ms=meter.ms))
        self._talk.said(probe, answered)
        self._mind.used |= {"model"} if self._answer.reader == "model" else set()
        self._remark()
        self._recorder.emit(
            Kind.SCORED, probe.id, score_probe(probe, answered.text, hits, recall.k, self._session.extra)
        )
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
        } | ({"thought": answered.thought} if answered.thought else {})
        if done and done.generated is not None:
            result["generated"] = done.generated  # a server counts its tokens and does not tell them
        if self._answer.reader != "model":
            result |= {"reader": self._answer.reader, "items": list(answered.items)}
        self._recorder.emit(Kind.ANSWERED, probe.id, result, ms=answered.ms)
        if answer and answer.compression:
            self._compressed(probe, answer.compression, len(answered.packed.question.earlier))
        if answer and answer.capture and answer.capture.summary:
            self._summed(probe, answer.capture.summary)
        if answer and answer.capture and answer.capture.layers:
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
        if packed.question.earlier:
            payload["earlier"] = [{"probe": said.probe, "answer": said.answer} for said in packed.question.earlier]
        if packed.clips:
            payload["clipped"] = [asdict(c) | {"turns": list(c.turns)} for c in packed.clips]
        self._recorder.emit(Kind.PACKED, probe.id, payload)

    def _compressed(self, probe: Probe, done: Compression, earlier: int) -> None:
        texts = blobs.texts_array(done.texts)
        arrays: dict[str, NDArray[Any] | None]
        arrays = {"kept": done.kept, "survival": done.survival, "worth": done.worth, "cells": done.cells}
        arrays |= {"merged": done.merged, "texts": texts}
        self._recorder.arrays.extend(array for array in arrays.values() if array is not None)
        payload = {
            "policy": done.policy,
            "way": done.way,
            "badge": done.badge,
            "when": done.when,
            "read": done.read,
            "budget": done.budget,
            "share": round(done.share, 6),
            "entries": done.entries,
            "generated": list(done.generated),
            "agreement": None if done.agreement is None else round(done.agreement, 6),
            "bytes": {"logical": done.logical_bytes, "modelled": done.modelled_bytes, "full": done.full_bytes},
            "kl": [round(value, 7) for value in done.kl],
            "compared": list(done.compared),
            "full_text": done.full_text,
            "size": done.size,
            "shared": done.shared,
            "blobs": {name: None if array is None else blobs.digest(array) for name, array in arrays.items()},
            "facts": done.facts,
        }
        if self._answer.asking.requests != "separate":
            payload |= {"requests": self._answer.asking.requests, "request": earlier + 1}
        self._recorder.emit(Kind.COMPRESSED, probe.id, payload)

    def _summed(self, probe: Probe, summary: Summary) -> None:
        arrays: dict[str, NDArray[Any]] = {"mean": summary.mean, "peak": summary.peak, "mass": summary.mass}
        arrays |= {"rows": summary.rows, "ids": summary.ids, "texts": blobs.texts_array(summary.texts)}
        self._recorder.arrays.extend(arrays.values())
        payload = {
            "layers": summary.layers,
            "heads": summary.heads,
            "prompt": summary.prompt,
            "starts": None if summary.starts is None else list(summary.starts),
            "spans": [list(span) for span in summary.spans],
            "kept": list(summary.kept),
            "blobs": {name: blobs.digest(array) for name, array in arrays.items()},
        }
        self._recorder.emit(Kind.SUMMED, probe.id, payload)

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
