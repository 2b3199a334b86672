"""Find: everywhere in a session, in any script, with the way there; the timeline marks the turns."""

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt

from tests.support.traces import _Lane
from ui.panels import make
from ui.state.workspace import Workspace
from workbench.projections.find import ANSWER, GOLD, ITEM, OUTPUT, PROMPT, QUESTION, TURN, find
from workbench.sessions.model import Probe, Session, Turn
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader
from workbench.trace.writer import TraceWriter


@pytest.fixture
def run(tmp_path: Path) -> Path:
    said = ("I live in\nOslo now.", "Schöne Grüße aus KÖLN, 100% wahr", "我住在奥斯陆。", "Nothing here.")
    turns = tuple(Turn(n, "user", text, "Mira") for n, text in enumerate(said))
    asked = Probe("p0", 3, "Where in Oslo does Mira live?", ("Oslo",), "accurate_retrieval", (0,))
    path = tmp_path / "find.mnemo"
    with TraceWriter(path) as writer:
        number = writer.add_session(Session("find", turns, (asked,)), "x")
        lane = _Lane(number, writer.add_lane("mem0", "mem0", "full-cache", {}))
        lane.log(0).write("Mira lives in OSLO.", "fact")
        prompt = [{"role": "user", "text": 'said "I live in Oslo now."'}]
        lane.emit(Kind.MODEL_CALLED, "", {"purpose": "facts", "prompt": prompt, "raw": '["lives in oslo"]',
                                          "tokens": [9, 3], "stop": "end", "error": ""})  # fmt: skip
        for turn in range(4):
            lane.log(turn)
            lane.emit(Kind.TURN_CLOSED, "", {"calls": 0, "tokens": [0, 0], "items": 1})
        lane.emit(Kind.ANSWERED, "p0", {"text": "In Oslo.", "tokens": [], "prompt_tokens": 3, "error": ""})
        writer.append(lane.events)
    return path


def where(reader: TraceReader, text: str) -> list[tuple[str, int]]:
    return [(place.where, place.turn) for place in find(reader, 1, text).places]


def test_it_looks_everywhere(run: Path) -> None:
    with TraceReader(run) as reader:
        assert where(reader, "oslo") == [
            (TURN, 0), (ITEM, 0), (PROMPT, 0), (OUTPUT, 0), (QUESTION, 3), (GOLD, 3), (ANSWER, 3),
        ]  # fmt: skip
        found = find(reader, 1, "Oslo")
        assert found.turns == (0, 3) and found.total == 7
        assert found.places[1].item == "fact-0" and found.places[-1].probe == "p0"


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("in oslo NOW", [(TURN, 0), (PROMPT, 0)]),  # across a line break
        ("köln", [(TURN, 1)]),
        ("Ko\u0308ln", [(TURN, 1)]),  # decomposed
        ("奥斯陆", [(TURN, 2)]),
        ("100%", [(TURN, 1)]),
        ("1_0", []),
        ('said "I', [(PROMPT, 0)]),
        ("   ", []),
        ("osl(", []),
    ],
)
def test_any_text_is_taken_as_it_is(run: Path, text: str, places: list[tuple[str, int]]) -> None:
    with TraceReader(run) as reader:
        assert where(reader, text) == places


def test_return_goes_from_place_to_place(run: Path, qtbot: Any, settle: Any) -> None:
    space = Workspace()
    space.open(run, 2)
    panel = make("find", space)
    qtbot.addWidget(panel)
    panel.show()
    settle(space)
    assert panel.view is None and space.found == ()
    qtbot.keyClicks(panel.field, "oslo")
    qtbot.keyClick(panel.field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: panel.view is not None)
    assert space.found == (0, 3) and panel.title(panel.view) == "Find · 7"
    qtbot.keyClick(panel.field, Qt.Key.Key_Return)
    assert space.cursor.turn == 0
    qtbot.keyClick(panel.field, Qt.Key.Key_Return)
    assert space.selection.now.item == "fact-0"
    panel.step(-2)
    assert (space.cursor.turn, space.selection.now.probe, space.selection.now.pinned) == (3, "p0", True)
    panel.where.setCurrentIndex(panel.where.findData(ITEM))
    panel._fill()
    assert panel.title(panel.view) == "Find · 1 of 7"
    panel.field.clear()
    qtbot.waitUntil(lambda: panel.view is None)
    assert space.found == ()


def test_ctrl_f_shows_it_and_waits_for_a_text(window: Any, run: Path, qtbot: Any, settle: Any) -> None:
    window.open(run)
    settle(window.workspace)
    window.registry.run("view.find")
    panel = window.inspector.panel
    assert panel.name == "find"
    assert "Ctrl+F" in window.registry["view.find"].shortcuts
    qtbot.waitUntil(lambda: panel.field.hasFocus())
