"""The cache of one answer as pictures: every cell's state, which memory was lost and when, two policies compared."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from workbench.projections.attention import MEAN, AttentionView, attention_view, column_mass
from workbench.projections.cache import (
    FREED,
    Bools,
    CacheView,
    Floats,
    SpanFate,
    cache_view,
    cell_states,
    token_difference,
)
from workbench.projections.index import TraceIndex
from workbench.projections.survival import SurvivalPoint, survival
from workbench.sessions.model import Probe
from workbench.trace.events import Kind
from workbench.trace.reader import LaneRow, TraceReader


class Cell(IntEnum):
    """What became of a token, or what a cell holds."""

    FREE = 0  # a cell that held nothing yet
    AHEAD = 1  # a token that had not been read by then
    HELD = 2
    PARTLY = 3  # held by some layers and heads
    SHARED = 4  # held, and its cell was taken over from an earlier prompt
    MERGED = 5  # gone into another token
    GONE = 6  # evicted (or masked in all layers and heads); of a cell: free again
    LATER = 7  # a token of the answer


RECEIVED, IN_FULL, WORTH = "attention received", "attention in the full cache", "score of the policy"
"""What tokens can be shaded by: what the answer looked at, what it looked at in the lane with the full cache, and what
the policy chose by."""


@dataclass(frozen=True, slots=True, eq=False)
class Loss:
    """What became of a span.

    Attributes:
        number: of its fate in ``CacheView.fates``.
        first: the compression at which any of it went, -1 for none. whole: at which all of it had gone, -1 for never.
        back: whether more of it is held at the end than at its worst (methods that choose again at every token).
    """

    number: int
    fate: SpanFate
    first: int
    whole: int
    back: bool

    def share(self, plan: int) -> float:
        """Share of its entries held after a compression."""
        return float(self.fate.held[plan])


@dataclass(frozen=True, slots=True, eq=False)
class CachePicture:
    """The cache of one answer.

    Attributes:
        losses: every span; evidence first, then what lost most.
        evidence: tokens of spans that hold the answer, bool ``[tokens]``.
        shades: what tokens can be shaded by, each float32 ``[tokens]`` from 0 to 1 (``RECEIVED`` …).
        others: lanes that answered the same probe under a policy, id and name.
        other: the one that is held against this one, with ``gap``: how much more of each token this one holds than
            that, float32 ``[tokens]``; None where the prompts differ.
        curve: every policy of the run up to the cursor.
    """

    view: CacheView
    losses: tuple[Loss, ...]
    evidence: Bools
    shades: dict[str, Floats]
    others: tuple[tuple[int, str], ...]
    other: CacheView | None
    gap: Floats | None
    curve: tuple[SurvivalPoint, ...]


@dataclass(frozen=True, slots=True)
class CacheChoice:
    """``other`` is a lane to hold against this one, 0 for none."""

    other: int = 0


def cache_picture(
    reader: TraceReader,
    session: int,
    lane: int,
    turn: int,
    selected: str = "",
    seq: int | None = None,
    choice: CacheChoice | None = None,
) -> CachePicture | Probe | None:
    """The cache at the cursor; else what ``cache_view`` says."""
    view = cache_view(reader, session, lane, turn, selected, seq)
    if not isinstance(view, CacheView):
        return view
    others = _others(reader, session, view, seq)
    wanted = choice.other if choice else 0
    other = None
    if wanted in [number for number, _ in others]:
        found = cache_view(reader, session, wanted, turn, view.probe.id, seq)
        other = found if isinstance(found, CacheView) and found.probe.id == view.probe.id else None
    return CachePicture(
        view,
        tuple(sorted((_loss(n, f) for n, f in enumerate(view.fates)), key=_rank)),
        _evidence(view),
        _shades(reader, session, turn, seq, view),
        others,
        other,
        None if other is None else token_difference(view, other),
        survival(reader, session, seq, turn),
    )


def _others(reader: TraceReader, session: int, view: CacheView, seq: int | None) -> tuple[tuple[int, str], ...]:
    asked = "SELECT DISTINCT lane FROM event WHERE kind = ? AND session = ? AND subject = ? AND seq <= ?"
    end = TraceIndex.of(reader).seq if seq is None else seq
    found = {row[0] for row in reader.query(asked, (str(Kind.COMPRESSED), session, view.probe.id, end))}
    return tuple((row.id, row.name) for row in reader.lanes() if row.id in found and row.id != view.lane)


def _loss(number: int, fate: SpanFate) -> Loss:
    held = fate.held
    lost, gone = np.flatnonzero(held < 0.995), np.flatnonzero(held < 0.005)
    whole = -1 if held[-1] >= 0.005 or not gone.size else int(gone[0])
    return Loss(number, fate, int(lost[0]) if lost.size else -1, whole, bool(held[-1] > held.min() + 0.005))


def _rank(loss: Loss) -> tuple[bool, float, int]:
    return not loss.fate.evidence, -float((1 - loss.fate.held[-1]) * loss.fate.span.length), loss.number


def _evidence(view: CacheView) -> Bools:
    out = np.zeros(max(len(view.texts), view.held.shape[1]), bool)
    for fate in view.fates:
        if fate.evidence:
            out[slice(*fate.span.tokens)] = True
    return out


def _shades(reader: TraceReader, session: int, turn: int, seq: int | None, view: CacheView) -> dict[str, Floats]:
    where = (session, view.lane, turn, view.probe.id, seq)
    found = {RECEIVED: _received(attention_view(reader, *where), view)}
    full = _full_lane(reader.lanes(), view.lane)
    if full is not None:
        found[IN_FULL] = _received(attention_view(reader, session, full, turn, view.probe.id, seq), view)
    if view.worth is not None:
        found[WORTH] = np.pad(view.worth.astype(np.float32), (0, max(0, len(view.texts) - len(view.worth))))
    return {name: _relative(values) for name, values in found.items() if values is not None}


def _full_lane(lanes: tuple[LaneRow, ...], lane: int) -> int | None:
    """The lane with the same memory that keeps every cell."""

    def memory(row: LaneRow) -> tuple[str, dict[str, object]]:
        return row.memory, {k: v for k, v in row.params.items() if not k.startswith("cache.")}

    mine = next(row for row in lanes if row.id == lane)
    return next((r.id for r in lanes if r.cache == "full-cache" and memory(r) == memory(mine)), None)


def _received(attention: AttentionView | Probe | None, view: CacheView) -> Floats | None:
    """Mean weight that each token got from the answer's tokens; None without a capture of the same prompt."""
    if not isinstance(attention, AttentionView) or attention.probe.id != view.probe.id:
        return None
    if attention.tokens[: view.read] != view.texts[: view.read]:
        return None
    matrix = attention.maps[MEAN] if attention.maps else attention.weights.astype(np.float32).mean((0, 1))
    ends = np.append(attention.starts[1:], len(attention.tokens))
    each = np.repeat(column_mass(matrix), ends - attention.starts)
    out = np.zeros(len(view.texts), np.float32)
    out[: min(len(each), len(out))] = each[: len(out)]
    return out


def _relative(values: Floats) -> Floats:
    """Rank among those above 0, so that the sink's share does not hide the rest."""
    above = values > 0
    out = np.zeros(len(values), np.float32)
    if above.any():
        order = values[above].argsort(kind="stable").argsort(kind="stable")
        out[above] = (order + 1) / above.sum()
    return out


def token_states(view: CacheView, plan: int) -> tuple[NDArray[np.int8], Floats]:
    """What became of every token after a compression, int8 ``[tokens]`` (``Cell``), and the share of the layers and
    heads that hold it, float32 ``[tokens]``. Tokens of the answer count as later ones while they are held."""
    count = max(len(view.texts), view.held.shape[1])
    read = view.read + view.generated[plan]
    held = np.pad(view.held[plan], (0, count - view.held.shape[1]))
    states = np.full(count, int(Cell.GONE), np.int8)
    states[held > 0.005] = Cell.PARTLY
    states[held > 0.995] = Cell.HELD
    places = np.arange(count)
    states[(states == Cell.HELD) & (places < view.shared)] = Cell.SHARED
    states[(states == Cell.HELD) & (places >= view.prompt)] = Cell.LATER
    if view.merged is not None:
        into = np.arange(count)
        into[: len(view.merged)] = view.merged
        states[(states == Cell.GONE) & (into != places)] = Cell.MERGED
    if plan == view.plans - 1:  # what came after the last compression is there
        ahead = places >= read
        held = np.where(ahead, 1, held)
        states[ahead] = np.where(places[ahead] < view.prompt, int(Cell.HELD), int(Cell.LATER))
    else:
        states[places >= read] = Cell.AHEAD
        held = np.where(places >= read, 0, held)
    return states, held.astype(np.float32)


def by_cell(view: CacheView) -> tuple[NDArray[np.int8], NDArray[np.int32], Floats]:
    """State of every cell at the end of the answer, int8 ``[size]`` (``Cell``), the token that it holds, -1 for none,
    and the share of the layers and heads that use it, float32 ``[size]``."""
    found, tokens = cell_states(view)
    of_token, held = token_states(view, view.plans - 1)
    used = tokens >= 0
    states = np.full(view.size, int(Cell.FREE), np.int8)
    states[found == FREED] = Cell.GONE
    states[used] = of_token[tokens[used]]  # where eviction is emulated, a cell that nobody looks at still holds it
    shares = np.zeros(view.size, np.float32)
    shares[used] = held[tokens[used]]
    return states, tokens, shares


def when_of(view: CacheView, plan: int) -> str:
    """When a compression was, in words."""
    read = view.read + view.generated[plan]
    if plan == 0:
        return "before the question" if read < view.prompt - 1 else "with the prompt"
    if read <= view.prompt:
        return "with the question" if view.when == "before-question" else "at the prompt's end"
    text = view.texts[read - 1].strip() if read - 1 < len(view.texts) else ""
    return f"after answer token {read - view.prompt}" + (f" “{text[:20]}”" if text else "")


def plan_at(view: CacheView, token: int | None) -> int:
    """The last compression before an answer token was written; the last of all without one."""
    if token is None:
        return view.plans - 1
    most = view.prompt - 1 + token - view.read
    return max((n for n, read in enumerate(view.generated) if read <= most), default=0)
