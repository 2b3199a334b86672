"""Which lanes a run has: the methods as a table to tick, the parameters of the one that is looked at, typed SPECs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtWidgets import (
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from ui.models.methods import CALLS, METHOD, Method, MethodFilter, MethodModel
from ui.theme import theme
from ui.widgets.plain import Label, plain
from ui.widgets.row_table import row_table
from ui.widgets.spoken import clearable

EXAMPLES = ("bm25:k=20", "full+snapkv:keep=0.25", "my_memory.py:Diary")


class LanePicker(QWidget):
    """Ticks, parameters and typed SPECs.

    Args:
        chosen: methods that are ticked at first.
        params: their parameters as typed, by method and name.
        typed: SPECs as typed, separated by ``;``.
    """

    changed = Signal()

    def __init__(
        self,
        chosen: Sequence[str],
        params: Mapping[str, Mapping[str, str]] | None = None,
        typed: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.params = {name: dict(given) for name, given in (params or {}).items()}
        self.model = MethodModel(tuple(chosen), self)
        self.model.ticked.connect(self._ticked)
        self.rows = MethodFilter(self)
        self.rows.setSourceModel(self.model)
        unit = theme.active().unit
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(unit(2))
        outer.addLayout(self._bar())
        middle = QHBoxLayout()
        middle.setSpacing(unit(3))
        middle.addWidget(self._table(), 1)
        middle.addWidget(self._about())
        outer.addLayout(middle, 1)
        self.typed = QLineEdit(typed)
        self.typed.setPlaceholderText(f"More lanes as SPEC: {'; '.join(EXAMPLES)}")
        self.typed.setAccessibleName("More lanes as SPEC")
        self.typed.textChanged.connect(lambda _: self.changed.emit())
        outer.addWidget(self.typed)
        self._ticked()
        self.table.selectRow(self._shown(self.model.chosen[0]) if self.model.chosen else 0)

    def specs(self) -> list[str]:
        """The lane SPECs, in the table's order, then the typed ones."""
        order = [method.name for method in self.model.methods if method.name in self.model.chosen]
        typed = [spec.strip() for spec in self.typed.text().split(";")]
        return [*(self._spec(name) for name in order), *(spec for spec in typed if spec)]

    def _spec(self, name: str) -> str:
        given = ",".join(f"{key}={value}" for key, value in self.params.get(name, {}).items() if value)
        return f"{name}:{given}" if given else name

    def _bar(self) -> QHBoxLayout:
        bar = QHBoxLayout()
        bar.setSpacing(theme.active().unit(2))
        self.filter = QLineEdit()
        self.filter.setPlaceholderText("Filter by name, label, paper")
        self.filter.setAccessibleName("Filter methods")
        clearable(self.filter)
        self.filter.textChanged.connect(self._seek)
        self.only = QPushButton("Chosen")
        self.only.setCheckable(True)
        self.only.setToolTip("Show only the lanes that are chosen")
        self.only.toggled.connect(self._seek)
        self.none = QPushButton("None")
        self.none.setToolTip("Choose no lane")
        self.none.clicked.connect(lambda _: self.model.choose())
        bar.addWidget(self.filter, 1)
        bar.addWidget(self.only)
        bar.addWidget(self.none)
        return bar

    def _table(self) -> QTableView:
        self.table = row_table(self.rows, "Methods", stretch=False)
        self.table.setTabKeyNavigation(False)
        self.table.verticalHeader().setDefaultSectionSize(theme.active().unit(7))
        head = self.table.horizontalHeader()
        head.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        head.setSectionResizeMode(CALLS, QHeaderView.ResizeMode.Stretch)
        self.table.doubleClicked.connect(self._toggle)
        self.table.selectionModel().currentChanged.connect(lambda now, _: self._look_at(now))
        return self.table

    def _about(self) -> QWidget:
        unit = theme.active().unit
        self.about = QFrame()
        self.about.setProperty("part", "card")
        self.about.setFixedWidth(unit(68))
        column = QVBoxLayout(self.about)
        column.setContentsMargins(unit(3), unit(3), unit(3), unit(3))
        self.name, self.facts = Label(), Label()
        self.name.setFont(theme.active().font("title", bold=True))
        self.facts.setWordWrap(True)
        self.facts.setProperty("part", "small")
        self.facts.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._form = QFormLayout()
        self._form.setSpacing(unit(2))
        inner = QWidget()
        body = QVBoxLayout(inner)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(unit(3))
        body.addWidget(self.facts)
        body.addLayout(self._form)
        body.addStretch(1)
        scroll = QScrollArea()
        scroll.setAccessibleName("Parameters of the chosen method")
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inner)
        column.addWidget(self.name)
        column.addWidget(scroll, 1)
        return self.about

    def _look_at(self, now: QModelIndex) -> None:
        place = self.rows.mapToSource(now)
        if not place.isValid():
            return
        method = self.model.methods[place.row()]
        self.name.setText(method.title)
        self.facts.setText(method.about)
        self._fill(method)

    def _fill(self, method: Method) -> None:
        while self._form.rowCount():
            self._form.removeRow(0)
        for name, default in _defaults(method).items():
            field = QLineEdit(self.params.get(method.name, {}).get(name, ""))
            field.setPlaceholderText(default)
            field.setAccessibleName(name)
            field.textChanged.connect(lambda text, of=method.name, key=name: self._set(of, key, text))
            label = Label(name)
            label.setToolTip(plain(f"{name}, by default {default or 'empty'}"))
            self._form.addRow(label, field)

    def _set(self, method: str, key: str, text: str) -> None:
        """A parameter that someone gives is a wish for that lane."""
        self.params.setdefault(method, {})[key] = text.strip()
        if text.strip() and method not in self.model.chosen:
            self.model.choose(*self.model.chosen, method)
        else:
            self.changed.emit()

    def _toggle(self, index: QModelIndex) -> None:
        tick = index.siblingAtColumn(METHOD)
        now = Qt.CheckState(tick.data(Qt.ItemDataRole.CheckStateRole))
        flipped = Qt.CheckState.Unchecked if now == Qt.CheckState.Checked else Qt.CheckState.Checked
        self.rows.setData(tick, flipped, Qt.ItemDataRole.CheckStateRole)

    def _shown(self, name: str) -> int:
        return self.rows.mapFromSource(self.model.index(self.model.row(name), 0)).row()

    def _seek(self) -> None:
        self.rows.seek(self.filter.text(), self.only.isChecked())

    def _ticked(self) -> None:
        self.only.setText(f"{len(self.model.chosen)} chosen")
        self.changed.emit()


def _defaults(method: Method) -> dict[str, str]:
    """The parameters of a method with their defaults, as one writes them in a SPEC."""
    if method.kind is None:
        return {}
    known = [f for f in fields(method.kind) if f.init]
    return {
        f.name: ""
        if f.default is MISSING
        else str(f.default).lower()
        if isinstance(f.default, bool)
        else str(f.default)
        for f in known
    }
