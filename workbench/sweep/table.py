"""A sweep's one table: every lane with every model and setting over all its sessions, with intervals and comparisons.

Seeds are repeats: a probe's figure is its mean over the seeds, and intervals and tests are over probes. How far the
seeds lie apart stands beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from workbench import console
from workbench.projections import published
from workbench.projections.compared import Compared, between
from workbench.projections.controls import is_control
from workbench.projections.published import Scored, Standing, standing
from workbench.projections.scores import LaneScores, scores
from workbench.reports import tables
from workbench.reports.csv_tables import Table
from workbench.sweep.tasks import Plan, Variant
from workbench.trace.reader import TraceReader

_Key = tuple[int, str]  # session and probe


@dataclass(frozen=True, slots=True)
class System:
    """A lane with a model and settings.

    Attributes:
        name: what tells it from the others.
        by_seed: accuracy of every seed.
        boards: of every seed, for what is counted.
        control: whether it is no memory but a control.
    """

    name: str
    lane: str
    model: str
    settings: Mapping[str, Any]
    sessions: int
    standing: Standing
    by_seed: Mapping[int, float]
    boards: tuple[LaneScores, ...]
    control: bool

    @property
    def spread(self) -> float | None:
        """Standard deviation of the seeds' accuracies; None for one seed."""
        return stdev(self.by_seed.values()) if len(self.by_seed) > 1 else None

    @property
    def recall(self) -> tuple[int, float] | None:
        """The deepest k and the recall there, mean over the seeds; None where nothing was retrieved."""
        found = [(b.retrieval.depth, b.retrieval.deepest) for b in self.boards if b.retrieval.n]
        return (found[0][0], fmean(share or 0.0 for _, share in found)) if found else None

    def mean(self, name: str) -> float:
        """A counted figure of :class:`LaneScores`, mean over the seeds."""
        return fmean(float(getattr(board, name)) for board in self.boards)

    def to_json(self) -> dict[str, Any]:
        """The system in ``sweep --json``; ``scores`` and ``papers`` as of ``score --json``."""
        found = self.recall
        return {
            "name": self.name,
            "lane": self.lane,
            "model": self.model,
            "settings": dict(self.settings),
            "control": self.control,
            "sessions": self.sessions,
            **published.to_json(self.standing),
            "accuracy_by_seed": {str(seed): round(value, 6) for seed, value in self.by_seed.items()},
            "sd_of_seeds": None if self.spread is None else round(self.spread, 6),
            "retrieval": {f"recall@{found[0]}": round(found[1], 4)} if found else {},
            "tokens": {"prompt": self.mean("prompt_tokens"), "generated": self.mean("generated_tokens")},
            "seconds": round(self.mean("seconds"), 3),
            "dropped": self.mean("dropped"),
            "failed": self.mean("failed"),
        }


@dataclass(frozen=True, slots=True)
class SweepTable:
    """Every system, and how they differ on the same probes."""

    systems: tuple[System, ...]
    compared: tuple[Compared, ...]

    def text(self) -> str:
        """The table for people."""
        standings = [system.standing for system in self.systems]
        parts = [tables.papers(standings), tables.figures(standings), tables.INTERVALS, self._counted()]
        return "\n\n".join(filter(None, [*parts, tables.compared(self.compared)]))

    def _counted(self) -> str:
        heads = ["sessions", "seeds", "sd of seeds", "recall", "tokens read", "written", "time", "dropped", "failed"]
        rows = [[system.name, *_cells(system)] for system in self.systems]
        empty = {
            i for i, head in enumerate(heads, 1) if head in ("sd of seeds", "recall") and not any(r[i] for r in rows)
        }
        kept = [head for i, head in enumerate(heads, 1) if i not in empty]
        rows = [[cell for i, cell in enumerate(row) if i not in empty] for row in rows]
        return console.table(["lane", *kept], rows, right=kept)

    def to_json(self) -> dict[str, Any]:
        """``{systems, comparisons}``."""
        return {
            "systems": [system.to_json() for system in self.systems],
            "comparisons": {one.score: one.to_json() for one in self.compared},
        }

    def csv_tables(self) -> list[Table]:
        """Systems by score, and comparisons."""
        head = (
            "lane",
            "model",
            "settings",
            "seeds",
            "sessions",
            "score",
            "n",
            "mean",
            "95 % from",
            "95 % to",
            "interval",
        )
        pair = ("score", "first", "second", "n", "second less first", "95 % from", "95 % to", "test", "p", "p (Holm)")
        found = [
            Table("systems", head, list(self._score_rows())),
            Table("comparisons", pair, [
                (one.score, p.first, p.second, c.n, c.difference, c.low, c.high, c.test, c.p, c.holm)
                for one in self.compared for p in one.pairs for c in [p.comparison]
            ]),
        ]  # fmt: skip
        return [table for table in found if table.rows]

    def _score_rows(self) -> Iterator[tuple[Any, ...]]:
        for own in self.systems:
            settings = " ".join(f"{key}={value}" for key, value in own.settings.items())
            for f in own.standing.figures:
                yield (own.lane, own.model, settings, len(own.by_seed), own.sessions, f.name, f.n, f.mean,
                       f.interval.low, f.interval.high, f.interval.method)  # fmt: skip


def _cells(own: System) -> list[str]:
    spread = "" if own.spread is None else f"{own.spread * 100:.1f}"
    recall = f"{own.recall[1]:.3f} @{own.recall[0]}" if own.recall else ""
    counted = [f"{own.mean(name):,.0f}" for name in ("prompt_tokens", "generated_tokens")]
    lost = [f"{own.mean(name):,.6g}" for name in ("dropped", "failed")]
    return [
        f"{own.sessions:,}",
        str(len(own.by_seed)),
        spread,
        recall,
        *counted,
        console.seconds(own.mean("seconds")),
        *lost,
    ]


def table(plan: Plan, runs: Mapping[str, Path]) -> SweepTable:
    """The table of a sweep.

    Args:
        runs: the merged run of every variant, by its name.
    """
    by_system: dict[str, list[Variant]] = {}
    for variant in plan.variants:
        if variant.name in runs:
            by_system.setdefault(variant.system, []).append(variant)
    systems: list[System] = []
    rows: dict[int, list[Scored]] = {}
    for name, variants in by_system.items():
        with ExitStack() as stack:
            readers = {v: stack.enter_context(closing(TraceReader(runs[v.name]))) for v in variants}
            for lane in plan.lanes:
                found = _system(plan, lane, name if len(by_system) > 1 else "", readers)
                if found:
                    rows[len(systems)] = found[1]
                    systems.append(found[0])
    names = {number: system.name for number, system in enumerate(systems) if not system.control}
    return SweepTable(tuple(systems), between(rows, names))


def _system(
    plan: Plan, lane: str, other: str, readers: Mapping[Variant, TraceReader]
) -> tuple[System, list[Scored]] | None:
    """A lane over the seeds of a model and settings, and its rows; None where no seed has it."""
    numbers = {source.digest: number for number, source in enumerate(plan.sources)}
    seeds: dict[int, dict[_Key, Scored]] = {}
    boards = []
    control = False
    for variant, reader in readers.items():
        row = next((row for row in reader.lanes() if row.name == lane and row.parent is None), None)
        if row is None:
            continue
        here = {number: numbers[digest] for digest, number in reader.session_hashes().items()}
        own = [replace(one, session=here[one.session]) for one in published.scored(reader)[0].get(row.id, ())]
        seeds[variant.config.seed] = {(one.session, one.probe.id): one for one in own}
        boards.append(next(board for board in scores(reader).lanes if board.lane.id == row.id))
        control = is_control(row)
    if not seeds:
        return None
    rows = _averaged(list(seeds.values()))
    name = f"{lane} · {other}" if other else lane
    first = next(iter(readers))
    accuracies = {seed: _accuracy(list(own.values())) for seed, own in seeds.items()}
    count = len({session for session, _ in set().union(*seeds.values())})
    return System(
        name,
        lane,
        first.model.name,
        first.settings,
        count,
        standing(rows, name=name),
        accuracies,
        tuple(boards),
        control,
    ), rows


def _averaged(seeds: Sequence[Mapping[_Key, Scored]]) -> list[Scored]:
    """Every probe once, with the means of what the seeds gave it."""
    if len(seeds) == 1:
        return list(seeds[0].values())
    found = []
    for key in dict.fromkeys(key for own in seeds for key in own):
        repeats = [own[key] for own in seeds if key in own]
        names = set.intersection(*(set(one.scores) for one in repeats))
        means = {name: fmean(one.scores[name] for one in repeats) for name in repeats[0].scores if name in names}
        found.append(replace(repeats[0], correct=fmean(float(one.correct) for one in repeats), scores=means))
    return found


def _accuracy(rows: Sequence[Scored]) -> float:
    right = [float(one.correct) for one in rows if not one.probe.abstain]
    return fmean(right) if right else 0.0
