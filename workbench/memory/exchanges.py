"""Exchanges: what was asked, what was answered, and how it went; what reflecting memories learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.memory.items import Item
from workbench.memory.log import MemoryLog
from workbench.sessions.model import Turn

PENDING = "pending"
"""Turns of the exchange that is still open."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One finished exchange. ``answer`` is empty when nobody answered; ``feedback`` is what was said next."""

    request: str
    answer: str
    feedback: str
    turns: tuple[int, ...]


def proceed(turn: Turn, log: MemoryLog) -> Exchange | None:
    """Take in a turn; the exchange that it closes, if it does.

    An exchange begins with a turn that is not the assistant's and ends before the next such turn, which is the feedback
    on it. Its turns are items of kind ``pending`` until :func:`clear`.
    """
    pending = log.state.active(PENDING)
    closed = None
    if turn.role != "assistant" and pending:
        closed = _exchange(pending, turn.said)
    log.write(turn.said, PENDING, index_text="", role=turn.role)
    return closed


def clear(exchange: Exchange, log: MemoryLog) -> None:
    """Let go of the turns of a finished exchange."""
    for item in log.state.active(PENDING):
        if set(item.turns) <= set(exchange.turns):
            log.evict(item.id, reason="the exchange is over")


def _exchange(pending: Sequence[Item], feedback: str) -> Exchange:
    requests = [i.text for i in pending if i.fields["role"] != "assistant"]
    answers = [i.text for i in pending if i.fields["role"] == "assistant"]
    turns = tuple(t for i in pending for t in i.turns)
    return Exchange(" ".join(requests), " ".join(answers), feedback, turns)
