"""A moment: all that decides what a panel shows, beside the trace and the panel's own options."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Moment:
    """Where the cursor stands and what is selected.

    Attributes:
        session: number of the session in the run file; 0 while nothing is open.
        turn: index of the turn; the state shown is the one after it. -1 stands before the first.
        seq: the event within the turn when playback steps by events; None for the whole turn.
        lane: number of the selected lane; 0 for none.
        item, probe: ids, empty for none. The probe belongs to the session, the item to the lane.
        token: index of an answer token, None for none.
        pinned: the probe stays in question wherever the cursor goes.
        thread: the turn that is followed through every lane, None for none.
    """

    session: int = 0
    turn: int = -1
    seq: int | None = None
    lane: int = 0
    item: str = ""
    probe: str = ""
    token: int | None = None
    pinned: bool = False
    thread: int | None = None

    def but(self, **changes: Any) -> Moment:
        """The moment with some fields changed."""
        return replace(self, **changes)
