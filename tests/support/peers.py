"""The same weights in llama.cpp and in transformers: a GGUF of the llama architecture, unpacked to float32 for both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Weights = dict[str, NDArray[np.float32]]

_PARTS = {
    "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj", "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm",
}  # fmt: skip


def weights_of(path: Path) -> Weights:
    """Every tensor of a GGUF in float32, matrices ``[out, in]``."""
    import gguf

    found = {}
    for tensor in gguf.GGUFReader(path).tensors:
        shape = [int(n) for n in tensor.shape[::-1]]
        found[tensor.name] = gguf.dequantize(tensor.data, tensor.tensor_type).reshape(shape).astype(np.float32)
    return found


def unpacked(path: Path, out: Path) -> Path:
    """A copy of a GGUF whose tensors are all float32, so that llama.cpp computes with the numbers that others get."""
    import gguf

    reader = gguf.GGUFReader(path)
    writer = gguf.GGUFWriter(str(out), reader.fields["general.architecture"].contents())
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name == "general.architecture":
            continue
        kind = field.types[0]
        writer.add_key_value(
            name, field.contents(), kind, field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None
        )
    for name, weight in weights_of(path).items():
        writer.add_tensor(name, weight)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return out


def transformers_model(path: Path, attention: str, dtype: str = "float32") -> Any:
    """A GGUF of the llama architecture as ``LlamaForCausalLM``.

    Args:
        attention: ``sdpa`` or ``eager``, which alone gives attention out.
    """
    import gguf
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    fields = gguf.GGUFReader(path).fields
    weights = weights_of(path)

    def said(name: str, default: Any = None) -> Any:
        field = fields.get(f"llama.{name}")
        return default if field is None else field.contents()

    width, heads = said("embedding_length"), said("attention.head_count")
    config = LlamaConfig(
        vocab_size=len(weights["token_embd.weight"]),
        hidden_size=width,
        intermediate_size=said("feed_forward_length"),
        num_hidden_layers=said("block_count"),
        num_attention_heads=heads,
        num_key_value_heads=said("attention.head_count_kv", heads),
        head_dim=said("attention.key_length", width // heads),
        max_position_embeddings=said("context_length"),
        rms_norm_eps=said("attention.layer_norm_rms_epsilon"),
        rope_theta=said("rope.freq_base", 10_000.0),
        attention_bias="blk.0.attn_q.bias" in weights,
        tie_word_embeddings=False,
        attn_implementation=attention,
    )
    model = LlamaForCausalLM(config).eval()
    state = _state(weights, config.num_hidden_layers, config.head_dim)
    if config.attention_bias:  # transformers has one on the way out, too
        state |= {f"model.layers.{n}.self_attn.o_proj.bias": np.zeros(width) for n in range(config.num_hidden_layers)}
    model.load_state_dict({name: torch.tensor(w, dtype=torch.float32) for name, w in state.items()})
    model.to(getattr(torch, dtype))
    turns = model.model.rotary_emb  # its frequencies stay in float32
    if "rope_freqs.weight" in weights:
        turns.inv_freq = turns.inv_freq.float() / torch.tensor(weights["rope_freqs.weight"])
    return model


def _state(weights: Weights, layers: int, head: int) -> dict[str, NDArray[Any]]:
    embedding = weights["token_embd.weight"]
    state: dict[str, NDArray[Any]] = {
        "model.embed_tokens.weight": embedding,
        "model.norm.weight": weights["output_norm.weight"],
        "lm_head.weight": weights.get("output.weight", embedding),
    }
    for layer in range(layers):
        for ours, theirs in _PARTS.items():
            for kind in ("weight", "bias"):
                part = weights.get(f"blk.{layer}.{ours}.{kind}")
                if part is not None:
                    part = halves(part, head) if ours in ("attn_q", "attn_k") else part
                    state[f"model.layers.{layer}.{theirs}.{kind}"] = part
    return state


def halves(part: NDArray[np.float32], head: int) -> NDArray[np.float32]:
    """llama.cpp turns neighbouring channels together, transformers those half a head apart."""
    heads = part.reshape(-1, head // 2, 2, *part.shape[1:])
    return heads.swapaxes(1, 2).reshape(part.shape)
