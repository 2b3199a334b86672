"""Downloads from a hub: whole, cut in the middle, cancelled, damaged, refused."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hub import Hub, serving, use
from workbench.errors import Cancelled, ModelError
from workbench.models import hub as hubs

NAME = "somebody/tiny-GGUF/tiny.gguf"
DATA = os.urandom(3_000_000)
REPOSITORY, FILE = "somebody/tiny-GGUF", "tiny.gguf"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with serving(Hub({NAME: DATA})) as server:
        use(server, tmp_path / "home", monkeypatch)
        yield server


def fetch(seen: list[int] | None = None) -> hubs.Fetched:
    return hubs.fetch(REPOSITORY, FILE, lambda done, total: (seen if seen is not None else []).append(done))


def test_a_file_is_fetched_once_into_the_hubs_own_cache(hub: Hub, tmp_path: Path) -> None:
    got = fetch()
    assert got.path.read_bytes() == DATA
    assert got.path.is_relative_to(tmp_path / "home" / "hub")
    assert got.sha256 == hashlib.sha256(DATA).hexdigest()
    assert got.new
    asked = len(hub.ranges)
    again = fetch()
    assert (again.path, again.sha256, again.new) == (got.path, got.sha256, False)
    assert len(hub.ranges) == asked


def test_another_program_finds_what_was_fetched(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    got = fetch()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert fetch().path == got.path


def test_a_connection_that_is_cut_in_the_middle_is_taken_up_there(hub: Hub) -> None:
    hub.cut = [1_000_000]
    assert fetch().path.read_bytes() == DATA
    assert hub.ranges[0] == ""
    assert 0 < int(hub.ranges[1].removeprefix("bytes=").rstrip("-")) <= 1_000_000


def test_cancelled_while_nothing_comes_it_ends_and_goes_on_behind_what_it_has(hub: Hub, tmp_path: Path) -> None:
    hub.cut, hub.stall = [1_500_000], True
    seen: list[int] = [0]
    with pytest.raises(Cancelled, match="goes on from here"):  # the server would never say another word
        hubs.fetch(REPOSITORY, FILE, lambda done, total: seen.append(done), lambda: seen[-1] > 0)
    have = max(seen)
    assert 0 < have <= 1_500_000
    assert fetch().path.read_bytes() == DATA
    assert hub.ranges[-1].startswith("bytes=")
    assert int(hub.ranges[-1].removeprefix("bytes=").rstrip("-")) >= have
    assert not list(tmp_path.rglob("*.part")) and not list(tmp_path.rglob("*.part.lock"))


def test_what_is_not_what_the_hub_says_is_thrown_away(hub: Hub, tmp_path: Path) -> None:
    hub.etag = "0" * 64
    with pytest.raises(ModelError, match="arrived with sha256"):
        fetch()
    assert not list(tmp_path.rglob("*.part"))
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size == len(DATA)]


def test_a_damaged_file_in_the_cache_is_noticed(hub: Hub) -> None:
    got = fetch()
    got.path.resolve().write_bytes(DATA[:-1] + b"x")
    with pytest.raises(ModelError, match="is damaged"):
        fetch()


def test_offline_says_so(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelError, match="HF_HUB_OFFLINE"):
        fetch()
    assert hub.ranges == []


@pytest.mark.parametrize(("status", "word"), [(404, "did not give"), (401, "did not give"), (500, "did not give")])
def test_a_hub_that_refuses_is_one_line(hub: Hub, status: int, word: str) -> None:
    hub.status = status
    with pytest.raises(ModelError, match=word) as caught:
        fetch()
    assert "\n" not in str(caught.value)


def test_no_hub_is_one_line(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(ModelError, match="cannot be reached") as caught:
        fetch()
    assert "\n" not in str(caught.value)


def test_the_token_goes_to_the_hub_and_nowhere_else(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    fetch()
    with_token = {what for what, token in hub.tokens.items() if "hf_secret" in token}
    assert with_token == {f"HEAD /{REPOSITORY}/resolve/main/{FILE}"}
    assert f"GET /data/{NAME}" in hub.tokens
