"""What was thrown away, against a trace made by hand: 10 tokens read, 2 layers x 2 key heads, two spans."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.support.caches import PROBE, TEXTS, write_cache
from workbench.projections import cache
from workbench.projections.cache import FREE, FREED, LATER, USED, CacheView, cache_view
from workbench.projections.survival import survival
from workbench.trace import blobs
from workbench.trace.reader import TraceReader


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[TraceReader]:
    with TraceReader(write_cache(tmp_path / "cache.mnemo")) as opened:
        yield opened


def view(reader: TraceReader, lane: int) -> CacheView:
    found = cache_view(reader, 1, lane, 1)
    assert isinstance(found, CacheView)
    return found


def test_each_span_has_its_fate(reader: TraceReader) -> None:
    found = view(reader, 1)
    assert (found.policy, found.parameters, found.answer, found.correct) == ("snapkv", {"keep": 0.6}, "Oslo", True)
    assert found.mean_kl == pytest.approx(0.375)
    assert [f.span.label for f in found.fates] == ["t0", "t1", "question"]
    assert [f.held[0] for f in found.fates] == pytest.approx([0.25, 0.75, 1.0])  # a token of the question came later
    assert [f.fate for f in found.fates] == ["partly", "partly", "kept"]
    assert found.evidence == pytest.approx(0.75)
    assert [found.fate_at(token) for token in (1, 2, 8, 11)] == [-1, 0, 1, -1]
    assert found.texts == TEXTS


def test_eviction_over_time(reader: TraceReader) -> None:
    found = view(reader, 2)
    assert found.generated == (0, 1) and found.held.shape == (2, 11)
    assert found.fates[0].held.tolist() == pytest.approx([1 / 3, 0]) and found.evidence == 0
    assert found.fates[1].fate == "evicted"


def test_cells_are_used_freed_and_used_again(reader: TraceReader) -> None:
    states, tokens = cache.cell_states(view(reader, 2))
    assert states.tolist() == [USED, USED, LATER, *[FREED] * 6, USED, LATER, *[FREE] * 5]
    assert tokens[:11].tolist() == [0, 1, 10, -1, -1, -1, -1, -1, -1, 9, 11]
    assert (cache.cell_states(view(reader, 1))[0] == FREED).sum() == 0


def test_heads_and_their_difference(reader: TraceReader) -> None:
    one, other = view(reader, 1), view(reader, 2)
    assert cache.head_shares(one, 1).tolist() == [[0.75, 0.75], [0.75, 0.75]]
    assert cache.head_shares(one, 0).tolist() == [[1, 0], [0, 0]]
    assert cache.head_shares(other).tolist() == [[pytest.approx(0.4)]]
    assert cache.difference(one, other, 1).tolist() == [[0.75, 0.75], [0.75, 0.75]]
    assert cache.difference(one, other, 0) == pytest.approx(np.array([[2 / 3, -1 / 3], [-1 / 3, -1 / 3]]))
    tokens = cache.token_difference(one, other)
    assert tokens is not None and tokens[:4].tolist() == [0, 0, -0.75, 0.25] and tokens[9] == 0


def test_a_lane_without_a_policy_names_the_probe(reader: TraceReader) -> None:
    assert cache_view(reader, 1, 3, 1) == PROBE
    assert cache_view(reader, 1, 1, -2) is None


def test_the_curve_has_a_point_for_every_lane_with_a_policy(reader: TraceReader) -> None:
    points = survival(reader)
    assert [(p.name, p.budget, p.evidence, p.accuracy, p.probes) for p in points] == [
        ("full+snapkv:keep=0.6", 0.6, 0.75, 1.0, 1),
        ("full+snapkv:keep=0.4", 0.4, 0.0, 0.0, 1),
    ]
    assert [p.way for p in points] == ["emulated-per-head", "evicted-uniform"] and points[0].kl == pytest.approx(0.375)


def test_texts_survive_as_arrays() -> None:
    for texts in ((), ("",), ("a", "", "🦔", "\x00", "\ud800")):
        assert blobs.array_texts(blobs.texts_array(texts)) == texts
    with pytest.raises(ValueError, match="not an array of texts"):
        blobs.array_texts(np.array([9, 0, 0, 0], np.uint8))
