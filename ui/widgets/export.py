"""Figures: a panel as PNG, SVG or PDF for paper or slide. (pyqtgraph 0.14's own SVG exporter fails on every plot.)

A figure is drawn by the panel itself, in a place of its own: another theme, a chosen width, as high as all that it
shows needs, without the controls, under a title that says of whom and when.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QCoreApplication, QEvent, QMarginsF, QPoint, QRect, QSize, QSizeF, Qt
from PySide6.QtGui import QColor, QImage, QPageLayout, QPageSize, QPaintDevice, QPainter, QPdfWriter
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QComboBox,
    QLineEdit,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from ui.theme import theme
from ui.theme.stylesheet import stylesheet
from ui.widgets.arrays import figure
from workbench.errors import MnemoscopeError

PNG_SCALE = 3
_HIGHEST, _WIDEST = 4000, 2600  # px; longer lists are cut there, and the figure says so
_ROUNDS = 8
_INCH = 25.4  # mm


@dataclass(frozen=True, slots=True)
class Size:
    """How large a figure is: ``width`` in px as it is laid out, ``mm`` as it is printed, ``dpi`` of pixels.

    ``ratio`` is the least height per width, ``type`` the pixel size of its body type. Zeros: as the panel is shown.
    """

    title: str
    width: int = 0
    mm: float = 0.0
    dpi: int = 0
    ratio: float = 0.0
    type: int = 0


SIZES = {
    "shown": Size("As it is shown"),
    "column": Size("Column of a paper, 85 mm", 450, 85.0, 300, 0.0, 13),
    "page": Size("Width of a page, 178 mm", 940, 178.0, 300, 0.0, 13),
    "slide": Size("Slide, 16:9", 960, 254.0, 192, 9 / 16, 18),
}


@dataclass(frozen=True, slots=True)
class Style:
    """What a figure looks like: a size by its key in ``SIZES`` and a theme; light is for paper."""

    size: str = "shown"
    theme: str = "light"


def export_figure(panel: QWidget, title: str, where: Mapping[str, Any], path: Path, style: Style) -> None:
    """Draw a panel into a file; the suffix decides. Raises ``MnemoscopeError`` when it cannot be written.

    Args:
        panel: a ``ui.panels.base.Panel``; it is where it was afterwards.
        where: what the figure is of (``Panel.told_of``); run, session, model and probe stand under the title.
    """
    writer = _writer(path)
    size = SIZES[style.size]
    width = size.width or panel.width()
    with ExitStack() as stack:
        stack.enter_context(_still(panel.window()))
        now = stack.enter_context(theme.lent(style.theme, size.type or theme.active().size))
        stack.enter_context(_alone(panel, width, now))
        stack.enter_context(figure())
        sheet = _Sheet(panel, title, _under(where), size)
        written = path.parent.is_dir() and writer(sheet, path)
    if not written:
        raise MnemoscopeError(f"{path}: cannot be written", "choose a folder that you may write to")


def export_widget(widget: QWidget, path: Path, title: str = "") -> None:
    """Render a widget as it is into a file. Raises ``MnemoscopeError`` when it cannot be written."""
    writer = _writer(path)
    if not path.parent.is_dir() or not writer(_Plain(widget, title), path):
        raise MnemoscopeError(f"{path}: cannot be written", "choose a folder that you may write to")


class _Plain:
    """A widget as it is shown."""

    def __init__(self, widget: QWidget, title: str) -> None:
        self._widget, self.title = widget, title
        self.size, self.mm, self.scale = widget.size(), 0.0, float(PNG_SCALE)

    def paint(self, painter: QPainter) -> None:
        painter.fillRect(QRect(QPoint(), self.size), theme.active().color("surface"))
        self._widget.render(painter, QPoint())


class _Sheet:
    """A panel with title and margins around it. ``mm`` is its printed width, 0 for 96 px to the inch."""

    def __init__(self, panel: QWidget, title: str, under: str, size: Size) -> None:
        now = theme.active()
        self._panel, self.title, self._under = panel, title, under
        self._margin = now.unit(4)
        self._content, self._cut = _grown(panel, panel.width())
        fonts = [(now.font("title", bold=True), "text", title), (now.font("small"), "text-2", under)]
        if self._cut:
            fonts.append((now.font("small"), "wrong", "Not all of it is shown; the data beside it has every row."))
        wide = self._content.width()
        self._lines, at = [], self._margin
        for font, color, text in fonts:
            if text:
                metrics = now.metrics("title", bold=True) if font.bold() else now.metrics("small")
                flags = int(Qt.TextFlag.TextWordWrap)
                box = metrics.boundingRect(QRect(0, 0, wide, 10_000), flags, text)
                self._lines.append((font, color, text, QRect(self._margin, at, wide, box.height())))
                at += box.height() + now.unit(0.5)
        self._top = at + now.unit(1)
        across = wide + 2 * self._margin
        high = max(self._top + self._content.height() + self._margin, round(across * size.ratio))
        self.size, self.mm = QSize(across, high), size.mm
        self.scale = size.dpi * size.mm / _INCH / across if size.dpi else float(PNG_SCALE)

    def paint(self, painter: QPainter) -> None:
        now = theme.active()
        painter.fillRect(QRect(QPoint(), self.size), now.color("surface"))
        for font, color, text, box in self._lines:
            painter.setFont(font)
            painter.setPen(now.color(color))
            painter.drawText(box, int(Qt.TextFlag.TextWordWrap), text)
        self._panel.render(painter, QPoint(self._margin, self._top))


def _grown(panel: QWidget, width: int) -> tuple[QSize, bool]:
    """Let the panel be as large as all that it shows needs; its size, and whether that was not enough."""
    holder = panel.window()
    high, wide = max(panel.height(), panel.figure_height), width  # type: ignore[attr-defined]
    for _ in range(_ROUNDS):
        holder.resize(wide, high)
        _lay_out(holder)
        more_x, more_y = _hidden(panel)
        if (not more_x and not more_y) or (high >= _HIGHEST and not more_x):
            break
        wide, high = min(wide + more_x, _WIDEST), min(high + more_y, _HIGHEST)
    return panel.size(), any(_hidden(panel))


def _hidden(panel: QWidget) -> tuple[int, int]:
    """Pixels that scroll areas hide, to the side and below."""
    areas = [area for area in panel.findChildren(QAbstractScrollArea) if area.isVisible()]
    return (
        max((area.horizontalScrollBar().maximum() for area in areas), default=0),
        sum(area.verticalScrollBar().maximum() * _step(area) for area in areas),
    )


def _step(area: QAbstractScrollArea) -> int:
    """Pixels of one step of the vertical bar: lists may scroll by rows."""
    mode = getattr(area, "verticalScrollMode", None)
    if mode is None or mode() == type(area).ScrollMode.ScrollPerPixel:  # type: ignore[attr-defined]
        return 1
    return max(1, area.viewport().height() // max(1, area.verticalScrollBar().pageStep()))


def _lay_out(holder: QWidget) -> None:
    for widget in (holder, *holder.findChildren(QWidget)):
        layout = widget.layout()
        if layout is not None:
            layout.activate()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest)


@contextmanager
def _still(window: QWidget) -> Iterator[None]:
    """The window shows nothing of what goes on meanwhile."""
    window.setUpdatesEnabled(False)
    try:
        yield
    finally:
        window.setUpdatesEnabled(True)


@contextmanager
def _alone(panel: QWidget, width: int, now: theme.Theme) -> Iterator[None]:
    """The panel in a place of its own without its controls; back where it was afterwards, with the focus it had."""
    back, focus, size = _taken_out(panel), panel.window().focusWidget(), panel.size()
    holder = QWidget()
    holder.setAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen)
    holder.setStyleSheet(stylesheet(now.tokens, now.size, now.unit(1)))
    holder.setPalette(now.palette())
    column = QVBoxLayout(holder)
    column.setContentsMargins(0, 0, 0, 0)
    controls = [w for kind in (QComboBox, QAbstractButton, QLineEdit) for w in panel.findChildren(kind)]
    gone = [w for w in (panel.head, *controls) if not w.isHidden()]  # type: ignore[attr-defined]
    for control in gone:
        control.hide()
    layout = panel.layout()
    assert layout is not None  # Panel makes one
    margins = layout.contentsMargins()
    layout.setContentsMargins(0, 0, 0, 0)
    column.addWidget(panel)
    holder.resize(width, size.height())
    holder.show()
    panel.show()
    try:
        yield
    finally:
        layout.setContentsMargins(margins)
        for control in gone:
            control.show()
        back()
        panel.resize(size)
        panel.show()
        if focus is not None:
            focus.setFocus()
        holder.hide()
        holder.deleteLater()


def _taken_out(panel: QWidget) -> Callable[[], object]:
    """Remember where a panel stands among its siblings; what puts it back."""
    parent = panel.parentWidget()
    if isinstance(parent, QSplitter):
        place, sizes, stand_in = parent.indexOf(panel), parent.sizes(), QWidget()
        parent.replaceWidget(place, stand_in)

        def into_splitter() -> None:
            parent.replaceWidget(place, panel)
            stand_in.deleteLater()
            parent.setSizes(sizes)

        return into_splitter
    if isinstance(parent, QStackedWidget):
        place = parent.indexOf(panel)

        def into_stack() -> None:
            parent.insertWidget(place, panel)
            parent.setCurrentWidget(panel)

        return into_stack
    layout = parent.layout() if parent is not None else None
    if layout is None or layout.indexOf(panel) < 0:

        def bare() -> None:
            panel.setParent(parent)

        return bare
    stand_in = QWidget()
    layout.replaceWidget(panel, stand_in)

    def into_layout() -> None:
        layout.replaceWidget(stand_in, panel)
        stand_in.deleteLater()

    return into_layout


def _under(where: Mapping[str, Any]) -> str:
    names = [str(where.get(key) or "") for key in ("session", "run", "model")]
    parts = [name for name in names if name]
    if where.get("turn") is not None:
        parts.append(f"turn {where['turn']}")
    if where.get("probe"):
        parts.append(f"probe {where['probe']}: {where.get('question', '')[:200]}")
    return " · ".join(parts)


def _writer(path: Path) -> Callable[[_Sheet | _Plain, Path], bool]:
    writers = {".png": _png, ".svg": _svg, ".pdf": _pdf}
    writer = writers.get(path.suffix.lower())
    if writer is None:
        what = f"{path.name}: figures are written as {', '.join(writers)}"
        raise MnemoscopeError(what, "choose one of these suffixes")
    return writer


def _png(sheet: _Sheet | _Plain, path: Path) -> bool:
    image = QImage(sheet.size * sheet.scale, QImage.Format.Format_ARGB32_Premultiplied)
    image.setDevicePixelRatio(sheet.scale)
    image.fill(theme.active().color("surface"))
    if sheet.mm:
        image.setDotsPerMeterX(round(image.width() / sheet.mm * 1000))
        image.setDotsPerMeterY(round(image.width() / sheet.mm * 1000))
    image.setText("Title", sheet.title)
    return _paint(image, sheet) and image.save(str(path))


def _svg(sheet: _Sheet | _Plain, path: Path) -> bool:
    from PySide6.QtSvg import QSvgGenerator

    generator = QSvgGenerator()
    generator.setFileName(str(path))
    generator.setSize(sheet.size)
    generator.setViewBox(QRect(QPoint(), sheet.size))
    if sheet.mm:
        generator.setResolution(round(_dpi(sheet)))
    generator.setTitle(sheet.title)
    return _paint(generator, sheet)


def _pdf(sheet: _Sheet | _Plain, path: Path) -> bool:
    writer = QPdfWriter(str(path))
    writer.setTitle(sheet.title)
    dpi = round(_dpi(sheet))
    writer.setResolution(dpi)
    points = QSizeF(sheet.size) * 72 / dpi
    writer.setPageSize(QPageSize(points, QPageSize.Unit.Point, "figure", QPageSize.SizeMatchPolicy.ExactMatch))
    writer.setPageOrientation(QPageLayout.Orientation.Portrait)
    writer.setPageMargins(QMarginsF())
    return _paint(writer, sheet)


def _dpi(sheet: _Sheet | _Plain) -> float:
    """Laid-out pixels per printed inch."""
    return sheet.size.width() * _INCH / sheet.mm if sheet.mm else 96.0


def _paint(device: QPaintDevice, sheet: _Sheet | _Plain) -> bool:
    painter = QPainter()
    if not painter.begin(device):
        return False
    painter.setPen(QColor(0, 0, 0))
    sheet.paint(painter)
    return painter.end()


def ask_and_export(parent: QWidget, start: Path, suffix: str, export: Callable[[Path], object]) -> None:
    """Ask for a file, beginning with ``start``, and let ``export`` write it; says what went wrong."""
    from PySide6.QtWidgets import QFileDialog

    from ui.widgets.plain import warn

    kind = suffix.upper()
    name, _ = QFileDialog.getSaveFileName(parent, f"Export {kind}", str(start), f"{kind} (*.{suffix})")
    if not name:
        return
    try:
        export(Path(name).with_suffix(f".{suffix}"))
    except (MnemoscopeError, OSError) as error:
        warn(parent, "Export", str(error))
