"""LoCoMo's five conversations: a run and ``grade`` give the category means of the official ``task_eval``."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.backends import ScriptedBackend
from tests.workbench.probes.tables.make import locomo_answers
from workbench import cli
from workbench.llm.base import AnswerRequest, AnswerResult

TABLE = Path(__file__).parent / "tables" / "locomo-means.jsonl"
NAMES = {"1": "1 multi-hop", "2": "2 temporal", "3": "3 open-domain", "4": "4 single-hop", "5": "5 adversarial"}
Means = dict[str, tuple[int, float]]


def official(conversation: str) -> Means:
    """By category how many questions, and the mean that the official code gave of the same answers."""
    _, *rows = TABLE.read_text(encoding="utf-8").splitlines()
    found = dict(json.loads(row) for row in rows)
    return {NAMES[category]: (n, mean) for category, (n, mean) in found[conversation].items()}


@dataclass
class Saying(ScriptedBackend):
    """Says to each question what it was told to say, one after another where a question is asked twice."""

    said: dict[str, list[str]] = field(default_factory=dict)

    async def answer(self, request: AnswerRequest) -> AnswerResult:
        found = await super().answer(request)
        waiting = self.said[" ".join(request.marks[-1].split())]
        return replace(found, completion=replace(found.completion, text=waiting.pop(0)))


@pytest.fixture(scope="module")
def conversations(shared_data: Path) -> list[Any]:
    found: list[Any] = json.loads((shared_data / "locomo" / "locomo5.json").read_text(encoding="utf-8"))
    return found


def table(data: dict[str, Any]) -> Means:
    return {
        title: (column["n"], column["mean"]) for title, column in data["papers"]["LoCoMo"].items() if title != "all"
    }


def check(found: Means, wanted: Means) -> None:
    assert {title: n for title, (n, _) in found.items()} == {title: n for title, (n, _) in wanted.items()}
    assert all(abs(found[title][1] - mean) <= 1e-6 for title, (_, mean) in wanted.items())


def test_score_of_a_run_gives_the_five_official_means(
    conversations: list[Any], shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    said: dict[str, list[str]] = {}
    for sample, answers in zip(conversations, locomo_answers(conversations).values(), strict=True):
        for question, answer in zip(sample["qa"], answers, strict=True):
            said.setdefault(" ".join(question["question"].split()), []).append(answer)
    monkeypatch.setattr("workbench.llm.open.open_backend", lambda options: Saying(said=said))
    out = tmp_path / "run.mnemo"
    given = ["run", shared_data / "locomo" / "locomo5.json", "--lane", "no-memory", "--exact", "--prompts", "plain"]
    assert cli.main([*map(str, given), "--capture", "off", "--out", str(out), "--json"]) == 0
    (lane,) = json.loads(capsys.readouterr().out)["lanes"]
    check(table(lane), official("all"))
    assert not any(said.values())
    assert cli.main(["score", str(out), "--session", "conv-43", "--json"]) == 0
    check(table(json.loads(capsys.readouterr().out)["lanes"][0]), official("conv-43"))


@pytest.fixture
def answers(conversations: list[Any], tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "answers.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for name, said in locomo_answers(conversations).items():
            for number, answer in enumerate(said, 1):
                file.write(json.dumps({"id": f"q{number}", "session": name, "answer": answer}) + "\n")
    yield path


def test_grade_gives_the_same(answers: Path, shared_data: Path, capsys: Any) -> None:
    file = shared_data / "locomo" / "locomo5.json"
    assert cli.main(["grade", str(file), "--answers", str(answers), "--json"]) == 0
    check(table(json.loads(capsys.readouterr().out)), official("all"))
