"""The scoreboard: accuracy by competency and lane over the probes asked so far, with 95 % intervals."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget

from ui.models.table import Table
from ui.panels.base import Empty, Panel
from ui.state.moment import Moment
from ui.theme import marks, theme
from ui.widgets.painting import painting
from ui.widgets.units import count, percent
from ui.widgets.zones import Zone, ZonedWidget, tip
from workbench.probes.competencies import label
from workbench.projections.board import OVERALL, Board, BoardRow, board
from workbench.projections.scores import Cell
from workbench.trace.reader import TraceReader

_ROWS_KEPT = 5  # lanes that are seen however low the window is


class ScoreboardPanel(Panel):
    """A matrix of lanes and competencies; a click on a cell shows its probes."""

    name: ClassVar[str] = "scoreboard"
    follows: ClassVar[frozenset[str]] = frozenset({"session", "turn", "seq"})

    @staticmethod
    def project(reader: TraceReader, moment: Moment, options: Any) -> Board | Empty:  # noqa: D102
        if not moment.session:
            return Empty("The run has no session yet")
        view = board(reader, moment.session, moment.turn, moment.seq)
        return (
            view
            if view.probes
            else Empty("This session has no probes", "Sessions with probes are scored while they run")
        )

    def build(self) -> QWidget:  # noqa: D102
        self.matrix = _Matrix(self)
        scroll = QScrollArea()
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setWidget(self.matrix)
        return scroll

    def title(self, view: Board | None) -> str:  # noqa: D102
        return (
            f"Scoreboard · {view.asked} of {count(view.probes, 'probe')} asked by turn {view.turn}"
            if view
            else "Scoreboard"
        )

    def show_view(self, view: Board) -> None:  # noqa: D102
        self.matrix.show_view(view)

    def on_moment(self, moment: Moment) -> None:  # noqa: D102
        self.matrix.choose(moment.lane)

    def retheme(self) -> None:  # noqa: D102
        self.matrix.fit()

    def keep(self, height: int) -> None:
        """Never be so low that less than this of the matrix is seen."""
        now = theme.active()
        self.setMinimumHeight(height + now.metrics("title", bold=True).height() + now.unit(9))

    def table(self, view: Board) -> Table:  # noqa: D102
        rows = [
            (row.name, _name(family), cell.n, cell.correct, cell.accuracy if cell.n else None, cell.low, cell.high)
            for row in view.rows
            for family, cell in zip(view.competencies, row.cells, strict=True)
        ]
        return Table(("lane", "competency", "n", "right", "accuracy", "95 % from", "95 % to"), rows)


def _name(competency: str) -> str:
    return "all probes" if competency == OVERALL else label(competency)


def _gap() -> int:
    """Between columns: wider than anything within one, so that figures belong to the bar on their left."""
    return theme.active().unit(6)


class _Matrix(ZonedWidget):
    """Paints the matrix: one row per lane, one column per competency, recall@10 at the end where it is known."""

    def __init__(self, panel: ScoreboardPanel) -> None:
        super().__init__()
        self._panel = panel
        self._view: Board | None = None
        self._lane = 0
        self.setAccessibleName("Scoreboard")

    def show_view(self, view: Board) -> None:
        old, self._view = self._view, view
        if old is not None and (old.rows, old.competencies, old.session) == (
            view.rows,
            view.competencies,
            view.session,
        ):
            return  # most turns have no probe: nothing to paint
        grown = old is None or len(old.rows) != len(view.rows)
        if grown:
            self.fit()
        spoken = (f"{r.name}: {r.cells[0].correct} of {r.cells[0].n} right" for r in view.rows)
        self.setAccessibleDescription("; ".join(spoken))
        self.update()

    def choose(self, lane: int) -> None:
        if lane != self._lane:
            self._lane = lane
            self.update()

    def fit(self) -> None:
        lanes = len(self._view.rows) if self._view else 1
        self.setMinimumHeight(self._head() + lanes * (theme.active().metrics().height() + theme.active().unit(1.25)))
        self._panel.keep(
            self._head() + min(lanes, _ROWS_KEPT) * (theme.active().metrics().height() + theme.active().unit(1.25))
        )
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(600, self.minimumHeight())

    def _head(self) -> int:
        return theme.active().metrics("small").height() + theme.active().unit(1.5)

    def _row(self) -> int:
        """Height of a row: what the type needs, and up to twice of it where there is room."""
        now = theme.active()
        least, lanes = now.metrics().height() + round(now.unit(1.25)), len(self._view.rows) if self._view else 1
        return max(least, min(least * 2, (self.height() - self._head()) // max(1, lanes)))

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._view is not None:
            self.zones = []
            with painting(self) as painter:
                self._paint(painter, self._view)

    def _paint(self, p: QPainter, view: Board) -> None:
        now = theme.active()
        widest = max((now.metrics(bold=True).horizontalAdvance(r.name) for r in view.rows), default=60)
        left = min(widest + now.unit(9), self.width() // 4)
        recall = any(r.recall is not None for r in view.rows)
        columns = len(view.competencies) + recall
        width = (self.width() - left) / max(1, columns)
        p.setFont(now.font("small"))
        p.setPen(now.color("text-3"))
        titles = [_name(c) for c in view.competencies] + (["evidence recall"] if recall else [])
        for place, title in enumerate(titles):
            rect = QRectF(left + place * width, 0, width - _gap(), self._head())
            shown = now.metrics("small").elidedText(title, Qt.TextElideMode.ElideRight, int(rect.width()))
            p.drawText(rect, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop), shown)
        for place, row in enumerate(view.rows):
            self._paint_row(p, view, row, self._head() + place * self._row(), left, width, recall)

    def _paint_row(
        self, p: QPainter, view: Board, row: BoardRow, top: int, left: int, width: float, recall: bool
    ) -> None:
        now, height = theme.active(), self._row()
        middle = top + height / 2
        if row.lane == self._lane:
            p.setPen(Qt.PenStyle.NoPen)
            p.setBrush(now.color("raised"))
            p.drawRoundedRect(QRectF(0, top + 1, self.width(), height - 2), 4, 4)
        marks.draw_shape(p, row.place, QPointF(now.unit(2), middle), now.unit(1.1), now.lane(row.place))
        p.setFont(now.font(bold=row.lane == self._lane))
        p.setPen(now.color("text"))
        metrics = now.metrics(bold=row.lane == self._lane)
        name = metrics.elidedText(row.name, Qt.TextElideMode.ElideRight, left - now.unit(8))
        p.drawText(QPointF(now.unit(5), middle + metrics.ascent() / 2 - 1), name)
        select, lane = self._panel.workspace.selection.select, row.lane
        self.zones.append(Zone(QRect(0, top, left, height), partial(tip, row.name), lambda: select(lane=lane)))
        for place, (family, cell) in enumerate(zip(view.competencies, row.cells, strict=True)):
            rect = QRectF(left + place * width, top, width - _gap(), height)
            self._paint_cell(p, rect, row, cell)
            self._zone(rect, row, family, cell)
        if recall:
            rect = QRectF(left + len(row.cells) * width, top, width - _gap(), height)
            self._paint_recall(p, rect, row)

    def _zone(self, rect: QRectF, row: BoardRow, family: str, cell: Cell) -> None:
        lines = [f"{row.name} · {_name(family)}"]
        if cell.n:
            interval = f"95 % interval {percent(cell.low)} to {percent(cell.high)} (Wilson)"
            lines += [f"{cell.correct} of {count(cell.n, 'probe')} right: {percent(cell.accuracy)}", interval]
        else:
            lines.append("no probe asked so far")
        show, lane = self._panel.workspace.show_probes, row.lane
        self.zones.append(
            Zone(rect.toAlignedRect(), partial(tip, *lines, "Click to see these probes"), lambda: show(lane, family))
        )

    def _bar(self, p: QPainter, rect: QRectF, text: str, detail: str) -> QRectF:
        """Draw the figures to the right of a bar; where the bar goes."""
        now = theme.active()
        small, body = now.metrics("small"), now.metrics(bold=True)
        figures = body.horizontalAdvance("100 %") + now.unit(2)
        p.setFont(now.font(bold=True))
        p.setPen(now.color("text" if text != "–" else "text-3"))
        right, middle = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), rect
        most = self._view.probes if self._view else 99
        counts = small.horizontalAdvance(f"{most}/{most}") + now.unit(1.5) if rect.width() > 150 else 0
        p.drawText(middle.adjusted(0, 0, -counts, 0), right, text)
        if counts:
            p.setFont(now.font("small"))
            p.setPen(now.color("text-3"))
            left = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
            p.drawText(middle.adjusted(middle.width() - counts + now.unit(1.5), 0, 0, 0), left, detail)
        high = now.unit(1.75)
        bar = QRectF(rect.x(), rect.center().y() - high / 2, max(12.0, rect.width() - figures - counts), high)
        p.setPen(Qt.PenStyle.NoPen)
        p.setBrush(now.color("track"))
        p.drawRoundedRect(bar, high / 2, high / 2)
        return bar

    def _paint_cell(self, p: QPainter, rect: QRectF, row: BoardRow, cell: Cell) -> None:
        now = theme.active()
        bar = self._bar(
            p, rect, percent(cell.accuracy) if cell.n else "–", f"{cell.correct}/{cell.n}" if cell.n else ""
        )
        if not cell.n:
            return
        p.setPen(Qt.PenStyle.NoPen)
        p.setBrush(now.lane(row.place))
        if cell.accuracy:
            p.drawRoundedRect(
                QRectF(bar.x(), bar.y(), bar.width() * cell.accuracy, bar.height()), bar.height() / 2, bar.height() / 2
            )
        low, high, y = bar.x() + bar.width() * cell.low, bar.x() + bar.width() * cell.high, bar.center().y()
        p.setPen(QPen(now.color("text"), 1.2))
        p.drawLine(QPointF(low, y), QPointF(high, y))
        for x in (low, high):
            p.drawLine(QPointF(x, y - 2.5), QPointF(x, y + 2.5))

    def _paint_recall(self, p: QPainter, rect: QRectF, row: BoardRow) -> None:
        now = theme.active()
        known = row.recall is not None
        bar = self._bar(p, rect, percent(row.recall or 0) if known else "–", f"@{row.depth}" if known else "")
        if row.recall:
            p.setPen(Qt.PenStyle.NoPen)
            p.setBrush(now.lane(row.place, 0.6))
            p.drawRoundedRect(
                QRectF(bar.x(), bar.y(), bar.width() * row.recall, bar.height()), bar.height() / 2, bar.height() / 2
            )
        said = (
            f"Share of the evidence turns among the {row.depth} best hits that it returns, mean over the "
            f"{count(row.recalled, 'probe')} whose evidence is known"
        )
        self.zones.append(Zone(rect.toAlignedRect(), partial(tip, f"{row.name} · evidence recall@{row.depth}", said)))
