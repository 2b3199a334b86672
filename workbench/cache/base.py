"""The contract of a KV-cache policy: what it may look at, and what it says shall become of the cells.

A policy is arithmetic on NumPy arrays and knows no model. ``workbench.llm`` lets it look at what a prompt left in the
cache and carries out its plan on real cells: by eviction, by masks per head, by rewriting keys and values, or by
reading the kept tokens again. Shapes use ``layers``, ``heads`` (of queries), ``kv_heads`` (of keys and values), ``n``
(tokens read so far, in their order in the prompt, whatever cells hold them) and ``d`` (width of a head).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from workbench.errors import UsageError

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

Fidelity = Literal["faithful", "adapted", "prompt-only", "emulated", "baseline"]
Variant = Literal["evicted-uniform", "emulated-per-head"]
When = Literal["before-question", "after-question"]
Way = Literal["full", "evicted-uniform", "emulated-per-head", "rewritten", "rewritten-evicted", "re-read"]
Need = Literal["sums", "recent", "queries", "keys", "values", "surprise"]

MASKED = -1e30
"""The score of what a query must not see."""

BADGES: dict[Way, str] = {
    "full": "FULL",
    "evicted-uniform": "EVICTED uniform",
    "emulated-per-head": "EMULATED per head (no memory saved)",
    "rewritten": "REWRITTEN K/V (no memory saved)",
    "rewritten-evicted": "REWRITTEN K/V, EVICTED uniform",
    "re-read": "RE-READ (tokens dropped)",
}
"""How a result came about, in the words that stand beside it wherever it is shown."""


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """What the tokens read so far left behind. Arrays that the policy does not need are None.

    Attributes:
        texts: text of each token, length n.
        spans: which context span each token belongs to, -1 for none, int64 ``[n]``; ``roles`` of those spans (``user``,
            ``assistant``, ``tool``, "" where unknown).
        alive: which entries may still be kept, bool ``[layers, kv_heads, n]``; all True before the first plan.
        heads: query heads per layer.
        scale: what raw products of queries and keys are multiplied by before the softmax.
        sums: attention that each token received from all queries so far, float32 ``[layers, heads, n]``.
        counts: how many queries could see each token, float32 ``[n]``.
        recent: attention received from the last :meth:`CachePolicy.window` queries, summed, as ``sums``.
        queries: those last queries as they meet the keys (after RoPE), float32 ``[layers, heads, w, d]``.
        keys, values: what the cache holds (keys after RoPE), float32 ``[layers, kv_heads, n, d]``.
        surprise: -log p of each token given those before it in nats, 0 for the first, float32 ``[n]``.
    """

    texts: tuple[str, ...]
    alive: Bools
    heads: int
    scale: float = 1.0
    spans: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    roles: tuple[str, ...] = ()
    sums: Floats | None = None
    counts: Floats | None = None
    recent: Floats | None = None
    queries: Floats | None = None
    keys: Floats | None = None
    values: Floats | None = None
    surprise: Floats | None = None

    @property
    def n(self) -> int:
        """Tokens read so far."""
        return int(self.alive.shape[2])

    @property
    def layers(self) -> int:
        """Layers of the model."""
        return int(self.alive.shape[0])

    @property
    def kv_heads(self) -> int:
        """Heads of keys and values per layer."""
        return int(self.alive.shape[1])

    def grouped(self, of_heads: NDArray[Any]) -> NDArray[Any]:
        """Query heads by the key head they share: ``[layers, heads, …]`` as ``[layers, kv_heads, group, …]``."""
        return of_heads.reshape(self.layers, self.kv_heads, self.heads // self.kv_heads, *of_heads.shape[2:])


class Retriever(Protocol):
    """Chooses at every step which of the first n tokens each query head may see; made afresh for every pass."""

    def visible(self, layer: int, scores: Floats) -> Bools:
        """What the queries of this step may see.

        Args:
            scores: products of queries and keys times ``Observation.scale``, float32 ``[heads, queries, n]``.

        Returns:
            bool ``[heads, queries, n]``; no row may be empty.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What shall become of the first n tokens.

    Attributes:
        kept: one set for all layers and heads, bool ``[n]``, or one for each, bool ``[layers, kv_heads, n]``.
        worth: what the tokens were chosen by, summed to 1 over those that could go, float32 ``[n]``; for people.
        agreement: mean Jaccard index of the sets that the heads would have kept with the one set that all got; None
            where each head got its own.
        keys, values: what the kept cells shall hold, as in the observation; None leaves them.
        merged: of one set for all, the token that each token was merged into (itself where it was not), int64 ``[n]``.
        retriever: chooses among the kept at every step; None lets every query see all of them.
        facts: figures of this method worth showing (blocks, clusters, effective windows).
    """

    kept: Bools
    worth: Floats | None = None
    agreement: float | None = None
    keys: Floats | None = None
    values: Floats | None = None
    merged: Ints | None = None
    retriever: Retriever | None = None
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass
class CachePolicy:
    """Base of every policy: a dataclass whose fields are its parameters.

    Class attributes are those of ``workbench.memory.base.MemoryStrategy``, and:
        needs: which arrays of the observation it looks at.
        sinks: first tokens that it never gives up.
        forgets: whether what it once masked is gone; False chooses among all tokens again.
        unbudgeted: why there is no ``keep``, of those that have none (there the field is no argument).

    Attributes:
        keep: the budget: up to 1 a share of the tokens read so far, above it a number of tokens.
        when: compress before the question is read (as where one cache serves many questions; SCBench's multi-request
            mode) or after it (in a conversation the first one). It changes the ranking of methods: those that score by
            the last queries see the question.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    fidelity: ClassVar[Fidelity] = "emulated"
    paper: ClassVar[str] = ""
    differs: ClassVar[str] = ""
    needs: ClassVar[frozenset[Need]] = frozenset()
    sinks: ClassVar[int] = 0
    forgets: ClassVar[bool] = True
    unbudgeted: ClassVar[str] = ""

    keep: float = 0.5
    when: When = "after-question"

    def __post_init__(self) -> None:
        if not 0 < self.keep < float("inf"):
            raise UsageError(f"{self.name}: keep is {self.keep:g}", "write a share up to 1, or a number of tokens")

    @property
    def way(self) -> Way:
        """How the plan is carried out."""
        return getattr(self, "variant", "evicted-uniform")

    @property
    def badge(self) -> str:
        """What stands beside every result."""
        return BADGES[self.way]

    @property
    def interval(self) -> int:
        """Generated tokens after which it plans again; 0 for once, after the prompt."""
        return int(getattr(self, "every", 0))

    @property
    def renumbers(self) -> bool:
        """Whether what is kept moves together, so that positions have no gaps."""
        return False

    def budget(self, n: int) -> int:
        """Tokens kept of n, in each layer and head or on average over them; never fewer than the sinks and one more."""
        wanted = round(self.keep * n) if self.keep <= 1 else int(self.keep)
        return min(n, max(wanted, self.sinks + 1))

    def window(self, budget: int) -> int:
        """How many of the last queries ``recent`` and ``queries`` of the observation cover."""
        return 0

    def plan(self, seen: Observation, budget: int) -> Plan:
        """What shall become of the tokens. The same arrays give the same plan."""
        raise NotImplementedError

    def modelled_bytes(self, alive: Bools, full: float, width: int) -> float:
        """What the method itself would take for these entries, apart from how it is carried out here.

        Args:
            alive: entries that are kept, bool ``[layers, kv_heads, n]``.
            full: bytes of one entry in the full cache. width: of a head.
        """
        return float(alive.sum()) * full

    def parameters(self) -> dict[str, Any]:
        """Parameters by name, as resolved."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.init}


def checked(plan: Plan, seen: Observation) -> Plan:
    """The plan of a policy that may come from anywhere. Raises ``ValueError`` when it cannot be carried out."""
    shape = plan.kept.shape
    if shape not in ((seen.n,), seen.alive.shape) or plan.kept.dtype != bool:
        raise ValueError(f"a plan for {seen.n} tokens has kept of shape {shape} and type {plan.kept.dtype}")
    if not plan.kept.any(-1).all():
        raise ValueError("a plan leaves a head without any token")
    for given in (plan.keys, plan.values):
        if given is not None and given.shape[:3] != seen.alive.shape:
            raise ValueError(f"a plan for {seen.n} tokens rewrites an array of shape {given.shape}")
    return plan


def need(array: Floats | None) -> Floats:
    """An array of the observation that the policy asked for."""
    assert array is not None, "the policy does not list this array in `needs`"
    return array


def mask(n: int, places: Sequence[int] | Ints | slice) -> Bools:
    """True at these places of n."""
    out = np.zeros(n, bool)
    out[places] = True
    return out
