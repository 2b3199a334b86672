"""A model file that is wrong is one line that blames the model, and never the end of this process."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest

from tests.support.gguf_models import Shape, write_model
from workbench.errors import ModelError
from workbench.llm import trial
from workbench.llm.base import BackendOptions
from workbench.llm.gguf_file import read_header
from workbench.llm.model import Model
from workbench.llm.open import find_language_model, open_backend
from workbench.llm.trial import proved

TINY = Shape(layers=1, width=32, heads=1, kv_heads=1, inner=32, context=256)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MNEMOSCOPE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def tiny(folder: Path, **values: object) -> Path:
    path = folder / "tiny.gguf"
    write_model(path, TINY, **values)  # type: ignore[arg-type]
    return path


def with_number(path: Path, key: bytes, value: int) -> Path:
    data = bytearray(path.read_bytes())
    at = data.index(key) + len(key) + 4
    data[at : at + 4] = struct.pack("<I", value)
    path.write_bytes(data)
    return path


def test_a_good_model_is_tried_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tiny(tmp_path)
    assert proved(path) == path
    monkeypatch.setattr(trial, "_tried", lambda *_: pytest.fail("tried again"))
    assert proved(path) == path
    demo = find_language_model("demo")
    assert proved(demo) == demo  # ships with the program


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("block_count", 0),
        ("block_count", 600),
        ("attention.head_count", 0),
        ("attention.head_count", 4_000_000_000),
        ("embedding_length", 0),
        ("context_length", 0),
    ],
)
def test_figures_at_which_llama_cpp_would_end_the_process(tmp_path: Path, key: str, value: int) -> None:
    path = with_number(tiny(tmp_path), f"llama.{key}".encode(), value)
    with pytest.raises(ModelError, match=rf"tiny\.gguf cannot be used as a model: its {key} is {value:,}"):
        open_backend(BackendOptions(str(path), "hash"))


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{{ raise_exception('no') }}", "its chat template failed"),
        ("{{ 1 / 0 }}", "ZeroDivisionError"),
        ("{% for", "cannot be read"),
        ("{{ 'a' * 10**11 }}", "memory|MemoryError"),
        ("{% for i in range(3000) %}{{ messages[0].content * 3000 }}{% endfor %}", "characters around a word|memory"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
    ],
)
def test_a_template_that_fails_or_floods(tmp_path: Path, template: str, words: str) -> None:
    with pytest.raises(ModelError, match=rf"tiny\.gguf cannot be used as a model: .*({words})"):
        proved(tiny(tmp_path, template=template))


def test_a_template_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loops = "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"
    with pytest.raises(ModelError, match="its chat template does not end within 5 s"):
        proved(tiny(tmp_path, template=loops))


def test_what_ends_llama_cpp_ends_only_the_trial(tmp_path: Path) -> None:
    path = with_number(tiny(tmp_path), b"llama.vocab_size", 7)  # other than the vocabulary's size: an assertion
    with_number(path, b"tokenizer.ggml.eos_token_id", 1 << 30)
    with pytest.raises(ModelError, match=r"tiny\.gguf cannot be used as a model"):
        proved(with_number(path, b"llama.attention.head_count", 7))


def test_headers_that_do_not_end(tmp_path: Path) -> None:
    for name, body in (
        ("pairs", struct.pack("<QQ", 0, 1 << 60)),
        ("tensors", struct.pack("<QQ", 1 << 60, 0)),
        (
            "nested",
            struct.pack("<QQ", 0, 1) + struct.pack("<Q", 1) + b"a" + struct.pack("<I", 9) + b"\x09\0\0\0" * 3000,
        ),
        ("array", struct.pack("<QQQ", 0, 1, 1) + b"a" + struct.pack("<IIQ", 9, 8, 1 << 62) + bytes(200)),
    ):
        path = tmp_path / f"{name}.gguf"
        path.write_bytes(b"GGUF" + struct.pack("<I", 3) + body + bytes(64))
        with pytest.raises(ModelError, match="cannot be used as a model"):
            read_header(path)


def mutated(data: bytes, rng: random.Random) -> bytes:
    """A few bytes of the header changed: figures, lengths, types, names, tokens."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 2, 6))):
        at = rng.randrange(4, min(len(out), 12_000))
        out[at : at + 4] = rng.choice((rng.randbytes(4), struct.pack("<I", rng.choice((0, 1, 600, 1 << 31)))))
    return bytes(out)


@pytest.mark.slow
def test_200_damaged_models_never_end_this_process(tmp_path: Path) -> None:
    data, rng, refused = tiny(tmp_path).read_bytes(), random.Random(0), 0
    for number in range(200):
        path = tmp_path / f"{number}.gguf"
        path.write_bytes(mutated(data, rng))
        try:
            open_backend(BackendOptions(str(path), "hash", threads=1)).close()
        except ModelError as error:
            refused += 1
            assert "\n" not in str(error) and str(path) in str(error)
        path.unlink()
    assert refused > 50


def test_of_a_large_model_the_vocabulary_alone_is_tried(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tiny(tmp_path)
    loaded = Model(path, vocabulary_only=True)
    assert loaded.has_tokenizer
    assert (loaded.n_layer, loaded.n_head) == (0, 0)
    loaded.close()
    monkeypatch.setattr(trial, "_WHOLE", 0)
    assert trial._compute(path, embedding=False) == ""
