"""What the engine holds and does at a moment: memory by device, threads, cache, queue, speed.

Sizes of buffers are llama.cpp's own words when it made them; how much of a mapped file is in memory is the system's.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_BUFFER = re.compile(r"(\S+)\s+(model|KV|output|compute|RS) buffer size =\s*([\d.]+) MiB")
_OFFLOADED = re.compile(r"offloaded (\d+)/(\d+) layers to GPU")
_KINDS = {"model": "weights", "KV": "cache", "RS": "cache"}


@dataclass(frozen=True, slots=True)
class Buffer:
    """A piece of memory.

    Attributes:
        device: where it lies, as llama.cpp calls it (``CPU_Mapped``, ``CPU``, ``CUDA0``).
        kind: ``weights``, ``cache``, ``compute`` or ``output``.
        owner: ``model``, ``work`` (memory operations), ``scope`` (answers) or ``embedder``.
    """

    device: str
    kind: str
    owner: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Load:
    """The engine at a moment.

    Attributes:
        threads: CPU threads of a large batch.
        file: bytes of the model file, of which ``resident`` are in memory; None where the system does not say.
        process: bytes of the engine's process that are in memory.
        layers: of the model, of which ``offloaded`` are on a GPU.
        kv_per_token: bytes of keys and values of one token.
        sequences, context: how many requests the work context decodes at once, and tokens of each.
        held: tokens that the work context's cache holds.
        active, waiting: requests that are decoded, and that wait for a place; ``answering`` in the scope context.
        tokens, seconds: decoded in the work context since it was opened, and how long that took.
        repeated: requests to a server that had to be repeated.
    """

    threads: int = 0
    buffers: tuple[Buffer, ...] = ()
    file: int = 0
    resident: int | None = None
    process: int = 0
    layers: int = 0
    offloaded: int = 0
    kv_per_token: int = 0
    sequences: int = 0
    context: int = 0
    held: int = 0
    active: int = 0
    waiting: int = 0
    answering: int = 0
    tokens: int = 0
    seconds: float = 0.0
    repeated: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)


def buffers(lines: Iterable[str], owner: str) -> tuple[Buffer, ...]:
    """The buffers that llama.cpp's log tells of; those without a byte are left out."""
    found = (_BUFFER.search(line) for line in lines)
    made = (Buffer(m[1], _KINDS.get(m[2], m[2]), owner, round(float(m[3]) * (1 << 20))) for m in found if m)
    return tuple(buffer for buffer in made if buffer.bytes)


def offloaded(lines: Iterable[str]) -> int:
    """How many layers went to a GPU."""
    found = [m for m in map(_OFFLOADED.search, lines) if m]
    return int(found[-1][1]) if found else 0


def resident(path: Path) -> int | None:
    """Bytes of a mapped file that are in memory; None where the system does not say."""
    name = str(path.resolve())
    if sys.platform == "linux":
        return _resident_on_linux(name)
    import psutil

    try:
        found = [one.rss for one in psutil.Process().memory_maps() if one.path == name]
    except (psutil.Error, AttributeError, NotImplementedError):
        return None
    return sum(found) if found else None


def _resident_on_linux(name: str) -> int | None:
    """Read once over: psutil makes an object of each of a thousand mappings, a fifth of a second every time."""
    end, total, ours = os.fsencode(f" {name}\n"), 0, False
    try:
        with open("/proc/self/smaps", "rb") as lines:
            for line in lines:
                if not line[:1].isupper():  # a mapping begins; its figures follow
                    ours = line.endswith(end)
                elif ours and line.startswith(b"Rss:"):
                    total += 1024 * int(line.split()[1])
    except OSError:
        return None
    return total or None


def process_bytes() -> int:
    """Bytes of this process that are in memory."""
    import psutil

    return int(psutil.Process().memory_info().rss)
