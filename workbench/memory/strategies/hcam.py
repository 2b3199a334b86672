"""HCAM: summaries of chunks first, detail inside the best chunks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall, Span, above
from workbench.memory.log import MemoryLog
from workbench.memory.pieces import Vectors, cut, hits, room, sentences
from workbench.sessions.model import Turn

Floats = NDArray[np.float32]


@dataclass
class HCAM(MemoryStrategy):
    """Attend to chunk summaries first, then to the sentences inside the best chunks.

    The session is a sequence of sentences in chunks of fixed size; a chunk's summary is the mean of its sentences'
    vectors. A question attends to the summaries (softmax of the cosines over ``temperature``), the ``k`` heaviest
    chunks are opened, and a sentence in them scores chunk weight times its own cosine. No model call.

    Hierarchical Chunk Attention Memory, "Towards mental time travel", arXiv 2105.14039.

    Attributes:
        chunk: sentences in a chunk (the paper's chunks hold 32 frames).
        k: chunks opened.
        sentences: sentences returned.
        temperature: of the attention to summaries; the smaller, the sharper.
    """

    name: ClassVar[str] = "hcam"
    title: ClassVar[str] = "HCAM"
    fidelity: ClassVar[Fidelity] = "emulated"
    paper: ClassVar[str] = "Hierarchical Chunk Attention Memory, arXiv 2105.14039"
    differs: ClassVar[str] = (
        "Sentences instead of the steps of a reinforcement learning agent; similarity of sentence vectors instead of "
        "learned attention in every layer; smaller chunks, since a session has fewer sentences than an episode has "
        "frames."
    )

    chunk: int = above(1, 4)
    k: int = 8
    sentences: int = 10
    temperature: float = above(0.001, 0.1)
    _vectors: Vectors = field(default_factory=Vectors, init=False, repr=False, compare=False)

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Append the turn's sentences, each to the chunk that is being filled."""
        written = []
        for sentence in sentences(turn.text):
            for piece in cut(f"{turn.speaker or turn.role}: {sentence}", room(mind, 0, 0.25), mind.count_tokens):
                number = len(log.state) // self.chunk
                written.append(log.write(piece, "sentence", chunk=number))
        await self._vectors.keep(mind, [i.text for i in written])

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """The best sentences of the best chunks, in the order they were said."""
        items = log.state.active("sentence")
        if not items:
            return Recall((), k=self.sentences)
        vectors = await self._vectors.of(mind, [i.index_text for i in items])
        asked = (await mind.embed([query]))[0]
        chunks = np.array([i.fields["chunk"] for i in items])
        weights = two_levels(vectors, chunks, asked, self.temperature)
        opened = set(sorted(weights, key=lambda c: -weights[c])[: self.k])
        cosines = np.clip(np.round(vectors @ asked, 5), 0, None)
        scores = [weights[c] * float(s) if c in opened else 0.0 for c, s in zip(chunks, cosines, strict=True)]
        inside = [n for n, c in enumerate(chunks) if c in opened]
        best = set(sorted(inside, key=lambda n: -scores[n])[: self.sentences])
        figures = [{"chunk": int(c), "weight": round(w, 4), "opened": c in opened} for c, w in weights.items()]
        log.note("two levels", {"chunks": figures})
        scored = [
            (i.id, scores[n], n in best, {"chunk": weights[chunks[n]], "sentence": float(cosines[n])})
            for n, i in enumerate(items)
        ]
        spans = [
            Span(items[n].text, (items[n].id,), items[n].turns, label=f"chunk {chunks[n]}", priority=scores[n])
            for n in sorted(best)
        ]
        return Recall(tuple(spans), hits(scored), self.sentences)


def two_levels(vectors: Floats, chunks: NDArray[np.int_], query: Floats, temperature: float) -> dict[int, float]:
    """Attention to each chunk's mean vector, by chunk: softmax of the cosines to ``query`` over ``temperature``."""
    names = list(dict.fromkeys(chunks.tolist()))
    means = np.stack([vectors[chunks == c].mean(0) for c in names])
    means /= np.linalg.norm(means, axis=1, keepdims=True) + 1e-12
    raw = np.round(means @ query, 5).astype(np.float64) / temperature
    powers = np.exp(raw - raw.max())
    return dict(zip(names, (powers / powers.sum()).tolist(), strict=True))
