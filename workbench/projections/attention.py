"""Where the model looked while it answered: the captured weights as pictures that can be read.

The weights of a capture are softmax rows; what is shown is a choice of layer and head (or their mean or maximum) on a
scale that keeps small weights visible. A run keeps a summary of each answer (mean and maximum over all layers and
heads, share of every span in each); the weights themselves are there when they were kept, or computed again
(``trace.side``). The first token takes most of the mass in most heads (the attention sink of Xiao et al. 2023, arXiv
2309.17453), which is why a linear map of means looks empty.
"""

from __future__ import annotations

import hashlib
import weakref
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from workbench import paths
from workbench.errors import TraceError
from workbench.projections.hits import ContextSpan, probe_at, probe_events, span_of
from workbench.sessions.model import Probe
from workbench.trace.blobs import array_texts
from workbench.trace.captures import summed_shapes
from workbench.trace.events import FIXED, Event, Kind
from workbench.trace.reader import TraceReader
from workbench.trace.side import SideArrays

Scale = Literal["log", "rank", "linear"]
Pool = Literal["max", "mean"]
Matrix = NDArray[np.float32]
MEAN, MAX = -1, -2
"""In place of a layer or head: the mean or the maximum over all of them."""

SINKS = 4
"""How many first positions count as sinks (StreamingLLM keeps four)."""

_KEPT_VIEWS = 8
_KEPT = 96 << 20  # bytes of arrays kept decoded per reader: a few captures


@dataclass(frozen=True, slots=True)
class Band:
    """A context span below the map. ``columns`` is half open in columns of the weights; ``place`` is its number among
    the memory's spans, -1 for what is none of it (instruction, question)."""

    span: ContextSpan
    columns: tuple[int, int]
    place: int = -1

    @property
    def evidence(self) -> bool:
        """Whether it comes from a turn that holds the answer."""
        return bool(self.span.evidence)


@dataclass(frozen=True, slots=True, eq=False)
class AttentionView:
    """A capture, ready to choose from.

    Attributes:
        turn: after which the probe was asked.
        weights: float16 ``[layer, head, row, column]`` as captured; no layer where there is a summary alone.
        layers: the model's number of each layer of ``weights``.
        rows: text of each answer token.
        tokens: text of every key position.
        starts: first key position of each column, int32 ``[columns]``.
        bands: context spans, in order.
        answer, correct: what came of it.
        key: names the blob; equal keys mean equal weights.
        every: layers that ``shares`` has; those of the model where there is a summary.
        shares: share of attention on each band, float32 ``[every, head, band]``, mean over the answer's tokens; NaN for
            a span that the summary does not name. None: from the weights.
        maps: mean and maximum over all layers and heads, ``{MEAN: [row, column], MAX: …}``; empty without a summary.
        full: the same answer with its weights, when there are maps and weights.
        arrays: key of the weights beside the run file, "" without a summary.
        column_means: mean weight of each column over layers, heads and rows, float32 ``[column]``; None: from
            ``weights``.
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
    every: tuple[int, ...] = ()
    shares: Matrix | None = None
    maps: Mapping[int, Matrix] = field(default_factory=dict)
    full: AttentionView | None = None
    arrays: str = ""
    column_means: Matrix | None = None

    @property
    def heads(self) -> int:
        """Heads per layer."""
        return int(self.weights.shape[1])

    @property
    def columns(self) -> int:
        """Columns on show."""
        return len(self.starts)

    @property
    def all_layers(self) -> tuple[int, ...]:
        """Layers that can be chosen."""
        return self.every or self.layers

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
    captured, summed = found.get(Kind.CAPTURED), found.get(Kind.SUMMED)
    full = _of_arrays(reader, lane, probe, found, captured) if captured is not None else None
    if summed is None:
        return full or probe
    kept, seen = _Captures.of(reader), (lane, probe.id, *sorted(e.seq for e in found.values()))
    view = kept.once(("summary", *seen), lambda: _of_summary(reader, lane, probe, found, summed))
    weights = kept.again(reader, view.arrays)
    whole = full if weights is None else kept.once(("again", *seen), lambda: _again(weights, view)) or full
    return replace(view, full=None if whole is None else replace(whole, every=view.every))


def _of_arrays(
    reader: TraceReader, lane: int, probe: Probe, found: Mapping[str, Event], captured: Event
) -> AttentionView:
    data, weights = captured.payload, _Captures.of(reader).weights(reader, captured.payload["blob"])
    starts = np.array(range(weights.shape[3]) if data["bins"] is None else data["bins"], np.int32)
    return AttentionView(
        lane,
        captured.turn,
        probe,
        weights,
        tuple(data["layers"]),
        _rows(found, weights.shape[2]),
        tuple(data["tokens"]),
        starts,
        _bands(found, probe, starts),
        *_outcome(found),
        data["blob"],
    )


def _of_summary(
    reader: TraceReader, lane: int, probe: Probe, found: Mapping[str, Event], summed: Event
) -> AttentionView:
    data, kept = summed.payload, _Captures.of(reader)
    arrays = {name: kept.weights(reader, digest) for name, digest in data["blobs"].items()}
    problem = summed_shapes(data, arrays)
    if problem:
        raise TraceError(f"{reader.path}: event {summed.seq}: its array {problem}", "see `mnemoscope inspect`")
    tokens, count = array_texts(arrays["texts"].view(np.uint8)), arrays["mean"].shape[1]
    starts = np.array(range(count) if data["starts"] is None else data["starts"], np.int32)
    bands = _bands(found, probe, starts)
    places = {tuple(span): number for number, span in enumerate(data["spans"])}
    return AttentionView(
        lane,
        summed.turn,
        probe,
        np.zeros((0, int(data["heads"]), len(arrays["rows"]), count), np.float16),
        (),
        _rows(found, len(arrays["mean"])),
        tokens,
        starts,
        bands,
        *_outcome(found),
        data["blobs"]["mean"],
        every=tuple(range(int(data["layers"]))),
        shares=_shares(arrays, data, [places.get(band.span.tokens, -1) for band in bands]),
        maps={MEAN: arrays["mean"].astype(np.float32), MAX: arrays["peak"].astype(np.float32)},
        arrays=arrays_key(summed),
    )


def _shares(arrays: Mapping[str, NDArray[Any]], data: Mapping[str, Any], numbers: Sequence[int]) -> Matrix:
    """Shares of the bands whose spans have these numbers; all layers and heads where the summary names the span."""
    column = {number: place for place, number in enumerate(data["kept"])}
    out = np.full((int(data["layers"]), int(data["heads"]), len(numbers)), np.nan, np.float32)
    for band, number in enumerate(numbers):
        if number in column:
            out[..., band] = arrays["mass"][..., column[number]]
    return out


def _again(weights: NDArray[np.float16], view: AttentionView) -> AttentionView | None:
    """The view with the weights that were computed again, when they are of this answer."""
    if weights.shape[1:] != (view.heads, len(view.rows), len(view.tokens)):
        return None
    starts = np.arange(weights.shape[3], dtype=np.int32)
    bands = tuple(replace(band, columns=_columns(starts, band.span.tokens)) for band in view.bands)
    layers = tuple(range(len(weights)))
    means = np.mean([singles(layer).mean((0, 1)) for layer in weights], 0)
    given = {"maps": {}, "key": view.arrays, "column_means": means}
    return replace(view, weights=weights, layers=layers, starts=starts, bands=bands, **given)


def arrays_key(summed: Event) -> str:
    """Under which the weights of a summed answer lie beside the run file: what they are computed from."""
    blobs = summed.payload["blobs"]
    said = f"{summed.session} {summed.lane} {summed.subject} {blobs['ids']} {blobs['mean']}"
    return hashlib.sha256(said.encode()).hexdigest()[:32]


def _rows(found: Mapping[str, Event], count: int) -> tuple[str, ...]:
    answered = found.get(Kind.ANSWERED)
    texts = [t for t, _ in answered.payload["tokens"]] if answered else []
    return tuple(texts[r] if r < len(texts) else "end" for r in range(count))


def _bands(found: Mapping[str, Event], probe: Probe, starts: NDArray[np.int32]) -> tuple[Band, ...]:
    spans = [span_of(s, probe.evidence) for s in found[Kind.PACKED].payload["spans"]] if Kind.PACKED in found else []
    places = {id(s): n for n, s in enumerate(s for s in spans if s.kind not in FIXED)}
    return tuple(Band(s, _columns(starts, s.tokens), places.get(id(s), -1)) for s in spans if s.length > 0)


def _outcome(found: Mapping[str, Event]) -> tuple[str, bool | None]:
    answered, scored = found.get(Kind.ANSWERED), found.get(Kind.SCORED)
    return answered.payload["text"] if answered else "", bool(scored.payload["correct"]) if scored else None


def span_attention(
    reader: TraceReader, found: Mapping[str, Event], spans: Sequence[tuple[int, int]]
) -> tuple[list[float], bool] | None:
    """Share of an answer's attention on token ranges, mean over layers, heads and answer tokens, and whether it is an
    estimate (from columns that were pooled, or from some of the layers); None without a capture.

    From a summary it is over all layers and heads of every lane alike, and summed before anything is pooled.
    """
    summed = found.get(Kind.SUMMED)
    if summed is not None:
        data = summed.payload
        rows = reader.array(data["blobs"]["rows"])
        shares = rows.astype(np.float32).mean(0) if len(rows) else np.zeros(rows.shape[1], np.float32)
        places = {tuple(span): number for number, span in enumerate(data["spans"])}
        return [float(shares[places[tuple(s)]]) if tuple(s) in places else 0.0 for s in spans], False
    captured = found.get(Kind.CAPTURED)
    if captured is None:
        return None
    column = reader.array(captured.payload["blob"]).mean(axis=(0, 1, 2), dtype=np.float32)
    bins = captured.payload.get("bins")
    starts = np.arange(column.size) if bins is None else np.asarray(bins)
    whole = max(float(column.sum()), 1e-12)
    edges = [np.searchsorted(starts, s) for s in spans]
    layers = list(captured.payload.get("layers") or ())
    return [float(column[a:b].sum()) / whole for a, b in edges], bins is not None or layers != list(range(len(layers)))


class _Captures:
    """The last few captures of a reader, decoded, and their mass on each band: scrubbing between probes asks again."""

    _of: ClassVar[weakref.WeakKeyDictionary[TraceReader, _Captures]] = weakref.WeakKeyDictionary()

    def __init__(self) -> None:
        self._weights: OrderedDict[str, NDArray[np.float16]] = OrderedDict()
        self._mapped: OrderedDict[str, NDArray[np.float16]] = OrderedDict()
        self._masses: OrderedDict[tuple[str, str], Matrix] = OrderedDict()
        self._maps: OrderedDict[tuple[str, int, int], Matrix] = OrderedDict()
        self._views: OrderedDict[tuple[Any, ...], Any] = OrderedDict()

    @classmethod
    def of(cls, reader: TraceReader) -> _Captures:
        return cls._of.setdefault(reader, cls())

    def once(self, key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        """One of the last few views, made on the first call."""
        if key not in self._views:
            self._views[key] = make()
            while len(self._views) > 1 and (len(self._views) > _KEPT_VIEWS or self._held() > _KEPT):
                self._views.popitem(last=False)
        self._views.move_to_end(key)
        return self._views[key]

    def _held(self) -> int:
        return sum(_bytes(view.weights) for view in self._views.values() if view is not None)

    def map(self, view: AttentionView, layer: int, head: int) -> Matrix:
        """As :func:`choose`; what takes all the weights is kept."""
        if layer >= 0 and head >= 0:
            return choose(view.weights, layer, head)
        key = view.key, layer, head
        if key not in self._maps:
            self._maps[key] = choose(view.weights, layer, head)
        return _used(self._maps, key)  # type: ignore[no-any-return]

    def weights(self, reader: TraceReader, key: str) -> NDArray[np.float16]:
        if key not in self._weights:
            self._weights[key] = reader.array(key)
        return _used(self._weights, key)

    def again(self, reader: TraceReader, key: str) -> NDArray[np.float16] | None:
        """Weights that were computed again and lie beside the run file, from which they are read."""
        if not key:
            return None
        if key not in self._mapped:
            found = SideArrays(reader.path, paths.user_cache).mapped(key)
            if found is None or found.dtype != np.float16 or found.ndim != 4:
                return None
            self._mapped[key] = found
            while len(self._mapped) > _KEPT_VIEWS:
                self._mapped.popitem(last=False)
        return self._mapped[key]

    def mass(self, view: AttentionView) -> Matrix:
        if view.shares is not None:
            return view.shares
        key = view.key, view.probe.id
        if key not in self._masses:
            self._masses[key] = span_mass(view)
        return _used(self._masses, key)


def _bytes(array: NDArray[Any]) -> int:
    """What an array takes of the memory: nothing where it is read from its file."""
    return 0 if isinstance(array, np.memmap) else array.nbytes


def _used(kept: OrderedDict[Any, Any], key: Any) -> Any:
    kept.move_to_end(key)
    while len(kept) > 1 and sum(array.nbytes for array in kept.values()) > _KEPT:
        kept.popitem(last=False)
    return kept[key]


@dataclass(frozen=True, slots=True)
class Choice:
    """What to look at: positions of a layer and a head, or ``MEAN`` or ``MAX``; the scale; whether sinks are hidden.

    ``other`` is a lane to take the difference from, 0 for none; ``pool`` says what stands for columns that share a
    pixel; ``exact`` asks for every position by itself where the summary pools them.
    """

    layer: int = MEAN
    head: int = MEAN
    scale: Scale = "log"
    hide_sinks: bool = False
    other: int = 0
    pool: Pool = "max"
    exact: bool = False
    again: int = 0  # counted up when weights may have come, so that a view is made anew

    def within(self, view: AttentionView) -> Choice:
        """The choice, with layers and heads that this capture does not have replaced by the mean."""
        layer = self.layer if self.layer < len(view.all_layers) else MEAN
        return replace(self, layer=layer, head=self.head if self.head < view.heads else MEAN)


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
        missing: the weights of this choice are not there; what is shown is the mean over all layers and heads.
        gap: of the other lane from this one, when there is one to compare with.
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
    missing: bool = False
    gap: Gap | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Gap:
    """How this answer's attention differs from that of another lane on the same probe.

    Attributes:
        shares: difference of the share on each band by layer and head, float32 ``[layer, head, band]``, NaN where the
            other context has no such span; None where the models differ.
        columns: difference of each column's mean over the answer's tokens, float32 ``[columns]``; None where the
            prompts differ.
    """

    lane: int
    answer: str
    shares: Matrix | None
    columns: Matrix | None


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
    masses = _Captures.of(reader).mass(view)
    gap = None
    if choice.other and choice.other != lane:
        other = attention_view(reader, session, choice.other, turn, view.probe.id, seq)
        if isinstance(other, AttentionView) and other.probe.id == view.probe.id:
            gap = _gap(_Captures.of(reader), view, masses, other, _Captures.of(reader).mass(other), choice)
    view, matrix, missing = _chosen(_Captures.of(reader), view, choice)
    sunk = sinks(view)
    hidden = sunk if choice.hide_sinks else np.zeros_like(sunk)
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
        missing,
        gap,
    )


def _chosen(kept: _Captures, view: AttentionView, choice: Choice) -> tuple[AttentionView, Matrix, bool]:
    """The view that has what is chosen, its matrix, and whether that is not there but the mean in its place."""
    if view.maps and choice.layer == choice.head and choice.layer in view.maps and not (choice.exact and view.pooled):
        return view, view.maps[choice.layer], False
    found = view.full if view.maps else view
    number = view.all_layers[choice.layer] if choice.layer >= 0 else None
    if found is None or (number is not None and number not in found.layers):
        return view, view.maps[MEAN], True
    place = choice.layer if number is None else found.layers.index(number)
    if number is None and len(found.layers) < len(view.all_layers):
        return view, view.maps[MEAN], True  # a mean over some of the layers is another one
    return found, kept.map(found, place, choice.head), False


def _gap(
    kept: _Captures, view: AttentionView, masses: Matrix, other: AttentionView, others: Matrix, choice: Choice
) -> Gap:
    shares = None
    if masses.shape[:2] == others.shape[:2]:
        known = {(b.span.kind, b.span.turns, b.span.items, b.span.text): n for n, b in enumerate(other.bands)}
        places = [known.get((b.span.kind, b.span.turns, b.span.items, b.span.text)) for b in view.bands]
        shares = np.full_like(masses, np.nan)
        for band, place in enumerate(places):
            if place is not None:
                shares[..., band] = masses[..., band] - others[..., place]
    columns = None
    count = min(b.span.tokens[1] for b in view.bands[-1:]) if view.bands else 0
    if (
        view.tokens[:count] == other.tokens[:count]
        and view.starts.size
        and np.array_equal(view.starts[view.starts < count], other.starts[other.starts < count])
    ):
        (_, mine, _), (_, theirs, _) = _chosen(kept, view, choice), _chosen(kept, other, choice.within(other))
        if min(len(mine), len(theirs)):
            columns = np.zeros(mine.shape[1], np.float32)
            both = min(mine.shape[1], theirs.shape[1], int((view.starts < count).sum()))
            columns[:both] = mine.mean(0)[:both] - theirs.mean(0)[:both]
    return Gap(other.lane, other.answer, shares, columns)


def _columns(starts: NDArray[np.int32], tokens: tuple[int, int]) -> tuple[int, int]:
    """The columns that hold these positions; pooled columns at the borders count whole."""
    first = int(np.searchsorted(starts, tokens[0], "right")) - 1
    return max(first, 0), int(np.searchsorted(starts, tokens[1], "left"))


@cache
def _single() -> Matrix:
    return np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float32)


def singles(weights: NDArray[Any]) -> Matrix:
    """``weights.astype(np.float32)``, of half floats five times as fast: most weights are so small that each is a case
    of its own to NumPy, and here each of the 65,536 there are was one once."""
    return _single()[weights.view(np.uint16)] if weights.dtype == np.float16 else weights.astype(np.float32)


def choose(weights: NDArray[Any], layer: int, head: int) -> Matrix:
    """One map, float32 ``[row, column]``: a layer and a head by position, or ``MEAN`` or ``MAX`` over all of them."""
    layers = weights if layer < 0 else weights[layer : layer + 1]
    part = layers if head < 0 else layers[:, head : head + 1]
    out = np.empty(weights.shape[2:], np.float32)
    for row in range(len(out)):  # one by one: all of a long answer in single precision would fill the memory
        out[row] = _reduce(_reduce(singles(part[:, :, row]), min(layer, MEAN)), min(head, MEAN))
    return out


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
    if view.maps:
        mass = view.maps[MEAN].mean(0) if len(view.maps[MEAN]) else np.zeros(view.columns, np.float32)
    else:
        mass = view.weights.mean((0, 1, 2), dtype=np.float32) if view.column_means is None else view.column_means
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
    """A share as people read it: ``62 %``, ``3.1 %``, ``10 %``, ``0.02 %``, ``<0.001 %``; ``–`` for an unknown one."""
    if share != share:
        return "–"
    value = 100 * share
    if value >= 9.95 or value == 0:
        return f"{value:.0f} %"
    if value < 0.00095:
        return "<0.001 %"
    digits = 1 if value >= 0.095 else 2 if value >= 0.0095 else 3
    text = f"{value:.{digits}f}"
    return f"{text.removesuffix('.0')} %"


def binned(matrix: Matrix, width: int, pool: Pool = "max") -> tuple[Matrix, NDArray[np.int64]]:
    """At most ``width`` columns, each the maximum (or mean) of those it stands for, and the first column of each.

    The maximum keeps a single bright column visible, where the mean would lose it.
    """
    columns = matrix.shape[-1]
    if columns <= width or width < 1:
        return matrix, np.arange(columns)
    starts = (np.arange(width) * columns) // width
    if pool == "mean":
        sizes = np.diff(np.append(starts, columns))
        return (np.add.reduceat(matrix, starts, axis=-1) / sizes).astype(np.float32), starts
    return np.maximum.reduceat(matrix, starts, axis=-1), starts


def column_mass(matrix: Matrix) -> Matrix:
    """Mean weight of each column over the rows, float32 ``[columns]``: the marginal strip."""
    return matrix.mean(0) if len(matrix) else np.zeros(matrix.shape[1], np.float32)


def span_mass(view: AttentionView, row: int | None = None) -> Matrix:
    """Share of attention on each band, float32 ``[layer, head, band]``, mean over the answer's tokens or of one row.

    For pooled columns the sum of maxima is divided by the row's sum, so that it stays a share.
    """
    weights = singles(view.weights)
    weights = weights.mean(2) if row is None else weights[:, :, row]
    whole = weights.sum(-1, keepdims=True)
    share = weights / np.maximum(whole, 1e-12)
    masses = [share[..., slice(*band.columns)].sum(-1) for band in view.bands]
    return np.stack(masses, -1) if masses else np.zeros((*weights.shape[:2], 0), np.float32)
