"""The backend on a server: what it sends, what it makes of answers, and that a bad server costs nothing."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.support.servers import Babbler, babbling, free_port
from workbench.errors import ModelError, Unavailable, UsageError
from workbench.llm.base import AnswerRequest, Backend, BackendOptions, CompletionRequest, CompletionResult
from workbench.llm.messages import Message
from workbench.llm.open import open_backend
from workbench.llm.remote import RemoteBackend, repaired
from workbench.llm.server import Address, is_address, parse

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"facts": {"type": "array", "items": {"type": "string", "maxLength": 40}, "maxItems": 3}},
    "required": ["facts"],
}
ASK = (Message("system", "List the facts."), Message("user", "Ana lives in Oslo."))


@pytest.fixture
def babbler() -> Iterator[Babbler]:
    with babbling(Babbler()) as server:
        yield server


def opened(babbler: Babbler, options: str = "patience=30&timeout=30", **values: Any) -> RemoteBackend:
    backend = open_backend(BackendOptions(f"{babbler.url}?{options}#babble", "hash", **values))
    assert isinstance(backend, RemoteBackend)
    return backend


def ask(backend: Backend, schema: dict[str, Any] | None = SCHEMA, count: int = 1) -> list[CompletionResult]:
    async def go() -> list[CompletionResult]:
        requests = [CompletionRequest((*ASK, Message("user", str(n))), schema) for n in range(count)]
        return await asyncio.gather(*(backend.complete(r) for r in requests))

    try:
        return asyncio.run(go())
    finally:
        backend.close()


def test_addresses() -> None:
    assert parse("http://127.0.0.1:8080/v1/#my%20model") == Address("http://127.0.0.1:8080/v1", "my model")
    assert parse("https://h/v1?timeout=5&inflight=2&patience=0").timeout == 5
    assert is_address("http://x/v1") and not is_address("demo") and not is_address("/models/http.gguf")
    for wrong in ("http://", "http://key@host/v1", "http://h:port/v1", "http://h/v1?x=1", "http://h/v1?inflight=0"):
        with pytest.raises(UsageError):
            parse(wrong)
    with pytest.raises(UsageError) as caught:
        parse("http://me:secret@host/v1")
    assert "secret" not in str(caught.value)


def test_it_says_what_it_is_and_what_it_cannot_do(babbler: Babbler) -> None:
    backend = opened(babbler)
    info = backend.info
    assert (info.name, info.context, info.capture, info.surprise, info.estimated) == (
        "babble",
        2048,
        False,
        False,
        True,
    )
    assert info.device == f"server 127.0.0.1:{babbler.port}"
    assert "no attention" in info.capture_note
    with pytest.raises(ModelError, match="no surprise"):
        asyncio.run(backend.surprise("a"))
    with pytest.raises(ModelError, match="no masks and no cache policies"):
        asyncio.run(backend.answer(AnswerRequest(ASK, knock_out=(0,))))
    backend.close()
    with pytest.raises(ModelError, match="closed"):
        asyncio.run(backend.complete(CompletionRequest(ASK)))


def test_the_first_model_is_taken_where_none_is_named(babbler: Babbler) -> None:
    backend = open_backend(BackendOptions(babbler.url, "hash", context=777))
    assert (backend.info.name, backend.info.context) == ("babble", 777)
    backend.close()


def test_a_structured_answer_is_asked_for_by_its_schema(babbler: Babbler) -> None:
    (result,) = ask(opened(babbler, seed=5))
    assert json.loads(result.text).keys() == {"facts"}
    assert (result.prompt_tokens, result.generated_tokens, result.stop, result.note) == (7, 3, "end", "")
    body = babbler.asked[0]
    assert body["response_format"]["json_schema"]["schema"] == SCHEMA
    assert (body["model"], body["temperature"], body["seed"], body["max_tokens"]) == ("babble", 0.0, 5, 256)
    assert "schema" not in body["messages"][0]["content"], "the server holds the model to it"


def test_a_server_that_knows_another_form_is_asked_in_that_and_not_again_in_the_first(babbler: Babbler) -> None:
    babbler.forms = ("json_object",)
    backend = opened(babbler)

    async def go() -> list[CompletionResult]:
        return [await backend.complete(CompletionRequest(ASK, SCHEMA)) for _ in range(3)]

    assert all(json.loads(r.text).keys() == {"facts"} for r in asyncio.run(go()))
    backend.close()
    forms = [body["response_format"]["type"] for body in babbler.asked]
    assert forms == ["json_schema", "json_object", "json_object", "json_object"]


def test_a_server_that_knows_no_form_is_told_in_words(babbler: Babbler) -> None:
    babbler.forms = ()
    backend = opened(babbler)
    babbler.text = lambda body: '```json\n{"facts": ["Ana lives in Oslo"]}\n```'  # type: ignore[method-assign]
    (result,) = ask(backend)
    assert json.loads(result.text) == {"facts": ["Ana lives in Oslo"]}
    assert result.note.startswith("repaired from: ```json")
    last = babbler.asked[-1]
    assert "response_format" not in last
    assert '"facts"' in last["messages"][0]["content"]


def test_what_is_nearly_json_is_put_right_and_the_text_as_it_came_is_kept(babbler: Babbler) -> None:
    babbler.faults = ["broken"]
    (result,) = ask(opened(babbler))
    assert json.loads(result.text).keys() == {"facts"}
    assert result.note.startswith("repaired from: {")
    assert len(babbler.asked) == 1


def test_what_is_no_json_at_all_is_asked_for_once_more(babbler: Babbler) -> None:
    babbler.faults = ["prose"]
    (result,) = ask(opened(babbler))
    assert json.loads(result.text).keys() == {"facts"}
    assert "first: I would rather not." in result.note
    assert (result.prompt_tokens, result.generated_tokens) == (14, 6)
    babbler.faults = ["prose", "prose"]
    (result,) = ask(opened(babbler))
    assert result.text == "I would rather not."
    assert len(babbler.asked) == 4


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{'facts': ['a',]}", {"facts": ["a"]}),
        ('Sure! {"facts": ["a"]} Anything else?', {"facts": ["a"]}),
        ('{"other": 1}', None),
        ("", None),
        ("[1, 2]", None),
    ],
)
def test_repair(text: str, found: Any) -> None:
    mended = repaired(text, SCHEMA)
    assert (json.loads(mended) if mended else None) == found


@pytest.mark.parametrize("fault", ["429", "500", "drop", "nonsense", "empty"])
def test_a_server_that_stumbles_is_asked_again(babbler: Babbler, fault: str) -> None:
    backend = opened(babbler)
    babbler.faults = [fault]
    (result,) = ask(backend, None)
    assert result.text.startswith("word")
    assert len(babbler.asked) == 2
    assert backend.server.asked_again == 1


def test_a_server_that_hangs_is_asked_again(babbler: Babbler) -> None:
    backend = opened(babbler, "timeout=0.3&patience=30")
    babbler.faults = ["hang"]
    assert ask(backend, None)[0].text.startswith("word")


def test_a_server_that_stays_away_stops_the_run_in_one_line(babbler: Babbler) -> None:
    backend = opened(babbler, "patience=0")
    babbler.faults = ["500"] * 9
    with pytest.raises(Unavailable, match=r"answered 500: not now.*goes on from here") as caught:
        ask(backend)
    assert "\n" not in str(caught.value)


def test_a_server_that_was_never_there_is_one_line() -> None:
    with pytest.raises(Unavailable, match="cannot be reached"):
        open_backend(BackendOptions(f"http://127.0.0.1:{free_port()}/v1?patience=0#x", "hash"))


def test_a_prompt_that_is_too_long_is_the_prompts_fault(babbler: Babbler) -> None:
    backend = opened(babbler)
    babbler.faults = ["long"]
    with pytest.raises(ModelError, match="does not fit the server's context"):
        ask(backend)
    assert backend.formats[0] == "json_schema"


def test_an_answer_at_its_limit_says_so(babbler: Babbler) -> None:
    backend = opened(babbler)
    babbler.faults = ["cut"]
    assert ask(backend)[0].stop == "limit"


def test_the_key_comes_from_the_environment_and_goes_nowhere_else(
    babbler: Babbler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNEMOSCOPE_API_KEY", "sk-secret")
    backend = opened(babbler)
    assert "sk-secret" not in repr(backend.info) + repr(backend.address) + repr(backend.server)
    ask(backend)
    assert set(babbler.keys) == {"Bearer sk-secret"}
    babbler.faults = ["401"]
    with pytest.raises(Unavailable, match="MNEMOSCOPE_API_KEY") as caught:
        ask(opened(babbler))
    assert "sk-secret" not in str(caught.value)


def test_no_more_requests_at_once_than_were_allowed(babbler: Babbler) -> None:
    ask(opened(babbler, "inflight=3"), None, count=12)
    assert len(babbler.asked) == 12
    assert 1 <= babbler.most <= 3


def test_a_cancelled_request_does_not_wait_for_its_server(babbler: Babbler) -> None:
    backend = opened(babbler)
    babbler.faults = ["hang"]
    started = threading.Event()

    async def go() -> None:
        task = asyncio.create_task(backend.complete(CompletionRequest(ASK)))
        while not babbler.asked:
            await asyncio.sleep(0)
        started.set()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(go())
    backend.close()
    assert started.is_set()


def test_an_answer_has_its_spans_where_they_are_by_estimate(babbler: Babbler) -> None:
    backend = opened(babbler)
    messages = (Message("system", "Answer."), Message("user", "Memory\nAna lives in Oslo\nQuestion\nWhere?"))
    request = AnswerRequest(messages, ("Answer.", "Ana lives in Oslo", "Where?"))
    answer = asyncio.run(backend.answer(request))
    backend.close()
    assert answer.capture is None
    assert answer.completion.text.startswith("word")
    starts = [start for start, _ in answer.spans]
    assert starts == sorted(starts) and len(starts) == 3
    assert answer.spans[1][1] - answer.spans[1][0] == backend.count_tokens("Ana lives in Oslo")


def test_tokens_are_estimated_where_the_server_does_not_count(babbler: Babbler) -> None:
    babbler.usage = False
    (result,) = ask(opened(babbler), None)
    assert result.prompt_tokens > 10
    assert result.generated_tokens == 3  # "word…" has five to seven bytes
    assert result.tokens == ()


def test_vectors_from_a_server(babbler: Babbler) -> None:
    backend = open_backend(BackendOptions(f"{babbler.url}#babble", f"{babbler.url}#vectors"))
    vectors = asyncio.run(backend.embed(["a", "bbb", "a"]))
    assert vectors.shape == (3, 3) and vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1)
    assert np.array_equal(vectors[0], vectors[2])
    assert backend.embedder == f"vectors (3, server 127.0.0.1:{babbler.port})"
    backend.close()


def test_half_a_surrogate_pair_is_no_text(babbler: Babbler) -> None:
    babbler.text = lambda body: "at 😀 \ud83d"  # type: ignore[method-assign]
    (result,) = ask(opened(babbler), None)
    assert result.text == "at 😀 \ufffd"
