"""Asking: what of an answer is used, what is asked again, and what is on record as lost."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from workbench.llm.base import Closing, CompletionRequest, CompletionResult
from workbench.memory import prompts, schemas
from workbench.memory.base import Completion
from workbench.memory.items import MemoryState
from workbench.memory.json_text import parse, parse_cut
from workbench.memory.log import MemoryLog
from workbench.memory.prompt_sets import PromptSet
from workbench.memory.prompts import Full, Operation
from workbench.memory.replies import Reply, ask
from workbench.replay import LaneMind, Recorder
from workbench.trace.events import Event, Kind


@dataclass
class Mind:
    """Answers with what it is given, one after another."""

    answers: list[tuple[str, str]]
    asked: list[Operation] = field(default_factory=list)

    async def run(self, operation: Operation) -> Completion:
        self.asked.append(operation)
        text, stop = self.answers.pop(0)
        whole = stop == "end"
        return Completion(text, parse(text) if whole else parse_cut(text), whole, 1, stop)


def asked(operation: Operation, *answers: tuple[str, str]) -> tuple[Reply | None, list[str], Mind]:
    events: list[Event] = []

    def emit(kind: str, subject: str, payload: dict[str, Any], cause: int, ms: float) -> Event:
        events.append(Event(1, 1, 0, len(events) + 1, kind, subject, cause, payload, ms))
        return events[-1]

    mind = Mind(list(answers))
    reply = asyncio.run(ask(mind, MemoryLog(emit, MemoryState(), 0), operation))  # type: ignore[arg-type]
    return reply, [e.payload["reason"] for e in events if e.kind == Kind.DROPPED], mind


def full(operation: Operation, **schema: Any) -> Operation:
    wanted = schemas.fields(**schema) if schema else prompts.loosened(operation.schema or {})
    return Operation(operation.purpose, operation.messages, wanted, full=Full("m", "o", {}, wanted))


def test_a_cut_answer_is_asked_for_once_more_with_more_room() -> None:
    whole = json.dumps({"facts": ["Ida has a cat.", "Ida lives in Oslo."]})
    reply, losses, mind = asked(full(prompts.facts(["x"])), (whole[:20], "limit"), (whole, "end"))
    assert reply and reply["facts"] == ["Ida has a cat.", "Ida lives in Oslo."] and losses == []
    assert [o.room for o in mind.asked] == [1, 3]


def test_what_can_be_read_of_a_cut_answer_is_used_and_the_loss_is_named() -> None:
    cut = '{"facts": ["Ida has a cat.", "Ida lives i'
    reply, losses, _ = asked(full(prompts.facts(["x"])), (cut, "limit"), (cut, "limit"))
    assert reply and reply["facts"] == ["Ida has a cat.", "Ida lives i"] and losses == ["cut off"]
    reply, losses, mind = asked(prompts.facts(["x"]), (cut, "limit"))
    assert reply and len(mind.asked) == 1 and losses == ["cut off"]


def test_a_loop_keeps_the_entries_before_it() -> None:
    text = '{"facts": ["Ida has a cat.", "Sydney, '
    reply, losses, mind = asked(full(prompts.facts(["x"])), (text, "repetition"))
    assert reply and reply["facts"] == ["Ida has a cat.", "Sydney,"]
    assert losses == ["repetition"] and len(mind.asked) == 1


def test_a_list_that_was_closed_is_a_loss_and_the_rest_is_used() -> None:
    text = '{"keywords": ["Sydney"], "context": "Of Sydney.", "tags": ["city"]}'
    result = CompletionResult(
        text, (), 9, "end", generated=60, closings=(Closing("answer.keywords", "list", ', "Sydney"' * 90),)
    )

    @dataclass
    class Looping:
        async def complete(self, request: CompletionRequest) -> CompletionResult:
            return result

        def count_tokens(self, text: str) -> int:
            return len(text)

    recorder = Recorder(None, 1, 1)
    lane = LaneMind(Looping(), recorder, 0, PromptSet("plain"))  # type: ignore[arg-type]
    state = MemoryState()
    reply = asyncio.run(ask(lane, MemoryLog(recorder.emit, state, 0), prompts.note("x")))
    assert reply and reply["context"] == "Of Sydney." and reply["tags"] == ["city"]
    called, lost = recorder.events
    assert called.kind == Kind.MODEL_CALLED and not called.payload["error"] and called.payload["tokens"] == [9, 60]
    assert lost.kind == Kind.DROPPED and lost.payload["reason"] == "repetition" and lost.cause == called.n
    assert "the list answer.keywords repeated itself" in lost.payload["detail"] and "Sydney" in called.payload["note"]


def test_a_looping_list_of_objects_has_one_of_each_and_a_verdict_each_stays_in_its_place() -> None:
    row = '{"name": "Mel", "type": "person"}'
    reply, losses, _ = asked(full(prompts.entities(["x"])), (f'{{"entities": [{row}, {row}, {row}', "repetition"))
    assert reply and reply["entities"] == [{"name": "Mel", "type": "person"}] and losses == ["repetition"]
    cut = '{"verdicts": ["independent", "independent", "redundant", "indep'
    reply, _, _ = asked(prompts.relate("x", ["y"] * 4), (cut, "limit"))
    assert reply and reply["verdicts"] == ["independent", "independent", "redundant"]


def test_more_entries_than_there_can_be_are_cut() -> None:
    reply, losses, _ = asked(full(prompts.relevant("q", ["a"])), ('{"useful": [0, 0, 0]}', "end"))
    assert reply and reply["useful"] == [0] and losses == ["too long"]
    nothing = schemas.fields(links=schemas.many(schemas.index(0), most=0))
    reply, losses, _ = asked(full(prompts.facts(["x"]), **nothing["properties"]), ('{"links": [0]}', "end"))
    assert reply and reply["links"] == [] and losses == ["invented id"]


def test_an_answer_to_the_one_liner_is_read_as_the_method_writes_it() -> None:
    plain = prompts.check(["x"], "q")
    wanted = schemas.fields(enough=schemas.truth())
    operation = Operation(
        plain.purpose, plain.messages, plain.schema,
        full=Full("m", "o", {}, wanted, reads=lambda said: {"enough": said["answer"] == "yes"}),
    )  # fmt: skip
    reply, _, _ = asked(operation, ('{"answer": "yes"}', "end"))
    assert reply and reply["enough"] is True


def test_an_entry_that_was_never_finished_is_left_out() -> None:
    rows = schemas.many(schemas.fields(name=schemas.text(), kind=schemas.one_of(["a", "b"])))
    operation = full(prompts.facts(["x"]), rows=rows, note=schemas.text())
    cut = '{"rows": [{"name": "one", "kind": "a"}, {"name": "two", "ki'
    reply, losses, _ = asked(operation, (cut, "limit"), (cut, "limit"))
    assert reply and reply.data == {"rows": [{"name": "one", "kind": "a"}], "note": ""}
    assert losses == ["cut off"]


def test_nothing_readable_is_a_loss_with_its_reason() -> None:
    for stop, reason in (("limit", "cut off"), ("refused", "too long"), ("repetition", "repetition")):
        reply, losses, _ = asked(prompts.facts(["x"]), ("", stop))
        assert reply is None and losses == [reason]


def test_a_text_that_ends_at_the_limit_of_its_grammar_is_said() -> None:
    reply, losses, _ = asked(prompts.summarise(["x"]), (json.dumps({"summary": "y" * prompts.MAX_TEXT}), "end"))
    assert reply and len(reply["summary"]) == prompts.MAX_TEXT and losses == ["too long"]


def test_json_is_found_between_other_words() -> None:
    assert parse('Sure!\n```json\n{"a": 1}\n```\nDone.') == {"a": 1} == parse('Here: {"a": 1} as asked')
    assert parse_cut('{"a": [1, 2') == {"a": [1, 2]} and parse_cut("no") is None


@pytest.mark.parametrize("around", ["{}", "Here: {} as asked", "```json\n{}\n```"])
def test_half_a_surrogate_pair_is_no_text(around: str) -> None:
    raw = json.dumps({"facts": ["at \ud83d", "😀 ", "\\ud83d"]})
    assert parse(around.replace("{}", raw)) == {"facts": ["at \ufffd", "😀 ", "\\ud83d"]}
