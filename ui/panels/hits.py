"""What a probe retrieved: ranked candidates with their scores, the cut, the evidence, and what reached the context."""

from __future__ import annotations

from typing import Any, ClassVar

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLabel,
    QListView,
    QMenu,
    QSizePolicy,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from ui.models.hits import FATES, ROW, HitsModel, score_text
from ui.models.table import Table
from ui.panels.base import Empty, Panel
from ui.state.moment import Moment
from ui.theme import marks, theme
from ui.theme.marks import Mark
from ui.widgets.span_bar import SpanBar
from ui.widgets.units import ms
from workbench.projections.hits import DROPPED, HitRow, HitsView, hits_view
from workbench.trace.reader import TraceReader


class HitsPanel(Panel):
    """The retrieval of the probe at or before the cursor."""

    name: ClassVar[str] = "hits"
    follows = frozenset({"session", "turn", "seq", "lane", "probe"})

    @staticmethod
    def project(reader: TraceReader, moment: Moment, options: Any) -> HitsView | Empty:
        """See ``workbench.projections.hits``."""
        view = hits_view(reader, moment.session, moment.lane, moment.turn, moment.probe, moment.seq)
        if view is None:
            return no_probe(reader, moment)
        return view

    def build(self) -> QWidget:
        """Question, list, context."""
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.active().unit(2))
        self.question, self.verdict = QLabel(), QLabel()
        self.question.setWordWrap(True)
        self.verdict.setWordWrap(True)
        self.answer = _Answer()
        for widget in (self.question, self.answer, self.verdict):
            widget.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
            column.addWidget(widget)
        column.addWidget(self._make_list(), 1)
        self.nothing = QLabel("This lane scores no candidates: it reads the turns themselves")
        self.nothing.setProperty("part", "faint")
        self.nothing.setWordWrap(True)
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignTop)
        column.addWidget(self.nothing, 1)
        line = QHBoxLayout()
        self.context, self.dropped = QLabel("context"), QLabel()
        for label in (self.context, self.dropped):
            label.setProperty("part", "faint")
        line.addWidget(self.context)
        line.addStretch(1)
        line.addWidget(self.dropped)
        column.addLayout(line)
        self.bar = SpanBar()
        self.bar.chosen.connect(self._span_chosen)
        column.addWidget(self.bar)
        return body

    def _make_list(self) -> QWidget:
        self.hits = HitsModel(self)
        view = self.list = QListView()
        view.setModel(self.hits)
        view.setItemDelegate(HitDelegate(self))
        view.setUniformItemSizes(True)
        view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        view.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        view.setMouseTracking(True)
        view.setAccessibleName("Ranked candidates")
        view.selectionModel().currentChanged.connect(self._chosen)
        view.doubleClicked.connect(self._go_to)
        view.activated.connect(self._go_to)
        self.setFocusProxy(view)
        return view

    def show_view(self, view: HitsView) -> None:
        """Fill question, list and context."""
        run = self.workspace.run
        color = self.color = theme.active().lane(run.place(view.lane) if run else 0)
        self.question.setText(view.query)
        self.answer.show_answer(view)
        self.verdict.setText(view.verdict)
        lost = bool(view.evidence) and not view.found
        self.verdict.setStyleSheet(f"color: {theme.active().color('wrong' if lost else 'text-2').name()}")
        self.hits.show(view)
        self.list.setVisible(bool(view.rows))
        self.nothing.setVisible(not view.rows)
        used = sum(s.length for s in view.spans)
        self.context.setText(f"context, {used:,} tok" if used else "context")
        names = ", ".join(s.label for s in view.dropped[:3]) + ("…" if len(view.dropped) > 3 else "")
        self.dropped.setText(f"no room for {names}" if view.dropped else "everything fitted" if view.spans else "")
        self.dropped.setToolTip("\n".join(f"{s.label}: {s.text[:120]}" for s in view.dropped))
        self.bar.show_spans(view.spans, 0, color)
        self.bar.setVisible(bool(view.spans))
        self.on_moment(self.moment)

    def on_moment(self, moment: Moment) -> None:
        """Mark the selected item."""
        self.bar.choose(moment.item)
        row = self.hits.place(moment.item)
        if row == self.list.currentIndex().row():
            return
        selection = self.list.selectionModel()
        blocked = selection.blockSignals(True)
        if row < 0:
            selection.clear()
        else:
            self.list.setCurrentIndex(self.hits.index(row))
        selection.blockSignals(blocked)
        self.list.viewport().update()

    def _chosen(self, current: QModelIndex, _: QModelIndex) -> None:
        row = self.hits.row(current.row()) if current.isValid() else None
        if row is not None:
            self.workspace.selection.select(item=row.item)

    def _go_to(self, index: QModelIndex) -> None:
        row = self.hits.row(index.row())
        if row is not None and row.turns:
            self.workspace.cursor.go(row.evidence[0] if row.evidence else row.turns[0])

    def _span_chosen(self, number: int) -> None:
        if self.view is not None:
            follow_span(self, self.view.spans[number])

    def title(self, view: HitsView | None) -> str:
        """``a-mem · hits of probe p3 at turn 214``."""
        if view is None:
            return f"{self.lane_title()} · hits" if self.lane_title() else "Hits"
        return f"{self.lane_title()} · hits of {view.probe.id} at turn {view.turn}"

    def table(self, view: HitsView) -> Table:
        """One row per candidate; component scores as columns."""
        names = list(dict.fromkeys(name for row in view.rows for name, _ in row.parts))
        rows = [
            (
                row.rank,
                row.item,
                row.score,
                *(dict(row.parts).get(name) for name in names),
                "returned" if row.returned else "left out",
                FATES[row.fate],
                ", ".join(map(str, row.turns)),
                ", ".join(map(str, row.evidence)),
                row.text,
            )
            for row in view.rows
        ]
        return Table(("rank", "item", "score", *names, "outcome", "context", "turns", "evidence", "text"), rows)

    def add_actions(self, menu: QMenu) -> None:
        """Go to the evidence."""
        if self.view is not None:
            for turn in self.view.evidence[:5]:
                menu.addAction(f"Go to the evidence, turn {turn}").triggered.connect(
                    lambda *_, t=turn: self.workspace.cursor.go(t)
                )
            menu.addAction(f"Go to the probe, turn {self.view.turn}").triggered.connect(
                lambda: self.workspace.cursor.go(self.view.turn)
            )


def no_probe(reader: TraceReader, moment: Moment) -> Empty:
    """What to say before the first probe of a session."""
    probes = [p.after for p in reader.session(moment.session).probes] if moment.session else []
    if not probes:
        return Empty(
            "This session has no probes", "Retrieval is shown for probes; `mnemoscope synth` makes sessions with them"
        )
    ahead = [after for after in probes if after > moment.turn]
    how = (
        f"The next one is asked after turn {min(ahead)}; drag the cursor there" if ahead else "This lane answered none"
    )
    return Empty("No probe has been asked yet", how)


def follow_span(panel: Panel, span: Any) -> None:
    """Go where a context span came from: select its item, else its turn."""
    if span.items:
        panel.workspace.selection.select(item=span.items[0])
    elif span.turns:
        panel.workspace.cursor.go(span.turns[0])


class _Answer(QWidget):
    """One line: the answer with its tick or cross, and the gold one."""

    def __init__(self) -> None:
        super().__init__()
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(theme.active().unit(2))
        self._mark, self._said, self._gold = _Verdict(), QLabel(), QLabel()
        self._said.setTextFormat(Qt.TextFormat.PlainText)
        self._gold.setProperty("part", "faint")
        line.addWidget(self._mark)
        line.addWidget(self._said)
        line.addWidget(self._gold)
        line.addStretch(1)

    def show_answer(self, view: HitsView) -> None:
        self.setVisible(view.answer is not None)
        said = (view.answer or "").strip()
        self._said.setText(said if len(said) <= 80 else said[:79] + "…")
        gold = " or ".join(view.probe.gold) or ("to say that it does not know" if view.probe.abstain else "")
        self._gold.setText(f"gold {gold[:60]}" if gold else "")
        self._gold.setToolTip(gold)
        self._mark.show_verdict(view.correct)
        self.setToolTip(f"retrieved in {ms(view.ms)}")


class _Verdict(QWidget):
    """Right or wrong, as everywhere."""

    def __init__(self) -> None:
        super().__init__()
        self._correct: bool | None = None
        self.setFixedSize(16, 16)

    def show_verdict(self, correct: bool | None) -> None:
        self._correct = correct
        self.setVisible(correct is not None)
        self.setToolTip("answered right" if correct else "answered wrong")
        self.update()

    def paintEvent(self, _: Any) -> None:
        painter = QPainter(self)
        if self._correct is not None:
            mark, role = (Mark.RIGHT, "right") if self._correct else (Mark.WRONG, "wrong")
            marks.draw(painter, mark, QPointF(8, 8), 5, theme.active().color(role))
        painter.end()


class HitDelegate(QStyledItemDelegate):
    """Rank, score bar with its parts, item and text; the cut as a line."""

    def __init__(self, panel: HitsPanel) -> None:
        super().__init__(panel)
        self._panel = panel

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:  # noqa: D102
        style = theme.active()
        return QSize(100, style.metrics().height() + style.metrics("small").height() + style.unit(3.5))

    def paint(  # noqa: D102
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        row: HitRow | None = index.data(ROW)
        rect, state = QRectF(option.rect), option.state  # type: ignore[attr-defined]
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if row is None:
            self._cut(painter, rect, str(index.data()))
        else:
            if state & QStyle.StateFlag.State_Selected:
                painter.fillRect(rect, theme.active().color("accent-soft"))
            elif state & QStyle.StateFlag.State_MouseOver:
                painter.fillRect(rect, theme.active().color("raised"))
            self._row(painter, rect, row)
        painter.restore()

    def _cut(self, painter: QPainter, rect: QRectF, text: str) -> None:
        style = theme.active()
        painter.setFont(style.font("small"))
        wide = style.metrics("small").horizontalAdvance(text) + 16
        middle = rect.center().y()
        pen = QPen(style.color("text-3"), 1.2, Qt.PenStyle.DashLine)
        painter.setPen(pen)
        painter.drawLine(QPointF(rect.left(), middle), QPointF(rect.center().x() - wide / 2, middle))
        painter.drawLine(QPointF(rect.center().x() + wide / 2, middle), QPointF(rect.right(), middle))
        painter.setPen(style.color("text-2"))
        painter.drawText(rect, int(Qt.AlignmentFlag.AlignCenter), text)

    def _row(self, painter: QPainter, rect: QRectF, row: HitRow) -> None:
        style = theme.active()
        body, small = style.metrics(), style.metrics("small")
        painter.setOpacity(1.0 if row.returned else 0.72)
        top = rect.top() + style.unit(1.5)
        left = rect.left() + style.unit(1)
        rank_wide = small.horizontalAdvance("000")
        painter.setFont(style.font("small"))
        painter.setPen(style.color("text-3"))
        painter.drawText(QRectF(left, top + 1, rank_wide, 20), int(Qt.AlignmentFlag.AlignRight), str(row.rank))
        bar = QRectF(left + rank_wide + style.unit(2), top + body.height() / 2 - 4, min(rect.width() * 0.2, 110), 8)
        self._bar(painter, bar, row)
        painter.setPen(style.color("text-2"))
        score = QRectF(bar.left(), top + body.height() + 1, bar.width() + 30, 20)
        painter.drawText(score, int(Qt.AlignmentFlag.AlignLeft), score_text(row.score))
        x = bar.right() + style.unit(3)
        right = self._right(painter, QRectF(x, top, rect.right() - x - style.unit(2), body.height()), row)
        painter.setFont(style.font("body", bold=True))
        painter.setPen(style.color("text"))
        name = style.metrics("body", True).elidedText(
            row.item, Qt.TextElideMode.ElideRight, int(max(right - x - 8, 20))
        )
        painter.drawText(QPointF(x, top + body.ascent()), name)
        painter.setFont(style.font("small"))
        painter.setPen(style.color("text-2"))
        text = small.elidedText(
            " ".join(row.text[:300].split()), Qt.TextElideMode.ElideRight, int(rect.right() - x - style.unit(2))
        )
        painter.drawText(QPointF(x, top + body.height() + small.ascent() + 1), text)

    def _bar(self, painter: QPainter, rect: QRectF, row: HitRow) -> None:
        """The score against the best one; stacked when its parts add up to it."""
        style, top = theme.active(), self._panel.hits.top
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(style.color("track"))
        painter.drawRoundedRect(rect, 3, 3)
        total = sum(v for _, v in row.parts)
        stacked = (
            len(row.parts) > 1 and min(v for _, v in row.parts) >= 0 and abs(total - row.score) <= 0.02 * abs(row.score)
        )
        x = rect.left()
        for number, value in enumerate([v for _, v in row.parts] if stacked else [max(row.score, 0.0)]):
            wide = rect.width() * min(value / top, 1.0)
            color = QColor(style.color("accent-fill") if row.evidence else self._panel.color)
            color.setAlphaF((1.0, 0.62, 0.4, 0.28)[min(number, 3)])
            painter.setBrush(color)
            painter.drawRoundedRect(QRectF(x, rect.top(), wide, rect.height()), 3, 3)
            x += wide

    def _right(self, painter: QPainter, rect: QRectF, row: HitRow) -> float:
        """Evidence chip and fate, from the right; where they begin."""
        style, small = theme.active(), theme.active().metrics("small")
        painter.setFont(style.font("small"))
        x = rect.right()
        turns = f"turn {row.turns[0]}" + (f" +{len(row.turns) - 1}" if len(row.turns) > 1 else "") if row.turns else ""
        if row.evidence:
            text = f"evidence, turn {row.evidence[0]}"
            wide = small.horizontalAdvance(text) + 12
            chip = QRectF(x - wide, rect.top(), wide, rect.height())
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(style.color("accent-soft"))
            painter.drawRoundedRect(chip, 4, 4)
            painter.setPen(style.color("accent"))
            painter.drawText(chip, int(Qt.AlignmentFlag.AlignCenter), text)
            x = chip.left() - style.unit(2)
        elif turns:
            painter.setPen(style.color("text-3"))
            painter.drawText(
                QRectF(rect.left(), rect.top() + 1, x - rect.left(), 20), int(Qt.AlignmentFlag.AlignRight), turns
            )
            x -= small.horizontalAdvance(turns) + style.unit(2)
        if row.fate == DROPPED:
            painter.setPen(style.color("wrong"))
            painter.drawText(
                QRectF(rect.left(), rect.top() + 1, x - rect.left(), 20), int(Qt.AlignmentFlag.AlignRight), "no room"
            )
            x -= small.horizontalAdvance("no room") + style.unit(2)
        return x
