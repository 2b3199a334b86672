"""Where the model looked while it answered: the captured weights as pictures that can be read.

The weights of a capture are softmax rows; what is shown is a choice of layer and head (or their mean or maximum) on a
scale that keeps small weights visible. The first token takes most of the mass in most heads (the attention sink of
Xiao et al. 2023, arXiv 2309.17453), which is why a linear map of means looks empty.
"""

from __future__ import annotations

import weakref
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from workbench.projections.hits import ContextSpan, probe_at, probe_events, span_of
from workbench.sessions.model import Probe
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader

Scale = Literal["log", "rank", "linear"]
Matrix = NDArray[np.float32]
MEAN, MAX = -1, -2
"""In place of a layer or head: the mean or the maximum over all of them."""

SINKS = 4
"""How many first positions count as sinks (StreamingLLM keeps four)."""

_KEPT = 4  # captures kept decoded per reader


@dataclass(frozen=True, slots=True)
class Band:
    """A context span below the map. ``columns`` is half open in columns of the weights."""

    span: ContextSpan
    columns: tuple[int, int]

    @property
    def evidence(self) -> bool:
        """Whether it comes from a turn that holds the answer."""
        return bool(self.span.evidence)


@dataclass(frozen=True, slots=True, eq=False)
class AttentionView:
    """A capture, ready to choose from.

    Attributes:
        turn: after which the probe was asked.
        weights: float16 ``[layer, head, row, column]`` as captured.
        layers: the model's number of each layer kept.
        rows: text of each answer token.
        tokens: text of every key position.
        starts: first key position of each column, int32 ``[columns]``.
        bands: context spans, in order.
        answer, correct: what came of it.
        key: names the blob; equal keys mean equal weights.
    """

    lane: int
    turn: int
    probe: Probe
    weights: NDArray[np.float16]
    layers: tuple[int, ...]
    rows: tuple[str, ...]
    tokens: tuple[str, ...]
    starts: NDArray[np.int32]
    bands: tuple[Band, ...]
    answer: str
    correct: bool | None
    key: str

    @property
    def heads(self) -> int:
        """Heads per layer."""
        return int(self.weights.shape[1])

    @property
    def columns(self) -> int:
        """Columns of the weights."""
        return int(self.weights.shape[3])

    @property
    def pooled(self) -> bool:
        """Whether a column stands for more than one position."""
        return len(self.tokens) > self.columns

    def token(self, column: int) -> str:
        """The text of a column: its token, or the tokens it pools."""
        end = int(self.starts[column + 1]) if column + 1 < self.columns else len(self.tokens)
        return "".join(self.tokens[int(self.starts[column]) : max(end, int(self.starts[column]) + 1)])

    def band_at(self, column: int) -> int:
        """Index of the band that a column belongs to, -1 for none (the chat template, the answer itself)."""
        return next((i for i, b in enumerate(self.bands) if b.columns[0] <= column < b.columns[1]), -1)


def attention_view(
    reader: TraceReader, session: int, lane: int, turn: int, selected: str = "", seq: int | None = None
) -> AttentionView | Probe | None:
    """The capture of the probe at the cursor; the probe alone when it has none; None before the first probe."""
    probe = probe_at(reader, session, lane, turn, selected, seq)
    if probe is None:
        return None
    found = probe_events(reader, session, lane, probe.id, seq)
    captured = found.get(Kind.CAPTURED)
    if captured is None:
        return probe
    data, weights = captured.payload, _Captures.of(reader).weights(reader, captured.payload["blob"])
    starts = np.array(range(weights.shape[3]) if data["bins"] is None else data["bins"], np.int32)
    spans = [span_of(s, probe.evidence) for s in found[Kind.PACKED].payload["spans"]] if Kind.PACKED in found else []
    answered = found.get(Kind.ANSWERED)
    texts = [t for t, _ in answered.payload["tokens"]] if answered else []
    rows = tuple(texts[r] if r < len(texts) else "end" for r in range(weights.shape[2]))
    scored = found.get(Kind.SCORED)
    return AttentionView(
        lane,
        captured.turn,
        probe,
        weights,
        tuple(data["layers"]),
        rows,
        tuple(data["tokens"]),
        starts,
        tuple(Band(s, _columns(starts, s.tokens)) for s in spans if s.length > 0),
        answered.payload["text"] if answered else "",
        bool(scored.payload["correct"]) if scored else None,
        data["blob"],
    )


class _Captures:
    """The last few captures of a reader, decoded, and their mass on each band: scrubbing between probes asks again."""

    _of: ClassVar[weakref.WeakKeyDictionary[TraceReader, _Captures]] = weakref.WeakKeyDictionary()

    def __init__(self) -> None:
        self._weights: OrderedDict[str, NDArray[np.float16]] = OrderedDict()
        self._masses: OrderedDict[tuple[str, str], Matrix] = OrderedDict()

    @classmethod
    def of(cls, reader: TraceReader) -> _Captures:
        return cls._of.setdefault(reader, cls())

    def weights(self, reader: TraceReader, key: str) -> NDArray[np.float16]:
        if key not in self._weights:
            self._weights[key] = reader.array(key)
        return _used(self._weights, key)

    def mass(self, view: AttentionView) -> Matrix:
        key = view.key, view.probe.id
        if key not in self._masses:
            self._masses[key] = span_mass(view)
        return _used(self._masses, key)


def _used(kept: OrderedDict[Any, Any], key: Any) -> Any:
    kept.move_to_end(key)
    if len(kept) > _KEPT:
        kept.popitem(last=False)
    return kept[key]


@dataclass(frozen=True, slots=True)
class Choice:
    """What to look at: positions of a layer and a head, or ``MEAN`` or ``MAX``; the scale; whether sinks are hidden."""

    layer: int = MEAN
    head: int = MEAN
    scale: Scale = "log"
    hide_sinks: bool = False

    def within(self, view: AttentionView) -> Choice:
        """The choice, with layers and heads that this capture does not have replaced by the mean."""
        layer = self.layer if self.layer < len(view.layers) else MEAN
        return Choice(layer, self.head if self.head < view.heads else MEAN, self.scale, self.hide_sinks)


@dataclass(frozen=True, slots=True, eq=False)
class AttentionPicture:
    """A capture with one choice made.

    Attributes:
        matrix: the weights, float32 ``[row, column]``. values: the same in [0, 1] for the colour map.
        hidden: columns left out as sinks, bool ``[column]``; all False while they are shown.
        top: the largest weight on show.
        mass: share on each band for the choice, float32 ``[band]``.
        masses: share on each band for every layer and head, float32 ``[layer, head, band]``.
        sink_mass: share of the choice on the sinks, hidden or not.
    """

    view: AttentionView
    choice: Choice
    matrix: Matrix
    values: Matrix
    hidden: NDArray[np.bool_]
    top: float
    mass: Matrix
    masses: Matrix
    sink_mass: float


def attention_picture(
    reader: TraceReader,
    session: int,
    lane: int,
    turn: int,
    selected: str = "",
    seq: int | None = None,
    choice: Choice | None = None,
) -> AttentionPicture | Probe | None:
    """The capture at the cursor with a choice of layer, head and scale made; else what ``attention_view`` says."""
    view = attention_view(reader, session, lane, turn, selected, seq)
    if not isinstance(view, AttentionView):
        return view
    choice = (choice or Choice()).within(view)
    matrix = choose(view.weights, choice.layer, choice.head)
    sunk = sinks(view)
    hidden = sunk if choice.hide_sinks else np.zeros_like(sunk)
    masses = _Captures.of(reader).mass(view)
    share = matrix / np.maximum(matrix.sum(1, keepdims=True), 1e-12)
    return AttentionPicture(
        view,
        choice,
        matrix,
        scaled(matrix, choice.scale, hidden),
        hidden,
        float(np.where(hidden, 0, matrix).max(initial=0)),
        _reduce(_reduce(masses, choice.layer), choice.head),
        masses,
        float(share[:, sunk].sum(1).mean()) if len(share) else 0.0,
    )


def _columns(starts: NDArray[np.int32], tokens: tuple[int, int]) -> tuple[int, int]:
    """The columns that hold these positions; pooled columns at the borders count whole."""
    first = int(np.searchsorted(starts, tokens[0], "right")) - 1
    return max(first, 0), int(np.searchsorted(starts, tokens[1], "left"))


def choose(weights: NDArray[Any], layer: int, head: int) -> Matrix:
    """One map, float32 ``[row, column]``: a layer and a head by position, or ``MEAN`` or ``MAX`` over all of them."""
    return _reduce(_reduce(weights.astype(np.float32), layer), head)


def _reduce(weights: Matrix, which: int) -> Matrix:
    if which == MEAN:
        return weights.mean(0)
    return weights.max(0) if which == MAX else weights[which]


def sinks(view: AttentionView) -> NDArray[np.bool_]:
    """Columns that hold the first positions and, outside of every span, those that draw far more than their share.

    bool ``[columns]``. The latter are the template's own tokens (turn markers), which act as sinks in chat models.
    """
    found = view.starts < SINKS
    inside = np.zeros(view.columns, bool)
    for band in view.bands:
        inside[slice(*band.columns)] = True
    mass = view.weights.astype(np.float32).mean((0, 1, 2))
    return found | (~inside & (mass > 5 * mass.mean()))


def floor(columns: int) -> float:
    """Where the log scale begins: a tenth of an even share of so many columns, rounded down to 1 or 3 of a decade.

    It depends on the length of the context alone, so that all layers, heads and tokens of a capture compare.
    """
    least = 0.1 / max(columns, 10)
    decade = 10.0 ** np.floor(np.log10(least) + 1e-9)
    return float(3 * decade if least >= 3 * decade else decade)


def scaled(matrix: Matrix, scale: Scale, hidden: NDArray[np.bool_] | None = None) -> Matrix:
    """Values in [0, 1] for the colour map, same shape; hidden columns are 0 and do not count.

    ``log`` runs from ``floor`` to 1, so that an even share lies near one third. ``rank`` is the place within the row,
    so that every row uses all colours. ``linear`` ends at the largest weight on show.
    """
    shown = matrix if hidden is None else np.where(hidden, 0, matrix)
    if scale == "log":
        low = floor(matrix.shape[1])
        return (1 - np.log10(np.clip(shown, low, 1)) / np.log10(low)).astype(np.float32)
    if scale == "linear":
        return (shown / max(float(shown.max(initial=0)), 1e-12)).astype(np.float32)
    order = shown.argsort(1, kind="stable").argsort(1, kind="stable")
    ranks = order / max(shown.shape[1] - 1, 1)
    return np.where(shown > 0, ranks, 0).astype(np.float32)


def ticks(scale: Scale, top: float, columns: int) -> tuple[tuple[float, str], ...]:
    """Places in [0, 1] on the colour bar and what they say; ``top`` is the largest weight on show."""
    if scale == "log":
        low = np.log10(floor(columns))
        decades = [d for d in range(int(np.ceil(low - 1e-9)), 1) if d > low + 0.1]
        return ((0.0, f"≤{percent(floor(columns))}"), *((float(1 - d / low), percent(10.0**d)) for d in decades))
    if scale == "rank":
        return ((0.0, "least"), (0.5, "median"), (1.0, "most"))
    return ((0.0, "0 %"), (0.5, percent(top / 2)), (1.0, percent(top)))


def percent(share: float) -> str:
    """A share as people read it: ``62 %``, ``3.1 %``, ``10 %``, ``0.02 %``, ``<0.001 %``."""
    value = 100 * share
    if value >= 9.95 or value == 0:
        return f"{value:.0f} %"
    if value < 0.00095:
        return "<0.001 %"
    digits = 1 if value >= 0.095 else 2 if value >= 0.0095 else 3
    text = f"{value:.{digits}f}"
    return f"{text.removesuffix('.0')} %"


def binned(matrix: Matrix, width: int) -> tuple[Matrix, NDArray[np.int64]]:
    """At most ``width`` columns, each the maximum of those it stands for, and the first column of each.

    The maximum keeps a single bright column visible, where the mean would lose it.
    """
    columns = matrix.shape[-1]
    if columns <= width or width < 1:
        return matrix, np.arange(columns)
    starts = (np.arange(width) * columns) // width
    return np.maximum.reduceat(matrix, starts, axis=-1), starts


def column_mass(matrix: Matrix) -> Matrix:
    """Mean weight of each column over the rows, float32 ``[columns]``: the marginal strip."""
    return matrix.mean(0) if len(matrix) else np.zeros(matrix.shape[1], np.float32)


def span_mass(view: AttentionView, row: int | None = None) -> Matrix:
    """Share of attention on each band, float32 ``[layer, head, band]``, mean over the answer's tokens or of one row.

    For pooled columns the sum of maxima is divided by the row's sum, so that it stays a share.
    """
    weights = view.weights.astype(np.float32)
    weights = weights.mean(2) if row is None else weights[:, :, row]
    whole = weights.sum(-1, keepdims=True)
    share = weights / np.maximum(whole, 1e-12)
    masses = [share[..., slice(*band.columns)].sum(-1) for band in view.bands]
    return np.stack(masses, -1) if masses else np.zeros((*weights.shape[:2], 0), np.float32)
