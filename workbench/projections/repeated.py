"""Two runs of the same sessions and lanes: what is the same to the last event, and what the difference comes to."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import zip_longest
from typing import Any

from workbench.trace.events import Event, Kind
from workbench.trace.reader import TraceReader

_LATER = (Kind.JUDGED,)  # added to a run after it was made
_OF_THE_MACHINE: dict[str, tuple[str, ...]] = {Kind.COMPRESSED: ("shared",)}  # what hung on which prompts came before


@dataclass(frozen=True, slots=True)
class First:
    """The first event that differs: of which session and turn, its kind in both runs, and what differs."""

    session: str
    turn: int
    kind: str
    other: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LaneRepeat:
    """A lane in both runs.

    Attributes:
        events: in the first run. different: how many are not the same, or there in one run alone.
        answers: probes that both answered. same: of those word for word.
        right, right_again: verdicts in the first and the second run over those probes.
        flipped: probes that are right in one run and wrong in the other, as ``session/probe`` where there are several.
    """

    lane: str
    events: int
    different: int
    first: First | None
    answers: int
    same: int
    right: int
    right_again: int
    flipped: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """Two runs compared.

    Attributes:
        changed: what they were made with and that differs: name to (then, now).
        exact: whether both were made one sequence at a time, so that every event should be the same.
    """

    changed: Mapping[str, tuple[str, str]]
    exact: bool
    lanes: tuple[LaneRepeat, ...]

    @property
    def identical(self) -> bool:
        """Whether no event differs."""
        return not any(lane.different for lane in self.lanes)

    def to_json(self) -> dict[str, Any]:
        """``{identical, exact, changed, lanes}``."""
        lanes = [asdict(lane) for lane in self.lanes]
        return {"identical": self.identical, "exact": self.exact, "changed": dict(self.changed), "lanes": lanes}


def repeated(first: TraceReader, second: TraceReader) -> Repeat:
    """Compare a run with its repetition, lane by lane and session by session (both by name)."""
    sessions = {name: number for number, name in second.session_names().items()}
    lanes = {row.name: row.id for row in second.lanes()}
    pairs = [(number, sessions[name], name) for number, name in first.session_names().items() if name in sessions]
    found = [
        _lane(first, second, row.name, row.id, lanes[row.name], pairs) for row in first.lanes() if row.name in lanes
    ]
    then, now = made_with(first), made_with(second)
    changed = {key: (then.get(key, ""), now.get(key, "")) for key in then | now if then.get(key) != now.get(key)}
    exact = all(reader.meta("config", {}).get("exact", False) for reader in (first, second))
    return Repeat(changed, exact, tuple(found))


def made_with(reader: TraceReader) -> dict[str, str]:
    """What a run was made with: model and its hash, embedder, device, versions, prompts, seed and settings."""
    config: Mapping[str, Any] = reader.meta("config", {})
    loaded = list(reader.events(lane=0, kinds=(Kind.ENGINE_LOADED,)))
    info: Mapping[str, Any] = loaded[-1].payload if loaded else {}
    found = {
        "model": info.get("name", ""),
        "model sha256": info.get("sha256", ""),
        "embedder": info.get("embedder", ""),
        "device": info.get("device", ""),
        **{f"version of {name}": version for name, version in dict(info.get("versions", {})).items()},
        **{f"prompts {key}": value for key, value in dict(info.get("prompts", {})).items()},
        **{
            key: config.get(key, "")
            for key in ("seed", "exact", "reader", "capture", "temperature", "thinking", "requests")
        },
    }
    return {key: str(value) for key, value in found.items()}


def _lane(
    first: TraceReader, second: TraceReader, name: str, one: int, two: int, pairs: list[tuple[int, int, str]]
) -> LaneRepeat:
    events = different = 0
    begin: First | None = None
    said: list[tuple[str, tuple[str, bool], tuple[str, bool]]] = []
    for number, other, session in pairs:
        for a, b in zip_longest(_events(first, number, one), _events(second, other, two)):
            events += a is not None
            if not _same(a, b):
                different += 1
                begin = begin or _first(session, a, b)
        was, now = _answers(first, number, one), _answers(second, other, two)
        several = len(pairs) > 1
        said += [(f"{session}/{p}" if several else p, was[p], now[p]) for p in was if p in now]
    return LaneRepeat(
        name, events, different, begin, len(said), sum(a[0] == b[0] for _, a, b in said), sum(a[1] for _, a, _ in said),
        sum(b[1] for _, _, b in said), tuple(probe for probe, a, b in said if a[1] != b[1]),
    )  # fmt: skip


def _events(reader: TraceReader, session: int, lane: int) -> Iterator[Event]:
    return (event for event in reader.events(session, lane) if event.kind not in _LATER)


def _same(one: Event | None, other: Event | None) -> bool:
    if one is None or other is None:
        return False
    keys = ("turn", "kind", "subject", "cause")
    return all(getattr(one, key) == getattr(other, key) for key in keys) and _told(one) == _told(other)


def _told(event: Event) -> str:
    left_out = _OF_THE_MACHINE.get(event.kind, ())
    return json.dumps({k: v for k, v in event.payload.items() if k not in left_out}, sort_keys=True)


def _first(session: str, one: Event | None, other: Event | None) -> First:
    event = one or other
    assert event is not None
    keys: tuple[str, ...] = ()
    if one is not None and other is not None and one.kind == other.kind:
        keys = tuple(k for k in one.payload | other.payload if one.payload.get(k) != other.payload.get(k))  # type: ignore[operator]
    return First(session, event.turn, str(one.kind) if one else "", str(other.kind) if other else "", keys)


def _answers(reader: TraceReader, session: int, lane: int) -> dict[str, tuple[str, bool]]:
    """What was answered to every probe, and whether it was right."""
    texts, found = dict[str, str](), dict[str, tuple[str, bool]]()
    for event in reader.events(session, lane, kinds=(Kind.ANSWERED, Kind.SCORED)):
        if event.kind == Kind.ANSWERED:
            texts[event.subject] = str(event.payload.get("text", ""))
        else:
            found[event.subject] = (texts.get(event.subject, ""), bool(event.payload.get("correct")))
    return found
