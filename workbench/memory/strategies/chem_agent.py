"""ChemAgent: a library of plans, solved sub-tasks and knowledge that grows with use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from workbench.memory import prompts, schemas
from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall, Span
from workbench.memory.exchanges import PENDING, Exchange, clear, proceed
from workbench.memory.facts import extract, fitting, shortened, with_recent
from workbench.memory.items import Item
from workbench.memory.lines import Line, one_line, told
from workbench.memory.log import MemoryLog
from workbench.memory.replies import ask
from workbench.memory.retrieval import best, marked
from workbench.memory.vectors import VectorIndex
from workbench.sessions.model import Turn

PLAN, EXECUTION, IMAGINED = "plan", "execution", "imagined"


@dataclass
class ChemAgent(MemoryStrategy):
    """Decompose what was asked into sub-tasks, keep those that succeeded, imagine knowledge where the library is thin.

    A finished exchange costs two model calls: its sub-tasks (the plan), and whether it failed. The plan and its
    sub-tasks enter the library, a failed one marked so and not found again. A question finds ``k`` plans and ``k``
    executions above ``similar``, filled up from below it when ``fill``; when their mean similarity is below
    ``imagine``, one call adds what the model itself knows to the question (imagined knowledge), which is shown beside
    the rest and not kept. ChemAgent, arXiv 2501.06590.

    Attributes:
        k: plans and executions returned, and pieces of imagined knowledge.
        similar: cosine that a plan or an execution needs.
        fill: whether executions below ``similar`` fill up to ``k``. False as published, for an embedder that gives
            nearly everything more than 0.7; small sentence encoders give a question and its answer less.
        imagine: mean similarity below which knowledge is imagined; 0 never.
    """

    name: ClassVar[str] = "chem-agent"
    title: ClassVar[str] = "ChemAgent"
    fidelity: ClassVar[Fidelity] = "emulated"
    paper: ClassVar[str] = "ChemAgent, arXiv 2501.06590"
    differs: ClassVar[str] = (
        "Exchanges of a conversation stand for chemistry problems: no code is run, success is what the next turn says, "
        "sub-tasks have one level. Knowledge is imagined for a question and not from a list of subjects."
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
        steps, _ = await extract(
            self, "plan", [(Line(text, log.said_at(turns)), turns) for text, turns in said if text], mind, log
        )
        status, cause = await self._verify(closed, mind, log)
        text = f"{closed.request} {closed.answer}".strip()
        plan = log.write(closed.request, PLAN, closed.turns, cause=cause, status=status)
        whole = log.write(text, EXECUTION, closed.turns, cause=cause, level=1, status=status, goal=closed.request)
        log.link(plan.id, whole.id, "executed as", cause=cause)
        for step in steps:
            item = log.write(step.text, EXECUTION, step.turns, cause=step.cause, level=0, status=status, goal=step.text)
            log.link(plan.id, item.id, "sub-task", cause=step.cause)
        await self._index.add([closed.request, text, *(s.text for s in steps)], mind)
        clear(closed, log)

    async def _verify(self, exchange: Exchange, mind: Mind, log: MemoryLog) -> tuple[str, int]:
        texts = [" ".join(t.split())[:1000] for t in (exchange.request, exchange.answer, exchange.feedback) if t]
        if fitting(texts, mind, 16) < len(texts):
            return "SUCCESS", 0
        plain = prompts.check(texts, "Does the text say that it failed?")
        schema = schemas.fields(answer=schemas.one_of(["yes", "no"], "yes: it failed; no: it worked, or nobody says"))
        shown = {"request": exchange.request, "reply": exchange.answer, "feedback": exchange.feedback}
        lines = {name: Line(one_line(text), log.said_at(exchange.turns)) for name, text in shown.items()}
        reply = await ask(mind, log, self.operation("verify", plain, schema=schema, max_tokens=64, exchange=lines))
        failed = reply is not None and reply["answer"] == "yes"
        return "FAIL" if failed else "SUCCESS", reply.cause if reply else 0

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """The best plans, executions and knowledge, imagined first if need be; the exchange that is still open."""
        done = [i for i in log.state.active(PLAN, EXECUTION) if i.fields["status"] == "SUCCESS"]
        scores = (await self._index.search(query, done, mind, self.k)).scores
        chosen = self._chosen(done, scores)
        mean = float(np.mean(scores[chosen])) if chosen else 0.0
        figures = {"hits": sum(bool(scores[n] > self.similar) for n in chosen), "of": len(chosen)}
        recall = marked(done, scores, {done[n].id for n in chosen}, self.k)
        if chosen and mean < self.imagine:
            imagined = await self._imagine(query, [done[n] for n in chosen], mind, log)
            recall = Recall((*recall.spans, *imagined), recall.hits, self.k)
        log.note("library", figures | {"mean": round(mean, 4), "imagined": len(recall.spans) > len(chosen)})
        return with_recent(recall, log.state.active(PENDING))

    def _chosen(self, done: Sequence[Item], scores: NDArray[np.floating]) -> list[int]:
        """The best ``k`` plans and the best ``k`` executions."""
        order = [n for n in best(scores) if self.fill or scores[n] > self.similar]
        return [n for kind in (PLAN, EXECUTION) for n in [n for n in order if done[n].kind == kind][: self.k]]

    async def _imagine(self, query: str, around: Sequence[Item], mind: Mind, log: MemoryLog) -> list[Span]:
        """What the model itself says to the question, given what was found: shown, and not kept."""
        texts = [shortened(i) for i in around]
        plain = prompts.facts(texts[: fitting(texts, mind, 384)])
        schema = schemas.fields(facts=schemas.texts("what you add, a sentence each; empty when you can add nothing"))
        lines = [told(i) for i in around]
        reply = await ask(mind, log, self.operation("imagine", plain, schema=schema, question=query, found=lines))
        known = {i.text for i in around}
        added = [f for f in dict.fromkeys(reply["facts"])][: self.k] if reply else []
        turns = tuple(sorted({t for i in around for t in i.turns}))
        names = tuple(i.id for i in around)
        return [Span(one_line(f), names, turns, IMAGINED, IMAGINED, -1.0) for f in added if f and f not in known]
