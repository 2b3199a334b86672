"""The why panel: the story of a wrong answer, its links, its pin, and the causes of all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt, QUrl
from PySide6.QtGui import QTextDocumentFragment

from tests.workbench.projections.story import write_story
from ui.panels import make
from ui.panels.base import Panel
from ui.state.workspace import Workspace
from ui.widgets.cause_bars import CauseBars
from ui.widgets.why_story import why_html
from workbench.engine.protocol import Explain, KnockOut
from workbench.engine.protocol import Knocked as Told
from workbench.projections.audit import Audited
from workbench.projections.why import LaneCauses, Wrong
from workbench.sessions.model import COMPETENCIES
from workbench.trace.reader import TraceReader
from workbench.trace.writer import TraceWriter
from workbench.why.causes import suspect
from workbench.why.knockout import Bar, Bars, Knocked
from workbench.why.verdict import LOST, Loss, Proof, Try


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Workspace]:
    """The run made by hand, at the turn of its first probe, its memory lane selected."""
    space = Workspace()
    space.open(write_story(tmp_path / "story.mnemo"), 4)
    space.selection.reset(lane=1)
    yield space
    space.close()


@pytest.fixture
def panel(story: Workspace, qtbot: Any, settle: Callable[[Workspace], None]) -> Panel:
    made = make("why", story)
    qtbot.addWidget(made)
    made.resize(480, 520)
    made.show()
    settle(story)
    return made


def text(panel: Any) -> str:
    return panel.text.toPlainText()


def test_the_story_of_a_wrong_answer(panel: Any) -> None:
    assert panel.title(panel.view) == "a-mem · why p0"
    told = text(panel)
    for part in ("not retrieved", "suspected, not proved", "MemTrace: retrieval", "answered Lima", "gold Oslo"):
        assert part in told
    assert "note-2 says it and came 3rd where 2 are returned" in told
    assert "says it" in told and "cosine 0.6" in told, "what beat it, with the parts of the scores"
    assert panel.table(panel.view).rows[0][:3] == ("said", 3, None)
    assert panel.prove.isVisible() and not panel.pin.isChecked()


def test_following_a_link_keeps_the_probe_in_question(panel: Any, story: Workspace, settle: Any) -> None:
    panel.text.anchorClicked.emit(QUrl("turn:3"))
    settle(story)
    assert (story.cursor.turn, story.selection.now.probe, story.selection.now.pinned) == (3, "p0", True)
    assert panel.view.probe.id == "p0" and panel.pin.isChecked()
    story.cursor.go(0)
    settle(story)
    assert panel.view.probe.id == "p0", "wherever the cursor goes"
    assert story.probe_in_question().id == "p0"
    panel.pin.click()
    settle(story)
    assert panel.view is None and not story.selection.now.pinned, "before the first probe there is nothing to explain"


def test_the_cause_is_shown_before_the_other_panels_are_told(
    window: Any, tmp_path: Path, settle: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ui.state.workspace._FIRST", 600_000)  # so that the answer alone can end the wait
    space = window.workspace
    space.open(write_story(tmp_path / "story.mnemo"), 4)
    space.selection.reset(lane=1)
    window.show_panel("why")
    settle(space)
    order: list[str] = []
    window.inspector.panel.shown.connect(lambda: order.append("cause"))
    space.moved.connect(lambda _: order.append("others"))
    space.explain(1, "p0")
    qtbot.waitUntil(lambda: "others" in order, timeout=30_000)
    assert order[0] == "cause" and window.inspector.panel.view.probe.id == "p0"
    settle(space)
    assert space.moment.pinned and not space.busy


def test_the_thread_is_the_question_s_whatever_is_shown(panel: Any, story: Workspace, settle: Any) -> None:
    panel.all.setChecked(True)
    settle(story)
    panel.thread_on.setChecked(True)
    settle(story)
    assert story.moment.thread == 3, "the turn that says it, not the one of the cursor"


def test_the_funnel_leads_to_the_turn(panel: Any, story: Workspace, settle: Any, qtbot: Any) -> None:
    panel.funnel.grab()
    zone = panel.funnel.zones[1]
    qtbot.mouseClick(panel.funnel, Qt.MouseButton.LeftButton, pos=zone.rect.center())
    settle(story)
    assert (story.cursor.turn, story.selection.now.item) == (3, "note-2")
    assert "stored" in zone.tip and "kept: yes" in panel.funnel.accessibleName()
    panel.funnel.setFocus()
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_Return):
        qtbot.keyClick(panel.funnel, key)
    settle(story)
    assert story.cursor.turn == 4, "the station that broke is the one that the keys begin at"


def test_proving_asks_the_engine_and_shows_what_it_found(panel: Any, story: Workspace, settle: Any) -> None:
    asked: list[Any] = []
    story.asked.connect(asked.append)
    panel.prove.click()
    assert asked == [Explain(story.run.path, ((1, 1, "p0"),))] and not panel.prove.isEnabled()
    with TraceReader(story.run.path) as reader:
        plain = suspect(reader, 1, 1, "p0")
    flip = Try(("restore",), "note-0 restored", "Oslo", True)
    proof = Proof(
        Try((), "nothing changed", "Lima", False), Try((), "no memory", "unknown", False), None, (flip,), flip
    )
    loss = Loss(
        3, "item.updated", 3, "note-0", "I live in Oslo", "I live in <b>Rome</b>", "", "decide", (("user", "x"),), "raw"
    )
    proved = replace(plain, cause=LOST, causes=(LOST,), confirmed=True, proof=proof, loss=loss, broke="kept")
    with TraceWriter(story.run.path) as writer:
        writer.put_verdicts([(1, 1, "p0", proved.to_row())])
    story.told.emit()
    settle(story)
    told = text(panel)
    assert "lost" in told and "proved" in told and "flips it" in told and not panel.prove.isVisible()
    assert "Oslo<b>Rome</b>" in told.replace(" ", "").replace("Ilivein", ""), "foreign text stays text"
    assert "raw" not in told
    panel.text.anchorClicked.emit(QUrl("toggle:call"))
    assert "raw" in text(panel)
    assert "<b>Rome" not in why_html(panel.view, set())


def test_all_wrong_answers(panel: Any, story: Workspace, settle: Any, qtbot: Any) -> None:
    panel.all.setChecked(True)
    settle(story)
    assert panel.title(panel.view) == "1 wrong answer"
    assert "a-mem: 1 not retrieved" in panel.bars.accessibleName()
    panel.bars.grab()
    name, zone = panel.bars.zones
    qtbot.mouseClick(panel.bars, Qt.MouseButton.LeftButton, pos=zone.rect.center())
    assert "1 wrong answer · a-mem · not retrieved" in panel.list.toPlainText()
    qtbot.mouseClick(panel.bars, Qt.MouseButton.LeftButton, pos=name.rect.center())
    assert panel.list.toPlainText().split("\n")[0].split() == ["1", "wrong", "answer", "·", "a-mem", "show", "all"]
    row = panel.table(panel.view).rows[0]
    assert row[:2] == ("a-mem", "p0") and row[7] == "not retrieved"
    panel.list.anchorClicked.emit(QUrl("toggle:probe 1 p0"))
    settle(story)
    assert panel.view.probe.id == "p0" and story.selection.now.pinned


def test_a_right_answer_has_its_thread(workspace: Workspace, qtbot: Any, settle: Any) -> None:
    with TraceReader(workspace.run.path) as reader:
        right = next(e for e in reader.events(1, 1, ["probe.scored"]) if e.payload["correct"])
    workspace.selection.select(lane=1, probe=right.subject, pinned=True)
    made = make("why", workspace)
    qtbot.addWidget(made)
    made.show()
    settle(workspace)
    assert made.view.right and "The way of the fact" in made.text.toPlainText() and not made.prove.isVisible()


def test_a_wrong_answer_on_its_card_leads_here(story: Workspace, qtbot: Any, settle: Any) -> None:
    wanted: list[str] = []
    story.wanted.connect(wanted.append)
    lanes = make("lanes", story)
    qtbot.addWidget(lanes)
    lanes.resize(700, 500)
    lanes.show()
    settle(story)
    lanes.columns.grab()
    zone = next(z for z in lanes.columns.zones if "Click: why" in z.tip)
    qtbot.mouseClick(lanes.columns, Qt.MouseButton.LeftButton, pos=QPoint(zone.rect.center()))
    assert wanted == ["why"] and story.selection.now.probe == "p0" and story.selection.now.pinned


def test_a_turn_is_followed_through_all_panels(panel: Any, story: Workspace, qtbot: Any, settle: Any) -> None:
    others = {name: make(name, story) for name in ("scrubber", "transcript", "items", "lanes")}
    for other in others.values():
        qtbot.addWidget(other)
        other.resize(700, 400)
        other.show()
    settle(story)
    before = {name: other.grab().toImage() for name, other in others.items()}
    panel.thread_on.click()
    settle(story)
    assert story.selection.now.thread == 3, "what this answer needed was said there"
    assert panel.title(panel.view) == "a-mem · from turn 3 on"
    told = panel.forward.toPlainText()
    assert "I moved to Oslo last week" in told and "note-2" in told and "In the other lanes" in told
    assert panel.table(panel.view).rows[0][:3] == ("a-mem", "stored", 3) and not panel.prove.isVisible()
    after = {name: other.grab().toImage() for name, other in others.items()}
    for name in ("scrubber", "transcript", "items"):
        assert before[name] != after[name], f"{name} shows it"
    story.follow_turn(0)
    settle(story)
    assert others["lanes"].grab().toImage() != after["lanes"], "spans that come from turn 0 are marked"
    story.follow_turn(0)
    settle(story)
    assert story.thread_view is None and panel.view is None
    assert others["scrubber"].grab().toImage() == before["scrubber"]
    story.explain(1, "p0")
    settle(story)
    assert not panel.thread_on.isChecked() and panel.title(panel.view) == "a-mem · why p0"


def test_each_span_is_left_out_in_turn(panel: Any, story: Workspace, settle: Any) -> None:
    asked: list[Any] = []
    story.asked.connect(asked.append)
    assert "Leave each span out in turn" in text(panel)
    panel.text.anchorClicked.emit(QUrl("toggle:bars"))
    panel.text.anchorClicked.emit(QUrl("toggle:bars"))
    question = KnockOut(story.run.path, 1, 1, "p0")
    assert asked == [question] and "being measured" in text(panel), "asked once"
    bars = (
        Bar(0, "note-0", ("note-0",), (0,), "I moved to Lima.", 5, 0.75, 2.5, -0.5),
        Bar(1, "<b>two</b>", (), (2,), "I have a cat.", 5, 0.25, -0.1, None),
    )
    story.knocked.emit(Told(question, Bars("q", ("Oslo",), "Lima", False, bars, -0.5, None)))
    told = text(panel)
    assert "agree in rank to -0.50 (Spearman)" in told and "75%" in told and "+2.50" in told and "-0.50" in told
    assert "<b>two</b>" in told, "foreign text stays text"
    assert told.count("▄") == 10 + 3 + 10, "bars to the scale of the longest"
    story.told.emit()
    settle(story)
    assert "+2.50" in text(panel), "it stays while the run is open"


def test_bars_leave_room_for_the_list(story: Workspace, qtbot: Any) -> None:
    wrong = [
        Wrong(1, f"p{n}", 4, name, "?", "x", ("y",), "lost", ("lost",), None, "…")
        for n, name in enumerate(COMPETENCIES)
    ]
    assert story.run is not None
    lanes = [LaneCauses(row, 9, tuple(replace(w, lane=row.id) for w in wrong)) for row in story.run.lanes]
    bars = CauseBars(lambda *_: None)
    qtbot.addWidget(bars)
    bars.show_causes(lanes)
    whole = bars.sizeHint().height()
    bars.show_causes(lanes, whole - 1, lanes[0].lane.id)
    assert [(row[0], bool(row[1])) for row in bars._rows] == [(1, False), *[(1, True)] * len(COMPETENCIES), (2, False)]
    bars.show_causes(lanes, whole)
    assert bars.sizeHint().height() == whole
    tried = replace(lanes[0], wrong=(replace(wrong[0], confirmed=True), *wrong[1:]))
    bars.show_causes([tried])
    assert bars._rows[0][-1] == "4 of 9 wrong, 1 proved of 1 tried"


def test_what_was_masked_in_chosen_heads_is_told(panel: Any, story: Workspace, settle: Any) -> None:
    wanted: list[str] = []
    story.wanted.connect(wanted.append)
    panel.text.anchorClicked.emit(QUrl("toggle:mask"))
    assert wanted == ["attention"]
    done = Knocked((0,), "<b>Oslo</b>", True, 2.0, -0.5)
    made = Bars("q", ("Oslo",), "Lima", False, (), None, done, ("note-1",))
    story.knocked.emit(Told(KnockOut(story.run.path, 1, 1, "p0", ("0",), (3,), (1,)), made))
    told = text(panel)
    assert "without note-1 in layer 3, head 1: answers “<b>Oslo</b>” (right)" in told
    assert "log-probability of the answer given -2.00, of the gold answer +0.50" in told
    story.knocked.emit(Told(KnockOut(story.run.path, 1, 1, "p1", ("0",), None, (1, 2)), made))
    assert "heads 1, 2" not in text(panel), "of another probe"


def test_a_fact_that_has_changed_is_audited(panel: Any) -> None:
    changed = Audited("p0", True, True, True, False, True, True, False)
    told = QTextDocumentFragment.fromHtml(why_html(replace(panel.view, audit=changed), set())).toPlainText()
    assert "The fact has changed new not retrieved" in told
    assert "✓ the new version is stored" in told and "✗ no older version is held as valid" in told
    assert "The fact has changed" not in text(panel), "nothing is known of its history"


def test_a_token_of_the_answer_leads_back_to_its_spans(panel: Any, story: Workspace, settle: Any) -> None:
    assert "What the answer looked at" in text(panel)
    story.selection.select(token=1)
    settle(story)
    assert "What its token 2 looked at" in text(panel) and panel.view.token == 1
    assert panel.view.sources and panel.view.sources[0].turns == (0,)
