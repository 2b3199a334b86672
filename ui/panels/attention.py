"""Where the model looked while it answered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QCheckBox,
    QComboBox,
    QGridLayout,
    QMenu,
    QScrollArea,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ui.bridge.project_pool import Answer
from ui.models.table import Table
from ui.panels.base import ElidedLabel, Empty, Panel, asked
from ui.panels.hits import follow_span, no_probe
from ui.state.moment import Moment
from ui.theme import theme
from ui.widgets import colormap
from ui.widgets.choice_menu import ChoiceMenu
from ui.widgets.heatmap import AttentionMap, ColorBar, HeadGrid
from ui.widgets.mask_told import mask_told, where
from ui.widgets.plain import Label
from ui.widgets.span_effects import TIP as EFFECTS_TIP
from ui.widgets.span_effects import SpanEffects
from ui.widgets.span_states import TIP, SpanStates
from ui.widgets.states_grid import LEVELS, rows
from ui.widgets.structure.base import one_line
from ui.widgets.surprise_track import FULL, told
from ui.widgets.token_strip import TokenStrip
from workbench.engine.protocol import Expect, Knocked, KnockOut, Retrace
from workbench.projections.attention import (
    MAX,
    MEAN,
    AttentionPicture,
    Choice,
    attention_picture,
    percent,
)
from workbench.projections.hits import probe_at
from workbench.projections.surprise import SurpriseView, answer_surprise
from workbench.sessions.model import Probe
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader
from workbench.why.knockout import Bars

HINT = "Attention is a hint, not an explanation"
_HINT_TIP = (
    "A span can matter with little attention on it, and draw attention without mattering. "
    "To test a claim, mask the span and see whether the answer changes."
)
_SCALES = (("log", "log"), ("rank", "rank"), ("linear", "linear"))
_TEXT, _SPAN, _LEVELS = "Text coloured by", "Of the chosen span", "Levels of hidden states"
_GROUNDS = ("attention", "surprise", "entropy")
_TEXT_TIP = (
    "Attention, or how much the model expected each token of prompt and answer (-log p and entropy, full at "
    f"{FULL:.0f} nats), which is computed when it is asked for"
)
_STATES = "hidden states at writing and at recall"
_EFFECTS = "effect of masking by layer and head"
_OF_SPAN = ("attention by layer and head", _EFFECTS, _STATES)
_SINKS = 4  # column of the bar
_LOW, _WIDE = 360, 480
"""Below this height and from this width on in px the grid stands beside the map; both grow with the type."""
_TEXT_FROM = 430  # px of height from which there is room for the prompt's text


class AttentionPanel(Panel):
    """The captured attention of the answer to the probe at or before the cursor."""

    name: ClassVar[str] = "attention"
    follows = frozenset({"session", "turn", "seq", "lane", "probe", "pinned"})
    heavy = True

    @staticmethod
    def project(reader: TraceReader, moment: Moment, options: Any) -> AttentionPicture | Empty:
        """See ``workbench.projections.attention``."""
        moment = asked(reader, moment)
        where = (reader, moment.session, moment.lane, moment.turn, moment.probe, moment.seq)
        found = attention_picture(*where, options)
        if found is None:
            return no_probe(reader, moment)
        if isinstance(found, Probe):
            return _nothing_captured(reader, found)
        return found

    def build(self) -> QWidget:
        """Map, text, heads, scale."""
        self._choice = Choice()
        self._band = -1
        self._wanted: set[tuple[int, str]] = set()
        self._track: SurpriseView | None = None
        self._expected: set[Expect] = set()
        self.workspace.computed.connect(self._computed)
        unit = theme.active().unit
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(unit(2))
        column.addLayout(self._make_bar())
        self.map = AttentionMap()
        self.map.pointed.connect(self._pointed)
        self.map.row_chosen.connect(lambda row: self.workspace.selection.select(token=None if row < 0 else row))
        self.map.band_chosen.connect(self._choose_band)
        self.map.band_followed.connect(self._follow_band)
        self.map.zoomed.connect(self._zoomed)
        upper = QVBoxLayout()
        upper.setSpacing(unit(2))
        upper.addWidget(self.map, 3)
        self.readout = ElidedLabel()
        self.readout.setProperty("part", "small")
        upper.addWidget(self.readout)
        self.text, self._scroll = TokenStrip(), QScrollArea()
        self.text.pointed.connect(self._text_pointed)
        self.text.chosen.connect(self._text_chosen)
        self._scroll.setWidget(self.text)
        self._scroll.setWidgetResizable(True)
        self._scroll.setMinimumHeight(1)  # where room is short it gives way
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        upper.addWidget(self._scroll, 4)
        self._middle = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self._middle.setSpacing(unit(2))
        self._middle.addLayout(upper, 1)
        self._middle.addLayout(self._make_foot())
        column.addLayout(self._middle, 1)
        self.masking = QToolButton()
        self.masking.setText("Mask")
        self.masking.setProperty("part", "quiet")
        self.masking.setToolTip(
            "Hide the chosen span from the model in the chosen layer and head (the boxes, or a click in the grid; mean "
            "and max stand for all of them), and see what it answers then (K)"
        )
        self.masking.clicked.connect(self._mask)
        self.workspace.knocked.connect(self._knocked)
        self.workspace.told.connect(self._told)
        self._masked: dict[KnockOut, Bars | None] = {}
        self.tools.addWidget(self.masking)
        self.tools.addWidget(self._make_show())
        self.setFocusProxy(self.map)
        return body

    def _make_bar(self) -> QGridLayout:
        bar = self._bar = QGridLayout()
        bar.setSpacing(theme.active().unit(1))
        self.layer_box, self.head_box, self.scale_box = QComboBox(), QComboBox(), QComboBox()
        self.layer_box.setToolTip("Layer ([ and ])")
        self.head_box.setToolTip("Head ({ and })")
        self.scale_box.setToolTip(
            "How weights become colours: log keeps small ones visible, rank compares within a row"
        )
        for box, name in ((self.layer_box, "Layer"), (self.head_box, "Head"), (self.scale_box, "Scale")):
            box.setAccessibleName(name)
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
            box.setMinimumWidth(theme.active().unit(14))
            bar.addWidget(box, 0, bar.columnCount())
        for value, title in _SCALES:
            self.scale_box.addItem(title, value)
        for box in (self.layer_box, self.head_box, self.scale_box):
            box.activated.connect(self._choose)
        self.sinks = QCheckBox("hide sinks")
        self.sinks.setToolTip(
            "Leave out the first four positions and the template's own tokens, which draw attention in most heads (S)"
        )
        self.sinks.toggled.connect(self._choose)
        self.pool = QCheckBox("pool by maximum")
        self.pool.setChecked(True)
        self.pool.setToolTip(
            "What stands for columns that share a pixel: the maximum keeps a needle visible, else their mean (M)"
        )
        self.pool.toggled.connect(self._choose)
        self.against = QComboBox()
        self.against.setAccessibleName("Held against")
        self.against.setToolTip("Hold this answer's attention against that of another lane on the same probe")
        self.against.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.against.setMinimumContentsLength(8)
        self.against.activated.connect(self._choose)
        bar.addWidget(self.sinks, 0, _SINKS)
        self._beside = self._choices_seen = True
        self._low = False
        bar.setColumnStretch(_SINKS + 1, 1)
        return bar

    def _fit_bar(self) -> None:
        """Sinks stand beside the choices of layer, head and scale, or below them where these have no room else."""
        boxes = (self.layer_box, self.head_box, self.scale_box, self.sinks)
        wanted = sum(box.sizeHint().width() for box in boxes) + theme.active().unit(3)
        beside = wanted <= self.contentsRect().width() - 2 * theme.active().unit(3)
        if beside != self._beside:
            self._beside = beside
            self._bar.removeWidget(self.sinks)
            self._bar.addWidget(self.sinks, *((0, _SINKS) if beside else (1, 1, 1, _SINKS)))

    def _lay_low(self) -> None:
        """Where a panel is wide and low the grid stands beside the map, and what is chosen less often in the bar."""
        larger = theme.active().size / theme.NORMAL
        low = self.height() < _LOW * larger and self.width() >= _WIDE * larger
        boxes = (self.layer_box, self.head_box, self.scale_box, self.sinks, self.pool)
        wanted = sum(box.sizeHint().width() for box in boxes) + self.against.minimumSizeHint().width()
        seen = not low or wanted + 2 * theme.active().unit(8) <= self.width()
        if (low, seen) == (self._low, self._choices_seen):
            return
        self._low, self._choices_seen = low, seen
        across, down = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom
        self._middle.setDirection(across if low else down)
        self._middle.setStretch(0, 5 if low else 1)
        self._middle.setStretch(1, 3 if low else 0)
        self._foot.setDirection(down if low else across)
        self._foot.setStretch(1, 0 if low else 2)
        for place, box in enumerate((self.pool, self.against)):
            self._bar.addWidget(box, 0, _SINKS + 2 + place) if low else self._legend.insertWidget(3 + place, box)
        self.pool.setVisible(seen)
        self.against.setVisible(seen and self.against.count() > 1)
        self.sunk.setVisible(not low)
        self._hint.setVisible(not low)

    def _make_foot(self) -> QBoxLayout:
        foot = self._foot = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        foot.setSpacing(theme.active().unit(4))
        left = QVBoxLayout()
        left.setSpacing(theme.active().unit(1))
        self.about = ElidedLabel()
        self.about.setProperty("part", "faint")
        self.grid = HeadGrid()
        self.grid.chosen.connect(self._choose_head)
        left.addWidget(self.about)
        self.grids = QStackedWidget()
        self.states = SpanStates(self.workspace)
        self.states.pointed.connect(self._point_state)
        self.states.told.connect(self.about.setText)
        self.effects = SpanEffects(self.workspace)
        self.effects.told.connect(self.about.setText)
        self.effects.grid.chosen.connect(self._choose_head)
        for shown in (self.grid, self.effects, self.states):
            self.grids.addWidget(shown)
        left.addWidget(self.grids, 1)
        foot.addLayout(left, 3)
        right = self._legend = QVBoxLayout()
        right.setSpacing(theme.active().unit(1))
        self.bar = ColorBar()
        self.sunk, self._hint = Label(), Label(HINT)
        for label in (self.sunk, self._hint):
            label.setProperty("part", "faint")
            label.setWordWrap(True)
        self._hint.setToolTip(_HINT_TIP)
        caption = Label("share of a row's attention")
        caption.setProperty("part", "faint")
        for widget in (caption, self.bar, self.sunk):
            right.addWidget(widget)
        right.addWidget(self.pool)
        right.addWidget(self.against)
        right.addStretch(1)
        right.addWidget(self._hint)
        foot.addLayout(right, 2)
        return foot

    def _make_show(self) -> ChoiceMenu:
        """What colours the text, and what of the chosen span is shown below it."""
        self.show_menu = ChoiceMenu("Show", "What colours the text, and what is shown of the chosen span")
        self.show_menu.add(_TEXT, _GROUNDS, self._color_text, _TEXT_TIP)
        self.show_menu.add(_SPAN, _OF_SPAN, self._choose_grid, f"{TIP}\n\n{EFFECTS_TIP}")
        self.show_menu.add(_LEVELS, tuple(LEVELS), self._choose_levels, "The cosines at the two ends of the colours")
        return self.show_menu

    # Showing.

    def show_view(self, view: AttentionPicture) -> None:
        """Fill everything from one picture."""
        self._fill_boxes(view)
        self._fill_lanes(view)
        self.map.show_picture(view)
        self.bar.show_scale(view)
        said = "hidden" if view.choice.hide_sinks else "shown"
        self.sunk.setText(f"sinks hold {percent(view.sink_mass)} ({said})")
        shown = view.view
        starts = [b.span.tokens[0] for b in shown.bands]
        self.text.show_tokens(shown.tokens, starts, [b.span.tokens for b in shown.bands if b.evidence])
        self._band = self._default_band(view) if not 0 <= self._band < len(shown.bands) else self._band
        self.on_moment(self.moment)
        if self.show_menu.chosen(_TEXT) != "attention" and self._by_track(view) is None:
            self._color_text()
        if view.missing:
            self._want(view)

    def _want(self, view: AttentionPicture) -> None:
        """Have what was not kept computed again, once for each answer."""
        run = self.workspace.run
        key = (view.view.lane, view.view.probe.id)
        what = "every position" if view.choice.layer == view.choice.head < 0 else "this layer and head"
        self.readout.setText(f"mean over all layers and heads; {what} is being computed again…")
        if run is not None and key not in self._wanted:
            self._wanted.add(key)
            self.workspace.asked.emit(Retrace(run.path, self.moment.session, *key))

    # The chosen span masked.

    def _mask_question(self) -> KnockOut | None:
        """What masking the chosen span in the chosen layers and heads would be; None where there is no span."""
        run, view = self.workspace.run, self.view
        if run is None or view is None or not 0 <= self._band < len(view.view.bands):
            return None
        place, chosen = view.view.bands[self._band].place, view.choice
        if place < 0:
            return None
        layers = (view.view.all_layers[chosen.layer],) if chosen.layer >= 0 else None
        heads = (chosen.head,) if chosen.head >= 0 else None
        where = (run.path, self.moment.session, view.view.lane, view.view.probe.id)
        return KnockOut(*where, (str(place),), layers, heads)

    def _mask(self) -> None:
        asked = self._mask_question()
        if asked is None:
            self.readout.setText("Choose a span of the memory: a click below the map, or in the text")
        elif asked not in self._masked:
            self._masked[asked] = None
            self.readout.setText(f"masking {where(asked)}…")
            self.workspace.asked.emit(asked)

    def _knocked(self, report: Knocked) -> None:
        if report.asked.spans:
            self._masked[report.asked] = report.bars
            self._read_out(*self.map.cross)

    def _told(self) -> None:
        """Questions are dealt with: what has no answer by now gets none."""
        self._masked = {asked: made for asked, made in self._masked.items() if made is not None}

    # Hidden states of the chosen span.

    def _choose_grid(self) -> None:
        self.grids.setCurrentIndex(_OF_SPAN.index(self.show_menu.chosen(_SPAN)))
        if self.view is not None:
            self._show_band(self.view)
            self._read_out(*self.map.cross)

    def _choose_levels(self) -> None:
        self.states.grid.choose_levels(self.show_menu.chosen(_LEVELS))

    def _show_states(self, view: AttentionPicture) -> None:
        if self._band >= 0:
            self.states.show_span(self._asked_at(), view.view.probe.id, view.view.bands[self._band].span.tokens)

    def _show_effects(self, view: AttentionPicture) -> None:
        self.effects.choose(view.choice.layer, view.choice.head)
        if self._band >= 0:
            self.effects.show_span(self._asked_at(), view.view.probe.id, view.view.bands[self._band].place)

    def _asked_at(self) -> Moment:
        return self.moment.but(seq=None) if self.moment.pinned else self.moment

    def _point_state(self, token: int, said: str) -> None:
        self.text.point(token)
        self.readout.setText(said or self._summary())

    # The text by surprise or entropy.

    def _color_text(self) -> None:
        if self.show_menu.chosen(_TEXT) != "attention":
            self.workspace.pool.submit(id(self.show_menu), _track, self.moment, None, self._tracked, True)
        elif self.view is not None:
            self._show_text(self.view, self.map.row)

    def _tracked(self, answer: Answer) -> None:
        view, run = self.view, self.workspace.run
        if view is None or run is None:
            return
        self._track = answer.view if isinstance(answer.view, SurpriseView) else None
        asked = Expect(run.path, self.moment.session, view.view.lane, -1, view.view.probe.id)
        if self._track is None and asked not in self._expected and not self.workspace.being_written:
            self._expected.add(asked)
            self.readout.setText("how much the model expected the text is being computed…")
            self.workspace.asked.emit(asked)
        self._show_text(view, self.map.row)

    def _by_track(self, view: AttentionPicture) -> SurpriseView | None:
        """The track that colours the text, where one is wanted and there."""
        track, shown = self._track, view.view
        wanted = self.show_menu.chosen(_TEXT) != "attention" and track is not None
        mine = wanted and track.probe == shown.probe.id and len(track.texts) == len(shown.tokens)  # type: ignore[union-attr]
        return track if mine else None

    def _computed(self, question: object) -> None:
        if isinstance(question, Expect) and question in self._expected:
            self._color_text()
        if isinstance(question, Retrace) and self.view is not None and self.view.missing:
            self._choice = replace(self._choice, again=self._choice.again + 1)
            self.refresh()

    def _fill_boxes(self, view: AttentionPicture) -> None:
        chosen = view.choice
        layers = [(f"layer {n}", at) for at, n in enumerate(view.view.all_layers)]
        heads = [(f"head {n}", n) for n in range(view.view.heads)]
        _fill(self.layer_box, [("layer mean", MEAN), ("layer max", MAX), *layers], chosen.layer)
        _fill(self.head_box, [("head mean", MEAN), ("head max", MAX), *heads], chosen.head)

    def _fill_lanes(self, view: AttentionPicture) -> None:
        run = self.workspace.run
        lanes = [(row.name, row.id) for row in run.lanes if row.id != view.view.lane] if run else []
        _fill(self.against, [("against no other lane", 0), *lanes], view.choice.other)
        self.against.setVisible(bool(lanes) and self._choices_seen)

    def _default_band(self, view: AttentionPicture) -> int:
        """The evidence, else the memory span that draws most."""
        bands = view.view.bands
        held = [i for i, b in enumerate(bands) if b.evidence] or [
            i for i, b in enumerate(bands) if b.span.turns or b.span.items
        ]
        return max(held or range(len(bands)), key=lambda i: float(view.mass[i]), default=-1)

    def on_moment(self, moment: Moment) -> None:
        """Selected token and item."""
        view = self.view
        if view is None:
            return
        row = -1 if moment.token is None or moment.token >= len(view.view.rows) else moment.token
        self.map.choose_row(row)
        of_item = [i for i, b in enumerate(view.view.bands) if moment.item and moment.item in b.span.items]
        if of_item and self._band not in of_item:
            self._band = of_item[0]
        self._show_band(view)
        self._show_text(view, row)
        self._read_out(*self.map.cross)

    def _show_band(self, view: AttentionPicture) -> None:
        self.map.choose_band(self._band)
        if self.show_menu.chosen(_SPAN) == _STATES:
            self._show_states(view)
            return
        if self.show_menu.chosen(_SPAN) == _EFFECTS:
            self._show_effects(view)
            return
        band = view.view.bands[self._band] if self._band >= 0 else None
        held = " (evidence)" if band and band.evidence else ""
        shares = view.masses[..., self._band] if band else np.zeros((0, 0), np.float32)
        gap = view.gap.shares if view.gap is not None else None
        if band is None:
            self.about.setText("")
        elif gap is not None:
            shares = gap[..., self._band]
            known = shares[shares == shares]
            less = f"{100 * known.mean():+.1f} points on average" if known.size else "it is not in the other context"
            self.about.setText(f"on {band.span.label}{held}, less the other lane's: {less}; blue is more here")
        else:
            most = percent(float(np.nan_to_num(shares).max(initial=0)))
            self.about.setText(f"on {band.span.label}{held}, by layer and head, up to {most}")
        largest = float(np.abs(np.nan_to_num(shares)).max(initial=0)) if gap is not None else 1.0
        scaled = shares / largest if gap is not None and largest > 0 else shares
        self.grid.show_shares(scaled, view.view.all_layers, view.choice.layer, view.choice.head, gap is not None)
        self.grid.scale = largest

    def _show_text(self, view: AttentionPicture, row: int) -> None:
        run = self.workspace.run
        track = self._by_track(view)
        if track is not None:
            nats = track.surprise if self.show_menu.chosen(_TEXT) == "surprise" else track.entropy
            self.text.show_values(np.clip(np.nan_to_num(nats) / FULL, 0, 1), theme.active().color("accent-fill"))
            return
        values = view.values[row] if row >= 0 else view.values.max(0)
        starts = view.view.starts
        each = np.zeros(len(view.view.tokens))
        ends = np.append(starts[1:], len(each))
        # Pooled columns give all their tokens the value of the strongest; an even share (one third) leaves no trace.
        each[: len(each)] = np.repeat(values, ends - starts)[: len(each)]
        self.text.show_values(
            np.clip((each - 0.38) / 0.5, 0, 1), theme.active().lane(run.place(view.view.lane) if run else 0)
        )

    def _pointed(self, row: int, column: int) -> None:
        view = self.view
        if view is None:
            return
        token = int(view.view.starts[column]) if column >= 0 else -1
        self.text.point(token)
        if token >= 0 and self._scroll.isVisible():
            rect = self.text.rect_of(token)
            self._scroll.ensureVisible(rect.center().x(), rect.center().y(), 0, 30)
        self._read_out(row, column)

    def _text_pointed(self, token: int) -> None:
        view = self.view
        if view is None:
            return
        column = int(np.searchsorted(view.view.starts, token, "right")) - 1 if token >= 0 else -1
        row = self.map.row if self.map.row >= 0 else int(view.matrix[:, column].argmax()) if column >= 0 else -1
        track = self._by_track(view)
        if track is not None:
            self.readout.setText(told(track, token) if token >= 0 else self._summary())
            return
        blocked = self.map.blockSignals(True)
        self.map.point(row if column >= 0 else -1, column)
        self.map.blockSignals(blocked)
        self._read_out(row if column >= 0 else -1, column)

    def _text_chosen(self, token: int) -> None:
        if self.view is not None:
            column = int(np.searchsorted(self.view.view.starts, token, "right")) - 1
            band = self.view.view.band_at(column)
            if band >= 0:
                self._choose_band(band)

    def _read_out(self, row: int, column: int) -> None:
        view = self.view
        if view is None or row < 0 or column < 0:
            self.readout.setText(self._summary())
            return
        band = view.view.band_at(column)
        where = f" in {view.view.bands[band].span.label}" if band >= 0 else ""
        said = f"“{view.view.rows[row].strip()}” looks at “{view.view.token(column).strip()[:40]}”{where}"
        self.readout.setText(
            f"{said}, position {int(view.view.starts[column])}: {percent(float(view.matrix[row, column]))}"
        )

    def _summary(self) -> str:
        view = self.view
        if view is None:
            return ""
        evidence = [i for i, b in enumerate(view.view.bands) if b.evidence]
        if view.choice.other:
            return self._compared(view, evidence)
        asked = self._mask_question()
        masked = self._masked.get(asked) if asked is not None else None
        if asked is not None and masked is not None:
            return mask_told(asked, masked)
        answer = f"answer “{one_line(view.view.answer)[:60]}”"
        if evidence:
            return f"{answer}, {percent(float(view.mass[evidence].sum()))} of its attention on the evidence"
        return f"{answer}, the evidence is not in the context" if view.view.probe.evidence else answer

    def _compared(self, view: AttentionPicture, evidence: list[int]) -> str:
        run, gap = self.workspace.run, view.gap
        name = run.name(view.choice.other) if run is not None else ""
        if gap is None:
            return f"{name} has no attention recorded for this probe"
        if gap.shares is None:
            return f"{name} was answered by a model with other layers or heads: nothing to compare"
        said = f"{name} answered “{one_line(gap.answer)[:40]}”"
        shared = gap.shares[..., evidence]
        if not evidence or not (shared == shared).any():
            return f"{said}; the evidence is not in both contexts"
        return f"{said}; {_signed(float(np.nansum(shared, -1).mean()))} attention on the evidence here"

    # Choosing.

    def options(self) -> Choice:
        """Layer, head, scale, sinks, pooling, the lane to compare with."""
        return self._choice

    def _choose(self, *_: object) -> None:
        layer, head = self.layer_box.currentData(), self.head_box.currentData()
        self._choice = replace(
            self._choice,
            layer=MEAN if layer is None else layer,
            head=MEAN if head is None else head,
            scale=self.scale_box.currentData(),
            hide_sinks=self.sinks.isChecked(),
            pool="max" if self.pool.isChecked() else "mean",
            other=self.against.currentData() or 0,
        )
        self.refresh()

    def _zoomed(self, part: bool) -> None:
        """A part of a long context is shown by every position; computed again where only pooled ones were kept."""
        if part != self._choice.exact:
            self._choice = replace(self._choice, exact=part)
            if self.view is not None and (self.view.view.pooled or not part):
                self.refresh()

    def _choose_head(self, layer: int, head: int) -> None:
        self._choice = replace(self._choice, layer=layer, head=head)
        self.refresh()

    def _choose_band(self, band: int) -> None:
        if self.view is None:
            return
        self._band = band
        span = self.view.view.bands[band].span
        if span.items:
            self.workspace.selection.select(item=span.items[0])
        self._show_band(self.view)

    def _follow_band(self, band: int) -> None:
        """Go where a span came from: its turn, and its item when it has one."""
        if self.view is None:
            return
        span = self.view.view.bands[band].span
        follow_span(self, span, self.view.view.probe.id)
        if span.turns:
            self.workspace.follow(span.turns[0], self.view.view.probe.id)

    def _step(self, box: QComboBox, by: int) -> None:
        box.setCurrentIndex((box.currentIndex() + by) % max(box.count(), 1))
        self._choose()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102
        steps = {"[": (self.layer_box, -1), "]": (self.layer_box, 1), "{": (self.head_box, -1), "}": (self.head_box, 1)}
        if event.text() in steps and event.text():
            self._step(*steps[event.text()])
        elif event.text() == "s":
            self.sinks.toggle()
        elif event.text() == "k":
            self._mask()
        elif event.text() == "m":
            self.pool.toggle()
        else:
            super().keyPressEvent(event)

    def add_actions(self, menu: QMenu) -> None:
        """Colours; where the span came from."""
        colors = menu.addMenu("Colours")
        for name in colormap.NAMES:
            action = colors.addAction(name.capitalize())
            action.setCheckable(True)
            action.setChecked(self.map.colors == name)
            action.triggered.connect(lambda *_, n=name: self._color(n))
        if self.view is not None and self._band >= 0:
            label = self.view.view.bands[self._band].span.label
            menu.addAction(f"Go to where {label} came from").triggered.connect(lambda: self._follow_band(self._band))

    def _color(self, name: str) -> None:
        for widget in (self.map, self.grid, self.effects.grid, self.bar, self.states.grid):
            widget.choose_colors(name)

    # The rest.

    def title(self, view: AttentionPicture | None) -> str:
        """``a-mem · attention of the answer to p3 at turn 214``."""
        if view is None:
            return f"{self.lane_title()} · attention" if self.lane_title() else "Attention"
        return f"{self.lane_title()} · attention while answering {view.view.probe.id} at turn {view.view.turn}"

    def table(self, view: AttentionPicture) -> Table:
        """One row per context span and answer token, then the strongest single positions."""
        if self.show_menu.chosen(_SPAN) == _STATES and self.states.view is not None:
            return Table(("what", "layer", "token", "cosine"), rows(self.states.view))
        grid = self.effects.view
        if self.show_menu.chosen(_SPAN) == _EFFECTS and grid is not None and grid.effects is not None:
            rows_ = grid.effects.tolist()
            heads = [
                (n, self.effects.grid.name(head), value)
                for n, row in enumerate(rows_)
                for head, value in enumerate(row)
            ]
            return Table(("layer", "head", "change of the answer's log-probability (nats)"), heads)
        found: list[tuple[Any, ...]] = []
        shares = view.matrix / np.maximum(view.matrix.sum(1, keepdims=True), 1e-12)
        for band in view.view.bands:
            for row, token in enumerate(view.view.rows):
                on_span = float(shares[row, slice(*band.columns)].sum())
                found.append(("span", band.span.label, band.evidence, token, *band.span.tokens, 100 * on_span))
        strongest = np.argsort(-view.matrix, axis=1, kind="stable")[:, :10]
        for row, token in enumerate(view.view.rows):
            for column in strongest[row]:
                start = int(view.view.starts[column])
                text = view.view.token(int(column))
                found.append(("position", text, None, token, start, start + 1, 100 * float(view.matrix[row, column])))
        return Table(("what", "name", "evidence", "answer token", "from", "to", "attention (%)"), found)

    def retheme(self) -> None:
        """Type size."""
        self.text.retheme()

    def resizeEvent(self, event: Any) -> None:  # noqa: D102
        super().resizeEvent(event)
        self._lay_low()
        self._fit_bar()
        self._scroll.setVisible(self.height() >= _TEXT_FROM * theme.active().size / theme.NORMAL)


def _track(reader: TraceReader, moment: Moment, _: Any) -> SurpriseView | None:
    moment = asked(reader, moment)
    where = (reader, moment.session, moment.lane)
    probe = probe_at(*where, moment.turn, moment.probe, moment.seq)
    return None if probe is None else answer_surprise(*where, probe.id, moment.seq)


def _fill(box: QComboBox, entries: list[tuple[str, int]], chosen: int) -> None:
    if [box.itemText(i) for i in range(box.count())] != [title for title, _ in entries]:
        box.clear()
        for title, value in entries:
            box.addItem(title, value)
    box.setCurrentIndex(box.findData(chosen))


def _signed(share: float) -> str:
    """A difference of shares in points."""
    return f"{100 * share:+.1f} points of"


def _nothing_captured(reader: TraceReader, probe: Probe) -> Empty:
    loaded = [e.payload for e in reader.events(lane=0, kinds=[Kind.ENGINE_LOADED])]
    note = loaded[-1].get("capture_note", "") if loaded else ""
    how = note or "Run with `--capture answers` to record it; remote and very large models cannot be captured"
    return Empty(f"No attention was recorded while answering {probe.id}", how)
