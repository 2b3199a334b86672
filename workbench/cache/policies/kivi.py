"""KIVI: keys in few bits per channel, values per token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from workbench.cache.base import Bools, Fidelity, Floats
from workbench.cache.rewriting import RewritingPolicy
from workbench.errors import UsageError


@dataclass
class KIVI(RewritingPolicy):
    """Asymmetric quantization of keys in groups of tokens, each channel by itself, and of values in groups of channels,
    each token by itself; the last ``residual`` tokens stay in full precision.

    Attributes:
        bits: of a value.
        group: tokens or channels that share a scale and a zero point.
        residual: keys are quantized when so many have gathered; the last so many values never are.
    """

    name: ClassVar[str] = "kivi"
    title: ClassVar[str] = "KIVI"
    fidelity: ClassVar[Fidelity] = "emulated"
    paper: ClassVar[str] = "arXiv 2402.02750; github.com/jy-yuan/KIVI"
    differs: ClassVar[str] = "Its numbers, written back at the cache's own width."

    bits: int = 2
    group: int = 32
    residual: int = 32

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.bits <= 8 or self.group < 1 or self.residual < self.group or self.residual % self.group:
            raise UsageError(
                f"{self.name}: bits are 1 to 8 and residual a multiple of group",
                "the official settings are 2, 32 and 32",
            )

    def due(self, n: int) -> tuple[int, int]:
        """Keys in whole residuals; values but the last."""
        return n - n % self.residual, max(0, n - self.residual)

    def stored_keys(self, keys: Floats) -> Floats:
        """Each channel over groups of tokens."""
        layers, heads, tokens, width = keys.shape
        groups = keys.reshape(layers, heads, tokens // self.group, self.group, width)
        return quantized(groups, self.bits, axis=3).reshape(keys.shape)

    def stored_values(self, values: Floats) -> Floats:
        """Each token over groups of channels."""
        width = values.shape[-1]
        size = min(self.group, width)
        short = -width % size
        wide = np.pad(values, ((0, 0), (0, 0), (0, 0), (0, short)), mode="edge")
        groups = wide.reshape(*values.shape[:3], -1, size)
        return quantized(groups, self.bits, axis=4).reshape(*values.shape[:3], -1)[..., :width]

    def modelled_bytes(self, alive: Bools, full: float, width: int) -> float:
        """Bits of what is quantized, with a 16-bit scale and zero point for each group, and the residuals."""
        layers, heads, n = alive.shape
        keys, values = self.due(n)
        small = width * (self.bits + 32 / self.group) / 8
        return layers * heads * (small * (keys + values) + full / 2 * (2 * n - keys - values))


def quantized(groups: Floats, bits: int, axis: int) -> Floats:
    """Rounded to ``2**bits`` levels between the least and the largest of each group, and back."""
    low, high = groups.min(axis, keepdims=True), groups.max(axis, keepdims=True)
    step = (high - low) / (2**bits - 1)
    levels = np.round((groups - low) / np.where(step > 0, step, 1))
    return (low + levels * step).astype(np.float32)
