"""An OpenAI-compatible server on the loopback in front of a lane's ``Mind``.

For memory systems that only speak that protocol: they run unchanged, on the model and the embedder of the run, batched
with the other lanes; every call of theirs is an event of their lane. Only who has the key made for it is served.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import secrets
import threading
import weakref
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

from workbench.llm.messages import Message
from workbench.memory.base import Completion, Mind
from workbench.memory.prompts import Operation

FREE_JSON: dict[str, Any] = {"type": "object"}
"""The schema of ``response_format`` ``json_object``: any JSON object."""
USUAL_TOKENS, LEAST_TOKENS, MARGIN = 1024, 32, 64
"""Tokens of an answer where none are asked for, the fewest that are tried, and room for what the template adds."""
LARGEST = 32 << 20
"""Bytes that a request may have."""
MODEL = "engine"
T = TypeVar("T")


class Endpoint:
    """The server; one per strategy instance. Its thread ends with it.

    Attributes:
        url: what a client calls ``base_url``.
        key: what it must give as its API key.
    """

    def __init__(self) -> None:
        self.key = secrets.token_urlsafe(24)
        self._now: _Session | None = None
        handler = type("Handler", (_Handler,), {"endpoint": weakref.proxy(self)})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        self.url = f"http://127.0.0.1:{server.server_port}/v1"
        serve = {"poll_interval": 0.05}
        threading.Thread(target=server.serve_forever, kwargs=serve, name="endpoint", daemon=True).start()
        self._end = weakref.finalize(self, _stop, server)

    async def run(
        self, work: Callable[[], T], mind: Mind, purpose: str, answers: Sequence[str] | None = None
    ) -> tuple[T, list[Completion]]:
        """Do ``work`` in a thread; what it asks of the server is asked of ``mind``.

        Args:
            purpose: what its model calls are called in the trace.
            answers: outputs that were recorded before: they are given again, in order, and no model is asked.

        Returns:
            What ``work`` returns, and the model calls that it made.

        Raises:
            Whatever ended a call of the mind (a server that went away, a cancelled run), before what ``work`` raises.
        """
        session = self._now = _Session(asyncio.get_running_loop(), mind, purpose, answers)
        try:
            done = await asyncio.to_thread(work)
        except asyncio.CancelledError:
            session.end()
            raise
        except Exception:
            if session.failure is None:
                raise
        finally:
            self._now = None
        if session.failure is not None:  # also where the package has swallowed it
            raise session.failure from None
        return done, session.calls

    @property
    def session(self) -> _Session | None:
        """What is being served."""
        return self._now

    def close(self) -> None:
        """Stop serving."""
        self._end()


def _stop(server: ThreadingHTTPServer) -> None:
    server.shutdown()
    server.server_close()


class _Session:
    """One ``run``: the loop and the mind that requests go to."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, mind: Mind, purpose: str, answers: Sequence[str] | None
    ) -> None:
        self._loop, self._mind, self._purpose = loop, mind, purpose
        self._answers = None if answers is None else deque(answers)
        self._waiting: set[Any] = set()
        self._ended = False
        self.calls: list[Completion] = []
        self.failure: BaseException | None = None

    def end(self) -> None:
        """Let go of every request that waits."""
        self._ended = True
        for future in list(self._waiting):
            future.cancel()

    def ask(self, body: dict[str, Any]) -> Completion:
        """An answer to a chat request.

        Raises:
            ValueError: when the prompt does not fit, or the request is none.
        """
        if self._answers is not None:
            if not self._answers:
                raise ValueError("no answer was recorded for this request")
            return Completion(self._answers.popleft(), None, True, 0)
        done: Completion = self._wait(self._mind.run(self._operation(body)))
        self.calls.append(done)
        if done.stop == "refused":
            raise ValueError("the prompt exceeds the maximum context length; give the run a larger --context")
        return done

    def _operation(self, body: dict[str, Any]) -> Operation:
        messages = tuple(Message(str(m["role"]), _text(m.get("content"))) for m in body["messages"])
        room = self._mind.budget - sum(self._mind.count_tokens(m.text) for m in messages) + MARGIN
        if room < LEAST_TOKENS:
            raise ValueError("the prompt exceeds the maximum context length; give the run a larger --context")
        asked = body.get("max_completion_tokens") or body.get("max_tokens") or USUAL_TOKENS
        form = body.get("response_format") or {}
        schema = form.get("json_schema", {}).get("schema") if form.get("type") == "json_schema" else None
        if form.get("type") == "json_object":
            schema = form.get("schema") or FREE_JSON
        return Operation(self._purpose, messages, schema, max(1, min(int(asked), room)), verbatim=True)

    def embed(self, texts: list[str]) -> list[list[float]]:
        """Vectors of texts."""
        found: list[list[float]] = self._wait(self._mind.embed(texts)).tolist()
        return found

    def _wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        if self._ended:
            work.close()
            raise ValueError("the run was cancelled")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        self._waiting.add(future)
        try:
            return future.result()
        except BaseException as error:
            self.failure = self.failure or error
            raise ValueError(f"{type(error).__name__}: {error}") from error
        finally:
            self._waiting.discard(future)


def _text(content: Any) -> str:
    """A message's text; parts that are no text are left out, since no model here reads them."""
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return "" if content is None else str(content)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    endpoint: Endpoint

    def do_POST(self) -> None:
        try:
            session, body = self._session(), self._body()
            if session is None:
                return self._say(503, {"error": {"message": "no lane is asking"}})
            if self.path.endswith("/chat/completions"):
                return self._say(200, _completion(session.ask(body)))
            if self.path.endswith("/embeddings"):
                return self._say(200, _embeddings(session, body))
            return self._say(404, {"error": {"message": f"no such path {self.path}"}})
        except PermissionError:
            self._say(401, {"error": {"message": "wrong key"}})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            self._say(400, {"error": {"message": str(error) or type(error).__name__, "type": "invalid_request_error"}})

    def do_GET(self) -> None:
        self._say(200, {"object": "list", "data": [{"id": MODEL, "object": "model", "owned_by": "mnemoscope"}]})

    def _session(self) -> _Session | None:
        given = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), self.endpoint.key.encode()):
            raise PermissionError
        return self.endpoint.session

    def _body(self) -> dict[str, Any]:
        size = int(self.headers.get("Content-Length", "0"))
        if not 0 < size <= LARGEST:
            raise ValueError(f"a request of {size} bytes")
        body = json.loads(self.rfile.read(size))
        if not isinstance(body, dict):
            raise ValueError("the request is no JSON object")
        return body

    def _say(self, status: int, data: dict[str, Any]) -> None:
        raw = json.dumps(data).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)
        except OSError:
            self.close_connection = True  # who asked has gone

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the trace is the record."""


def _completion(done: Completion) -> dict[str, Any]:
    message = {"role": "assistant", "content": done.text}
    choice = {"index": 0, "message": message, "finish_reason": "stop" if done.ok else "length"}
    usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}  # the trace counts them
    head = {"id": f"call-{done.cause}", "object": "chat.completion", "created": 0, "model": MODEL}
    return head | {"choices": [choice], "usage": usage}


def _embeddings(session: _Session, body: dict[str, Any]) -> dict[str, Any]:
    texts = [body["input"]] if isinstance(body["input"], str) else list(body["input"])
    rows = session.embed([str(text) for text in texts])
    data = [{"object": "embedding", "index": n, "embedding": row} for n, row in enumerate(rows)]
    return {"object": "list", "data": data, "model": MODEL, "usage": {"prompt_tokens": 0, "total_tokens": 0}}
