"""The counterfactuals: how each changes what a lane held, recalled or packed, and nothing else.

A fix does what its cause implies and does nothing where there is nothing to mend: to force an item among the hits says
nothing about an item that was never stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from workbench.branch import filled, pattern, unused
from workbench.memory.base import Recall, Span
from workbench.memory.items import Item, MemoryState
from workbench.memory.lines import one_line
from workbench.memory.retrieval import span
from workbench.trace.events import Event, Kind
from workbench.why.case import Case
from workbench.why.funnel import Funnel, Judge, last_said, living
from workbench.why.history import Version
from workbench.why.texts import names
from workbench.why.verdict import CUT, LOST, MISREAD, NEVER_STORED, NOT_ATTENDED, NOT_RETRIEVED

Fix = Literal["put", "restore", "force", "keep", "whole", "last", "clear", "alone"]
CAUSE: Mapping[str, str] = {
    "put": NEVER_STORED,
    "restore": LOST,
    "force": NOT_RETRIEVED,
    "keep": CUT,
    "whole": NOT_ATTENDED,
    "last": NOT_ATTENDED,
    "clear": NOT_ATTENDED,
    "alone": MISREAD,
}
"""Which cause a fix proves when it flips the answer."""
BY_STAGE: Mapping[str, Fix] = {"stored": "put", "kept": "restore", "retrieved": "force", "packed": "keep"}
WHOLE = ("the whole cache kept",)
"""What is said of asking without the lane's cache policy: what it threw out nobody could attend to."""
DISTRACTORS = 3
"""Spans that are taken away at most when none of them names the answer that was given."""
_FIRST = 1e9  # above every priority that a method gives


@dataclass(frozen=True, slots=True)
class Change:
    """Events that change a lane's items, and what they do in words."""

    events: tuple[Event, ...]
    versions: tuple[Version, ...]
    what: tuple[str, ...]


# What the lane holds --------------------------------------------------------------------------------------------------


def put(asked: Case, way: Funnel, state: MemoryState, judge: Judge) -> Change:
    """Put in, as items, the turns that no living item says."""
    turns = [max(t.piece.turns) for t in way.trails if not t.kept and t.piece.turns]
    template = [(turn, _template(asked, way, state, turn)) for turn in turns]
    made = [_put(asked, state, turn, like) for turn, like in template if like is not None]
    what = tuple(f"turn {e.payload['turns'][0]} put in as {e.subject}" for e in made)
    versions = tuple(Version(e.subject, e.payload["text"], tuple(e.payload["turns"]), e, None, {}) for e in made)
    return Change(tuple(made), versions, what)


def _template(asked: Case, way: Funnel, state: MemoryState, turn: int) -> Item | None:
    """The item that one from this turn would be most like: of the kinds that are retrieved, from the nearest turn."""
    shown = {i for s in (*asked.spans, *asked.dropped) for i in s.items} | {h["item"] for h in asked.hits}
    kinds = {state[i].kind for i in shown if i in state}
    return pattern(state.active(*kinds) or state.active(), turn)


def _put(asked: Case, state: MemoryState, turn: int, like: Item) -> Event:
    text = asked.said(turn)
    payload = {
        "kind": like.kind,
        "text": text,
        "turns": [turn],
        "fields": {name: filled(value, like.text, text) for name, value in like.fields.items()},
        "index_text": text if like.index_text else "",
        "when": asked.session.turns[turn].when,
    }
    return _event(asked, Kind.WRITTEN, unused(state, f"{like.kind}-of-turn-{turn}"), payload, turn)


def restore(asked: Case, way: Funnel, state: MemoryState, judge: Judge) -> Change:
    """Bring back what said it and says it no more: the item as it last was.

    Where the item now says something else that the question needs, the old text comes back beside it.
    """
    said = [last_said(t) for t in way.trails if t.stored and not t.kept]
    lost = list({v.began.seq: v for v in said}.values())
    needed = {v.item for t in way.trails for v in t.kept}
    events: list[Event] = []
    made: list[Version] = []
    for version in lost:
        beside = version.item in needed or version.item in {v.item for v in made}
        done = _beside(asked, state, version) if beside else _restored(asked, state[version.item], version)
        events += done
        made.append(replace(version, item=done[0].subject, began=done[-1], ended=None) if done else version)
    what = tuple(f"{v.item} restored as it was before turn {v.ended.turn if v.ended else 0}" for v in lost)
    return Change(tuple(events), tuple(made), what)


def _restored(asked: Case, item: Item, last: Version) -> list[Event]:
    events = [] if item.active else [_event(asked, Kind.RESTORED, item.id, {})]
    now: dict[str, Any] = {"kind": item.kind, "text": item.text, "index_text": item.index_text, **item.fields}
    now |= {"turns": list(item.turns), "when": item.when}
    changes = {k: [now.get(k), v] for k, v in last.values.items() if now.get(k) != v}
    return [*events, _event(asked, Kind.UPDATED, item.id, {"changes": changes})] if changes else events


def _beside(asked: Case, state: MemoryState, last: Version) -> list[Event]:
    values = dict(last.values)
    payload = {name: values.pop(name, "") for name in ("kind", "text", "index_text", "when")}
    payload |= {"turns": list(values.pop("turns")), "fields": values}
    name = unused(state, f"{last.item}-as-of-{last.began.turn}")
    return [_event(asked, Kind.WRITTEN, name, payload, last.began.turn)]


def _event(asked: Case, kind: Kind, subject: str, payload: dict[str, Any], turn: int | None = None) -> Event:
    at = asked.probe.after if turn is None else turn
    return Event(asked.number, asked.lane.id, at, 0, kind, subject, 0, payload, 0.0, asked.before)


# What it recalls ------------------------------------------------------------------------------------------------------


def force(recall: Recall, way: Funnel, state: MemoryState) -> tuple[Recall, tuple[str, ...]]:
    """Bring the living items that say it among the hits, one for each piece, where the order of writing has them."""
    wanted = dict.fromkeys(living(t) for t in way.trails if t.kept and not t.returned)
    place = {name: n for n, name in enumerate(state.items)}
    spans = list(recall.spans)
    for name in wanted:
        at = sum(max((place.get(i, -1) for i in s.items), default=-1) < place[name] for s in spans)
        spans.insert(at, span(state[name], _FIRST))
    hits = tuple(replace(h, returned=h.returned or h.item in wanted) for h in recall.hits)
    return replace(recall, spans=tuple(spans), hits=hits), tuple(f"{name} put among the hits" for name in wanted)


# What is packed -------------------------------------------------------------------------------------------------------


def keep(spans: Sequence[Span], way: Funnel, state: MemoryState, judge: Judge) -> tuple[list[Span], tuple[str, ...]]:
    """Let the spans that hold it be the last to be dropped, with all that their items say."""
    out, what = list(spans), []
    for trail in way.trails:
        items = [v.item for v in trail.kept]
        for n, one in enumerate(out):
            held = [i for i in items if i in one.items and i in state]
            says = judge(trail.piece, one.text, one.turns)
            if held or says:
                text = one.text if says else one_line(state[held[0]].text)
                out[n] = replace(one, text=text, priority=_FIRST)
                what.append(f"{one.label or (one.items or (one.kind,))[0]} kept whole in the context")
    return out, tuple(dict.fromkeys(what))


def last(spans: Sequence[Span], gold: set[int]) -> tuple[list[Span], tuple[str, ...]]:
    """Move what says it to the end, next to the question."""
    chosen = [replace(spans[n], priority=_FIRST) for n in sorted(gold)]
    return [s for n, s in enumerate(spans) if n not in gold] + chosen, _named(chosen, "moved last")


def alone(spans: Sequence[Span], gold: set[int]) -> tuple[list[Span], tuple[str, ...]]:
    """Nothing but what says it."""
    chosen = [spans[n] for n in sorted(gold)]
    return chosen, _named(chosen, "alone in the context")


def clear(spans: Sequence[Span], out: set[int]) -> tuple[list[Span], tuple[str, ...]]:
    """Take the distractors away."""
    return [s for n, s in enumerate(spans) if n not in out], _named([spans[n] for n in sorted(out)], "taken away")


def distractors(spans: Sequence[Span], gold: set[int], answer: str, shares: Sequence[float] | None) -> set[int]:
    """The spans that say what was answered; where none does, those that were looked at most."""
    others = [n for n in range(len(spans)) if n not in gold]
    naming = {n for n in others if names(spans[n].text, [answer])}
    if naming or shares is None or len(shares) != len(spans):
        return naming
    return set(sorted(others, key=lambda n: -shares[n])[:DISTRACTORS])


def _named(spans: Sequence[Span], what: str) -> tuple[str, ...]:
    return (f"{labels(spans)} {what}",) if spans else ()


def labels(spans: Sequence[Span]) -> str:
    """The names of spans, the first three of them."""
    known = [s.label or (s.items or (s.kind,))[0] for s in spans]
    return ", ".join(known[:3]) + (" …" if len(known) > 3 else "")
