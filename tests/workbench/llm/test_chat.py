"""Prompts: templates, and which tokens a context span became."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.gguf_models import write_model
from workbench.errors import ModelError
from workbench.llm.chat import Chat, find_marks, token_ranges
from workbench.llm.llama import LlamaBackend
from workbench.llm.messages import Message
from workbench.llm.model import Model

TEXTS = (
    "Anna likes tea.",
    "日本語のテキスト",
    "a 😀👩‍👩‍👧 family, naïve café",
    "tabs\tand  double  spaces",
    'quotes "and" <|end|> control words',
    "Anna likes tea.",
)


def spans(model: Model, prompt: str, marks: tuple[str, ...]) -> list[bytes]:
    tokens = model.tokenize(prompt)
    ranges = token_ranges(model, prompt, tokens, marks)
    return [b"".join(map(model.special_piece, tokens[start:end].tolist())) for start, end in ranges]


def test_spans_cover_their_text(backend: LlamaBackend) -> None:
    prompt = backend.chat.render((Message("system", "Answer 😀."), Message("user", "Memory\n" + "\n".join(TEXTS))))
    found = spans(backend.model, prompt, TEXTS)
    for text, covered in zip(TEXTS, found, strict=True):
        assert text.encode() in covered
        assert len(covered) <= len(text.encode()) + 8  # a token may reach over the edge, not more


def test_equal_texts_are_told_apart_by_order(backend: LlamaBackend) -> None:
    prompt = backend.chat.render((Message("user", "\n".join(TEXTS)),))
    tokens = backend.chat.tokenize(prompt)
    ranges = token_ranges(backend.model, prompt, tokens, TEXTS)
    assert ranges[0][1] <= ranges[-1][0]
    assert all(a[1] <= b[1] and a[0] <= b[0] for a, b in pairwise(ranges))


def test_white_space_at_the_ends_and_empty_marks() -> None:
    assert find_marks("ab  cd", ("  ab ", "", "cd\n")) == [(0, 2), (2, 2), (4, 6)]


def test_missing_mark_is_named() -> None:
    with pytest.raises(ModelError, match=r"context span 1 \('zebra'\) is not in the prompt after span 0"):
        find_marks("a horse", ("horse", "zebra"))


def test_word_piece_and_lower_casing(shared_models: Path) -> None:
    """A vocabulary that lower-cases and drops accents cannot give the bytes back; spans must hold all the same."""
    model = Model(shared_models / "all-MiniLM-L6-v2.Q8_0.gguf", embedding=True)
    prompt = "The memory says: Anna Likes Green Tea. Later, Bob moved to Oslo!"
    tokens = model.tokenize(prompt, special=False, framed=True)
    (one, two) = token_ranges(model, prompt, tokens, ("Anna Likes Green Tea.", "Bob moved to Oslo!"))
    assert "".join(map(model.shown, tokens[slice(*one)].tolist())).replace(" ", "") == "annalikesgreentea."
    assert "".join(map(model.shown, tokens[slice(*two)].tolist())).replace(" ", "") == "bobmovedtooslo!"
    model.close()


def test_model_without_template_gets_the_plain_one(tmp_path: Path) -> None:
    write_model(tmp_path / "plain.gguf", template="")
    model = Model(tmp_path / "plain.gguf")
    chat = Chat(model, model.chat_template())
    prompt = chat.render((Message("system", "be brief"), Message("user", "hello")))
    assert prompt == "System: be brief\nUser: hello\nAssistant: "
    model.close()


def test_beginning_token_is_written_once(backend: LlamaBackend) -> None:
    tokens = backend.chat.tokenize(backend.chat.render((Message("user", "hello"),)))
    assert tokens.tolist().count(backend.model.special.bos) == 1 and tokens[0] == backend.model.special.bos


def test_template_without_system_role(backend: LlamaBackend) -> None:
    source = (
        "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
        "[{{ m.content }}]{% endfor %}"
    )
    chat = Chat(backend.model, source)
    assert chat.render((Message("system", "be brief"), Message("user", "hello"))) == "[be brief\n\nhello]"
    with pytest.raises(ModelError, match="the chat template of random"):
        Chat(backend.model, "{{ raise_exception('never') }}").render((Message("user", "hello"),))


def test_template_cannot_reach_python(backend: LlamaBackend) -> None:
    chat = Chat(backend.model, "{{ ''.__class__.__mro__[1].__subclasses__() }}")
    with pytest.raises(ModelError, match="failed"):
        chat.render((Message("user", "hello"),))


def test_control_words_in_users_text_are_seen_as_the_template_sees_them(backend: LlamaBackend) -> None:
    # count_tokens is about plain text: a control word typed by a user is not one token.
    assert backend.count_tokens("<|end|>") > 1
