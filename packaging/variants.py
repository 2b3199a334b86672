"""llama.cpp's libraries, one for each generation of processors: which of them run here, and what is in the others."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

VARIANT = re.compile(r"ggml-cpu-(\w+)\.")
# What a variant's machine code must hold and what it must not: a processor ends the program at the first that it lacks.
_SSE, _AVX, _AVX2 = (), ("ymm",), ("ymm", "fma")
_AVX512 = (*_AVX2, "zmm")
HOLDS = {
    **dict.fromkeys(("x64", "sse42"), _SSE),
    **dict.fromkeys(("sandybridge", "ivybridge"), _AVX),
    **dict.fromkeys(("piledriver", "haswell"), _AVX2),
    "alderlake": (*_AVX2, "vnni"),
    **dict.fromkeys(("skylakex", "cannonlake"), _AVX512),
    **dict.fromkeys(("cascadelake", "icelake"), (*_AVX512, "vnni")),
    **dict.fromkeys(("cooperlake", "zen4"), (*_AVX512, "vnni", "bf16")),
    "sapphirerapids": (*_AVX512, "vnni", "bf16", "amx"),
}
_SIGNS = {
    "ymm": re.compile(rb"%ymm"),
    "zmm": re.compile(rb"%zmm"),
    "fma": re.compile(rb"\tvfn?m(add|sub)\d?"),
    "vnni": re.compile(rb"vpdp(bus|wss)ds?"),
    "bf16": re.compile(rb"vdpbf16ps|vcvtne2?ps2bf16"),
    "amx": re.compile(rb"\ttdpb|tileloadd"),
}
_SCORE = """
import ctypes, sys
for base in sys.argv[2:]:
    ctypes.CDLL(base, ctypes.RTLD_GLOBAL)
print(ctypes.CDLL(sys.argv[1]).ggml_backend_score())
"""


def score(variant: Path) -> int:
    """How well one of llama.cpp's libraries suits this processor, by its own account; 0 when it cannot run here.

    Raises:
        OSError: when the library cannot be loaded.
    """
    bases = [str(path) for path in sorted(variant.parent.glob("*ggml-base*"))]
    done = subprocess.run([sys.executable, "-c", _SCORE, str(variant), *bases], capture_output=True, text=True)
    if done.returncode:
        raise OSError(f"{variant.name} cannot be loaded: {done.stderr.strip()[-300:]}")
    return int(done.stdout)


def instructions(library: Path) -> tuple[str, ...] | None:
    """Which of the instruction sets of ``HOLDS`` the machine code uses; None without ``objdump``."""
    if not shutil.which("objdump"):
        return None
    command = ["objdump", "--disassemble", "--no-show-raw-insn", str(library)]
    code = subprocess.run(command, capture_output=True, check=True).stdout
    return tuple(name for name, sign in _SIGNS.items() if sign.search(code))


def wrong(name: str, found: tuple[str, ...]) -> str:
    """What a variant's machine code has too much or too little; empty when it is as it should be."""
    wanted = set(HOLDS.get(name, found))
    missing, extra = wanted - set(found), set(found) - wanted
    said = [f"no {', '.join(sorted(missing))}"] if missing else []
    return f"{name} has {' and '.join([*said, *sorted(extra)])}" if missing or extra else ""
