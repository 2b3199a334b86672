"""Where the texts of a memory lie: deterministic components of the embedder's vectors."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.backends import ScriptedBackend
from tests.support.runs import session_file
from workbench.engine import run as engine
from workbench.engine.config import RunConfig
from workbench.engine.control import Control
from workbench.engine.placing import components, place
from workbench.engine.protocol import Answered, Place, Placed, Report
from workbench.engine.questions import Questions
from workbench.memory.registry import STRATEGIES, strategy
from workbench.projections.embedding import embedding_view, every_text, key
from workbench.trace.reader import TraceReader
from workbench.trace.writer import TraceWriter


@pytest.fixture(scope="module")
def placed_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six lanes over 24 turns, with vectors of hashed words."""
    folder = tmp_path_factory.mktemp("placing")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "_open", lambda config: ScriptedBackend())
        config = RunConfig(
            (session_file(folder, turns=24, probes=3),), ("dense", "bm25", "mem0"), embedder="hash",
            out=folder / "run.mnemo",
        )  # fmt: skip
        return engine.run(config, lambda _: None)


def _place(path: Path, lane: int) -> Placed:
    found: list[Report] = []
    Questions().deal(Place(path, 1, lane), found.append, Control())
    assert isinstance(found[-1], Answered)
    return next(r for r in found if isinstance(r, Placed))


def test_every_text_and_query_of_a_lane_has_its_place(placed_run: Path) -> None:
    found = _place(placed_run, 1)
    with TraceReader(placed_run) as reader:
        assert list(found.places) == list(every_text(reader, 1, 1))
        last = embedding_view(reader, 1, 1, 23)
        assert len(last.dots) == 24 and last.texts == len(found.places)
        assert all(dot.key in found.places for dot in last.dots) and last.query in found.places
        assert last.probe and last.hits and last.hits[0].returned
        assert len(embedding_view(reader, 1, 1, 5).dots) == 6 and not embedding_view(reader, 1, 1, 0).query
    assert found.embedder.startswith("hash") and found.dimensions > 2
    assert found.shares[0] >= found.shares[1] > 0 and sum(found.shares) <= 1
    assert _place(placed_run, 1) == found


def test_a_memory_without_vectors_says_so(placed_run: Path) -> None:
    assert (_place(placed_run, 1).embeds, _place(placed_run, 2).embeds) == (True, False)
    with TraceWriter(placed_run) as writer:
        lanes = [writer.add_lane(name, name, "full", {}) for name in ("no-memory", "of another program")]
    assert [_place(placed_run, lane).embeds for lane in lanes] == [False, None]


def test_texts_that_an_item_had_before_keep_their_places(placed_run: Path) -> None:
    found = _place(placed_run, 3)
    with TraceReader(placed_run) as reader:
        for turn in range(24):
            assert all(dot.key in found.places for dot in embedding_view(reader, 1, 3, turn).dots)


def test_placing_tells_how_far_it_is_and_ends_when_cancelled(placed_run: Path) -> None:
    told: list[tuple[int, int]] = []
    assert place(Place(placed_run, 1, 1), lambda *n: told.append(n), lambda: False) is not None
    assert told[-1][0] == told[-1][1] > 0
    assert place(Place(placed_run, 1, 1), lambda *n: None, lambda: True) is None
    stopped, heard = Control(), list[Report]()
    stopped.cancel()
    Questions().deal(Place(placed_run, 1, 1), heard.append, stopped)
    assert heard == [Answered()]


def test_components_are_those_of_the_covariance_and_never_mirrored() -> None:
    rng = np.random.default_rng(0)
    flat = rng.normal(size=(200, 2)) * (5, 2)
    axes = np.linalg.qr(rng.normal(size=(16, 2)))[0]
    vectors = (flat @ axes.T + rng.normal(size=(200, 16)) * 0.01).astype(np.float32)
    places, shares = components(vectors, np.ones(200, bool))
    apart = np.linalg.norm(flat[:, None] - flat[None], axis=-1)
    seen = np.linalg.norm(places[:, None] - places[None], axis=-1)
    assert np.abs(apart - seen).max() < 0.2 and sum(shares) > 0.99
    again, _ = components(vectors[::-1], np.ones(200, bool))
    assert np.abs(again[::-1] - places).max() < 1e-3
    few, _ = components(vectors[:2], np.zeros(2, bool))
    assert few.shape == (2, 2)
    assert components(np.zeros((0, 0), np.float32), np.zeros(0, bool))[0].shape == (0, 2)
    assert components(np.ones((4, 3), np.float32), np.ones(4, bool))[1] == (0.0, 0.0)


def test_methods_that_say_so_ask_for_no_vectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    class Counting(ScriptedBackend):
        async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
            asked.append(1)
            return await super().embed(texts)

    monkeypatch.setattr(engine, "_open", lambda config: Counting())
    without = tuple(name for name in STRATEGIES if not strategy(name).embeds)
    assert {"bm25", "full", "window"} < set(without) and {"dense", "mem0", "a-mem"}.isdisjoint(without)
    file = session_file(tmp_path, turns=16, probes=2)
    engine.run(RunConfig((file,), (*without, "no-memory"), out=tmp_path / "run.mnemo"), lambda _: None)
    assert not asked
    engine.run(RunConfig((file,), ("dense",), out=tmp_path / "with.mnemo"), lambda _: None)
    assert asked


def test_a_key_names_its_text() -> None:
    assert key("a") == key("a") != key("b") and len(key("\ud800")) == 24
