"""Where things lie: in a checkout, in an installation, in a frozen program, and the user's own."""

import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from workbench import paths
from workbench.errors import MnemoscopeError


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    paths.root.cache_clear()
    yield
    paths.root.cache_clear()


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The module as it lies in site-packages: no resources beside it."""
    monkeypatch.setattr(paths, "__file__", str(tmp_path / "lib" / "workbench" / "paths.py"))
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path / "prefix"))
    return tmp_path


def test_a_checkout() -> None:
    here = Path(__file__).resolve().parent.parent.parent
    assert paths.root() == here
    assert paths.resources() == here / "resources"
    assert paths.sample_sessions() == here / "sample_sessions"


def test_an_installation(elsewhere: Path) -> None:
    shared = elsewhere / "prefix" / "share" / "mnemoscope"
    (shared / "resources").mkdir(parents=True)
    assert paths.root() == shared


def test_a_frozen_program(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (elsewhere / "bundle" / "resources").mkdir(parents=True)
    monkeypatch.setattr(sys, "_MEIPASS", str(elsewhere / "bundle"), raising=False)
    assert paths.root() == elsewhere / "bundle"


def test_an_installation_that_lost_its_files(elsewhere: Path) -> None:
    with pytest.raises(MnemoscopeError, match=r"no folder resources/ in .*share.* - install Mnemoscope again"):
        paths.root()


def test_what_belongs_to_the_user_is_made_where_they_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNEMOSCOPE_HOME", str(tmp_path / "home"))
    made = [paths.user_data(), paths.user_cache(), paths.runs(), paths.models()]
    assert [str(folder.relative_to(tmp_path)) for folder in made] == ["home", "home/cache", "home/runs", "home/models"]
    assert all(folder.is_dir() for folder in made)


def test_a_model_is_found_by_its_file_name(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = elsewhere / "prefix" / "share" / "mnemoscope" / "resources" / "models"
    shipped.mkdir(parents=True)
    monkeypatch.setenv("MNEMOSCOPE_HOME", str(elsewhere / "home"))
    assert paths.embedding_model() is None
    own = paths.models() / paths.EMBEDDING_MODEL
    own.touch()
    assert paths.embedding_model() == own
    (shipped / paths.EMBEDDING_MODEL).touch()
    assert paths.embedding_model() == shipped / paths.EMBEDDING_MODEL
