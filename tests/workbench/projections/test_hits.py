import pytest

from tests.support.traces import _Lane
from workbench.projections.hits import ABSENT, DROPPED, PACKED, hits_view, probe_at
from workbench.sessions.model import Probe, Session, Turn
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader
from workbench.trace.writer import TraceWriter


def test_no_probe_before_the_first(story: TraceReader) -> None:
    assert hits_view(story, 1, 1, 3) is None
    assert hits_view(story, 1, 2, 5) is None


def test_candidates_cut_line_and_fate(story: TraceReader) -> None:
    view = hits_view(story, 1, 1, 4)
    assert view is not None
    assert (view.probe.id, view.query, view.k, view.turn) == ("p0", "Where does Mira live?", 2, 4)
    assert [(r.item, r.rank, r.returned, r.evidence, r.fate) for r in view.rows] == [
        ("note-0", 1, True, (), PACKED),
        ("note-1", 2, True, (), DROPPED),
        ("note-2", 3, False, (3,), ABSENT),
    ]
    assert view.rows[0].parts == (("cosine", 0.9),)
    assert view.returned == 2
    assert (view.best, view.found) == (3, False)
    assert view.verdict == "Evidence (turn 3) ranked 3, below the cut"
    assert [s.label for s in view.spans] == ["instruction", "note-0", "question"]
    assert [s.label for s in view.dropped] == ["note-1"]
    assert (view.budget, view.tokens, view.answer, view.correct) == (512, 5, "Lima", False)


def test_an_unfinished_probe_has_no_answer_yet(story: TraceReader) -> None:
    view = hits_view(story, 1, 1, 5)
    assert view is not None and view.probe.id == "p1"
    assert (view.answer, view.correct, view.spans) == (None, None, ())
    assert view.verdict == "Evidence (turn 2) was in note-1, deleted by turn 5"


def test_a_selection_does_not_keep_an_old_probe_on_show(story: TraceReader) -> None:
    assert probe_at(story, 1, 1, 5, "p0").id == "p1"  # type: ignore[union-attr]
    assert probe_at(story, 1, 1, 4, "p1").id == "p0"  # type: ignore[union-attr]


def test_stepping_by_events_does_not_see_the_probe_ahead(story: TraceReader) -> None:
    recalled = next(e for e in story.events(1, 1, [Kind.RECALLED], (4, 4)))
    assert probe_at(story, 1, 1, 4, seq=recalled.seq - 1) is None
    view = hits_view(story, 1, 1, 4, seq=recalled.seq)
    assert view is not None and view.answer is None and view.spans == ()


def _hit(number: int, rank: int, returned: bool) -> dict[str, object]:
    plain = {"score": 1.0, "parts": {}, "turns": [number], "text": ""}
    return plain | {"item": f"turn-{number}", "rank": rank, "returned": returned}


def _span(number: int) -> dict[str, object]:
    return {"label": "", "text": "", "items": [f"turn-{number}"], "turns": [number], "tokens": [0, 1]}


def _asked(tmp_path, evidence, hits, spans=(), dropped=(), items=("turn 0", "turn 1")):
    turns = tuple(Turn(i, "user", f"turn {i}") for i in range(4))
    session = Session(
        "s", turns, (Probe("a", 3, "?", ("x",), "accurate_retrieval", evidence), Probe("b", 3, "?", ("x",), "f"))
    )
    with TraceWriter(tmp_path / "run.mnemo") as writer:
        lane = _Lane(writer.add_session(session, "s"), writer.add_lane("bm25", "bm25", "full-cache", {}))
        for number, text in enumerate(items):
            lane.log(number).write(text, "turn")
        lane.log(3)
        rows = [_hit(number, rank + 1, back) for rank, (number, back) in enumerate(hits)]
        packed = {"spans": [_span(n) for n in spans], "dropped": [_span(n) for n in dropped]}
        for probe in ("a", "b"):
            lane.emit(Kind.RECALLED, probe, {"query": "?", "k": 1, "hits": rows})
            lane.emit(Kind.PACKED, probe, packed | {"budget": 1, "tokens": 1})
        writer.append(lane.events)
    with TraceReader(tmp_path / "run.mnemo") as reader:
        return hits_view(reader, 1, 1, 3, "a"), hits_view(reader, 1, 1, 3, "b")


@pytest.mark.parametrize(
    ("evidence", "hits", "spans", "dropped", "verdict", "found"),
    [
        ((1,), [(1, True), (0, False)], [1], [], "Evidence (turn 1) returned at rank 1", True),
        ((0, 1), [(1, True), (0, False)], [1], [], "Evidence (turns 0, 1) returned at rank 1; turn 0 not", True),
        ((1,), [(1, True)], [], [1], "Evidence (turn 1) returned, then cut from the context at rank 1", True),
        ((1,), [(0, True), (1, False)], [0], [], "Evidence (turn 1) ranked 2, below the cut", False),
        ((1,), [(0, True)], [0], [], "Evidence (turn 1) is in turn-1, which was not among the candidates", False),
        ((1,), [], [0, 1], [], "Evidence (turn 1) is in the context without being scored", True),
        ((2,), [(0, True)], [0], [], "No item names turn 2", False),
    ],
)
def test_verdicts(tmp_path, evidence, hits, spans, dropped, verdict: str, found: bool) -> None:
    view, other = _asked(tmp_path, evidence, hits, spans, dropped)
    assert (view.verdict, view.found) == (verdict, found)
    assert other.verdict == "The session names no evidence for this probe"
