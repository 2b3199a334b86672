"""Evidence recall on LoCoMo of every lane that retrieves: MiniLM's vectors, a scripted extraction instead of a model.

``python -m tests.benchmarks.bench_locomo FILE [--lane SPEC …] [--sessions N] [--keep ROWS.jsonl] [--markdown]`` prints
recall@10 of the questions whose evidence is known (categories 1 to 4), each asked after its conversation's last turn.
What a chat model would write is scripted: the facts of a message are the message, its note is its words, a summary has
400 characters, an equal share of each text, a word surprises by how seldom it was said. So the figures are of the
methods' structure and retrieval, not of any model's extraction. With ``--keep`` every conversation of a lane is a row
of that file as soon as it is measured, and what is there is not measured again; without lanes and with ``--markdown``
the file is only printed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import product
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
from workbench.memory.strategies.caim import ONTOLOGY
from workbench.probes.retrieval import measure
from workbench.sessions import formats
from workbench.sessions.model import Session
from workbench.testing.minds import SENSIBLE, Mind
from workbench.trace.events import Event
from workbench.words import words

K = 10
FIGURES = ("recall@10", "turns", "handed", "spans")
_VECTORS: dict[int, dict[str, NDArray[np.float32]]] = {}


def _checked(s: Mapping[str, list[str]]) -> dict[str, str]:
    """A text answers a question when it has most of its longer words; nothing else that is asked about a text holds."""
    question = s["Question"][0]
    asked = {w for w in words(question.partition(":")[2]) if len(w) > 3}
    told = asked & {*words(" ".join(s["Text"]))}
    answers = question.startswith("Does the text answer") and len(told) > 0.6 * len(asked)
    return {"answer": "yes" if answers else "no"}


def _chosen(s: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Where what happened is kept, an option that the task names, else the first one; of CAIM's tags none."""
    task, options = " ".join(s["Task"]).lower(), s.get("Options", [])
    kept = [o for o in options if o in ("episodic", "archival")]
    named = [o for o in options if o.lower() in task]
    return {"choice": (kept or named or ([] if {*options} <= {*ONTOLOGY} else options))[:1]}


_MESSAGE = {
    "facts": lambda s: {"facts": [line for line in s["Messages"] if line.strip()][:12]},
    "note": lambda s: {"keywords": words(s["Message"][0])[:8], "context": s["Message"][0], "tags": []},
    "keywords": lambda s: {"keywords": [w for w in words(" ".join(s["Question"])) if len(w) > 3][:8]},
    "summarise": lambda s: {"summary": " ".join(line[: 400 // len(s["Facts"])] for line in s["Facts"])},
    "relevant": lambda s: {"useful": list(range(len(s["Memories"])))},
    "questions": lambda s: {"questions": [s["Message"][0]]},
    "check": _checked,
    "choose": _chosen,
}


class MiniLM(Mind):
    """The scripted mind with real vectors, from the backend's embedder."""

    def __init__(self, backend: Backend) -> None:
        super().__init__(answers={**SENSIBLE, **_MESSAGE}, budget=3000)
        self._backend, self._vectors = backend, _VECTORS.setdefault(id(backend), {})
        self._said: Counter[str] = Counter()

    async def run(self, operation: Any) -> Any:
        """Answers; the calls are not kept, there are tens of thousands."""
        done = await super().run(operation)
        self.calls.clear()
        return done

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors of the embedder; each text is embedded once for all lanes."""
        new = [t for t in dict.fromkeys(texts) if t not in self._vectors]
        if new:
            self._vectors.update(zip(new, await self._backend.embed(new), strict=True))
        return np.stack([self._vectors[t] for t in texts])

    async def surprise(self, text: str, given: str = "") -> tuple[tuple[str, ...], NDArray[np.float32]]:
        """-log p of every word by how often it was said so far: no model."""
        said = tuple(re.findall(r"\s*\S+", text))
        total = self._said.total() + len(self._said) + 1
        values = [-math.log((self._said[w.strip().lower()] + 1) / total) for w in said]
        self._said.update(w.strip().lower() for w in said)
        return said, np.array(values, np.float32)


async def recall(spec: LaneSpec, session: Session, backend: Backend) -> dict[str, float]:
    """A lane on a conversation, means over its questions.

    ``recall@10``: share of the evidence turns that the first ten returned hits come from. ``turns``: of how many
    turns these are; what is made of many finds evidence the more easily. ``handed``: share of the evidence turns in
    anything that is handed over, whatever its rank. ``spans``: how many pieces that is.
    """
    began, state, counter = time.perf_counter(), MemoryState(), [0]

    def emit(kind: str, subject: str, payload: dict[str, Any], cause: int = 0, ms: float = 0.0) -> Event:
        counter[0] += 1
        return Event(1, 1, log.turn, counter[0], kind, subject, cause, payload, ms)

    mind, strategy = MiniLM(backend), spec.strategy()
    whens = [turn.when for turn in session.turns]
    for turn in session.turns:
        log = MemoryLog(emit, state, turn.index, turn.date, 0, whens)
        await strategy.observe(turn.neutral(), mind, log)
    rows: list[tuple[float, float, float, float]] = []
    for probe in session.probes:
        if not probe.evidence or probe.extra.get("category") == 5:
            continue
        got, wanted = await strategy.recall(probe.question, mind, log), set(probe.evidence)
        hits = [(h.rank, h.returned, state[h.item].turns) for h in got.hits]
        first = {t for rank, returned, turns in hits if returned and rank <= K for t in turns}
        handed = {t for span in got.spans for t in span.turns}
        found = (measure(probe.evidence, hits, K).recall or {}).get(str(K), 0.0)
        rows.append((found, len(first), len(wanted & handed) / len(wanted), len(got.spans)))
    means = dict(zip(FIGURES, np.mean(rows, axis=0).tolist(), strict=True))
    return {"n": len(rows), **means, "seconds": time.perf_counter() - began}


async def rows(file: Path, lanes: Sequence[str], sessions: int, keep: Path | None) -> list[Mapping[str, Any]]:
    """One row for every lane and conversation, those that ``keep`` has already included."""
    known = [json.loads(line) for line in keep.read_text("utf-8").splitlines()] if keep and keep.exists() else []
    there = {(row["lane"], row["session"]) for row in known}
    backend = open_backend(BackendOptions(threads=1)) if lanes else None
    try:
        for lane, session in product(lanes, formats.read(file)[:sessions]):
            if (lane, session.name) in there or backend is None:
                continue
            row = {"lane": lane, "session": session.name, **await recall(LaneSpec.parse(lane), session, backend)}
            known.append(row)
            print(json.dumps(row), flush=True)
            if keep:
                with keep.open("a", encoding="utf-8") as out:
                    out.write(json.dumps(row) + "\n")
    finally:
        if backend is not None:
            backend.close()
    return known


def by_lane(found: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """The means of every lane over its conversations' questions, and how many these are."""
    out: dict[str, dict[str, float]] = {}
    for lane in dict.fromkeys(row["lane"] for row in found):
        own = [row for row in found if row["lane"] == lane]
        n = sum(row["n"] for row in own)
        out[lane] = {"n": n, **{name: sum(row[name] * row["n"] for row in own) / n for name in FIGURES}}
    return out


def markdown(figures: Mapping[str, Mapping[str, float]]) -> str:
    """The table of docs/locomo.md, in the registry's order."""
    dense = figures.get("dense", {}).get("recall@10", 0.0)
    lines = [
        "| lane | questions | recall@10 | of dense | turns in them | handed over | spans |",
        "|---|---|---|---|---|---|---|",
    ]
    for lane in sorted(figures, key=lambda spec: [*STRATEGIES].index(LaneSpec.parse(spec).memory)):
        row = figures[lane]
        share = f"{row['recall@10'] / dense:.2f}" if dense else ""
        lines.append(
            f"| {lane} | {row['n']:.0f} | {row['recall@10']:.3f} | {share} | {row['turns']:.0f} | {row['handed']:.3f} "
            f"| {row['spans']:.0f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--lane", action="append", help="default: all, or with --keep and --markdown none")
    parser.add_argument("--sessions", type=int, default=5)
    parser.add_argument("--keep", type=Path, help="file of rows: what is there is not measured again")
    parser.add_argument("--markdown", action="store_true", help="a table for docs/locomo.md")
    options = parser.parse_args()
    lanes = options.lane or ([] if options.keep and options.markdown else list(STRATEGIES))
    found = asyncio.run(rows(options.file, lanes, options.sessions, options.keep))
    if options.markdown:
        print(markdown(by_lane(found)))


if __name__ == "__main__":
    main()
