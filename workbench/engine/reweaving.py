"""Hidden states of a memory at writing and at recall, compared layer by layer and kept beside the run file."""

from __future__ import annotations

from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workbench import paths
from workbench.branch import settings_of
from workbench.engine.explain import Models
from workbench.errors import ModelError, TraceError
from workbench.llm.base import Backend, States, StatesRequest
from workbench.llm.messages import Message
from workbench.projections.states import MOST, Compared, compared
from workbench.trace.reader import TraceReader
from workbench.trace.side import SideArrays

_PAIRED = 256  # tokens of each side whose states are held against other tokens'
Floats = NDArray[np.float32]


async def reweave(
    path: Path,
    session: int,
    lane: int,
    probe: str,
    tokens: tuple[int, int],
    models: Models,
    threads: int | None = None,
) -> str:
    """Put the comparison of a span of an answer's context beside the run file; its key there.

    Raises:
        TraceError: there is no such span, it is of no memory, or nothing was recorded of the answer.
        ModelError: the model cannot be opened, or its hidden states not be read.
    """
    with TraceReader(path) as reader:
        found = compared(reader, session, lane, probe, tokens)
        if found is None:
            raise TraceError(
                f"{path}: no memory of {probe} at tokens {tokens[0]} to {tokens[1]} whose writing is known",
                "choose a span that comes from a turn, of a run with --capture answers",
            )
        side = SideArrays(path, paths.user_cache)
        if side.get(found.key) is None:
            backend = models.of(reader, settings_of(reader, lane), threads)
            ids = reader.array(found.summed.payload["blobs"]["ids"]).astype("int32")
            side.put(found.key, await _figures(backend, ids, found))
        return found.key


async def _figures(backend: Backend, ids: NDArray[np.int32], found: Compared) -> Floats:
    if not backend.info.capture:
        raise ModelError(f"no hidden states of {backend.info.name}: {backend.info.capture_note}")
    recalled = await backend.states(StatesRequest(ids=ids, span=found.span.tokens))
    w = found.writing
    messages = tuple(Message(role, text) for role, text in w.messages)
    asked = StatesRequest(messages=messages, after=w.after, text=w.text, given=w.given, most=MOST)
    return compare(recalled, await backend.states(asked))


def compare(recalled: States, written: States) -> Floats:
    """Cosines of states, float32 ``[layer, tokens at recall + 2]``: of each token with itself at writing (NaN where it
    did not stand there), of the mean states, and of different tokens on average."""
    layers, count, _ = recalled.states.shape
    out = np.full((layers, count + 2), np.nan, np.float32)
    here, there = shared(recalled.ids, written.ids)
    one, other = _unit(recalled.states), _unit(written.states)
    out[:, here] = (one[:, here] * other[:, there]).sum(-1)
    means = _unit(recalled.states.mean(1)), _unit(written.states.mean(1))
    out[:, -2] = (means[0] * means[1]).sum(-1)
    differ = recalled.ids[:_PAIRED, None] != written.ids[None, :_PAIRED]
    if differ.any():
        pairs = np.einsum("liw,ljw->lij", one[:, :_PAIRED], other[:, :_PAIRED])
        out[:, -1] = pairs[:, differ].mean(-1)
    return out


def shared(recalled: NDArray[np.int32], written: NDArray[np.int32]) -> tuple[list[int], list[int]]:
    """Places of tokens that stand in both in the same order, in each of the two."""
    blocks = SequenceMatcher(None, recalled.tolist(), written.tolist(), autojunk=False).get_matching_blocks()
    here = [b.a + n for b in blocks for n in range(b.size)]
    return here, [b.b + n for b in blocks for n in range(b.size)]


def _unit(states: Floats) -> Floats:
    return states / np.maximum(np.linalg.norm(states, axis=-1, keepdims=True), 1e-12)
