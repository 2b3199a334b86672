"""Where sentence vectors come from: an embedding model of our own, a hash of the words, or nothing that is installed.

Every source remembers the texts it has seen, so that lanes that embed the same text share the work.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from workbench.errors import ModelError
from workbench.legibility import unread
from workbench.llm.cores import Cores
from workbench.llm.embeddings import (
    HASH_DIMENSIONS,
    MEAN,
    POOLINGS,
    Cache,
    EmbedJob,
    LlamaEmbedder,
    Vectors,
    hash_embedding,
)
from workbench.llm.gguf_file import read_header
from workbench.llm.worker import Part, Ticket, Worker


class Embedding:
    """A source of vectors; a subclass computes them.

    Attributes:
        cache: what was computed before, by text.
    """

    def __init__(self) -> None:
        self.cache = Cache()

    @property
    def about(self) -> str:
        """Name, dimensions and pooling: ``all-MiniLM-L6-v2 (384, mean)``."""
        raise NotImplementedError

    @property
    def dimensions(self) -> int:
        """Length of a vector; 0 when it is not known yet."""
        raise NotImplementedError

    def unread(self, text: str) -> float | None:
        """The share of the text's letters that say nothing to it (``workbench.legibility``); None where unknown."""
        return None

    async def compute(self, texts: tuple[str, ...]) -> Vectors:
        """Unit vectors, float32 ``[len(texts), dimensions]``, one for each text; there is at least one."""
        raise NotImplementedError

    def attach(self, worker: Worker) -> None:
        """Use this thread for llama.cpp."""

    def close(self) -> None:
        """Free what is held; what lives on the worker is freed with it."""

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, float32 ``[len(texts), dimensions]``; each text is computed once and remembered.

        Raises:
            ModelError: when the embedding model is not installed or cannot be used.
        """
        keys = [Cache.key(text) for text in texts]
        found = {key: self.cache.get(key) for key in keys}
        missing = {key: text for key, text in zip(keys, texts, strict=True) if found[key] is None}
        if missing:
            computed = await self.compute(tuple(missing.values()))
            for key, vector in zip(missing, computed, strict=True):
                found[key] = vector
                self.cache.put(key, vector)
        rows = [vector for key in keys if (vector := found[key]) is not None]
        return np.stack(rows) if rows else np.zeros((0, self.dimensions), np.float32)


class HashEmbedding(Embedding):
    """The lexical stand-in; see :func:`workbench.llm.embeddings.hash_embedding`."""

    about = f"hash ({HASH_DIMENSIONS}, lexical)"
    dimensions = HASH_DIMENSIONS

    async def compute(self, texts: tuple[str, ...]) -> Vectors:
        """Hashed words."""
        return hash_embedding(texts)


class MissingEmbedding(Embedding):
    """An embedder that is not installed: the first vector that is asked for says so.

    Args:
        name: what was asked for.
        why: the error to raise.
    """

    dimensions = 0

    def __init__(self, name: str, why: ModelError) -> None:
        super().__init__()
        self._name, self._why = name, why

    @property
    def about(self) -> str:
        """What is missing."""
        return f"{self._name} (not installed)"

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Raises what is wrong."""
        raise self._why


class FileEmbedding(Embedding):
    """An embedding GGUF through llama.cpp, loaded at its first use, so that lanes without vectors never pay for it.

    Args:
        path: the GGUF.
        exact: every text alone, so that its vector does not depend on its neighbours by rounding.
    """

    def __init__(self, path: Path, threads: int | Cores, gpu_layers: int = -1, exact: bool = False) -> None:
        super().__init__()
        self.path, self._options = path, (threads, gpu_layers, exact)
        self.embedder: LlamaEmbedder | None = None
        self._worker: Worker | None = None

    @property
    def about(self) -> str:
        """As the loaded model says it, before that as its file does."""
        return self.embedder.about if self.embedder is not None else _describe(self.path)

    @property
    def dimensions(self) -> int:
        """As the file says it."""
        return _dimensions(self.path)

    def unread(self, text: str) -> float | None:
        """By its tokenizer, once it is loaded."""
        return unread(text, self.embedder.model.pieces) if self.embedder is not None else None

    def attach(self, worker: Worker) -> None:
        """Compute on this thread."""
        self._worker = worker

    async def compute(self, texts: tuple[str, ...]) -> Vectors:
        """Batched with what other lanes ask for."""
        assert self._worker is not None
        ticket: Ticket[Vectors] = Ticket()
        self._worker.submit(self._part, EmbedJob(ticket, texts), ticket.fail)
        return await ticket.wait()

    def _part(self) -> Part:
        if self.embedder is None:
            self.embedder = LlamaEmbedder(self.path, *self._options)
        return self.embedder


def _describe(path: Path) -> str:
    header = read_header(path)
    pooling = int(header.of_architecture("pooling_type", MEAN) or MEAN)
    name = header.metadata.get("general.name", path.stem)
    return f"{name} ({_dimensions(path)}, {POOLINGS.get(pooling, 'pooled')})"


def _dimensions(path: Path) -> int:
    return int(read_header(path).of_architecture("embedding_length", 0))
