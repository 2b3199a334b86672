"""Lanes against one another on the same probes: differences with intervals, and what could have been seen at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from statistics import fmean, pstdev
from typing import Any

from workbench.probes.statistics import Comparison, compare, detectable, detectable_mean, holm
from workbench.projections.controls import is_control
from workbench.projections.index import TraceIndex
from workbench.projections.published import ACCURACY, Scored, headline
from workbench.trace.reader import TraceReader

ALL_PAIRS = 6
"""Lanes up to which every pair is compared; with more of them each is compared with the best."""

_Key = tuple[int, str]  # session and probe


@dataclass(frozen=True, slots=True)
class Pair:
    """Two lanes by name, and how the second differs from the first."""

    first: str
    second: str
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class Compared:
    """The lanes compared by one score.

    Attributes:
        pairs: the surest difference first; ``p`` of each is corrected for all of them (Holm).
        n: probes that were compared.
        discordant: mean share of probes on which two lanes differ.
        spread: standard deviation of what they differ by.
        detectable: the smallest difference that so many probes show in four of five cases (at 5 %).
    """

    score: str
    pairs: tuple[Pair, ...]
    n: int
    discordant: float
    spread: float
    detectable: float

    def of(self, lane: str) -> list[tuple[str, Comparison]]:
        """A lane's own differences: from which other one, and how this lane differs from it."""
        own = [(p.first, p.comparison) for p in self.pairs if p.second == lane]
        return [*own, *((p.second, p.comparison.turned) for p in self.pairs if p.first == lane)]

    @property
    def shares(self) -> bool:
        """Whether rights and wrongs were compared, and not figures in between."""
        return self.pairs[0].comparison.test == "mcnemar"

    @property
    def power(self) -> str:
        """What can be seen with so many probes, in a sentence."""
        how = (
            f"McNemar's test at 5 %, where two lanes differ on {self.discordant * 100:.0f} % of the probes"
            if self.shares
            else f"at 5 %, where two lanes differ by {self.spread * 100:.0f} points (standard deviation) on a probe"
        )
        least = f"{self.detectable * 100:.0f}" if self.detectable >= 0.01 else f"{self.detectable * 100:.1f}"
        return f"{self.n} probes can show differences of {least} points and more, in four of five cases ({how})"

    def to_json(self) -> dict[str, Any]:
        """``{pairs: [{first, second, n, difference, ci95, p, p_holm, …}], power: {n, discordant, detectable}}``."""
        rows = []
        for pair in self.pairs:
            data = asdict(pair.comparison)
            low, high, corrected = data.pop("low"), data.pop("high"), data.pop("holm")
            data = {key: round(v, 6) if isinstance(v, float) else v for key, v in data.items()}
            method = "newcombe" if self.shares else "bca"
            more = {"ci95": [round(low, 4), round(high, 4)], "interval": method, "p_holm": round(corrected, 6)}
            rows.append({"first": pair.first, "second": pair.second, **data, **more})
        power = {"n": self.n, "discordant": round(self.discordant, 4), "detectable": round(self.detectable, 4)}
        return {"pairs": rows, "power": power}


def compared(reader: TraceReader, rows: Mapping[int, Sequence[Scored]]) -> tuple[Compared, ...]:
    """Compare the lanes (without controls) by our reading, and by the published score of each benchmark.

    Args:
        rows: what every lane's probes were scored (``workbench.projections.published.scored``).
    """
    lanes = {row.id: row.name for row in TraceIndex.of(reader).lanes if not is_control(row) and row.id in rows}
    return between(rows, lanes)


def between(rows: Mapping[int, Sequence[Scored]], lanes: Mapping[int, str]) -> tuple[Compared, ...]:
    """Compare these lanes, by number and name; the rest as of :func:`compared`."""
    by_score: dict[str, dict[int, dict[_Key, float]]] = {}
    for lane in lanes:
        for scored in rows[lane]:
            key = (scored.session, scored.probe.id)
            if not scored.probe.abstain:
                by_score.setdefault(ACCURACY, {}).setdefault(lane, {})[key] = float(scored.correct)
            name = headline(scored)
            if name:
                by_score.setdefault(name, {}).setdefault(lane, {})[key] = scored.scores[name]
    found = (differences(score, values, lanes) for score, values in by_score.items())
    return tuple(c for c in found if c is not None)


def differences(score: str, values: Mapping[int, Mapping[_Key, float]], names: Mapping[int, str]) -> Compared | None:
    """Lanes by one score; None when no two of them have a probe in common.

    Args:
        values: by lane's number the figure of each probe.
        names: of the lanes.
    """
    pairs, common, apart, spreads = [], 0, list[float](), list[float]()
    for first, second in _chosen(values):
        keys = sorted(values[first].keys() & values[second].keys())
        if keys:
            one, two = [values[first][key] for key in keys], [values[second][key] for key in keys]
            pairs.append(Pair(names[first], names[second], compare(one, two)))
            common = max(common, len(keys))
            apart.append(fmean(a != b for a, b in zip(one, two, strict=True)))
            spreads.append(pstdev([b - a for a, b in zip(one, two, strict=True)]))
    if not pairs:
        return None
    corrected = holm([pair.comparison.p for pair in pairs])
    pairs = [replace(p, comparison=replace(p.comparison, holm=h)) for p, h in zip(pairs, corrected, strict=True)]
    pairs.sort(key=lambda pair: (pair.comparison.holm, -abs(pair.comparison.difference)))
    discordant, spread = fmean(apart), fmean(spreads)
    shares = pairs[0].comparison.test == "mcnemar"
    least = detectable(common, discordant) if shares else detectable_mean(common, spread)
    return Compared(score, tuple(pairs), common, discordant, spread, least)


def _chosen(values: Mapping[int, Mapping[_Key, float]]) -> list[tuple[int, int]]:
    """Every pair of few lanes; of many each with the best."""
    lanes = list(values)
    if len(lanes) <= ALL_PAIRS:
        return list(combinations(lanes, 2))
    best = max(lanes, key=lambda lane: fmean(values[lane].values()))
    return [(lane, best) for lane in lanes if lane != best]
