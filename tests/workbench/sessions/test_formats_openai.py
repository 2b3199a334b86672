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
    assert session.turns[0].date == "2023-11-14T22:13:20Z"
    assert session.warnings == ("messages[5].role: 'narrator' is unknown; kept as it is",)


def test_what_a_person_should_know_is_a_warning(tmp_path: Path) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    (session,) = read(tmp_path, [said("user", ""), said("assistant", None, tool_calls=[call])])
    assert session.warnings == (
        "messages[1].tool_calls[0]: no result of 'weather' follows",
        "messages[0]: empty",
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
    records = [logged([HELLO], OSLO), logged([HELLO, other, WHERE])]
    assert [len(s.turns) for s in read(tmp_path, *records, lines=True)] == [2, 3], "nothing says that they are one"
    (session,) = read(tmp_path, *(r | {"session_id": "s"} for r in records), lines=True)
    assert [t.text for t in session.turns] == ["Hello", "Hi, from Lima", "From where?"]
    assert "line 2: goes on with another answer than the one logged before; it is kept" in session.warnings


def test_a_changed_system_message_does_not_part_a_conversation(tmp_path: Path) -> None:
    long = said("system", "Be long.")
    (session,) = read(tmp_path, logged([SYSTEM, HELLO], OSLO), logged([long, HELLO, OSLO, WHERE]), lines=True)
    assert [t.text for t in session.turns] == ["Be brief.", "Hello", "Hi, from Oslo", "Be long.", "From where?"]
    assert "line 2: the system message changed; the new one is a turn of its own" in session.warnings


def test_training_rows_are_conversations_of_their_own_however_they_begin(tmp_path: Path) -> None:
    rows = [[SYSTEM, HELLO, OSLO], [SYSTEM, HELLO, said("assistant", "Hi")], [SYSTEM, HELLO, OSLO, WHERE, OSLO]]
    sessions = read(tmp_path, *({"messages": row} for row in rows), lines=True)
    assert [len(s.turns) for s in sessions] == [3, 3, 5]


def test_requests_of_a_batch_stay_apart_by_their_custom_ids(tmp_path: Path) -> None:
    baker, ferryman = said("system", "You bake."), said("system", "You row.")
    asked = [[baker, HELLO], [ferryman, HELLO], [baker, HELLO], [baker, HELLO, OSLO, WHERE]]
    rows = [{"custom_id": f"r-{n}", "body": {"messages": messages}} for n, messages in enumerate(asked)]
    sessions = read(tmp_path, *rows, lines=True)
    assert [(s.name, len(s.turns)) for s in sessions] == [("r-0", 2), ("r-1", 2), ("r-2", 2), ("r-3", 4)]


def test_what_a_system_message_or_a_user_tells_apart_is_not_fused(tmp_path: Path) -> None:
    baker, ferryman = said("system", "You bake."), said("system", "You row.")
    records = [
        logged([baker, HELLO]),
        logged([ferryman, HELLO, OSLO, WHERE]),
        logged([baker, HELLO, OSLO, WHERE]) | {"user": "ana"},
        logged([baker, HELLO, OSLO, WHERE]),
    ]
    sessions = read(tmp_path, *records, lines=True)
    assert [[t.text for t in s.turns][::3] for s in sessions] == [
        ["You bake.", "From where?"],
        ["You row.", "From where?"],
        ["You bake.", "From where?"],
    ]


def test_the_same_conversation_twice_stays_two(tmp_path: Path) -> None:
    records = [logged([HELLO], OSLO), logged([HELLO], OSLO), *(logged([HELLO, OSLO, WHERE], OSLO) for _ in range(2))]
    assert [len(s.turns) for s in read(tmp_path, *records, lines=True)] == [4, 4]


def test_a_window_on_the_history_is_joined_where_the_log_names_the_conversation(tmp_path: Path) -> None:
    one, two, three = (said("user", f"Question {n}") for n in (1, 2, 3))
    records = [logged([one], OSLO), logged([one, OSLO, two], OSLO), logged([two, OSLO, three], OSLO)]
    (session,) = read(tmp_path, *({"metadata": {"session_id": "s"}} | r for r in records), lines=True)
    assert [t.text for t in session.turns][::2] == ["Question 1", "Question 2", "Question 3"]


def test_a_message_per_line_and_threads_newest_first(tmp_path: Path) -> None:
    rows = [
        said(role, [{"type": "text", "text": {"value": text, "annotations": []}}], thread_id=thread, created_at=at)
        for thread, role, text, at in [
            ("a", "assistant", "Noted.", 1714557603),
            ("b", "assistant", "Good.", 1714557602),
            ("a", "user", "Book it.", 1714557600),
            ("b", "user", "I am well.", 1714557601),
        ]
    ]
    for data, lines in (([rows], False), (rows, True), ([{"object": "list", "data": rows}], False)):
        first, second = read(tmp_path, *data, lines=lines)
        assert (first.name, spoken(first)) == ("a", [("user", "Book it."), ("assistant", "Noted.")])
        assert (second.name, second.turns[0].date) == ("b", "2024-05-01T10:00:01Z")
        assert any("runs from the newest message to the oldest; put in order" in w for w in first.warnings)


def test_disorder_is_a_remark_and_times_have_many_names(tmp_path: Path) -> None:
    messages = [
        HELLO | {"createdAt": "2024-05-03T10:00:00Z"},
        OSLO | {"date": "Fri, 03 May 2024 12:00:02 +0200"},
        WHERE | {"start_time": "2024-05-01T10:00:00"},
        OSLO | {"timestamp": "1714557602000"},
    ]
    (session,) = read(tmp_path, {"messages": messages})
    dates = ["2024-05-03T10:00:00Z", "2024-05-03T12:00:02+02:00", "2024-05-01T10:00:00", "2024-05-01T10:00:02Z"]
    assert [t.date for t in session.turns] == dates
    assert session.turns[1].weekday == "Friday"
    assert session.warnings == ("messages[2]: is older than messages[1]; the order is kept",)


def test_the_responses_api_with_its_items(tmp_path: Path) -> None:
    call = {"type": "function_call", "call_id": "c", "name": "find", "arguments": {"où": "là"}}
    first = {
        "request": {"instructions": "Be brief.", "input": "Where is it?", "model": "m"},
        "response": {
            "id": "resp_1",
            "object": "response",
            "created_at": 1714557600,
            "output": [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]}, call],
        },
    }
    second = {
        "request": {
            "previous_response_id": "resp_1",
            "input": [{"type": "function_call_output", "call_id": "c", "output": "pier 9"}],
            "model": "m",
        },
        "response": {
            "id": "resp_2",
            "object": "response",
            "output": [
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Pier 9."}]}
            ],
        },
    }
    (session,) = read(tmp_path, first, second, lines=True)
    assert spoken(session) == [
        ("system", "Be brief."),
        ("user", "Where is it?"),
        ("assistant", 'find({"où": "là"})'),
        ("tool", "pier 9"),
        ("assistant", "Pier 9."),
    ]
    assert session.turns[3].speaker == "find"
    assert session.turns[2].extra["thinking"] == "Hm."


def test_sound_and_tools_without_ids(tmp_path: Path) -> None:
    call = {"function": {"name": "保存", "arguments": {"名字": "豆包"}}}
    messages = [
        said("assistant", None, audio={"id": "a", "data": "AAAA", "transcript": "Pier nine."}),
        said("assistant", "", tool_calls=[call]),
        said("tool", "好了", name="保存"),
    ]
    (session,) = read(tmp_path, messages)
    assert [t.text for t in session.turns] == ["Pier nine.", '保存({"名字": "豆包"})', "好了"]
    assert session.warnings == ("messages: no message has a time",)


def test_streamed_chunks_are_one_answer(tmp_path: Path) -> None:
    def chunk(**delta: Any) -> dict[str, Any]:
        return {"id": "x", "object": "chat.completion.chunk", "choices": [{"delta": delta}], "created": 1714557600}

    call = {"index": 0, "id": "c", "function": {"name": "find", "arguments": ""}}
    more = {"index": 0, "function": {"arguments": "{}"}}
    rows = [
        chunk(role="assistant", content="Pier"),
        chunk(content=" 9"),
        chunk(tool_calls=[call]),
        chunk(tool_calls=[more]),
    ]
    (session,) = read(tmp_path, *rows, lines=True)
    assert [t.text for t in session.turns] == ["Pier 9\nfind({})"]
    assert "line 1: an answer without its question: the request is in another file" in session.warnings


def test_prompts_preferences_and_other_choices(tmp_path: Path) -> None:
    rows = [
        {"prompt": "Hello", "completion": "Hi"},
        {"input": {"messages": [HELLO]}, "preferred_output": [OSLO], "non_preferred_output": [WHERE]},
        {"messages": [WHERE], "choices": [{"message": OSLO}, {"message": HELLO}]},
    ]
    sessions = read(tmp_path, *rows, lines=True)
    assert [[t.text for t in s.turns] for s in sessions] == [
        ["Hello", "Hi"],
        ["Hello", "Hi, from Oslo"],
        ["From where?", "Hi, from Oslo"],
    ]
    assert "line 3: 1 more answers to the same request; the first is kept" in sessions[0].warnings


def test_a_bad_row_costs_that_row(tmp_path: Path) -> None:
    rows = [{"messages": [HELLO, 3, OSLO]}, {"messages": []}, {"messages": 3}, "x", {"messages": [WHERE]}]
    first, second = read(tmp_path, rows)
    assert [len(first.turns), len(second.turns)] == [2, 1]
    assert {
        "[0].messages[1]: must be an object, is a number; left out",
        "[1]: no turns; left out",
        "[2].messages: must be an array, is a number; left out",
        "[3]: must be an object, is a string; left out",
    } <= set(first.warnings)


MISTAKES: list[tuple[Any, str]] = [
    ({"messages": ["x"]}, r"messages\[0\]: must be an object, is a string"),
    ({"messages": [{"content": "x"}]}, r"messages\[0\]\.role: must be a string, is null or missing"),
    ({"messages": []}, "messages: no turns"),
    ([said("assistant", None, tool_calls=3)], r"messages\[0\]\.tool_calls: must be an array, is a number"),
    ([said("assistant", None, tool_calls=[3])], r"messages\[0\]\.tool_calls\[0\]: must be an object, is a number"),
]


@pytest.mark.parametrize(("data", "message"), MISTAKES)
def test_a_mistake_names_its_place(tmp_path: Path, data: Any, message: str) -> None:
    with pytest.raises(SessionFormatError, match=rf"log\.json: {message}"):
        read(tmp_path, data)
