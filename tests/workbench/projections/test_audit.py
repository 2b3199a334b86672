"""The store audit against what was worked out by hand, on a session where one of two facts changes."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from workbench.engine.config import RunConfig
from workbench.engine.run import run
from workbench.projections.audit import BOTH, NOT_STORED, ONLY_NEW, Audited, LaneAudit, audit, audited
from workbench.projections.why import why_view
from workbench.sessions import Probe, Session, Turn
from workbench.trace.reader import TraceReader

SAID = (
    "0. Mira lives in Oslo.",
    "1. Tom lives in Rome.",
    "2. Mira lives in Lima.",
    "3. The bus was late.",
    "4. It rains a lot.",
    "5. Tea is hot.",
)
SESSION = Session(
    "moves",
    tuple(Turn(n, "user", text) for n, text in enumerate(SAID)),
    (
        Probe("mira", 5, "Where does Mira live?", ("Lima",), "conflict_resolution", (2,), extra={"stale": [0]}),
        Probe("tom", 5, "Where does Tom live?", ("Rome",), "conflict_resolution", (1,), extra={"stale": []}),
        Probe("unknown", 5, "Where does Ines live?", ("Rome",), "conflict_resolution"),
    ),
)


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[TraceReader]:
    (tmp_path / "moves.json").write_text(json.dumps(SESSION.to_json()))
    config = RunConfig(
        (tmp_path / "moves.json",),
        ("full", "window:turns=4", "bm25:k=1"),
        embedder="hash",
        reader="newest",
        capture="off",
        out=tmp_path / "run.mnemo",
    )
    with TraceReader(run(config)) as opened:
        yield opened


def of(found: tuple[LaneAudit, ...], lane: str) -> dict[str, Audited]:
    return {a.probe: a for entry in found if entry.lane.name == lane for a in entry.probes}


def test_one_probe_alone_is_audited_as_among_all(reader: TraceReader) -> None:
    for entry in audit(reader):
        for one in entry.probes:
            probe = next(p for p in SESSION.probes if p.id == one.probe)
            assert audited(reader, 1, entry.lane.id, probe) == one
            view = why_view(reader, 1, entry.lane.id, 5, probe.id, None, True)
            assert view is not None and view.audit == one
    assert audited(reader, 1, 1, SESSION.probes[2]) is None, "nothing is known of its history"


def test_the_audit_by_hand(reader: TraceReader) -> None:
    found = audit(reader)
    assert [entry.lane.name for entry in found] == ["full", "window:turns=4", "bm25:k=1"]
    full, window, bm25 = (of(found, entry.lane.name) for entry in found)
    assert full.keys() == {"mira", "tom"}, "a probe without a known history is not audited"
    assert full["mira"] == Audited("mira", True, True, True, True, True, True, True)
    assert full["tom"] == Audited("tom", False, True, False, True, False, False, True)
    assert window["mira"] == Audited("mira", True, True, False, True, False, False, True)
    assert window["tom"] == Audited("tom", False, False, False, False, False, False, False)
    assert (bm25["mira"].new, bm25["mira"].old) in {(True, False), (False, True)}, "one hit, one version"
    assert bm25["mira"].right == bm25["mira"].new
    assert [a.outcome for a in (full["mira"], window["mira"], window["tom"])] == [BOTH, ONLY_NEW, NOT_STORED]


def test_shares_are_of_changed_and_unchanged_facts_apart(reader: TraceReader) -> None:
    full, window, _ = audit(reader)
    assert (full.conflicted.n, full.unchanged.n) == (1, 1)
    assert (full.conflicted.both, full.conflicted.old_first, full.unchanged.old) == (1, 1, 0)
    assert (window.conflicted.right, window.unchanged.right) == (1, 0)
    assert window.to_json()["unchanged"]["outcomes"] == {NOT_STORED: 1}


def test_what_answered_is_on_record(reader: TraceReader) -> None:
    for lane in reader.lanes():
        for event in reader.events(1, lane.id):
            if event.kind == "answer.finished":
                assert event.payload["reader"] == "newest"
                assert event.payload["tokens"] == []
                assert event.payload["prompt_tokens"] == 0
            assert event.kind != "model.called"


def test_another_reader_is_another_run(reader: TraceReader, tmp_path: Path) -> None:
    from workbench.errors import TraceError

    sessions, lanes = (tmp_path / "moves.json",), ("full", "window:turns=4", "bm25:k=1")
    with pytest.raises(TraceError, match="holds another run"):
        run(RunConfig(sessions, lanes, embedder="hash", capture="off", out=tmp_path / "run.mnemo"))


def test_an_older_version_may_be_told_in_words_and_what_is_neither_is_passed_over(reader: TraceReader) -> None:
    by_turn = SESSION.probes[0]
    for stale in (["Oslo"], ["Oslo", 99, None, ""]):
        for entry in audit(reader):
            one = audited(reader, 1, entry.lane.id, replace(by_turn, extra={"stale": stale}))
            assert one == of((entry,), entry.lane.name)["mira"], (stale, entry.lane.name)
    odd = audited(reader, 1, 1, replace(by_turn, extra={"stale": "Oslo"}))
    assert odd is not None and not odd.conflicted
