import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import reduce
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from tests.support.backends import ScriptedBackend
from tests.support.runs import config, lane_events
from tests.support.traces import session
from workbench import __version__
from workbench.engine import run as engine
from workbench.engine.config import RunConfig
from workbench.engine.control import Control
from workbench.engine.protocol import Failed, Progress, Report, StateChanged
from workbench.errors import Cancelled, MnemoscopeError, ModelError, TraceError, UsageError
from workbench.examine import problems
from workbench.memory import registry
from workbench.memory.base import MemoryStrategy, Mind, Recall, Span
from workbench.memory.log import MemoryLog
from workbench.sessions.model import Turn
from workbench.trace import texts
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader
from workbench.trace.writer import TraceWriter

LANES = ("full", "window:turns=2", "bm25", "a-mem")


@pytest.fixture(autouse=True)
def backend(monkeypatch: pytest.MonkeyPatch) -> ScriptedBackend:
    scripted = ScriptedBackend()
    monkeypatch.setattr(engine, "_open", lambda config: scripted)
    return scripted


def test_every_lane_reads_every_turn_and_answers_every_probe(tmp_path: Path, backend: ScriptedBackend) -> None:
    progress: list[Progress] = []
    path = engine.run(config(tmp_path, *LANES, sessions=2), progress.append)
    with TraceReader(path) as reader:
        assert [row.name for row in reader.lanes()] == list(LANES)
        for number in (1, 2):
            for lane in range(1, len(LANES) + 1):
                kinds = Counter(e.kind for e in reader.events(number, lane))
                assert kinds[Kind.TURN_CLOSED] == 12
                for kind in (Kind.RECALLED, Kind.PACKED, Kind.ANSWERED, Kind.CAPTURED, Kind.SCORED):
                    assert kinds[kind] == 4
                assert not kinds[Kind.LANE_FAILED]
        captured = next(reader.events(kinds=[Kind.CAPTURED]))
        assert reader.array(captured.payload["blob"]).shape == (2, 2, 1, len(captured.payload["tokens"]))
        kinds = [e.kind for e in reader.events(0, 0)]
        assert kinds[:3] == [Kind.ENGINE_LOADED, Kind.RUN_STARTED, Kind.ENGINE_MEASURED]
        assert kinds[-2:] == [Kind.ENGINE_MEASURED, Kind.RUN_FINISHED]
    assert progress[-1].done == progress[-1].total == 2 * len(LANES) * 16
    assert backend.closed


def test_the_same_run_gives_the_same_events(tmp_path: Path) -> None:
    first = engine.run(config(tmp_path, *LANES, exact=True, out=tmp_path / "1.mnemo"))
    second = engine.run(config(tmp_path, *LANES, exact=True, out=tmp_path / "2.mnemo"))
    assert lane_events(first) == lane_events(second)


def test_the_same_name_in_two_files_names_two_sessions(tmp_path: Path) -> None:
    for name in ("a", "b"):
        chat = {"messages": [{"role": "user", "content": f"I am {name}."}]}
        (tmp_path / name).mkdir()
        (tmp_path / name / "log.json").write_text(json.dumps(chat))
    files = (tmp_path / "a" / "log.json", tmp_path / "b" / "log.json")
    path = engine.run(replace(config(tmp_path, "full"), sessions=files))
    with TraceReader(path) as reader:
        assert list(reader.session_names().values()) == ["log", "log (2)"]


@pytest.mark.parametrize("steps", [1, 7, 30, 45])
def test_a_cancelled_run_goes_on_and_ends_like_an_undisturbed_one(tmp_path: Path, steps: int) -> None:
    whole = engine.run(config(tmp_path, *LANES, exact=True, out=tmp_path / "whole.mnemo"))
    control, done = Control(), []

    def count(report: Progress) -> None:
        done.append(report.done)
        if report.done >= steps:
            control.cancel()

    broken = config(tmp_path, *LANES, exact=True, out=tmp_path / "broken.mnemo")
    engine._REPORT_EVERY = 0
    with pytest.raises(Cancelled):
        engine.run(broken, count, control=control)
    with TraceReader(broken.path) as reader:
        assert [e.kind for e in reader.events(0, 0)][-1] == Kind.RUN_CANCELLED
    assert len(lane_events(broken.path)) <= len(LANES)
    engine.run(broken)
    assert lane_events(broken.path) == lane_events(whole)


def test_a_finished_run_repeated_adds_nothing_to_its_lanes(tmp_path: Path) -> None:
    path = engine.run(config(tmp_path, *LANES))
    before = lane_events(path)
    engine.run(config(tmp_path, *LANES))
    assert lane_events(path) == before


_KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.support.backends import ScriptedBackend
from tests.support.runs import config
from workbench.engine import run as engine
engine._open = lambda config: ScriptedBackend(pause=0.002)
engine._REPORT_EVERY = 0
engine.run(config(Path({folder!r}), *{lanes!r}, exact=True, out=Path({out!r})), lambda p: print(p.done, flush=True))
"""


def test_kill_minus_nine_at_any_moment_loses_nothing_committed(tmp_path: Path) -> None:
    whole = engine.run(config(tmp_path, *LANES, exact=True, out=tmp_path / "whole.mnemo"))
    out = tmp_path / "killed.mnemo"
    root = str(Path(__file__).parents[3])
    script = _KILLED.format(root=root, folder=str(tmp_path), lanes=LANES, out=str(out))
    previous: dict[Any, Any] = {}
    for moment in (5, 23):
        process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        assert process.stdout
        for seen, _ in enumerate(process.stdout, 1):
            if seen == moment:
                os.kill(process.pid, signal.SIGKILL)
        process.stdout.close()
        process.wait()
        now = lane_events(out)
        for key, rows in previous.items():
            assert now[key][: len(rows)] == rows
        previous = now
    engine.run(config(tmp_path, *LANES, exact=True, out=out))
    assert lane_events(out) == lane_events(whole)


def test_another_run_does_not_go_into_the_same_file(tmp_path: Path) -> None:
    path = engine.run(config(tmp_path, "full"))
    before = lane_events(path)
    with pytest.raises(TraceError, match="holds another run"):
        engine.run(config(tmp_path, "full", "bm25"))
    assert lane_events(path) == before


def test_a_model_that_cannot_be_loaded_leaves_the_file_to_the_next_try(
    tmp_path: Path, backend: ScriptedBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: RunConfig) -> ScriptedBackend:
        raise ModelError("broken.gguf: it is truncated")

    with monkeypatch.context() as patch, pytest.raises(ModelError):
        patch.setattr(engine, "_open", fail)
        engine.run(config(tmp_path, "full", model="broken.gguf"))
    path = engine.run(config(tmp_path, "full", model="whole.gguf"))
    with TraceReader(path) as reader:
        assert len(reader.session_names()) == len(reader.lanes()) == 1
        assert [e.kind for e in reader.events(0, 0)][-1] == Kind.RUN_FINISHED


_LIMITED = """
import resource, signal, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.support.backends import ScriptedBackend
from workbench import cli
from workbench.engine import run as engine
from workbench.trace.writer import TraceWriter
engine._open = lambda config: ScriptedBackend()
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
write, written = TraceWriter._write, []
def until_full(self, steps):
    written.append(steps)
    if len(written) == 20:  # from here on every file is as large as it may become, as on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    write(self, steps)
TraceWriter._write = until_full
sys.exit(cli.main(["run", {session!r}, "--lane", "full", "--lane", "bm25", "--exact", "--out", {out!r}]))
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit on the size of files")
def test_a_disk_that_fills_up_is_one_line_and_the_run_goes_on_from_there(tmp_path: Path) -> None:
    whole = engine.run(config(tmp_path, "full", "bm25", exact=True, out=tmp_path / "whole.mnemo"))
    cut = config(tmp_path, "full", "bm25", exact=True, out=tmp_path / "cut.mnemo")
    script = _LIMITED.format(root=str(Path(__file__).parents[3]), session=str(cut.sessions[0]), out=str(cut.path))
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert ended.returncode == 1 and "cut.mnemo: cannot be written" in ended.stderr
    assert "defect" not in ended.stderr and ended.stderr.count("mnemoscope: ") == 1
    before = lane_events(cut.path)
    assert before
    engine.run(cut)
    after = lane_events(cut.path)
    assert all(after[key][: len(rows)] == rows for key, rows in before.items())
    assert after == lane_events(whole)


def test_a_run_does_not_go_on_with_another_model(tmp_path: Path, backend: ScriptedBackend) -> None:
    path = engine.run(config(tmp_path, "full"))
    before = lane_events(path)
    backend.info = replace(backend.info, sha256="1" * 64)
    with pytest.raises(TraceError, match="another file of this model"):
        engine.run(config(tmp_path, "full"))
    assert lane_events(path) == before


def test_two_engines_on_one_file(tmp_path: Path, backend: ScriptedBackend) -> None:
    backend.pause = 0.01
    control, loaded = Control(paused=True), threading.Event()

    def report(what: Report) -> None:
        if isinstance(what, StateChanged):
            loaded.set()

    def first() -> None:
        with pytest.raises(Cancelled):
            engine.run(config(tmp_path, "full"), report=report, control=control)

    thread = threading.Thread(target=first)
    thread.start()
    assert loaded.wait(20)
    with pytest.raises(TraceError, match="another engine"):
        engine.run(config(tmp_path, "full"))
    control.cancel()
    thread.join(20)
    engine.run(config(tmp_path, "full"))


@pytest.mark.parametrize("state", ["finished", "cancelled"])
def test_whoever_hears_the_end_may_open_the_file_at_once(tmp_path: Path, state: str) -> None:
    setup, control, opened = config(tmp_path, "full"), Control(), []

    def report(what: Report) -> None:
        if state == "cancelled" and isinstance(what, Progress):
            control.cancel()
        if what == StateChanged(state):
            with TraceWriter(setup.path):
                opened.append(state)

    with nullcontext() if state == "finished" else pytest.raises(Cancelled):
        engine.run(setup, report=report, control=control)
    assert opened == [state]


def test_pause_step_and_cancel_without_waiting_for_the_model(tmp_path: Path, backend: ScriptedBackend) -> None:
    control, states, advanced = Control(paused=True), [], threading.Event()

    def report(what: Report) -> None:
        if isinstance(what, StateChanged):
            states.append(what.state)
        if isinstance(what, Progress):
            advanced.set()

    engine._REPORT_EVERY = 0
    setup = config(tmp_path, "full", "bm25")
    failure: list[BaseException] = []

    def body() -> None:
        try:
            engine.run(setup, report=report, control=control)
        except Cancelled as error:
            failure.append(error)

    thread = threading.Thread(target=body)
    thread.start()
    control.step()
    assert advanced.wait(20)
    deadline = time.monotonic() + 20
    while True:  # the turn's second lane and its probes may still be under way
        with TraceReader(setup.path) as reader:
            if reader.last_turn(1) == 0 or time.monotonic() > deadline:
                break
    backend.pause = 30
    control.resume()
    while not backend.waiting and time.monotonic() < deadline:
        pass
    control.cancel()
    thread.join(20)  # the call under way would take longer than this: it is left where it is
    assert not thread.is_alive() and failure and states[-1] == "cancelled"
    with TraceReader(setup.path) as reader:
        assert 0 <= reader.last_turn(1) <= 2


@dataclass
class Failing(MemoryStrategy):
    name: ClassVar[str] = "failing"

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        log.write(turn.said, "turn")
        if turn.index == 3:
            raise RuntimeError("a defect")

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        if len(log.state) > 8:
            raise RuntimeError("another")
        return Recall(tuple(Span(i.text) for i in log.state.active()))


def test_a_defect_in_a_strategy_costs_its_own_turn_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "STRATEGIES", registry.STRATEGIES | {"failing": f"{__name__}:Failing"})
    alone = lane_events(engine.run(config(tmp_path, "full", out=tmp_path / "alone.mnemo")))
    path = engine.run(config(tmp_path, "failing", "full"))
    beside = lane_events(path)
    key = next(k for k in beside if k[1] == "full")
    assert beside[key] == alone[key]
    with TraceReader(path) as reader:
        failed = list(reader.events(1, 1, [Kind.LANE_FAILED]))
        assert "a defect" in failed[0].payload["message"] and failed[0].turn == 3
        assert any("another" in e.payload["message"] for e in failed[1:])
        written = [e.turn for e in reader.events(1, 1, [Kind.WRITTEN])]
        assert written == [t for t in range(12) if t != 3]
        assert len(list(reader.events(1, 1, [Kind.SCORED]))) == 4


BAD: tuple[Callable[[MemoryLog], object], ...] = (
    lambda log: log.write(17, "turn"),  # type: ignore[arg-type]
    lambda log: log.write(None, "turn"),  # type: ignore[arg-type]
    lambda log: log.write("a", "turn", things={1, 2}),
    lambda log: log.link(log.write("a", "turn").id, log.write("b", "turn").id, weight="heavy"),  # type: ignore[arg-type]
    lambda log: log.write("a", "turn", names={(1, 2): 3}),
    lambda log: log.write("a", "turn", turns=["1"]),  # type: ignore[list-item]
    lambda log: log.write("a", "turn", many=10**6000),
    lambda log: log.write("a", "turn", deep=reduce(lambda inner, _: [inner], range(5000), [])),
    lambda log: log.update(log.write("a", "turn").id, text=5),
    lambda log: log.note("figure", object()),
    lambda log: log.write("a" * (texts.LONGEST + 1), "turn"),
    lambda log: log.write("a", "turn", id=5),  # type: ignore[arg-type]
)


@dataclass
class Careless(MemoryStrategy):
    """Logs at every turn what no run file can hold."""

    name: ClassVar[str] = "careless"

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        log.write(turn.said, "said")
        BAD[turn.index](log)

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        return Recall((Span(5, label="x"),))  # type: ignore[arg-type]


def test_what_no_run_file_can_hold_costs_its_own_turn_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "STRATEGIES", registry.STRATEGIES | {"careless": f"{__name__}:Careless"})
    path = engine.run(config(tmp_path, "careless", "full"))
    with TraceReader(path) as reader:
        failed = list(reader.events(1, 1, [Kind.LANE_FAILED]))
        assert [e.turn for e in failed if not e.subject] == list(range(len(BAD)))
        assert sum(bool(e.subject) for e in failed) == len(list(reader.events(1, 1, [Kind.SCORED]))) == 4
        assert not list(reader.events(1, 1, [Kind.WRITTEN]))
        assert len(list(reader.events(1, 2, [Kind.TURN_CLOSED]))) == 12
        assert list(problems(reader)) == []
    assert engine.run(config(tmp_path, "careless", "full")) == path  # it goes on: there is nothing left to do


SEEN: list[Any] = []


@dataclass
class Spy(MemoryStrategy):
    name: ClassVar[str] = "spy"

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        SEEN.extend([turn, dict(vars(log)), mind])
        log.write(turn.said, "turn")

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        SEEN.extend([query, log.turn])
        return Recall(())


def test_a_strategy_never_sees_the_answer_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "STRATEGIES", registry.STRATEGIES | {"spy": f"{__name__}:Spy"})
    setup, plain = config(tmp_path, "spy"), session(6, 2)
    turns = tuple(replace(t, source=f"answer_{t.index}", extra={"has_answer": "KEY"}) for t in plain.turns)
    probes = tuple(replace(p, id=f"KEY-{i}", gold=("KEY",), competency="KEY") for i, p in enumerate(plain.probes))
    SEEN.clear()
    (tmp_path / "session-0.json").write_text(json.dumps(replace(plain, turns=turns, probes=probes).to_json()))
    engine.run(setup)
    turns_seen = [s for s in SEEN if isinstance(s, Turn)]
    assert len(turns_seen) == 6 and all(t.source == "" and not t.extra for t in turns_seen)
    flat = " ".join(repr([getattr(s, f.name) for f in fields(s)]) if is_dataclass(s) else str(s) for s in SEEN)
    assert "KEY" not in flat and "answer_" not in flat


def test_a_prompt_that_does_not_fit_is_an_error_event_and_the_run_goes_on(
    tmp_path: Path, backend: ScriptedBackend
) -> None:
    backend.limit = 9
    path = engine.run(config(tmp_path, "a-mem"))
    with TraceReader(path) as reader:
        assert any(e.payload["error"] for e in reader.events(kinds=[Kind.MODEL_CALLED]))
        assert len(list(reader.events(kinds=[Kind.SCORED]))) == 4


def test_how_the_engine_before_died_is_recorded(tmp_path: Path) -> None:
    path = engine.run(config(tmp_path, "full"), crash=Failed("died", "the log", True, 6))
    with TraceReader(path) as reader:
        crashed = next(reader.events(kinds=[Kind.ENGINE_CRASHED]))
        assert crashed.payload == {"signal": 6, "message": "died", "log": "the log"}


@pytest.mark.parametrize(("lanes", "words"), [((), "at least one"), (("full", "full"), "twice"), (("no",), "unknown")])
def test_wrong_lanes(tmp_path: Path, lanes: tuple[str, ...], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        engine.run(replace(config(tmp_path, "full"), lanes=lanes))
    assert issubclass(UsageError, MnemoscopeError) and not (tmp_path / "run.mnemo").exists()


def test_a_lane_that_needs_what_the_model_does_not_say_leaves_no_run(tmp_path: Path, backend: ScriptedBackend) -> None:
    backend.info = replace(backend.info, surprise=False)
    with pytest.raises(UsageError, match="lane 'em-llm' needs how probable words are, which scripted on a server"):
        engine.run(config(tmp_path, "full", "em-llm"))
    assert backend.closed
    engine.run(config(tmp_path, "full"))  # the file was not bound to the lanes that could not be


def test_a_library_without_a_version_is_said_to_be_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    known = engine.versions()
    assert known["mnemoscope"] == __version__ and known["numpy"] == np.__version__

    def version(name: str) -> str:
        if name == "chromadb":
            raise PackageNotFoundError(name)
        return "9"

    monkeypatch.setattr(engine, "version", version)
    assert engine.versions() == {
        "mnemoscope": __version__, "llama-cpp-python": "9", "chromadb": "not installed", "numpy": "9",
    }  # fmt: skip
