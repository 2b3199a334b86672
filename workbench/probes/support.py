"""Whether the turns that a model cites for a question really say the answer.

YourBench (arXiv 2504.01833) keeps a question that a model wrote only when its citations are found in the source, by the
partial ratio of fuzzy string matching; its code gives the mean over the citations and leaves the cut to its user.
Here the cut is ``FOUND``, and the answer must stand in the cited turns too, its numbers exactly: what is close to a
number is another number. A citation that is longer than its turn is compared whole, so that nothing can be added to a
true one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from workbench.sessions.model import Turn
from workbench.words import words

FOUND = 85.0
"""Of 100: from here on a citation counts as found, and an answer as said."""
SAME = 0.9
"""Share of words in common from which two questions are one."""
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")


@dataclass(frozen=True, slots=True)
class Support:
    """How well a question is supported.

    Attributes:
        quoted: mean over the citations of how well each is found in the turn that says it best, 0 to 100.
        said: how well the answer is found in the cited turns, 0 to 100.
        turns: indexes of the turns that say what is cited.
        problem: why the question is not kept; empty when it is.
    """

    quoted: float
    said: float
    turns: tuple[int, ...]
    problem: str


def support(question: str, answer: str, quotes: Sequence[str], turns: Sequence[Turn]) -> Support:
    """Whether turns support the answer to a question, by the words that are cited of them.

    Args:
        turns: those that the question was written from.
    """
    cited = list(dict.fromkeys(q.strip() for q in quotes if words(q)))
    best = [max(((_found(q, t.said), t) for t in turns), key=lambda pair: pair[0], default=None) for q in cited]
    scores = [pair[0] if pair else 0.0 for pair in best]
    quoted = sum(scores) / len(scores) if scores else 0.0
    proof = [pair[1] for pair in best if pair and pair[0] >= FOUND]
    said = max((_found(answer, t.said) for t in proof), default=0.0)
    problem = _problem(question, answer, quoted, said, [t.said for t in proof])
    if not problem and not any(len(words(q)) > len(words(answer)) for q in cited):
        problem = "cites the answer and nothing that proves it"
    return Support(quoted, said, tuple(dict.fromkeys(t.index for t in proof)), problem)


def _problem(question: str, answer: str, quoted: float, said: float, cited: Sequence[str]) -> str:
    if not question.strip() or not answer.strip():
        return "no question or no answer"
    if not quoted:
        return "cites nothing"
    if quoted < FOUND:
        return "no turn says what is cited"
    numbers = {n for text in cited for n in _NUMBER.findall(text)}
    if said < FOUND or not set(_NUMBER.findall(answer)) <= numbers:
        return "the cited turns do not say the answer"
    if _says(question, answer):
        return "the question says its answer"
    return ""


def _found(needle: str, text: str) -> float:
    from rapidfuzz.fuzz import partial_ratio, ratio

    one, two = _normal(needle), _normal(text)
    return float(partial_ratio(one, two) if len(one) <= len(two) else ratio(one, two))


def _normal(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _says(question: str, answer: str) -> bool:
    asked, told = words(question), words(answer)
    return bool(told) and any(asked[n : n + len(told)] == told for n in range(len(asked) - len(told) + 1))


def repeated(question: str, others: Sequence[str]) -> bool:
    """Whether a question has the words of another: nine in ten of all that either has."""
    asked = set(words(question))
    known = (set(words(other)) for other in others)
    return any(len(asked & other) >= SAME * max(len(asked | other), 1) for other in known)
