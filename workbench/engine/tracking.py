"""Surprise and entropy of a turn's text, or of an answer with its prompt: computed, and kept beside the run file."""

from __future__ import annotations

from pathlib import Path

from workbench import paths
from workbench.branch import settings_of
from workbench.engine.explain import Models
from workbench.errors import ModelError, TraceError, UsageError
from workbench.llm.base import Track, TrackRequest
from workbench.projections import surprise
from workbench.projections.hits import probe_events
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader
from workbench.trace.side import SideArrays


async def track(
    path: Path,
    session: int,
    lane: int,
    turn: int,
    probe: str,
    models: Models,
    threads: int | None = None,
    model: str = "",
) -> Track:
    """The track of a turn, or of the answer to a probe where one is named.

    Args:
        models: keeps the model open from one to the next.
        model: another than the lane's; what it says is not kept.

    Raises:
        UsageError: there is no such turn.
        TraceError: nothing was recorded of the answer's tokens.
        ModelError: the model cannot be opened, or does not say how probable given words are.
    """
    with TraceReader(path) as reader:
        key, request = _wanted(reader, session, lane, turn, probe)
        found = surprise.kept(reader, key) if not model else None
        if found is not None:
            return Track(*found)
        backend = models.of(reader, settings_of(reader, lane), threads, model)
        if not backend.info.surprise:
            raise ModelError(f"{backend.info.name}: it does not say how probable given words are", "run with a GGUF")
        made = await backend.track(request)
        if not model:
            surprise.put(SideArrays(path, paths.user_cache), key, made.texts, made.surprise, made.entropy)
        return made


def _wanted(reader: TraceReader, session: int, lane: int, turn: int, probe: str) -> tuple[str, TrackRequest]:
    if probe:
        summed = probe_events(reader, session, lane, probe).get(Kind.SUMMED)
        if summed is None:
            raise TraceError(
                f"{reader.path}: nothing was recorded of the answer to {probe}", "run with --capture answers"
            )
        ids = reader.array(summed.payload["blobs"]["ids"]).astype("int32")
        return surprise.answer_key(reader, session, lane, probe), TrackRequest(ids=ids)
    turns = reader.session(session).turns
    if not 0 <= turn < len(turns):
        raise UsageError(f"{reader.path}: no turn {turn}", f"the session has turns 0 to {len(turns) - 1}")
    given = surprise.before(turns, turn)
    return surprise.turn_key(reader, session, lane, turn), TrackRequest(turns[turn].said, given, surprise.MOST)
