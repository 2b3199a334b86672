"""What the window asks an engine, dealt with in this process on a run of the bundled model."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.backends import INFO, ScriptedBackend
from tests.support.runs import config
from workbench.engine import explain, questions
from workbench.engine import run as engine
from workbench.engine.control import Control
from workbench.engine.protocol import (
    Annotate,
    Answered,
    Branch,
    Branched,
    Expect,
    Explain,
    Explained,
    Failed,
    KnockHeads,
    Progress,
    Question,
    Report,
    Retrace,
    Reweave,
    Tell,
    Undo,
    Undone,
    WriteProbes,
    Wrote,
)
from workbench.engine.questions import Questions
from workbench.engine.tracking import track
from workbench.errors import Cancelled, MnemoscopeError, ModelError, SessionFormatError, TraceError, UsageError
from workbench.projections.attention import arrays_key
from workbench.projections.states import StatesView, states_view
from workbench.projections.surprise import answer_surprise, turn_surprise
from workbench.sessions import formats
from workbench.trace.events import FIXED, Event, Kind
from workbench.trace.reader import TraceReader
from workbench.trace.side import SideArrays
from workbench.trace.writer import TraceWriter

PROBE = "p0"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three lanes: all turns, those of two turns, and all turns in half the cache."""
    folder = tmp_path_factory.mktemp("questions")
    return engine.run(config(folder, "full", "window:turns=2", "full+snapkv:keep=0.5", embedder="hash"))


@pytest.fixture
def path(made: Path, tmp_path: Path) -> Path:
    """A copy, to be written into."""
    copy = tmp_path / "run.mnemo"
    copy.write_bytes(made.read_bytes())
    return copy


@pytest.fixture
def asked() -> Iterator[Questions]:
    with closing(Questions()) as questions:
        yield questions


def deal(questions: Questions, question: Question, control: Control | None = None) -> list[Report]:
    """What is reported; the last thing is always that the question was dealt with."""
    reports: list[Report] = []
    try:
        questions.deal(question, reports.append, control or Control())
    finally:
        assert isinstance(reports[-1], Answered) and sum(isinstance(r, Answered) for r in reports) == 1
    return reports


def no_model(options: Any) -> Any:
    raise AssertionError("the model is opened for what is there already")


def blind(monkeypatch: pytest.MonkeyPatch) -> ScriptedBackend:
    """A model, in place of the run's, that shows nothing of itself."""
    info = replace(INFO, sha256="", capture=False, capture_note="it is far away", surprise=False)
    backend = ScriptedBackend(info=info)
    monkeypatch.setattr(explain, "open_backend", lambda options: backend)
    return backend


def test_attention_is_computed_once_and_lies_beside_the_run(
    path: Path, asked: Questions, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = path.read_bytes()
    deal(asked, Retrace(path, 1, 1, PROBE))
    with TraceReader(path) as reader:
        summed = next(reader.events(1, 1, [Kind.SUMMED], subject=PROBE))
        weights = SideArrays(path).get(arrays_key(summed))
    assert weights is not None and weights.shape[:2] == (summed.payload["layers"], summed.payload["heads"])
    assert weights[:, :, 0].sum(-1) == pytest.approx(1, abs=1e-2)
    monkeypatch.setattr(explain, "open_backend", no_model)
    deal(Questions(), Retrace(path, 1, 1, PROBE))
    assert path.read_bytes() == before


def test_attention_of_a_compressed_cache_is_that_of_what_was_kept(path: Path, asked: Questions) -> None:
    deal(asked, Retrace(path, 1, 3, PROBE))
    with TraceReader(path) as reader:
        summed, compressed = (next(reader.events(1, 3, [k], subject=PROBE)) for k in (Kind.SUMMED, Kind.COMPRESSED))
        weights = SideArrays(path).get(arrays_key(summed))
        kept = reader.array(compressed.payload["blobs"]["kept"]).astype(bool)
    assert weights is not None and 0 < kept.mean() < 1
    read = weights[:, :, 0, : compressed.payload["read"]]
    assert (read[~kept] == 0).all() and (read[kept] > 0).mean() > 0.9


@pytest.mark.parametrize(("turn", "probe"), [(2, ""), (-1, PROBE)])
def test_surprise_is_computed_once_and_lies_beside_the_run(
    path: Path, asked: Questions, monkeypatch: pytest.MonkeyPatch, turn: int, probe: str
) -> None:
    deal(asked, Expect(path, 1, 1, turn, probe))
    with TraceReader(path) as reader:
        found = answer_surprise(reader, 1, 1, probe) if probe else turn_surprise(reader, 1, 1, turn)
        said = reader.session(1).turns[2].said
    assert found is not None and found.mean > 0
    assert ("".join(found.texts).strip() == said) == (not probe)
    monkeypatch.setattr(explain, "open_backend", no_model)
    deal(Questions(), Expect(path, 1, 1, turn, probe))


def memory(path: Path) -> tuple[int, int]:
    """The tokens of a memory in the context of the answer."""
    with TraceReader(path) as reader:
        packed = next(reader.events(1, 1, [Kind.PACKED], subject=PROBE))
        return tuple(next(s["tokens"] for s in packed.payload["spans"] if s["kind"] not in FIXED))


def test_states_are_compared_once_and_lie_beside_the_run(
    path: Path, asked: Questions, monkeypatch: pytest.MonkeyPatch
) -> None:
    span = memory(path)
    deal(asked, Reweave(path, 1, 1, PROBE, span))
    with TraceReader(path) as reader:
        found = states_view(reader, 1, 1, PROBE, span)
    assert isinstance(found, StatesView) and found.shared == span[1] - span[0]
    monkeypatch.setattr(explain, "open_backend", no_model)
    deal(Questions(), Reweave(path, 1, 1, PROBE, span))


REFUSED = [
    (Retrace(Path(), 1, 1, "p9"), TraceError, "nothing was recorded of the answer to p9"),
    (Expect(Path(), 1, 1, -1, "p9"), TraceError, "nothing was recorded of the answer to p9"),
    (Expect(Path(), 1, 1, 99), UsageError, "no turn 99"),
    (Expect(Path(), 1, 1, -1), UsageError, "no turn -1"),
    (Reweave(Path(), 1, 1, PROBE, (0, 1)), TraceError, "no memory of p0 at tokens 0 to 1"),
    (Branch(Path(), 1, "full", 99, ()), UsageError, "has no turn 99"),
    (Undo(Path(), "full"), UsageError, "is no branch"),
]


@pytest.mark.parametrize(("question", "error", "words"), REFUSED)
def test_what_is_not_there_is_said_and_no_model_is_opened(
    path: Path,
    asked: Questions,
    monkeypatch: pytest.MonkeyPatch,
    question: Any,
    error: type[MnemoscopeError],
    words: str,
) -> None:
    monkeypatch.setattr(explain, "open_backend", no_model)
    with pytest.raises(error, match=words):
        deal(asked, replace(question, path=path))


def test_a_model_that_shows_nothing_of_itself_is_named(
    path: Path, asked: Questions, monkeypatch: pytest.MonkeyPatch
) -> None:
    with TraceWriter(path) as writer:
        writer.set_meta("model_sha256", "")
    blind(monkeypatch)
    with pytest.raises(ModelError, match="no attention of scripted: it is far away"):
        deal(asked, Retrace(path, 1, 1, PROBE))
    with pytest.raises(ModelError, match="no hidden states of scripted: it is far away"):
        deal(asked, Reweave(path, 1, 1, PROBE, memory(path)))
    with pytest.raises(ModelError, match="scripted: it does not say how probable given words are"):
        deal(asked, Expect(path, 1, 1, 0))
    assert not SideArrays(path).folder.exists()


def test_another_file_of_the_model_is_refused_and_closed(
    path: Path, asked: Questions, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = blind(monkeypatch)
    with pytest.raises(TraceError, match="was made with another file of the model demo"):
        deal(asked, Expect(path, 1, 1, 0))
    assert backend.closed


def wrong(path: Path, lane: int) -> list[tuple[int, int, str]]:
    with TraceReader(path) as reader:
        return [(e.session, e.lane, e.subject) for e in reader.events(1, lane, [Kind.SCORED]) if e.payload["score"] < 1]


def test_a_proof_is_kept_in_the_file(path: Path, asked: Questions) -> None:
    targets = wrong(path, 2)
    assert targets, "a window of two turns forgets"
    reports = deal(asked, Explain(path, tuple(targets)))
    told = [r for r in reports if isinstance(r, Explained)]
    assert {r.verdict["probe"] for r in told} == {probe for *_, probe in targets} and not any(r.problem for r in told)
    assert [r.done for r in reports if isinstance(r, Progress)] == list(range(1, len(targets) + 1))
    with TraceReader(path) as reader:
        kept = reader.verdicts(1, 2)
    assert {name: v["cause"] for name, v in kept.items()} == {r.verdict["probe"]: r.verdict["cause"] for r in told}


def test_a_proof_that_the_file_cannot_keep_is_told_with_the_reason(path: Path, asked: Questions) -> None:
    [target, *_] = wrong(path, 2)
    with TraceWriter(path):  # another window runs it
        [told] = [r for r in deal(asked, Explain(path, (target,))) if isinstance(r, Explained)]
    assert "another engine is writing it" in told.problem and told.verdict["probe"] == target[2]


def test_a_proof_that_is_cancelled_proves_no_more(path: Path, asked: Questions) -> None:
    stopped = Control()
    stopped.cancel()
    with pytest.raises(Cancelled, match="what is proved stays"):
        deal(asked, Explain(path, tuple(wrong(path, 2))), stopped)


def test_a_lane_that_cannot_be_proved_holds_up_no_other(path: Path, asked: Questions) -> None:
    [target, *_] = wrong(path, 2)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE lane SET name = 'gone', memory = 'gone' WHERE id = 1")
    reports = deal(asked, Explain(path, ((1, 1, PROBE), target)))
    [problem] = [r for r in reports if isinstance(r, Failed)]
    assert "gone is none of this program's memories" in problem.message and not problem.crashed
    [told] = [r for r in reports if isinstance(r, Explained)]
    assert (told.verdict["lane"], told.verdict["probe"]) == target[1:]
    with pytest.raises(UsageError, match="gone is none"):
        deal(asked, Explain(path, ((1, 1, PROBE),)))


def test_a_lane_whose_model_is_gone_holds_up_no_other(path: Path, asked: Questions) -> None:
    [target, *_] = wrong(path, 2)
    changed = {"lane": 1, "parent": 1, "session": 1, "turn": 0, "edits": [], "settings": {"model": "gone.gguf"}}
    with TraceWriter(path) as writer:
        writer.append([Event(0, 0, -1, 999, Kind.BRANCHED, payload=changed)])
    reports = deal(asked, Explain(path, ((1, 1, PROBE), target)))
    [problem] = [r for r in reports if isinstance(r, Failed)]
    assert "gone.gguf" in problem.message and not problem.crashed
    assert [r.verdict["probe"] for r in reports if isinstance(r, Explained)] == [target[2]]
    with pytest.raises(ModelError, match=r"gone\.gguf"):
        deal(asked, Explain(path, ((1, 1, PROBE),)))


def test_what_is_to_be_explained(path: Path) -> None:
    with TraceReader(path) as reader:
        assert [(t.session, t.lane, t.probe) for t in explain.targets(reader, lane="window:turns=2")] == wrong(path, 2)
        assert [t.lane for t in explain.targets(reader, probe=PROBE)] == [1, 2, 3]
        assert [t.lane for t in explain.targets(reader, 1, "full", PROBE)] == [1]
        for given, words in (
            ({"lane": "no"}, "no lane 'no' - it has: full, window:turns=2"),
            ({"probe": "p9"}, "no probe 'p9'"),
        ):
            with pytest.raises(UsageError, match=words):
                explain.targets(reader, **given)


def test_what_another_model_makes_of_a_turn_is_not_kept(path: Path) -> None:
    with closing(explain.Models()) as models:
        made = asyncio.run(track(path, 1, 1, 2, "", models, model="demo"))
    assert len(made.texts) == len(made.surprise)
    with TraceReader(path) as reader:
        assert turn_surprise(reader, 1, 1, 2) is None


def test_what_a_rule_answered_cannot_be_masked_head_by_head(tmp_path: Path, asked: Questions) -> None:
    path = engine.run(config(tmp_path, "full", embedder="hash", reader="nearest-label"))
    with pytest.raises(ModelError, match="no model answered this probe - knock-out needs a model's answer"):
        deal(asked, KnockHeads(path, 1, 1, PROBE, 0))


def test_a_branch_is_made_and_undone(path: Path, asked: Questions) -> None:
    with TraceReader(path) as reader:
        before = reader.lanes()
    reports = deal(asked, Branch(path, 1, "window:turns=2", 5, ("param:turns=3",)))
    [child] = [r.lane for r in reports if isinstance(r, Branched)]
    with TraceReader(path) as reader:
        assert [row.name for row in reader.lanes()] == [*(row.name for row in before), child]
        assert reader.last_turn(1, reader.lanes()[-1].id) == 11
    assert Undone(path, "window:turns=2") in deal(asked, Undo(path, child))
    with TraceReader(path) as reader:
        assert reader.lanes() == before


def test_remarks_and_stories_are_kept_and_make_no_file(path: Path, asked: Questions, tmp_path: Path) -> None:
    deal(asked, Annotate(path, 3, "me", "look"))
    with TraceReader(path) as reader:
        [(seq, author, text, created)] = reader.query("SELECT seq, author, text, created FROM annotation")
    assert (seq, author, text) == (3, "me", "look") and created.endswith("+00:00")
    for question in (Annotate(tmp_path / "no.mnemo", 3, "me", "look"), Tell(tmp_path / "no.mnemo", ())):
        with pytest.raises(TraceError, match="no such run file"):
            deal(asked, question)
    assert not (tmp_path / "no.mnemo").exists()


class Author(ScriptedBackend):
    """Writes one question, which the turn that it cites supports."""

    async def complete(self, request: Any) -> Any:
        said = next(line for line in request.messages[-1].text.splitlines() if "moved to" in line)
        town = said.rsplit("moved to ", 1)[1].strip(" .")
        row = f'{{"question": "Which town was it?", "answer": "{town}", "quotes": ["moved to {town}"]}}'
        return self._result("x", f'{{"questions": [{row}]}}')


def test_probes_are_written_beside_the_session_file(
    made: Path, asked: Questions, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = config(tmp_path).sessions[0]
    [session] = formats.read(file)
    backend = Author(info=replace(INFO, demo=False))
    monkeypatch.setattr(questions, "open_backend", lambda options: backend)
    with pytest.raises(SessionFormatError, match="no session 'another' any more"):
        deal(asked, WriteProbes(file, "another", 1, "x.gguf"))
    assert not backend.closed
    [told] = [r for r in deal(asked, WriteProbes(file, session.name, 1, "x.gguf")) if isinstance(r, Wrote)]
    assert [p.question for p in told.probes] == ["Which town was it?"] and not told.cancelled and backend.closed
    assert [p.question for p in formats.read(file)[0].probes][-1] == "Which town was it?"
    [again] = [r for r in deal(asked, WriteProbes(file, session.name, 1, "x.gguf")) if isinstance(r, Wrote)]
    assert (again.probes, again.dropped) == ((), (("asks what another question asks", 1),))
