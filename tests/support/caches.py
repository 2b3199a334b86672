"""Run files with answers under cache policies, made by hand: 10 tokens read, 2 layers x 2 key heads, two spans."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tests.support.traces import _Lane
from workbench.sessions.model import Probe, Session, Turn
from workbench.trace import blobs
from workbench.trace.events import Kind
from workbench.trace.writer import TraceWriter

PROBE = Probe("p0", 1, "Where?", ("Oslo",), "accurate_retrieval", (1,))
TEXTS = tuple("abcdefghijkl")
_CLOSED = {"calls": 0, "tokens": [0, 0], "items": 0}
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
    lane.emit(Kind.SCORED, "p0", _scored(kept.ndim == 3))
    lane.emit(Kind.TURN_CLOSED, "", _CLOSED)
    writer.append(lane.events, list(arrays.values()))


def _scored(correct: bool) -> dict[str, Any]:
    said = {"extracted": "Oslo", "scorer": "exact", "competency": "accurate_retrieval"}
    return {"correct": correct, "score": float(correct)} | said


def write_cache(path: Path, **more: Any) -> Path:
    """Lane 1 keeps per head, lane 2 one set for all and evicts again while it answers, lane 3 keeps every cell.

    ``more`` goes into what is recorded of both caches.
    """
    turns = (Turn(0, "user", "old", "A"), Turn(1, "user", "Oslo", "A"))
    with TraceWriter(path) as writer:
        number = writer.add_session(Session("s", turns, (PROBE,)), "s")
        for name, kept, later in (("full+snapkv:keep=0.6", PER_HEAD, []), ("full+snapkv:keep=0.4", UNIFORM, [2])):
            lane = _Lane(number, writer.add_lane(name, "full", "snapkv", {"cache.keep": float(name[-3:])}))
            cells = [*range(10), 10, 11] if kept.ndim == 3 else [0, 1, -1, -1, -1, -1, -1, -1, -1, 9, 2, 10]
            lane.turn = 1
            compressed(lane, writer, kept, later, cells, **more)
        lane = _Lane(number, writer.add_lane("full", "full", "full-cache", {}), 1)
        lane.emit(Kind.RECALLED, "p0", {"query": "Where?", "k": 2, "hits": []})
        lane.emit(Kind.TURN_CLOSED, "", _CLOSED)
        writer.append(lane.events, [])
    return path


def long_cache(path: Path, tokens: int, plans: int = 32, layers: int = 30, heads: int = 3, turns: int = 40) -> Path:
    """Two lanes whose prompt has so many tokens; every compression evicts some more; one turn is evidence."""
    rng, width = np.random.default_rng(7), tokens // turns
    said = tuple(Turn(n, "user", f"said {n}", "A") for n in range(turns))
    probe = Probe("p0", turns - 1, "Where?", ("Oslo",), "accurate_retrieval", (turns // 3,))
    spans = [
        {"kind": "turn", "label": f"turn-{n}", "text": f"said {n}", "items": [f"turn-{n}"], "turns": [n],
         "tokens": [n * width, (n + 1) * width]} for n in range(turns)
    ]  # fmt: skip
    texts = blobs.texts_array(tuple(f" w{n}" for n in range(tokens + plans)))
    with TraceWriter(path) as writer:
        number = writer.add_session(Session("long", said, (probe,)), "long")
        for keep in (0.25, 0.5):
            params = {"cache.keep": keep, "cache.variant": "emulated-per-head"}
            lane = _Lane(number, writer.add_lane(f"full+snapkv:keep={keep}", "full", "snapkv", params), turns - 1)
            score = rng.random((layers, heads, tokens))
            kept = score < keep
            rows = np.zeros((plans, tokens + plans), np.uint16)
            for plan in range(plans):
                rows[plan, :tokens] = (score < keep * (1 - plan / (4 * plans))).sum((0, 1))
                rows[plan, tokens : tokens + plan] = layers * heads
            arrays = {"kept": kept, "survival": rows, "cells": np.arange(tokens + plans, dtype=np.int32)}
            arrays |= {"texts": texts, "worth": rng.random(tokens).astype(np.float32)}
            size = -(-(tokens + plans) // 256) * 256
            payload = {
                "policy": "snapkv", "way": "emulated-per-head", "badge": "EMULATED per head (no memory saved)",
                "when": "after-question", "read": tokens, "budget": round(keep * tokens), "share": float(kept.mean()),
                "entries": layers * heads, "generated": list(range(plans)), "agreement": None, "kl": [0.5],
                "compared": ["Oslo"], "bytes": {"logical": 1 << 20, "modelled": 1 << 18, "full": 1 << 20},
                "full_text": "Oslo", "size": size, "shared": 128, "facts": {},
                "blobs": {name: blobs.digest(array) for name, array in arrays.items()} | {"merged": None},
            }  # fmt: skip
            lane.emit(Kind.RECALLED, "p0", {"query": "Where?", "k": 2, "hits": []})
            lane.emit(Kind.PACKED, "p0", {"budget": tokens, "tokens": tokens, "spans": spans, "dropped": []})
            answer = [[f"a{n}", -0.1] for n in range(plans)]
            lane.emit(Kind.ANSWERED, "p0", {"text": "Oslo", "tokens": answer, "prompt_tokens": tokens, "stop": "end"})
            lane.emit(Kind.COMPRESSED, "p0", payload)
            lane.emit(Kind.SCORED, "p0", _scored(True))
            lane.emit(Kind.TURN_CLOSED, "", _CLOSED)
            writer.append(lane.events, list(arrays.values()))
    return path
