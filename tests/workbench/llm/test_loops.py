"""Loops are found inside one string and in one list, and nowhere where repeating is right."""

import json
from typing import Any

import pytest

from workbench.llm.loops import Loop, LoopGuard, loop_start
from workbench.memory import prompts, schemas
from workbench.memory.prompts import loosened

TEXT = schemas.fields(context=schemas.text(), keywords=schemas.texts(), tags=schemas.texts())


def looped(text: str, schema: dict[str, Any] | None) -> tuple[Loop, bytes] | None:
    """The loop that the guard finds in a text, written byte by byte, and the text up to where it says so."""
    guard, data = LoopGuard(schema), text.encode()
    for at in range(len(data)):
        loop = guard.add(data[at : at + 1])
        if loop is not None:
            return loop, data[: at + 1]
    return None


def closed(text: str, schema: dict[str, Any]) -> str:
    """The text up to its loop, closed."""
    found = looped(text, schema)
    assert found is not None
    loop, data = found
    return (data[: loop.keep] + loop.close).decode()


PIECES = [
    "Sydney, ",
    "sunrise_sunset,",
    "東京、",
    "He said that he went home again and then he said. ",
    "The old laundrette at Kanalstraße 14 is ours on Saturdays. The housing co-op, Bauverein Nord, lets us have "
    "the room for free until the end of the year. ",
    "a\\\\b ",
    "\\u00e9 ",
]


@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize("lead", ["We talked about ", "é"])
def test_a_piece_that_comes_again_and_again_is_a_loop(piece: str, lead: str) -> None:
    text = f'{{"context": "{lead}' + piece * 40
    found = looped(text, TEXT)
    assert found is not None and len(found[1]) < len(text.encode())
    loop, data = found
    assert (loop.close, loop.place, loop.what) == (b'"', "answer.context", "string")
    said = json.loads(data[: loop.keep] + b'"}')["context"]  # no half character, no half escape
    assert said.startswith(lead) and said.count(json.loads(f'"{piece}"').strip()) <= 2
    start = loop_start(data.split(b'"')[-1])
    assert start is not None


def test_a_text_that_counts_on_and_on_is_a_loop() -> None:
    numbers = ", ".join(map(str, range(1, 200)))
    assert closed('{"context": "Rooms {' + numbers, TEXT) == '{"context": "Rooms {1"'
    assert looped('{"context": "Lap ' + numbers.replace(", ", ", lap "), TEXT) is not None
    for text in (
        "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 and go. " * 3,
        ", ".join(str(n * n) for n in range(80)),
        " ".join(f"at {n} he was {n * 7 % 31}" for n in range(60)),
        ", ".join(map(str, range(1, 21))) + ", and so forth; it went on for a long while after that",
    ):
        assert looped(json.dumps({"context": text}), TEXT) is None, text


def test_a_loop_that_ends_amid_an_escape_or_a_character_is_cut_before_it() -> None:
    for piece in ("x\\n", "x\\u00e9", "x\\\\", "x東"):
        text = ('{"context": "' + piece * 60).encode()
        guard = LoopGuard(TEXT)
        loops = [loop for at in range(len(text)) if (loop := guard.add(text[at : at + 1])) is not None]
        assert len(loops) > 40  # it goes on being one, wherever it stands
        for loop in loops:
            json.loads(text[: loop.keep] + b'"}')


def test_equal_entries_and_ordinary_text_are_none() -> None:
    words = schemas.fields(verdicts=schemas.many(schemas.one_of(["independent", "other"])), facts=schemas.texts())
    assert looped(json.dumps({"verdicts": ["independent"] * 60, "facts": ["a", "b"]}), words) is None
    numbers = schemas.fields(links=schemas.many(schemas.index(200)), same=schemas.many(schemas.number(0, 9)))
    assert looped(json.dumps({"links": list(range(100)), "same": [3] * 100}), numbers) is None
    bounded = schemas.fields(facts=schemas.many(schemas.text(), most=20))
    assert looped(json.dumps({"facts": ["Ida"] * 20}), bounded) is None
    assert looped('{"context": "ha ha ha, and no no no, not at all; 10 000 000 000"}', TEXT) is None
    long = json.dumps({"context": " ".join(f"{n} went to {n * 7 % 97}" for n in range(300))})
    assert looped(long, TEXT) is None
    assert looped("Is it? He said no. " * 3, None) is None
    assert (
        looped(json.dumps({"keywords": ["a", "b", "a", "c", "a", "d", "b", "e"], "tags": ["a", "a", "b"]}), TEXT)
        is None
    )


def test_a_plain_text_ends_where_it_loops() -> None:
    found = looped("I think: " + "well, " * 40, None)
    assert found is not None and found[0].close == b"" and found[1][: found[0].keep] == b"I think: well,"


def test_an_escaped_quote_does_not_end_the_string() -> None:
    assert closed('{"context": "' + 'he said \\"no\\", ' * 30, TEXT).count("no") == 1


@pytest.mark.parametrize("space", [", ", ","])
@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (["Sydney"] * 30, 1),
        (["tea", "Sydney"] + ["Sydney"] * 30, 2),
        (["Ida", "Ola"] * 30, 2),
        (["a", "b", "c", "d", "e", "f"] * 9, 6),
        ([f"w{n * n}" for n in range(30)] * 3, 30),
        (["x", "x", "y"] + ["x", "y", "x", "x", "y"] * 9, 3),
    ],
)
def test_a_list_that_says_nothing_new_is_cut_to_what_it_said(said: list[str], kept: int, space: str) -> None:
    text = json.dumps({"context": "Hm.", "keywords": said, "tags": []}, separators=(space, ":"))
    found = closed(text, TEXT)
    assert json.loads(found + "}")["keywords"] == said[:kept]
    assert looped(found + ',"tags":["x","y"]}', TEXT) is None  # the rest is a list of its own


def test_objects_lists_of_lists_and_free_objects_loop_too() -> None:
    rows = loosened(prompts.entities(["x"]).schema or {})
    mel, ida = {"name": "Mel", "type": "person"}, {"name": "Ida", "type": "person"}
    text = json.dumps({"entities": [mel, ida] * 30})
    assert json.loads(closed(text, rows) + "}") == {"entities": [mel, ida]}
    assert looped(json.dumps({"entities": [mel | {"name": f"Mel {n * n}"} for n in range(40)]}), rows) is None
    nested = schemas.fields(pairs=schemas.many(schemas.many(schemas.text())))
    assert json.loads(closed(json.dumps({"pairs": [["a", "b"], ["c"]] * 20}), nested) + "}")["pairs"] == [
        ["a", "b"],
        ["c"],
    ]
    inner = closed('{"pairs": [["a"], ["b", "c", "c", "c", "c", "c"', nested)
    assert json.loads(inner + "]}") == {"pairs": [["a"], ["b", "c"]]}
    deep = schemas.fields(groups=schemas.many(schemas.fields(name=schemas.text(), members=schemas.texts())))
    found = looped(
        '{"groups": [{"name": "one", "members": []}, {"name": "two", "members": ["Ida"' + ', "Ida"' * 9, deep
    )
    assert found is not None and found[0].place == "answer.groups[1].members"
    free = {"type": "object", "properties": {"state": {"type": "object"}}}
    members = '{"state": {"a": 1, ' + ", ".join(['"b": {"c": 2}'] * 9)
    assert json.loads(closed(members, free) + "}") == {"state": {"a": 1, "b": {"c": 2}}}
    either = {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "null"}]}}
    assert json.loads(closed(json.dumps(["a", "b", *["b"] * 9]), either)) == ["a", "b"]


def test_a_list_keeps_as_many_entries_as_it_must_have() -> None:
    least = schemas.fields(facts={"type": "array", "items": {"type": "string"}, "minItems": 3})
    assert json.loads(closed(json.dumps({"facts": ["Ida"] * 30}), least) + "}") == {"facts": ["Ida"] * 3}


def test_a_list_that_counts_on_and_on_is_a_loop() -> None:
    """SmolLM2 on A-MEM's keywords: 4,000 tokens of it."""
    counting = json.dumps({"keywords": ["date", *(f"date_{n}" for n in range(1, 400))]})
    kept = json.loads(closed(counting, TEXT) + "}")["keywords"]
    assert kept == ["date", *(f"date_{n}" for n in range(1, 13))]
    for again in ([f"{n},200" for n in range(1, 90)], [f"{n} and {n + 1}" for n in range(60, 0, -2)]):
        assert json.loads(closed(json.dumps({"keywords": again}), TEXT) + "}")["keywords"] == again[:12]
    rows = schemas.fields(rows=schemas.many(schemas.fields(number=schemas.number(0, 999), verdict=schemas.text())))
    assert looped(json.dumps({"rows": [{"number": n, "verdict": "other"} for n in range(40)]}), rows) is None
    for fine in (
        [f"chapter {n}" for n in range(1, 12)],
        [f"{n} and {n * 7 % 5}" for n in range(0, 60, 2)],
        [f"street {n * n}" for n in range(60)],
    ):
        assert looped(json.dumps({"keywords": fine}), TEXT) is None


def test_a_guard_goes_on_behind_what_was_cut() -> None:
    text = closed(json.dumps({"context": "", "keywords": ["tea"] * 9}), TEXT)
    guard = LoopGuard(TEXT)
    guard.resume(text.encode())
    rest = b', "tags": ["tea", "tea", "tea", "tea", "tea"]}'
    loop = next(loop for at in range(len(rest)) if (loop := guard.add(rest[at : at + 1])) is not None)
    assert loop.place == "answer.tags"
    whole = (text.encode() + rest)[: loop.keep] + b"]}"
    assert json.loads(whole) == {"context": "", "keywords": ["tea"], "tags": ["tea"]}
