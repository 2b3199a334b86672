"""One turn followed through every lane: what was made of it, what became of that, which questions it reached."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.projections.index import TraceIndex
from workbench.trace.reader import LaneRow, TraceReader
from workbench.why.provenance import Story, story

STORED, KEPT, RETRIEVED, PACKED, RIGHT = "stored", "kept", "retrieved", "packed", "right"


@dataclass(frozen=True, slots=True)
class LaneThread:
    """The thread of the turn in one lane.

    Attributes:
        place: of the lane in the run, from 0.
        end: the last turn at which the lane still held something that came from it, be it only to be read later; the
            followed turn itself where nothing was made of it.
        lost: whether it holds nothing of it any more (or never did): its items are gone, or say something else.
    """

    lane: LaneRow
    place: int
    story: Story
    end: int
    lost: bool

    @property
    def turns(self) -> frozenset[int]:
        """Turns at which something happened to it."""
        return frozenset(step.turn for step in self.story.steps)

    def count(self, stage: str, held: bool | None = None) -> int:
        """How many of its steps are of a stage; of those that held it, or did not, when asked."""
        return sum(s.stage == stage and held in (None, s.held) for s in self.story.steps)


@dataclass(frozen=True, slots=True)
class Thread:
    """A turn of a session, followed."""

    session: int
    turn: int
    said: str
    lanes: tuple[LaneThread, ...]

    def of(self, lane: int) -> LaneThread | None:
        """The thread in a lane."""
        return next((one for one in self.lanes if one.lane.id == lane), None)


def thread(reader: TraceReader, session: int, turn: int) -> Thread:
    """Follow a turn through every lane of the run, to the end of the trace."""
    index = TraceIndex.of(reader)
    turns = index.session(session).turns
    said = turns[turn].said if 0 <= turn < len(turns) else ""
    found = []
    for place, row in enumerate(index.lanes):
        told = story(reader, session, row.id, turn)
        end = told.until if told.lost else reader.last_turn(session, row.id)
        found.append(LaneThread(row, place, told, end, told.lost))
    return Thread(session, turn, said, tuple(found))
