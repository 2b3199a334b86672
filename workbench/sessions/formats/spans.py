"""What agents' spans say: calls to models with their messages, and operations on memories.

Messages are read in the dialects that instrumentations speak:

* ``gen_ai.input.messages`` and ``gen_ai.output.messages`` (OpenTelemetry GenAI, on the span or its event),
* events or log records ``gen_ai.user.message`` … ``gen_ai.choice`` (the conventions up to 1.36),
* ``gen_ai.prompt.0.content`` … (OpenLLMetry), ``llm.input_messages.0.message.content`` … (OpenInference),
  ``ai.prompt.messages`` (AI SDK), ``input.value`` and ``output.value``.

Memory operations speak ``gen_ai.memory.*`` (semantic-conventions-genai), ``memory.*`` (memory-semconv 0.1.0) and
``everos.*``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from workbench.errors import SessionFormatError
from workbench.sessions.formats.exchange import answered, asked, latest
from workbench.sessions.formats.limits import Remarks
from workbench.sessions.formats.messages import Said, plain, said
from workbench.sessions.formats.otlp import Record, Span, decoded
from workbench.sessions.formats.when import When
from workbench.words import numeric

CREATE, UPDATE, UPSERT, SEARCH, DELETE, OTHER = "create", "update", "upsert", "search", "delete", "other"
_CONVERSATION = (
    "gen_ai.conversation.id", "session.id", "langfuse.session.id", "thread.id", "ai.telemetry.metadata.sessionId",
    "traceloop.association.properties.session_id", "traceloop.association.properties.thread_id", "metadata.thread_id",
    "langsmith.metadata.thread_id", "langsmith.trace.session_id",
)  # fmt: skip
_SPANNING = ("invoke_agent", "invoke_workflow", "create_agent", "agent", "chain", "workflow", "task")
_SILENT = ("execute_tool", "embeddings", "tool", "embedding", "reranker", "retriever", "guardrail", "evaluator")
_EVENTS = ("gen_ai.system.message", "gen_ai.user.message", "gen_ai.assistant.message", "gen_ai.tool.message")
_CHOICE, _DETAILS = "gen_ai.choice", "gen_ai.client.inference.operation.details"
LAST_EVENTS = (_CHOICE, _DETAILS)
"""Events with which a call's messages are whole."""
_MOST = 10_000  # messages or calls that numbered attributes may name
_MEMORY = {
    "add": CREATE, "cognify": CREATE, "write": CREATE, "store": CREATE, "save": CREATE, "remember": CREATE,
    "insert": CREATE, "flush": CREATE, "create": CREATE, "memorize": CREATE, "upsert": UPSERT, "update": UPDATE,
    "consolidate": UPDATE, "reflect": UPDATE, "invalidate": DELETE, "delete": DELETE, "delete_all": DELETE,
    "forget": DELETE, "remove": DELETE, "search": SEARCH, "retrieve": SEARCH, "recall": SEARCH, "read": SEARCH,
    "get": SEARCH, "get_all": SEARCH, "prefetch": SEARCH, "query": SEARCH,
}  # fmt: skip
"""Words of the dialects for what is done to a memory."""


@dataclass(frozen=True, slots=True)
class ModelCall:
    """A call to a model, as its span tells it.

    Attributes:
        asked, answer: the messages; both may be empty where content is not exported.
        conversation: the id that the span gives its conversation; empty for none.
        tokens: of the prompt and generated; 0 when unknown.
        inside: whether a memory operation made it: then it is no part of the conversation.
    """

    span: Span
    asked: tuple[Said, ...]
    answer: tuple[Said, ...]
    conversation: str = ""
    model: str = ""
    tokens: tuple[int, int] = (0, 0)
    stop: str = ""
    inside: bool = False


@dataclass(frozen=True, slots=True)
class MemoryOperation:
    """An operation on a memory, as its span tells it.

    Attributes:
        what: one of ``create``, ``update``, ``upsert``, ``search``, ``delete`` and ``other``.
        records: ``{content, id, score, metadata}`` of what was stored or found, where content is exported.
        record: id of the one record that it is about; empty for none.
        query: what was searched.
        count: how many records the span says there are; -1 when it does not.
    """

    span: Span
    what: str
    records: tuple[Mapping[str, Any], ...] = ()
    record: str = ""
    query: str = ""
    store: str = ""
    count: int = -1


@dataclass
class Trace:
    """What a batch of spans says, in the order in which it began; ``remarks`` about what is not read."""

    steps: list[ModelCall | MemoryOperation] = field(default_factory=list)
    remarks: Remarks = field(default_factory=Remarks)


def trace(spans: Iterable[Span], records: Iterable[Record] = ()) -> Trace:
    """The calls and memory operations of spans and of the log records that belong to them."""
    listed = sorted(spans, key=lambda s: s.began)
    logs: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        logs.setdefault((record.trace, record.span), []).append(record)
    found = Trace()
    parents = {(s.trace, s.id): s for s in listed}
    calls: dict[tuple[str, str], ModelCall] = {}
    operations: dict[tuple[str, str], MemoryOperation] = {}
    for span in listed:
        key = (span.trace, span.id)
        operation = memory_operation(span)
        if operation is not None:
            operations[key] = operation
            continue
        try:
            call = model_call(span, logs.get(key, ()))
        except SessionFormatError as error:
            found.remarks.add(f"span {span.id}", f"{error.what}; left out")
            continue
        if call is not None:
            calls[key] = call
    _sort(found, listed, parents, calls, operations)
    return found


def _sort(
    found: Trace,
    listed: Sequence[Span],
    parents: Mapping[tuple[str, str], Span],
    calls: dict[tuple[str, str], ModelCall],
    operations: Mapping[tuple[str, str], MemoryOperation],
) -> None:
    """Leave out what others tell better, and put the rest in order."""
    spoken = {key for key, call in calls.items() if call.asked or call.answer}
    covered: set[tuple[str, str]] = set()  # spans whose calls tell the same
    inside: set[tuple[str, str]] = set()  # of a memory operation
    for key in [*calls, *operations]:
        above = [(s.trace, s.id) for s in _ancestors(parents[key], parents)]
        if any(place in operations for place in above):
            inside.add(key)
        elif key in spoken:
            covered.update(above)
    silent = 0
    for span in listed:
        key = (span.trace, span.id)
        if key in operations and key not in inside:
            found.steps.append(operations[key])
        elif key in calls and key in inside:
            found.steps.append(replace(calls[key], inside=True))
        elif key in spoken and not (key in covered and _is_spanning(span)):
            found.steps.append(calls[key])
        elif key in calls and key not in spoken and not _is_spanning(span):
            silent += 1
    if silent:
        how = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=SPAN_ONLY"
        found.remarks.add("", f"{silent} calls to a model have no content; agents export it when told to ({how})")


def is_silent_call(span: Span) -> bool:
    """Whether a span is a call to a model that does not tell its messages (its log records may)."""
    try:
        call = model_call(span)
    except SessionFormatError:
        return False
    return call is not None and not (call.asked or call.answer or _is_spanning(span))


def _ancestors(span: Span, parents: Mapping[tuple[str, str], Span]) -> list[Span]:
    found: list[Span] = []
    seen = {span.id}
    while span.parent and span.parent not in seen and (span.trace, span.parent) in parents:
        span = parents[span.trace, span.parent]
        seen.add(span.id)
        found.append(span)
    return found


def kind(span: Span) -> str:
    """The span's operation in its dialect's word, in lower case; empty for none."""
    told = span.attributes
    value = told.get("gen_ai.operation.name") or told.get("openinference.span.kind") or told.get("traceloop.span.kind")
    value = value or told.get("langfuse.observation.type") or told.get("gen_ai.span.kind") or told.get("operation.name")
    return plain(value).lower()


def _is_spanning(span: Span) -> bool:
    return kind(span) in _SPANNING


def conversation_of(span: Span) -> str:
    """The id of the conversation that a span names; empty for none."""
    return next((plain(span.attributes[k]) for k in _CONVERSATION if span.attributes.get(k)), "")


def model_call(span: Span, logs: Iterable[Record] = ()) -> ModelCall | None:
    """The call that a span tells; None for one that is no call. Raises ``SessionFormatError`` for broken messages."""
    told = span.attributes
    if kind(span) in _SILENT:
        return None
    request, answer = _messages(span, [*span.events, *logs])
    known = ("gen_ai.request.model", "gen_ai.response.model", "llm.model_name", "llm.request.model", "ai.model.id")
    model = next((plain(told[k]) for k in known if told.get(k)), "")
    if not (request or answer or model or kind(span) in ("chat", "text_completion", "generate_content", "llm")):
        return None
    answer = latest(answer, request)
    return ModelCall(
        span,
        tuple(request),
        tuple(answer),
        conversation_of(span),
        model,
        (
            _number(told, "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt"),
            _number(told, "gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion"),
        ),
        _stop(told),
    )


def _number(told: Mapping[str, Any], *names: str) -> int:
    value = next((told[n] for n in names if told.get(n) is not None), 0)
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e12 else 0


def _stop(told: Mapping[str, Any]) -> str:
    reasons = decoded(told.get("gen_ai.response.finish_reasons"))
    return plain(reasons[0]) if isinstance(reasons, list) and reasons else ""


def _messages(span: Span, events: Sequence[Record]) -> tuple[list[Said], list[Said]]:
    """What was asked and answered, in the first dialect that the span speaks."""
    where, start, end = f"span {span.id}", span.start, span.end or span.start
    for told in (span.attributes, *(_details(e) for e in events)):
        found = _genai(told, where, start, end) or _numbered(told, where, start, end)
        if found:
            return found
    found = _from_events(events, where, start, end)
    if found:
        return found
    told = span.attributes
    given, back = told.get("input.value") or told.get("traceloop.entity.input"), told.get("output.value")
    back = back or told.get("traceloop.entity.output")
    if given or back:
        return asked(given, where, start), answered(back, where, end)
    return [], []


def _details(event: Record) -> Mapping[str, Any]:
    if event.name == _DETAILS:
        return event.attributes or (event.body if isinstance(event.body, Mapping) else {})
    return {}


def _genai(told: Mapping[str, Any], where: str, start: When, end: When) -> tuple[list[Said], list[Said]] | None:
    """``gen_ai.input.messages`` and its like, whose values may be JSON in a string; and the AI SDK's."""
    given, back = decoded(told.get("gen_ai.input.messages")), decoded(told.get("gen_ai.output.messages"))
    rules = decoded(told.get("gen_ai.system_instructions"))
    if given is None and back is None and told.get("ai.prompt.messages") is None:
        return None
    if given is None and back is None:
        return asked(told["ai.prompt.messages"], where, start), _ai_sdk(told, where, end)
    found: list[Said] = []
    if isinstance(rules, str | list) and rules:
        found += said({"role": "system", "content": rules}, f"{where}.system_instructions", start)
    found += asked(given, f"{where}.input", start) if given else []
    return found, answered(back, f"{where}.output", end) if back else []


def _ai_sdk(told: Mapping[str, Any], where: str, end: When) -> list[Said]:
    calls = decoded(told.get("ai.response.toolCalls"))
    row = {"role": "assistant", "content": told.get("ai.response.text") or told.get("ai.response.object")}
    return said(row | ({"tool_calls": calls} if isinstance(calls, list) else {}), where, end)


def _numbered(told: Mapping[str, Any], where: str, start: When, end: When) -> tuple[list[Said], list[Said]] | None:
    """Messages whose parts are attributes of their own: OpenInference's and OpenLLMetry's."""
    for given, back in (("llm.input_messages", "llm.output_messages"), ("gen_ai.prompt", "gen_ai.completion")):
        request, answer = (nested(told, prefix) for prefix in (given, back))
        if isinstance(request, list) or isinstance(answer, list):
            rows = [_plain_message(m) for m in (request if isinstance(request, list) else [])]
            backs = [_plain_message(m) for m in (answer if isinstance(answer, list) else [])]
            found = [s for n, row in enumerate(rows) for s in said(row, f"{where}.input[{n}]", start)]
            return found, [s for n, row in enumerate(backs) for s in said(row, f"{where}.output[{n}]", end)]
    return None


def nested(told: Mapping[str, Any], prefix: str) -> Any:
    """What attributes named ``prefix.0.role`` … add up to: objects, and lists where all names are numbers."""
    if prefix in told:
        return decoded(told[prefix])
    head = f"{prefix}."
    found: dict[str, Any] = {}
    for name, value in told.items():
        if name.startswith(head):
            place = found
            *path, last = name.removeprefix(head).split(".")
            for key in path:
                inner = place.setdefault(key, {})
                if not isinstance(inner, dict):
                    break
                place = inner
            else:
                place[last] = value
    return _as_lists(found) if found else None


def _as_lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {k: _as_lists(v) for k, v in value.items()}
    if inner and all(0 <= numeric(k) < _MOST for k in inner):
        return [inner[k] for k in sorted(inner, key=int)]
    return inner


def _plain_message(row: Any) -> dict[str, Any]:
    """OpenInference's ``{message: {role, contents, tool_calls}}`` as a plain message; others nearly are one."""
    row = row if isinstance(row, dict) else {"content": row}
    row = _unprefixed(row.get("message", row), "message.")
    contents = row.get("contents")
    if isinstance(contents, list):
        row["content"] = [
            _unprefixed(c.get("message_content", c), "message_content.") for c in contents if isinstance(c, dict)
        ]
    calls = row.get("tool_calls")
    if isinstance(calls, list):
        made = [_unprefixed(c.get("tool_call", c), "tool_call.") for c in calls if isinstance(c, dict)]
        row["tool_calls"] = [_with_function(c) for c in made]
    return {"role": "user"} | {k: v for k, v in row.items() if v is not None}


def _unprefixed(row: Any, prefix: str) -> dict[str, Any]:
    """Phoenix's tables keep the prefix inside a message: ``message.role``."""
    return {k.removeprefix(prefix): v for k, v in row.items()} if isinstance(row, dict) else {}


def _with_function(call: dict[str, Any]) -> dict[str, Any]:
    if "function.name" in call:
        call["function"] = {"name": call["function.name"], "arguments": call.get("function.arguments", "")}
    return call


def _from_events(events: Sequence[Record], where: str, start: When, end: When) -> tuple[list[Said], list[Said]] | None:
    """Messages that are events or log records of their own."""
    given: list[Said] = []
    back: list[Said] = []
    for event in events:
        body = event.body if isinstance(event.body, Mapping) else {}
        row = dict(event.attributes) | dict(body)
        if event.name in _EVENTS:
            role = event.name.split(".")[1]
            told = {"role": role} | {
                k: decoded(v) for k, v in row.items() if k in ("role", "content", "tool_calls", "name")
            }
            given += said(told | ({"tool_call_id": row["id"]} if row.get("id") else {}), where, start)
        elif event.name == _CHOICE:
            message = decoded(row.get("message"))
            told = dict(message) if isinstance(message, Mapping) else row
            told = {"role": "assistant"} | {
                k: decoded(v) for k, v in told.items() if k in ("role", "content", "tool_calls")
            }
            if not back:  # one of several choices
                back += said(told, where, end)
        elif event.name == "gen_ai.content.prompt":
            given += asked(row.get("gen_ai.prompt"), where, start)
        elif event.name == "gen_ai.content.completion":
            back += answered(row.get("gen_ai.completion"), where, end)
    return (given, back) if given or back else None


# memory --------------------------------------------------------------------------------------------------------------


def memory_operation(span: Span) -> MemoryOperation | None:
    """The memory operation that a span tells, in whichever dialect; None for a span that is none."""
    told = span.attributes
    operation = plain(told.get("gen_ai.operation.name"))
    if re.fullmatch(r"(create|update|upsert|search|delete)_memory(_store)?", operation):
        what = OTHER if operation.endswith("_store") else operation.partition("_")[0]
        return _operation(span, what, "gen_ai.memory.")
    if "memory.operation" in told or re.fullmatch(r"memory\.[a-z_]+", span.name):
        word = plain(told.get("memory.operation")) or span.name.partition(".")[2]
        if told.get("memory.embedding.action") or told.get("memory.db.operation") or told.get("memory.llm.model"):
            return None  # a step inside an operation, which carries its attributes
        return _operation(span, _MEMORY.get(word.lower(), OTHER), "memory.")
    if span.name.startswith("everos."):
        word = span.name.removeprefix("everos.").removeprefix("memory.").partition(".")[0]
        if span.name.startswith("everos.memory.") or word in ("persist", "reflect"):
            return _operation(span, _MEMORY.get({"persist": "store"}.get(word, word), OTHER), "everos.")
    return None


def _operation(span: Span, what: str, prefix: str) -> MemoryOperation:
    told = span.attributes
    exported = _records(told, prefix)
    records, count = exported or (), _count(told, prefix)
    return MemoryOperation(
        span,
        what,
        records,
        plain(_at(told, prefix, "record.id", "id", "memory.id", "memory_id")),
        plain(
            _at(told, prefix, "query.text", "query", "search.query") or told.get("input.value")
            if what == SEARCH
            else ""
        ),
        plain(_at(told, prefix, "store.id", "store.name", "store_backend", "sut.name", "namespace")),
        count if count >= 0 else -1 if exported is None else len(records),
    )


def _at(told: Mapping[str, Any], prefix: str, *names: str) -> Any:
    return next((told[prefix + n] for n in names if told.get(prefix + n) not in (None, "")), None)


def _count(told: Mapping[str, Any], prefix: str) -> int:
    names = ("record.count", "result.count", "item.count", "search.result.count", "result_count", "count", "episodes")
    value = _at(told, prefix, *names)
    return value if isinstance(value, int) and not isinstance(value, bool) else -1


def _records(told: Mapping[str, Any], prefix: str) -> tuple[Mapping[str, Any], ...] | None:
    """Records as the conventions have them, from one attribute, a single content, or what was returned as text.

    None where content is not exported.
    """
    value = decoded(_at(told, prefix, "records", "results", "items", "memories"))
    if isinstance(value, list):
        return tuple(_record(v) for v in value)
    single = _at(told, prefix, "content", "text", "record.content")
    if single is None and prefix != "gen_ai.memory.":
        single = told.get("output.value") or told.get("langfuse.observation.output")
        inner = decoded(single)
        inner = inner.get("results", inner.get("memories")) if isinstance(inner, Mapping) else inner
        if isinstance(inner, list):
            return tuple(_record(v) for v in inner)
    return (_record(decoded(single)),) if single is not None else None


def _record(value: Any) -> Mapping[str, Any]:
    value = decoded(value)
    if not isinstance(value, Mapping):
        return {"content": value}
    if "content" in value:
        return value
    content = next((value[k] for k in ("memory", "text", "data", "episode", "summary") if k in value), None)
    return {"content": dict(value) if content is None else content} | {
        k: v for k, v in value.items() if k in ("id", "score")
    }


def text_of(record: Mapping[str, Any]) -> str:
    """What a record says: its content, which may be any JSON."""
    content = record.get("content")
    if isinstance(content, Mapping):
        told = next((content[k] for k in ("text", "memory", "value", "data") if isinstance(content.get(k), str)), None)
        return plain(content) if told is None else told
    return plain(content)
