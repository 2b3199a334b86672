"""llama.cpp, loaded once and only when it is needed: log, devices, and the ggml tensor layout that capture relies on.

``llama_cpp`` binds no ggml tensor functions, so they are taken from ``libggml-base`` itself. The layout of
``struct ggml_tensor`` is internal to ggml and is checked against the library before anything reads through it.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys
from collections import deque
from functools import cache
from pathlib import Path
from typing import Any

from workbench.errors import ModelError

MAX_DIMS, MAX_SRC, MAX_NAME = 4, 10, 64
OBJECT_SIZE = 32
"""Bytes of ``struct ggml_object``, which ``ggml_tensor_overhead()`` counts on top of the tensor."""


class Tensor(ctypes.Structure):
    """``struct ggml_tensor`` of ggml 0.25 on 64-bit machines (ggml.h)."""

    _fields_ = (
        ("type", ctypes.c_int32),
        ("buffer", ctypes.c_void_p),
        ("ne", ctypes.c_int64 * MAX_DIMS),
        ("nb", ctypes.c_size_t * MAX_DIMS),
        ("op", ctypes.c_int32),
        ("op_params", ctypes.c_int32 * 16),
        ("flags", ctypes.c_int32),
        ("src", ctypes.c_void_p * MAX_SRC),
        ("view_src", ctypes.c_void_p),
        ("view_offs", ctypes.c_size_t),
        ("data", ctypes.c_void_p),
        ("name", ctypes.c_char * MAX_NAME),
        ("extra", ctypes.c_void_p),
        ("padding", ctypes.c_char * 8),
    )


_ABORT = ctypes.CFUNCTYPE(None, ctypes.c_char_p)
_BEFORE_ABORT = 6  # lines of the log among which an error tells why the process ends

OP_OFFSET = Tensor.op.offset
NAME_OFFSET = Tensor.name.offset


class Library:
    """The loaded library. Get it by :func:`library`.

    Attributes:
        C: the ctypes bindings ``llama_cpp.llama_cpp``.
        base: ``libggml-base`` with the functions that the bindings lack.
        log: the last lines llama.cpp wrote; nothing of it reaches standard error.
        folder: where its shared libraries lie.
        layout_error: why tensors cannot be read, or "" when the layout check passed.
    """

    def __init__(self) -> None:
        self.log: deque[str] = deque(maxlen=400)
        self._pending = ""
        try:
            import llama_cpp
        except (ImportError, OSError, RuntimeError) as error:
            raise ModelError(f"llama_cpp cannot be loaded: {error}", _remedy()) from error
        self.version: str = llama_cpp.__version__
        self.C: Any = llama_cpp.llama_cpp
        self.folder = library_folder(Path(llama_cpp.__file__))
        self._check_processor()
        self._callback = self.C.llama_log_callback(self._on_log)  # kept alive as long as the library
        self.C.llama_log_set(self._callback, ctypes.c_void_p(0))
        self.C.llama_backend_init()
        self.base = _bind_base(self._loaded("ggml-base"))
        self._last_words = _ABORT(self._on_abort)  # as long as the library
        self.base.ggml_set_abort_callback(self._last_words)
        self._registry = _bind_registry(self._loaded("ggml"))
        self._load_backends()
        self.ops = {self.base.ggml_op_name(i).decode(): i for i in range(60)}
        self.layout_error = self._check_layout()

    def _check_processor(self) -> None:
        """Before anything computes: the first instruction that the processor lacks would end the process."""
        present = processor_flags()
        lacking = [name for name in _NEEDS if present and self._built_with(name) and _NEEDS[name] not in present]
        if lacking:
            what = f"llama.cpp was built for a processor with {', '.join(lacking).upper()}, which this one lacks"
            raise ModelError(what, _remedy("run `make setup` again on this machine"))

    def _built_with(self, name: str) -> bool:
        try:
            return bool(getattr(self._loaded("ggml"), f"ggml_cpu_has_{name}")())
        except AttributeError:
            return False  # a build with run-time dispatch asks the processor itself

    def _loaded(self, stem: str) -> ctypes.CDLL:
        """A library that llama.cpp has loaded already, by llama.cpp's own handle, which finds what it is linked with.

        Opened by its path it would be loaded once more where that is another file than the one linked with (wheels hold
        copies under three names), with a registry of devices that llama.cpp knows nothing of. Windows looks up no
        dependencies, and knows a library by its name.
        """
        path = str(self.folder / _file_name(stem))
        return ctypes.CDLL(path) if sys.platform == "win32" else ctypes.CDLL(path, handle=self.C._lib._handle)

    def _load_backends(self) -> None:
        """In a build with run-time dispatch what computes are libraries of their own: the best for this processor.

        Named by their folder, since ggml would otherwise look for them in the current one, too.
        """
        registry = self._registry
        if registry.ggml_backend_dev_count() == 0:
            registry.ggml_backend_load_all_from_path(os.fsencode(self.folder))
        if registry.ggml_backend_dev_count() == 0:
            raise ModelError(f"llama.cpp finds nothing to compute with in {self.folder}", _remedy())

    def instructions(self) -> list[str]:
        """Names of the instruction sets that are computed with, as ggml calls them (``AVX2``)."""
        told = self.C.llama_print_system_info().decode("utf-8", "replace")
        return [name for name, value in re.findall(r"(\w+) = (\d+)", told) if value != "0" and name.isupper()]

    def _on_log(self, _level: int, text: bytes | None, _data: Any) -> None:
        self._pending += (text or b"").decode("utf-8", "replace")
        *lines, self._pending = self._pending.split("\n")
        self.log.extend(line for line in lines if line.strip(" ."))

    def _on_abort(self, message: bytes | None) -> None:
        """llama.cpp ends the process: the reason to standard error, in short.

        Its own way runs a debugger where there is one, whose pages bury the reason; and what it logged before (that a
        GPU is out of memory, for one) is nowhere but in the log.
        """
        before = [line for line in list(self.log)[-_BEFORE_ABORT:] if "error" in line.lower()]
        said = "\n".join([*before, (message or b"").decode("utf-8", "replace"), ""])
        os.write(2, said.encode("utf-8", "replace"))

    def reason(self) -> str:
        """The log line that tells best why something failed since the log was cleared; "" when there is none."""
        for sign in ("error", "failed", "unable", "requires"):
            found = [line.strip() for line in self.log if sign in line.lower()]
            if found:
                return found[0]
        return ""

    def _check_layout(self) -> str:
        if ctypes.sizeof(ctypes.c_void_p) != 8:
            return "this is not a 64-bit build"
        if self.base.ggml_tensor_overhead() != ctypes.sizeof(Tensor) + OBJECT_SIZE:
            return f"the tensor layout of llama-cpp-python {self.version} is unknown"
        return "" if {"SOFT_MAX", "SET_ROWS"} <= self.ops.keys() else "this ggml lacks SOFT_MAX or SET_ROWS"

    def check_tensor(self, address: int) -> str:
        """Compare one live tensor with what ggml itself says about it; "" when they agree."""
        tensor = Tensor.from_address(address)
        size = tensor.nb[MAX_DIMS - 1] * tensor.ne[MAX_DIMS - 1]
        same = ctypes.string_at(address + NAME_OFFSET) == self.base.ggml_get_name(address)
        if same and self.base.ggml_nbytes(address) == size:
            return ""
        return f"the tensor layout of llama-cpp-python {self.version} is unknown"

    def devices(self) -> list[tuple[str, str, bool]]:
        """Every compute device as (name, description, is a GPU), in ggml's order."""
        found = []
        for index in range(self._registry.ggml_backend_dev_count()):
            device = self._registry.ggml_backend_dev_get(index)
            name = self.base.ggml_backend_dev_name(device).decode("utf-8", "replace")
            about = self.base.ggml_backend_dev_description(device).decode("utf-8", "replace")
            found.append((name, about.strip(), self.base.ggml_backend_dev_type(device) in (1, 2)))
        return found


def library_folder(package: Path) -> Path:
    """Where llama.cpp's shared libraries lie: ``LLAMA_CPP_LIB_PATH``, else beside the bindings.

    Args:
        package: the file ``llama_cpp/__init__.py``; the bindings follow the same variable.
    """
    own = os.environ.get("LLAMA_CPP_LIB_PATH")
    return package.parent / "lib" if own is None else Path(own)


_NEEDS = {
    "avx": "avx",
    "avx2": "avx2",
    "fma": "fma",
    "f16c": "f16c",
    "bmi2": "bmi2",
    "avx512": "avx512f",
    "avx512_vbmi": "avx512vbmi",
    "avx512_vnni": "avx512_vnni",
    "avx512_bf16": "avx512_bf16",
    "amx_int8": "amx_int8",
}
"""What ggml says that it was built with (``ggml_cpu_has_…``), and the flag of a processor that has it."""


def processor_flags() -> frozenset[str]:
    """The instruction sets of this x86 processor in Linux's words; empty where the system does not tell."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as lines:
            found = next((line for line in lines if line.startswith("flags")), "")
    except OSError:
        return frozenset()
    return frozenset(found.partition(":")[2].split())


def _remedy(own: str = 'run `make run`, or pip install "mnemoscope[llama]"') -> str:
    """What to do when llama.cpp does not load; ``own`` where it is the environment's own."""
    named = os.environ.get("LLAMA_CPP_LIB_PATH")
    if named is not None:
        wanted = "LLAMA_CPP_LIB_PATH must name the folder of a build for llama-cpp-python 0.3.36"
        return f"{wanted}, and names {named or 'none'}; unset it for the own one"
    if getattr(sys, "frozen", False):
        return "unpack Mnemoscope again"
    return f"{own}; recorded runs open without it"


def _file_name(stem: str) -> str:
    if sys.platform == "win32":
        return f"{stem}.dll"
    return f"lib{stem}.dylib" if sys.platform == "darwin" else f"lib{stem}.so"


def _bind_base(lib: ctypes.CDLL) -> Any:
    pointer, size = ctypes.c_void_p, ctypes.c_size_t
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "ggml_get_name": (ctypes.c_char_p, [pointer]),
        "ggml_nbytes": (size, [pointer]),
        "ggml_op_name": (ctypes.c_char_p, [ctypes.c_int]),
        "ggml_tensor_overhead": (size, []),
        "ggml_set_abort_callback": (pointer, [_ABORT]),
        "ggml_backend_buffer_is_host": (ctypes.c_bool, [pointer]),
        "ggml_backend_buffer_name": (ctypes.c_char_p, [pointer]),
        "ggml_backend_tensor_get": (None, [pointer, pointer, size, size]),
        "ggml_backend_tensor_set": (None, [pointer, pointer, size, size]),
        "ggml_backend_dev_name": (ctypes.c_char_p, [pointer]),
        "ggml_backend_dev_description": (ctypes.c_char_p, [pointer]),
        "ggml_backend_dev_type": (ctypes.c_int, [pointer]),
    }
    return _bind(lib, signatures)


def _bind_registry(lib: ctypes.CDLL) -> Any:
    return _bind(
        lib,
        {
            "ggml_backend_dev_count": (ctypes.c_size_t, []),
            "ggml_backend_dev_get": (ctypes.c_void_p, [ctypes.c_size_t]),
            "ggml_backend_load_all_from_path": (None, [ctypes.c_char_p]),
        },
    )


def _bind(lib: ctypes.CDLL, signatures: dict[str, tuple[Any, list[Any]]]) -> Any:
    for name, (result, arguments) in signatures.items():
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments
    return lib


@cache
def library() -> Library:
    """Load llama.cpp, once per process.

    Raises:
        ModelError: when ``llama_cpp`` is not installed or does not load.
    """
    return Library()
