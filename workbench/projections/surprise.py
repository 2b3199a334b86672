"""How much the model expected what was said: surprise and entropy per token of a turn, or of a context with its answer.

The figures are no part of a run. They are computed on demand (``workbench.engine.tracking``) and lie beside its file;
what is here finds them again, and says what they are computed from.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench import paths
from workbench.cache.registry import DEFAULT
from workbench.projections.hits import probe_events
from workbench.projections.index import TraceIndex
from workbench.sessions.model import Turn
from workbench.trace.blobs import array_texts, texts_array
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader
from workbench.trace.side import SideArrays

MOST = 1024
"""Tokens of what was said before a turn that the model has read when it comes to it."""
_CHARACTERS = 16 * MOST  # of what was said before that are looked at: no vocabulary takes so few for a token


@dataclass(frozen=True, slots=True)
class Cut:
    """Where EM-LLM began an event: the token, its surprise as the lane measured it, and its limit there."""

    token: int
    surprise: float
    limit: float


@dataclass(frozen=True, slots=True, eq=False)
class SurpriseView:
    """A track.

    Attributes:
        turn: of the text, or after which the probe was asked. probe: "" for a turn's own text.
        texts: of the tokens; of an answer those of the whole prompt come first.
        surprise: -log p of each token given those before it, nats, float32 ``[tokens]``; NaN where nothing is before.
        entropy: of the prediction that it was drawn from, nats, the same shape.
        cuts: where the selected lane began events in the turn.
        model: what computed it, by its name or path.
        policy: of the lane's cache, where an answer was given under one; the track is read with the full cache.
    """

    turn: int
    probe: str
    texts: tuple[str, ...]
    surprise: NDArray[np.float32]
    entropy: NDArray[np.float32]
    cuts: tuple[Cut, ...]
    model: str
    policy: str = ""

    @property
    def mean(self) -> float:
        """Mean surprise in nats; NaN without a figure."""
        known = self.surprise[~np.isnan(self.surprise)]
        return float(known.mean()) if known.size else float("nan")


def policy_of(reader: TraceReader, lane: int) -> str:
    """The cache policy of a lane, "" for the full cache."""
    return next((row.cache for row in TraceIndex.of(reader).lanes if row.id == lane and row.cache != DEFAULT), "")


def model_of(reader: TraceReader, lane: int) -> str:
    """The model of a lane: its branch's, else the run's."""
    index = TraceIndex.of(reader)
    parents = {row.id: row.parent for row in index.lanes}
    changed = {
        e.payload["lane"]: e.payload["settings"]["model"]
        for e in reader.events(0, 0, (Kind.BRANCHED,))
        if "model" in e.payload.get("settings", {})
    }
    at: int | None = lane
    for _ in parents:
        if at is None or at in changed:
            break
        at = parents.get(at)
    return str(changed[at] if at in changed else reader.meta("config", {}).get("model", ""))


def before(turns: Sequence[Turn], turn: int) -> str:
    """What was said before a turn, from its end: enough for :data:`MOST` tokens of any vocabulary."""
    held, size = list[str](), 0
    for one in reversed(turns[:turn]):
        held.append(one.said)
        size += len(one.said) + 1
        if size >= _CHARACTERS:
            break
    return "".join(f"{text}\n" for text in reversed(held))[-_CHARACTERS:]


def turn_key(reader: TraceReader, session: int, lane: int, turn: int) -> str:
    """Under which the figures of a turn lie beside the run file: what they are computed from."""
    turns = TraceIndex.of(reader).session(session).turns
    return _key("turn", model_of(reader, lane), str(MOST), before(turns, turn), turns[turn].said)


def answer_key(reader: TraceReader, session: int, lane: int, probe: str, seq: int | None = None) -> str:
    """The same of an answer with its prompt; "" when nothing was recorded of its tokens."""
    summed = probe_events(reader, session, lane, probe, seq).get(Kind.SUMMED)
    return _key("answer", model_of(reader, lane), summed.payload["blobs"]["ids"]) if summed is not None else ""


def _key(*of: str) -> str:
    return hashlib.sha256("\0".join(of).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def put(
    side: SideArrays, key: str, texts: Sequence[str], surprise: NDArray[np.float32], entropy: NDArray[np.float32]
) -> None:
    """Keep the figures of a key."""
    side.put(_key(key, "texts"), texts_array(texts))
    side.put(key, np.stack([surprise, entropy]).astype(np.float32))


def kept(reader: TraceReader, key: str) -> tuple[tuple[str, ...], NDArray[np.float32], NDArray[np.float32]] | None:
    """Texts, surprise and entropy under a key; None when they are not there or damaged."""
    side = SideArrays(reader.path, paths.user_cache)
    figures, packed = (side.get(key), side.get(_key(key, "texts"))) if key else (None, None)
    if figures is None or packed is None or figures.dtype != np.float32 or packed.dtype != np.uint8:
        return None
    try:
        texts = array_texts(packed)
    except (ValueError, UnicodeDecodeError):
        return None
    return (texts, figures[0], figures[1]) if figures.shape == (2, len(texts)) else None


def turn_surprise(reader: TraceReader, session: int, lane: int, turn: int) -> SurpriseView | None:
    """The track of a turn; None while it is not computed, or there is no such turn."""
    turns = TraceIndex.of(reader).session(session).turns
    if not 0 <= turn < len(turns):
        return None
    found = kept(reader, turn_key(reader, session, lane, turn))
    if found is None:
        return None
    return SurpriseView(turn, "", *found, cuts(reader, session, lane, turn, found[0]), model_of(reader, lane))


def answer_surprise(
    reader: TraceReader, session: int, lane: int, probe: str, seq: int | None = None
) -> SurpriseView | None:
    """The track of a packed context and its answer; None while it is not computed."""
    found = kept(reader, answer_key(reader, session, lane, probe, seq))
    if found is None:
        return None
    turn = probe_events(reader, session, lane, probe, seq)[Kind.SUMMED].turn
    return SurpriseView(turn, probe, *found, (), model_of(reader, lane), policy_of(reader, lane))


def cuts(reader: TraceReader, session: int, lane: int, turn: int, texts: Sequence[str]) -> tuple[Cut, ...]:
    """Where a lane began events in a turn (EM-LLM notes it), as tokens of ``texts``."""
    noted = [e.payload for e in TraceIndex.of(reader).events(session, lane, turn) if e.kind == Kind.NOTED]
    return at_tokens([p["value"] for p in noted if p["name"] == "surprise" and "boundaries" in p["value"]], texts)


def at_tokens(notes: Sequence[Mapping[str, Any]], texts: Sequence[str]) -> tuple[Cut, ...]:
    """Boundaries that a lane noted, as tokens of ``texts``.

    The lane read the turn piece by piece, so tokens may differ where pieces meet: places are compared by the characters
    before them, white space apart.
    """
    found: list[Cut] = []
    ends = list(itertools.accumulate(map(_size, texts)))
    done = 0
    for value in notes:
        starts = [done, *(done + n for n in itertools.accumulate(map(_size, value["tokens"])))]
        for at in value["boundaries"]:
            token = next((n for n, end in enumerate(ends) if end > starts[at]), len(ends) - 1)
            found.append(Cut(token, float(value["values"][at]), float(value["threshold"])))
        done = starts[-1]
    return tuple(found)


def _size(text: str) -> int:
    return sum(not c.isspace() for c in text)
