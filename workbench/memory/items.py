"""Items and the fold: the state of every memory is what its operations add up to."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from workbench.trace.events import Event, Kind

ACTIVE, SUPERSEDED, MERGED, DELETED, EVICTED = "active", "superseded", "merged", "deleted", "evicted"
_SHORT = 32  # characters of a text that is probably a word, a name or a date
_NO_FIELDS: Mapping[str, Any] = {}  # one for all: a long run has a hundred thousand items without any
_ENDED = {Kind.SUPERSEDED: SUPERSEDED, Kind.MERGED: MERGED, Kind.DELETED: DELETED, Kind.EVICTED: EVICTED}


@dataclass(frozen=True, slots=True)
class Item:
    """One thing a memory holds.

    Attributes:
        id: unique within the lane, e.g. ``note-12``.
        kind: the method's own word: ``turn``, ``note``, ``fact``, ``thought``, ``segment`` ...
        text: what a model would read.
        turns: indexes of the turns it came from; never empty for an item that a turn brought about.
        fields: the method's other fields (keywords, tags, tier, heat ...), plain JSON.
        index_text: the text whose vector is in the index; differs from what ``text`` and ``fields`` say when the
            method does not re-embed after a change (a stale vector). Empty when the item is not indexed.
        status: ``active``, ``superseded``, ``merged``, ``deleted`` or ``evicted``.
        created, changed: turns of the first and of the last change.
        accessed: how often it was retrieved.
        successor: the item that superseded or absorbed it.
        when: when the last of its turns was said, in words; empty when the session does not tell.
    """

    id: str
    kind: str
    text: str
    turns: tuple[int, ...]
    fields: Mapping[str, Any] = field(default_factory=dict)
    index_text: str = ""
    status: str = ACTIVE
    created: int = -1
    changed: int = -1
    accessed: int = 0
    successor: str = ""
    when: str = ""

    @property
    def active(self) -> bool:
        """Whether it can be retrieved."""
        return self.status == ACTIVE


@dataclass(frozen=True, slots=True)
class Link:
    """A link between two items, as the method labels and weighs it."""

    source: str
    target: str
    label: str = ""
    weight: float = 1.0
    turn: int = -1


class MemoryState:
    """The fold of a lane's operations, in the order they happened. Mutable only through ``apply``.

    ``held`` counts the active items, ``version`` the operations.
    """

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self.items: dict[str, Item] = {}
        self.links: dict[tuple[str, str, str], Link] = {}
        self.version = 0
        self.held = 0
        self._kinds: Counter[str] = Counter()
        self._ties: dict[
            str, tuple[tuple[str, str, str], ...]
        ] = {}  # keys of an item's links, in the order of ``links``
        self._alive: dict[str, Item] | None = None  # the active items, in the order of ``items``; None while all are
        for event in events:
            self.apply(event)

    def __getitem__(self, item: str) -> Item:
        return self.items[item]

    def __contains__(self, item: object) -> bool:
        return item in self.items

    def __len__(self) -> int:
        return len(self.items)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MemoryState) and self.items == other.items and self.links == other.links

    __hash__ = None  # type: ignore[assignment]

    def copy(self) -> MemoryState:
        """A state that can go on by itself; items and links are frozen and shared."""
        copy = MemoryState()
        copy.items, copy.links, copy.version = dict(self.items), dict(self.links), self.version
        copy.held, copy._kinds, copy._ties = self.held, Counter(self._kinds), dict(self._ties)
        copy._alive = None if self._alive is None else dict(self._alive)
        return copy

    def active(self, *kinds: str) -> list[Item]:
        """The items that can be retrieved, oldest first; only these kinds when given."""
        alive = (self.items if self._alive is None else self._alive).values()
        return [i for i in alive if i.kind in kinds] if kinds else [*alive]

    def ties(self, item: str) -> list[Link]:
        """The links from and to an item, in the order in which they were made; quick however many there are."""
        return [self.links[key] for key in self._ties.get(item, ())]

    def neighbours(self, item: str) -> Iterator[tuple[Item, Link]]:
        """Items that ``item`` links to or that link to it, with the link."""
        for link in self.ties(item):
            other = link.target if link.source == item else link.source
            if other in self.items:
                yield self.items[other], link

    def apply(self, event: Event) -> None:
        """Take in one event; kinds that are no operations change nothing."""
        handler = _HANDLERS.get(event.kind)
        if handler is not None:
            new = event.subject not in self.items
            self._tally(event.subject, -1)
            handler(self, event)
            self._tally(event.subject, 1)
            self._keep_order(event.subject, new)
            self.version += 1

    def _tally(self, item: str, by: int) -> None:
        """Keep count of active items and of kinds, so that a turn costs the same however many items there are."""
        known = self.items.get(item)
        if known is not None:
            self.held += by * known.active
            self._kinds[known.kind] += by

    def _keep_order(self, item: str, new: bool) -> None:
        """Know the active items, so that a lane that forgets takes no longer the more it has forgotten."""
        known = self.items.get(item)
        if self._alive is None:
            if known is not None and not known.active:
                self._order()
        elif known is None or not known.active:
            self._alive.pop(item, None)
        elif new or item in self._alive:
            self._alive[item] = known
        else:  # it comes back to its place, which is rare
            self._order()

    def _order(self) -> None:
        self._alive = {name: other for name, other in self.items.items() if other.active}

    def settle(self, item: str) -> None:
        """Put an item where it would stand had it been written at its turn: methods show items in that order."""
        new = self.items.pop(item)
        later = [name for name, old in self.items.items() if old.created > new.created]
        held = {name: self.items.pop(name) for name in later}
        self.items |= {item: new, **held}
        self._order()

    def of_kind(self, kind: str) -> int:
        """How many items there are of a kind, active or not."""
        return self._kinds[kind]

    def _change(self, event: Event, **values: Any) -> None:
        self.items[event.subject] = replace(self.items[event.subject], changed=event.turn, **values)

    def _written(self, event: Event) -> None:
        data = event.payload
        item = _one(
            Item(
                event.subject,
                data["kind"],
                data["text"],
                tuple(data["turns"]),
                _lean(dict(data.get("fields", {}))) or _NO_FIELDS,
                data.get("index_text", ""),
                created=event.turn,
                changed=event.turn,
                when=data.get("when", ""),
            )
        )
        self.items[item.id] = item

    def _updated(self, event: Event) -> None:
        own: dict[str, Any] = {}
        fields = dict(self.items[event.subject].fields)
        for name, (_, new) in event.payload["changes"].items():
            if name in ("text", "index_text", "kind", "when"):
                if not isinstance(new, str):
                    raise TypeError(f"{name} of {event.subject[:60]} is no text but {type(new).__name__}")
                own[name] = new
            elif name == "turns":
                own[name] = tuple(new)
            else:
                fields[name] = new
        self._change(event, fields=fields, **own)

    def _ended(self, event: Event) -> None:
        successor = event.payload.get("by") or event.payload.get("into") or ""
        self._change(event, status=_ENDED[Kind(event.kind)], successor=successor)

    def _restored(self, event: Event) -> None:
        self._change(event, status=ACTIVE, successor="")

    def _accessed(self, event: Event) -> None:
        item = self.items[event.subject]
        self.items[event.subject] = replace(item, accessed=item.accessed + 1)

    def _linked(self, event: Event) -> None:
        data = event.payload
        key = (event.subject, data["to"], data.get("label", ""))
        if key not in self.links:
            for end in {*key[:2]}:
                self._ties[end] = (*self._ties.get(end, ()), key)
        self.links[key] = Link(*key, float(data.get("weight", 1.0)), event.turn)

    def _unlinked(self, event: Event) -> None:
        key = (event.subject, event.payload["to"], event.payload.get("label", ""))
        if self.links.pop(key, None) is not None:
            for end in {*key[:2]}:
                self._ties[end] = tuple(other for other in self._ties[end] if other != key)


_RECENT = 256
_recent: dict[tuple[str, int], Item] = {}


def _one(item: Item) -> Item:
    """The same item where another lane has just written an equal one: lanes that store every turn store it once."""
    known = _recent.pop((item.id, item.created), item)
    item = known if known == item else item
    _recent[item.id, item.created] = item
    if len(_recent) > _RECENT:
        del _recent[next(iter(_recent))]
    return item


def _lean(fields: dict[str, Any]) -> dict[str, Any]:
    """Fields whose short texts, which are often the same, are in memory once."""
    return {name: _interned(value) for name, value in fields.items()}


def _interned(value: Any) -> Any:
    if type(value) is str:
        return sys.intern(value) if len(value) < _SHORT else value
    return [_interned(entry) for entry in value] if type(value) is list else value


_HANDLERS: dict[str, Callable[[MemoryState, Event], None]] = {
    Kind.WRITTEN: MemoryState._written,
    Kind.UPDATED: MemoryState._updated,
    **dict.fromkeys(_ENDED, MemoryState._ended),
    Kind.RESTORED: MemoryState._restored,
    Kind.ACCESSED: MemoryState._accessed,
    Kind.LINKED: MemoryState._linked,
    Kind.UNLINKED: MemoryState._unlinked,
}
