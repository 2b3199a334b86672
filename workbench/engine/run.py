"""A run: sessions x lanes on one backend, into one run file. Used in-process and by the engine process."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from workbench import __version__
from workbench.answering import Asking, policy_of
from workbench.discreet import discreet, place_name
from workbench.engine.config import RunConfig
from workbench.engine.control import Control
from workbench.engine.protocol import Failed, Loading, Progress, Ready, Report, StateChanged, TraceAdvanced
from workbench.errors import Cancelled, ModelError, TraceError, UsageError
from workbench.lanes import LaneSpec
from workbench.llm.base import Backend, BackendOptions, Capturing, ModelInfo
from workbench.memory.prompt_sets import chosen
from workbench.memory.shelf import in_chroma
from workbench.replay import LaneReplay
from workbench.sessions import formats
from workbench.sessions.model import Session
from workbench.trace.events import Event, Kind
from workbench.trace.reader import TraceReader, is_run
from workbench.trace.writer import TraceWriter
from workbench.whereabouts import remember, remember_code

_REPORT_EVERY = 1 / 30  # seconds; the pipe only says how far the trace has advanced
_MEASURE_EVERY = 2.0  # seconds between measurements of the engine
_SESSIONS_AT_ONCE = 4  # enough to fill a batch of eight with two or three lanes each


@dataclass(frozen=True)
class Lent:
    """What whoever makes many runs has at hand: the sessions, read already, and a backend that stays open."""

    sessions: tuple[Session, ...]
    backend: Backend


def run(
    config: RunConfig,
    progress: Callable[[Progress], None] | None = None,
    report: Callable[[Report], None] | None = None,
    control: Control | None = None,
    crash: Failed | None = None,
    lent: Lent | None = None,
) -> Path:
    """Replay the sessions through the lanes; the path of the run file.

    Continues the file when it holds the same run. Raises ``Cancelled`` when cancelled (what was committed stays),
    ``MnemoscopeError`` for whatever a person can mend.

    Args:
        progress: called after each step, at most 30 times a second.
        report: called with every report of ``workbench.engine.protocol``.
        control: pause, step and cancel; None runs to the end.
        crash: how an engine before this one died; recorded in the trace.
        lent: instead of the configuration's session files and model. Where the model lies is then not remembered.
    """
    if not config.lanes or not config.sessions:
        raise UsageError("a run needs at least one session and one lane", "name a session file and --lane SPEC")
    config.check()
    specs = _specs(config.lanes)
    sessions = list(lent.sessions) if lent else read_sessions(config.sessions, dict(config.read), config.only)
    tell = _Reporter(progress, report)
    tell(Loading("opening the run file"))
    try:
        with TraceWriter(config.path) as writer, in_chroma(config.chroma, _shelf_name(writer.path)):
            asyncio.run(_Run(config, specs, sessions, writer, tell, control or Control(), crash, lent).go())
    except Cancelled:
        tell(StateChanged("cancelled"))  # only now: whoever hears it may open the file again at once
        raise
    tell(StateChanged("finished"))
    return config.path


def _shelf_name(path: Path) -> str:
    """What a run's indexes on a server are called by: the same for whoever goes on with the file, nobody else's."""
    return hashlib.sha256(socket.gethostname().encode() + b"\0" + os.fsencode(path)).hexdigest()[:12]


def read_sessions(files: Sequence[Path], options: Mapping[str, str], only: Sequence[str] = ()) -> list[Session]:
    """The sessions of session files and runs, under distinct names; ``only`` those of these names, if any.

    Raises:
        SessionFormatError, TraceError: a file cannot be read.
        UsageError: there is none of that name.
    """
    return _chosen(formats.distinct([s for path in files for s in _read(path, options)]), only)


def _read(path: Path, options: Mapping[str, str]) -> list[Session]:
    """The sessions of a session file, or of a run: what was recorded can be replayed."""
    if not is_run(path):
        return formats.read(path, **options)
    with TraceReader(path) as reader:
        return [reader.session(number) for number in reader.session_names()]


def _specs(lanes: tuple[str, ...]) -> list[LaneSpec]:
    specs = [LaneSpec.parse(lane) for lane in lanes]
    names = [s.name for s in specs]
    twice = {n for n in names if names.count(n) > 1}
    if twice:
        raise UsageError(f"lane {twice.pop()!r} is named twice", "leave one out, or give it other parameters")
    return specs


def _chosen(sessions: list[Session], only: Sequence[str]) -> list[Session]:
    unknown = set(only).difference(s.name for s in sessions)
    if unknown:
        raise UsageError(f"no session {unknown.pop()!r}", f"there are: {', '.join(s.name for s in sessions[:8])}")
    return [s for s in sessions if s.name in only] if only else sessions


class _Reporter:
    """Passes reports on; progress and advance at most 30 times a second."""

    def __init__(self, progress: Callable[[Progress], None] | None, report: Callable[[Report], None] | None) -> None:
        self._progress, self._report, self._last = progress, report, 0.0

    def __call__(self, report: Report) -> None:
        if isinstance(report, Progress) and self._progress:
            self._progress(report)
        if self._report:
            self._report(report)

    def step(self, done: int, total: int, note: str, seq: Callable[[], int]) -> None:
        now = time.monotonic()
        if now - self._last >= _REPORT_EVERY or done == total:
            self._last = now
            self(Progress(done, total, note))
            self(TraceAdvanced(seq()))


@dataclass
class _Run:
    config: RunConfig
    specs: list[LaneSpec]
    sessions: list[Session]
    writer: TraceWriter
    tell: _Reporter
    control: Control
    crash: Failed | None
    lent: Lent | None = None
    done: int = 0
    _measure: _Measure | None = None

    async def go(self) -> None:
        self.total = sum((len(s.turns) + len(s.probes)) * len(self.specs) for s in self.sessions)
        resumed = self._same_run()
        self.tell(Loading("loading the model"))
        opening = asyncio.get_running_loop().run_in_executor
        backend = self.lent.backend if self.lent else await opening(None, _open, self.config)
        try:
            self._check(backend)
            self._able(backend.info)
            numbers, lanes = self._register()  # only now: a model that cannot be used must not bind the file to itself
            self._same_model(backend)
            self._loaded(backend, resumed)
            self.control.bind(asyncio.get_running_loop(), self.tell)
            self._measure = _Measure(backend, self._engine_event)
            await self._replay(backend, numbers, lanes)
            self._measure.now()
            self._engine_event(Kind.RUN_FINISHED, {})
        except asyncio.CancelledError:
            self._engine_event(Kind.RUN_CANCELLED, {})
            raise Cancelled("cancelled; the same command goes on from here") from None
        except BaseExceptionGroup as group:
            raise _first(group) from group
        finally:
            if self.lent is None:
                backend.close()

    def _check(self, backend: Backend) -> None:
        """Refuse lanes whose cache policy cannot be carried out, with the reason."""
        for spec in self.specs:
            policy = spec.policy()
            if policy is None:
                continue
            if self.config.reader != "model":
                raise UsageError(f"lane {spec.name!r}: a rule has no cache", "leave --reader out, or the cache policy")
            problem = backend.refusal(policy)
            if problem:
                raise ModelError(
                    f"lane {spec.name!r} cannot run on {backend.info.name}: {problem}",
                    "leave the cache policy out, or choose another model",
                )

    def _able(self, info: ModelInfo) -> None:
        """Whether the model gives what the lanes need. Raises ``UsageError`` when it does not."""
        unable = [s.name for s in self.specs if s.strategy().needs_surprise and not info.surprise]
        if unable:
            what = f"lane {unable[0]!r} needs how probable words are, which {info.name} on a server does not say"
            raise UsageError(what, "leave the lane out, or choose a model of your own")

    def _same_run(self) -> bool:
        """Whether the file holds this run already. Raises ``TraceError`` when it holds another."""
        with self.writer.reader() as reader:
            known, repaired = reader.meta("identity"), reader.meta("repaired")
        if repaired:
            what = f"{self.config.path}: was repaired and has gaps; it can be read, but not gone on with"
            raise TraceError(what, "choose another --out FILE")
        if known not in (None, self._identity, identity(self.config, self.specs, self.sessions)):
            raise TraceError(
                f"{self.config.path}: holds another run (other sessions, lanes, model or settings)",
                "choose another --out FILE, or repeat the command that made it",
            )
        return known is not None

    @property
    def _identity(self) -> str:
        model, embedder, prompts = map(place_name, (self.config.model, self.config.embedder, self.config.prompts))
        named = replace(self.config, model=model, embedder=embedder, prompts=prompts)
        return identity(named, self.specs, self.sessions)

    def _register(self) -> tuple[list[int], list[int]]:
        """Numbers of the sessions and lanes in the file; adds what a fresh file lacks."""
        with self.writer.reader() as reader:
            found, rows = reader.session_hashes(), {row.name: row.id for row in reader.lanes()}
            whole = {number: reader.session(number) for number in found.values()}
        # What was recorded has grown since it was begun: lanes beside the recorded one replay the same session.
        found |= {fingerprint(s.to_json()): n for n, s in whole.items() if s.extra.get("recorded")}
        hashes = [fingerprint(s.to_json()) for s in self.sessions]
        self.writer.set_meta("config", self.config.to_json() | {"lanes": [s.name for s in self.specs]})
        self.writer.set_meta("identity", self._identity)
        if self.lent is None:
            remember(self._identity, (self.config.model, self.config.embedder, self.config.prompts))
            for spec in self.specs:
                remember_code(self._identity, spec.outside)
        numbers = [found.get(h) or self.writer.add_session(s, h) for s, h in zip(self.sessions, hashes, strict=True)]
        return numbers, [rows.get(s.name) or self._add_lane(s) for s in self.specs]

    def _add_lane(self, spec: LaneSpec) -> int:
        policy = policy_of(spec, self.config.requests)
        of_cache = policy.parameters() if policy is not None else {}
        params = spec.strategy().parameters() | {f"cache.{k}": v for k, v in of_cache.items()}
        return self.writer.add_lane(spec.name, spec.memory_name, spec.cache_name, params)

    def _same_model(self, backend: Backend) -> None:
        with self.writer.reader() as reader:
            before = reader.meta("model_sha256", backend.info.sha256)
        if before != backend.info.sha256:
            raise TraceError(
                f"{self.config.path}: was begun with another file of this model",
                "choose another --out FILE, or put the model back that it was begun with",
            )
        self.writer.set_meta("model_sha256", backend.info.sha256)

    def _loaded(self, backend: Backend, resumed: bool) -> None:
        prompts = chosen(self.config.prompts, backend.info.demo)
        info = asdict(backend.info) | {
            "path": place_name(backend.info.path),
            "embedder": backend.embedder,
            "versions": versions(),
            "prompts": {"set": prompts.name, "sha256": prompts.digest},
        }
        self.tell(Ready(backend.info.name, backend.info.device, str(self.config.path), self._lacking(backend.info)))
        if self.crash:
            log = discreet(self.crash.log)[-4000:]
            payload = {"signal": self.crash.signal, "message": discreet(self.crash.message), "log": log}
            self._engine_event(Kind.ENGINE_CRASHED, payload)
        self._engine_event(Kind.ENGINE_LOADED, info)
        self._engine_event(Kind.RUN_STARTED, {"resumed": resumed})

    def _lacking(self, info: ModelInfo) -> str:
        """That attention cannot be recorded, with the reason, when it should be; "" when it can."""
        if info.capture or self.config.capture == "off":
            return ""
        return f"no attention is recorded, and spans cannot be masked: {info.capture_note}"

    def _engine_event(self, kind: Kind, payload: dict[str, Any]) -> None:
        with self.writer.reader() as reader:
            n = reader.query("SELECT coalesce(max(n), 0) + 1 FROM event WHERE session = 0 AND lane = 0")[0][0]
        seq = self.writer.append([Event(0, 0, -1, n, kind, payload=payload)])
        self.tell(TraceAdvanced(seq))

    async def _replay(self, backend: Backend, numbers: list[int], lanes: list[int]) -> None:
        slots = asyncio.Semaphore(1 if self.config.exact else _SESSIONS_AT_ONCE)

        async def one(session: Session, number: int) -> None:
            async with slots:
                await self._session(
                    session, [self._lane(session, number, *x, backend) for x in zip(lanes, self.specs, strict=True)]
                )

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(s, n)) for s, n in zip(self.sessions, numbers, strict=True)]
            self.control.running(tasks)
        if self.control.cancelled:  # a group does not pass on that its own tasks were cancelled
            raise asyncio.CancelledError

    def _lane(self, session: Session, number: int, lane: int, spec: LaneSpec, backend: Backend) -> LaneReplay:
        config, writer = self.config, self.writer
        capture: Capturing = config.capture if backend.info.capture else "off"
        prompts, policy = chosen(config.prompts, backend.info.demo), policy_of(spec, config.requests)
        asking = Asking(prompts, config.thinking, config.temperature, policy, config.requests)
        return LaneReplay(
            session, number, lane, spec.strategy, backend, writer, config.seed, capture, config.reader, asking
        )

    async def _session(self, session: Session, lanes: list[LaneReplay]) -> None:
        """All lanes in step, so that a turn can be compared as it happens and paused as one."""
        await self._ask(session, -1, lanes)
        for turn in session.turns:
            if any(lane.closed < turn.index for lane in lanes):
                await self.control.turn()
            await self._together([partial(lane.observe, turn) for lane in lanes], f"{session.name}: turn {turn.index}")
            await self._ask(session, turn.index, lanes)

    async def _ask(self, session: Session, turn: int, lanes: list[LaneReplay]) -> None:
        for probe in session.probes_after(turn):
            await self.control.probe()
            await self._together([partial(lane.ask, probe) for lane in lanes], f"{session.name}: {probe.question}")

    async def _together(self, steps: list[Callable[[], Awaitable[None]]], note: str) -> None:
        async def one(step: Callable[[], Awaitable[None]]) -> None:
            await step()
            self.done += 1
            assert self._measure is not None
            self._measure.sometimes()
            self.tell.step(self.done, self.total, note, self._seq)

        if self.config.exact:
            for step in steps:
                await one(step)
        else:
            async with asyncio.TaskGroup() as group:
                for step in steps:
                    group.create_task(one(step))

    def _seq(self) -> int:
        return self.writer.last_seq


class _Measure:
    """Writes down what the engine holds and does: at the start, at most every :data:`_MEASURE_EVERY`, at the end."""

    def __init__(self, backend: Backend, write: Callable[[Kind, dict[str, Any]], None]) -> None:
        self._backend, self._write = backend, write
        self._began = time.monotonic()
        self._last = 0.0
        self.now()

    def sometimes(self) -> None:
        if time.monotonic() - self._last >= _MEASURE_EVERY:
            self.now()

    def now(self) -> None:
        self._last = time.monotonic()
        after = {"after": round(self._last - self._began, 3)}
        self._write(Kind.ENGINE_MEASURED, after | self._backend.load().to_json())


def _first(error: BaseException) -> BaseException:
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


def _open(config: RunConfig) -> Backend:
    from workbench.llm.open import open_backend

    return open_backend(backend_options(config))


def backend_options(config: RunConfig) -> BackendOptions:
    """How a run's backend is opened: runs for which they are equal can use the same one."""
    return BackendOptions(
        model=config.model,
        embedder=config.embedder,
        context=config.context,
        threads=config.threads,
        exact=config.exact,
        seed=config.seed,
    )


def identity(config: RunConfig, specs: Sequence[LaneSpec], sessions: Sequence[Session]) -> str:
    """What a run is known by. ``config`` has model, embedder and prompts by name; earlier versions had them by path."""
    hashes = [fingerprint(s.to_json()) for s in sessions]
    codes = [s.code for s in specs if s.code]
    return fingerprint([hashes, [s.name for s in specs], *_settings(config), *codes])


def _settings(config: RunConfig) -> tuple[Any, ...]:
    usual: tuple[Any, ...] = (config.model, config.embedder, config.seed, config.capture, config.exact)
    asking = [config.prompts, config.temperature, config.thinking]
    # What is as it always was is left out, so that the runs of earlier versions are known again.
    usual = (*usual, asking) if any(asking) else usual
    usual = usual if config.requests == "separate" else (*usual, config.requests)
    return usual if config.reader == "model" else (*usual, config.reader)


def fingerprint(data: Any) -> str:
    """SHA-256 of what the data is as JSON."""
    return hashlib.sha256(json.dumps(data, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def versions() -> dict[str, str]:
    """What a run was made with: this program and the libraries that compute."""
    found = {"mnemoscope": __version__}
    for name in ("llama-cpp-python", "chromadb", "numpy"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # frozen, or not installed: the record says what there was
            found[name] = "not installed"
    return found
