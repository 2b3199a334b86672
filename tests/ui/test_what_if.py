"""What if, remarks and proofs from the window: what is asked of the engine, and what comes back."""

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialogButtonBox, QInputDialog

from tests.workbench.projections.story import write_story
from ui.bridge.inquiry import Inquiry
from ui.dialogs.what_if import WhatIfDialog
from ui.panels import make
from workbench.branch import create, start
from workbench.engine.control import Control
from workbench.engine.protocol import Annotate, Branch, Explained, Failed, Undo, Undone
from workbench.engine.questions import Questions
from workbench.projections.remarks import place, remarks
from workbench.trace.reader import TraceReader
from workbench.trace.writer import TraceWriter
from workbench.why.causes import known, suspect


@pytest.fixture
def asked(window: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settle: Any) -> list[Any]:
    questions: list[Any] = []
    monkeypatch.setattr(window.inquiry, "ask", questions.append)
    window.open(write_story(tmp_path / "story.mnemo"))
    window.workspace.selection.reset(lane=1)
    window.workspace.cursor.go(4)
    settle(window.workspace)
    return questions


def test_edits_are_read_as_they_are_written(qtbot: Any) -> None:
    dialog = WhatIfDialog("mem0", 4, ("text:note-1=Mira likes jazz.",))
    qtbot.addWidget(dialog)
    ok = dialog.buttons.button(QDialogButtonBox.StandardButton.Ok)
    assert ok.isEnabled() and dialog.edits == ("text:note-1=Mira likes jazz.",)
    dialog.text.setPlainText("param:k=3\nnonsense")
    assert not ok.isEnabled() and "nonsense" in dialog.problem.text() and dialog.edits == ()
    dialog.text.setPlainText("")
    assert not ok.isEnabled()
    dialog.text.setPlainText("param:k=3\n\ndelete:note-0")
    assert ok.isEnabled() and dialog.edits == ("param:k=3", "delete:note-0")


def test_a_branch_is_asked_for_from_where_one_stands(
    window: Any, asked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WhatIfDialog, "exec", lambda dialog: 1)
    window.workspace.branch_wanted.emit("delete:note-1")
    path = window.workspace.run.path
    assert asked == [Branch(path, 1, "a-mem", 4, ("delete:note-1",))]


def test_a_remark_goes_to_item_probe_or_turn(window: Any, asked: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QInputDialog, "getMultiLineText", lambda *_: (" look here ", True))
    for chosen in ({"item": "note-2"}, {"item": "", "probe": "p0"}, {"probe": ""}):
        window.workspace.selection.select(**chosen)
        window.registry.run("select.remark")
    with TraceReader(window.workspace.run.path) as reader:
        kinds = [reader.event(q.seq).kind for q in asked]
    assert kinds == ["item.written", "probe.scored", "turn.closed"]
    assert {type(q) for q in asked} == {Annotate} and {q.text for q in asked} == {"look here"}


def test_what_the_engine_finds_is_shown(window: Any, asked: list[Any], settle: Any) -> None:
    path = window.workspace.run.path
    with TraceReader(path) as reader:
        row = suspect(reader, 1, 1, "p0").to_row() | {"confirmed": True, "cause": "lost", "causes": ["lost"]}
        told: list[int] = []
        window.workspace.told.connect(lambda: told.append(1))
        window._explained(Explained(row, "the file cannot be written"))
        assert told and known(reader, 1, 1, "p0").cause == "lost", "what cannot be stored is remembered"
    window._failed_question(Failed("no model there"))
    assert "No model there" in window.notice.what.text()


def test_the_engine_process_keeps_a_remark(tmp_path: Path, qtbot: Any) -> None:
    path = write_story(tmp_path / "story.mnemo")
    inquiry = Inquiry()
    with qtbot.waitSignal(inquiry.done, timeout=60_000):
        inquiry.ask(Annotate(path, 3, "Mira", "here it begins"))
        assert inquiry.busy
    assert not inquiry.busy
    with qtbot.waitSignals([inquiry.failed, inquiry.done], timeout=60_000):
        inquiry.ask(Annotate(tmp_path / "nothing" / "there.mnemo" / "x", 3, "Mira", "lost"))
    inquiry.shutdown()
    with TraceReader(path) as reader:
        assert [(r.seq, r.text) for r in remarks(reader)] == [(3, "here it begins")]


def test_a_branch_is_undone(window: Any, asked: list[Any], monkeypatch: pytest.MonkeyPatch, settle: Any) -> None:
    assert not window.registry.action("run.undo-branch").isEnabled(), "a-mem is no branch"
    path = window.workspace.run.path
    with TraceReader(path) as reader:
        begin = start(reader, 1, "a-mem", 2, ())
    with TraceWriter(path) as writer:
        create(writer, begin)
    window._branched("a-mem @2")
    settle(window.workspace)
    window.registry.update()
    assert window.has_branch() and window.registry.action("run.undo-branch").isEnabled()
    monkeypatch.setattr("ui.window.sure", lambda *_: False)
    window.registry.run("run.undo-branch")
    monkeypatch.setattr("ui.window.sure", lambda *_: True)
    window.registry.run("run.undo-branch")
    assert asked == [Undo(path, "a-mem @2")]
    reports: list[Any] = []
    Questions().deal(asked[0], reports.append, Control())
    assert reports[0] == Undone(path, "a-mem")
    window._undone(reports[0])
    settle(window.workspace)
    assert [row.name for row in window.workspace.run.lanes] == [r.name for r in begin_lanes(path)]
    now = window.workspace.moment
    assert (window.workspace.run.name(now.lane), now.turn) == ("a-mem", 4)


def begin_lanes(path: Path) -> Any:
    with TraceReader(path) as reader:
        return reader.lanes()


def test_remarks_are_shown_where_they_belong(window: Any, asked: list[Any], settle: Any, qtbot: Any) -> None:
    path, space = window.workspace.run.path, window.workspace
    panels = {name: make(name, space) for name in ("transcript", "items")}
    for panel in panels.values():
        qtbot.addWidget(panel)
        panel.resize(600, 700)
        panel.show()
    space.selection.select(item="note-1")
    settle(space)
    before = panels["transcript"].grab().toImage()
    with TraceReader(path) as reader:
        places = [place(reader, 1, 1, 4, item="note-1"), place(reader, 1, 1, 2), place(reader, 1, 1, 4, probe="p0")]
    with TraceWriter(path) as writer:
        for seq, text in zip(places, ("of <b>the</b> item", "of the turn", "of the probe"), strict=True):
            writer.annotate(seq, "Mira", text, "today")
    space.told.emit()
    settle(space)
    assert "of <b>the</b> item Mira" in panels["items"].detail.toPlainText()
    model = panels["transcript"].model
    tips = [str(model.data(model.index(n), Qt.ItemDataRole.ToolTipRole)) for n in range(model.rowCount())]
    assert (
        sum("Mira: of the turn" in tip for tip in tips) == 1 and sum("Mira: of the probe" in tip for tip in tips) == 1
    )
    assert panels["transcript"].grab().toImage() != before, "marked there"
