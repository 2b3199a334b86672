"""The scoreboard: the same figures as counting by hand, at any cursor, while the trace grows."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.traces import write_trace
from workbench.probes import score_probe
from workbench.probes.statistics import interval, wilson
from workbench.projections.scores import LaneScores, Scoreboard, scores, to_json
from workbench.sessions import Probe, Session, Turn
from workbench.trace.events import OPERATIONS, Event, Kind
from workbench.trace.reader import TraceReader
from workbench.trace.writer import TraceWriter


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_trace(tmp_path_factory.mktemp("scores") / "run.mnemo")


@pytest.fixture
def reader(path: Path) -> Iterator[TraceReader]:
    with TraceReader(path) as opened:
        yield opened


def check(lane: LaneScores, events: list[Event]) -> None:
    """``lane`` says what counting these events by hand says."""
    scored = [e.payload for e in events if e.kind == Kind.SCORED]
    assert lane.overall.n + lane.abstention.n == len(scored) == sum(c.n for c in lane.cells)
    assert lane.overall.n == len([p for p in scored if p["scorer"] != "abstain"])
    for cell in lane.cells:
        own = [p["correct"] for p in scored if p["competency"] == cell.competency]
        assert (cell.n, cell.correct) == (len(own), sum(own))
        assert (cell.low, cell.high) == wilson(sum(own), len(own))
    shares = [p["recall"]["5"] for p in scored]
    assert lane.retrieval.recall == {} or lane.retrieval.recall[5] == pytest.approx(sum(shares) / len(shares))
    calls = [e.payload["tokens"] for e in events if e.kind == Kind.MODEL_CALLED]
    answers = [e.payload for e in events if e.kind == Kind.ANSWERED]
    assert lane.prompt_tokens == sum(t[0] for t in calls) + sum(a["prompt_tokens"] for a in answers)
    assert lane.generated_tokens == sum(t[1] for t in calls) + sum(len(a["tokens"]) for a in answers)
    timed = (Kind.TURN_CLOSED, Kind.RECALLED, Kind.ANSWERED)
    assert lane.seconds == pytest.approx(sum(e.ms for e in events if e.kind in timed) / 1000)
    assert lane.dropped == sum(e.kind == Kind.DROPPED for e in events)
    kinds = [e.kind for e in events]
    assert lane.operations == {str(k): kinds.count(k) for k in OPERATIONS if k in kinds}


@pytest.mark.parametrize("turn", [None, -1, 0, 17, 59])
@pytest.mark.parametrize("seq", [None, 0, 400, 900])
def test_the_board_counts_what_a_person_would_count(reader: TraceReader, turn: int | None, seq: int | None) -> None:
    board = scores(reader, 1, turn, seq)
    assert len(board.lanes) == 5
    for lane in board.lanes:
        events = list(reader.events(1, lane.lane.id, turns=None if turn is None else (-1, turn), up_to_seq=seq))
        check(lane, events)


def test_another_session_is_empty(reader: TraceReader) -> None:
    board = scores(reader, 7)
    assert board.competencies == ()
    assert [lane.overall.n for lane in board.lanes] == [0] * 5
    assert (board.lanes[0].overall.low, board.lanes[0].overall.high) == (0.0, 1.0)


def grow(writer: TraceWriter, session: int, lane: int, n: int, probe: Probe, answer: str, hits: list) -> None:
    payload = score_probe(probe, answer, hits)
    writer.append([Event(session, lane, probe.after, n, Kind.SCORED, probe.id, payload=payload)])


def board_of(reader: TraceReader, **where: int) -> Scoreboard:
    return scores(reader, **where)


def test_the_board_follows_a_growing_trace(tmp_path: Path) -> None:
    probe = Probe("p", 0, "Where?", ("Oslo",), "accurate_retrieval", (0,))
    away = Probe("q", 0, "Who?", (), "abstention", abstain=True)
    session = Session("s", (Turn(0, "user", "Oslo"),), (probe, away))
    with TraceWriter(tmp_path / "run.mnemo") as writer, writer.reader() as reader:
        assert scores(reader).lanes == ()
        number = writer.add_session(session, "x")
        first, second = (writer.add_lane(name, name, "full-cache", {}) for name in ("full", "bm25"))
        grow(writer, number, second, 1, probe, "in Oslo", [(2, True, (0,))])
        assert board_of(reader).competencies == ("accurate_retrieval",)
        grow(writer, number, first, 1, probe, "Lima", [])
        grow(writer, number, first, 2, away, "unknown", [])
        board = board_of(reader)
        writer.append([Event(number, first, 0, 3, Kind.LANE_FAILED)])
        failed = board_of(reader)
    assert board.competencies == ("accurate_retrieval", "abstention")
    full, bm25 = board.lanes
    assert (full.overall.n, full.overall.correct, full.abstention.n, full.abstention.correct) == (1, 0, 1, 1)
    assert [(c.competency, c.n, c.accuracy) for c in full.cells] == [
        ("accurate_retrieval", 1, 0.0),
        ("abstention", 1, 1.0),
    ]
    assert (full.retrieval.n, full.retrieval.recall, full.retrieval.ndcg) == (0, {}, None)
    assert bm25.cell("abstention") is None
    assert (bm25.retrieval.n, bm25.retrieval.recall) == (1, {1: 0.0, 5: 1.0, 10: 1.0})
    assert bm25.retrieval.ndcg == pytest.approx(0.63093)
    assert bm25.retrieval.interval == interval([1.0])
    assert bm25.retrieval.interval is not None and bm25.retrieval.interval.low < 0.25
    assert [lane.failed for lane in failed.lanes] == [1, 0]


def test_json_has_the_stable_shape(reader: TraceReader) -> None:
    data = to_json(scores(reader), reader)
    assert data.keys() >= {"run", "session", "lanes"}
    assert (data["run"], data["session"], len(data["lanes"])) == ("run.mnemo", "moving house, seed 0", 5)
    lane = data["lanes"][2]
    assert (lane["lane"], lane["memory"], lane["cache"], lane["model"]) == ("bm25", "bm25", "full-cache", "invented")
    for name in ("accurate_retrieval", "test_time_learning", "long_range_understanding", "conflict_resolution"):
        assert lane["competencies"][name].keys() >= {"n", "accuracy", "ci95", "interval"}
    assert lane["retrieval"].keys() >= {"n", "recall@1", "recall@5", "recall@10", "ndcg@10"}
    assert lane["tokens"].keys() == {"prompt", "generated"}
    assert isinstance(lane["seconds"], float)
    assert isinstance(lane["dropped"], int)
