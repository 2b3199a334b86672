"""Loops are found inside one string, and nowhere where repeating is right."""

import json

import pytest

from workbench.llm.loops import LoopGuard, loop_start, open_lists
from workbench.memory import prompts
from workbench.memory.prompts import loosened


def watched(text: str, json_text: bool = True) -> str | None:
    """The text up to where the guard ended it; None when it did not."""
    guard = LoopGuard(json_text)
    for at, char in enumerate(text):
        if guard.add(char.encode()):
            return text[: at + 1]
    return None


@pytest.mark.parametrize(
    "piece", ["Sydney, ", "sunrise_sunset,", "東京、", "He said that he went home again and then he said. "]
)
def test_a_piece_that_comes_again_and_again_is_a_loop(piece: str) -> None:
    text = '{"context": "We talked about ' + piece * 40
    ended = watched(text)
    assert ended is not None and len(ended) < len(text)
    string = ended.split('"')[-1].encode()
    start = loop_start(string)
    assert start is not None and string[:start].decode("utf-8", "ignore").count(piece.strip()[:5]) <= 2


def test_equal_entries_and_ordinary_text_are_none() -> None:
    verdicts = json.dumps({"verdicts": ["independent"] * 60, "links": list(range(100))})
    assert watched(verdicts) is None
    assert watched('{"context": "ha ha ha, and no no no, not at all; 10 000 000 000"}') is None
    assert watched(json.dumps({"summary": " ".join(f"{n} went to {n * 7 % 97}" for n in range(300))})) is None
    assert watched("well " * 30, json_text=False) is not None


def test_an_escaped_quote_does_not_end_the_string() -> None:
    assert watched('{"a": "' + 'he said \\"no\\", ' * 30) is not None


def test_a_list_that_says_the_same_again_is_a_loop_only_where_its_length_is_free() -> None:
    same = json.dumps({"facts": ["Ida", "Ola"] * 30})
    guard, ended = LoopGuard(entries=True), 0
    for at, char in enumerate(same):
        if guard.add(char.encode()):
            ended = at
            break
    assert 0 < ended < 80 and watched(same) is None
    rows = json.dumps({"entities": [{"name": "Mel", "type": "person"}, {"name": "Ida", "type": "person"}] * 30})
    guard, ended = LoopGuard(entries=True), 0
    for at, char in enumerate(rows):
        if guard.add(char.encode()):
            ended = at
            break
    assert 0 < ended < 320 and watched(rows) is None
    different = json.dumps({"entities": [{"name": f"Mel {n}", "type": "person"} for n in range(40)]})
    guard = LoopGuard(entries=True)
    assert not any(guard.add(char.encode()) for char in different)
    assert open_lists(loosened(prompts.entities(["x"]).schema or {}))
    facts = prompts.facts(["x"]).schema or {}
    assert open_lists(loosened(facts)) and not open_lists(facts)
    assert not open_lists(prompts.relate("x", ["y"] * 9).schema or {})


def test_a_list_that_counts_on_and_on_is_a_loop() -> None:
    """SmolLM2 on A-MEM's keywords: 4,000 tokens of it."""
    counting = json.dumps({"keywords": ["date", *(f"date_{n}" for n in range(1, 400))]})
    guard = LoopGuard(entries=True)
    ended = next(at for at, char in enumerate(counting) if guard.add(char.encode()))
    assert counting[:ended].count("date_") == 12
    for fine in (
        [f"chapter {n}" for n in range(1, 12)],
        [f"{n} and {n + 1}" for n in range(0, 60, 2)],
        [f"street {n * n}" for n in range(60)],
    ):
        guard = LoopGuard(entries=True)
        assert not any(guard.add(char.encode()) for char in json.dumps({"keywords": fine}))
