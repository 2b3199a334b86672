"""Every memory strategy on every sample session, on the bundled model: nothing fails, and each one does its work."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.test_samples import SAMPLES
from workbench import paths
from workbench.engine.config import RunConfig
from workbench.engine.run import run
from workbench.memory.registry import STRATEGIES
from workbench.trace.events import Event, Kind
from workbench.trace.reader import TraceReader

AT_ONCE = 6
"""Lanes of one run; more share the batch, and the memory, of one context."""
FIXED = ("instruction", "question")

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("first", range(0, len(STRATEGIES), AT_ONCE))
@pytest.mark.parametrize("sample", SAMPLES)
def test_it_stores_retrieves_and_answers(tmp_path: Path, sample: str, first: int) -> None:
    lanes = tuple(STRATEGIES)[first : first + AT_ONCE]
    session = paths.sample_sessions() / f"{sample}.json"
    path = run(RunConfig((session,), lanes, capture="off", out=tmp_path / "run.mnemo"))
    with TraceReader(path) as reader:
        assert [row.name for row in reader.lanes()] == list(lanes)
        asked = {p.id for p in reader.session(1).probes}
        for row in reader.lanes():
            assert list(wanting(list(reader.events(1, row.id)), asked)) == [], row.name


def wanting(events: list[Event], asked: set[str]) -> Iterator[str]:
    """What a lane did not do that it should have."""
    yield from (f"failed at turn {e.turn}: {e.payload['message']}" for e in events if e.kind == Kind.LANE_FAILED)
    if not any(e.kind == Kind.WRITTEN for e in events):
        yield "stored nothing"
    read = {e.subject for e in events if e.kind == Kind.PACKED and any(map(_remembered, e.payload["spans"]))}
    said = {e.subject for e in events if e.kind == Kind.ANSWERED and e.payload["text"].strip()}
    if 2 * len(read) < len(asked):  # a bucket, a tier or a gate may be empty now and then
        yield f"nothing from memory in the context of {len(asked - read)} of {len(asked)} probes"
    if not any(e.kind == Kind.SCORED and e.payload["correct"] for e in events):
        yield "answered nothing right"
    yield from (f"no answer to {probe}" for probe in sorted(asked - said))


def _remembered(span: dict[str, object]) -> bool:
    return span["kind"] not in FIXED and bool(str(span["text"]).strip())
