from collections import Counter

from workbench.memory.items import ACTIVE, SUPERSEDED
from workbench.projections.diff import FieldChange
from workbench.projections.items import chips, item_detail, items_view
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader


def test_rows_are_the_items_at_the_cursor_with_this_turns_marks(story: TraceReader) -> None:
    view = items_view(story, 1, 1, 3)
    assert [r.item.id for r in view.rows] == ["note-0", "note-1", "note-2"]
    assert [r.marks for r in view.rows] == [("item.superseded", "item.updated"), (), ("item.written", "item.linked")]
    assert view.rows[0].item.status == SUPERSEDED
    assert view.rows[0].changes == (
        FieldChange("context", "Mira lives in Lima", "Mira lived in Lima until last week"),
        FieldChange("keywords", "Lima, move", "move"),
    )
    assert view.active == 2
    assert dict(view.counts) == {"item.superseded": 1, "item.updated": 1, "item.written": 1, "item.linked": 1}
    assert view.fields == ("keywords", "context")


def test_before_the_first_turn_there_is_nothing(story: TraceReader) -> None:
    assert items_view(story, 1, 1, -1).rows == ()


def test_stepping_by_events_shows_half_a_turn(story: TraceReader) -> None:
    written = next(e for e in story.events(1, 1, [Kind.WRITTEN], (3, 3)))
    view = items_view(story, 1, 1, 3, written.seq)
    assert [r.item.status for r in view.rows] == [ACTIVE] * 3
    assert view.rows[0].marks == ()
    assert view.rows[2].marks == ("item.written",)


def test_chips_name_a_list_once() -> None:
    assert chips({"keywords": ["Oslo", "move"], "heat": 0.51234, "tags": [], "pinned": True, "note": None}) == (
        ("keywords", "Oslo"),
        ("", "move"),
        ("heat", "0.512"),
        ("pinned", "yes"),
    )


def test_detail_tells_the_whole_story_with_causes(story: TraceReader) -> None:
    detail = item_detail(story, 1, 1, 3, "note-0")
    assert detail is not None and detail.item is not None
    assert [(s.kind, s.turn, s.role, s.other, s.future) for s in detail.steps] == [
        ("item.written", 0, "subject", "", False),
        ("item.linked", 2, "other", "note-1", False),
        ("item.updated", 3, "subject", "", False),
        ("item.linked", 3, "other", "note-2", False),
        ("item.superseded", 3, "subject", "note-2", False),
        ("item.unlinked", 5, "other", "note-1", True),
        ("item.restored", 5, "subject", "", True),
    ]
    cause = detail.steps[0].cause
    assert cause is not None and cause.raw == '{"keywords": ["Lima"]}' and cause.prompt == (("user", "Note this"),)
    assert detail.steps[1].cause is None
    assert [t.text for t in detail.sources] == ["I moved to Lima."]
    assert set(detail.links) == {("note-1", "same person", "from"), ("note-2", "moved on", "from")}


def test_an_index_that_still_holds_the_old_text_is_stale(story: TraceReader) -> None:
    before, after = item_detail(story, 1, 1, 0, "note-0"), item_detail(story, 1, 1, 3, "note-0")
    assert before is not None and not before.stale_index
    assert after is not None and after.stale_index  # the update took the keyword Lima out; the vector was not made anew


def test_detail_of_an_item_to_come_and_of_none(story: TraceReader) -> None:
    detail = item_detail(story, 1, 1, 1, "note-2")
    assert detail is not None and detail.item is None
    assert all(step.future for step in detail.steps)
    assert [t.index for t in detail.sources] == [3]
    assert item_detail(story, 1, 1, 5, "note-9") is None


def test_used_is_how_often_an_item_was_returned(story: TraceReader) -> None:
    recalls = list(story.events(1, 1, (Kind.RECALLED,)))
    assert recalls
    last = items_view(story, 1, 1, recalls[-1].turn)
    wanted = Counter(h["item"] for e in recalls for h in e.payload["hits"] if h["returned"])
    assert {r.item.id: r.used for r in last.rows} == {r.item.id: wanted[r.item.id] for r in last.rows}
    assert any(r.used for r in last.rows)
    before = items_view(story, 1, 1, recalls[0].turn, recalls[0].seq - 1)
    assert not any(r.used for r in before.rows)
