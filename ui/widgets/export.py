"""Figures: any widget as PNG, SVG or PDF. (pyqtgraph 0.14's own SVG exporter fails on every plot.)"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QMarginsF, QPoint, QRect, QSize, QSizeF
from PySide6.QtGui import QColor, QImage, QPageLayout, QPageSize, QPaintDevice, QPainter, QPdfWriter
from PySide6.QtWidgets import QWidget

from workbench.errors import MnemoscopeError

PNG_SCALE = 3


def export_widget(widget: QWidget, path: Path, title: str = "") -> None:
    """Render a widget into a file; the suffix decides. Raises ``MnemoscopeError`` when it cannot be written."""
    writers = {".png": _png, ".svg": _svg, ".pdf": _pdf}
    writer = writers.get(path.suffix.lower())
    if writer is None:
        raise MnemoscopeError(
            f"{path.name}: figures are written as {', '.join(writers)}", "choose one of these suffixes"
        )
    if not path.parent.is_dir() or not writer(widget, path, title):
        raise MnemoscopeError(f"{path}: cannot be written", "choose a folder that you may write to")


def _png(widget: QWidget, path: Path, title: str) -> bool:
    image = QImage(widget.size() * PNG_SCALE, QImage.Format.Format_ARGB32_Premultiplied)
    image.setDevicePixelRatio(PNG_SCALE)
    image.fill(_background(widget))
    widget.render(image, QPoint())
    image.setText("Title", title)
    return image.save(str(path))


def _svg(widget: QWidget, path: Path, title: str) -> bool:
    from PySide6.QtSvg import QSvgGenerator

    generator = QSvgGenerator()
    generator.setFileName(str(path))
    generator.setSize(widget.size())
    generator.setViewBox(QRect(QPoint(), widget.size()))
    generator.setTitle(title)
    return _paint(generator, widget)


def _pdf(widget: QWidget, path: Path, title: str) -> bool:
    writer = QPdfWriter(str(path))
    writer.setTitle(title)
    writer.setResolution(96)
    points = QSizeF(widget.size()) * 0.75
    writer.setPageSize(QPageSize(points, QPageSize.Unit.Point, "figure", QPageSize.SizeMatchPolicy.ExactMatch))
    writer.setPageOrientation(QPageLayout.Orientation.Portrait)
    writer.setPageMargins(QMarginsF())
    return _paint(writer, widget)


def _paint(device: QPaintDevice, widget: QWidget) -> bool:
    painter = QPainter()
    if not painter.begin(device):
        return False
    painter.fillRect(QRect(QPoint(), QSize(widget.size())), _background(widget))
    widget.render(painter, QPoint())
    return painter.end()


def _background(widget: QWidget) -> QColor:
    from ui.theme import theme

    return theme.active().color("surface")


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
