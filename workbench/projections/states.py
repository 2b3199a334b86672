"""The hidden states of a memory when it was written, held against those when it stood in the context of an answer.

What each layer hands to the next one, of the same tokens in two places: in the call (or the turn) that the memory was
written from, and in the packed prompt. Contextual Memory Reweaving (arXiv 2502.02046) captures such states at several
layers and feeds them back at recall; no state is fed back here: they are only compared, so that one sees at which
layers a memory means something else when it is recalled.

The figures are computed on demand (``workbench.engine.reweaving``) and lie beside the run file; what is here says what
they are computed from, and finds them again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench import paths
from workbench.projections.hits import ContextSpan, probe_events, span_of
from workbench.projections.index import TraceIndex
from workbench.projections.surprise import MOST, before, model_of, policy_of
from workbench.trace.blobs import array_texts
from workbench.trace.events import Event, Kind
from workbench.trace.reader import TraceReader
from workbench.trace.side import SideArrays

_TURNS = 8  # of a memory that was made from many turns


@dataclass(frozen=True, slots=True)
class Writing:
    """Where a memory was written.

    Attributes:
        turn: the turn. purpose: of the call that it was written from, "" where none was.
        text: of the memory, as it stood there.
        messages, after: of the call, as (role, text), and what it answered.
        given: without a call: what was said before the turn.
    """

    turn: int
    text: str
    purpose: str = ""
    messages: tuple[tuple[str, str], ...] = ()
    after: str = ""
    given: str = ""

    @property
    def told(self) -> str:
        """In words."""
        if self.purpose:
            return f"in the call {self.purpose} of turn {self.turn}"
        return f"in turn {self.turn}, read after what was said before it (up to {MOST:,} tokens)"


@dataclass(frozen=True, slots=True, eq=False)
class StatesView:
    """A comparison.

    Attributes:
        texts: of the tokens of the span in the packed prompt.
        cosines: of the state of each token at recall with that of the same token at writing, float32
            ``[layer, token]``; NaN for a token that did not stand there.
        whole: of the mean states over all tokens of both, float32 ``[layer]``: that of a memory that was put into other
            words, too.
        others: of different tokens of the two, on average, float32 ``[layer]``: what any two tokens have in common;
            NaN where there are none.
        policy: of the lane's cache, "" for the full one. Its answer was given under it; the states are those of the
            full cache, in which no layer has lost a token.
    """

    lane: int
    probe: str
    span: ContextSpan
    writing: Writing
    texts: tuple[str, ...]
    cosines: NDArray[np.float32]
    whole: NDArray[np.float32]
    others: NDArray[np.float32]
    policy: str = ""

    @property
    def shared(self) -> int:
        """Tokens that stand in both."""
        return int((~np.isnan(self.cosines).all(0)).sum()) if self.cosines.size else 0


def writing_of(reader: TraceReader, session: int, lane: int, turn: int, span: ContextSpan) -> Writing | None:
    """Where what a span says was written, as known at ``turn``; None for a span of no memory (the question)."""
    index = TraceIndex.of(reader)
    for item in span.items[:1]:
        events = (e for e in reversed(index.operations(session, lane, turn)) if e.subject == item)
        found = next(((e, text) for e in events if (text := _text(e))), None)
        if found is not None:
            event, text = found
            of_call = _of_call(event.turn, text, _call(reader, event))
            return of_call or _of_turns(index, session, span.turns or (event.turn,))
    return _of_turns(index, session, span.turns) if span.turns else None


def _text(event: Event) -> str:
    """The text that an operation gave an item; "" where it left it."""
    if event.kind == Kind.WRITTEN:
        return str(event.payload["text"])
    changed = event.payload.get("changes", {}).get("text") if event.kind == Kind.UPDATED else None
    return str(changed[1]) if changed else ""


def _call(reader: TraceReader, event: Event) -> Event | None:
    where: dict[str, Any] = {"kinds": (Kind.MODEL_CALLED,), "turns": (event.turn, event.turn)}
    return next((e for e in reader.events(event.session, event.lane, **where) if e.n == event.cause), None)


def _of_call(turn: int, text: str, call: Event | None) -> Writing | None:
    """In the answer of the call, or in what it was asked; None where the text stands in neither."""
    if call is None or not text.strip():
        return None
    messages = tuple((str(m["role"]), str(m["text"])) for m in call.payload["prompt"])
    after = str(call.payload["raw"])
    there = text in after or any(text in said for _, said in messages)
    return Writing(turn, text, str(call.payload["purpose"]), messages, after) if there else None


def _of_turns(index: TraceIndex, session: int, named: Sequence[int]) -> Writing | None:
    """The last of the turns, with those of the memory's own right before it."""
    turns, last = index.session(session).turns, max(named)
    first = last
    while first - 1 in named and last - first < _TURNS - 1:
        first -= 1
    if not 0 <= first <= last < len(turns):
        return None
    return Writing(last, "\n".join(t.said for t in turns[first : last + 1]), given=before(turns, first))


def states_key(reader: TraceReader, lane: int, summed: Event, span: ContextSpan, writing: Writing) -> str:
    """Under which a comparison lies beside the run file: what it is computed from."""
    placed = f"{summed.payload['blobs']['ids']} {span.tokens} {MOST}"
    told = (model_of(reader, lane), placed, writing.text, writing.given, writing.after, repr(writing.messages))
    return hashlib.sha256("\0".join(("states", *told)).encode("utf-8", "surrogatepass")).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Compared:
    """What is to be compared: a span of the context of an answer, and where it was written."""

    summed: Event
    span: ContextSpan
    writing: Writing
    key: str


def compared(
    reader: TraceReader, session: int, lane: int, probe: str, tokens: tuple[int, int], seq: int | None = None
) -> Compared | None:
    """The span at these tokens of the prompt; None where there is none, it is no memory, or no tokens were recorded."""
    events = probe_events(reader, session, lane, probe, seq)
    packed, summed = events.get(Kind.PACKED), events.get(Kind.SUMMED)
    if packed is None or summed is None:
        return None
    spans = (span_of(s) for s in packed.payload["spans"])
    span = next((s for s in spans if s.tokens == tuple(tokens) and s.length > 0), None)
    writing = None if span is None else writing_of(reader, session, lane, summed.turn, span)
    if span is None or writing is None:
        return None
    return Compared(summed, span, writing, states_key(reader, lane, summed, span, writing))


def states_view(
    reader: TraceReader, session: int, lane: int, probe: str, tokens: tuple[int, int], seq: int | None = None
) -> StatesView | Compared | None:
    """The comparison of a span; what it would be of while it is not computed; None where nothing can be compared."""
    found = compared(reader, session, lane, probe, tokens, seq)
    if found is None:
        return None
    figures = SideArrays(reader.path, paths.user_cache).get(found.key)
    if figures is None or figures.dtype != np.float32 or figures.ndim != 2 or figures.shape[1] != found.span.length + 2:
        return found
    texts = array_texts(reader.array(found.summed.payload["blobs"]["texts"]).view(np.uint8))
    shown = texts[slice(*found.span.tokens)]
    of_span = (lane, probe, found.span, found.writing, shown)
    return StatesView(*of_span, figures[:, :-2], figures[:, -2], figures[:, -1], policy_of(reader, lane))
