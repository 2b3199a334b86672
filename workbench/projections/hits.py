"""What a probe retrieved: candidates with their scores, what was returned, left out, packed and dropped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.memory.items import MemoryState
from workbench.projections.asked import in_question
from workbench.projections.index import TraceIndex
from workbench.sessions.model import Probe
from workbench.trace.events import FIXED, Event, Kind
from workbench.trace.reader import TraceReader

PACKED, DROPPED, ABSENT = "packed", "dropped", ""
_NOT_PACKED: dict[str, Any] = {"spans": [], "dropped": [], "budget": 0, "tokens": 0}


@dataclass(frozen=True, slots=True)
class HitRow:
    """A candidate.

    ``evidence`` are the evidence turns that it names; ``fate`` says whether its text reached the context (``packed``),
    was cut when the context was packed (``dropped``) or was not offered (empty).
    """

    item: str
    rank: int
    score: float
    returned: bool
    parts: tuple[tuple[str, float], ...]
    turns: tuple[int, ...]
    text: str
    evidence: tuple[int, ...]
    fate: str


@dataclass(frozen=True, slots=True)
class ContextSpan:
    """A piece of the packed context, or one that did not fit. ``tokens`` is half open, (0, 0) when unknown."""

    kind: str
    label: str
    text: str
    items: tuple[str, ...]
    turns: tuple[int, ...]
    tokens: tuple[int, int]
    evidence: tuple[int, ...] = ()

    @property
    def length(self) -> int:
        """Length in tokens."""
        return self.tokens[1] - self.tokens[0]


@dataclass(frozen=True, slots=True)
class HitsView:
    """The retrieval for one probe.

    Attributes:
        turn: after which the probe was asked.
        k: how many the method returns at most; 0 when it has no such number.
        rows: candidates by rank.
        evidence: turns that hold the answer; empty when the session does not say.
        best: rank of the first candidate that names an evidence turn, 0 for none.
        verdict: one sentence about the evidence; ``found`` says whether it is among the returned.
        spans, dropped: the context in order, and what was cut from it.
        budget, tokens: of the context; 0 when unknown.
        answer, correct: None while not yet answered or scored.
        places: turns that one wants to go to from here with what they are: the evidence, and where it was lost.
    """

    lane: int
    turn: int
    probe: Probe
    query: str
    k: int
    rows: tuple[HitRow, ...]
    evidence: tuple[int, ...]
    best: int
    verdict: str
    found: bool
    spans: tuple[ContextSpan, ...]
    dropped: tuple[ContextSpan, ...]
    budget: int
    tokens: int
    answer: str | None
    correct: bool | None
    ms: float
    places: tuple[tuple[int, str], ...] = ()

    @property
    def returned(self) -> int:
        """How many candidates were returned; the cut line lies below them."""
        return sum(r.returned for r in self.rows)

    @property
    def used(self) -> int:
        """Tokens from the first span of memory to the last one, as on the lane's card; 0 where they are unknown."""
        memory = [s.tokens for s in self.spans if s.kind not in FIXED]
        return memory[-1][1] - memory[0][0] if memory else 0


def probe_at(
    reader: TraceReader, session: int, lane: int, turn: int, selected: str = "", seq: int | None = None
) -> Probe | None:
    """The probe in question (``workbench.projections.asked``), as far as this lane was asked it by then, else None."""
    index = TraceIndex.of(reader)
    probe = in_question(index.session(session), turn, selected)
    if probe is None:
        return None
    asked = "SELECT 1 FROM event WHERE kind = ? AND session = ? AND lane = ? AND subject = ? AND seq <= ?"
    rows = reader.query(asked, (str(Kind.RECALLED), session, lane, probe.id, _end(index, seq)))
    return probe if rows else None


def _end(index: TraceIndex, seq: int | None) -> int:
    return index.seq if seq is None else seq


def probe_events(reader: TraceReader, session: int, lane: int, probe: str, seq: int | None = None) -> dict[str, Event]:
    """The last event of each kind that a probe left in a lane (recall, context, answer, capture, score)."""
    end = _end(TraceIndex.of(reader), seq)
    return {e.kind: e for e in reader.events(session, lane, subject=probe, up_to_seq=end)}


def hits_view(
    reader: TraceReader, session: int, lane: int, turn: int, selected: str = "", seq: int | None = None
) -> HitsView | None:
    """The retrieval of the probe at the cursor (see ``probe_at``); None when none was asked yet."""
    probe = probe_at(reader, session, lane, turn, selected, seq)
    if probe is None:
        return None
    found = probe_events(reader, session, lane, probe.id, seq)
    recall = found[Kind.RECALLED]
    context = found.get(Kind.PACKED)
    packed: Mapping[str, Any] = context.payload if context else _NOT_PACKED
    spans = tuple(span_of(s, probe.evidence) for s in packed["spans"])
    dropped = tuple(span_of(s, probe.evidence) for s in packed["dropped"])
    rows = tuple(_row(h, probe.evidence, spans, dropped) for h in recall.payload["hits"])
    best = next((r.rank for r in rows if r.evidence), 0)
    state = TraceIndex.of(reader).state(session, lane, recall.turn)
    verdict, good = _verdict(rows, probe.evidence, state, spans, dropped)
    answered, scored = found.get(Kind.ANSWERED), found.get(Kind.SCORED)
    return HitsView(
        lane,
        recall.turn,
        probe,
        recall.payload["query"],
        int(recall.payload["k"]),
        rows,
        probe.evidence,
        best,
        verdict,
        good,
        spans,
        dropped,
        int(packed["budget"]),
        int(packed["tokens"]),
        answered.payload["text"] if answered else None,
        bool(scored.payload["correct"]) if scored else None,
        recall.ms,
        _places(probe.evidence, state),
    )


def span_of(data: dict[str, Any], evidence: Sequence[int] = ()) -> ContextSpan:
    """A span as the trace holds it; dropped ones have no place in the prompt."""
    items = tuple(data.get("items", ())) or ((data["item"],) if "item" in data else ())
    turns = tuple(data.get("turns", ()))
    start, end = data.get("tokens", (0, 0))
    label = data.get("label") or (items[0] if items else data.get("kind", "memory"))
    found = tuple(t for t in evidence if t in turns)
    return ContextSpan(data.get("kind", "memory"), label, data.get("text", ""), items, turns, (start, end), found)


def _row(
    hit: dict[str, Any], evidence: Sequence[int], spans: Sequence[ContextSpan], dropped: Sequence[ContextSpan]
) -> HitRow:
    name, turns = hit["item"], tuple(hit["turns"])
    fate = (
        PACKED if any(name in s.items for s in spans) else DROPPED if any(name in s.items for s in dropped) else ABSENT
    )
    parts = tuple((str(k), float(v)) for k, v in hit.get("parts", {}).items())
    known = tuple(t for t in evidence if t in turns)
    return HitRow(
        name, int(hit["rank"]), float(hit["score"]), bool(hit["returned"]), parts, turns, hit["text"], known, fate
    )


def _verdict(
    rows: Sequence[HitRow],
    evidence: Sequence[int],
    state: MemoryState,
    spans: Sequence[ContextSpan],
    dropped: Sequence[ContextSpan],
) -> tuple[str, bool]:
    """One sentence about the evidence, and whether any of it was returned."""
    if not evidence:
        return "The session names no evidence for this probe", False
    named = f"turn {evidence[0]}" if len(evidence) == 1 else f"turns {', '.join(map(str, evidence))}"
    first = next((r for r in rows if r.evidence), None)
    if first is not None and first.returned:
        cut = first.fate == DROPPED and not any(s.evidence for s in spans)
        where = "returned, then cut from the context" if cut else "returned"
        missing = [t for t in evidence if not any(t in r.evidence for r in rows if r.returned)]
        partly = f"; {'turn' if len(missing) == 1 else 'turns'} {', '.join(map(str, missing))} not" if missing else ""
        return f"Evidence ({named}) {where} at rank {first.rank}{partly}", True
    if first is not None:
        return f"Evidence ({named}) ranked {first.rank}, below the cut", False
    if any(s.evidence for s in spans):
        return f"Evidence ({named}) is in the context without being scored", True
    told = [_kept(turn, state) for turn in evidence]
    if len(set(said for said, _ in told)) == 1:
        said, holder = told[0]
        return f"Evidence ({named}) {said}" if holder else f"No item names {named}", False
    each = "; ".join(f"turn {turn} {said}" for turn, (said, _) in zip(evidence, told, strict=True))
    return f"Evidence: {each}", False


def _kept(turn: int, state: MemoryState) -> tuple[str, str]:
    """What became of what a turn said, and the item that holds or held it (empty: none ever did)."""
    holders = [item for item in state.items.values() if turn in item.turns]
    alive = next((item for item in holders if item.active), None)
    if alive is not None:
        return f"is in {alive.id}, which was not among the candidates", alive.id
    if holders:
        return f"was in {holders[0].id}, {holders[0].status} by turn {holders[0].changed}", holders[0].id
    return "is named by no item", ""


def _places(evidence: Sequence[int], state: MemoryState) -> tuple[tuple[int, str], ...]:
    places = [(turn, f"turn {turn}") for turn in evidence]
    for turn in evidence:
        holders = [item for item in state.items.values() if turn in item.turns]
        if holders and not any(item.active for item in holders):
            places.append((holders[0].changed, f"{holders[0].status} at turn {holders[0].changed}"))
    return tuple(dict.fromkeys(places))
