"""Chat templates, and where each piece of a prompt lies among its tokens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from workbench.errors import ModelError
from workbench.llm.messages import Message
from workbench.llm.model import Model, Tokens

PLAIN_TEMPLATE = (
    "{% for message in messages %}{{ message.role | capitalize }}: {{ message.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}Assistant: {% endif %}"
)
"""For models whose file has no chat template: readable, and the same for all of them."""

THOUGHT = ("<think>", "</think>")
"""What the thinking models of today write around a thought."""


class Chat:
    """Renders messages with the model's own template.

    Args:
        template: Jinja source; "" takes :data:`PLAIN_TEMPLATE`.
    """

    def __init__(self, model: Model, template: str = "") -> None:
        self._model = model
        self.source = template or PLAIN_TEMPLATE
        self._template = _compile(self.source)

    def render(self, messages: Sequence[Message], thinking: bool = False) -> str:
        """The prompt as text, up to where the assistant's answer begins.

        Args:
            thinking: whether the model may think aloud first. A template that opens a thought all the same gets it
                closed at once.

        Raises:
            ModelError: when the template itself fails.
        """
        from jinja2 import TemplateError

        special = self._model.special
        listed = [{"role": message.role, "content": message.text} for message in messages]
        try:
            prompt: str = self._template.render(
                messages=listed,
                add_generation_prompt=True,
                bos_token=special.bos_text,
                eos_token=special.eos_text,
                enable_thinking=thinking,
            )
        except TemplateError as error:
            if messages and messages[0].role == "system":
                return self.render(_without_system(messages), thinking)  # some templates know no system role and raise
            raise ModelError(
                f"the chat template of {self._model.path.name} failed: {error}", "choose another model"
            ) from error
        opened = prompt.rstrip().endswith(THOUGHT[0]) and not thinking
        return f"{prompt.rstrip()}\n{THOUGHT[1]}\n\n" if opened else prompt

    def tokenize(self, prompt: str) -> Tokens:
        """Tokens of a rendered prompt. The beginning token is added unless the template wrote it."""
        special = self._model.special
        written = bool(special.bos_text) and prompt.startswith(special.bos_text)
        tokens = self._model.tokenize(prompt, special=True, framed=special.add_bos and not written)
        if len(tokens) > 1 and tokens[-1] == special.eos and not prompt.endswith(special.eos_text or "\0"):
            tokens = tokens[:-1]  # a model that frames texts with an end token must not end before it answers
        return tokens


def _without_system(messages: Sequence[Message]) -> list[Message]:
    system, *rest = messages
    if not rest:
        return [Message("user", system.text)]
    return [Message(rest[0].role, f"{system.text}\n\n{rest[0].text}"), *rest[1:]]


@lru_cache(maxsize=16)
def _compile(source: str) -> Any:
    from jinja2 import TemplateError
    from jinja2.ext import loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def raise_exception(message: str) -> None:
        raise TemplateError(message)

    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
    environment.globals["raise_exception"] = raise_exception
    # Some templates write today's date. A fixed one keeps prompts, and so runs, the same from day to day.
    environment.globals["strftime_now"] = lambda form: datetime(2025, 1, 1).strftime(form)
    try:
        return environment.from_string(source)
    except TemplateError as error:
        raise ModelError(f"the model's chat template cannot be read: {error}", "choose another model") from error


def find_marks(prompt: str, marks: Sequence[str]) -> list[tuple[int, int]]:
    """Where each mark lies in the prompt, as half-open character ranges.

    Marks are looked for one after another, so equal texts are told apart by their order. Templates may trim white
    space, so a mark counts without the white space at its ends.

    Raises:
        ModelError: when a mark does not occur after the one before it.
    """
    ranges, at = [], 0
    for number, mark in enumerate(marks):
        text = mark.strip()
        start = prompt.find(text, at)
        if start < 0:
            raise ModelError(
                f"context span {number} ({text[:60]!r}) is not in the prompt after span {number - 1}",
                "give the spans in the order and the wording of the messages",
            )
        at = start + len(text)
        ranges.append((start, at))
    return ranges


def token_ranges(model: Model, prompt: str, tokens: Tokens, marks: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Which tokens each mark became, as half-open ranges; a token that a mark shares with its surroundings counts.

    An empty mark gives an empty range.
    """
    found = find_marks(prompt, marks)
    if not found:
        return ()
    edges = token_edges(model, prompt, tokens)
    sizes = _byte_offsets(prompt, found)
    return tuple(_covering(edges, start, end) for start, end in sizes)


def _byte_offsets(prompt: str, ranges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    out, at, size = [], 0, 0
    for start, end in ranges:
        begin = size + len(prompt[at:start].encode("utf-8", "replace"))
        size = begin + len(prompt[start:end].encode("utf-8", "replace"))
        at = end
        out.append((begin, size))
    return out


def _covering(edges: Sequence[tuple[int, int]], start: int, end: int) -> tuple[int, int]:
    import bisect

    first = bisect.bisect_right(edges, start, key=lambda edge: edge[1])
    if start == end:
        return first, first
    last = bisect.bisect_left(edges, end, key=lambda edge: edge[0])
    return first, max(first, last)


def token_edges(model: Model, prompt: str, tokens: Tokens) -> list[tuple[int, int]]:
    """Where each token lies in the prompt's UTF-8 bytes, half open; a token that stands for no text is empty.

    Byte-level vocabularies give the bytes back exactly. Others add a leading space or normalise (SentencePiece,
    WordPiece), so each token's text is looked for a little ahead of where the last one ended, without regard to case.
    """
    data = prompt.encode("utf-8", "replace")
    folded = data.lower()
    edges, at = [], 0
    for token in tokens.tolist():
        piece = model.special_piece(token)
        begin = _place(data, folded, piece, at)
        if begin < 0:
            edges.append((at, at))
            continue
        start, size = begin, len(piece) if data.startswith(piece, begin) else len(piece.strip())
        at = min(len(data), start + size)
        edges.append((start, at))
    return edges


def _place(data: bytes, folded: bytes, piece: bytes, at: int) -> int:
    if data.startswith(piece, at):
        return at
    text = piece.strip().lower()
    if not text:
        return -1
    return folded.find(text, at, at + len(text) + 16)
