"""The published scores of a run: each under its own name, by its paper's categories, and put together as in the paper.

Our own reading (right or wrong) stands beside them as ``accuracy``. Everything is a pure function of the trace; with
``errata`` the questions that are known to be wrong are left out, or scored again with a corrected gold.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any

from workbench.probes import score_answer
from workbench.probes.competencies import ABSTENTION
from workbench.probes.errata import Errata
from workbench.probes.papers import Column, Place, columns, place, score_title
from workbench.probes.scorers import JUDGED, NEEDS, RETRIEVED
from workbench.probes.statistics import Interval, interval
from workbench.projections.index import TraceIndex
from workbench.sessions.model import Probe
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader

ACCURACY = "accuracy"
"""Our own reading: the share that is right of the probes that have an answer; ``abstention`` is that of the others."""


@dataclass(frozen=True, slots=True)
class Group:
    """The part of a figure that belongs to one category."""

    category: str
    n: int
    mean: float


@dataclass(frozen=True, slots=True)
class Figure:
    """A score over ``n`` probes with its 95 % interval. ``judge`` names the model of a judged one."""

    name: str
    n: int
    mean: float
    interval: Interval
    by: tuple[Group, ...]
    judge: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """One lane, or the answers of another system.

    Attributes:
        name: the lane's.
        figures: ``accuracy`` first, then the published ones by name.
        papers: by benchmark the columns of the paper's table.
        missing: by name how many probes want a score that is not there, and why.
        left_out: probes that the errata name.
        lane: its number in the run.
    """

    name: str
    figures: tuple[Figure, ...]
    papers: Mapping[str, Sequence[Column]]
    missing: Mapping[str, tuple[int, str]]
    left_out: int = 0
    lane: int = 0


@dataclass(frozen=True, slots=True)
class Scored:
    """One probe as one lane answered it.

    Attributes:
        correct: right or wrong by our reading; of several repeats the share that is right.
        scores: the published figures that are known.
        judges: who gave which.
    """

    session: int
    probe: Probe
    place: Place
    correct: float
    scores: Mapping[str, float]
    judges: Mapping[str, str] = field(default_factory=dict)

    def judged(self, verdicts: Mapping[str, tuple[float, str]]) -> Scored:
        """The same with what judges said: by the score's name its value and who gave it."""
        if not verdicts:
            return self
        values = {**self.scores, **{name: value for name, (value, _) in verdicts.items()}}
        return replace(self, scores=values, judges={name: judge for name, (_, judge) in verdicts.items()})


def standings(
    reader: TraceReader,
    session: int | None = None,
    turn: int | None = None,
    seq: int | None = None,
    errata: Errata | None = None,
) -> tuple[Standing, ...]:
    """The lanes' published scores over a session (or all) up to a turn and an event, both included."""
    lanes = TraceIndex.of(reader).lanes
    found, gone = scored(reader, session, turn, seq, errata)
    return tuple(standing(found.get(i.id, ()), gone.get(i.id, 0), i.name, i.id) for i in lanes)


def scored(
    reader: TraceReader,
    session: int | None = None,
    turn: int | None = None,
    seq: int | None = None,
    errata: Errata | None = None,
) -> tuple[dict[int, list[Scored]], dict[int, int]]:
    """What every lane's probes were scored, in the order of the trace, and how many the errata leave out."""
    if errata is None:
        return _Log.of(reader).up_to(session, turn, seq), {}
    probes, texts = _Probes(reader), dict[Any, str]()
    judged: dict[Any, dict[str, tuple[float, str]]] = {}
    rows: list[tuple[int, int, str, dict[str, Any]]] = []
    kinds = (Kind.ANSWERED, Kind.SCORED, Kind.JUDGED)
    for number, lane, subject, kind, text in reader.query(_events(kinds), (session, turn, seq)):
        data = json.loads(text)
        if kind == Kind.SCORED:
            rows.append((number, lane, subject, data))
        elif kind == Kind.ANSWERED:
            texts[number, lane, subject] = data.get("text", "")
        elif data.get("value") is not None:
            judged.setdefault((number, lane, subject), {})[data["name"]] = (data["value"], data.get("judge", ""))
    found: dict[int, list[Scored]] = {}
    gone: dict[int, int] = {}
    for number, lane, subject, data in rows:
        probe = probes.get(number, subject)
        if probe is None:
            continue
        mended = errata.apply(probe, probes.names[number])
        if mended is None:
            gone[lane] = gone.get(lane, 0) + 1
            continue
        if mended is not probe:
            kept = {n: v for n, v in data.get("scores", {}).items() if n.split("@")[0] in RETRIEVED}
            data = score_answer(mended, texts.get((number, lane, subject), ""), probes.shared(number))
            data["scores"] |= kept
        verdicts = judged.get((number, lane, subject), {})
        found.setdefault(lane, []).append(_scored(probes, number, mended, data).judged(verdicts))
    return found, gone


def _events(kinds: Sequence[Kind]) -> str:
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    return (
        f"SELECT session, lane, subject, kind, payload FROM event WHERE kind IN ({listed}) "
        "AND (?1 IS NULL OR session = ?1) AND (?2 IS NULL OR turn <= ?2) AND (?3 IS NULL OR seq <= ?3) ORDER BY seq"
    )


def _scored(probes: _Probes, session: int, probe: Probe, data: Mapping[str, Any]) -> Scored:
    where = place(probe, probes.shared(session))
    return Scored(session, probe, where, bool(data["correct"]), data.get("scores", {}))


@dataclass
class _Entry:
    """A scored probe of the log: where it stands in the trace, and the verdicts on it so far."""

    seq: int
    turn: int
    lane: int
    scored: Scored
    verdicts: list[tuple[int, str, float, str]] = field(default_factory=list)

    def known(self, seq: int | None) -> Scored:
        """With the verdicts up to an event."""
        if not self.verdicts:
            return self.scored
        return self.scored.judged({n: (v, j) for at, n, v, j in self.verdicts if seq is None or at <= seq})


@dataclass
class _Part:
    """A lane's entries in one session. Probes are asked in the order of their turns, and found by them then."""

    entries: list[_Entry] = field(default_factory=list)
    turns: list[int] = field(default_factory=list)
    rising: bool = True

    def add(self, entry: _Entry) -> None:
        self.rising = self.rising and (not self.turns or entry.turn >= self.turns[-1])
        self.entries.append(entry)
        self.turns.append(entry.turn)

    def up_to(self, turn: int | None, seq: int | None) -> list[_Entry]:
        if turn is None:
            found = self.entries
        elif self.rising:
            found = self.entries[: bisect_right(self.turns, turn)]
        else:
            found = [e for e in self.entries if e.turn <= turn]
        return found if seq is None else [e for e in found if e.seq <= seq]


class _Log:
    """What was scored and judged, read once and then only what was added: a board follows the cursor."""

    def __init__(self, reader: TraceReader) -> None:
        self._probes, self._seq = _Probes(reader), 0
        self._parts: dict[int, dict[int, _Part]] = {}  # by session and lane
        self._by_probe: dict[tuple[int, int, str], list[_Entry]] = {}

    @classmethod
    def of(cls, reader: TraceReader) -> _Log:
        """The reader's log, up to date."""
        index = TraceIndex.of(reader)
        log: _Log = index.memo.get("scored") or index.memo.setdefault("scored", cls(index.reader))
        last = reader.last_seq()
        if last > log._seq:
            log._read(reader, last)
        return log

    def _read(self, reader: TraceReader, last: int) -> None:
        query = (
            "SELECT seq, session, turn, lane, subject, kind, payload FROM event "
            f"WHERE kind IN ('{Kind.SCORED}', '{Kind.JUDGED}') AND seq > ? AND seq <= ? ORDER BY seq"
        )
        for seq, session, turn, lane, subject, kind, text in reader.query(query, (self._seq, last)):
            data, key = json.loads(text), (session, lane, subject)
            if kind == Kind.JUDGED:
                if data.get("value") is not None:
                    verdict = (seq, data["name"], data["value"], data.get("judge", ""))
                    for entry in self._by_probe.get(key, ()):
                        entry.verdicts.append(verdict)
                continue
            probe = self._probes.get(session, subject)
            if probe is not None:
                entry = _Entry(seq, turn, lane, _scored(self._probes, session, probe, data))
                self._parts.setdefault(session, {}).setdefault(lane, _Part()).add(entry)
                self._by_probe.setdefault(key, []).append(entry)
        self._seq = last

    def up_to(self, session: int | None, turn: int | None, seq: int | None) -> dict[int, list[Scored]]:
        """By lane what was scored in a session up to a turn and an event, both included."""
        found: dict[int, list[_Entry]] = {}
        for number in self._parts if session is None else (session,):
            for lane, part in self._parts.get(number, {}).items():
                found.setdefault(lane, []).extend(part.up_to(turn, seq))
        if session is None:  # sessions overlap in the trace
            found = {lane: sorted(own, key=lambda e: e.seq) for lane, own in found.items()}
        return {lane: [entry.known(seq) for entry in own] for lane, own in found.items() if own}


class _Probes:
    """The probes of a run's sessions by id."""

    def __init__(self, reader: TraceReader) -> None:
        self._reader, self._by_id = reader, dict[int, dict[str, Probe]]()
        self.names = reader.session_names()

    def get(self, session: int, name: str) -> Probe | None:
        if session not in self._by_id:
            self._by_id[session] = {p.id: p for p in self._reader.session(session).probes}
        return self._by_id[session].get(name)

    def shared(self, session: int) -> Mapping[str, Any]:
        return self._reader.session(session).extra


def standing(rows: Sequence[Scored], left_out: int = 0, name: str = "", lane: int = 0, ours: bool = True) -> Standing:
    """Scored probes put together; without ``ours`` the published figures alone."""
    figures = [
        figure(own, [(r.place.category, float(r.correct)) for r in rows if r.probe.abstain is abstain])
        for own, abstain in ((ACCURACY, False), (ABSTENTION, True))
        if ours
    ]
    for score in sorted({score for row in rows for score in row.scores}):
        own = [(r.place.category, r.scores[score]) for r in rows if score in r.scores]
        judges = sorted({r.judges[score] for r in rows if score in r.judges})
        figures.append(figure(score, own, ", ".join(judges)))
    return Standing(name, tuple(f for f in figures if f.n), _papers(rows), _missing(rows), left_out, lane)


def figure(name: str, values: Sequence[tuple[str, float]], judge: str = "") -> Figure:
    """A score from its values with their categories."""
    numbers = [value for _, value in values]
    if not numbers:
        return Figure(name, 0, 0.0, Interval(0.0, 1.0, "wilson"), (), judge)
    low_high = interval(numbers)
    groups: dict[str, list[float]] = {}
    for category, value in values:
        groups.setdefault(category, []).append(value)
    by = tuple(Group(category, len(own), fmean(own)) for category, own in sorted(groups.items()))
    return Figure(name, len(numbers), fmean(numbers), low_high, by, judge)


def headline(row: Scored) -> str:
    """The score that a probe's benchmark publishes: the first it names of those that are known."""
    names = [n for n in row.probe.scores if n in row.scores]
    return names[0] if names and names[0] not in RETRIEVED else ""


def _papers(rows: Iterable[Scored]) -> dict[str, list[Column]]:
    found: dict[str, dict[str, tuple[str, list[float]]]] = {}
    for row in rows:
        again = row.place.benchmark == "LongMemEval" and row.probe.abstain
        for table, name in tables(row):
            for category in (row.place.category, *([ABSTENTION] if again else [])):
                kept = found.setdefault(table, {}).setdefault(category, (name, []))
                if kept[0] == name:  # where some are judged and some are not, no mean of both
                    kept[1].append(row.scores[name])
    return {table: columns(table.partition(", ")[0], parts) for table, parts in sorted(found.items())}


def tables(row: Scored) -> Iterator[tuple[str, str]]:
    """The tables that a probe counts in, and by which score: its benchmark's, and a further one of each judge.

    Later papers judge LoCoMo's answers and report that by category, too: ``LoCoMo, LLM judge``.
    """
    name, benchmark = headline(row), row.place.benchmark
    if name and benchmark:
        yield benchmark, name
        for other in row.probe.scores:
            if other in JUDGED and other != name and other in row.scores:
                yield f"{benchmark}, {score_title(other)}", other


def _missing(rows: Iterable[Scored]) -> dict[str, tuple[int, str]]:
    found: dict[str, tuple[int, str]] = {}
    for row in rows:
        for name in row.probe.scores:
            known = any(n.split("@")[0] == name for n in row.scores) if name in RETRIEVED else name in row.scores
            if known or (name in RETRIEVED and not row.probe.evidence):
                continue
            why = "`mnemoscope judge` gives it" if name in JUDGED else NEEDS.get(name, "needs what a lane retrieves")
            found[name] = (found.get(name, (0, ""))[0] + 1, why)
    return found


def to_json(own: Standing) -> dict[str, Any]:
    """``scores`` and ``papers`` of a lane in ``score --json``."""
    data: dict[str, Any] = {"scores": {f.name: figure_json(f) for f in own.figures}}
    data["papers"] = {benchmark: {c.title: _column_json(c) for c in table} for benchmark, table in own.papers.items()}
    data["not_scored"] = {name: {"n": n, "why": why} for name, (n, why) in own.missing.items()}
    return data | ({"left_out": own.left_out} if own.left_out else {})


def _column_json(column: Column) -> dict[str, Any]:
    data: dict[str, Any] = {"score": column.score, "n": column.n, "mean": round(column.mean, 9)}
    if column.interval:
        low, high = column.interval.low, column.interval.high
        data |= {"ci95": [round(low, 4), round(high, 4)], "interval": column.interval.method}
    return data


def figure_json(found: Figure) -> dict[str, Any]:
    """``{n, mean, ci95, interval, by}``, and ``judge`` where a model gave it."""
    data: dict[str, Any] = {
        "n": found.n,
        "mean": round(found.mean, 9),
        "ci95": [round(found.interval.low, 4), round(found.interval.high, 4)],
        "interval": found.interval.method,
        "by": {g.category: {"n": g.n, "mean": round(g.mean, 9)} for g in found.by},
    }
    return data | ({"judge": found.judge} if found.judge else {})
