"""Surprise, entropy and hidden states: equal to an independent implementation of the same weights."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from tests.support.gguf_models import Shape, forward, hidden_states
from workbench.errors import ModelError
from workbench.llm.base import AnswerRequest, StatesRequest, TrackRequest
from workbench.llm.llama import LlamaBackend
from workbench.llm.messages import Message

TEXT, GIVEN = "and the dog did not sleep", "the cat sat on the mat\n"
Weights = dict[str, np.ndarray]


def expected(weights: Weights, shape: Shape, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """-log p of every token but the first, and the entropy of what it was drawn from."""
    _, logits = forward(weights, shape, ids.tolist())
    shares = np.exp(logits - logits.max(1, keepdims=True))
    shares /= shares.sum(1, keepdims=True)
    entropy = -(shares * np.log(shares)).sum(1)
    return -np.log(shares[np.arange(len(ids) - 1), ids[1:]]), entropy[:-1]


def framed(backend: LlamaBackend, *texts: str) -> np.ndarray:
    lead = [backend.model.special.bos] if backend.model.special.add_bos else []
    return np.array([*lead, *(int(t) for text in texts for t in backend.chat.controls.plain(text))], np.int32)


def test_a_text_after_what_was_said_before(backend: LlamaBackend, weights: Weights, shape: Shape) -> None:
    ids = framed(backend, GIVEN, TEXT)
    surprise, entropy = expected(weights, shape, ids)
    track = asyncio.run(backend.track(TrackRequest(TEXT, GIVEN)))
    count = len(track.texts)
    assert "".join(track.texts) == TEXT and track.given == len(ids) - count
    assert track.surprise == pytest.approx(surprise[-count:], abs=1e-3)
    assert track.entropy == pytest.approx(entropy[-count:], abs=1e-3)
    cut = asyncio.run(backend.track(TrackRequest(TEXT, GIVEN, most=4)))
    lead = len(framed(backend))
    few = np.concatenate([ids[:lead], ids[-count - 4 :]])
    assert cut.given == lead + 4
    assert cut.surprise == pytest.approx(expected(weights, shape, few)[0][-count:], abs=1e-3)


def test_a_text_that_nothing_stands_before_has_no_surprise_at_first(backend: LlamaBackend) -> None:
    track = asyncio.run(backend.track(TrackRequest(TEXT)))
    bos = backend.model.special.add_bos
    assert np.isnan(track.surprise).tolist() == [not bos] + [False] * (len(track.texts) - 1)
    assert (np.isnan(track.entropy) == np.isnan(track.surprise)).all()
    assert len(asyncio.run(backend.track(TrackRequest(""))).texts) == 0


def test_a_prompt_with_its_answer(backend: LlamaBackend, weights: Weights, shape: Shape) -> None:
    result = asyncio.run(backend.answer(AnswerRequest((Message("user", "anna likes tea"),), max_tokens=6)))
    assert result.capture is not None and result.capture.summary is not None
    ids = result.capture.summary.ids
    track = asyncio.run(backend.track(TrackRequest(ids=ids)))
    surprise, entropy = expected(weights, shape, ids)
    assert track.texts == backend.model.readable(ids.tolist()) and np.isnan(track.surprise[0])
    assert track.surprise[1:] == pytest.approx(surprise, abs=1e-3)
    assert track.entropy[1:] == pytest.approx(entropy, abs=1e-3)
    own = [-token.logprob for token in result.completion.tokens]
    assert track.surprise[-len(own) :] == pytest.approx(own, abs=1e-3)
    with pytest.raises(ModelError, match="not of its vocabulary"):
        asyncio.run(backend.track(TrackRequest(ids=ids + backend.model.n_vocab)))


def test_a_text_longer_than_the_context_is_read_in_windows(backend: LlamaBackend) -> None:
    track = asyncio.run(backend.track(TrackRequest("abcdefgh " * 300)))
    assert len(track.texts) > 1024 and not np.isnan(track.surprise[1:]).any() and (track.entropy[1:] > 0).all()


def test_hidden_states_equal_float64_numpy(backend: LlamaBackend, weights: Weights, shape: Shape) -> None:
    ids = np.random.default_rng(3).integers(5, 260, 300).astype(np.int32)
    wanted = hidden_states(weights, shape, ids.tolist())
    whole = StatesRequest(ids=ids, span=(0, 300))
    for request in (whole, replace(whole, span=(120, 140)), replace(whole, span=(299, 300)), whole):
        found = asyncio.run(backend.states(request))
        part = wanted[:, slice(*request.span)]
        assert found.states.shape == part.shape and found.ids.tolist() == ids[slice(*request.span)].tolist()
        assert np.abs(found.states - part).max() < 1e-3 * np.abs(wanted).max()


def test_hidden_states_of_a_text_where_it_stands(backend: LlamaBackend, weights: Weights, shape: Shape) -> None:
    ids = framed(backend, GIVEN, TEXT)
    found = asyncio.run(backend.states(StatesRequest(text=TEXT, given=GIVEN)))
    assert "".join(found.texts) == TEXT
    assert found.states == pytest.approx(hidden_states(weights, shape, ids.tolist())[:, -len(found.ids) :], abs=1e-2)

    messages = (Message("user", "the cat likes tea"),)
    for text in ("likes tea", "fish"):
        asked = StatesRequest(messages=messages, after="the dog likes fish", text=text)
        stands = asyncio.run(backend.states(asked))
        assert text in "".join(stands.texts)
    prompt = backend.chat.tokenize(backend.chat.render(messages))
    assert not set(framed(backend, "fish").tolist()) <= set(prompt.tolist()), "so it was found in the answer"


def test_states_that_cannot_be_had_are_refused(backend: LlamaBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match="not in the call"):
        asyncio.run(backend.states(StatesRequest(messages=(Message("user", "tea"),), text="coffee")))
    ids = np.full(2000, 7, np.int32)
    with pytest.raises(ModelError, match="do not fit"):
        asyncio.run(backend.states(StatesRequest(ids=ids, span=(0, 2000))))
    assert backend.scope is not None
    monkeypatch.setattr(backend.scope.tap, "_outputs", {})
    with pytest.raises(ModelError, match="not found in its graph"):
        asyncio.run(backend.states(StatesRequest(text=TEXT)))


def test_reading_hidden_states_changes_no_answer(backend: LlamaBackend) -> None:
    request = AnswerRequest((Message("user", "the cat likes tea " * 40),), max_tokens=6)
    before = asyncio.run(backend.answer(request))
    ids = before.capture.summary.ids  # type: ignore[union-attr]
    asyncio.run(backend.states(StatesRequest(ids=ids, span=(0, len(ids)))))
    after = asyncio.run(backend.answer(request))
    assert after.completion.tokens == before.completion.tokens
