"""Finding a text anywhere in a session: turns, questions, items, prompts, outputs, answers, findings."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from workbench.projections.findings import findings_view
from workbench.projections.index import TraceIndex
from workbench.trace.events import OPERATIONS, Event, Kind
from workbench.trace.reader import LaneRow, TraceReader

MOST = 2000
"""Places that are listed; all are counted."""
BEFORE, AFTER = 16, 90
"""Characters shown before and after what was found."""
TURN, QUESTION, GOLD, ITEM, PROMPT, OUTPUT, ANSWER, FINDING = (
    "turn", "question", "gold", "item", "prompt", "output", "answer", "finding",
)  # fmt: skip
WHERE = (TURN, QUESTION, GOLD, ITEM, PROMPT, OUTPUT, ANSWER, FINDING)
_NO_LANE = LaneRow(0, "", "", "", {}, None, None)
_KINDS = (*OPERATIONS, Kind.MODEL_CALLED, Kind.ANSWERED)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a text was found; ``lane`` has the number 0 where it is the session's own."""

    where: str
    turn: int
    lane: LaneRow
    item: str
    probe: str
    text: str


@dataclass(frozen=True, slots=True)
class Found:
    """All places, by turn, as far as they are listed, and the turns that have any."""

    text: str
    places: tuple[Place, ...]
    total: int
    turns: tuple[int, ...]


def find(reader: TraceReader, session: int, text: str) -> Found:
    """Where a text stands in a session, in whatever case; spaces stand for any white space.

    Args:
        text: what is looked for; an empty one is found nowhere.
    """
    wanted = _plain(text)
    if not wanted.strip():
        return Found(text, (), 0, ())
    pattern = re.compile(r"\s+".join(map(re.escape, wanted.split())))
    said = (*_session(reader, session), *_events(reader, session, wanted), *_findings(reader, session))
    places = [_cut(place, pattern) for place in said if pattern.search(_plain(place.text))]
    places.sort(key=lambda p: (p.turn, p.lane.id, WHERE.index(p.where)))
    return Found(text, tuple(places[:MOST]), len(places), tuple(sorted({p.turn for p in places})))


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text).lower()


def _session(reader: TraceReader, session: int) -> Iterator[Place]:
    whole = reader.session(session)
    for turn in whole.turns:
        yield Place(TURN, turn.index, _NO_LANE, "", "", f"{turn.speaker or turn.role}: {turn.text}")
    for probe in whole.probes:
        yield Place(QUESTION, max(0, probe.after), _NO_LANE, "", probe.id, probe.question)
        yield from (Place(GOLD, max(0, probe.after), _NO_LANE, "", probe.id, gold) for gold in probe.gold)


def _events(reader: TraceReader, session: int, wanted: str) -> Iterator[Place]:
    lanes = {row.id: row for row in TraceIndex.of(reader).lanes}
    for event in reader.events(session, kinds=_KINDS, holding=_sure(wanted)):
        lane = lanes.get(event.lane)
        if lane is not None:
            yield from (Place(where, max(0, event.turn), lane, *_about(event), said) for where, said in _texts(event))


def _sure(wanted: str) -> str:
    """A word that the stored JSON must hold as it is, so that not every event has to be read; empty where none is."""
    words = [word for word in wanted.split() if word.isascii() and word.isalnum()]
    return max(words, key=len, default="") if wanted.isascii() else ""


def _about(event: Event) -> tuple[str, str]:
    """The item and the probe that an event is about."""
    if event.kind in OPERATIONS:
        return event.subject, ""
    return "", event.subject if event.kind == Kind.ANSWERED else ""


def _texts(event: Event) -> Iterator[tuple[str, str]]:
    data = event.payload
    if event.kind == Kind.MODEL_CALLED:
        yield from ((PROMPT, str(part.get("text", ""))) for part in data.get("prompt", ()))
        yield OUTPUT, str(data.get("raw", ""))
    elif event.kind == Kind.ANSWERED:
        yield ANSWER, str(data.get("text", ""))
    elif data.get("text"):
        yield ITEM, str(data["text"])


def _findings(reader: TraceReader, session: int) -> Iterator[Place]:
    lanes = {row.id: row for row in TraceIndex.of(reader).lanes}
    for number, found in findings_view(reader, session).lanes.items():
        for one in found.findings:
            yield Place(FINDING, one.turn, lanes[number], one.item, "", f"{one.kind}: {one.text}")


def _cut(place: Place, pattern: re.Pattern[str]) -> Place:
    """The place with the line around what was found. Lower case can be longer by some letters, which does no harm."""
    one_line = " ".join(place.text.split())
    at = pattern.search(_plain(one_line))
    start = max(0, at.start() - BEFORE) if at else 0
    end = at.end() + AFTER if at else AFTER
    shown = ("…" if start else "") + one_line[start:end] + ("…" if end < len(one_line) else "")
    return Place(place.where, place.turn, place.lane, place.item, place.probe, shown)
