"""Sentence embeddings through llama.cpp, and the lexical stand-in."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from workbench.errors import ModelError
from workbench.llm.base import BackendOptions
from workbench.llm.embeddings import Cache, hash_embedding
from workbench.llm.llama import LlamaBackend
from workbench.llm.open import open_backend
from workbench.llm.vectors import FileEmbedding


@pytest.fixture(scope="module")
def minilm(model_path: Path, shared_models: Path) -> Iterator[LlamaBackend]:
    path = shared_models / "all-MiniLM-L6-v2.Q8_0.gguf"
    backend = open_backend(BackendOptions(str(model_path), str(path), context=256, threads=1))
    assert isinstance(backend, LlamaBackend)
    yield backend
    backend.close()


def test_published_cosine(minilm: LlamaBackend) -> None:
    one, two = asyncio.run(minilm.embed(["The new movie is awesome", "The new movie is so great"]))
    assert float(one @ two) == pytest.approx(0.894, abs=0.01)


def test_name_says_model_size_and_pooling(minilm: LlamaBackend) -> None:
    assert minilm.embedder == "all-MiniLM-L6-v2 (384, mean)"


def test_batched_equals_alone_in_any_order(minilm: LlamaBackend) -> None:
    texts = [f"sentence {number} is about " + "tea " * (number % 7) for number in range(40)] + ["", "😀 日本語"]
    together = asyncio.run(minilm.embed(texts))
    assert together.shape == (42, 384) and together.dtype == np.float32
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    minilm.embedding.cache = Cache()
    for number in (41, 0, 13, 40):
        (alone,) = asyncio.run(minilm.embed([texts[number]]))
        assert float(alone @ together[number]) > 0.9999


def test_concurrent_requests_and_repeats(minilm: LlamaBackend) -> None:
    async def go() -> list[np.ndarray]:
        return await asyncio.gather(*(minilm.embed([f"lane {n}", "shared", "shared"]) for n in range(9)))

    results = asyncio.run(go())
    assert all(np.array_equal(result[1], result[2]) for result in results)
    assert asyncio.run(minilm.embed([])).shape == (0, 384)


def test_long_texts_are_cut_at_512_tokens(minilm: LlamaBackend) -> None:
    words = "tea coffee milk water juice wine beer soup " * 100
    long, longer = asyncio.run(minilm.embed([words, words + "and a completely different ending about trains"]))
    assert np.allclose(long, longer, atol=1e-6)


def test_remembered_vectors_need_no_model(minilm: LlamaBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    (first,) = asyncio.run(minilm.embed(["remember me"]))
    assert isinstance(minilm.embedding, FileEmbedding) and minilm.embedding.embedder is not None
    monkeypatch.setattr(minilm.embedding.embedder, "compute", lambda _texts: pytest.fail("computed again"))
    (again,) = asyncio.run(minilm.embed(["remember me"]))
    assert np.array_equal(first, again)


def test_cache_forgets_the_oldest() -> None:
    cache = Cache(2)
    for name in "abc":
        cache.put(Cache.key(name), np.zeros(1, np.float32))
        cache.get(Cache.key("a"))
    assert cache.get(Cache.key("b")) is None and cache.get(Cache.key("a")) is not None


def test_hash_embedding_is_lexical_and_stable() -> None:
    tea, same, similar, other, empty = hash_embedding(
        ["Anna likes green tea", "anna LIKES green tea!", "Anna liked the tea", "trains run late", ""]
    )
    assert np.allclose(tea, same)
    assert tea @ similar > 0.3 > abs(tea @ other)
    assert np.linalg.norm(empty) == pytest.approx(1)


def test_missing_model_says_what_to_do(model_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNEMOSCOPE_EMBEDDER", str(tmp_path / "none.gguf"))
    backend = open_backend(BackendOptions(str(model_path), "minilm", context=256))
    assert backend.embedder == "minilm (not installed)"
    with pytest.raises(ModelError, match="is not installed - run `make run` once, or use --embedder hash"):
        asyncio.run(backend.embed(["x"]))
    backend.close()


def test_language_model_as_embedder(model_path: Path) -> None:
    """A decoder gives mean-pooled states: not good vectors, but honest ones with its name."""
    backend = open_backend(BackendOptions(str(model_path), str(model_path), context=256))
    vectors = asyncio.run(backend.embed(["one", "two"]))
    assert vectors.shape == (2, 96) and backend.embedder == "random (96, mean)"
    backend.close()
