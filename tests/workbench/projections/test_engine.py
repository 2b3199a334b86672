"""The engine at a cursor: measurements in order, speeds between them, caches of lanes."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.traces import write_trace
from workbench.llm.load import Buffer, Load
from workbench.projections.engine import engine
from workbench.trace.events import Event, Kind
from workbench.trace.reader import TraceReader
from workbench.trace.writer import TraceWriter

MB = 1 << 20
BUFFERS = (
    Buffer("CPU_Mapped", "weights", "model", 30 * MB),
    Buffer("CUDA0", "weights", "model", 60 * MB),
    Buffer("CUDA0", "cache", "work", 100 * MB),
)


def measured(after: float, tokens: int, seconds: float, **more: Any) -> dict[str, Any]:
    load = Load(1, BUFFERS, 92 * MB, 90 * MB, 400 * MB, 24, 12, 1000, 8, 4096, tokens=tokens, seconds=seconds)
    return load.to_json() | {"after": after} | more


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run whose engine was started twice; measurements before the first turn, after turn 20, and at the end."""
    path = write_trace(tmp_path / "run.mnemo")
    with TraceReader(path) as reader:
        n = reader.query("SELECT coalesce(max(n), 0) FROM event WHERE session = 0 AND lane = 0")[0][0]
    samples = [
        measured(0.0, 0, 0.0),
        measured(10.0, 5000, 10.0, active=3, waiting=1, answering=1),
        measured(0.5, 0, 0.0),  # started again
        measured(4.5, 400, 4.0, held=2000),
    ]
    with TraceWriter(path) as writer:
        for place, payload in enumerate(samples):
            writer.append([Event(0, 0, -1, n + 1 + place, Kind.ENGINE_MEASURED, payload=payload)])
    return path


def test_a_run_without_measurements_has_no_view(tmp_path: Path) -> None:
    with TraceReader(write_trace(tmp_path / "old.mnemo")) as reader:
        assert engine(reader, 1, 5) is None


def test_measurements_give_speed_and_queue_through_two_starts(run: Path) -> None:
    with TraceReader(run) as reader:
        view = engine(reader, 1, 5, reader.last_seq())
    assert view is not None
    assert [s.after for s in view.samples] == [0.0, 10.0, 10.5, 14.5]
    assert [s.speed for s in view.samples] == [None, 500.0, None, 100.0]
    assert [s.queue for s in view.samples] == [0, 5, 0, 0]
    assert view.now == 3 and view.sample.held == 2000
    assert view.read_per_token == 30 * MB, "what lies on the GPU is not read by the processor"
    assert [(d, [p.what for p in pieces]) for d, pieces in view.devices.items()] == [
        ("CUDA0", ["cache of memory operations", "weights"]),
        ("CPU_Mapped", ["weights"]),
    ]


def test_before_the_first_measurement_the_first_is_shown(run: Path) -> None:
    with TraceReader(run) as reader:
        view = engine(reader, 1, 0, 1)
    assert view is not None and view.now == 0


def test_each_lanes_last_prompt_is_weighed(run: Path) -> None:
    with TraceReader(run) as reader:
        view = engine(reader, 1, 59)
        assert view is not None and view.lanes
        for lane in view.lanes:
            kinds = (Kind.MODEL_CALLED, Kind.ANSWERED)
            last = [e for e in reader.events(1, lane.lane) if e.kind in kinds and e.turn <= 59][-1]
            said = last.payload
            assert lane.tokens == (said["prompt_tokens"] if last.kind == Kind.ANSWERED else said["tokens"][0])
            assert lane.bytes == lane.tokens * 1000
