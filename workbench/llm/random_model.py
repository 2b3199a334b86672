"""Small llamas with random weights, written with ``gguf``: for measurements and self checks that need no real model.

The vocabulary is byte-level (``gpt2``), so every text goes in and comes out exactly. The weights are returned as
float64 arrays as well, for implementations to compare with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|{{ message.role }}|>{{ message.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
CONTROL = ("<|begin|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>")
MERGES = (
    "Ġ t",
    "Ġ a",
    "h e",
    "Ġt he",
    "i n",
    "e r",
    "o n",
    "r e",
    "Ġ b",
    "n d",
    "Ġ w",
    "a t",
    "o u",
    '" ,',
    '" :',
    '{ "',
)


@dataclass(frozen=True)
class Shape:
    """Sizes of a llama. ``kv_heads`` < ``heads`` is grouped-query attention."""

    layers: int = 3
    width: int = 96
    heads: int = 3
    kv_heads: int = 3
    inner: int = 192
    context: int = 2048
    eps: float = 1e-5
    rope_base: float = 10000.0

    @property
    def head(self) -> int:
        """Width of one head."""
        return self.width // self.heads


def byte_characters() -> list[str]:
    """The printable character that stands for each byte in a ``gpt2`` vocabulary (Radford et al. 2019)."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = iter(range(256, 512))
    return [chr(byte) if byte in printable else chr(next(others)) for byte in range(256)]


def vocabulary(filler: int = 0) -> list[str]:
    """Control tokens, the 256 bytes, the merges' results, and ``filler`` tokens that no text becomes."""
    merged = ["".join(merge.split(" ")) for merge in MERGES]
    return [*CONTROL, *byte_characters(), *merged, *(f"<filler{i}>" for i in range(filler))]


NORMS = {
    "llama": ("attn_norm", "ffn_norm"),
    "olmo2": ("attn_q_norm", "attn_k_norm", "post_attention_norm", "post_ffw_norm"),
}
"""The architectures that can be written, and the norms that tell them apart."""


def random_weights(
    shape: Shape, vocab: int, seed: int = 0, scale: float = 0.15, architecture: str = "llama"
) -> dict[str, NDArray[np.float64]]:
    """Random matrices by their GGUF names, ``[out, in]``."""
    rng = np.random.default_rng(seed)
    width, inner, kv = shape.width, shape.inner, shape.kv_heads * shape.head
    weights = {
        "token_embd.weight": rng.normal(0, 0.5, (vocab, width)),
        "output.weight": rng.normal(0, 0.2, (vocab, width)),
        "output_norm.weight": np.ones(width),
    }
    sizes = {
        "attn_q": (width, width),
        "attn_k": (kv, width),
        "attn_v": (kv, width),
        "attn_output": (width, width),
        "ffn_gate": (inner, width),
        "ffn_up": (inner, width),
        "ffn_down": (width, inner),
    }
    for layer in range(shape.layers):
        for name in NORMS[architecture]:
            weights[f"blk.{layer}.{name}.weight"] = np.ones(kv if name == "attn_k_norm" else width)
        for name, size in sizes.items():
            weights[f"blk.{layer}.{name}.weight"] = rng.normal(0, scale, size)
    return weights


def write_model(
    path: Path,
    shape: Shape | None = None,
    seed: int = 0,
    *,
    filler: int = 0,
    template: str = CHAT_TEMPLATE,
    quantized: bool = False,
    extra: dict[str, int] | None = None,
    scale: float = 0.15,
    architecture: str = "llama",
    tokenizer: Callable[[Any], int] | None = None,
) -> dict[str, NDArray[np.float64]]:
    """Write a random model with a byte-level vocabulary and a chat template; returns its weights.

    Args:
        filler: tokens added to the vocabulary that no text becomes.
        template: chat template; "" writes none.
        quantized: store matrices as Q8_0 instead of F32.
        architecture: one of :data:`NORMS`; ``olmo2`` is a llama that may have a sliding window.
        tokenizer: writes another vocabulary with a ``gguf.GGUFWriter`` and returns its size.
        extra: further uint32 metadata under the architecture's prefix (``attention.sliding_window``).
    """
    import gguf

    shape = shape or Shape()
    writer = gguf.GGUFWriter(str(path), architecture)
    size = tokenizer(writer) if tokenizer else _write_vocabulary(writer, filler)
    weights = random_weights(shape, size, seed, scale, architecture)
    writer.add_name("random")
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.inner)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_layer_norm_rms_eps(shape.eps)
    writer.add_rope_dimension_count(shape.head)
    writer.add_rope_freq_base(shape.rope_base)
    writer.add_vocab_size(size)
    for key, value in (extra or {}).items():
        writer.add_uint32(f"{architecture}.{key}", value)
    if template:
        writer.add_chat_template(template)
    for name, weight in weights.items():
        if quantized and weight.ndim == 2:
            kind = gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(name, gguf.quantize(weight.astype(np.float32), kind), raw_dtype=kind)
        else:
            writer.add_tensor(name, weight.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return weights


def _write_vocabulary(writer: Any, filler: int) -> int:
    tokens, control = vocabulary(filler), len(CONTROL)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([3] * control + [1] * (len(tokens) - control - filler) + [5] * filler)
    writer.add_token_merges(list(MERGES))
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)
    writer.add_add_bos_token(False)
    return len(tokens)
