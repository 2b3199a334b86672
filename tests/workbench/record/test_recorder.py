"""What agents' spans become in a run file: turns, model calls and items of one lane."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from workbench import record
from workbench.errors import TraceError, UsageError
from workbench.record import Recording
from workbench.sessions.formats.otlp import Record, Span
from workbench.sessions.formats.when import when
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader


@pytest.fixture
def recording(tmp_path: Path) -> Iterator[Recording]:
    with Recording(tmp_path / "a.mnemo", patience=600) as made:
        yield made


def message(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def span(id: str, at: float, parent: str = "", trace: str = "t", name: str = "", **told: Any) -> Span:
    attributes = {k.replace("__", "."): v for k, v in told.items()}
    start, end = when(1714557600.0 + at), when(1714557600.0 + at + 0.25)
    return Span(trace, id, name or str(attributes.get("gen_ai.operation.name", "x")), parent, start, end, attributes)


def chat(id: str, at: float, asked: list[Any], answer: Any, parent: str = "", trace: str = "t", **told: Any) -> Span:
    told |= {"gen_ai__input__messages": json.dumps(asked), "gen_ai__output__messages": json.dumps([answer])}
    named = {"gen_ai__operation__name": "chat", "gen_ai__usage__input_tokens": 9}
    return span(id, at, parent, trace, "chat m", **named, **told)


def memory(id: str, at: float, what: str, parent: str = "", trace: str = "t", **told: Any) -> Span:
    named = {f"gen_ai__memory__{k}": json.dumps(v) if isinstance(v, list) else v for k, v in told.items()}
    return span(id, at, parent, trace, gen_ai__operation__name=f"{what}_memory", **named)


RULES, HELLO, PIER = (
    message("system", "Be brief."),
    message("user", "My boat is at pier 9."),
    message("assistant", "Noted."),
)
WHERE, NINE = message("user", "Where is it?"), message("assistant", "At pier 9.")


def lines(path: Path) -> list[tuple[int, str, str]]:
    """Turn, kind and subject of the lane's events."""
    with TraceReader(path) as reader:
        return [(e.turn, str(e.kind), e.subject) for e in reader.events(lane=1)]


def turns(path: Path) -> list[list[tuple[str, str]]]:
    with TraceReader(path) as reader:
        return [[(t.role, t.text) for t in reader.session(n).turns] for n in reader.session_names()]


def test_a_trace_becomes_turns_with_their_calls_and_memory_in_place(recording: Recording) -> None:
    boat = [{"id": "m1", "content": "boat at pier 9"}]
    recording.take([
        memory("s", 0.1, "search", "r", query__text="boat?", records=[]),
        chat("c", 0.2, [RULES, HELLO], PIER, "r"),
        memory("w", 0.6, "create", "r", records=boat),
        span("r", 0, gen_ai__operation__name="invoke_agent"),
    ])  # fmt: skip
    assert turns(recording.path) == [
        [("system", "Be brief."), ("user", "My boat is at pier 9."), ("assistant", "Noted.")]
    ]
    assert lines(recording.path) == [
        (0, "turn.closed", ""),
        (1, "recall.finished", ""),
        (1, "turn.closed", ""),
        (2, "model.called", ""),
        (2, "item.written", "m1"),
        (2, "turn.closed", ""),
    ]
    with TraceReader(recording.path) as reader:
        (written,) = reader.events(kinds=[Kind.WRITTEN])
        (called,) = reader.events(kinds=[Kind.MODEL_CALLED])
        dates = [t.date for t in reader.session(1).turns]
    assert written.payload["turns"] == [1, 2]
    assert (called.payload["raw"], called.payload["tokens"], called.ms) == ("Noted.", [9, 0], 250.0)
    assert [m["text"] for m in called.payload["prompt"]] == ["Be brief.", "My boat is at pier 9."]
    assert dates[-1].startswith("2024-05-01T10:00:00.45")


def test_an_unfinished_trace_waits_and_is_written_at_the_end(recording: Recording) -> None:
    recording.take([chat("c", 0, [HELLO], PIER, "r")])
    assert turns(recording.path) == []
    recording.close()
    assert turns(recording.path) == [[("user", "My boat is at pier 9."), ("assistant", "Noted.")]]


def test_an_unfinished_trace_is_written_after_a_while(tmp_path: Path) -> None:
    with Recording(tmp_path / "a.mnemo", patience=0.01) as recording:
        recording.take([chat("c", 0, [HELLO], PIER, "r")])
        assert recording._timer is not None
        recording._timer.join(30)
        assert len(turns(recording.path)[0]) == 2


def test_what_repeats_the_history_adds_what_is_new(recording: Recording) -> None:
    recording.take([chat("a", 0, [RULES, HELLO], PIER, trace="1")])
    recording.take([chat("b", 60, [RULES, HELLO, PIER, WHERE], NINE, trace="2")])
    recording.take([chat("b", 60, [RULES, HELLO, PIER, WHERE], NINE, trace="2")])  # sent again
    assert [text for _, text in turns(recording.path)[0]] == [
        "Be brief.",
        "My boat is at pier 9.",
        "Noted.",
        "Where is it?",
        "At pier 9.",
    ]


def test_conversations_stay_apart_and_their_memory_with_them(recording: Recording) -> None:
    recording.take([chat("a", 0, [HELLO], PIER, trace="1", gen_ai__conversation__id="ana")])
    recording.take([chat("b", 1, [HELLO], PIER, trace="2", gen_ai__conversation__id="bo")])
    late = memory("m", 2, "create", trace="3", records=[{"id": "x", "content": "y"}])
    late.attributes["gen_ai.conversation.id"] = "ana"  # type: ignore[index]
    recording.take([late])
    with TraceReader(recording.path) as reader:
        assert list(reader.session_names().values()) == ["ana", "bo"]
        (written,) = reader.events(kinds=[Kind.WRITTEN])
        closed = [e.payload["items"] for e in reader.events(1, 1, [Kind.TURN_CLOSED], (1, 1))]
    assert (written.session, written.turn) == (1, 1)
    assert closed == [0, 1]  # the turn was closed, and its memory went on


def test_messages_that_come_as_log_records_are_waited_for(recording: Recording) -> None:
    recording.take([span("c", 0, gen_ai__operation__name="chat", gen_ai__request__model="m")])
    assert turns(recording.path) == []
    told = [("gen_ai.user.message", {"content": "Hi"}), ("gen_ai.choice", {"message": {"content": "Ho"}})]
    recording.take([], [Record(name, body=body, trace="t", span="c") for name, body in told])
    assert turns(recording.path) == [[("user", "Hi"), ("assistant", "Ho")]]


def test_every_operation_on_an_item(recording: Recording) -> None:
    def op(n: int, what: str, **told: Any) -> None:
        recording.take([memory(str(n), n, what, trace=str(n), **told)])

    op(1, "create", records=[{"id": "m", "content": "pier 4", "metadata": {"user": "ana", "kind": "fact"}}])
    op(2, "update", records=[{"id": "m", "content": {"text": "pier 9"}}])
    op(3, "upsert", records=[{"id": "n", "content": "a cat"}])
    op(
        4,
        "search",
        query__text="boat?",
        records=[{"id": "m", "content": "pier 9", "score": 0.5}, {"id": "old", "content": "Oslo"}],
    )
    op(5, "delete", record__id="m")
    op(6, "delete", record__id="who")
    op(7, "upsert", records=[{"id": "m", "content": "pier 2"}])
    recording.close()
    with TraceReader(recording.path) as reader:
        events = list(reader.events(lane=1))
    told = [(str(e.kind), e.subject) for e in events]
    assert told == [
        ("item.written", "m"),
        ("item.updated", "m"),
        ("item.written", "n"),
        ("item.written", "old"),
        ("recall.finished", ""),
        ("item.accessed", "m"),
        ("item.accessed", "old"),
        ("item.deleted", "m"),
        ("strategy.noted", ""),
        ("item.restored", "m"),
        ("item.updated", "m"),
    ]
    assert events[0].payload["fields"] == {"user": "ana", "meta_kind": "fact"}
    assert events[1].payload["changes"]["text"] == ["pier 4", "pier 9"]
    assert events[3].payload["fields"] == {"seen": "search"}
    assert [(h["item"], h["score"]) for h in events[4].payload["hits"]] == [("m", 0.5), ("old", 0.0)]


def test_operations_without_content_are_notes_and_memory_s_own_calls_are_calls(recording: Recording) -> None:
    recording.take([
        span("a", 0, name="memory.add", memory__operation="add", memory__item__count=2, memory__sut__name="mem0"),
        chat("b", 0.1, [message("user", "Extract facts from …")], message("assistant", "[]"), "a"),
    ])  # fmt: skip
    with TraceReader(recording.path) as reader:
        assert reader.session(1).turns == ()
        note, call = list(reader.events(lane=1))
    assert note.payload == {"name": "memory.add", "value": {"store": "mem0", "count": 2}}
    assert call.payload["raw"] == "[]"


def test_told_from_python(tmp_path: Path) -> None:
    with record.start(tmp_path / "a.mnemo") as recording:
        recording.say("user", "My boat is at pier 9.", at="2025-06-01T08:00:00Z", speaker="Ida")
        recording.remember("create", records=[{"id": "m", "content": "boat: pier 9"}])
        recording.remember("search", query="boat?", records=["boat: pier 9"])
        recording.call([{"role": "user", "content": "boat?"}], "At pier 9.", tokens=(5, 4))
        recording.say("assistant", "At pier 9.")
        recording.say("user", "Hello", conversation="other")
    assert turns(tmp_path / "a.mnemo") == [
        [("user", "My boat is at pier 9."), ("assistant", "At pier 9.")],
        [("user", "Hello")],
    ]
    with TraceReader(tmp_path / "a.mnemo") as reader:
        first = reader.session(1).turns[0]
        recalled = next(reader.events(kinds=[Kind.RECALLED]))
    assert (first.speaker, first.date) == ("Ida", "2025-06-01T08:00:00Z")
    assert recalled.payload["hits"][0]["item"] == "m"


def test_a_file_that_exists_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "a.mnemo"
    path.write_text("mine")
    with pytest.raises(TraceError, match="exists already"):
        record.start(path)
    assert path.read_text() == "mine"


def test_nothing_is_taken_after_the_end(recording: Recording) -> None:
    recording.close()
    recording.take([chat("c", 0, [HELLO], PIER)])
    recording.close()
    assert turns(recording.path) == []


def test_lanes_beside_it_replay_the_same_turns_as_they_come(tmp_path: Path) -> None:
    with record.start(tmp_path / "a.mnemo", lanes=["window:turns=2", "bm25"]) as recording:
        for n in range(4):
            recording.say("user" if n % 2 == 0 else "assistant", f"line {n}")
        recording.say("user", "Hello", conversation="other")
        recording.remember("create", conversation="other", records=["a note"])
    with TraceReader(recording.path) as reader:
        lanes = {lane.name: lane.id for lane in reader.lanes()}
        assert list(lanes) == ["recorded", "window:turns=2", "bm25"]
        assert [reader.last_turn(1, lane) for lane in lanes.values()] == [3, 3, 3]
        assert [reader.last_turn(2, lane) for lane in lanes.values()] == [0, 0, 0]
        kept = [(e.turn, e.payload["text"]) for e in reader.events(1, lanes["bm25"], [Kind.WRITTEN])]
        assert kept == [(0, "user: line 0"), (1, "assistant: line 1"), (2, "user: line 2"), (3, "assistant: line 3")]
        assert list(reader.events(lane=0, kinds=[Kind.ENGINE_LOADED]))
    assert list(recording.remarks) == []


def test_lanes_that_cannot_be_do_not_begin_a_file_and_a_model_that_cannot_is_a_remark(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no-such-memory"):
        record.start(tmp_path / "a.mnemo", lanes=["no-such-memory"])
    assert not (tmp_path / "a.mnemo").exists()
    with record.start(tmp_path / "b.mnemo", lanes=["bm25"], model=str(tmp_path / "none.gguf")) as recording:
        recording.say("user", "Hi")
    assert turns(recording.path) == [[("user", "Hi")]]
    (remark,) = recording.remarks
    assert remark.startswith("the lanes beside it: ")
    assert "none.gguf" in remark
