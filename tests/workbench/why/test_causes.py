"""Causes read from the trace alone."""

from pathlib import Path

import pytest

from tests.support.traces import _Lane
from workbench.errors import UsageError
from workbench.sessions.model import Probe, Session, Turn
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader
from workbench.trace.writer import TraceWriter
from workbench.why.causes import read, suspect
from workbench.why.provenance import sources
from workbench.why.verdict import NOT_RETRIEVED, Use, Verdict


def test_what_beat_the_gold_item(story: TraceReader) -> None:
    verdict = suspect(story, 1, 1, "p0")
    assert (verdict.cause, verdict.confirmed, verdict.broke) == (NOT_RETRIEVED, None, "retrieved")
    assert verdict.turns == (3,) and not verdict.searched
    assert verdict.sentence == (
        "note-2 says it and came 3rd where 2 are returned; note-1, the last one returned, scored 0.700 against 0.600"
    )
    assert verdict.ranking is not None and verdict.ranking.own is not None
    assert (verdict.ranking.own.item, verdict.ranking.own.rank) == ("note-2", 3)
    assert [r.item for r in verdict.ranking.ahead] == ["note-0", "note-1"]
    stages = [(s.stage, s.turn, s.held) for s in verdict.thread]
    assert stages == [("said", 3, True), ("stored", 3, True), ("retrieved", 4, False), ("right", 4, False)]
    assert all(story.event(seq).turn in (3, 4) for seq in verdict.evidence)
    assert verdict.memtrace == "retrieval"


def test_a_verdict_survives_storing(story: TraceReader) -> None:
    verdict = suspect(story, 1, 1, "p0")
    assert Verdict.from_row(verdict.to_row()) == verdict
    plain = verdict.to_json()
    assert list(plain)[:8] == ["probe", "lane", "question", "gold", "answer", "cause", "evidence", "confirmed"]


def test_a_probe_that_was_not_asked_is_said_so(story: TraceReader) -> None:
    with pytest.raises(UsageError, match="was not asked 'p1'"):
        suspect(story, 1, 1, "p1")
    with pytest.raises(UsageError, match="no lane 9"):
        suspect(story, 1, 9, "p0")


@pytest.mark.parametrize(
    ("shown", "cause", "told"),
    [
        (
            "Mira: I moved to Oslo.",
            "never_stored",
            "Nothing was stored from turn 0, which the model read at turn 1 (facts)",
        ),
        ("Mira: The bus was late.", "lost", "message-0 said it until turn 1, when it was evicted"),
    ],
)
def test_what_a_buffer_let_go_of_was_never_stored(tmp_path: Path, shown: str, cause: str, told: str) -> None:
    """Only where the model was shown it: an eviction that nothing reads is a loss."""
    probe = Probe("p0", 1, "Where does Mira live?", ("Oslo",), "accurate_retrieval", (0,))
    said = [Turn(n, "user", text, "Mira") for n, text in enumerate(("I moved to Oslo.", "The bus was late."))]
    with TraceWriter(tmp_path / "buffer.mnemo") as writer:
        number = writer.add_session(Session("buffer", tuple(said), (probe,)), "buffer")
        lane = _Lane(number, writer.add_lane("mem0", "mem0", "full-cache", {}))
        lane.log(0).write("Mira: I moved to Oslo.", "message")
        lane.emit(Kind.TURN_CLOSED, "", {"calls": 0, "tokens": [0, 0], "items": 1})
        lane.log(1).evict("message-0", reason="full")
        prompt = [{"role": "user", "text": f"Facts in: {shown}"}]
        lane.emit(Kind.MODEL_CALLED, "", {"purpose": "facts", "prompt": prompt, "raw": "[]", "tokens": [9, 2]})
        lane.emit(Kind.TURN_CLOSED, "", {"calls": 1, "tokens": [9, 2], "items": 0})
        lane.emit(Kind.RECALLED, "p0", {"query": probe.question, "k": 2, "hits": []})
        lane.emit(Kind.ANSWERED, "p0", {"text": "Lima", "tokens": [], "prompt_tokens": 5, "error": ""})
        lane.emit(Kind.SCORED, "p0", {"correct": False, "score": 0.0, "extracted": "Lima"})
        writer.append(lane.events, [])
    with TraceReader(tmp_path / "buffer.mnemo") as reader:
        verdict = suspect(reader, 1, 1, "p0")
    assert (verdict.cause, verdict.sentence) == (cause, told)
    assert verdict.memtrace == ("extraction" if cause == "never_stored" else "deletion")


@pytest.mark.parametrize(
    ("use", "cause"),
    [
        (Use(), "misread"),
        (Use(attention=0.1, length=0.5), "not_attended"),
        (Use(attention=0.5, length=0.5), "misread"),
        (Use(attention=0.1, length=0.5, matters=True), "misread"),
        (Use(attention=0.9, length=0.5, matters=False), "not_attended"),
    ],
)
def test_what_a_reader_did_with_it(use: Use, cause: str) -> None:
    assert read(use) == cause


def test_an_answer_and_each_of_its_tokens_came_from_spans(sample: Path) -> None:
    with TraceReader(sample) as reader:
        whole = sources(reader, 1, 2, "p1")
        assert {s.label for s in whole} == {"turn-4", "turn-9"} and sum(s.share for s in whole) == pytest.approx(1)
        assert all(s.operations and s.turns for s in whole)
        assert sources(reader, 1, 2, "p1", 0) == sources(reader, 1, 2, "p1", 10**6) == whole, "one word, one token"


def test_a_capture_without_a_summary_says_it_too(story: TraceReader) -> None:
    whole, token = sources(story, 1, 1, "p0"), sources(story, 1, 1, "p0", 0)
    assert whole and token and whole[0].share >= whole[-1].share
