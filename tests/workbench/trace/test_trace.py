import sqlite3
import subprocess
import sys
import zlib
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from tests.support.traces import write_trace
from workbench.errors import TraceError
from workbench.sessions.model import Probe, Session, Turn
from workbench.trace import blobs
from workbench.trace.events import Event, Kind
from workbench.trace.reader import TraceReader
from workbench.trace.writer import TraceWriter

SESSION = Session(
    "s",
    (Turn(0, "user", "hi ✓", "Mira", "2025-01-01"), Turn(1, "tool", "", extra={"a": [1]})),
    (Probe("p", 1, "who?", ("Mira",), "accurate_retrieval", (0,), options=("Mira", "Tom")),),
    warnings=("odd",),
)


def event(n: int, kind: str = Kind.WRITTEN, lane: int = 1, turn: int = 0, **payload: object) -> Event:
    return Event(1, lane, turn, n, kind, f"item-{n}", payload=payload, ms=1.5)


def test_a_session_comes_back_as_it_went_in(tmp_path: Path) -> None:
    with TraceWriter(tmp_path / "a.mnemo") as writer, writer.reader() as reader:
        assert reader.session(writer.add_session(SESSION, "x")) == SESSION
        assert reader.session_hashes() == {"x": 1}


def test_events_are_read_back_filtered_and_in_order(tmp_path: Path) -> None:
    with TraceWriter(tmp_path / "a.mnemo") as writer, writer.reader() as reader:
        writer.append([event(1, text="ü"), event(2, Kind.DELETED), event(3, turn=1)])
        assert writer.append([event(1, lane=2)]) == reader.last_seq() == 4
        assert [e.n for e in reader.events(1, 1)] == [1, 2, 3]
        assert [e.subject for e in reader.events(kinds=[Kind.DELETED])] == ["item-2"]
        assert [e.seq for e in reader.events(turns=(0, 0), after_seq=1)] == [2, 4]
        assert reader.event(1).payload == {"text": "ü"}
        with pytest.raises(TraceError, match="no event 9"):
            reader.event(9)


def test_a_step_is_committed_as_one_or_not_at_all(tmp_path: Path) -> None:
    with TraceWriter(tmp_path / "a.mnemo") as writer, writer.reader() as reader:
        writer.append([event(1)])
        with pytest.raises(TraceError):
            writer.append([event(2), event(1)])  # n = 1 exists
        assert [e.n for e in reader.events()] == [1]


@pytest.mark.parametrize("table", ["event", "session", "blob"])
def test_what_is_written_cannot_be_changed_or_deleted(tmp_path: Path, table: str) -> None:
    path = write_trace(tmp_path / "a.mnemo", turns=4, items=2, probes=1)
    with sqlite3.connect(path) as connection:
        column = {"event": "turn", "session": "name", "blob": "codec"}[table]
        for statement in (f"UPDATE {table} SET {column} = 0", f"DELETE FROM {table}"):
            with pytest.raises(sqlite3.IntegrityError, match="cannot be"):
                connection.execute(statement)
    connection.close()


@pytest.mark.parametrize("shape", [(0,), (3, 4), (2, 2, 1, 5)])
def test_arrays_come_back(tmp_path: Path, shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).random(shape).astype(np.float16)
    with TraceWriter(tmp_path / "a.mnemo") as writer, writer.reader() as reader:
        writer.append([event(1)], [array, array])
        np.testing.assert_array_equal(reader.array(blobs.digest(array)), array)
        with pytest.raises(TraceError, match="missing"):
            reader.array("no")


def test_arrays_of_earlier_versions_are_read() -> None:
    array = np.arange(6, dtype=np.float16).reshape(2, 3)
    np.testing.assert_array_equal(blobs.decode("<f2", "[2, 3]", "zlib", zlib.compress(array.tobytes())), array)
    with pytest.raises(ValueError, match="unknown blob codec 'lz'"):
        blobs.decode("<f2", "[2, 3]", "lz", b"")


def test_a_second_writer_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    with TraceWriter(tmp_path / "a.mnemo") as writer:
        with pytest.raises(TraceError, match="another engine is writing it"):
            TraceWriter(tmp_path / "a.mnemo")
        assert writer.append([event(1)]) == 1
    TraceWriter(tmp_path / "a.mnemo").close()
    assert [f.name for f in tmp_path.iterdir()] == ["a.mnemo"]  # a finished run is one file


def test_a_run_from_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = write_trace(tmp_path / "a.mnemo", turns=2, items=1, probes=1)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE meta SET value = '99' WHERE key = 'major'")
    connection.close()
    before = path.read_bytes()
    for opening in (TraceReader, TraceWriter):
        with pytest.raises(TraceError, match="newer Mnemoscope"):
            opening(path)
    assert path.read_bytes() == before


def test_files_that_are_no_runs_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.mnemo").write_text("hello " * 100)
    sqlite3.connect(tmp_path / "b.mnemo").execute("CREATE TABLE t(x)").connection.close()
    for name, words in (("a.mnemo", "not a"), ("b.mnemo", "not a Mnemoscope"), ("c.mnemo", "no such run file")):
        with pytest.raises(TraceError, match=words):
            TraceReader(tmp_path / name)
    with pytest.raises(TraceError, match="not a"):
        TraceWriter(tmp_path / "a.mnemo")
    assert (tmp_path / "a.mnemo").read_text() == "hello " * 100
    assert not (tmp_path / "a.mnemo.lock").exists()


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    path = write_trace(tmp_path / "a.mnemo", turns=2, items=1, probes=1)
    with TraceReader(path) as reader, pytest.raises(sqlite3.OperationalError):
        reader.query("INSERT INTO meta VALUES ('a', 'b')")


def test_a_full_disk_loses_nothing_committed(tmp_path: Path) -> None:
    with TraceWriter(tmp_path / "a.mnemo") as writer, writer.reader() as reader:
        writer.append([event(1)])
        pages = writer._connection.execute("PRAGMA page_count").fetchone()[0]
        writer._connection.execute(f"PRAGMA max_page_count = {pages}")  # SQLite answers as it does on a full disk
        with pytest.raises(TraceError, match="the disk is full"):
            writer.append([event(n, text="x" * 2000) for n in range(2, 300)])
        assert [e.n for e in reader.events()] == [1]
        writer._connection.execute("PRAGMA max_page_count = 1000000")
        writer.append([event(2)])
        assert [e.n for e in reader.events()] == [1, 2]


def test_kill_minus_nine_while_writing_leaves_whole_steps(tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
from workbench.trace.events import Event
from workbench.trace.writer import TraceWriter
writer = TraceWriter(Path(sys.argv[1]))
for step in range(100000):
    writer.append([Event(1, 1, step, step * 3 + i + 1, "item.written") for i in range(3)])
    print(step, flush=True)
"""
    path = tmp_path / "a.mnemo"
    process = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    for line in process.stdout:
        if int(line) == 50:
            process.kill()
            break
    process.stdout.close()
    process.wait()
    with TraceReader(path) as reader:
        count = len(list(reader.events()))
    assert count % 3 == 0 and count >= 51 * 3
    with TraceWriter(path) as writer:  # the lock died with the process
        assert writer.append([Event(1, 1, 0, count + 1, "item.written")]) == count + 1


def test_a_session_that_is_being_recorded_grows(tmp_path: Path) -> None:
    with TraceWriter(tmp_path / "a.mnemo") as writer, writer.reader() as reader:
        number = writer.add_session(Session("live", ()), "x")
        assert reader.session(number).turns == ()
        for n, text in enumerate(("hi", "ho")):
            turn = Turn(n, "user", text, extra={"a": n})
            writer.append([Event(number, 0, n, n + 1, Kind.TURN_RECORDED, payload=asdict(turn))])
            assert reader.session(number).turns[n] == turn
            assert len(reader.session(number).turns) == n + 1
        with writer.reader() as fresh:
            assert fresh.session(number) == reader.session(number)
