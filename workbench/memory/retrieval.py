"""What retrieving strategies share: tokenizers, BM25, fusion, ranking candidates, spans of hits."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from workbench.memory.base import Hit, Recall, Span
from workbench.memory.items import Item
from workbench.memory.lines import one_line
from workbench.memory.okapi import Okapi
from workbench.words import words

CANDIDATES = 25
"""How many candidates a recall names, returned or not."""


def tokenizer(name: str) -> Callable[[str], list[str]]:
    """``split``: at single spaces. ``words``: see :func:`workbench.words.words`."""
    return (lambda text: text.split(" ")) if name == "split" else words


class Lexical:
    """BM25 over texts: see :class:`Okapi`.

    A cache: texts that follow those of the last time are added; else the index is built again.
    """

    def __init__(self, tokens: str = "words") -> None:
        self._split = tokenizer(tokens)
        self._texts: list[str] = []
        self._index = Okapi()

    def scores(self, query: str, texts: Sequence[str]) -> NDArray[np.float64]:
        """Score of each text for ``query``, float64 ``[len(texts)]``; zeros where no text has a word."""
        if self._texts != texts[: len(self._texts)]:
            self._texts, self._index = [], Okapi()
        for text in texts[len(self._texts) :]:
            self._index.add(self._split(text))
            self._texts.append(text)
        return self._index.scores(self._split(query))


def unit_range(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """Scores moved to [0, 1] by minimum and maximum; zeros when they are all equal."""
    low, high = (float(scores.min()), float(scores.max())) if len(scores) else (0.0, 0.0)
    return np.asarray((scores - low) / (high - low), np.float64) if high > low else np.zeros(len(scores))


def ranks(scores: NDArray[np.floating]) -> NDArray[np.int64]:
    """The rank of each score from 1, best first; of equal scores the earlier first."""
    out = np.empty(len(scores), np.int64)
    out[np.argsort(-scores, kind="stable")] = np.arange(1, len(scores) + 1)
    return out


def reciprocal_ranks(*scores: NDArray[np.floating], constant: float = 60.0) -> NDArray[np.float64]:
    """Reciprocal rank fusion (Cormack et al. 2009): the sum of 1 / (constant + rank) over the scorings."""
    return np.sum([1.0 / (constant + ranks(s)) for s in scores], axis=0)


def best(scores: NDArray[np.floating]) -> list[int]:
    """Indexes from the best score to the worst; of equal scores the earlier first."""
    return [int(i) for i in np.argsort(-scores, kind="stable")]


def ranked(
    items: Sequence[Item],
    scores: NDArray[np.floating],
    k: int,
    part: str,
    parts: Mapping[str, NDArray[np.floating]] | None = None,
    *,
    order: Sequence[int] | None = None,
    text: Callable[[Item], str] | None = None,
) -> Recall:
    """The best ``k`` items as spans in the order they were written; ties keep the earlier item first.

    Args:
        scores: ``[len(items)]``, higher is better.
        part: name of the score among a hit's parts.
        parts: further component scores, each ``[len(items)]``.
        order: indexes of the candidates, best first, when it is not simply that of the scores.
        text: how an item reads in the context; its ``text`` when not given.
    """
    order = best(scores) if order is None else order
    columns = {part: scores} | dict(parts or {})
    hits = tuple(
        Hit(
            items[i].id, float(scores[i]), rank, rank <= k, {name: float(column[i]) for name, column in columns.items()}
        )
        for rank, i in enumerate(order[: max(k, CANDIDATES)], 1)
    )
    chosen = sorted(order[:k])
    return Recall(tuple(span(items[i], float(scores[i]), text) for i in chosen), hits, k)


def marked(
    items: Sequence[Item], scores: NDArray[np.floating], returned: Collection[str], k: int, part: str = "cosine"
) -> Recall:
    """Items of which a method's own rules returned some: these first, each group by score; a span for each returned."""
    order = sorted(best(scores), key=lambda i: items[i].id not in returned)[: max(len(returned), CANDIDATES)]
    hits = (
        Hit(items[i].id, float(scores[i]), rank, items[i].id in returned, {part: float(scores[i])})
        for rank, i in enumerate(order, 1)
    )
    spans = (span(i, float(s), kind=i.kind) for i, s in zip(items, scores, strict=True) if i.id in returned)
    return Recall(tuple(spans), tuple(hits), k)


def span(item: Item, priority: float, text: Callable[[Item], str] | None = None, kind: str = "memory") -> Span:
    """An item as a span of one line."""
    shown = one_line(text(item) if text else item.text)
    return Span(shown, (item.id,), item.turns, kind, priority=priority, when=item.when)


def recent(items: Iterable[Item], above: float = 1e6, kind: str = "recent") -> tuple[Span, ...]:
    """Items that are in the context whatever the question; the newest of them are the last to be dropped."""
    return tuple(span(item, above + n, kind=kind) for n, item in enumerate(items))
