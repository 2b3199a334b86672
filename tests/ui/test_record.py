"""A recording is seen live: turns, items and calls come into the window while another process or thread writes them."""

from pathlib import Path
from typing import Any

from tests.support.chat_server import ChatServer
from tests.workbench.record.test_command import answer, run_agent
from ui.tour import failures
from workbench import record
from workbench.projections.transcript import TurnRow


def said(window: Any) -> list[str]:
    model = window._parts["transcript"].model
    rows = [model.row(n) for n in range(model.rowCount())]
    return [row.text for row in rows if isinstance(row, TurnRow)]


def test_a_real_agent_is_seen_live(window: Any, tmp_path: Path, qtbot: Any, settle: Any) -> None:
    path = tmp_path / "agent.mnemo"
    with record.listen(path) as recording, ChatServer(answer) as chat:
        window.open(path)
        settle(window.workspace)
        assert said(window) == []
        run_agent(recording.endpoint, chat, "My boat is at pier 9.", "Where is my boat?")
        qtbot.waitUntil(lambda: window.workspace.cursor.last == 4, timeout=30_000)
        assert window.workspace.cursor.turn == 4  # it follows
        settle(window.workspace)
        assert said(window) == [
            "You keep a kiosk.",
            "My boat is at pier 9.",
            "Noted.",
            "Where is my boat?",
            "At pier 9.",
        ]
        assert [lane.name for lane in window.workspace.run.lanes] == ["recorded"]
        for name in ("items", "log", "hits", "graph", "diff", "probes"):
            window.show_panel(name)
            settle(window.workspace)
        assert failures(window) == []
        window.show_panel("items")
        settle(window.workspace)
        panel = window.inspector.panel
        assert "Where is my boat?" in str(panel.table(panel.view).rows)
        recording.say("user", "And my cat?", conversation="other")
        qtbot.waitUntil(lambda: len(window.workspace.run.sessions) == 2, timeout=30_000)
