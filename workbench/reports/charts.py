"""The pictures of a run as SVG: the report shows them, ``export --figures`` writes them, the window draws them.

A picture is drawn in the colours that it is given: names of CSS variables in a page, plain colours elsewhere. Every
mark also says in words what it stands for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import floor, log10

from markupsafe import escape

from workbench.probes.papers import score_title
from workbench.probes.statistics import METHODS
from workbench.projections.charts import Charts, Mean, NeedleGrid, Outlay, Retention
from workbench.projections.published import ACCURACY

Ink = Callable[[str], str]
"""A colour by its role in ``resources/themes``, or ``lane0`` and so on."""
KINDS = {
    "needles": "Length and depth",
    "retention": "Retention",
    "memory": "Score over memory",
    "tokens": "Score over tokens",
}
"""The pictures and what they are called."""
SHAPES = (
    "M6 1a5 5 0 1 0 .01 0z",
    "M1.5 1.5h9v9h-9z",
    "M6 .8 11.4 10.6H.6z",
    "M6 0 12 6 6 12 0 6z",
    "M6 11.2.6 1.4h10.8z",
    "M6 .6 11.3 4.4 9.3 10.6H2.7L.7 4.4z",
    "M11.5 6 8.7 10.8H3.3L.5 6 3.3 1.2h5.4z",
    "M4.2 1h3.6v3.2H11v3.6H7.8V11H4.2V7.8H1V4.2h3.2z",
)
"""A lane's shape by its place: disc, square, triangle, diamond, triangle down, pentagon, hexagon, plus."""
_CIVIDIS = (
    "00204d", "002c69", "06366e", "2d426c", "414d6b", "52596c", "61646f", "6f7073", "7d7c78", "8b8779", "9b9477",
    "aca174", "bcaf6f", "cebc68", "e0cb5e", "f2da50", "ffea46",
)  # fmt: skip
"""Nuñez, Anderton and Renslow 2018, every sixteenth colour."""


_BROAD = 0.66  # of the type's size: how broad a letter is at most, on average
_NAMESPACE = ' xmlns="http://www.w3.org/2000/svg"'  # a file of its own must name it; in a page it goes without saying


@dataclass(frozen=True, slots=True)
class Mark:
    """A place of a picture that says something: left, top, width, height."""

    x: float
    y: float
    width: float
    height: float
    says: str


@dataclass
class Picture:
    """A picture of some size in pixels: SVG elements, and what its marks say."""

    width: float
    height: float
    ink: Ink
    size: float = 12.0
    parts: list[str] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)

    def svg(self, said: str = "", page: bool = False) -> str:
        """The whole picture; in a ``page`` it takes the page's width, and its marks have titles."""
        size = 'width="100%"' if page else f'width="{self.width:g}" height="{self.height:g}"'
        titles = "".join(
            f'<rect x="{m.x:.1f}" y="{m.y:.1f}" width="{m.width:.1f}" height="{m.height:.1f}" fill="#000" '
            f'fill-opacity="0"><title>{escape(m.says)}</title></rect>'
            for m in self.marks
        )
        ground = "" if page else f'<rect width="100%" height="100%" fill="{self.ink("surface")}"/>'
        return (
            f'<svg{"" if page else _NAMESPACE} viewBox="0 0 {self.width:g} {self.height:g}" {size} role="img" '
            f'aria-label="{escape(said)}" font-family="sans-serif" font-size="{self.size:g}">'
            f"{ground}{''.join(self.parts)}{titles}</svg>"
        )

    def say(self, x: float, y: float, width: float, height: float, text: str) -> None:
        """A place that says something."""
        self.marks.append(Mark(x, y, width, height, text))

    def line(self, x1: float, y1: float, x2: float, y2: float, color: str, width: float = 1.0, more: str = "") -> None:
        """A straight line."""
        self.parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{self.ink(color)}" '
            f'stroke-width="{width:g}"{more}/>'
        )

    def text(self, x: float, y: float, text: str, color: str = "text-3", anchor: str = "start", more: str = "") -> None:
        """A text by its base line."""
        fill = color if color.startswith("#") else self.ink(color)
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" fill="{fill}" text-anchor="{anchor}"{more}>{escape(text)}</text>'
        )

    def box(self, x: float, y: float, width: float, height: float, fill: str) -> None:
        """A filled rectangle; ``fill`` is a colour."""
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{fill}"/>')

    def shape(self, place: int, x: float, y: float, size: float = 10.0) -> None:
        """A lane's shape about a point."""
        scale, half = size / 12, size / 2
        self.parts.append(
            f'<path d="{SHAPES[place % 8]}" fill="{self.ink(f"lane{place % 8}")}" '
            f'transform="translate({x - half:.1f} {y - half:.1f}) scale({scale:.3f})"/>'
        )


def draw(
    kind: str, found: Charts, ink: Ink, width: float = 720, height: float = 300, size: float = 12
) -> Picture | None:
    """A picture by its kind (``KINDS``), None where there is nothing to draw. ``size`` is that of the type."""
    picture = Picture(max(width, 320.0), max(height, 120.0), ink, size)
    if kind == "needles":
        return _needles(picture, found.needles, found) if found.needles else None
    if kind == "retention":
        return _retention(picture, found.retention, found) if found.retention else None
    held = kind == "memory"
    points = [(own, own.size if held else own.tokens) for own in found.outlays]
    if not any(value for _, value in points):
        return None
    return _outlay(picture, points, found, "memory held in the end (bytes, log)" if held else "tokens spent (log)")


def caption(kind: str, found: Charts) -> str:
    """What a picture shows, in a sentence."""
    name, bounds = score_name(found.score), "95 % intervals (Wilson of shares, BCa bootstrap of figures in between)"
    unit = found.needles.unit if found.needles else ""
    said = {
        "needles": f"{name} by how long the session was ({unit}) and how deep in it the evidence stood (0 %: at its "
        "beginning)",
        "retention": f"{name} by the age of the newest evidence when it is asked for, in turns; {bounds}",
        "memory": f"{name} against the bytes that a memory holds in the end, without vectors; {bounds}",
        "tokens": f"{name} against the tokens that a lane read and wrote in all; {bounds}",
    }
    return said[kind] + (f"; {found.errata}" if found.errata else "")


def score_name(score: str) -> str:
    """``accuracy`` as "accuracy (ours)", a published score under its name."""
    return "accuracy (ours)" if score == ACCURACY else f"{score_title(score)} ({score})"


def cividis(value: float) -> str:
    """The colour of a value in 0..1, dark to bright."""
    at = min(max(value, 0.0), 1.0) * (len(_CIVIDIS) - 1)
    low = min(int(at), len(_CIVIDIS) - 2)
    pairs = zip(*(bytes.fromhex(_CIVIDIS[n]) for n in (low, low + 1)), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * (at - low)):02x}" for a, b in pairs)


# the parts ----------------------------------------------------------------------------------------------------------


def _said(found: Mean) -> str:
    if found.mean is None:
        return "no probe"
    bounds = found.interval
    between = f", 95 % {bounds.low * 100:.0f} to {bounds.high * 100:.0f} % ({METHODS[bounds.method]})" if bounds else ""
    return f"{found.mean * 100:.1f} % of {found.n} {'probe' if found.n == 1 else 'probes'}{between}"


def _wide(picture: Picture, text: str) -> float:
    """About how wide a text is; what draws it knows, this does not."""
    return len(text) * picture.size * _BROAD


def _shortened(picture: Picture, text: str, room: float) -> str:
    most = max(3, int(room / (picture.size * _BROAD)))
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _needles(picture: Picture, grid: NeedleGrid, found: Charts) -> Picture:
    """A heatmap per lane, side by side as many as fit."""
    line, gap = picture.size * 1.5, picture.size * 2
    labels = max(_wide(picture, depth) for depth in grid.depths) + 8
    least = max(max(_wide(picture, length) for length in grid.lengths) + 6, picture.size * 2.6)
    narrow = labels + least * len(grid.lengths)
    across = max(1, min(len(grid.lanes), int((picture.width + gap) // (narrow + gap))))
    wide = (picture.width - gap * (across - 1)) / across
    cell = (wide - labels) / len(grid.lengths), picture.size * 1.9
    tall = line + cell[1] * len(grid.depths) + line * 1.4
    top = line * 1.6
    for number, (lane, rows) in enumerate(grid.lanes):
        x, y = (number % across) * (wide + gap), top + (number // across) * (tall + gap)
        picture.shape(found.places[lane.id], x + 6, y + line * 0.4, 9)
        picture.text(x + 16, y + line * 0.65, _shortened(picture, lane.name, wide - 20), "text")
        _heat(picture, grid, rows, (x + labels, y + line), cell, lane.name)
    picture.height = top + -(-len(grid.lanes) // across) * (tall + gap)
    _scale(picture)
    return picture


def _heat(
    picture: Picture,
    grid: NeedleGrid,
    rows: Sequence[Sequence[Mean]],
    corner: tuple[float, float],
    cell: tuple[float, float],
    lane: str,
) -> None:
    left, top = corner
    for down, (depth, row) in enumerate(zip(grid.depths, rows, strict=True)):
        y = top + down * cell[1]
        picture.text(left - 6, y + cell[1] / 2 + picture.size * 0.35, depth, anchor="end")
        for right, (length, mean) in enumerate(zip(grid.lengths, row, strict=True)):
            x = left + right * cell[0]
            if mean.mean is None:
                picture.box(x, y, cell[0] - 1, cell[1] - 1, picture.ink("track"))
            else:
                picture.box(x, y, cell[0] - 1, cell[1] - 1, cividis(mean.mean))
                color = "#101418" if mean.mean > 0.55 else "#ffffff"
                middle = x + (cell[0] - 1) / 2, y + cell[1] / 2 + picture.size * 0.35
                picture.text(*middle, f"{mean.mean * 100:.0f}", color, "middle")
            told = f"{lane}\n{length} {grid.unit}, evidence at {depth}\n{_said(mean)}"
            picture.say(x, y, cell[0], cell[1], told)
    bottom = top + len(grid.depths) * cell[1] + picture.size * 1.1
    for right, length in enumerate(grid.lengths):
        picture.text(left + (right + 0.5) * cell[0], bottom, length, anchor="middle")


def _scale(picture: Picture) -> None:
    """The colour bar, from nothing to all right."""
    wide, tall = 120.0, picture.size * 0.8
    x = picture.width - wide - _wide(picture, "100 %") - 8
    for n in range(40):
        picture.box(x + n * wide / 40, 4, wide / 40 + 0.5, tall, cividis(n / 39))
    picture.text(x - 6, 4 + tall, "0 %", anchor="end")
    picture.text(x + wide + 6, 4 + tall, "100 %")


def _axes(picture: Picture, right: float, under: str) -> tuple[float, float, float, float]:
    """Draw shares from 0 to 100 %; left, top, width and height of the field."""
    left, top = _wide(picture, "100 %") + 10, picture.size
    width, height = right - left - 8, picture.height - top - picture.size * 3.6
    for share in (0, 25, 50, 75, 100):
        y = top + height * (1 - share / 100)
        picture.line(left, y, left + width, y, "line", more=' stroke-opacity="0.8"')
        picture.text(left - 6, y + picture.size * 0.35, f"{share} %", anchor="end")
    picture.text(left + width / 2, picture.height - picture.size * 0.4, under, anchor="middle")
    return left, top, width, height


def _interval(picture: Picture, x: float, at: Callable[[float], float], mean: Mean, place: int) -> None:
    if mean.interval:
        low, high = at(mean.interval.low), at(mean.interval.high)
        picture.line(x, low, x, high, f"lane{place % 8}", 1.2, ' stroke-opacity="0.55"')


def _retention(picture: Picture, view: Retention, found: Charts) -> Picture:
    names = max(_wide(picture, lane.name) for lane, _ in view.lanes) + 22
    names = min(names, picture.width * 0.3)
    left, top, width, height = _axes(picture, picture.width - names, "turns since the evidence was said")
    step = width / len(view.ages)

    def at(share: float) -> float:
        return top + height * (1 - share)

    for n, age in enumerate(view.ages):
        picture.text(left + (n + 0.5) * step, top + height + picture.size * 1.4, age, anchor="middle")
    for number, (lane, points) in enumerate(view.lanes):
        place = found.places[lane.id]
        aside = (number - (len(view.lanes) - 1) / 2) * min(6.0, step * 0.6 / len(view.lanes))
        xs = [left + (n + 0.5) * step + aside for n in range(len(points))]
        known = [(x, at(p.mean)) for x, p in zip(xs, points, strict=True) if p.mean is not None]
        path = " ".join(f"{'L' if n else 'M'}{x:.1f} {y:.1f}" for n, (x, y) in enumerate(known))
        ink = picture.ink(f"lane{place % 8}")
        picture.parts.append(f'<path d="{path}" fill="none" stroke="{ink}" stroke-width="1.6"/>' if known else "")
        for x, age, point in zip(xs, view.ages, points, strict=True):
            if point.mean is not None:
                _interval(picture, x, at, point, place)
                picture.shape(place, x, at(point.mean), 8)
                told = f"{lane.name}\n{age} turns after the evidence\n{_said(point)}"
                picture.say(x - 6, at(point.mean) - 6, 12, 12, told)
    _legend(picture, [(lane.name, found.places[lane.id]) for lane, _ in view.lanes], picture.width - names + 6)
    return picture


def _legend(picture: Picture, lanes: Sequence[tuple[str, int]], x: float) -> None:
    for n, (name, place) in enumerate(lanes):
        y = picture.size * (1.4 + 1.6 * n)
        picture.shape(place, x + 5, y - picture.size * 0.35, 9)
        picture.text(x + 15, y, _shortened(picture, name, picture.width - x - 15), "text-2")


def _outlay(picture: Picture, points: Sequence[tuple[Outlay, int]], found: Charts, under: str) -> Picture:
    names = min(max(_wide(picture, own.lane.name) for own, _ in points) + 22, picture.width * 0.3)
    left, top, width, height = _axes(picture, picture.width - names, under)
    values = [value for _, value in points if value]
    low, high = floor(log10(min(values))), floor(log10(max(values))) + 1
    begin = left + (width * 0.08 if any(not value for _, value in points) else 0)  # nought has a place of its own

    def across(value: int) -> float:
        return left if not value else begin + (left + width - begin) * (log10(value) - low) / max(1, high - low)

    for power in range(low, high + 1):
        x = across(10**power)
        picture.line(x, top, x, top + height, "line", more=' stroke-opacity="0.5"')
        picture.text(x, top + height + picture.size * 1.4, _short(10**power), anchor="middle")
    if begin > left:
        picture.text(left, top + height + picture.size * 1.4, "0", anchor="middle")

    def at(share: float) -> float:
        return top + height * (1 - share)

    for own, value in points:
        place, x, mean = found.places[own.lane.id], across(value), own.mean
        if mean.mean is None:
            continue
        _interval(picture, x, at, mean, place)
        picture.shape(place, x, at(mean.mean), 11)
        told = f"{own.lane.name}\n{own.size:,} bytes held, {own.tokens:,} tok spent\n{_said(mean)}"
        picture.say(x - 7, at(mean.mean) - 7, 14, 14, told)
    _legend(picture, [(own.lane.name, found.places[own.lane.id]) for own, _ in points], picture.width - names + 6)
    return picture


def _short(value: int) -> str:
    for size, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if value >= size:
            return f"{value // size}{unit}"
    return str(value)


# as tables ----------------------------------------------------------------------------------------------------------


def rows(kind: str, found: Charts) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    """A picture as a table: its columns and rows."""
    tail = ("n", "mean", "95 % from", "95 % to", "interval")
    if kind == "needles":
        grid = found.needles
        head = ("lane", "score", f"length ({grid.unit})" if grid else "length", "depth", *tail)
        return head, list(_grid_rows(grid)) if grid else []
    if kind == "retention":
        view = found.retention
        lines = [
            (lane.name, view.score, age, *_figures(mean))
            for lane, means in (view.lanes if view else ())
            for age, mean in zip(view.ages if view else (), means, strict=True)
        ] if view else []  # fmt: skip
        return ("lane", "score", "turns since the evidence", *tail), list(lines)
    head = ("lane", "score", "bytes held", "tokens spent", *tail)
    return head, [(own.lane.name, found.score, own.size, own.tokens, *_figures(own.mean)) for own in found.outlays]


def _grid_rows(grid: NeedleGrid) -> Iterator[tuple[object, ...]]:
    for lane, cells in grid.lanes:
        for depth, row in zip(grid.depths, cells, strict=True):
            for length, mean in zip(grid.lengths, row, strict=True):
                yield lane.name, grid.score, length, depth, *_figures(mean)


def _figures(mean: Mean) -> tuple[object, ...]:
    bounds = mean.interval
    between = (bounds.low, bounds.high, bounds.method) if bounds else (None, None, None)
    return mean.n, mean.mean, *between
