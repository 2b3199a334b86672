"""TIMRUN: finished subtasks lose their inner tokens."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from workbench.cache.base import CachePolicy, Fidelity, Ints, Observation, Plan
from workbench.errors import UsageError


@dataclass
class TIMRUN(CachePolicy):
    """A subtask is what happens between two messages of the user. Of a finished one the request and the last message
    (its conclusion) stay; what was said and called between them goes. The ``stack`` latest finished subtasks keep all
    their tokens. There is no budget: how much goes is up to the text.

    Attributes:
        stack: finished subtasks that are not pruned.
        renumber: move what is kept together, as the runtime encodes following tokens at reused positions.
    """

    name: ClassVar[str] = "timrun"
    title: ClassVar[str] = "TIMRUN"
    fidelity: ClassVar[Fidelity] = "adapted"
    paper: ClassVar[str] = "Beyond Context Limits: Subconscious Threads, arXiv 2507.16784 (the engine is not public)"
    differs: ClassVar[str] = (
        "The model was not trained for it and writes no subtask tree: subtasks are read off who said what."
    )
    unbudgeted: ClassVar[str] = "it prunes whole finished subtasks: stack says how many of them stay"

    keep: float = field(default=1.0, init=False)
    stack: int = 1
    renumber: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.stack < 0:
            raise UsageError(f"{self.name}: stack is {self.stack}", "write 0, or a number of subtasks")

    @property
    def renumbers(self) -> bool:
        """See the base."""
        return self.renumber

    def plan(self, seen: Observation, budget: int) -> Plan:
        """Prune all finished subtasks that are no longer on the stack."""
        kept = np.ones(seen.n, bool)
        found = subtasks(seen)
        pruned = 0
        for inner in found[: max(0, len(found) - self.stack)]:
            gone = np.isin(seen.spans, inner)
            pruned += int(gone.any())
            kept &= ~gone
        kept[-1] = True
        return Plan(kept, facts={"subtasks": len(found), "pruned": pruned})


def subtasks(seen: Observation) -> list[Ints]:
    """The inner spans of each finished subtask, in order. One is finished when the user has spoken again."""
    said = [number for number in range(len(seen.roles)) if seen.roles[number]]
    asked = [place for place, number in enumerate(said) if seen.roles[number] == "user"]
    out = []
    for begin, end in itertools.pairwise(asked):
        if end - begin > 2:  # the request, something, the conclusion
            out.append(np.array(said[begin + 1 : end - 1], np.int64))
    return out
