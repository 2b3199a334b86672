"""What a real prompt leaves in a real cache: queries, keys, values and attention out of llama.cpp, for references to
compute from. The references are loops in float64 and share nothing with the policies."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from tests.support.gguf_models import Shape, write_model
from workbench.cache.base import CachePolicy, Observation, Plan
from workbench.llm.base import AnswerRequest, BackendOptions, CacheRequest
from workbench.llm.llama import LlamaBackend
from workbench.llm.messages import Message
from workbench.llm.open import open_backend
from workbench.llm.scope import ScopeContext

LINES = [
    "Ann said that she lives in Oslo now. Her brother does not.",
    "The kettle whistles at seven! Nobody minds.",
    "Bob sold the boat in May, and bought a bicycle.",
    "Where is the key? Under the third stone.",
    "Carla has two cats: Miso and Tofu.",
    "On Tuesdays the market closes early.",
    "Ann moved again. She lives in Lima.",
]
QUESTION = "Where does Ann live?"


class Spy(CachePolicy):
    """Keeps the observation; changes nothing."""

    name = "spy"
    way = "emulated-per-head"

    def __init__(self, like: CachePolicy | None, window: int, cut: int = 0) -> None:
        super().__init__(keep=1.0)
        every = frozenset({"sums", "recent", "queries", "keys", "values", "surprise"})
        self.needs = every if like is None else like.needs  # type: ignore[misc]
        self._window, self.seen = window, None

    def window(self, budget: int) -> int:
        return self._window

    def plan(self, seen: Observation, budget: int) -> Plan:
        self.seen = copy.deepcopy(seen)  # the arrays go on to be added to
        return Plan(np.ones(seen.alive.shape, bool))


@dataclass
class Look:
    """One prompt, read by a random llama of 4 layers, 6 query heads and 3 key heads.

    ``queries`` ``[layer, head, token, d]``, ``keys`` and ``values`` ``[layer, kv_head, token, d]``, and ``attention``
    ``[layer, head, query, key]`` recomputed from them, all float64.
    """

    backend: LlamaBackend

    def __post_init__(self) -> None:
        seen = self._ask(Spy(None, 10_000))
        assert seen.queries is not None and seen.keys is not None and seen.values is not None
        self.n, self.layers, self.heads, self.kv_heads = seen.n, seen.layers, seen.heads, seen.kv_heads
        self.queries, self.keys, self.values = (
            array.astype(np.float64) for array in (seen.queries, seen.keys, seen.values)
        )
        self.scale, self.surprise, self.texts, self.spans = seen.scale, seen.surprise, seen.texts, seen.spans
        self.attention = np.zeros((self.layers, self.heads, self.n, self.n))
        for layer in range(self.layers):
            for head in range(self.heads):
                scores = self.queries[layer, head] @ self.keys[layer, head // 2].T * self.scale
                for query in range(self.n):
                    row = np.exp(scores[query, : query + 1] - scores[query, : query + 1].max())
                    self.attention[layer, head, query, : query + 1] = row / row.sum()

    def _ask(self, spy: Spy) -> Observation:
        marks = (*LINES, QUESTION)
        messages = (Message("user", "\n".join(LINES) + "\n" + QUESTION),)
        roles = tuple("user" if i % 3 == 0 else "assistant" for i in range(len(marks)))
        cache = CacheRequest(spy, len(marks) - 1, roles, compare=False)
        asyncio.run(self.backend.answer(AnswerRequest(messages, marks, 1, cache=cache, capture=False)))
        assert spy.seen is not None
        return spy.seen

    def seen(self, policy: CachePolicy, budget: int) -> Observation:
        """What this policy would be shown for a budget."""
        return self._ask(Spy(policy, min(policy.window(budget), self.n)))

    def received(self, layer: int, head: int, last: int) -> np.ndarray:
        """Attention from the last queries, summed."""
        return self.attention[layer, head, self.n - last :].sum(0)

    def group(self, of_heads: Callable[[int], np.ndarray], kv_head: int) -> np.ndarray:
        """Mean over the query heads that share a key head."""
        return (of_heads(2 * kv_head) + of_heads(2 * kv_head + 1)) / 2

    def scope(self) -> ScopeContext:
        """The context, empty; the runner is told that what it kept there is gone."""
        assert self.backend.scope is not None and self.backend._scope_runner is not None
        self.backend._scope_runner.forget()
        self.backend.scope.select(0)
        return self.backend.scope

    def each(self) -> Iterator[tuple[int, int]]:
        """Every layer and key head."""
        return ((layer, head) for layer in range(self.layers) for head in range(self.kv_heads))


@pytest.fixture(scope="session")
def look(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Look]:
    path = tmp_path_factory.mktemp("models") / "look.gguf"
    write_model(path, Shape(layers=4, width=96, heads=6, kv_heads=3, inner=192, context=1024), scale=0.2)
    options = BackendOptions(str(path), "hash", context=1024, threads=1, extra={"kv_type": "f32"})
    backend = open_backend(options)
    assert isinstance(backend, LlamaBackend)
    yield Look(backend)
    backend.close()


def best(scores: np.ndarray, count: int, always: set[int] | None = None) -> set[int]:
    """The indices of the best, ``always`` first."""
    always = always or set()
    rest = sorted((i for i in range(len(scores)) if i not in always), key=lambda i: (-scores[i], i))
    return always | set(rest[: max(0, count - len(always))])


def kept(row: np.ndarray) -> set[int]:
    return set(np.flatnonzero(row).tolist())
