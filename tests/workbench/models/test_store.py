"""Installed models: added, found, forgotten."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from workbench import paths
from workbench.errors import ModelError, UsageError
from workbench.llm.open import find_language_model
from workbench.models import store


def test_a_file_is_used_by_its_name_and_stays_where_it_is(home: Path, gguf: Path) -> None:
    added = store.add(gguf)
    assert (added.name, added.file, added.source, added.owned) == ("tiny-model", gguf, "file", False)
    assert store.installed() == {"tiny-model": added}
    assert find_language_model("tiny-model") == gguf
    assert store.remove("tiny-model") == (added, False)
    assert gguf.is_file()
    assert store.installed() == {}


def test_what_was_fetched_goes_with_its_record_unless_another_name_uses_it(home: Path, gguf: Path) -> None:
    file = paths.models() / "fetched.gguf"
    shutil.copy(gguf, file)
    one = store.put(replace(store.add(file, "one"), owned=True))
    store.put(replace(one, name="two"))
    assert store.remove("one") == (one, False)
    assert file.is_file()
    assert store.remove("two")[1]
    assert not file.exists()


def test_of_a_link_into_the_hubs_cache_the_data_go_too(home: Path, gguf: Path, tmp_path: Path) -> None:
    blob, link = tmp_path / "blob", tmp_path / "link.gguf"
    shutil.copy(gguf, blob)
    link.symlink_to(blob)
    store.put(replace(store.add(link, "linked"), owned=True, source="hub"))
    assert store.remove("linked")[1]
    assert not link.is_symlink() and not blob.exists()


@pytest.mark.parametrize("name", ["demo", "Big", "../up", "a b", "", "x" * 65])
def test_names_that_may_not_be_given(home: Path, gguf: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be called"):
        store.check_name(name)
    if name:
        assert store.find(name) is None
        with pytest.raises(UsageError, match="cannot be called"):
            store.add(gguf, name)


def test_a_name_is_not_taken_from_another_file(home: Path, gguf: Path, tmp_path: Path) -> None:
    store.add(gguf, "mine")
    other = tmp_path / "other.gguf"
    shutil.copy(gguf, other)
    with pytest.raises(UsageError, match="already"):
        store.add(other, "mine")
    assert store.add(gguf, "mine").file == gguf


def test_what_is_no_model_is_refused(home: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.gguf"
    text.write_text("no model at all, and long enough for a header")
    with pytest.raises(ModelError, match="not a GGUF"):
        store.add(text)
    assert store.installed() == {}


def test_a_damaged_record_is_as_if_it_were_not_there(home: Path, gguf: Path) -> None:
    store.add(gguf, "mine")
    (paths.models() / "mine.json").write_text('{"file": 3}')
    assert store.installed() == {}
    assert store.add(gguf, "mine").name == "mine"


def test_a_file_that_is_gone_says_so(home: Path, gguf: Path, tmp_path: Path) -> None:
    file = tmp_path / "moved.gguf"
    shutil.copy(gguf, file)
    store.add(file, "moved")
    file.unlink()
    with pytest.raises(ModelError, match="is gone"):
        find_language_model("moved")


def test_a_model_of_the_catalogue_that_is_not_installed_says_how_to_get_it(home: Path) -> None:
    with pytest.raises(ModelError, match="models get smollm2-135m"):
        find_language_model("smollm2-135m")
