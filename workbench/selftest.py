"""Checks an installation from the libraries up to a replayed session; every step is one line."""

from __future__ import annotations

import json
import platform
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from workbench import __version__, console
from workbench.errors import MnemoscopeError

if TYPE_CHECKING:
    from workbench.llm.library import Library
    from workbench.projections.scores import Cell

PACKAGES = ("llama-cpp-python", "chromadb", "numpy", "scipy", "pydantic", "sqlite-utils", "PySide6-Essentials")
_PATIENCE = 300  # seconds in which the engine process must say something
LANES = ("full", "window", "bm25", "dense", "a-mem")


@dataclass(frozen=True, slots=True)
class Step:
    """What one step found, and in how many seconds."""

    step: str
    ok: bool
    found: str
    seconds: float


def selftest(model: str = "demo", embedder: str = "minilm", as_json: bool = False) -> int:
    """Run every step; the exit code, 1 when one failed. Steps that need a failed one are left out."""
    steps: list[Step] = []
    with tempfile.TemporaryDirectory(prefix="mnemoscope-selftest-", ignore_cleanup_errors=True) as folder:
        for name, work in _steps(Path(folder), model, embedder):
            steps.append(_attempt(name, work))
            if not as_json:
                mark = "ok  " if steps[-1].ok else "FAIL"
                console.say(f"{mark}  {name:<10} {steps[-1].found} ({console.seconds(steps[-1].seconds)})")
            if not steps[-1].ok:
                break
    ok = all(s.ok for s in steps)
    if as_json:
        console.say_json({"ok": ok, "steps": [asdict(s) for s in steps]})
    return 0 if ok else 1


def _attempt(name: str, work: Callable[[], str]) -> Step:
    began = time.perf_counter()
    try:
        ok, found = True, work()
    except MnemoscopeError as error:
        ok, found = False, str(error)
    except Exception as error:  # an installation can be broken in any way; the step says how
        ok, found = False, f"{type(error).__name__}: {error}"
    return Step(name, ok, " ".join(found.split()), round(time.perf_counter() - began, 3))


def _steps(folder: Path, model: str, embedder: str) -> list[tuple[str, Callable[[], str]]]:
    run = folder / "selftest.mnemo"
    return [
        ("versions", _versions),
        ("llama.cpp", _library),
        ("models", lambda: _models(model, embedder)),
        ("session", lambda: _session(folder)),
        ("replay", lambda: _replay(folder, run, model, embedder)),
        ("trace", lambda: _trace(run)),
        ("report", lambda: _report(run)),
        ("engine", lambda: _engine(folder, model, embedder)),
    ]


def _versions() -> str:
    found = [f"mnemoscope {__version__}", f"Python {platform.python_version()}", platform.platform(terse=True)]
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} not found")
    return ", ".join(found)


def _library() -> str:
    from workbench.llm.library import library

    loaded = library()
    devices = [f"{name} ({text})" if text else name for name, text, _ in loaded.devices()]
    layout = loaded.layout_error or "tensor layout as expected"
    return f"loads; {layout}; devices: {', '.join(devices)}; {', '.join(loaded.instructions())}{_slow(loaded)}"


def _slow(loaded: Library) -> str:
    """A remark where the processor lacks what llama.cpp is fast with: it computes all the same."""
    if platform.machine().lower() not in ("x86_64", "amd64") or "AVX2" in loaded.instructions():
        return ""
    return "; this processor has no AVX2, so models are slow (recorded runs play as ever)"


def _models(model: str, embedder: str) -> str:
    """Both model files, whole; a missing embedder is said here and fails here, not in the middle of the replay."""
    from workbench.llm.gguf_file import read_header
    from workbench.llm.open import find_embedder, find_language_model

    language = find_language_model(model)
    vectors, missing = find_embedder(embedder)
    if missing:
        raise missing
    found = [
        f"{p.name} ({read_header(p).architecture}, {p.stat().st_size / 2**20:.1f} MiB)"
        for p in (language, vectors)
        if p
    ]
    return ", ".join(found) + ("" if vectors else ", embeddings by lexical hashing")


def _session(folder: Path) -> str:
    from workbench.sessions import formats
    from workbench.sessions.synthesis import generate

    path = folder / "session.json"
    made = generate("accurate-retrieval", 1, turns=12, people=2, probes=4)
    path.write_text(json.dumps(made.to_json()), "utf-8")
    read = formats.read(path)
    if read != [made]:
        raise MnemoscopeError("a session that was written is read back differently", "install Mnemoscope again")
    return f"{len(made.turns)} turns and {len(made.probes)} probes, written and read back"


def _replay(folder: Path, run: Path, model: str, embedder: str) -> str:
    from workbench.engine.config import RunConfig
    from workbench.engine.protocol import Ready, Report
    from workbench.engine.run import run as replay

    ready: list[Ready] = []

    def note(report: Report) -> None:
        if isinstance(report, Ready):
            ready.append(report)

    replay(RunConfig((folder / "session.json",), LANES, model, embedder, out=run), report=note)
    return f"{len(LANES)} lanes ({', '.join(LANES)}) on {ready[0].model}, {ready[0].device}"


def _engine(folder: Path, model: str, embedder: str) -> str:
    """The process that the window's runs live in: started, asked for a run, asked to leave."""
    from queue import Empty, SimpleQueue

    from workbench.engine.config import RunConfig
    from workbench.engine.protocol import Failed, Ready, Report, StateChanged
    from workbench.engine.supervisor import Supervisor

    inbox: SimpleQueue[Report] = SimpleQueue()
    supervisor = Supervisor(inbox.put)
    out = folder / "engine.mnemo"
    device = ""
    try:
        supervisor.start(RunConfig((folder / "session.json",), ("bm25",), model, embedder, out=out))
        while True:
            report = inbox.get(timeout=_PATIENCE)
            if isinstance(report, Failed):
                raise MnemoscopeError(report.message, report.log.strip()[-500:])
            if isinstance(report, Ready):
                device = report.device
            if isinstance(report, StateChanged) and report.state == "finished":
                return f"a process of its own replays on {device}"
    except Empty as error:
        raise MnemoscopeError(
            f"the engine process says nothing for {_PATIENCE} s", "look at its processor time"
        ) from error
    finally:
        supervisor.shutdown()


def _trace(run: Path) -> str:
    from workbench.projections.scores import scores
    from workbench.trace.events import Kind
    from workbench.trace.reader import TraceReader

    with TraceReader(run) as reader:
        failed = list(reader.events(kinds=(Kind.LANE_FAILED,)))
        if failed:
            lane = reader.lanes()[failed[0].lane - 1].name
            raise MnemoscopeError(f"lane {lane}: {failed[0].payload['message']}")
        board = scores(reader)
        asked = {lane.overall.n + lane.abstention.n for lane in board.lanes}
        probes = sum(len(reader.session(n).probes) for n in reader.session_names())
        if asked != {probes}:
            raise MnemoscopeError(f"{probes} probes were to be scored in every lane, found {sorted(asked)}")
        found = f"{reader.last_seq()} events; right: {_shares((row.lane.name, row.overall) for row in board.lanes)}"
        away = [(row.lane.name, row.abstention) for row in board.lanes if row.abstention.n]
        return found + (f"; said that it was never told: {_shares(away)}" if away else "")


def _shares(cells: Iterable[tuple[str, Cell]]) -> str:
    return ", ".join(f"{name} {cell.correct}/{cell.n}" for name, cell in cells)


def _report(run: Path) -> str:
    from workbench.reports.html import report
    from workbench.trace.reader import TraceReader

    with TraceReader(run) as reader:
        page = report(reader)
    return f"{len(page.encode()) / 1024:.0f} KiB of HTML"
