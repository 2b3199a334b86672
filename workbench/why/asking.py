"""Asking a probe again from a trace, as its lane did, without writing anything: the ground of every what-if."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from workbench.answering import ANSWER_TOKENS, Answered, Answerer, Asking, policy_of
from workbench.context import Context
from workbench.conversation import of_trace
from workbench.errors import ModelError, Unavailable
from workbench.lanes import LaneSpec
from workbench.llm.base import AnswerRequest, AnswerResult, Backend, Capturing
from workbench.memory.base import Recall, Span
from workbench.memory.items import MemoryState
from workbench.probes import score
from workbench.reading import Reader
from workbench.replay import Desk
from workbench.sessions.model import Probe
from workbench.trace.events import FIXED, Event, Kind
from workbench.why.case import Case


@dataclass(frozen=True)
class Setting:
    """How a run asked: its model, who read, seed and prompts, where classes are that were given by path; and what was
    answered since, for all lanes.

    A question with the same memory before it is asked once, whichever lane wants to know.
    """

    backend: Backend
    reader: Reader = "model"
    seed: int = 0
    capture: Capturing = "answers"
    asking: Asking = field(default_factory=Asking)
    code: Mapping[str, str] = field(default_factory=dict)
    answers: dict[Any, asyncio.Task[Any]] = field(default_factory=dict)

    def asked_under(self, spec: LaneSpec) -> Asking:
        """How a lane asks: with its cache policy."""
        return replace(self.asking, cache=policy_of(spec, self.asking.requests))

    async def once(self, key: Any, ask: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """The result under ``key``, awaited from whoever asked first."""
        if key not in self.answers:
            self.answers[key] = asyncio.ensure_future(ask())
        return await self.answers[key]


class Scene:
    """A probe as its lane met it.

    Args:
        spec: of the lane.
        state: what the lane held before the question; it is copied, never changed.
    """

    def __init__(self, setting: Setting, asked: Case, spec: LaneSpec, state: MemoryState) -> None:
        self.setting, self.case, self.spec, self.state = setting, asked, spec, state
        self.desk = Desk(
            asked.session,
            asked.number,
            asked.lane.id,
            spec.strategy,
            setting.backend,
            setting.seed,
            setting.capture if setting.backend.info.capture else "off",
            setting.reader,
            setting.asked_under(spec),
        )
        self.desk.recorder.turn = asked.probe.after
        packed = asked.events.get(Kind.PACKED)
        earlier = of_trace(asked.session, self.desk.answer, packed.payload) if packed else ()
        answer = replace(self.desk.answer, earlier=earlier)
        self._as_asked = _uncompared(answer)
        self._whole = replace(self._as_asked, asking=setting.asking)
        self._quick = replace(answer, capture="off", batched=True, asking=setting.asking)

    async def recall(self, changes: Sequence[Event] = ()) -> tuple[Recall, MemoryState]:
        """What the lane recalls after these changes to its items, and the state that it then had.

        A strategy that fails recalls nothing, as it did in the run.
        """
        state = self.state.copy()
        for event in changes:
            state.apply(event)
            if event.kind == Kind.WRITTEN:
                state.settle(event.subject)
        log = self.desk.log(state, self.case.probe.after)
        try:
            return await self.desk.new_strategy().recall(self.case.probe.question, self.desk.mind, log), state
        except (ModelError, Unavailable):
            raise
        except Exception:
            return Recall(()), state

    async def answer(self, spans: Sequence[Span], whole: bool = False) -> Answered:
        """Pack the spans and have the probe answered, on the way that the run took: by itself. Batched with others a
        near tie may fall the other way. ``whole``: without the lane's cache policy."""
        return await self._answered(self._whole if whole else self._as_asked, spans)

    async def judged(self, spans: Sequence[Span]) -> Answered:
        """The same on the quick way, batched with all others and with the full cache: for what is no copy of what the
        lane did."""
        return await self._answered(self._quick, spans)

    async def _answered(self, answer: Answerer, spans: Sequence[Span]) -> Answered:
        texts = tuple((s.text, s.when, s.priority) for s in spans)
        cache = f"{self.spec.cache}{self.spec.cache_params}" if answer is self._as_asked else ""
        said = tuple((one.probe, one.answer) for one in answer.earlier)
        key = (self.case.number, self.case.probe.id, answer.capture, answer.dates, cache, texts, said)
        answered: Answered = await self.setting.once(key, lambda: _lean(answer, self.case.probe, spans))
        return answered

    def right(self, answer: str) -> bool:
        """Whether the probe's scorer takes an answer."""
        probe = self.case.probe
        return score("abstain" if probe.abstain else probe.scorer, probe, answer).correct

    def turns(self, turns: Sequence[int]) -> tuple[Span, ...]:
        """Turns of the session as a reader would be shown them."""
        heard = self.case.session.turns
        return tuple(Span(heard[t].said, (), (t,), "turn", f"turn {t}", when=heard[t].when) for t in turns)

    async def masked(
        self,
        answered: Answered,
        chosen: Sequence[int],
        forced: Sequence[int] | None = None,
        layers: tuple[int, ...] | None = None,
        heads: tuple[int, ...] | None = None,
    ) -> AnswerResult:
        """The same context with chosen spans (by their place among the memory's) masked in the graph.

        Args:
            forced: token ids to score instead of answering.

        Raises:
            ModelError: when the model's attention cannot be reached.
        """
        places = [n for n, part in enumerate(answered.packed.parts) if part.kind not in FIXED]
        request = self._as_asked.request(answered.packed, self._as_asked.length(self.case.probe))
        request = replace(
            request,
            knock_out=tuple(places[n] for n in chosen),
            knock_layers=layers,
            knock_heads=heads,
            forced=None if forced is None else tuple(forced),
        )
        return await self.setting.backend.answer(request)


class _Uncompared(Answerer):
    """Answers under a cache policy without letting the full cache answer, too."""

    def request(self, packed: Context, max_tokens: int = ANSWER_TOKENS) -> AnswerRequest:
        """See :class:`Answerer`."""
        request = super().request(packed, max_tokens)
        return replace(request, cache=replace(request.cache, compare=False)) if request.cache else request


def _uncompared(answer: Answerer) -> Answerer:
    return _Uncompared(*(getattr(answer, f.name) for f in fields(answer)))


async def _lean(answer: Answerer, probe: Probe, spans: Sequence[Span]) -> Answered:
    """An answer without its capture, which would fill the memory."""
    answered = await answer(probe, spans)
    return replace(answered, result=replace(answered.result, capture=None) if answered.result else None)
