"""A device without memory left, while it computes: the run stops at a whole step and goes on from there."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.runs import config, lane_events
from workbench.engine import run as engine
from workbench.errors import Unavailable
from workbench.llm.library import library
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader


@pytest.mark.parametrize("capture", ["answers", "off"])
def test_a_batch_without_memory_stops_the_run_and_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capture: str
) -> None:
    """llama.cpp answers a failed allocation with -2: a full GPU, whose memory is taken once a graph needs it."""
    setup = config(tmp_path, "full", "bm25", embedder="hash", exact=True, capture=capture)
    C, whole = library().C, engine.run(config(tmp_path, "full", "bm25", embedder="hash", exact=True, capture=capture,
                                              out=tmp_path / "whole.mnemo"))  # fmt: skip
    real, calls = C.llama_decode, 0

    def decode(context: Any, batch: Any) -> int:
        nonlocal calls
        calls += 1
        return int(real(context, batch)) if calls < 20 else -2

    with monkeypatch.context() as full:
        full.setattr(C, "llama_decode", decode)
        with pytest.raises(Unavailable, match="no memory is left") as caught:
            engine.run(setup)
    assert calls == 20, "nothing else was tried"
    assert "smaller context" in str(caught.value) and "\n" not in str(caught.value)
    before, want = lane_events(setup.path), lane_events(whole)
    assert before and all(want[key][: len(rows)] == rows for key, rows in before.items()) and before != want
    assert lane_events(engine.run(setup)) == want
    with TraceReader(setup.path) as reader:
        assert not [e for e in reader.events(kinds=[Kind.ANSWERED, Kind.MODEL_CALLED]) if e.payload["error"]]
