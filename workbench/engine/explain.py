"""Explaining a run file: opens its model when something is to be proved, and keeps the verdicts in the file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from workbench.answering import Asking
from workbench.errors import TraceError, UsageError
from workbench.llm.base import Backend, BackendOptions
from workbench.llm.open import open_backend
from workbench.memory.prompt_sets import chosen
from workbench.trace.reader import TraceReader
from workbench.trace.writer import TraceWriter
from workbench.why.asking import Setting
from workbench.why.causes import suspect
from workbench.why.explaining import Target, failed, prove
from workbench.why.verdict import Verdict


def targets(reader: TraceReader, session: int | None = None, lane: str = "", probe: str = "") -> list[Target]:
    """What is to be explained: every wrong answer, of one session, lane or probe when given; a probe that is named
    also where its answer was right.

    Raises:
        UsageError: when there is no such lane or probe.
    """
    rows = {row.name: row.id for row in reader.lanes()}
    if lane and lane not in rows:
        raise UsageError(f"{reader.path}: no lane {lane!r}", f"it has: {', '.join(rows)}")
    if not probe:
        return failed(reader, session, rows.get(lane))
    numbers = [session] if session is not None else list(reader.session_names())
    asked = [n for n in numbers if any(p.id == probe for p in reader.session(n).probes)]
    if not asked:
        raise UsageError(f"{reader.path}: no probe {probe!r}", "see the ids with `mnemoscope inspect` or in the window")
    scored = "SELECT DISTINCT lane FROM event WHERE kind = 'probe.scored' AND session = ? AND subject = ?"
    return [
        Target(n, of, probe)
        for n in asked
        for (of,) in reader.query(scored, (n, probe))
        if not lane or of == rows[lane]
    ]


def setting(reader: TraceReader, backend: Backend) -> Setting:
    """How the run asked, as its file says."""
    config: dict[str, Any] = reader.meta("config", {})
    prompts = chosen(config.get("prompts", ""), backend.info.demo)
    asking = Asking(prompts, config.get("thinking", 0), config.get("temperature", 0.0))
    capture = config.get("capture", "answers") == "answers"
    return Setting(backend, config.get("reader", "model"), config.get("seed", 0), capture, asking)


def backend_of(reader: TraceReader, model: str = "", threads: int | None = None) -> Backend:
    """The model that made a run, opened again; another one when it is named.

    Raises:
        ModelError: when it is not where it was.
        TraceError: when the file's model is another by now; its answers would be another's.
    """
    config: dict[str, Any] = reader.meta("config", {})
    options = BackendOptions(
        model=model or config.get("model", "demo"),
        embedder=config.get("embedder", "minilm"),
        context=config.get("context"),
        threads=threads or config.get("threads"),
        exact=config.get("exact", False),
        seed=config.get("seed", 0),
    )
    backend = open_backend(options)
    known = reader.meta("model_sha256")
    if known and not model and backend.info.sha256 != known:
        backend.close()
        raise TraceError(
            f"{reader.path}: was made with another file of the model {options.model}",
            "name the file that made it with --model PATH, or run the sessions again",
        )
    return backend


def suspects(reader: TraceReader, wanted: Sequence[Target]) -> list[Verdict]:
    """What is known without a model: stored verdicts, and for the rest what the trace alone says."""
    kept = {(t.session, t.lane): reader.verdicts(t.session, t.lane) for t in wanted}
    found = []
    for target in wanted:
        row = kept[target.session, target.lane].get(target.probe)
        found.append(Verdict.from_row(row) if row else suspect(reader, target.session, target.lane, target.probe))
    return found


def proved(
    path: Path,
    wanted: Sequence[Target],
    backend: Backend,
    done: Callable[[Verdict], None] | None = None,
) -> list[Verdict]:
    """The verdicts with their proofs."""
    with closing(TraceReader(path)) as reader:
        return asyncio.run(prove(reader, setting(reader, backend), wanted, done))


def keep(path: Path, verdicts: Sequence[Verdict]) -> str:
    """Store verdicts in the run file; why it could not be done, empty when it was."""
    try:
        with TraceWriter(path) as writer:
            writer.put_verdicts([(v.session, v.lane, v.probe, v.to_row()) for v in verdicts])
    except TraceError as error:
        return str(error)
    return ""
