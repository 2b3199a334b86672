"""TICK and CLEAR: long answers judged item by item."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.backends import ScriptedBackend
from workbench.checklists import item_f1
from workbench.engine.judge import judge_run
from workbench.judging import Judge, Verdict
from workbench.llm.base import CompletionRequest, CompletionResult
from workbench.probes import score_probe
from workbench.projections.published import standings
from workbench.sessions import Probe, Session, Turn
from workbench.trace.events import Event, Kind
from workbench.trace.reader import TraceReader
from workbench.trace.writer import TraceWriter

CHECKLIST = {"city": "Oslo", "price": "12 euros", "colour": "teal"}


@dataclass
class ByWords(ScriptedBackend):
    """Reads an item as "item: value;" and says yes to what is there word for word."""

    broken: str = ""

    async def complete(self, request: CompletionRequest) -> CompletionResult:
        prompt = "\n".join(m.text for m in request.messages)
        self.calls.append(prompt)
        assert request.schema is not None
        lines = dict(line.split(": ", 1) for line in request.messages[1].text.splitlines() if ": " in line)
        (key,) = request.schema["properties"]
        if key == self.broken:
            return self._result(prompt, "I would rather not say.")
        if key == "questions":
            data: object = [f"Does it say {word}?" for word in lines["Reference"].split()]
        elif key == "answer":
            data = "yes" if lines["Requirement"].split()[-1].rstrip("?") in lines["Response"] else "no"
        elif key == "found":
            parts = dict(p.split(" is ") for p in lines["Text"].split("; ") if " is " in p)
            data = parts.get(lines["Item"], "none")
        else:
            data = "yes" if lines["First"] in lines["Second"] else "no"
        return self._result(prompt, json.dumps({key: data}))


def judged(name: str, answer: str, broken: str = "", **fields: object) -> Verdict:
    probe = Probe("q", 0, "Report it.", ("Oslo teal",), "x", **fields)  # type: ignore[arg-type]
    return asyncio.run(Judge(ByWords(broken=broken))(name, probe, answer))


def test_tick_is_the_share_of_its_questions_that_are_met() -> None:
    found = judged("tick-judge", "It is in Oslo.")
    assert found.value == 0.5
    assert found.verdict == "yes: Does it say Oslo?; no: Does it say teal?"
    assert len(found.prompts) == len(found.replies) == 3
    questions = ["Is it Oslo", "Is it teal", "Is it 12", "Is it 13"]
    own = judged("tick-judge", "Oslo, teal, 12", extra={"checklist": questions})
    assert (own.value, len(own.prompts)) == (0.75, 4)


def test_clear_compares_what_both_say_about_every_item() -> None:
    found = judged("clear-judge", "city is Oslo; price is 13 euros; mood is good", extra={"checklist": CHECKLIST})
    assert found.verdict == "city: agrees; price: differs; colour: missing"
    assert found.value == pytest.approx(2 * 0.5 * (1 / 3) / (0.5 + 1 / 3))
    assert judged("clear-judge", "", extra={"checklist": CHECKLIST}).value == 0.0


def test_clear_takes_the_reference_apart_where_only_items_are_given() -> None:
    fields = {"extra": {"checklist": ["city", "mood"]}}
    probe = Probe("q", 0, "Report it.", ("city is Oslo; price is 12",), "x", **fields)  # type: ignore[arg-type]
    found = asyncio.run(Judge(ByWords())("clear-judge", probe, "city is Oslo; mood is good"))
    assert found.verdict == "city: agrees; mood: not wanted"
    assert found.value == pytest.approx(2 * 0.5 * 1.0 / 1.5)


@pytest.mark.parametrize(
    ("name", "broken"), [("tick-judge", "answer"), ("tick-judge", "questions"), ("clear-judge", "found")]
)
def test_a_reply_that_cannot_be_read_is_no_verdict(name: str, broken: str) -> None:
    found = judged(name, "city is Oslo", broken)
    assert found.value is None
    assert "no verdict can be read" in found.reason


def test_f1_over_items_by_hand() -> None:
    outcomes = [(True, True, True), (True, True, False), (True, False, False), (False, True, False), (False,) * 3]
    assert item_f1(outcomes) == (1 / 3, 1 / 3, pytest.approx(1 / 3))
    assert item_f1([]) == (0.0, 0.0, 0.0)


def test_any_run_can_be_judged_by_a_rubric(tmp_path: Path) -> None:
    probe = Probe("q", 0, "Report it.", ("Oslo teal",), "accurate_retrieval")
    with TraceWriter(tmp_path / "run.mnemo") as writer:
        number = writer.add_session(Session("s", (Turn(0, "user", "Hi."),), (probe,)), "x")
        lane = writer.add_lane("full", "full", "full-cache", {})
        said = {"text": "Oslo", "tokens": [], "prompt_tokens": 0}
        writer.append([
            Event(number, lane, 0, 1, Kind.ANSWERED, "q", payload=said),
            Event(number, lane, 0, 2, Kind.SCORED, "q", payload=score_probe(probe, "Oslo", [])),
        ])  # fmt: skip
    added, trials = judge_run(tmp_path / "run.mnemo", ByWords(), rubric="tick-judge")
    assert added == 1
    assert [t.name for t in trials] == ["tick-judge"]
    with TraceReader(tmp_path / "run.mnemo") as reader:
        figures = {f.name: f.mean for f in standings(reader)[0].figures}
    assert figures == {"accuracy": 0.0, "tick-judge": 0.5}
