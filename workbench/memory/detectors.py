"""Detectors: what goes wrong in memories, found in a lane's events without a model.

They follow what users of memory systems complain about (``reference/memory.md`` section 5 names the reports): silent
loss, stale vectors, links into nothing, contradictions side by side, deletions that leave a hole, loops, duplicates,
invented facts and days without a date. Text is compared by its words alone, so five of them are heuristics: *two
values*, *no replacement*, *unsupported*, *wrong subject* and *nothing stored*; ``tests/workbench/memory`` measures them
on a set labelled by hand.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from workbench.memory.attributes import Attributes, Clash
from workbench.memory.claims import Sources
from workbench.memory.items import Item, MemoryState
from workbench.sessions.model import Turn
from workbench.trace.events import Event, Kind

INVALID_OUTPUT = "invalid output"
INVENTED_ID = "invented id"
DROPPED = "dropped"
NOTHING_STORED = "nothing stored"
STALE_VECTOR = "stale vector"
DEAD_LINK = "dead link"
TWO_VALUES = "two values"
NO_REPLACEMENT = "no replacement"
REINGESTED = "re-ingested"
DUPLICATE = "duplicate"
UNSUPPORTED = "unsupported"
WRONG_SUBJECT = "wrong subject"
RELATIVE_DAY = "relative day"

_SAID = re.compile(r"[^:]{0,40}: ")

KINDS: dict[str, str] = {
    INVALID_OUTPUT: "A model's answer was cut off or had another shape; what it should have stored is lost",
    INVENTED_ID: "A model named an item or an option that does not exist",
    DROPPED: "Something was not stored for another reason",
    NOTHING_STORED: "No item comes from this turn when it ends",
    STALE_VECTOR: "The text changed and the vector did not: it is found by what it no longer says",
    DEAD_LINK: "A link leads to an item that was never there, deleted or evicted",
    TWO_VALUES: "Two active items say different values of what looks like one slot",
    NO_REPLACEMENT: "Deleted, and nothing written in the same turn speaks of the same",
    REINGESTED: "A memory that was recalled is stored again as if it were new",
    DUPLICATE: "Two active items of one kind say the same",
    UNSUPPORTED: "A model wrote a name, a number or a date that nobody said in the item's sitting",
    WRONG_SUBJECT: "A model wrote of one speaker what another said of themself",
    RELATIVE_DAY: "A stored sentence says a day like yesterday, which later means another one",
}
"""Every kind of finding and what it means."""

_LOOKED = 4000
"""Characters of an item's text that are looked at: several times what a model writes as one."""
_UNREADABLE = ("not in the schema", "cut off", "repetition", "malformed output")  # the last is of earlier versions


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a detector found.

    Attributes:
        turn: when.
        kind: one of ``KINDS``.
        item: the item it is about, empty when there is none.
        seq: the event that shows it (its place in the file).
        text: one line for people.
    """

    turn: int
    kind: str
    item: str
    seq: int
    text: str


def detect(events: Iterable[Event], turns: Sequence[Turn] = ()) -> list[Finding]:
    """All findings in the events of one lane on one session, in the order of the events that show them.

    ``turns`` are the session's; without them nothing is found to be unsupported.
    Of an item's texts the first 4,000 characters are looked at.
    Whatever a turn mends itself before it closes is not found. Events after the last closed turn are looked at as if
    it had closed.
    """
    sources = Sources(turns)
    watch = _Watch(sources, Attributes(sources))
    for event in events:
        watch.see(event)
    watch.close()
    return watch.findings


def counts(findings: Iterable[Finding]) -> dict[str, int]:
    """How often each kind was found, in the order of ``KINDS``; kinds that were not found are left out."""
    found = Counter(f.kind for f in findings)
    return {kind: found[kind] for kind in KINDS if found[kind]}


@dataclass
class _Watch:
    sources: Sources
    attributes: Attributes
    findings: list[Finding] = field(default_factory=list)
    state: MemoryState = field(default_factory=MemoryState)
    touched: dict[str, Event] = field(default_factory=dict)
    ended: dict[str, Event] = field(default_factory=dict)
    linked: list[Event] = field(default_factory=list)
    stale: dict[tuple[str, str], Event] = field(default_factory=dict)
    reported_calls: set[int] = field(default_factory=set)
    recalled: set[tuple[str, tuple[str, ...]]] = field(default_factory=set)
    by_words: defaultdict[tuple[str, tuple[str, ...]], dict[str, Item]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    same: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    paired: set[frozenset[tuple[str, str]]] = field(default_factory=set)

    def see(self, event: Event) -> None:
        event = _looked_at(event)
        self.state.apply(event)
        match event.kind:
            case Kind.MODEL_CALLED if event.payload.get("error"):
                self._invalid(event, event.n, f"{event.payload.get('purpose')}: {event.payload['error']}")
            case Kind.DROPPED:
                self._dropped(event)
            case Kind.WRITTEN:
                self.touched[event.subject] = event
            case Kind.UPDATED:
                self._updated(event)
            case Kind.SUPERSEDED if event.payload.get("by") in self.state:
                self.attributes.replaced(self.state[event.subject].text, self.state[event.payload["by"]].text)
            case Kind.DELETED | Kind.EVICTED:
                self.ended[event.subject] = event
            case Kind.LINKED:
                self.linked.append(event)
            case Kind.RECALLED:
                self._recalled(event)
            case Kind.TURN_CLOSED:
                self._nothing_stored(event)
                self.close()

    def close(self) -> None:
        """Look at what a turn left behind."""
        before = len(self.findings)
        for name, event in self.touched.items():
            if name in self.state and self.state[name].active:
                self._same(self.state[name], event)
                self._values(self.state[name], event)
                self._claims(self.state[name], event)
        self._stale()
        self._links()
        self._deleted()
        self.findings[before:] = sorted(self.findings[before:], key=lambda f: f.seq)
        self.touched, self.ended, self.linked, self.stale = {}, {}, [], {}

    def _add(self, event: Event, kind: str, item: str, text: str) -> None:
        self.findings.append(Finding(event.turn, kind, item, event.seq, " ".join(text.split())[:300]))

    def _invalid(self, event: Event, call: int, text: str) -> None:
        if call not in self.reported_calls:
            self._add(event, INVALID_OUTPUT, "", text)
        self.reported_calls.add(call)

    def _dropped(self, event: Event) -> None:
        reason, detail = str(event.payload.get("reason", "")), str(event.payload.get("detail", ""))
        if reason in _UNREADABLE:
            self._invalid(event, event.cause or -event.n, detail)
        elif reason == "invented id":
            self._add(event, INVENTED_ID, "", detail)
        else:
            self._add(event, DROPPED, "", f"{reason}: {detail}")

    def _updated(self, event: Event) -> None:
        changes: Mapping[str, Any] = event.payload["changes"]
        if "text" in changes:
            self.touched[event.subject] = event
            self.attributes.replaced(*changes["text"])
        elif "turns" in changes:
            self.touched.setdefault(event.subject, event)
        if "index_text" in changes:
            return
        for name, (old, _) in changes.items():
            if name != "turns" and any(len(part) > 2 for part in _strings(old)):
                self.stale.setdefault((event.subject, name), event)

    def _stale(self) -> None:
        for (subject, name), event in self.stale.items():
            item, old = self.state[subject], event.payload["changes"][name][0]
            now = item.text if name == "text" else item.fields.get(name)
            gone = [s for s in _strings(old) if len(s) > 2 and s in item.index_text and s not in _strings(now)]
            gone = [s for s in gone if not _said_elsewhere(s, item, name)]
            if gone and item.active:
                self._add(event, STALE_VECTOR, subject, f"{name} changed; the vector still says: {gone[0]}")

    def _recalled(self, event: Event) -> None:
        for hit in event.payload.get("hits", ()):
            if hit.get("returned") and hit["item"] in self.state:
                item = self.state[hit["item"]]
                self.recalled.add((item.kind, _words(item.text)))

    def _nothing_stored(self, event: Event) -> None:
        if event.payload.get("recorded"):
            return  # of a running agent only what it exports is seen
        if not any(event.turn in self.state[name].turns for name in self.touched) and self.sources.worth(event.turn):
            self._add(event, NOTHING_STORED, "", f"turn {event.turn} left nothing in the memory")

    def _same(self, item: Item, event: Event) -> None:
        key = (item.kind, _words(item.text))
        alike = self.by_words[key]
        known = self.same[item.id]
        # Chatter says the same hundreds of times: nothing is done to an item that is as it was.
        others = [n for n, was in alike.items() if n not in known and n != item.id and self._still(n, was, key)]
        known.update(others)
        for name in others:
            self.same[name].add(item.id)
        # What is kept as it was said ("Mira: ...") repeats itself because people do.
        if key[1] and others and item.kind != "turn" and not _SAID.match(item.text):
            loop = event.kind == Kind.WRITTEN and event.cause and key in self.recalled  # a model took it for news
            kind, word = (REINGESTED, "recalled before as") if loop else (DUPLICATE, "the same as")
            self._add(event, kind, item.id, f"{word} {min(others)}: {item.text}")
        alike[item.id] = item

    def _still(self, name: str, was: Item, key: tuple[str, tuple[str, ...]]) -> bool:
        item = self.state[name]
        return item is was or (item.active and item.kind == key[0] and _words(item.text) == key[1])

    def _values(self, item: Item, event: Event) -> None:
        found: list[tuple[str, Clash]] = []
        for other in self.attributes.add(item, self._alive):
            pair = frozenset(((item.id, item.text), (other.id, other.text)))
            known = self.state[other.id]
            if pair not in self.paired and known.active and known.text == other.text and known.kind == item.kind:
                self.paired.add(pair)
                if clash := self.attributes.clash(item, other):
                    found.append((other.id, clash))
        if found:
            others = ", ".join(f"{clash.old} in {name}" for name, clash in found)
            self._add(event, TWO_VALUES, item.id, f"{found[0][1].about}: {found[0][1].new}, and {others}")

    def _claims(self, item: Item, event: Event) -> None:
        if not event.cause or _SAID.match(item.text):  # kept as it was said
            return
        if missing := self.sources.missing(item.text, item.turns):
            where = ", ".join(map(str, item.turns[:8]))
            self._add(
                event, UNSUPPORTED, item.id, f"{', '.join(missing)}, not in the sitting of turn {where}: {item.text}"
            )
        if speaker := self.sources.wrong_subject(item.text, item.turns):
            self._add(event, WRONG_SUBJECT, item.id, f"{speaker} said it: {item.text}")
        if day := self.sources.relative_day(item.text):
            self._add(event, RELATIVE_DAY, item.id, f"{day}: {item.text}")

    def _links(self) -> None:
        for event in self.linked:
            source, target, label = event.subject, event.payload["to"], event.payload.get("label", "")
            if (source, target, label) in self.state.links and not self._alive(target):
                self._add(event, DEAD_LINK, source, f"{label or 'link'} to {target}, which is {self._status(target)}")
        if not self.ended:
            return
        fresh = {(e.subject, e.payload["to"]) for e in self.linked}
        for link in self.state.links.values():
            event_ended = self.ended.get(link.target)
            if event_ended is None or (link.source, link.target) in fresh or self._alive(link.target):
                continue
            if self._alive(link.source):
                text = f"{link.label or 'link'} to {link.target}, now {self._status(link.target)}"
                self._add(event_ended, DEAD_LINK, link.source, text)

    def _alive(self, name: str) -> bool:
        return name in self.state and self.state[name].active

    def _status(self, name: str) -> str:
        return self.state[name].status if name in self.state else "not there"

    def _deleted(self) -> None:
        new = [_words(self.state[n].text) for n in self.touched if self._alive(n)]
        for name, event in self.ended.items():
            item = self.state[name]
            said = _words(item.text)
            deleted = event.kind == Kind.DELETED and item.status == "deleted"
            if deleted and said and not any(_alike(said, other) for other in new):
                self._add(event, NO_REPLACEMENT, name, f"deleted without a successor: {item.text}")


def _looked_at(event: Event) -> Event:
    """The event with its item's texts as far as they are looked at: a whole book as one item would take hours."""
    payload = event.payload
    if event.kind == Kind.WRITTEN:
        return replace(event, payload={name: _begun(value) for name, value in payload.items()})
    if event.kind == Kind.UPDATED:
        changes = {name: [_begun(part) for part in pair] for name, pair in payload["changes"].items()}
        return replace(event, payload={**payload, "changes": changes})
    return event


def _begun(value: Any) -> Any:
    return value[:_LOOKED] if isinstance(value, str) else value


def _said_elsewhere(part: str, item: Item, changed: str) -> bool:
    """Whether the index says ``part`` for the sake of another field that did not change."""
    others = {"text": item.text, **item.fields}
    others.pop(changed, None)
    return any(part in s and s in item.index_text for value in others.values() for s in _strings(value))


def _alike(old: tuple[str, ...], new: tuple[str, ...]) -> bool:
    """Whether a new text speaks of what an old one did: its first word and more than half of its words."""
    return old[0] in new and 2 * len({*old} & {*new}) > len({*old})


def _words(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\w+", text.casefold()))


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [v for v in value if isinstance(v, str)] if isinstance(value, list) else []
