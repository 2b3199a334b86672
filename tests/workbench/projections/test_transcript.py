from pathlib import Path

from tests.support.traces import session
from tests.ui.live import Growing
from workbench.projections.index import TraceIndex
from workbench.projections.transcript import ProbeRow, TurnRow, transcript
from workbench.sessions.model import Probe, Session, Turn
from workbench.trace.reader import TraceReader


def test_probes_stand_after_their_turn(invented: Path) -> None:
    with TraceReader(invented) as reader:
        view, whole = transcript(reader, 1), reader.session(1)
    assert [r.turn for r in view.rows if isinstance(r, TurnRow)] == list(range(80))
    assert {r.probe for r in view.rows if isinstance(r, ProbeRow)} == {p.id for p in whole.probes}
    for probe in whole.probes:
        place = view.probe_rows[probe.id]
        row = view.rows[place]
        assert isinstance(row, ProbeRow)
        assert place > view.turn_rows[probe.after]
        assert probe.after == 79 or place < view.turn_rows[probe.after + 1]
        assert [lane for lane, _ in row.verdicts] == [1, 2]


def test_a_probe_before_the_first_turn_comes_first(tmp_path: Path) -> None:
    asked = (
        Probe("late", 1, "Q2", ("x",), "abstention", abstain=True),
        Probe("early", -1, "Q1", ("x",), "accurate_retrieval"),
    )
    growing = Growing(tmp_path / "early.mnemo", Session("s", session(4, 1).turns, asked))
    with TraceReader(growing.path) as reader:
        rows = transcript(reader, 1).rows
    growing.close()
    kinds = [r.probe if isinstance(r, ProbeRow) else r.turn for r in rows]
    assert kinds == ["early", 0, 1, "late", 2, 3]


def test_sittings_and_speakers(tmp_path: Path) -> None:
    turns = (
        Turn(0, "user", "a", "Mira", "2025-01-01", 0),
        Turn(1, "tool", "b", "", "", 0),
        Turn(2, "user", "c", "Mira", "", 1),
    )
    growing = Growing(tmp_path / "parts.mnemo", Session("s", turns))
    with TraceReader(growing.path) as reader:
        rows = [r for r in transcript(reader, 1).rows if isinstance(r, TurnRow)]
    growing.close()
    assert [r.speaker for r in rows] == ["Mira", "tool", "Mira"]
    assert [r.opens_part for r in rows] == [True, False, True]


def test_verdicts_come_with_the_run(tmp_path: Path) -> None:
    growing = Growing(tmp_path / "live.mnemo")
    growing.turns(12)
    with TraceReader(growing.path) as reader:
        assert all(not r.verdicts for r in transcript(reader, 1).rows if isinstance(r, ProbeRow))
        growing.score("p0", 9, False)
        TraceIndex.of(reader).refresh()
        view = transcript(reader, 1)
        row = view.rows[view.probe_rows["p0"]]
    growing.close()
    assert isinstance(row, ProbeRow)
    assert row.verdicts == ((1, False),)
