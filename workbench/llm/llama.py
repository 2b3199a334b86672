"""The ``Backend`` on llama.cpp: one set of weights, a work context, a scope context, an embedder, one thread."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workbench.cache.base import CachePolicy
from workbench.errors import ModelError
from workbench.legibility import Who, unread
from workbench.llm import compression as compressing
from workbench.llm.base import (
    AnswerRequest,
    AnswerResult,
    BackendOptions,
    CacheRequest,
    CompletionRequest,
    CompletionResult,
    ModelInfo,
    RetraceRequest,
    States,
    StatesRequest,
    Track,
    TrackRequest,
)
from workbench.llm.chat import Chat, Prompt, covering, token_ranges
from workbench.llm.context import FLASH_AUTO, FLASH_OFF, Context, ContextOptions
from workbench.llm.cores import Cores
from workbench.llm.counts import TokenCounts
from workbench.llm.embeddings import Vectors
from workbench.llm.gguf_file import sha256
from workbench.llm.load import Load, process_bytes, resident
from workbench.llm.loops import LoopGuard
from workbench.llm.messages import Message
from workbench.llm.model import Model, Tokens, common_prefix
from workbench.llm.output import Generated, Output
from workbench.llm.room import check_room, default_room
from workbench.llm.runner import Answer, CacheJob, ScopeJob, ScopeRunner, Visit
from workbench.llm.sampler import Sampler
from workbench.llm.scheduler import Job, Scheduler
from workbench.llm.scope import Masked, ScopeContext, masked_positions, sequences
from workbench.llm.surprise import join, windows
from workbench.llm.vectors import Embedding
from workbench.llm.worker import Part, Ticket, Worker

SMALLEST_CONTEXT = 256
MOST_RETRACED = 768 << 20
"""Bytes of attention that are computed again for one answer (30 layers of 9 heads, 32 tokens after 40,000)."""
_LONG_ANSWER = 64  # tokens; what is shorter cannot loop for long


class LlamaBackend:
    """Inference for all lanes. Make it with :func:`workbench.llm.open.open_backend`.

    Args:
        model: path of the language model.
        embedding: where vectors come from.
        options: see :class:`BackendOptions`; ``extra`` takes ``flash`` and ``kv_unified`` (bool), ``kv_type`` (``f16``,
            ``f32``) and ``batch`` (tokens per step).
    """

    def __init__(self, model: Path, embedding: Embedding, options: BackendOptions) -> None:
        self.options, self.embedding = options, embedding
        self.cores = Cores(options.threads)
        self.model = Model(model, options.gpu_layers)
        self.scheduler: Scheduler | None = None
        self.scope: ScopeContext | None = None
        try:
            self._open_contexts()
        except BaseException:
            self._free()
            raise
        self._chat = Chat(self.model, self.model.chat_template())
        self._counts = TokenCounts(self._chat.controls.count)
        self._scope_runner = ScopeRunner(self.scope, options.exact) if self.scope is not None else None
        self._worker = Worker()
        embedding.attach(self._worker)
        self._closed = False

    def _open_contexts(self) -> None:
        options, model = self.options, self.model
        if not model.has_tokenizer:
            raise ModelError(f"{model.path} has no vocabulary", "choose a complete language model")
        batch = int(options.extra.get("batch", 512))
        kv_type = str(options.extra.get("kv_type", "f16"))
        size, at_once = self._room(model.kv_bytes(kv_type))
        work = ContextOptions(
            size=size,
            threads=self.cores,
            sequences=at_once,
            batch=batch,
            ubatch=batch,
            flash=self._flash(),
            unified=bool(options.extra.get("kv_unified", False)),
            kv_type=kv_type,
        )
        self.scheduler = Scheduler(Context(model, work), options.exact)
        self.capture_note = model.unsupported_capture()
        if not self.capture_note:
            try:
                kept = 1 if options.exact else sequences(model, size, kv_type)
                self.scope = ScopeContext(model, size, self.cores, kv_type, kept)
            except ModelError as error:
                self.capture_note = error.what

    def _room(self, kv_bytes: float) -> tuple[int, int]:
        """Tokens per sequence, a multiple of 256, and sequences at once."""
        import psutil

        options, free = self.options, int(psutil.virtual_memory().available)
        at_once = 1 if options.exact else max(1, options.sequences)
        if options.context:
            size = -(-max(options.context, SMALLEST_CONTEXT) // 256) * 256
            check_room(size, kv_bytes, at_once, free)
            return size, at_once
        size, at_once = default_room(self.model.n_ctx_train, kv_bytes, at_once, free)
        return -(-size // 256) * 256, at_once

    def _flash(self) -> int:
        """Flash attention of the work context: llama.cpp's choice on a GPU, off on the CPU.

        The CPU has two flash kernels that round differently, and which one runs depends on what else is in the batch:
        with it, the logits of a lane moved by up to 4e-2 when seven others joined. Without it, and with separate
        streams, they are the same to the bit, and decoding is no slower (prompts are, by a third at 600 tokens).
        """
        chosen = self.options.extra.get("flash")
        if chosen is not None:
            return FLASH_AUTO if chosen else FLASH_OFF
        return FLASH_OFF if self.model.device(1).startswith("CPU") else FLASH_AUTO

    @functools.cached_property
    def info(self) -> ModelInfo:
        """What is loaded and where it runs."""
        model = self.model
        return ModelInfo(
            name=model.header.title,
            path=str(model.path),
            sha256=sha256(model.path),
            architecture=model.header.architecture,
            parameters=model.n_params,
            layers=model.n_layer,
            heads=model.n_head,
            context=self._size,
            vocabulary=model.n_vocab,
            device=model.device(self.cores.most, self.cores.fixed),
            backend=f"llama-cpp-python {model.library.version}",
            capture=self.scope is not None,
            capture_note=self.capture_note,
            demo=self.options.model == "demo",
        )

    @property
    def _size(self) -> int:
        assert self.scheduler is not None
        return self.scheduler.context.size

    @property
    def chat(self) -> Chat:
        """Templates and tokens of prompts.

        Raises:
            ModelError: when the backend is closed; llama.cpp would read freed memory.
        """
        self._check_open()
        return self._chat

    def _check_open(self) -> None:
        if self._closed:
            raise ModelError("the model is closed", "open it again")

    @property
    def embedder(self) -> str:
        """Name, dimensions and pooling of the embedder."""
        return self.embedding.about

    async def complete(self, request: CompletionRequest) -> CompletionResult:
        """Generate in the work context, batched with whatever else runs.

        Raises:
            ModelError: when prompt and answer do not fit the context, or the schema is not supported.
        """
        prompt = self.chat.render(request.messages)
        tokens = self._fitting(prompt, request.max_tokens)
        seed = request.seed ^ self.options.seed
        sampler = Sampler(self.model, request.temperature, seed, request.schema)
        output = Output(self.model, request.max_tokens, request.stop, LoopGuard(request.schema))
        return _result(await self._generate(tokens, output, sampler), tokens, prompt)

    async def answer(self, request: AnswerRequest) -> AnswerResult:
        """Answer greedily, in the scope context by itself, whether attention is kept or not: the same either way.
        Batched with others only where the request allows it and nothing is looked at or masked.

        Raises:
            ModelError: when the prompt does not fit, a mark is not in it, or a knock-out is asked of a model whose
                attention cannot be reached.
        """
        prompt = self.chat.render(request.messages, request.thinking) + request.prefix
        forced = None if request.forced is None else np.asarray(request.forced, np.int32)
        tokens = self._fitting(prompt, request.max_tokens if forced is None else len(forced))
        spans = token_ranges(self.model, prompt, tokens, request.marks)
        masked = masked_positions(spans, request.knock_out)
        output = functools.partial(self._output, request)
        cache = self._cache_job(request.cache, tokens, spans) if request.cache is not None else None
        if len(masked) and self._scope_runner is None:
            raise ModelError(
                f"{self.model.path.name}: spans cannot be masked: {self.capture_note}", "choose another model"
            )
        alone = request.capture or not request.batched or len(masked) or cache
        if self._scope_runner is None or not alone:
            sampler = Sampler(self.model, 0.0, request.seed, None)
            done = await self._generate(tokens, output(), sampler, forced)
            return AnswerResult(_result(done, tokens, prompt), spans)
        knocked = Masked(masked, self._within(request.knock_layers, "layer"), self._within(request.knock_heads, "head"))
        job_of = functools.partial(
            ScopeJob,
            prompt=tokens,
            output=output,
            forced=forced,
            capture=request.capture,
            arrays=request.arrays,
            layers=request.layers,
            spans=spans,
        )
        done, capture, compression = await self._scoped(lambda ticket: job_of(ticket, masked=knocked, cache=cache))
        return AnswerResult(_result(done, tokens, prompt), spans, capture, compression)

    async def retrace(self, request: RetraceRequest) -> NDArray[np.float16]:
        """The attention of an answer again, of all layers and heads.

        Raises:
            ModelError: when the attention of this model cannot be read, or the tokens are not its.
        """
        if self._scope_runner is None:
            raise ModelError(f"{self.model.path.name}: {self.capture_note}", "choose another model")
        prompt, forced = request.ids[: request.prompt], request.ids[request.prompt :]
        self._check_ids(prompt)
        self._check_ids(request.ids)
        if len(request.ids) > self._size:
            raise ModelError(f"{len(request.ids):,} tokens exceed the context of {self._size:,}", "use a larger one")
        size = 2 * self.model.n_layer * self.model.n_head * len(forced) * len(request.ids)
        if size > MOST_RETRACED:
            what = (
                f"the attention of this answer takes {size >> 20:,} MiB, of which {MOST_RETRACED >> 20:,} are allowed"
            )
            raise ModelError(what, "what the run kept of it, over all layers and heads, is all that can be shown")
        cache = None
        if request.cache is not None:
            cache = self._job_under(request.cache, request.read, prompt, request.spans)
        job_of = functools.partial(
            ScopeJob,
            prompt=prompt,
            output=functools.partial(Output, self.model, len(forced)),
            forced=forced,
            layers=(),
            spans=request.spans,
            cache=cache,
        )
        _, capture, _ = await self._scoped(lambda ticket: job_of(ticket))
        assert capture is not None
        return capture.weights

    def _output(self, request: AnswerRequest) -> Output:
        guard = LoopGuard() if request.max_tokens > _LONG_ANSWER else None
        return Output(self.model, request.max_tokens, request.stop, guard)

    def refusal(self, policy: CachePolicy) -> str:
        """Why a cache policy cannot be carried out on this model; "" when it can."""
        return self.capture_note or (self.scope.refuses(policy) if self.scope is not None else "it has no context")

    def _cache_job(self, request: CacheRequest, tokens: Tokens, spans: Sequence[tuple[int, int]]) -> CacheJob:
        policy, cut = request.policy, len(tokens) - 1
        if request.first:
            first = self.chat.tokenize(self.chat.render(request.first))
            cut = max(1, min(len(first) - 1, common_prefix(first, tokens)))
        if policy.when == "before-question":
            if request.question is None:
                raise ModelError(f"{policy.name}: nobody says where the question begins", "compress after it")
            cut = min(cut, max(1, spans[request.question][0]))
        return self._job_under(request, cut, tokens, spans)

    def _job_under(self, request: CacheRequest, cut: int, tokens: Tokens, spans: Sequence[tuple[int, int]]) -> CacheJob:
        policy = request.policy
        problem = self.refusal(policy)
        if problem:
            raise ModelError(
                f"{policy.name} cannot be carried out on {self.model.path.name}: {problem}", "choose another model"
            )
        of_token = np.full(len(tokens), -1, np.int64)
        for number, (start, end) in enumerate(spans):
            of_token[start:end] = number
        texts = self.model.readable(tokens.tolist())
        return CacheJob(policy, compressing.Context(cut, texts, of_token, request.roles), request.compare)

    def _within(self, numbers: tuple[int, ...] | None, what: str) -> tuple[int, ...] | None:
        """The layers or heads to mask, when the model has them all."""
        count = self.model.n_layer if what == "layer" else self.model.n_head
        for number in numbers or ():
            if not 0 <= number < count:
                raise ModelError(f"{self.model.path.name} has no {what} {number}", f"choose from 0 to {count - 1}")
        return numbers

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, float32 ``[len(texts), dimensions]``; each text is computed once and remembered.

        Raises:
            ModelError: when the embedding model is not installed or cannot be used.
        """
        self._check_open()
        return await self.embedding.embed(texts)

    async def surprise(self, text: str, given: str = "") -> tuple[tuple[str, ...], NDArray[np.float32]]:
        """Token texts and -log p of each given ``given`` and the ones before it (nats), float32 ``[tokens]``.

        The very first token of all costs 0. Of ``given`` as much counts as fits the context beside the text, from its
        end; what of it is in the cache is not computed again.
        """
        framed, first, lead = self._framed(text, given)
        values, _ = await self._scored(framed, max(1, first))
        values = np.nan_to_num(values[first:], nan=0.0)
        if first == lead:
            values[:1] = 0.0
        return self.model.readable(framed[first:].tolist()), values

    async def track(self, request: TrackRequest) -> Track:
        """Surprise and entropy of each token; what of ``given`` is in the cache is not computed again.

        Raises:
            ModelError: when the tokens are not of this model's vocabulary.
        """
        if request.ids is not None:
            self._check_ids(request.ids)
            framed, first = request.ids, 0
        else:
            framed, first, _ = self._framed(request.text, request.given, request.most)
        values, entropies = await self._scored(framed, max(1, first), entropy=True)
        return Track(self.model.readable(framed[first:].tolist()), values[first:], entropies[first:], first)

    def _framed(self, text: str, given: str, most: int | None = None) -> tuple[Tokens, int, int]:
        """A text after as much of what was said before as fits and is wanted; where it begins; tokens of the frame."""
        tokens = self.chat.controls.plain(text)
        lead = [self.model.special.bos] if self.model.special.add_bos else []
        room = max(0, self._size - 1 - len(lead) - len(tokens))
        room = room if most is None else min(room, most)
        before = self.chat.controls.plain(given).tolist()[-room:] if given and room else []
        return np.array([*lead, *before, *tokens.tolist()], np.int32), len(lead) + len(before), len(lead)

    async def _scored(
        self, tokens: Tokens, first: int, entropy: bool = False
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """-log p of each token from ``first`` on, and the entropy of what it was drawn from where that is wanted; NaN
        elsewhere, float32 ``[tokens]``."""
        self._check_open()
        plan = windows(len(tokens), self._size - 1, first)
        found: list[list[float]] = [[] for _ in plan]
        jobs = [
            self._generate(tokens[a:b], Output(self.model, 0), None, tokens[b:c], found[n] if entropy else None)
            for n, (a, b, c) in enumerate(plan)
        ]
        parts = [[max(0.0, -token.logprob) for token in done.tokens] for done in await asyncio.gather(*jobs)]
        starts = [b for _, b, _ in plan]
        values = join(len(tokens), list(zip(starts, parts, strict=True)))
        return values, join(len(tokens), list(zip(starts, found, strict=True)))

    async def states(self, request: StatesRequest) -> States:
        """Hidden states of a text where it stands.

        Raises:
            ModelError: when they cannot be read from this model, the text is not there, or it does not fit.
        """
        scope, runner = self.scope, self._scope_runner
        if scope is None or runner is None or not scope.tap.hidden:
            why = self.capture_note or "what its layers hand on is not found in its graph"
            raise ModelError(f"no hidden states of {self.model.path.name}: {why}", "choose another model")
        tokens, (start, end) = self._placed(request)
        if len(tokens) > self._size or not 0 <= start < end <= len(tokens):
            raise ModelError(f"{len(tokens):,} tokens do not fit the context of {self._size:,}", "use a larger one")
        visit = Visit(start, end, self.model.n_layer, self.model.n_embd)
        output = functools.partial(Output, self.model, 0)
        await self._scoped(lambda ticket: ScopeJob(ticket, tokens[:end], output, visit=visit))
        ids = tokens[start:end]
        return States(ids, self.model.readable(ids.tolist()), visit.states)

    def _placed(self, request: StatesRequest) -> tuple[Tokens, tuple[int, int]]:
        if request.ids is not None:
            self._check_ids(request.ids)
            return request.ids, request.span
        if not request.messages:
            framed, first, _ = self._framed(request.text, request.given, request.most)
            return framed, (first, len(framed))
        asked = self.chat.render(request.messages)
        whole = Prompt.of(f"{asked}{request.after}", (*asked.foreign, (len(asked), len(asked) + len(request.after))))
        at = whole.find(request.text, len(asked))
        at = whole.rfind(request.text) if at < 0 else at
        if at < 0 or not request.text:
            raise ModelError("the text is not in the call", "ask for a text that is")
        tokens = self.chat.tokenize(whole)
        return tokens, covering(self.model, whole, tokens, [(at, at + len(request.text))])[0]

    def _check_ids(self, ids: Tokens) -> None:
        if not len(ids) or ids.min() < 0 or ids.max() >= self.model.n_vocab:
            raise ModelError(f"{self.model.path.name}: these tokens are not of its vocabulary", "use the run's model")

    def unread(self, text: str, by: Who) -> float | None:
        """See ``workbench.llm.base.Backend``."""
        return unread(text, self.model.pieces) if by == "model" else self.embedding.unread(text)

    def count_tokens(self, text: str) -> int:
        """Tokens of a text that holds no control token, whatever it says."""
        self._check_open()
        return self._counts(text)

    def prompt_limit(self, max_tokens: int) -> int:
        """The most prompt tokens that leave room for ``max_tokens`` of answer."""
        return max(0, self._size - max_tokens)

    def prompt_overhead(self) -> int:
        """Tokens that the chat template adds around a system and a user message."""
        return self._overhead

    @functools.cached_property
    def _overhead(self) -> int:
        messages = (Message("system", "a"), Message("user", "a"))
        return len(self.chat.tokenize(self.chat.render(messages))) - 2 * self.count_tokens("a")

    def load(self) -> Load:
        """What is held and done now."""
        assert self.scheduler is not None
        model, work = self.model, self.scheduler.context
        active, waiting = self.scheduler.queue
        return Load(
            threads=self.cores.free(),
            buffers=(*model.buffers, *work.buffers, *(self.scope.context.buffers if self.scope is not None else ())),
            file=model.path.stat().st_size if model.path.exists() else 0,
            resident=resident(model.path),
            process=process_bytes(),
            layers=model.n_layer,
            offloaded=model.offloaded,
            kv_per_token=round(model.kv_bytes(work.options.kv_type)),
            sequences=work.options.sequences,
            context=work.size,
            held=self.scheduler.held,
            active=active,
            waiting=waiting,
            answering=self._scope_runner.queue if self._scope_runner is not None else 0,
            tokens=self.scheduler.fed,
            seconds=self.scheduler.seconds,
        )

    def close(self) -> None:
        """Stop the thread and free contexts and weights. Requests that still wait fail."""
        if not self._closed:
            self._closed = True
            self._worker.close()
            self.embedding.close()
            self._free()

    def _free(self) -> None:
        if self.scheduler is not None:
            self.scheduler.close()
        if self.scope is not None:
            self.scope.close()
        self.model.close()

    # Ways into the worker

    def _fitting(self, prompt: str, answer: int) -> Tokens:
        tokens = self.chat.tokenize(prompt)
        if not len(tokens):
            raise ModelError("the prompt is empty", "send at least one message")
        if len(tokens) + answer > self._size:
            raise ModelError(
                f"a prompt of {len(tokens):,} tokens and {answer:,} of answer exceed the context of {self._size:,}",
                "use a larger context, or put less into the prompt",
            )
        return tokens

    async def _generate(
        self,
        tokens: Tokens,
        output: Output,
        sampler: Sampler | None,
        forced: Tokens | None = None,
        entropies: list[float] | None = None,
    ) -> Generated:
        ticket: Ticket[Generated] = Ticket()
        job = Job(ticket, tokens, output, sampler, forced, entropies)
        self._worker.submit(self._scheduler_part, job, ticket.fail)
        return await ticket.wait()

    async def _scoped(self, job: Callable[[Ticket[Answer]], ScopeJob]) -> Answer:
        ticket: Ticket[Answer] = Ticket()
        self._worker.submit(self._scope_part, job(ticket), ticket.fail)
        return await ticket.wait()

    def _scheduler_part(self) -> Part:
        assert self.scheduler is not None
        return self.scheduler

    def _scope_part(self) -> Part:
        assert self._scope_runner is not None
        return self._scope_runner


def _result(done: Generated, tokens: Tokens, prompt: str) -> CompletionResult:
    generated = done.drawn if done.closings else None
    return CompletionResult(
        done.text, done.tokens, len(tokens), done.stop, prompt, generated=generated, closings=done.closings
    )
