"""TME with a dependency graph: a revised slot reaches everything that depends on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from workbench.memory import prompts, schemas
from workbench.memory.base import Mind
from workbench.memory.items import Item
from workbench.memory.lines import told
from workbench.memory.log import MemoryLog
from workbench.memory.pieces import cut, fitting, room
from workbench.memory.replies import ask
from workbench.memory.strategies.tme_tree import SLOT, TMETree

DEPENDS_ON = "depends on"


@dataclass
class TMEDag(TMETree):
    """TME's tree, and edges from every new slot to the slots that it depends on.

    The model names the dependencies of a new slot among the nearest older ones (one call more than the tree). An edge
    that would close a circle is dropped. An update reaches everything that depends on the slot, however far, and a
    question is answered from the slots that it finds together with those they depend on.

    Task Memory Engine, arXiv 2505.19436; written from the paper's idea, not from its code.

    Attributes:
        most: dependencies of one slot at most.
    """

    name: ClassVar[str] = "tme-dag"
    title: ClassVar[str] = "TME (DAG)"
    paper: ClassVar[str] = "Task Memory Engine: spatial memory, arXiv 2505.19436"

    most: int = 3

    async def _connect(self, slot: Item, mind: Mind, log: MemoryLog) -> None:
        others = [i for i in log.state.active(SLOT) if i.id != slot.id]
        scores = await self._vectors.cosines(mind, slot.text, [i.index_text for i in others])
        near = [others[i] for i in (-scores).argsort(kind="stable")[: self.near]]
        labels = {f"{log.state[i.fields['parent']].text} {i.fields['slot']}": i for i in near}
        names = fitting(labels, room(mind, 128, 0.5), mind.count_tokens)
        if not names:
            return
        about = cut(f"What does this depend on? {slot.fields['value']}", room(mind, 128, 0.4), mind.count_tokens)
        plain, shown = prompts.choose(about[0], names, self.most), [told(labels[name]) for name in names]
        depends = schemas.many(schemas.index(len(names)), "numbers of the slots that it depends on", most=self.most)
        operation = self.operation(
            "depends", plain, schema=schemas.fields(slots=depends), new=told(slot), slots=shown,
            reads=lambda plain: {"slots": [names.index(name) for name in plain["choice"]]},
        )  # fmt: skip
        reply = await ask(mind, log, operation)
        chosen = [labels[names[n]] for n in dict.fromkeys(reply["slots"])] if reply else []
        for other in chosen:
            self._depend(slot.id, other.id, log, reply.cause if reply else 0)

    def _depend(self, slot: str, on: str, log: MemoryLog, cause: int) -> None:
        if on in {i.id for i in self._dependants(slot, log)}:
            return log.dropped("circular dependency", f"{slot} on {on}", cause=cause)
        log.update(slot, dependencies=[*log.state[slot].fields["dependencies"], on], cause=cause)
        log.link(slot, on, DEPENDS_ON, cause=cause)

    def _needed(self, chosen: Iterable[str], log: MemoryLog) -> list[str]:
        chosen = list(chosen)
        needed = [d for name in chosen for d in log.state[name].fields["dependencies"]]
        return [*super()._needed(chosen, log), *needed]
