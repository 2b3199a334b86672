"""Judging long answers item by item: TICK (arXiv 2410.03608) and CLEAR of ExpertLongBench (arXiv 2506.01241).

TICK breaks what a good answer must do into yes-or-no questions and answers each; its figure is the share of yes. CLEAR
takes out of an answer and of the reference what either says about every item of a checklist, and compares item by item:
recall over the items that the reference has, precision over those that the answer has, and their F1.

A probe's own checklist is ``extra["checklist"]``: for TICK a list of questions, for CLEAR a list of items or an object
of item and what the reference says about it. Without one, the model writes TICK's, and CLEAR's items are the golds.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.llm.messages import Message
from workbench.memory import schemas
from workbench.sessions.model import Probe

MOST = 12
"""Items of a checklist that are asked about."""
NOTHING = "none"
"""What is said of an item that a text does not mention."""
_LONG = 400  # characters of what is taken out for an item

Reply = tuple[dict[str, Any], tuple[Message, ...], str, str]
Ask = Callable[[str, Mapping[str, Any], schemas.Schema], Awaitable[Reply]]
"""Template, inputs and schema to the parsed reply, the prompt, the raw reply, and what went wrong."""


@dataclass
class Judged:
    """What came of it.

    Attributes:
        value: the figure; None when a reply cannot be read.
        verdict: item by item.
        prompts, replies: all that was asked and answered.
    """

    value: float | None = None
    verdict: str = ""
    problems: list[str] = field(default_factory=list)
    prompts: list[tuple[Message, ...]] = field(default_factory=list)
    replies: list[str] = field(default_factory=list)

    def take(self, reply: Reply) -> dict[str, Any]:
        """Keep a reply; its data."""
        data, prompt, raw, problem = reply
        self.prompts.append(prompt)
        self.replies.append(raw)
        self.problems += [problem] if problem else []
        return {} if problem else data


async def tick(ask: Ask, probe: Probe, answer: str) -> Judged:
    """Write the checklist where there is none, then answer it."""
    judged = Judged()
    inputs = {"question": probe.question, "gold": " or ".join(probe.gold), "answer": answer}
    checklist = _listed(probe)
    if not checklist:
        wanted = schemas.fields(questions=schemas.many({"type": "string"}, "yes-or-no questions", most=6))
        data = judged.take(await ask("tick-checklist", inputs, wanted))
        checklist = [str(q).strip() for q in data.get("questions", []) if str(q).strip()]
    if not checklist:
        judged.problems.append("no checklist")
        return judged
    passed = []
    for question in checklist[:MOST]:
        said = schemas.fields(answer=schemas.one_of(("yes", "no"), "whether the response does it"))
        data = judged.take(await ask("tick-answer", inputs | {"check": question}, said))
        passed.append(str(data.get("answer", "")).lower() == "yes")
    judged.value = None if judged.problems else sum(passed) / len(passed)
    judged.verdict = "; ".join(
        f"{'yes' if ok else 'no'}: {question}" for ok, question in zip(passed, checklist, strict=False)
    )
    return judged


async def clear(ask: Ask, probe: Probe, answer: str) -> Judged:
    """Take the items out of both texts, then compare."""
    judged = Judged()
    reference = " ".join(probe.gold)
    items, known = _items(probe)
    found: dict[str, tuple[str, str]] = {}
    for item in items[:MOST]:
        wanted = known.get(item) or await _taken(ask, judged, item, reference, probe)
        found[item] = (wanted, await _taken(ask, judged, item, answer, probe))
    outcomes = {item: await _compared(ask, judged, item, *pair, probe) for item, pair in found.items()}
    if not outcomes:
        judged.problems.append("no checklist")
    judged.value = None if judged.problems else item_f1(list(outcomes.values()))[2]
    judged.verdict = "; ".join(f"{item}: {_named(outcome)}" for item, outcome in outcomes.items())
    return judged


Outcome = tuple[bool, bool, bool]
"""Whether the reference says something about an item, whether the answer does, and whether they agree."""


def item_f1(outcomes: Sequence[Outcome]) -> tuple[float, float, float]:
    """Precision, recall and F1 over items."""
    agreed = sum(same for *_, same in outcomes)
    wanted, said = sum(there for there, _, _ in outcomes), sum(there for _, there, _ in outcomes)
    precision, recall = agreed / said if said else 0.0, agreed / wanted if wanted else 0.0
    together = precision + recall
    return precision, recall, 2 * precision * recall / together if together else 0.0


def _named(outcome: Outcome) -> str:
    wanted, said, same = outcome
    if same:
        return "agrees"
    if wanted and said:
        return "differs"
    return "missing" if wanted else "not wanted" if said else "neither says it"


async def _taken(ask: Ask, judged: Judged, item: str, text: str, probe: Probe) -> str:
    """What a text says about an item; "" for nothing."""
    if not text.strip():
        return ""
    schema = schemas.fields(found=schemas.text(f"what the text says about it, or {NOTHING}") | {"maxLength": _LONG})
    inputs = {"question": probe.question, "item": item, "text": text, "nothing": NOTHING}
    said = str(judged.take(await ask("clear-extract", inputs, schema)).get("found", "")).strip()
    return "" if said.casefold().strip(".") in ("", NOTHING) else said


async def _compared(ask: Ask, judged: Judged, item: str, wanted: str, said: str, probe: Probe) -> Outcome:
    if not wanted or not said:
        return bool(wanted), bool(said), False
    schema = schemas.fields(same=schemas.one_of(("yes", "no"), "whether the second says what the first says"))
    inputs = {"question": probe.question, "item": item, "gold": wanted, "answer": said}
    data = judged.take(await ask("clear-compare", inputs, schema))
    return True, True, str(data.get("same", "")).lower() == "yes"


def _listed(probe: Probe) -> list[str]:
    own = probe.extra.get("checklist")
    return [str(item).strip() for item in own if str(item).strip()] if isinstance(own, list | tuple) else []


def _items(probe: Probe) -> tuple[list[str], dict[str, str]]:
    """The items, and what the reference says about those for which it is known."""
    own = probe.extra.get("checklist")
    if isinstance(own, Mapping):
        return [str(key) for key in own], {str(key): str(value).strip() for key, value in own.items()}
    return _listed(probe) or [f"whether it says: {gold}" for gold in probe.gold], {}
