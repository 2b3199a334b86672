"""From files to data: packed, encoded, half broken, too large, hostile."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import sqlite3
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from backports.zstd import compress
from backports.zstd import zipfile as zstd_zipfile

from workbench.errors import SessionFormatError
from workbench.sessions import formats
from workbench.sessions.formats import archive, limits, loading
from workbench.sessions.formats.loading import Archive, Database, Lines, load

CHAT = json.dumps({"messages": [{"role": "user", "content": "Zürich"}]}, ensure_ascii=False).encode()
OTHER = json.dumps({"messages": [{"role": "user", "content": "Oslo"}]}).encode()


def put(folder: Path, raw: bytes, name: str = "some.json") -> Path:
    path = folder / name
    path.write_bytes(raw)
    return path


def texts(path: Path) -> list[str]:
    return [t.text for s in formats.read(path) for t in s.turns]


def refusal(path: Path) -> str:
    with pytest.raises(SessionFormatError) as caught:
        formats.read(path)
    line = str(caught.value)
    assert line.startswith(f"{path}: ") and "\n" not in line and len(line) < 1500
    return line.removeprefix(f"{path}: ")


def zipped(folder: Path, name: str = "some.zip", **members: bytes) -> Path:
    path = folder / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for member, raw in members.items():
            made.writestr(member.replace("_", "."), raw)
    return path


# compressed files ----------------------------------------------------------------------------------------------------

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": compress,
}


@pytest.mark.parametrize("packer", PACKERS)
def test_compressed_files_are_opened(tmp_path: Path, packer: str) -> None:
    path = put(tmp_path, PACKERS[packer](CHAT), "diary.json.gz")
    assert texts(path) == ["Zürich"]
    assert formats.read(path)[0].name == "diary"


@pytest.mark.parametrize("packer", PACKERS)
def test_a_damaged_or_doubly_packed_file_says_so(tmp_path: Path, packer: str) -> None:
    packed = PACKERS[packer](CHAT * 50)
    assert f"a damaged {packer} file" in refusal(put(tmp_path, packed[: len(packed) // 2]))
    assert f"a gzip file inside a {packer} file - unpack it" in refusal(
        put(tmp_path, PACKERS[packer](gzip.compress(CHAT)))
    )


@pytest.mark.parametrize("packer", PACKERS)
def test_a_file_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packer: str
) -> None:
    monkeypatch.setattr("workbench.sessions.formats.packed.MAX_BYTES", 1 << 20)
    path = put(tmp_path, PACKERS[packer](b"[" + b" " * (2 << 20) + b"]"))
    assert f"a {packer} file that unpacks to more than 1 MiB" in refusal(path)


# archives ------------------------------------------------------------------------------------------------------------


def test_the_session_files_of_an_archive_are_read_one_by_one(tmp_path: Path) -> None:
    path = zipped(tmp_path, a_json=CHAT, b_jsonl=OTHER + b"\n" + OTHER, c_json=b"[1]", d_json=b"{", e_txt=b"x")
    sessions = formats.read(path)
    assert [s.name for s in sessions] == ["a", "b 1", "b 2"]
    assert formats.recognise(path) == "openai"
    assert {"c.json: no session format; left out"} < set(sessions[0].warnings)
    assert any(w.startswith("d.json: line 1, column 1: broken JSON") for w in sessions[0].warnings)


def test_members_may_be_packed_with_zstd(tmp_path: Path) -> None:
    path = tmp_path / "some.zip"
    with zstd_zipfile.ZipFile(path, "w", zstd_zipfile.ZIP_ZSTANDARD) as made:
        made.writestr("a.json", CHAT)
    assert texts(path) == ["Zürich"]


def test_an_archive_without_sessions_names_what_is_in_it(tmp_path: Path) -> None:
    assert refusal(zipped(tmp_path, a_txt=b"x")).startswith("a zip archive without a session file (a.txt) - ")
    assert refusal(zipped(tmp_path)).startswith("a zip archive without a session file (none) - ")


def test_an_archive_is_bounded_in_what_it_unpacks_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_BYTES", 1 << 20)
    with Archive(zipped(tmp_path, a_json=CHAT, b_json=b" " * (2 << 20))) as opened:
        assert opened.read("a.json") == CHAT
        with pytest.raises(SessionFormatError, match="unpacks to more than 1 MiB"):
            opened.read("b.json")


def test_a_member_that_is_damaged_locked_or_missing_is_named(tmp_path: Path) -> None:
    path = zipped(tmp_path, a_json=CHAT * 20)
    raw = bytearray(path.read_bytes())
    raw[45] ^= 0xFF
    with Archive(put(tmp_path, bytes(raw), "damaged.zip")) as opened:
        with pytest.raises(SessionFormatError, match=r"a\.json: damaged"):
            opened.read("a.json")
        with pytest.raises(SessionFormatError, match=r"b\.json: not in the archive"):
            opened.read("b.json")
    locked = path.read_bytes().replace(b"PK\1\2\x14\3\x14\0\0\0", b"PK\1\2\x14\3\x14\0\1\0")
    with (
        Archive(put(tmp_path, locked, "locked.zip")) as opened,
        pytest.raises(SessionFormatError, match=r"a\.json: locked by a password"),
    ):
        opened.read("a.json")


def test_a_damaged_archive_and_one_with_too_many_members_are_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path, a_json=CHAT)
    raw = path.read_bytes()
    assert refusal(put(tmp_path, raw[:-10], "cut.zip")).startswith("a damaged zip archive (its end is missing)")
    at = raw.rfind(b"PK\5\6") + 12
    many = raw[:at] + struct.pack("<L", archive.MAX_DIRECTORY + 1) + raw[at + 4 :]
    assert "too many members" in refusal(put(tmp_path, many, "many.zip"))


# databases -----------------------------------------------------------------------------------------------------------


def database(folder: Path, *statements: str) -> Path:
    path = folder / "some.db"
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()
    return path


def test_a_database_shows_its_tables_and_their_rows(tmp_path: Path) -> None:
    path = database(
        tmp_path,
        'CREATE TABLE "odd ""name" (at TEXT, said)',
        "INSERT INTO \"odd \"\"name\" VALUES ('2', 'b'), ('1', 'a')",
        "CREATE TABLE keyed (id TEXT PRIMARY KEY) WITHOUT ROWID",
        "INSERT INTO keyed VALUES ('k')",
        "CREATE VIEW history AS SELECT 1 AS id",
    )
    data = load(path)
    assert isinstance(data, Database)
    assert data.tables == {"keyed": ("id",), 'odd "name': ("at", "said")}
    assert list(data.rows('odd "name')) == [{"at": "2", "said": "b"}, {"at": "1", "said": "a"}]
    assert [r["said"] for r in data.rows('odd "name', ("said",), order="at")] == ["a", "b"]
    assert list(data.rows("keyed")) == [{"id": "k"}]
    assert refusal(path).startswith('a SQLite database, but none of the known ones (tables keyed, odd "name)')


def test_a_damaged_database_is_one_line(tmp_path: Path) -> None:
    raw = database(tmp_path, "CREATE TABLE a (b)").read_bytes()
    for name in (b"\n", b"\xe9"):
        broken = raw.replace(b"CREATE TABLE a", b"CREATE TABLE " + name)
        assert refusal(put(tmp_path, broken, "bad.db")).startswith("a damaged SQLite file (")
    assert refusal(put(tmp_path, raw[:100] + b"\xff" * 4000, "bad.db")).startswith("a damaged SQLite file (")


# text ----------------------------------------------------------------------------------------------------------------


def test_text_in_an_old_encoding_is_named(tmp_path: Path) -> None:
    long = "今天风很大，海面起伏不定。船长写道。" * 20
    raw = json.dumps({"messages": [{"role": "user", "content": long}]}, ensure_ascii=False).encode("gb18030")
    line = refusal(put(tmp_path, raw))
    assert line.startswith("text that is not UTF-8 (byte ") and "by its looks g" in line and "save it as UTF-8" in line


def test_a_line_that_cannot_be_read_costs_itself(tmp_path: Path) -> None:
    lines = [CHAT, b'{"messages": [', b"\xff\xfe{}", b"3", b"", b"\x1e" + OTHER, b"[" * 300, OTHER]
    data = load(put(tmp_path, b"\r\n".join(lines[:6]) + b"\n" + b"\n".join([OTHER, *lines[6:]])))
    assert isinstance(data, Lines)
    assert [data.where(n) for n in range(len(data))] == ["line 1", "line 6", "line 7", "line 9"]
    assert list(data.remarks) == [
        "line 2: broken JSON (EOF while parsing a list, column 14); left out",
        "line 3: broken JSON (expected value, column 1); left out",
        "line 4: broken JSON (neither an object nor a list, column 1); left out",
        "line 8: broken JSON (nested too deeply, column 202); left out",
    ]


def test_indented_values_that_follow_one_another_are_read_one_by_one(tmp_path: Path) -> None:
    one, two = (json.dumps(json.loads(raw), indent=2, ensure_ascii=False).encode() for raw in (CHAT, OTHER))
    assert texts(put(tmp_path, one + b"\n" + two + b"\n")) == ["Zürich", "Oslo"]
    assert texts(put(tmp_path, one + b"\n\x1e" + two)) == ["Zürich", "Oslo"]
    data = load(put(tmp_path, one + two))
    assert isinstance(data, Lines) and data.where(1) == "value 2"
    (session,) = formats.read(put(tmp_path, one + b"\n" + two[:-5]))
    assert session.warnings[-1] == "value 2: broken JSON; it and what follows are left out"
    assert "broken JSON (nested too deeply)" in refusal(put(tmp_path, b"[\n" * 300 + b"]" * 300 + b"\n{\n}"))


def test_json_in_a_string_is_taken_out_of_it(tmp_path: Path) -> None:
    assert texts(put(tmp_path, json.dumps(CHAT.decode()).encode())) == ["Zürich"]
    twice = json.dumps(json.dumps(CHAT.decode()))
    assert texts(put(tmp_path, twice.encode())) == ["Zürich"]
    assert "none of the known session formats (a string)" in refusal(put(tmp_path, json.dumps(twice).encode()))


def test_numbers_that_are_none_become_null(tmp_path: Path) -> None:
    data = load(put(tmp_path, b'[{"a": NaN, "b": [Infinity, -Infinity, 1e999, 1.5]}, NaN]'))
    assert data == [{"a": None, "b": [None, None, None, 1.5]}, None]
    assert loading.finite(float("nan")) is None


def test_surrogates_that_are_escaped_backslashes_stay(tmp_path: Path) -> None:
    assert load(put(tmp_path, rb'["\\ud800", "\ud800", "\ud83d\ude00", "\n\udc00x"]')) == [
        r"\ud800",
        "\N{REPLACEMENT CHARACTER}",
        "😀",
        "\n\N{REPLACEMENT CHARACTER}x",
    ]


def test_too_many_values_or_lines_are_refused_before_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "MAX_VALUES", 1000)
    assert "more than 1000 values - split" in refusal(put(tmp_path, b"[" + b"[]," * 2000 + b"1]"))
    monkeypatch.setattr(loading, "MAX_LINES", 100)
    assert "more than 100 lines - split" in refusal(put(tmp_path, b"1\n" * 200))


def test_what_is_no_regular_file_is_never_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert refusal(tmp_path / "pipe").startswith(
        "cannot be read (no regular file) - save what it gives to a file first"
    )
    assert "no regular file" in refusal(Path("/dev/zero"))
    assert refusal(Path("no\0name")).startswith("no name of a file")


KINDS = {
    b"%PDF-1.7": "a PDF document - export the conversation as JSON",
    b"GGUF\3\0\0\0": "a model file (GGUF) - choose a session file; the model is named with --model",
    b"\x80\x04\x95": "a Python pickle, which may run code and is never opened - save the data as JSON",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive - unpack it",
    b"x" * 257 + b"ustar": "a tar archive - unpack it",
    b"<!DOCTYPE html><p>": "a web page, but not JSON as every known session format is - export",
    b"<?xml version='1.0'?>": "XML or HTML, but not JSON",
    b"name,age\nIda,41\n": "a table, but none of the known session formats (1 row, the first an object with the keys",
    b"# Notes\n": "Markdown or YAML, but not JSON",
    b'{"nbformat": 4, "cells": []}': "JSON, by its looks a Jupyter notebook, and none of the known session formats",
    b'[{"client_msg_id": 1, "ts": "1"}]': "JSON, by its looks a Slack export, and none of the known",
}


@pytest.mark.parametrize("raw", KINDS)
def test_a_refusal_names_what_the_file_seems_to_be_and_what_to_do(tmp_path: Path, raw: bytes) -> None:
    assert refusal(put(tmp_path, raw)).startswith(KINDS[raw])


def test_lines_of_200_kilobytes_are_read_in_linear_time(tmp_path: Path) -> None:
    """Each of these took a nested repetition to its knees: one would now hang for hours."""
    hostile = [
        "1." + " " * 200_000 + "x",
        "a. " + "(" * 200_000,
        "." * 200_000,
        "D" * 200_000,
        " ." * 100_000,
        "?)" * 100_000,
    ]
    for text in hostile:
        rows: list[Any] = [
            {
                "context": text,
                "questions": [text],
                "answers": [text],
                "metadata": {"source": "factconsolidation_sh_6k"},
            },
            {
                "question": text,
                "answer": f"{text} is also acceptable.",
                "question_date": text,
                "haystack_dates": [text],
                "haystack_sessions": [[{"role": "user", "content": text}]],
            },
            {
                "conversation": {
                    "speaker_a": text,
                    "session_1_date_time": text,
                    "session_1": [{"speaker": "A", "text": text}],
                },
                "qa": [{"question": text, "answer": text, "category": 4, "evidence": text}],
            },
            {
                "messages": [
                    {"role": text, "content": text, "timestamp": text, "tool_calls": [{"function": {"name": text}}]}
                ]
            },
        ]
        for row in rows:
            assert texts(put(tmp_path, json.dumps([row]).encode()))


def test_remarks_are_counted_when_there_are_too_many(tmp_path: Path) -> None:
    rows = [{"messages": [{"role": "user", "content": ""} for _ in range(500)]}]
    (session,) = formats.read(put(tmp_path, json.dumps(rows).encode()))
    assert len(session.warnings) == limits.MAX_REMARKS + 1
    assert session.warnings[-1] == "401 more remarks of these kinds"


def test_an_error_line_is_bounded_whatever_it_quotes(tmp_path: Path) -> None:
    long = "x" * 1_000_000
    for data in ({long: 1}, [{"messages": [{"role": 1, long: long}]}], {"turns": [{long: 1}], "probes": []}, [long]):
        refusal(put(tmp_path, json.dumps(data).encode()))


def test_a_name_that_is_no_text_is_stored_as_text(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/na\xffme.json"))
    path.write_bytes(CHAT)
    (session,) = formats.read(path)
    assert session.name == "na\N{REPLACEMENT CHARACTER}me"
    json.dumps(session.to_json(), ensure_ascii=False).encode()


def test_a_closed_archive_is_let_go(tmp_path: Path) -> None:
    path = zipped(tmp_path, a_json=CHAT)
    formats.read(path)
    formats.recognise(path)
    with io.open(path, "r+b") as handle:  # noqa: UP020 - the handle itself is what is tried
        handle.truncate(0)
