"""What the engine process does with a command; its process itself is in test_supervisor.py."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from tests.support.backends import ScriptedBackend
from tests.support.runs import config, lane_events
from tests.support.traces import session
from workbench.engine import main, run
from workbench.engine.control import Control
from workbench.engine.protocol import (
    Annotate,
    Answered,
    Cancel,
    Failed,
    Pause,
    Report,
    Resume,
    Shutdown,
    Start,
    StateChanged,
    Step,
)
from workbench.engine.questions import Questions


@pytest.fixture
def pipe() -> Iterator[tuple[Connection, Connection]]:
    """The window's end and the engine's."""
    ours, theirs = Pipe()
    yield ours, theirs
    ours.close()
    theirs.close()


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[ScriptedBackend]:
    """Backends in the order in which they are opened."""
    made: list[ScriptedBackend] = []

    def opening(options: Any) -> ScriptedBackend:
        made.append(ScriptedBackend())
        return made[-1]

    monkeypatch.setattr(main, "open_backend", opening)
    monkeypatch.setattr(run, "_open", opening)
    return made


def done(
    pipe: tuple[Connection, Connection], job: Any, kept: main._Kept, control: Control | None = None
) -> list[Report]:
    """What the window hears of a job."""
    hand = main._Hand()
    hand.control = control or Control()
    main._do(job, pipe[1], hand, Questions(), kept)
    heard = []
    while pipe[0].poll():
        heard.append(pipe[0].recv())
    return heard


def test_the_model_stays_for_the_next_run_of_many_that_wants_the_same(
    tmp_path: Path, pipe: tuple[Connection, Connection], opened: list[ScriptedBackend]
) -> None:
    kept, sessions = main._Kept(), (session(4, 1),)
    for number, seed in enumerate((0, 0, 1)):
        setup = config(tmp_path, "full", seed=seed, out=tmp_path / f"{number}.mnemo")
        heard = done(pipe, Start(setup, sessions=sessions), kept)
        assert heard[-1] == StateChanged("finished") and lane_events(setup.path)
    assert [b.closed for b in opened] == [True, False], "one for each seed, the last one open"
    done(pipe, Start(config(tmp_path, "full", out=tmp_path / "file.mnemo")), kept)
    assert [b.closed for b in opened] == [True, True, True], "a run of session files opens and closes its own"


@pytest.mark.parametrize("error", [RuntimeError("a defect"), KeyError("x")])
def test_a_defect_is_told_with_its_place_and_the_engine_goes_on(
    tmp_path: Path,
    pipe: tuple[Connection, Connection],
    opened: list[ScriptedBackend],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
) -> None:
    kept, setup, real = main._Kept(), config(tmp_path, "full"), main.run

    def broken(*given: Any, **named: Any) -> None:
        raise error

    monkeypatch.setattr(main, "run", broken)
    [failed] = done(pipe, Start(setup, sessions=(session(4, 1),)), kept)
    assert isinstance(failed, Failed) and failed.message == f"the engine failed: {type(error).__name__}: {error}"
    assert "in broken" in failed.log and not failed.crashed and opened[0].closed
    assert "in broken" in capsys.readouterr().err, "the engine's log has it, too"
    monkeypatch.setattr(main, "run", real)
    assert done(pipe, Start(setup), kept)[-1] == StateChanged("finished")


def test_what_a_person_can_mend_is_told_in_a_line(tmp_path: Path, pipe: tuple[Connection, Connection]) -> None:
    answered, failed = done(pipe, Annotate(tmp_path / "no.mnemo", 1, "me", "look"), main._Kept())
    assert isinstance(answered, Answered)
    assert isinstance(failed, Failed) and "no such run file" in failed.message and failed.log == ""


def test_a_run_whose_window_is_gone_is_cancelled(
    tmp_path: Path, pipe: tuple[Connection, Connection], opened: list[ScriptedBackend]
) -> None:
    pipe[0].close()
    control, hand = Control(), main._Hand()
    hand.control = control
    main._do(Start(config(tmp_path, "full")), pipe[1], hand, Questions(), main._Kept())
    assert control.cancelled and opened[0].closed


def test_commands_reach_the_run_that_is_under_way_and_the_end_of_the_pipe_ends_it(
    tmp_path: Path, pipe: tuple[Connection, Connection]
) -> None:
    window, engine = pipe
    hand, jobs = main._Hand(), SimpleQueue[Any]()
    first = hand.control
    start, remark = Start(config(tmp_path), paused=True), Annotate(tmp_path / "a", 1, "me", "look")
    for command in (start, Step(), Step(), remark, Cancel(), Pause()):
        window.send(command)
    window.close()
    main._listen(engine, jobs, hand)
    assert [jobs.get() for _ in range(3)] == [start, remark, None] and jobs.empty()
    assert hand.control.cancelled and not first.cancelled, "a control of its own for each"
    hand.control = Control()
    for command, paused, steps in ((Pause(), True, 0), (Step(), True, 1), (Step(), True, 2), (Resume(), False, 0)):
        hand.take(command)
        assert (hand.control._paused, hand.control._steps, hand.control.cancelled) == (paused, steps, False)
    hand.take(Shutdown())
    assert hand.control.cancelled


def test_another_setting_of_the_model_is_another_model(tmp_path: Path, opened: list[ScriptedBackend]) -> None:
    kept, setup = main._Kept(), config(tmp_path, "full")
    first = kept.of(setup)
    assert kept.of(replace(setup, lanes=("bm25",), capture="off")) is first
    for other in (replace(setup, threads=3), replace(setup, context=512), replace(setup, model="x.gguf")):
        assert kept.of(other) is not first
    assert len(opened) == 4 and [b.closed for b in opened] == [True, True, True, False]
    kept.close()
    kept.close()
    assert opened[-1].closed
