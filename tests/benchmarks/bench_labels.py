"""Many-shot sets of MemoryAgentBench's shape over the retrieval lanes, with the reader that takes the nearest label.

``python -m tests.benchmarks.bench_labels SESSION.json … [--lane SPEC …] [--keep ROWS.jsonl] [--markdown]``. The sets
are made by ``mnemoscope synth many-shot --tokens 103000 --option told=… --option asked=…``. No model is asked: accuracy
is that of what a memory returns. Every lane is observed in full and then asked; contexts are packed into ``--budget``
tokens. With ``--keep`` every set of a lane is a row of that file as soon as it is measured, what is there is not
measured again, and the vectors are kept beside it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import product
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


class KeptMiniLM(MiniLM):
    """Vectors that outlive the process: ``[texts, dimensions]`` and their texts in one ``.npz``."""

    def __init__(self, backend: Backend, file: Path | None) -> None:
        super().__init__(backend)
        self._file, self._saved = file, 0
        if file and file.exists():
            with np.load(file) as kept:
                self._vectors.update(zip(kept["texts"].tolist(), kept["vectors"], strict=True))
            self._saved = len(self._vectors)

    def save(self) -> None:
        """Write them if there are new ones."""
        if self._file and len(self._vectors) > self._saved:
            np.savez(self._file, texts=np.array(list(self._vectors)), vectors=np.stack(list(self._vectors.values())))
            self._saved = len(self._vectors)


async def measured(spec: LaneSpec, session: Session, mind: KeptMiniLM, count: Any, budget: int) -> dict[str, Any]:
    """Accuracy of the nearest label with its interval, and how often an example of the right label was returned.

    ``seconds`` are of processor, after all texts have been embedded.
    """
    await _embedded(session, mind)
    began, state, counter = time.process_time(), MemoryState(), [0]

    def emit(kind: str, subject: str, payload: dict[str, Any], cause: int = 0, ms: float = 0.0) -> Event:
        counter[0] += 1
        return Event(1, 1, log.turn, counter[0], kind, subject, cause, payload, ms)

    strategy = spec.strategy()
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
            "returned": float(np.mean(returned)), "seconds": round(time.process_time() - began, 1)}  # fmt: skip


async def _embedded(session: Session, mind: KeptMiniLM) -> None:
    texts = [turn.said for turn in session.turns] + [probe.question for probe in session.probes]
    for at in range(0, len(texts), 512):
        await mind.embed(texts[at : at + 512])
        mind.save()


async def rows(files: Sequence[Path], lanes: Sequence[str], budget: int, keep: Path | None) -> list[dict[str, Any]]:
    """One row for every lane and set, those that ``keep`` has already included."""
    known = [json.loads(line) for line in keep.read_text("utf-8").splitlines()] if keep and keep.exists() else []
    there = {(row["set"], row["lane"]) for row in known}
    wanted = [(file, lane) for file, lane in product(files, lanes) if (file.stem, lane) not in there]
    if not wanted:
        return known
    backend = open_backend(BackendOptions(threads=1))
    mind, sessions = KeptMiniLM(backend, keep.with_suffix(".vectors.npz") if keep else None), dict[Path, Session]()
    count = lru_cache(maxsize=1 << 15)(backend.count_tokens)
    try:
        for file, lane in wanted:
            (session,) = [sessions[file]] if file in sessions else formats.read(file)
            sessions[file] = session
            row = {"set": file.stem, "shots": len(session.turns), "lane": lane}
            known.append(row | await measured(LaneSpec.parse(lane), session, mind, count, budget))
            print(json.dumps(known[-1]), flush=True)
            if keep:
                with keep.open("a", encoding="utf-8") as out:
                    out.write(json.dumps(known[-1]) + "\n")
    finally:
        mind.save()
        backend.close()
    return known


def markdown(found: Sequence[Mapping[str, Any]]) -> str:
    """The table of docs/many-shot.md: lanes by how they do on the first set."""
    sets = {row["set"]: row["shots"] for row in found}
    by = {(row["set"], row["lane"]): row for row in found}
    first = next(iter(sets))
    lanes = sorted({row["lane"] for row in found}, key=lambda lane: -by.get((first, lane), {}).get("accuracy", 0.0))
    head = " | ".join(f"{name}, {shots:,} shots" for name, shots in sets.items())
    lines = [f"| lane | {head} |", "|---" * (len(sets) + 1) + "|"]
    for lane in lanes:
        cells = (_cell(by.get((name, lane))) for name in sets)
        lines.append(f"| `{lane}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return ""
    low, high = (f"{row[end] * 100:.0f}" for end in ("low", "high"))
    return f"{row['accuracy'] * 100:.1f} ({low}–{high}), {row['returned'] * 100:.0f} %"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, nargs="+")
    parser.add_argument("--lane", action="append")
    parser.add_argument("--budget", type=int, default=1900, help="tokens of a context; 2,048 less question and answer")
    parser.add_argument("--keep", type=Path, help="file of rows: what is there is not measured again")
    parser.add_argument("--markdown", action="store_true", help="the table of docs/many-shot.md")
    options = parser.parse_args()
    found = asyncio.run(rows(options.file, options.lane or LANES, options.budget, options.keep))
    if options.markdown:
        print(markdown(found))


if __name__ == "__main__":
    main()
