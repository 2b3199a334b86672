"""How long a large log takes to open, and how much memory: ``mnemoscope bench read``.

50 MB of 20,000 turns in four shapes, each written and read by processes of their own: a process's peak of memory counts
that of the one which started it. Prints JSON.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

TURNS = 20_000
LETTERS = 2440
"""Of a turn: 20,000 of them are 50 MB."""
_REQUESTS = 5  # of a conversation, each with the history before it


def _texts(tail: str = "") -> Iterator[str]:
    """Texts of made-up words; the same every time."""
    rng = random.Random(1)
    words = ["".join(rng.choices("aeioubdfgklmnprstvz", k=rng.randrange(2, 9))) for _ in range(5000)]
    while True:
        yield " ".join(rng.choices(words, k=LETTERS // 6))[:LETTERS] + tail


def _messages(count: int, tail: str = "") -> Iterator[dict[str, Any]]:
    for n, text in zip(range(count), _texts(tail), strict=False):
        yield {"role": "assistant" if n % 2 else "user", "content": text, "timestamp": 1_714_557_600 + n}


def _json(out: IO[str]) -> None:
    json.dump({"messages": list(_messages(TURNS))}, out)


def _wide(out: IO[str]) -> None:
    """With a letter outside the basic plane in every turn: Python then keeps four bytes for each letter of it."""
    json.dump({"messages": list(_messages(TURNS, " 🦔"))}, out, ensure_ascii=False)


def _lines(out: IO[str]) -> None:
    for message in _messages(TURNS):
        out.write(json.dumps(message) + "\n")


def _log(out: IO[str]) -> None:
    """Requests with their responses, every one with the history before it."""
    texts = _texts()
    for talk in range(TURNS // (2 * _REQUESTS)):
        history: list[dict[str, Any]] = []
        for n in range(_REQUESTS):
            history = [*history, {"role": "user", "content": next(texts)[:800]}]
            answer = {"role": "assistant", "content": next(texts)[:800]}
            row = {"created": 1_714_557_600 + 100 * talk + n, "messages": history, "choices": [{"message": answer}]}
            out.write(json.dumps(row) + "\n")
            history = [*history, answer]


SHAPES: dict[str, Callable[[IO[str]], None]] = {"json": _json, "wide": _wide, "lines": _lines, "log": _log}


def read(path: Path) -> dict[str, Any]:
    """Read one file here, and say what it took."""
    from workbench.sessions import formats

    before = _peak()
    began, cpu = time.perf_counter(), time.process_time()
    sessions = formats.read(path)
    return {
        "megabytes": path.stat().st_size / 1e6,
        "sessions": len(sessions),
        "turns": sum(len(s.turns) for s in sessions),
        "seconds": time.perf_counter() - began,
        "cpu_seconds": time.process_time() - cpu,
        "peak_mib": _peak() >> 20,
        "empty_mib": before >> 20,
    }


def _peak() -> int:
    """The most memory that this process has had, in bytes."""
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most << 10


def run() -> dict[str, Any]:
    """All shapes, each in a process of its own."""
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in SHAPES:
            path = Path(folder) / f"{name}.json"
            _program("write", name, str(path))
            figures[name] = json.loads(_program("read", str(path)))
            path.unlink()
    return figures


def _program(*arguments: str) -> bytes:
    return subprocess.run([sys.executable, "-m", __spec__.name, *arguments], stdout=subprocess.PIPE, check=True).stdout


def main(arguments: list[str]) -> None:
    """What one of the processes does."""
    match arguments:
        case ["write", name, path]:
            with open(path, "w", encoding="utf-8") as out:
                SHAPES[name](out)
        case ["read", path]:
            print(json.dumps(read(Path(path))))
        case _:
            print(json.dumps(run(), indent=1))


if __name__ == "__main__":
    main(sys.argv[1:])
