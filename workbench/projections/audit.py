"""The store audit: when a fact has changed, what became of its old and its new version in every memory.

A benchmark's score says only whether the answer was right. The audit looks at the probes whose session knows the turns
of older versions (``Probe.extra["stale"]``; FactConsolidation's are found by its reader). It says of each whether the
new version is stored, whether an old one is still active, whether both were retrieved, and which of them stood first.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.memory.items import MemoryState
from workbench.projections.index import TraceIndex
from workbench.sessions.model import Probe, Session
from workbench.trace.events import FIXED, Event, Kind
from workbench.trace.reader import LaneRow, TraceReader

STALE = "stale"
"""Key of ``Probe.extra``: turns that tell an older version of what the probe asks for, or the older values in words."""
NOT_STORED = "new not stored"
NOT_RETRIEVED = "new not retrieved"
ONLY_NEW = "only new, right"
BOTH = "both, right"
MISCHOSEN = "both, wrong"
MISREAD = "only new, wrong"
OUTCOMES = (ONLY_NEW, BOTH, MISCHOSEN, MISREAD, NOT_RETRIEVED, NOT_STORED)
"""What can become of a probe; exactly one holds. Wrong answers are told apart by where the new version was lost."""


@dataclass(frozen=True, slots=True)
class Audited:
    """One probe in one lane.

    Attributes:
        conflicted: an older version was told.
        stored: an active item says the new version.
        old_active: an active item says an older one.
        new, old: a returned hit says the new version, an older one.
        old_first: the best hit with an older version stands before the best with the new one.
        right: the answer was right.
    """

    probe: str
    conflicted: bool
    stored: bool
    old_active: bool
    new: bool
    old: bool
    old_first: bool
    right: bool

    @property
    def outcome(self) -> str:
        """One of ``OUTCOMES``."""
        if self.new:
            if self.right:
                return BOTH if self.old else ONLY_NEW
            return MISCHOSEN if self.old else MISREAD
        return NOT_RETRIEVED if self.stored else NOT_STORED


@dataclass(frozen=True, slots=True)
class Shares:
    """Shares (0 to 1) over ``n`` probes of one kind; 0.0 of none."""

    n: int
    stored: float
    old_active: float
    new: float
    old: float
    both: float
    old_first: float
    right: float
    outcomes: Mapping[str, int]

    @classmethod
    def of(cls, found: Sequence[Audited]) -> Shares:
        """Count."""
        n = len(found)

        def share(held: Iterable[bool]) -> float:
            return sum(held) / n if n else 0.0

        return cls(
            n,
            share(a.stored for a in found),
            share(a.old_active for a in found),
            share(a.new for a in found),
            share(a.old for a in found),
            share(a.new and a.old for a in found),
            share(a.old_first for a in found),
            share(a.right for a in found),
            Counter(a.outcome for a in found),
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        names = ("stored", "old_active", "new", "old", "both", "old_first", "right")
        shares = {name: round(getattr(self, name), 4) for name in names}
        return {"n": self.n} | shares | {"outcomes": {o: self.outcomes[o] for o in OUTCOMES if o in self.outcomes}}


@dataclass(frozen=True, slots=True)
class LaneAudit:
    """A lane's probes with a known history in one session, conflicted and not."""

    lane: LaneRow
    session: str
    probes: tuple[Audited, ...]

    @property
    def conflicted(self) -> Shares:
        """Probes about something that has changed."""
        return Shares.of([a for a in self.probes if a.conflicted])

    @property
    def unchanged(self) -> Shares:
        """Probes about something that was told once."""
        return Shares.of([a for a in self.probes if not a.conflicted])

    def to_json(self) -> dict[str, Any]:
        """The stable shape in ``mnemoscope score --audit --json``."""
        shares = {"conflicted": self.conflicted.to_json(), "unchanged": self.unchanged.to_json()}
        return {"lane": self.lane.name, "session": self.session} | shares


def audit(reader: TraceReader, session: int | None = None) -> tuple[LaneAudit, ...]:
    """Every lane of the sessions (or of one) that have probes with a known history; probes count once scored."""
    index, found = TraceIndex.of(reader), []
    numbers = [session] if session is not None else list(reader.session_names())
    for number in numbers:
        whole = index.session(number)
        known = {p.id: _Versions.of(p, whole) for p in whole.probes if p.evidence and STALE in p.extra}
        for row in index.lanes if known else ():
            probes = tuple(_lane(index, number, row.id, whole, known))
            found.append(LaneAudit(row, whole.name, probes))
    return tuple(found)


def audited(reader: TraceReader, session: int, lane: int, probe: Probe) -> Audited | None:
    """The audit of one probe in one lane; None where the session does not know its history, or it was not scored."""
    if not probe.evidence or STALE not in probe.extra:
        return None
    index = TraceIndex.of(reader)
    known = {probe.id: _Versions.of(probe, index.session(session))}
    kinds = (Kind.RECALLED, Kind.PACKED, Kind.SCORED)
    events = [e for e in reader.events(session, lane, subject=probe.id) if e.kind in kinds and e.seq <= index.seq]
    return next(iter(_of(index, session, lane, [probe], known, events)), None)


@dataclass(frozen=True, slots=True)
class _Versions:
    """The turns of the new and of older versions, and the words by which a text shows which of them it says."""

    new_turns: frozenset[int]
    old_turns: frozenset[int]
    new_words: str
    old_words: tuple[str, ...]

    @classmethod
    def of(cls, probe: Probe, session: Session) -> _Versions:
        newest, given = max(probe.evidence), probe.extra[STALE]
        new, stale = session.turns[newest].text, list(given) if isinstance(given, list | tuple) else []
        places = [t for t in stale if type(t) is int and 0 <= t < len(session.turns)]
        values = [words for value in stale if isinstance(value, str) and (words := _plain(value))]
        tails = [_apart(new, session.turns[t].text) for t in places]
        told = [t.index for t in session.turns[:newest] if any(f" {v} " in f" {_plain(t.text)} " for v in values)]
        return cls(
            frozenset(probe.evidence),
            frozenset((*places, *told)),
            min((tail[0] for tail in tails), key=len, default=_plain(probe.gold[0] if probe.gold else new)),
            (*(tail[1] for tail in tails), *values),
        )

    def says_new(self, turns: Iterable[int], text: str) -> bool:
        return not self.new_turns.isdisjoint(turns) and self.new_words in _plain(text)

    def says_old(self, turns: Iterable[int], text: str) -> bool:
        plain = _plain(text)
        return not self.old_turns.isdisjoint(turns) and any(words in plain for words in self.old_words)


def _apart(new: str, old: str) -> tuple[str, str]:
    """The ends of two texts from the first word in which they differ."""
    a, b = _plain(_bare(new)).split(), _plain(_bare(old)).split()
    same = next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    start = min(same, len(a) - 1, len(b) - 1)
    return " ".join(a[start:]), " ".join(b[start:])


def _bare(text: str) -> str:
    return re.sub(r"^\d+\.\s+", "", text)


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


def _lane(
    index: TraceIndex, number: int, lane: int, session: Session, known: Mapping[str, _Versions]
) -> Iterable[Audited]:
    events = list(index.reader.events(number, lane, (Kind.RECALLED, Kind.PACKED, Kind.SCORED), up_to_seq=index.seq))
    return _of(index, number, lane, session.probes, known, events)


def _of(
    index: TraceIndex,
    number: int,
    lane: int,
    probes: Iterable[Probe],
    known: Mapping[str, _Versions],
    events: Sequence[Event],
) -> Iterable[Audited]:
    recalled = {e.subject: e for e in events if e.kind == Kind.RECALLED}
    packed = {e.subject: e for e in events if e.kind == Kind.PACKED}
    scored = {e.subject: e for e in events if e.kind == Kind.SCORED}
    for probe in probes:
        if probe.id in known and probe.id in scored:
            state = index.state(number, lane, probe.after)
            read = _read(recalled.get(probe.id), packed.get(probe.id))
            yield _audited(probe, known[probe.id], state, read, bool(scored[probe.id].payload["correct"]))


def _read(recalled: Event | None, packed: Event | None) -> list[tuple[tuple[int, ...], str]]:
    """Turns and text of what was returned, best first; of the context's spans for a lane that scores no candidates."""
    hits = [h for h in recalled.payload["hits"] if h["returned"]] if recalled else []
    if hits:
        return [(tuple(h["turns"]), h["text"]) for h in sorted(hits, key=lambda h: h["rank"])]
    spans = packed.payload["spans"] if packed else []
    return [(tuple(s["turns"]), s["text"]) for s in spans if s["kind"] not in FIXED]


def _audited(
    probe: Probe, known: _Versions, state: MemoryState, read: Sequence[tuple[tuple[int, ...], str]], right: bool
) -> Audited:
    active = state.active()
    new = [n for n, (turns, text) in enumerate(read) if known.says_new(turns, text)]
    old = [n for n, (turns, text) in enumerate(read) if known.says_old(turns, text)]
    return Audited(
        probe.id,
        bool(known.old_turns),
        any(known.says_new(i.turns, i.text) for i in active),
        any(known.says_old(i.turns, i.text) for i in active),
        bool(new),
        bool(old),
        bool(old) and (not new or old[0] < new[0]),
        right,
    )
