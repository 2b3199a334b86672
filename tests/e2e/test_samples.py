"""The sample sessions through real lanes on the bundled model."""

from pathlib import Path

import pytest

from workbench import paths
from workbench.engine.config import RunConfig
from workbench.engine.run import run
from workbench.projections.scores import scores
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader

LANES = ("full", "window", "bm25", "dense", "a-mem")
SAMPLES = ("accurate-retrieval", "test-time-learning", "long-range-understanding", "conflict-resolution", "mixed-long")


def replay(folder: Path, sample: str, *lanes: str) -> Path:
    session = paths.sample_sessions() / f"{sample}.json"
    return run(
        RunConfig((session,), lanes, embedder="minilm" if "dense" in lanes else "hash", out=folder / "run.mnemo")
    )


def accuracy(path: Path) -> dict[str, float]:
    with TraceReader(path) as reader:
        return {lane.lane.name: lane.overall.accuracy for lane in scores(reader).lanes}


def test_retrieval_answers_what_no_memory_cannot(tmp_path: Path) -> None:
    """Some thirty values compete in every slot, so that chance is under one in ten."""
    path = replay(tmp_path, "accurate-retrieval", "bm25", "window:turns=1")
    got = accuracy(path)
    assert got["bm25"] >= 0.4
    assert got["bm25"] > got["window:turns=1"]
    with TraceReader(path) as reader:
        assert not list(reader.events(kinds=[Kind.CAPTURED])), "the arrays are kept when asked for"
        summed = next(reader.events(kinds=[Kind.SUMMED]))
        rows = reader.array(summed.payload["blobs"]["rows"]).astype("float32")
        assert rows.shape[-1] == len(summed.payload["spans"])
        assert (rows.sum(-1) > 0.5).all() and (rows.sum(-1) < 1.01).all()


@pytest.mark.slow
@pytest.mark.parametrize("sample", SAMPLES)
def test_every_sample_ends_in_every_lane(tmp_path: Path, sample: str) -> None:
    path = replay(tmp_path, sample, *LANES)
    with TraceReader(path) as reader:
        assert not list(reader.events(kinds=[Kind.LANE_FAILED]))
        session = reader.session(1)
        assert reader.last_turn(1) == session.turns[-1].index
        asked = len(session.probes)
        assert reader.query("SELECT count(*) FROM event WHERE kind = 'probe.scored'")[0][0] == asked * len(LANES)
