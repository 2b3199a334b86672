"""Chat templates, and where each piece of a prompt lies among its tokens."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from functools import lru_cache
from typing import Any

from workbench.errors import ModelError
from workbench.llm.controls import Controls
from workbench.llm.messages import Message
from workbench.llm.model import Model, Tokens

PLAIN_TEMPLATE = (
    "{% for message in messages %}{{ message.role | capitalize }}: {{ message.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}Assistant: {% endif %}"
)
"""For models whose file has no chat template: readable, and the same for all of them."""

THOUGHT = ("<think>", "</think>")
"""What the thinking models of today write around a thought."""


class Prompt(str):
    """A rendered prompt that knows which of it came from the messages and not from the template.

    Attributes:
        foreign: those parts, as half-open character ranges, in order.
    """

    foreign: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, text: str, foreign: Sequence[tuple[int, int]]) -> Prompt:
        """The text with its foreign ranges."""
        prompt = cls(text)
        prompt.foreign = tuple(foreign)
        return prompt

    def __add__(self, more: str) -> Prompt:
        """With text of the program's own behind it."""
        return Prompt.of(super().__add__(more), self.foreign)


class Chat:
    """Renders messages with the model's own template. What a message says is no control token, and steers no template.

    Args:
        template: Jinja source; "" takes :data:`PLAIN_TEMPLATE`.
    """

    def __init__(self, model: Model, template: str = "") -> None:
        self._model = model
        self.source = template or PLAIN_TEMPLATE
        self._template = _compile(self.source)
        self.controls = Controls(model, self.source)

    def render(self, messages: Sequence[Message], thinking: bool = False) -> Prompt:
        """The prompt as text, up to where the assistant's answer begins.

        The template sees a placeholder for each text, with the text's own white space around it; the text takes its
        place afterwards. So a template that asks what a text begins with, or takes a part out, does neither.

        Args:
            thinking: whether the model may think aloud first. A template that opens a thought all the same gets it
                closed at once.

        Raises:
            ModelError: when the template itself fails.
        """
        texts = [message.text.strip() for message in messages]
        held = [
            m.text.replace(t, _holder(i)) if t else m.text for i, (m, t) in enumerate(zip(messages, texts, strict=True))
        ]
        try:
            prompt = _filled(self._rendered(messages, held, thinking), texts) or self._seen(messages, thinking)
        except TemplateFailed as error:
            if messages and messages[0].role == "system":
                return self.render(_without_system(messages), thinking)  # some templates know no system role and raise
            raise ModelError(
                f"the chat template of {self._model.path.name} failed: {error}", "choose another model"
            ) from error
        return prompt if thinking else _thought_closed(prompt)

    def _seen(self, messages: Sequence[Message], thinking: bool) -> Prompt:
        """For a template that changes what it is given, by escaping it for example: it sees the texts themselves."""
        text = self._rendered(messages, [message.text for message in messages], thinking)
        told_apart = not any(self.controls.cuts(m.text, ((0, len(m.text)),)) for m in messages)
        return Prompt.of(text, () if told_apart else ((0, len(text)),))

    def _rendered(self, messages: Sequence[Message], contents: Sequence[str], thinking: bool) -> str:
        special = self._model.special
        pairs = [(message.role, content) for message, content in zip(messages, contents, strict=True)]
        return _render(self._template, pairs, special.bos_text, special.eos_text, thinking)

    def tokenize(self, prompt: str) -> Tokens:
        """Tokens of a rendered prompt. The beginning token is added unless the template wrote it.

        Text that is no :class:`Prompt` counts as the template's own.
        """
        special = self._model.special
        foreign = prompt.foreign if isinstance(prompt, Prompt) else ()
        written = bool(special.bos_text) and prompt.startswith(special.bos_text)
        written = written and not any(start < len(special.bos_text) for start, _ in foreign)
        tokens = self.controls.tokenize(prompt, foreign, special=True, framed=special.add_bos and not written)
        if len(tokens) > 1 and tokens[-1] == special.eos and not prompt.endswith(special.eos_text or "\0"):
            tokens = tokens[:-1]  # a model that frames texts with an end token must not end before it answers
        return tokens


class TemplateFailed(Exception):
    """What a template raised, whatever it was: it is a program of the model file."""


def _render(template: Any, messages: Sequence[tuple[str, str]], bos: str, eos: str, thinking: bool) -> str:
    try:
        rendered: str = template.render(
            messages=[{"role": role, "content": content} for role, content in messages],
            add_generation_prompt=True,
            bos_token=bos,
            eos_token=eos,
            enable_thinking=thinking,
        )
    except Exception as error:
        raise TemplateFailed(f"{type(error).__name__}: {error}"[:200]) from error
    return rendered


def rendered_once(source: str) -> int:
    """Characters of the longest prompt that a template makes of a word, with and without a system message.

    Takes as long and as much memory as the template does.

    Raises:
        ModelError: when it cannot be read or fails.
    """
    template, word = _compile(source or PLAIN_TEMPLATE), _holder(0)
    lengths = []
    for thinking in (False, True):
        with suppress(TemplateFailed):  # some know no system role and raise
            lengths.append(len(_render(template, [("system", word), ("user", word)], "<s>", "</s>", thinking)))
        try:
            lengths.append(len(_render(template, [("user", word)], "<s>", "</s>", thinking)))
        except TemplateFailed as error:
            raise ModelError(f"its chat template failed: {error}", "choose another model") from error
    return max(lengths)


def _thought_closed(prompt: Prompt) -> Prompt:
    """A template may open a thought where the answer begins; the end of a message that says so opens none."""
    opened = prompt.rstrip()
    if not opened.endswith(THOUGHT[0]) or any(end > len(opened) - len(THOUGHT[0]) for _, end in prompt.foreign):
        return prompt
    return Prompt.of(f"{opened}\n{THOUGHT[1]}\n\n", prompt.foreign)


_HOLDER = re.compile("\ue000([0-9]+)\ue001")


def _holder(number: int) -> str:
    """A placeholder of private characters: no template looks for them or changes their case."""
    return f"\ue000{number}\ue001"


def _filled(rendered: str, texts: Sequence[str]) -> Prompt | None:
    """The prompt with every text in its place; None when the template did not leave the placeholders as they were."""
    parts, foreign, size = _HOLDER.split(rendered), [], 0
    for at, part in enumerate(parts):
        if at % 2:
            parts[at] = texts[int(part)]
            foreign.append((size, size + len(parts[at])))
        elif "\ue000" in part or "\ue001" in part or "\\ue00" in part:
            return None
        size += len(parts[at])
    return Prompt.of("".join(parts), foreign)


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
    except (TemplateError, RecursionError, ValueError) as error:
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
    return covering(model, prompt, tokens, find_marks(prompt, marks))


def covering(
    model: Model, prompt: str, tokens: Tokens, ranges: Sequence[tuple[int, int]]
) -> tuple[tuple[int, int], ...]:
    """Which tokens each range of characters became, as :func:`token_ranges`; the ranges are in order."""
    if not ranges:
        return ()
    edges = token_edges(model, prompt, tokens)
    return tuple(_covering(edges, start, end) for start, end in _byte_offsets(prompt, ranges))


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
