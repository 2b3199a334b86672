"""Probes from the window: by hand with keyboard and mouse, by a model in an engine process, or none."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QAbstractItemModelTester

from tests.workbench.engine.test_probing import Writer, asks, session, written
from ui.dialogs.probes_dialog import ProbesDialog
from ui.settings import Settings
from ui.theme import theme
from ui.tour import blank
from workbench.engine import questions
from workbench.engine.control import Control
from workbench.engine.protocol import Failed, WriteProbes, Wrote
from workbench.errors import SessionFormatError
from workbench.sessions import formats
from workbench.sessions.formats import sidecar


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.json"
    path.write_text(json.dumps({"messages": [{"role": t.role, "content": t.text} for t in session().turns]}))
    return path


@pytest.fixture
def dialog(qtbot: Any, log: Path, tmp_path: Path) -> ProbesDialog:
    made = ProbesDialog(log, formats.read(log), Settings(tmp_path / "window.ini"))
    qtbot.addWidget(made)
    made.show()
    return made


def click(qtbot: Any, dialog: ProbesDialog, turn: int) -> None:
    dialog.list.scrollTo(dialog.list.rows.index(turn))
    place = dialog.list.visualRect(dialog.list.rows.index(turn)).center()
    qtbot.mouseClick(dialog.list.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(place))


def test_by_hand_with_the_mouse(qtbot: Any, dialog: ProbesDialog, log: Path) -> None:
    before = log.read_bytes()
    assert "no probes yet" in dialog.facts.text() and dialog.go.text() == "Go on without probes"
    assert not dialog.add.isEnabled()
    dialog.question.setText("Where has Person1 lived?")
    dialog.gold.setPlainText("Lima\n\nLima, Peru")
    for turn in (2, 4, 4):
        click(qtbot, dialog, turn)
    assert dialog.evidence.text() == "turn 2"
    click(qtbot, dialog, 3)
    click(qtbot, dialog, 3)
    dialog.here.click()
    assert dialog.after.value() == 3
    dialog.kind.setCurrentIndex(3)
    dialog.add.click()
    (probe,) = formats.read(log)[0].probes
    assert (probe.question, probe.gold) == ("Where has Person1 lived?", ("Lima", "Lima, Peru"))
    assert (probe.evidence, probe.after, probe.competency, probe.scorer) == ((2,), 3, "conflict_resolution", "match")
    assert log.read_bytes() == before
    assert dialog.go.text() == "Go on with 1 probe" and dialog.sessions[0].probes == (probe,)
    assert (dialog.question.text(), dialog.gold.toPlainText(), dialog.list.rows.evidence) == ("", "", ())


def test_by_hand_with_the_keyboard(qtbot: Any, dialog: ProbesDialog, log: Path) -> None:
    dialog.search.setFocus()
    qtbot.keyClicks(dialog.search, "GRAZ")
    qtbot.keyClick(dialog.search, Qt.Key.Key_Return)
    assert dialog.isVisible() and dialog.list.turn == 4
    qtbot.keyClick(dialog.search, Qt.Key.Key_Return)
    assert dialog.list.turn == 4, "the only one is found again"
    qtbot.keyClick(dialog.list, Qt.Key.Key_Space)
    qtbot.keyClick(dialog.list, Qt.Key.Key_Down)
    qtbot.keyClick(dialog.list, Qt.Key.Key_Space)
    qtbot.keyClicks(dialog.question, "Who?")
    qtbot.keyClick(dialog.question, Qt.Key.Key_Return)
    assert dialog.isVisible() and dialog.sessions[0].probes == ()
    qtbot.keyClicks(dialog.gold, "Person3")
    qtbot.keyClick(dialog.gold, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    (probe,) = formats.read(log)[0].probes
    assert (probe.evidence, probe.after, probe.gold) == ((4, 5), 8, ("Person3",))
    dialog.grid.setFocus()
    dialog.grid.selectRow(0)
    assert dialog.list.rows.evidence == (4, 5), "a probe that is chosen shows its evidence"
    qtbot.keyClick(dialog.grid, Qt.Key.Key_Delete)
    assert formats.read(log)[0].probes == () and dialog.go.text() == "Go on without probes"
    qtbot.keyClick(dialog.search, Qt.Key.Key_A)
    dialog.search.setText("nowhere")
    qtbot.keyClick(dialog.search, Qt.Key.Key_Return)
    assert "No turn says" in dialog.said.text()


def test_the_files_own_probes_stay(qtbot: Any, tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    plain = session().to_json() | {
        "probes": [{"id": "q", "after": 8, "question": "Who?", "gold": ["x"], "competency": "c"}]
    }
    path.write_text(json.dumps(plain))
    made = ProbesDialog(path, formats.read(path), Settings(tmp_path / "window.ini"))
    qtbot.addWidget(made)
    made.grid.selectRow(0)
    assert not made.remove.isEnabled()
    made._remove()
    assert [row[-1] for row in made.rows.table.rows] == ["in the file"] and len(made.shown.probes) == 1


def test_what_cannot_be_written_is_said(dialog: ProbesDialog, log: Path) -> None:
    sidecar.beside(log).write_text("{")
    dialog.question.setText("Who?")
    dialog.gold.setPlainText("x")
    dialog.add.click()
    assert "log.json.probes.json" in dialog.said.text() and dialog.said.property("part") == "error"
    assert dialog.question.text() == "Who?" and dialog.sessions[0].probes == ()


def test_every_session_of_a_file_has_its_own(qtbot: Any, tmp_path: Path) -> None:
    path = tmp_path / "two.jsonl"
    path.write_text(
        "\n".join(json.dumps({"messages": [{"role": "user", "content": c * n}]}) for n, c in enumerate("ab", 1))
    )
    made = ProbesDialog(path, formats.read(path), Settings(tmp_path / "window.ini"))
    qtbot.addWidget(made)
    made.show()
    assert made.session.isVisible()
    made.session.setCurrentIndex(1)
    made.session.activated.emit(1)
    assert made.list.rows.index(0).data().endswith("bb")
    made.question.setText("Who?")
    made.gold.setPlainText("b")
    made.add.click()
    assert [len(s.probes) for s in formats.read(path)] == [0, 1] == [len(s.probes) for s in made.sessions]


def test_a_model_is_asked_in_an_engine_process(qtbot: Any, dialog: ProbesDialog, tmp_path: Path) -> None:
    assert dialog.model.chosen == "" and not dialog.write.isEnabled(), "the bundled model is no choice"
    dialog.model.setCurrentText(str(tmp_path / "nothing.gguf"))
    dialog.write.click()
    assert "no model file" in dialog.said.text() and not dialog.inquiry.busy
    wrong = tmp_path / "wrong.gguf"
    wrong.write_bytes(b"no model at all, and long enough for a header")
    dialog.model.choose(str(wrong))
    with qtbot.waitSignals([dialog.inquiry.failed, dialog.inquiry.done], timeout=60_000):
        dialog.write.click()
        assert dialog.stop.isVisible() and not dialog.go.isEnabled() and not dialog.write.isVisible()
    assert "wrong.gguf" in dialog.said.text() and dialog.said.property("part") == "error"
    assert dialog.go.isEnabled() and not dialog.bar.isVisible()
    dialog.reject()
    assert not dialog.inquiry.busy


def test_a_cancel_is_said_at_once(dialog: ProbesDialog, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(dialog.inquiry, "cancel", lambda: told.append(dialog.said.text()))
    dialog.stop.click()
    assert told == ["Cancelling; what was written so far is kept"]


def test_what_a_model_wrote_is_shown_with_what_was_dropped(dialog: ProbesDialog, log: Path) -> None:
    probe = sidecar.by_hand(dialog.shown, "Where has Person2 lived?", ["Bonn"], None, [3])
    dialog.inquiry.loading.emit("loading the model")
    assert dialog.said.text() == "Loading the model"
    dialog.inquiry.progressed.emit(1, 3, "")
    assert "1 of 3 portions" in dialog.said.text() and (dialog.bar.value(), dialog.bar.maximum()) == (1, 3)
    dialog.inquiry.wrote.emit(Wrote((probe,), (("cites nothing", 4), ("no question or no answer", 1))))
    assert dialog.said.text() == "1 probe kept. Not kept: 4 × cites nothing; 1 × no question or no answer"
    dialog.inquiry.wrote.emit(Wrote((), (), cancelled=True, cut=1))
    assert dialog.said.text() == "Cancelled. 0 probes kept. 1 answer cut off."
    assert [row[0] for row in dialog.rows.table.rows] == ["Where has Person2 lived?"]
    dialog.inquiry.failed.emit(Failed("the engine process died (signal 9)", crashed=True))
    assert dialog.said.text() == "The engine process died (signal 9)"


def test_the_engine_writes_beside_the_file(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = ("Where is Person3?", "Rome", ["Person3 has lived in Graz"])
    writer = Writer(answers=[written(asks(2), bad)])
    opened: list[str] = []
    monkeypatch.setattr(questions, "open_backend", lambda options: opened.append(options.model) or writer)
    told: list[Any] = []
    questions.Questions().deal(WriteProbes(log, "log", 2, "some.gguf"), told.append, Control())
    (wrote,) = [t for t in told if isinstance(t, Wrote)]
    assert opened == ["some.gguf"] and writer.closed
    assert wrote.dropped == (("the cited turns do not say the answer", 1),) and not wrote.cancelled
    assert formats.read(log)[0].probes == wrote.probes and wrote.probes[0].id == "own-1"
    with pytest.raises(SessionFormatError, match="no session 'gone' any more"):
        questions.Questions().deal(WriteProbes(log, "gone", 2, "some.gguf"), told.append, Control())


def test_cancelled_keeps_what_was_written(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    control = Control()

    class Cancelling(Writer):
        async def complete(self, request: Any) -> Any:
            if self.asked:
                control.cancel()
                await asyncio.sleep(60)
            return await super().complete(request)

    monkeypatch.setattr("workbench.engine.probing.SMALLEST", 20)
    writer = Cancelling(answers=[written(asks(0))])
    monkeypatch.setattr(questions, "open_backend", lambda options: writer)
    told: list[Any] = []
    questions.Questions().deal(WriteProbes(log, "log", 12, "some.gguf"), told.append, control)
    (wrote,) = [t for t in told if isinstance(t, Wrote)]
    assert wrote.cancelled and [p.question for p in wrote.probes] == ["Where has Person0 lived?"]
    assert formats.read(log)[0].probes == wrote.probes


@pytest.mark.parametrize("look", ["dark", "light"])
def test_it_fits_and_shows_something(qtbot: Any, log: Path, tmp_path: Path, look: str) -> None:
    theme.use(look)
    made = ProbesDialog(log, formats.read(log), Settings(tmp_path / "window.ini"))
    qtbot.addWidget(made)
    made.show()
    made.list.rows.toggle(2)
    assert made.width() <= 1240 and made.height() <= 660
    assert not blank(made.grab().toImage())


def test_the_list_of_turns_is_a_proper_model(dialog: ProbesDialog) -> None:
    rows = dialog.list.rows
    QAbstractItemModelTester(rows, QAbstractItemModelTester.FailureReportingMode.Fatal)
    first = rows.index(0)
    assert rows.setData(first, Qt.CheckState.Checked, Qt.ItemDataRole.CheckStateRole)
    assert rows.setData(first, Qt.CheckState.Checked, Qt.ItemDataRole.CheckStateRole)
    assert rows.evidence == (0,) and not rows.setData(first, "x")
    assert "turn 0 · system" in first.data(Qt.ItemDataRole.ToolTipRole)
    rows.show(session(3).turns)
    assert rows.evidence == () and rows.rowCount() == 4


def test_a_session_without_probes_is_offered_them_first(
    window: Any, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ui.dialogs.run_dialog import RunDialog

    shown: list[str] = []
    monkeypatch.setattr(ProbesDialog, "exec", lambda dialog: shown.append("probes") or 1)
    monkeypatch.setattr(RunDialog, "exec", lambda dialog: shown.append("lanes") or 0)
    window.open(log)
    assert shown == ["probes", "lanes"]
    sidecar.add(log, formats.read(log)[0], [sidecar.by_hand(formats.read(log)[0], "Who?", ["x"])])
    window.open(log)
    assert shown == ["probes", "lanes", "lanes"], "a session that has probes is replayed at once"
    window.open(log, window.offer_probes)
    assert shown[3:] == ["probes", "lanes"]
    monkeypatch.setattr(ProbesDialog, "exec", lambda dialog: 0)
    sidecar.beside(log).unlink()
    window.open(log)
    assert len(shown) == 5
    monkeypatch.setattr("PySide6.QtWidgets.QFileDialog.getOpenFileName", lambda *_: (str(tmp_path / "gone.json"), ""))
    window.registry.run("file.probes")
    assert "gone.json" in window.notice.what.text()
