"""What a cache policy kept and threw away, by token, span and head, and what became of the evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import TraceError
from workbench.projections.hits import ContextSpan, probe_at, probe_events, span_of
from workbench.sessions.model import Probe
from workbench.trace.blobs import array_texts
from workbench.trace.captures import compressed_shapes
from workbench.trace.events import Event, Kind
from workbench.trace.reader import LaneRow, TraceReader

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

FREE, FREED, USED, LATER = range(4)
"""States of a cell: never used, free again after an eviction, holds a token of the prompt, holds a later token."""


@dataclass(frozen=True, slots=True, eq=False)
class SpanFate:
    """What became of a span's tokens.

    Attributes:
        held: share of its entries (tokens x layers x key heads) held after each compression, float32 ``[plans]``.
    """

    span: ContextSpan
    held: Floats

    @property
    def evidence(self) -> bool:
        """Whether it comes from a turn that holds the answer."""
        return bool(self.span.evidence)

    @property
    def fate(self) -> str:
        """``kept``, ``partly`` or ``evicted``, when the prompt had been compressed."""
        return "kept" if self.held[0] > 0.995 else "evicted" if self.held[0] < 0.005 else "partly"


@dataclass(frozen=True, slots=True, eq=False)
class CacheView:
    """The cache of one answer.

    Attributes:
        parameters: of the policy, as resolved.
        way, badge: how it was carried out, for programs and for people.
        read, budget: tokens read before the compression, and how many of them may stay.
        share: entries kept of those the full cache would hold. entries: layers times key heads.
        agreement: how far the heads agree with the one set that all got; None where each got its own.
        logical, modelled, full: bytes of the cells in use, of the method itself, of the full cache.
        kl: distance from the full cache at each token of ``compared``, in nats; ``full_text`` is its answer.
        texts: every token of prompt and answer.
        kept: bool ``[read]`` or ``[layers, kv_heads, read]``.
        held: share of the layers and heads that hold each token after each compression, float32 ``[plans, tokens]``;
            ``generated`` says how many tokens had been read after the compressed ones.
        worth: what tokens were chosen by, or None. merged: the token each was merged into, or None.
        cells: the cell of each token at the end, -1 for none; there are ``size``.
        fates: of each span, in order.
        prompt: tokens of the prompt; those after it are the answer's.
        shared: first tokens whose cells were taken over from an earlier prompt.
        requests: in which mode the same compressed cache serves several questions, "" where it serves one; ``request``:
            the how manieth of them this is.
    """

    lane: int
    turn: int
    probe: Probe
    policy: str
    parameters: Mapping[str, Any]
    way: str
    badge: str
    when: str
    read: int
    budget: int
    share: float
    entries: int
    agreement: float | None
    logical: int
    modelled: int
    full: int
    kl: tuple[float, ...]
    compared: tuple[str, ...]
    full_text: str
    answer: str
    correct: bool | None
    texts: tuple[str, ...]
    kept: Bools
    held: Floats
    generated: tuple[int, ...]
    worth: Floats | None
    merged: NDArray[np.int32] | None
    cells: NDArray[np.int32]
    size: int
    fates: tuple[SpanFate, ...]
    facts: Mapping[str, Any]
    prompt: int
    shared: int
    requests: str = ""
    request: int = 1

    @property
    def plans(self) -> int:
        """How often it was compressed."""
        return len(self.generated)

    @property
    def mean_kl(self) -> float | None:
        """Mean distance from the full cache; None when it was not compared."""
        return float(np.mean(self.kl)) if self.kl else None

    @property
    def evidence(self) -> float | None:
        """Share of the evidence's entries kept when the prompt had been compressed; None without evidence in it."""
        return evidence_held(self.fates)

    def fate_at(self, token: int) -> int:
        """Index of the span that a token belongs to, -1 for none."""
        return next((i for i, f in enumerate(self.fates) if f.span.tokens[0] <= token < f.span.tokens[1]), -1)


def cache_view(
    reader: TraceReader, session: int, lane: int, turn: int, selected: str = "", seq: int | None = None
) -> CacheView | Probe | None:
    """The cache of the probe at the cursor; the probe alone in a lane without a policy; None before the first probe."""
    probe = probe_at(reader, session, lane, turn, selected, seq)
    if probe is None:
        return None
    found = probe_events(reader, session, lane, probe.id, seq)
    event = found.get(Kind.COMPRESSED)
    if event is None:
        return probe
    row = next(row for row in reader.lanes() if row.id == lane)
    return _view(reader, row, probe, found, event)


def _view(reader: TraceReader, row: LaneRow, probe: Probe, found: Mapping[str, Event], event: Event) -> CacheView:
    data = event.payload
    blobs = {name: None if key is None else reader.array(key) for name, key in data["blobs"].items()}
    problem = compressed_shapes(data, {name: array for name, array in blobs.items() if array is not None})
    if problem:
        raise TraceError(f"{reader.path}: event {event.seq}: its array {problem}", "see `mnemoscope inspect`")
    held = held_shares(blobs["survival"], data)
    spans = [span_of(s, probe.evidence) for s in found[Kind.PACKED].payload["spans"]] if Kind.PACKED in found else []
    answered, scored = found.get(Kind.ANSWERED), found.get(Kind.SCORED)
    return CacheView(
        row.id,
        event.turn,
        probe,
        data["policy"],
        policy_parameters(row),
        data["way"],
        data["badge"],
        data["when"],
        int(data["read"]),
        int(data["budget"]),
        float(data["share"]),
        int(data["entries"]),
        data["agreement"],
        int(data["bytes"]["logical"]),
        int(data["bytes"]["modelled"]),
        int(data["bytes"]["full"]),
        tuple(data["kl"]),
        tuple(data["compared"]),
        data["full_text"],
        answered.payload["text"] if answered else "",
        bool(scored.payload["correct"]) if scored else None,
        array_texts(blobs["texts"]) if blobs["texts"] is not None else (),
        np.asarray(blobs["kept"], bool),
        held,
        tuple(data["generated"]),
        blobs["worth"],
        blobs["merged"],
        np.asarray(blobs["cells"]),
        int(data["size"]),
        fates_of(held, spans, int(data["read"]), data["generated"]),
        data["facts"],
        int(answered.payload["prompt_tokens"]) if answered else int(data["read"]) + 1,
        int(data.get("shared", 0)),
        str(data.get("requests", "")),
        int(data.get("request", 1)),
    )


def policy_parameters(row: LaneRow) -> dict[str, Any]:
    """The cache policy's parameters of a lane."""
    return {name.removeprefix("cache."): value for name, value in row.params.items() if name.startswith("cache.")}


def held_shares(survival: NDArray[Any] | None, data: Mapping[str, Any]) -> Floats:
    """Share of the layers and heads that hold each token after each compression, see ``CacheView.held``."""
    assert survival is not None
    return (survival / max(int(data["entries"]), 1)).astype(np.float32)


def fates_of(held: Floats, spans: Sequence[ContextSpan], read: int, generated: Sequence[int]) -> tuple[SpanFate, ...]:
    """What became of each span that has a place in the prompt."""
    return tuple(SpanFate(s, _of_span(held, s, read, generated)) for s in spans if s.length > 0)


def _of_span(held: Floats, span: ContextSpan, read: int, generated: Sequence[int]) -> Floats:
    """What had not been read yet at a compression is still to come, not lost."""
    start, end = span.tokens
    inside = held[:, start : min(end, held.shape[1])]
    places = start + np.arange(inside.shape[1])
    ahead = places >= read + np.asarray(generated)[:, None]
    left = end - start - inside.shape[1]
    return ((np.where(ahead, 1.0, inside).sum(1) + left) / (end - start)).astype(np.float32)


def evidence_held(fates: Sequence[SpanFate]) -> float | None:
    """Share of the evidence's entries kept at the first compression; None without evidence in the context."""
    sizes = [f.span.length for f in fates if f.evidence]
    if not sizes:
        return None
    return float(sum(f.held[0] * f.span.length for f in fates if f.evidence) / sum(sizes))


def head_shares(view: CacheView, fate: int | None = None) -> Floats:
    """Share of a span's tokens (or of all read) that each layer and key head keeps, float32 ``[layers, kv_heads]``;
    ``[1, 1]`` where one set was kept for all."""
    kept = view.kept if view.kept.ndim == 3 else view.kept[None, None]
    start, end = (0, view.read) if fate is None else view.fates[fate].span.tokens
    end = min(end, view.read)
    return kept[:, :, start:end].mean(2, dtype=np.float32) if end > start else np.ones(kept.shape[:2], np.float32)


def difference(one: CacheView, other: CacheView, fate: int | None = None) -> Floats:
    """How much more of a span ``one`` keeps than ``other``, by layer and key head, -1 to 1.

    A policy that keeps one set for all is compared with every layer and head of the other.
    """
    first = head_shares(one, fate)
    label = None if fate is None else _same_span(one, other, fate)
    return first - head_shares(other, label) if fate is None or label is not None else first


def _same_span(one: CacheView, other: CacheView, fate: int) -> int | None:
    span = one.fates[fate].span
    return next((i for i, f in enumerate(other.fates) if (f.span.label, f.span.text) == (span.label, span.text)), None)


def token_difference(one: CacheView, other: CacheView) -> Floats | None:
    """How much more of each token ``one`` holds than ``other``; None when they did not read the same prompt."""
    count = min(one.read, other.read)
    if one.texts[:count] != other.texts[:count]:
        return None
    return one.held[0, :count] - other.held[0, :count]


def cell_states(view: CacheView) -> tuple[NDArray[np.int8], NDArray[np.int32]]:
    """State of every cell at the end (``FREE`` …), int8 ``[size]``, and the token it holds, -1 for none.

    A prompt is read into the first cells in order, so an evicted token's cell is known by its number.
    """
    states, tokens = np.full(view.size, FREE, np.int8), np.full(view.size, -1, np.int32)
    states[: view.read] = FREED
    inside = np.flatnonzero(view.cells >= 0)
    tokens[view.cells[inside]] = inside
    states[view.cells[inside]] = np.where(inside < view.read, USED, LATER)
    return states, tokens
