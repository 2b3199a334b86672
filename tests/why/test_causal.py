"""The fix of the named cause flips answers, that of another does not: over 200 wrong answers, nothing planted."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path

import pytest

from tests.why.causal import LANES, SEED, checks, sample, table
from workbench.engine import explain
from workbench.trace.reader import TraceReader
from workbench.why.explaining import failed


@pytest.mark.slow
def test_named_causes_are_causes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = sample(tmp_path, SEED, LANES, None)
    with TraceReader(path) as reader, closing(explain.backend_of(reader)) as backend:
        wanted = failed(reader)
        assert len(wanted) >= 200
        found = asyncio.run(checks(reader, backend, wanted, SEED))
    with capsys.disabled():
        print("", table(found), sep="\n")
    named, other = (sum(f.flips for f in found) / len(found), sum(f.other_flips for f in found) / len(found))
    assert len(found) >= 200 and named > 0.7 and other < named / 5, "81 % and 7 % of 308 were measured"
