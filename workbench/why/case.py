"""One probe in one lane, gathered from the trace: what had been stored when it was asked, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from workbench.errors import UsageError
from workbench.memory.dates import tokens
from workbench.memory.languages import languages, time_words
from workbench.probes.unknown import abstains
from workbench.projections.hits import ContextSpan, span_of
from workbench.projections.index import TraceIndex
from workbench.sessions.model import Probe, Session
from workbench.trace.events import FIXED, Event, Kind
from workbench.trace.reader import LaneRow, TraceReader
from workbench.why.history import Version, versions
from workbench.why.texts import Rarity, names, same_day, same_number

_END = 2**62
_TURNS_READ = 120
"""Turns, evenly spread, whose words tell the languages of a session."""
_CLOSING = (Kind.TURN_CLOSED, Kind.SCORED, Kind.LANE_FAILED)


@dataclass(frozen=True, slots=True)
class Case:
    """A probe that a lane was asked.

    Attributes:
        number: of the session in the file.
        events: the last event of each kind that the probe left.
        before: the last event before the question; the state after it is what the question met.
        versions: of every item that the lane ever wrote.
        hits: candidates as the trace holds them, best first.
        spans: the memory in the context, in order; ``dropped`` did not fit.
        read_in: whether a version had only waited to be read into memory; see :meth:`waited`.
        languages: of the session; they say how a day is named.
    """

    session: Session
    number: int
    lane: LaneRow
    probe: Probe
    events: Mapping[str, Event]
    before: int
    versions: tuple[Version, ...]
    hits: tuple[Mapping[str, Any], ...]
    spans: tuple[ContextSpan, ...]
    dropped: tuple[ContextSpan, ...]
    read_in: Callable[[Version], bool] = lambda version: False
    languages: Callable[[], tuple[str, ...]] = lambda: ()

    @property
    def answer(self) -> str:
        """What the lane said."""
        return str(self._of(Kind.ANSWERED, "text", ""))

    @property
    def right(self) -> bool:
        """Whether the scorer took it."""
        return bool(self._of(Kind.SCORED, "correct", False))

    @property
    def k(self) -> int:
        """How many the lane returns at most; 0 when it has no such number."""
        return int(self._of(Kind.RECALLED, "k", 0))

    @property
    def error(self) -> str:
        """Why there is no whole answer; empty when there is one."""
        failed = self.events.get(Kind.LANE_FAILED)
        return str(failed.payload.get("message", "")) if failed else str(self._of(Kind.ANSWERED, "error", ""))

    def _of(self, kind: Kind, name: str, default: Any) -> Any:
        event = self.events.get(kind)
        return event.payload.get(name, default) if event else default

    def alive(self) -> list[Version]:
        """What the lane held when the question came."""
        return [v for v in self.versions if v.alive(self.before)]

    def ever(self) -> list[Version]:
        """What the lane had held by then, at any time."""
        return [v for v in self.versions if v.began.seq <= self.before]

    def waited(self, version: Version) -> bool:
        """Whether it is gone and had only waited: a model read it in that step, to write down what it made of it."""
        return not version.alive(self.before) and self.read_in(version)

    def names(self, text: str) -> bool:
        """Whether a text names a gold answer; a day in any form."""
        gold = self.probe.gold
        days = (g for g in gold if not g.isdecimal() and same_number(text, g))
        return names(text, gold) or any(same_day(text, g, self.languages()) for g in days)

    def said(self, turn: int) -> str:
        """What was said at a turn, with who said it."""
        return self.session.turns[turn].said


def case(reader: TraceReader, session: int, lane: int, probe: str) -> Case:
    """Gather a case. Raises ``UsageError`` when the lane was not asked the probe."""
    index = TraceIndex.of(reader)
    row = next((r for r in index.lanes if r.id == lane), None)
    whole = index.session(session)
    asked = next((p for p in whole.probes if p.id == probe), None)
    if row is None or asked is None:
        raise UsageError(f"{reader.path}: no {'lane' if row is None else 'probe'} {lane if row is None else probe!r}")
    events = {e.kind: e for e in reader.events(session, lane, subject=probe) if e.kind in _OF_PROBES}
    if Kind.SCORED not in events:
        raise UsageError(f"{reader.path}: {row.name} was not asked {probe!r}", "let the run go on")
    recalled = events.get(Kind.RECALLED)
    packed: Mapping[str, Any] = events[Kind.PACKED].payload if Kind.PACKED in events else {}
    hits = sorted(recalled.payload["hits"], key=lambda h: h["rank"]) if recalled else ()
    spans = tuple(span_of(s, asked.evidence) for s in packed.get("spans", ()) if s.get("kind") not in FIXED)
    dropped = tuple(span_of(s, asked.evidence) for s in packed.get("dropped", ()))
    before = _before(reader, session, lane, events[Kind.SCORED])
    return Case(
        whole, session, row, asked, events, before, _versions(index, session, lane), tuple(hits), spans, dropped,
        partial(read_in, reader, session, lane), partial(_languages, index, session),
    )  # fmt: skip


_OF_PROBES = (Kind.RECALLED, Kind.PACKED, Kind.ANSWERED, Kind.SUMMED, Kind.CAPTURED, Kind.COMPRESSED, Kind.SCORED,
              Kind.LANE_FAILED)  # fmt: skip


def _before(reader: TraceReader, session: int, lane: int, scored: Event) -> int:
    """The end of the step before the question's: all that a step leaves follows one another in its lane."""
    marks = ", ".join("?" * len(_CLOSING))
    rows = reader.query(
        f"SELECT coalesce(max(seq), 0) FROM event WHERE session = ? AND lane = ? AND n < ? AND kind IN ({marks}) "
        "AND NOT (kind = ? AND subject = ?)",
        (session, lane, scored.n, *map(str, _CLOSING), str(Kind.LANE_FAILED), scored.subject),
    )
    return int(rows[0][0])


def calls_of_step(reader: TraceReader, session: int, lane: int, turns: tuple[int, int], before: int) -> Iterator[Event]:
    """The model calls by which a lane wrote turns into memory; those of its questions are left out."""
    closed = -1
    kinds = (Kind.MODEL_CALLED, Kind.TURN_CLOSED)
    for event in reader.events(session, lane, kinds, turns=turns, up_to_seq=before):
        if event.kind == Kind.TURN_CLOSED:
            closed = event.turn
        elif event.turn > closed:
            yield event


def reads(call: Event, text: str) -> bool:
    """Whether a model call was shown a text."""
    plain = " ".join(text.split())
    return bool(plain) and any(plain in " ".join(m["text"].split()) for m in call.payload.get("prompt", ()))


def read_in(reader: TraceReader, session: int, lane: int, version: Version) -> bool:
    """Whether an item was a buffer's: no model made it, none threw it out, and one read it in the step that it left in.

    What a buffer held was not stored yet; that the buffer let go of it lost nothing. What a model had read before and
    could have answered from was more than a buffer's.
    """
    gone, memo = version.ended, TraceIndex.of(reader).memo
    if gone is None or gone.kind != Kind.EVICTED or gone.cause or version.began.cause:
        return False
    key = ("read in", session, lane, gone.seq)
    if key not in memo:
        calls = calls_of_step(reader, session, lane, (version.began.turn, gone.turn), _END)
        read = {call.turn for call in calls if reads(call, version.text)}
        early = read - {version.began.turn, gone.turn}
        memo[key] = gone.turn in read and not (early and _answers(reader, session, lane, version))
    return bool(memo[key])


def _answers(reader: TraceReader, session: int, lane: int, version: Version) -> bool:
    """Whether a question of the lane ever met an item of this kind: as a candidate or in its context."""
    index = TraceIndex.of(reader)
    key = ("kinds asked", session, lane)
    if key not in index.memo:
        kinds = {v.item: v.values["kind"] for v in _versions(index, session, lane)}
        asked = [e.payload for e in reader.events(session, lane, (Kind.RECALLED, Kind.PACKED))]
        met = {h["item"] for data in asked for h in data.get("hits", ())}
        met |= {i for data in asked for n in ("spans", "dropped") for s in data.get(n, ()) for i in s.get("items", ())}
        index.memo[key] = {kinds.get(item) for item in met}
    return version.values["kind"] in index.memo[key]


def _versions(index: TraceIndex, session: int, lane: int) -> tuple[Version, ...]:
    key = ("versions", session, lane)
    known: tuple[int, tuple[Version, ...]] | None = index.memo.get(key)
    operations = index.operations(session, lane)
    if known is None or known[0] != len(operations):
        known = index.memo[key] = (len(operations), versions(operations))
    return known[1]


def _languages(index: TraceIndex, session: int) -> tuple[str, ...]:
    key = ("languages", session)
    if key not in index.memo:
        index.memo[key] = _spoken(_some(index.session(session)))
    found: tuple[str, ...] = index.memo[key]
    return found


def _some(session: Session) -> tuple[str, ...]:
    turns = session.turns
    return tuple(turn.text for turn in turns[:: -(-len(turns) // _TURNS_READ) or 1])


@lru_cache(maxsize=32)
def _spoken(texts: tuple[str, ...]) -> tuple[str, ...]:
    return languages(t.word for text in texts for t in tokens(text))


def prepare(session: Session) -> None:
    """Read what the program looks up in answers and dates (words of the session's languages, ways of not knowing): it
    takes a tenth of a second, once, which the first look at an answer need not wait for. May run in any thread."""
    abstains("?")
    time_words(_spoken(_some(session)))


def rarity(index: TraceIndex, session: int) -> Rarity:
    """How rare words are in the session."""
    key = ("rarity", session)
    turns: Sequence[Any] = index.session(session).turns
    if key not in index.memo or index.memo[key][0] != len(turns):
        index.memo[key] = (len(turns), Rarity([t.said for t in turns]))
    found: Rarity = index.memo[key][1]
    return found
