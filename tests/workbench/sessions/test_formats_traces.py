"""Tracers: OpenTelemetry in its dialects, OpenInference, Langfuse, LangSmith."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.workbench.sessions.written import dates, read, spoken
from workbench.errors import SessionFormatError
from workbench.sessions import formats
from workbench.sessions.formats import otlp, spans

START = 1714557600_000000000
CALL = {"type": "tool_call", "id": "c", "name": "look", "arguments": {"n": 1}}
ASKED = [{"role": "user", "parts": [{"type": "text", "content": "Hours?"}]}]
CALLED = {"role": "assistant", "parts": [{"type": "reasoning", "content": "hm"}, CALL], "finish_reason": "tool_call"}
RESULT = {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c", "response": "7"}]}
SEVEN = {"role": "assistant", "parts": [{"type": "text", "content": "Seven."}], "finish_reason": "stop"}
TOLD = [
    ("system", "Be brief."),
    ("user", "Hours?"),
    ("assistant", 'look({"n": 1})'),
    ("tool", "7"),
    ("assistant", "Seven."),
]


def any_value(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case list():
            return {"arrayValue": {"values": [any_value(v) for v in value]}}
        case dict():
            return {"kvlistValue": {"values": [{"key": k, "value": any_value(v)} for k, v in value.items()]}}
    return {"stringValue": value}


def span(id: str, at: int, parent: str = "", name: str = "chat", **attributes: Any) -> dict[str, Any]:
    listed = [{"key": k.replace("__", "."), "value": any_value(v)} for k, v in attributes.items()]
    return {
        "traceId": "t" * 32,
        "spanId": id,
        "parentSpanId": parent,
        "name": name,
        "attributes": listed,
        "startTimeUnixNano": str(START + at * 10**9),
        "endTimeUnixNano": str(START + at * 10**9 + 5 * 10**8),
    }


def exported(*listed: dict[str, Any]) -> dict[str, Any]:
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "kiosk"}}]}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": list(listed)}]}]}


def chat(id: str, at: int, given: list[Any], back: Any, encode: Any = json.dumps, **more: Any) -> dict[str, Any]:
    rules = [{"type": "text", "content": "Be brief."}]
    return span(
        id,
        at,
        gen_ai__operation__name="chat",
        gen_ai__input__messages=encode(given),
        gen_ai__output__messages=encode([back]),
        gen_ai__system_instructions=encode(rules),
        **more,
    )


@pytest.mark.parametrize("encode", [json.dumps, lambda value: value], ids=["text", "structured"])
def test_otlp_json_of_a_collector(tmp_path: Path, encode: Any) -> None:
    listed = [chat("b", 60, [*ASKED, CALLED, RESULT], SEVEN, encode), chat("a", 0, ASKED, CALLED, encode)]
    (session,) = read(tmp_path, exported(*listed[:1]), exported(*listed[1:]))
    assert (session.format, spoken(session)) == ("otel", TOLD)
    assert session.turns[3].speaker == "look"
    assert dates(session)[1] == "2024-05-01T10:00:00Z"
    assert dates(session)[4] == "2024-05-01T10:01:00.5Z"
    assert session.turns[2].extra["thinking"] == "hm"


def test_conversation_ids_tell_conversations_apart_and_join_them(tmp_path: Path) -> None:
    more = {"role": "user", "parts": [{"type": "text", "content": "And on Sunday?"}]}
    closed = {"role": "assistant", "parts": [{"type": "text", "content": "Closed."}]}
    first, second = read(
        tmp_path,
        exported(
            chat("a", 0, ASKED, SEVEN, gen_ai__conversation__id="ana"),
            chat("b", 1, ASKED, SEVEN, gen_ai__conversation__id="bo"),
            chat("c", 2, [more], closed, gen_ai__conversation__id="ana"),
        ),
    )
    assert (first.name, second.name) == ("ana", "bo")
    assert [t.text for t in first.turns] == ["Be brief.", "Hours?", "Seven.", "And on Sunday?", "Closed."]
    assert [t.text for t in second.turns] == ["Be brief.", "Hours?", "Seven."]


def test_an_agent_span_that_its_calls_tell_better_is_left_out(tmp_path: Path) -> None:
    agent = chat("a", 0, ASKED, SEVEN) | {"name": "invoke_agent"}
    agent["attributes"][0] = {"key": "gen_ai.operation.name", "value": {"stringValue": "invoke_agent"}}
    inner = chat("b", 1, ASKED, SEVEN) | {"parentSpanId": "a"}
    (session,) = read(tmp_path, exported(agent, inner))
    assert len(session.turns) == 3
    (session,) = read(tmp_path, exported(agent))
    assert len(session.turns) == 3


OLD_EVENTS = [
    {"name": "gen_ai.system.message", "attributes": [{"key": "content", "value": {"stringValue": "Be brief."}}]},
    {"name": "gen_ai.user.message", "attributes": [{"key": "content", "value": {"stringValue": "Hours?"}}]},
    {"name": "gen_ai.choice", "attributes": [{"key": "message", "value": {"stringValue": '{"content": "Seven."}'}}]},
]
SHORT = [("system", "Be brief."), ("user", "Hours?"), ("assistant", "Seven.")]
DIALECTS: dict[str, dict[str, Any]] = {
    "openllmetry": {
        "gen_ai__prompt__0__role": "system",
        "gen_ai__prompt__0__content": "Be brief.",
        "gen_ai__prompt__1__role": "user",
        "gen_ai__prompt__1__content": "Hours?",
        "gen_ai__completion__0__content": "Seven.",
        "gen_ai__completion__0__role": "assistant",
    },
    "ai sdk": {
        "ai__prompt__messages": '[{"role":"system","content":"Be brief."},{"role":"user","content":"Hours?"}]',
        "ai__response__text": "Seven.",
    },
    "values": {
        "input__value": json.dumps({"messages": [{"role": r, "content": c} for r, c in SHORT[:2]]}),
        "output__value": "Seven.",
        "gen_ai__operation__name": "chat",
    },
}


@pytest.mark.parametrize("attributes", DIALECTS.values(), ids=list(DIALECTS))
def test_dialects_of_messages(tmp_path: Path, attributes: dict[str, Any]) -> None:
    (session,) = read(tmp_path, exported(span("a", 0, **attributes)))
    assert spoken(session) == SHORT


def test_messages_as_events_and_as_log_records(tmp_path: Path) -> None:
    (session,) = read(tmp_path, exported(span("a", 0, gen_ai__operation__name="chat") | {"events": OLD_EVENTS}))
    assert spoken(session) == SHORT
    records = [
        {
            "eventName": e["name"],
            "traceId": "t" * 32,
            "spanId": "a",
            "body": {"kvlistValue": {"values": e["attributes"]}},
        }
        for e in OLD_EVENTS
    ]
    logs = {"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}
    (session,) = read(tmp_path, exported(span("a", 0, gen_ai__operation__name="chat")), logs)
    assert spoken(session) == SHORT


def test_openinference_with_numbered_attributes(tmp_path: Path) -> None:
    told = {
        "openinference__span__kind": "LLM",
        "llm__model_name": "m",
        "llm__input_messages__0__message__role": "user",
        "llm__input_messages__0__message__contents__0__message_content__type": "text",
        "llm__input_messages__0__message__contents__0__message_content__text": "Hours?",
        "llm__output_messages__0__message__role": "assistant",
        "llm__output_messages__0__message__tool_calls__0__tool_call__function__name": "look",
        "llm__output_messages__0__message__tool_calls__0__tool_call__function__arguments": '{"n": 1}',
    }
    (session,) = read(tmp_path, exported(span("a", 0, **told)))
    assert (session.format, spoken(session)) == ("openinference", [("user", "Hours?"), ("assistant", 'look({"n": 1})')])


def test_phoenix_tables_and_its_api(tmp_path: Path) -> None:
    messages = [{"message.role": "user", "message.content": "Hours?"}]
    back = [{"message.role": "assistant", "message.content": "Seven."}]
    row = {
        "name": "chat",
        "context.trace_id": "t",
        "context.span_id": "a",
        "span_kind": "LLM",
        "start_time": "2024-05-01T10:00:00+00:00",
        "attributes.llm.input_messages": messages,
        "attributes.llm.output_messages": back,
        "attributes.session.id": "ana",
        "attributes.metadata": None,
    }
    (session,) = read(tmp_path, [row])
    assert (session.format, session.name, spoken(session)) == ("openinference", "ana", SHORT[1:])
    nested = {
        "llm": {
            "input_messages": [{"message": {"role": "user", "content": "Hours?"}}],
            "output_messages": [{"message": {"role": "assistant", "content": "Seven."}}],
        }
    }
    row = {
        "name": "chat",
        "context": {"trace_id": "t", "span_id": "a"},
        "span_kind": "LLM",
        "parent_id": None,
        "start_time": "2024-05-01T10:00:00+00:00",
        "attributes": nested,
    }
    (session,) = read(tmp_path, {"data": [row]})
    assert (session.format, spoken(session)) == ("openinference", SHORT[1:])


def test_a_console_exporter_s_span(tmp_path: Path) -> None:
    row = {
        "name": "chat",
        "context": {"trace_id": "0xab", "span_id": "0x1"},
        "parent_id": None,
        "start_time": "2024-05-01T10:00:00.000000Z",
        "end_time": "2024-05-01T10:00:01.000000Z",
        "attributes": {"gen_ai.input.messages": json.dumps(ASKED), "gen_ai.output.messages": json.dumps([SEVEN])},
    }
    (session,) = read(tmp_path, row)
    assert (spoken(session), dates(session)[1]) == (SHORT[1:], "2024-05-01T10:00:01Z")


def test_spans_without_content_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(
        SessionFormatError, match=r"no messages in them.*OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
    ):
        read(tmp_path, exported(span("a", 0, gen_ai__operation__name="chat", gen_ai__request__model="m")))


def operation(**attributes: Any) -> spans.MemoryOperation:
    name = attributes.pop("name", "op")
    (found,) = otlp.spans_from_json(exported(span("a", 0, name=name, **attributes)))
    made = spans.memory_operation(found)
    assert made is not None
    return made


def test_the_three_dialects_of_memory() -> None:
    records = json.dumps([{"content": "Pier 9", "id": "m1", "score": 0.9}])
    found = operation(
        gen_ai__operation__name="upsert_memory", gen_ai__memory__records=records, gen_ai__memory__store__id="s"
    )
    assert (found.what, found.records[0]["content"], found.store, found.count) == ("upsert", "Pier 9", "s", 1)
    found = operation(
        gen_ai__operation__name="search_memory", gen_ai__memory__query__text="boat?", gen_ai__memory__records=records
    )
    assert (found.what, found.query, found.records[0]["score"]) == ("search", "boat?", 0.9)
    found = operation(gen_ai__operation__name="delete_memory", gen_ai__memory__record__id="m1")
    assert (found.what, found.record) == ("delete", "m1")
    found = operation(name="memory.add", memory__operation="add", memory__item__count=2, memory__sut__name="mem0")
    assert (found.what, found.count, found.store, found.records) == ("create", 2, "mem0", ())
    found = operation(
        name="memory.search", memory__operation="search", memory__query__text="boat?", memory__result__count=3
    )
    assert (found.what, found.query, found.count) == ("search", "boat?", 3)
    found = operation(name="everos.memory.search", everos__query="boat?", output__value='[{"episode": "Pier 9"}]')
    assert (found.what, found.query, spans.text_of(found.records[0])) == ("search", "boat?", "Pier 9")
    assert operation(name="everos.memory.add").what == "create"


def test_steps_inside_a_memory_operation_are_no_operations() -> None:
    (inner,) = otlp.spans_from_json(
        exported(span("a", 0, name="embed", memory__operation="add", memory__embedding__action="add"))
    )
    assert spans.memory_operation(inner) is None


def test_memory_operations_stay_beside_the_conversation(tmp_path: Path) -> None:
    found = span(
        "m", 0, name="search_memory", gen_ai__operation__name="search_memory", gen_ai__memory__query__text="boat?"
    )
    inside = chat("n", 1, ASKED, SEVEN) | {"parentSpanId": "m"}
    (session,) = read(tmp_path, exported(found, inside, chat("a", 2, ASKED, SEVEN)))
    assert len(session.turns) == 3
    assert session.extra["memory_operations"][0]["query"] == "boat?"
    assert "1 calls to a model inside memory operations are no turns" in session.warnings


def generation(id: str, at: str, given: Any, back: Any, **more: Any) -> dict[str, Any]:
    return {
        "id": id,
        "type": "GENERATION",
        "traceId": "t",
        "startTime": f"2024-05-01T{at}Z",
        "input": given,
        "output": back,
    } | more


def test_langfuse_traces_sessions_and_file_exports(tmp_path: Path) -> None:
    user = {"role": "user", "content": "Hours?"}
    trace = {
        "id": "t",
        "sessionId": "ana",
        "projectId": "p",
        "timestamp": "2024-05-01T10:00:00Z",
        "input": None,
        "output": None,
        "observations": [
            generation("g", "10:00:00", [user], {"role": "assistant", "content": "Seven."}),
            {"id": "x", "type": "SPAN", "traceId": "t", "input": 1, "output": 2},
        ],
    }
    for data in (trace, {"id": "ana", "traces": [trace]}, {"data": [trace]}):
        (session,) = read(tmp_path, data)
        assert (session.format, session.name, spoken(session)) == ("langfuse", "ana", SHORT[1:])
    row = {
        "id": "g",
        "type": "GENERATION",
        "trace_id": "t",
        "start_time": "2024-05-01 10:00:00",
        "input": json.dumps([user]),
        "output": '{"content": "Seven.", "role": "assistant"}',
    }
    (session,) = read(tmp_path, row)
    assert (spoken(session), session.turns[0].date[:10]) == (SHORT[1:], "2024-05-01")


def test_langfuse_a_trace_without_generations(tmp_path: Path) -> None:
    trace = {
        "id": "t",
        "sessionId": None,
        "userId": None,
        "timestamp": "2024-05-01T10:00:00Z",
        "input": "Hours?",
        "output": "Seven.",
    }
    (session,) = read(tmp_path, [trace])
    assert spoken(session) == SHORT[1:]


def run(id: str, at: int, given: Any, back: Any, kind: str = "llm", **more: Any) -> dict[str, Any]:
    return {
        "id": id,
        "trace_id": "t",
        "run_type": kind,
        "start_time": f"2024-05-01T10:00:{at:02}Z",
        "inputs": given,
        "outputs": back,
    } | more


def test_langsmith_runs_of_langchain_and_threads(tmp_path: Path) -> None:
    human = {
        "lc": 1,
        "type": "constructor",
        "id": ["langchain", "schema", "messages", "HumanMessage"],
        "kwargs": {"content": "Hours?"},
    }
    ai = {
        "lc": 1,
        "type": "constructor",
        "id": ["langchain", "schema", "messages", "AIMessage"],
        "kwargs": {"content": "Seven."},
    }
    thread = {"extra": {"metadata": {"thread_id": "ana"}}}
    child = run("b", 1, {"messages": [[human]]}, {"generations": [[{"text": "Seven.", "message": ai}]]}, **thread)
    root = run("a", 0, {"question": "Hours?"}, {"answer": "Seven."}, "chain", child_runs=[child])
    (session,) = read(tmp_path, [root])
    assert (session.format, session.name, spoken(session)) == ("langsmith", "ana", SHORT[1:])
    (session,) = read(tmp_path, [root | {"child_runs": []}])
    assert spoken(session) == SHORT[1:]


def test_the_real_langsmith_bodies(shared_data: Path) -> None:
    for name in ("langsmith_py_wrap_openai_.json", "langsmith_py_wrap_openai_stream.json"):
        (session,) = formats.read(shared_data / "langsmith_runs" / name)
        assert spoken(session) == [("user", "howdy"), ("assistant", "Howdy! How can I assist you today?")]
        assert session.turns[0].date.startswith("2024-10-11T20:58:2")
