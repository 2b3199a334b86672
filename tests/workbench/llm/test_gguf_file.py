"""Model files that cannot be used give one clear line, before llama.cpp sees them."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

import pytest

from workbench.errors import ModelError
from workbench.llm.base import BackendOptions
from workbench.llm.gguf_file import GGUFHeader, read_header, sha256
from workbench.llm.model import Model
from workbench.llm.open import find_embedder, find_language_model, open_backend


def test_header_of_a_good_file(model_path: Path) -> None:
    header = read_header(model_path)
    assert header.architecture == "llama" and header.of_architecture("block_count") == 3
    assert header.tensors == 3 + 3 * 9


@pytest.mark.parametrize("share", [0.001, 0.01, 0.5, 0.999])
def test_truncated_file(model_path: Path, tmp_path: Path, share: float) -> None:
    data = model_path.read_bytes()
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(ModelError) as caught:
        open_backend(BackendOptions(str(cut), "hash"))
    line = str(caught.value)
    assert "\n" not in line and str(cut) in line and "get the file again" in line
    if share > 0.1:
        assert f"it is truncated ({cut.stat().st_size:,} of {len(data):,} bytes)" in line


def test_not_a_gguf(tmp_path: Path) -> None:
    other = tmp_path / "model.bin"
    other.write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(ModelError, match=r"model\.bin is not a GGUF file"):
        Model(other)
    (tmp_path / "empty.gguf").touch()
    with pytest.raises(ModelError, match="it has only 0 bytes"):
        Model(tmp_path / "empty.gguf")


def test_future_and_big_endian_versions(model_path: Path, tmp_path: Path) -> None:
    data = bytearray(model_path.read_bytes())
    for version, why in ((9, "GGUF version 9"), (3 << 24, "big-endian")):
        data[4:8] = struct.pack("<I", version)
        (tmp_path / "other.gguf").write_bytes(data)
        with pytest.raises(ModelError, match=why):
            Model(tmp_path / "other.gguf")


def test_absent_file_and_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.gguf", tmp_path):
        with pytest.raises(ModelError, match="no model file"):
            read_header(path)
    with pytest.raises(ModelError, match="no model file"):
        find_language_model(str(tmp_path / "none.gguf"))


def test_unknown_architecture_is_llama_cpps_own_reason(model_path: Path, tmp_path: Path) -> None:
    data = model_path.read_bytes().replace(b"llama", b"lloma")
    (tmp_path / "strange.gguf").write_bytes(data)
    with pytest.raises(
        ModelError, match=r"architecture lloma\) cannot be loaded: .*unknown model architecture: 'lloma'"
    ):
        Model(tmp_path / "strange.gguf")


def test_embedding_model_cannot_write(shared_models: Path) -> None:
    with pytest.raises(ModelError, match=r"is an embedding model \(bert\); it cannot write text"):
        Model(shared_models / "all-MiniLM-L6-v2.Q8_0.gguf")


def test_hash_is_remembered_until_the_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNEMOSCOPE_HOME", str(tmp_path / "home"))
    path = tmp_path / "model.gguf"
    path.write_bytes(b"one")
    assert sha256(path) == hashlib.sha256(b"one").hexdigest()
    store = next((tmp_path / "home").rglob("model-hashes.json"))
    store.write_text(store.read_text().replace(hashlib.sha256(b"one").hexdigest(), "remembered"))
    assert sha256(path) == "remembered"
    path.write_bytes(b"three")
    assert sha256(path) == hashlib.sha256(b"three").hexdigest()
    store.write_text("damaged")
    assert sha256(path) == hashlib.sha256(b"three").hexdigest()


def test_missing_embedder_fails_on_first_use_only(model_path: Path, tmp_path: Path) -> None:
    assert find_embedder("hash") == (None, None)
    path, why = find_embedder(str(tmp_path / "none.gguf"))
    assert path is None and why is not None and "--embedder hash" in str(why)


def test_a_model_is_called_by_base_size_and_form_and_not_by_its_history() -> None:
    def called(**known: object) -> str:
        return GGUFHeader(Path("some-file.gguf"), 3, 0, {f"general.{k}": v for k, v in known.items()}).title

    history = "Smollm2 135M 8k Lc100K Mix1 Ep2"
    assert called(name=history, basename="smollm2", size_label="135M", file_type=3) == "smollm2 135M Q4_1"
    assert called(name=history, basename="smollm2", size_label="135M", file_type=999) == "smollm2 135M"
    assert called(name="Mnemoscope demo", file_type=7) == "Mnemoscope demo"
    assert called() == "some-file"
