"""Control lanes: no memory and the evidence alone, and which probes need no memory."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.backends import ScriptedBackend
from tests.support.runs import config
from workbench.engine import run as engine
from workbench.lanes import with_controls
from workbench.llm.base import AnswerRequest, AnswerResult, CompletionResult
from workbench.memory import controls as memories
from workbench.memory.registry import strategies, strategy
from workbench.probes import controls as names
from workbench.projections.controls import controls, to_json
from workbench.projections.findings import finding_counts
from workbench.projections.probe_table import probe_table
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader
from workbench.why.explaining import failed


@dataclass
class Guessing(ScriptedBackend):
    """Says Oslo whatever it is asked."""

    async def answer(self, request: AnswerRequest) -> AnswerResult:
        done: CompletionResult = self._result("x", "Oslo")
        return AnswerResult(done, tuple((0, 0) for _ in request.marks))


@pytest.fixture(autouse=True)
def backend(monkeypatch: pytest.MonkeyPatch) -> ScriptedBackend:
    scripted = Guessing()
    monkeypatch.setattr(engine, "_open", lambda config: scripted)
    return scripted


def test_the_oracle_is_handed_the_evidence_alone_and_no_memory_nothing(tmp_path: Path) -> None:
    path = engine.run(config(tmp_path, *with_controls(["bm25"])))
    with TraceReader(path) as reader:
        lanes = {row.name: row.id for row in reader.lanes()}
        assert list(lanes) == ["bm25", "no-memory", "oracle", "full"]
        evidence = {p.id: [list(p.evidence)] for p in reader.session(1).probes}
        for name, wanted in (("oracle", evidence), ("no-memory", {probe: [] for probe in evidence})):
            packed = {e.subject: e.payload["spans"][1:-1] for e in reader.events(1, lanes[name], kinds=[Kind.PACKED])}
            assert {probe: [s["turns"] for s in spans] for probe, spans in packed.items()} == wanted
            assert all("I moved to" in s["text"] for spans in packed.values() for s in spans)
            assert not list(reader.events(1, lanes[name], kinds=[Kind.WRITTEN, Kind.LANE_FAILED]))
            assert all(not e.payload["hits"] for e in reader.events(1, lanes[name], kinds=[Kind.RECALLED]))


def test_what_is_right_without_memory_is_marked(tmp_path: Path) -> None:
    path = engine.run(config(tmp_path, "full", "no-memory"))
    with TraceReader(path) as reader:
        lucky = {p.id for p in reader.session(1).probes if p.gold == ("Oslo",)}
        found = controls(reader)
        assert found.guessable == {(1, probe) for probe in lucky}
        assert to_json(found, reader.session_names())["answerable_without_memory"] == sorted(lucky)
        assert {line.probe for line in probe_table(reader, 1).lines if line.guessable} == lucky
        assert (found.oracle, found.fitted[1]) == (None, 4)


def test_a_control_is_no_memory_to_explain_or_to_find_fault_with(tmp_path: Path) -> None:
    path = engine.run(config(tmp_path, "full", "no-memory", "oracle"))
    with TraceReader(path) as reader:
        lanes = {row.name: row.id for row in reader.lanes()}
        assert {target.lane for target in failed(reader)} == {lanes["full"]}
        assert {target.lane for target in failed(reader, lane=lanes["oracle"])} == {lanes["oracle"]}
        counts = finding_counts(reader)
        assert not counts[lanes["no-memory"]] and not counts[lanes["oracle"]]


def test_no_other_class_is_handed_evidence(tmp_path: Path) -> None:
    class Pretender(memories.Oracle):
        """Derives from the oracle and bears its name."""

    path = engine.run(config(tmp_path, "full"))
    with TraceReader(path) as reader:
        session = reader.session(1)
    assert memories.handed(memories.Oracle, session.probes[0], session.turns)
    assert not memories.handed(Pretender, session.probes[0], session.turns)


def test_controls_are_lanes_but_no_strategies() -> None:
    assert names.LANES == tuple(memories.CONTROLS) == (memories.NO_MEMORY, memories.ORACLE)
    assert set(names.LANES).isdisjoint(strategies())
    assert [strategy(name).name for name in names.LANES] == list(names.LANES)
    assert with_controls(["full", "oracle"]) == ("full", "oracle", "no-memory")
