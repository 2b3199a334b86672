"""What many projections need at every cursor: a lane's state at a turn, and the events of a turn, without reading all.

The index belongs to one reader (and so to one thread) and follows a trace that is still being written.
"""

from __future__ import annotations

import weakref
from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, ClassVar

from workbench.memory.items import MemoryState
from workbench.sessions.model import Session
from workbench.trace.events import OPERATIONS, Event
from workbench.trace.reader import LaneRow, TraceReader

EVERY = 50
"""Turns between two checkpoints of a lane's state."""
_KEPT_STATES = 24
_KEPT_TURNS = 512


@dataclass
class _LaneFold:
    """A lane's operations so far, and copies of its state at regular turns."""

    operations: list[Event] = field(default_factory=list)
    turns: list[int] = field(default_factory=list)  # of each operation, never falling
    # (how many operations are in it, the state)
    checkpoints: list[tuple[int, MemoryState]] = field(default_factory=lambda: [(0, MemoryState())])
    held: list[int] = field(default_factory=lambda: [0])  # active items after so many operations
    linked: list[int] = field(default_factory=lambda: [0])  # links after so many operations
    seq: int = 0  # how far the trace was read


class TraceIndex:
    """Cheap access to any turn of a trace.

    States that are handed out are shared: read them, never apply events to them.
    """

    _of: ClassVar[weakref.WeakKeyDictionary[TraceReader, TraceIndex]] = weakref.WeakKeyDictionary()

    def __init__(self, reader: TraceReader) -> None:
        self.reader = weakref.proxy(reader)  # the index is kept beside the reader and must not keep it alive
        self._folds: dict[tuple[int, int], _LaneFold] = {}
        self._states: OrderedDict[tuple[int, int, int], MemoryState] = OrderedDict()
        self._events: OrderedDict[tuple[int, int, int], tuple[Event, ...]] = OrderedDict()
        self._lanes: tuple[LaneRow, ...] = ()
        self.memo: dict[Any, Any] = {}
        """For projections that add to what they answered before; they say themselves up to which ``seq`` it holds."""
        self.seq = 0
        self.refresh()

    @classmethod
    def of(cls, reader: TraceReader) -> TraceIndex:
        """The index of this reader, made on the first call."""
        if reader not in cls._of:
            cls._of[reader] = cls(reader)
        return cls._of[reader]

    def refresh(self) -> bool:
        """Take in what was written since; True when there was anything. A finished trace costs one look at its end."""
        seq = self.reader.last_seq()
        if seq == self.seq and self._lanes:
            return False
        grown = self._grown() if self.seq else []
        for key in grown:
            self._events.pop(key, None)
        since = {key[:2]: key[2] for key in sorted(grown, reverse=True)}  # the first turn that grew, per lane
        for state in [k for k in self._states if k[:2] in since and k[2] >= since[k[:2]]]:
            del self._states[state]
        self.seq = seq
        self._lanes = self.reader.lanes()
        return True

    def _grown(self) -> list[tuple[Any, ...]]:
        return list(self.reader.query("SELECT DISTINCT session, lane, turn FROM event WHERE seq > ?", (self.seq,)))

    @property
    def lanes(self) -> tuple[LaneRow, ...]:
        """Every lane of the run, in the order in which they take colours and shapes."""
        return self._lanes

    def session(self, session: int) -> Session:
        """The session, whole."""
        found: Session = self.reader.session(session)
        return found

    def turns(self, session: int) -> int:
        """How many turns the session has."""
        return len(self.session(session).turns)

    def events(self, session: int, lane: int, turn: int) -> tuple[Event, ...]:
        """The events of one turn of a lane (its probes included), in order."""
        key = (session, lane, turn)
        if key not in self._events:
            self._events[key] = tuple(self.reader.events(session, lane, turns=(turn, turn), up_to_seq=self.seq))
            if len(self._events) > _KEPT_TURNS:
                self._events.popitem(last=False)
        return self._events[key]

    def bring(self, session: int, turn: int) -> None:
        """Read the turn's events of all lanes at once, for whoever asks for one lane after the other."""
        wanted = [row.id for row in self._lanes if (session, row.id, turn) not in self._events]
        if len(wanted) < 2:
            return
        found: dict[int, list[Event]] = {lane: [] for lane in wanted}
        for event in self.reader.events(session, wanted, turns=(turn, turn), up_to_seq=self.seq):
            found[event.lane].append(event)
        for lane, events in found.items():
            self._events[session, lane, turn] = tuple(events)
        while len(self._events) > _KEPT_TURNS:
            self._events.popitem(last=False)

    def state(self, session: int, lane: int, turn: int, up_to_seq: int | None = None) -> MemoryState:
        """The lane's items and links after ``turn``, or after the event ``up_to_seq`` within it. Shared: read only."""
        if up_to_seq is not None:
            return self._state_at(session, lane, turn, up_to_seq)
        key = (session, lane, turn)
        if key not in self._states:
            self._states[key] = self._state_at(session, lane, turn, self.seq)
            if len(self._states) > _KEPT_STATES:
                self._states.popitem(last=False)
        self._states.move_to_end(key)
        return self._states[key]

    def counts(self, session: int, lane: int, turn: int, up_to_seq: int | None = None) -> tuple[int, int]:
        """How many active items and links the lane has after ``turn``, or after the event ``up_to_seq`` within it."""
        fold = self._fold(session, lane)
        end = self._end(fold, turn, self.seq if up_to_seq is None else up_to_seq)
        return fold.held[end], fold.linked[end]

    def operations(self, session: int, lane: int, up_to_turn: int | None = None) -> list[Event]:
        """The operations of a lane, in order, up to and with ``up_to_turn``."""
        fold = self._fold(session, lane)
        return fold.operations if up_to_turn is None else fold.operations[: bisect_right(fold.turns, up_to_turn)]

    def _state_at(self, session: int, lane: int, turn: int, seq: int) -> MemoryState:
        fold = self._fold(session, lane)
        end = self._end(fold, turn, seq)
        place = bisect_right(fold.checkpoints, end, key=lambda c: c[0]) - 1
        start, state = fold.checkpoints[place]
        state = state.copy()
        for event in fold.operations[start:end]:
            state.apply(event)
        return state

    @staticmethod
    def _end(fold: _LaneFold, turn: int, seq: int) -> int:
        end = bisect_right(fold.turns, turn)
        while end and fold.operations[end - 1].seq > seq:
            end -= 1
        return end

    def _fold(self, session: int, lane: int) -> _LaneFold:
        fold = self._folds.setdefault((session, lane), _LaneFold())
        if fold.seq < self.seq:
            self._read(fold, session, lane)
        return fold

    def _read(self, fold: _LaneFold, session: int, lane: int) -> None:
        done, state = fold.checkpoints[-1]
        state = state.copy()
        for event in fold.operations[done:]:
            state.apply(event)
        last = fold.operations[done - 1].turn if done else -1
        for event in self.reader.events(session, lane, OPERATIONS, after_seq=fold.seq, up_to_seq=self.seq):
            if event.turn - last >= EVERY:
                fold.checkpoints.append((len(fold.operations), state.copy()))
                last = event.turn
            before = event.subject in state and state[event.subject].active
            state.apply(event)
            fold.operations.append(event)
            fold.turns.append(event.turn)
            fold.held.append(fold.held[-1] + (event.subject in state and state[event.subject].active) - before)
            fold.linked.append(len(state.links))
        fold.seq = self.seq
