"""The table of what every benchmark asks of an answer."""

import re

import pytest

from workbench.paths import resources
from workbench.probes import SCORERS
from workbench.sessions import tasks

PARTS = [(name, part, task) for name, parts in tasks.BENCHMARKS.items() for part, task in parts.items()]
RULES = resources() / "prompts" / "answer"


@pytest.mark.parametrize(("benchmark", "part", "task"), PARTS, ids=[f"{b} {p}" for b, p, _ in PARTS])
def test_every_part_has_its_rule_and_a_scorer(benchmark: str, part: object, task: tasks.Task) -> None:
    rule = (RULES / f"{task.rule}.md").read_text(encoding="utf-8")
    assert 20 < len(rule) < 700
    assert task.scorer in SCORERS
    assert task.max_tokens > 0
    assert task.scores


def test_no_rule_is_left_over() -> None:
    own = {path.stem for path in RULES.glob("*.md")} - {task.rule for _, _, task in PARTS}
    assert own == {"answer", "short", "next"}


def test_the_rule_for_newest_facts_says_that_the_larger_number_counts() -> None:
    rule = (RULES / f"{tasks.memoryagentbench('factconsolidation_sh_6k')['task']}.md").read_text(encoding="utf-8")
    assert re.search(r"larger number means a newer fact.*newest one counts", rule)


def test_an_unknown_source_has_no_task() -> None:
    assert tasks.memoryagentbench("poems") == {}


def test_a_question_without_an_answer_is_judged_but_its_retrieval_is_not_measured() -> None:
    fields = tasks.longmemeval("multi-session", abstain=True)
    assert (fields["scorer"], fields["scores"]) == ("abstain", ("longmemeval-judge",))
    assert tasks.longmemeval("multi-session", long_gold=True)["scorer"] == "f1"
    assert tasks.longmemeval("multi-session")["scores"][1:] == ("longmemeval-ndcg", "recall-any", "recall-all")
