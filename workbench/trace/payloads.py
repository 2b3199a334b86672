"""What the payload of each kind of event must look like for the views: the keys they read, and of which type.

Keys beyond these are fine, kinds beyond these too: a newer program, or a method from outside, may write more. A run
that this program made always passes; what does not pass comes from a damaged file or from another program.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, NotRequired

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from workbench.trace.events import Event, Kind

_Pair = Annotated[list[int], Field(min_length=2, max_length=2)]
_Change = Annotated[list[Any], Field(min_length=2, max_length=2)]
_TokenRow = Annotated[list[Any], Field(min_length=2)]


class _Written(TypedDict):
    kind: str
    text: str
    turns: list[int]
    fields: NotRequired[dict[str, Any]]
    index_text: NotRequired[str]


class _Updated(TypedDict):
    changes: dict[str, _Change]


class _Linked(TypedDict):
    to: str
    label: NotRequired[str]
    weight: NotRequired[float]


class _Message(TypedDict):
    role: str
    text: str


class _Called(TypedDict):
    purpose: str
    prompt: list[_Message]
    raw: str
    tokens: _Pair


class _Noted(TypedDict):
    name: str
    value: Any


class _Hit(TypedDict):
    item: str
    rank: int
    score: float
    returned: bool
    parts: NotRequired[dict[str, float]]
    turns: list[int]
    text: NotRequired[str]


class _Recalled(TypedDict):
    query: str
    k: int
    hits: list[_Hit]


class _Span(TypedDict):
    kind: str
    label: str
    text: str
    items: list[str]
    turns: list[int]
    tokens: _Pair


class _Left(TypedDict):
    label: NotRequired[str]
    text: str
    items: NotRequired[list[str]]
    turns: list[int]


class _Earlier(TypedDict):
    probe: str
    answer: str


class _Packed(TypedDict):
    budget: int
    tokens: int
    spans: list[_Span]
    dropped: list[_Left]
    earlier: NotRequired[list[_Earlier]]


class _Answered(TypedDict):
    text: str
    tokens: list[_TokenRow]
    prompt_tokens: int
    error: NotRequired[str]


class _Captured(TypedDict):
    blob: str
    layers: list[int]
    heads: int
    tokens: list[str]
    bins: NotRequired[list[Any] | None]


class _Summed(TypedDict):
    layers: int
    heads: int
    prompt: int
    starts: NotRequired[list[int] | None]
    spans: list[_Pair]
    kept: list[int]
    blobs: dict[str, str]


class _Bytes(TypedDict):
    logical: int
    modelled: int
    full: int


class _Compressed(TypedDict):
    policy: str
    way: str
    badge: str
    when: str
    read: int
    budget: int
    share: float
    entries: int
    size: int
    shared: NotRequired[int]
    requests: NotRequired[str]
    request: NotRequired[int]
    generated: list[int]
    agreement: NotRequired[float | None]
    bytes: _Bytes
    kl: list[float]
    compared: list[str]
    full_text: str
    facts: dict[str, Any]
    blobs: dict[str, str | None]


class _Edit(TypedDict):
    kind: str
    name: str
    value: str


class _Branched(TypedDict):
    lane: int
    parent: int
    session: int
    turn: int
    edits: list[_Edit]
    settings: dict[str, Any]


class _Buffer(TypedDict):
    device: str
    kind: str
    owner: str
    bytes: int


class _Measured(TypedDict):
    after: float
    threads: int
    buffers: list[_Buffer]
    resident: int | None
    process: int
    held: int
    active: int
    waiting: int
    answering: int
    tokens: int
    seconds: float


class _Scored(TypedDict):
    correct: bool
    score: float
    extracted: str
    scorer: str
    competency: str
    scores: NotRequired[dict[str, float]]
    k: NotRequired[int]
    recall: NotRequired[dict[str, float] | None]
    rank: NotRequired[int | None]


class _Judged(TypedDict):
    name: str
    judge: str
    value: float | None
    verdict: NotRequired[str]
    reason: NotRequired[str]


class _Tested(TypedDict):
    name: str
    judge: str
    accepted: int
    wrong: int


class _Failed(TypedDict):
    message: str


class _Closed(TypedDict):
    calls: int
    tokens: _Pair
    items: int


_SHAPES: dict[str, Any] = {
    Kind.BRANCHED: _Branched,
    Kind.ENGINE_MEASURED: _Measured,
    Kind.WRITTEN: _Written,
    Kind.UPDATED: _Updated,
    Kind.LINKED: _Linked,
    Kind.UNLINKED: _Linked,
    Kind.MODEL_CALLED: _Called,
    Kind.NOTED: _Noted,
    Kind.RECALLED: _Recalled,
    Kind.PACKED: _Packed,
    Kind.ANSWERED: _Answered,
    Kind.COMPRESSED: _Compressed,
    Kind.SUMMED: _Summed,
    Kind.CAPTURED: _Captured,
    Kind.SCORED: _Scored,
    Kind.JUDGED: _Judged,
    Kind.JUDGE_TESTED: _Tested,
    Kind.LANE_FAILED: _Failed,
    Kind.TURN_CLOSED: _Closed,
}


ARRAYS = (Kind.COMPRESSED, Kind.SUMMED, Kind.CAPTURED)
"""The kinds whose events name arrays."""


def arrays_of(event: Event) -> dict[str, str]:
    """The arrays that an event names, by what they are: ``{name: hash}``."""
    if event.kind == Kind.CAPTURED:
        return {"weights": event.payload["blob"]}
    if event.kind not in ARRAYS:
        return {}
    return {name: key for name, key in event.payload["blobs"].items() if key is not None}


def wrong(kind: str, payload: Any) -> str:
    """What is wrong with a payload, with its place; "" when it is as it should be or the kind is unknown."""
    if not isinstance(payload, Mapping):
        return "the payload is no JSON object"
    checker = _checker(kind)
    if checker is None:
        return ""
    try:
        checker.validate_python(payload, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return ""


@cache
def _checker(kind: str) -> TypeAdapter[Any] | None:
    shape = _SHAPES.get(kind)
    return None if shape is None else TypeAdapter(with_config(ConfigDict(extra="ignore"))(shape))
