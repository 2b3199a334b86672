"""``mnemoscope bench vectors``: a session's turns as an index, under every codec of ``probes.compression``."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path
from typing import Any

from workbench.errors import UsageError
from workbench.llm.base import BackendOptions
from workbench.llm.open import open_embedding
from workbench.llm.worker import Worker
from workbench.probes.compression import compress
from workbench.sessions import formats
from workbench.sessions.generators import generate
from workbench.sessions.model import Session

TOKENS = 8_000
"""Of the generated session that is measured where no other is named."""


def run(session: str = "", embedder: str = "minilm") -> dict[str, Any]:
    """``{vectors, dimensions, questions, codecs: {NAME: {bytes, smaller, recall@10, evidence@10}}}``.

    Args:
        session: a session file with probes; all of its sessions' turns are one index. Empty: a generated one.

    Raises:
        UsageError: the session has no probes.
    """
    chosen = formats.read(Path(session)) if session else generate("conflict-chains", TOKENS, 1, probes=200)
    turns = [turn.said for s in chosen for turn in s.turns]
    starts = _starts(chosen)
    asked = [(s, p) for s in chosen for p in s.probes if not p.abstain]
    if not asked:
        raise UsageError(f"{session}: has no probes to search with", "choose a session that has some")
    evidence = [[starts[s.name] + n for n in p.evidence] for s, p in asked]
    vectors, questions = _embedded(embedder, turns, [p.question for _, p in asked])
    codecs = {
        one.name: {"bytes": one.bytes, "smaller": round(one.ratio, 2), "recall@10": one.neighbours,
                   "evidence@10": one.evidence}
        for one in compress(vectors, questions, evidence)
    }  # fmt: skip
    sizes = {"vectors": len(turns), "dimensions": int(vectors.shape[1]), "questions": len(asked)}
    return {**sizes, "codecs": codecs}


def _starts(sessions: list[Session]) -> dict[str, int]:
    found, at = {}, 0
    for session in sessions:
        found[session.name] = at
        at += len(session.turns)
    return found


def _embedded(embedder: str, turns: list[str], questions: list[str]) -> tuple[Any, Any]:
    """Unit vectors of the turns and of the questions."""
    source, worker = open_embedding(BackendOptions(embedder=embedder)), Worker()
    source.attach(worker)

    async def both() -> tuple[Any, Any]:
        return await source.embed(turns), await source.embed(questions)

    with closing(worker), closing(source):
        return asyncio.run(both())
