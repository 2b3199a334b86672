import random
from collections.abc import Callable
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from tests.support.damage import HARMS
from tests.support.traces import session, write_trace
from tests.ui.live import Growing
from ui.state.cursor import Cursor
from ui.state.moment import Moment
from ui.state.player import PER_SECOND, SPEEDS, Player
from ui.state.selection import Selected, Selection
from ui.state.workspace import Workspace
from workbench.errors import TraceError
from workbench.sessions.model import Probe, Session
from workbench.trace.reader import TraceReader


def test_the_cursor_stays_within_the_session(qtbot: object) -> None:
    cursor = Cursor()
    cursor.enter(1, 9, 4)
    cursor.go(40)
    assert cursor.turn == 9
    cursor.go(-5)
    assert cursor.turn == 0
    moves = []
    cursor.moved.connect(lambda: moves.append(cursor.turn))
    cursor.go(0)
    assert moves == []
    cursor.step(3)
    assert moves == [3]


def test_a_cursor_before_the_first_turn(qtbot: object) -> None:
    cursor = Cursor()
    cursor.enter(1, -1, 0)
    assert cursor.turn == -1
    cursor.extend(5)
    assert cursor.turn == -1
    cursor.go(2, seq=17)
    assert (cursor.turn, cursor.seq) == (2, 17)
    cursor.step(1)
    assert cursor.seq is None


def test_selecting_another_lane_lets_go_of_its_items() -> None:
    selection = Selection()
    selection.select(lane=1, item="note-3", probe="p1", token=2)
    selection.select(lane=2)
    assert selection.now == Selected(2, "", "p1", None)
    selection.select(token=4)
    selection.select(probe="p2")
    assert selection.now.token is None


def test_selections_go_back_and_forward() -> None:
    selection = Selection()
    for item in ("a", "b", "c"):
        selection.select(item=item)
    selection.back()
    selection.back()
    assert selection.now.item == "a"
    selection.forward()
    assert selection.now.item == "b"
    selection.select(item="d")
    assert not selection.can_go_forward
    selection.back()
    assert selection.now.item == "b"
    selection.select(item="b")
    assert selection.can_go_forward  # selecting the same again is no step


def test_letting_go_is_no_step_to_go_back_to() -> None:
    selection = Selection()
    selection.select(probe="p1")
    selection.let_go(probe="")
    selection.back()
    assert selection.now == Selected()


def test_back_leads_to_where_the_cursor_stood(workspace: Workspace) -> None:
    probe = max(workspace.session.probes, key=lambda p: p.after)  # type: ignore[union-attr]
    workspace.jump(probe.after, probe=probe.id)
    workspace.follow(2, probe.id)
    assert (workspace.cursor.turn, workspace.selection.now.pinned) == (2, True)
    workspace.selection.back()
    assert (workspace.cursor.turn, workspace.selection.now.probe) == (probe.after, probe.id)
    workspace.selection.back()
    assert (workspace.cursor.turn, workspace.selection.now.probe) == (34, "")
    workspace.selection.forward()
    workspace.selection.forward()
    assert (workspace.cursor.turn, workspace.selection.now.pinned) == (2, True)


def test_a_jump_without_a_selection_is_a_step_to_go_back_to(workspace: Workspace) -> None:
    workspace.jump(7)
    workspace.cursor.go(9)  # scrubbing is none
    assert workspace.selection.can_go_back
    workspace.selection.back()
    assert workspace.cursor.turn == 34
    workspace.selection.forward()
    assert workspace.cursor.turn == 9


def test_a_pinned_probe_stays_in_question_wherever_the_cursor_goes(workspace: Workspace, qtbot: QtBot) -> None:
    asked = workspace.probe_in_question()
    assert asked is not None
    workspace.pin()
    for turn in (0, workspace.cursor.last):
        workspace.cursor.go(turn)
        qtbot.wait(5)
        assert workspace.probe_in_question() == asked
    workspace.pin()
    qtbot.wait(5)
    assert workspace.probe_in_question() != asked


def test_jumps_to_probes_work_at_the_last_turn_without_a_selection(workspace: Workspace) -> None:
    player, probes = Player(workspace), sorted(workspace.session.probes, key=lambda p: p.after)  # type: ignore[union-attr]
    workspace.cursor.go(workspace.cursor.last)
    assert player.jump_probe(False)
    assert workspace.selection.now.probe == probes[-1].id
    workspace.follow(0, probes[4].id)
    assert player.jump_probe(True)
    assert workspace.selection.now.probe == probes[5].id, "goes on from the pinned probe"


def test_moves_are_told_once_per_turn_of_the_event_loop(workspace: Workspace, qtbot: object) -> None:
    qtbot.wait(1)  # type: ignore[attr-defined]
    told: list[Moment] = []
    workspace.moved.connect(told.append)
    for turn in (1, 2, 3):
        workspace.cursor.go(turn)
    workspace.selection.select(item="note-1")
    assert told == []
    qtbot.waitUntil(lambda: bool(told))  # type: ignore[attr-defined]
    assert [(m.turn, m.item) for m in told] == [(3, "note-1")]


def test_a_run_that_cannot_be_read_leaves_the_open_one(workspace: Workspace, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mnemo"
    broken.write_text("no run")
    before = workspace.run
    with pytest.raises(TraceError):
        workspace.open(broken)
    assert workspace.run is before
    assert workspace.session is not None


def test_the_probe_in_question_is_the_selected_one_or_the_last_asked(workspace: Workspace, qtbot: object) -> None:
    probes = sorted(workspace.session.probes, key=lambda p: p.after)  # type: ignore[union-attr]
    workspace.cursor.go(probes[2].after + 1)
    assert workspace.probe_in_question() == probes[2]
    workspace.cursor.go(probes[0].after - 1)
    assert workspace.probe_in_question() is None


def test_a_selected_probe_is_left_behind_when_the_cursor_passes_the_next(workspace: Workspace, qtbot: object) -> None:
    probes = sorted(workspace.session.probes, key=lambda p: p.after)  # type: ignore[union-attr]
    workspace.cursor.go(probes[1].after)
    workspace.selection.select(probe=probes[1].id)
    workspace.cursor.step(1)
    qtbot.wait(5)  # type: ignore[attr-defined]
    assert workspace.selection.now.probe == probes[1].id
    workspace.cursor.go(probes[2].after)
    qtbot.waitUntil(lambda: workspace.selection.now.probe == "")  # type: ignore[attr-defined]


def test_playing_moves_the_cursor_and_stops_at_the_end(workspace: Workspace, qtbot: object) -> None:
    player = Player(workspace)
    player.set_speed(SPEEDS[-1])
    workspace.cursor.go(workspace.cursor.last - 2)
    player.toggle()
    assert player.playing
    qtbot.waitUntil(lambda: not player.playing, timeout=10_000)  # type: ignore[attr-defined]
    assert workspace.cursor.turn == workspace.cursor.last
    player.toggle()  # from the end it starts over
    assert workspace.cursor.turn == 0
    player.pause()


def test_speeds_stay_in_range(workspace: Workspace) -> None:
    player = Player(workspace)
    for _ in range(10):
        player.faster(1)
    assert player.speed == SPEEDS[-1]
    for _ in range(20):
        player.faster(-1)
    assert player.speed == SPEEDS[0]
    assert PER_SECOND > 0


def test_jumps_go_to_probes_wrong_answers_and_changes(workspace: Workspace, run_file: Path) -> None:
    player = Player(workspace)
    lane = 1
    workspace.selection.select(lane=lane)
    with TraceReader(run_file) as reader:
        scored = [(e.turn, e.subject, e.payload["correct"]) for e in reader.events(1, lane, ("probe.scored",))]
    workspace.cursor.go(0)
    seen = []
    while player.jump_probe(True, wrong=True):
        seen.append((workspace.cursor.turn, workspace.selection.now.probe))
    assert seen == [(turn, probe) for turn, probe, correct in scored if not correct]
    assert player.jump_probe(False)
    before = workspace.cursor.turn
    assert player.jump_change(False)
    assert workspace.cursor.turn < before


def test_probes_of_one_turn_are_visited_one_by_one(tmp_path: Path) -> None:
    asked = tuple(Probe(f"p{i}", 1 if i < 3 else 3, "Where?", ("Oslo",), "accurate_retrieval") for i in range(5))
    growing = Growing(tmp_path / "dense.mnemo", Session("dense", session(5, 1).turns, asked))
    growing.turns(5)
    for probe in asked:
        growing.score(probe.id, probe.after, probe.id != "p1")
    growing.close()
    space = Workspace()
    space.open(growing.path)
    player = Player(space)

    def visited(forward: bool, wrong: bool = False) -> list[str]:
        seen = []
        while player.jump_probe(forward, wrong):
            seen.append(space.selection.now.probe)
        return seen

    assert visited(True) == ["p0", "p1", "p2", "p3", "p4"]
    assert visited(False) == ["p3", "p2", "p1", "p0"]
    space.selection.select(probe="")
    space.cursor.go(0)
    assert visited(True, wrong=True) == ["p1"]
    space.close()


def test_steps_by_events_cross_turns(workspace: Workspace) -> None:
    player = Player(workspace)
    workspace.selection.select(lane=5)
    workspace.cursor.go(3)
    assert workspace.reader is not None
    seqs = [e.seq for t in (3, 4) for e in workspace.reader.events(1, 5, turns=(t, t))]
    places = []
    while workspace.cursor.turn < 5:
        player.step_event(True)
        places.append(workspace.cursor.seq)
    last_of_three = max(e.seq for e in workspace.reader.events(1, 5, turns=(3, 3)))
    assert places[:-1] == [s for s in seqs if s > last_of_three]
    player.step_event(False)
    assert workspace.cursor.turn == 4


def test_a_live_run_carries_the_cursor_only_when_it_is_at_the_end(
    tmp_path: Path, qtbot: object, settle: Callable[[Workspace], None]
) -> None:
    growing = Growing(tmp_path / "live.mnemo")
    growing.turns(3)
    space = Workspace()
    space.open(growing.path, turn=2)
    growing.turns(2)
    space.grew(growing.seq)
    assert (space.cursor.turn, space.cursor.last) == (4, 4)
    space.cursor.go(1)
    growing.turns(2)
    space.grew(growing.seq)
    assert (space.cursor.turn, space.cursor.last) == (1, 6)
    space.close()
    growing.close()


def test_a_file_that_another_process_writes_is_followed(tmp_path: Path, qtbot: QtBot) -> None:
    growing = Growing(tmp_path / "live.mnemo")
    growing.turns(1)
    space = Workspace()
    space.open(growing.path, turn=0)
    with qtbot.waitSignal(space.advanced, timeout=10_000) as told:
        growing.turns(2)
    assert told.args == [growing.seq]
    assert (space.cursor.turn, space.cursor.last) == (2, 2)
    space.close()
    growing.close()


def test_a_file_that_cannot_be_read_leaves_what_is_open(qtbot: QtBot, tmp_path: Path) -> None:
    workspace = Workspace()
    good = write_trace(tmp_path / "good.mnemo", turns=6, items=3, probes=2)
    workspace.open(good)
    workspace.cursor.go(3)
    for name in ("flipped_bits", "lost_table", "hostile_view", "not_a_run", "cut_off"):
        bad = tmp_path / f"{name}.mnemo"
        bad.write_bytes(good.read_bytes())
        HARMS[name](bad, random.Random(5))
        try:
            workspace.open(bad)
        except TraceError:
            assert workspace.run is not None and workspace.run.path == good
            assert workspace.reader is not None and workspace.reader.session(1).turns
            assert workspace.cursor.turn == 3
        else:
            workspace.open(good)
            workspace.cursor.go(3)
    workspace.close()


def test_once_panels_are_shown_a_session_is_prepared(
    workspace: Workspace, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared: list[Session] = []
    monkeypatch.setattr("ui.state.workspace.prepare", prepared.append)
    for _ in range(2):
        with qtbot.waitSignal(workspace.pool.idle):
            workspace.pool.submit(1, lambda reader, moment, options: None, workspace.moment, None, lambda answer: None)
        qtbot.waitUntil(lambda: prepared == [workspace.session])
