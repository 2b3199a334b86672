"""What the rest of the engine knows of inference: requests, results and the ``Backend`` that turns one into the other.

``workbench.llm.llama`` implements ``Backend`` on llama.cpp. Nothing here imports it, so tests and other layers do not
pay for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from workbench.cache.base import CachePolicy
from workbench.legibility import Who
from workbench.llm.load import Load
from workbench.llm.messages import Message

Stop = Literal["end", "limit", "stop", "repetition"]


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What is loaded and where it runs; goes into every run record.

    ``device`` names what really computes (``CPU · 2 threads``, ``CUDA0 · NVIDIA H200``); ``capture`` says whether
    attention can be read from this model, ``capture_note`` why not; ``surprise`` whether it says how probable given
    words are; ``estimated`` whether tokens are counted by a rule of thumb where nothing was sent yet.
    """

    name: str
    path: str
    sha256: str
    architecture: str
    parameters: int
    layers: int
    heads: int
    context: int
    vocabulary: int
    device: str
    backend: str
    capture: bool
    capture_note: str = ""
    demo: bool = False
    surprise: bool = True
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """One generation in the work context.

    Attributes:
        schema: JSON schema that constrains the output through a grammar; None for free text.
        stop: strings that end the generation (not included in the text).
        temperature: 0 is greedy.
    """

    messages: tuple[Message, ...]
    schema: dict[str, Any] | None = None
    max_tokens: int = 256
    stop: tuple[str, ...] = ()
    temperature: float = 0.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Token:
    """A generated token: id, its text, and the natural log of the probability the model gave it."""

    id: int
    text: str
    logprob: float


@dataclass(frozen=True, slots=True)
class Closing:
    """A loop that was cut out of an output: its string or list was closed and the output went on behind it.

    Attributes:
        place: which one: ``answer.rows[3].name``.
        what: ``string``, ``list`` or ``object``.
        lost: what was cut out, as far as it was written.
    """

    place: str
    what: str
    lost: str


@dataclass(frozen=True, slots=True)
class CompletionResult:
    """``stop`` is ``limit`` when the token limit cut the output short, ``repetition`` when it was ended because it
    looped: errors, never silent losses. The text then ends behind the first of the repeats.

    Attributes:
        tokens: what was generated; empty from a server, which only counts.
        generated: how many were generated, where that is not the length of ``tokens``.
        note: what was done to the text on the way (a server's answer that was mended), with the text as it came.
        closings: loops that were cut out of it.
    """

    text: str
    tokens: tuple[Token, ...]
    prompt_tokens: int
    stop: Stop
    prompt: str = ""
    generated: int | None = None
    note: str = ""
    closings: tuple[Closing, ...] = ()

    @property
    def generated_tokens(self) -> int:
        """Number of generated tokens."""
        return len(self.tokens) if self.generated is None else self.generated


@dataclass(frozen=True, slots=True)
class CacheRequest:
    """A cache policy to answer under.

    Attributes:
        question: which of the marks is the (first) question; a policy that compresses before it needs to know.
        roles: who said each mark (``user``, ``assistant``, ``tool``), "" where unknown.
        compare: also let the full cache answer, and measure how far the policy's predictions are from its.
        first: the messages of the conversation's first question, when this is a later one: the cache was compressed
            then.
    """

    policy: CachePolicy
    question: int | None = None
    roles: tuple[str, ...] = ()
    compare: bool = True
    first: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class AnswerRequest:
    """One generation in the scope context, with capture.

    Attributes:
        marks: the text of each context span, in prompt order, as it occurs inside ``messages``; the result says
            which prompt tokens each one became.
        knock_out: indexes into ``marks`` whose tokens are masked out while answering.
        knock_layers, knock_heads: where they are masked; None in every layer, every head.
        forced: when given, these token ids are scored instead of generating (teacher forcing).
        prefix: text that the answer is made to begin with (a thought that was had before); no part of the result.
        thinking: let a model that can think aloud do so; its template decides how.
        cache: the policy to answer under; None keeps every cell.
        capture: keep what attention there was, as a summary.
        arrays: keep the attention itself, too.
        batched: the answer may be computed in a batch with others and so differ in its last digits; without capture.
        layers: layers whose attention is kept; None keeps all up to ``recorder.MAX_BYTES``, an empty one all there are.
    """

    messages: tuple[Message, ...]
    marks: tuple[str, ...] = ()
    max_tokens: int = 32
    stop: tuple[str, ...] = ()
    seed: int = 0
    capture: bool = True
    arrays: bool = True
    batched: bool = False
    layers: tuple[int, ...] | None = None
    knock_out: tuple[int, ...] = ()
    knock_layers: tuple[int, ...] | None = None
    knock_heads: tuple[int, ...] | None = None
    forced: tuple[int, ...] | None = None
    prefix: str = ""
    thinking: bool = False
    cache: CacheRequest | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Compression:
    """What a cache policy did to the cache of one answer.

    Attributes:
        badge: how it was carried out, in words for people. way: the same for programs.
        read: tokens in the cache when it was compressed; ``budget`` of them may stay.
        kept: what stayed of them, bool ``[read]`` for all layers and heads or ``[layers, kv_heads, read]``.
        worth: what tokens were chosen by (``workbench.cache.base.Plan``), float32 ``[read]`` or None.
        agreement: see there.
        survival: how many layers and key heads hold each token, uint16 ``[plans, tokens]``: a row when the prompt was
            compressed and one each time it was compressed again; later tokens than that are 0.
        generated: tokens after the compressed ones that had been read at each of those times.
        entries: layers times key heads: what ``survival`` counts up to.
        share: entries kept of those that the full cache would hold, when the prompt was compressed.
        logical_bytes: of the cells that were really in use then. modelled_bytes: what the method would take.
        full_bytes: what the full cache takes for the same tokens.
        kl: for each predicted token of the full cache's own answer (or the forced tokens), the Kullback-Leibler
            divergence of the full cache's prediction from the policy's, in nats; empty when it was not compared.
        compared: texts of those tokens. full_text: the full cache's answer.
        cells: cell that holds each token at the end, -1 for none, int32 ``[tokens]``; ``size`` cells there are.
        merged: token that each compressed token was merged into, int32 ``[read]``; None where nothing is merged.
        texts: text of every token in ``cells``.
        facts: figures of the method.
        shared: first tokens whose cells were taken over from an earlier prompt, not read again.
    """

    policy: str
    way: str
    badge: str
    when: str
    read: int
    budget: int
    kept: NDArray[np.bool_]
    worth: NDArray[np.float32] | None
    agreement: float | None
    survival: NDArray[np.uint16]
    generated: tuple[int, ...]
    entries: int
    share: float
    logical_bytes: int
    modelled_bytes: int
    full_bytes: int
    kl: tuple[float, ...] = ()
    compared: tuple[str, ...] = ()
    full_text: str = ""
    cells: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    size: int = 0
    merged: NDArray[np.int32] | None = None
    texts: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    shared: int = 0


Capturing = Literal["off", "answers", "full"]
"""What a run keeps of the attention of its answers: nothing, a summary of each, or the arrays as well."""


@dataclass(frozen=True, slots=True, eq=False)
class Summary:
    """The attention of an answer in little, over all layers and heads.

    Attributes:
        layers, heads: how many the model has.
        mean, peak: mean and maximum over all layers and heads, float16 ``[row, column]``, rows as in :class:`Capture`;
            columns are pooled by the maximum when ``starts`` says so (first position of each); late rows may be
            missing.
        mass: share of attention on each of the spans ``kept``, mean over all rows, float16 ``[layer, head, kept]``.
        spans: half-open token ranges of all spans; ``kept`` are the indexes of those in ``mass``.
        rows: share on every span, mean over layers and heads, float16 ``[row, span]``.
        texts, ids: of every token of prompt and answer; ``prompt`` of them are the prompt's. The attention itself can
            be computed again from them, bit for bit.
    """

    layers: int
    heads: int
    mean: NDArray[np.float16]
    peak: NDArray[np.float16]
    starts: tuple[int, ...] | None
    mass: NDArray[np.float16]
    spans: tuple[tuple[int, int], ...]
    kept: tuple[int, ...]
    rows: NDArray[np.float16]
    texts: tuple[str, ...]
    ids: NDArray[np.int32]
    prompt: int


@dataclass(frozen=True, slots=True)
class Capture:
    """Attention recorded while answering.

    Attributes:
        layers: which layers the first axis is.
        weights: float16 ``[layer, head, row, column]``; row r is the query that produced answer token r, columns are
            key positions in prompt order (prompt tokens, then answer tokens), pooled when ``bins`` is set.
        tokens: text of every key position.
        bins: start position of each column when columns were pooled (max over the bin), else None.
        summary: of the same answer.

    Without ``arrays`` in the request there are no layers and ``weights`` is empty.
    """

    layers: tuple[int, ...]
    weights: NDArray[np.float16]
    tokens: tuple[str, ...]
    bins: tuple[int, ...] | None = None
    summary: Summary | None = None


@dataclass(frozen=True, slots=True)
class AnswerResult:
    """The answer, where each mark lies in the prompt (token ranges, half open), the capture when there is one, and what
    was done to the cache when a policy was asked for."""

    completion: CompletionResult
    spans: tuple[tuple[int, int], ...]
    capture: Capture | None = None
    compression: Compression | None = None


@dataclass(frozen=True, slots=True, eq=False)
class RetraceRequest:
    """An answer whose attention is computed again.

    Attributes:
        ids: token ids of prompt and answer, int32 ``[n]``; the first ``prompt`` are the prompt's.
        spans: token ranges of the context's spans.
        cache: the policy that it was given under, which compressed the first ``read`` tokens.
    """

    ids: NDArray[np.int32]
    prompt: int
    spans: tuple[tuple[int, int], ...] = ()
    cache: CacheRequest | None = None
    read: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class TrackRequest:
    """Tokens whose probability is wanted, each after the ones before it.

    Attributes:
        text, given: a text, and what was said before it, of which the last ``most`` tokens are read; or
        ids: token ids of a whole prompt, with its answer where it has one, int32 ``[n]``.
    """

    text: str = ""
    given: str = ""
    most: int = 1024
    ids: NDArray[np.int32] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """How a model expected a text, in nats; NaN for a token that nothing stands before.

    Attributes:
        texts: of the tokens.
        surprise: -log p of each token, float32 ``[tokens]``.
        entropy: of the prediction that each token was drawn from, float32 ``[tokens]``: how surprising the model
            expected it to be.
        given: tokens that were read before them.
    """

    texts: tuple[str, ...]
    surprise: NDArray[np.float32]
    entropy: NDArray[np.float32]
    given: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class StatesRequest:
    """Tokens whose hidden states are wanted, in one of three places.

    Attributes:
        ids, span: in a whole sequence of token ids, int32 ``[n]``: those of the half-open range ``span``.
        messages, after: a call as it was sent, with what it answered: ``text`` where that stands, in the answer if it
            is there, else in the messages.
        text, given: else, a text by itself after what was said before it, of which the last ``most`` tokens are read.
    """

    ids: NDArray[np.int32] | None = None
    span: tuple[int, int] = (0, 0)
    messages: tuple[Message, ...] = ()
    after: str = ""
    text: str = ""
    given: str = ""
    most: int = 1024


@dataclass(frozen=True, slots=True, eq=False)
class States:
    """Hidden states: what each layer hands to the next one (the residual stream), of all layers.

    Attributes:
        ids: of the tokens, int32 ``[tokens]``. texts: of the same.
        states: float32 ``[layer, token, width]``.
    """

    ids: NDArray[np.int32]
    texts: tuple[str, ...]
    states: NDArray[np.float32]


class Backend(Protocol):
    """Inference as the lanes use it. Requests from many lanes may be awaited at once; they are batched."""

    @property
    def info(self) -> ModelInfo:
        """What is loaded."""
        ...

    @property
    def embedder(self) -> str:
        """Name, dimensions and pooling of the embedder: ``all-MiniLM-L6-v2 (384, mean)``."""
        ...

    async def complete(self, request: CompletionRequest) -> CompletionResult:
        """Generate in the work context. Raises ``ModelError`` when the prompt cannot fit."""
        ...

    async def answer(self, request: AnswerRequest) -> AnswerResult:
        """Answer in the scope context. Raises ``ModelError`` when the prompt cannot fit."""
        ...

    async def retrace(self, request: RetraceRequest) -> NDArray[np.float16]:
        """The attention of all layers and heads in full, float16 ``[layer, head, row, column]`` as in :class:`Capture`.

        Raises ``ModelError`` when this model's attention cannot be read.
        """
        ...

    def refusal(self, policy: CachePolicy) -> str:
        """Why a cache policy cannot be carried out on this model; "" when it can."""
        ...

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, float32 ``[len(texts), dimensions]``."""
        ...

    async def surprise(self, text: str, given: str = "") -> tuple[tuple[str, ...], NDArray[np.float32]]:
        """Token texts and -log p of each after ``given`` and the ones before it (nats), float32 ``[tokens]``.

        The first token of all costs 0; of ``given`` as much counts as fits the context, from its end.
        """
        ...

    async def track(self, request: TrackRequest) -> Track:
        """Surprise and entropy of a text or of a prompt with its answer.

        Raises ``ModelError`` where the model does not say how probable given words are.
        """
        ...

    async def states(self, request: StatesRequest) -> States:
        """Hidden states of all layers. Raises ``ModelError`` when those of this model cannot be read."""
        ...

    def unread(self, text: str, by: Who) -> float | None:
        """The share of the text's letters that say nothing to the model or the embedder (``workbench.legibility``).

        None where that is not known: of a server, of an embedder that has computed nothing yet, of a short text.
        """
        ...

    def count_tokens(self, text: str) -> int:
        """Tokens of ``text`` under the loaded model's tokenizer, without special tokens."""
        ...

    def prompt_limit(self, max_tokens: int) -> int:
        """The most prompt tokens that leave room for ``max_tokens`` of answer."""
        ...

    def prompt_overhead(self) -> int:
        """Tokens that the chat template adds around an answer prompt of two messages."""
        ...

    def load(self) -> Load:
        """What is held and done now: memory, threads, queue."""
        ...

    def close(self) -> None:
        """Free contexts and weights."""
        ...


@dataclass(frozen=True, slots=True)
class BackendOptions:
    """How to open a backend.

    Attributes:
        model: ``demo`` for the bundled model, the name of an installed one, the path of a GGUF, or a server's address
            (``http://HOST:PORT/v1#MODEL``).
        embedder: ``minilm``, ``hash``, the path of an embedding GGUF, or a server's address.
        context: tokens per sequence; None takes what the model was trained for, as far as memory allows.
        sequences: how many requests are decoded in one batch at most.
        threads: CPU threads; None uses the physical cores.
        gpu_layers: layers to offload; -1 all.
        exact: one sequence at a time and no prompt reuse, so that runs are bit-identical.
    """

    model: str = "demo"
    embedder: str = "minilm"
    context: int | None = None
    sequences: int = 8
    threads: int | None = None
    gpu_layers: int = -1
    exact: bool = False
    seed: int = 0
    extra: dict[str, Any] = field(default_factory=dict)
