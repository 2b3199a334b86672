"""MEM1: one internal state of bounded size, rewritten with every turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from workbench.memory import prompts, schemas
from workbench.memory.base import Fidelity, Hit, MemoryStrategy, Mind, Recall, Span
from workbench.memory.lines import Line, one_line
from workbench.memory.log import MemoryLog
from workbench.memory.pieces import Source, carried, cut, room
from workbench.memory.replies import ask
from workbench.sessions.model import Turn

STATE, INFORMATION, TASK = "state", "information", "task"
_CHARACTERS = 2000  # the longest string that a grammar takes


@dataclass
class Mem1(MemoryStrategy):
    """Rewrite one internal state with every turn and delete everything older.

    The prompt holds the previous state and the newest information, nothing else; what the model does not carry over
    is gone. What the state is for, the task, stands in every prompt: ``task``, or what the system role said first. Each
    sentence of the state keeps the turns it came from for as long as it is carried over word for word, so
    that the item's turns say which turns survived. The newest turn stays beside the state until the next one comes. One
    model call a turn (one per piece of a turn that does not fit).

    MEM1, arXiv 2506.15841.

    Attributes:
        task: what the state is kept for; empty for what the system role said first, or for answering whatever is asked.
        tokens: size of the state and of one rewriting (MEM1: 1024); at most a third of what fits.
    """

    name: ClassVar[str] = "mem1"
    title: ClassVar[str] = "MEM1"
    embeds: ClassVar[bool] = False
    fidelity: ClassVar[Fidelity] = "emulated"
    paper: ClassVar[str] = "MEM1, arXiv 2506.15841"
    differs: ClassVar[str] = (
        "The policy trained with reinforcement learning is missing: an untrained model is prompted. The session brings "
        "the information, so the state is rewritten without search actions and without a hint of the remaining turns."
    )

    task: str = ""
    tokens: int = 1024

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Delete the last information, take in the new one, rewrite the state."""
        for old in log.state.active(INFORMATION):
            log.evict(old.id, reason="only the newest information stays")
        if not turn.text.strip():
            return
        if turn.role == "system" and not log.state.active(TASK):
            log.write(turn.said, TASK, index_text="")
        for piece in cut(turn.said, room(mind, 0, 1 / 3), mind.count_tokens):
            await self._rewrite(piece, mind, log)
        log.write(turn.said, INFORMATION, index_text="")

    async def _rewrite(self, information: str, mind: Mind, log: MemoryLog) -> None:
        before = _sources(log)
        limit = min(self.tokens, room(mind, 0, 1 / 3))
        state = [Line(s, log.said_at(turns)) for s, turns in before]
        operation = self.operation(
            "rewrite",
            _rewriting([s for s, _ in before], information, limit),
            schema=schemas.fields(summary=schemas.text("the new state, all of it")),
            max_tokens=self.tokens + 64,
            task=self.task or _task(log),
            state=state,
            information=Line(one_line(information), log.when),
            tokens=limit,
        )
        reply = await ask(mind, log, operation)
        if reply is None:
            return
        after = carried(reply["summary"], before, [log.turn])
        kept = self._bounded(after, limit, mind, log, reply.cause)
        if not kept:
            log.dropped("empty state", information, cause=reply.cause)
            return
        values: dict[str, Any] = {
            "lines": [[s, list(turns)] for s, turns in kept],
            "tokens": mind.count_tokens(" ".join(s for s, _ in kept)),
        }
        turns = {t for _, origin in kept for t in origin}
        joined = " ".join(s for s, _ in kept)
        if "state-0" in log.state:
            log.update("state-0", text=joined, turns=turns, reason="rewritten", cause=reply.cause, **values)
        else:
            log.write(joined, STATE, turns, index_text="", cause=reply.cause, **values)
        known = {s for s, _ in before}
        figures = {"tokens": values["tokens"], "limit": limit, "carried": sum(s in known for s, _ in kept),
                   "new": sum(s not in known for s, _ in kept), "gone": len(known - {s for s, _ in kept})}  # fmt: skip
        log.note("state size", figures, subject="state-0", cause=reply.cause)

    @staticmethod
    def _bounded(lines: Sequence[Source], limit: int, mind: Mind, log: MemoryLog, cause: int) -> list[Source]:
        kept = list(lines)
        while len(kept) > 1 and mind.count_tokens(" ".join(s for s, _ in kept)) > limit:
            log.dropped("the state is full", kept.pop(0)[0], cause=cause)
        return kept

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """The state, a sentence a span, and the newest information."""
        lines = _sources(log)
        spans = [Span(s, ("state-0",), turns, STATE, priority=1 + n) for n, (s, turns) in enumerate(lines)]
        newest = log.state.active(INFORMATION)
        spans += [Span(i.text, (i.id,), i.turns, INFORMATION) for i in newest]
        names = ["state-0"] * bool(lines) + [i.id for i in newest]
        hits = tuple(Hit(name, 1 / n, n, True, {"recency": 1 / n}) for n, name in enumerate(names, 1))
        return Recall(tuple(spans), hits, len(hits))


def _task(log: MemoryLog) -> str:
    """What the system role said first; empty where it said nothing."""
    return next((i.text for i in log.state.active(TASK)), "")


def _sources(log: MemoryLog) -> list[Source]:
    lines = log.state["state-0"].fields["lines"] if "state-0" in log.state else []
    return [(s, tuple(turns)) for s, turns in lines]


def _rewriting(state: Sequence[str], information: str, tokens: int) -> prompts.Operation:
    schema = {"type": "object", "properties": {"summary": {"type": "string", "maxLength": _CHARACTERS}},
              "required": ["summary"], "additionalProperties": False}  # fmt: skip
    operation = prompts.summarise([*state, " ".join(information.split())])
    return replace(operation, schema=schema, max_tokens=tokens + 16)
