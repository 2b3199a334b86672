"""The text that a generation has written so far, and when it ends."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.llm.base import Stop, Token
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
        stops: strings that end the text and are cut off.
    """

    def __init__(self, model: Model, max_tokens: int, stops: tuple[str, ...] = ()) -> None:
        self._model, self.max_tokens = model, max_tokens
        self._stops = tuple(stop.encode() for stop in stops if stop)
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
        return "limit" if len(self.tokens) >= self.max_tokens else None

    def _cut(self, added: int) -> bool:
        """Cut the text before the first stop string that ends in the bytes just added."""
        found = [self._data.find(stop, max(0, len(self._data) - added - len(stop) + 1)) for stop in self._stops]
        at = min((place for place in found if place >= 0), default=-1)
        if at >= 0:
            del self._data[at:]
        return at >= 0

    def result(self, stop: Stop) -> Generated:
        """The finished output. Tokens that lie wholly behind the cut are left out."""
        tokens, size = [], 0
        for token, logprob in self.tokens:
            if stop == "stop" and size >= len(self._data):
                break
            tokens.append(Token(token, self._model.shown(token), logprob))
            size += len(self._model.piece(token))
        return Generated(self._data.decode("utf-8", "replace"), tuple(tokens), stop)
