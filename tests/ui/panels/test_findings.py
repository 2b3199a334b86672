"""The findings list: what it holds, how it is filtered, where a click goes."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.traces import _Lane
from ui.panels import make
from ui.state.workspace import Workspace
from workbench.projections.findings_list import DESTRUCTIVE, findings_list
from workbench.sessions.model import Probe, Session, Turn
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader
from workbench.trace.writer import TraceWriter


@pytest.fixture
def overwritten(tmp_path: Path) -> Path:
    """A lane whose item was overwritten, with a question for what it had said."""
    turns = tuple(Turn(n, "user", text, "Mira") for n, text in enumerate(("I live in Oslo.", "I live in Rome.")))
    asked = Probe("p0", 1, "Where did Mira live first?", ("Oslo",), "long_range_understanding", (0,))
    path = tmp_path / "lost.mnemo"
    with TraceWriter(path) as writer:
        number = writer.add_session(Session("lost", turns, (asked,)), "x")
        lane = _Lane(number, writer.add_lane("mem0", "mem0", "full-cache", {}))
        lane.log(0).write("Mira lives in Oslo.", "fact")
        lane.emit(Kind.TURN_CLOSED, "", {"calls": 0, "tokens": [0, 0], "items": 1})
        lane.log(1).update("fact-0", text="Mira lives in Rome.", turns=[0, 1], reason="UPDATE")
        lane.emit(Kind.TURN_CLOSED, "", {"calls": 0, "tokens": [0, 0], "items": 1})
        hit = {"item": "fact-0", "rank": 1, "score": 1.0, "returned": True, "parts": {}, "turns": [0, 1],
               "text": "Mira lives in Rome."}  # fmt: skip
        lane.emit(Kind.RECALLED, "p0", {"query": asked.question, "k": 1, "hits": [hit]})
        lane.emit(Kind.ANSWERED, "p0", {"text": "Rome", "tokens": [], "prompt_tokens": 3, "error": ""})
        lane.emit(Kind.SCORED, "p0", {"correct": False, "score": 0.0, "extracted": "Rome", "rank": 1})
        writer.append(lane.events)
    return path


def test_a_value_overwritten_whose_evidence_is_asked_is_found(overwritten: Path) -> None:
    with TraceReader(overwritten) as reader:
        (row,) = [r for r in findings_list(reader, 1) if r.kind == DESTRUCTIVE]
        assert (row.turn, row.item, row.probe) == (1, "fact-0", "p0")
        assert row.text.startswith("Mira lives in Oslo. → Mira lives in Rome.; asked by p0")
        assert reader.event(row.seq).kind == "item.updated"


def test_the_list_leads_there(overwritten: Path, qtbot: Any, settle: Any) -> None:
    space = Workspace()
    space.open(overwritten, 1)
    panel = make("findings", space)
    qtbot.addWidget(panel)
    panel.show()
    settle(space)
    assert panel.title(panel.view) == f"Findings · {len(panel.view)} of {len(panel.view)}"
    panel.kinds.setCurrentIndex(panel.kinds.findData(DESTRUCTIVE))
    panel._fill()
    assert [r.kind for r in panel.rows] == [DESTRUCTIVE] and panel.title(panel.view).startswith("Findings · 1 of")
    assert panel.grid.isColumnHidden(1), "one lane alone needs no column"
    panel.grid.selectRow(0)
    assert panel.rows[0].text in panel.whole.text() and panel.whole.isVisible()
    space.cursor.go(0)
    panel.grid.clicked.emit(panel.model.index(0, 0))
    settle(space)
    chosen = space.selection.now
    assert (space.cursor.turn, chosen.item, chosen.probe, chosen.pinned) == (1, "fact-0", "p0", True)
    assert panel.table(panel.rows).columns == ("turn", "lane", "kind", "item", "what")
    space.close()
