"""Turns per second of our lanes together against Mem0's own package, on one model.

``python -m tests.benchmarks.bench_official FILE --model GGUF --out DIR [--turns 8] [--threads N]`` replays the first
turns of the file's first conversation through the lane on ``mem0ai`` (extra ``official``), then through ours all
together, each into a run file in DIR, and prints both speeds and their ratio. What was done and how long each step took
is kept in DIR, so that the same command goes on where it was stopped.

The official prompt has 8,600 tokens, so the context is 10,240 for both. Seconds of processor are what all threads took;
they are compared as well, since a machine that does other things beside makes seconds on the clock worth little.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.bench_operations import beginning
from workbench.engine.config import RunConfig
from workbench.engine.protocol import Progress
from workbench.engine.run import run
from workbench.sessions import formats

OFFICIAL = f"{Path(__file__).resolve().parents[2] / 'official' / 'mem0_lane.py'}:OfficialMem0"
LANES = {"official": (OFFICIAL,), "ours": ("mem0", "mem0-v3", "a-mem", "full")}


class Clock:
    """Seconds on the clock and of processor between steps, added to a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = time.perf_counter(), time.process_time()

    def step(self, progress: Progress) -> None:
        """A step is done."""
        now = time.perf_counter(), time.process_time()
        row = {"done": progress.done, "wall": now[0] - self._at[0], "cpu": now[1] - self._at[1], "note": progress.note}
        self._at = now
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print(f"{self._path.stem}: {progress.done} of {progress.total}, {row['cpu']:.1f} s of processor", flush=True)


def spent(path: Path) -> tuple[float, float]:
    """Seconds on the clock and of processor of all steps in a file."""
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return sum(row["wall"] for row in rows), sum(row["cpu"] for row in rows)


def speeds(out: Path, turns: int) -> list[str]:
    """The lines of the comparison."""
    lines, seconds = [], {}
    for name, lanes in LANES.items():
        wall, cpu = seconds[name] = spent(out / f"{name}.jsonl")
        done = turns * len(lanes)
        lines.append(
            f"{name}: {len(lanes)} lane{'s' * (len(lanes) > 1)}, {turns} turns in {wall:.1f} s ({cpu:.1f} s of "
            f"processor): {turns / wall:.3f} turns/s of the session, {done / wall:.3f} over all lanes"
        )
    (wall, cpu), (own, own_cpu) = seconds["official"], seconds["ours"]
    count = len(LANES["ours"])
    lines.append(
        f"the session with {count} lanes against the package alone: {wall / own:.2f} x ({cpu / own_cpu:.2f} x)"
    )
    lines.append(
        f"turns of all lanes against the package's: {count * wall / own:.2f} x ({count * cpu / own_cpu:.2f} x)"
    )
    return [*lines, "in brackets: by seconds of processor"]


def replayed(name: str, lanes: Sequence[str], file: Path, options: argparse.Namespace) -> None:
    """Run the lanes to the end."""
    config = RunConfig(
        sessions=(file,), lanes=tuple(lanes), model=str(options.model), out=options.out / f"{name}.mnemo",
        capture="off", threads=options.threads, context=10_240, prompts="full",
    )  # fmt: skip
    run(config, progress=Clock(options.out / f"{name}.jsonl").step)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--turns", type=int, default=8)
    parser.add_argument("--threads", type=int, help="default: as many as are free")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    file = options.out / "session.json"
    if not file.is_file():
        session = beginning(formats.read(options.file)[0], options.turns, 0)
        file.write_text(json.dumps(session.to_json()), "utf-8")
    for name, lanes in LANES.items():
        replayed(name, lanes, file, options)
    print("\n".join(speeds(options.out, options.turns)))


if __name__ == "__main__":
    main()
