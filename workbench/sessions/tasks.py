"""What each part of each benchmark asks of an answer: its rule, its length, and how it is scored.

One table for all readers and generators. Figures are those of the official code: LoCoMo ``task_eval`` (92286325),
LongMemEval ``src/generation`` (9e0b455f), MemoryAgentBench ``configs/data_conf`` (455306dc; the paper allows its
LongMemEval part 100 tokens and Detective QA 500), LongBench ``config/dataset2maxlen.json`` (2e00731f) and SCBench
``scbench/eval_utils.py`` (fb56c917). Rules are in our own words, one file each in ``resources/prompts/answer/``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Task:
    """A benchmark's part.

    Attributes:
        rule: a file in ``resources/prompts/answer/``, without its ending.
        max_tokens: how long the benchmark lets an answer be.
        scorer: what says right or wrong; our own reading.
        scores: the published scorers, the headline first.
    """

    rule: str
    max_tokens: int
    scorer: str
    scores: tuple[str, ...]

    @property
    def fields(self) -> dict[str, Any]:
        """These as fields of a ``Probe``."""
        return {"task": self.rule, "max_tokens": self.max_tokens, "scorer": self.scorer, "scores": self.scores}


LOCOMO: Mapping[int, Task] = {
    1: Task("short-phrase", 32, "locomo", ("locomo-f1", "locomo-judge")),
    2: Task("conversation-date", 32, "locomo", ("locomo-f1", "locomo-judge")),
    3: Task("short-phrase", 32, "locomo", ("locomo-f1", "locomo-judge")),
    4: Task("short-phrase", 32, "locomo", ("locomo-f1", "locomo-judge")),
    5: Task("maybe-not-mentioned", 32, "abstain", ("locomo-f1",)),
}
"""By category. Papers that judge answers leave category 5 out."""

_RETRIEVED = ("longmemeval-ndcg", "recall-any", "recall-all")
LONGMEMEVAL: Mapping[str, Task] = {
    kind: Task("chat-history", 500, "match", ("longmemeval-judge", *_RETRIEVED))
    for kind in (
        "single-session-user",
        "single-session-assistant",
        "single-session-preference",
        "multi-session",
        "temporal-reasoning",
        "knowledge-update",
    )
}
"""By question type. The benchmark measures retrieval of answerable questions alone."""

MEMORYAGENTBENCH: Mapping[str, Task] = {
    "factconsolidation": Task("newest-fact", 10, "substring", ("substring-em", "em")),
    "ruler": Task("only-the-answer", 50, "substring", ("substring-em", "em")),
    "eventqa": Task("next-event", 40, "substring", ("substring-em", "eventqa-recall", "em")),
    "longmemeval": Task("concise-phrase", 50, "f1", ("longmemeval-judge",)),
    "icl": Task("label-number", 20, "label", ("icl-em",)),
    "recsys": Task("recommend-films", 300, "f1", ("recsys-recall@5",)),
    "infbench": Task("summarise-book", 1200, "f1", ("infbench-judge",)),
    "detective": Task("strict-format", 2000, "exact", ("em", "substring-em")),
}
"""By what ``metadata.source`` begins with."""

LONGBENCH: Mapping[str, Task] = {
    "narrativeqa": Task("story-phrase", 128, "f1", ("longbench-f1",)),
    "qasper": Task("article-phrase", 128, "f1", ("longbench-f1",)),
    "multifieldqa_en": Task("only-the-answer", 64, "f1", ("longbench-f1",)),
    "multifieldqa_zh": Task("same-language", 64, "f1", ("longbench-f1-zh",)),
    "hotpotqa": Task("only-the-answer", 32, "f1", ("longbench-f1",)),
    "2wikimqa": Task("only-the-answer", 32, "f1", ("longbench-f1",)),
    "musique": Task("only-the-answer", 32, "f1", ("longbench-f1",)),
    "dureader": Task("same-language", 128, "f1", ("rouge-l-zh",)),
    "gov_report": Task("one-page-summary", 512, "f1", ("rouge-l",)),
    "qmsum": Task("some-sentences", 512, "f1", ("rouge-l",)),
    "multi_news": Task("one-page-summary", 512, "f1", ("rouge-l",)),
    "vcsum": Task("one-page-summary", 512, "f1", ("rouge-l-zh",)),
    "trec": Task("class-name", 64, "match", ("longbench-class",)),
    "triviaqa": Task("only-the-answer", 32, "f1", ("longbench-f1",)),
    "samsum": Task("short-summary", 128, "f1", ("rouge-l",)),
    "lsht": Task("class-name", 64, "match", ("longbench-class",)),
    "passage_count": Task("count-only", 32, "number", ("longbench-count",)),
    "passage_retrieval_en": Task("paragraph-number", 32, "number", ("longbench-retrieval",)),
    "passage_retrieval_zh": Task("paragraph-number", 32, "number", ("longbench-retrieval",)),
    "lcc": Task("next-line", 64, "f1", ("code-sim",)),
    "repobench-p": Task("next-line", 64, "f1", ("code-sim",)),
}
"""By data set."""

SCBENCH: Mapping[str, Task] = {
    "scbench_kv": Task("value-only", 150, "substring", ("scbench",)),
    "scbench_kv_hard": Task("value-only", 150, "substring", ("scbench",)),
    "scbench_kv_compressible": Task("value-only", 150, "substring", ("scbench",)),
    "scbench_hashhop": Task("value-only", 150, "substring", ("scbench",)),
    "scbench_prefix_suffix": Task("value-only", 150, "substring", ("scbench",)),
    "scbench_vt": Task("only-the-answer", 30, "substring", ("scbench",)),
    "scbench_passkey": Task("only-the-answer", 15, "number", ("scbench",)),
    "scbench_mf": Task("count-only", 5, "number", ("scbench",)),
    "scbench_many_shot": Task("option-letter", 10, "substring", ("scbench",)),
    "scbench_choice_eng": Task("option-letter", 40, "choice", ("scbench",)),
    "scbench_qa_eng": Task("story-phrase", 40, "f1", ("scbench",)),
    "scbench_qa_chn": Task("same-language", 40, "f1", ("scbench",)),
    "scbench_summary": Task("some-sentences", 200, "f1", ("scbench",)),
    "scbench_repoqa": Task("repeat-function", 1024, "f1", ("scbench",)),
}
"""By task. The two mixed ones give every question the task that it comes from."""

GENERATED: Mapping[str, Task] = {
    "long-ins": Task("wrong-numbers", 64, "f1", ("longins-f1",)),
    "turtle-bench": Task("verdict", 16, "match", ("turtlebench",)),
    "licon-bench": Task("label-name", 100, "label", ("longicl-em",)),
    "humble-bench": Task("option-letter", 128, "choice", ("humblebench",)),
    "et-bench": Task("event-time", 64, "event-time", ("etbench-f1",)),
}
"""By generator, for those whose benchmark has a rule of its own for answers."""

BENCHMARKS: Mapping[str, Mapping[Any, Task]] = {
    "LoCoMo": LOCOMO,
    "LongMemEval": LONGMEMEVAL,
    "MemoryAgentBench": MEMORYAGENTBENCH,
    "LongBench": LONGBENCH,
    "SCBench": SCBENCH,
    "generated": GENERATED,
}


def locomo(category: int) -> dict[str, Any]:
    """The fields of a probe of this category, 1 to 5."""
    return LOCOMO[category].fields


def longmemeval(kind: str, abstain: bool = False, long_gold: bool = False) -> dict[str, Any]:
    """The fields of a probe of this question type.

    Args:
        abstain: the question has no answer (its id ends in ``_abs``); its retrieval is not measured.
        long_gold: the gold is a sentence or a rubric, which our reading compares by token F1.
    """
    fields = LONGMEMEVAL[kind].fields
    if abstain:
        return fields | {"scorer": "abstain", "scores": ("longmemeval-judge",)}
    return fields | {"scorer": "f1"} if long_gold else fields


def memoryagentbench(source: str) -> dict[str, Any]:
    """The fields of a probe of ``metadata.source``; none for a source that the benchmark does not have."""
    return next((task.fields for name, task in MEMORYAGENTBENCH.items() if source.startswith(name)), {})
