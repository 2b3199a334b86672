"""``mnemoscope models`` as a person and as a program use it."""

import json
from pathlib import Path
from typing import Any

import pytest

from workbench import cli
from workbench.models import store, tune
from workbench.models.catalogue import Entry

Capture = pytest.CaptureFixture[str]


def call(capsys: Capture, *arguments: object) -> tuple[int, str, str]:
    code = cli.main(["models", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


def answer(capsys: Capture, *arguments: object) -> Any:
    code, out, err = call(capsys, *arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def test_the_catalogue_is_listed_with_what_a_choice_needs(capsys: Capture, home: Path) -> None:
    found = {one["name"]: one for one in answer(capsys, "list")["models"]}
    keys = {"name", "file", "bytes", "licence", "context", "ram", "source", "installed", "note"}
    assert all(keys <= one.keys() for one in found.values())
    assert found["demo"]["installed"] and not found["qwen3-8b"]["installed"]
    assert found["qwen3-8b"]["ram"] > found["qwen3-8b"]["bytes"]
    code, out, _ = call(capsys, "list")
    assert code == 0
    assert "not tried" in out and "Apache-2.0" in out and "of memory are free" in out


def test_get_info_remove(capsys: Capture, home: Path, package: Path, entry: Entry) -> None:
    code, out, err = call(capsys, "get", "tiny")
    assert (code, "--model tiny" in out) == (0, True), err
    listed = {one["name"]: one for one in answer(capsys, "list")["models"]}
    assert listed["tiny"]["installed"]
    info = answer(capsys, "info", "tiny")
    assert (info["sha256"], info["architecture"], info["layers"]) == (entry.sha256, "llama", 1)
    assert "architecture" in call(capsys, "info", "tiny")[1]
    assert answer(capsys, "remove", "tiny") == {"name": "tiny", "file": info["file"], "removed": True}
    assert not Path(info["file"]).exists()
    assert call(capsys, "remove", "tiny")[0] == 2


def test_get_and_tune_in_one_command(
    capsys: Capture, home: Path, package: Path, entry: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, int | None]] = []

    def measured(name: str, threads: int | None, *_: object, **__: object) -> list[tune.Form]:
        assert store.find(name) is not None  # it is there by then
        asked.append((name, threads))
        return [tune.Form(name, True, 9, 200.0, 20.0, 0.0, 1.0, True, 1)]

    monkeypatch.setattr(tune, "tune", measured)
    code, out, err = call(capsys, "get", "tiny", "--tune", "--threads", "1")
    assert (code, asked) == (0, [("tiny", 1)]), err
    assert "--model tiny" in out and "reads tok/s" in out
    assert "models tune tiny" in call(capsys, "get", "tiny")[1] and len(asked) == 1
    assert answer(capsys, "get", "tiny", "--tune")["forms"][0]["reads"] == 200.0


def test_a_file_of_ones_own(capsys: Capture, home: Path, gguf: Path) -> None:
    assert answer(capsys, "add", gguf, "--name", "mine")["file"] == str(gguf)
    assert {one["name"]: one["source"] for one in answer(capsys, "list")["models"]}["mine"] == "file"
    assert call(capsys, "remove", "mine")[1].endswith("stays\n")


def test_a_catalogues_name_for_another_file_shows_the_file(capsys: Capture, home: Path, gguf: Path) -> None:
    call(capsys, "add", gguf, "--name", "qwen3-4b")
    found = {one["name"]: one for one in answer(capsys, "list")["models"]}
    assert (found["qwen3-4b"]["source"], found["qwen3-4b"]["bytes"]) == ("file", gguf.stat().st_size)


def test_a_file_that_is_gone_is_listed_as_such(capsys: Capture, home: Path, gguf: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved.gguf"
    moved.write_bytes(gguf.read_bytes())
    call(capsys, "add", moved)
    moved.unlink()
    found = {one["name"]: one for one in answer(capsys, "list")["models"]}["moved"]
    assert (found["installed"], "is gone" in found["note"]) == (False, True)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("get", "nothing"), 2, "no model"),
        (("info", "nothing"), 2, "no model"),
        (("add", "/nowhere.gguf"), 1, "no model"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    capsys: Capture, home: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    got, out, err = call(capsys, *arguments)
    assert (got, out, err.count("\n"), words in err) == (code, "", 1, True)
