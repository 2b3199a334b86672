"""The KV cache of an answer: which cells were kept, which memory was thrown away and when, and what it cost."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QResizeEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QHBoxLayout,
    QMenu,
    QScrollArea,
    QSizePolicy,
    QStackedWidget,
    QTabBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ui.models.table import Table
from ui.panels.base import ElidedLabel, Empty, Panel, asked
from ui.panels.hits import follow_span, no_probe
from ui.state.moment import Moment
from ui.theme import theme
from ui.widgets.budget_curve import METRICS, BudgetCurve
from ui.widgets.cell_grid import WORDS, CellGrid, CellLegend
from ui.widgets.choice_box import ChoiceBox
from ui.widgets.eviction_map import EvictionMap
from ui.widgets.heatmap import HeadGrid
from ui.widgets.loss_list import LossList, LossRow
from ui.widgets.plain import plain
from ui.widgets.structure.base import one_line
from ui.widgets.token_strip import TokenStrip
from ui.widgets.units import percent, size
from workbench.projections import cache
from workbench.projections.cache_picture import (
    CacheChoice,
    CachePicture,
    Cell,
    Loss,
    by_cell,
    cache_picture,
    plan_at,
    token_states,
    when_of,
)
from workbench.sessions.model import Probe
from workbench.trace.reader import TraceReader

MEMORIES, CELLS, TOKENS, HEADS, BUDGETS = "Memories", "Cells", "Tokens", "Heads", "Budgets"
_ROOMY = 400  # px of height from which there is room for every figure; the table twin has them all
PAGES = (MEMORIES, CELLS, TOKENS, HEADS, BUDGETS)
_TIPS = {
    MEMORIES: "What every span of the context lost, and when",
    CELLS: "Every cell of the cache, by position or by cell",
    TOKENS: "The prompt by what its tokens were worth; evicted ones are struck through",
    HEADS: "What every layer and key head keeps",
    BUDGETS: "Evidence, accuracy and distance from the full cache of every policy of the run",
}


class CachePanel(Panel):
    """The cache of the answer to the probe at or before the cursor."""

    name: ClassVar[str] = "cache"
    follows = frozenset({"session", "turn", "seq", "lane", "probe", "pinned"})
    heavy = True

    @staticmethod
    def project(reader: TraceReader, moment: Moment, options: Any) -> CachePicture | Empty:
        """See ``workbench.projections.cache_picture``."""
        moment = asked(reader, moment)
        where = (reader, moment.session, moment.lane, moment.turn, moment.probe, moment.seq)
        found = cache_picture(*where, options)
        if found is None:
            return no_probe(reader, moment)
        if isinstance(found, Probe):
            return _full_cache(reader, moment.lane, found)
        return found

    def build(self) -> QWidget:
        """Facts, the map of positions over time, pages."""
        self._choice = CacheChoice()
        self._band, self._token, self._step = -1, -1, 0
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.active().unit(2))
        column.addLayout(self._make_head())
        self.map = EvictionMap()
        self.map.step_chosen.connect(self._choose_step)
        self.map.token_chosen.connect(self._choose_token)
        self.map.token_pointed.connect(self._point)
        self.map.band_chosen.connect(self._choose_band)
        self.map.band_followed.connect(self._follow)
        column.addWidget(self.map)
        self.readout = ElidedLabel()
        self.readout.setProperty("part", "small")
        column.addWidget(self.readout)
        self.tabs, self.pages = QTabBar(), QStackedWidget()
        self.tabs.setExpanding(False)
        self.tabs.setUsesScrollButtons(False)
        self.tabs.setElideMode(Qt.TextElideMode.ElideNone)
        for place, name in enumerate(PAGES):
            self.tabs.addTab(name)
            self.tabs.setTabToolTip(place, _TIPS[name])
        makers = (self._make_memories, self._make_cells, self._make_tokens, self._make_heads, self._make_budgets)
        for make in makers:
            self.pages.addWidget(make())
        self.tabs.currentChanged.connect(self._turn_page)
        column.addWidget(self.tabs)
        column.addWidget(self.pages, 1)
        self.setFocusProxy(self.map)
        return body

    def _make_head(self) -> QVBoxLayout:
        head = QVBoxLayout()
        head.setSpacing(theme.active().unit(1))
        first = QHBoxLayout()
        first.setSpacing(theme.active().unit(2))
        self.badge = ElidedLabel()
        self.badge.setProperty("part", "small")
        self.badge.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        first.addWidget(self.badge, 1)
        first.addStretch(0)
        self.against = ChoiceBox("Held against", 6)
        self.against.setToolTip("Hold this cache against that of another lane: blue is kept here, orange there")
        self.against.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.against.activated.connect(self._choose_other)
        first.addWidget(self.against)
        self.facts, self.distance, self.outcome = ElidedLabel(), ElidedLabel(), ElidedLabel()
        head.addLayout(first)
        for label in (self.facts, self.distance, self.outcome):
            label.setProperty("part", "small")
            head.addWidget(label)
        return head

    def _make_memories(self) -> QWidget:
        self.list = LossList()
        self.list.chosen.connect(self._choose_band)
        self.list.followed.connect(self._follow)
        self._list_scroll = _scrolled(self.list)
        return self._list_scroll

    def _make_cells(self) -> QWidget:
        page, column = _page()
        bar = QHBoxLayout()
        self.by_position, self.by_cell = _toggle("by position"), _toggle("by cell")
        self.by_position.setToolTip("Tokens in the order of the prompt, after the chosen compression")
        self.by_cell.setToolTip("Cells in the order of the cache, at the end of the answer")
        group = QButtonGroup(page)
        for button in (self.by_position, self.by_cell):
            group.addButton(button)
            bar.addWidget(button)
        self.by_position.setChecked(True)
        group.buttonClicked.connect(lambda *_: self._fill_page())
        bar.addStretch(1)
        column.addLayout(bar)
        self.grid, self.legend = CellGrid(), CellLegend()
        self.grid.pointed.connect(self._point_cell)
        self.grid.chosen.connect(self._choose_cell)
        column.addWidget(self.grid, 1)
        column.addWidget(self.legend)
        return page

    def _make_tokens(self) -> QWidget:
        page, column = _page()
        self.shade = QComboBox()
        self.shade.setAccessibleName("Shaded by")
        self.shade.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.shade.activated.connect(lambda *_: self._fill_page())
        bar = QHBoxLayout()
        bar.addWidget(self.shade)
        bar.addStretch(1)
        column.addLayout(bar)
        self.text = TokenStrip()
        self.text.pointed.connect(self._point)
        self.text.chosen.connect(self._choose_token)
        self._text_scroll = _scrolled(self.text)
        column.addWidget(self._text_scroll, 1)
        return page

    def _make_heads(self) -> QWidget:
        page, column = _page()
        self.about = ElidedLabel()
        self.about.setProperty("part", "faint")
        self.heads = HeadGrid()
        self.heads.what = "kept"
        column.addWidget(self.about)
        column.addWidget(self.heads, 1)
        return page

    def _make_budgets(self) -> QWidget:
        page, column = _page()
        self.figure = QComboBox()
        self.figure.setAccessibleName("Figure")
        self.figure.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        for name in METRICS:
            self.figure.addItem(name)
        self.figure.activated.connect(lambda *_: self._fill_page())
        bar = QHBoxLayout()
        bar.addWidget(self.figure)
        bar.addStretch(1)
        column.addLayout(bar)
        self.curve = BudgetCurve()
        self.curve.lane_chosen.connect(lambda lane: self.workspace.selection.select(lane=lane))
        column.addWidget(self.curve, 1)
        return page

    # Showing.

    @property
    def page(self) -> str:
        """The page in front."""
        return PAGES[self.tabs.currentIndex()]

    def turn_to(self, page: str) -> None:
        """Bring a page of ``PAGES`` to the front."""
        self.tabs.setCurrentIndex(PAGES.index(page))

    def show_view(self, view: CachePicture) -> None:
        """Fill everything from one picture."""
        self._fill_head(view)
        _fill_lanes(self.against, view)
        shades = list(view.shades)
        if [self.shade.itemText(n) for n in range(self.shade.count())] != shades:
            self.shade.clear()
            self.shade.addItems(shades)
        self.shade.setVisible(bool(shades))
        if not 0 <= self._band < len(view.view.fates):
            self._band = view.losses[0].number if view.losses else -1
        self._token = self._token if self._token < len(view.evidence) else -1
        self._step = plan_at(view.view, self.moment.token)
        self._show_step()

    def _fill_head(self, view: CachePicture) -> None:
        found = view.view
        self.badge.setText(found.badge)
        self.badge.setStyleSheet(_chip(found.way))
        given = ", ".join(f"{name} {_short(value)}" for name, value in found.parameters.items())
        kept = f"{found.policy} keeps {percent(found.share)} of {found.read:,} tok"
        cells = f"cells {size(found.logical)} of {size(found.full)}, the method itself {size(found.modelled)}"
        self.facts.setText(f"{kept} · {cells}")
        far = "not compared with the full cache" if found.mean_kl is None else f"KL {found.mean_kl:.2g} nats"
        agree = "" if found.agreement is None else f" · heads agree {percent(found.agreement)}"
        when = "before" if found.when == "before-question" else "after"
        served = {"": "", "multi-request": " · multi-request"}.get(
            found.requests, f" · {found.requests}, question {found.request}"
        )
        which = "the question" if found.request == 1 else "the first question"
        self.distance.setText(f"{far}{agree} · compressed {when} {which} was read{served}")
        self.outcome.setToolTip(plain("\n".join([given, kept, cells, self.distance.text()])))
        verdict = {True: "✓ ", False: "✗ ", None: ""}[found.correct]
        evidence = "" if found.evidence is None else f"evidence kept {percent(found.evidence)} · "
        full = f" · full cache “{one_line(found.full_text)[:40]}”" if found.compared else ""
        self.outcome.setText(f"{evidence}{verdict}“{one_line(found.answer)[:60]}”{full}")
        bad = found.evidence is not None and found.evidence < 0.5
        self.outcome.setStyleSheet(f"color: {theme.active().color('wrong' if bad else 'text').name()}")

    @property
    def _color(self) -> QColor:
        run = self.workspace.run
        return theme.active().lane(run.place(self.view.view.lane) if run and self.view else 0)

    def _show_step(self) -> None:
        view: CachePicture = self.view
        found = view.view
        self._step = min(max(self._step, 0), found.plans - 1)
        held = found.held
        places = np.arange(held.shape[1])
        ahead = places >= found.read + np.asarray(found.generated)[:, None]
        spans = tuple(
            (*f.span.tokens, f.span.label, percent(float(f.held[self._step])), float(f.span.length), f.evidence)
            for f in found.fates
        )
        if view.gap is not None:
            self.map.show_shares(view.gap[None], np.zeros((1, len(view.gap)), bool), spans, self._color, True)
        else:
            self.map.show_shares(held, ahead, spans, self._color)
        self._fill_page()
        self._mark()

    def _fill_page(self) -> None:
        if self.view is None:
            return
        fill = {
            MEMORIES: self._fill_memories,
            CELLS: self._fill_cells,
            TOKENS: self._fill_tokens,
            HEADS: self._fill_heads,
            BUDGETS: self._fill_budgets,
        }
        fill[self.page](self.view)

    def _turn_page(self, place: int) -> None:
        self.pages.setCurrentIndex(place)
        self._fill_page()
        self._mark()

    def _fill_memories(self, view: CachePicture) -> None:
        states, held = token_states(view.view, self._step)
        rows = []
        for loss in view.losses:
            start, end = loss.fate.span.tokens
            part = np.where(states[start:end] == Cell.AHEAD, 1, held[start:end]).astype(np.float32)
            kept = loss.share(self._step)
            rows.append(LossRow(loss.number, loss.fate.span, part, kept, _fate(view, loss, self._step)))
        self.list.show_rows(rows, self._color)

    def _fill_cells(self, view: CachePicture) -> None:
        if self.by_cell.isChecked():
            states, tokens, shares = by_cell(view.view)
            inside = tokens >= 0
            evidence = np.zeros(len(states), bool)
            evidence[inside] = view.evidence[tokens[inside]]

            def says(entry: int) -> str:
                token, state = int(tokens[entry]), int(states[entry])
                return f"cell {entry}: {self._word(view, token, state) if token >= 0 else _cell(state)}"
        else:
            states, shares = token_states(view.view, self._step)
            evidence = view.evidence

            def says(entry: int) -> str:
                return self._word(view, entry, int(states[entry]))

        self.grid.show_cells(states, shares, evidence, says, self._color)
        self.legend.show_states(states, self._color)

    def _word(self, view: CachePicture, token: int, state: int) -> str:
        texts = view.view.texts
        text = texts[token].strip() if token < len(texts) else ""
        band = view.view.fate_at(token)
        where = f" of {view.view.fates[band].span.label}" if band >= 0 else ""
        merged = view.view.merged
        into = ""
        if state == Cell.MERGED and merged is not None and token < len(merged):
            into = f" into “{texts[int(merged[token])].strip()}”, position {int(merged[token])}"
        return f"“{text}”{where}, position {token}: {WORDS[Cell(state)]}{into}"

    def _fill_tokens(self, view: CachePicture) -> None:
        states, _ = token_states(view.view, self._step)
        spans = [f.span.tokens for f in view.view.fates]
        evidence = [f.span.tokens for f in view.view.fates if f.evidence]
        self.text.show_tokens(view.view.texts, [s[0] for s in spans], evidence)
        values = view.shades.get(self.shade.currentText(), np.zeros(len(view.view.texts), np.float32))
        self.text.show_values(np.clip((values - 0.4) / 0.6, 0, 1), self._color)
        self.text.show_gone(np.isin(states[: len(view.view.texts)], (Cell.GONE, Cell.MERGED)))

    def _fill_heads(self, view: CachePicture) -> None:
        band = self._band if self._band >= 0 else None
        what = view.view.fates[band].span.label if band is not None else "the prompt"
        if view.other is not None:
            shares = cache.difference(view.view, view.other, band)
            largest = float(np.abs(shares).max(initial=0))
            shares = shares / largest if largest > 0 else shares
            self.about.setText(
                f"of {what}: blue is kept here, orange by {view.other.policy}; up to {100 * largest:.0f} points apart"
            )
        else:
            shares = cache.head_shares(view.view, band)
            same = "; one set for all layers and heads" if shares.size == 1 else ""
            largest, most = 1.0, percent(float(shares.max(initial=0)))
            self.about.setText(
                f"share of {what} that each layer and key head keeps after the prompt, up to {most}{same}"
            )
        self.heads.show_shares(shares, tuple(range(len(shares))), -1, -1, view.other is not None)
        self.heads.scale = largest

    def _fill_budgets(self, view: CachePicture) -> None:
        self.curve.show_points(view.curve, self.figure.currentText(), view.view.lane)

    def _mark(self) -> None:
        """Step, span and token, everywhere."""
        view = self.view
        if view is None:
            return
        self.map.choose(self._step if view.gap is None else 0, self._band, self._token)
        self.list.choose(self._band)
        entry = self._token
        if self.by_cell.isChecked():
            cells = view.view.cells
            entry = int(cells[self._token]) if 0 <= self._token < len(cells) else -1
        self.grid.select(entry)
        self._read_out(self._token)

    def _read_out(self, token: int) -> None:
        view = self.view
        if view is None:
            return
        when = when_of(view.view, self._step)
        count = f"compression {self._step + 1} of {view.view.plans}, {when}" if view.view.plans > 1 else when
        if view.gap is not None and view.other is not None:
            count = f"kept here (blue) or by {self._other_name(view)} (orange), when the prompt had been compressed"
        elif view.other is not None:
            count = f"{self._other_name(view)} did not read the same prompt: compare by span, under Heads"
        if token >= 0:
            states, _ = token_states(view.view, self._step)
            count = f"{self._word(view, token, int(states[token]))} · {count}"
        self.readout.setText(count)

    def _other_name(self, view: CachePicture) -> str:
        return dict(view.others).get(view.other.lane, "") if view.other is not None else ""

    def on_moment(self, moment: Moment) -> None:
        """Selected item and answer token."""
        view = self.view
        if view is None:
            return
        of_item = [n for n, f in enumerate(view.view.fates) if moment.item and moment.item in f.span.items]
        if of_item and self._band not in of_item:
            self._band = of_item[0]
        step = plan_at(view.view, moment.token) if moment.token is not None else self._step
        if step != self._step:
            self._step = step
            self._show_step()
        else:
            self._mark()

    # Choosing.

    def options(self) -> CacheChoice:
        """The lane to compare with."""
        return self._choice

    def _choose_other(self, *_: object) -> None:
        self._choice = replace(self._choice, other=self.against.currentData() or 0)
        self.refresh()

    def _choose_step(self, step: int) -> None:
        """A compression, and the answer token that was written next."""
        if self.view is None or self.view.gap is not None:
            return
        found = self.view.view
        self._step = step
        written = found.read + found.generated[step] - found.prompt + 1
        answer = len(found.texts) - found.prompt
        self.workspace.selection.select(token=written if 0 <= written < answer else None)
        self._show_step()

    def _choose_token(self, token: int) -> None:
        if self.view is None:
            return
        self._token = token if token != self._token else -1
        band = self.view.view.fate_at(token)
        if band >= 0:
            self._choose_band(band)
        else:
            self._mark()

    def _choose_cell(self, entry: int) -> None:
        if self.view is not None:
            self._choose_token(self._token_of(entry))

    def _token_of(self, entry: int) -> int:
        if entry < 0 or not self.by_cell.isChecked():
            return entry
        return int(by_cell(self.view.view)[1][entry])

    def _choose_band(self, band: int) -> None:
        if self.view is None:
            return
        self._band = band
        span = self.view.view.fates[band].span
        if span.items:
            self.workspace.selection.select(item=span.items[0])
        self._mark()
        if self.page == HEADS:
            self._fill_heads(self.view)
        rect = self.list.rect_of(band)
        if self.page == MEMORIES and not rect.isEmpty():
            self._list_scroll.ensureVisible(rect.center().x(), rect.center().y(), 0, rect.height())

    def _follow(self, band: int) -> None:
        """Go where a span came from: its item, and the turn in which it was said."""
        if self.view is None:
            return
        span = self.view.view.fates[band].span
        probe = self.view.view.probe.id
        follow_span(self, span, probe)
        if span.turns:
            self.workspace.follow(span.turns[0], probe)

    def _point(self, token: int) -> None:
        self.text.point(token)
        self._read_out(token if token >= 0 else self._token)

    def _point_cell(self, entry: int) -> None:
        if self.view is not None:
            token = self._token_of(entry)
            self._read_out(token if token >= 0 else self._token)

    def add_actions(self, menu: QMenu) -> None:
        """Pages; where the span came from."""
        for name in PAGES:
            action = menu.addAction(name)
            action.setCheckable(True)
            action.setChecked(name == self.page)
            action.triggered.connect(partial(self.turn_to, name))
        if self.view is not None and self._band >= 0:
            label = self.view.view.fates[self._band].span.label
            menu.addAction(f"Go to where {label} came from").triggered.connect(lambda: self._follow(self._band))

    # The rest.

    def title(self, view: CachePicture | None) -> str:
        """``full+snapkv · cache while answering p3 at turn 214``."""
        if view is None:
            return f"{self.lane_title()} · cache" if self.lane_title() else "Cache"
        return f"{self.lane_title()} · cache while answering {view.view.probe.id} at turn {view.view.turn}"

    def table(self, view: CachePicture) -> Table:
        """One row per span; then the points of the curve."""
        columns = (
            "what", "name", "badge", "evidence", "turns", "items", "from", "to", "kept (%)", "lost", "KL (nats)",
            "accuracy (%)", "evidence kept (%)", "text",
        )  # fmt: skip
        found = view.view
        rows: list[tuple[Any, ...]] = []
        for loss in view.losses:
            span = loss.fate.span
            turns, items = ", ".join(map(str, span.turns)), ", ".join(span.items)
            kept = 100 * loss.share(found.plans - 1)
            fate = _fate(view, loss, found.plans - 1)
            head = ("span", span.label, found.badge, "yes" if loss.fate.evidence else "")
            rows.append((*head, turns, items, *span.tokens, kept, fate, None, None, None, span.text))
        for p in view.curve:
            known = None if p.evidence is None else 100 * p.evidence
            blank = (None,) * 4
            rows.append(
                ("budget", p.name, p.badge, "", *blank, 100 * p.share, None, p.kl, 100 * p.accuracy, known, None)
            )
        return Table(columns, rows)

    def retheme(self) -> None:
        """Type size."""
        self.text.retheme()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102
        super().resizeEvent(event)
        tall = self.height() >= _ROOMY * theme.active().size / theme.NORMAL
        for label in (self.facts, self.distance, self.readout):
            label.setVisible(tall)


def _scrolled(widget: QWidget) -> QScrollArea:
    area = QScrollArea()
    area.setWidget(widget)
    area.setWidgetResizable(True)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    return area


def _page() -> tuple[QWidget, QVBoxLayout]:
    page = QWidget()
    column = QVBoxLayout(page)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(theme.active().unit(2))
    return page, column


def _toggle(text: str) -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setProperty("part", "quiet")
    button.setCheckable(True)
    return button


def _chip(way: str) -> str:
    """Colours of the badge: what is really gone in the accent, what is emulated quiet."""
    now = theme.active()
    real = way in ("evicted-uniform", "rewritten-evicted", "re-read")
    ground, ink = ("accent-soft", "accent") if real else ("raised", "text")
    return (
        f"background: {now.color(ground).name()}; color: {now.color(ink).name()}; border-radius: 4px; padding: 2px 6px"
    )


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _cell(state: Any) -> str:
    return "free again after an eviction" if state == Cell.GONE else "free"


def _fate(view: CachePicture, loss: Loss, step: int) -> str:
    """``12 of 40 tok kept, first lost with the prompt, all gone after answer token 3 “Oslo”``."""
    found, length = view.view, loss.fate.span.length
    kept = loss.share(step)
    if kept >= 0.995:
        return f"kept, {length} tok"
    whole = found.kept.ndim == 1
    said = [f"{kept * length:.0f} of {length} tok kept" if whole else f"{percent(kept)} of {length} tok kept"]
    if 0 <= loss.first <= step:
        gone = loss.whole == loss.first
        more = step > loss.first and kept < loss.share(loss.first) - 0.005
        said.append(f"{'all gone' if gone else 'first lost' if more else 'lost'} {when_of(found, loss.first)}")
        if 0 <= loss.whole <= step and not gone:
            said.append(f"all gone {when_of(found, loss.whole)}")
        if loss.back and step == found.plans - 1:
            said.append("looked at again later")
    return ", ".join(said)


def _fill_lanes(box: QComboBox, view: CachePicture) -> None:
    entries = [("against no other lane", 0), *((name, number) for number, name in view.others)]
    if [(box.itemText(n), box.itemData(n)) for n in range(box.count())] != entries:
        box.clear()
        for title, number in entries:
            box.addItem(title, number)
    wanted = view.other.lane if view.other is not None else 0
    box.setCurrentIndex(max(box.findData(wanted), 0))
    box.setVisible(len(entries) > 1)


def _full_cache(reader: TraceReader, lane: int, probe: Probe) -> Empty:
    row = next((row for row in reader.lanes() if row.id == lane), None)
    if row is not None and row.cache != "full-cache":
        return Empty(
            f"Nothing was recorded of the cache while {probe.id} was answered", "The answer could not be given"
        )
    name = row.name if row is not None else "full"
    return Empty(
        "This lane keeps every cell: its answers see the whole context",
        f"Run it under a cache policy, for example --lane {name}+snapkv:keep=0.25",
    )
