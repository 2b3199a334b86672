"""Provenance: from an answer's tokens to spans, items, operations, turns; and forward, from a turn to all it caused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from workbench.projections.attention import span_attention
from workbench.projections.index import TraceIndex
from workbench.trace.events import FIXED, Event, Kind
from workbench.trace.reader import TraceReader
from workbench.why.case import Case, case, rarity, read_in
from workbench.why.history import ENDS, Version, versions
from workbench.why.sentences import line
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
        items: all that ever came from it; ``waited`` those of them that only waited to be read into memory.
        overwritten: items that are alive and say next to nothing of it any more.
        until: the last turn at which one of them held something of it, when none does any more.
    """

    turn: int
    steps: tuple[Step, ...]
    alive: tuple[str, ...]
    more: int = 0
    items: frozenset[str] = frozenset()
    waited: frozenset[str] = frozenset()
    overwritten: frozenset[str] = frozenset()
    until: int = 0

    @property
    def stored(self) -> frozenset[str]:
        """What was made of it, beyond what only waited."""
        return self.items - self.waited

    @property
    def lost(self) -> bool:
        """Whether no item holds anything of it any more, or none ever did."""
        return self.overwritten.issuperset(self.alive)


def sources(reader: TraceReader, session: int, lane: int, probe: str, token: int | None = None) -> list[Source]:
    """The spans that an answer (or one of its tokens) looked at, most first; empty without a capture."""
    asked = case(reader, session, lane, probe)
    mass = _mass(reader, asked, token) if asked.spans else None
    if mass is None:
        return []
    whole, made = sum(mass) or 1.0, _made(asked)
    found = [
        Source(
            n, s.label, mass[n] / whole, s.items, s.turns, tuple(sorted(q for i in s.items for q in made.get(i, ())))
        )
        for n, s in enumerate(asked.spans)
    ]
    return sorted(found, key=lambda s: -s.share)


def _mass(reader: TraceReader, asked: Case, token: int | None) -> list[float] | None:
    """Attention on each span of the memory: from the answer's summary, else from its capture; None without either."""
    spans = [s.tokens for s in asked.spans]
    if token is None:
        found = span_attention(reader, asked.events, spans)
        return found[0] if found is not None else None
    summed, captured = asked.events.get(Kind.SUMMED), asked.events.get(Kind.CAPTURED)
    if summed is not None:
        rows = reader.array(summed.payload["blobs"]["rows"])
        places = {tuple(span): n for n, span in enumerate(summed.payload["spans"])}
        row = rows[min(token, len(rows) - 1)] if len(rows) else np.zeros(rows.shape[1])
        return [float(row[places[tuple(s)]]) if tuple(s) in places else 0.0 for s in spans]
    if captured is None:
        return None
    weights = reader.array(captured.payload["blob"])
    column = weights[:, :, min(token, weights.shape[2] - 1)].mean(axis=(0, 1), dtype=np.float32)
    bins = captured.payload.get("bins")
    starts = np.arange(column.size) if bins is None else np.asarray(bins)
    return [float(column[slice(*np.searchsorted(starts, s))].sum()) for s in spans]


def _made(asked: Case) -> dict[str, list[int]]:
    """The operations that made each item what it was."""
    made: dict[str, list[int]] = {}
    for version in asked.ever():
        made.setdefault(version.item, []).append(version.began.seq)
    return made


def story(reader: TraceReader, session: int, lane: int, turn: int) -> Story:
    """Forward from a turn: what was made of it, what that became, which questions it reached, and how it was lost."""
    index = TraceIndex.of(reader)
    mine = [v for v in versions(index.operations(session, lane)) if turn in v.turns]
    wrote = _overwrote(index, session, turn, mine)
    gone = {new.began.seq: f"{line(old.text)} → {line(new.text)}" for of in wrote.values() for old, new in pairwise(of)}
    items = frozenset(v.item for v in mine)
    taken = {v.ended.seq: v for v in mine if v.ended is not None and read_in(reader, session, lane, v)}
    waited = frozenset(v.item for v in taken.values())
    steps: list[Step] = []
    reached: set[str] = set()
    for event in reader.events(session, lane, _TOLD, turns=(turn, 10**9), up_to_seq=index.seq):
        more = [_taken(event, mine, waited)] if event.seq in taken else _steps(event, turn, items, reached)
        more = [replace(s, text=gone[event.seq], held=False) for s in more] if event.seq in gone else more
        reached |= {event.subject for step in more if step.stage == "packed"}
        steps += more
    alive = tuple(dict.fromkeys(v.item for v in mine if v.alive(index.seq)))
    ends = {v.item: v.ended.turn for v in mine if v.ended is not None}
    ends |= {item: of[1].began.turn for item, of in wrote.items()}
    overwritten = frozenset(i for i in alive if i in wrote)
    until = max([turn, *ends.values()])
    return Story(turn, tuple(steps[:LIMIT]), alive, max(0, len(steps) - LIMIT), items, waited, overwritten, until)


def _overwrote(index: TraceIndex, session: int, turn: int, mine: Sequence[Version]) -> dict[str, list[Version]]:
    """By item, the versions since when it has said less than half of what it once said of a turn (rare words counting
    more), with the one before them."""
    turns, repeats = index.session(session).turns, rarity(index, session)
    said = turns[turn].said if turn < len(turns) else ""
    best: dict[str, float] = {}
    last: dict[str, Version] = {}
    found: dict[str, list[Version]] = {}
    for version in mine:
        item, share = version.item, repeats.share(version.text, said)
        if share < best.get(item, 0.0) / 2:
            found.setdefault(item, [last[item]]).append(version)
        else:
            found.pop(item, None)
        best[item], last[item] = max(share, best.get(item, 0.0)), version
    return found


def _taken(event: Event, mine: Sequence[Version], waited: frozenset[str]) -> Step:
    """What had only waited is let go of; by then something was stored of it or not."""
    stored = any(v.item not in waited and v.began.turn <= event.turn for v in mine)
    text = "the model has read it, and it is let go of" + ("" if stored else "; nothing was stored of it")
    return Step("stored", event.turn, event.seq, event.subject, text, stored)


_TOLD = (Kind.WRITTEN, Kind.UPDATED, Kind.RESTORED, *ENDS, Kind.DROPPED, Kind.RECALLED, Kind.PACKED, Kind.SCORED)


def _steps(event: Event, turn: int, items: frozenset[str], reached: set[str]) -> list[Step]:
    data = event.payload
    if event.kind == Kind.RECALLED:
        hits = [h for h in data.get("hits", ()) if h["item"] in items]
        return [_hit(event, hits[0])] if hits else []
    if event.kind == Kind.PACKED:
        spans = [s for s in data.get("spans", ()) if _from(s, turn, items)]
        return [Step("packed", event.turn, event.seq, spans[0]["label"], event.subject)] if spans else []
    if event.kind == Kind.SCORED:
        right = bool(data["correct"])
        told = f"{event.subject} answered {'right' if right else 'wrong'} with it in the context"
        return [Step("right", event.turn, event.seq, event.subject, told, right)] if event.subject in reached else []
    if event.kind == Kind.DROPPED:
        told = f"{data['reason']}: {data.get('detail', '')}"
        return [Step("stored", event.turn, event.seq, "", told, False)] if event.turn == turn else []
    return _operation(event, data) if event.subject in items else []


def _from(span: Mapping[str, Any], turn: int, items: frozenset[str]) -> bool:
    mine = turn in span.get("turns", ()) or not items.isdisjoint(span.get("items", ()))
    return mine and span.get("kind") not in FIXED


def _operation(event: Event, data: Mapping[str, Any]) -> list[Step]:
    if event.kind == Kind.WRITTEN:
        return [Step("stored", event.turn, event.seq, event.subject, data["text"])]
    if event.kind == Kind.UPDATED:
        changed = data["changes"].get("text")
        return [Step("kept", event.turn, event.seq, event.subject, str(changed[1]))] if changed else []
    if event.kind == Kind.RESTORED:
        return [Step("kept", event.turn, event.seq, event.subject, "restored")]
    heir = data.get("by") or data.get("into") or ""
    text = f"{event.kind.removeprefix('item.')}{f' → {heir}' if heir else ''}"
    return [Step("kept", event.turn, event.seq, event.subject, text, False)]


def _hit(event: Event, hit: Mapping[str, Any]) -> Step:
    text = f"{event.subject}: rank {hit['rank']}"
    return Step("retrieved", event.turn, event.seq, hit["item"], text, hit["returned"])
