"""The text that a generation has written so far, and when it ends."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.llm.base import Stop, Token
from workbench.llm.loops import LoopGuard, loop_start
from workbench.llm.model import Model


@dataclass(frozen=True, slots=True)
class Generated:
    """What a job produced: the text, its tokens with their log-probabilities, and why it stopped."""

    text: str
    tokens: tuple[Token, ...]
    stop: Stop


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
        if self._guard is not None and self._guard.add(self._model.piece(token)):
            self._end_loop()
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

    def _end_loop(self) -> None:
        """Leave the first of the repeats."""
        string = self._data[self._data.rfind(b'"') + 1 :]
        start = loop_start(string)
        if start is not None:
            del self._data[len(self._data) - len(string) + start :]

    def result(self, stop: Stop) -> Generated:
        """The finished output. Tokens that lie wholly behind a cut are left out."""
        written: list[tuple[int, float]] = []
        size = 0
        for token, logprob in self.tokens:
            if stop in ("stop", "repetition") and size >= len(self._data):
                break
            written.append((token, logprob))
            size += len(self._model.piece(token))
        texts = self._model.readable([token for token, _ in written])
        tokens = tuple(Token(token, text, logprob) for (token, logprob), text in zip(written, texts, strict=True))
        return Generated(self._data.decode("utf-8", "replace"), tokens, stop)
