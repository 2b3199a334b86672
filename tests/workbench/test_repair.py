"""Saving what is readable: whole steps only, and a file that folds like any other."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.runs import config, lane_events
from tests.support.traces import write_trace
from tests.workbench.test_examine import change, found
from workbench.engine import run as engine
from workbench.errors import TraceError
from workbench.memory.items import MemoryState
from workbench.repair import repair
from workbench.trace.reader import TraceReader
from workbench.trace.writer import TraceWriter


def test_a_sound_run_is_copied_whole(tmp_path: Path) -> None:
    path, out = write_trace(tmp_path / "a.mnemo", turns=20, items=12, probes=4), tmp_path / "b.mnemo"
    with TraceWriter(path) as writer:
        writer.annotate(3, "me", "look", "2025-01-01")
        writer.put_verdicts([(1, 2, "p1", {"cause": "lost"})])
    saved = repair(path, out)
    assert (saved.lost, saved.gaps, saved.left_out, saved.unreadable) == ([], False, 0, 0)
    assert lane_events(out) == lane_events(path)
    with TraceReader(path) as one, TraceReader(out) as two:
        assert one.meta("config") == two.meta("config")
        assert one.session(1) == two.session(1) and one.lanes() == two.lanes()
        assert [e.seq for e in one.events()] == [e.seq for e in two.events()]
        assert two.query("SELECT * FROM annotation") == one.query("SELECT * FROM annotation")
        assert two.verdicts(1, 2) == {"p1": {"cause": "lost"}}
    assert found(out) == []


def test_a_step_that_is_not_whole_is_left_out_with_what_needs_it(tmp_path: Path) -> None:
    path, out = write_trace(tmp_path / "a.mnemo", turns=20, items=20, probes=4, lanes=("a-mem",)), tmp_path / "b.mnemo"
    with TraceReader(path) as reader:
        second = [e for e in reader.events(1, 1) if e.kind == "item.written"][1]
        users = {e.turn for e in reader.events(1, 1, subject=second.subject) if e.kind == "item.updated"}
        turns = {e.turn for e in reader.events(1, 1)}
    change(path, f"DELETE FROM event WHERE seq = {second.seq}")
    saved = repair(path, out)
    assert saved.unreadable == 1 and saved.gaps and saved.left_out
    assert any("steps that are not whole" in line for line in saved.lost)
    with TraceReader(out) as reader:
        kept = {e.turn for e in reader.events(1, 1, ("turn.closed",))}
        MemoryState(reader.events(1, 1))  # folds
    assert second.turn not in kept and not users & kept
    assert kept >= {t for t in turns if t < second.turn}
    assert found(out) == []


def test_damaged_pages_cost_only_what_is_in_them(tmp_path: Path) -> None:
    path, out = write_trace(tmp_path / "a.mnemo", turns=60, items=40, probes=12), tmp_path / "b.mnemo"
    with closing(sqlite3.connect(path)) as connection:
        root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'event'").fetchone()[0]
    data = bytearray(path.read_bytes())
    size = int.from_bytes(data[16:18], "big")
    leaf = int.from_bytes(data[root * size - size + 12 + 40 :][:2], "big")  # a pointer of the root: to some child page
    page = int.from_bytes(data[(root - 1) * size + leaf :][:4], "big")
    data[(page - 1) * size : page * size] = bytes(size)
    path.write_bytes(data)
    with pytest.raises(TraceError), TraceReader(path) as reader:
        list(reader.events())
    saved = repair(path, out)
    assert saved.events > 5 * (saved.unreadable + saved.left_out) > 0
    assert found(out) == []


def test_a_run_whose_end_is_lost_goes_on_and_one_with_gaps_is_only_read(tmp_path: Path, monkeypatch) -> None:
    from tests.support.backends import ScriptedBackend

    monkeypatch.setattr(engine, "_open", lambda config: ScriptedBackend())
    setup = config(tmp_path, "full", "bm25", exact=True)
    whole = engine.run(setup)
    want, last = lane_events(whole), 0
    with TraceReader(whole) as reader:
        last = reader.last_seq()
    for name, statement, goes_on in (
        ("end", f"DELETE FROM event WHERE seq > {last - 40}", True),
        ("gap", "DELETE FROM event WHERE seq BETWEEN 30 AND 33", False),
    ):
        path, out = tmp_path / f"{name}.mnemo", tmp_path / f"{name}-new.mnemo"
        path.write_bytes(whole.read_bytes())
        change(path, statement)
        repair(path, out)
        again = config(tmp_path, "full", "bm25", exact=True, out=out)
        if goes_on:
            assert lane_events(engine.run(again)) == want
        else:
            with pytest.raises(TraceError, match="gaps"):
                engine.run(again)


def test_what_cannot_be_saved_is_said(tmp_path: Path) -> None:
    path, out = write_trace(tmp_path / "a.mnemo", turns=4, items=2, probes=1), tmp_path / "b.mnemo"
    with pytest.raises(TraceError, match="is there already"):
        repair(path, path)
    change(path, "DROP TABLE lane")
    with pytest.raises(TraceError, match="nothing of it can be read"):
        repair(path, out)
    assert not out.exists()


@pytest.mark.parametrize("value", ["turn = 71", "turn = -9", "turn = 99999999", "ms = 'x'"])
def test_an_event_where_or_when_none_can_be_costs_its_step_and_the_copy_is_sound(tmp_path: Path, value: str) -> None:
    path, out = write_trace(tmp_path / "a.mnemo", turns=12, items=8, probes=4), tmp_path / "b.mnemo"
    with TraceReader(path) as reader:
        some = next(e for e in reader.events(1, 2) if e.turn == 5)
    change(path, f"UPDATE event SET {value} WHERE seq = {some.seq}")
    saved = repair(path, out)
    assert saved.left_out or saved.unreadable
    assert found(out) == []
    with TraceReader(out) as reader:
        assert len({e.turn for e in reader.events(1, 1)}) >= 12  # other lanes lost nothing
