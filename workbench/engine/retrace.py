"""The attention of an answer in full, computed again from the trace: the same tokens through the same model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench import paths
from workbench.branch import CODE, settings_of, spec_of
from workbench.engine.explain import Models
from workbench.errors import ModelError, TraceError
from workbench.llm.base import CacheRequest, RetraceRequest
from workbench.projections.attention import arrays_key
from workbench.projections.hits import probe_events
from workbench.trace.events import Event, Kind
from workbench.trace.reader import TraceReader
from workbench.trace.side import SideArrays


async def retrace(path: Path, session: int, lane: int, probe: str, models: Models, threads: int | None = None) -> str:
    """Put the attention of an answer beside the run file; its key there.

    Args:
        models: keeps the model open from one answer to the next.

    Raises:
        TraceError: when the run holds no summary of it, or was made with another model.
        ModelError: when the model cannot be opened or its attention not be read.
    """
    with TraceReader(path) as reader:
        found = probe_events(reader, session, lane, probe)
        summed = found.get(Kind.SUMMED)
        if summed is None:
            raise TraceError(f"{path}: nothing was recorded of the answer to {probe}", "run with --capture answers")
        key, side = arrays_key(summed), SideArrays(path, paths.user_cache)
        if side.get(key) is None:
            backend = models.of(reader, settings_of(reader, lane), threads)
            if not backend.info.capture:
                raise ModelError(f"no attention of {backend.info.name}: {backend.info.capture_note}")
            side.put(key, await backend.retrace(_request(reader, session, lane, found, summed)))
        return key


def _request(reader: TraceReader, session: int, lane: int, found: dict[str, Event], summed: Event) -> RetraceRequest:
    data = summed.payload
    ids: NDArray[Any] = reader.array(data["blobs"]["ids"])
    spans = tuple((int(a), int(b)) for a, b in data["spans"])
    compressed = found.get(Kind.COMPRESSED)
    cache, read = None, 0
    if compressed is not None:
        row = next(row for row in reader.lanes() if row.id == lane)
        policy = spec_of(row, settings_of(reader, lane)[CODE]).policy()
        assert policy is not None
        roles = _roles(reader, session, found)
        cache, read = CacheRequest(policy, None, roles, compare=False), int(compressed.payload["read"])
    return RetraceRequest(ids.astype(np.int32), int(data["prompt"]), spans, cache, read)


def _roles(reader: TraceReader, session: int, found: dict[str, Event]) -> tuple[str, ...]:
    turns = reader.session(session).turns
    said = [{turns[t].role for t in span.get("turns", ())} for span in found[Kind.PACKED].payload["spans"]]
    return tuple(next(iter(names)) if len(names) == 1 else "" for names in said)
