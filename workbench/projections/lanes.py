"""The lanes side by side at the cursor: what each did at this turn, and how it answered the probe in question."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from workbench.projections.asked import in_question
from workbench.projections.diff import readable
from workbench.projections.index import TraceIndex
from workbench.sessions.model import Probe
from workbench.trace.events import FIXED, OPERATIONS, Event, Kind
from workbench.trace.reader import LaneRow, TraceReader

_SHOWN = {*OPERATIONS, Kind.DROPPED, Kind.LANE_FAILED} - {Kind.ACCESSED}
_OF_EVERY_ITEM = ("text", "index_text", "turns", "when")  # and not of one method
MOST = 24
"""Operations listed per lane; ``counts`` has all of them."""


@dataclass(frozen=True, slots=True)
class Step:
    """One operation of the turn. ``kind`` is the event kind, ``text`` says in short what it did to ``item``.

    ``times``: so many that touch no item and have the same reason stand as one, at the first one's place.
    """

    seq: int
    kind: str
    item: str
    text: str
    reason: str = ""
    times: int = 1


@dataclass(frozen=True, slots=True)
class SpanView:
    """One span of the context. ``share`` is its part of the prompt in tokens (by words where those are unknown)."""

    kind: str
    label: str
    text: str
    items: tuple[str, ...]
    turns: tuple[int, ...]
    tokens: int
    share: float
    evidence: bool


@dataclass(frozen=True, slots=True)
class AnswerView:
    """How the lane answered a probe.

    Attributes:
        turn: when it was asked.
        retrieved: evidence turns among the returned hits, and how many evidence turns there are.
        rank: rank of the first hit that holds evidence, 0 for none among all candidates.
        cut: whether evidence was retrieved but dropped when the context was packed.
        attention: share of the answer's attention on evidence spans, from 0 to 1; None without capture or evidence.
        used: tokens from the first span of memory to the last one, of the ``budget``; 0 where they are unknown.
        pooled: the capture's columns were pooled, or some layers alone were kept: ``attention`` is an estimate.
        ms: retrieval plus answer.
        whole: False where words and verdict alone were read (``lanes``): no spans, no hits, no attention.
    """

    probe: str
    turn: int
    question: str
    gold: tuple[str, ...]
    text: str
    extracted: str
    correct: bool
    score: float
    error: str
    spans: tuple[SpanView, ...]
    dropped: int
    budget: int
    used: int
    prompt_tokens: int
    generated: int
    ms: float
    evidence: tuple[int, ...]
    retrieved: tuple[int, int]
    rank: int
    cut: bool
    attention: float | None
    pooled: bool
    abstain: bool = False
    whole: bool = True


@dataclass(frozen=True, slots=True)
class LaneView:
    """One column. ``done`` is False while a live lane has not closed this turn; ``failed`` is its strategy's defect."""

    lane: int
    place: int
    name: str
    memory: str
    cache: str
    steps: tuple[Step, ...]
    counts: Mapping[str, int]
    items: int
    links: int
    calls: int
    tokens: tuple[int, int]
    ms: float
    done: bool
    failed: str
    answer: AnswerView | None


@dataclass(frozen=True, slots=True)
class Lanes:
    """Every lane at the cursor. ``probe`` is the one the answers are about, empty when none was asked so far."""

    session: int
    turn: int
    probe: str
    question: str
    gold: tuple[str, ...]
    asked: int
    lanes: tuple[LaneView, ...]


def lanes(
    reader: TraceReader,
    session: int,
    turn: int,
    seq: int | None = None,
    probe: str = "",
    pinned: bool = False,
    whole: Collection[int] | None = None,
) -> Lanes:
    """The columns at ``turn``, or at the event ``seq`` within it.

    The answers are about the probe in question (``workbench.projections.asked``).

    Args:
        whole: lanes whose answers are read with their contexts, hits and attention, which takes a millisecond each;
            None for all. Of the others words and verdict are read.
    """
    index = TraceIndex.of(reader)
    held = index.session(session)
    chosen = in_question(held, turn, probe, pinned)
    index.bring(session, turn)
    views = tuple(
        _lane(index, row, place, session, turn, seq, chosen, whole is None or row.id in whole)
        for place, row in enumerate(index.lanes)
    )
    if chosen is None:
        return Lanes(session, turn, "", "", (), -1, views)
    return Lanes(session, turn, chosen.id, chosen.question, chosen.gold, chosen.after, views)


def _lane(
    index: TraceIndex,
    row: LaneRow,
    place: int,
    session: int,
    turn: int,
    seq: int | None,
    probe: Probe | None,
    whole: bool,
) -> LaneView:
    events = [e for e in index.events(session, row.id, turn) if seq is None or e.seq <= seq]
    steps = [e for e in events if e.kind in _SHOWN]
    closed = next((e for e in events if e.kind == Kind.TURN_CLOSED), None)
    failed = next((str(e.payload.get("message", "")) for e in events if e.kind == Kind.LANE_FAILED), "")
    spent = closed.payload if closed else {}
    items, links = index.counts(session, row.id, turn, seq)
    tokens = spent.get("tokens", (0, 0))
    return LaneView(
        row.id,
        place,
        row.name,
        row.memory,
        row.cache,
        _steps(steps)[:MOST],
        dict(Counter(e.kind for e in steps)),
        items,
        links,
        spent.get("calls", 0),
        (tokens[0], tokens[1]),
        closed.ms if closed else 0.0,
        closed is not None or bool(failed),
        failed,
        _answer(index, row.id, session, turn, seq, probe, whole) if probe else None,
    )


def _steps(events: Sequence[Event]) -> tuple[Step, ...]:
    """The operations in order; those without an item that have one reason stand as one."""
    found: dict[object, Step] = {}
    for step in map(_step, events):
        same = (step.kind, step.reason or step.text) if not step.item else step.seq
        before = found.get(same)
        found[same] = step if before is None else replace(before, times=before.times + 1, text=step.reason or step.text)
    return tuple(found.values())


def _step(event: Event) -> Step:
    data = event.payload
    return Step(event.seq, event.kind, event.subject, _SAY.get(event.kind, _plain)(data), str(data.get("reason", "")))


def _plain(data: Mapping[str, Any]) -> str:
    return str(data.get("reason", ""))


def _said_change(data: Mapping[str, Any]) -> str:
    """What an update changed: the new text, else the method's own fields, else what every item has."""
    new = {name: readable(change[1]) for name, change in data.get("changes", {}).items()}
    if "text" in new:
        return new["text"]
    own = [f"{name} → {value}" for name, value in new.items() if name not in _OF_EVERY_ITEM]
    if own:
        return " · ".join(own)
    if "index_text" in new:
        return f"found by → {new['index_text']}"
    if "turns" in new:
        before, after = data["changes"]["turns"]
        more = [turn for turn in after if turn not in before]
        return f"also from turn {readable(more)}" if more else f"from turns {new['turns']}"
    return " · ".join(f"{name} → {value}" for name, value in new.items())


_SAY: dict[str, Callable[[Mapping[str, Any]], str]] = {
    Kind.WRITTEN: lambda d: d["text"],
    Kind.UPDATED: _said_change,
    Kind.SUPERSEDED: lambda d: f"by {d['by']}" if d.get("by") else d.get("reason", ""),
    Kind.MERGED: lambda d: f"into {d['into']}" if d.get("into") else d.get("reason", ""),
    Kind.LINKED: lambda d: f"→ {d['to']}" + (f"  {d['label']}" if d.get("label") else ""),
    Kind.UNLINKED: lambda d: f"→ {d['to']}",
    Kind.DROPPED: lambda d: " · ".join(str(d[k]) for k in ("reason", "detail") if d.get(k)),
    Kind.LANE_FAILED: lambda d: d.get("message", ""),
}


def _answer(
    index: TraceIndex, lane: int, session: int, turn: int, seq: int | None, probe: Probe, whole: bool
) -> AnswerView | None:
    """How the lane answered; None while it has not been scored. Answers never change, so they are kept."""
    if seq is None or probe.after != turn:
        key = ("answer", session, lane, probe.id)
        if index.memo.get(key) is None and not whole:
            key = ("answer in short", *key[1:])
        if index.memo.get(key) is None:
            index.memo[key] = _read_answer(index, lane, session, None, probe, whole)
        found: AnswerView | None = index.memo[key]
        return found
    return _read_answer(index, lane, session, seq, probe, whole)


def _read_answer(
    index: TraceIndex, lane: int, session: int, seq: int | None, probe: Probe, whole: bool
) -> AnswerView | None:
    limit = index.seq if seq is None else seq
    kinds = () if whole else (Kind.ANSWERED, Kind.SCORED)
    events = index.reader.events(session, lane, kinds, subject=probe.id, up_to_seq=limit)
    last = {e.kind: e for e in events}
    if Kind.SCORED not in last:
        return None
    blank: dict[str, Any] = {}
    scored = last[Kind.SCORED].payload
    packed = last[Kind.PACKED].payload if Kind.PACKED in last else blank
    answered = last.get(Kind.ANSWERED)
    recalled = last.get(Kind.RECALLED)
    said = answered.payload if answered else blank
    spans = _spans(packed, set(probe.evidence))
    share, pooled = _attention(index, last, packed, spans) if probe.evidence and whole else (None, False)
    hits = recalled.payload.get("hits", ()) if recalled else ()
    return AnswerView(
        probe.id,
        probe.after,
        probe.question,
        probe.gold,
        said.get("text", ""),
        str(scored.get("extracted") or said.get("text", "")),
        bool(scored.get("correct")),
        float(scored.get("score") or 0.0),
        said.get("error", ""),
        spans,
        len(packed.get("dropped", ())),
        packed.get("budget", 0),
        _used(packed),
        said.get("prompt_tokens") or packed.get("tokens", 0),
        said.get("generated", len(said.get("tokens", ()))),
        (answered.ms if answered else 0.0) + (recalled.ms if recalled else 0.0),
        probe.evidence,
        (_found(hits, probe), len(probe.evidence)),
        next((h["rank"] for h in hits if set(h["turns"]) & set(probe.evidence)), 0),
        any(set(d.get("turns", ())) & set(probe.evidence) for d in packed.get("dropped", ())),
        share,
        pooled,
        probe.abstain,
        whole,
    )


def _found(hits: Sequence[Mapping[str, Any]], probe: Probe) -> int:
    returned = {turn for hit in hits if hit.get("returned") for turn in hit["turns"]}
    return len(returned & set(probe.evidence))


def _used(packed: Mapping[str, Any]) -> int:
    places = [s["tokens"] for s in packed.get("spans", ()) if s["kind"] not in FIXED]
    return int(places[-1][1] - places[0][0]) if places else 0


def _spans(packed: Mapping[str, Any], evidence: set[int]) -> tuple[SpanView, ...]:
    raw = packed.get("spans", ())
    lengths = [s["tokens"][1] - s["tokens"][0] for s in raw]
    if not any(lengths):
        lengths = [len(s["text"].split()) for s in raw]
    whole = sum(lengths) or 1
    return tuple(
        SpanView(
            s["kind"],
            s["label"],
            s["text"],
            tuple(s["items"]),
            tuple(s["turns"]),
            s["tokens"][1] - s["tokens"][0],
            length / whole,
            bool(evidence & set(s["turns"])),
        )
        for s, length in zip(raw, lengths, strict=True)
    )


def _attention(
    index: TraceIndex, found: Mapping[str, Event], packed: Mapping[str, Any], spans: Sequence[SpanView]
) -> tuple[float | None, bool]:
    """Mean over layers, heads and answer tokens of the attention that falls on evidence spans."""
    from workbench.projections.attention import span_attention

    ranges = [tuple(raw["tokens"]) for raw, span in zip(packed.get("spans", ()), spans, strict=True) if span.evidence]
    shares = span_attention(index.reader, found, ranges)
    return (None, False) if shares is None else (sum(shares[0]), shares[1] and bool(ranges))
