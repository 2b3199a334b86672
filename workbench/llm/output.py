"""The text that a generation has written so far, and when it ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from workbench.llm.base import Closing, Stop, Token
from workbench.llm.loops import MOST_CLOSINGS, Loop, LoopGuard
from workbench.llm.model import Model


@dataclass(frozen=True, slots=True)
class Generated:
    """What a job produced: the text, its tokens with their log-probabilities, and why it stopped.

    Attributes:
        closings: loops that were cut out of the text.
        drawn: tokens that were generated, with those that were cut out.
    """

    text: str
    tokens: tuple[Token, ...]
    stop: Stop
    closings: tuple[Closing, ...] = ()
    drawn: int = 0


class Rewriter(Protocol):
    """What has to agree when a text goes on otherwise than it was drawn: the sampler and its grammar."""

    def rewrite(self, kept: Sequence[int], added: Sequence[int]) -> bool:
        """Go back to the first ``kept`` tokens and on with those ``added``; whether they may follow."""
        ...


class Output:
    """Grows token by token.

    Args:
        max_tokens: ``limit`` is reported when so many were written.
        stops: strings that end the text and are cut off; at its very beginning, before anything was said, they count
            for nothing.
        guard: ends a text that loops, with the reason ``repetition``.
    """

    def __init__(
        self, model: Model, max_tokens: int, stops: tuple[str, ...] = (), guard: LoopGuard | None = None
    ) -> None:
        self._model, self.max_tokens, self._guard = model, max_tokens, guard
        self.stops = tuple(stop.encode() for stop in stops if stop)
        self.tokens: list[tuple[int, float]] = []
        self._data = bytearray()
        self._loop: Loop | None = None
        self._closings: list[Closing] = []
        self._drawn = 0  # tokens that were cut out again

    def append(self, token: int, logprob: float) -> int:
        """Write a token; returns how many bytes it added."""
        piece = self._model.piece(token)
        self.tokens.append((token, logprob))
        self._data += piece
        return len(piece)

    def extend(self, token: int, logprob: float) -> Stop | None:
        """Write a generated token; why the generation ends with it, or None. An end token is not written."""
        if self._model.ends(token):
            return "end"
        if self._cut(self.append(token, logprob)):
            return "stop"
        self._loop = self._guard.add(self._model.piece(token)) if self._guard is not None else None
        if self._loop is not None:
            return "repetition"
        return "limit" if len(self.tokens) >= self.max_tokens else None

    def _cut(self, added: int) -> bool:
        """Cut the text before the first stop string that ends in the bytes just added."""
        said = len(self._data) - len(self._data.lstrip())  # a newline before the answer does not end it
        if said == len(self._data):
            return False
        found = [self._data.find(stop, max(said, len(self._data) - added - len(stop) + 1)) for stop in self.stops]
        at = min((place for place in found if place >= 0), default=-1)
        if at >= 0:
            del self._data[at:]
        return at >= 0

    def close_loop(self, sampler: Rewriter) -> list[int]:
        """Cut the loop out that has ended the text, and close its string or list so that the text can go on.

        Returns:
            The tokens written behind those that stay; none when it cannot go on, and nothing has changed then.
        """
        loop, guard = self._loop, self._guard
        if loop is None or guard is None or not loop.close or len(self._closings) == MOST_CLOSINGS:
            return []
        count, size = self._whole(loop.keep)
        added = self._model.spelled(bytes(self._data[size : loop.keep]) + loop.close)
        kept = [token for token, _ in self.tokens[:count]]
        if not added or count + len(added) >= self.max_tokens or not sampler.rewrite(kept, added):
            return []
        self._closings.append(Closing(loop.place, loop.what, self._data[loop.keep :].decode("utf-8", "replace")))
        self._drawn += len(self.tokens) - count
        del self.tokens[count:], self._data[size:]
        for token in added:
            self.append(token, 0.0)  # nobody drew it
        guard.resume(bytes(self._data))
        self._loop = None
        return added

    def _whole(self, end: int) -> tuple[int, int]:
        """How many tokens lie wholly before ``end`` bytes, and how many bytes they take."""
        size = 0
        for count, (token, _) in enumerate(self.tokens):
            if size + len(self._model.piece(token)) > end:
                return count, size
            size += len(self._model.piece(token))
        return len(self.tokens), size

    def result(self, stop: Stop) -> Generated:
        """The finished output. Tokens that lie wholly behind a cut are left out."""
        if stop == "repetition" and self._loop is not None:
            del self._data[self._loop.keep :]  # the first of the repeats stays
        written: list[tuple[int, float]] = []
        size = 0
        for token, logprob in self.tokens:
            if stop in ("stop", "repetition") and size >= len(self._data):
                break
            written.append((token, logprob))
            size += len(self._model.piece(token))
        texts = self._model.readable([token for token, _ in written])
        tokens = tuple(Token(token, text, logprob) for (token, logprob), text in zip(written, texts, strict=True))
        drawn = len(self.tokens) + self._drawn
        return Generated(self._data.decode("utf-8", "replace"), tokens, stop, tuple(self._closings), drawn)
