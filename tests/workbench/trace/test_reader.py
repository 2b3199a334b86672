"""What a reader finds, what it finds missing, and what it says of a file that holds something else."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.traces import write_trace
from workbench.errors import TraceError
from workbench.trace.events import Event, Kind
from workbench.trace.reader import LaneRow, TraceReader, is_run
from workbench.trace.schema import MAJOR
from workbench.trace.writer import TraceWriter


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_trace(tmp_path / "a.mnemo", turns=6, items=2, probes=2, lanes=("full", "bm25"))


def changed(path: Path, *statements: str) -> Path:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)
    return path


def test_a_run_is_known_by_its_first_bytes(run: Path, tmp_path: Path) -> None:
    text, other = tmp_path / "text", tmp_path / "other.sqlite"
    text.write_bytes(run.read_bytes()[:68])
    changed(other, "CREATE TABLE meta(key, value)")
    assert is_run(run)
    assert not any(map(is_run, (text, other, tmp_path / "gone", tmp_path)))


def test_sessions_lanes_and_what_the_file_says_of_itself(run: Path) -> None:
    with TraceWriter(run) as writer, writer.reader() as reader:
        writer.set_meta("note", {"ü": [1, None]})
        [(number, name)] = reader.session_names().items()
        assert reader.session(number).name == name
        assert [lane.memory for lane in reader.lanes()] == ["full", "bm25"]
        assert reader.meta("note") == {"ü": [1, None]} and reader.meta("no such", 7) == 7
        with pytest.raises(TraceError, match="no session 9"):
            reader.session(9)


def test_a_run_is_as_far_as_its_slowest_lane(run: Path) -> None:
    with TraceWriter(run) as writer, writer.reader() as reader:
        late = writer.add_lane("late", "bm25", "full-cache", {})
        assert reader.last_turn(1) == -1 and reader.last_turn(1, 1) == 5
        writer.append([Event(1, late, 2, 1, Kind.TURN_CLOSED)])
        assert reader.last_turn(1) == 2 and reader.last_turn(2) == -1


def test_events_are_found_by_what_they_hold(run: Path) -> None:
    with TraceReader(run) as reader:
        every = list(reader.events(1, 1, (Kind.WRITTEN,)))
        text = every[0].payload["text"]
        found = list(reader.events(1, 1, (Kind.WRITTEN,), holding=text))
        assert [e.seq for e in found] == [e.seq for e in every if text in e.payload["text"]]
        assert list(reader.events(1, holding="nobody said this")) == []
        subject = every[-1].subject
        assert {e.subject for e in reader.events(1, 1, subject=subject)} == {subject}


def test_a_later_verdict_takes_the_place_of_an_earlier_one(run: Path) -> None:
    with TraceWriter(run) as writer, writer.reader() as reader:
        assert reader.verdicts(1, 1) == {}
        writer.put_verdicts([(1, 1, "p0", {"cause": "lost"}), (1, 1, "p1", {"cause": "cut"}), (1, 2, "p0", {})])
        writer.put_verdicts([(1, 1, "p0", {"cause": "misread"})])
        assert reader.verdicts(1, 1) == {"p0": {"cause": "misread"}, "p1": {"cause": "cut"}}
        assert reader.verdicts(1, 1, "p1") == {"p1": {"cause": "cut"}} and reader.verdicts(1, 1, "p9") == {}


def test_a_file_of_an_earlier_version_has_no_verdicts(run: Path) -> None:
    with TraceReader(changed(run, "DROP TABLE verdict")) as reader:
        assert reader.verdicts(1, 1) == {}
    with TraceWriter(run) as writer, writer.reader() as reader:
        writer.put_verdicts([(1, 1, "p0", {"cause": "lost"})])
        assert reader.verdicts(1, 1) == {"p0": {"cause": "lost"}}


@pytest.mark.parametrize("payload", ["x'00'", "'[1'", "'7'"])
def test_a_verdict_that_is_none_is_told_as_damage(run: Path, payload: str) -> None:
    insert = f"INSERT INTO verdict(session, lane, probe, payload) VALUES (1, 1, 'p0', {payload})"
    with TraceReader(changed(run, insert)) as reader, pytest.raises(TraceError, match=r"damaged run file \(verdicts"):
        reader.verdicts(1, 1)


OTHER, UPDATE = "choose another .mnemo file", "update this program"
VERSIONS = [
    ("'format'", "'another'", "not a Mnemoscope run file - choose a .mnemo file"),
    ("'major'", "'one'", f"a damaged run file: it does not say its version - {OTHER}"),
    ("'major'", "x'31'", f"a damaged run file: it does not say its version - {OTHER}"),
    ("'major'", f"'{MAJOR + 1}'", f"newer Mnemoscope (format {MAJOR + 1}, this program reads {MAJOR}) - {UPDATE}"),
    ("'major'", "'9999999999'", f"newer Mnemoscope (format 999999999, this program reads {MAJOR}) - {UPDATE}"),
]


@pytest.mark.parametrize(("key", "value", "words"), VERSIONS)
def test_a_file_that_says_another_version(run: Path, key: str, value: str, words: str) -> None:
    changed(run, f"UPDATE meta SET value = {value} WHERE key = {key}")
    with pytest.raises(TraceError, match=f"{re.escape(words)}$"):
        TraceReader(run)


def test_the_last_version_that_is_read_is_read(run: Path) -> None:
    for major in (1, MAJOR):
        TraceReader(changed(run, f"UPDATE meta SET value = '{major}' WHERE key = 'major'")).close()


def test_a_lane_says_where_it_comes_from(run: Path) -> None:
    with TraceWriter(run) as writer, writer.reader() as reader:
        child = writer.add_lane("full @3", "full", "snapkv", {"k": [1]}, parent=1, parent_turn=3)
        assert reader.lanes()[-1] == LaneRow(child, "full @3", "full", "snapkv", {"k": [1]}, 1, 3)
        assert [(row.parent, row.parent_turn) for row in reader.lanes()[:2]] == [(None, None)] * 2


def test_events_keep_their_numbers_in_a_copy(run: Path, tmp_path: Path) -> None:
    with TraceReader(run) as reader:
        some = [e for e in reader.events() if e.seq % 3 == 0]
    with TraceWriter(tmp_path / "b.mnemo") as writer, writer.reader() as reader:
        writer.restore_events(some)
        assert list(reader.events()) == some and writer.last_seq == some[-1].seq


def test_events_of_turns_from_and_up_to(run: Path) -> None:
    with TraceReader(run) as reader:
        every = list(reader.events())
        third = every[2].seq
        assert list(reader.events(after_seq=third)) == every[3:]
        assert list(reader.events(up_to_seq=third)) == every[:3]
        assert list(reader.events(1, 2, turns=(2, 3))) == [e for e in every if e.lane == 2 and e.turn in (2, 3)]
        two = (Kind.WRITTEN, Kind.TURN_CLOSED)
        assert list(reader.events(kinds=two)) == [e for e in every if e.kind in two]


def test_a_missing_array_is_named(run: Path) -> None:
    with TraceReader(run) as reader, pytest.raises(TraceError, match="blob 0123 is missing"):
        reader.array("0123")
