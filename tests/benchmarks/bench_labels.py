"""Many-shot sets of MemoryAgentBench's shape over the retrieval lanes, with the reader that takes the nearest label.

``python -m tests.benchmarks.bench_labels SESSION.json … [--lane SPEC …] [--markdown]``. The sets are made by
``mnemoscope synth many-shot --tokens 103000 --option told=… --option asked=…``. No model is asked: accuracy is that of
what a memory returns. Every lane is observed in full and then asked; contexts are packed into ``--budget`` tokens.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.bench_locomo import MiniLM
from workbench.context import pack
from workbench.lanes import LaneSpec
from workbench.llm.base import Backend, BackendOptions
from workbench.llm.open import open_backend
from workbench.memory.items import MemoryState
from workbench.memory.log import MemoryLog
from workbench.probes import score
from workbench.probes.statistics import interval
from workbench.reading import nearest_label
from workbench.sessions import formats
from workbench.sessions.model import Session
from workbench.trace.events import Event

LANES = (
    "full",
    "window",
    "bm25",
    "bm25:tokens=split",
    "dense",
    "hybrid",
    "synaptic-resonance",
    "hcam",
    "titans",
    "pmi",
)
"""The strategies that write without a chat model."""


async def measured(spec: LaneSpec, session: Session, backend: Backend, budget: int) -> dict[str, Any]:
    """Accuracy of the nearest label with its interval, and how often an example of the right label was returned."""
    began, state, counter = time.perf_counter(), MemoryState(), [0]
    count = lru_cache(maxsize=1 << 15)(backend.count_tokens)

    def emit(kind: str, subject: str, payload: dict[str, Any], cause: int = 0, ms: float = 0.0) -> Event:
        counter[0] += 1
        return Event(1, 1, log.turn, counter[0], kind, subject, cause, payload, ms)

    mind, strategy = MiniLM(backend), spec.strategy()
    whens = [turn.when for turn in session.turns]
    for turn in session.turns:
        log = MemoryLog(emit, state, turn.index, turn.date, 0, whens)
        await strategy.observe(turn.neutral(), mind, log)
    right, returned = [], []
    for probe in session.probes:
        got = await strategy.recall(probe.question, mind, log)
        packed = pack(got.spans, probe.question, budget, count)
        right.append(score(probe.scorer, probe, nearest_label(probe.question, packed.spans)[0]).correct)
        shown = {turn for span in packed.spans for turn in span.turns}
        returned.append(bool(shown & set(probe.evidence)))
    low_high = interval([float(r) for r in right])
    return {"n": len(right), "accuracy": float(np.mean(right)), "low": low_high.low, "high": low_high.high,
            "returned": float(np.mean(returned)), "seconds": time.perf_counter() - began}  # fmt: skip


def run(files: list[Path], lanes: list[str], budget: int) -> dict[str, dict[str, Any]]:
    """Figures by session and lane; a line of JSON is printed for each as it is done."""

    async def every() -> dict[str, dict[str, Any]]:
        backend, out = open_backend(BackendOptions(threads=1)), dict[str, dict[str, Any]]()
        try:
            for file in files:
                (session,) = formats.read(file)
                for lane in lanes:
                    found = await measured(LaneSpec.parse(lane), session, backend, budget)
                    out.setdefault(session.probes[0].extra["source"], {})[lane] = found
                    print(json.dumps({"session": file.stem, "lane": lane, **found}), flush=True)
        finally:
            backend.close()
        return out

    return asyncio.run(every())


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, nargs="+")
    parser.add_argument("--lane", action="append")
    parser.add_argument("--budget", type=int, default=1900, help="tokens of a context; 2,048 less question and answer")
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    figures = run(options.file, options.lane or list(LANES), options.budget)
    if options.markdown:
        print("| set | lane | accuracy | right label in the context |\n|---|---|---|---|")
        for source, lanes in figures.items():
            for lane, row in lanes.items():
                share = f"{row['accuracy'] * 100:.1f} ({row['low'] * 100:.0f}–{row['high'] * 100:.0f})"
                print(f"| {source} | `{lane}` | {share} | {row['returned'] * 100:.0f} % |")


if __name__ == "__main__":
    main()
