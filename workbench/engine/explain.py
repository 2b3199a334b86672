"""Explaining a run file: opens its model when something is to be proved, and keeps the verdicts in the file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from workbench import whereabouts
from workbench.answering import Asking
from workbench.branch import CODE, settings_of, spec_of
from workbench.errors import MnemoscopeError, ModelError, TraceError, UsageError
from workbench.llm.base import Backend, BackendOptions
from workbench.llm.open import open_backend
from workbench.memory.prompt_sets import chosen
from workbench.trace.reader import TraceReader
from workbench.trace.writer import TraceWriter
from workbench.why.asking import Setting
from workbench.why.causes import known
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


def setting(settings: Mapping[str, Any], backend: Backend) -> Setting:
    """How a run or a branch asked, by its configuration (``workbench.branch.settings_of``)."""
    prompts = chosen(settings.get("prompts", ""), backend.info.demo)
    requests = settings.get("requests", "separate")
    asking = Asking(prompts, settings.get("thinking", 0), settings.get("temperature", 0.0), requests=requests)
    capture = settings.get("capture", "answers")
    reader, seed = settings.get("reader", "model"), settings.get("seed", 0)
    return Setting(backend, reader, seed, capture, asking, settings.get(CODE, {}))


def backend_of(
    reader: TraceReader, settings: Mapping[str, Any] | None = None, threads: int | None = None, model: str = ""
) -> Backend:
    """The model that made a run or a branch, opened again.

    Args:
        settings: of the branch; None for the run's own.
        model: another one in its place.

    Raises:
        ModelError: when it is not where it was.
        TraceError: when the file's model is another by now; its answers would be another's.
    """
    config: dict[str, Any] = reader.meta("config", {})
    identity = reader.meta("identity")
    config = whereabouts.resolved(identity, config)
    how = config if settings is None else settings
    for place in (model or how.get("model", "demo"), how.get("embedder", "minilm")):
        if place != model:
            whereabouts.check(identity, place)
    options = BackendOptions(
        model=model or how.get("model", "demo"),
        embedder=how.get("embedder", "minilm"),
        context=how.get("context"),
        threads=threads or how.get("threads"),
        exact=how.get("exact", False),
        seed=how.get("seed", 0),
    )
    backend = open_backend(options)
    known = reader.meta("model_sha256")
    if known and options.model == config.get("model") and backend.info.sha256 != known:
        backend.close()
        raise TraceError(
            f"{reader.path}: was made with another file of the model {options.model}",
            "name the file that made it with --model PATH, or run the sessions again",
        )
    return backend


def suspects(reader: TraceReader, wanted: Sequence[Target]) -> list[Verdict]:
    """What is known without a model: stored verdicts, and for the rest what the trace alone says."""
    return [known(reader, t.session, t.lane, t.probe) for t in wanted]


class Models:
    """Keeps the model of the last question open for the next one."""

    def __init__(self) -> None:
        self._key: tuple[str, dict[str, Any]] | None = None
        self._backend: Backend | None = None

    def of(
        self, reader: TraceReader, settings: Mapping[str, Any], threads: int | None = None, model: str = ""
    ) -> Backend:
        """As :func:`backend_of`."""
        key = (f"{reader.path} {threads} {model}", {k: v for k, v in settings.items() if k != CODE})
        if self._backend is None or key != self._key:
            self.close()
            self._backend, self._key = backend_of(reader, settings, threads, model), key
        return self._backend

    def close(self) -> None:
        """Let go of it."""
        if self._backend is not None:
            self._backend.close()
        self._backend = self._key = None


def proved(
    path: Path,
    wanted: Sequence[Target],
    done: Callable[[Verdict], None] | None = None,
    threads: int | None = None,
    model: str = "",
    models: Models | None = None,
    stopped: Callable[[], bool] = lambda: False,
    unable: Callable[[MnemoscopeError], None] = lambda error: None,
) -> list[Verdict]:
    """The verdicts with their proofs, in the order of ``wanted``.

    Opens the model of every lane, one after another; with ``models`` the last one stays open. Where a lane's code or
    model is not to be had, ``unable`` is told so once, its verdicts are what is known without a proof, and the others
    go on.

    Raises:
        MnemoscopeError: no lane at all can be proved.
    """
    found: dict[Target, Verdict] = {}
    kept = models or Models()
    try:
        with closing(TraceReader(path)) as reader:
            able, problems = _able(reader, wanted)
            for settings, targets in _by_settings(reader, able):
                try:
                    backend = kept.of(reader, settings, threads, model)
                except (ModelError, TraceError, UsageError) as error:
                    problems.append(error)
                    continue
                made = prove(reader, setting(settings, backend), targets, done, stopped)
                found |= zip(targets, asyncio.run(made), strict=True)
            if problems and not found:
                raise problems[0]
            for problem in problems:
                unable(problem)
            left = [target for target in wanted if target not in found]
            found |= zip(left, suspects(reader, left), strict=True)
    finally:
        if models is None:
            kept.close()
    return [found[target] for target in wanted]


def _able(reader: TraceReader, wanted: Sequence[Target]) -> tuple[list[Target], list[MnemoscopeError]]:
    """The targets whose lanes' code is known here, and what is wrong with the others'."""
    rows, problems = {row.id: row for row in reader.lanes()}, dict[int, MnemoscopeError]()
    for lane in dict.fromkeys(t.lane for t in wanted):
        try:
            spec = spec_of(rows[lane], settings_of(reader, lane)[CODE])
            spec.strategy(), spec.policy()
        except UsageError as error:
            problems[lane] = error
    return [t for t in wanted if t.lane not in problems], list(problems.values())


def _by_settings(reader: TraceReader, wanted: Sequence[Target]) -> list[tuple[dict[str, Any], list[Target]]]:
    groups: list[tuple[dict[str, Any], list[Target]]] = []
    of_lane = {lane: settings_of(reader, lane) for lane in {t.lane for t in wanted}}
    for target in wanted:
        known = next((g for g in groups if g[0] == of_lane[target.lane]), None)
        if known is None:
            known = (of_lane[target.lane], [])
            groups.append(known)
        known[1].append(target)
    return groups


def keep(path: Path, verdicts: Sequence[Verdict]) -> str:
    """Store verdicts in the run file; why it could not be done, empty when it was."""
    try:
        with TraceWriter(path) as writer:
            writer.put_verdicts([(v.session, v.lane, v.probe, v.to_row()) for v in verdicts])
    except TraceError as error:
        return str(error)
    return ""
