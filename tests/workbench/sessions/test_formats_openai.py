"""OpenAI chat files: contents of every shape, tools, logs that repeat their history."""

import json
from pathlib import Path
from typing import Any

import pytest

from workbench.errors import SessionFormatError
from workbench.sessions import Session, formats


def said(role: str, content: Any, **values: Any) -> dict[str, Any]:
    return {"role": role, "content": content} | values


SYSTEM = said("system", "Be brief.")
HELLO, OSLO, WHERE = said("user", "Hello"), said("assistant", "Hi, from Oslo"), said("user", "From where?")


def read(folder: Path, *rows: Any, lines: bool = False) -> list[Session]:
    path = folder / ("log.jsonl" if lines else "log.json")
    path.write_text("\n".join(map(json.dumps, rows)))
    return formats.read(path)


def spoken(session: Session) -> list[tuple[str, str]]:
    return [(t.role, t.text) for t in session.turns]


def test_messages_in_an_object_or_bare(tmp_path: Path) -> None:
    expected = [("system", "Be brief."), ("user", "Hello"), ("assistant", "Hi, from Oslo")]
    for data in ({"messages": [SYSTEM, HELLO, OSLO]}, [SYSTEM, HELLO, OSLO]):
        (session,) = read(tmp_path, data)
        assert spoken(session) == expected
        assert (session.name, session.format, session.probes) == ("log", "openai", ())
        assert session.warnings == ("messages: no message has a time",)


def test_content_of_every_shape(tmp_path: Path) -> None:
    image = {"type": "image_url", "image_url": {"url": "data:..."}}
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}
    messages = [
        said("developer", "Be brief."),
        said("user", [{"type": "text", "text": "What"}, {"type": "input_text", "text": "is this?"}, image]),
        said("assistant", None, tool_calls=[call]),
        said("tool", "12 degrees", tool_call_id="c1"),
        said("assistant", None, refusal="I cannot."),
        said("narrator", "Time passes.", name="Ana"),
    ]
    (session,) = read(tmp_path, {"messages": messages, "created": 1_700_000_000})
    assert spoken(session) == [
        ("system", "Be brief."),
        ("user", "What\nis this?\n[image]"),
        ("assistant", 'weather({"city": "Oslo"})'),
        ("tool", "12 degrees"),
        ("assistant", "I cannot."),
        ("narrator", "Time passes."),
    ]
    assert session.turns[3].speaker == "weather"
    assert session.turns[5].said == "Ana: Time passes."
    assert session.turns[2].extra["tool_calls"] == [call]
    assert session.turns[0].date == "2023-11-14T22:13:20+00:00"
    assert session.warnings == ("messages[5].role: 'narrator' is unknown; kept as it is",)


def test_what_a_person_should_know_is_a_warning(tmp_path: Path) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    (session,) = read(tmp_path, [said("user", ""), said("assistant", None, tool_calls=[call])])
    assert session.warnings == (
        "messages[0]: empty",
        "messages[1].tool_calls[0]: no result of 'weather' follows",
        "messages: no message has a time",
    )


def test_fine_tuning_lines_are_sessions_of_their_own(tmp_path: Path) -> None:
    sessions = read(tmp_path, {"messages": [HELLO, OSLO]}, {"messages": [WHERE, OSLO], "weight": 1}, lines=True)
    assert [s.name for s in sessions] == ["log 1", "log 2"]
    assert [len(s.turns) for s in sessions] == [2, 2]


def logged(messages: list[Any], answer: Any = None, shape: str = "flat") -> dict[str, Any]:
    response = {"choices": [{"message": answer}], "created": 1_700_000_000}
    match shape:
        case "flat":
            return {"messages": messages} | (response if answer else {})
        case "nested":
            return {"request": {"messages": messages}, "response": response}
        case _:
            return {"custom_id": "1", "body": {"messages": messages}, "response": {"body": response}}


@pytest.mark.parametrize("shape", ["flat", "nested", "batch"])
def test_a_log_that_repeats_its_history_is_one_conversation(tmp_path: Path, shape: str) -> None:
    bye = said("assistant", "From Oslo.")
    records = [logged([SYSTEM, HELLO], OSLO, shape), logged([SYSTEM, HELLO, OSLO, WHERE], bye, shape)]
    (session,) = read(tmp_path, *records, lines=True)
    assert [t.text for t in session.turns] == ["Be brief.", "Hello", "Hi, from Oslo", "From where?", "From Oslo."]
    assert "line 1: 3 repeated messages collapsed" in session.warnings


def test_conversations_may_be_interleaved(tmp_path: Path) -> None:
    ahoy = said("user", "Ahoy")
    records = [logged([HELLO], OSLO), logged([ahoy], OSLO), logged([HELLO, OSLO, WHERE]), logged([ahoy, OSLO, WHERE])]
    first, second = read(tmp_path, records)
    assert [t.text for t in first.turns] == ["Hello", "Hi, from Oslo", "From where?"]
    assert [t.text for t in second.turns] == ["Ahoy", "Hi, from Oslo", "From where?"]


def test_a_history_without_the_logged_answer_replaces_it(tmp_path: Path) -> None:
    other = said("assistant", "Hi, from Lima")
    (session,) = read(tmp_path, logged([HELLO], OSLO), logged([HELLO, other, WHERE]), lines=True)
    assert [t.text for t in session.turns] == ["Hello", "Hi, from Lima", "From where?"]
    assert "line 2: goes on with another answer than the one logged before; it is kept" in session.warnings


def test_a_changed_system_message_does_not_part_a_conversation(tmp_path: Path) -> None:
    long = said("system", "Be long.")
    (session,) = read(tmp_path, logged([SYSTEM, HELLO], OSLO), logged([long, HELLO, OSLO, WHERE]), lines=True)
    assert [t.text for t in session.turns] == ["Be brief.", "Hello", "Hi, from Oslo", "Be long.", "From where?"]
    assert "line 2: the system message changed; the new one is a turn of its own" in session.warnings


MISTAKES: list[tuple[Any, str]] = [
    ({"messages": ["x"]}, r"messages\[0\]: must be an object, is a string"),
    ({"messages": [{"content": "x"}]}, r"messages\[0\]\.role: must be a string, is null or missing"),
    ({"messages": []}, "messages: no turns"),
    ([{"messages": [HELLO]}, 3], r"\[1\]: must be an object, is a number"),
    ([{"messages": [HELLO]}, {"messages": 3}], r"\[1\]\.messages: must be an array, is a number"),
    ([said("assistant", None, tool_calls=3)], r"messages\[0\]\.tool_calls: must be an array, is a number"),
    ([said("assistant", None, tool_calls=[3])], r"messages\[0\]\.tool_calls\[0\]: must be an object, is a number"),
]


@pytest.mark.parametrize(("data", "message"), MISTAKES)
def test_a_mistake_names_its_place(tmp_path: Path, data: Any, message: str) -> None:
    with pytest.raises(SessionFormatError, match=rf"log\.json: {message}"):
        read(tmp_path, data)
