"""Telling a damaged file from a defect of this program."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.damage import HARMS, damaged_copy
from tests.support.traces import write_trace
from workbench.errors import TraceError, UsageError
from workbench.examine import blamed, opened, problems, prove
from workbench.llm.load import Buffer, Load
from workbench.paths import sample_sessions
from workbench.trace import payloads
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for trigger in ("event_is_final", "event_stays", "session_is_final", "session_stays"):
            connection.execute(f"DROP TRIGGER {trigger}")
        for statement in statements:
            connection.execute(statement)


def found(path: Path) -> list[str]:
    with TraceReader(path) as reader:
        return list(problems(reader))


def test_a_run_of_this_program_has_no_problems(tmp_path: Path) -> None:
    for path in (sample_sessions() / "mixed-long.mnemo", write_trace(tmp_path / "a.mnemo")):
        with opened(path) as reader:
            assert list(problems(reader)) == []


def test_every_kind_of_damage_is_said_in_one_line(tmp_path: Path) -> None:
    source = write_trace(tmp_path / "source.mnemo", turns=6, items=4, probes=2, lanes=("full", "a-mem"))
    for number, name in enumerate(HARMS):
        path = tmp_path / f"{name}.mnemo"
        assert damaged_copy(source, path, number).partition(",")[0] == name
        try:
            with opened(path) as reader:
                list(problems(reader))
        except TraceError as error:
            assert "\n" not in str(error) and len(str(error)) < 600


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE event SET payload = '[]' WHERE kind = 'item.written'", "the payload is no JSON object"),
        ("UPDATE event SET payload = '{\"hits\": 3}' WHERE kind = 'recall.finished'", "query: Field required"),
        ("UPDATE event SET turn = 99", "has no turn 99"),
        ("UPDATE event SET lane = 7 WHERE lane = 1", "there is no lane 7"),
        ("UPDATE event SET session = 7 WHERE session = 1", "there is no session 7"),
        ("DELETE FROM event WHERE kind = 'item.written'", "there is no item"),
    ],
)
def test_a_problem_is_named_with_its_event(tmp_path: Path, statement: str, words: str) -> None:
    path = write_trace(tmp_path / "a.mnemo", turns=20, items=20, probes=2, lanes=("a-mem",))
    change(path, statement)
    with TraceReader(path) as reader:
        prove(reader)  # cheap checks let it pass: the rest can be looked at
    problem = found(path)[0]
    assert problem.startswith("event ") and words in problem


def test_an_array_that_is_not_what_it_was_named_for_is_a_problem(tmp_path: Path) -> None:
    path = write_trace(tmp_path / "a.mnemo", turns=4, items=2, probes=2, lanes=("full",))
    change(path, "DROP TRIGGER blob_is_final", "UPDATE blob SET dtype = '<i2'")
    assert any("something else than it was named for" in problem for problem in found(path))


def test_an_error_blames_the_file_only_when_the_file_is_to_blame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, error = write_trace(tmp_path / "a.mnemo", turns=4, items=2, probes=1), KeyError("hits")
    monkeypatch.delenv("MNEMOSCOPE_DEBUG", raising=False)
    assert blamed(path, error) is error  # the file is sound: a defect of this program
    change(path, "UPDATE event SET payload = '{}' WHERE kind = 'recall.finished'")
    told = blamed(path, error)
    assert isinstance(told, TraceError) and "recall.finished" in told.what and "repair" in told.remedy
    usage = UsageError("wrong")
    assert blamed(path, usage) is usage
    with pytest.raises(TraceError, match=r"recall\.finished"), opened(path):
        raise KeyError("hits")


def test_columns_of_another_type_are_refused_at_once(tmp_path: Path) -> None:
    for column, value in (("turn", "'x'"), ("turn", 10**12), ("kind", "x'00'"), ("ms", "'slow'")):
        path = write_trace(tmp_path / f"{column}{len(str(value))}.mnemo", turns=2, items=1, probes=1)
        change(path, f"UPDATE event SET {column} = {value} WHERE seq = 3")
        with pytest.raises(TraceError, match="event 3 holds a value of another type"), opened(path):
            pass


def test_payloads_may_hold_more_than_the_views_read() -> None:
    assert payloads.wrong(Kind.TURN_CLOSED, {"calls": 1, "tokens": [1, 2], "items": 3, "new": None}) == ""
    assert payloads.wrong("kind.of.tomorrow", {}) == ""
    assert payloads.wrong(Kind.TURN_CLOSED, {"calls": 1, "tokens": [1], "items": 3}).startswith("tokens: ")


def test_branches_and_measurements_have_a_shape() -> None:
    edit = {"kind": "param", "name": "k", "value": "3"}
    branched = {"lane": 2, "parent": 1, "session": 1, "turn": 4, "edits": [edit], "settings": {}}
    assert payloads.wrong(Kind.BRANCHED, branched) == ""
    assert payloads.wrong(Kind.BRANCHED, branched | {"settings": []}).startswith("settings: ")
    measured = {"after": 1.5} | Load(buffers=(Buffer("CPU", "cache", "work", 1 << 20),)).to_json()
    told = json.loads(json.dumps(measured))
    assert payloads.wrong(Kind.ENGINE_MEASURED, told) == ""
    assert payloads.wrong(Kind.ENGINE_MEASURED, told | {"tokens": "many"}).startswith("tokens: ")
    assert payloads.wrong(Kind.ENGINE_MEASURED, told | {"buffers": [{"device": "CPU"}]}).startswith("buffers.0.")
