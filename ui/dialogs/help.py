"""The help: pages from ``resources/help``, with the commands and the marks drawn in from where they are defined."""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import partial
from html import escape

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QPointF, QSize, Qt
from PySide6.QtGui import (
    QKeySequence,
    QPainter,
    QPixmap,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
)
from PySide6.QtWidgets import QDialog, QHBoxLayout, QListWidget, QTextBrowser, QWidget

from ui.commands.registry import MENUS, Registry
from ui.theme import marks, theme
from ui.widgets.painting import painting
from workbench import __version__, paths

PAGES = {
    "start": "Reading the window",
    "marks": "Marks",
    "keys": "Commands and keys",
    "live": "Live runs",
    "about": "About",
}


class HelpDialog(QDialog):
    """A list of pages and the chosen one."""

    def __init__(self, registry: Registry, page: str = "start", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._registry = registry
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Help")
        now = theme.active()
        row = QHBoxLayout(self)
        row.setContentsMargins(now.unit(3), now.unit(3), now.unit(3), now.unit(3))
        self.list = QListWidget()
        self.list.addItems(list(PAGES.values()))
        for place in range(self.list.count()):
            self.list.item(place).setSizeHint(QSize(0, now.metrics().height() + now.unit(3)))
        self.list.setFixedWidth(now.unit(44))
        self.list.setAccessibleName("Pages")
        self.text = QTextBrowser()
        self.text.setAccessibleName("Help")
        self.text.setOpenExternalLinks(True)
        self.text.setProperty("part", "bare")
        self.text.document().setDocumentMargin(now.unit(4))
        row.addWidget(self.list)
        row.addWidget(self.text, 1)
        self.list.currentRowChanged.connect(lambda row: self._show(list(PAGES)[row]))
        self.resize(now.unit(220), now.unit(160))
        self.list.setCurrentRow(list(PAGES).index(page))

    def _show(self, page: str) -> None:
        if page == "keys":
            self.text.setHtml(commands_html(self._registry))
        elif page == "marks":
            self.text.setHtml(marks_html())
        else:
            self.text.clear()
            text = (paths.resources() / "help" / f"{page}.md").read_text("utf-8")
            self.text.setMarkdown(text.replace("{version}", __version__))
            _set_type(self.text.document())


def _set_type(document: QTextDocument) -> None:
    """Give a page made from Markdown the window's type: one large size, air between paragraphs and list entries."""
    now, block = theme.active(), document.begin()
    while block.isValid():
        cursor = QTextCursor(block)
        form, heading = block.blockFormat(), block.blockFormat().headingLevel()
        form.setTopMargin(0)
        form.setBottomMargin(now.unit(3))
        form.setLineHeight(130, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
        cursor.setBlockFormat(form)
        if heading:
            cursor.select(QTextCursor.SelectionType.BlockUnderCursor)
            size = QTextCharFormat()
            size.setFont(now.font("large", bold=True))
            cursor.mergeCharFormat(size)
        block = block.next()


def commands_html(registry: Registry) -> str:
    """Every command by menu, with its keys."""
    colors = theme.active().tokens.colors
    out = []
    for menu in MENUS:
        rows = []
        for command in registry:
            if command.menu == menu:
                keys = ", ".join(
                    QKeySequence(k).toString(QKeySequence.SequenceFormat.NativeText) for k in command.shortcuts
                )
                title = command.title.rstrip("…")
                said = command.help if command.help != title else ""
                rows.append(
                    f"<tr><td width='34%' style='padding:3px 16px 3px 0'>{escape(title)}</td>"
                    f"<td width='22%' style='padding:3px 16px 3px 0;color:{colors['accent']}'>{escape(keys)}</td>"
                    f"<td width='44%' style='padding:3px 0;color:{colors['text-2']}'>{escape(said)}</td></tr>"
                )
        out.append(f"<h3>{menu}</h3><table width='100%'>{''.join(rows)}</table>")
    return "".join(out)


def marks_html() -> str:
    """Every mark as it is drawn, with what it means."""
    now = theme.active()
    verdict = {marks.Mark.RIGHT: now.color("right"), marks.Mark.WRONG: now.color("wrong")}
    bad = dict.fromkeys((marks.Mark.DROPPED, marks.Mark.FAILED), now.color("bad"))
    rows = []
    for mark, meaning in marks.MEANING.items():
        color = verdict.get(mark) or bad.get(mark) or now.lane(0)
        picture = _picture(partial(marks.draw, mark=mark, center=QPointF(12, 12), radius=5, color=color))
        rows.append(
            f"<tr><td style='padding:2px 12px 2px 0'>{picture}</td>"
            f"<td style='vertical-align:middle'>{escape(meaning)}</td></tr>"
        )
    lanes = "".join(
        _picture(partial(marks.draw_shape, place=i, center=QPointF(12, 12), radius=6, color=now.lane(i)))
        for i in range(len(now.tokens.lanes))
    )
    return f"<h3>Operations and verdicts</h3><table>{''.join(rows)}</table><h3>Lanes, in order</h3><p>{lanes}</p>"


def _picture(draw: Callable[[QPainter], None]) -> str:
    pixmap = QPixmap(48, 48)
    pixmap.setDevicePixelRatio(2)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter: QPainter
    with painting(pixmap) as painter:
        draw(painter)
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    pixmap.save(buffer, "PNG")
    return f"<img width='24' height='24' src='data:image/png;base64,{base64.b64encode(data.data()).decode()}'>"
