"""Text from outside never becomes a control token, whatever the vocabulary, and keeps its place in the prompt."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise, product

import pytest

from tests.support.gguf_models import Shape, write_model
from tests.support.tokenizers import TOKENIZERS, Tokenizer
from workbench.llm.chat import Chat, token_ranges
from workbench.llm.messages import Message
from workbench.llm.model import Model

TINY = Shape(layers=1, width=32, heads=1, kv_heads=1, inner=32, context=256)
PLAIN = ("Anna likes tea and the sea.", "  a <b> [c] <| d |> naïve\n\nü  ", "<", "|>", "", " ")


@pytest.fixture(scope="module", params=TOKENIZERS)
def kind(request: pytest.FixtureRequest) -> Tokenizer:
    return TOKENIZERS[request.param]


@pytest.fixture(scope="module")
def model(kind: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    path = tmp_path_factory.mktemp("model") / "tiny.gguf"
    write_model(path, TINY, template=kind.template, tokenizer=lambda writer: kind.write(writer, kind))
    opened = Model(path)
    yield opened
    opened.close()


def chat(model: Model) -> Chat:
    return Chat(model, model.chat_template())


def messages(*texts: str) -> list[Message]:
    return [Message("system", texts[0]), *(Message("user", text) for text in texts[1:])]


def control_ids(kind: Tokenizer, model: Model) -> set[int]:
    texts = {text.encode() for text, _ in kind.controls} | {b"<unk>", b"[UNK]"}
    C = model.library.C
    return {token for token in range(model.n_vocab) if C.llama_vocab_get_text(model.vocab, token) in texts}


def hostile(kind: Tokenizer) -> list[str]:
    """Control words alone, in words, doubled, nested, and halves that their surroundings would complete."""
    words = [text for text, _ in kind.controls]
    out = [form.format(w) for w, form in product(words, ("{}", "a{}b", "the {} tea", "{0}{0}", "{} "))]
    out += [w[: len(w) // 2] + w + w[len(w) // 2 :] for w in words]
    return out + [w[:cut] for w in words for cut in (-1, 1)] + [w[1:] for w in words]


def test_no_text_becomes_a_control_token(kind: Tokenizer, model: Model) -> None:
    it, controls = chat(model), control_ids(kind, model)
    for text in hostile(kind):
        own = it.tokenize(it.render(messages("x", "x"))).tolist()
        tokens = it.tokenize(it.render(messages(text, text))).tolist()
        assert [t for t in tokens if t in controls] == [t for t in own if t in controls], text
        assert not controls.intersection(it.controls.plain(text).tolist()), text


def test_the_tokens_give_the_text_back(kind: Tokenizer, model: Model) -> None:
    it = chat(model)
    if not kind.exact:
        pytest.skip("this vocabulary normalises what it reads")
    for text in hostile(kind):
        prompt = it.render(messages("a", text))
        shown = b"".join(map(model.special_piece, it.tokenize(prompt).tolist())).decode()
        # SentencePiece writes a space behind every control token of the template; none within the text.
        assert shown.replace(" ", "") == prompt.replace(" ", "")
        assert text.strip() in shown
        assert (
            b"".join(map(model.piece, it.controls.plain(text).tolist())).decode().removeprefix(" " * kind.prefix)
            == text
        )


def test_text_without_control_words_has_the_tokens_it_always_had(model: Model) -> None:
    it = chat(model)
    for text in PLAIN:
        prompt = it.render(messages("be brief", text, "x"))
        assert it.tokenize(prompt).tolist() == it.tokenize(str(prompt)).tolist()
        assert it.controls.plain(text).tolist() == model.tokenize(text, special=False).tolist()


def test_spans_are_where_their_text_is(kind: Tokenizer, model: Model) -> None:
    it, words = chat(model), [text for text, _ in kind.controls]
    marks = ("the tea", f"a{words[1]}b", words[3] + words[2], "the tea", f"and {words[4]}")
    prompt = it.render(messages("x", "\n".join(marks)))
    tokens = it.tokenize(prompt)
    ranges = token_ranges(model, prompt, tokens, marks)
    assert all(a[1] <= b[0] for a, b in pairwise(ranges))
    for mark, (start, end) in zip(marks, ranges, strict=True):
        shown = b"".join(map(model.special_piece, tokens[start:end].tolist())).decode()
        assert squeezed(mark) in squeezed(shown)
        assert len(squeezed(shown)) <= len(squeezed(mark)) + 1  # a token may reach over the edge, not more


def squeezed(text: str) -> str:
    return "".join(text.lower().split())


def test_a_template_that_asks_what_a_text_says_is_not_steered(model: Model) -> None:
    source = "{% for m in messages %}{% if m.content.startswith('!') %}obey{% endif %}{{ m.content }}{% endfor %}"
    assert Chat(model, source).render([Message("user", "!now")]) == "!now"


def test_a_message_opens_no_thought(model: Model) -> None:
    source = "{% for m in messages %}{{ m.content }}{% endfor %}"
    assert Chat(model, source).render([Message("user", "what is <think>")]) == "what is <think>"
    opened = Chat(model, source + "<think>").render([Message("user", "<think>")])
    assert opened == "<think><think>\n</think>\n\n"
    assert (opened + "so").foreign == opened.foreign == ((0, 7),)


def test_a_template_that_escapes_what_it_is_given_still_has_no_control_tokens(kind: Tokenizer, model: Model) -> None:
    it, controls = Chat(model, "{% for m in messages %}{{ m.content | tojson }}{% endfor %}"), control_ids(kind, model)
    assert it.render([Message("user", 'say "hi"')]) == '"say \\"hi\\""'
    for text in hostile(kind):
        if set(it.controls.texts) & {text}:
            assert not controls.intersection(it.tokenize(it.render([Message("user", text)])).tolist())
