import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.workbench.projections.story import write_story
from workbench import paths
from workbench.branch import settings_of
from workbench.engine import explain
from workbench.engine.config import RunConfig
from workbench.engine.run import run
from workbench.trace.reader import TraceReader
from workbench.why.explaining import prove
from workbench.why.verdict import Verdict


@pytest.fixture
def story(tmp_path: Path) -> Iterator[TraceReader]:
    """The run made by hand."""
    with TraceReader(write_story(tmp_path / "story.mnemo")) as reader:
        yield reader


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sample session through lanes that forget and that find little, on the bundled model."""
    out = tmp_path_factory.mktemp("why") / "run.mnemo"
    session = paths.sample_sessions() / "long-range-understanding.json"
    return run(RunConfig((session,), ("window:turns=12", "bm25:k=2"), embedder="hash", out=out))


@pytest.fixture(scope="session")
def proved(sample: Path) -> list[Verdict]:
    """All its wrong answers, proved as far as they can be."""
    with TraceReader(sample) as reader, closing(explain.backend_of(reader)) as backend:
        wanted = explain.targets(reader)
        return asyncio.run(prove(reader, explain.setting(settings_of(reader, 1), backend), wanted))
