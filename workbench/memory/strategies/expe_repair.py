"""ExpeRepair: demonstrations of what worked, and insights drawn from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from workbench.memory import prompts, schemas
from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall
from workbench.memory.exchanges import PENDING, Exchange, clear, proceed
from workbench.memory.facts import fitting, shortened, with_recent
from workbench.memory.lines import Line, one_line, told
from workbench.memory.log import MemoryLog
from workbench.memory.replies import ask
from workbench.memory.retrieval import Lexical, best, marked, unit_range
from workbench.sessions.model import Turn

DEMONSTRATION, INSIGHT = "demonstration", "insight"


@dataclass
class ExpeRepair(MemoryStrategy):
    """Keep exchanges that worked as demonstrations, and every few of them as an insight.

    A finished exchange costs one model call: did what came next say that it failed? If not, it becomes a demonstration
    (episodic memory). After every ``reflect`` demonstrations one call sums them up as an insight (semantic memory).
    Reading takes none: BM25 per field, each moved to [0, 1], issue .7 and answer .3; of the best ten the first ``k``
    with different issues; and the ``insights`` best insights. ExpeRepair, arXiv 2506.10484.

    Attributes:
        k: demonstrations returned.
        insights: insights returned.
        issue: weight of the issue field; the answer has the rest.
        reflect: demonstrations per insight; 0 for none, as in the released code.
    """

    name: ClassVar[str] = "expe-repair"
    title: ClassVar[str] = "ExpeRepair"
    embeds: ClassVar[bool] = False
    fidelity: ClassVar[Fidelity] = "adapted"
    paper: ClassVar[str] = "ExpeRepair, arXiv 2506.10484"
    differs: ClassVar[str] = (
        "A request, its answer and what was said next stand for issue, patch and test result; the reproduction and "
        "feedback memories of program repair are left out. The question is matched with requests and "
        "answers; published the current patch is matched with old patches, and there is none here."
    )

    k: int = 3
    insights: int = 3
    issue: float = 0.7
    reflect: int = 4

    def __post_init__(self) -> None:
        self._issues, self._answers, self._insights = Lexical(), Lexical(), Lexical()

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Close the exchange before, keep it if it worked, reflect when due."""
        closed = proceed(turn, log)
        if closed is None:
            return
        worked, cause = await self._worked(closed, mind, log)
        if worked:
            text = f"{closed.request} {closed.answer}".strip()
            log.write(text, DEMONSTRATION, closed.turns, issue=closed.request, answer=closed.answer, index_text="",
                      cause=cause)  # fmt: skip
            await self._reflect(mind, log)
        clear(closed, log)

    async def _worked(self, exchange: Exchange, mind: Mind, log: MemoryLog) -> tuple[bool, int]:
        texts = [" ".join(t.split())[:1000] for t in (exchange.request, exchange.answer, exchange.feedback) if t]
        if fitting(texts, mind, 16) < len(texts):
            return True, 0
        plain = prompts.check(texts, "Does the text say that it failed?")
        schema = schemas.fields(answer=schemas.one_of(["yes", "no"], "yes: it failed; no: it worked, or nobody says"))
        shown = {"request": exchange.request, "reply": exchange.answer, "feedback": exchange.feedback}
        lines = {name: Line(one_line(text), log.said_at(exchange.turns)) for name, text in shown.items()}
        reply = await ask(mind, log, self.operation("failed", plain, schema=schema, max_tokens=64, exchange=lines))
        worked = reply is None or reply["answer"] == "no"
        log.note("worked", worked, cause=reply.cause if reply else 0)
        return worked, reply.cause if reply else 0

    async def _reflect(self, mind: Mind, log: MemoryLog) -> None:
        done = log.state.active(DEMONSTRATION)
        if not self.reflect or len(done) % self.reflect:
            return
        last = done[-self.reflect :]
        texts = [shortened(i) for i in last]
        seen = fitting(texts, mind, 384)
        schema = schemas.fields(summary=schemas.text("the insight"))
        lines = [told(i) for i in last[:seen]]
        operation = self.operation("insight", prompts.summarise(texts[:seen]), schema=schema, demonstrations=lines)
        reply = await ask(mind, log, operation) if seen else None
        if reply and reply["summary"]:
            turns = [t for i in last[:seen] for t in i.turns]
            item = log.write(reply["summary"], INSIGHT, turns, index_text="", cause=reply.cause)
            for part in last[:seen]:
                log.link(item.id, part.id, "drawn from", cause=reply.cause)

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """Demonstrations of ``k`` different issues, the best insights, and the exchange that is still open."""
        done, drawn = log.state.active(DEMONSTRATION), log.state.active(INSIGHT)
        by_issue = unit_range(self._issues.scores(query, [i.fields["issue"] for i in done]))
        by_answer = unit_range(self._answers.scores(query, [i.fields["answer"] for i in done]))
        score = self.issue * by_issue + (1 - self.issue) * by_answer
        issues: dict[str, str] = {}
        for n in best(score)[:10]:
            issues.setdefault(done[n].fields["issue"], done[n].id)
        insight = unit_range(self._insights.scores(query, [i.text for i in drawn]))
        returned = {*list(issues.values())[: self.k], *(drawn[n].id for n in best(insight)[: self.insights])}
        items = [*done, *drawn]
        recall = marked(items, np.concatenate((score, insight)), returned, self.k, "score")
        return with_recent(recall, log.state.active(PENDING))
