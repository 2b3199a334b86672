"""Recency window: only the last turns are remembered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from workbench.memory.base import Fidelity, Hit, MemoryStrategy, Mind, Recall
from workbench.memory.log import MemoryLog
from workbench.memory.retrieval import span
from workbench.sessions.model import Turn

SYSTEM = "system"


@dataclass
class Window(MemoryStrategy):
    """Keep the last ``turns`` turns, or the last ``tokens`` tokens of them; older ones are evicted.

    What the system role says stays and does not count. StreamingLLM's idea (arXiv 2309.17453) at the level of text. The
    nearer a fact, the surer it is there: hits are ranked by recency.

    Attributes:
        turns: turns kept.
        tokens: tokens kept at most; 0 for no such limit.
    """

    name: ClassVar[str] = "window"
    title: ClassVar[str] = "Recency window"
    embeds: ClassVar[bool] = False
    fidelity: ClassVar[Fidelity] = "baseline"
    paper: ClassVar[str] = "after StreamingLLM, arXiv 2309.17453"

    turns: int = 16
    tokens: int = 0

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Append the turn and evict what falls out of the window."""
        kind = SYSTEM if turn.role == "system" else "turn"
        log.write(turn.said, kind, id=f"turn-{turn.index}", index_text="")
        items = log.state.active("turn")
        lengths = [mind.count_tokens(i.text) for i in items] if self.tokens else [0] * len(items)
        while len(items) > self.turns or (self.tokens and len(items) > 1 and sum(lengths) > self.tokens):
            lengths.pop(0)
            log.evict(items.pop(0).id, reason="left the window")

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """What the system role said and every turn in the window, the newest ranked first."""
        items = log.state.active("turn", SYSTEM)
        newest = list(reversed(items))
        hits = tuple(Hit(i.id, 1 / rank, rank, True, {"recency": 1 / rank}) for rank, i in enumerate(newest, 1))
        spans = tuple(span(i, n + len(items) * (i.kind == SYSTEM), kind="turn") for n, i in enumerate(items))
        return Recall(spans, hits, len(hits))
