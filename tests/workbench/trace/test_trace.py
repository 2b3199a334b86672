import os
import sqlite3
import subprocess
import sys
import zlib
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import sqlite_utils

from tests.support.traces import write_trace
from workbench.errors import TraceError
from workbench.sessions.model import Probe, Session, Turn
from workbench.trace import blobs, lock, schema
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


def test_a_payload_that_is_none_costs_its_step_alone(tmp_path: Path) -> None:
    with TraceWriter(tmp_path / "a.mnemo") as writer, writer.reader() as reader:
        with pytest.raises(TypeError, match="not JSON serializable"):
            writer.append([event(1), event(2, value=object())])
        writer.append([event(3)])
        assert [e.n for e in reader.events()] == [3]


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
        with pytest.raises(
            TraceError, match="another engine is writing it - wait for it, or choose another --out FILE"
        ):
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


def captured(n: int, array: np.ndarray, lane: int, text: str) -> list[Event]:
    named = {"blob": blobs.digest(array), "layers": [0], "heads": 1, "tokens": ["a"]}
    return [
        Event(1, lane, 0, n, Kind.CAPTURED, "p", payload=named),
        Event(1, lane, 0, n + 1, Kind.WRITTEN, "x", payload={"kind": "note", "text": text * 9, "turns": [0]}),
    ]


def test_a_branch_that_is_taken_out_leaves_every_row_of_the_others(tmp_path: Path) -> None:
    path, mine, ours, only = tmp_path / "a.mnemo", np.arange(3.0), np.arange(4.0), np.arange(5.0)

    def rows() -> dict[str, list[tuple[object, ...]]]:
        with TraceReader(path) as reader:
            tables = {table: reader.query(f"SELECT * FROM {table}") for table in schema.TABLES}
            return tables | {"triggers": reader.query("SELECT name, sql FROM sqlite_master ORDER BY name")}

    with TraceWriter(path) as writer:
        writer.add_session(SESSION, "x")
        lane = writer.add_lane("full", "full", "full-cache", {})
        writer.append([*captured(1, ours, lane, "of both "), *captured(3, mine, lane, "of one ")], [mine, ours])
        writer.put_verdicts([(1, lane, "p", {"cause": "lost"})])
        writer.annotate(1, "me", "stays", "2025")
        before = rows()
        child = writer.add_lane("full @0", "full", "full-cache", {}, parent=lane, parent_turn=0)
        told = writer.append([Event(0, 0, -1, 1, Kind.BRANCHED, payload={"lane": child, "text": "kept " * 20})])
        writer.append([*captured(1, only, child, "alone "), *captured(3, ours, child, "of both ")], [ours, only])
        last = writer.append([Event(1, child, 0, 9, Kind.CAPTURED, "p", payload={"blob": 7})])
        writer.put_verdicts([(1, child, "p", {"cause": "cut"})])
        writer.annotate(last, "me", "goes", "2025")
        writer.annotate(told, "me", "goes as well", "2025")
        assert [len(rows()[table]) for table in ("lane", "blob", "text", "annotation", "verdict")] == [2, 3, 3, 3, 2]
        writer.remove_lane(child, told)
        assert rows() == before
        assert writer.append([event(9)]) == last + 1, "a number is given once"


def test_a_row_of_another_file_takes_no_place_but_that_of_meta(tmp_path: Path) -> None:
    array = np.arange(3.0)
    with TraceWriter(tmp_path / "a.mnemo") as writer, writer.reader() as reader:
        writer.add_lane("full", "full", "full-cache", {})
        writer.append([event(1)], [array])
        writer.restore("lane", [])
        writer.restore("meta", [("note", "1")])
        writer.restore("meta", [("note", "2")])
        writer.restore("blob", [(*blobs.encode(array)[:1], "<f8", "[0]", "zlib", b"")])
        assert reader.meta("note") == 2 and list(reader.array(blobs.digest(array))) == [0, 1, 2]
        with pytest.raises(TraceError, match="UNIQUE constraint failed"):
            writer.restore("lane", [(1, "other", "full", "full-cache", "{}", None, None)])
        assert [row.name for row in reader.lanes()] == ["full"]


def test_a_recorded_turn_that_is_none_is_damage_of_its_session(tmp_path: Path) -> None:
    with TraceWriter(tmp_path / "a.mnemo") as writer, writer.reader() as reader:
        number = writer.add_session(Session("live", ()), "x")
        writer.append([Event(number, 0, 0, 1, Kind.TURN_RECORDED, payload={"said": "hi"})])
        with pytest.raises(TraceError, match=r"a damaged run file \(session 1: TypeError"):
            reader.session(number)


def half_made(path: Path, stage: int) -> None:
    """A run file as far as earlier versions had made it when they were killed, or the disk was full."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        if stage > 0:
            connection.executescript(f"BEGIN; {schema.SCHEMA} COMMIT;")
        if stage > 1:
            connection.execute("INSERT INTO meta VALUES ('format', 'mnemoscope-run')")


@pytest.mark.parametrize("stage", [0, 1, 2])
def test_a_half_made_file_is_made_anew(tmp_path: Path, stage: int) -> None:
    path = tmp_path / "a.mnemo"
    half_made(path, stage)
    (tmp_path / ".a.mnemo.new").write_bytes(b"left by another kill")
    with TraceWriter(path) as writer:
        assert writer.append([event(1)]) == 1
    assert [f.name for f in tmp_path.iterdir()] == ["a.mnemo"]


def test_a_half_made_file_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.mnemo"
    half_made(path, 2)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO lane VALUES (1, 'full', 'full', 'full-cache', '{}', NULL, NULL)")
        connection.commit()
    before = path.read_bytes()
    with pytest.raises(TraceError):
        TraceWriter(path)
    assert path.read_bytes() == before


def test_a_run_is_never_seen_half_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "SCHEMA", schema.SCHEMA.replace("CREATE TABLE event(", "CREATE TABLE meta("))
    with pytest.raises(TraceError, match="already exists"):
        TraceWriter(tmp_path / "a.mnemo")
    assert list(tmp_path.iterdir()) == []


def test_places_that_cannot_hold_a_run_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    places = [(tmp_path, "is a folder"), (Path("/dev/zero"), "no plain file"), (tmp_path / "file" / "a", "cannot be")]
    for path, words in [*places, (tmp_path / "loop", "cannot be written"), (tmp_path / ("x" * 300), "cannot be")]:
        with pytest.raises(TraceError, match=f"{words}.* - (choose another --out FILE|name a file in it: --out .+)"):
            TraceWriter(path)


@pytest.mark.parametrize("name", ["link.mnemo", "folder/a.mnemo"])
def test_another_name_of_a_run_meets_the_same_lock(tmp_path: Path, name: str) -> None:
    (tmp_path / "link.mnemo").symlink_to(tmp_path / "a.mnemo")
    (tmp_path / "folder").symlink_to(tmp_path)
    with TraceWriter(tmp_path / "a.mnemo") as writer:
        writer.append([event(1)])
        with pytest.raises(TraceError, match="another engine is writing it"):
            TraceWriter(tmp_path / name)
    with TraceWriter(tmp_path / name) as writer:
        assert writer.last_seq == 1


def test_a_second_name_by_a_hard_link_is_refused_before_it_can_spoil_the_file(tmp_path: Path) -> None:
    path = write_trace(tmp_path / "a.mnemo", turns=2, items=1, probes=1)
    (tmp_path / "b.mnemo").hardlink_to(path)
    with pytest.raises(TraceError, match=r"hard link.* - use a copy of it"):
        TraceWriter(tmp_path / "b.mnemo")


def test_a_lock_leaves_alone_what_is_not_its_own(tmp_path: Path) -> None:
    lock, mine = tmp_path / "a.mnemo.lock", tmp_path / "mine"
    lock.write_text("my notes")
    with TraceWriter(tmp_path / "a.mnemo"), pytest.raises(TraceError, match="another engine"):
        TraceWriter(tmp_path / "a.mnemo")
    assert lock.read_text() == "my notes"
    lock.unlink()
    mine.write_text("")
    lock.symlink_to(mine)
    with pytest.raises(TraceError, match=r"is a link.* - remove it, or choose another --out FILE"):
        TraceWriter(tmp_path / "a.mnemo")
    assert mine.read_text() == ""
    lock.unlink()
    os.mkfifo(lock)
    with pytest.raises(TraceError, match="no plain file - choose another --out FILE"):
        TraceWriter(tmp_path / "a.mnemo")


def test_a_lock_that_was_removed_while_it_was_taken_is_taken_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, real = list[int](), lock._take

    def take(handle: int) -> None:
        real(handle)
        taken.append(handle)
        if len(taken) == 1:  # whoever held it ends just now
            (tmp_path / "a.mnemo.lock").unlink()

    monkeypatch.setattr(lock, "_take", take)
    held = lock.RunLock(tmp_path / "a.mnemo")
    assert len(taken) == 2 and "Mnemoscope writes" in (tmp_path / "a.mnemo.lock").read_text()
    with pytest.raises(TraceError, match="another engine"):
        lock.RunLock(tmp_path / "a.mnemo")
    held.release()
    assert list(tmp_path.iterdir()) == []
    lock.RunLock(tmp_path / "a.mnemo").release()


def test_an_empty_lock_of_an_earlier_version_is_ours(tmp_path: Path) -> None:
    (tmp_path / "a.mnemo.lock").write_text("")
    lock.RunLock(tmp_path / "a.mnemo").release()
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_is_damaged_while_it_is_open_is_told(tmp_path: Path) -> None:
    with TraceWriter(tmp_path / "a.mnemo") as writer:
        writer._connection.execute("DROP TABLE event")
        with pytest.raises(TraceError, match=r"a damaged run file \(no such table: event\)"):
            assert writer.last_seq


def test_a_file_that_cannot_be_opened_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_trace(tmp_path / "a.mnemo", turns=2, items=1, probes=1)

    def connect(*given: object, **named: object) -> None:
        raise sqlite3.OperationalError("unable to open database file")

    monkeypatch.setattr(sqlite3, "connect", connect)
    for opening, what in ((TraceReader, "read"), (TraceWriter, "written")):
        with pytest.raises(TraceError, match=rf"cannot be {what} \(unable to open database file\) - check the disk"):
            opening(path)
    assert not (tmp_path / "a.mnemo.lock").exists()


def forged(path: Path, *statements: str) -> Path:
    write_trace(path, turns=2, items=1, probes=1)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)
    return path


@pytest.mark.parametrize("table", schema.TABLES)
def test_a_view_in_place_of_a_table_is_never_run(tmp_path: Path, table: str) -> None:
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n"
    path = forged(tmp_path / "a.mnemo", f"DROP TABLE {table}", f"CREATE VIEW {table} AS {endless}")
    for opening in (TraceReader, TraceWriter):
        with pytest.raises(TraceError, match=f"{table} is no table|not a Mnemoscope run"):
            opening(path)


def test_tables_that_lack_what_is_read_are_named(tmp_path: Path) -> None:
    renamed = [f"ALTER TABLE lane RENAME COLUMN {name} TO other_{name}" for name in ("params", "memory")]
    with pytest.raises(TraceError, match=r"the table lane lacks memory, params\)"):
        TraceReader(forged(tmp_path / "a.mnemo", *renamed))
    computed = "ALTER TABLE lane RENAME COLUMN memory TO old", "ALTER TABLE lane ADD COLUMN memory AS (upper(old))"
    with pytest.raises(TraceError, match="the table lane lacks memory"):
        TraceReader(forged(tmp_path / "b.mnemo", *computed))
    many = [f"CREATE TABLE t{n}(x)" for n in range(600)]
    with pytest.raises(TraceError, match="more than 500 tables"):
        TraceReader(forged(tmp_path / "c.mnemo", *many))


def test_a_trigger_that_is_not_ours_keeps_the_writer_out(tmp_path: Path) -> None:
    trigger = "CREATE TRIGGER more AFTER INSERT ON event BEGIN DELETE FROM annotation; END"
    path = forged(tmp_path / "a.mnemo", trigger)
    TraceReader(path).close()
    with pytest.raises(
        TraceError, match=r"/a\.mnemo: a damaged run file \(it has a trigger more that this program does not"
    ):
        TraceWriter(path)


@pytest.mark.parametrize(
    ("dtype", "shape", "data", "words"),
    [
        ("<f2", "[4]", zlib.compress(bytes(1 << 24)), "does not unpack to its 8 bytes"),
        ("<f2", "[9999, 9999, 9999]", zlib.compress(b""), "bytes, more than"),
        ("<f2", "[4]", zlib.compress(b"abc"), "does not unpack"),
        ("<f2", "[4]", b"no zlib", "cannot be unpacked"),
        ("|O", "[1]", zlib.compress(bytes(8)), "no plain number"),
        ("S99999999", "[1]", zlib.compress(bytes(8)), "no plain number"),
        ("<f2", "[-4]", zlib.compress(bytes(8)), "no list of sizes"),
        ("<f2", '"ab"', zlib.compress(bytes(8)), "no list of sizes"),
    ],
)
def test_arrays_take_no_more_than_their_shape(dtype: str, shape: str, data: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        blobs.decode(dtype, shape, "zlib", data)


def test_a_killed_run_is_read_from_a_folder_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, copy = tmp_path / "a.mnemo", tmp_path / "copy.mnemo"
    with TraceWriter(source) as writer:
        writer.append([event(1), event(2)])
        for side in ("", "-wal"):  # without its -shm, as a copy by hand often is
            copy.with_name(copy.name + side).write_bytes(source.with_name(source.name + side).read_bytes())
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)
    with TraceReader(copy) as reader:
        assert [e.n for e in reader.events()] == [1, 2]
    assert not copy.with_name(copy.name + "-shm").exists()


def test_a_killed_run_that_cannot_be_copied_is_told_and_leaves_no_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, copies = write_trace(tmp_path / "a.mnemo", turns=2, items=1, probes=1), tmp_path / "copies"
    (tmp_path / "a.mnemo-wal").mkdir()  # is there, and cannot be read
    copies.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(copies))
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(TraceError, match=r"a\.mnemo: cannot be read \(Is a directory\)"):
        TraceReader(path)
    assert list(copies.iterdir()) == []


def test_values_that_are_too_long_are_not_taken_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_trace(tmp_path / "a.mnemo", turns=2, items=1, probes=1)
    monkeypatch.setattr("workbench.trace.reader._LONGEST", 20)
    with TraceReader(path) as reader, pytest.raises(TraceError, match="characters of JSON, more than 20"):
        reader.session(1)
    deep = forged(tmp_path / "b.mnemo", "DROP TRIGGER session_is_final", "UPDATE session SET payload = 'null'")
    with TraceReader(deep) as reader, pytest.raises(TraceError, match="session 1: TypeError"):
        reader.session(1)


def test_a_disk_that_fails_while_a_file_is_opened_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a full disk the first look at the tables is what fails, since it makes the log's index beside the file."""
    with TraceWriter(tmp_path / "a.mnemo"):
        pass

    def failing(_: object) -> list[str]:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(sqlite_utils.Database, "view_names", failing)
        with pytest.raises(TraceError, match=r"a\.mnemo: cannot be written \(disk I/O error\)"):
            TraceWriter(tmp_path / "a.mnemo")
    with TraceWriter(tmp_path / "a.mnemo") as writer:
        assert writer.last_seq == 0
