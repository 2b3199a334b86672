"""TIM: a reasoning tree whose finished parts are pruned to their conclusions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from workbench.memory import prompts, schemas
from workbench.memory.base import Fidelity, Hit, MemoryStrategy, Mind, Recall, Span, above
from workbench.memory.items import Item
from workbench.memory.lines import told
from workbench.memory.log import MemoryLog
from workbench.memory.pieces import cut, room
from workbench.memory.replies import ask
from workbench.memory.retrieval import CANDIDATES
from workbench.sessions.model import Turn

TASK, SUBTASK = "task", "subtask"
OPEN, STACKED, PRUNED, FAILED = "open", "stacked", "pruned", "failed"


@dataclass
class TIM(MemoryStrategy):
    """Keep the session as a tree of tasks, and prune finished subtask lists to their conclusions.

    Every turn is a subtask of the open task. A list of ``width`` subtasks (or the end of a sitting) completes the task:
    the model writes its conclusion and the list goes on a stack. Once the stack exceeds ``threshold``, the earliest
    list is pruned: its subtasks leave the context and only the conclusion stays. Conclusions are subtasks of the level
    above, so the working set grows with the logarithm of the session. A task without a readable conclusion is never
    pruned. One call per completed list, none for a question, which reads the working set in the order of the tree.

    TIM and TIMRUN, "Beyond Context Limits", arXiv 2507.16784.

    Attributes:
        threshold: completed subtask lists kept unpruned (TIMRUN: 0, 1 or 2).
        width: subtasks that complete a task.
    """

    name: ClassVar[str] = "tim"
    title: ClassVar[str] = "TIM"
    embeds: ClassVar[bool] = False
    fidelity: ClassVar[Fidelity] = "emulated"
    paper: ClassVar[str] = "Thread Inference Model and TIMRUN, arXiv 2507.16784"
    differs: ClassVar[str] = (
        "The tree is that of the session's turns, cut by count, not one that a trained model reasons out; pruning "
        "rebuilds the text of the context instead of evicting cells of the KV cache."
    )

    threshold: int = 2
    width: int = above(1, 4)

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Add the turn to the open task; complete what is full and prune what is old."""
        if not turn.text.strip():
            return
        current = _open(log, 0)
        if current and current.fields["part"] != turn.part:
            await self._complete(current, mind, log)
        for piece in cut(turn.said, room(mind, 384, 0.8 / self.width), mind.count_tokens):
            leaf = log.write(piece, SUBTASK, index_text="")
            await self._add(leaf, 0, turn.part, mind, log)

    async def _add(self, child: Item, level: int, part: int, mind: Mind, log: MemoryLog) -> None:
        task = _open(log, level)
        if task is None:
            values: dict[str, Any] = {"level": level, "status": OPEN, "part": part, "finished": 0}
            values["children"] = [child.id]
            task = log.write("", TASK, child.turns, index_text="", **values)
        else:
            children = [*task.fields["children"], child.id]
            task = log.update(task.id, turns=[*task.turns, *child.turns], children=children)
        log.link(child.id, task.id, "subtask of")
        if len(task.fields["children"]) >= self.width:
            await self._complete(task, mind, log)

    async def _complete(self, task: Item, mind: Mind, log: MemoryLog) -> None:
        children = [log.state[c] for c in task.fields["children"]]
        known = [c for c in children if c.text]
        plain = prompts.summarise([c.text for c in known])
        schema = schemas.fields(summary=schemas.text("the conclusion"))
        lines, level = [told(c) for c in known], task.fields["level"]
        operation = self.operation("conclude", plain, schema=schema, subtasks=lines, level=level)
        reply = await ask(mind, log, operation)
        if reply is None or not reply["summary"]:
            log.update(task.id, status=FAILED, reason="no conclusion")
            return
        finished = 1 + sum(t.fields["status"] in (STACKED, PRUNED) for t in _tasks(log))
        task = log.update(task.id, text=reply["summary"], status=STACKED, finished=finished, cause=reply.cause)
        self._prune(mind, log)
        await self._add(task, task.fields["level"] + 1, task.fields["part"], mind, log)

    def _prune(self, mind: Mind, log: MemoryLog) -> None:
        stack = sorted((t for t in _tasks(log) if t.fields["status"] == STACKED), key=lambda t: t.fields["finished"])
        for task in stack[: max(0, len(stack) - self.threshold)]:
            gone = [log.state[c] for c in task.fields["children"] if log.state[c].active]
            for child in gone:
                log.evict(child.id, reason=f"pruned: {task.id} is concluded")
            log.update(task.id, status=PRUNED, reason="the stack is over its threshold")
            figures = {
                "task": task.id,
                "items": [c.id for c in gone],
                "tokens": sum(mind.count_tokens(c.text) for c in gone),
                "working set": sum(mind.count_tokens(i.text) for i in log.state.active()),
            }
            log.note("pruned", figures, subject=task.id)

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """The working set in the order of the tree: subtasks, then the conclusion over them."""
        shown = [i for i in log.state.active(TASK, SUBTASK) if i.text]
        shown.sort(key=lambda i: (i.turns[-1], i.fields.get("level", -1)))
        spans = tuple(Span(i.text, (i.id,), i.turns, i.kind, priority=n) for n, i in enumerate(shown))
        gone = [i for i in log.state.items.values() if not i.active and i.text]
        newest = list(reversed(shown)) + list(reversed(gone))[: max(0, CANDIDATES - len(shown))]
        hits = (Hit(i.id, 1 / n, n, i.active, {"recency": 1 / n}) for n, i in enumerate(newest, 1))
        return Recall(spans, tuple(hits), len(shown))


def _tasks(log: MemoryLog) -> list[Item]:
    return [i for i in log.state.items.values() if i.kind == TASK]


def _open(log: MemoryLog, level: int) -> Item | None:
    return next((t for t in _tasks(log) if t.fields["status"] == OPEN and t.fields["level"] == level), None)
