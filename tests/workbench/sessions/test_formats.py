"""Recognising files, and files that are nothing that can be read."""

import json
import os
from pathlib import Path

import pytest

from workbench.errors import SessionFormatError
from workbench.sessions import formats
from workbench.sessions.formats import limits

BROKEN = [
    (b"", "the file is empty"),
    (b" \n ", "the file is empty"),
    (b'{"turns": [}', "line 1, column 12: broken JSON (expected value)"),
    (b'{\n  "turns": 1,\n}', "line 3, column 1: broken JSON (trailing comma)"),
    (b'{"a": }\n{"a": }', "line 1, column 7: broken JSON (expected value)"),
    (
        b'{"a": 1}\n{"a": }',
        "JSON, but none of the known session formats (1 line, the first an object",
    ),
    (b'{"a": [1, 2', "line 1, column 11: broken JSON (EOF while parsing a list) - the file ends too early"),
    (b"hello there", "text, but not JSON"),
    (b"\x89PNG\r\n\x1a\n\xff\xfe", "a PNG picture - export the conversation as JSON"),
    (b"\x00\x01\xff\xfe\xfd", "neither JSON nor text (byte 4)"),
    (b"[" * 200_000, "line 1, column 202: broken JSON (nested too deeply)"),
    (b"[1]", "JSON, but none of the known session formats"),
    (b"{}", "JSON, but none of the known session formats"),
    (b"3", "JSON, but none of the known session formats"),
    (b"null", "JSON, but none of the known session formats"),
    (b"[]", "JSON, but none of the known session formats"),
    (b'{"a": ' + b"1" * 5000 + b"}", "line 1, column 4308: broken JSON (number out of range)"),
]


@pytest.mark.parametrize(("raw", "message"), BROKEN)
def test_a_file_that_is_no_session_is_one_clear_line(tmp_path: Path, raw: bytes, message: str) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(raw)
    with pytest.raises(SessionFormatError) as caught:
        formats.read(path)
    assert str(caught.value).startswith(f"{path}: {message}")
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(SessionFormatError, match="no such file"):
        formats.read(tmp_path / "none.json")
    with pytest.raises(SessionFormatError, match="a folder - choose a session file in it"):
        formats.read(tmp_path)


def test_a_file_that_is_too_large_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    path.touch()
    os.truncate(path, limits.MAX_BYTES + 1)  # sparse
    with pytest.raises(SessionFormatError, match="512 MiB, at most 512 MiB are read - split the file"):
        formats.read(path)


def test_too_many_turns_are_refused() -> None:
    with pytest.raises(SessionFormatError, match=r"x: 200001 turns, at most 200000"):
        limits.check_turns(limits.MAX_TURNS + 1, "x")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_in_any_of_its_encodings(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "some.json"
    path.write_text('{"mnemoscope_session": 1, "turns": [{"role": "user", "text": "Zürich"}]}', encoding)
    assert formats.read(path)[0].turns[0].text == "Zürich"
    assert formats.recognise(path) == "native"


def test_half_a_surrogate_pair_becomes_a_replacement_character(tmp_path: Path) -> None:
    path = tmp_path / "some.json"
    path.write_text(r'{"mnemoscope_session": 1, "turns": [{"role": "user", "text": "a \ud83d b \ud83d\ude00"}]}')
    (session,) = formats.read(path)
    assert session.turns[0].text == "a \N{REPLACEMENT CHARACTER} b 😀"
    json.dumps(session.to_json(), ensure_ascii=False).encode()


def test_every_reader_has_a_title() -> None:
    assert list(formats.titles()) == list(formats.READERS)
