"""Choosing the next token: greedy or by temperature, checked against a grammar only when there is one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import ModelError
from workbench.llm.grammar import Grammar, schema_to_gbnf
from workbench.llm.model import Model

_SHORT_LIST = 64


class Sampler:
    """Chooses tokens for one generation.

    The token is sampled first and then shown to the grammar; only when it is refused are others tried (the best 64,
    then the whole vocabulary). Under temperature this gives the same distribution as masking first.

    Args:
        temperature: 0 is greedy.
        schema: JSON schema that the text must follow, None for free text.
    """

    def __init__(self, model: Model, temperature: float, seed: int, schema: dict[str, Any] | None) -> None:
        self._model, self._temperature = model, temperature
        self._random = np.random.default_rng(seed) if temperature > 0 else None
        self.grammar = Grammar(model, schema_to_gbnf(schema)) if schema is not None else None
        self._schema = schema

    @property
    def plain(self) -> bool:
        """Whether the best token is always the one to take: greedy without a grammar."""
        return self._random is None and self.grammar is None

    def choose(self, logits: NDArray[np.float32], best: int) -> int:
        """The next token.

        Args:
            logits: float32 ``[vocabulary]``.
            best: index of the largest of them.
        """
        scores: NDArray[Any] = logits
        if self._random is not None:
            # Gumbel's trick: the order of these scores is a draw without replacement from the softmax.
            scores = logits / self._temperature + self._random.gumbel(size=len(logits))
            best = int(np.argmax(scores))
        if self.grammar is None:
            return best
        token = self._first_allowed(self.grammar, scores, best)
        self.grammar.accept(token)
        return token

    def _first_allowed(self, grammar: Grammar, scores: NDArray[Any], best: int) -> int:
        token = grammar.first(np.array([best], np.int32))
        if token is None and len(scores) > 4 * _SHORT_LIST:
            short = np.argpartition(scores, -_SHORT_LIST)[-_SHORT_LIST:]
            token = grammar.first(_descending(short, scores))
        if token is None:
            token = grammar.first(_descending(np.arange(len(scores)), scores))
        if token is None:
            raise ModelError(
                f"no token of {self._model.path.name} continues the schema {json.dumps(self._schema)[:120]}",
                "choose a model whose vocabulary can write JSON",
            )
        return token

    def rewrite(self, kept: Sequence[int], added: Sequence[int]) -> bool:
        """Go back to the first ``kept`` tokens and on with those ``added``; whether the grammar lets them follow."""
        if self.grammar is None:
            return False
        self.grammar.restart(kept)
        for token in added:
            if self.grammar.first(np.array([token], np.int32)) is None:
                return False
            self.grammar.accept(token)
        return True

    def finished(self) -> bool:
        """Whether the grammar has reached the end of its value."""
        return self.grammar is not None and self.grammar.complete()

    def close(self) -> None:
        """Free the grammar."""
        if self.grammar is not None:
            self.grammar.close()


def _descending(tokens: NDArray[Any], scores: NDArray[Any]) -> NDArray[np.int32]:
    return tokens[np.argsort(-scores[tokens], kind="stable")].astype(np.int32)
