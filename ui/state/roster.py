"""Which lanes are on show and in which order: hidden, moved, pinned, alone. The run file knows nothing of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Signal

_KEPT = 100
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Arrangement:
    """How lanes are arranged, by their names, which a run file has once each.

    Attributes:
        order: names as far as they were moved; lanes that are not named follow in the order of the run.
        hidden: not on show.
        pinned: first, and on show whatever is alone.
        alone: the selected lane alone is on show, beside the pinned ones.
    """

    order: tuple[str, ...] = ()
    hidden: frozenset[str] = frozenset()
    pinned: frozenset[str] = frozenset()
    alone: bool = False

    def row(self) -> dict[str, Any]:
        """As plain JSON."""
        return {
            "order": list(self.order),
            "hidden": sorted(self.hidden),
            "pinned": sorted(self.pinned),
            "alone": self.alone,
        }

    @classmethod
    def of(cls, row: Any) -> Arrangement:
        """From plain JSON; what is damaged counts as not arranged."""
        if not isinstance(row, Mapping):
            return cls()
        order, hidden, pinned = (
            [n for n in row.get(key, ()) if isinstance(n, str)] if isinstance(row.get(key), list) else []
            for key in ("order", "hidden", "pinned")
        )
        return cls(tuple(dict.fromkeys(order)), frozenset(hidden), frozenset(pinned), row.get("alone") is True)


class Roster(QObject):
    """The arrangement of the open run's lanes, with undo. At least one lane is always on show.

    Signals:
        changed: other lanes are on show, or they stand in another order.
        kept: the arrangement itself has changed (and not only which lane is selected): for whoever keeps it.
    """

    changed = Signal()
    kept = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.now = Arrangement()
        self._undo: list[Arrangement] = []
        self._lanes: dict[int, str] = {}
        self._lane = 0
        self._before: tuple[int, ...] = ()

    # What the workspace calls.

    def open(self, lanes: Mapping[int, str], kept: Arrangement | None = None) -> None:
        """Another run: its lanes, name by number, in the order of the run."""
        self._lanes, self._undo, self.now = dict(lanes), [], kept or Arrangement()
        if not self._visible():
            self.now = replace(self.now, hidden=frozenset())
        self._tell()

    def grew(self, lanes: Mapping[int, str]) -> None:
        """The run may have new lanes; they are on show."""
        if dict(lanes) != self._lanes:
            self._lanes = dict(lanes)
            self._tell()

    def select(self, lane: int) -> None:
        """This lane is selected; a hidden one is on show again."""
        self._lane = lane
        if self._lanes.get(lane) in self.now.hidden:
            self.show(lane)
        else:
            self._tell()

    # What is on show.

    def ordered(self) -> tuple[int, ...]:
        """Every lane, the pinned ones first."""
        place = {name: n for n, name in enumerate(self.now.order)}
        run = {lane: n for n, lane in enumerate(self._lanes)}

        def key(lane: int) -> tuple[bool, int, int]:
            name = self._lanes[lane]
            return name not in self.now.pinned, place.get(name, len(place)), run[lane]

        return tuple(sorted(self._lanes, key=key))

    def shown(self) -> tuple[int, ...]:
        """The lanes on show, in order."""
        visible = self._visible()
        if not self.now.alone or self._lane not in visible:
            return visible
        return tuple(lane for lane in visible if lane == self._lane or self.pinned(lane))

    def steps(self) -> tuple[int, ...]:
        """The lanes that one steps through: those on show, and those that only one alone keeps off."""
        return self._visible()

    def nearest(self, lane: int) -> int:
        """The lane itself where it is on show, else the next one that is, else the one before; 0 for none."""
        shown, order = self.shown(), self.ordered()
        if lane in shown or not shown:
            return lane if lane in shown else 0
        after = order[order.index(lane) :] if lane in order else ()
        return next((other for other in after if other in shown), shown[-1])

    def hidden(self) -> tuple[str, ...]:
        """Names of the lanes that are not on show."""
        shown = set(self.shown())
        return tuple(self._lanes[lane] for lane in self.ordered() if lane not in shown)

    def pinned(self, lane: int) -> bool:
        """Whether a lane is pinned."""
        return self._lanes.get(lane) in self.now.pinned

    def arrange(self, things: Iterable[T], lane: Callable[[T], int]) -> tuple[T, ...]:
        """What belongs to lanes that are on show, in their order; ``lane`` says which one a thing belongs to.

        Things of lanes that the roster does not know (a view of a run that has grown) follow.
        """
        place = {number: n for n, number in enumerate(self.shown())}
        kept = [thing for thing in things if lane(thing) in place or lane(thing) not in self._lanes]
        return tuple(sorted(kept, key=lambda thing: place.get(lane(thing), len(place))))

    # Changing it.

    def hide(self, lane: int) -> bool:
        """Take a lane off; whether it was done: the last one stays."""
        rest = [other for other in self._visible() if other != lane]
        if not rest or lane not in self._visible():
            return False
        self._change(hidden=self.now.hidden | {self._lanes[lane]})
        return True

    def show(self, lane: int) -> None:
        """Show a hidden lane again."""
        self._change(hidden=self.now.hidden - {self._lanes[lane]})

    def show_all(self) -> None:
        """Show every lane."""
        self._change(hidden=frozenset(), alone=False)

    def pin(self, lane: int) -> None:
        """Have a lane stand first whatever else is on show, or no longer."""
        if lane in self._lanes:
            self._change(pinned=self.now.pinned ^ {self._lanes[lane]})

    def set_alone(self, alone: bool) -> None:
        """Show the selected lane alone, beside the pinned ones."""
        self._change(alone=alone)

    def move(self, lane: int, steps: int) -> bool:
        """Move a lane past its neighbours on show; whether it moved. Pinned ones stay before the others."""
        peers = [other for other in self._visible() if self.pinned(other) == self.pinned(lane)]
        if lane not in peers:
            return False
        place = min(max(peers.index(lane) + steps, 0), len(peers) - 1)
        return place != peers.index(lane) and self.put(lane, peers[place])

    def put(self, lane: int, at: int) -> bool:
        """Put a lane where another one stands, which makes room; whether anything moved."""
        order = list(self.ordered())
        if lane == at or lane not in order or at not in order or self.pinned(lane) != self.pinned(at):
            return False
        place = order.index(at)
        order.remove(lane)
        order.insert(place, lane)
        self._change(order=tuple(self._lanes[number] for number in order))
        return True

    def show_only(self, names: Sequence[str]) -> None:
        """Have these lanes on show in this order; without any that the run has, every lane as the run has them."""
        known = set(self._lanes.values())
        order = tuple(name for name in names if name in known)
        hidden = frozenset(known - set(order)) if order else frozenset()
        self._change(order=order, hidden=hidden, pinned=self.now.pinned if order else frozenset(), alone=False)

    def put_back(self, before: Arrangement) -> None:
        """As it was arranged before; it is a step of its own."""
        self._change(order=before.order, hidden=before.hidden, pinned=before.pinned, alone=before.alone)

    def reset(self) -> None:
        """As the run has it: every lane, in its order."""
        self._change(order=(), hidden=frozenset(), pinned=frozenset(), alone=False)

    @property
    def arranged(self) -> bool:
        """Whether anything differs from how the run has it."""
        return self.now != Arrangement()

    @property
    def can_undo(self) -> bool:
        """Whether there is something to take back."""
        return bool(self._undo)

    def undo(self) -> None:
        """Take back the last change."""
        if self._undo:
            self.now = self._undo.pop()
            self._tell()
            self.kept.emit()

    def _change(self, **changes: Any) -> None:
        new = replace(self.now, **changes)
        if new != self.now:
            self._undo = [*self._undo[-_KEPT + 1 :], self.now]
            self.now = new
            self._tell()
            self.kept.emit()

    def _visible(self) -> tuple[int, ...]:
        return tuple(lane for lane in self.ordered() if self._lanes[lane] not in self.now.hidden)

    def _tell(self) -> None:
        now = (*self.shown(), -1, *(lane for lane in self._lanes if self.pinned(lane)))
        if now != self._before:
            self._before = now
            self.changed.emit()
