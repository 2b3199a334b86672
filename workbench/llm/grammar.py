"""JSON schemas to GBNF grammars, and a grammar that checks tokens as they are sampled.

White space is what ``json.dumps`` writes, ``{"a": "x", "b": [1, 2]}``, or none, ``{"a":"x","b":[1,2]}``, as the model
prefers; more of it would only cost tokens. Properties come in the order of the schema and all of them are written.
"""

from __future__ import annotations

import ctypes
import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import ModelError
from workbench.llm.model import Model

MAX_REPEAT = 2000
"""llama.cpp refuses grammars that repeat a symbol more often (llama-grammar.cpp MAX_REPETITION_THRESHOLD)."""

_NOTES = {"title", "description", "default", "examples", "$schema", "$id", "$comment"}
_CHAR = r"""
comma ::= "," " "?
char ::= [^"\\\x00-\x1F\x7F\uD800-\uDFFF] | "\\" (["\\/bfnrt] | "u" hexes)
hexes ::= [0-9a-cefA-CEF] hex hex hex | [dD] [0-7] hex hex
hex ::= [0-9a-fA-F]
"""
_FREE = (
    'members ::= "{" (member (comma member)*)? "}"',
    'member ::= text ":" " "? anything',
    'text ::= "\\"" char* "\\""',
    'list ::= "[" (anything (comma anything)*)? "]"',
    'plain ::= "-"? ("0" | [1-9] [0-9]{0,15}) ("." [0-9]{1,16})? | "true" | "false" | "null"',
    "anything ::= members | list | text | plain",
)


def schema_to_gbnf(schema: dict[str, Any]) -> str:
    """A GBNF grammar of the schema's values.

    Supported: ``object`` (properties, required, additionalProperties false; without properties: any object), ``array``
    (items, minItems, maxItems),
    ``string`` (minLength, maxLength, enum), ``integer`` (minimum, maximum, enum), ``number``, ``boolean``, ``null``,
    ``const``, ``enum``, ``anyOf``.

    Raises:
        ModelError: names the keyword that is not supported and its place in the schema.
    """
    return _compile(json.dumps(schema))


@lru_cache(maxsize=256)
def _compile(schema: str) -> str:
    compiler = _Compiler()
    body = compiler.value(json.loads(schema), "$")
    return "\n".join([f"root ::= {body}", *compiler.rules]) + _CHAR


class _Compiler:
    def __init__(self) -> None:
        self.rules: list[str] = []
        self._kinds: dict[str, Callable[[dict[str, Any], str], str]] = {
            "object": self._object,
            "array": self._array,
            "string": self._string,
            "integer": self._integer,
            "number": self._number,
            "boolean": self._boolean,
            "null": self._null,
        }

    def value(self, schema: dict[str, Any], place: str) -> str:
        if "const" in schema:
            _only(schema, place, "const", "type")
            return _literal(json.dumps(schema["const"], ensure_ascii=False))
        if "enum" in schema:
            _only(schema, place, "enum", "type")
            return self._enum(schema["enum"], place)
        if "anyOf" in schema:
            _only(schema, place, "anyOf")
            parts = [self.value(part, f"{place}.anyOf[{i}]") for i, part in enumerate(schema["anyOf"])]
            return self._rule(" | ".join(parts))
        kind = schema.get("type")
        if not isinstance(kind, str) or kind not in self._kinds:
            raise ModelError(
                f"schema at {place}: type {kind!r} is not supported", f"use one of {', '.join(self._kinds)}"
            )
        return self._kinds[kind](schema, place)

    def _rule(self, body: str) -> str:
        name = f"r{len(self.rules)}"
        self.rules.append(f"{name} ::= {body}")
        return name

    def _enum(self, values: Sequence[Any], place: str) -> str:
        if not values:
            raise ModelError(f"schema at {place}: the enum is empty", "give at least one value")
        return self._rule(" | ".join(_literal(json.dumps(value, ensure_ascii=False)) for value in values))

    def _object(self, schema: dict[str, Any], place: str) -> str:
        _only(schema, place, "type", "properties", "required", "additionalProperties")
        if "properties" not in schema:
            return self._any_object()
        if schema.get("additionalProperties"):
            raise ModelError(f"schema at {place}: additionalProperties is not supported", "name every property")
        parts: list[str] = []
        for name, child in schema.get("properties", {}).items():
            lead = "comma " if parts else ""
            key = _literal(json.dumps(name, ensure_ascii=False) + ":")
            parts.append(f'{lead}{key} " "? {self.value(child, f"{place}.{name}")}')
        return self._rule(" ".join(['"{"', *parts, '"}"']))

    def _any_object(self) -> str:
        if _FREE[0] not in self.rules:
            self.rules += _FREE
        return "members"

    def _array(self, schema: dict[str, Any], place: str) -> str:
        _only(schema, place, "type", "items", "minItems", "maxItems")
        least, most = int(schema.get("minItems", 0)), schema.get("maxItems")
        if most is not None and (most < least or most > MAX_REPEAT):
            raise ModelError(f"schema at {place}: maxItems {most} does not fit", f"use {least} to {MAX_REPEAT}")
        if most == 0:
            return _literal("[]")
        item = self.value(schema.get("items", {}), f"{place}[]")
        more = self._rule(f"comma {item}")
        items = f"{item} {more}{{{max(0, least - 1)},{'' if most is None else most - 1}}}"
        return self._rule(f'"[" {items} "]"' if least else f'"[" ({items})? "]"')

    def _string(self, schema: dict[str, Any], place: str) -> str:
        _only(schema, place, "type", "minLength", "maxLength")
        least, most = int(schema.get("minLength", 0)), schema.get("maxLength")
        if most is not None and (most < least or most > MAX_REPEAT):
            raise ModelError(f"schema at {place}: maxLength {most} does not fit", f"use {least} to {MAX_REPEAT}")
        rule = f'"\\"" char{{{least},{"" if most is None else most}}} "\\""'
        known = next((i for i, text in enumerate(self.rules) if text.endswith(f"::= {rule}")), None)
        return self._rule(rule) if known is None else f"r{known}"

    def _integer(self, schema: dict[str, Any], place: str) -> str:
        _only(schema, place, "type", "minimum", "maximum")
        low, high = schema.get("minimum"), schema.get("maximum")
        if low is None and high is None:
            return self._rule('"-"? ("0" | [1-9] [0-9]{0,15})')
        low, high = -(10**15) if low is None else int(low), 10**15 if high is None else int(high)
        if low > high:
            raise ModelError(f"schema at {place}: minimum {low} is above maximum {high}", "swap them")
        return self._rule(" | ".join(_integers(low, high)))

    def _number(self, schema: dict[str, Any], place: str) -> str:
        _only(schema, place, "type")
        return self._rule('"-"? ("0" | [1-9] [0-9]{0,15}) ("." [0-9]{1,16})?')

    def _boolean(self, schema: dict[str, Any], place: str) -> str:
        _only(schema, place, "type")
        return self._rule('"true" | "false"')

    def _null(self, schema: dict[str, Any], place: str) -> str:
        _only(schema, place, "type")
        return _literal("null")


def _only(schema: dict[str, Any], place: str, *known: str) -> None:
    for keyword in schema:
        if keyword not in known and keyword not in _NOTES:
            raise ModelError(f"schema at {place}: the keyword {keyword!r} is not supported here", "leave it out")


def _literal(text: str) -> str:
    out = []
    for char in text:
        if char in '"\\':
            out.append("\\" + char)
        elif char.isprintable():
            out.append(char)
        else:
            out.append(f"\\U{ord(char):08X}")
    return '"' + "".join(out) + '"'


def _integers(low: int, high: int) -> list[str]:
    """Alternatives that match exactly the decimal integers from ``low`` to ``high``."""
    if high < 0:
        return [f'"-" ({" | ".join(_naturals(-high, -low))})']
    if low < 0:
        return [f'"-" ({" | ".join(_naturals(1, -low))})', *_naturals(0, high)]
    return _naturals(low, high)


def _naturals(low: int, high: int) -> list[str]:
    parts = []
    for digits in range(len(str(low)), len(str(high)) + 1):
        first = max(low, 0 if digits == 1 else 10 ** (digits - 1))
        last = min(high, 10**digits - 1)
        parts += _same_length(str(first), str(last))
    return parts


def _same_length(low: str, high: str) -> list[str]:
    """Alternatives for numbers of one length, split where the digits differ."""
    if low == high:
        return [f'"{low}"']
    if low[0] == high[0]:
        return [f'"{low[0]}" ({" | ".join(_same_length(low[1:], high[1:]))})']
    rest = len(low) - 1
    if low[1:] == "0" * rest and high[1:] == "9" * rest:
        return [f"[{low[0]}-{high[0]}]" + (f" [0-9]{{{rest}}}" if rest else "")]
    parts = [f'"{low[0]}" ({" | ".join(_same_length(low[1:], "9" * rest))})']
    if int(high[0]) - int(low[0]) > 1:
        parts += _same_length(f"{int(low[0]) + 1}{'0' * rest}", f"{int(high[0]) - 1}{'9' * rest}")
    return [*parts, f'"{high[0]}" ({" | ".join(_same_length("0" * rest, high[1:]))})']


class Grammar:
    """The state of one generation under a grammar: which tokens may come next.

    ``first`` and ``accept`` go through llama.cpp's own grammar. Bytes that could not be decoded as UTF-8 are refused
    here, which llama.cpp's grammar lets pass (overlong encodings).
    """

    def __init__(self, model: Model, gbnf: str) -> None:
        self._C, self._model = model.library.C, model
        model.library.log.clear()
        self._handle = self._C.llama_sampler_init_grammar(model.vocab, gbnf.encode(), b"root")
        if not self._handle:
            raise ModelError(f"llama.cpp refused the grammar: {model.library.reason()}", "simplify the schema")
        self._one = _Candidates(self._C, 1)
        self._tail = b""

    def first(self, tokens: NDArray[np.int32]) -> int | None:
        """The first of the tokens, int32 ``[n]``, that may come next; None when none of them may."""
        count = len(tokens)
        candidates = self._one if count == 1 else _Candidates(self._C, count)
        for index in np.flatnonzero(candidates.apply(self._handle, tokens)):
            token = int(tokens[index])
            if self._model.ends(token) or _decodable(self._tail + self._model.piece(token)):
                return token
        return None

    def accept(self, token: int) -> None:
        """Advance by a token that :meth:`first` let pass (anything else would abort llama.cpp)."""
        self._C.llama_sampler_accept(self._handle, token)
        self._tail = _unfinished(self._tail + self._model.piece(token))

    def restart(self, tokens: Sequence[int]) -> None:
        """Begin anew behind tokens that were accepted before."""
        self._C.llama_sampler_reset(self._handle)
        self._tail = b""
        for token in tokens:
            self.accept(token)

    def complete(self) -> bool:
        """Whether the text so far is a whole value and the model may end here."""
        end = self._model.special.eos if self._model.special.eos >= 0 else self._C.llama_vocab_eot(self._model.vocab)
        return bool(end >= 0 and self._one.apply(self._handle, np.array([end], np.int32))[0])

    def close(self) -> None:
        """Free the grammar."""
        if self._handle:
            self._C.llama_sampler_free(self._handle)
            self._handle = None


class _Candidates:
    """A ``llama_token_data_array`` over a NumPy record array."""

    def __init__(self, C: Any, size: int) -> None:
        self._C = C
        self._data = np.zeros(size, [("id", np.int32), ("logit", np.float32), ("p", np.float32)])
        pointer = self._data.ctypes.data_as(C.llama_token_data_p)
        self._array = C.llama_token_data_array(data=pointer, size=size, selected=-1, sorted=False)

    def apply(self, grammar: Any, tokens: NDArray[np.int32]) -> NDArray[np.bool_]:
        self._data["id"], self._data["logit"] = tokens, 0.0
        self._C.llama_sampler_apply(grammar, ctypes.byref(self._array))
        return self._data["logit"] == 0.0  # refused ones became -inf


def _decodable(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        # An unfinished last character is fine, the next token may finish it.
        return error.reason == "unexpected end of data"
    return True


def _unfinished(data: bytes) -> bytes:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return data[error.start :]
    return b""
