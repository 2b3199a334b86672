"""Two lanes at one turn."""

from pathlib import Path

import pytest

from tests.support.traces import _Lane
from workbench.projections.lane_diff import lane_diff
from workbench.sessions.model import Session, Turn
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader
from workbench.trace.writer import TraceWriter


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """A lane, its branch, and a lane of another method; all have heard three turns."""
    turns = tuple(Turn(n, "user", text, "Mira") for n, text in enumerate(("Oslo.", "Tea.", "Jazz.")))
    path = tmp_path / "two.mnemo"
    with TraceWriter(path) as writer:
        number = writer.add_session(Session("two", turns), "x")
        names = (("mem0", None), ("mem0 @1", 1), ("full", None))
        lanes = [_Lane(number, writer.add_lane(name, name[:4], "full-cache", {}, parent)) for name, parent in names]
        for lane in lanes:
            for turn, text in enumerate(("Oslo.", "Tea.", "Jazz.")):
                kind = "turn" if lane is lanes[2] else "fact"
                said = "Mira lives in Rome." if (lane, turn) == (lanes[1], 0) else text
                lane.log(turn).write(said if kind == "fact" else f"Mira: {text}", kind, mood=str(turn))
                lane.emit(Kind.TURN_CLOSED, "", {"calls": 0, "tokens": [0, 0], "items": turn + 1})
            if lane is lanes[1]:
                lane.log(2).delete("fact-2")
            writer.append(lane.events)
    return path


def test_a_branch_against_its_parent(two: Path) -> None:
    with TraceReader(two) as reader:
        view = lane_diff(reader, 1, 2, 1, 2)
        assert [(kind, [c.item for c in changes]) for kind, changes in view.groups] == [
            ("item.updated", ["fact-0"]),
            ("item.deleted", ["fact-2"]),
        ]
        (change,) = view.groups[0][1]
        assert [(f.name, f.old, f.new) for f in change.fields] == [("text", "Oslo.", "Mira lives in Rome.")]
        assert lane_diff(reader, 1, 1, 2, 1).groups[0][0] == "item.updated"
        assert lane_diff(reader, 1, 1, 1, 2).groups == (), "a lane against itself"


def test_what_came_after_the_fork_is_the_same_when_it_says_the_same(tmp_path: Path) -> None:
    """The child counts on from other names: its fact-2 is not the parent's, and its fact-3 is the parent's fact-2."""
    turns = tuple(Turn(n, "user", text, "Mira") for n, text in enumerate(("Oslo.", "Tea.", "Jazz.")))
    with TraceWriter(tmp_path / "fork.mnemo") as writer:
        number = writer.add_session(Session("fork", turns), "x")
        parent = writer.add_lane("mem0", "mem0", "full-cache", {})
        child = writer.add_lane("mem0 @1", "mem0", "full-cache", {}, parent, 1)
        for lane, later in ((parent, ("Jazz.",)), (child, ("Greek.", "Jazz."))):
            made = _Lane(number, lane)
            for turn, texts in enumerate((("Oslo.",), ("Tea.",), later)):
                for text in texts:
                    made.log(turn).write(text, "fact")
                made.emit(Kind.TURN_CLOSED, "", {"calls": 0, "tokens": [0, 0], "items": turn + 1})
            writer.append(made.events)
    with TraceReader(tmp_path / "fork.mnemo") as reader:
        view = lane_diff(reader, number, child, parent, 2)
    assert [(kind, [c.text for c in changes]) for kind, changes in view.groups] == [("item.written", ["Greek."])]


def test_lanes_of_two_methods_are_held_against_each_other_by_what_they_say(two: Path) -> None:
    with TraceReader(two) as reader:
        view = lane_diff(reader, 1, 1, 3, 2)
        assert [kind for kind, _ in view.groups] == ["item.updated"]
        assert [(c.item, c.other) for c in view.groups[0][1]] == [
            ("fact-0", "turn-0"),
            ("fact-1", "turn-1"),
            ("fact-2", "turn-2"),
        ]
