"""Foreign text is never rich text: labels are ``plain.Label``, tooltips go through ``plain.plain``."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QAbstractItemModel, QAbstractListModel, QObject, Qt
from PySide6.QtGui import Qt as QtText
from pytestqt.qtbot import QtBot

import ui
from ui.widgets.plain import Label, plain

HOSTILE = '<img src="/dev/stdin">'
SOURCES = sorted(Path(ui.__file__).parent.rglob("*.py"))
SAFE = {"plain"}


def _own(node: ast.expr) -> bool:
    """Whether an expression can only be the program's own text, or went through the helper."""
    if isinstance(node, ast.Constant):
        return True
    if isinstance(node, ast.IfExp):
        return _own(node.body) and _own(node.orelse)
    if isinstance(node, ast.Call):
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        return name in SAFE
    return isinstance(node, ast.Name) and node.id.isupper()  # a constant of the module


def faults(source: str) -> Iterator[str]:
    """What in a source shows foreign text without the helper."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and any(n.name in ("QLabel", "QMessageBox") for n in node.names):
            yield f"line {node.lineno}: use plain.Label"
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        place = {"setToolTip": 0, "showText": 1, "setWhatsThis": 0}.get(node.func.attr)
        own = isinstance(node.func.value, ast.Call) and getattr(node.func.value.func, "id", "") == "super"
        if place is not None and not own and len(node.args) > place and not _own(node.args[place]):
            yield f"line {node.lineno}: {node.func.attr}({ast.unparse(node.args[place])[:60]})"
        if node.func.attr == "setItemData" and "ToolTipRole" in ast.unparse(node) and not _own(node.args[1]):
            yield f"line {node.lineno}: {ast.unparse(node)[:60]}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(SOURCES[0].parent)))
def test_no_label_or_tooltip_takes_foreign_text_for_html(path: Path) -> None:
    if path.name != "plain.py":
        assert list(faults(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "new",
    [
        "from PySide6.QtWidgets import QLabel",
        "self.box.setToolTip(row.text)",
        'self.box.setToolTip(f"{row.text}")',
        "QToolTip.showText(at, item.text, self)",
        "box.setItemData(0, row.text, Qt.ItemDataRole.ToolTipRole)",
        'box.setToolTip("no" if wrong else row.text)',
    ],
)
def test_a_new_one_is_found(new: str) -> None:
    assert len(list(faults(new))) == 1


def test_hostile_text_is_shown_as_it_is(qtbot: QtBot) -> None:
    label = Label(HOSTILE)
    qtbot.addWidget(label)
    label.setToolTip(HOSTILE)
    assert label.textFormat() == Qt.TextFormat.PlainText
    assert label.text() == HOSTILE
    for said in (label.toolTip(), plain(HOSTILE)):
        assert "<img" not in said
        assert "&lt;img" in said
    assert plain("two\nlines") == "two\nlines"
    assert not QtText.mightBeRichText(plain("a < b"))
    assert len(plain("x" * 100_000)) < 1000
    assert plain("\n" * 5000).count("\n") <= 40


def shown(model: QAbstractItemModel) -> Iterator[str]:
    """Every tooltip of a model, headers included."""
    role = Qt.ItemDataRole.ToolTipRole
    for column in range(1 if isinstance(model, QAbstractListModel) else model.columnCount()):
        yield str(model.headerData(column, Qt.Orientation.Horizontal, role) or "")
        for row in range(model.rowCount()):
            yield str(model.index(row, column).data(role) or "")


def test_tooltips_of_every_list_are_plain(qtbot: QtBot, tmp_path: Path) -> None:
    from dataclasses import replace

    from tests.support.traces import session
    from tests.ui.live import Growing
    from ui import panels
    from ui.state.workspace import Workspace
    from workbench.sessions.model import Probe, Session

    talk = session(4, 1)
    turns = tuple(replace(t, text=HOSTILE, speaker=HOSTILE) for t in talk.turns)
    asked = (Probe(HOSTILE, 1, HOSTILE, (HOSTILE,), "accurate_retrieval", evidence=(0,)),)
    growing = Growing(tmp_path / "hostile.mnemo", Session(HOSTILE, turns, asked))
    growing.turns(4)
    growing.score(HOSTILE, 1, False)
    growing.close()
    space = Workspace()
    space.open(growing.path)
    space.cursor.go(3)
    made = [panels.make(name, space) for name in ("transcript", "items", "probes", "hits", "log")]
    for panel in made:
        qtbot.addWidget(panel)
        panel.show()
    qtbot.wait(5)
    qtbot.waitUntil(lambda: not space.pool.busy, timeout=30_000)
    qtbot.wait(5)
    seen = 0
    for panel in made:
        for model in panel.findChildren(QObject):
            if isinstance(model, QAbstractItemModel):
                for text in shown(model):
                    seen += "img" in text
                    assert "<img" not in text or not QtText.mightBeRichText(text), f"{panel.name}: {text[:80]}"
    assert seen, "no list showed the hostile text"
    space.close()
