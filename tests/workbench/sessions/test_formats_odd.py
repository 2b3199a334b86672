"""What is odd or damaged in files that are otherwise well: what can be read is read, and the rest is told."""

from __future__ import annotations

import csv
import json
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.workbench.sessions.written import dates, read, spoken, zipped
from workbench.errors import SessionFormatError, UsageError
from workbench.sessions import formats
from workbench.sessions.formats import limits, mapped, own, parquet, parquet_rows, sidecar, tables
from workbench.sessions.formats.exchange import answered, asked, latest
from workbench.sessions.model import Session, Turn

USER, MODEL = {"role": "user", "content": "Where is it?"}, {"role": "assistant", "content": "At pier 9."}


# -- a table that a person maps ----------------------------------------------------------------------------------------


def rows(folder: Path, *found: Any, name: str = "t.json") -> Path:
    (folder / name).write_text(json.dumps(list(found)))
    return folder / name


def test_a_mapping_is_told_in_a_file_too(tmp_path: Path) -> None:
    columns = {"question": "q", "context": "meta.c"}
    file = tmp_path / "map.json"
    file.write_text(mapped.written_map(columns))
    assert mapped.parse_map(str(file)) == mapped.parse_map(file.read_text()) == columns
    for text, words in (
        (str(tmp_path / "no.json"), "cannot be read"),
        ("{", "no JSON"),
        ('{"question": 1, "context": "c"}', "no mapping"),
    ):
        with pytest.raises(UsageError, match=words):
            mapped.parse_map(text)
    file.write_text("[]")
    with pytest.raises(UsageError, match="no object"):
        mapped.parse_map(str(file))


def test_a_table_is_shown_before_it_is_mapped(tmp_path: Path) -> None:
    table = mapped.table(rows(tmp_path, {"Query": "where", "meta": {"n": 1}}, {"Query": None, "context": "a\n b"}))
    names = mapped.named(table)
    assert names == ["Query", "meta", "meta.n", "context"]
    assert mapped.shown(table, names) == [["where", '{"n": 1}', "1", ""], ["", "", "", "a b"]]
    assert mapped.proposed(names) == {"question": "Query", "context": "context"}
    with pytest.raises(SessionFormatError, match="no rows of a table"):
        mapped.table(rows(tmp_path, 1, 2))


def test_what_a_mapped_row_lacks_is_told(tmp_path: Path) -> None:
    columns = mapped.parse_map("question=q,answers=a,context=c,evidence=e")
    path = rows(
        tmp_path,
        {"q": "where?", "a": "pier 9", "c": [{"start": 3, "caption": "pier 9"}, {"n": 1}], "e": ["nowhere", 1]},
        {"q": "", "a": "x", "c": ""},
        {"q": "", "a": "x", "c": "one"},
        {"q": "who?", "a": "", "c": "one"},
    )
    first, second = mapped.read(path, columns)
    assert [t.text for t in first.turns] == ["[3] pier 9", '{"n": 1}'] and first.probes[0].evidence == (1,)
    told = "\n".join(first.warnings + second.warnings)
    for words in ("stands in no turn", "c: empty; left out", "no question; left out", "no answer; the question"):
        assert words in told
    assert second.probes == ()
    with pytest.raises(SessionFormatError, match="no row has a context"):
        mapped.read(rows(tmp_path, {"q": "x", "a": "y", "c": "", "e": 0}), columns)


def test_rows_inside_rows_are_the_objects_among_them(tmp_path: Path) -> None:
    columns = mapped.parse_map("question=q,answers=a,context=c,rows=turns")
    path = rows(tmp_path, {"c": "one", "turns": [7, {"q": "where?", "a": "pier 9"}]})
    ((probe,),) = (s.probes for s in mapped.read(path, columns))
    assert (probe.question, probe.gold) == ("where?", ("pier 9",))


# -- calls as logs wrap them -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ("", []),
        ("Where is it?", [("user", "Where is it?")]),
        (USER, [("user", "Where is it?")]),
        ([[USER]], [("user", "Where is it?")]),  # a batch of one
        ([[USER], [MODEL]], [("user", "Where is it?"), ("assistant", "At pier 9.")]),
        ([{"text": "bare"}, 7], [("user", "bare"), ("user", "7")]),
        ({"instructions": "Be brief.", "input": [USER]}, [("system", "Be brief."), ("user", "Where is it?")]),
        ({"history": [USER], "question": "And?"}, [("user", "Where is it?"), ("user", "And?")]),
        ({"history": [USER]}, [("user", "Where is it?")]),
        ({"colour": "red"}, [("user", '{"colour": "red"}')]),
    ],
)
def test_requests(request_: Any, said: list[tuple[str, str]]) -> None:
    assert [(s.role, s.text) for s in asked(request_, "r")] == said


@pytest.mark.parametrize(
    ("response", "said"),
    [
        ("", []),
        ("At pier 9.", ["At pier 9."]),
        ({}, []),
        ({"choices": [{"message": MODEL}, {"message": {"role": "assistant", "content": "No."}}]}, ["At pier 9."]),
        ({"candidates": [{"content": {"parts": [{"text": "At pier 9."}]}}]}, ["At pier 9."]),
        ([{"type": "text", "text": "At"}, {"type": "text", "text": "pier 9."}], ["At\npier 9."]),
        ({"answer": "At pier 9."}, ["At pier 9."]),
        ({"pier": 9}, ['{"pier": 9}']),
    ],
)
def test_responses(response: Any, said: list[str]) -> None:
    assert [s.text for s in answered(response, "r")] == said


def test_what_is_wrapped_too_often_is_taken_as_it_stands() -> None:
    value: Any = {"question": "Where?"}
    for _ in range(9):
        value = {"input": value}
    (said,) = asked(value, "r")
    assert said.text.startswith('{"input"') and "Where?" in said.text
    value = {"answer": "Here."}
    for _ in range(9):
        value = {"output": value}
    (said,) = answered(value, "r")
    assert said.text.startswith('{"output"') and "Here." in said.text
    deep: Any = [MODEL]
    for _ in range(9):
        deep = [*deep, [deep, USER]]
    assert answered(deep, "r")[0].text == "At pier 9."  # and ends


def test_an_answer_that_repeats_the_request_is_told_once() -> None:
    known, whole = asked([USER], "r"), asked([{"role": "system", "content": "Be brief."}, USER, MODEL], "r")
    assert [s.text for s in latest(asked([USER, MODEL], "r"), known)] == ["At pier 9."]
    assert [s.text for s in latest(whole, known)] == ["At pier 9."]  # with instructions that the request did not say
    assert [s.text for s in latest(asked([MODEL], "r"), known)] == ["At pier 9."]


# -- programs and tracers ----------------------------------------------------------------------------------------------


def sample(**more: Any) -> dict[str, Any]:
    return {"id": 1, "epoch": 1, "messages": [USER, MODEL], **more}


def log(*samples: Any) -> dict[str, Any]:
    return {"version": 2, "status": "success", "eval": {"task": "boats/pier"}, "samples": list(samples)}


def test_an_inspect_log_without_samples_says_so(tmp_path: Path) -> None:
    with pytest.raises(SessionFormatError, match="no samples in the log"):
        read(tmp_path, log())


def test_an_inspect_archive_is_read_past_what_is_damaged_in_it(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.eval", {"samples/1_epoch_1.json": sample(), "samples/notes.txt": 1})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("header.json", "{")
        archive.writestr("samples/2_epoch_1.json", "[")
    (session,) = formats.read(path)
    assert spoken(session) == [("user", "Where is it?"), ("assistant", "At pier 9.")]
    assert session.name == "a 1"  # the header names the task
    told = "\n".join(session.warnings)
    assert "header.json: " in told and "samples/2_epoch_1.json: " in told, told


def test_inspect_samples_that_broke_off(tmp_path: Path) -> None:
    answer = {"choices": [{"message": MODEL | {"id": "m"}}]}
    events = [{"event": "info"}, {"event": "model", "timestamp": "2024-05-01T10:00:00Z", "input_refs": [[0, 1], 1]}]
    failed = {"role": "tool", "content": "", "function": "find", "error": {"message": "no boat"}, "tool_call_id": "c"}
    tool = {"event": "tool", "id": "c", "timestamp": "2024-05-01T10:00:07Z"}
    sessions = read(
        tmp_path,
        log(
            {"id": 1, "input": "Where is it?", "output": answer, "error": "killed"},
            {"id": 2, "input": [USER]},
            sample(id=3, messages=[], events=[events[0], events[1] | {"output": answer}], message_pool=[USER, MODEL]),
            sample(id=4, messages=[USER, failed], events=[tool]),
            sample(id=5, choices=["pier 9", "pier 4"], input="Where?", target="A"),
        ),
    )
    assert spoken(sessions[0]) == spoken(sessions[4]) == [("user", "Where is it?"), ("assistant", "At pier 9.")]
    assert "ended in an error" in sessions[0].warnings[0]
    assert spoken(sessions[1]) == [("user", "Where is it?")]
    assert [text for _, text in spoken(sessions[2])] == ["Where is it?", "At pier 9.", "At pier 9."]
    assert dates(sessions[2])[-1] == "2024-05-01T10:00:00Z"
    assert spoken(sessions[3])[1] == ("tool", "no boat") and dates(sessions[3])[1] == "2024-05-01T10:00:07Z"
    (probe,) = sessions[4].probes
    assert (probe.gold, probe.scorer) == (("pier 9",), "choice")


def test_one_damaged_row_of_gemini_costs_that_row(tmp_path: Path) -> None:
    good = {"contents": [{"role": "user", "parts": [{"text": "Where is it?"}]}]}
    session, *_ = read(tmp_path, good, {"other": 1}, good)
    assert spoken(session) == [("user", "Where is it?")]
    assert any("no request with contents; left out" in w for w in session.warnings)


def test_states_of_langgraph_without_times_come_newest_first(tmp_path: Path) -> None:
    def state(*messages: Any) -> dict[str, Any]:
        return {"values": {"messages": list(messages)}, "config": {"configurable": {"thread_id": "t"}}}

    (session,) = read(tmp_path, state(USER, MODEL), state(USER), {"next": []})
    assert spoken(session) == [("user", "Where is it?"), ("assistant", "At pier 9.")]
    assert any("no channel with messages" in w for w in session.warnings)


# -- probes beside a file ----------------------------------------------------------------------------------------------


def test_a_probe_by_hand_names_turns_that_there_are() -> None:
    session = Session("s", (Turn(0, "user", "I moved to Oslo."), Turn(1, "assistant", "Noted.")))
    probe = sidecar.by_hand(session, " Where? ", ["Oslo", " "], evidence=[0, 0])
    assert (probe.question, probe.gold, probe.after, probe.evidence, probe.scorer) == (
        "Where?", ("Oslo",), 1, (0,), "match",
    )  # fmt: skip
    assert sidecar.by_hand(session, "Why?", ["because the boat lay there for the winter"], -1).scorer == "f1"
    for question, gold, after, evidence, words in (
        ("", ["Oslo"], None, (), "a question and an answer"),
        ("Where?", [" "], None, (), "a question and an answer"),
        ("Where?", ["Oslo"], 2, (), "no turn 2"),
        ("Where?", ["Oslo"], None, (0, 5), "no turn 5"),
    ):
        with pytest.raises(UsageError, match=words):
            sidecar.by_hand(session, question, gold, after, evidence)


# -- tools and attachments in every form -------------------------------------------------------------------------------


def test_a_call_is_told_in_whatever_form_a_program_logs_it(tmp_path: Path) -> None:
    tools = [{"id": "a", "type": "custom", "custom": {"name": "shell", "input": "ls"}},
             {"id": "b", "function": "find", "arguments": {"n": 1}}]  # fmt: skip
    invoked = [5, {"toolName": "t", "toolCallId": "c", "args": {"a": 1}, "result": "r"}, {"toolName": "u", "args": {}}]
    parts = [
        {"type": "tool-invocation", "toolInvocation": {"toolName": "v", "toolCallId": "d", "errorText": "no"}},
        {"type": "dynamic-tool", "toolName": "w", "toolCallId": "e", "input": {"c": 3}, "output": [1]},
    ]
    (session,) = read(tmp_path, {"messages": [
        USER,
        {"type": "web_search_call", "id": "ws", "action": {"query": "pier"}},
        {"type": "code_interpreter_call", "code": "1+1"},
        {"role": "assistant", "content": None, "function_call": {"name": "look", "arguments": '{"day": "\\u6708"}'}},
        {"role": "function", "name": "look", "content": "closed"},
        {"role": "assistant", "content": "", "tool_calls": tools},
        {"role": "assistant", "content": "Yes.", "toolInvocations": invoked},
        {"role": "assistant", "content": parts},
    ]})  # fmt: skip
    assert spoken(session)[1:] == [
        ("assistant", 'web_search({"query": "pier"})'),
        ("assistant", "code_interpreter(1+1)"),
        ("assistant", 'look({"day": "月"})'),
        ("tool", "closed"),
        ("assistant", 'shell(ls)\nfind({"n": 1})'),
        ("assistant", 'Yes.\nt({"a": 1})'),
        ("tool", "r"),
        ("assistant", "u({})"),
        ("assistant", "v()"),
        ("tool", "no"),
        ("assistant", 'w({"c": 3})'),
        ("tool", "[1]"),
    ]


def test_what_was_heard_or_lies_in_a_file_is_said(tmp_path: Path) -> None:
    file = {"type": "file", "file": {"type": "text", "data": "the text", "filename": "a.txt"}}
    heard = {"type": "input_audio", "input_audio": {"transcript": "spoken words"}}
    (session,) = read(tmp_path, {"messages": [{"role": "user", "content": [heard, {"type": "text"}, file]}, MODEL]})
    assert spoken(session)[0] == ("user", "spoken words\n[file: a.txt]\nthe text")


# -- tables ------------------------------------------------------------------------------------------------------------


def test_a_table_that_is_too_long_or_breaks_off_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "question,answer\n" + "where,here\n" * 30
    found = tables.rows(text.encode())
    assert found is not None and len(found) == 30
    assert tables.rows(b"question,answer\nwhere,\xff\n") is None
    for bad in ("question\nwhere\n", "question,answer\n", "question,\nwhere,here\n", "q,q\na,b\n", "q,a\nwhere\n"):
        assert tables.rows(bad.encode()) is None
    with monkeypatch.context() as small:
        small.setattr(tables, "MAX_BYTES", 10)
        with pytest.raises(SessionFormatError, match=r"a damaged CSV table \(field larger than field limit"):
            tables.rows(f"{text}{'x' * 20},here\n".encode())
        assert tables.rows(f"question,{'answer' * 9}\nwhere,here\n".encode()) is None
    csv.field_size_limit(limits.MAX_BYTES)
    monkeypatch.setattr(tables, "MAX_LINES", 29)
    with pytest.raises(SessionFormatError, match="more than 29 rows"):
        tables.rows(text.encode())


@pytest.fixture
def columns(tmp_path: Path) -> Path:
    """A Parquet file of two rows with a value of every sort."""
    core = pytest.importorskip("arro3.core", reason="the extra parquet is not installed")
    io = pytest.importorskip("arro3.io", reason="the extra parquet is not installed")
    made = {
        "text": core.Array(["a", None], core.DataType.string()),
        "bytes": core.Array([b"\xc3\xbc\xff", b""], core.DataType.binary()),
        "figure": core.Array([float("nan"), 1.5], core.DataType.float64()),
        "many": core.list_array(
            core.Array([0, 2, 2], core.DataType.int32()), core.Array([1, 2], core.DataType.int64())
        ),
        "day": core.Array([0, 20000], core.DataType.int32()).cast(core.DataType.date32()),
    }
    io.write_parquet(core.Table.from_pydict(made), str(tmp_path / "a.parquet"))
    return tmp_path / "a.parquet"


def test_every_value_of_a_parquet_file_is_plain(columns: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    wanted = [
        {"text": "a", "bytes": "ü\ufffd", "figure": None, "many": [1, 2], "day": "1970-01-01"},
        {"text": None, "bytes": "", "figure": 1.5, "many": [], "day": "2024-10-04"},
    ]
    assert list(parquet_rows.rows(str(columns))) == wanted == parquet.rows(columns)
    assert parquet_rows._plain({1: Decimal("1.50"), "b": (True, "x")}) == {"1": "1.50", "b": [True, "x"]}


def test_a_parquet_file_takes_no_more_than_it_may(columns: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_rows, "MAX_VALUES", 1)
    with pytest.raises(ValueError, match="more than 1 rows"):
        list(parquet_rows.rows(str(columns)))
    monkeypatch.setattr(parquet_rows, "MAX_BYTES", 1)
    with pytest.raises(ValueError, match="more than 0 MiB of data"):
        list(parquet_rows.rows(str(columns)))
    monkeypatch.setattr(parquet, "_SECONDS", 0)
    with pytest.raises(SessionFormatError, match="takes too long to read - save it as JSON Lines"):
        parquet.rows(columns)
    monkeypatch.setattr(parquet, "find_spec", lambda name: None)
    with pytest.raises(SessionFormatError, match=r"for which a library is missing - install mnemoscope\[parquet\]"):
        parquet.rows(columns)


def test_a_parquet_file_without_rows_is_told(tmp_path: Path) -> None:
    core = pytest.importorskip("arro3.core", reason="the extra parquet is not installed")
    io = pytest.importorskip("arro3.io", reason="the extra parquet is not installed")
    empty = core.Table.from_pydict({"text": core.Array([], core.DataType.string())})
    io.write_parquet(empty, str(tmp_path / "a.parquet"))
    with pytest.raises(SessionFormatError, match="a Parquet file without rows"):
        parquet.rows(tmp_path / "a.parquet")


# -- what this program exported, changed by hand -----------------------------------------------------------------------


def test_what_was_exported_is_read_exactly_until_it_is_changed(tmp_path: Path) -> None:
    whole = Session("s", (Turn(0, "user", "Where?"), Turn(1, "assistant", "Here.", speaker="Bo")))
    about = json.loads(json.dumps(own.session_fields(whole)))
    turns = [own.turn_fields(turn) for turn in whole.turns]
    assert own.session_of(about, turns, tmp_path) == whole
    assert own.session_of(about, [], tmp_path) is own.session_of(None, turns, tmp_path) is None
    assert own.session_of(about, [turns[0], "cut"], tmp_path) is None
    assert own.session_of(about, [turns[0], turns[1] | {"role": 7}], tmp_path) is None
    told = ('{"a": 1}', {"a": 1}), ("", {}), (None, {}), ("ls", {"value": "ls"}), ("[1]", {"value": [1]})
    assert [own.as_object(given) for given, _ in told] == [wanted for _, wanted in told]
