"""Sentence embeddings: a second model through llama.cpp, or a lexical hash of the words.

Vectors have length 1, so a dot product is a cosine.
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workbench.llm.context import FLASH_AUTO, FLASH_OFF, Context, ContextOptions
from workbench.llm.cores import Cores
from workbench.llm.model import Model, Tokens
from workbench.llm.worker import Served, Ticket

POOLINGS = {0: "none", 1: "mean", 2: "cls", 3: "last"}
MEAN = 1
BATCH_TOKENS, BATCH_TEXTS = 512, 32
"""An encoder attends over the whole batch, so a batch much larger than a text wastes work."""
HASH_DIMENSIONS = 512
Vectors = NDArray[np.float32]


class Cache:
    """The most recently used vectors, by hash of the text.

    Args:
        size: how many are kept.
    """

    def __init__(self, size: int = 20_000) -> None:
        self._size = size
        self._known: OrderedDict[bytes, Vectors] = OrderedDict()

    @staticmethod
    def key(text: str) -> bytes:
        """What a text is known by."""
        return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).digest()

    def get(self, key: bytes) -> Vectors | None:
        """The vector, or None."""
        vector = self._known.get(key)
        if vector is not None:
            self._known.move_to_end(key)
        return vector

    def put(self, key: bytes, vector: Vectors) -> None:
        """Keep a vector, forget the one used longest ago when there are too many."""
        self._known[key] = vector
        self._known.move_to_end(key)
        if len(self._known) > self._size:
            self._known.popitem(last=False)


@dataclass(slots=True, eq=False)
class EmbedJob:
    """Texts on their way to the embedder."""

    ticket: Ticket[Vectors]
    texts: tuple[str, ...]
    done: list[Vectors] = field(default_factory=list)


class LlamaEmbedder:
    """An embedding GGUF. Lives on the worker's thread; texts of several requests share batches.

    With ``exact`` every text is computed alone, so that its vector does not depend on its neighbours by rounding.
    Texts longer than the model's context (512 tokens for MiniLM) are cut at their end.

    Raises:
        ModelError: when the file cannot be used.
    """

    def __init__(self, path: Path, threads: int | Cores, gpu_layers: int = -1, exact: bool = False) -> None:
        self.model = Model(path, gpu_layers, embedding=True)
        header = self.model.header
        pooling = header.of_architecture("pooling_type", MEAN) or MEAN
        self.limit = min(self.model.n_ctx_train, 8192)
        batch = max(BATCH_TOKENS, self.limit)
        options = ContextOptions(
            size=batch,
            threads=threads,
            sequences=BATCH_TEXTS,
            batch=batch,
            ubatch=batch,
            unified=True,
            flash=FLASH_OFF if self.model.device(1).startswith("CPU") else FLASH_AUTO,
            pooling=int(pooling),
        )
        self.context = Context(self.model, options)
        self.name = header.metadata.get("general.name", path.stem)
        self.about = f"{self.name} ({self.model.n_embd}, {POOLINGS.get(int(pooling), 'pooled')})"
        self._most = 1 if exact else BATCH_TEXTS
        self._jobs: deque[EmbedJob] = deque()

    @property
    def busy(self) -> bool:
        """Whether any job waits."""
        return bool(self._jobs)

    def add(self, job: EmbedJob) -> None:
        """Queue a job."""
        self._jobs.append(job)

    def step(self) -> Served:
        """One batch of texts."""
        self._jobs = deque(job for job in self._jobs if not job.ticket.cancelled)
        picked: list[tuple[EmbedJob, Tokens]] = []
        total = 0
        for job in self._jobs:
            for text in job.texts[len(job.done) :]:
                tokens = self.tokenize(text)
                if picked and (total + len(tokens) > BATCH_TOKENS or len(picked) == self._most):
                    return self._finish(picked)
                picked.append((job, tokens))
                total += len(tokens)
        return self._finish(picked)

    def _finish(self, picked: Sequence[tuple[EmbedJob, Tokens]]) -> Served:
        if not picked:
            return ()
        vectors = self.compute([tokens for _, tokens in picked])
        for (job, _), vector in zip(picked, vectors, strict=True):
            job.done.append(vector)
            if len(job.done) == len(job.texts):
                job.ticket.resolve(np.stack(job.done))
                self._jobs.remove(job)
        return [(job.ticket, len(tokens)) for job, tokens in picked]

    def tokenize(self, text: str) -> Tokens:
        """Tokens with the model's frame ([CLS] … [SEP]), cut to :attr:`limit` with the closing token kept."""
        tokens = self.model.tokenize(text, special=False, framed=True)
        if len(tokens) > self.limit:
            tokens = np.append(tokens[: self.limit - 1], tokens[-1])
        return tokens

    def compute(self, texts: Sequence[Tokens]) -> Vectors:
        """Unit vectors of one batch, float32 ``[len(texts), dimensions]``."""
        context, at = self.context, 0
        if context.memory:
            context.clear()
        for sequence, tokens in enumerate(texts):
            end = context.fill(at, tokens, 0, sequence)
            context.wants[at:end] = 1
            at = end
        context.decode(at)
        rows = [context.pooled(sequence) for sequence in range(len(texts))]
        return unit(np.stack(rows))

    def fail(self, error: BaseException) -> None:
        """Fail every job."""
        for job in self._jobs:
            job.ticket.fail(error)
        self._jobs.clear()

    def close(self) -> None:
        """Free context and weights."""
        self.context.close()
        self.model.close()


def unit(vectors: Vectors) -> Vectors:
    """Rows scaled to length 1."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.maximum(norms, 1e-12)).astype(np.float32)


def hash_embedding(texts: Sequence[str], dimensions: int = HASH_DIMENSIONS) -> Vectors:
    """Lexical stand-in for an embedding: hashed words and character trigrams, signed, log-scaled.

    Feature hashing after Weinberger et al. 2009.

    Texts that share words are close; meaning is not seen. A text without words becomes the vector of the empty word.

    Returns:
        Unit vectors, float32 ``[len(texts), dimensions]``.
    """
    out = np.zeros((len(texts), dimensions), np.float32)
    for row, text in zip(out, texts, strict=True):
        for feature, weight in _features(text).items():
            digest = hashlib.blake2b(feature.encode("utf-8", "replace"), digest_size=8).digest()
            number = int.from_bytes(digest, "little")
            row[number % dimensions] += weight if number >> 63 else -weight
    return unit(out)


def _features(text: str) -> dict[str, float]:
    counts: dict[str, float] = {}
    for word in re.findall(r"\w+", text.lower()) or [""]:
        counts[word] = counts.get(word, 0.0) + 1.0
        padded = f"<{word}>"
        for start in range(len(padded) - 2):
            trigram = f"#{padded[start : start + 3]}"
            counts[trigram] = counts.get(trigram, 0.0) + 0.3
    return {feature: float(np.log1p(count)) for feature, count in counts.items()}
