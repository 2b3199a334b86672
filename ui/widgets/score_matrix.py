"""A painted matrix of lanes and scores: figures on bars with their intervals, controls as faint marks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from itertools import groupby

from PySide6.QtCore import QEvent, QLineF, QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QToolTip, QWidget

from ui.state.roster import Roster
from ui.theme import marks, theme
from ui.theme.theme import Theme
from ui.widgets.lane_drag import LaneDrag
from ui.widgets.painting import painting
from ui.widgets.plain import plain
from ui.widgets.units import count, percent
from ui.widgets.zones import Zone, ZonedWidget, tip
from workbench.probes.competencies import ABSTENTION, label
from workbench.probes.papers import score_title
from workbench.probes.statistics import METHODS, Comparison
from workbench.projections.board import FURTHER, OURS, RECALL, Board, BoardCell, BoardColumn, BoardRow
from workbench.projections.compared import Compared

_LEAST = 28  # 4 px steps: what a column needs for a bar and its figure
_COUNTS_FROM = 41  # from here on the counts stand beside the figure
_STEPS = {
    Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1), Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0),
}  # fmt: skip
_MOST = 6  # other lanes that a tooltip compares with


def column_name(column: BoardColumn) -> str:
    """A column with its group: ``LoCoMo, 2 temporal: F1``."""
    if column.ours:
        return column.title or label(column.competency)
    if column.group == FURTHER:
        return column.title
    said = f"{column.group.partition(', ')[0]}, {column.title}"
    return f"{said}: {score_title(column.score)}" if column.score else said


class ScoreMatrix(ZonedWidget):
    """One row per lane, one column per score; the lanes' names stay in view when it is scrolled sideways.

    Signals:
        lane_chosen: a lane's name was clicked.
        cell_chosen: a cell was clicked, or Enter pressed on it: lane and ``BoardColumn``.
        column_pointed: the pointer or the keyboard has come to a column: its differences are wanted.
    """

    lane_chosen = Signal(int)
    cell_chosen = Signal(int, object)
    column_pointed = Signal(object)

    def __init__(self, roster: Roster, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.drag = LaneDrag(roster, self.lane_at)
        self._pinned = roster.pinned
        self.view: Board | None = None
        self.differences: dict[BoardColumn, Compared | None] = {}
        self.shown_times = 0  # how often other figures were shown; differences belong to one of them
        self._lane = 0
        self._at: tuple[int, int] | None = None  # the cell that the keyboard is on
        self._pointed: BoardColumn | None = None
        self._names: tuple[Board | None, Theme | None, int] = (None, None, 0)  # what was measured, and how wide it is
        self.setAccessibleName("Scoreboard")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def show_view(self, view: Board) -> None:
        """Show a board."""
        old, self.view = self.view, view
        if old is not None and _seen(old) == _seen(view):
            return  # most turns have no probe: nothing to paint
        self.differences, self._pointed = {}, None
        self.shown_times += 1
        if self._at is not None:
            self._at = (min(self._at[0], max(0, len(view.rows) - 1)), min(self._at[1], max(0, len(view.columns) - 1)))
        self.fit()
        self.setAccessibleDescription("; ".join(_spoken(view)))

    def choose(self, lane: int) -> None:
        """Light up a lane."""
        if lane != self._lane:
            self._lane = lane
            self.update()

    def compared(self, column: BoardColumn, found: Compared | None) -> None:
        """Take a column's differences, and say them where they are waited for."""
        self.differences[column] = found
        if self._at is not None and self.hasFocus() and self.view and self.view.columns[self._at[1]] == column:
            self._say()
        elif QToolTip.isVisible() and column == self._pointed:
            zone = self.zone_at(self.mapFromGlobal(self.cursor().pos()))
            if zone is not None and zone.tip:
                QToolTip.showText(self.cursor().pos(), plain(zone.tip), self, zone.rect)

    def fit(self) -> None:
        """Ask for the room that the board needs."""
        self.setMinimumSize(self._left() + self._columns() * theme.active().unit(_LEAST), self.least())
        self.update()

    def least(self, lanes: int | None = None, foot: bool = True) -> int:
        """The height that ``lanes`` rows (None: all) need, with or without the line below them."""
        rows = len(self.view.rows) if self.view else 1
        shown = (rows if lanes is None else min(lanes, rows)) * self._row_least()
        return self._head() + shown + (self._foot() if foot else 0)

    def wanted(self) -> int:
        """The height at which every row has air around it."""
        return self.least() + (len(self.view.rows) if self.view else 1) * round(theme.active().unit(0.75))

    def sizeHint(self) -> QSize:  # noqa: D102
        return QSize(max(600, self.minimumWidth()), self.minimumHeight())

    # measures

    def _columns(self) -> int:
        return max(1, len(self.view.columns)) if self.view else 1

    def _line(self) -> int:
        return theme.active().metrics("small").height()

    def _head(self) -> int:
        return self._line() * (2 if self.view and self.view.published else 1) + theme.active().unit(1.5)

    def _foot(self) -> int:
        return self._line() + theme.active().unit(1)

    def _row_least(self) -> int:
        return theme.active().metrics().height() + round(theme.active().unit(0.5))

    def _row(self) -> int:
        """Height of a row: what the type needs, and up to twice of it where there is room."""
        least, lanes = self._row_least(), len(self.view.rows) if self.view else 1
        return max(least, min(least * 2, (self.height() - self._head() - self._foot()) // max(1, lanes)))

    def _left(self) -> int:
        """Where the scores begin: asked for with every cell, measured once."""
        now = theme.active()
        if self._names[0] is not self.view or self._names[1] is not now:
            names = [now.metrics(bold=True).horizontalAdvance(row.name) for row in self.view.rows] if self.view else []
            self._names = self.view, now, min(max(names, default=60), now.unit(45)) + now.unit(9)
        return self._names[2]

    def _width(self) -> float:
        return (self.width() - self._left()) / self._columns()

    def _rect(self, row: int, column: int) -> QRectF:
        return QRectF(
            self._left() + column * self._width(), self._head() + row * self._row(), self._width() - _gap(), self._row()
        )

    def _scrolled(self) -> int:
        """What of the widget's left is out of sight."""
        return max(0, -self.pos().x()) if self.parentWidget() else 0

    # painting

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        if self.view is not None:
            self.zones = []
            with painting(self) as painter:
                self._paint(painter, self.view, event.rect())

    def _paint(self, p: QPainter, view: Board, seen: QRect) -> None:
        """Everything can be pointed at, whether it is ``seen`` or has to be scrolled to; rows out of sight wait."""
        self._paint_head(p, view)
        self._paint_rows(p, view, seen)
        self._paint_foot(p, view)
        self._paint_names(p, view, seen)
        if self._at is not None and self.hasFocus():
            p.setPen(QPen(theme.active().color("accent"), 1.5))
            p.setBrush(Qt.BrushStyle.NoBrush)
            p.drawRoundedRect(self._rect(*self._at).adjusted(-4, 1, 4, -1), 4, 4)

    def _paint_head(self, p: QPainter, view: Board) -> None:
        now, top = theme.active(), 0.0
        left = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        if view.published:
            for group, first, many in _groups(view):
                box = self._rect(0, first).united(self._rect(0, first + many - 1))
                box = QRectF(box.x(), 0, box.width(), self._line())
                p.setFont(now.font("small", bold=True))
                p.setPen(now.color("text-2" if group != OURS else "text-3"))
                said = _group_title(view, group)
                p.drawText(box, left, now.metrics("small", bold=True).elidedText(said, _RIGHT, int(box.width())))
                p.setPen(QPen(now.color("line"), 1))
                p.drawLine(box.bottomLeft(), box.bottomRight())
                self.zones.append(Zone(box.toAlignedRect(), tip(said, _group_says(view, group))))
            top = self._line() + now.unit(0.5)
        p.setFont(now.font("small"))
        p.setPen(now.color("text-3"))
        for place, column in enumerate(view.columns):
            box = self._rect(0, place)
            box = QRectF(box.x(), top, box.width(), self._line())
            title = column.title or label(column.competency)
            if column.score == RECALL and (depth := cut_above(view, box.width())):
                title = f"recall @{depth}"
            p.drawText(box, left, now.metrics("small").elidedText(title, _RIGHT, int(box.width())))
            self.zones.append(Zone(box.toAlignedRect(), partial(_says, view, column)))

    def _paint_rows(self, p: QPainter, view: Board, seen: QRect) -> None:
        """All cells. There are many, at every probe that the cursor passes: what they share is asked for once."""
        now, cells = theme.active(), _Cells(p, view, self._width() - _gap())
        top, height, left, width = self._head(), self._row(), self._left(), self._width()
        beside = [
            {name: row.cells[number] for name, row in view.controls.items()} for number in range(len(view.columns))
        ]
        for place, row in enumerate(view.rows):
            y = top + place * height
            shown = y <= seen.bottom() and y + height > seen.top()
            if shown and row.lane == self._lane:
                p.setPen(Qt.PenStyle.NoPen)
                p.setBrush(now.color("raised"))
                p.drawRoundedRect(QRectF(0, y + 1, self.width(), height - 2), 4, 4)
            cells.of_row(row)
            for number, (column, cell) in enumerate(zip(view.columns, row.cells, strict=True)):
                rect = QRectF(left + number * width, y, width - _gap(), height)
                if shown:
                    cells.paint(rect, row, number, column, cell)
                says = partial(self._tip, row, column, cell, beside[number])
                self.zones.append(Zone(rect.toAlignedRect(), says, partial(self.cell_chosen.emit, row.lane, column)))

    def _paint_names(self, p: QPainter, view: Board, seen: QRect) -> None:
        """Last, over what has been scrolled beneath them."""
        now, x, height = theme.active(), self._scrolled(), self._row()
        p.fillRect(QRectF(x, 0, self._left() - now.unit(2), self.height()), now.color("surface"))
        for place, row in enumerate(view.rows):
            box = QRect(x, self._head() + place * height, self._left() - now.unit(2), height)
            if box.top() <= seen.bottom() and box.bottom() >= seen.top():
                self._paint_name(p, box, row)
            says = tip(row.name, "pinned" if self._pinned(row.lane) else "", "Drag: move this lane")
            self.zones.append(Zone(box, says, partial(self.lane_chosen.emit, row.lane)))

    def _paint_name(self, p: QPainter, box: QRect, row: BoardRow) -> None:
        now, x, middle = theme.active(), box.x(), box.y() + box.height() / 2
        chosen = row.lane == self._lane
        if chosen:
            p.setPen(Qt.PenStyle.NoPen)
            p.setBrush(now.color("raised"))
            p.drawRoundedRect(QRectF(box).adjusted(0, 1, 0, -1), 4, 4)
        marks.draw_shape(p, row.place, QPointF(x + now.unit(2), middle), now.unit(1.1), now.lane(row.place))
        p.setFont(now.font(bold=chosen))
        p.setPen(now.color("text"))
        metrics = now.metrics(bold=chosen)
        name = metrics.elidedText(row.name, _RIGHT, self._left() - now.unit(8))
        p.drawText(QPointF(x + now.unit(5), middle + metrics.ascent() / 2 - 1), name)
        if row.lane == self.drag.over:
            p.setPen(QPen(now.color("accent-fill"), 2, Qt.PenStyle.DashLine))
            p.setBrush(Qt.BrushStyle.NoBrush)
            p.drawRoundedRect(QRectF(box).adjusted(1, 2, -1, -2), 4, 4)

    def _paint_foot(self, p: QPainter, view: Board) -> None:
        """What bars and marks mean, in words."""
        now, x = theme.active(), float(self._left())
        top = self._head() + len(view.rows) * self._row() + now.unit(1)
        middle, small = top + self._line() / 2, now.metrics("small")
        p.setFont(now.font("small"))
        for name in view.controls:
            bar = QRectF(x, middle - now.unit(0.5), now.unit(3), now.unit(1))
            p.fillRect(bar, now.color("track"))
            _draw_mark(p, name, bar.center(), bar.height() / 2)
            p.setPen(now.color("text-3"))
            p.drawText(QPointF(x + now.unit(4), top + small.ascent()), name)
            x += now.unit(7) + small.horizontalAdvance(name)
        p.setPen(now.color("text-3"))
        said = f"lines: 95 % intervals ({', '.join(_methods(view))})"
        said += f"; not scored: {', '.join(view.missing)}" if view.missing else ""
        p.drawText(QPointF(x, top + small.ascent()), small.elidedText(said, _RIGHT, round(self.width() - x)))
        why = [f"{name} is not scored: {reason}" for name, reason in view.missing.items()]
        box = QRectF(self._left(), top, self.width() - self._left(), self._line()).toAlignedRect()
        self.zones.append(Zone(box, tip(*why)))

    # what is pointed at

    def _tip(self, row: BoardRow, column: BoardColumn, cell: BoardCell, beside: Mapping[str, BoardCell]) -> str:
        lines = [f"{row.name} · {column_name(column)}", *_of_cell(column, cell)]
        shown = [f"{name} {percent(c.mean)}" for name, c in beside.items() if c.mean is not None]
        lines += [f"controls: {', '.join(shown)}"] if shown else []
        if cell.n and column.comparable:
            lines += self._differences(row, column)
        return tip(*lines, "Click to see these probes" if column.group != FURTHER else "")

    def _differences(self, row: BoardRow, column: BoardColumn) -> Iterator[str]:
        if column not in self.differences:
            if self.view and len(self.view.rows) > 1:
                yield "comparing the lanes …"
            return
        found = self.differences[column]
        own = found.of(row.name) if found else []
        for other, comparison in own[:_MOST]:
            yield f"against {other}: {_apart(comparison)}"
        if len(own) > _MOST:
            yield f"{len(own) - _MOST} lanes more: `mnemoscope score`"
        if found and own:
            how = "Newcombe; McNemar" if found.shares else "BCa; paired bootstrap"
            yield f"(95 % interval and p, {how}, corrected by Holm)"
            yield found.power

    def lane_at(self, point: QPoint) -> int:
        """The lane of the row under a point; 0 for none."""
        place = (point.y() - self._head()) // self._row()
        return self.view.rows[place].lane if self.view and 0 <= place < len(self.view.rows) else 0

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        point = event.position().toPoint()
        if event.button() == Qt.MouseButton.LeftButton and point.x() < self._scrolled() + self._left():
            self.drag.press(point, self.lane_at(point))
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        if self.drag.release():
            self.update()
        super().mouseReleaseEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        if self.drag.move(event.position().toPoint()):
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
            self.update()
            return
        super().mouseMoveEvent(event)
        place = self._column_at(event.position().toPoint())
        if place is not None and self.view:
            self._point(self.view.columns[place])

    def _column_at(self, point: QPoint) -> int | None:
        if self.view is None or point.x() < self._scrolled() + self._left() or point.y() < self._head():
            return None
        place = int((point.x() - self._left()) / max(1.0, self._width()))
        return place if 0 <= place < len(self.view.columns) else None

    def _point(self, column: BoardColumn) -> None:
        if column != self._pointed:
            self._pointed = column
            if column.comparable and column not in self.differences:
                self.column_pointed.emit(column)

    # the keyboard

    def event(self, event: QEvent) -> bool:
        """Arrows and Enter belong to the cells while they have the focus, and not to playback."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride and _own(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102
        key = Qt.Key(event.key())
        if self.view is None or not self.view.rows or not self.view.columns or event.modifiers():
            super().keyPressEvent(event)
        elif key in _STEPS:
            self._move(*_STEPS[key])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._at is not None:
            self.cell_chosen.emit(self.view.rows[self._at[0]].lane, self.view.columns[self._at[1]])
        else:
            super().keyPressEvent(event)

    def _move(self, down: int, right: int) -> None:
        view = self.view
        if view is None:
            return
        row, column = self._at or (0, -1 if right > 0 else 0)
        self._at = (min(max(row + down, 0), len(view.rows) - 1), min(max(column + right, 0), len(view.columns) - 1))
        self._point(view.columns[self._at[1]])
        self._say()
        self.update()

    def _say(self) -> None:
        """The keyboard's cell in words: beside it, and to whoever has it read aloud."""
        if self._at is None or self.view is None:
            return
        place, number = min(self._at[0], len(self.view.rows) - 1), min(self._at[1], len(self.view.columns) - 1)
        row, column = self.view.rows[place], self.view.columns[number]
        beside = {name: control.cells[number] for name, control in self.view.controls.items()}
        said = self._tip(row, column, row.cells[number], beside)
        self.setAccessibleDescription(said)
        self.at_keyboard = said
        rect = self._rect(place, number).toAlignedRect()
        QToolTip.showText(self.mapToGlobal(rect.bottomLeft()), plain(said), self, rect)

    at_keyboard = ""
    """What was last said of the cell that the keyboard is on."""

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: D102
        super().focusOutEvent(event)
        self.update()


_RIGHT = Qt.TextElideMode.ElideRight
_MIDDLE_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
_MIDDLE_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)


def _own(event: QKeyEvent) -> bool:
    return not event.modifiers() and event.key() in (*_STEPS, Qt.Key.Key_Return, Qt.Key.Key_Enter)


class _Cells:
    """Paints cells of one width: a figure, its counts where there is room, and a bar with interval and controls."""

    def __init__(self, p: QPainter, view: Board, width: float) -> None:
        now = theme.active()
        self.p, self.view, self.now, self.width = p, view, now, width
        self.published = view.published
        self.fonts = now.font(bold=True), now.font("small")
        self.inks = now.color("text"), now.color("text-3")
        self.track, self.high = now.color("track"), now.unit(1.75)
        self.line, self.mark = QPen(now.color("text"), 1.2), QPen(now.color("text-3"), 1.4)
        self.out = self.high / 2 + now.unit(0.75)
        self.gap, self.least = now.unit(1.5), now.unit(5)  # a shorter bar says nothing beside its figure
        self.figures = now.metrics(bold=True).horizontalAdvance("100 %") + self.gap
        small, probes = now.metrics("small"), view.probes
        self.cut = small.horizontalAdvance("@100") + self.gap  # a recall always says at which cut,
        if cut_above(view, width):
            self.cut = 0  # here in its column's head
        self.counts = small.horizontalAdvance(f"{probes}/{probes}") + self.gap if width > now.unit(_COUNTS_FROM) else 0
        self.means = [
            [
                (name, row.lane, mean)
                for name, row in view.controls.items()
                if (mean := row.cells[number].mean) is not None
            ]
            for number in range(len(view.columns))
        ]

    def of_row(self, row: BoardRow) -> None:
        """The cells that follow are of this row."""
        self.full, self.pale = self.now.lane(row.place), self.now.lane(row.place, 0.55)

    def paint(self, rect: QRectF, row: BoardRow, number: int, column: BoardColumn, cell: BoardCell) -> None:
        """One cell."""
        p = self.p
        bar = self._bar(rect, _figure(column, cell), _detail(column, cell))
        if bar is None:
            return
        x, width, half = bar.x(), bar.width(), self.high / 2
        if cell.mean:
            p.setBrush(self.pale if (column.ours and self.published) or column.score == RECALL else self.full)
            p.drawRoundedRect(QRectF(x, bar.y(), width * cell.mean, self.high), half, half)
        y = bar.center().y()
        for name, lane, mean in self.means[number]:
            if mean is not None and lane != row.lane:
                p.setPen(self.mark)
                p.drawLine(_mark(name, x + width * mean, y, half, self.out))
        if cell.interval is not None and cell.n:
            low, high = x + width * cell.interval.low, x + width * cell.interval.high
            ends = QLineF(low, y - 2.5, low, y + 2.5), QLineF(high, y - 2.5, high, y + 2.5)
            p.setPen(self.line)
            p.drawLines([QLineF(low, y, high, y), *ends])

    def _bar(self, rect: QRectF, text: str, detail: str) -> QRectF | None:
        """Draw the figures to the right of a bar, and its ground; where the bar goes, None where there is no room."""
        p = self.p
        counts = self.cut if detail.startswith("@") else self.counts
        p.setFont(self.fonts[0])
        p.setPen(self.inks[text == "–"])
        p.drawText(rect.adjusted(0, 0, -counts, 0), _MIDDLE_RIGHT, text)
        if counts and detail:
            p.setFont(self.fonts[1])
            p.setPen(self.inks[1])
            p.drawText(rect.adjusted(rect.width() - counts + self.gap, 0, 0, 0), _MIDDLE_LEFT, detail)
        room = rect.width() - self.figures - counts
        if room < self.least:
            return None
        bar = QRectF(rect.x(), rect.center().y() - self.high / 2, room, self.high)
        p.setPen(Qt.PenStyle.NoPen)
        p.setBrush(self.track)
        p.drawRoundedRect(bar, self.high / 2, self.high / 2)
        return bar


def cut_above(view: Board, width: float) -> int:
    """The one cut of all recalls, where cells of that width have no room for it beside their figures; else 0."""
    now = theme.active()
    need = now.metrics(bold=True).horizontalAdvance("100 %") + now.metrics("small").horizontalAdvance("@100")
    depths = {cell.depth for row in view.rows for cell in row.cells if cell.depth}
    return next(iter(depths)) if len(depths) == 1 and width < need + now.unit(3) else 0


def _gap() -> int:
    """Between columns: wider than anything within one, so that figures belong to the bar on their left."""
    return theme.active().unit(4)


def _seen(view: Board) -> tuple[object, ...]:
    return view.session, view.scope, view.columns, view.rows, view.controls


def _spoken(view: Board) -> Iterator[str]:
    for row in view.rows:
        told = [(c, cell) for c, cell in zip(view.columns, row.cells, strict=True) if cell.mean is not None]
        if told:
            yield f"{row.name}: " + ", ".join(f"{column_name(c)} {_figure(c, cell)}" for c, cell in told)


def _groups(view: Board) -> Iterator[tuple[str, int, int]]:
    at = 0
    for group, columns in groupby(view.columns, key=lambda c: c.group):
        many = len(list(columns))
        yield group, at, many
        at += many


def _group_title(view: Board, group: str) -> str:
    if group == OURS:
        return "Ours"
    if group == FURTHER:
        return "Further published"
    names = dict.fromkeys(score_title(c.score) for c in view.columns if c.group == group and c.score)
    benchmark = group.partition(", ")[0]
    return f"{benchmark} · {', '.join(names)}"


def _group_says(view: Board, group: str) -> str:
    if group == OURS:
        return "Our own, lenient reading of right and wrong: no benchmark publishes it"
    names = ", ".join(dict.fromkeys(c.score for c in view.columns if c.group == group and c.score))
    return f"As the official code computes it, in percent ({names})"


def _says(view: Board, column: BoardColumn) -> str:
    lines = [column_name(column)]
    if column.score == RECALL:
        lines.append("Share of the evidence turns among the hits that a lane returns, mean over the probes")
    elif column.competency == ABSTENTION:
        lines.append("Share of the questions without an answer that were recognised; no part of any competency")
    elif column.ours:
        lines.append("Ours: share that is right by our lenient reading, of the probes that have an answer")
        lines += [f"{count(view.guessable, 'probe')} answerable without memory"] if view.guessable else []
    elif not column.score:
        lines.append("Mean of the benchmark's columns, as in its paper")
    else:
        lines.append(f"{column.score}: as the official code computes it")
    if "full context" in view.controls and view.fitted[0] < view.fitted[1]:
        lines.append(f"full context fitted whole for {view.fitted[0]} of {count(view.fitted[1], 'probe')}")
    return tip(*lines)


def _figure(column: BoardColumn, cell: BoardCell) -> str:
    if cell.mean is None:
        return "–"
    return percent(cell.mean) if column.ours else f"{cell.mean * 100:.1f}"


def _detail(column: BoardColumn, cell: BoardCell) -> str:
    if not cell.n:
        return ""
    if cell.depth:
        return f"@{cell.depth}"
    return f"{cell.right}/{cell.n}" if cell.right is not None else f"{cell.n}"


def _of_cell(column: BoardColumn, cell: BoardCell) -> Iterator[str]:
    if cell.mean is None:
        yield "no probe asked so far"
    elif cell.depth:
        yield f"{percent(cell.mean)} of the evidence turns among its {cell.depth} best hits"
        yield f"mean over {count(cell.n, 'probe')} whose evidence is known"
    elif cell.right is not None:
        yield f"{cell.right} of {count(cell.n, 'probe')} right: {percent(cell.mean)}"
    elif cell.n:
        yield f"{cell.mean * 100:.1f} %, mean of {count(cell.n, 'probe')}"
    else:
        yield f"{cell.mean * 100:.1f} %, mean of the columns that belong to it"
    if cell.judge:
        yield f"judged by {cell.judge}"
    if cell.interval and cell.n:
        method = METHODS[cell.interval.method]
        yield f"95 % interval {percent(cell.interval.low)} to {percent(cell.interval.high)} ({method})"


def _apart(found: Comparison) -> str:
    low, high = _points(found.low), _points(found.high)
    p = "p < 0.001" if found.holm < 0.001 else f"p = {found.holm:.3f}"
    return f"{_points(found.difference)} points ({low} to {high}), {p}"


def _points(share: float) -> str:
    return f"{round(share * 100):+d}".replace("-", "\u2212")


def _methods(view: Board) -> list[str]:
    used = {cell.interval.method for row in view.rows for cell in row.cells if cell.interval}
    return [METHODS[name] for name in sorted(used)] or ["Wilson"]


def _draw_mark(p: QPainter, name: str, at: QPointF, half: float) -> None:
    """A control's mark on a bar: no memory below it, the evidence alone above, full context across."""
    p.setPen(QPen(theme.active().color("text-3"), 1.4))
    p.drawLine(_mark(name, at.x(), at.y(), half, half + theme.active().unit(0.75)))


def _mark(name: str, x: float, y: float, half: float, out: float) -> QLineF:
    begin, end = {"no memory": (half, out), "evidence alone": (-out, -half)}.get(name, (-out, out))
    return QLineF(x, y + begin, x, y + end)
