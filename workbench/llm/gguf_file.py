"""A look into a GGUF file before llama.cpp sees it, so that a broken file is one clear line and not a crash.

Reads the header, the metadata and the tensor table only (GGUF specification, versions 2 and 3).
"""

from __future__ import annotations

import json
import mmap
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench import paths
from workbench.errors import MnemoscopeError, ModelError

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_FETCH_AGAIN = "get the file again; it is incomplete or damaged"
FORMS = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S", 12: "Q3_K_M",
    13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS", 20: "IQ2_XS",
    21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S",
    29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0", 37: "TQ2_0",
}  # fmt: skip
"""``general.file_type`` (llama.cpp's ``llama_ftype``): how most of the weights are stored."""


@dataclass(frozen=True, slots=True)
class GGUFHeader:
    """What the header says. ``metadata`` leaves out arrays (vocabularies are large); ``tensors`` counts them."""

    path: Path
    version: int
    tensors: int
    metadata: dict[str, Any]

    @property
    def architecture(self) -> str:
        """``general.architecture``, "" when the file does not name one."""
        return str(self.metadata.get("general.architecture", ""))

    @property
    def title(self) -> str:
        """What one calls the model: base name, size and quantisation where the file tells them, else its name.

        ``general.name`` of converted checkpoints is often the whole history of a training.
        """
        known = self.metadata.get
        base, size = known("general.basename"), known("general.size_label")
        if not base or not size:
            return str(known("general.name") or self.path.stem)
        return " ".join(map(str, filter(None, (base, size, FORMS.get(known("general.file_type", -1))))))

    def of_architecture(self, key: str, default: Any = None) -> Any:
        """Metadata under the architecture's own prefix: ``of_architecture("block_count")``."""
        return self.metadata.get(f"{self.architecture}.{key}", default)


class _Cursor:
    def __init__(self, data: mmap.mmap, path: Path) -> None:
        self.data, self.path, self.at = data, path, 0

    def take(self, form: str) -> Any:
        try:
            (value,) = struct.unpack_from("<" + form, self.data, self.at)
        except struct.error as error:
            raise _broken(self.path, "it ends inside the header") from error
        self.at += struct.calcsize("<" + form)
        return value

    def text(self) -> str:
        size = self.take("Q")
        self.skip(size)
        return self.data[self.at - size : self.at].decode("utf-8", "replace")

    def skip(self, size: int) -> None:
        self.at += size
        if self.at > len(self.data):
            raise _broken(self.path, "it ends inside the header")

    def value(self, kind: int, depth: int = 0) -> Any:
        if kind == _STRING:
            return self.text()
        if kind == _ARRAY:
            self.skip_array(depth)
            return None
        if kind not in _SCALARS:
            raise _broken(self.path, f"its metadata has a value of unknown type {kind}")
        return self.take(_SCALARS[kind])

    def skip_array(self, depth: int) -> None:
        kind, count = self.take("I"), self.take("Q")
        if depth > 3:
            raise _broken(self.path, "its metadata has arrays of arrays of arrays")
        if kind in _SCALARS:
            self.skip(struct.calcsize("<" + _SCALARS[kind]) * count)
            return
        for _ in range(count):
            if kind == _STRING:
                self.skip(self.take("Q"))
            else:
                self.value(kind, depth + 1)


def _broken(path: Path, why: str) -> ModelError:
    return ModelError(f"{path} cannot be used as a model: {why}", _FETCH_AGAIN)


def read_header(path: Path) -> GGUFHeader:
    """Read and check a GGUF: magic, version, metadata, and that the file is as long as its tensor table says.

    Raises:
        ModelError: when the file is absent, is no GGUF, or is truncated; the line says which.
    """
    if not path.is_file():
        raise ModelError(f"no model file {path}", "check the path, or choose the bundled model `demo`")
    size = path.stat().st_size
    if size < 24:
        raise _broken(path, f"it has only {size} bytes")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return _parse(_Cursor(data, path), size)


def _parse(cursor: _Cursor, size: int) -> GGUFHeader:
    path = cursor.path
    if cursor.data[:4] != b"GGUF":
        raise ModelError(f"{path} is not a GGUF file", "choose a file that ends in .gguf")
    cursor.skip(4)
    version = cursor.take("I")
    if version not in (2, 3):
        endian = version & 0xFFFF == 0
        raise _broken(path, "it is big-endian" if endian else f"GGUF version {version} is not supported (2 and 3 are)")
    tensors, pairs = cursor.take("Q"), cursor.take("Q")
    metadata = {}
    for _ in range(pairs):
        key, kind = cursor.text(), cursor.take("I")
        value = cursor.value(kind)
        if value is not None:
            metadata[key] = value
    end = _tensor_end(cursor, tensors)
    alignment = metadata.get("general.alignment", 32)
    if not isinstance(alignment, int) or not 0 < alignment <= 1 << 20:
        raise _broken(path, f"its alignment is {str(alignment)[:20]}")
    start = -(-cursor.at // alignment) * alignment
    if tensors and size < start + end:
        raise _broken(path, f"it is truncated ({size:,} of {start + end:,} bytes)")
    return GGUFHeader(path, version, tensors, metadata)


def _tensor_end(cursor: _Cursor, tensors: int) -> int:
    from gguf import GGML_QUANT_SIZES

    sizes = {int(kind): pair for kind, pair in GGML_QUANT_SIZES.items()}
    end = 0
    for _ in range(tensors):
        name, dims = cursor.text(), cursor.take("I")
        if dims > 4:
            raise _broken(cursor.path, f"tensor {name} has {dims} dimensions")
        elements = 1
        for _ in range(dims):
            elements *= cursor.take("Q")
        kind, offset = cursor.take("I"), cursor.take("Q")
        if kind not in sizes:
            raise ModelError(
                f"{cursor.path}: tensor {name} has the unknown type {kind}", "choose a file with a common quantization"
            )
        block, width = sizes[kind]
        end = max(end, offset + elements // block * width)
    return end


def sha256(path: Path) -> str:
    """Hex digest of the file, remembered by path, size and modification time in the user's cache folder."""
    import hashlib

    def compute() -> str:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    return remembered(path, "model-hashes.json", compute)


def remembered(path: Path, name: str, compute: Callable[[], str]) -> str:
    """What was found out about a file, until it changes; kept in the file ``name`` of the user's cache folder."""
    stat = path.stat()
    key = f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}"
    try:
        store = paths.user_cache() / name
    except MnemoscopeError:
        return compute()  # nowhere to keep it: that costs a second each time, nothing else
    known = _read_store(store)
    if key not in known:
        known[key] = compute()
        _write_store(store, known)
    return known[key]


def _read_store(store: Path) -> dict[str, str]:
    try:
        return dict(json.loads(store.read_text("utf-8")))
    except (OSError, ValueError):
        return {}  # a cache: absent or damaged means that hashes are computed again


def _write_store(store: Path, known: dict[str, str]) -> None:
    part = store.with_name(f"{store.name}.{os.getpid()}")
    try:
        part.write_text(json.dumps(known, indent=1), "utf-8")
        part.replace(store)
    except OSError:
        part.unlink(missing_ok=True)  # a cache that cannot be kept costs a second next time, nothing else
