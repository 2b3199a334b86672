"""Evidence recall on LoCoMo of every lane that retrieves: MiniLM's vectors, a scripted extraction instead of a model.

``python -m tests.benchmarks.bench_locomo FILE [--lane SPEC …] [--sessions N] [--markdown]`` prints recall@10 of the
questions whose evidence is known (categories 1 to 4), each asked after its last turn. What a chat model would write is
scripted: the facts of a message are the message, its note is its words. So the figures are of the methods' structure
and retrieval, not of any model's extraction.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.lanes import LaneSpec
from workbench.llm.base import Backend, BackendOptions
from workbench.llm.open import open_backend
from workbench.memory.items import MemoryState
from workbench.memory.log import MemoryLog
from workbench.memory.registry import STRATEGIES
from workbench.probes.retrieval import measure
from workbench.sessions import formats
from workbench.sessions.model import Session
from workbench.testing.minds import SENSIBLE, Mind
from workbench.trace.events import Event
from workbench.words import words

K = 10
_MESSAGE = {
    "facts": lambda s: {"facts": [line for line in s["Messages"] if line.strip()][:12]},
    "note": lambda s: {"keywords": words(s["Message"][0])[:8], "context": s["Message"][0], "tags": []},
    "keywords": lambda s: {"keywords": [" ".join(s["Question"])]},
    "summarise": lambda s: {"summary": " ".join(s["Facts"])[:400]},
    "relevant": lambda s: {"useful": list(range(len(s["Memories"])))},
    "check": lambda s: {"answer": "yes" if "Does the text answer" in s["Question"][0] else "no"},
}


class MiniLM(Mind):
    """The scripted mind with real vectors, from the backend's embedder."""

    def __init__(self, backend: Backend) -> None:
        super().__init__(answers={**SENSIBLE, **_MESSAGE}, budget=3000)
        self._backend = backend

    async def run(self, operation: Any) -> Any:
        """Answers; the calls are not kept, there are tens of thousands."""
        done = await super().run(operation)
        self.calls.clear()
        return done

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors of the embedder."""
        return await self._backend.embed(texts)

    async def surprise(self, text: str, given: str = "") -> tuple[tuple[str, ...], NDArray[np.float32]]:
        """Of the loaded model."""
        return await self._backend.surprise(text, given)


async def recall(spec: LaneSpec, session: Session, backend: Backend) -> dict[str, float]:
    """Mean recall@10 of a lane on a session, spans handed over, seconds."""
    began, state, counter = time.perf_counter(), MemoryState(), [0]

    def emit(kind: str, subject: str, payload: dict[str, Any], cause: int = 0, ms: float = 0.0) -> Event:
        counter[0] += 1
        return Event(1, 1, log.turn, counter[0], kind, subject, cause, payload, ms)

    mind, strategy = MiniLM(backend), spec.strategy()
    whens = [turn.when for turn in session.turns]
    for turn in session.turns:
        log = MemoryLog(emit, state, turn.index, turn.date, 0, whens)
        await strategy.observe(turn.neutral(), mind, log)
    found, spans = [], []
    for probe in session.probes:
        if not probe.evidence or probe.extra.get("category") == 5:
            continue
        got = await strategy.recall(probe.question, mind, log)
        hits = [(h.rank, h.returned, state[h.item].turns) for h in got.hits]
        measured = measure(probe.evidence, hits, K)
        found.append((measured.recall or {}).get(str(K), 0.0))
        spans.append(len(got.spans))
    return {
        "n": len(found),
        "recall@10": float(np.mean(found)),
        "spans": float(np.mean(spans)),
        "seconds": time.perf_counter() - began,
    }


def run(file: Path, lanes: Sequence[str], sessions: int) -> dict[str, Mapping[str, float]]:
    """Figures by lane, over the first ``sessions`` conversations of the file."""
    chosen = formats.read(file)[:sessions]

    async def every() -> dict[str, Mapping[str, float]]:
        backend = open_backend(BackendOptions(threads=1))
        out: dict[str, Mapping[str, float]] = {}
        try:
            for lane in lanes:
                rows = [await recall(LaneSpec.parse(lane), s, backend) for s in chosen]
                n = sum(r["n"] for r in rows)
                mean = {key: sum(r[key] * r["n"] for r in rows) / n for key in ("recall@10", "spans")}
                out[lane] = {"n": n, **mean, "seconds": sum(r["seconds"] for r in rows)}
                print(lane, json.dumps(out[lane]), flush=True)
        finally:
            backend.close()
        return out

    return asyncio.run(every())


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--lane", action="append", help="default: all")
    parser.add_argument("--sessions", type=int, default=5)
    parser.add_argument("--markdown", action="store_true", help="a table for docs/locomo.md")
    options = parser.parse_args()
    figures = run(options.file, options.lane or list(STRATEGIES), options.sessions)
    if options.markdown:
        print("| lane | recall@10 | of dense | spans |\n|---|---|---|---|")
        dense = figures.get("dense", {}).get("recall@10", 0.0)
        for lane, row in figures.items():
            share = f"{row['recall@10'] / dense:.2f}" if dense else ""
            print(f"| {lane} | {row['recall@10']:.3f} | {share} | {row['spans']:.0f} |")


if __name__ == "__main__":
    main()
