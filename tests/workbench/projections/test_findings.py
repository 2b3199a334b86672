"""The findings of a session's lanes are what the detectors say, and are kept."""

from pathlib import Path

from tests.support.structures import run_of
from workbench.memory.detectors import detect
from workbench.projections.findings import findings_view
from workbench.trace.reader import TraceReader


def test_findings_are_those_of_the_detectors_and_are_kept(tmp_path: Path) -> None:
    with TraceReader(run_of(tmp_path, ("full", "a-mem", "mem0"), 16)) as reader:
        view = findings_view(reader, 1)
        for row in reader.lanes():
            own = view.lanes[row.id]
            assert list(own.findings) == detect(reader.events(1, row.id))
            assert sum(own.counts.values()) == sum(map(len, own.per_turn().values())) == len(own.findings)
        assert view.lanes[3].findings
        again = findings_view(reader, 1)
        assert all(again.lanes[lane] is view.lanes[lane] for lane in view.lanes)
