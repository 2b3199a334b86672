"""What a file is by its first bytes: compressed streams are unpacked within bounds, what is no text is named."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from backports.zstd import ZstdError, ZstdFile

from workbench.errors import SessionFormatError
from workbench.sessions.formats.limits import MAX_BYTES

HEAD = 512
"""Bytes that ``kind`` looks at."""
_EXPORT = "export the conversation as JSON and choose that file"
_UNPACK = "unpack it and choose the session file in it"
_OPENED: dict[bytes, str] = {
    b"PK\3\4": "zip",
    b"PK\5\6": "zip",
    b"SQLite format 3\0": "sqlite",
    b"PAR1": "parquet",
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
}
_NAMED: dict[bytes, tuple[str, str]] = {
    b"7z\xbc\xaf\x27\x1c": ("a 7z archive", _UNPACK),
    b"Rar!": ("a RAR archive", _UNPACK),
    b"\x1f\x9d": ("a file packed by compress", _UNPACK),
    b"\x04\x22\x4d\x18": ("a file packed by LZ4", _UNPACK),
    b"%PDF": ("a PDF document", _EXPORT),
    b"\x89PNG": ("a PNG picture", _EXPORT),
    b"\xff\xd8\xff": ("a JPEG picture", _EXPORT),
    b"GIF8": ("a GIF picture", _EXPORT),
    b"GGUF": ("a model file (GGUF)", "choose a session file; the model is named with --model"),
    b"\x89HDF": ("an HDF5 file", _EXPORT),
    b"ARROW1": ("an Arrow file", "save it as Parquet or JSON Lines"),
    b"\xff\xff\xff\xff": ("an Arrow stream", "save it as Parquet or JSON Lines"),
    b"\xd0\xcf\x11\xe0": ("an old Office document", _EXPORT),
    b"\x7fELF": ("a program", "choose a session file"),
    b"\x80\x02": ("a Python pickle, which may run code and is never opened", "save the data as JSON"),
    b"\x80\x03": ("a Python pickle, which may run code and is never opened", "save the data as JSON"),
    b"\x80\x04": ("a Python pickle, which may run code and is never opened", "save the data as JSON"),
    b"\x80\x05": ("a Python pickle, which may run code and is never opened", "save the data as JSON"),
}
_TAR = slice(257, 262)


def kind(head: bytes) -> str:
    """``zip``, ``sqlite``, ``parquet``, a name in ``STREAMS``, or empty for what may be text.

    Raises ``SessionFormatError`` for what is neither and known by its first bytes.
    """
    for magic, name in _OPENED.items():
        if head.startswith(magic):
            return name
    if head[_TAR] == b"ustar":
        raise SessionFormatError("a tar archive", _UNPACK)
    for magic, (what, remedy) in _NAMED.items():
        if head.startswith(magic):
            raise SessionFormatError(what, remedy)
    return ""


def _zstd(source: Path | IO[bytes]) -> Any:
    return ZstdFile(source)


def _xz(source: Path | IO[bytes]) -> IO[bytes]:
    return lzma.open(source)


STREAMS: dict[str, Callable[[Any], Any]] = {"gzip": gzip.open, "bzip2": bz2.open, "xz": _xz, "zstd": _zstd}
"""Compressed streams, each with what opens one."""


def unpacked_bytes(raw: bytes) -> bytes:
    """What compressed bytes hold; themselves when they are not compressed. Raises as ``unpacked``."""
    name = kind(raw[:HEAD])
    return unpacked(io.BytesIO(raw), name) if name in STREAMS else raw


def unpacked(source: Path | IO[bytes], name: str) -> bytes:
    """What a compressed stream holds, at most ``MAX_BYTES``. Raises ``SessionFormatError``."""
    try:
        with STREAMS[name](source) as handle:
            raw: bytes = handle.read(MAX_BYTES + 1)
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, ZstdError) as error:
        raise SessionFormatError(f"a damaged {name} file ({error})", "pack or download it again") from error
    except MemoryError as error:
        raise SessionFormatError(f"a {name} file that wants too much memory", _UNPACK) from error
    if len(raw) > MAX_BYTES:
        raise SessionFormatError(
            f"a {name} file that unpacks to more than {MAX_BYTES >> 20} MiB", "split the file into several"
        )
    inner = kind(raw[:HEAD])
    if inner:
        raise SessionFormatError(f"{'an' if inner[0] in 'aeio' else 'a'} {inner} file inside a {name} file", _UNPACK)
    return raw


def not_utf8(raw: bytes, at: int) -> tuple[str, str]:
    """What bytes that are no UTF-8 are, and what to do about it."""
    from charset_normalizer import from_bytes

    if b"\0" in raw[:4096]:
        return f"neither JSON nor UTF-8 text (byte {at})", "choose a session file"
    found = from_bytes(raw[: 1 << 16]).best()
    if found is None or found.encoding in ("utf_8", "ascii"):
        return f"neither JSON nor UTF-8 text (byte {at})", "choose a session file"
    name = found.encoding.replace("_", "-")
    return f"text that is not UTF-8 (byte {at}), by its looks {name}", "save it as UTF-8"


def text_kind(raw: bytes) -> tuple[str, str]:
    """What a text that is not JSON looks like, and what to do with it where that is known."""
    head = raw[:2048].lstrip().lower()
    if head.startswith((b"<!doctype html", b"<html")):
        return "a web page", "export the conversation as JSON in place of saving the page"
    if head.startswith(b"<"):
        return "XML or HTML", ""
    if head.startswith((b"# ", b"---\n", b"## ", b"**")):
        return "Markdown or YAML", ""
    return "text", ""
