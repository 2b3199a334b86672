"""What every item said, and from when to when: its versions, read from a lane's operations."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from workbench.trace.events import Event, Kind

ENDS = (Kind.SUPERSEDED, Kind.MERGED, Kind.DELETED, Kind.EVICTED)


@dataclass(frozen=True, slots=True)
class Version:
    """What an item said from one operation on.

    Attributes:
        began: the operation that wrote, changed or restored it.
        ended: the operation that changed its text or took it away; None while it lasts.
        turns: the turns that it came from.
        values: text, index_text, turns and the fields that the operations so far gave it.
    """

    item: str
    text: str
    turns: tuple[int, ...]
    began: Event
    ended: Event | None
    values: dict[str, Any]

    def alive(self, seq: int) -> bool:
        """Whether it was there, and could be retrieved, after the event ``seq``."""
        return self.began.seq <= seq and (self.ended is None or self.ended.seq > seq)


def versions(operations: Iterable[Event]) -> tuple[Version, ...]:
    """The versions of all items, in the order in which they began."""
    found: list[Version] = []
    last: dict[str, int] = {}
    for event in operations:
        if event.kind == Kind.WRITTEN:
            last[event.subject] = len(found)
            found.append(_first(event))
        elif event.subject in last:
            _next(event, found, last)
    return tuple(found)


def _first(event: Event) -> Version:
    data = event.payload
    values = {k: data.get(k, "") for k in ("kind", "text", "turns", "index_text", "when")}
    values |= dict(data.get("fields", {}))
    return Version(event.subject, data["text"], tuple(data["turns"]), event, None, values)


def _next(event: Event, found: list[Version], last: dict[str, int]) -> None:
    at = last[event.subject]
    now = found[at]
    if event.kind in ENDS and now.ended is None:
        found[at] = replace(now, ended=event)
    elif event.kind == Kind.RESTORED and now.ended is not None:
        last[event.subject] = len(found)
        found.append(replace(now, began=event, ended=None))
    elif event.kind == Kind.UPDATED:
        _updated(event, found, last)


def _updated(event: Event, found: list[Version], last: dict[str, int]) -> None:
    at = last[event.subject]
    now = found[at]
    values = now.values | {name: new for name, (_, new) in event.payload["changes"].items()}
    turns = tuple(values["turns"])
    if values["text"] == now.text:
        found[at] = replace(now, turns=turns, values=values)
        return
    if now.ended is None:
        found[at] = replace(now, ended=event)
    last[event.subject] = len(found)
    ended = now.ended  # a text that is changed while the item is away stays away
    found.append(Version(event.subject, values["text"], turns, event, ended, values))
