"""The ``Backend`` on an OpenAI-compatible server (llama-server, vLLM, Ollama, …): text and vectors, nothing else.

Attention is not captured there, spans cannot be masked, and no surprise is known; :class:`ModelInfo` says so. Tokens
are counted by the server once it has read a prompt; before that, and for packing a context, they are estimated.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from workbench.cache.base import CachePolicy
from workbench.errors import ModelError, Unavailable
from workbench.legibility import Who
from workbench.llm.base import (
    AnswerRequest,
    AnswerResult,
    BackendOptions,
    CompletionRequest,
    CompletionResult,
    ModelInfo,
    RetraceRequest,
    States,
    StatesRequest,
    Stop,
    Track,
    TrackRequest,
)
from workbench.llm.embeddings import Vectors, unit
from workbench.llm.load import Load, process_bytes
from workbench.llm.messages import Message
from workbench.llm.server import Address, Refused, Server
from workbench.llm.vectors import Embedding
from workbench.llm.worker import Worker
from workbench.words import whole

USUAL_CONTEXT = 4096
"""Tokens of context where the server does not say and nobody else does."""
BYTES_PER_TOKEN = 3.0
"""For estimates, on the safe side: English takes 4 to 5, German 3 to 4, Chinese and code about 3."""
TEXTS_AT_ONCE = 64
Format = Literal["json_schema", "json_object", "words"]
FORMATS: tuple[Format, ...] = ("json_schema", "json_object", "words")
"""How a structured answer is asked for, best first; what a server refuses is not tried again."""
ABSENT = "a server gives text only"


class RemoteBackend:
    """Inference on a server. Make it with :func:`workbench.llm.open.open_backend`.

    Args:
        address: the server and what it calls the model.
        embedding: where vectors come from.
        options: ``context`` and ``seed`` are used.

    Raises:
        Unavailable: when the server cannot be reached.
        ModelError: when it has no model.
    """

    def __init__(self, address: Address, embedding: Embedding, options: BackendOptions) -> None:
        self.address, self.embedding, self.options = address, embedding, options
        self.server = Server(address)
        self.formats: list[Format] = list(FORMATS)
        self._worker = Worker()
        embedding.attach(self._worker)
        try:
            self._models = _models(self.server, address)
            self.name = address.model or _first(self._models, address)
            self.context = options.context or _context(self.server, address, self._entry) or USUAL_CONTEXT
        except BaseException:
            self.close()
            raise

    @property
    def _entry(self) -> dict[str, Any]:
        """What the server says of the model; a server with one model answers with it by any name."""
        named = [one for one in self._models if one.get("id") == self.name]
        return (named or self._models or [{}])[0]

    @property
    def info(self) -> ModelInfo:
        """What the server says it is."""
        owner = str(self._entry.get("owned_by", "") or "unnamed")
        return ModelInfo(
            name=self.name,
            path=self.address.url,
            sha256="",
            architecture="",
            parameters=0,
            layers=0,
            heads=0,
            context=self.context,
            vocabulary=0,
            device=f"server {self.address.host}",
            backend=f"OpenAI-compatible server ({owner})",
            capture=False,
            capture_note=f"{ABSENT}: no attention, no masks, no surprise",
            surprise=False,
            estimated=True,
        )

    @property
    def embedder(self) -> str:
        """Name, dimensions and pooling of the embedder."""
        return self.embedding.about

    async def complete(self, request: CompletionRequest) -> CompletionResult:
        """Generate; a structured answer is asked for in the best form that the server knows, and mended once.

        Raises:
            ModelError: when the prompt does not fit the server's context.
            Unavailable: when the server cannot be used; the run stops at a whole step.
        """
        seed = request.seed ^ self.options.seed
        body = self._body(request.messages, request.max_tokens, request.stop, seed, request.temperature)
        if request.schema is None:
            return await self._chat(body, request.messages)
        result = await self._structured(body, request.messages, request.schema)
        if result.stop == "limit" or _is_json(result.text):
            return result
        return await self._mended(body, request, result)

    async def answer(self, request: AnswerRequest) -> AnswerResult:
        """Answer greedily, without capture.

        Raises:
            ModelError: when the prompt does not fit, or when spans are to be masked or given tokens scored.
            Unavailable: when the server cannot be used.
        """
        if request.knock_out or request.forced is not None or request.cache is not None:
            raise ModelError(f"no masks and no cache policies: {ABSENT}", "run with a model of your own")
        messages = request.messages
        if request.thinking and not request.prefix:
            return AnswerResult(CompletionResult("", (), 0, "end", generated=0), ())  # it thinks as it was started to
        if request.prefix:
            messages = (*messages, Message("assistant", request.prefix))
        body = self._body(messages, request.max_tokens, request.stop, request.seed, 0.0)
        result = await self._chat(body, messages)
        return AnswerResult(result, self._spans(messages, request.marks))

    async def retrace(self, request: RetraceRequest) -> NDArray[np.float16]:
        """A server's attention is out of reach."""
        raise ModelError(f"no attention: {ABSENT}", "run with a model of your own")

    def refusal(self, policy: CachePolicy) -> str:
        """A server's cache is out of reach."""
        return ABSENT

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, float32 ``[len(texts), dimensions]``."""
        return await self.embedding.embed(texts)

    async def surprise(self, text: str, given: str = "") -> tuple[tuple[str, ...], Vectors]:
        """Raises ``ModelError``: a server does not say how probable given words are."""
        raise ModelError(f"no surprise is known: {ABSENT}", "run with a model of your own")

    async def track(self, request: TrackRequest) -> Track:
        """Raises ``ModelError``: a server does not say how probable given words are."""
        raise ModelError(f"no surprise is known: {ABSENT}", "run with a model of your own")

    async def states(self, request: StatesRequest) -> States:
        """A server's hidden states are out of reach."""
        raise ModelError(f"no hidden states: {ABSENT}", "run with a model of your own")

    def unread(self, text: str, by: Who) -> float | None:
        """Of the embedder where it is a file; a server keeps its tokenizer to itself."""
        return None if by == "model" else self.embedding.unread(text)

    def count_tokens(self, text: str) -> int:
        """An estimate, :data:`BYTES_PER_TOKEN`; the server counts only what it reads."""
        return math.ceil(len(text.encode("utf-8", "replace")) / BYTES_PER_TOKEN)

    def prompt_limit(self, max_tokens: int) -> int:
        """The most prompt tokens that leave room for ``max_tokens`` of answer."""
        return max(0, self.context - max_tokens)

    def prompt_overhead(self) -> int:
        """Tokens that a chat template usually adds around a system and a user message."""
        return 24

    def load(self) -> Load:
        """What is under way; the server's memory is its own affair."""
        active, waiting = self.server.queue
        return Load(
            process=process_bytes(),
            sequences=self.address.inflight,
            context=self.context,
            active=active,
            waiting=waiting,
            repeated=self.server.asked_again,
        )

    def close(self) -> None:
        """End what is under way."""
        self.server.close()
        self.embedding.close()
        self._worker.close()

    # Requests

    def _body(
        self, messages: Sequence[Message], max_tokens: int, stop: tuple[str, ...], seed: int, temperature: float
    ) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self.name,
            "messages": _plain(messages),
            "max_tokens": max_tokens,
            "temperature": temperature,
            "seed": seed,
        }
        return body | ({"stop": list(stop)} if stop else {})

    async def _chat(self, body: dict[str, Any], messages: Sequence[Message]) -> CompletionResult:
        try:
            data = await self.server.post("chat/completions", body, "choices")
        except Refused as error:
            raise _refusal(error, self.address) from error
        return self._result(data, messages)

    async def _structured(
        self, body: dict[str, Any], messages: Sequence[Message], schema: dict[str, Any]
    ) -> CompletionResult:
        while True:
            form = self.formats[0]
            more: dict[str, Any] = {}
            if form == "json_schema":
                wanted = {"name": "answer", "schema": schema, "strict": True}
                more = {"response_format": {"type": "json_schema", "json_schema": wanted}}
            elif form == "json_object":
                more = {"response_format": {"type": "json_object", "schema": schema}}
            told = messages if form == "json_schema" else _told(messages, schema)
            try:
                data = await self.server.post("chat/completions", body | more | {"messages": _plain(told)}, "choices")
            except Refused as error:
                if form == "words" or error.status in (401, 403, 404) or _is_length(error.message):
                    raise _refusal(error, self.address) from error
                if self.formats[0] == form:  # several lanes may have learnt it at once
                    self.formats.pop(0)
                continue
            return self._result(data, told)

    async def _mended(
        self, body: dict[str, Any], request: CompletionRequest, first: CompletionResult
    ) -> CompletionResult:
        """JSON that is nearly right is put right; else the model is shown its answer and asked once more."""
        assert request.schema is not None
        mended = repaired(first.text, request.schema)
        if mended:
            return _noted(first, mended, f"repaired from: {first.text}")
        asked = (
            *request.messages,
            Message("assistant", first.text[:2000]),
            Message(
                "user", f"That is not JSON. Answer again, with JSON only. Its schema: {json.dumps(request.schema)}"
            ),
        )
        second = await self._structured(body, asked, request.schema)
        text = second.text if _is_json(second.text) else repaired(second.text, request.schema) or second.text
        return _noted(_sum(first, second), text, f"asked twice; first: {first.text}")

    def _result(self, data: dict[str, Any], messages: Sequence[Message]) -> CompletionResult:
        choice = data["choices"][0] if isinstance(data["choices"], list) else {}
        said = choice.get("message") if isinstance(choice, dict) else None
        text = said.get("content") if isinstance(said, dict) else None
        text = "" if text is None else whole(str(text))
        usage = data.get("usage") if isinstance(data.get("usage"), dict) else {}
        assert isinstance(usage, dict)
        guess = sum(self.count_tokens(m.text) for m in messages) + self.prompt_overhead()
        prompt, generated = usage.get("prompt_tokens"), usage.get("completion_tokens")
        stop: Stop = "limit" if isinstance(choice, dict) and choice.get("finish_reason") == "length" else "end"
        return CompletionResult(
            text,
            (),
            prompt if isinstance(prompt, int) else guess,
            stop,
            generated=generated if isinstance(generated, int) else self.count_tokens(text),
        )

    def _spans(self, messages: Sequence[Message], marks: Sequence[str]) -> tuple[tuple[int, int], ...]:
        """Where each mark lies among the prompt's tokens: an estimate, as all counts here."""
        prompt = "\n".join(message.text for message in messages)
        spans, at = [], 0
        for mark in marks:
            found = prompt.find(mark.strip(), at)
            start = found if found >= 0 else at
            at = start + len(mark.strip())
            first = self.count_tokens(prompt[:start])
            spans.append((first, first + self.count_tokens(mark.strip())))
        return tuple(spans)


class RemoteEmbedding(Embedding):
    """Vectors from a server.

    Args:
        address: the server and what it calls the embedding model.
    """

    def __init__(self, address: Address) -> None:
        super().__init__()
        self.address = address
        self.server = Server(address)
        self._size = 0

    @property
    def about(self) -> str:
        """The name, the length once it is known, the server."""
        name = self.address.model or "the server's model"
        return f"{name} ({self._size or '?'}, server {self.address.host})"

    @property
    def dimensions(self) -> int:
        """0 before the first vector."""
        return self._size

    async def compute(self, texts: tuple[str, ...]) -> Vectors:
        """Unit vectors; at most :data:`TEXTS_AT_ONCE` texts in a request.

        Raises:
            ModelError: when the server has no embeddings, or they do not fit the texts.
            Unavailable: when the server cannot be used.
        """
        parts = [texts[start : start + TEXTS_AT_ONCE] for start in range(0, len(texts), TEXTS_AT_ONCE)]
        return np.concatenate([await self._ask(part) for part in parts])

    def close(self) -> None:
        """End what is under way."""
        self.server.close()

    async def _ask(self, texts: tuple[str, ...]) -> Vectors:
        body: dict[str, Any] = {"input": list(texts)} | ({"model": self.address.model} if self.address.model else {})
        try:
            data = await self.server.post("embeddings", body, "data")
        except Refused as error:
            raise _refusal(error, self.address) from error
        try:
            rows = sorted(data["data"], key=lambda row: int(row.get("index", 0)))
            vectors = np.array([row["embedding"] for row in rows], np.float32)
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise ModelError(f"the server {self.address.host} gives no usable embeddings: {error}") from error
        if vectors.shape[:1] != (len(texts),) or vectors.ndim != 2 or self._size not in (0, vectors.shape[1]):
            what = f"{len(texts)} texts became embeddings of shape {vectors.shape}"
            raise ModelError(f"the server {self.address.host}: {what}", "choose another --embedder")
        self._size = vectors.shape[1]
        return unit(vectors)


def repaired(text: str, schema: dict[str, Any]) -> str:
    """JSON of the kind that the schema asks for, out of text that nearly is; empty when nothing can be had."""
    from json_repair import repair_json

    found = repair_json(text, return_objects=True)
    kinds = {"object": dict, "array": list}
    kind = kinds.get(str(schema.get("type")))
    if kind is None or not isinstance(found, kind) or not found:
        return ""
    if isinstance(found, dict) and not set(found) & set(schema.get("properties", found)):
        return ""
    return json.dumps(found, ensure_ascii=False)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _noted(result: CompletionResult, text: str, note: str) -> CompletionResult:
    return CompletionResult(
        text, (), result.prompt_tokens, result.stop, result.prompt, generated=result.generated, note=note[:2000]
    )


def _sum(first: CompletionResult, second: CompletionResult) -> CompletionResult:
    prompt, generated = (
        first.prompt_tokens + second.prompt_tokens,
        first.generated_tokens + second.generated_tokens,
    )
    return CompletionResult(second.text, (), prompt, second.stop, generated=generated)


def _plain(messages: Sequence[Message]) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.text} for message in messages]


def _told(messages: Sequence[Message], schema: dict[str, Any]) -> tuple[Message, ...]:
    """The messages, with the schema in words unless every field of it is named in them already."""
    said = "\n".join(message.text for message in messages)
    names = schema.get("properties", {})
    if names and all(f'"{name}"' in said for name in names):
        return tuple(messages)
    first, *rest = messages
    return (Message(first.role, f"{first.text}\nAnswer with JSON only. Its schema: {json.dumps(schema)}"), *rest)


def _is_length(message: str) -> bool:
    low = message.lower()
    return "context" in low and ("length" in low or "size" in low or "window" in low or "exceed" in low)


def _refusal(error: Refused, address: Address) -> ModelError | Unavailable:
    """What a refusal means: this prompt is too long, or this server cannot be used."""
    if _is_length(error.message):
        return ModelError(f"the prompt does not fit the server's context: {error.message}", "give a smaller --context")
    remedy = "set MNEMOSCOPE_API_KEY" if error.status in (401, 403) else "check the address, model and server"
    return Unavailable(f"the server {address.host} refused ({error.status}): {error.message}", remedy)


def _models(server: Server, address: Address) -> list[dict[str, Any]]:
    try:
        listed = server.get(f"{address.url}/models").get("data")
    except Refused as error:
        if error.status in (401, 403):
            raise _refusal(error, address) from error
        return []  # a server may have no such list
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def _first(models: Sequence[dict[str, Any]], address: Address) -> str:
    if not models or not models[0].get("id"):
        raise ModelError(f"the server {address.host} names no model", f"write {address.url}#MODEL")
    return str(models[0]["id"])


def _context(server: Server, address: Address, entry: dict[str, Any]) -> int:
    """Tokens of context as vLLM and llama-server say it; 0 when the server does not."""
    try:
        settings = server.get(f"{address.root}/props").get("default_generation_settings")
        size = settings.get("n_ctx") if isinstance(settings, dict) else None
        if isinstance(size, int) and size > 0:
            return size
    except (Refused, Unavailable):
        pass
    meta = entry.get("meta") if isinstance(entry.get("meta"), dict) else {}
    assert isinstance(meta, dict)
    for size in (entry.get("max_model_len"), meta.get("n_ctx"), entry.get("context_length"), meta.get("n_ctx_train")):
        if isinstance(size, int) and size > 0:
            return size
    return 0
