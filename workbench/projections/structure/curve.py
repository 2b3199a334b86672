"""A figure that decides where memory is cut, along the text of the latest turns, with its threshold and the cuts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from workbench.projections.structure.moment import Moment
from workbench.trace.events import Event

MOST = 240
"""Points shown: the last ones up to the cursor."""

NOTES = ("surprise", "scene")
"""Names of the notes that make a curve."""


@dataclass(frozen=True, slots=True)
class Point:
    """A token, or a segment where the method looks at whole segments.

    Attributes:
        value: surprise in nats per token, or what ``Curve.what`` says.
        past: the method's second figure (the momentum of what came before), None without one.
        threshold: the limit that held there, None without one.
        cut: an event or scene begins here.
        item: the item it belongs to, where the note names it.
    """

    text: str
    turn: int
    value: float
    past: float | None
    threshold: float | None
    cut: bool
    item: str


@dataclass(frozen=True, slots=True)
class Curve:
    """``what`` the values are; ``total`` is how many points there are up to the cursor, of which the last are shown."""

    what: str
    unit: str
    points: tuple[Point, ...]
    total: int


def curve(moment: Moment) -> Curve:
    """The curve up to the cursor."""
    notes = [e for e in moment.notes if e.payload["name"] in NOTES]
    points: list[Point] = []
    total = sum(_length(e.payload["value"]) for e in notes)
    for event in reversed(notes):
        points = [*_points(event, moment), *points]
        if len(points) >= MOST:
            break
    shown = points[-MOST:]
    what, unit = "surprise", "nat"
    if notes and "depth" in notes[-1].payload["value"]:
        what, unit = "depth of the similarity valley", ""
    elif notes and "momentary" in notes[-1].payload["value"]:
        what, unit = "surprise", "gradient norm"
    return Curve(what, unit, tuple(shown), total)


def _length(value: dict[str, Any]) -> int:
    return len(value["values"]) if "values" in value else 1


def _points(event: Event, moment: Moment) -> list[Point]:
    value, turn = event.payload["value"], event.turn
    if "values" in value:
        cuts = set(value["boundaries"])
        pairs = zip(value["tokens"], value["values"], strict=True)
        limit = value["threshold"]
        return [Point(t, turn, float(v), None, float(limit), n in cuts, "") for n, (t, v) in enumerate(pairs)]
    known = event.subject if event.subject in moment.state else str(value.get("boundary", ""))
    text = moment.state[known].text if known in moment.state else moment.index.session(moment.session).turns[turn].said
    if "depth" in value:
        limit, ends = float(value["threshold"]), bool(value["boundary"])
        return [Point(text, turn, float(value["depth"]), None, limit, ends, known)]
    return [Point(text, turn, float(value["momentary"]), float(value["past"]), None, False, known)]
