"""The engine as a picture: memory by device, caches by lane, speed and queue over the run."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPen, QPolygonF

from ui.theme import theme
from ui.widgets.ink import Ink
from ui.widgets.structure.base import Sketch
from ui.widgets.units import count, size
from ui.widgets.units import tokens as tok
from workbench.projections.engine import EngineView, Piece

_STRENGTH = {"weights": 1.0, "cache": 0.62, "compute": 0.34, "output": 0.2}


class EngineSketch(Sketch):
    """Head, memory, caches, speed and queue, one under the other."""

    body: EngineView

    def height(self, width: int) -> int:  # noqa: D102
        return int(self._layout(None, width, QRectF()))

    def paint(self, ink: Ink, width: int, clip: QRectF) -> None:  # noqa: D102
        self._layout(ink, width, clip)

    def _layout(self, ink: Ink | None, width: int, clip: QRectF) -> float:
        """Paint (or with ``ink`` None only measure) everything; where it ends."""
        y = self._head(ink, width, 0.0)
        y = self._memory(ink, width, y) if not self.body.remote else y
        y = self._caches(ink, width, y) if self.body.lanes and self.body.kv_per_token else y
        y = self._chart(ink, width, y, "Tokens per second", [s.speed for s in self.body.samples], "tok/s")
        return self._chart(ink, width, y, "Requests at once and waiting", [s.queue for s in self.body.samples], "")

    def _head(self, ink: Ink | None, width: int, y: float) -> float:
        style, view, now = theme.active(), self.body, self.body.sample
        threads = f" · {count(now.threads, 'thread')} now" if now.threads and "thread" not in view.device else ""
        room = f"context {tok(view.context)}, {count(view.sequences, 'request')} at once"
        again = f" · {count(view.repeated, 'request')} repeated" if view.repeated else ""
        rows = [
            (f"{view.model} on {view.device}{threads}", "text", "body"),
            (f"{view.backend} · {room}{again} · vectors: {view.embedder}", "text-3", "small"),
        ]
        for text, role, font in rows:
            if ink is not None:
                ink.write(0, y, text, role, font, width)
                self.zone(QRectF(0, y, width, style.metrics(font).height()), None, text)
            y += style.metrics(font).height() + 2
        return y + style.unit(3)

    def _section(self, ink: Ink | None, width: int, y: float, title: str, right: str = "") -> float:
        style = theme.active()
        if ink is not None:
            ink.write(0, y, title, "text-2", "small", bold=True)
            if right:
                ink.write_left_of(width, y, right)
        return y + style.metrics("small").height() + style.unit(1.5)

    def _memory(self, ink: Ink | None, width: int, y: float) -> float:
        style, view = theme.active(), self.body
        y = self._section(ink, width, y, "Memory", f"process {size(view.sample.process)}")
        largest = max((sum(p.bytes for p in pieces) for pieces in view.devices.values()), default=0)
        for device, pieces in view.devices.items():
            total = sum(p.bytes for p in pieces)
            if ink is not None:
                ink.write(0, y, _device(device), width=width * 0.6)
                ink.write_left_of(width, y, size(total), "text-2", "body")
            y += style.metrics().height() + 3
            y = self._stack(ink, width, y, pieces, width * total / max(largest, 1))
        y = self._resident(ink, width, y)
        return self._layers(ink, width, y) + style.unit(3)

    def _stack(self, ink: Ink | None, width: int, y: float, pieces: Sequence[Piece], room: float) -> float:
        """One bar, its pieces side by side, and under it what they are."""
        style, tall, x = theme.active(), theme.active().unit(3), 0.0
        total = max(sum(p.bytes for p in pieces), 1)
        text = 0.0
        small = style.metrics("small")
        lower = y + tall + 3
        for piece in pieces:
            wide = max(room * piece.bytes / total, 2.0)
            said = f"{piece.what} {size(piece.bytes)}"
            if ink is not None:
                color = QColor(style.color("accent-fill"))
                color.setAlphaF(_STRENGTH.get(piece.kind, 0.3))
                ink.painter.fillRect(QRectF(x, y, max(wide - 1, 1), tall), color)
                self.zone(QRectF(x, y, wide, tall), None, said, _device(piece.device))
            needed = small.horizontalAdvance(said) + style.unit(6)
            if text and text + needed > width:
                text, lower = 0.0, lower + small.height() + 1
            if ink is not None:
                square = small.height() * 0.55
                color = QColor(style.color("accent-fill"))
                color.setAlphaF(_STRENGTH.get(piece.kind, 0.3))
                ink.painter.fillRect(QRectF(text, lower + small.height() * 0.25, square, square), color)
                ink.write(text + square + 5, lower, said, "text-3", "small")
            text += needed
            x += wide
        return lower + small.height() + style.unit(2)

    def _resident(self, ink: Ink | None, width: int, y: float) -> float:
        """How much of the mapped file is in memory."""
        style, view = theme.active(), self.body
        resident = view.sample.resident
        if resident is None or not view.file:
            return y
        if ink is not None:
            said = f"{size(resident)} of the mapped file's {size(view.file)} are in memory"
            ink.write(0, y, said, "text-2", "small", width)
            top = y + style.metrics("small").height() + 3
            self.bar(ink, QRectF(0, top, width, style.unit(1)), resident / view.file, style.color("good"))
            tip = "Mapped: the system may drop these pages and read them again; other programs share them"
            self.zone(QRectF(0, y, width, style.unit(1) + style.metrics("small").height() + 3), None, said, tip)
        return y + style.metrics("small").height() + style.unit(3)

    def _layers(self, ink: Ink | None, width: int, y: float) -> float:
        view = self.body
        if not view.layers:
            return y
        here = view.layers - view.offloaded
        cost = f"the processor reads {size(view.read_per_token)} of weights for every token that is generated"
        said = f"{here} of {view.layers} layers off the GPU: {cost}" if view.offloaded else f"No GPU: {cost}"
        if not here:
            said = f"All {view.layers} layers are on the GPU"
        if ink is not None:
            ink.write(0, y, said, "text-2", "small", width)
            self.zone(QRectF(0, y, width, theme.active().metrics("small").height()), None, said)
        return y + theme.active().metrics("small").height()

    def _caches(self, ink: Ink | None, width: int, y: float) -> float:
        style, view = theme.active(), self.body
        held = view.sample.held * view.kv_per_token
        whole = view.context * view.sequences * view.kv_per_token
        right = f"{size(view.kv_per_token)} a token · {size(held)} of {size(whole)} held"
        y = self._section(ink, width, y, "Cache of each lane's last prompt", right)
        name = min(width * 0.34, style.unit(40))
        texts = [f"{lane.prompt} · {tok(lane.tokens)} · {size(lane.bytes)}" for lane in view.lanes]
        end = width - max(map(style.metrics("small").horizontalAdvance, texts)) - style.unit(2)
        for lane, said in zip(view.lanes, texts, strict=True):
            if ink is not None:
                high = style.metrics().height()
                ink.write(0, y, lane.name, width=name - style.unit(2))
                bar = QRectF(name, y + high / 2 - style.unit(0.75), max(end - name, 8), style.unit(1.5))
                self.bar(ink, bar, lane.tokens / max(view.context, 1), style.lane(lane.place))
                ink.write_left_of(width, y + (high - style.metrics("small").height()) / 2, said)
                self.zone(QRectF(0, y, width, high), None, f"{lane.name}: {said} of {tok(view.context)}")
            y += style.metrics().height() + style.unit(1)
        return y + style.unit(3)

    def _chart(
        self, ink: Ink | None, width: int, y: float, title: str, values: Sequence[float | None], unit: str
    ) -> float:
        style, view = theme.active(), self.body
        known = [v for v in values if v is not None]
        here = values[view.now]
        now = "nothing was decoded" if here is None else f"{here:,.0f} {unit}".strip()
        y = self._section(ink, width, y, title, now)
        tall = style.unit(18)
        if ink is not None:
            self._curve(ink, QRectF(style.unit(9), y, width - style.unit(10), tall), values, max(known, default=1) or 1)
        return y + tall + style.metrics("small").height() + style.unit(3)

    def _curve(self, ink: Ink, plot: QRectF, values: Sequence[float | None], top: float) -> None:
        small, samples = ink.style.metrics("small"), self.body.samples
        end = max(samples[-1].after, 0.001)
        for share in (0.0, 1.0):
            y = plot.bottom() - share * plot.height()
            ink.painter.setPen(QPen(ink.color("line"), 1))
            ink.painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
            ink.write_left_of(plot.left() - 6, y - small.height() / 2, f"{top * share:,.0f}")
        ink.painter.setBrush(Qt.BrushStyle.NoBrush)
        ink.painter.setPen(QPen(ink.color("accent"), 1.6))
        line: list[QPointF] = []
        for sample, value in zip(samples, values, strict=True):
            if value is None:
                self._line(ink, line)
                line = []
                continue
            x = plot.left() + plot.width() * sample.after / end
            line.append(QPointF(x, plot.bottom() - plot.height() * value / top))
        self._line(ink, line)
        x = plot.left() + plot.width() * self.body.sample.after / end
        ink.painter.setPen(QPen(ink.color("text"), 1.2))
        ink.painter.drawLine(QPointF(x, plot.top() - 3), QPointF(x, plot.bottom() + 3))
        ink.write(plot.left(), plot.bottom() + 4, "0 s", "text-3", "small")
        ink.write_left_of(plot.right(), plot.bottom() + 4, f"{end:,.0f} s")

    def _line(self, ink: Ink, points: Sequence[QPointF]) -> None:
        if len(points) == 1:
            ink.painter.drawEllipse(points[0], 1.5, 1.5)
        else:
            ink.painter.drawPolyline(QPolygonF(points))


def _device(name: str) -> str:
    """``CPU_Mapped`` is memory that the model file is mapped into."""
    return {"CPU_Mapped": "Memory, mapped file", "CPU": "Memory"}.get(name, name)
