"""The bundled model's architecture in PyTorch: a small llama (RMS norm, RoPE, SwiGLU, tied embeddings, q k v biases).

The tensors map one to one onto llama.cpp's ``llama`` architecture (see ``export.py``); RoPE pairs neighbouring
channels, which is what that architecture expects.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of the model. ``heads`` times 32 is ``width`` as a rule: smaller heads learn to match much more slowly.

    ``channels`` are those of a head, by default ``width / heads``; ``pairs`` of them turn, by default all. Those beyond
    never turn (:func:`widened`). ``tied``: the output matrix is the embedding.
    ``slowed`` divides the frequencies of the slower RoPE channels (``SLOW_FROM``): with 16 pairs of base 10,000 all but
    three have turned by more than a radian after 2,000 tokens, so that what matched nearby no longer matches far away.
    """

    vocabulary: int
    width: int = 256
    layers: int = 4
    heads: int = 8
    feed_forward: int = 640
    rope_base: float = 10000.0
    slowed: float = 1.0
    context: int = 2048
    epsilon: float = 1e-5
    channels: int = 0
    pairs: int = 0
    tied: bool = True

    @property
    def head(self) -> int:
        """Channels per head."""
        return self.channels or self.width // self.heads

    @property
    def turning(self) -> int:
        """Channel pairs per head that RoPE turns."""
        return self.pairs or self.width // self.heads // 2


class Norm(nn.Module):
    """Root mean square norm with a learned gain."""

    def __init__(self, width: int, epsilon: float):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        """``[..., width]`` to the same shape."""
        return F.rms_norm(x, (x.shape[-1],), self.weight.to(x.dtype), self.epsilon)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """RoPE on neighbouring channel pairs; ``x`` is ``[batch, head, token, channel]``."""
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack((a * cos - b * sin, a * sin + b * cos), -1).flatten(-2)


class Block(nn.Module):
    """One layer: attention and SwiGLU, each with a norm before and a residual around."""

    def __init__(self, shape: Shape):
        super().__init__()
        self.heads = shape.heads
        self.attention_norm = Norm(shape.width, shape.epsilon)
        self.feed_norm = Norm(shape.width, shape.epsilon)
        inside = shape.heads * shape.head
        self.query = nn.Linear(shape.width, inside)
        self.key = nn.Linear(shape.width, inside)
        self.value = nn.Linear(shape.width, inside)
        self.output = nn.Linear(inside, shape.width, bias=False)
        self.gate = nn.Linear(shape.width, shape.feed_forward, bias=False)
        self.up = nn.Linear(shape.width, shape.feed_forward, bias=False)
        self.down = nn.Linear(shape.feed_forward, shape.width, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """``[batch, token, width]`` to the same shape, causal."""
        batch, tokens, _ = x.shape
        y = self.attention_norm(x)
        q, k, v = (
            part(y).view(batch, tokens, self.heads, -1).transpose(1, 2) for part in (self.query, self.key, self.value)
        )
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.output(attended.transpose(1, 2).reshape(batch, tokens, -1))
        y = self.feed_norm(x)
        return x + self.down(F.silu(self.gate(y)) * self.up(y))

    def look(self, x: Tensor, at: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
        """What tokens ``at`` ``[n]`` of one row ``[token, width]`` look at, and what they write because of it.

        Logarithms of the attention ``[head, n, token]``, and the attention's output ``[n, width]``.
        """
        y = self.attention_norm(x)
        q = self.query(y[at]).view(len(at), self.heads, -1).transpose(0, 1)
        k, v = (part(y).view(len(x), self.heads, -1).transpose(0, 1) for part in (self.key, self.value))
        q, k = rotate(q, cos[at], sin[at]), rotate(k, cos, sin)
        scores = (q @ k.transpose(1, 2)).float() / math.sqrt(q.shape[-1])
        later = torch.arange(len(x), device=x.device) > at[:, None]
        logs = scores.masked_fill(later, -math.inf).log_softmax(-1)
        attended = logs.exp().to(v.dtype) @ v
        return logs, self.output(attended.transpose(0, 1).reshape(len(at), -1))


class Model(nn.Module):
    """Token ids ``[batch, token]`` to logits ``[batch, token, vocabulary]``."""

    def __init__(self, shape: Shape):
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = Norm(shape.width, shape.epsilon)
        self.output = None if shape.tied else nn.Linear(shape.width, shape.vocabulary, bias=False)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                is_embedding = parameter.shape[0] == shape.vocabulary
                nn.init.normal_(parameter, 0, 0.05 if is_embedding else 0.8 / math.sqrt(parameter.shape[1]))
        half_build_circuits(self)

    def states(self, tokens: Tensor) -> list[Tensor]:
        """The residual stream after each block, ``[batch, token, width]`` each."""
        cos, sin = angles(self.shape, tokens.shape[1], tokens.device)
        x = self.embedding(tokens)
        if torch.is_autocast_enabled(tokens.device.type):
            x = x.to(torch.get_autocast_dtype(tokens.device.type))
            cos, sin = cos.to(x.dtype), sin.to(x.dtype)
        states = []
        for block in self.blocks:
            x = block(x, cos, sin)
            states.append(x)
        return states

    def hidden(self, tokens: Tensor) -> Tensor:
        """The normed last hidden states, ``[batch, token, width]``."""
        normed: Tensor = self.norm(self.states(tokens)[-1])
        return normed

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits at every position."""
        return F.linear(self.hidden(tokens), self.words)

    @property
    def words(self) -> Tensor:
        """What the last hidden state is compared with, ``[vocabulary, width]``."""
        weight: Tensor = self.embedding.weight if self.output is None else self.output.weight
        return weight


@torch.no_grad()
def deepened(model: Model, layers: int) -> Model:
    """The same function with more layers: the new ones, spread after the second layer, add nothing at first.

    What is told, by whom, and what it follows has to be worked out one step after another before a question can look
    it up; four layers recall well and count badly.
    """
    old = model.shape
    added = layers - old.layers
    spread = [1 + (n + 1) * (old.layers - 2) // (added + 1) for n in range(added)]
    grown = Model(replace(old, layers=layers))
    fresh = iter(list(grown.blocks)[old.layers :])
    blocks: list[nn.Module] = []
    for number, block in enumerate(model.blocks):
        blocks.append(block)
        for _ in range(spread.count(number)):
            new = next(fresh)
            assert isinstance(new, Block)
            new.output.weight.zero_()
            new.down.weight.zero_()
            blocks.append(new)
    grown.blocks, grown.embedding, grown.norm = nn.ModuleList(blocks), model.embedding, model.norm
    return grown


@torch.no_grad()
def widened(model: Model, channels: int) -> Model:
    """The same function with heads of ``channels``: the new ones are empty.

    They do not turn, so that a head can match over any distance in as many more channels.
    """
    old = model.shape
    grown = Model(replace(old, channels=channels, pairs=old.turning))
    weights = model.state_dict()
    for name, values in weights.items():
        part = name.split(".")[-2]
        if part in ("query", "key", "value"):
            sharper = math.sqrt(channels / old.head) if part == "query" else 1.0
            weights[name] = sharper * _with_room(values, old.heads, channels)
        elif part == "output" and name.startswith("blocks."):
            weights[name] = _with_room(values.t(), old.heads, channels).t()
    grown.load_state_dict(weights)
    return grown


@torch.no_grad()
def with_margin(model: Model, channels: int) -> Model:
    """The same function with ``channels`` more in the residual stream, which the embedding and all blocks leave empty.

    What a block writes there reaches the output, which is no longer the embedding, and nothing before.
    """
    old = model.shape
    grown = Model(replace(old, width=old.width + channels, channels=old.head, pairs=old.turning, tied=False))
    weights = model.state_dict()
    for name, values in list(weights.items()):
        part = name.split(".")[-2]
        if part.endswith("norm"):  # the mean square is now taken over more channels
            weights[name] = F.pad(values, (0, channels), value=1.0) * math.sqrt(old.width / grown.shape.width)
        elif part in ("output", "down"):
            weights[name] = F.pad(values, (0, 0, 0, channels))
        elif values.dim() == 2:
            weights[name] = F.pad(values, (0, channels))
    weights["output.weight"] = F.pad(model.words, (0, channels))
    grown.load_state_dict(weights)
    return grown


def _with_room(rows: Tensor, heads: int, channels: int) -> Tensor:
    """Rows ``[heads * head, ...]`` with zeros after those of each head."""
    split = rows.reshape(heads, -1, *rows.shape[1:])
    room = split.new_zeros(heads, channels - split.shape[1], *rows.shape[1:])
    return torch.cat((split, room), 1).flatten(0, 1)


def angles(shape: Shape, tokens: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Cosines and sines of RoPE, ``[token, head / 2]``."""
    position = torch.arange(tokens, device=device)[:, None]
    angle = position * frequencies(shape).to(device)
    return angle.cos(), angle.sin()


def frequencies(shape: Shape) -> Tensor:
    """RoPE frequency of each channel pair, ``[head / 2]``; 0 for those that never turn.

    The slower pairs are slowed (``SLOW_FROM``), the last one before them by the cube root: that alone took retrieval
    over 2,000 tokens from 217 to 225 of 240 unseen questions, without training; slowing one pair more took it back.
    """
    pair = torch.arange(shape.turning)
    first = math.ceil(SLOW_FROM * shape.turning)
    share = torch.where(pair < first, 0.0, 1.0)
    share[first - 1] = 1 / 3
    turning = shape.rope_base ** (-pair / shape.turning) / shape.slowed**share
    return F.pad(turning, (0, shape.head // 2 - shape.turning))


SLOW_FROM = 0.6
"""Share of the turning channel pairs, fastest first, that are not slowed in full."""


def rope_factors(shape: Shape) -> Tensor:
    """What llama.cpp divides its frequency of each pair by, which the file tells it."""
    pairs = shape.head // 2
    return shape.rope_base ** (-torch.arange(pairs) / pairs) / frequencies(shape).clamp(min=1e-12)


LOOK_BACK = (1, 1, 1, 1, 2, 3, 4, 6)
"""How many tokens back each head of layer 0 looks at first."""


@torch.no_grad()
def half_build_circuits(
    model: Model, sharpness: float = 7.0, kept: float = 0.03, match: float = 1.5, copied: float = 0.5
) -> None:
    """Start with the circuits of recall half built; from a plain start two cores never reach them.

    Layer 0: each head looks a fixed number of tokens back (biases of q and k with RoPE phases) and writes what it saw
    into a subspace of its own, ``kept`` large so that it does not drown the embeddings. Layer 1: head ``i`` looks for
    places that have the present token where head ``i`` of layer 0 looked, which makes the first four induction heads.
    Later layers: k = q, so matching starts as identity. From layer 1 on output = value transposed, so copying starts as
    identity. A fresh model continues 33 % of repeated random segments.
    """
    width = model.shape.width
    first = model.blocks[0]
    assert isinstance(first, Block)
    written = nn.init.orthogonal_(torch.empty(width, model.shape.heads * model.shape.head))
    for number, block in enumerate(model.blocks):
        assert isinstance(block, Block)
        for part in (block.query, block.key, block.value):
            part.bias.zero_()
        nn.init.orthogonal_(block.value.weight)
        block.output.weight.copy_((copied if number == 1 else kept) * block.value.weight.t())
        if number == 0:
            block.output.weight.copy_(kept * written)
            _look_back(block, model.shape, sharpness)
        elif number == 1:
            block.query.weight.copy_(match * first.value.weight)
            block.key.weight.copy_(match * written.t())
        else:
            block.query.weight.normal_(0, 1 / math.sqrt(width))
            block.key.weight.copy_(block.query.weight)
        block.down.weight.mul_(kept / 2)


def _look_back(block: Block, shape: Shape, sharpness: float) -> None:
    turn = frequencies(shape)
    for head in range(shape.heads):
        at = slice(head * shape.head, (head + 1) * shape.head)
        back = LOOK_BACK[head % len(LOOK_BACK)]
        query, key = torch.zeros(shape.head), torch.zeros(shape.head)
        query[0::2] = sharpness * torch.cos(-back * turn)
        query[1::2] = sharpness * torch.sin(-back * turn)
        key[0::2] = sharpness
        block.query.bias[at], block.key.bias[at] = query, key
    block.query.weight.normal_(0, 0.01)
    block.key.weight.normal_(0, 0.01)
