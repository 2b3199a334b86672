"""Near misses of the formats: older and newer releases, wrappers, other encodings, names in other fields."""

from __future__ import annotations

import gzip
import io
import json
import sqlite3
import zipfile
from pathlib import Path
from typing import Any

import pytest

from workbench.errors import SessionFormatError
from workbench.sessions import formats

ASKED, TOLD = {"role": "user", "content": "Where is it?"}, {"role": "assistant", "content": "At pier 9."}
CHAT = {"messages": [ASKED, TOLD]}
SAID = [("user", "Where is it?"), ("assistant", "At pier 9.")]
CLAUDE = {
    "uuid": "c",
    "name": "Boats",
    "chat_messages": [
        {"uuid": "1", "sender": "human", "text": "Where is it?", "created_at": "2024-05-01T10:00:00Z"},
        {"uuid": "2", "sender": "assistant", "text": "At pier 9.", "created_at": "2024-05-01T10:00:05Z"},
    ],
}
GPT: dict[str, Any] = {
    "title": "Boats",
    "mapping": {
        "r": {"id": "r", "parent": None, "children": ["a"], "message": None},
        "a": {
            "id": "a", "parent": "r", "children": ["t"],
            "message": {"author": {"role": "user"}, "content": {"content_type": "text", "parts": ["Where is it?"]}},
        },
        "t": {
            "id": "t", "parent": "a", "children": ["b"],
            "message": {
                "author": {"role": "assistant"},
                "content": {"content_type": "thoughts", "thoughts": [{"content": "Boats lie at piers."}]},
            },
        },
        "b": {
            "id": "b", "parent": "t", "children": [],
            "message": {"author": {"role": "assistant"}, "content": {"content_type": "text", "parts": ["At pier 9."]}},
        },
    },
}  # fmt: skip
LOCOMO = {
    "sample_id": "c1",
    "conversation": {
        "speaker_a": "Ida", "speaker_b": "Bo", "session_1_date_time": "1:56 pm on 8 May, 2023",
        "session_1": [{"speaker": "Ida", "dia_id": "D1:1", "text": "I have a boat."}],
    },
    "qa": [{"question": "What?", "answer": "a boat", "evidence": ["D1:1"], "category": 4}],
}  # fmt: skip
LONGMEMEVAL = {
    "question_id": "q1", "question_type": "single-session-user", "question": "Where?", "answer": 9,
    "question_date": "2023/05/30 (Tue) 10:00", "haystack_session_ids": ["answer_1"],
    "haystack_dates": ["2023/05/20 (Sat) 02:21"], "answer_session_ids": ["answer_1"],
    "haystack_sessions": [[{"role": "user", "content": "At pier 9.", "has_answer": True}]],
}  # fmt: skip
MAB = {
    "context": "0. Ida keeps a kiosk.\n1. Ida keeps a boat.",
    "questions": ["What does Ida keep?"],
    "answers": [["a boat"]],
    "metadata": {"source": "factconsolidation_sh_6k", "qa_pair_ids": ["f1"]},
}
SPAN = {
    "name": "chat", "traceId": "a", "spanId": "b", "startTimeUnixNano": "1714557600000000000",
    "attributes": [
        {"key": "gen_ai.prompt.0.role", "value": {"stringValue": "user"}},
        {"key": "gen_ai.prompt.0.content", "value": {"stringValue": "Where is it?"}},
        {"key": "gen_ai.completion.0.role", "value": {"stringValue": "assistant"}},
        {"key": "gen_ai.completion.0.content", "value": {"stringValue": "At pier 9."}},
    ],
}  # fmt: skip
LINES = "\n".join


def text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def packed(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, raw in files.items():
            archive.writestr(name, raw)
    return out.getvalue()


ONE: dict[str, tuple[str, Any]] = {  # each is the same short conversation
    "a ChatGPT conversation alone": ("chatgpt", GPT),
    "ChatGPT, wrapped": ("chatgpt", {"conversations": [GPT]}),
    "Claude, wrapped": ("claude", {"conversations": [CLAUDE]}),
    "Claude, wrapped twice": ("claude", {"data": {"conversations": [CLAUDE]}, "account": {"name": "x"}}),
    "Claude, with a mark": ("claude", b"\xef\xbb\xbf" + text([CLAUDE]).encode()),
    "Claude in UTF-16": ("claude", text([CLAUDE]).encode("utf-16")),
    "Claude, gzipped": ("claude", gzip.compress(text([CLAUDE]).encode())),
    "a zip in a zip": ("claude", packed({"a/data.zip": packed({"conversations.json": text([CLAUDE]).encode()})})),
    "a gzip in a zip": ("claude", packed({"c.json.gz": gzip.compress(text(CLAUDE).encode())})),
    "messages under history": ("openai", {"id": "x", "history": [ASKED, TOLD]}),
    "messages under conversation": ("openai", {"conversation": [ASKED, TOLD]}),
    "pages of an API": ("openai", {"items": [CHAT], "next": None, "count": 1}),
    "lines that end as Windows ends them": ("openai", "\r\n".join(map(text, (ASKED, TOLD)))),
    "a text as input, a text as output": ("openai", {"input": "Where is it?", "output": "At pier 9."}),
    "prompt and response": ("openai", {"prompt": "Where is it?", "response": "At pier 9.", "model": "m"}),
    "rows of instructions": ("openai", [{"instruction": "Where is", "input": "it?", "output": "At pier 9."}]),
    "a request as a text": (
        "openai",
        {"request": text({"messages": [ASKED]}), "response": text({"choices": [{"message": TOLD}]})},
    ),
    "request and response bodies": (
        "openai",
        {"request_body": {"messages": [ASKED]}, "response_body": {"choices": [{"message": TOLD}]}},
    ),
    "thoughts that are encrypted": (
        "openai",
        {
            "object": "response",
            "input": "Where is it?",
            "output": [
                {"type": "reasoning", "summary": [], "encrypted_content": "gAAA"},
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "At pier 9."}]},
            ],
        },
    ),
    "Gemini, one content and one part": (
        "gemini",
        {
            "contents": {"role": "user", "parts": {"text": "Where is it?"}},
            "response": {"candidates": [{"content": {"role": "model", "parts": [{"text": "At pier 9."}]}}]},
        },
    ),
    "Gemini, a text": (
        "gemini",
        {
            "contents": [{"parts": [{"text": "Where is it?"}]}],
            "candidates": [{"content": {"role": "model", "parts": [{"text": "At pier 9."}]}}],
        },
    ),
    "a Langfuse trace without observations": (
        "langfuse",
        {
            "id": "t", "timestamp": "2024-05-01T09:00:00Z", "sessionId": "s", "observations": [],
            "input": "Where is it?", "output": "At pier 9.",
        },
    ),
    "older names of OTLP": (
        "otel",
        {"resource_spans": [{"instrumentation_library_spans": [{"spans": [SPAN]}]}]},
    ),
    "rows of a data set, with what they should give": (
        "openai",
        [{"inputs": {"messages": [ASKED]}, "outputs": {"messages": [TOLD]}}],
    ),
    "outputs that repeat the inputs": (
        "openai",
        [{"inputs": {"messages": [ASKED]}, "outputs": {"messages": [ASKED, TOLD]}}],
    ),
    "a log of Ollama's": (
        "openai",
        {"request": {"messages": [ASKED]}, "response": {"model": "m", "message": TOLD, "done": True}},
    ),
    "messages as pairs": ("openai", {"messages": [["user", "Where is it?"], ["assistant", "At pier 9."]]}),
    "server-sent events": (
        "openai",
        "event: message\ndata: "
        + text({"input": "Where is it?", "model": "m", "output": "At pier 9."})
        + "\n\ndata: [DONE]\n",
    ),
    "ShareGPT with other roles": ("sharegpt", [{"conversations": [ASKED, TOLD]}]),
    "ShareGPT, the better of two answers": (
        "sharegpt",
        [
            {
                "conversations": [{"from": "human", "value": "Where is it?"}],
                "chosen": {"from": "gpt", "value": "At pier 9."}, "rejected": {"from": "gpt", "value": "No."},
            }
        ],
    ),
    "Letta before messages had parts": (
        "letta",
        {
            "agents": [
                {"name": "c", "messages": [{"role": "user", "text": "Where is it?"}, TOLD]},
            ],
            "blocks": [],
        },
    ),
    "Letta, as its API lists messages": (
        "letta",
        [
            {"id": "1", "date": "2025-01-01T00:00:00Z", "message_type": "user_message", "content": "Where is it?"},
            {"id": "2", "date": "2025-01-01T00:00:01Z", "message_type": "reasoning_message", "reasoning": "Piers."},
            {"id": "3", "date": "2025-01-01T00:00:02Z", "message_type": "assistant_message", "content": "At pier 9."},
        ],
    ),
    "Claude Code without ids": (
        "claude_code",
        LINES(text({"type": m["role"], "message": m, "sessionId": "s"}) for m in (ASKED, TOLD)),
    ),
    "Claude Code through a pipe": (
        "claude_code",
        LINES(
            map(
                text,
                (
                    {"type": "system", "subtype": "init", "session_id": "s"},
                    {"type": "user", "session_id": "s", "message": ASKED},
                    {"type": "assistant", "session_id": "s", "uuid": "x", "message": TOLD},
                    {"type": "result", "result": "At pier 9.", "session_id": "s"},
                ),
            )
        ),
    ),
    "the first Codex": (
        "codex",
        {
            "session": {"id": "s", "instructions": ""},
            "items": [{"type": "message", **ASKED}, {"type": "message", **TOLD}],
        },
    ),
    "the sender's name is a role": (
        "talk",
        {"messages": [{"sender": "user", "text": "Where is it?"}, {"sender": "bot", "text": "At pier 9."}]},
    ),
    "from and content": (
        "talk",
        [{"from": "human", "content": "Where is it?"}, {"from": "gpt", "content": "At pier 9."}],
    ),
    "turns of texts": (
        "talk",
        {"turns": [{"role": "user", "text": "Where is it?"}, {"role": "assistant", "text": "At pier 9."}]},
    ),
    "LibreChat": (
        "talk",
        {
            "conversationId": "c",
            "messages": [
                {"sender": "User", "isCreatedByUser": True, "text": "Where is it?", "createdAt": "2024-05-01"},
                {"sender": "GPT-4", "isCreatedByUser": False, "text": "At pier 9.", "createdAt": "2024-05-01"},
            ],
        },
    ),
    "Discord": (
        "talk",
        {
            "guild": {}, "channel": {"name": "boats"},
            "messages": [
                {"content": "Where is it?", "author": {"name": "Ida", "isBot": False}, "timestamp": "2024-05-01"},
                {"content": "At pier 9.", "author": {"name": "helper", "isBot": True}, "timestamp": "2024-05-01"},
            ],
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ONE)
def test_a_near_miss_is_read(tmp_path: Path, name: str) -> None:
    format_, data = ONE[name]
    path = tmp_path / "near.json"
    path.write_bytes(data if isinstance(data, bytes) else (data if isinstance(data, str) else text(data)).encode())
    (session,) = formats.read(path)
    assert session.format == format_
    told = [(t.role, " ".join(t.text.split())) for t in session.turns]
    assert told == SAID
    assert formats.recognise(path) == format_


COUNTED: dict[str, tuple[Any, tuple[str, int, int, int]]] = {  # format, sessions, turns, probes
    "values in one line": (text(CHAT) + text({"messages": [TOLD]}), ("openai", 2, 3, 0)),
    "a torn last line": (text(CHAT) + '\n{"messages": [{"ro', ("openai", 1, 2, 0)),
    "an export in parts": (
        packed({f"conversations-{n}.json": text([GPT]).encode() for n in "01"}),
        ("chatgpt", 2, 4, 0),
    ),
    "splits by name": ({"Conflict_Resolution": [MAB], "Accurate_Retrieval": [MAB]}, ("memoryagentbench", 2, 6, 2)),
    "rows of a dataset's viewer": (
        {"features": [{"name": "context"}], "rows": [{"row_idx": 0, "row": MAB, "truncated_cells": []}]},
        ("memoryagentbench", 1, 3, 1),
    ),
    "rows by their ids": ({"q1": LONGMEMEVAL, "q2": LONGMEMEVAL | {"question_id": "q2"}}, ("longmemeval", 2, 2, 2)),
    "LoCoMo, wrapped": ({"data": [LOCOMO]}, ("locomo", 1, 1, 1)),
    "LoCoMo, line by line": (LINES(map(text, (LOCOMO, LOCOMO | {"sample_id": "c2"}))), ("locomo", 2, 2, 2)),
    "instructions with a history": (
        [{"instruction": "C", "output": "D", "history": [["A", "B"]], "system": "Be brief."}],
        ("openai", 1, 5, 0),
    ),
    "an answer of Anthropic's alone": (
        {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "Hi"}], "usage": {}},
        ("anthropic", 1, 1, 0),
    ),
    "streams of Ollama's": (
        LINES(
            text({"model": "m", "message": {"role": "assistant", "content": part}, "done": part == "er 9."})
            for _ in range(2) for part in ("At ", "pi", "er 9.")
        ),
        ("openai", 2, 2, 0),
    ),
    "Who&When under its other name": (
        {"question": "Where?", "groundtruth": "pier 9", "history": [ASKED, TOLD], "mistake_step": "1"},
        ("autogen", 1, 2, 1),
    ),
    "LongBench without an answer": (
        {"_id": "x", "dataset": "qasper", "input": "Who?", "context": "Ida.", "answers": [], "length": 1},
        ("longbench", 1, 1, 0),
    ),
    "Letta's tools, as its API lists them": (
        [
            {
                "id": "1", "date": "2025-01-01T00:00:00Z", "message_type": "tool_call_message",
                "tool_call": {"name": "look", "arguments": "{}", "tool_call_id": "c"},
            },
            {
                "id": "2", "date": "2025-01-01T00:00:01Z", "message_type": "tool_return_message",
                "tool_return": "pier 9", "tool_call_id": "c",
            },
        ],
        ("letta", 1, 2, 0),
    ),
    "a side chain of Claude Code through a pipe": (
        LINES(
            text({"type": m["role"], "session_id": "s", "parent_tool_use_id": side, "message": m})
            for side in (None, "t1") for m in (ASKED, TOLD)
        ),
        ("claude_code", 2, 4, 0),
    ),
    "Slack": (
        [{"type": "message", "user": f"U{n}", "text": "Hi", "ts": f"171455760{n}.0001"} for n in range(3)],
        ("talk", 1, 3, 0),
    ),
    "Telegram, the whole account": (
        {
            "personal_information": {"first_name": "Ida"},
            "chats": {
                "list": [
                    {
                        "name": "Bo", "type": "personal_chat", "id": 1,
                        "messages": [
                            {"id": 1, "type": "service", "date": "2024-05-01T09:00:00", "action": "pin_message"},
                            {"id": 2, "type": "message", "date": "2024-05-01T10:00:00", "from": "Ida",
                             "text": ["Hi ", {"type": "bold", "text": "you"}]},
                            {"id": 3, "type": "message", "date": "2024-05-01T10:00:05", "from": "Bo", "text": "Ahoy"},
                        ],
                    }
                ]
            },
        },
        ("talk", 1, 2, 0),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", COUNTED)
def test_a_near_miss_is_read_whole(tmp_path: Path, name: str) -> None:
    data, expected = COUNTED[name]
    path = tmp_path / "near.json"
    path.write_bytes(data if isinstance(data, bytes) else (data if isinstance(data, str) else text(data)).encode())
    found = formats.read(path)
    counts = (found[0].format, len(found), sum(len(s.turns) for s in found), sum(len(s.probes) for s in found))
    assert counts == expected
    assert len({s.name for s in found}) == len(found)


def test_what_chatgpt_thought_goes_to_what_it_says_next(tmp_path: Path) -> None:
    path = tmp_path / "near.json"
    path.write_text(text(GPT))
    assert formats.read(path)[0].turns[1].extra["thinking"] == "Boats lie at piers."


def test_people_keep_their_names_and_dates(tmp_path: Path) -> None:
    path = tmp_path / "near.json"
    path.write_text(text(COUNTED["Telegram, the whole account"][0]))
    (session,) = formats.read(path)
    told = [(t.role, t.speaker, t.text, t.date) for t in session.turns]
    assert told == [
        ("user", "Ida", "Hi \nyou", "2024-05-01T10:00:00"),
        ("user", "Bo", "Ahoy", "2024-05-01T10:00:05"),
    ]
    assert session.name == "Bo"


@pytest.mark.parametrize(
    ("value", "date"),
    [
        ({"_seconds": 1714557600, "_nanoseconds": 0}, "2024-05-01T10:00:00Z"),
        ({"seconds": 1714557600, "nanos": 0}, "2024-05-01T10:00:00Z"),
        ({"$date": {"$numberLong": "1714557600000"}}, "2024-05-01T10:00:00Z"),
        ("1714557600000", "2024-05-01T10:00:00Z"),
    ],
)
def test_dates_as_databases_write_them(tmp_path: Path, value: Any, date: str) -> None:
    path = tmp_path / "near.json"
    path.write_text(text({"messages": [ASKED | {"createdAt": value}]}))
    assert formats.read(path)[0].turns[0].date == date


def test_dates_beside_the_message(tmp_path: Path) -> None:
    path = tmp_path / "near.json"
    told = {"metadata": {"timestamp": "2024-05-01T10:00:07Z"}}, {"lastModified": 1714557610000}
    path.write_text(text({"messages": [ASKED | told[0], TOLD | told[1]]}))
    assert [t.date for t in formats.read(path)[0].turns] == ["2024-05-01T10:00:07Z", "2024-05-01T10:00:10Z"]


def test_the_bytes_of_a_picture_are_no_name(tmp_path: Path) -> None:
    path = tmp_path / "near.json"
    path.write_text(text({"messages": [ASKED | {"images": ["iVBORw0KGgo=", "boat.png"]}]}))
    assert formats.read(path)[0].turns[0].text == "Where is it?\n[image]\n[image: boat.png]"


def test_evidence_and_marks_as_tables_on_the_way_write_them(tmp_path: Path) -> None:
    path = tmp_path / "near.json"
    path.write_text(text(LOCOMO | {"qa": [LOCOMO["qa"][0] | {"evidence": [["D1:1"]]}]}))  # type: ignore[dict-item, index]
    assert formats.read(path)[0].probes[0].evidence == (0,)
    said = [
        {"role": "user", "content": "At pier 9.", "has_answer": "True"},
        {"role": "user", "content": "No", "has_answer": "0"},
    ]
    path.write_text(text([LONGMEMEVAL | {"haystack_sessions": [said]}]))
    assert formats.read(path)[0].probes[0].evidence == (0,)


def test_what_is_left_out_of_a_wrapper_is_remarked(tmp_path: Path) -> None:
    path = tmp_path / "near.json"
    path.write_text(text({"chats": [CHAT], "users": [{"name": "Ida"}]}))
    (session,) = formats.read(path)
    assert "users: no session format; left out" in session.warnings
    path.write_text(text({"a": [CHAT], "b": [{"messages": [{"role": 7, "content": ""}, ASKED]}, {"messages": 3}]}))
    names = [s.name for s in formats.read(path)]
    assert len(names) == 2 and len(set(names)) == 2


def test_the_first_history_of_mem0(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    connection = sqlite3.connect(path)
    connection.execute(
        "CREATE TABLE history (id TEXT, memory_id TEXT, prev_value TEXT, new_value TEXT, event TEXT, timestamp TEXT)"
    )
    rows = [("1", "m", None, "Oslo", "add", "2024-05-01 10:00:00"), ("2", "m", "Oslo", "Lima", "update", "2024-05-02")]
    connection.executemany("INSERT INTO history VALUES (?, ?, ?, ?, ?, ?)", rows)
    connection.commit()
    connection.close()
    (session,) = formats.read(path)
    assert [(t.text, t.date) for t in session.turns] == [
        ("ADD Oslo", "2024-05-01T10:00:00"),
        ("UPDATE Oslo → Lima", "2024-05-02"),
    ]


def test_what_python_prints_is_named(tmp_path: Path) -> None:
    path = tmp_path / "near.json"
    path.write_text("{'role': 'user', 'content': 'Hello'}")
    with pytest.raises(SessionFormatError, match="Python's own notation, not JSON - write it"):
        formats.read(path)


NONE = (
    {"scripts": {"build": "make"}, "dependencies": {"a": "1"}},
    {"log": {"entries": [{"request": {"headers": [{"name": "Accept", "value": "x"}]}}]}},
    [{"name": "Accept", "value": "x"}],
    [{"user": "Ida", "text": "a row of a table, which nothing says to be a message"}],
    {"a": {"b": {"c": {"d": {"e": [CHAT]}}}}},
    {"data": {}, "rows": []},
)


@pytest.mark.parametrize("data", NONE, ids=range(len(NONE)))
def test_what_is_no_conversation_is_none(tmp_path: Path, data: Any) -> None:
    path = tmp_path / "near.json"
    path.write_text(text(data))
    with pytest.raises(SessionFormatError, match="none of the known session formats"):
        formats.read(path)


def test_a_zip_in_a_zip_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from workbench.sessions.formats import archive

    monkeypatch.setattr(archive, "MAX_BYTES", 1 << 16)
    path = tmp_path / "near.zip"
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("a.json", b" " * (1 << 20) + text(CHAT).encode())
    path.write_bytes(packed({"inner.zip": inner.getvalue(), "broken.zip": b"PK\3\4", "fine.json": text(CHAT).encode()}))
    (session,) = formats.read(path)
    assert any("inner.zip" in w and "unpacks to more than" in w for w in session.warnings)
    assert any("broken.zip" in w for w in session.warnings)
