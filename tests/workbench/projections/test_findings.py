"""The findings of a session's lanes are what the detectors say, and are kept."""

from collections import Counter
from pathlib import Path

from tests.support.structures import run_of
from workbench.memory.detectors import KINDS, detect
from workbench.memory.registry import STRATEGIES
from workbench.projections.findings import finding_counts, findings_view
from workbench.trace.reader import TraceReader


def test_findings_are_those_of_the_detectors_and_are_kept(tmp_path: Path) -> None:
    with TraceReader(run_of(tmp_path, ("full", "a-mem", "mem0"), 16)) as reader:
        view = findings_view(reader, 1)
        for row in reader.lanes():
            own = view.lanes[row.id]
            assert list(own.findings) == detect(reader.events(1, row.id), reader.session(1).turns)
            assert sum(own.counts.values()) == sum(map(len, own.per_turn().values())) == len(own.findings)
        assert view.lanes[3].findings
        again = findings_view(reader, 1)
        assert all(again.lanes[lane] is view.lanes[lane] for lane in view.lanes)


def test_the_detectors_look_at_every_kind_of_lane(tmp_path: Path) -> None:
    with TraceReader(run_of(tmp_path, turns=8)) as reader:
        view, counted = findings_view(reader, 1), finding_counts(reader)
        assert [row.memory for row in reader.lanes()] == list(STRATEGIES)
        assert view.lanes.keys() == counted.keys() == {row.id for row in reader.lanes()}
        for row in reader.lanes():
            found = detect(reader.events(1, row.id), reader.session(1).turns)
            assert Counter(f.kind for f in found) == counted[row.id]
            assert sorted(f.turn for f in found) == sorted(
                f.turn for turn in view.lanes[row.id].per_turn().values() for f in turn
            )
        assert {kind for found in counted.values() for kind in found} <= KINDS.keys()
        assert sum(bool(sum(found.values())) for found in counted.values()) > len(STRATEGIES) // 2
