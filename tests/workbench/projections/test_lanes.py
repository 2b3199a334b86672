from pathlib import Path

import numpy as np
import pytest

from workbench.memory.items import MemoryState
from workbench.memory.log import MemoryLog
from workbench.projections.board import RECALL, board
from workbench.projections.calls import calls
from workbench.projections.index import TraceIndex
from workbench.projections.lanes import MOST, _said_change, lanes
from workbench.projections.probe_table import ProbeLine, ProbeTable, Verdict, most_telling, probe_table
from workbench.sessions.model import Probe, Session, Turn
from workbench.trace import blobs
from workbench.trace.events import OPERATIONS, Event, Kind
from workbench.trace.reader import TraceReader
from workbench.trace.writer import TraceWriter


def test_columns_hold_what_each_lane_did_at_the_turn(invented: Path) -> None:
    shown = {*OPERATIONS, Kind.DROPPED} - {Kind.ACCESSED}
    with TraceReader(invented) as reader:
        for turn in (0, 7, 40, 79):
            view = lanes(reader, 1, turn)
            for lane in view.lanes:
                events = [e for e in reader.events(1, lane.lane, turns=(turn, turn)) if e.kind in shown]
                state = MemoryState(reader.events(1, lane.lane, turns=(-1, turn)))
                assert [s.seq for s in lane.steps] == [e.seq for e in events][:MOST]
                assert sum(lane.counts.values()) == len(events)
                assert (lane.items, lane.links) == (len(state.active()), len(state.links))
                assert lane.done
                assert lane.ms > 0


def test_within_a_turn_only_what_has_happened_counts(invented: Path) -> None:
    with TraceReader(invented) as reader:
        probe = reader.session(1).probes[3]
        events = list(reader.events(1, 2, turns=(probe.after, probe.after)))
        for event in events:
            lane = next(x for x in lanes(reader, 1, probe.after, event.seq).lanes if x.lane == 2)
            state = MemoryState(reader.events(1, 2, up_to_seq=event.seq))
            assert lane.items == len(state.active())
            scored = any(e.kind == Kind.SCORED and e.subject == probe.id for e in events if e.seq <= event.seq)
            assert (lane.answer is not None) == scored
            assert lane.done == (event.kind == Kind.TURN_CLOSED)


def test_answers_are_about_the_selected_probe_or_the_last_asked(invented: Path) -> None:
    with TraceReader(invented) as reader:
        probes = sorted(reader.session(1).probes, key=lambda p: p.after)
        assert lanes(reader, 1, probes[0].after - 1).probe == ""
        assert lanes(reader, 1, probes[2].after).probe == probes[2].id
        assert lanes(reader, 1, probes[3].after - 1).probe == probes[2].id
        assert lanes(reader, 1, probes[3].after, probe=probes[1].id).probe == probes[3].id
        assert lanes(reader, 1, probes[3].after, probe=probes[1].id, pinned=True).probe == probes[1].id
        assert lanes(reader, 1, probes[3].after, probe=probes[5].id).probe == probes[3].id  # not asked yet


def test_shares_of_spans_add_up(invented: Path) -> None:
    with TraceReader(invented) as reader:
        for lane in lanes(reader, 1, 79).lanes:
            assert lane.answer is not None
            assert sum(s.share for s in lane.answer.spans) == pytest.approx(1)
            assert lane.answer.dropped == 1
            evidence = set(lane.answer.evidence)
            assert all(s.evidence == bool(evidence & set(s.turns)) for s in lane.answer.spans)


def _one_probe(path: Path, weights: np.ndarray, bins: list[int] | None, evidence: tuple[int, ...] = (0,)) -> Path:
    """A run of one turn and one probe whose context is instruction, two items, question, two tokens each."""
    plan = Session(
        "s",
        (Turn(0, "user", "one"), Turn(1, "user", "two")),
        (Probe("p", 1, "Q?", ("x",), "accurate_retrieval", evidence),),
    )
    with TraceWriter(path) as writer:
        number, lane, events = writer.add_session(plan, "sha"), writer.add_lane("dense", "dense", "full-cache", {}), []

        def emit(kind: str, subject: str, payload: dict, cause: int = 0, ms: float = 0.0) -> Event:
            events.append(Event(number, lane, 1, len(events) + 1, kind, subject, cause, payload, ms))
            return events[-1]

        log = MemoryLog(emit, MemoryState(), 0)
        call = emit(Kind.MODEL_CALLED, "", {"purpose": "note", "prompt": [{"role": "user", "text": "hm"}], "raw": "{}",
                                            "tokens": [3, 1], "stop": "limit", "error": "cut off"}, ms=4.0)  # fmt: skip
        log.write("user: one", "note", cause=call.n)
        found = [("note-2", 1, True, 1, "two"), ("note-1", 2, False, 0, "one")]
        hits = [{"item": i, "rank": r, "score": 2 - r, "returned": b, "parts": {}, "turns": [t], "text": x}
                for i, r, b, t, x in found]  # fmt: skip
        emit(Kind.RECALLED, "p", {"query": "Q?", "k": 1, "hits": hits}, ms=2.0)
        spans = [{"kind": k, "label": k, "text": k, "items": i, "turns": t, "tokens": [2 * n, 2 * n + 2]}
                 for n, (k, i, t) in enumerate([("instruction", [], []), ("memory", ["note-1"], [0]),
                                                ("memory", ["note-2"], [1]), ("question", [], [])])]  # fmt: skip
        emit(Kind.PACKED, "p", {"budget": 9, "tokens": 8, "spans": spans, "dropped": []})
        emit(Kind.ANSWERED, "p", {"text": " y", "tokens": [["y", -1.0]], "prompt_tokens": 8, "error": ""}, ms=3.0)
        emit(Kind.CAPTURED, "p", {"blob": blobs.digest(weights), "layers": [0], "heads": 1, "tokens": [], "bins": bins})
        emit(Kind.SCORED, "p", {"correct": False, "score": 0.0, "extracted": "y", "scorer": "match",
                                "competency": "accurate_retrieval", "recall": {"10": 0.0}, "rank": 2})  # fmt: skip
        emit(Kind.DROPPED, "", {"reason": "malformed", "detail": "expected an object"})
        emit(Kind.TURN_CLOSED, "", {"calls": 1, "tokens": [3, 1], "items": 1}, ms=5.0)
        writer.append(events, [weights])
    return path


def test_attention_on_evidence_is_its_share_of_the_capture(tmp_path: Path) -> None:
    row = np.array([4, 0, 1, 2, 1, 0, 1, 1], np.float16).reshape(1, 1, 1, 8)
    with TraceReader(_one_probe(tmp_path / "a.mnemo", row, None)) as reader:
        answer = lanes(reader, 1, 1).lanes[0].answer
    assert answer is not None
    assert answer.attention == pytest.approx(0.3)
    assert not answer.pooled
    assert (answer.text, answer.extracted, answer.correct, answer.rank) == (" y", "y", False, 2)
    assert answer.retrieved == (0, 1)
    assert (answer.used, answer.budget, answer.prompt_tokens, answer.generated, answer.ms) == (4, 9, 8, 1, 5.0)
    assert [s.evidence for s in answer.spans] == [False, True, False, False]


def test_pooled_captures_are_called_so(tmp_path: Path) -> None:
    row = np.array([1, 2, 1, 0], np.float16).reshape(1, 1, 1, 4)
    with TraceReader(_one_probe(tmp_path / "a.mnemo", row, [0, 2, 4, 6])) as reader:
        answer = lanes(reader, 1, 1).lanes[0].answer
    assert answer is not None
    assert answer.pooled
    assert answer.attention == pytest.approx(0.5)


def test_no_share_is_claimed_where_the_evidence_is_unknown(tmp_path: Path) -> None:
    row = np.ones((1, 1, 1, 8), np.float16)
    with TraceReader(_one_probe(tmp_path / "a.mnemo", row, None, ())) as reader:
        answer = lanes(reader, 1, 1).lanes[0].answer
    assert answer is not None
    assert answer.attention is None


def test_calls_hold_prompts_raw_outputs_and_what_they_brought_about(tmp_path: Path) -> None:
    row = np.ones((1, 1, 1, 8), np.float16)
    with TraceReader(_one_probe(tmp_path / "a.mnemo", row, None)) as reader:
        log = calls(reader, 1, 1, 1)
        assert calls(reader, 1, 1, 1, log.calls[0].seq).calls == (
            log.calls[0].__class__(**_but(log.calls[0], operations=0)),
        )
    note, answer = log.calls
    assert (note.purpose, note.prompt, note.raw, note.stop, note.error) == (
        "note",
        (("user", "hm"),),
        "{}",
        "limit",
        "cut off",
    )
    assert note.operations == 1
    assert (answer.purpose, answer.subject, answer.raw, answer.tokens) == ("answer", "p", " y", (8, 1))
    assert [role for role, _ in answer.prompt] == ["instruction", "memory", "memory", "question"]
    assert [(r.text, r.bad) for r in log.remarks] == [("malformed · expected an object", True)]


def test_noted_figures_are_read_by_people(tmp_path: Path) -> None:
    with TraceWriter(tmp_path / "a.mnemo") as writer:
        number = writer.add_session(Session("s", (Turn(0, "user", "one"),), ()), "x")
        lane = writer.add_lane("a-mem", "a-mem", "full-cache", {})
        value = {"links": [3, "note-4"], "kept": True, "gone": []}
        writer.append([Event(number, lane, 0, 1, Kind.NOTED, payload={"name": "evolution", "value": value})])
    with TraceReader(tmp_path / "a.mnemo") as reader:
        remarks = calls(reader, number, lane, 0).remarks
    assert [r.text for r in remarks] == ["evolution links 3, note-4, kept yes, gone none"]


def _but(call: object, **changes: object) -> dict[str, object]:
    return {name: getattr(call, name) for name in call.__slots__} | changes  # type: ignore[attr-defined]


def test_the_engine_speaks_in_the_log(invented: Path) -> None:
    with TraceReader(invented) as reader:
        lines = calls(reader, 1, 1, 0).engine
    assert [line.kind for line in lines] == ["engine.loaded", "run.finished"]
    assert "invented" in lines[0].text


def test_the_probe_table_has_every_answer(invented: Path) -> None:
    with TraceReader(invented) as reader:
        table = probe_table(reader, 1)
        assert [line.turn for line in table.lines] == sorted(line.turn for line in table.lines)
        for line in table.lines:
            for (lane, _), verdict in zip(table.lanes, line.verdicts, strict=True):
                events = {e.kind: e.payload for e in reader.events(1, lane, subject=line.probe)}
                assert verdict is not None
                assert verdict.answer == events[Kind.ANSWERED]["text"]
                assert verdict.correct == events[Kind.SCORED]["correct"]


def test_the_most_telling_probe_is_the_one_that_divides_the_lanes() -> None:
    def line(probe: str, *correct: bool | None) -> ProbeLine:
        verdicts = tuple(None if c is None else Verdict(n, c, "", 0) for n, c in enumerate(correct))
        return ProbeLine(probe, 0, "accurate_retrieval", "?", "gold", verdicts)

    def telling(*lines: ProbeLine) -> str | None:
        found = most_telling(ProbeTable(1, (), lines))
        return found and found.probe

    same, one, two = (
        line("a", True, True, True, True),
        line("b", False, True, True, True),
        line("c", *[False, True] * 2),
    )
    assert telling(same, one, two, line("d", True, True, False, False)) == "d", "the last of those that divide most"
    assert telling(same, one) == "b"
    assert telling(same, line("e", None, True)) is None, "a lane that has not answered does not disagree"
    assert telling() is None


def test_the_board_counts_up_to_the_cursor_in_columns_that_stand_still(invented: Path) -> None:
    with TraceReader(invented) as reader:
        probes = reader.session(1).probes
        shapes = set()
        for turn in (-1, 20, 50, 79):
            view = board(reader, 1, turn)
            shapes.add(view.columns)
            due = [p for p in probes if p.after <= turn]
            assert view.asked == len(due)
            for row in view.rows:
                right = {e.subject for e in reader.events(1, row.lane, (Kind.SCORED,)) if e.payload["correct"]}
                for column, cell in zip(view.columns, row.cells, strict=True):
                    asked = {p.id for p in due if column.competency in ("", p.competency)}
                    if column.score != RECALL:
                        assert (cell.n, cell.right or 0) == (len(asked), len(asked & right))
        assert len(shapes) == 1


def test_the_index_counts_like_the_fold(invented: Path) -> None:
    with TraceReader(invented) as reader:
        index = TraceIndex.of(reader)
        for turn in range(-1, 80, 3):
            state = index.state(1, 2, turn)
            assert index.counts(1, 2, turn) == (len(state.active()), len(state.links))
            assert state == MemoryState(reader.events(1, 2, turns=(-1, turn)))


def test_losses_of_one_reason_stand_as_one(tmp_path: Path) -> None:
    path = tmp_path / "lost.mnemo"
    with TraceWriter(path) as writer:
        number = writer.add_session(Session("s", (Turn(0, "user", "Hello."),), ()), "x")
        lane = writer.add_lane("mem0", "mem0", "full-cache", {})
        losses = [("repetition", f"Sydney {n}") for n in range(5)] + [("cut off", "a fact")]
        writer.append(
            Event(number, lane, 0, n + 1, Kind.DROPPED, "", payload={"reason": reason, "detail": detail})
            for n, (reason, detail) in enumerate(losses)
        )
    with TraceReader(path) as reader:
        (view,) = lanes(reader, 1, 0).lanes
    assert [(step.times, step.reason) for step in view.steps] == [(5, "repetition"), (1, "cut off")]
    assert view.steps[0].text == "repetition" and "a fact" in view.steps[1].text
    assert sum(view.counts.values()) == 6


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"text": ["in Oslo", "in Rome"], "index_text": ["a", "b"], "hash": ["1f", "2e"]}, "in Rome"),
        ({"context": ["", "a move"], "tags": [[], ["city", "job"]], "turns": [[1], [1, 4]]},
         "context → a move · tags → city, job"),
        ({"evolved": [False, True]}, "evolved → yes"),
        ({"index_text": ["a", "a city"], "turns": [[1], [1, 4]]}, "found by → a city"),
        ({"turns": [[1], [1, 4, 5]], "when": ["x", "y"]}, "also from turn 4, 5"),
        ({"turns": [[1, 4], [1]]}, "from turns 1"),
        ({"when": ["Monday", "Tuesday"]}, "when → Tuesday"),
        ({}, ""),
    ],
)  # fmt: skip
def test_an_update_says_what_is_new_and_no_bare_names_of_fields(changes: dict[str, object], said: str) -> None:
    assert _said_change({"changes": changes}) == said


def test_of_lanes_out_of_sight_words_and_verdict_are_read(invented: Path) -> None:
    with TraceReader(invented) as reader:
        probe = sorted(reader.session(1).probes, key=lambda p: p.after)[2]
        short = lanes(reader, 1, probe.after + 1, whole={1})
        again = lanes(reader, 1, probe.after + 1, whole={1})
        everything = lanes(reader, 1, probe.after + 1)
    told = {lane.lane: lane.answer for lane in short.lanes if lane.answer is not None}
    full = {lane.lane: lane.answer for lane in everything.lanes if lane.answer is not None}
    assert {n for n, answer in told.items() if answer.whole} == {1} and all(a.whole for a in full.values())
    assert len(full) > 1 and told[1] == full[1] and again == short
    for n, answer in told.items():
        assert (answer.text, answer.correct) == (full[n].text, full[n].correct)
        assert bool(answer.spans) == (n == 1)


def test_all_lanes_of_a_turn_are_read_at_once_and_as_one_by_one(invented: Path) -> None:
    with TraceReader(invented) as reader:
        index = TraceIndex.of(reader)
        index.refresh()
        numbers = [row.id for row in index.lanes]
        one_by_one = {n: tuple(reader.events(1, n, turns=(7, 7))) for n in numbers}
        asked: list[object] = []
        read = reader.events
        reader.events = lambda *a, **k: asked.append(a) or read(*a, **k)  # type: ignore[method-assign,func-returns-value]
        index.bring(1, 7)
        assert {n: index.events(1, n, 7) for n in numbers} == one_by_one and len(asked) == 1
