"""What a cache policy kept and threw away, by token, span and head, and what became of the evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import TraceError
from workbench.projections.hits import ContextSpan, probe_at, probe_events, span_of
from workbench.projections.index import TraceIndex
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

    @property
    def mean_kl(self) -> float | None:
        """Mean distance from the full cache; None when it was not compared."""
        return float(np.mean(self.kl)) if self.kl else None

    @property
    def evidence(self) -> float | None:
        """Share of the evidence's entries kept when the prompt had been compressed; None without evidence in it."""
        return _evidence(self.fates)

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
    held = _held(blobs["survival"], data)
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
        tuple(SpanFate(s, _of_span(held, s, int(data["read"]))) for s in spans if s.length > 0),
        data["facts"],
    )


def policy_parameters(row: LaneRow) -> dict[str, Any]:
    """The cache policy's parameters of a lane."""
    return {name.removeprefix("cache."): value for name, value in row.params.items() if name.startswith("cache.")}


def _held(survival: NDArray[Any] | None, data: Mapping[str, Any]) -> Floats:
    assert survival is not None
    return (survival / max(int(data["entries"]), 1)).astype(np.float32)


def _of_span(held: Floats, span: ContextSpan, read: int) -> Floats:
    """Tokens that were read after the compression are always there."""
    start, end = span.tokens
    inside = held[:, start : min(end, read)]
    later = max(0, end - max(start, read))
    return ((inside.sum(1) + later) / (end - start)).astype(np.float32)


def _evidence(fates: tuple[SpanFate, ...]) -> float | None:
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


@dataclass(frozen=True, slots=True)
class SurvivalPoint:
    """One lane in the curve of a policy: what it kept, and what came of it; means over its probes.

    Attributes:
        budget: ``keep`` as given: a share, or a number of tokens.
        evidence: share of the evidence kept over ``with_evidence`` probes, None without any.
        kl: distance from the full cache, None when it was not compared.
        accuracy: share of right answers over ``probes``.
    """

    lane: int
    name: str
    memory: str
    policy: str
    way: str
    when: str
    budget: float
    share: float
    evidence: float | None
    with_evidence: int
    kl: float | None
    accuracy: float
    probes: int


def survival(reader: TraceReader, session: int | None = None, seq: int | None = None) -> tuple[SurvivalPoint, ...]:
    """A point for every lane with a cache policy, ordered by policy and budget."""
    points = [_point(reader, row, session, seq) for row in TraceIndex.of(reader).lanes]
    found = [p for p in points if p is not None]
    return tuple(sorted(found, key=lambda p: (p.memory, p.policy, p.way, p.when, p.budget)))


def _point(reader: TraceReader, row: LaneRow, session: int | None, seq: int | None) -> SurvivalPoint | None:
    shares, evidence, distances, right = [], [], [], []
    way = when = ""
    kinds = (Kind.PACKED, Kind.COMPRESSED, Kind.SCORED)
    spans: list[dict[str, Any]] = []
    for event in reader.events(session, row.id, kinds=kinds, up_to_seq=seq):
        if event.kind == Kind.PACKED:
            spans = event.payload["spans"]
        elif event.kind == Kind.SCORED:
            right.append(bool(event.payload["correct"]))
        else:
            way, when = event.payload["way"], event.payload["when"]
            shares.append(float(event.payload["share"]))
            if event.payload["kl"]:
                distances.append(float(np.mean(event.payload["kl"])))
            held = _evidence_held(reader, event, spans)
            if held is not None:
                evidence.append(held)
    if not shares:
        return None
    return SurvivalPoint(
        row.id,
        row.name,
        row.memory,
        row.cache,
        way,
        when,
        float(policy_parameters(row).get("keep", 1.0)),
        float(np.mean(shares)),
        float(np.mean(evidence)) if evidence else None,
        len(evidence),
        float(np.mean(distances)) if distances else None,
        float(np.mean(right)) if right else 0.0,
        len(right),
    )


def _evidence_held(reader: TraceReader, event: Event, spans: list[dict[str, Any]]) -> float | None:
    session = TraceIndex.of(reader).session(event.session)
    probe = next((p for p in session.probes if p.id == event.subject), None)
    if probe is None or not probe.evidence:
        return None
    held = _held(reader.array(event.payload["blobs"]["survival"])[:1], event.payload)
    known = [span_of(s, probe.evidence) for s in spans]
    read = int(event.payload["read"])
    return _evidence(tuple(SpanFate(s, _of_span(held, s, read)) for s in known if s.length > 0))
