"""ChemAgent: a library of plans, solved sub-tasks and knowledge that grows with use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from workbench.memory import prompts
from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall
from workbench.memory.exchanges import PENDING, Exchange, clear, proceed
from workbench.memory.facts import extract, fitting, with_recent
from workbench.memory.items import Item
from workbench.memory.lines import Line, told
from workbench.memory.log import MemoryLog
from workbench.memory.replies import ask
from workbench.memory.retrieval import best, marked
from workbench.memory.vectors import VectorIndex
from workbench.sessions.model import Turn

PLAN, EXECUTION, KNOWLEDGE = "plan", "execution", "knowledge"


@dataclass
class ChemAgent(MemoryStrategy):
    """Decompose what was asked into sub-tasks, keep those that succeeded, imagine knowledge where the library is thin.

    A finished exchange costs two model calls: its sub-tasks (the plan), and whether it failed. The plan and its
    sub-tasks enter the library, a failed one marked so and not found again. A question finds ``k`` executions of each
    level (0 a sub-task, 1 a whole request) above ``similar``, filled up from below it when ``fill``; when their mean
    similarity is below ``imagine``, one call draws knowledge for the question from what it found, and keeps it.
    ChemAgent, arXiv 2501.06590.

    Attributes:
        k: executions returned per level, and pieces of knowledge.
        similar: cosine that an execution or a piece of knowledge needs.
        fill: whether executions below ``similar`` fill up to ``k``. False as published, for an embedder that gives
            nearly everything more than 0.7; small sentence encoders give a question and its answer less.
        imagine: mean similarity below which knowledge is imagined; 0 never.
    """

    name: ClassVar[str] = "chem-agent"
    title: ClassVar[str] = "ChemAgent"
    fidelity: ClassVar[Fidelity] = "adapted"
    paper: ClassVar[str] = "ChemAgent, arXiv 2501.06590"
    differs: ClassVar[str] = (
        "Exchanges of a conversation stand for chemistry problems: no code is run, success is what the next turn says, "
        "sub-tasks have one level. Imagined knowledge is drawn from the nearest entries and not from a list of "
        "subjects."
    )

    k: int = 3
    similar: float = 0.7
    fill: bool = True
    imagine: float = 0.9

    def __post_init__(self) -> None:
        self._index = VectorIndex()

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Close the exchange before: plan, verify, enter into the library."""
        closed = proceed(turn, log)
        if closed is None:
            return
        said = [(closed.request, closed.turns[:1]), (closed.answer, closed.turns[1:] or closed.turns)]
        steps, _ = await extract(self, "plan", [(Line(text), turns) for text, turns in said if text], mind, log)
        status, cause = await self._verify(closed, mind, log)
        text = f"{closed.request} {closed.answer}".strip()
        plan = log.write(closed.request, PLAN, closed.turns, cause=cause, status=status, index_text="")
        whole = log.write(text, EXECUTION, closed.turns, cause=cause, level=1, status=status, goal=closed.request)
        log.link(plan.id, whole.id, "executed as", cause=cause)
        for step in steps:
            item = log.write(step.text, EXECUTION, step.turns, cause=step.cause, level=0, status=status, goal=step.text)
            log.link(plan.id, item.id, "sub-task", cause=step.cause)
        await self._index.add([text, *(s.text for s in steps)], mind)
        clear(closed, log)

    @staticmethod
    async def _verify(exchange: Exchange, mind: Mind, log: MemoryLog) -> tuple[str, int]:
        texts = [" ".join(t.split())[:1000] for t in (exchange.request, exchange.answer, exchange.feedback) if t]
        if fitting(texts, mind, 16) < len(texts):
            return "SUCCESS", 0
        reply = await ask(mind, log, prompts.check(texts, "Does the text say that it failed?"))
        failed = reply is not None and reply["answer"] == "yes"
        return "FAIL" if failed else "SUCCESS", reply.cause if reply else 0

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """The best of each level and of knowledge, imagined first if need be; the exchange that is still open."""
        done = [i for i in log.state.active(EXECUTION) if i.fields["status"] == "SUCCESS"]
        found = await self._index.search(query, done, mind, self.k)
        chosen: list[int] = []
        for level in (0, 1):
            order = (n for n in best(found.scores) if self.fill or found.scores[n] > self.similar)
            chosen += [n for n in order if done[n].fields["level"] == level][: self.k]
        mean = float(np.mean(found.scores[chosen])) if chosen else 0.0
        hit = sum(bool(found.scores[n] > self.similar) for n in chosen)
        known = await self._knowledge(query, [done[n] for n in chosen], mean, mind, log)
        log.note("library", {"hits": hit, "of": len(chosen), "mean": round(mean, 4), "imagined": mean < self.imagine})
        items = [*done, *log.state.active(KNOWLEDGE)]
        scores = (await self._index.search(query, items, mind, self.k)).scores
        recall = marked(items, scores, {*(done[n].id for n in chosen), *known}, self.k)
        return with_recent(recall, log.state.active(PENDING))

    async def _knowledge(
        self, query: str, around: Sequence[Item], mean: float, mind: Mind, log: MemoryLog
    ) -> list[str]:
        stored = {i.text: i for i in log.state.active(KNOWLEDGE)}
        if around and mean < self.imagine:
            facts, _ = await extract(self, "imagine", [(told(i), i.turns) for i in around], mind, log)
            for fact in facts[: self.k]:
                if fact.text not in stored:
                    stored[fact.text] = log.write(fact.text, KNOWLEDGE, fact.turns, cause=fact.cause, imagined=query)
        items = list(stored.values())
        found = await self._index.search(query, items, mind, self.k)
        return [items[n].id for n in found.order[: self.k] if found.scores[n] > self.similar]
