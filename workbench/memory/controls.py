"""Controls: lanes that are no memory. They say what a reader can do without one, and with the evidence handed to it.

``no-memory`` is asked the question alone; a probe that it gets right says nothing about memories. ``oracle`` is asked
with the evidence turns and nothing else; what it gets wrong no memory can mend. Neither stores anything. A strategy
never sees evidence: the replay hands it to the oracle's reader, and to no class but exactly this one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall, Span
from workbench.memory.log import MemoryLog
from workbench.sessions.model import Probe, Turn

NO_MEMORY, ORACLE = "no-memory", "oracle"
"""Their names; ``workbench.probes.controls`` has them, too, which this layer cannot import."""


@dataclass
class NoMemory(MemoryStrategy):
    """Stores nothing and recalls nothing."""

    name: ClassVar[str] = NO_MEMORY
    title: ClassVar[str] = "No memory (control)"
    fidelity: ClassVar[Fidelity] = "baseline"
    embeds: ClassVar[bool] = False

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Nothing."""

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """Nothing."""
        return Recall(())


@dataclass
class Oracle(NoMemory):
    """Stores nothing; its reader is handed the evidence."""

    name: ClassVar[str] = ORACLE
    title: ClassVar[str] = "Oracle (control): the evidence turns alone"


CONTROLS: dict[str, type[MemoryStrategy]] = {NO_MEMORY: NoMemory, ORACLE: Oracle}


def handed(strategy: type[MemoryStrategy], probe: Probe, turns: Sequence[Turn]) -> tuple[Span, ...]:
    """What the replay hands to a lane's reader beside what it recalled: the evidence for the oracle, else nothing."""
    if strategy is not Oracle:
        return ()
    heard = (turns[t] for t in sorted(set(probe.evidence)) if t < len(turns))
    return tuple(Span(t.said, (), (t.index,), "turn", f"turn {t.index}", when=t.when) for t in heard)
