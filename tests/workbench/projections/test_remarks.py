"""Remarks on events, and where a new one goes."""

from workbench.projections.remarks import place, remarks
from workbench.projections.why import why_view
from workbench.trace.reader import TraceReader
from workbench.trace.writer import TraceWriter


def test_remarks_name_what_they_are_about(story: TraceReader) -> None:
    spots = {
        "probe": place(story, 1, 1, 4, probe="p0"),
        "item": place(story, 1, 1, 4, item="note-2", probe="p0"),
        "turn": place(story, 1, 1, 2),
    }
    assert [story.event(seq).kind for seq in spots.values()] == ["probe.scored", "item.written", "turn.closed"]
    assert place(story, 1, 1, 4, item="nothing") == place(story, 1, 2, 4, probe="p0") == 0
    with TraceWriter(story.path) as writer:
        for about, seq in spots.items():
            writer.annotate(seq, "Mira", f"about the {about} <b>", "2026-11-28T12:00:00+00:00")
    found = remarks(story, 1)
    assert [(r.about, r.subject, r.turn) for r in found] == [
        ("turn", "2", 2),
        ("item", "note-2", 3),
        ("probe", "p0", 4),
    ]
    assert remarks(story, 2) == ()
    view = why_view(story, 1, 1, 4, "p0")
    assert view is not None and [r.about for r in view.remarks] == ["item", "probe"], "those of its thread"
