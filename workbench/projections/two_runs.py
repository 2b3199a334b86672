"""Two runs over the same sessions: which answers flipped, by probe and lane, and whether that is more than chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from workbench.errors import MnemoscopeError
from workbench.probes.competencies import ABSTENTION
from workbench.probes.statistics import Comparison, compare, holm
from workbench.projections.probe_table import ProbeLine, Verdict, probe_table
from workbench.projections.published import ACCURACY, Scored, headline, scored
from workbench.trace.reader import TraceReader

_NAMED = 3  # sessions that a refusal names


@dataclass(frozen=True, slots=True)
class Pairing:
    """What two runs have in common: ``sessions`` and ``lanes`` as number here to number there.

    Attributes:
        only_here, only_there: names of lanes that the other run does not have.
        sessions_only_here: names of sessions likewise.
    """

    sessions: Mapping[int, int]
    lanes: Mapping[int, int]
    only_here: tuple[str, ...] = ()
    only_there: tuple[str, ...] = ()
    sessions_only_here: tuple[str, ...] = ()
    sessions_only_there: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Flip:
    """A probe that a lane answered in both runs.

    Attributes:
        session, lane: numbers in the run here; ``turn``: after which it was asked.
        change: -1 for right here and wrong there, 1 for wrong here and right there, 0 for the same verdict.
    """

    session: int
    probe: str
    turn: int
    lane: int
    lane_name: str
    question: str
    gold: str
    here: Verdict
    there: Verdict

    @property
    def change(self) -> int:
        """See above."""
        return int(self.there.correct) - int(self.here.correct)


@dataclass(frozen=True, slots=True)
class LaneFlips:
    """How a lane of the run there differs from the same lane here, by one score, on the probes both answered.

    Attributes:
        lost, won: answers that turned from right to wrong, and from wrong to right, by our reading.
        here, there: means of the score.
        comparison: there less here; ``holm`` is corrected for all lanes compared by this score.
    """

    lane: int
    name: str
    score: str
    lost: int
    won: int
    here: float
    there: float
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class TwoRuns:
    """The pairs of answers in the order of sessions, probes and lanes, and the lanes that were compared."""

    pairing: Pairing
    flips: tuple[Flip, ...]
    lanes: tuple[LaneFlips, ...]


def pairing(here: TraceReader, there: TraceReader) -> Pairing:
    """Match sessions by their content and lanes by their names.

    Raises:
        MnemoscopeError: the runs have no session in common.
    """
    ours, theirs = here.session_hashes(), there.session_hashes()
    sessions = {number: theirs[sha] for sha, number in sorted(ours.items(), key=lambda kv: kv[1]) if sha in theirs}
    names, others = here.session_names(), there.session_names()
    if not sessions:
        raise MnemoscopeError(
            f"{there.path.name} is a run over {_listed(others)}, {here.path.name} over {_listed(names)}",
            "choose a run over the same session file",
        )
    lanes, by_name = here.lanes(), {row.name: row.id for row in there.lanes()}
    return Pairing(
        sessions,
        {row.id: by_name[row.name] for row in lanes if row.name in by_name},
        tuple(row.name for row in lanes if row.name not in by_name),
        tuple(name for name in by_name if name not in {row.name for row in lanes}),
        tuple(name for number, name in names.items() if number not in sessions),
        tuple(name for number, name in others.items() if number not in sessions.values()),
    )


def two_runs(here: TraceReader, there: TraceReader) -> TwoRuns:
    """All that both runs answered. Raises ``MnemoscopeError`` as ``pairing`` does."""
    common = pairing(here, there)
    flips = tuple(flip for session in common.sessions for flip in _flips(here, there, session, common))
    return TwoRuns(common, flips, _compared(here, there, common, flips))


def _flips(here: TraceReader, there: TraceReader, session: int, common: Pairing) -> list[Flip]:
    ours, theirs = probe_table(here, session), probe_table(there, common.sessions[session])
    lines: dict[str, ProbeLine] = {line.probe: line for line in theirs.lines}
    columns = {lane: place for place, (lane, _) in enumerate(theirs.lanes)}
    found = []
    for line in ours.lines:
        other = lines.get(line.probe)
        for (lane, name), one in zip(ours.lanes, line.verdicts, strict=True):
            match = common.lanes.get(lane)
            two = other.verdicts[columns[match]] if other is not None and match in columns else None
            if one is not None and two is not None:
                found.append(Flip(session, line.probe, line.turn, lane, name, line.question, line.gold, one, two))
    return found


def _compared(here: TraceReader, there: TraceReader, common: Pairing, flips: Sequence[Flip]) -> tuple[LaneFlips, ...]:
    """By our reading and by each benchmark's headline score; Holm's correction is over the lanes of one score."""
    (ours, _), (theirs, _) = scored(here), scored(there)
    names = {row.id: row.name for row in here.lanes()}
    found: dict[str, list[LaneFlips]] = {}
    for lane, match in common.lanes.items():
        one, two = _figures(ours.get(lane, ()), common.sessions), _figures(theirs.get(match, ()), None)
        for score in one.keys() & two.keys():
            keys = [k for k in one[score] if (common.sessions[k[0]], k[1]) in two[score]]
            if keys:
                first = [one[score][k] for k in keys]
                second = [two[score][common.sessions[k[0]], k[1]] for k in keys]
                mine = [flip.change for flip in flips if flip.lane == lane]
                means = (sum(first) / len(first), sum(second) / len(second))
                row = LaneFlips(lane, names[lane], score, mine.count(-1), mine.count(1), *means, compare(first, second))
                found.setdefault(score, []).append(row)
    return tuple(row for score in sorted(found, key=lambda s: (s != ACCURACY, s)) for row in _corrected(found[score]))


def _corrected(rows: Sequence[LaneFlips]) -> list[LaneFlips]:
    values = holm([row.comparison.p for row in rows])
    return [replace(r, comparison=replace(r.comparison, holm=v)) for r, v in zip(rows, values, strict=True)]


def _figures(rows: Sequence[Scored], sessions: Mapping[int, int] | None) -> dict[str, dict[tuple[int, str], float]]:
    """By score the figure of every probe, as (session, probe); only of these sessions, or of all."""
    found: dict[str, dict[tuple[int, str], float]] = {}
    for row in rows:
        if sessions is not None and row.session not in sessions:
            continue
        key, name = (row.session, row.probe.id), headline(row)
        found.setdefault(ABSTENTION if row.probe.abstain else ACCURACY, {})[key] = float(row.correct)
        if name:
            found.setdefault(name, {})[key] = row.scores[name]
    return found


def _listed(names: Mapping[int, str]) -> str:
    shown = [f"“{name[:60]}”" for name in list(names.values())[:_NAMED]]
    more = len(names) - len(shown)
    return (", ".join(shown) + (f" and {more} more" if more > 0 else "")) or "no session"
