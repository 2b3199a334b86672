"""Provenance: from an answer's tokens to spans, items, operations, turns; and forward, from a turn to all it caused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.projections.index import TraceIndex
from workbench.trace.events import Event, Kind
from workbench.trace.reader import TraceReader
from workbench.why.case import FIXED, Case, case
from workbench.why.history import ENDS, Version, versions
from workbench.why.verdict import Step

LIMIT = 400
"""Steps of a turn's story at most; what is beyond is counted."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a token of an answer came from.

    Attributes:
        span: place among the context's memory spans; ``share`` its part of the token's attention on memory.
        items, turns: of the span; ``operations`` the events that made those items what they were.
    """

    span: int
    label: str
    share: float
    items: tuple[str, ...]
    turns: tuple[int, ...]
    operations: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Story:
    """What became of a turn in a lane.

    Attributes:
        steps: operations on all that came from it and the questions that it reached, in order.
        alive: items that still come from it in the end. more: steps that were left out.
    """

    turn: int
    steps: tuple[Step, ...]
    alive: tuple[str, ...]
    more: int = 0


def sources(reader: TraceReader, session: int, lane: int, probe: str, token: int | None = None) -> list[Source]:
    """The spans that an answer (or one of its tokens) looked at, most first; empty without a capture."""
    asked = case(reader, session, lane, probe)
    captured = asked.events.get(Kind.CAPTURED)
    if captured is None or not asked.spans:
        return []
    weights = reader.array(captured.payload["blob"])
    rows = weights if token is None else weights[:, :, min(token, weights.shape[2] - 1)][:, :, None]
    column = rows.mean(axis=(0, 1, 2), dtype=np.float32)
    bins = captured.payload.get("bins")
    starts = np.arange(column.size) if bins is None else np.asarray(bins)
    mass = [float(column[slice(*np.searchsorted(starts, s.tokens))].sum()) for s in asked.spans]
    whole = sum(mass) or 1.0
    made = [
        Source(n, s.label, mass[n] / whole, s.items, s.turns, _made(asked, s.items)) for n, s in enumerate(asked.spans)
    ]
    return sorted(made, key=lambda s: -s.share)


def _made(asked: Case, items: Iterable[str]) -> tuple[int, ...]:
    mine = set(items)
    return tuple(v.began.seq for v in asked.ever() if v.item in mine)


def story(reader: TraceReader, session: int, lane: int, turn: int) -> Story:
    """Forward from a turn: what was made of it, what that became, which questions it reached, and how it was lost."""
    index = TraceIndex.of(reader)
    history = versions(index.operations(session, lane))
    mine = [v for v in history if turn in v.turns]
    items = {v.item for v in mine}
    events = [e for e in reader.events(session, lane, turns=(turn, 10**9)) if _concerns(e, items, turn)]
    steps = [step for event in events for step in _steps(event, items, mine)]
    end = index.seq
    alive = tuple(dict.fromkeys(v.item for v in mine if v.alive(end)))
    return Story(turn, tuple(steps[:LIMIT]), alive, max(0, len(steps) - LIMIT))


def _concerns(event: Event, items: set[str], turn: int) -> bool:
    if event.kind == Kind.DROPPED:
        return event.turn == turn
    if event.kind in (Kind.RECALLED, Kind.PACKED):
        return True
    return event.subject in items and event.kind in (Kind.WRITTEN, Kind.UPDATED, Kind.RESTORED, *ENDS)


def _steps(event: Event, items: set[str], mine: Sequence[Version]) -> list[Step]:
    data = event.payload
    if event.kind == Kind.WRITTEN:
        return [Step("stored", event.turn, event.seq, event.subject, data["text"])]
    if event.kind == Kind.DROPPED:
        return [Step("stored", event.turn, event.seq, "", f"{data['reason']}: {data.get('detail', '')}", False)]
    if event.kind == Kind.UPDATED:
        if "text" not in data["changes"]:
            return []
        return [Step("kept", event.turn, event.seq, event.subject, str(data["changes"]["text"][1]))]
    if event.kind == Kind.RESTORED:
        return [Step("kept", event.turn, event.seq, event.subject, "restored")]
    if event.kind in ENDS:
        heir = data.get("by") or data.get("into") or ""
        text = f"{event.kind.removeprefix('item.')}{f' → {heir}' if heir else ''}"
        return [Step("kept", event.turn, event.seq, event.subject, text, False)]
    if event.kind == Kind.RECALLED:
        hits = [h for h in data.get("hits", ()) if h["item"] in items]
        best = hits[0] if hits else None
        return [_hit(event, best)] if best else []
    spans = [s for s in data.get("spans", ()) if s.get("kind") not in FIXED and items & {*s.get("items", ())}]
    return [Step("packed", event.turn, event.seq, spans[0]["label"], event.subject)] if spans else []


def _hit(event: Event, hit: Mapping[str, Any]) -> Step:
    text = f"{event.subject}: rank {hit['rank']}"
    return Step("retrieved", event.turn, event.seq, hit["item"], text, hit["returned"])
