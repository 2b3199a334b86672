"""Heads for training alone: what a memory has come to, read from the middle of the model.

A question is answered once in thirty tokens, and all that leads to its answer (who spoke, about which attribute, for
which time, what it took the place of, how many told it) is learned from that one token of loss. The heads ask for each
of these at the end of every line and every question (``data.Known``), at the depth where it should be worked out by.
They are not exported.
"""

from __future__ import annotations

from collections.abc import Sequence

import data
import torch
import torch.nn.functional as F
from torch import Tensor, nn

DEPTH = {
    **dict.fromkeys(("person", "value", "attribute", "kind"), 0.45),
    **dict.fromkeys(("before", "version", "opens"), 0.8),
    **dict.fromkeys(("leader", "teller", "people"), 1.0),
}
"""Share of the blocks after which each field must be known: first what a line says by itself, then what the earlier
lines of its person and attribute make of it, and one block later what follows from that about all the people."""


class Insight(nn.Module):
    """Words are read as the embedding of their first token, the rest as classes."""

    def __init__(self, width: int, layers: int):
        super().__init__()
        self.block = [max(1, round(DEPTH[name] * layers)) - 1 for name in data.Known._fields]
        self.words = nn.ModuleDict({name: nn.Linear(width, width) for name in data.WORDS})
        self.classes = nn.ModuleDict({name: nn.Linear(width, count) for name, count in data.CLASSES.items()})

    def losses(self, states: Sequence[Tensor], embedding: Tensor, at: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
        """Mean cross entropy and share right of each field, in the order of ``data.Known``; nan where none is asked.

        ``states`` are ``[batch, token, width]``, ``at`` is ``[n, 2]`` (row, position), ``known`` is ``[n, fields]``,
        -1 for nothing.
        """
        losses, right = [], []
        for number, name in enumerate(data.Known._fields):
            asked = known[:, number] >= 0
            target, place = known[asked, number], at[asked]
            state = states[self.block[number]][place[:, 0], place[:, 1]].float()
            state = F.rms_norm(state, state.shape[-1:])
            logits = F.linear(self.words[name](state), embedding) if name in self.words else self.classes[name](state)
            losses.append(F.cross_entropy(logits, target))
            right.append((logits.argmax(-1) == target).float().mean())
        return torch.stack(losses), torch.stack(right).detach()
