"""Judges: a model says whether an answer is right, by the rubric that a benchmark publishes.

Any loaded or remote model can judge. What it was asked, what it said and why are kept with every verdict. How often it
accepts answers that are vague and wrong is measured with a set of our own (``resources/judge/stress.jsonl``) and stands
beside every judged score: a judge that lets everything pass is worth nothing.

The rubrics are those of LongMemEval (``src/evaluation/evaluate_qa.py``), of Mem0's LoCoMo evaluation, which later
papers took over, and of InfBench's summaries in MemoryAgentBench (``llm_based_eval/summarization_evaluate.py``), in our
words; and two that judge item by item (``workbench.checklists``).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from workbench.checklists import Judged, clear, tick
from workbench.errors import ModelError
from workbench.llm.base import Backend, CompletionRequest
from workbench.llm.messages import Message
from workbench.memory import schemas
from workbench.memory.json_text import parse
from workbench.memory.prompt_sets import PromptSet
from workbench.paths import resources
from workbench.projections.judged import Trial
from workbench.sessions.model import Probe

TOKENS = 160
"""What a verdict with its reason may take."""
_REASON = 300  # characters
AT_ONCE = 8
"""Verdicts that are asked for at the same time; the backend batches them."""

Name = Literal["locomo-judge", "longmemeval-judge", "infbench-judge", "tick-judge", "clear-judge"]
_BY_ITEMS = {"tick-judge": tick, "clear-judge": clear}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge said of an answer.

    Attributes:
        name: the score.
        judge: the model's name.
        value: 0 to 1; None when it gave no verdict that can be read.
        verdict: in a word or two.
        reason: why, in the model's words; or why there is no verdict.
        prompts, replies: what was asked and what came back, one each for every question that the rubric asks.
    """

    name: str
    judge: str
    value: float | None
    verdict: str
    reason: str
    prompts: tuple[tuple[Message, ...], ...]
    replies: tuple[str, ...]

    @property
    def payload(self) -> dict[str, Any]:
        """The payload of ``probe.judged``."""
        return {
            "name": self.name,
            "judge": self.judge,
            "value": None if self.value is None else round(self.value, 9),
            "verdict": self.verdict,
            "reason": self.reason,
            "prompts": [[{"role": m.role, "text": m.text} for m in prompt] for prompt in self.prompts],
            "replies": list(self.replies),
        }


class Judge:
    """A model as judge.

    Args:
        backend: what answers.
        seed: of its sampling, which is greedy.
    """

    def __init__(self, backend: Backend, seed: int = 0) -> None:
        self._backend, self._seed, self._prompts = backend, seed, PromptSet("full")
        self.name = backend.info.name

    async def __call__(self, name: str, probe: Probe, answer: str) -> Verdict:
        """Judge an answer to a probe. Never raises for what the model does: then there is no value, and why."""
        if name == "infbench-judge":
            return await self._summary(name, probe, answer)
        if name in _BY_ITEMS:
            return self._by_items(name, await _BY_ITEMS[name](self._ask, probe, answer))
        inputs = self._inputs(name, probe, answer)
        schema = schemas.fields(
            verdict=schemas.one_of(("yes", "no"), "whether the answer counts as right"),
            reason=_text("why, in one short sentence"),
        )
        data, prompt, reply, problem = await self._ask(name.removesuffix("-judge"), inputs, schema)
        said = str(data.get("verdict", "")).lower()
        value = float(said == "yes") if said in ("yes", "no") else None
        reason = problem or str(data.get("reason", ""))
        return Verdict(name, self.name, value, said, reason, (prompt,), (reply,))

    async def stress(self, name: str, step: Callable[[int, int], None] = lambda done, total: None) -> Trial:
        """Judge the stress set."""
        rows = stress_set()
        probes = [_stress_probe(n, row) for n, row in enumerate(rows)]
        work = [(name, probe, row["answer"]) for probe, row in zip(probes, rows, strict=True)]
        values = [v.value for v in await judged(self, work, step)]
        passed = [(row["right"], value == 1.0) for row, value in zip(rows, values, strict=True)]
        wrong, right = [ok for truth, ok in passed if not truth], [ok for truth, ok in passed if truth]
        return Trial(name, self.name, sum(wrong), len(wrong), sum(right), len(right), values.count(None))

    def _by_items(self, name: str, found: Judged) -> Verdict:
        reason = "; ".join(found.problems)
        return Verdict(name, self.name, found.value, found.verdict, reason, tuple(found.prompts), tuple(found.replies))

    def _inputs(self, name: str, probe: Probe, answer: str) -> dict[str, Any]:
        kept = probe.extra.get("answer")
        gold = str(kept) if name == "longmemeval-judge" and kept is not None else " or ".join(probe.gold)
        kind = str(probe.extra.get("type", ""))
        return {"question": probe.question, "gold": gold, "answer": answer, "kind": kind, "abstain": probe.abstain}

    async def _summary(self, name: str, probe: Probe, answer: str) -> Verdict:
        """InfBench: fluency (0 or 1) times the F1 of the key points found and the sentences supported."""
        points = [str(p) for p in probe.extra.get("keypoints") or ()]
        count = schemas.number(0, 999, "how many")
        asked = {
            "fluency": {"fluency": schemas.number(0, 1)},
            "recall": {"reason": _text("which key points"), "recall": count},
            "precision": {"reason": _text("which sentences"), "precision": count, "sentence_count": count},
        }
        inputs = {"answer": answer, "gold": " ".join(probe.gold), "keypoints": points}
        found: dict[str, Any] = {}
        prompts, replies, problems = [], [], []
        for part, properties in asked.items():
            data, prompt, reply, problem = await self._ask(f"infbench-{part}", inputs, schemas.fields(**properties))
            found |= {key: value for key, value in data.items() if key != "reason"}
            prompts.append(prompt)
            replies.append(reply)
            problems += [problem] if problem else []
        value = None if problems else summary_f1(found, len(points))
        verdict = ", ".join(f"{key} {number}" for key, number in found.items()) + f" of {len(points)} key points"
        return Verdict(name, self.name, value, verdict, "; ".join(problems), tuple(prompts), tuple(replies))

    async def _ask(
        self, template: str, inputs: Mapping[str, Any], schema: schemas.Schema
    ) -> tuple[dict[str, Any], tuple[Message, ...], str, str]:
        """The parsed reply, the prompt, the raw reply, and what went wrong (empty: nothing)."""
        messages = self._prompts.messages(f"judge/{template}.md", {"format": schemas.in_words(schema), **inputs})
        try:
            done = await self._backend.complete(CompletionRequest(messages, schema, TOKENS, seed=self._seed))
            data = parse(done.text)
        except ModelError as problem:
            return {}, messages, "", str(problem)
        except ValueError as problem:
            return _cut(done.text, schema), messages, done.text, f"no verdict can be read: {problem}"
        if not isinstance(data, dict) or not schema["properties"].keys() - {"reason"} <= data.keys():
            return {}, messages, done.text, "no verdict can be read: another form than was asked for"
        return data, messages, done.text, ""


def _cut(text: str, schema: schemas.Schema) -> dict[str, Any]:
    """The verdict of a reply that broke off in its reason."""
    from workbench.memory.json_text import parse_cut

    data = parse_cut(text)
    return data if isinstance(data, dict) and "verdict" in schema["properties"] else {}


def _text(about: str) -> schemas.Schema:
    return schemas.text(about) | {"maxLength": _REASON}


def summary_f1(found: Mapping[str, Any], points: int) -> float:
    """Fluency times the harmonic mean of recall over key points and precision over sentences, as officially."""
    recall = found["recall"] / points if points else 0.0
    precision = found["precision"] / found["sentence_count"] if found["sentence_count"] else 0.0
    together = recall + precision
    return min(1.0, float(found["fluency"] * 2 * recall * precision / together)) if together else 0.0


async def judged(
    judge: Callable[[str, Probe, str], Awaitable[Verdict]],
    work: Sequence[tuple[str, Probe, str]],
    step: Callable[[int, int], None] = lambda done, total: None,
) -> list[Verdict]:
    """All verdicts, in order; some at a time. ``step`` is told how many are done of how many."""
    room, done = asyncio.Semaphore(AT_ONCE), 0

    async def one(name: str, probe: Probe, answer: str) -> Verdict:
        nonlocal done
        async with room:
            verdict = await judge(name, probe, answer)
        done += 1
        step(done, len(work))
        return verdict

    return list(await asyncio.gather(*(one(*item) for item in work)))


@cache
def stress_set() -> tuple[Mapping[str, Any], ...]:
    """``{question, gold, answer, right, kind}`` of every entry."""
    text = (resources() / "judge" / "stress.jsonl").read_text(encoding="utf-8")
    return tuple(json.loads(line) for line in text.splitlines())


def _stress_probe(number: int, row: Mapping[str, Any]) -> Probe:
    extra = {"type": "single-session-user", "answer": row["gold"], "keypoints": [row["gold"]]}
    return Probe(f"s{number}", 0, row["question"], (row["gold"],), "accurate_retrieval", extra=extra)
