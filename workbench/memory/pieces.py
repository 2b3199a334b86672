"""Pieces of text, where their sentences came from, and their vectors: what several strategies need."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from workbench.memory.base import Hit, Mind
from workbench.memory.retrieval import CANDIDATES
from workbench.memory.rows import Rows

_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？])\s*|\n+")
_LEAST = 16  # tokens that a section of a prompt gets even in the smallest context


def sentences(text: str) -> list[str]:
    """The sentences of a text in order, none of them empty."""
    return [s for s in (part.strip() for part in _SENTENCE_END.split(text)) if s]


def cut(text: str, limit: int, count: Callable[[str], int]) -> list[str]:
    """Pieces of at most about ``limit`` tokens: whole sentences where they fit, else words, else characters.

    A text that fits stays as it is; a text of nothing but white space gives no piece.
    """
    if not text.strip():
        return []
    if count(text) <= limit:
        return [text]
    out: list[str] = []
    for unit in (u for s in sentences(text) for u in _units(s, limit, count)):
        longer = f"{out[-1]} {unit}" if out else unit
        if out and count(longer) <= limit:
            out[-1] = longer
        else:
            out.append(unit)
    return out


def _units(sentence: str, limit: int, count: Callable[[str], int]) -> Iterable[str]:
    if count(sentence) <= limit:
        return [sentence]
    return [u for word in sentence.split() for u in _characters(word, limit, count)]


def _characters(word: str, limit: int, count: Callable[[str], int]) -> list[str]:
    size = count(word)
    step = len(word) if size <= limit else max(1, len(word) * limit // size)
    return [word[i : i + step] for i in range(0, len(word), step)]


MARK = " […] "
"""Stands where a text was clipped in its middle."""


def clipped(text: str, limit: int, count: Callable[[str], int]) -> str:
    """A text of at most about ``limit`` tokens: its beginning and its end, with a mark where the middle is missing."""
    size = count(text)
    if size <= limit:
        return text
    keep = len(text) * limit // size
    while keep > 1:
        head = keep * 3 // 5
        short = f"{text[:head].rstrip()}{MARK}{text[len(text) - keep + head :].lstrip()}"
        if count(short) <= limit:
            return short
        keep = keep * 9 // 10
    return MARK.strip()


def room(mind: Mind, answer: int, share: float = 1.0) -> int:
    """Tokens that a ``share`` of a prompt may take when ``answer`` tokens are to be written."""
    return max(_LEAST, int((mind.budget - answer) * share))


Source = tuple[str, tuple[int, ...]]
"""A sentence and the turns that it came from."""


def carried(text: str, before: Iterable[Source], turns: Sequence[int]) -> list[Source]:
    """The sentences of a rewritten text: one that was there before keeps its turns, a new one comes from ``turns``."""
    known = {_plain(sentence): origin for sentence, origin in before}
    return [(s, known.get(_plain(s), tuple(turns))) for s in sentences(text)]


def _plain(sentence: str) -> str:
    return " ".join(re.findall(r"\w+", sentence.casefold()))


def fitting(texts: Iterable[str], limit: int, count: Callable[[str], int]) -> list[str]:
    """The first texts that take at most ``limit`` tokens together."""
    out = []
    for text in texts:
        limit -= count(text) + 1
        if limit < 0:
            break
        out.append(text)
    return out


Scored = tuple[str, float, bool, Mapping[str, float]]
"""An item's id, its score, whether it is returned, its component scores."""


def hits(scored: Iterable[Scored]) -> tuple[Hit, ...]:
    """What is returned first, the best of the rest after it up to ``CANDIDATES``; of equals the earlier one first."""
    order = sorted(scored, key=lambda s: (not s[2], -s[1]))
    count = max(CANDIDATES, sum(s[2] for s in order))
    return tuple(
        Hit(name, float(score), n, back, parts) for n, (name, score, back, parts) in enumerate(order[:count], 1)
    )


class Vectors:
    """Vectors by text, so that a strategy embeds each text once. A cache: asking the model again gives the same."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self._rows = Rows()

    async def of(self, mind: Mind, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, float32 ``[len(texts), dimensions]``; ``[0, 0]`` for no texts."""
        return self._rows.take(await self._numbers(mind, texts)) if texts else np.zeros((0, 0), np.float32)

    async def keep(self, mind: Mind, texts: Sequence[str]) -> None:
        """Embed what is not there yet."""
        await self._numbers(mind, texts)

    async def near(self, mind: Mind, vector: NDArray[np.float32], texts: Sequence[str]) -> NDArray[np.float64]:
        """Cosine of a unit vector to each text, float64 ``[len(texts)]``."""
        numbers = await self._numbers(mind, texts)
        return np.round(self._rows.dots(numbers, vector), 5)  # what else was in an embedding batch moves the sixth

    async def cosines(self, mind: Mind, query: str, texts: Sequence[str]) -> NDArray[np.float64]:
        """Similarity of ``query`` to each text, float64 ``[len(texts)]``. The query itself is not kept."""
        return await self.near(mind, (await mind.embed([query]))[0], texts) if texts else np.zeros(0)

    async def _numbers(self, mind: Mind, texts: Sequence[str]) -> list[int]:
        new = [t for t in dict.fromkeys(texts) if t not in self._places]
        if new:
            for text, vector in zip(new, await mind.embed(new), strict=True):
                if text not in self._places:
                    self._places[text] = self._rows.append(vector)
        return [self._places[t] for t in texts]
