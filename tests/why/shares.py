"""What is named and proved of a run's wrong answers, lane by lane: ``python -m tests.why.shares [FILE]``.

Prints the table that stands in the README, and how long the proofs took. Without a file the mixed sample session is run
through twelve lanes on the bundled model first.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from workbench import paths
from workbench.engine import explain
from workbench.engine.config import RunConfig
from workbench.engine.run import run
from workbench.trace.reader import TraceReader
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
    rows = [f"| lane | asked | wrong | {' | '.join(TITLES[c] for c in shown)} | proved |"]
    rows.append(f"|---|{'--:|' * (len(shown) + 3)}")
    for name, of in [*asked.items(), ("all", sum(asked.values()))]:
        mine = [v for v in verdicts if name in ("all", v.name)]
        counts, proved = Counter(v.cause for v in mine), sum(bool(v.confirmed) for v in mine)
        share = f"{proved} of {len(mine)}, {100 * proved / len(mine):.0f} %" if mine else "–"
        rows.append(f"| {name} | {of} | {len(mine)} | {' | '.join(str(counts[c] or '') for c in shown)} | {share} |")
    return "\n".join(rows)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--threads", type=int)
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
        verdicts = explain.proved(path, wanted, threads=options.threads, model=options.model)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        assert len(verdicts) == len(wanted) and all(v.cause for v in verdicts), "every wrong answer has a cause"
        print(table(path, verdicts))
    print(
        f"\n{len(verdicts)} wrong answers proved in {wall:.0f} s, {cpu:.0f} s of processor; threads: {options.threads}"
    )


if __name__ == "__main__":
    main()
