"""Quantized cache: ggml's block formats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from workbench.cache.base import Bools, Fidelity, Floats
from workbench.cache.rewriting import RewritingPolicy

_BITS = {"q8_0": 8.5, "q5_1": 6.0, "q5_0": 5.5, "q4_1": 5.0, "q4_0": 4.5}  # of a value, the block's scale included


@dataclass
class Quantized(RewritingPolicy):
    """Keys and values of every token as ggml stores them in blocks of 32.

    Attributes:
        keys, values: the format of each; ``none`` leaves it.
    """

    name: ClassVar[str] = "quantized"
    title: ClassVar[str] = "Quantized K/V"
    fidelity: ClassVar[Fidelity] = "emulated"
    paper: ClassVar[str] = "ggml block formats; github.com/ggml-org/llama.cpp"
    differs: ClassVar[str] = (
        "The numbers of the format, written back at the cache's own width, so that attention can be read; keys are not "
        "turned by a Hadamard matrix first, and the prompt is read in full precision."
    )

    keys: Literal["q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "none"] = "q8_0"
    values: Literal["q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "none"] = "q8_0"

    def due(self, n: int) -> tuple[int, int]:
        """All at once."""
        return n if self.keys != "none" else 0, n if self.values != "none" else 0

    def stored_keys(self, keys: Floats) -> Floats:
        """Through the format and back."""
        return through(keys, self.keys)

    def stored_values(self, values: Floats) -> Floats:
        """Through the format and back."""
        return through(values, self.values)

    def modelled_bytes(self, alive: Bools, full: float, width: int) -> float:
        """By the bits of the formats."""
        halves = [width * _BITS[kind] / 8 if kind != "none" else full / 2 for kind in (self.keys, self.values)]
        return float(alive.sum()) * sum(halves)


def through(array: Floats, kind: str) -> Floats:
    """Quantized and read back; a token's heads lie one after another in a row, as in the cache."""
    from gguf import GGMLQuantizationType, quants

    if kind == "none":
        return array
    layers, heads, tokens, width = array.shape
    rows = array.transpose(0, 2, 1, 3).reshape(layers * tokens, heads * width)
    short = -rows.shape[1] % 32
    wide = np.ascontiguousarray(np.pad(rows, ((0, 0), (0, short))), np.float32)
    form = GGMLQuantizationType[kind.upper()]
    back = quants.dequantize(quants.quantize(wide, form), form)[:, : rows.shape[1]]
    return back.reshape(layers, tokens, heads, width).transpose(0, 2, 1, 3).astype(np.float32)
