"""What retrieving strategies share: tokenizers, ranking candidates, spans of hits."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from workbench.memory.base import Hit, Recall, Span
from workbench.memory.items import Item

CANDIDATES = 25
"""How many candidates a recall names, returned or not."""


def tokenizer(name: str) -> Callable[[str], list[str]]:
    """``split``: at single spaces. ``words``: lower-case ``[a-z0-9]+``."""
    return (lambda text: text.split(" ")) if name == "split" else (lambda text: re.findall(r"[a-z0-9]+", text.lower()))


def ranked(
    items: Sequence[Item],
    scores: NDArray[np.floating],
    k: int,
    part: str,
    parts: Mapping[str, NDArray[np.floating]] | None = None,
) -> Recall:
    """The best ``k`` items as spans in the order they were written; ties keep the earlier item first.

    Args:
        scores: ``[len(items)]``, higher is better.
        part: name of the score among a hit's parts.
        parts: further component scores, each ``[len(items)]``.
    """
    order = np.argsort(-scores, kind="stable")[: max(k, CANDIDATES)]
    columns = {part: scores} | dict(parts or {})
    hits = tuple(
        Hit(items[i].id, float(scores[i]), rank, rank <= k, {name: float(column[i]) for name, column in columns.items()})
        for rank, i in enumerate(order, 1)
    )
    chosen = sorted(int(i) for i in order[:k])
    spans = (Span(items[i].text, (items[i].id,), items[i].turns, "memory", priority=float(scores[i])) for i in chosen)
    return Recall(tuple(spans), hits, k)
