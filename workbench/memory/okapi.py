"""BM25 over texts that come one by one: postings, so that a long run's index takes bytes and not objects."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

K1, B, EPSILON = 1.5, 0.75, 0.25


class Okapi:
    """``rank_bm25.BM25Okapi`` (MIT) with its defaults, to rounding in the last place.

    A word that more than half of the documents have is worth ``EPSILON`` times the average, as there. The average is
    taken whatever the order in which words came in, so that an index that grew and one built at once score the same.
    """

    def __init__(self) -> None:
        self._postings: dict[str, array[int]] = {}  # document, how often, document, how often ...
        self._lengths = array("I")
        self._spread: Counter[int] = Counter()  # how many words so many documents have

    def add(self, words: Sequence[str]) -> None:
        """Take in the next document."""
        number = len(self._lengths)
        self._lengths.append(len(words))
        for word, count in Counter(words).items():
            known = self._postings.setdefault(word, array("I"))
            self._spread[len(known) // 2] -= 1
            known.extend((number, count))
            self._spread[len(known) // 2] += 1

    def scores(self, query: Sequence[str]) -> NDArray[np.float64]:
        """The score of each document, float64 ``[documents]``; a word that is asked twice counts twice."""
        lengths = np.frombuffer(self._lengths, np.uint32).astype(np.float64)
        out = np.zeros(len(lengths))
        least = self._least()
        for word in query:
            if word in self._postings:
                found = np.array(self._postings[word], np.int64).reshape(-1, 2)
                documents, often = found[:, 0], found[:, 1]
                weight = self._rarity(len(found))
                part = K1 * (1 - B + B * lengths[documents] / lengths.mean())
                out[documents] += (weight if weight >= 0 else least) * (often * (K1 + 1) / (often + part))
        return out

    def _rarity(self, documents: int) -> float:
        """What a word is worth that so many documents have."""
        return math.log(len(self._lengths) - documents + 0.5) - math.log(documents + 0.5)

    def _least(self) -> float:
        """What a word is worth that more than half of the documents have."""
        total = math.fsum(count * self._rarity(n) for n, count in self._spread.items() if n and count)
        return EPSILON * total / max(1, len(self._postings))
