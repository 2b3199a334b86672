"""StreamingLLM: the first tokens and the last ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from workbench.cache.base import CachePolicy, Fidelity, Observation, Plan
from workbench.errors import UsageError


@dataclass
class StreamingLLM(CachePolicy):
    """Keep the first ``start`` tokens, the attention sinks, and the most recent ones; drop the middle at every step.

    What is kept is numbered anew without a gap, as in ``streaming_llm/kv_cache.py`` (``start_size`` 4).

    Attributes:
        start: first tokens kept.
        renumber: move what is kept together; False leaves positions as they were (as kvpress does).
        every: drop again after so many generated tokens; the official code does at each.
    """

    name: ClassVar[str] = "streaming-llm"
    title: ClassVar[str] = "StreamingLLM"
    fidelity: ClassVar[Fidelity] = "faithful"
    paper: ClassVar[str] = "arXiv 2309.17453; github.com/mit-han-lab/streaming-llm"
    differs: ClassVar[str] = "The prompt is read whole before the middle goes; the official code drops while it reads."

    start: int = 4
    renumber: bool = True
    every: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.start < 1:
            raise UsageError(f"{self.name}: start is {self.start}", "keep at least the first token")

    @property
    def renumbers(self) -> bool:
        """See the base."""
        return self.renumber

    def budget(self, n: int) -> int:
        """The sinks and at least one recent token."""
        return min(n, max(super().budget(n), self.start + 1))

    def plan(self, seen: Observation, budget: int) -> Plan:
        """The first ``start`` and the last ``budget - start`` of what is there."""
        alive = np.flatnonzero(seen.alive[0, 0])
        kept = np.zeros(seen.n, bool)
        kept[alive[: self.start]] = kept[alive[max(self.start, len(alive) - (budget - self.start)) :]] = True
        return Plan(kept)
