"""The loopback server in front of a lane's mind: what memory systems that only speak OpenAI's protocol talk to."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from workbench.errors import Unavailable
from workbench.llm.grammar import schema_to_gbnf
from workbench.memory.base import Completion
from workbench.memory.endpoint import FREE_JSON, Endpoint
from workbench.memory.prompt_sets import PromptSet
from workbench.memory.prompts import Operation
from workbench.testing.minds import Mind

ASK = {"model": "engine", "messages": [{"role": "user", "content": "Ana lives in Oslo."}], "max_tokens": 50}


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    made = Endpoint()
    yield made
    made.close()


def post(endpoint: Endpoint, path: str, body: Any, key: str = "") -> httpx.Response:
    headers = {"Authorization": f"Bearer {key or endpoint.key}"}
    return httpx.post(f"{endpoint.url}/{path}", json=body, headers=headers, timeout=30, trust_env=False)


def run(endpoint: Endpoint, mind: Mind, *bodies: Any, path: str = "chat/completions", **more: Any) -> tuple[Any, Any]:
    def work() -> list[httpx.Response]:
        return [post(endpoint, path, body) for body in bodies]

    return asyncio.run(endpoint.run(work, mind, "theirs", **more))


def test_a_chat_request_is_an_operation_of_the_lane_sent_as_it_is(endpoint: Endpoint) -> None:
    mind = Mind(answers={"theirs": ["a plain answer", {"any": ["json", 1]}]})
    form = {"response_format": {"type": "json_object"}}
    (plain, free), calls = run(endpoint, mind, ASK, ASK | form)
    assert [json.loads(r.json()["choices"][0]["message"]["content"]) for r in (plain, free)] == [
        "a plain answer",
        {"any": ["json", 1]},
    ]
    assert plain.json()["choices"][0]["finish_reason"] == "stop"
    assert [c.text for c in calls] == ['"a plain answer"', '{"any": ["json", 1]}']
    first, second = mind.calls
    assert (first.purpose, first.schema, first.max_tokens) == ("theirs", None, 50)
    assert second.schema == FREE_JSON
    assert PromptSet("full").rendered(second).messages == second.messages, "no set of prompts changes what they ask"


def test_a_schema_of_theirs_constrains_the_answer(endpoint: Endpoint) -> None:
    schema = {"type": "object", "properties": {"facts": {"type": "array", "items": {"type": "string"}}}}
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    mind = Mind(answers={"theirs": [{"facts": []}]})
    run(endpoint, mind, ASK | {"response_format": form})
    assert mind.calls[0].schema == schema


def test_any_object_has_a_grammar() -> None:
    grammar = schema_to_gbnf({"type": "object", "properties": {"a": FREE_JSON, "b": FREE_JSON}})
    assert grammar.count("members ::=") == 1
    assert schema_to_gbnf({"type": "object", "properties": {}}) != schema_to_gbnf(FREE_JSON)


def test_vectors_come_from_the_runs_embedder(endpoint: Endpoint) -> None:
    mind = Mind()
    (one, many), calls = run(endpoint, mind, {"input": "tea"}, {"input": ["tea", "milk"]}, path="embeddings")
    rows = [row["embedding"] for row in many.json()["data"]]
    assert len(rows) == 2 and rows[0] == one.json()["data"][0]["embedding"]
    assert rows[0] == asyncio.run(mind.embed(["tea"]))[0].tolist()
    assert calls == []


def test_recorded_answers_are_given_again_and_no_model_is_asked(endpoint: Endpoint) -> None:
    mind = Mind()
    (first, second, third), calls = run(endpoint, mind, ASK, ASK, ASK, answers=["one", "two"])
    said = [r.json()["choices"][0]["message"]["content"] for r in (first, second)]
    assert (said, mind.calls, calls) == (["one", "two"], [], [])
    assert third.status_code == 400


def test_only_who_has_the_key_is_served_and_only_while_a_lane_asks(endpoint: Endpoint) -> None:
    assert post(endpoint, "chat/completions", ASK).status_code == 503
    mind = Mind(answers={"theirs": ["a"]})

    def work() -> int:
        return post(endpoint, "chat/completions", ASK, key="guessed").status_code

    status, _ = asyncio.run(endpoint.run(work, mind, "theirs"))
    assert (status, mind.calls) == (401, [])


def test_a_request_that_is_none_is_refused_and_a_prompt_that_is_too_long_says_so(endpoint: Endpoint) -> None:
    long = ASK | {"messages": [{"role": "user", "content": "word " * 3000}]}
    replies, _ = run(endpoint, Mind(), {"messages": 3}, {}, long, [1])
    assert [r.status_code for r in replies] == [400] * 4
    assert "context length" in replies[2].json()["error"]["message"]


class Gone(Mind):
    async def run(self, operation: Operation) -> Completion:
        raise Unavailable("the server is gone")


@pytest.mark.parametrize("swallowed", [False, True], ids=["raised", "swallowed"])
def test_what_ended_a_call_ends_the_work(endpoint: Endpoint, swallowed: bool) -> None:
    def work() -> None:
        answer = post(endpoint, "chat/completions", ASK)
        if not swallowed:
            answer.raise_for_status()

    with pytest.raises(Unavailable, match="is gone"):
        asyncio.run(endpoint.run(work, Gone(), "theirs"))


class Slow(Mind):
    async def run(self, operation: Operation) -> Completion:
        self.calls.append(operation)
        await asyncio.Event().wait()
        raise AssertionError


def test_a_cancelled_run_lets_the_work_go(endpoint: Endpoint) -> None:
    mind, seen = Slow(), threading.Event()

    def work() -> None:
        assert post(endpoint, "chat/completions", ASK).status_code == 400
        seen.set()

    async def go() -> None:
        task = asyncio.create_task(endpoint.run(work, mind, "theirs"))
        while not mind.calls:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(go())  # ends only when the thread does
    assert seen.wait(30)
