"""Writes a checkpoint as GGUF (llama architecture with q, k, v biases), with tokenizer and chat template.

python packaging/demo_model/export.py [--checkpoint F] [--type q8_0|f16] [--out resources/models/mnemoscope-demo.gguf]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from pathlib import Path
from typing import Any

import gguf
import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT)]

import tokenizer as tokens  # noqa: E402
from model import Shape, rope_factors  # noqa: E402

MODEL = ROOT / "resources" / "models" / "mnemoscope-demo.gguf"
ROPE_FACTORS = "rope_freqs.weight"
OUTPUT = "output.weight"
STILL = 1e6
"""Factor from which a channel pair does not turn."""
NAMES = {
    "attention_norm.weight": "attn_norm.weight",
    "feed_norm.weight": "ffn_norm.weight",
    "query.weight": "attn_q.weight",
    "query.bias": "attn_q.bias",
    "key.weight": "attn_k.weight",
    "key.bias": "attn_k.bias",
    "value.weight": "attn_v.weight",
    "value.bias": "attn_v.bias",
    "output.weight": "attn_output.weight",
    "gate.weight": "ffn_gate.weight",
    "up.weight": "ffn_up.weight",
    "down.weight": "ffn_down.weight",
}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    checkpoint = ROOT / "out" / "demo_model" / "checkpoint.pt"
    parser.add_argument("--checkpoint", type=Path, default=checkpoint, help="of train.py, or a GGUF to write again")
    parser.add_argument("--type", default="q8_0", choices=("q8_0", "f16"))
    parser.add_argument("--weights", default="averaged", choices=("averaged", "weights"))
    parser.add_argument("--mix", type=Path, help="an exported model whose weights are mixed in")
    parser.add_argument("--share", type=float, default=0.85, help="of the checkpoint in the mixture")
    parser.add_argument("--slowed", type=float, help="divide the slower RoPE frequencies by this instead")
    parser.add_argument("--out", type=Path, default=MODEL)
    options = parser.parse_args()
    shape, weights = read(options.checkpoint) if options.checkpoint.suffix == ".gguf" else saved(options)
    if options.mix:
        weights = mixed(weights, read(options.mix)[1], options.share)
    slowed = {"slowed": options.slowed} if options.slowed else {}
    write(options.out, shape | slowed, weights, options.type)
    digest = hashlib.sha256(options.out.read_bytes()).hexdigest()
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.2f} MB, sha256 {digest}")


def saved(options: argparse.Namespace) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The sizes and the float32 weights of a checkpoint of ``train.py``."""
    import torch

    checkpoint = torch.load(options.checkpoint, map_location="cpu", weights_only=True)
    weights = checkpoint[options.weights]
    return checkpoint["shape"], {name: tensor.float().numpy() for name, tensor in weights.items()}


def mixed(new: dict[str, np.ndarray], old: dict[str, np.ndarray], share: float) -> dict[str, np.ndarray]:
    """The weights between two models of one training, ``share`` of the way to the new one.

    What a later training gained and what it forgot lie apart: in between most of both is kept (Wortsman et al. 2022).
    """
    return {name: share * values + (1 - share) * old[name] for name, values in new.items()}


def write(path: Path, shape: dict[str, Any], weights: dict[str, np.ndarray], kind: str) -> None:
    """Write one GGUF file in one piece, since a model that is in use is mapped; ``weights`` are float32 by name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    writer = gguf.GGUFWriter(str(part), "llama")
    add_shape(writer, shape)
    add_tokenizer(writer)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0 if kind == "q8_0" else gguf.LlamaFileType.MOSTLY_F16)
    for name, values in weights.items():
        add_tensor(writer, tensor_name(name), values, kind)
    if shape.get("slowed", 1.0) != 1.0 or shape.get("channels"):
        writer.add_tensor(ROPE_FACTORS, rope_factors(Shape(**shape)).float().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    part.replace(path)


def read(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The sizes and the float32 weights of a file that :func:`write` made; Q8_0 has lost a little."""
    file = gguf.GGUFReader(str(path))
    number = {name.removeprefix("llama."): field.contents() for name, field in file.fields.items()}
    shape: dict[str, Any] = {
        "vocabulary": number["vocab_size"],
        "width": number["embedding_length"],
        "layers": number["block_count"],
        "heads": number["attention.head_count"],
        "feed_forward": number["feed_forward_length"],
        "rope_base": number["rope.freq_base"],
        "context": number["context_length"],
        "channels": number.get("attention.key_length", 0),
        "tied": not any(tensor.name == OUTPUT for tensor in file.tensors),
    }
    ours = {theirs: name for name, theirs in NAMES.items()} | {"token_embd.weight": "embedding.weight"}
    ours |= {"output_norm.weight": "norm.weight", OUTPUT: OUTPUT}
    weights = {}
    for tensor in file.tensors:
        if tensor.name == ROPE_FACTORS:
            if shape["channels"]:
                shape["pairs"] = int((tensor.data < STILL).sum())
            shape["slowed"] = slowed(tensor.data, Shape(**shape))
            continue
        layer, rest = re.fullmatch(r"(blk\.\d+\.)?(.*)", tensor.name).groups()  # type: ignore[union-attr]
        name = layer.replace("blk", "blocks") + ours[rest] if layer else ours[rest]
        weights[name] = gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
    return shape, weights


def slowed(factors: np.ndarray, shape: Shape) -> float:
    """``Shape.slowed`` from the factors of its file: what the slowest pair that turns is divided by."""
    last = shape.turning - 1
    divided = factors[last] * shape.rope_base ** (last / (shape.head // 2) - last / shape.turning)
    return round(float(divided), 3)


def tensor_name(name: str) -> str:
    """The GGUF name of a parameter."""
    if name == "embedding.weight":
        return "token_embd.weight"
    if name == "norm.weight":
        return "output_norm.weight"
    if name == OUTPUT:
        return OUTPUT
    _, number, rest = name.split(".", 2)
    return f"blk.{number}.{NAMES[rest]}"


def add_tensor(writer: gguf.GGUFWriter, name: str, values: np.ndarray, kind: str) -> None:
    """Matrices in ``kind``, vectors in float32."""
    values = np.ascontiguousarray(values, dtype=np.float32)
    if values.ndim < 2:
        writer.add_tensor(name, values)
    elif kind == "f16":
        writer.add_tensor(name, values.astype(np.float16))
    else:
        packed = gguf.quants.quantize(values, gguf.GGMLQuantizationType.Q8_0)
        writer.add_tensor(name, packed, raw_dtype=gguf.GGMLQuantizationType.Q8_0)


def add_shape(writer: gguf.GGUFWriter, shape: dict[str, Any]) -> None:
    """The sizes, and who made it."""
    writer.add_name("Mnemoscope demo")
    writer.add_description("A small llama that understands the controlled English of Mnemoscope's generated sessions")
    writer.add_license("MIT")
    writer.add_context_length(shape["context"])
    writer.add_embedding_length(shape["width"])
    writer.add_block_count(shape["layers"])
    writer.add_feed_forward_length(shape["feed_forward"])
    writer.add_head_count(shape["heads"])
    writer.add_head_count_kv(shape["heads"])
    writer.add_layer_norm_rms_eps(Shape(**shape).epsilon)
    writer.add_rope_freq_base(shape["rope_base"])
    head = Shape(**shape).head
    writer.add_rope_dimension_count(head)
    if shape.get("channels"):
        writer.add_key_length(head)
        writer.add_value_length(head)
    writer.add_vocab_size(shape["vocabulary"])


def add_tokenizer(writer: gguf.GGUFWriter) -> None:
    """Vocabulary, merges, control tokens and chat template."""
    model = json.loads(tokens.load().to_str())["model"]
    vocabulary = sorted(model["vocab"], key=model["vocab"].get)
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]]
    control, normal = int(gguf.TokenType.CONTROL), int(gguf.TokenType.NORMAL)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(vocabulary)
    writer.add_token_types([control if token in tokens.SPECIAL else normal for token in vocabulary])
    writer.add_token_merges(merges)
    writer.add_bos_token_id(tokens.END)
    writer.add_eos_token_id(tokens.END)
    writer.add_eot_token_id(tokens.END)
    writer.add_pad_token_id(tokens.PAD)
    writer.add_add_bos_token(False)
    writer.add_add_eos_token(False)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(tokens.CHAT_TEMPLATE)


if __name__ == "__main__":
    main()
