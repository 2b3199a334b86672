"""LoCoMo's official figure (snap-research/locomo, ``task_eval/evaluation.py``, arXiv 2402.17753).

The paper's tables hold its mean per category; nothing in it is right or wrong. The stemmer is NLTK's ``PorterStemmer``,
which is not Snowball's, and word boundaries are those of the ``regex`` package, which count combining marks as letters.
"""

from __future__ import annotations

import string
from collections import Counter
from functools import cache, lru_cache
from typing import Any

from workbench.probes.base import Shared
from workbench.sessions.model import Probe

NOT_THERE = ("no information available", "not mentioned")
"""What an answer to an adversarial question (category 5) must contain, in any case."""

_PUNCTUATION = str.maketrans("", "", string.punctuation)


def f1(probe: Probe, answer: str, shared: Shared) -> float | None:
    """The figure by category (``probe.extra["category"]``, 4 when there is none).

    1: prediction and gold are split at commas; the mean over gold parts of the best F1 over prediction parts. 2, 3, 4:
    F1 of the multisets of stems; in 3 the gold ends at the first semicolon. 5: 1 if the answer says that it is not
    mentioned, else 0, whatever the gold. Of several golds, which the benchmark does not have, the best.
    """
    category = probe.extra.get("category", 4)
    if category == 5:
        return float(any(phrase in answer.lower() for phrase in NOT_THERE))
    golds = [g.split(";")[0].strip() if category == 3 else g for g in probe.gold]
    figure = _of_parts if category == 1 else _of_stems
    return max((figure(answer, gold) for gold in golds), default=None)


def _of_parts(said: str, gold: str) -> float:
    parts = [p.strip() for p in said.split(",")]
    best = [max(_of_stems(p, g.strip()) for p in parts) for g in gold.split(",")]
    return sum(best) / len(best)


def _of_stems(said: str, gold: str) -> float:
    found, wanted = stems(said), stems(gold)
    same = sum((Counter(found) & Counter(wanted)).values())
    if not same:
        return 0.0
    precision, recall = same / len(found), same / len(wanted)
    return 2 * precision * recall / (precision + recall)


@lru_cache(maxsize=4096)
def stems(text: str) -> tuple[str, ...]:
    """No commas, lower case, no punctuation, no a, an, the, and; Porter stems in their order."""
    plain = text.replace(",", "").lower().translate(_PUNCTUATION)
    return tuple(_porter().stem(word) for word in _articles().sub(" ", plain).split())


@cache
def _articles() -> Any:
    import regex

    return regex.compile(r"\b(a|an|the|and)\b")


@cache
def _porter() -> Any:
    from nltk.stem import PorterStemmer

    return PorterStemmer()
