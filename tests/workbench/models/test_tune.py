"""Other quantisations of a model: made, measured, kept when they are faster."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.gguf_models import Shape, write_model
from workbench import paths
from workbench.errors import Cancelled, ModelError, UsageError
from workbench.llm.gguf_file import read_header
from workbench.models import store, tune
from workbench.models.quantise import quantise


@pytest.fixture(scope="session")
def floats(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wide enough for blocks of 32 weights, long enough for the text that is measured."""
    path = tmp_path_factory.mktemp("gguf") / "floats.gguf"
    write_model(path, Shape(layers=2, width=64, heads=2, kv_heads=1, inner=128, context=1024))
    return path


def make(source: Path, out: Path, form: str = "q8_0", cancel: bool = False) -> list[int]:
    seen: list[int] = []
    quantise(source, out, form, 500_000, 1, lambda done, total: seen.append(total), lambda: cancel)
    return seen


def test_llama_cpp_writes_the_other_form(floats: Path, tmp_path: Path) -> None:
    out = tmp_path / "small.gguf"
    make(floats, out)
    assert out.stat().st_size < floats.stat().st_size
    assert read_header(out).architecture == "llama"
    assert [path.name for path in tmp_path.iterdir()] == ["small.gguf"]


def test_what_cannot_be_quantised_says_so(tmp_path: Path) -> None:
    (tmp_path / "no.gguf").write_bytes(b"GGUF and nothing else that would make sense")
    with pytest.raises(ModelError, match="cannot be written as q4_0"):
        make(tmp_path / "no.gguf", tmp_path / "out.gguf", "q4_0")
    assert not (tmp_path / "out.gguf").exists()


def test_cancelled(floats: Path, tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        make(floats, tmp_path / "out.gguf", cancel=True)
    assert list(tmp_path.iterdir()) == []


def test_divergence() -> None:
    even = np.log(np.array([[0.5, 0.5]], np.float32))
    skew = np.log(np.array([[0.9, 0.1]], np.float32))
    assert tune.divergence(even, even) == (0.0, 1.0)
    kl, same = tune.divergence(skew, even)
    assert kl == pytest.approx(0.9 * np.log(1.8) + 0.1 * np.log(0.2), abs=1e-6)
    assert same == 1.0


def test_every_form_is_measured_and_the_faster_ones_are_kept(
    home: Path, floats: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add(floats, "mine")
    real, speeds = tune._measured, {"floats.gguf": 100.0, "mine-q80.gguf": 150.0, "mine-q40.gguf": 105.0}

    def measured(path: Path, threads: int) -> Any:
        return replace(real(path, threads), reads=speeds[path.name])

    monkeypatch.setattr(tune, "_measured", measured)
    said: list[str] = []
    original, eight, four = tune.tune("mine", 1, said.append)
    assert (original.original, original.kl, original.kept) == (True, 0.0, True)
    assert (eight.name, eight.kept, four.kept) == ("mine-q80", True, False)
    assert 0 < eight.kl < four.kl, "coarser blocks are further from the original"
    assert sorted(store.installed()) == ["mine", "mine-q80"]
    made = store.find("mine-q80")
    assert made is not None and made.owned and made.measured["of"] == "mine" and made.measured["reads"] == 150.0
    assert sorted(path.name for path in paths.models().glob("*.gguf")) == ["mine-q80.gguf"]
    assert floats.is_file() and store.find("mine") is not None
    assert said[0] == "measuring mine"
    with pytest.raises(UsageError, match="tune that one"):
        tune.tune("mine-q80", 1)


def test_only_what_is_installed_can_be_tuned(home: Path) -> None:
    with pytest.raises(UsageError, match="models get smollm2-135m"):
        tune.tune("smollm2-135m")
