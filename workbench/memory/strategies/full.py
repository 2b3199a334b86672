"""Full context: the whole conversation so far is the memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall
from workbench.memory.log import MemoryLog
from workbench.memory.retrieval import span
from workbench.sessions.model import Turn


@dataclass
class Full(MemoryStrategy):
    """Keep every turn and read all of them; what does not fit is dropped from the oldest end.

    The long-context agent of MemoryAgentBench (arXiv 2507.05257).
    """

    name: ClassVar[str] = "full"
    title: ClassVar[str] = "Full context"
    embeds: ClassVar[bool] = False
    fidelity: ClassVar[Fidelity] = "baseline"
    paper: ClassVar[str] = "MemoryAgentBench, arXiv 2507.05257"

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Append the turn."""
        log.write(turn.said, "turn", id=f"turn-{turn.index}", index_text="")

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """Every turn, the oldest dropped first."""
        items = log.state.active("turn")
        return Recall(tuple(span(i, n, kind="turn") for n, i in enumerate(items)))
