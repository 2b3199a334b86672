"""The engine log: every model call of the lane at the cursor, word for word, its remarks, and the engine's lines."""

from __future__ import annotations

from html import escape
from typing import Any, ClassVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QSplitter, QTextBrowser, QWidget

from ui.models.table import Table, TableModel
from ui.panels.base import Empty, Panel
from ui.state.moment import Moment
from ui.theme import theme
from ui.widgets.row_table import row_table
from ui.widgets.units import ms
from workbench.projections.calls import Call, CallLog, Line, calls
from workbench.trace.reader import TraceReader

_COLUMNS = ("call", "prompt", "generated", "time", "operations")


class LogPanel(Panel):
    """Calls above, the chosen one's prompt and raw output below."""

    name: ClassVar[str] = "log"

    @staticmethod
    def project(reader: TraceReader, moment: Moment, options: Any) -> CallLog | Empty:  # noqa: D102
        return calls(reader, moment.session, moment.lane, moment.turn, moment.seq)

    def build(self) -> QWidget:  # noqa: D102
        self.what = QComboBox()
        self.what.setAccessibleName("What the log shows")
        self.what.addItems(["model calls", "engine"])
        self.what.activated.connect(lambda _: self._arrange())
        self.tools.addWidget(self.what)
        self.model = TableModel(parent=self)
        self.list = row_table(self.model, "Model calls")
        self.list.selectionModel().currentRowChanged.connect(lambda *_: self._detail())
        self.text = QTextBrowser()
        self.text.setProperty("part", "bare")
        self.text.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        self.text.setAccessibleName("Prompt and raw output")
        split = QSplitter(Qt.Orientation.Vertical)
        split.addWidget(self.list)
        split.addWidget(self.text)
        split.setSizes([140, 400])
        split.setChildrenCollapsible(False)
        return split

    def title(self, view: CallLog | None) -> str:  # noqa: D102
        if view is None:
            return "Engine log"
        return f"{self.lane_title()} · model calls at turn {view.turn}"

    def show_view(self, view: CallLog) -> None:  # noqa: D102
        engine = self.what.currentIndex() == 1
        row = max(0, self.list.currentIndex().row())
        if engine:
            self.model.show(Table(("turn", "event", "what"), [(e.turn, e.kind, e.text) for e in view.engine]))
        else:
            self.model.show(Table(_COLUMNS, [*map(_call_row, view.calls), *map(_remark_row, view.remarks)]))
        self.list.verticalHeader().setDefaultSectionSize(theme.active().metrics().height() + theme.active().unit(2))
        for column in range(self.model.columnCount()):
            self.list.setColumnWidth(column, theme.active().unit(30 if column == 0 or engine else 22))
        rows = self.model.rowCount()
        if rows:
            self.list.selectRow(min(row, rows - 1))
        self._detail()

    def retheme(self) -> None:  # noqa: D102
        self._detail()

    def table(self, view: CallLog) -> Table:  # noqa: D102
        columns = ("event", "purpose", "prompt (tok)", "generated (tok)", "time (ms)", "stop", "error", "prompt", "raw")
        rows = [
            (
                c.seq,
                c.purpose,
                *c.tokens,
                c.ms,
                c.stop,
                c.error,
                "\n".join(f"{role}: {text}" for role, text in c.prompt),
                c.raw,
            )
            for c in view.calls
        ]
        return Table(columns, rows)

    def _detail(self) -> None:
        view: CallLog | None = self.view
        if view is None:
            return
        row = self.list.currentIndex().row()
        if self.what.currentIndex() == 1:
            lines: tuple[Call | Line, ...] = view.engine
        else:
            lines = (*view.calls, *view.remarks)
        shown = lines[row] if 0 <= row < len(lines) else None
        if shown is None:
            self.text.setHtml(_page(_section("", "No model was called at this turn", "quiet")))
        else:
            self.text.setHtml(_page(_call_html(shown) if isinstance(shown, Call) else _section(shown.kind, shown.text)))


def _call_row(call: Call) -> tuple[Any, ...]:
    name = f"answer to {call.subject}" if call.subject else call.purpose
    tokens = [f"{n:,} tok" for n in call.tokens]
    return (name, *tokens, ms(call.ms), call.error or (str(call.operations) if call.operations else "none"))


def _remark_row(line: Line) -> tuple[Any, ...]:
    return (line.kind.partition(".")[2], "", "", "", line.text)


def _call_html(call: Call) -> str:
    parts = [_section(role, text) for role, text in call.prompt]
    parts.append(_section("raw output", call.raw or "nothing", "out"))
    if call.error:
        parts.append(_section("error", call.error, "bad"))
    elif call.stop == "limit":
        parts.append(_section("stopped", "at the token limit", "bad"))
    return "".join(parts)


def _section(head: str, text: str, part: str = "in") -> str:
    now = theme.active()
    ink = {"in": "text-2", "out": "text", "bad": "bad", "quiet": "text-3"}[part]
    family = now.font(mono=True).family() if part != "quiet" else now.font().family()
    title = (
        f"<div style='color:{now.tokens.colors['text-3']};font-size:{now.pixels('small')}px'>{escape(head)}</div>"
        if head
        else ""
    )
    style = f"color:{now.tokens.colors[ink]};font-family:{family};white-space:pre-wrap;margin-bottom:8px"
    return f"{title}<div style='{style}'>{escape(text)}</div>"


def _page(body: str) -> str:
    return f"<div style='font-size:{theme.active().pixels('body')}px'>{body}</div>"
