"""Answers that are sentences: three lines on the card, what they share with gold, and all of it by one key."""

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QTextBrowser

from tests.support.traces import _Lane
from ui.state.workspace import Workspace
from ui.theme import theme
from ui.widgets.answer_card import AnswerCard
from ui.widgets.paragraph import lines_of
from workbench.sessions.model import Probe, Session, Turn
from workbench.trace.events import Kind
from workbench.trace.writer import TraceWriter

SAID = (
    "Caroline researched adoption agencies because she wants to give children who need one a loving home.",
    "Caroline researched <b>nothing</b> at all, as far as the conversation tells us about it, I am afraid.",
    "Oslo",
)


@pytest.fixture
def answered(tmp_path: Path) -> Path:
    """Three lanes, two of which answer with a sentence that begins alike."""
    turns = (Turn(0, "user", "Researching adoption agencies, it's been a dream.", "Caroline"),)
    asked = Probe("p0", 0, "What did Caroline research?", ("Adoption agencies",), "accurate_retrieval", (0,))
    path = tmp_path / "said.mnemo"
    with TraceWriter(path) as writer:
        number = writer.add_session(Session("said", turns, (asked,)), "x")
        for place, said in enumerate(SAID):
            lane = _Lane(number, writer.add_lane(f"lane-{place}", "bm25", "full-cache", {}))
            lane.log(0).write("Researching adoption agencies", "turn")
            lane.emit(Kind.TURN_CLOSED, "", {"calls": 0, "tokens": [0, 0], "items": 1})
            lane.emit(Kind.RECALLED, "p0", {"query": asked.question, "k": 1, "hits": []})
            lane.emit(Kind.ANSWERED, "p0", {"text": said, "tokens": [], "prompt_tokens": 3, "error": ""})
            lane.emit(Kind.SCORED, "p0", {"correct": place == 0, "score": 0.0, "extracted": said, "rank": 0})
            writer.append(lane.events)
    return path


@pytest.fixture
def opened(window: Any, answered: Path, settle: Any) -> Any:
    window.open_run(answered)
    window.set_layout("Debug")
    window.workspace.cursor.go(0)
    settle(window.workspace)
    return window


def test_a_sentence_takes_three_lines_on_every_card(opened: Any, settle: Any) -> None:
    columns = opened._parts["lanes"].columns
    columns.grab()
    assert columns.answer_lines == 3
    first = [z.rect for z in columns.zones if z.tip.startswith(("right:", "wrong:"))]
    assert len(first) == 3 and len({(r.y(), r.height()) for r in first}) == 1  # side by side, equally high
    assert all(said in columns.zones[n].tip for n, said in [(i, s) for i, s in _answers(columns)])
    before = columns.grab().toImage()
    opened.workspace.selection.select(lane=1)
    settle(opened.workspace)
    assert columns.grab().toImage() != before


def _answers(columns: Any) -> list[tuple[int, str]]:
    found = [n for n, z in enumerate(columns.zones) if z.tip.startswith(("right:", "wrong:"))]
    return list(zip(found, SAID, strict=True))


def test_one_word_answers_keep_their_one_large_line(window: Any, run_file: Path, settle: Any) -> None:
    window.open_run(run_file)
    window.workspace.cursor.go(34)
    settle(window.workspace)
    columns = window._parts["lanes"].columns
    columns.grab()
    assert columns.answer_lines == 1


def test_one_key_shows_every_answer_whole_and_as_plain_text(opened: Any) -> None:
    assert opened.registry.run("select.answers")
    (card,) = opened.findChildren(AnswerCard)
    told = card.findChild(QTextBrowser).toPlainText()
    assert all(said in told for said in SAID) and "Adoption agencies" in told
    html = card.findChild(QTextBrowser).toHtml()
    assert "underline" in html and "<b>nothing" not in html.replace("font-weight", "")
    card.close()


def test_hidden_lanes_answers_are_not_listed(opened: Any) -> None:
    opened.registry.run("lanes.hide")
    opened.registry.run("select.answers")
    (card,) = opened.findChildren(AnswerCard)
    assert "Oslo" not in card.findChild(QTextBrowser).toPlainText()
    card.close()


def test_lines_break_at_words_and_cover_the_text(qapp: Any) -> None:
    font = theme.active().font()
    width = QFontMetrics(font).horizontalAdvance("Caroline researched ad")
    lines = lines_of(SAID[0], font, width)
    assert len(lines) > 3 and "".join(SAID[0][a : a + n] for a, n in lines) == SAID[0]
    assert SAID[0][: lines[0][1]].strip() == "Caroline researched"


def test_the_pill_names_a_model_shortly(opened: Any, workspace: Workspace) -> None:
    run = opened.workspace.run
    run.engine.update(name="Smollm2 135M 8k Lc100K Mix1 Ep2", path="smollm2-135m.gguf", device="CPU · 1 thread")
    opened.transport._status()
    assert opened.transport.pill.text() == "● CPU · smollm2-135m"
    assert "Smollm2 135M 8k Lc100K Mix1 Ep2" in opened.transport.pill.toolTip()
