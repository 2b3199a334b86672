"""What is mutated: a file of every format. Samples of docs/formats.md, and cases beside the checkout where they lie."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("MNEMOSCOPE_SHARED") or ROOT.parent / "shared")
LARGEST = 40_000
"""Bytes of a seed: larger files are cut to their first rows, so that a mutant takes milliseconds."""


def seeds(shared: bool = True) -> dict[str, bytes]:
    """Seeds by name, always in the same order.

    Args:
        shared: also the cases and the first rows of the real data, when they lie beside the checkout, and Parquet,
            each mutant of which takes a process.
    """
    found = dict(_samples())
    found["mem0.db"] = _history()
    if shared:
        found |= _parquet() | dict(_cases())
    return found


def _samples() -> Iterator[tuple[str, bytes]]:
    for page in ("formats.md", "session-format.md"):
        text = (ROOT / "docs" / page).read_text("utf-8")
        for n, (kind, sample) in enumerate(re.findall(r"^```(jsonl?)\n(.+?)^```", text, re.M | re.S)):
            yield f"{page}-{n}.{kind}", sample.encode()


def _cases() -> Iterator[tuple[str, bytes]]:
    for path in sorted((SHARED / "cases").glob("*.*")):
        if path.suffix != ".md" and not path.name.startswith(("F1", "K1", "L1")):
            yield path.name, path.read_bytes()[:LARGEST]
    for path in sorted((SHARED / "data").glob("*/*.*")):
        if path.suffix in (".json", ".af"):
            yield path.name, _head(path.read_bytes())
        elif path.suffix == ".eval":
            yield path.name, path.read_bytes()


def _head(raw: bytes) -> bytes:
    """The first rows of a list, the first members of its lists and objects, until it is small."""
    data = json.loads(raw)
    keep = 64
    while len(text := json.dumps(data, ensure_ascii=False).encode()) > LARGEST and keep > 1:
        keep //= 2
        data = _cut(data, keep)
    return text[:LARGEST]


def _cut(data: object, keep: int) -> object:
    if isinstance(data, list):
        return [_cut(v, keep) for v in data[:keep]]
    if isinstance(data, dict):
        return {k: _cut(v, keep) for k, v in list(data.items())[: keep * 2]}
    return data[: keep * 100] if isinstance(data, str) else data


def _history() -> bytes:
    """A Mem0 history with one fact that was added and one that was changed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.db"
        connection = sqlite3.connect(path)
        connection.execute(
            "CREATE TABLE history (id TEXT PRIMARY KEY, memory_id TEXT, old_memory TEXT, new_memory TEXT, event TEXT,"
            " created_at DATETIME, updated_at DATETIME, is_deleted INTEGER)"
        )
        rows = [
            ("1", "m", None, "Lives in Oslo", "ADD", "2025-03-01T10:00:00-08:00", None, 0),
            ("2", "m", "Lives in Oslo", "Lives in Lima", "UPDATE", "2025-03-02T10:00:00-08:00", None, 0),
        ]
        connection.executemany("INSERT INTO history VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        connection.commit()
        connection.close()
        return path.read_bytes()


def _parquet() -> dict[str, bytes]:
    """A MemoryAgentBench row as Parquet, where the optional library is installed."""
    try:
        from arro3.core import Array, DataType, Table, list_array
        from arro3.io import write_parquet
    except ImportError:
        return {}
    text, one = DataType.utf8(), Array([0, 1], DataType.int32())
    columns = {
        "context": Array(["0. Ida keeps a kiosk.\n1. Ida keeps a boat.\n"], text),
        "questions": list_array(one, Array(["What does Ida keep?"], text)),
        "answers": list_array(one, list_array(one, Array(["a boat"], text))),
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "split.parquet"
        write_parquet(Table.from_pydict(columns), str(path))
        return {"split.parquet": path.read_bytes()}
