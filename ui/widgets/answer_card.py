"""What every lane answered to a probe, in full; it can be copied and goes with Escape."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QTextBrowser, QVBoxLayout, QWidget

from ui.theme import theme
from ui.widgets.plain import Label
from workbench.projections.lanes import Lanes, LaneView
from workbench.words import shared

_LONGEST = 20_000  # characters of an answer


class AnswerCard(QFrame):
    """Shown over the window: the question, the gold answers, and one paragraph a lane."""

    def __init__(self, view: Lanes, lanes: Sequence[LaneView], parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Tool | Qt.WindowType.FramelessWindowHint)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setProperty("part", "card")
        now = theme.active()
        outer = QVBoxLayout(self)
        outer.setContentsMargins(now.unit(4), now.unit(3), now.unit(4), now.unit(3))
        head = QHBoxLayout()
        question = Label(view.question)
        question.setProperty("part", "title")
        question.setWordWrap(True)
        head.addWidget(question, 1)
        self.text = QTextBrowser()
        copy, close = QPushButton("Copy"), QPushButton("Close")
        copy.clicked.connect(lambda _: QGuiApplication.clipboard().setText(self.text.toPlainText()))
        close.clicked.connect(lambda _: self.close())
        head.addWidget(copy)
        head.addWidget(close)
        outer.addLayout(head)
        self.text.setProperty("part", "bare")
        self.text.setOpenLinks(False)
        self.text.setAccessibleName("Answers of all lanes")
        self.text.setHtml(answers_html(view, lanes))
        outer.addWidget(self.text)
        self.setFixedWidth(now.unit(150))
        self.text.document().setTextWidth(now.unit(140))
        high = round(self.text.document().size().height()) + now.unit(4)
        self.text.setFixedHeight(min(high, now.unit(120)))

    def event(self, event: QEvent) -> bool:  # noqa: D102
        if event.type() == QEvent.Type.WindowDeactivate:
            self.close()
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102
        if event.key() in (Qt.Key.Key_Escape, Qt.Key.Key_A):
            self.close()
        else:
            super().keyPressEvent(event)

    def show_over(self, widget: QWidget) -> None:
        """Show it over the middle of a widget, inside the screen."""
        self.adjustSize()
        middle = widget.mapToGlobal(QPoint(widget.width() // 2, widget.height() // 6))
        screen = self.screen().availableGeometry()
        x = min(max(middle.x() - self.width() // 2, screen.left()), screen.right() - self.width())
        self.move(x, max(screen.top(), min(middle.y(), screen.bottom() - self.height())))
        self.show()


def answers_html(view: Lanes, lanes: Sequence[LaneView]) -> str:
    """Every answer as text; what it shares with the gold answers is underlined."""
    now = theme.active()
    gold = " or ".join(view.gold) or "never said"
    parts = [f"<p><span style='color:{now.color('text-3').name()}'>gold</span> <b>{escape(gold)}</b></p>"]
    for lane in lanes:
        answer = lane.answer
        if answer is None:
            said, sign, color = "not answered yet", "", "text-3"
        else:
            said = _underlined(answer.text[:_LONGEST], view.gold) or escape(answer.error) or "no answer"
            sign, color = ("✓ ", "right") if answer.correct else ("✗ ", "wrong")
        mark = f"<span style='color:{now.color(color).name()}'>{sign}</span>"
        parts.append(f"<p>{mark}<b>{escape(lane.name)}</b><br>{said}</p>")
    return "".join(parts)


def _underlined(text: str, gold: Sequence[str]) -> str:
    out, at = [], 0
    for start, end in shared(text, gold):
        out += [escape(text[at:start]), "<u>", escape(text[start:end]), "</u>"]
        at = end
    return "".join([*out, escape(text[at:])]).replace("\n", "<br>")
