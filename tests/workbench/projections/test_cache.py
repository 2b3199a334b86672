"""What was thrown away, against a trace made by hand: 10 tokens read, 2 layers x 2 key heads, two spans."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.traces import _Lane
from workbench.projections import cache
from workbench.projections.cache import FREE, FREED, LATER, USED, CacheView, cache_view
from workbench.sessions.model import Probe, Session, Turn
from workbench.trace import blobs
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader
from workbench.trace.writer import TraceWriter

PROBE = Probe("p0", 1, "Where?", ("Oslo",), "accurate_retrieval", (1,))
TEXTS = tuple("abcdefghijkl")
SPANS = [
    {"kind": "turn", "label": "t0", "text": "old", "items": [], "turns": [0], "tokens": [2, 5]},
    {"kind": "turn", "label": "t1", "text": "Oslo", "items": ["note-1"], "turns": [1], "tokens": [5, 9]},
    {"kind": "question", "label": "question", "text": "Where?", "items": [], "turns": [], "tokens": [9, 11]},
]
# Each head keeps tokens 0, 1 and three of the evidence's four; only the first head keeps the old turn.
PER_HEAD = np.zeros((2, 2, 10), bool)
PER_HEAD[..., [0, 1, 5, 6, 7, 9]] = True
PER_HEAD[0, 0, 2:5] = True
UNIFORM = np.zeros(10, bool)
UNIFORM[[0, 1, 2, 9]] = True


def compressed(
    lane: _Lane, writer: TraceWriter, kept: np.ndarray, later: list[int], cells: list[int], **more: Any
) -> None:
    rows = [kept.sum((0, 1)) if kept.ndim == 3 else kept * 4]
    if later:
        second = np.append(rows[0], 4)
        second[later] = 0
        rows = [np.append(rows[0], 0), second]
    survival = np.stack(rows).astype(np.uint16)
    arrays = {"kept": kept, "survival": survival, "cells": np.array(cells, np.int32), "texts": blobs.texts_array(TEXTS)}
    payload = {
        "policy": "snapkv", "way": "emulated-per-head" if kept.ndim == 3 else "evicted-uniform", "badge": "B",
        "when": "after-question", "read": 10, "budget": 6, "share": float(kept.mean()), "entries": 4,
        "generated": list(range(len(rows))), "agreement": None, "kl": [0.5, 0.25], "compared": ["x", "end"],
        "bytes": {"logical": 100, "modelled": 60, "full": 100}, "full_text": "Oslo", "size": 16, "facts": {},
        "blobs": {name: blobs.digest(array) for name, array in arrays.items()} | {"worth": None, "merged": None},
    }  # fmt: skip
    lane.emit(Kind.RECALLED, "p0", {"query": "Where?", "k": 2, "hits": []})
    lane.emit(Kind.PACKED, "p0", {"budget": 50, "tokens": 11, "spans": SPANS, "dropped": []})
    lane.emit(Kind.ANSWERED, "p0", {"text": "Oslo", "tokens": [["Oslo", -0.1]], "prompt_tokens": 11, "stop": "end"})
    lane.emit(Kind.COMPRESSED, "p0", payload | more)
    lane.emit(Kind.SCORED, "p0", {"correct": kept.ndim == 3, "competency": "accurate_retrieval"})
    writer.append(lane.events, list(arrays.values()))


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[TraceReader]:
    path = tmp_path / "cache.mnemo"
    turns = (Turn(0, "user", "old", "A"), Turn(1, "user", "Oslo", "A"))
    with TraceWriter(path) as writer:
        number = writer.add_session(Session("s", turns, (PROBE,)), "s")
        for name, kept, later in (("full+snapkv:keep=0.6", PER_HEAD, []), ("full+snapkv:keep=0.4", UNIFORM, [2])):
            lane = _Lane(number, writer.add_lane(name, "full", "snapkv", {"cache.keep": float(name[-3:])}))
            cells = [*range(10), 10, 11] if kept.ndim == 3 else [0, 1, -1, -1, -1, -1, -1, -1, -1, 9, 2, 10]
            compressed(lane, writer, kept, later, cells)
        lane = _Lane(number, writer.add_lane("full", "full", "full-cache", {}))
        lane.emit(Kind.RECALLED, "p0", {"query": "Where?", "k": 2, "hits": []})
        writer.append(lane.events, [])
    with TraceReader(path) as opened:
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
    points = cache.survival(reader)
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
