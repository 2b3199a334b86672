"""Control tokens of a vocabulary, and how text that came from outside is kept from becoming one.

llama.cpp recognises a control token wherever its text stands, and some tokens ("user defined") even where it is told
not to. So the text is cut within every such occurrence and the pieces are tokenised apart: no tokenizer joins what it
never sees together, whatever its kind. Text without one is never cut, and has the tokens that it always had.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from workbench.llm.model import Model, Tokens

Ranges = Sequence[tuple[int, int]]


class Controls:
    """What must not come out of foreign text.

    Control and unknown tokens, and user-defined ones that the chat template writes or that end a generation. A token of
    one character cannot be cut and does not count.

    Args:
        template: source of the chat template.
    """

    def __init__(self, model: Model, template: str) -> None:
        self._model = model
        self.texts = _texts(model, template)
        """Longest first."""
        self._firsts = "".join({text[0] for text in self.texts})
        self._prefix = b"".join(map(model.piece, model.tokenize("a", special=False).tolist())).removesuffix(b"a")

    def cuts(self, text: str, foreign: Ranges) -> list[int]:
        """Where to cut ``text``, so that no control token lies whole, or in part, within its foreign ranges."""
        if not foreign or not any(first in text for first in self._firsts):
            return []
        found: set[int] = set()
        for control in self.texts:
            at = text.find(control)
            while at >= 0:
                end = at + len(control)
                found.update(max(at + 1, start) for start, stop in foreign if at < stop and end > start)
                at = text.find(control, at + 1)
        return sorted(found)

    def tokenize(self, text: str, foreign: Ranges, special: bool = True, framed: bool = False) -> Tokens:
        """Token ids of a text whose ``foreign`` ranges (characters, half open) are no control tokens, int32 ``[n]``.

        Args:
            special, framed: as in :meth:`Model.tokenize`, for what is not foreign.
        """
        cuts = self.cuts(text, foreign)
        if not cuts:
            return self._model.tokenize(text, special, framed)
        pieces = [text[a:b] for a, b in pairwise((0, *cuts, len(text)))]
        first = self._model.tokenize(pieces[0], special, framed)
        framing = self._model.special
        ended = framed and len(first) > 1 and first[-1] == framing.eos  # the frame's end belongs behind the last piece
        head, tail = (first[:-1], first[-1:]) if ended else (first, first[:0])
        return np.concatenate([head, *(self._inner(piece, special) for piece in pieces[1:]), tail])

    def plain(self, text: str) -> Tokens:
        """Token ids of a text that is foreign as a whole."""
        return self.tokenize(text, ((0, len(text)),), special=False)

    def count(self, text: str) -> int:
        """How many tokens a text has that is foreign as a whole."""
        return len(self.plain(text))

    def _inner(self, text: str, special: bool) -> Tokens:
        """Tokens of a piece that goes on another: without the space that some vocabularies begin every text with."""
        if not self._prefix:
            return self._model.tokenize(text, special)
        tokens = self._model.tokenize(
            "\n" + text, special
        )  # a line break joins with nothing there, and can be taken off
        lead = b""
        for count, token in enumerate(tokens.tolist(), 1):
            lead += self._model.piece(token)
            if lead == self._prefix + b"\n":
                return tokens[count:]
        return self._model.tokenize(text, special)


def _texts(model: Model, template: str) -> tuple[str, ...]:
    C, vocab = model.library.C, model.vocab
    always = C.LLAMA_TOKEN_ATTR_CONTROL | C.LLAMA_TOKEN_ATTR_UNKNOWN
    ends = {model.special.eos, C.llama_vocab_eot(vocab)}
    found: set[str] = set()
    for token in range(model.n_vocab):
        kind = C.llama_vocab_get_attr(vocab, token)
        if kind & (always | C.LLAMA_TOKEN_ATTR_USER_DEFINED) or token in ends:
            text = (C.llama_vocab_get_text(vocab, token) or b"").decode("utf-8", "replace")
            if len(text) > 1 and (kind & always or token in ends or (_is_mark(text) and text in template)):
                found.add(text)
    return tuple(sorted(found, key=lambda text: (-len(text), text)))


def _is_mark(text: str) -> bool:
    """Words, line breaks and runs of spaces, which some vocabularies define as well, are text in a template, too."""
    return any(not c.isalnum() and not c.isspace() for c in text)
