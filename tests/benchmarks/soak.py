"""A very long run: does it stay as fast and as small as it began?

``python -m tests.benchmarks.soak [--turns 10000] [--model demo] [--out FILE.mnemo] [--lane SPEC …]`` prints JSON: for
every tenth of the session the memory of the process in MiB (its median: an answer takes more while it is written) and
the processor's milliseconds a turn took (all lanes), and for every lane its own milliseconds a turn. ``growth``: the
most memory of any later tenth over that of the second, less one. Without a model, what is measured is everything else.
Every turn says something of its own.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections import deque
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from tests.support.backends import ScriptedBackend
from tests.support.traces import session
from workbench.engine import run as engine
from workbench.engine.config import RunConfig
from workbench.engine.protocol import Progress
from workbench.llm.counts import TokenCounts
from workbench.sessions.model import Session
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader

LANES = ("full", "window", "bm25", "dense", "hybrid", "a-mem", "mem0", "memoryos")
PARTS = 10


class Watch:
    """Notes memory, the median of its sizes, and processor time of every tenth of the turns."""

    def __init__(self, turns: int) -> None:
        self._step, self._process = turns / PARTS, psutil.Process()
        self._last, self._sizes = time.process_time(), list[int]()
        self.parts: list[dict[str, Any]] = []

    def __call__(self, progress: Progress) -> None:
        """Called after each step of the run, at most 30 times a second."""
        self._sizes.append(self._process.memory_info().rss)
        if progress.done >= progress.total * (len(self.parts) + 1) / PARTS:
            now, size = time.process_time(), statistics.median(self._sizes) / 2**20
            took = 1000 * (now - self._last) / self._step
            self.parts.append({"done": progress.done, "mib": round(size, 1), "ms_per_turn": round(took, 2)})
            self._last, self._sizes = now, []
            print(self.parts[-1], file=sys.stderr, flush=True)


def soak(turns: int, out: Path, lanes: tuple[str, ...], model: str = "") -> dict[str, Any]:
    """Run and measure; without a model, a double answers and embeds."""
    file = out.with_suffix(".json")
    file.write_text(json.dumps(diary(turns).to_json()))
    watch = Watch(turns)
    if not model:
        engine._open = lambda _: double()  # type: ignore[assignment]
    of_model = {"model": model, "threads": 1} if model else {"embedder": "hash"}
    engine.run(RunConfig((file,), lanes, out=out, capture="off", **of_model), watch)  # type: ignore[arg-type]
    sizes = [part["mib"] for part in watch.parts]
    settled = sizes[1] if len(sizes) > 2 else sizes[0]
    return {
        "turns": turns,
        "model": model,
        "parts": watch.parts,
        "growth": round(max(sizes[2:], default=settled) / settled - 1, 4),
        "bytes_per_turn": round(out.stat().st_size / turns),
        "lanes": by_lane(out, turns),
    }


def diary(turns: int) -> Session:
    """A session of which no turn says what another one says, in a vocabulary that does not grow."""
    plan = session(turns, max(1, turns // 100))
    words = "red blue green old new small large heavy light round flat long short warm cold dry soft hard clean dark"
    odd = words.split()

    def box(number: int) -> str:
        return " ".join(odd[number // len(odd) ** place % len(odd)] for place in range(4))

    return replace(plan, turns=tuple(replace(t, text=f"{t.text} The {box(t.index)} box is here.") for t in plan.turns))


def double() -> ScriptedBackend:
    """A backend that holds on to nothing."""
    backend = ScriptedBackend(limit=200_000)
    backend.calls = deque(maxlen=1)  # type: ignore[assignment]  # else the double keeps every prompt
    backend.count_tokens = TokenCounts(backend.count_tokens)  # type: ignore[method-assign]  # as that of llama.cpp does
    return backend


def by_lane(path: Path, turns: int) -> dict[str, list[float]]:
    """Median milliseconds of a turn in each tenth, by lane."""
    with TraceReader(path) as reader:
        found = {}
        for lane in reader.lanes():
            parts: list[list[float]] = [[] for _ in range(PARTS)]
            for event in reader.events(1, lane.id, (Kind.TURN_CLOSED,)):
                parts[min(PARTS - 1, event.turn * PARTS // turns)].append(event.ms)
            found[lane.name] = [round(sorted(p)[len(p) // 2], 2) for p in parts if p]
        return found


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=10_000)
    parser.add_argument("--model", default="", metavar="demo|FILE")
    parser.add_argument("--lane", action="append", metavar="SPEC")
    parser.add_argument("--out", type=Path, metavar="FILE.mnemo")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        out = options.out or Path(folder) / "soak.mnemo"
        print(json.dumps(soak(options.turns, out, tuple(options.lane or LANES), options.model), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
