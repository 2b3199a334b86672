"""What masking spans of an answer's context in one layer and head does to the answer's log-probability, for each.

The figures are computed on demand (``workbench.engine.knocking.by_head``), layer by layer, and lie beside the run file;
what is here says what they are computed from, and finds them again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench import paths
from workbench.projections.hits import ContextSpan, probe_events, span_of
from workbench.projections.surprise import model_of
from workbench.trace.events import FIXED, Kind
from workbench.trace.reader import TraceReader
from workbench.trace.side import SideArrays


@dataclass(frozen=True, slots=True, eq=False)
class KnockGrid:
    """Masking spans head by head.

    Attributes:
        spans: that are masked together; ``places`` their numbers among the memory's.
        answer: that was given, whose log-probability is meant.
        key: under which the figures lie beside the run file.
        effects: by how many nats the answer gets more likely without the spans in this layer and head, below 0 where
            that takes it support, float32 ``[layer, head + 1]``, all heads of the layer at once in the last column; NaN
            where it is not computed (yet); None before the first.
    """

    lane: int
    probe: str
    places: tuple[int, ...]
    spans: tuple[ContextSpan, ...]
    answer: str
    key: str
    effects: NDArray[np.float32] | None = None

    @property
    def done(self) -> bool:
        """Whether every layer is there."""
        return self.effects is not None and not bool(np.isnan(self.effects).any())


def knock_grid(
    reader: TraceReader, session: int, lane: int, probe: str, places: Sequence[int], seq: int | None = None
) -> KnockGrid | None:
    """What is known of masking these spans of the memory; None where there are no such spans, or no model answered."""
    events = probe_events(reader, session, lane, probe, seq)
    packed, answered = events.get(Kind.PACKED), events.get(Kind.ANSWERED)
    if packed is None or answered is None or not answered.payload["tokens"]:
        return None
    spans = [span_of(s) for s in packed.payload["spans"] if s["kind"] not in FIXED]
    wanted = tuple(sorted(set(places)))
    if not wanted or not all(0 <= place < len(spans) for place in wanted):
        return None
    said = json.dumps([packed.payload["spans"], answered.payload["tokens"]], sort_keys=True)
    what = f"by head\0{model_of(reader, lane)}\0{session} {lane} {probe} {wanted}\0{said}"
    key = hashlib.sha256(what.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    effects = SideArrays(reader.path, paths.user_cache).get(key)
    if effects is not None and (effects.dtype != np.float32 or effects.ndim != 2):
        effects = None
    return KnockGrid(lane, probe, wanted, tuple(spans[p] for p in wanted), answered.payload["text"], key, effects)


def strongest(grid: KnockGrid, count: int = 10) -> list[tuple[int, int, float]]:
    """Layer, head (or the column of all) and effect of those that move the answer most, of what is computed."""
    if grid.effects is None:
        return []
    known = np.abs(np.nan_to_num(grid.effects))
    order = np.argsort(-known, axis=None, kind="stable")[:count]
    found = [divmod(int(n), known.shape[1]) for n in order]
    return [(layer, head, float(grid.effects[layer, head])) for layer, head in found if known[layer, head] > 0]


def place(layer: int, head: int, grid: KnockGrid) -> str:
    """In words: ``layer 3 head 1``, ``layer 3, all heads``."""
    heads = 0 if grid.effects is None else grid.effects.shape[1] - 1
    return f"layer {layer} head {head}" if head < heads else f"layer {layer}, all heads"
