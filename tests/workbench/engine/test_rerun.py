"""A run made again from its own file."""

import json
from pathlib import Path

import pytest

from tests.support.backends import ScriptedBackend
from tests.support.runs import config
from workbench import cli
from workbench.commands.rerun import again, text
from workbench.engine import run as engine
from workbench.errors import UsageError
from workbench.llm.base import AnswerRequest, AnswerResult
from workbench.projections.repeated import made_with, repeated
from workbench.trace.events import Event, Kind
from workbench.trace.reader import TraceReader
from workbench.trace.writer import TraceWriter

Capture = pytest.CaptureFixture[str]


class Other(ScriptedBackend):
    """Always answers Oslo."""

    async def answer(self, request: AnswerRequest) -> AnswerResult:
        return AnswerResult(self._result("x", "Oslo"), tuple((0, 0) for _ in request.marks))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(engine, "_open", lambda config: ScriptedBackend())
    return engine.run(config(tmp_path, "full", "bm25:k=3", "oracle", sessions=2, seed=5))


def test_the_same_again_is_identical(run: Path, capsys: Capture) -> None:
    with TraceWriter(run) as writer:  # a verdict that came later is no part of the run
        writer.append([Event(1, 1, 0, 9999, Kind.JUDGED, "p0", payload={"name": "x", "judge": "y", "value": 1.0})])
    assert cli.main(["rerun", str(run), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["identical"], data["exact"], data["changed"]) == (True, False, {})
    assert data["again"].endswith("run-again.mnemo")
    assert [lane["lane"] for lane in data["lanes"]] == ["full", "bm25:k=3", "oracle"]
    assert all(lane["answers"] == lane["same"] == 8 for lane in data["lanes"])
    assert cli.main(["rerun", str(run)]) == 2
    assert "is there already" in capsys.readouterr().err


def test_what_differs_is_told(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_open", lambda config: Other())
    with TraceReader(run) as reader:
        made = again(reader, tmp_path / "b.mnemo", "", None)
    assert (made.seed, made.lanes) == (5, ("full", "bm25:k=3", "oracle"))
    engine.run(made)
    with TraceReader(run) as first, TraceReader(tmp_path / "b.mnemo") as second:
        found = repeated(first, second)
        golds = {f"{first.session(n).name}/{p.id}": p.gold[0] for n in (1, 2) for p in first.session(n).probes}
    oracle = found.lanes[2]
    assert not found.identical
    assert oracle.first is not None
    assert oracle.first.kind in ("context.packed", "answer.finished")
    assert oracle.right_again == sum(gold == "Oslo" for gold in golds.values())
    assert (oracle.right, set(oracle.flipped)) == (0, {probe for probe, gold in golds.items() if gold == "Oslo"})
    said = text(found)
    assert "events differ; a batched run may differ" in said
    assert "oracle" in said


def test_everything_that_a_run_was_made_with_is_named(run: Path) -> None:
    with TraceReader(run) as reader:
        found = made_with(reader)
    assert found.keys() >= {
        "model",
        "model sha256",
        "embedder",
        "device",
        "version of mnemoscope",
        "prompts set",
        "seed",
    }
    assert (found["model"], found["seed"]) == ("scripted", "5")


def test_what_was_not_run_cannot_be_run_again(tmp_path: Path) -> None:
    with TraceWriter(tmp_path / "x.mnemo"):
        pass
    with TraceReader(tmp_path / "x.mnemo") as reader, pytest.raises(UsageError, match="was recorded, not run"):
        again(reader, None, "", None)
