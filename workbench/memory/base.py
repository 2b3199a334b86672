"""The contract of a memory strategy: what it may see, do and return."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from workbench.memory.log import MemoryLog
from workbench.memory.prompts import FULL_TOKENS, Full, Operation, loosened
from workbench.sessions.model import Turn

if TYPE_CHECKING:  # so that listing the strategies does not wait for NumPy
    import numpy as np
    from numpy.typing import NDArray

MOST = 1_000_000_000
"""No parameter needs a larger number."""


def above(least: float, default: Any) -> Any:
    """A parameter that must not be smaller than ``least``; others must only not be below 0."""
    return field(default=default, metadata={"range": (least, MOST)})


Fidelity = Literal["faithful", "adapted", "prompt-only", "emulated", "baseline"]


@dataclass(frozen=True, slots=True)
class Hit:
    """A scored retrieval candidate, returned or not.

    Candidates that were not returned are kept too: they say why something was missed. ``parts`` are the component
    scores by name (``bm25``, ``cosine``, ``boost``), ``rank`` counts from 1.
    """

    item: str
    score: float
    rank: int
    returned: bool
    parts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of the context, naming its items and turns.

    ``priority`` decides what is dropped first when the context is packed: the lowest goes. The order in the prompt is
    the order of the spans. ``when`` says in words when it was said; packing writes it in front of the text.
    """

    text: str
    items: tuple[str, ...] = ()
    turns: tuple[int, ...] = ()
    kind: str = "memory"
    label: str = ""
    priority: float = 0.0
    when: str = ""


@dataclass(frozen=True, slots=True)
class Recall:
    """What the read path hands over: the candidates with their scores and the spans for the context."""

    spans: tuple[Span, ...]
    hits: tuple[Hit, ...] = ()
    k: int = 0


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model wrote.

    Attributes:
        data: the parsed JSON; of an output that was cut off, what can be read of it; None when nothing can.
        ok: whether the output is whole.
        cause: ``n`` of the ``model.called`` event; pass it on as the cause of what is done with the output.
        stop: ``end``, ``limit`` (of tokens), ``repetition`` (it looped) or ``refused`` (the prompt did not fit).
        schema: what the output was held against; None for the operation's own.
        closings: what was cut out of the output because it repeated itself, a line for each.
    """

    text: str
    data: Any
    ok: bool
    cause: int
    stop: str = "end"
    schema: Mapping[str, Any] | None = None
    closings: tuple[str, ...] = ()


class Mind(Protocol):
    """Inference as a strategy sees it: awaited, batched with the other lanes, and recorded in the trace."""

    async def run(self, operation: Operation) -> Completion:
        """Ask the model; recorded as ``model.called``. A cut-off output gives ``ok=False`` and is recorded as such."""
        ...

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, float32 ``[len(texts), dimensions]``."""
        ...

    async def surprise(self, text: str, given: str = "") -> tuple[tuple[str, ...], NDArray[np.float32]]:
        """Tokens of ``text`` and -log p of each in nats after ``given`` and the ones before, float32 ``[tokens]``."""
        ...

    def count_tokens(self, text: str) -> int:
        """Length of ``text`` in tokens of the loaded model."""
        ...

    @property
    def budget(self) -> int:
        """Tokens that the spans of a context may take together."""
        ...

    @property
    def full(self) -> bool:
        """Whether operations are sent as the method's own prompts; else as the bundled model's one-liners, whose limits
        then hold (``prompts.MAX_TEXT``, eight messages an extraction)."""
        ...


@dataclass
class MemoryStrategy:
    """Base of every strategy: a dataclass whose fields are its parameters, with no other state.

    All that a strategy knows is in ``log.state``. An instance may cache what it can rebuild from there (an index),
    keyed by ``log.state.version``.

    Class attributes:
        name: the published name in lower case with hyphens; the SPEC's.
        title: the name as published.
        fidelity: ``faithful``, ``adapted``, ``prompt-only``, ``emulated``; ``baseline`` for full, window, bm25, dense.
        paper: title and arXiv number or repository.
        differs: what differs from the publication; empty for faithful.
        needs_surprise: whether it asks how probable given words are, which only a model of one's own says.
        embeds: whether it asks for vectors.
        prompts: folder of the method's own prompts, one ``<operation>.md`` each; empty for
            ``resources/prompts/<name>/``. For methods that come from outside.

    Attributes:
        dates: whether what a model is shown carries when it was said.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    fidelity: ClassVar[Fidelity] = "faithful"
    paper: ClassVar[str] = ""
    differs: ClassVar[str] = ""
    needs_surprise: ClassVar[bool] = False
    embeds: ClassVar[bool] = True
    prompts: ClassVar[str] = ""

    dates: bool = field(default=True, kw_only=True)

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """The write path: take in one turn."""
        raise NotImplementedError

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """The read path: candidates and context spans for a question."""
        raise NotImplementedError

    def operation(
        self,
        name: str,
        plain: Operation,
        *,
        schema: dict[str, Any] | None = None,
        max_tokens: int = FULL_TOKENS,
        reads: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None,
        **inputs: Any,
    ) -> Operation:
        """One of the method's operations, in both of its renderings.

        Args:
            name: of the operation; its prompt is ``resources/prompts/<method>/<name>.md``, or that of the method that
                this one extends.
            plain: what the bundled model is asked.
            schema: what the prompt asks for; ``plain``'s without its limits when not given. A property that ``plain``
                has not needs a ``default``, so that the method's code is one path.
            max_tokens: of the answer, as published where that is known.
            reads: how an answer to ``plain`` is written in ``schema``, where they name things differently.
            inputs: what the prompt's template may show. Texts are ``Line``, so that each is shown with its time.
        """
        wanted = schema or loosened(plain.schema or {})
        full = Full(self.name, name, inputs, wanted, max_tokens, self.prompts, _names(type(self)), reads)
        return replace(plain, full=full)

    def parameters(self) -> dict[str, Any]:
        """Parameters by name, as resolved."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.init}  # type: ignore[arg-type]


def _names(cls: type[MemoryStrategy]) -> tuple[str, ...]:
    """The names of the methods that a method extends, nearest first."""
    names = [vars(base)["name"] for base in cls.__mro__[1:] if "name" in vars(base)]
    return tuple(dict.fromkeys(names))
