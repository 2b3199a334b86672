"""The report as one self-contained page: no script, no remote resource, light and dark by the reader's own setting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from workbench import __version__, console
from workbench.memory.detectors import KINDS
from workbench.probes.competencies import SHORT, title
from workbench.probes.errata import Errata
from workbench.projections.scores import Cell
from workbench.projections.timeline import Timeline, Track
from workbench.projections.why import ORDER
from workbench.reports import charts, figures, tables, template
from workbench.reports.charts import SHAPES
from workbench.reports.content import Content, gather, heading
from workbench.trace.events import OPERATIONS
from workbench.trace.reader import TraceReader
from workbench.why.verdict import TITLES

BINS = 200
"""Columns of a timeline; several turns share one when there are more turns."""
WIDTH, ABOVE, BELOW = 1000, 26, 14
"""Of a track in its own units: height of what came in, and of what went."""
BROADEST = 10
_CAME, _WENT = ("written", "updated", "linked"), ("superseded", "deleted", "evicted")


def report(reader: TraceReader, errata: Errata | None = None) -> str:
    """The page. Everything that a session, model or file says is escaped."""
    return render(gather(reader, errata))


def render(content: Content) -> str:
    """Lay out the content."""
    board = content.board
    happened = {kind for lane in board.lanes for kind in lane.operations}
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["lower_first"] = lambda text: text[:1].lower() + text[1:]
    environment.filters["figure"] = environment.globals["figure"] = "{:.3f}".format
    return environment.from_string(template.PAGE).render(
        content=content,
        style=Markup(_style()),
        abbreviated=[name for name in board.competencies if name in SHORT],
        operations=[(str(k), k.removeprefix("item.")) for k in OPERATIONS if k in happened],
        found=[
            (kind, what) for kind, what in KINDS.items() if any(counts[kind] for counts in content.findings.values())
        ],
        number="{:,}".format,
        tracks={s.number: [_track(s.timeline, t) for t in s.timeline.tracks] for s in content.sessions},
        places={lane.lane.id: place for place, lane in enumerate(board.lanes)},
        cells=lambda lane: [lane.overall, *(lane.cell(name) for name in board.competencies)],
        ticks=_ticks(content),
        controls={row.id for row in (content.controls.no_memory, content.controls.oracle) if row},
        guessable=console.count(len(content.controls.guessable), "probe"),
        said_of_controls=_controls(content),
        losses={lane.lane.id: lane for lane in content.losses},
        tables=tables,
        pictures=[p for p in (_picture(kind, content) for kind in charts.KINDS) if p],
        any_wrong=lambda line: any(v and not v.correct for v in line.verdicts),
        causes=[c for c in ORDER if any(lane.counts.get(c) for s in content.sessions for lane in s.causes)],
        cause_titles=TITLES,
        most_wrong=MOST_WRONG,
        most_pairs=MOST_PAIRS,
        shapes=SHAPES,
        heading=heading,
        title=title,
        percent=console.percent,
        duration=console.seconds,
        interval=interval,
        bars=bars,
        version=__version__,
    )


_Picture = tuple[str, str, Markup]


def _picture(kind: str, content: Content) -> _Picture | None:
    """A picture's title, caption and SVG in the page's own colours."""
    drawn = charts.draw(kind, content.charts, lambda role: f"var(--{role})", 1100, 320, 12)
    if drawn is None:
        return None
    said = charts.caption(kind, content.charts)
    return charts.KINDS[kind], said, Markup(drawn.svg(said, page=True))  # every text in it is escaped


def _ticks(content: Content) -> dict[str, list[tuple[str, float]]]:
    """By competency ("" for all) what the controls reach: their names and shares."""
    found = content.controls
    rows = (("no memory", found.no_memory), ("evidence alone", found.oracle), ("full context", found.full))
    lanes = {lane.lane.id: lane for lane in content.board.lanes}
    ticks: dict[str, list[tuple[str, float]]] = {}
    for name, row in rows:
        if row is None or row.id not in lanes:
            continue
        cells = [("", lanes[row.id].overall), *((c.competency, c) for c in lanes[row.id].cells)]
        for key, cell in cells:
            if cell.n:
                ticks.setdefault(key, []).append((name, cell.accuracy))
    return ticks


def _controls(content: Content) -> str:
    right = {lane.lane.id: lane.overall.accuracy for lane in content.board.lanes if lane.overall.n}
    names = {session.number: session.name for session in content.sessions}
    return tables.controls(content.controls, names, right)


MOST_PAIRS = 15
"""Pairs of lanes that are listed for a score."""
MOST_WRONG = 100
"""Wrong answers of a lane that are listed with their cause."""


def interval(cell: Cell, place: int, ticks: Sequence[tuple[str, float]] = ()) -> Markup:
    """Accuracy as a point on a line from 0 to 1 with its 95 % interval, and faint ticks where the controls are."""
    low, high, at = (round(v * 116 + 2, 1) for v in (cell.low, cell.high, cell.accuracy))
    said = f"{cell.accuracy:.0%} right, 95 % interval {cell.low:.0%} to {cell.high:.0%}, {cell.n} probes"
    said += "".join(f"; {name} {share:.0%}" for name, share in ticks)
    beside = Markup("").join(
        Markup('<path class="tick" d="M{0} 0v12"/>').format(round(share * 116 + 2, 1)) for _, share in ticks
    )
    return Markup(
        '<svg class="interval" viewBox="-3 0 126 12" role="img" aria-label="{0}"><title>{0}</title>'
        '<path class="axis" d="M2 6H118M2 3v6M60 4v4M118 3v6"/>{5}'
        '<rect class="range lane{1}" x="{2}" y="4" width="{3}" height="4" rx="2"/>'
        '<circle class="point lane{1}" cx="{4}" cy="6" r="4"/></svg>'
    ).format(said, place % 8, low, round(max(high - low, 1), 1), at, beside)


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle of a track, with what it stands for."""

    kind: str
    x: float
    y: float
    width: float
    height: float
    title: str


@dataclass(frozen=True, slots=True)
class Strip:
    """A lane's track ready to be drawn; ``bars`` are what happened, ``pips`` the probes."""

    name: str
    place: int
    bars: tuple[Bar, ...]
    pips: tuple[Bar, ...]
    total: str


def bars(found: tuple[Bar, ...]) -> Markup:
    """Rectangles as SVG."""
    shape = Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>')
    return Markup("").join(shape.format(b.kind, b.x, b.y, b.width, b.height, b.title) for b in found)


def _track(view: Timeline, track: Track) -> Strip:
    size = max(1, -(-view.turns // BINS))
    width = WIDTH * size / max(view.turns, 1)
    binned = {kind: _binned(track.marks.get(kind, {}), size) for kind in (*_CAME, *_WENT, "dropped", "failed")}
    came = list(_stacks(_CAME, binned, size, width, ABOVE, up=True))
    went = list(_stacks((*_WENT, "dropped", "failed"), binned, size, width, BELOW, up=False))
    happened = track.total
    total = ", ".join(f"{happened[k]:,} {k}" for k in (*_CAME, *_WENT, "dropped", "failed") if happened.get(k))
    return Strip(track.name, track.place % 8, (*came, *went), tuple(_pips(track, size, width)), total)


def _binned(turns: Mapping[int, int], size: int) -> dict[int, int]:
    found: dict[int, int] = {}
    for turn, count in turns.items():
        found[max(turn, 0) // size] = found.get(max(turn, 0) // size, 0) + count
    return found


def _stacks(
    kinds: tuple[str, ...], binned: Mapping[str, Mapping[int, int]], size: int, width: float, room: int, up: bool
) -> Iterator[Bar]:
    """One stack per bin; its height grows with the root of the count, so that single ones stay visible."""
    places = sorted({place for kind in kinds for place in binned[kind]})
    most = max((sum(binned[k].get(p, 0) for k in kinds) for p in places), default=1)
    for place in places:
        count = sum(binned[k].get(place, 0) for k in kinds)
        height, at = room * sqrt(count / most), 0.0
        for kind in kinds:
            own = binned[kind].get(place, 0)
            if own:
                part = height * own / count
                y = ABOVE - at - part if up else ABOVE + 1 + at
                yield _bar(kind, place, size, width, y, part, f"{own} {kind}")
                at += part


def _pips(track: Track, size: int, width: float) -> Iterator[Bar]:
    """Right above the line, wrong below it: by place, not by colour alone."""
    found: dict[int, list[int]] = {}
    for probe in track.probes:
        found.setdefault(max(probe.turn, 0) // size, [0, 0])[probe.correct] += 1
    most = max((max(pair) for pair in found.values()), default=1)
    for place, (wrong, right) in found.items():
        for count, name, up in ((right, "right", True), (wrong, "wrong", False)):
            if count:
                height = 8 * sqrt(count / most)
                yield _bar(name, place, size, width, 9 - height if up else 10, height, f"{count} {name}")


def _bar(kind: str, place: int, size: int, slot: float, y: float, height: float, what: str) -> Bar:
    """In the middle of its slot, and never so broad that a short session looks like a wall."""
    when = f"turn {place * size}" if size == 1 else f"turns {place * size} to {place * size + size - 1}"
    width = min(slot * 0.85, BROADEST)
    x = min(place * slot, WIDTH - slot) + (slot - width) / 2
    return Bar(kind, round(x, 2), round(y, 2), round(width, 2), round(height, 2), f"{when}: {what}")


def _style() -> str:
    """The page's style with the program's own colours, light first and dark where the reader prefers it."""
    light, dark = (_colours(name) for name in ("light", "dark"))
    return f":root{{{light}}}@media(prefers-color-scheme:dark){{:root{{{dark}}}}}{template.STYLE}"


def _colours(theme: str) -> str:
    named = {f"--{role}": value for role, value in figures.colours(theme).items()}
    return ";".join(f"{key}:{value}" for key, value in named.items()) + f";color-scheme:{theme}"
