"""Heads for training alone: what a memory has come to, read from the middle of the model.

A question is answered once in thirty tokens, and all that leads to its answer (who spoke, about which attribute, for
which time, what it took the place of, how many told it) is learned from that one token of loss. The heads ask for each
of these at the end of every line and every question (``data.Known``), at the depth where it should be worked out by.
They are not exported.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import data
import torch
import torch.nn.functional as F
from model import Block, Model, angles
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


class Lookup(nn.Module):
    """What one block looks at when a question has been asked, and what it copies from there.

    The answer's first token is learned from; the place is known (``data.Row.looks``).
    """

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.block = layers // 2
        self.scale = nn.Parameter(torch.tensor(4.0))

    def losses(self, model: Model, states: Sequence[Tensor], rows: Sequence[data.Row]) -> tuple[Tensor, Tensor]:
        """Mean loss of the attention and of the copy, share of the attention and of right copies; nan where none is
        asked. ``states`` are ``[row, token, width]``, after each block.
        """
        state = states[self.block - 1]
        seen = [self._row(model, x, row) for x, row in zip(state, rows, strict=True) if any(map(_told, row.looks))]
        if not seen:
            return state.new_zeros(2, dtype=torch.float32), state.new_full((2,), torch.nan, dtype=torch.float32)
        losses, shares = (torch.stack(part).mean(0) for part in zip(*seen, strict=True))
        return losses, shares

    def _row(self, model: Model, x: Tensor, row: data.Row) -> tuple[Tensor, Tensor]:
        """Both losses and both shares of one row; ``x`` is ``[token, width]``."""
        block = model.blocks[self.block]
        assert isinstance(block, Block)
        asked = sorted(row.looks, key=_told, reverse=True)
        told = sum(map(_told, asked))
        at = torch.tensor([at for at, _ in asked], device=x.device)
        elsewhere = torch.ones(len(asked), len(x), dtype=torch.bool)
        for number, (_, ends) in enumerate(asked):
            elsewhere[number, ends] = False
        logs, written = block.look(x, at, *angles(model.shape, len(x), x.device))
        place = logs.masked_fill(elsewhere.to(x.device), -math.inf).logsumexp(-1)
        target = torch.tensor([row.ids[at + 1] for at, _ in asked[:told]], device=x.device)
        hidden = F.rms_norm(written[:told].float(), written.shape[-1:]) * model.norm.weight.detach() * self.scale
        logits = F.linear(hidden, model.embedding.weight.detach())
        found, right = place[:, :told].exp().mean(), (logits.argmax(-1) == target).float().mean()
        return torch.stack((-place.mean(), F.cross_entropy(logits, target))), torch.stack((found, right)).detach()


def _told(look: tuple[int, list[int]]) -> bool:
    """Whether a line tells the answer; what was never told is looked up at the first tokens."""
    return look[1][0] >= data.SINK
