"""Branches: without a change a branch is its parent again; with one, only what follows from it differs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.backends import ScriptedBackend
from tests.support.runs import config
from workbench import cli
from workbench.branch import Edit, settings_of, spec_of
from workbench.engine import explain
from workbench.engine import run as engine
from workbench.engine.branching import branch
from workbench.engine.config import RunConfig
from workbench.errors import UsageError
from workbench.lanes import LaneSpec
from workbench.llm.base import CompletionRequest
from workbench.memory.registry import STRATEGIES
from workbench.sessions import Probe, Session, Turn
from workbench.trace.blobs import digest
from workbench.trace.events import Event, Kind
from workbench.trace.reader import TraceReader
from workbench.trace.writer import TraceWriter


@pytest.fixture(autouse=True)
def backend(monkeypatch: pytest.MonkeyPatch) -> ScriptedBackend:
    scripted = ScriptedBackend()
    monkeypatch.setattr(engine, "_open", lambda config: scripted)
    monkeypatch.setattr(explain, "open_backend", lambda options: scripted)
    return scripted


def rows(path: Path, lane: int, n: int = 0) -> list[tuple[Any, ...]]:
    """The events of a lane but for what a clock says."""
    with TraceReader(path) as reader:
        return [
            (e.session, e.turn, e.n, e.kind, e.subject, e.cause, json.dumps(e.payload, sort_keys=True))
            for e in reader.events(lane=lane)
            if e.n > n
        ]


def raw(path: Path, lane: int) -> list[tuple[Any, ...]]:
    with TraceReader(path) as reader:
        return reader.query("SELECT * FROM event WHERE lane = ? ORDER BY seq", (lane,))


@pytest.mark.parametrize("name", STRATEGIES)
def test_without_a_change_a_branch_is_its_parent(name: str, tmp_path: Path) -> None:
    path = engine.run(config(tmp_path, name, exact=True, embedder="hash"))
    before, parent = raw(path, 1), rows(path, 1)
    for turn in (-1, 6):
        child = branch(path, name, turn, ())
        assert (child.parent, child.parent_turn) == (1, turn)
        assert rows(path, child.id) == parent
    assert raw(path, 1) == before, "the parent's rows stay byte for byte"


def test_what_was_changed_is_on_record(tmp_path: Path) -> None:
    path = engine.run(config(tmp_path, "bm25", embedder="hash"))
    edits = ("text:turn-2=Mira: I live in Rome.", "delete:turn-0", "add:turn=Mira: I like jazz.", "param:k=3", "seed:7")
    child = branch(path, "bm25", 5, tuple(map(Edit.parse, edits)))
    assert child.name == "bm25 @5" and child.params["k"] == 3
    with TraceReader(path) as reader:
        (event,) = reader.events(0, 0, [Kind.BRANCHED])
        assert [Edit(**e) for e in event.payload["edits"]] == [Edit.parse(e) for e in edits]
        assert event.payload | {"edits": []} == {
            "lane": 2, "parent": 1, "session": 1, "turn": 5, "edits": [], "settings": {"seed": 7},
        }  # fmt: skip
        made = [e for e in reader.events(1, 2, turns=(5, 5)) if e.payload.get("reason") == "edited by hand"]
        assert [(e.kind, e.subject) for e in made] == [(Kind.UPDATED, "turn-2"), (Kind.DELETED, "turn-0")]
        assert made[0].payload["changes"]["index_text"][1] == "Mira: I live in Rome."
        added = [e for e in reader.events(1, 2, [Kind.WRITTEN]) if e.payload["text"] == "Mira: I like jazz."]
        assert [(e.turn, e.subject) for e in added] == [(5, "turn-by-hand")]
        assert not list(reader.events(1, 2, [Kind.LANE_FAILED])), "turn 6 is stored beside it"
        assert any(e.subject == "turn-6" and e.turn == 6 for e in reader.events(1, 2, [Kind.WRITTEN]))
        assert settings_of(reader, 2)["seed"] == 7 and settings_of(reader, 1)["seed"] == 0
        assert spec_of(reader.lanes()[1]).strategy().parameters()["k"] == 3
    again = branch(path, "bm25 @5", 8, (Edit.parse("restore:turn-0"),))
    assert again.name == "bm25 @5 @8" and branch(path, "bm25", 5, ()).name == "bm25 @5 #2"
    with TraceReader(path) as reader:
        assert settings_of(reader, again.id)["seed"] == 7, "a branch of a branch keeps what that one changed"


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        ("text:turn-99=x", "no item 'turn-99'"),
        ("delete:turn-9", "no item 'turn-9' at turn 5"),
        ("param:nothing=1", "no parameter 'nothing'"),
        ("param:k=many", "write a int"),
        ("cache:nothing", "unknown cache policy"),
        ("seed:x", "write seed:N"),
        ("erase:turn-0", "one of: text:ITEM=NEW TEXT"),
        ("text:turn-0", "write text:ITEM=NEW TEXT"),
    ],
)
def test_what_is_not_there_is_refused_and_nothing_written(edit: str, told: str, tmp_path: Path) -> None:
    path = engine.run(config(tmp_path, "bm25", embedder="hash"))
    with TraceReader(path) as reader:
        before = reader.last_seq()
    with pytest.raises(UsageError, match=told):
        branch(path, "bm25", 5, (Edit.parse(edit),))
    with TraceReader(path) as reader:
        assert (reader.last_seq(), len(reader.lanes())) == (before, 1)


def test_turns_and_lanes_that_are_not_there(tmp_path: Path) -> None:
    path = engine.run(config(tmp_path, "bm25", embedder="hash", sessions=2))
    with pytest.raises(UsageError, match="several sessions"):
        branch(path, "bm25", 5, ())
    with pytest.raises(UsageError, match="has no turn 99"):
        branch(path, "bm25", 99, (), session=1)
    with pytest.raises(UsageError, match="it has: bm25"):
        branch(path, "full", 5, (), session=1)


def test_a_lane_has_the_spec_that_its_row_says(tmp_path: Path) -> None:
    path = engine.run(config(tmp_path, "bm25:k=2", embedder="hash"))
    with TraceReader(path) as reader:
        assert spec_of(reader.lanes()[0]).strategy() == LaneSpec.parse("bm25:k=2").strategy()


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = engine.run(config(tmp_path, "bm25:k=1", embedder="hash"))
    assert cli.main(["branch", str(path), "--lane", "bm25:k=1", "--turn", "2", "--edit", "param:k=9", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert (made["lane"], made["parent"], made["turn"]) == ("bm25:k=1 @2", "bm25:k=1", 2)
    assert made["edits"] == ["param:k=9"] and made["of"] == 4
    assert cli.main(["branch", str(path), "--lane", "bm25:k=1", "--turn", "2"]) == 0
    assert "every answer is as it was" in capsys.readouterr().out


def test_the_command_counts_abstention_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    probes = (
        Probe("p1", 1, "Which colour has the key of Nora?", ("amber",), "accurate_retrieval", (0,)),
        Probe("p2", 1, "Which colour has the boat of Paul?", (), "accurate_retrieval", abstain=True),
    )
    told = Session("s", (Turn(0, "user", "The key of Nora is amber."), Turn(1, "user", "It rains.")), probes)
    file = tmp_path / "session.json"
    file.write_text(json.dumps(told.to_json()))
    path = engine.run(RunConfig((file,), ("full",), embedder="hash", out=tmp_path / "run.mnemo"))
    given = ["branch", str(path), "--lane", "full", "--turn", "1", "--edit", "add:turn=The boat of Paul is teal."]
    assert cli.main(given) == 0
    out = capsys.readouterr().out
    assert "1 of 1 right, before 1" in out
    assert "questions that nothing answers: 0 of 1 recognised, before 1" in out
    assert cli.main([*given, "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert (made["right"], made["parent_right"], made["of"]) == (1, 1, 1)
    assert made["abstention"] == {"right": 0, "parent_right": 1, "of": 1}


def test_cancelling_keeps_what_was_done(tmp_path: Path) -> None:
    from workbench.engine.control import Control
    from workbench.errors import Cancelled

    path = engine.run(config(tmp_path, "bm25", embedder="hash"))
    control = Control()

    def report(what: object) -> None:
        if type(what).__name__ == "Progress":
            control.cancel()

    with pytest.raises(Cancelled):
        branch(path, "bm25", 2, (), report=report, control=control)
    with TraceReader(path) as reader:
        assert 2 <= reader.last_turn(1, 2) < 11


def everything(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    with TraceReader(path) as reader:
        tables = ("meta", "session", "lane", "blob", "event", "annotation", "verdict", "sqlite_master")
        return {t: sorted(reader.query(f"SELECT * FROM {t}"), key=repr) for t in tables}


def test_a_branch_that_is_undone_leaves_the_file_as_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = engine.run(config(tmp_path, "bm25", "full", embedder="hash"))
    with TraceWriter(path) as writer:
        writer.put_verdicts([(1, 1, "p0", {"about": "the parent"})])
        writer.annotate(4, "Mira", "of the parent", "today")
    before = everything(path)
    child = branch(path, "bm25", 5, (Edit.parse("param:k=1"),))
    with TraceWriter(path) as writer:
        writer.put_verdicts([(1, child.id, "p0", {"about": "the branch"})])
        writer.annotate(writer.last_seq, "Mira", "of the branch", "today")
        weights = np.arange(6, dtype=np.float16).reshape(1, 1, 1, 6)
        payload = {"blob": digest(weights), "layers": [0], "heads": 1, "tokens": ["x"], "bins": None}
        writer.append([Event(1, child.id, 11, 10_000, Kind.CAPTURED, "p0", 0, payload)], [weights])
    grandchild = branch(path, child.name, 8, ())
    for lane, told in (
        ("bm25", "bm25 is no branch"),
        ("x", "no lane 'x'"),
        (child.name, f"{grandchild.name} came from"),
    ):
        assert cli.main(["branch", str(path), "--lane", lane, "--undo"]) == 2
        assert told in capsys.readouterr().err
    for row, parent in ((grandchild, child.name), (child, "bm25")):
        assert cli.main(["branch", str(path), "--lane", row.name, "--undo", "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == {"lane": row.name, "parent": parent, "undone": True}
    assert everything(path) == before
    again = branch(path, "bm25", 5, (Edit.parse("param:k=1"),))
    assert (again.name, again.parent) == (child.name, child.parent)


@pytest.mark.parametrize(
    ("edit", "changed"),
    [
        ("prompts:plain", {"prompts": "plain"}),
        ("temperature:0.5", {"temperature": 0.5}),
        ("thinking:8", {"thinking": 8}),
        ("reader:newest", {"reader": "newest"}),
        ("seed:9", {"seed": 9}),
    ],
)
def test_a_setting_is_changed_for_the_branch_alone(
    edit: str, changed: dict[str, Any], tmp_path: Path, backend: ScriptedBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = engine.run(config(tmp_path, "mem0", embedder="hash"))
    asked: list[Any] = []
    complete, answer = backend.complete, backend.answer
    monkeypatch.setattr(backend, "complete", lambda request: (asked.append(request), complete(request))[1])
    monkeypatch.setattr(backend, "answer", lambda request: (asked.append(request), answer(request))[1])
    before, size = raw(path, 1), len(backend.calls)
    child = branch(path, "mem0", 4, (Edit.parse(edit),))
    assert raw(path, 1) == before
    with TraceReader(path) as reader:
        (event,) = reader.events(0, 0, [Kind.BRANCHED])
        assert event.payload["settings"] == changed
        own, parents = settings_of(reader, child.id), settings_of(reader, 1)
        assert {k: own[k] for k in changed} == changed and {k for k in own if own[k] != parents.get(k)} == {*changed}
        ways = {e.payload.get("reader", "") for e in reader.events(1, child.id, [Kind.ANSWERED]) if e.turn > 4}
    writing = [r for r in asked if isinstance(r, CompletionRequest)]
    answering = [r for r in asked if not isinstance(r, CompletionRequest)]
    assert writing and len(backend.calls) > size
    match edit.partition(":")[0]:
        case "prompts":
            own_prompt = max(backend.calls[:size], key=len)
            assert max(len(r.messages[0].text) for r in writing) < len(own_prompt), "the one-liner"
        case "temperature":
            assert {r.temperature for r in writing} == {0.5}
        case "thinking":
            assert any(r.max_tokens == 8 for r in answering), "it is let think"
        case "reader":
            assert not answering and ways, "a rule answers, no model"
        case "seed":
            assert {r.seed for r in asked} == {9}
