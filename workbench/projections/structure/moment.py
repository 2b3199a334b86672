"""Where a shape of a memory looks: what the lane's data offers, and the lane at the cursor."""

from __future__ import annotations

from dataclasses import dataclass, field

from workbench.memory.items import MemoryState
from workbench.projections.index import TraceIndex
from workbench.trace.events import Event, Kind


@dataclass
class Traits:
    """What the data of a lane offers, from all of its events so far.

    Attributes:
        fields: the names of fields that any item had, per kind.
        labels: of links.
        noted: every note of the strategy, in order.
        opened: the columns of a board, each with the turn of its first item.
        seq: up to where the trace was read.
    """

    fields: dict[str, set[str]] = field(default_factory=dict)
    labels: set[str] = field(default_factory=set)
    noted: list[Event] = field(default_factory=list)
    opened: dict[str, int] = field(default_factory=dict)
    done: int = 0
    seq: int = 0

    def has(self, *names: str) -> bool:
        """Whether some kind of item has all of these fields."""
        return any(known.issuperset(names) for known in self.fields.values())

    def kinds_with(self, name: str) -> int:
        """How many kinds of items have this field."""
        return sum(name in known for known in self.fields.values())

    def take(self, operations: list[Event], noted: list[Event], seq: int) -> None:
        """Take in what was written since."""
        for event in operations[self.done :]:
            if event.kind == Kind.WRITTEN:
                own = event.payload.get("fields", {})
                self.fields.setdefault(event.payload["kind"], set()).update(own)
                self.opened.setdefault(str(own.get("tier") or event.payload["kind"]), event.turn)
            elif event.kind == Kind.UPDATED:
                changes = event.payload["changes"]
                if "files" in changes:
                    self.fields.setdefault("", set()).add("files")
                if "tier" in changes:
                    self.opened.setdefault(str(changes["tier"][1]), event.turn)
            elif event.kind == Kind.LINKED:
                self.labels.add(event.payload.get("label", ""))
        self.done, self.seq = len(operations), seq
        self.noted += noted


@dataclass(frozen=True, slots=True)
class Moment:
    """Where a shape looks: the lane at the cursor, its state there (shared: read only) and what this turn did."""

    index: TraceIndex
    session: int
    lane: int
    turn: int
    seq: int | None
    state: MemoryState
    events: tuple[Event, ...]
    traits: Traits

    @property
    def limit(self) -> int:
        """The last event that counts."""
        return self.index.seq if self.seq is None else self.seq

    @property
    def operations(self) -> list[Event]:
        """The lane's operations up to the cursor."""
        found = self.index.operations(self.session, self.lane, self.turn)
        return found if self.seq is None else [e for e in found if e.seq <= self.limit]

    @property
    def notes(self) -> list[Event]:
        """What the strategy noted up to the cursor."""
        return [e for e in self.traits.noted if e.turn <= self.turn and e.seq <= self.limit]

    def param(self, name: str) -> int:
        """A parameter of the strategy as a number, 0 when it has none of that name."""
        row = next(row for row in self.index.lanes if row.id == self.lane)
        value = row.params.get(name, 0)
        return int(value) if isinstance(value, int | float) else 0
