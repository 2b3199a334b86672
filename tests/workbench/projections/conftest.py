from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.traces import write_trace
from tests.workbench.projections.story import write_story
from workbench.trace.reader import TraceReader


@pytest.fixture
def story(tmp_path: Path) -> Iterator[TraceReader]:
    """The run made by hand."""
    with TraceReader(write_story(tmp_path / "story.mnemo")) as reader:
        yield reader


@pytest.fixture(scope="session")
def invented(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 80 turns with every kind of event."""
    return write_trace(
        tmp_path_factory.mktemp("invented") / "run.mnemo", turns=80, items=60, probes=12, lanes=("bm25", "a-mem")
    )
