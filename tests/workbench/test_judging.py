"""Judges: what they are asked, how their verdicts are kept, and how often they accept what is vague."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.backends import ScriptedBackend
from workbench import cli
from workbench.engine.judge import judge_run, tasks
from workbench.errors import ModelError, UsageError
from workbench.judging import Judge, stress_set, summary_f1
from workbench.llm.base import CompletionRequest, CompletionResult
from workbench.probes import score_probe
from workbench.projections.judged import judgements, trials
from workbench.projections.published import standings
from workbench.sessions import Probe, Session, Turn
from workbench.sessions import tasks as benchmark
from workbench.trace.events import Event, Kind
from workbench.trace.reader import TraceReader
from workbench.trace.writer import TraceWriter


@dataclass
class Reading(ScriptedBackend):
    """Says yes when the right answer stands in the given one, word for word; counts 2 of everything."""

    breaks: str = ""

    async def complete(self, request: CompletionRequest) -> CompletionResult:
        prompt = "\n".join(m.text for m in request.messages)
        self.calls.append(prompt)
        if self.breaks == "error":
            raise ModelError("the prompt does not fit", "use a larger context")
        if self.breaks:
            return self._result(prompt, self.breaks)
        assert request.schema is not None
        lines = dict(line.split(": ", 1) for line in request.messages[1].text.splitlines() if ": " in line)
        gold = lines.get("Right answer", lines.get("Correct answer", "?")).lower()
        said = lines.get("Given answer", lines.get("Model's answer", "")).lower()
        names = request.schema["properties"]
        data = {name: 1 if name == "fluency" else 2 for name in names}
        verdict = {"verdict": "yes" if gold in said else "no", "reason": "word for word"}
        data |= {name: value for name, value in verdict.items() if name in names}
        return self._result(prompt, json.dumps(data))


def probe(**values: object) -> Probe:
    fields = {"extra": {"category": 4}} | benchmark.locomo(4) | values
    return Probe("q1", 0, "Where?", ("Oslo",), "accurate_retrieval", **fields)  # type: ignore[arg-type]


def test_a_verdict_keeps_what_was_asked_and_why() -> None:
    found = asyncio.run(Judge(Reading())("locomo-judge", probe(), "in Oslo"))
    assert (found.value, found.verdict, found.reason, found.judge) == (1.0, "yes", "word for word", "scripted")
    assert "Right answer: Oslo\nGiven answer: in Oslo" in found.prompts[0][1].text
    assert json.loads(found.replies[0])["verdict"] == "yes"
    assert asyncio.run(Judge(Reading())("locomo-judge", probe(), "Lima")).value == 0.0


@pytest.mark.parametrize(
    ("kind", "abstain", "said", "not_said"),
    [
        ("multi-session", False, "only a part", "off by one"),
        ("temporal-reasoning", False, "off by one", "rubric"),
        ("knowledge-update", False, "earlier state", "off by one"),
        ("single-session-preference", False, "rubric", "earlier state"),
        ("multi-session", True, "cannot be answered", "only a part"),
    ],
)
def test_longmemevals_rubric_goes_by_the_type_of_question(kind: str, abstain: bool, said: str, not_said: str) -> None:
    backend = Reading()
    asked = probe(extra={"type": kind, "answer": "19 days"}, abstain=abstain)
    asyncio.run(Judge(backend)("longmemeval-judge", asked, "18 days"))
    assert said in backend.calls[0]
    assert not_said not in backend.calls[0]
    assert "19 days" in backend.calls[0]


def test_a_summary_is_judged_by_fluency_key_points_and_sentences() -> None:
    asked = probe(extra={"keypoints": ["a", "b", "c", "d"]}, scores=("infbench-judge",))
    found = asyncio.run(Judge(Reading())("infbench-judge", asked, "A summary."))
    assert found.value == pytest.approx(2 * 0.5 * 1.0 / 1.5)
    assert len(found.prompts) == len(found.replies) == 3
    assert "3. c" in found.prompts[1][1].text


@pytest.mark.parametrize(
    ("fluency", "recall", "precision", "sentences", "points", "value"),
    [
        (1, 7, 5, 15, 10, 2 * (0.7 / 3) / (0.7 + 1 / 3)),
        (0, 7, 5, 15, 10, 0.0),
        (1, 0, 0, 9, 10, 0.0),
        (1, 1, 1, 0, 0, 0.0),
    ],
)
def test_summary_f1_by_hand(
    fluency: int, recall: int, precision: int, sentences: int, points: int, value: float
) -> None:
    found = {"fluency": fluency, "recall": recall, "precision": precision, "sentence_count": sentences}
    assert summary_f1(found, points) == pytest.approx(value)


@pytest.mark.parametrize(
    ("breaks", "value", "reason"),
    [
        ("error", None, "the prompt does not fit"),
        ("I cannot say.", None, "no verdict can be read"),
        ('{"answer": "yes"}', None, "another form"),
        ('{"verdict": "yes", "reason": "it goes on and', 1.0, "no verdict can be read"),
        ('Sure: {"verdict": "no", "reason": "x"}', 0.0, "x"),
    ],
)
def test_what_cannot_be_read_is_no_verdict(breaks: str, value: float | None, reason: str) -> None:
    found = asyncio.run(Judge(Reading(breaks=breaks))("locomo-judge", probe(), "Oslo"))
    assert found.value == value
    assert reason in found.reason


def test_the_stress_set_is_large_and_tells_judges_apart() -> None:
    rows = stress_set()
    wrong = [row for row in rows if not row["right"]]
    assert len(wrong) >= 60
    assert len({row["answer"] for row in wrong}) == len(wrong)
    strict = asyncio.run(Judge(Reading()).stress("locomo-judge"))
    lenient = asyncio.run(Judge(Reading(breaks='{"verdict": "yes", "reason": ""}')).stress("locomo-judge"))
    assert (strict.accepted, strict.wrong) == (0, len(wrong))
    assert (lenient.accepted, lenient.right_accepted) == (len(wrong), len(rows) - len(wrong))
    assert str(lenient).startswith(f"scripted as locomo-judge accepts {len(wrong)} of {len(wrong)} vague wrong answers")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    probes = (probe(), Probe("q2", 0, "Who?", ("Bo",), "accurate_retrieval"))
    session = Session("s", (Turn(0, "user", "Hello."),), probes, "locomo")
    with TraceWriter(tmp_path / "run.mnemo") as writer:
        number = writer.add_session(session, "x")
        for name, said in (("full", "in Oslo"), ("bm25", "Lima")):
            lane = writer.add_lane(name, name, "full-cache", {})
            answer = {"text": said, "tokens": [], "prompt_tokens": 0}
            for n, asked in enumerate(probes):
                answered = Event(number, lane, 0, 2 * n + 1, Kind.ANSWERED, asked.id, payload=answer)
                scored = Event(number, lane, 0, 2 * n + 2, Kind.SCORED, asked.id, payload=score_probe(asked, said, []))
                writer.append([answered, scored])
    return tmp_path / "run.mnemo"


def test_a_run_is_judged_once_and_shows_it(run: Path) -> None:
    added, (tried,) = judge_run(run, Reading())
    assert (added, tried.accepted) == (2, 0)
    with TraceReader(run) as reader:
        found = {(j.lane, j.value, j.reason) for j in judgements(reader, 1)}
        assert found == {(1, 1.0, "word for word"), (2, 0.0, "word for word")}
        assert judgements(reader, 1)[0].prompts[0][0][0] == "system"
        (figure,) = [f for f in standings(reader)[0].figures if f.judge]
        assert (figure.name, figure.n, figure.mean, figure.judge) == ("locomo-judge", 1, 1.0, "scripted")
        assert tasks(reader, "scripted") == []
        assert len(tasks(reader, "another")) == len(tasks(reader, "scripted", again=True)) == 2
    assert judge_run(run, Reading())[0] == 0
    assert judge_run(run, Reading(), lane="bm25", again=True)[0] == 1
    with TraceReader(run) as reader:
        assert len(trials(reader)) == 1


def test_a_rubric_judges_what_names_none_and_goes_on_where_it_was(run: Path) -> None:
    added, _ = judge_run(run, Reading(), session=1, lane="full", rubric="locomo-judge")
    with TraceReader(run) as reader:
        assert added == 2 and {(j.lane, j.probe, j.value) for j in judgements(reader, 1)} == {
            (1, "q1", 1.0),
            (1, "q2", 0.0),
        }
        assert [t.probe.id for t in tasks(reader, "scripted", rubric="locomo-judge")] == ["q1", "q2"], "those of bm25"
        events = list(reader.events(1, 1))
        assert [e.n for e in events] == list(range(1, len(events) + 1))


def test_a_run_without_judged_probes_or_such_a_lane_is_refused(run: Path) -> None:
    with TraceReader(run) as reader, pytest.raises(UsageError, match="no lane 'x'"):
        tasks(reader, "scripted", lane="x")
    with TraceWriter(run.with_name("b.mnemo")) as writer:
        writer.add_session(Session("s", (Turn(0, "user", "x"),), (Probe("p", 0, "?", ("x",), "y"),)), "x")
    with TraceReader(run.with_name("b.mnemo")) as reader, pytest.raises(UsageError, match="names a judged score"):
        tasks(reader, "scripted")


def test_the_commands(run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("judge", "grade"):
        monkeypatch.setattr(f"workbench.commands.{module}.open_backend", lambda options: Reading())
    assert cli.main(["judge", str(run), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["judge"], data["judged"], data["stress"][0]["wrong"]) == ("scripted", 2, 71)
    assert data["lanes"]["full"]["locomo-judge"]["mean"] == 1.0
    assert cli.main(["score", str(run)]) == 0
    assert "scripted as locomo-judge accepts 0 of 71 vague wrong answers" in capsys.readouterr().out
    answers = run.with_name("a.jsonl")
    answers.write_text('{"id": "q1", "answer": "Oslo"}\n')
    assert cli.main(["grade", str(run), "--answers", str(answers), "--judge", "x", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["scores"]["locomo-judge"]["judge"] == "scripted"
    assert data["probes"][0]["scores"]["locomo-judge"] == 1.0
    assert data["judges"][0]["accepted"] == 0
