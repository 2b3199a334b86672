"""The faults that a new user found in the window (27 of them, and the one before the first), each with its tests.

``SHOWN_BY`` says which tests show that a fault is gone. Those that had none elsewhere are in this module: on a session
of 200 questions at its last turn, with sentences, long names and scripts that have lines of another height.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, QPointF, QRect, Qt
from PySide6.QtWidgets import QToolButton

from tests.support.traces import _Lane
from ui.panels.attention import AttentionPanel
from ui.panels.base import Panel
from ui.panels.hits import HitsPanel
from ui.panels.items import ItemsPanel
from ui.panels.transcript import _wrapped
from ui.panels.why import WhyPanel
from ui.state.moment import Moment
from ui.theme import theme
from ui.widgets.paragraph import height_of, lines_of
from ui.window import MainWindow
from workbench.sessions.model import Probe, Session, Turn
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader
from workbench.trace.writer import TraceWriter

SHOWN_BY = {
    0: ("ui/test_first_minute.py", "test_the_sample_opens_at_a_probe_that_lanes_disagree_on"),
    1: ("ui/dialogs/test_run_dialog.py",
        "test_of_many_sessions_the_first_is_chosen", "test_it_says_what_the_run_will_cost"),
    2: ("ui/test_state.py",
        "test_back_leads_to_where_the_cursor_stood", "test_a_pinned_probe_stays_in_question_wherever_the_cursor_goes"),
    3: ("ui/panels/test_one_probe.py", "test_all_panels_speak_of_one_probe"),
    4: ("ui/test_state.py", "test_jumps_to_probes_work_at_the_last_turn_without_a_selection"),
    5: ("ui/test_faults.py",
        "test_the_evidence_and_what_lost_it_are_one_click_away", "test_each_evidence_turn_is_told"),
    6: ("workbench/projections/test_items.py", "test_used_is_how_often_an_item_was_returned"),
    7: ("ui/panels/test_one_probe.py", "test_all_panels_speak_of_one_probe"),
    8: ("ui/panels/test_findings.py",
        "test_the_list_leads_there", "test_a_value_overwritten_whose_evidence_is_asked_is_found"),
    9: ("ui/test_faults.py",
        "test_the_timeline_marks_the_turns_of_the_selected_item",
        "test_an_item_chosen_elsewhere_is_in_sight_in_the_table"),
    10: ("ui/panels/test_run_panels.py", "test_a_drag_that_begins_on_a_badge_keeps_the_lane"),
    11: ("ui/test_window.py", "test_every_layout_fits_a_small_screen"),
    12: ("ui/test_faults.py", "test_the_graph_of_a_talk_fills_its_panel"),
    13: ("ui/test_first_minute.py", "test_a_layout_is_reset"),
    14: ("ui/widgets/test_export.py", "test_a_figure_is_whole_light_and_as_wide_as_a_column", "test_nothing_is_cut"),
    15: ("ui/test_theme.py", "test_lane_shapes_differ_and_go_on_one_ahead_of_the_colours_after_eight"),
    16: ("ui/panels/test_timeline_zoom.py", "test_the_wheel_zooms_about_the_pointer_and_pans"),
    17: ("ui/test_live.py", "test_a_broken_off_run_goes_on_from_the_menu"),
    18: ("ui/test_live.py", "test_it_is_cancelled_and_goes_on_from_there"),
    19: ("ui/dialogs/test_run_dialog.py",
        "test_the_filter_finds_by_name_and_paper", "test_a_parameter_belongs_to_its_lane"),
    20: ("ui/test_window.py", "test_a_model_that_cannot_be_one_is_not_chosen"),
    21: ("ui/widgets/test_focus_ring.py", "test_tab_shows_where_one_is_and_a_click_takes_it_away"),
    22: ("ui/panels/test_answers.py",
        "test_a_sentence_takes_three_lines_on_every_card", "test_one_key_shows_every_answer_whole_and_as_plain_text"),
    23: ("ui/panels/test_answers.py", "test_the_pill_names_a_model_shortly"),
    24: ("workbench/projections/test_lanes.py", "test_losses_of_one_reason_stand_as_one"),
    25: ("ui/widgets/test_heatmap.py", "test_layers_and_heads_can_be_chosen", "test_many_heads_stay_small"),
    26: ("ui/test_faults.py", "test_a_badge_of_many_questions_opens_one_after_another"),
    27: ("ui/test_window.py", "test_a_run_opens_where_it_was_left"),
}  # fmt: skip

FOREIGN = (
    "她昨天下午在北京的图书馆里读完了那本关于记忆与遗忘的长篇小说，然后告诉我们她一点也不喜欢它的结尾。",
    "ذهبت ليلى أمس إلى المكتبة القديمة في وسط المدينة وقرأت كتابا طويلا عن الذاكرة والنسيان حتى المساء.",
    "היא אמרה שהיא תחזור בשבוע הבא עם כל המסמכים שביקשנו ממנה כבר לפני חודש ולא קיבלנו עד היום.",
    "Caroline said that she would look into adoption agencies because she has wanted a family since she was a girl.",
)
NAME = "Wilhelmina-Friederike von und zu Hohenstaufen-Wittelsbach (客户支持)"
LANES = ("bm25:k=5", "mem0:facts=eine-sehr-lange-einstellung,limit=100", "a-mem")


def crowded(path: Path, probes: int = 200) -> Path:
    """Twelve turns in four scripts by somebody with a long name; every question is asked at the end."""
    turns = tuple(Turn(n, "user", f"{n}. {FOREIGN[n % 4]}", NAME, date=f"2025-03-{n + 1:02d}") for n in range(12))
    asked = tuple(
        Probe(f"p{n}", 11, f"Frage {n}: {FOREIGN[n % 4][:70]}?", (FOREIGN[n % 4][:40],), "accurate_retrieval", (1, 4))
        for n in range(probes)
    )
    with TraceWriter(path) as writer:
        number = writer.add_session(Session(f"{NAME}, 12 Wochen", turns, asked), "x")
        for place, name in enumerate(LANES):
            lane = _Lane(number, writer.add_lane(name, name.split(":")[0], "full-cache", {}))
            for turn in turns:
                log = lane.log(turn.index)
                item = log.write(turn.text, "note", keywords=[NAME])
                if turn.index == 6:
                    log.delete(log.state.active()[4].id, reason="contradiction")
                if turn.index == 7:
                    log.update(item.id, context="geändert")
                for probe in asked if turn.index == 11 else ():
                    _answer(lane, probe, FOREIGN[(place + int(probe.id[1:])) % 4], place)
                lane.emit(Kind.TURN_CLOSED, "", {"calls": 0, "tokens": [0, 0], "items": 1})
            writer.append(lane.events)
    return path


def _answer(lane: _Lane, probe: Probe, said: str, place: int) -> None:
    held = lane.state.active()[0]
    hit = {"item": held.id, "rank": 1, "score": 0.5, "returned": True, "parts": {}, "turns": [0], "text": held.text}
    lane.emit(Kind.RECALLED, probe.id, {"query": probe.question, "k": 5, "hits": [hit]})
    span = {"kind": "memory", "label": held.id, "text": held.text, "items": [held.id], "turns": [0], "tokens": [4, 40]}
    lane.emit(Kind.PACKED, probe.id, {"budget": 512, "tokens": 44, "spans": [span], "dropped": []})
    lane.emit(Kind.ANSWERED, probe.id, {"text": said, "tokens": [], "prompt_tokens": 44, "error": ""})
    right = (int(probe.id[1:]) + place) % 3 == 0
    scored = {"correct": right, "score": float(right), "extracted": said, "rank": 0, "scorer": "match"}
    lane.emit(Kind.SCORED, probe.id, scored | {"competency": probe.competency, "recall": None})


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return crowded(tmp_path_factory.mktemp("many") / "many.mnemo")


@pytest.fixture
def opened(window: MainWindow, many: Path, settle: Callable[..., None]) -> MainWindow:
    window.open(many)
    window.set_layout("Debug")
    window.workspace.cursor.go(11)
    settle(window.workspace)
    return window


def _panel(window: MainWindow, name: str, settle: Callable[..., None]) -> Panel:
    window.show_panel(name)
    settle(window.workspace)
    panel = window.inspector.panel
    assert panel is not None
    return panel


def test_every_fault_has_its_tests() -> None:
    assert list(SHOWN_BY) == list(range(28))
    root = Path(__file__).parents[1]
    for fault, (file, *names) in SHOWN_BY.items():
        tree = ast.parse((root / file).read_text("utf-8"))
        defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        assert names and set(names) <= defined, (fault, file, set(names) - defined)


def test_the_evidence_and_what_lost_it_are_one_click_away(opened: MainWindow, settle: Any, qtbot: Any) -> None:
    """Fault 5."""
    hits = _panel(opened, "hits", settle)
    assert isinstance(hits, HitsPanel)
    links = [b for b in hits.places.findChildren(QToolButton) if b.property("part") == "link" and not b.isHidden()]
    assert [b.text() for b in links] == ["turn 1", "turn 4", "deleted at turn 6"]
    probe = opened.workspace.probe_in_question()
    qtbot.mouseClick(links[2], Qt.MouseButton.LeftButton)
    settle(opened.workspace)
    assert opened.workspace.cursor.turn == 6
    assert opened.workspace.probe_in_question() == probe  # and it stays in question
    opened.workspace.selection.back()
    assert opened.workspace.cursor.turn == 11
    columns = opened._parts["lanes"].columns  # type: ignore[attr-defined]
    settle(opened.workspace)
    columns.grab()
    line = next(z for z in columns.zones if z.tip.startswith("evidence not"))
    line.click()
    settle(opened.workspace)
    assert isinstance(opened.inspector.panel, WhyPanel)


def test_each_evidence_turn_is_told(many: Path) -> None:
    """Fault 5: of two evidence turns both are named, with what became of each."""
    with TraceReader(many) as reader:
        view = HitsPanel.project(reader, Moment(1, 11, lane=1, probe="p0"), None)
        verdict = getattr(view, "verdict", "")
    assert "turn 1 is in" in verdict and "turn 4 was in" in verdict and "deleted by turn 6" in verdict


def test_the_timeline_marks_the_turns_of_the_selected_item(opened: MainWindow, settle: Any) -> None:
    """Fault 9."""
    tracks, space = opened.scrubber.tracks, opened.workspace
    lane = space.selection.now.lane
    with TraceReader(space.run.path) as reader:  # type: ignore[union-attr]
        view = ItemsPanel.project(reader, Moment(1, 11, lane=lane), None)
        item = next(row.item.id for row in view.items.rows if row.item.turns == (7,))  # type: ignore[union-attr]
    before = tracks.grab().toImage()
    space.selection.select(item=item)
    settle(space)
    assert list(tracks._item_turns) == [7]
    assert tracks.grab().toImage() != before
    at = QPoint(round(tracks._x(7)), round(tracks._y(tracks._rows[lane])))
    assert f"{item} comes from here" in tracks._tip(at)
    space.selection.select(item="")
    settle(space)
    assert not tracks._item_turns


def test_an_item_chosen_elsewhere_is_in_sight_in_the_table(opened: MainWindow, settle: Any, qtbot: Any) -> None:
    """Fault 9."""
    items = _panel(opened, "items", settle)
    assert isinstance(items, ItemsPanel)
    table = items.view_table
    first = items.items.row(0).item.id
    table.scrollToBottom()
    opened.workspace.selection.select(item=first)

    def seen() -> bool:
        place = table.visualRect(items.items.index(items.items.place(first), 1))
        return table.viewport().rect().intersects(place)

    settle(opened.workspace)
    qtbot.waitUntil(seen)


def test_the_graph_of_a_talk_fills_its_panel(window: MainWindow, run_file: Path, settle: Any) -> None:
    """Fault 12: the nodes took 12 % of the panel's width."""
    window.resize(1280, 720)
    window.open(run_file)
    window.set_layout("Talk")
    settle(window.workspace)
    graph = window.inspector.panel
    assert graph is not None and graph.name == "graph"
    colors = graph.grab().toImage()
    ground = colors.pixelColor(4, colors.height() // 2)
    drawn = [
        (x, y)
        for x in range(0, colors.width(), 3)
        for y in range(colors.height() // 6, colors.height() - colors.height() // 7, 3)
        if abs(colors.pixelColor(x, y).lightness() - ground.lightness()) > 40
    ]
    wide = max(x for x, _ in drawn) - min(x for x, _ in drawn)
    high = max(y for _, y in drawn) - min(y for _, y in drawn)
    assert wide > colors.width() * 0.3 and high > colors.height() * 0.5, (wide, high, colors.size())


def test_a_badge_of_many_questions_opens_one_after_another(opened: MainWindow, settle: Any, qtbot: Any) -> None:
    """Fault 26."""
    tracks, space = opened.scrubber.tracks, opened.workspace
    lane = next(iter(tracks._rows))
    at = QPointF(tracks._x(11), tracks._y(tracks._rows[lane]))
    told = tracks._tip(at.toPoint())
    assert "200 probes after turn 11" in told and "Frage 0" in told and "and 195 more" in told
    for wanted in ("p0", "p1", "p2"):
        qtbot.mouseClick(tracks, Qt.MouseButton.LeftButton, pos=at.toPoint())
        settle(space)
        assert (space.selection.now.probe, space.cursor.turn) == (wanted, 11)


@pytest.mark.parametrize("text", FOREIGN, ids=("Chinese", "Arabic", "Hebrew", "English"))
def test_no_line_of_wrapped_text_is_sliced(qapp: Any, text: str) -> None:
    """Fault 22: rows and cards are as high as the lines that are painted, in any script."""
    font = theme.active().font()
    for width in (140, 200, 333):
        for most in (1, 2, 3, 8):
            whole = min(most, len(lines_of(text, font, width)))
            assert height_of(text, font, width, most) == height_of(text, font, width, whole)
            assert _wrapped(text, width, most) >= height_of(text, font, width, whole) - whole
            assert height_of("\n".join("x" * 3), font, width, 3) <= 3 * theme.active().line()


@pytest.mark.parametrize("size", [(1024, 768), (1280, 720)])
def test_choices_of_the_attention_are_read_whole(
    window: MainWindow, run_file: Path, settle: Any, size: tuple[int, int]
) -> None:
    """Fault 25: no choice is cut, and no panel is wider than its inspector, on a projector and on a laptop."""
    window.resize(*size)
    window.open(run_file)
    window.workspace.cursor.go(34)
    panel = _panel(window, "attention", settle)
    assert isinstance(panel, AttentionPanel)
    for box in (panel.layer_box, panel.head_box, panel.scale_box, panel.sinks):
        assert box.width() >= box.sizeHint().width(), box.accessibleName()
        inside = QRect(box.mapTo(panel, QPoint()), box.size())
        assert panel.rect().contains(inside)


@pytest.mark.parametrize("size", [(1024, 768), (1280, 720)])
def test_a_talk_on_a_small_screen_shows_grid_and_session_whole(
    window: MainWindow, run_file: Path, settle: Any, size: tuple[int, int], qtbot: Any
) -> None:
    """Faults 11 and 12: layer x head stands beside the map, nothing scrolls; a pinned probe makes the bar no wider."""
    window.show()
    window.open(run_file)
    window.workspace.cursor.go(34)
    window.set_layout("Talk")
    window.workspace.selection.select(probe=window.workspace.session.probes[0].id, pinned=True)
    window.resize(*size)
    settle(window.workspace)
    panel = window.second.panel
    assert isinstance(panel, AttentionPanel) and panel.view is not None
    qtbot.waitUntil(lambda: panel._low and panel.parentWidget().parentWidget().height() >= panel.height())
    grid = QRect(panel.grid.mapTo(panel, QPoint()), panel.grid.size())
    assert panel.rect().contains(grid) and grid.left() > panel.map.mapTo(panel, panel.map.rect().topRight()).x()
    assert panel.grid.height() >= panel.grid.minimumSizeHint().height()
    assert (window.width(), window.height()) == size
    name = window.transport.session
    assert name.width() >= name.sizeHint().width() or len(name.text()) > 9


def test_everything_is_drawn_with_strangers_names_and_scripts(opened: MainWindow, settle: Any) -> None:
    """Real sessions at 1024 x 768: nothing raises, and nothing asks for more room than there is."""
    opened.resize(1024, 768)
    for name in ("why", "graph", "items", "hits", "probes", "findings", "structure", "diff", "find", "charts"):
        panel = _panel(opened, name, settle)
        answer = panel._last_answer
        assert answer is None or answer.error is None, (name, answer and answer.trace)
        panel.grab()
    board = opened._parts["scoreboard"]
    assert isinstance(board, Panel) and board.view is not None
    assert (opened.width(), opened.height()) == (1024, 768)
