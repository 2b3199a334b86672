"""Text with marks, word diffs and links to turns and items: the detail of an item, the diff of a turn."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from html import escape
from urllib.parse import quote, unquote

from PySide6.QtCore import QPointF, Qt, QUrl, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPixmap, QResizeEvent, QTextDocument
from PySide6.QtWidgets import QTextBrowser, QWidget

from ui.theme import marks, theme
from ui.widgets.painting import painting
from workbench.projections.diff import GONE, NEW, Piece
from workbench.trace.events import Kind

_MOST = 1200  # characters of one value; the rest is in the table twin

VERBS = {
    Kind.WRITTEN: "written",
    Kind.UPDATED: "updated",
    Kind.SUPERSEDED: "superseded",
    Kind.MERGED: "merged",
    Kind.DELETED: "deleted",
    Kind.EVICTED: "evicted",
    Kind.RESTORED: "restored",
    Kind.LINKED: "linked",
    Kind.UNLINKED: "unlinked",
    Kind.ACCESSED: "retrieved",
    Kind.DROPPED: "lost on the way in",
}
"""What a kind of operation is called on screen."""


class RichView(QTextBrowser):
    """Shows HTML made by the functions below.

    Signals:
        turn_wanted, item_wanted: a link to a turn or an item was followed.
        toggled: a link made by ``toggle`` was followed; its name.
    """

    turn_wanted = Signal(int)
    item_wanted = Signal(str)
    toggled = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setOpenLinks(False)
        self.setProperty("part", "bare")
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.document().setDocumentMargin(0)
        self.anchorClicked.connect(self._follow)
        self._color = QColor()
        self._html = self._subject = ""
        self._wanted = 0  # where the reader has scrolled to
        bar = self.verticalScrollBar()
        bar.actionTriggered.connect(lambda _: setattr(self, "_wanted", bar.sliderPosition()))

    def show_html(self, html: str, color: QColor, subject: str = "") -> None:
        """Show a text; ``color`` is the lane's, for marks. A text that is shown already is left alone.

        A text about the same ``subject`` keeps its place, another one begins at its top.
        """
        key = f"{color.name()}{theme.active().name}{theme.active().size}"
        if html + key == self._html:
            return
        if subject != self._subject:
            self._wanted, self._subject = 0, subject
        self._html, self._color = html + key, color
        self.document().setDefaultFont(theme.active().font())
        self.document().setDefaultStyleSheet(_css())
        self.setHtml(html)
        self.verticalScrollBar().setValue(self._wanted)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102
        super().resizeEvent(event)
        self.verticalScrollBar().setValue(self._wanted)  # Qt keeps the end of the text in view where it can

    def loadResource(self, kind: int, name: QUrl | str) -> object:  # noqa: D102
        url = QUrl(name)
        if kind == int(QTextDocument.ResourceType.ImageResource.value) and url.scheme() == "mark":
            scale = round(self.devicePixelRatioF() * 2)
            return _mark_pixmap(url.path(), self._color.name(), scale, theme.active().size)
        return super().loadResource(kind, name)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102
        if event.key() == Qt.Key.Key_T and not event.modifiers():
            event.ignore()  # the panel's table twin
        else:
            super().keyPressEvent(event)

    def _follow(self, url: QUrl) -> None:
        what, _, name = url.toString().partition(":")
        if what == "turn":
            self.turn_wanted.emit(int(name))
        elif what == "item":
            self.item_wanted.emit(unquote(name))
        elif what == "toggle":
            self.toggled.emit(unquote(name))


@lru_cache(maxsize=256)
def _mark_pixmap(kind: str, color: str, scale: int, size: int) -> QPixmap:
    side = size + 2
    pixmap = QPixmap(side * scale, side * scale)
    pixmap.fill(Qt.GlobalColor.transparent)
    mark = marks.mark_of(kind)
    if mark is not None:
        with painting(pixmap) as painter:
            painter.scale(scale, scale)
            marks.draw(painter, mark, QPointF(side / 2, side / 2 + 1), size * 0.3, QColor(color))
    return pixmap


def _css() -> str:
    color, small = theme.active().tokens.colors, theme.active().pixels("small")
    return (
        f"a {{ color: {color['text']}; text-decoration: none; }} "
        f".quiet {{ color: {color['text-2']}; }} .faint {{ color: {color['text-3']}; font-size: {small}px; }} "
        f".turn {{ color: {color['text-2']}; text-decoration: underline; }} "
        f".name {{ color: {color['text-3']}; font-size: {small}px; }} "
        f".gone {{ color: {color['text-3']}; text-decoration: line-through; }} "
        f".new {{ color: {color['accent']}; background-color: {color['accent-soft']}; }} "
        f".bad {{ color: {color['wrong']}; }} .title {{ font-weight: 600; }} "
        f".mono {{ font-family: monospace; font-size: {small}px; }}"
    )


def mark(kind: str) -> str:
    """The mark of an operation, in line."""
    side = theme.active().size + 2
    return f'<img src="mark:{kind}" width="{side}" height="{side}" style="vertical-align: middle">'


def plain(text: str, style: str = "") -> str:
    """Text as it is, cut where it is very long."""
    cut = text if len(text) <= _MOST else text[:_MOST] + f" … {len(text) - _MOST:,} more characters"
    body = escape(cut).replace("\n", "<br>")
    return f'<span class="{style}">{body}</span>' if style else body


def pieces(diff: Iterable[Piece]) -> str:
    """A word diff: what went struck through, what came in the accent."""
    styles = {GONE: "gone", NEW: "new"}
    return "".join(plain(p.text, styles.get(p.op, "")) for p in diff)


def turn_link(turn: int, text: str = "") -> str:
    """A link that moves the cursor."""
    return f'<a href="turn:{turn}" class="turn">{escape(text or f"turn {turn}")}</a>'


def item_link(item: str, style: str = "title") -> str:
    """A link that selects an item."""
    return f'<a href="item:{quote(item)}" class="{style}">{escape(item)}</a>'


def toggle(name: str, text: str, style: str = "quiet") -> str:
    """A link that opens or closes a part."""
    return f'<a href="toggle:{quote(name)}" class="{style}">{escape(text)}</a>'


def block(*lines: str, indent: int = 0, above: int = 0) -> str:
    """Lines as a paragraph with a left margin and space above, in px."""
    return f'<p style="margin: {above}px 0 2px {indent}px">{"<br>".join(lines)}</p>'


def sunk(text: str) -> str:
    """A prompt or raw output: monospaced, on a sunken ground."""
    ground = theme.active().color("sunken").name()
    cell = f'<td style="padding: 6px" bgcolor="{ground}"><span class="mono">{plain(text)}</span></td>'
    return f'<table width="100%" cellspacing="0" style="margin: 2px 0 4px 0"><tr>{cell}</tr></table>'
