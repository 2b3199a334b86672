"""How much memory a model will need, and whether this machine has it."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.llm.base import BackendOptions
from workbench.llm.gguf_file import GGUFHeader
from workbench.llm.room import DEFAULT_CONTEXT
from workbench.llm.scope import KEPT_BYTES, MOST_SEQUENCES
from workbench.models.catalogue import Entry

BATCH = 512
"""Tokens computed at once in the work context; its buffers are sized for so many."""
USUAL_VOCABULARY = 152_000
"""For files that state none: as large as the common ones get."""
LIBRARIES = 300 << 20
"""What the program takes without a model: Python, NumPy, llama.cpp, the embedding model."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What of a model decides its memory; see ``catalogue.Entry`` for the units."""

    bytes: int
    context: int
    kv_bytes: int
    vocabulary: int
    width: int
    capture: bool = True


def of_entry(entry: Entry) -> Shape:
    """The shape of a catalogue entry."""
    return Shape(entry.bytes, entry.context, entry.kv_bytes, entry.vocabulary, entry.width, entry.capture)


def of_header(header: GGUFHeader) -> Shape:
    """The shape that a file states itself; what it does not state counts as 0."""

    def number(key: str, default: int = 0) -> int:
        value = header.of_architecture(key, default)
        return value if isinstance(value, int) else default

    heads = number("attention.head_count", 1)
    size = number("attention.key_length", number("embedding_length") // max(1, heads))
    kv = 2 * 2 * number("block_count") * number("attention.head_count_kv", heads) * size
    vocabulary = number("vocab_size") or USUAL_VOCABULARY
    return Shape(header.path.stat().st_size, number("context_length"), kv, vocabulary, number("feed_forward_length"))


def default_context(trained: int) -> int:
    """Tokens per sequence that memory is estimated for; a run takes more where there is room (``llm.room``)."""
    return min(trained or DEFAULT_CONTEXT, DEFAULT_CONTEXT)


def needed(shape: Shape, context: int | None = None, sequences: int = BackendOptions().sequences) -> int:
    """Bytes that a run on the CPU will hold at most: weights, both caches, compute buffers and the program itself.

    An estimate. Weights are mapped, so that part is shared with other programs and can be read again from the file.
    """
    context = context or default_context(shape.context)
    work = sequences * context * shape.kv_bytes
    kept = max(1, min(MOST_SEQUENCES, KEPT_BYTES // max(1, context * shape.kv_bytes))) if shape.capture else 0
    buffers = BATCH * (shape.vocabulary + 4 * shape.width) * 4
    return shape.bytes + work + kept * context * shape.kv_bytes + buffers + LIBRARIES


def available() -> int:
    """Bytes of memory that can be had without swapping."""
    import psutil

    return int(psutil.virtual_memory().available)


def fitness(need: int, free: int) -> str:
    """``fits``, ``tight`` (more than four fifths of what is free) or ``too large``."""
    return "too large" if need > free else "tight" if need > free * 4 // 5 else "fits"
