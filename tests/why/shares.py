"""What is named and proved of a run's wrong answers, lane by lane: ``python -m tests.why.shares [FILE]``.

Prints the table that stands in the README, and how long the proofs took. Without a file the mixed sample session is run
through twelve lanes on the bundled model first. What is proved is kept in the file as it comes and never proved again:
with ``--minutes`` the same command goes on where it was stopped. ``--each N`` proves N wrong answers of every lane,
evenly spread; of the others the table says what is suspected.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path

from workbench import paths
from workbench.engine import explain
from workbench.engine.config import RunConfig
from workbench.engine.run import run
from workbench.errors import Cancelled
from workbench.trace.reader import TraceReader
from workbench.why.explaining import Target
from workbench.why.verdict import CAUSES, TITLES, UNEXPLAINED, Verdict

SESSION = "mixed-long.json"
LANES = (
    "full", "window", "bm25", "dense", "hybrid", "mem0", "mem0-v3", "a-mem", "lightmem", "memos", "hcam", "titans"
)  # fmt: skip


def table(path: Path, verdicts: Sequence[Verdict]) -> str:
    """Per lane: answers, wrong ones, how many of which cause, and the share that a flip proves."""
    with closing(TraceReader(path)) as reader:
        lanes = {row.name: row.id for row in reader.lanes()}
        counted = "SELECT count(*) FROM event WHERE kind = 'probe.scored' AND lane = ?"
        asked = {name: int(reader.query(counted, (number,))[0][0]) for name, number in lanes.items()}
    shown = [c for c in (*CAUSES, UNEXPLAINED) if any(v.cause == c for v in verdicts)]
    rows = [f"| lane | asked | wrong | {' | '.join(TITLES[c] for c in shown)} | proved, of those tried |"]
    rows.append(f"|---|{'--:|' * (len(shown) + 3)}")
    for name, of in [*asked.items(), ("all", sum(asked.values()))]:
        mine = [v for v in verdicts if name in ("all", v.name)]
        counts, proved = Counter(v.cause for v in mine), sum(bool(v.confirmed) for v in mine)
        tried = sum(v.confirmed is not None for v in mine)
        share = f"{proved} of {tried}, {100 * proved / tried:.0f} %" if tried else "–"
        rows.append(f"| {name} | {of} | {len(mine)} | {' | '.join(str(counts[c] or '') for c in shown)} | {share} |")
    return "\n".join(rows)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--each", type=int, default=0, help="wrong answers of each lane that are proved; 0: all")
    parser.add_argument("--minutes", type=float, default=1e6, help="no further one is begun after so long")
    parser.add_argument("--model", default="", help="where the run's model is now")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = options.file
        if path is None:
            session = paths.sample_sessions() / SESSION
            path = run(RunConfig((session,), LANES, out=Path(folder) / "run.mnemo", threads=options.threads))
        with closing(TraceReader(path)) as reader:
            wanted = explain.targets(reader)
        wall, cpu = time.perf_counter(), time.process_time()
        proved(path, chosen(path, wanted, options.each), options)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        with closing(TraceReader(path)) as reader:
            verdicts = explain.suspects(reader, wanted)
        assert len(verdicts) == len(wanted) and all(v.cause for v in verdicts), "every wrong answer has a cause"
        print(table(path, verdicts))
    tried = sum(v.confirmed is not None for v in verdicts)
    print(f"\n{tried} of {len(verdicts)} wrong answers tried; here {wall:.0f} s, {cpu:.0f} s of processor")


def chosen(path: Path, wanted: Sequence[Target], each: int) -> list[Target]:
    """The wrong answers that are still to be proved: of every lane ``each`` (0: all), evenly spread."""
    lanes: dict[int, list[Target]] = {}
    for target in wanted:
        lanes.setdefault(target.lane, []).append(target)
    picked = [t for of in lanes.values() for t in (of[:: max(1, len(of) // each)][:each] if each else of)]
    with closing(TraceReader(path)) as reader:
        known = explain.suspects(reader, picked)
    return [t for t, v in zip(picked, known, strict=True) if v.confirmed is None]


def proved(path: Path, targets: Sequence[Target], options: argparse.Namespace) -> None:
    """Prove them as far as the time goes; each verdict is kept as soon as it is there."""
    end = time.monotonic() + 60 * options.minutes
    if targets:
        with suppress(Cancelled):
            explain.proved(
                path, targets, lambda v: print(explain.keep(path, [v]), end="", file=sys.stderr), options.threads,
                options.model, stopped=lambda: time.monotonic() > end,
            )  # fmt: skip


if __name__ == "__main__":
    main()
