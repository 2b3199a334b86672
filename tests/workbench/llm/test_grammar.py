"""Grammars: what a model with random weights writes under them always parses and fits the schema."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from workbench.errors import ModelError
from workbench.llm.base import CompletionRequest
from workbench.llm.grammar import Grammar, _integers, schema_to_gbnf
from workbench.llm.llama import LlamaBackend
from workbench.memory import prompts
from workbench.memory.prompts import Operation

OLD = ["Anna likes tea.", "Bob moved to Oslo.", "The key is under the mat."]


def operations() -> list[Operation]:
    """Every operation with a schema that a strategy sends, with the edges of its lists."""
    return [
        prompts.note("Anna likes tea."),
        prompts.evolve("Anna likes coffee now.", OLD),
        prompts.evolve("The first note.", []),
        prompts.facts(["Anna likes tea.", "Bob moved."]),
        prompts.decide(OLD, ["Anna likes coffee.", "Bob left."]),
        prompts.decide([], ["Anna likes coffee."]),
        prompts.relate("Anna likes coffee.", OLD),
        prompts.summarise(OLD),
        prompts.choose("Send a mail.", ["mail", "calendar", 'a "quoted" one', "naïve café ☕"], most=2),
        prompts.check(OLD, "Does Anna like tea?"),
        prompts.keywords("What does Anna like?"),
        prompts.relevant("What does Anna like?", OLD),
    ]


def fits(value: Any, schema: dict[str, Any]) -> bool:
    """Whether the value is one of the schema, for the keywords in use; written apart from the grammar."""
    if "enum" in schema:
        return value in schema["enum"]
    kind = schema["type"]
    if kind == "object":
        inside = schema["properties"]
        return list(value) == list(inside) and all(fits(value[name], child) for name, child in inside.items())
    if kind == "array":
        right = schema["minItems"] <= len(value) <= schema["maxItems"]
        return right and all(fits(entry, schema["items"]) for entry in value)
    if kind == "string":
        return isinstance(value, str) and len(value) <= schema["maxLength"]
    return type(value) is int and schema["minimum"] <= value <= schema["maximum"]


def tight(text: str) -> str:
    """The JSON text without the single spaces that may follow a comma or a colon outside of strings."""
    parts = text.split('"')
    return '"'.join(part if inside % 2 else re.sub(r"([,:]) ", r"\1", part) for inside, part in enumerate(parts))


def write(backend: LlamaBackend, requests: Sequence[CompletionRequest]) -> list[Any]:
    async def together() -> list[Any]:
        return await asyncio.gather(*map(backend.complete, requests))

    return asyncio.run(together())


@pytest.mark.parametrize("temperature", [0.0, 1.5])
def test_every_operation_parses_with_random_weights(
    backend: LlamaBackend, monkeypatch: pytest.MonkeyPatch, temperature: float
) -> None:
    monkeypatch.setattr(prompts, "MAX_TEXT", 12)  # random text ends late; short fields let whole values be seen
    wanted = [(operation, seed) for operation in operations() for seed in range(3 if temperature else 1)]
    results = write(
        backend,
        [
            CompletionRequest(operation.messages, operation.schema, 400, temperature=temperature, seed=seed)
            for operation, seed in wanted
        ],
    )
    ended = 0
    for (operation, _), result in zip(wanted, results, strict=True):
        assert result.stop in ("end", "limit")
        if result.stop == "limit":
            assert len(result.tokens) == 400
            continue
        ended += 1
        value = json.loads(result.text)
        assert operation.schema is not None and fits(value, operation.schema), (operation.purpose, result.text)
        escapes = "\\" in result.text  # a model may escape what json.dumps would not
        assert escapes or tight(result.text) == json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        result.text.encode("utf-8")  # no lone surrogates
    assert ended >= len(wanted) * 0.9


def test_full_size_strings_hit_the_limit_honestly(backend: LlamaBackend) -> None:
    operation = prompts.summarise(OLD)
    (cut,) = write(backend, [CompletionRequest(operation.messages, operation.schema, 8)])
    assert cut.stop == "limit" and len(cut.tokens) == 8
    assert cut.text.startswith('{"summary": "'[: len(cut.text)])


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ('{"a": "x", "b": [1, 2]}', True),
        ('{"a":"x","b":[1,2]}', True),
        ('{"a":  "x","b":[1,2]}', False),
        ('{"a":"x" ,"b":[1,2]}', False),
        ('{"b":[1,2],"a":"x"}', False),
        ('{"a":"x"}', False),
        ('{"a":"x","b":[1,2,3,4]}', False),
        ('{"a":"x","b":[1,2]', False),
        ('{"a":"xxxxx","b":[]}', False),
    ],
)
def test_white_space_order_and_bounds(backend: LlamaBackend, text: str, good: bool) -> None:
    numbers = {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 9}, "maxItems": 3}
    schema = {"type": "object", "properties": {"a": {"type": "string", "maxLength": 4}, "b": numbers}}
    assert accepted(backend, schema, text) == good


def test_nested_kinds(backend: LlamaBackend) -> None:
    schema = {
        "type": "object",
        "properties": {
            "kind": {"const": "x"},
            "maybe": {"anyOf": [{"type": "null"}, {"type": "boolean"}]},
            "score": {"type": "number"},
            "free": {"type": "integer"},
            "name": {"type": "string", "minLength": 2, "maxLength": 3},
            "none": {"type": "array", "items": {"type": "boolean"}, "maxItems": 0},
        },
    }
    (result,) = write(backend, [CompletionRequest(prompts.check(["a"], "b").messages, schema, 300, temperature=1.0)])
    value = json.loads(result.text)
    assert value["kind"] == "x" and value["maybe"] in (None, True, False) and value["none"] == []
    assert 2 <= len(value["name"]) <= 3 and isinstance(value["free"], int) and isinstance(value["score"], int | float)


def accepted(backend: LlamaBackend, schema: dict[str, Any], text: str) -> bool:
    """Whether the grammar of the schema takes the text, fed byte by byte, as a whole value."""
    grammar = Grammar(backend.model, schema_to_gbnf(schema))
    try:
        for token in backend.model.tokenize(text, special=False):
            if grammar.first(np.array([token], np.int32)) is None:
                return False
            grammar.accept(int(token))
        return grammar.complete()
    finally:
        grammar.close()


@pytest.mark.parametrize(
    ("low", "high"), [(0, 0), (0, 7), (3, 12), (0, 100), (17, 2041), (-5, 3), (-120, -7), (99, 101)]
)
def test_integer_ranges_are_exact(backend: LlamaBackend, low: int, high: int) -> None:
    schema = {"type": "integer", "minimum": low, "maximum": high}
    edges = {low - 1, low, low + 1, high - 1, high, high + 1, 0, 9, 10, 11, 99, 100, 999, 1000, 2040}
    for number in edges:
        assert accepted(backend, schema, str(number)) == (low <= number <= high), number
    assert not accepted(backend, schema, f"0{max(high, 1)}")
    assert _integers(low, high)


@pytest.mark.parametrize(
    ("schema", "line"),
    [
        ({"type": "string", "pattern": "a+"}, r"schema at \$: the keyword 'pattern' is not supported"),
        (
            {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "string", "format": "date"}}}},
            r"schema at \$\.a\[\]: the keyword 'format'",
        ),
        ({"type": "tuple"}, r"type 'tuple' is not supported - use one of object"),
        ({"type": "object", "properties": {}, "additionalProperties": True}, "additionalProperties"),
        ({"type": "integer", "minimum": 3, "maximum": 1}, "minimum 3 is above maximum 1"),
        ({"enum": []}, "the enum is empty"),
        ({"type": "string", "maxLength": 9999}, "maxLength 9999 does not fit"),
    ],
)
def test_unsupported_schemas_name_the_place(schema: dict[str, Any], line: str) -> None:
    with pytest.raises(ModelError, match=line):
        schema_to_gbnf(schema)


def test_control_characters_in_enums_are_escaped(backend: LlamaBackend) -> None:
    values = ["a\nb", "tab\there", "back\\slash", "\x7f", "emoji 😀", "é"]
    for value in values:
        assert accepted(backend, {"enum": values}, json.dumps(value, ensure_ascii=False)), value
    assert not accepted(backend, {"enum": values}, '"a"')
