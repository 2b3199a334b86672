"""Random models for tests, and an independent implementation to compare llama.cpp with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workbench.llm.random_model import CHAT_TEMPLATE, CONTROL, Shape, vocabulary, write_model

__all__ = [
    "CHAT_TEMPLATE",
    "CONTROL",
    "Shape",
    "forward",
    "hidden_states",
    "keys_and_values",
    "vocabulary",
    "write_model",
]

Array = NDArray[np.float64]


def forward(
    weights: dict[str, Array],
    shape: Shape,
    tokens: list[int],
    hidden: NDArray[np.int64] | None = None,
    per_head: tuple[NDArray[np.bool_], int] | None = None,
) -> tuple[Array, Array]:
    """A llama in float64 NumPy, written from the architecture and not from llama.cpp.

    Args:
        hidden: positions that only they themselves may see.
        per_head: which of the first n tokens the later ones must not see, bool ``[layer, head, n]``, and n.

    Returns:
        Attention ``[layer, head, query, key]`` and logits ``[token, vocabulary]``.
    """
    attention = []
    count = len(tokens)
    allowed = np.tril(np.ones((count, count), bool))
    if hidden is not None:
        outside = np.setdiff1d(np.arange(count), hidden)
        allowed[np.ix_(outside, hidden)] = False
    x = weights["token_embd.weight"][tokens]
    for layer in range(shape.layers):
        seen = np.broadcast_to(allowed, (shape.heads, count, count)).copy()
        if per_head is not None:
            masked, read = per_head
            seen[:, read:, :read] &= ~masked[layer][:, None]
        probabilities, mixed = _attend(weights, shape, layer, _norm(x, shape.eps), seen)
        attention.append(probabilities)
        x = x + mixed @ weights[f"blk.{layer}.attn_output.weight"].T
        x = x + _feed_forward(weights, layer, _norm(x, shape.eps))
    return np.stack(attention), _norm(x, shape.eps) @ weights["output.weight"].T


def keys_and_values(weights: dict[str, Array], shape: Shape, tokens: list[int]) -> tuple[Array, Array, Array]:
    """Queries, keys (both after RoPE) and values of every layer, ``[layer, heads, token, d]``."""
    count = len(tokens)
    allowed = np.tril(np.ones((count, count), bool))
    x, found = weights["token_embd.weight"][tokens], []
    for layer in range(shape.layers):
        y = _norm(x, shape.eps)
        q, k, v = ((y @ weights[f"blk.{layer}.attn_{name}.weight"].T).reshape(count, -1, shape.head) for name in "qkv")
        found.append((_rope(q, shape), _rope(k, shape), v))
        x = x + _attend(weights, shape, layer, y, allowed)[1] @ weights[f"blk.{layer}.attn_output.weight"].T
        x = x + _feed_forward(weights, layer, _norm(x, shape.eps))
    queries, keys, values = (np.stack(part).swapaxes(1, 2) for part in zip(*found, strict=True))
    return queries, keys, values


def hidden_states(weights: dict[str, Array], shape: Shape, tokens: list[int]) -> Array:
    """What every layer hands to the next one, ``[layer, token, width]``."""
    allowed, found = np.tril(np.ones((len(tokens), len(tokens)), bool)), []
    x = weights["token_embd.weight"][tokens]
    for layer in range(shape.layers):
        mixed = _attend(weights, shape, layer, _norm(x, shape.eps), allowed)[1]
        x = x + mixed @ weights[f"blk.{layer}.attn_output.weight"].T
        x = x + _feed_forward(weights, layer, _norm(x, shape.eps))
        found.append(x)
    return np.stack(found)


def _attend(
    weights: dict[str, Array], shape: Shape, layer: int, x: Array, allowed: NDArray[np.bool_]
) -> tuple[Array, Array]:
    count, group = len(x), shape.heads // shape.kv_heads
    q, k, v = (
        (x @ weights[f"blk.{layer}.attn_{name}.weight"].T).reshape(count, -1, shape.head) for name in ("q", "k", "v")
    )
    q, k = _rope(q, shape), _rope(k, shape)
    k, v = np.repeat(k, group, axis=1), np.repeat(v, group, axis=1)
    scores = np.einsum("qhd,khd->hqk", q, k) / np.sqrt(shape.head)
    scores[~np.broadcast_to(allowed, scores.shape)] = -np.inf
    p = np.exp(scores - scores.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    return p, np.einsum("hqk,khd->qhd", p, v).reshape(count, -1)


def _rope(x: Array, shape: Shape) -> Array:
    angles = np.arange(len(x))[:, None] * shape.rope_base ** (-np.arange(0, shape.head, 2) / shape.head)
    cos, sin = np.cos(angles)[:, None], np.sin(angles)[:, None]
    even, odd = x[..., 0::2], x[..., 1::2]
    return np.stack((even * cos - odd * sin, even * sin + odd * cos), -1).reshape(x.shape)


def _norm(x: Array, eps: float) -> Array:
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps)


def _feed_forward(weights: dict[str, Array], layer: int, x: Array) -> Array:
    gate = x @ weights[f"blk.{layer}.ffn_gate.weight"].T
    up = x @ weights[f"blk.{layer}.ffn_up.weight"].T
    return (gate / (1 + np.exp(-gate)) * up) @ weights[f"blk.{layer}.ffn_down.weight"].T
