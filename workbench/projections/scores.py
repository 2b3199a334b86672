"""The scoreboard at the cursor: per lane and competency how many were right, what was retrieved, what it cost."""

from __future__ import annotations

import json
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from workbench.probes.competencies import ABSTENTION, family, ordered
from workbench.probes.retrieval import CUTOFFS
from workbench.probes.statistics import Interval, interval, wilson
from workbench.projections.repeated import made_with
from workbench.sessions.model import Probe
from workbench.trace.events import OPERATIONS, Kind
from workbench.trace.reader import LaneRow, TraceReader


@dataclass(frozen=True, slots=True)
class Cell:
    """A lane's accuracy on one competency: share right of n probes with Wilson's 95 % interval; ``score`` is the mean
    of the scorers' figures, which for F1 and the like says more than right or wrong."""

    competency: str
    n: int
    correct: int
    accuracy: float
    low: float
    high: float
    score: float


@dataclass(frozen=True, slots=True)
class RetrievalScores:
    """Means over the n probes whose evidence is known and for which the lane retrieved.

    Attributes:
        recall: mean share of the evidence among the returned hits, by k (1, 5, 10, and ``depth``); a lane that returns
            fewer has no figure beyond; empty for n = 0.
        ndcg: mean NDCG at ``depth``; None for n = 0.
        depth: 10, or how many the lane returns if that is less.
        interval: 95 % interval of the recall at ``depth``; None for n = 0.
    """

    n: int
    recall: Mapping[int, float] = field(default_factory=dict)
    ndcg: float | None = None
    depth: int = CUTOFFS[-1]
    interval: Interval | None = None

    @property
    def deepest(self) -> float | None:
        """Recall at ``depth``; None for n = 0."""
        return self.recall.get(self.depth)


@dataclass(frozen=True, slots=True)
class Results:
    """What a lane scored: ``cells`` and ``retrieval`` as ``LaneScores`` has them."""

    cells: tuple[Cell, ...]
    retrieval: RetrievalScores


@dataclass(frozen=True, slots=True)
class LaneScores:
    """One lane of the scoreboard.

    Attributes:
        cells: one per competency that was probed, in the board's order, and one of abstention.
        overall: all probes that have an answer; abstention is no part of it.
        prompt_tokens, generated_tokens: of every model call, answers included.
        seconds: of the lane's own steps, without the wait for the other lanes (runs of the first version hold it).
        dropped: what the strategy wanted to store and lost.
        failed: turns and probes that ended in a defect of the strategy.
        operations: how many of each kind (``item.written`` ...); kinds that did not happen are left out.
    """

    lane: LaneRow
    cells: tuple[Cell, ...]
    overall: Cell
    retrieval: RetrievalScores
    prompt_tokens: int
    generated_tokens: int
    seconds: float
    dropped: int
    failed: int
    operations: Mapping[str, int]

    @property
    def abstention(self) -> Cell:
        """The probes that have no answer; ``n`` is 0 where none was asked."""
        return self.cell(ABSTENTION) or _together(ABSTENTION, ())

    def cell(self, competency: str) -> Cell | None:
        """The cell of a competency, None when this lane was not probed for it."""
        return next((c for c in self.cells if c.competency == competency), None)


@dataclass(frozen=True, slots=True)
class Scoreboard:
    """All lanes; ``session`` None stands for all sessions together, ``turn`` None for the whole run."""

    session: int | None
    turn: int | None
    competencies: tuple[str, ...]
    lanes: tuple[LaneScores, ...]


def scores(
    reader: TraceReader, session: int | None = None, turn: int | None = None, up_to_seq: int | None = None
) -> Scoreboard:
    """The scoreboard of a session (or of all) up to a turn and an event, both included."""
    ledger = _Ledger.of(reader)
    probes, events = ledger.probes.up_to(session, turn, up_to_seq), ledger.events.up_to(session, turn, up_to_seq)
    names, own = _results(ledger, probes)
    spent = _spent(ledger, events)
    lanes = tuple(_lane(row, own[row.id], spent) for row in ledger.lanes)
    return Scoreboard(session, turn, names, lanes)


def results(
    reader: TraceReader, session: int | None = None, turn: int | None = None, up_to_seq: int | None = None
) -> dict[int, Results]:
    """By lane what ``scores`` counts, without what it cost: a board that follows the cursor has no use for that."""
    ledger = _Ledger.of(reader)
    return _results(ledger, ledger.probes.up_to(session, turn, up_to_seq))[1]


_TIMED = (Kind.TURN_CLOSED, Kind.RECALLED, Kind.ANSWERED)
_COUNTED = (*OPERATIONS, Kind.DROPPED, Kind.LANE_FAILED)
_KINDS = (*_TIMED, *_COUNTED, Kind.MODEL_CALLED)
_CODE = {str(kind): code for code, kind in enumerate(_KINDS)}
_WHERE = {"seq": "i8", "session": "i4", "turn": "i4", "lane": "i4"}
_EVENT = _WHERE | {"kind": "i4", "ms": "f8", "prompt": "f8", "generated": "f8"}
_PROBE = _WHERE | {"competency": "i4", "correct": "f8", "score": "f8", "ndcg": "f8", "k": "i4", "deepest": "f8"}
_PROBE |= {f"@{k}": "f8" for k in CUTOFFS}
_RETRIEVAL = ("ndcg", "k", "deepest", *(f"@{k}" for k in CUTOFFS))

_Columns = dict[str, NDArray[Any]]


class _Table:
    """Rows in order of ``seq``, column by column, that grow with the trace."""

    def __init__(self, types: Mapping[str, str]) -> None:
        self.columns: _Columns = {name: np.empty(0, kind) for name, kind in types.items()}

    def add(self, rows: list[tuple[Any, ...]]) -> None:
        """Append rows whose values are in the order of the columns."""
        if rows:
            for (name, old), new in zip(self.columns.items(), zip(*rows, strict=True), strict=True):
                self.columns[name] = np.concatenate([old, np.array(new, old.dtype)])

    def up_to(self, session: int | None, turn: int | None, seq: int | None) -> _Columns:
        """The rows of a session up to a turn and an event, both included."""
        rows = self.columns
        if seq is not None:
            end = int(np.searchsorted(rows["seq"], seq, side="right"))
            rows = {name: column[:end] for name, column in rows.items()}
        wanted = np.ones(len(rows["seq"]), bool)
        if session is not None:
            wanted &= rows["session"] == session
        if turn is not None:
            wanted &= rows["turn"] <= turn
        return rows if wanted.all() else {name: column[wanted] for name, column in rows.items()}


class _Ledger:
    """What the scoreboard needs of the trace, read once and then only what was added: a cursor moves 60 times a second.

    Belongs to one reader, and so to one thread.
    """

    _of: ClassVar[weakref.WeakKeyDictionary[TraceReader, _Ledger]] = weakref.WeakKeyDictionary()

    def __init__(self) -> None:
        self.probes, self.events = _Table(_PROBE), _Table(_EVENT)
        self.competencies: list[str] = []
        self.lanes: tuple[LaneRow, ...] = ()
        self.seq = 0

    @classmethod
    def of(cls, reader: TraceReader) -> _Ledger:
        """The reader's ledger, up to date."""
        ledger = cls._of.setdefault(reader, cls())
        last = reader.last_seq()
        if last > ledger.seq or not ledger.lanes:
            ledger._read(reader, last)
        return ledger

    def _read(self, reader: TraceReader, last: int) -> None:
        self.lanes = reader.lanes()
        span = (self.seq, last)
        self.events.add([(*row[:4], _CODE[row[4]], *row[5:]) for row in reader.query(_EVENTS_SQL, span)])
        scored = reader.query(_PROBES_SQL, (str(Kind.SCORED), *span))
        rows = [(row, json.loads(row[4])) for row in scored]
        old = _returned(reader, span) if any("k" not in data for _, data in rows) else {}
        self.probes.add([(*row[:4], *self._scored(data, old.get((row[1], row[3], row[5]), 0))) for row, data in rows])
        self.seq = last

    def _scored(self, data: Mapping[str, Any], returned: int) -> tuple[Any, ...]:
        """``returned`` is the lane's k for events that do not tell it."""
        name = ABSTENTION if data.get("scorer") == "abstain" else data["competency"]
        if name not in self.competencies:
            self.competencies.append(name)
        recall, ndcg, k = data.get("recall") or {}, data.get("ndcg"), data.get("k", returned)
        depth = min(k or CUTOFFS[-1], CUTOFFS[-1])
        shares = (recall.get(str(cut), np.nan) if cut <= depth else np.nan for cut in CUTOFFS)
        gain = np.nan if ndcg is None else ndcg
        # Runs of the first version cut at 1, 5 and 10 alone: at 10 such a lane has what it has at its own k.
        deepest = recall.get(str(depth), recall.get(str(CUTOFFS[-1]), np.nan))
        place = self.competencies.index(name)
        return (place, data["correct"], data["score"], gain, depth, deepest, *shares)


def _returned(reader: TraceReader, span: tuple[int, int]) -> dict[tuple[int, int, str], int]:
    """How many each recall could return, by session, lane and probe."""
    query = (
        "SELECT session, lane, subject, coalesce(json_extract(payload, '$.k'), 0) FROM event "
        "WHERE kind = ?1 AND seq > ?2 AND seq <= ?3"
    )
    rows = reader.query(query, (str(Kind.RECALLED), *span))
    return {(session, lane, probe): k for session, lane, probe, k in rows}


def _listed(kinds: tuple[Kind, ...]) -> str:
    return ", ".join(f"'{k}'" for k in kinds)


ANSWER_TOKENS_SQL = "coalesce(json_extract(payload, '$.generated'), json_array_length(payload, '$.tokens'))"
"""Generated tokens of an ``answer.finished``: a server counts them and does not tell them."""
# Kind by kind, so that SQLite takes the index by kind; of the payloads only those that hold tokens are parsed.
_EVENTS_SQL = " UNION ALL ".join(
    f"SELECT seq, session, turn, lane, kind, ms, {prompt}, {generated} FROM event "
    f"WHERE kind IN ({_listed(kinds)}) AND seq > ?1 AND seq <= ?2"
    for kinds, prompt, generated in (
        ((Kind.TURN_CLOSED, Kind.RECALLED, *_COUNTED), "0", "0"),
        ((Kind.MODEL_CALLED,), "json_extract(payload, '$.tokens[0]')", "json_extract(payload, '$.tokens[1]')"),
        ((Kind.ANSWERED,), "json_extract(payload, '$.prompt_tokens')", ANSWER_TOKENS_SQL),
    )
) + " ORDER BY seq"  # fmt: skip
_PROBES_SQL = (
    "SELECT seq, session, turn, lane, payload, subject FROM event "
    "WHERE kind = ?1 AND seq > ?2 AND seq <= ?3 ORDER BY seq"
)


def _results(ledger: _Ledger, probes: _Columns) -> tuple[tuple[str, ...], dict[int, Results]]:
    """The competencies that were probed, and by lane's number what it scored."""
    names = ordered(ledger.competencies[i] for i in np.unique(probes["competency"]))
    places = [ledger.competencies.index(name) for name in names]
    size = max(1, len(ledger.competencies))
    n, correct, score = (_sums(ledger, probes, "competency", size, what) for what in (None, "correct", "score"))
    by_lane = np.argsort(probes["lane"], kind="stable")
    columns = {name: probes[name][by_lane] for name in ("lane", *_RETRIEVAL)}
    found = {}
    for row in ledger.lanes:
        begin, end = np.searchsorted(columns["lane"], (row.id, row.id + 1))
        cells = (
            _cell(name, *(v[row.id, i] for v in (n, correct, score))) for name, i in zip(names, places, strict=True)
        )
        retrieval = _retrieval({name: columns[name][begin:end] for name in _RETRIEVAL})
        found[row.id] = Results(tuple(c for c in cells if c.n), retrieval)
    return names, found


@dataclass(frozen=True, slots=True)
class _Spent:
    """Sums by lane (first axis; the lane's number) and kind of event, in one pass each."""

    counts: NDArray[Any]
    ms: NDArray[Any]
    prompt: NDArray[Any]
    generated: NDArray[Any]


def _spent(ledger: _Ledger, events: _Columns) -> _Spent:
    return _Spent(*(_sums(ledger, events, "kind", len(_KINDS), what) for what in (None, "ms", "prompt", "generated")))


def _sums(ledger: _Ledger, rows: _Columns, column: str, size: int, what: str | None) -> NDArray[Any]:
    """How many rows there are, or the sum of ``what``: ``[lane, value of the column]``."""
    lanes = 1 + max((row.id for row in ledger.lanes), default=0)
    places = rows["lane"] * size + rows[column]
    return np.bincount(places, rows[what] if what else None, lanes * size).reshape(lanes, size)


def _lane(row: LaneRow, own: Results, spent: _Spent) -> LaneScores:
    counts = spent.counts[row.id]
    return LaneScores(
        row,
        own.cells,
        _overall(own.cells),
        own.retrieval,
        int(spent.prompt[row.id].sum()),
        int(spent.generated[row.id].sum()),
        float(spent.ms[row.id, [_CODE[k] for k in _TIMED]].sum()) / 1000,
        int(counts[_CODE[Kind.DROPPED]]),
        int(counts[_CODE[Kind.LANE_FAILED]]),
        {str(k): int(counts[_CODE[k]]) for k in OPERATIONS if counts[_CODE[k]]},
    )


def _cell(competency: str, n: float, correct: float, score: float) -> Cell:
    n, correct = int(n), int(correct)
    low, high = wilson(correct, n)
    return Cell(competency, n, correct, correct / n if n else 0.0, low, high, float(score) / n if n else 0.0)


def _overall(cells: Sequence[Cell]) -> Cell:
    return _together("overall", [c for c in cells if c.competency != ABSTENTION])


def _together(name: str, cells: Sequence[Cell]) -> Cell:
    return _cell(name, sum(c.n for c in cells), sum(c.correct for c in cells), sum(c.score * c.n for c in cells))


def _retrieval(probes: _Columns) -> RetrievalScores:
    measured = ~np.isnan(probes["@1"])
    if not measured.any():
        return RetrievalScores(0)
    depth = int(probes["k"][measured].min())
    shares = {k: probes[f"@{k}"][measured] for k in CUTOFFS if k <= depth} | {depth: probes["deepest"][measured]}
    gains = probes["ndcg"][measured]
    known = gains[~np.isnan(gains)]
    return RetrievalScores(
        int(measured.sum()),
        {k: float(v.mean()) for k, v in sorted(shares.items())},
        float(known.mean()) if len(known) else None,
        depth,
        interval(shares[depth].tolist()),
    )


class Verdict(Protocol):
    """A probe and whether it was right: ``published.Scored``, which this module does not import."""

    @property
    def probe(self) -> Probe:
        """What was asked."""
        ...

    @property
    def correct(self) -> float:
        """Right or wrong by our reading."""
        ...


def without(board: Scoreboard, rows: Mapping[int, Sequence[Verdict]]) -> Scoreboard:
    """The board with only these probes, by lane's number, in its cells. Retrieval and costs stay those of all."""
    lanes = []
    for lane in board.lanes:
        own = [(family(row.probe), bool(row.correct)) for row in rows.get(lane.lane.id, ())]
        by = {name: [right for kind, right in own if kind == name] for name in board.competencies}
        cells = tuple(_cell(name, len(v), sum(v), sum(v)) for name, v in by.items() if v)
        lanes.append(replace(lane, cells=cells, overall=_overall(cells)))
    return replace(board, lanes=tuple(lanes))


def to_json(board: Scoreboard, reader: TraceReader) -> dict[str, Any]:
    """The stable shape of ``mnemoscope score --json``; keys may be added, none changes its meaning."""
    names = reader.session_names()
    chosen = names.values() if board.session is None else [names[board.session]]
    model = model_name(reader)
    return {
        "run": reader.path.name,
        "session": ", ".join(chosen),
        "made_with": made_with(reader),
        "lanes": [_lane_json(lane, model) for lane in board.lanes],
    }


def model_name(reader: TraceReader) -> str:
    """What the run was made with, by the engine's own record; empty for a run that never loaded a model."""
    loaded = list(reader.events(lane=0, kinds=(Kind.ENGINE_LOADED,)))
    return str(loaded[-1].payload.get("name", "")) if loaded else ""


def _lane_json(lane: LaneScores, model: str) -> dict[str, Any]:
    found = lane.retrieval
    retrieval: dict[str, Any] = {"n": found.n}
    retrieval |= {f"recall@{k}": _short(found.recall.get(k)) for k in sorted({*CUTOFFS, *found.recall})}
    retrieval |= {"ndcg@10": None, f"ndcg@{found.depth}": _short(found.ndcg)}
    if found.interval:
        retrieval[f"recall@{found.depth}_ci95"] = [_short(found.interval.low), _short(found.interval.high)]
        retrieval["interval"] = found.interval.method
    return {
        "lane": lane.lane.name,
        "memory": lane.lane.memory,
        "cache": lane.lane.cache,
        "model": model,
        "competencies": {c.competency: _cell_json(c) for c in lane.cells},
        "overall": _cell_json(lane.overall),
        "retrieval": retrieval,
        "tokens": {"prompt": lane.prompt_tokens, "generated": lane.generated_tokens},
        "seconds": round(lane.seconds, 3),
        "dropped": lane.dropped,
        "failed": lane.failed,
        "operations": dict(lane.operations),
    }


def _cell_json(cell: Cell) -> dict[str, Any]:
    accuracy = _short(cell.accuracy) if cell.n else None
    ci95 = [_short(cell.low), _short(cell.high)]
    score = _short(cell.score) if cell.n else None
    return {"n": cell.n, "accuracy": accuracy, "ci95": ci95, "interval": "wilson", "score": score}


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
