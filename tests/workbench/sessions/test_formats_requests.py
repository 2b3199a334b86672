"""Requests to models and messages of frameworks: Anthropic, Gemini, AI SDK, LangChain, LangGraph."""

from pathlib import Path
from typing import Any

import pytest

from tests.workbench.sessions.written import dates, read, spoken
from workbench.sessions import formats

HELLO = {"role": "user", "content": "Seeds?"}
USE = {"type": "tool_use", "id": "t", "name": "look", "input": {"shelf": "上"}}
RESULT = {
    "role": "user",
    "content": [{"type": "tool_result", "tool_use_id": "t", "content": "beans"}, {"type": "text", "text": "and?"}],
}
THOUGHT = {"type": "thinking", "thinking": "hm"}
CALLED = {"role": "assistant", "content": [THOUGHT, {"type": "text", "text": "I look."}, USE]}
BEANS = {"role": "assistant", "content": [{"type": "text", "text": "Beans."}]}
WHOLE = [
    ("system", "Be brief."),
    ("user", "Seeds?"),
    ("assistant", 'I look.\nlook({"shelf": "上"})'),
    ("tool", "beans"),
    ("user", "and?"),
    ("assistant", "Beans."),
]


def answer(content: list[Any]) -> dict[str, Any]:
    return {"id": "msg_1", "type": "message", "role": "assistant", "content": content, "stop_reason": "end_turn"}


def test_anthropic_a_log_that_repeats_its_history_is_one_conversation(tmp_path: Path) -> None:
    system = [{"type": "text", "text": "Be brief."}]
    first = {
        "timestamp": "2025-06-01T08:00:00Z",
        "request": {"system": "Be brief.", "messages": [HELLO]},
        "response": answer(CALLED["content"]),
    }
    second = {
        "timestamp": "2025-06-01T08:01:00Z",
        "request": {"system": system, "messages": [HELLO, CALLED, RESULT]},
        "response": {"body": answer(BEANS["content"])},
    }
    (session,) = read(tmp_path, first, second)
    assert (session.format, spoken(session)) == ("anthropic", WHOLE)
    assert session.turns[3].speaker == "look"
    assert session.turns[2].extra["thinking"] == "hm"
    assert dates(session)[-1] == "2025-06-01T08:01:00Z"


def test_anthropic_messages_bare_and_documents_named(tmp_path: Path) -> None:
    document = {"type": "document", "title": "plan.pdf", "source": {"type": "base64", "data": "AAAA"}}
    (session,) = read(tmp_path, [{"role": "user", "content": [document, {"type": "text", "text": "Read"}]}, CALLED])
    assert session.format == "anthropic"
    assert spoken(session)[0] == ("user", "[document: plan.pdf]\nRead")
    assert "messages[1].tool_calls[0]: no result of 'look' follows" in session.warnings


def test_anthropic_requests_of_a_batch_stay_apart(tmp_path: Path) -> None:
    rows = [{"custom_id": f"r{n}", "params": {"system": "Be brief.", "messages": [HELLO]}} for n in range(3)]
    sessions = read(tmp_path, *rows)
    assert [s.name for s in sessions] == ["r0", "r1", "r2"]
    assert all(spoken(s) == WHOLE[:2] for s in sessions)


def test_anthropic_one_bad_row_costs_that_row(tmp_path: Path) -> None:
    rows = [
        {"system": "s", "messages": [HELLO]},
        {"messages": 3},
        {"system": "s", "messages": [{"role": "user", "content": "Ho"}]},
    ]
    first, second = read(tmp_path, *rows)
    assert (first.turns[1].text, second.turns[1].text) == ("Seeds?", "Ho")
    assert any(w.startswith("line 2") and w.endswith("left out") for w in first.warnings)


GEMINI = [
    {"role": "user", "parts": [{"text": "Seeds?"}, {"inlineData": {"mimeType": "image/png", "data": "AA"}}]},
    {"role": "model", "parts": [{"text": "hm", "thought": True}, {"functionCall": {"name": "look", "args": {"n": 1}}}]},
    {"role": "user", "parts": [{"functionResponse": {"name": "look", "response": {"output": "beans"}}}]},
]


def test_gemini_contents_bare_in_a_request_and_in_a_log(tmp_path: Path) -> None:
    expected = [("user", "Seeds?\n[image]"), ("assistant", 'look({"n": 1})'), ("tool", '{"output": "beans"}')]
    (session,) = read(tmp_path, GEMINI)
    assert (session.format, spoken(session)) == ("gemini", expected)
    assert session.turns[2].speaker == "look"
    back = {"candidates": [{"content": {"role": "model", "parts": [{"text": "Beans."}]}}]}
    rules = {"parts": [{"text": "Be brief."}]}
    first = {
        "request": {"systemInstruction": rules, "contents": GEMINI[:1]},
        "response": {"candidates": [{"content": GEMINI[1]}]},
    }
    (session,) = read(tmp_path, first, {"request": {"systemInstruction": rules, "contents": GEMINI}, "response": back})
    assert spoken(session) == [("system", "Be brief."), *expected, ("assistant", "Beans.")]


def test_gemini_of_ai_studio_and_of_the_command_line(tmp_path: Path) -> None:
    chunks = [
        {"text": "Hi", "role": "user"},
        {"text": "hm", "role": "model", "isThought": True},
        {"text": "Ho", "role": "model"},
    ]
    studio = {
        "runSettings": {"model": "m"},
        "systemInstruction": {"text": "Be brief."},
        "chunkedPrompt": {"chunks": chunks},
    }
    (session,) = read(tmp_path, studio)
    assert spoken(session)[-2:] == [("user", "Hi"), ("assistant", "Ho")]
    tool = {"id": "c", "name": "ls", "args": {}, "result": [{"functionResponse": {"response": {"output": "a.txt"}}}]}
    messages = [
        {"id": "1", "timestamp": "2025-06-01T08:00:00Z", "type": "user", "content": [{"text": "List"}]},
        {"id": "2", "type": "gemini", "content": "One.", "toolCalls": [tool], "thoughts": [{"description": "hm"}]},
        {"id": "3", "type": "info", "content": "note"},
    ]
    (session,) = read(tmp_path, {"sessionId": "s", "messages": messages})
    assert (session.format, session.name) == ("gemini", "s")
    assert spoken(session) == [("user", "List"), ("assistant", "One.\nls({})"), ("tool", "a.txt")]


def test_ai_sdk_parts_invocations_and_model_messages(tmp_path: Path) -> None:
    weather = {
        "type": "tool-weather",
        "toolCallId": "c",
        "state": "output-available",
        "input": {"city": "Oslo"},
        "output": {"t": 4},
    }
    file = {"type": "file", "mediaType": "image/png", "filename": "a.png", "url": "data:image/png;base64,AA"}
    ui = [
        {
            "id": "1",
            "role": "user",
            "parts": [{"type": "text", "text": "Weather?"}, file],
            "createdAt": "2025-06-01T08:00:00Z",
        },
        {
            "id": "2",
            "role": "assistant",
            "parts": [
                {"type": "step-start"},
                {"type": "reasoning", "text": "hm"},
                weather,
                {"type": "text", "text": "Four."},
            ],
        },
    ]
    (session,) = read(tmp_path, {"id": "chat", "messages": ui})
    assert (session.format, session.name) == ("ai_sdk", "chat")
    assert spoken(session) == [
        ("user", "Weather?\n[file: a.png]"),
        ("assistant", 'weather({"city": "Oslo"})'),
        ("tool", '{"t": 4}'),
        ("assistant", "Four."),
    ]
    assert session.turns[2].speaker == "weather"
    old = [
        {
            "role": "assistant",
            "content": "",
            "toolInvocations": [
                {"state": "result", "toolCallId": "c", "toolName": "weather", "args": {"city": "Oslo"}, "result": 4}
            ],
        }
    ]
    (session,) = read(tmp_path, old)
    assert spoken(session) == [("assistant", 'weather({"city": "Oslo"})'), ("tool", "4")]
    model = [
        {"role": "assistant", "content": [{"type": "tool-call", "toolCallId": "c", "toolName": "w", "input": {}}]},
        {
            "role": "tool",
            "content": [
                {"type": "tool-result", "toolCallId": "c", "toolName": "w", "output": {"type": "text", "value": "4"}}
            ],
        },
    ]
    (session,) = read(tmp_path, model)
    assert (session.format, spoken(session)) == ("ai_sdk", [("assistant", "w({})"), ("tool", "4")])


FLAT = [
    {"type": "system", "content": "Be brief."},
    {"type": "human", "content": "Save", "id": "h"},
    {
        "type": "ai",
        "content": [{"type": "text", "text": "I do."}, {"type": "tool_use", "id": "c", "name": "save", "input": {}}],
        "tool_calls": [{"name": "save", "args": {"n": 1}, "id": "c", "type": "tool_call"}],
    },
    {"type": "tool", "content": "saved", "tool_call_id": "c"},
]
SAVED = [("system", "Be brief."), ("user", "Save"), ("assistant", 'I do.\nsave({"n": 1})'), ("tool", "saved")]


def folded(row: dict[str, Any]) -> dict[str, Any]:
    return {"type": row["type"], "data": {k: v for k, v in row.items() if k != "type"}}


def dumped(row: dict[str, Any]) -> dict[str, Any]:
    name = {"system": "SystemMessage", "human": "HumanMessage", "ai": "AIMessageChunk", "tool": "ToolMessage"}[
        row["type"]
    ]
    path = ["langchain", "schema", "messages", name]
    return {"lc": 1, "type": "constructor", "id": path, "kwargs": {k: v for k, v in row.items() if k != "type"}}


@pytest.mark.parametrize("form", [lambda row: row, folded, dumped], ids=["flat", "to_dict", "dumpd"])
@pytest.mark.parametrize("held", ["bare", "object", "lines"])
def test_langchain_in_all_its_forms(tmp_path: Path, form: Any, held: str) -> None:
    rows = [form(row) for row in FLAT]
    if held == "lines":
        (session,) = read(tmp_path, *rows)
    else:
        (session,) = read(tmp_path, rows if held == "bare" else {"messages": rows, "thread_id": "t"})
    assert (session.format, spoken(session)) == ("langchain", SAVED)
    assert session.turns[3].speaker == "save"
    assert session.name == ("t" if held == "object" else "log")


def test_langchain_calls_in_additional_kwargs(tmp_path: Path) -> None:
    call = {"id": "c", "function": {"name": "save", "arguments": '{"n": 1}'}, "type": "function"}
    rows = [{"type": "ai", "data": {"content": "", "additional_kwargs": {"tool_calls": [call]}}}]
    (session,) = read(tmp_path, rows)
    assert spoken(session) == [("assistant", 'save({"n": 1})')]


def state(messages: list[Any], at: str, thread: str = "t1") -> dict[str, Any]:
    return {
        "values": {"messages": messages},
        "next": [],
        "created_at": at,
        "config": {"configurable": {"thread_id": thread, "checkpoint_id": at}},
    }


def test_langgraph_a_history_newest_first_is_told_once_and_threads_stay_apart(tmp_path: Path) -> None:
    history = [state(FLAT[: n + 1], f"2025-06-01T08:00:0{n}Z") for n in range(4)][::-1]
    other = state(FLAT[:2], "2025-06-01T09:00:00Z", "t2")
    first, second = read(tmp_path, [*history, other])
    assert (first.format, first.name, second.name) == ("langgraph", "t1", "t2")
    assert spoken(first) == SAVED
    assert spoken(second) == SAVED[:2]
    assert dates(first) == [f"2025-06-01T08:00:0{n}Z" for n in range(4)]


def test_langgraph_checkpoints(tmp_path: Path) -> None:
    checkpoint = {
        "v": 1,
        "ts": "2025-06-01T08:00:00+00:00",
        "id": "x",
        "channel_values": {"messages": [dumped(r) for r in FLAT]},
    }
    (session,) = read(tmp_path, {"checkpoint": checkpoint, "metadata": {"step": 2, "thread_id": "t"}})
    assert (session.format, session.name, spoken(session)) == ("langgraph", "t", SAVED)
    assert session.turns[0].date == "2025-06-01T08:00:00Z"


def test_plain_openai_chat_is_still_openai(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "Hi"}]}')
    assert formats.recognise(path) == "openai"
