"""Why as a view: the funnel's stations, what lost a fact, and the causes of all wrong answers."""

from pathlib import Path

from workbench.projections.why import BEYOND, BROKE, HELD, causes_view, why_view
from workbench.trace.reader import TraceReader
from workbench.trace.writer import TraceWriter
from workbench.why import provenance
from workbench.why.causes import remember, suspect
from workbench.why.funnel import STAGES


def test_the_funnel_of_a_missed_item(story: TraceReader) -> None:
    view = why_view(story, 1, 1, 4, "p0")
    assert view is not None and not view.right and (view.turn, view.probe.id) == (4, "p0")
    assert [s.stage for s in view.stations] == list(STAGES)
    assert [s.state for s in view.stations] == [HELD, HELD, HELD, BROKE, BEYOND, BEYOND, BEYOND]
    broke = view.stations[3].step
    assert broke is not None and (broke.item, broke.text, broke.held) == ("note-2", "rank 3", False)
    assert why_view(story, 1, 1, 3) is None, "nothing was asked yet"
    assert why_view(story, 1, 2, 5) is None, "this lane was never asked"
    assert why_view(story, 1, 1, 5, "p1") is None, "it was asked and not scored"


def test_the_spans_that_an_answer_looked_at(story: TraceReader) -> None:
    (only,) = provenance.sources(story, 1, 1, "p0")
    assert (only.label, only.share, only.items, only.turns) == ("note-0", 1.0, ("note-0",), (0,))
    assert [story.event(seq).subject for seq in only.operations] == ["note-0"]
    assert provenance.sources(story, 1, 1, "p0", token=1)[0].share == 1.0


def test_forward_from_a_turn(story: TraceReader) -> None:
    told = [(s.stage, s.turn, s.item, s.held) for s in _story(story, 0)]
    assert told == [
        ("stored", 0, "note-0", True),
        ("kept", 3, "note-0", False),
        ("retrieved", 4, "note-0", True),
        ("packed", 4, "note-0", True),
        ("right", 4, "p0", False),
        ("kept", 5, "note-0", True),
    ]
    cat = [(s.stage, s.turn, s.held) for s in _story(story, 2)]
    assert cat == [("stored", 2, True), ("retrieved", 4, True), ("kept", 5, False)]
    assert [(s.stage, s.held) for s in _story(story, 1)] == [("stored", False)], "what was dropped on the way in"


def _story(reader: TraceReader, turn: int) -> tuple:
    return provenance.story(reader, 1, 1, turn).steps


def test_causes_of_all_wrong_answers(story: TraceReader) -> None:
    (lane,) = causes_view(story, 1)
    assert (lane.lane.name, lane.asked, dict(lane.counts), lane.proved) == ("a-mem", 1, {"not_retrieved": 1}, 0)
    assert lane.by_competency() == {"conflict_resolution": {"not_retrieved": 1}}
    (wrong,) = lane.wrong
    assert (wrong.probe, wrong.turn, wrong.answer, wrong.confirmed) == ("p0", 4, "Lima", None)


def test_stored_verdicts_are_read_and_broken_ones_are_none(story: TraceReader, tmp_path: Path) -> None:
    plain = suspect(story, 1, 1, "p0")
    with TraceWriter(story.path) as writer:
        writer.put_verdicts([(1, 1, "p0", plain.to_row() | {"cause": "lost", "confirmed": True})])
    view = why_view(story, 1, 1, 4, "p0")
    assert view is not None and (view.verdict.cause, view.verdict.confirmed) == ("lost", True)
    for broken in ({}, {"cause": 3}, {"thread": [7]}, plain.to_row() | {"proof": {"again": 1}}):
        with TraceWriter(story.path) as writer:
            writer.put_verdicts([(1, 1, "p0", broken)])
        view = why_view(story, 1, 1, 4, "p0")
        assert view is not None and view.verdict == plain


def test_a_verdict_that_the_file_cannot_keep_is_remembered(story: TraceReader) -> None:
    from dataclasses import replace

    remember(str(story.path), replace(suspect(story, 1, 1, "p0"), confirmed=True))
    view = why_view(story, 1, 1, 4, "p0")
    assert view is not None and view.verdict.confirmed is True
