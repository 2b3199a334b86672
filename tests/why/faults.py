"""Faults that are planted: a strategy that forgets or misses what it is told to, a reader that overlooks or garbles.

Around the real thing: any registered strategy, and the bundled model in llama.cpp. What is broken is known, so that
what is said of it can be held against it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from workbench.context import Question
from workbench.llm.base import AnswerRequest, AnswerResult, Backend
from workbench.llm.messages import Message
from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall, Span
from workbench.memory.log import MemoryLog
from workbench.memory.registry import strategy
from workbench.replay import LaneMind
from workbench.sessions.model import Turn

NAME = "faulty"
WHERE = "tests.why.faults:Faulty"
FILLER = "assistant: The weather was mild and the bus was late again that day."
SMALL_TALK = "I see. Let us talk about something else."


@dataclass
class Faulty(MemoryStrategy):
    """Another strategy with faults.

    Attributes:
        of: name of the strategy around which this one stands.
        plan: JSON: ``skip`` (turns that are not taken in), ``say`` (turn to what is taken in in its place), ``lose``
            (turn to [the turn from which its items go, how]), and by question ``hide`` (turns whose items are not
            returned) and ``bury`` (turns whose spans are the first to be dropped from a context that is full).
    """

    name: ClassVar[str] = NAME
    title: ClassVar[str] = "Faulty"
    fidelity: ClassVar[Fidelity] = "baseline"
    paper: ClassVar[str] = "none"

    of: str = "bm25"
    plan: str = "{}"

    def __post_init__(self) -> None:
        self._inner, self._plan = strategy(self.of)(), json.loads(self.plan)

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Take in a turn, or something else in its place; then lose what is to be lost by now."""
        told = SMALL_TALK if turn.index in self._plan.get("skip", ()) else self._said(turn)
        await self._inner.observe(replace(turn, text=told), mind, log)
        for lost, (when, how) in self._plan.get("lose", {}).items():
            if when == turn.index:
                for item in [i for i in log.state.active() if int(lost) in i.turns]:
                    _lose(log, item.id, how)

    def _said(self, turn: Turn) -> str:
        return str(self._plan.get("say", {}).get(str(turn.index), turn.text))

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """What the strategy recalls, without what is hidden, and with what is buried under other things."""
        recall = await self._inner.recall(query, mind, log)
        hidden, buried = (set(self._plan.get(what, {}).get(query, ())) for what in ("hide", "bury"))
        recall = _hidden(recall, hidden, log)
        return _buried(recall, buried, mind, query) if buried else recall


def _lose(log: MemoryLog, item: str, how: str) -> None:
    if how == "update":
        log.update(item, text=SMALL_TALK, index_text=SMALL_TALK, reason="UPDATE")
    elif how == "supersede":
        new = log.write(SMALL_TALK, log.state[item].kind, [log.turn], id=f"{item}-newer", **log.state[item].fields)
        log.supersede(item, new.id, reason="newer")
    elif how == "delete":
        log.delete(item, reason="contradicted")
    else:
        log.evict(item, reason="no room")


def _hidden(recall: Recall, turns: set[int], log: MemoryLog) -> Recall:
    if not turns:
        return recall
    spans = tuple(s for s in recall.spans if turns.isdisjoint(s.turns))
    gone = {i for s in recall.spans if not turns.isdisjoint(s.turns) for i in s.items}
    order = sorted(recall.hits, key=lambda h: (h.item in gone, h.rank))
    hits = tuple(replace(h, rank=n, returned=h.returned and h.item not in gone) for n, h in enumerate(order, 1))
    return replace(recall, spans=spans, hits=hits)


def _buried(recall: Recall, turns: set[int], mind: Mind, query: str) -> Recall:
    """So much filler that nothing of these turns, the first to go, fits into the context any more."""
    assert isinstance(mind, LaneMind)
    costs = [mind.count_tokens(s.text) + 1 for s in recall.spans]
    low = [not turns.isdisjoint(s.turns) for s in recall.spans]
    left = mind.room(Question(query, prompts=mind.prompts)) - sum(
        c for c, out in zip(costs, low, strict=True) if not out
    )
    least = min((c for c, out in zip(costs, low, strict=True) if out), default=1)
    count = max(0, (left - least) // (mind.count_tokens(FILLER) + 1) + 1)
    filler = (Span(FILLER, kind="filler", label=f"filler-{n}", priority=1e8) for n in range(count))
    spans = (replace(s, priority=-1e9) if out else s for s, out in zip(recall.spans, low, strict=True))
    return replace(recall, spans=(*filler, *spans))


@dataclass
class Reader:
    """The real backend with a fault in how it reads, by question.

    Args:
        overlook: question to a text that it does not see, unless it stands last before the question.
        garble: question to an answer that it spoils while several things are before its eyes.
        words: what it takes for what: it understands expressions that the model does not.
    """

    real: Backend
    overlook: Mapping[str, Sequence[str]]
    garble: Mapping[str, str]
    words: Mapping[str, str]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    async def answer(self, request: AnswerRequest) -> AnswerResult:
        """See ``Backend``."""
        question, memory = request.marks[-1], range(1, len(request.marks) - 1)
        request = self._understood(request)
        unseen = [
            n for n in memory if n != memory[-1] and any(t in request.marks[n] for t in self.overlook.get(question, ()))
        ]
        result = await self.real.answer(replace(request, knock_out=(*request.knock_out, *unseen)))
        gold = self.garble.get(question)
        done = result.completion
        if gold is None or request.forced is not None or len(memory) < 2 or gold.casefold() not in done.text.casefold():
            return result
        return replace(result, completion=replace(done, text=done.text.replace(gold, gold[::-1])))

    def _understood(self, request: AnswerRequest) -> AnswerRequest:
        def plain(text: str) -> str:
            for said, meant in self.words.items():
                text = text.replace(said, meant)
            return text

        messages = tuple(Message(m.role, plain(m.text)) for m in request.messages)
        return replace(request, messages=messages, marks=tuple(map(plain, request.marks)))
