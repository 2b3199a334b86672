"""What pictures of a run show: scores by length and depth, by the age of what is asked for, by what a lane spends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from workbench.probes.competencies import ABSTENTION, family
from workbench.probes.errata import Errata
from workbench.probes.statistics import Interval, interval
from workbench.projections.controls import is_control
from workbench.projections.costs import costs
from workbench.projections.index import TraceIndex
from workbench.projections.published import ACCURACY, Scored, headline, scored
from workbench.trace.reader import LaneRow, TraceReader

MOST_STEPS = 8
"""Different lengths or depths that have a row or column each; more are put together."""
AGES = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000)
"""Where bins of ages begin, in turns."""


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean score over ``n`` probes with its 95 % interval; ``mean`` is None for no probe."""

    n: int = 0
    mean: float | None = None
    interval: Interval | None = None


@dataclass(frozen=True, slots=True)
class NeedleGrid:
    """Scores by where the evidence lay.

    Attributes:
        score: published name, or ``accuracy`` of our reading.
        unit: of the lengths: ``tok`` as the session's maker counted, else ``turns`` before the question.
        lengths: what stands at the columns, shortest first.
        depths: what stands at the rows, the beginning of the session (0 %) first.
        lanes: each with its cells, ``[depth][length]``.
    """

    score: str
    unit: str
    lengths: tuple[str, ...]
    depths: tuple[str, ...]
    lanes: tuple[tuple[LaneRow, tuple[tuple[Mean, ...], ...]], ...]


@dataclass(frozen=True, slots=True)
class Retention:
    """Scores by the age of the newest evidence when it is asked for, in turns; ``ages`` name the bins."""

    score: str
    ages: tuple[str, ...]
    lanes: tuple[tuple[LaneRow, tuple[Mean, ...]], ...]


@dataclass(frozen=True, slots=True)
class Outlay:
    """What a lane holds (bytes in the end, without vectors) and spent (tokens read and written), and its score."""

    lane: LaneRow
    size: int
    tokens: int
    mean: Mean


@dataclass(frozen=True, slots=True)
class Charts:
    """All pictures of a session or run. ``scores`` can be chosen; the first is what its benchmark publishes.

    ``errata`` says which golds that are known to be wrong were left out or corrected; empty for none.
    """

    score: str
    scores: tuple[str, ...]
    needles: NeedleGrid | None
    retention: Retention | None
    outlays: tuple[Outlay, ...]
    places: Mapping[int, int]
    errata: str = ""


def charts(reader: TraceReader, session: int | None = None, score: str = "", errata: Errata | None = None) -> Charts:
    """The pictures of a session, or (None) of the whole run, by one score ("": its first)."""
    lanes = TraceIndex.of(reader).lanes
    memories = [row for row in lanes if not is_control(row)] or list(lanes)
    rows, _ = scored(reader, session, errata=errata)
    kept = {row.id: rows.get(row.id, []) for row in memories}
    known = _scores(kept.values())
    chosen = score if score in known else known[0]
    return Charts(
        chosen,
        known,
        _needles(reader, memories, kept, chosen),
        _retention(memories, kept, chosen),
        tuple(_outlays(reader, session, memories, kept, chosen)),
        {row.id: place for place, row in enumerate(lanes)},
        str(errata or ""),
    )


def _scores(rows: Iterable[Sequence[Scored]]) -> tuple[str, ...]:
    """Every score that there is; first the published one where all probes with an answer have the same."""
    every = [row for own in rows for row in own]
    heads = Counter(headline(row) for row in every if not row.probe.abstain)
    names = list(dict.fromkeys(name for row in every for name in row.scores))
    first = next(iter(heads)) if len(heads) == 1 else ""
    return tuple(dict.fromkeys(filter(None, (first, ACCURACY, *names))))


def _value(row: Scored, score: str) -> float | None:
    if score != ACCURACY:
        return row.scores.get(score)
    return None if family(row.probe) == ABSTENTION else float(row.correct)


def _mean(values: Sequence[float]) -> Mean:
    return Mean(len(values), fmean(values), interval(values)) if values else Mean()


# length and depth ---------------------------------------------------------------------------------------------------


def _needles(
    reader: TraceReader, lanes: Sequence[LaneRow], rows: Mapping[int, Sequence[Scored]], score: str
) -> NeedleGrid | None:
    found = {id: [(place, v) for r in own if (place := _place(r)) and (v := _value(r, score)) is not None]
             for id, own in rows.items()}  # fmt: skip
    places = [place for own in found.values() for place, _ in own]
    given = [place for place in places if place[2]]
    unit = "tok" if given and len(given) == len(places) else "turns"
    if unit == "turns":  # not all say their length: where they stand is known of all
        found = {id: [(turned, v) for r in own if (turned := _turned(r)) and (v := _value(r, score)) is not None]
                 for id, own in rows.items()}  # fmt: skip
        places = [place for own in found.values() for place, _ in own]
    lengths, depths = _steps([length for length, _, _ in places]), _steps([depth for _, depth, _ in places])
    if len(lengths) < 2 and len(depths) < 2:
        return None
    cells = []
    for lane in lanes:
        by: dict[tuple[int, int], list[float]] = {}
        for (length, depth, _), value in found[lane.id]:
            by.setdefault((_step(depth, depths), _step(length, lengths)), []).append(value)
        cells.append(
            (
                lane,
                tuple(tuple(_mean(by.get((d, n), [])) for n in range(len(lengths))) for d in range(len(depths))),
            )
        )
    named = tuple(_span(low, high, unit == "tok") for low, high in lengths)
    return NeedleGrid(score, unit, named, tuple(_percent(low, high) for low, high in depths), tuple(cells))


_Place = tuple[float, float, bool]


def _place(row: Scored) -> _Place | None:
    """Length and depth (0 to 1) of a probe as its maker says, else by turns."""
    length, depth = row.probe.extra.get("length"), row.probe.extra.get("depth")
    if all(isinstance(v, int | float) and not isinstance(v, bool) for v in (length, depth)):
        return float(length), float(depth), True  # type: ignore[arg-type]
    return _turned(row)


def _turned(row: Scored) -> _Place | None:
    """How many turns were before the question, and how far on the oldest evidence stood in them."""
    evidence, length = row.probe.evidence, row.probe.after + 1
    return (float(length), min(evidence) / max(1, length - 1), False) if evidence and length > 0 else None


def _steps(values: Sequence[float]) -> list[tuple[float, float]]:
    """Every value for itself where there are few, else ranges that hold about as many each; both ends included."""
    different = sorted(set(values))
    if len(different) <= MOST_STEPS:
        return [(v, v) for v in different]
    ordered, many = sorted(values), MOST_STEPS - 2
    edges = sorted({ordered[min(len(ordered) - 1, n * len(ordered) // many)] for n in range(many)})
    found = []
    for low, high in zip(edges, [*edges[1:], None], strict=True):
        inside = [v for v in different if v >= low and (high is None or v < high)]
        found.append((inside[0], inside[-1]))
    return found


def _step(value: float, steps: Sequence[tuple[float, float]]) -> int:
    return next(n for n, (_, high) in enumerate(steps) if value <= high)


def _span(low: float, high: float, tokens: bool) -> str:
    def said(value: float) -> str:
        return f"{value / 1000:.3g}k" if tokens and value >= 1000 else f"{value:g}"

    return said(low) if low == high else f"{said(low)}–{said(high)}"


def _percent(low: float, high: float) -> str:
    one, two = f"{low * 100:.0f}", f"{high * 100:.0f}"
    return f"{one} %" if one == two else f"{one}–{two} %"


# age ----------------------------------------------------------------------------------------------------------------


def _retention(lanes: Sequence[LaneRow], rows: Mapping[int, Sequence[Scored]], score: str) -> Retention | None:
    found: dict[int, dict[int, list[float]]] = {}
    for lane in lanes:
        for row in rows[lane.id]:
            value = _value(row, score)
            if row.probe.evidence and value is not None:
                age = max(0, row.probe.after - max(row.probe.evidence))
                bin_ = max(n for n, begin in enumerate(AGES) if begin <= age)
                found.setdefault(lane.id, {}).setdefault(bin_, []).append(value)
    used = sorted({bin_ for own in found.values() for bin_ in own})
    if len(used) < 2:
        return None
    named = tuple(_age(bin_) for bin_ in used)
    return Retention(
        score, named, tuple((lane, tuple(_mean(found.get(lane.id, {}).get(b, [])) for b in used)) for lane in lanes)
    )


def _age(bin_: int) -> str:
    begin, end = AGES[bin_], AGES[bin_ + 1] - 1 if bin_ + 1 < len(AGES) else None
    return f"{begin:,} and more" if end is None else f"{begin:,}" if begin == end else f"{begin:,}–{end:,}"


# what it takes ------------------------------------------------------------------------------------------------------


def _outlays(
    reader: TraceReader,
    session: int | None,
    lanes: Sequence[LaneRow],
    rows: Mapping[int, Sequence[Scored]],
    score: str,
) -> Iterable[Outlay]:
    spent = {lane.lane.id: lane for lane in costs(reader, session)}
    for lane in lanes:
        values = [v for row in rows[lane.id] if (v := _value(row, score)) is not None]
        own = spent[lane.id]
        used = (own.written, own.read, own.answers)
        if values:
            yield Outlay(lane, own.size, sum(s.prompt + s.generated for s in used), _mean(values))
