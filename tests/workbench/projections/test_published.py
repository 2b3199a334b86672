"""Published scores of a run: by category, put together as in the papers, with errata, and what was lost."""

import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from workbench.errors import UsageError
from workbench.probes import score_probe
from workbench.probes.errata import read
from workbench.probes.papers import Place, columns, place, short_title
from workbench.projections.losses import losses
from workbench.projections.published import Scored, _Entry, _Part, standings, to_json
from workbench.sessions import Probe, Session, Turn, tasks
from workbench.trace.events import Event, Kind
from workbench.trace.reader import TraceReader
from workbench.trace.writer import TraceWriter

ASKED = (
    ("What did Ida buy?", 4, "a kayak"),
    ("Which hobbies has she?", 1, "pottery, camping"),
    ("When did she paint?", 2, "7 May 2023"),
    ("Where does Ola live?", 4, "Oslo"),
    ("Which cat has she?", 5, ""),
)
SAID = ("a red kayak", "camping", "unknown", "in Lima", "Not mentioned in the conversation")


def probe(number: int, question: str, category: int, gold: str) -> Probe:
    away = category == 5
    extra = {"category": category}
    fields = tasks.locomo(category)
    golds = () if away else (gold,)
    return Probe(f"q{number}", 0, question, golds, "accurate_retrieval", (0,), abstain=away, extra=extra, **fields)


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[TraceReader]:
    probes = tuple(probe(n, *asked) for n, asked in enumerate(ASKED))
    session = Session("s", (Turn(0, "user", "I bought a kayak."),), probes, "locomo")
    with TraceWriter(tmp_path / "run.mnemo") as writer:
        number, lane = writer.add_session(session, "x"), writer.add_lane("bm25", "bm25", "full-cache", {})
        events, n = [], 0
        for asked, said in zip(probes, SAID, strict=True):
            payloads = {Kind.ANSWERED: {"text": said}, Kind.SCORED: score_probe(asked, said, [], 5)}
            for kind, payload in payloads.items():
                n += 1
                events.append(Event(number, lane, 0, n, kind, asked.id, payload=payload))
        for kind, payload in (
            (Kind.DROPPED, {"reason": "not in the schema", "detail": "x", "operation": "facts"}),
            (Kind.DROPPED, {"reason": "not in the schema", "detail": "y", "operation": "facts"}),
            (Kind.MODEL_CALLED, {"purpose": "facts", "error": "cut off at 384 tokens", "prompt": [], "tokens": [1, 2]}),
            (Kind.PACKED, {"dropped": [{}, {}, {}], "clipped": [{}]}),
        ):
            n += 1
            events.append(Event(number, lane, 0, n, kind, "", payload=payload))
        writer.append(events)
    with TraceReader(tmp_path / "run.mnemo") as opened:
        yield opened


def test_locomo_is_the_mean_of_each_category(reader: TraceReader) -> None:
    (lane,) = standings(reader)
    found = {f.name: f for f in lane.figures}
    by = {g.category: (g.n, round(g.mean, 6)) for g in found["locomo-f1"].by}
    assert by == {"1": (1, 0.5), "2": (1, 0.0), "4": (2, 0.333333), "5": (1, 1.0)}
    assert found["locomo-f1"].mean == pytest.approx((0.5 + 0 + 2 / 3 + 0 + 1) / 5)
    assert found["locomo-f1"].interval.method == "bca"
    assert (found["accuracy"].n, found["abstention"].n) == (4, 1)
    assert [c.title for c in lane.papers["LoCoMo"]] == [
        "1 multi-hop", "2 temporal", "4 single-hop", "5 adversarial", "all",
    ]  # fmt: skip
    assert lane.missing == {"locomo-judge": (4, "`mnemoscope judge` gives it")}


def test_json_has_the_stable_shape(reader: TraceReader) -> None:
    data = to_json(standings(reader)[0])
    figure = data["scores"]["locomo-f1"]
    assert figure.keys() >= {"n", "mean", "ci95", "by"}
    assert figure["by"]["4"] == {"n": 2, "mean": pytest.approx(1 / 3)}
    assert data["scores"].keys() == {"accuracy", "abstention", "locomo-f1"}
    json.dumps(data)


def test_a_verdict_that_came_later_counts_under_its_name(reader: TraceReader) -> None:
    with TraceWriter(reader.path) as writer:
        payload = {"name": "locomo-judge", "judge": "small", "value": 1.0}
        writer.append([Event(1, 1, 0, 100, Kind.JUDGED, "q0", payload=payload)])
    (lane,) = standings(reader)
    judged = next(f for f in lane.figures if f.name == "locomo-judge")
    assert (judged.n, judged.mean, judged.judge) == (1, 1.0, "small")
    assert [(c.title, c.score, c.n) for c in lane.papers["LoCoMo, LLM judge"]] == [("4 single-hop", "locomo-judge", 1)]
    assert lane.missing == {"locomo-judge": (3, "`mnemoscope judge` gives it")}


def test_errata_leave_out_or_correct(reader: TraceReader, tmp_path: Path) -> None:
    audit = [
        {"question_id": "locomo_0_qa3", "question": "where does Ola live", "error_type": "HALLUCINATION",
         "correct_answer": "Lima"},
        {"question": "What did Ida buy?", "error_type": "WRONG_CITATION", "correct_answer": "a kayak"},
    ]  # fmt: skip
    file = tmp_path / "errors_conv_0.json"
    file.write_text(json.dumps(audit), encoding="utf-8")
    (lane,) = standings(reader, errata=read([file]))
    assert lane.left_out == 1
    assert {f.name: f.n for f in lane.figures} == {"accuracy": 3, "abstention": 1, "locomo-f1": 4}
    (mended,) = standings(reader, errata=read([file], correct=True))
    four = next(g for g in mended.figures[-1].by if g.category == "4")
    assert (mended.left_out, four.n, four.mean) == (0, 2, pytest.approx(2 / 3))
    lines = tmp_path / "own.jsonl"
    lines.write_text('{"question": "What did Ida buy?", "session": "another"}\n{"question": "Which cat has she?"}\n')
    (own,) = standings(reader, errata=read([lines]))
    assert own.left_out == 1


@pytest.mark.parametrize(("text", "said"), [("{", "neither JSON nor JSON Lines"), ("[1]", "entry 1 has no question")])
def test_what_is_no_errata_file_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(UsageError, match=said):
        read([tmp_path / "x.json"])


def test_losses_are_counted_by_operation(reader: TraceReader) -> None:
    (lane,) = losses(reader)
    assert lane.to_json() == {
        "facts": {"dropped": {"not in the schema": 2}, "cut": {"cut off at N tokens": 1}},
        "context": {"dropped": {"no room in the context": 3}, "cut": {"no room in the context": 1}},
    }


def test_memoryagentbench_has_short_headings() -> None:
    wanted = {
        "factconsolidation_sh_6k": "FC-SH 6k",
        "factconsolidation_mh_262k": "FC-MH 262k",
        "ruler_qa1_197K": "SH-QA 197K",
        "eventqa_full": "EventQA full",
        "icl_banking77_5900shot_balance": "MCC banking77",
        "AR": "AR",
        "overall": "overall",
    }
    assert {name: short_title("MemoryAgentBench", name) for name in wanted} == wanted
    assert short_title("LoCoMo", "2 temporal") == "2 temporal"


def test_memoryagentbench_averages_columns_within_a_competency() -> None:
    figures = {
        "icl_trec_fine": ("icl-em", [1.0, 0.0]),
        "icl_banking77": ("icl-em", [1.0]),
        "recsys_redial_full": ("recsys-recall@5", [0.25]),
        "ruler_qa1_197K": ("substring-em", [1.0]),
    }
    found = {c.title: c.mean for c in columns("MemoryAgentBench", figures)}
    assert found["TTL"] == pytest.approx((0.75 + 0.25) / 2)
    assert (found["AR"], "overall" in found) == (1.0, False)
    assert list(found) == ["ruler_qa1_197K", "icl_banking77", "icl_trec_fine", "recsys_redial_full", "AR", "TTL"]


def test_longmemeval_averages_its_types_too() -> None:
    figures = {"a": ("longmemeval-judge", [1.0]), "b": ("longmemeval-judge", [0.0, 0.0, 1.0])}
    found = {c.title: c.mean for c in columns("LongMemEval", figures)}
    assert (found["task average"], found["all"]) == (pytest.approx(2 / 3), 0.5)


def test_a_generated_benchmark_says_that_its_questions_are_ours() -> None:
    for name, task in tasks.GENERATED.items():
        probe = Probe("p", 0, "?", ("x",), "accurate_retrieval", extra={"task": "tvg"}, **task.fields)
        assert place(probe, {}).benchmark.endswith(" (generated)"), name


def test_probes_out_of_the_order_of_their_turns_are_found_all_the_same() -> None:
    scored = [Scored(1, Probe(f"p{n}", n, "?", ("x",), "accurate_retrieval"), Place("", ""), 1.0, {}) for n in range(4)]
    for turns in ((0, 1, 2, 3), (2, 0, 3, 1), (1, 1, 0, 1)):
        part = _Part()
        for seq, (turn, one) in enumerate(zip(turns, scored, strict=True)):
            part.add(_Entry(seq, turn, 1, one))
        for turn, seq in product((None, -1, 0, 1, 2, 3), (None, 0, 2)):
            wanted = [n for n, t in enumerate(turns) if (turn is None or t <= turn) and (seq is None or n <= seq)]
            assert [e.seq for e in part.up_to(turn, seq)] == wanted
