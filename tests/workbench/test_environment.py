"""What surrounds the program is wrong: one clear line, nothing lost, exit code 1 or 2."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.backends import ScriptedBackend
from tests.support.runs import config, lane_events, session_file
from tests.support.traces import write_trace
from workbench import cli, console, paths
from workbench.engine import run as engine
from workbench.errors import MnemoscopeError, UsageError
from workbench.llm.gguf_file import sha256

Capture = pytest.CaptureFixture[str]
DEMO = ("--embedder", "hash", "--threads", "1")


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> ScriptedBackend:
    scripted = ScriptedBackend()
    monkeypatch.setattr(engine, "_open", lambda config: scripted)
    return scripted


def fails(capsys: Capture, *arguments: object) -> tuple[int, str]:
    """Exit code and the one line of a command that must fail."""
    code = cli.main([str(a) for a in arguments])
    line = capsys.readouterr().err.splitlines()[-1]
    assert code in (1, 2) and "defect" not in line and len(line) < 1100
    return code, line


def shell(root: Path, home: Path, script: str, *values: object) -> subprocess.CompletedProcess[bytes]:
    """Run ``script`` in a shell in which ``$M`` is the program."""
    program = f"{sys.executable} -m workbench"
    environment = os.environ | {"M": program, "PYTHONPATH": str(root), "MNEMOSCOPE_HOME": str(home)}
    return subprocess.run(["sh", "-c", script, "sh", *map(str, values)], env=environment, capture_output=True, cwd=root)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
@pytest.mark.parametrize("command", ["lanes", "lanes --json"])
def test_a_full_standard_output(root: Path, tmp_path: Path, command: str) -> None:
    done = shell(root, tmp_path, f"$M {command} > /dev/full")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        b"mnemoscope: the output cannot be written (No space left on device) - send it elsewhere"
    ]


def test_closed_and_broken_streams(root: Path, tmp_path: Path) -> None:
    run = "$M run $1 --lane bm25 --embedder hash --threads 1 --out $2"
    session, out = session_file(tmp_path, turns=4, probes=1), tmp_path / "a.mnemo"
    done = shell(root, tmp_path, f"{run} 2>&- >&-", session, out)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    want = lane_events(out)
    for number, streams in enumerate(("2>/dev/full >/dev/null", "2>&1 | true", "</dev/null 2>&- | cat >/dev/null")):
        out = tmp_path / f"{number}.mnemo"
        shell(root, tmp_path, f"{run} {streams}", session, out)
        done = shell(root, tmp_path, run, session, out)  # goes on where the reader of its output left
        assert done.returncode == 0
        assert lane_events(out).keys() == want.keys()


# A lane that is sent a signal at turn 3, once: the file that it leaves stops it from doing so again.
SIGNALLED = """
import os
from dataclasses import dataclass
from pathlib import Path
from workbench.memory.strategies.bm25 import BM25

@dataclass
class Signalled(BM25):
    name = "signalled"
    title = "Signalled"

    async def observe(self, turn, mind, log):
        await super().observe(turn, mind, log)
        once = Path(__file__).with_name("sent")
        if turn.index == 3 and not once.exists():
            once.touch()
            os.kill(os.getpid(), {number})
"""


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize(
    ("name", "code", "ignored"),
    [("HUP", 1, False), ("HUP", 0, True), ("QUIT", -3, False), ("PIPE", 0, False), ("TERM", 1, False)],
)
def test_signals_lose_nothing(root: Path, tmp_path: Path, name: str, code: int, ignored: bool) -> None:
    lane, session = tmp_path / "signalled.py", session_file(tmp_path, turns=6, probes=2)
    lane.write_text(SIGNALLED.format(number=int(signal.Signals[f"SIG{name}"])))
    run = f"$M run $1 --lane $2:Signalled --lane bm25 {' '.join(DEMO)} --exact --out"
    done = shell(
        root, tmp_path, f"{f'trap {chr(34) * 2} {name}; ' * ignored}exec {run} $3", session, lane, tmp_path / "a.mnemo"
    )
    assert done.returncode == code, done.stderr
    if code == 1:
        assert "goes on from here" in done.stderr.decode().splitlines()[-1] and b"Traceback" not in done.stderr
    for out in ("a.mnemo", "whole.mnemo"):
        done = shell(root, tmp_path, f"{run} $3", session, lane, tmp_path / out)
        assert done.returncode == 0, done.stderr
    assert lane_events(tmp_path / "a.mnemo") == lane_events(tmp_path / "whole.mnemo")


def test_names_that_are_no_text(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"f\xff")
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("this file system has no names that are no text")
    session = session_file(folder, turns=4, probes=1).rename(folder / os.fsdecode(b"s\xfe\x1b.json"))
    out = folder / os.fsdecode(b"o\xfd.mnemo")
    for command in (
        ["run", session, "--lane", "bm25", *DEMO, "--out", out], ["score", out], ["inspect", session],
        ["export", out, "--html", folder / os.fsdecode(b"r\xfc.html")],
    ):  # fmt: skip
        done = shell(root, tmp_path, '$M "$@"', *command)
        assert done.returncode == 0, done.stderr
        assert b"\x1b" not in done.stdout + done.stderr
    assert out.is_file()


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (("--lane", "bm25:k=-3"), "k is -3 - write a number from 0 to"),
        (("--lane", "window:turns=99999999999"), "write a number from 0 to 1,000,000,000"),
        (("--lane", "hybrid:weight=nan"), "weight is nan - write a number"),
        (("--lane", "hcam:chunk=0"), "chunk is 0 - write a number from 1 to"),
        (("--lane", "memgas:temperature=0"), "temperature is 0.0 - write a number from 0.001 to"),
        (("--lane", "bm25", "--context", "-3"), "--context -3 is out of range"),
        (("--lane", "bm25", "--context", "0"), "--context 0 is out of range"),
        (("--lane", "bm25", "--context", "99999999999"), "--context 99999999999 is out of range"),
        (("--lane", "bm25", "--seed", "-1"), "--seed -1 is out of range"),
        (("--lane", "bm25", "--temperature", "nan"), "--temperature nan is out of range"),
        (("--lane", "bm25", "--thinking", "-5"), "--thinking -5 is out of range"),
    ],
)
def test_figures_that_no_run_can_have(
    capsys: Capture, tmp_path: Path, backend: ScriptedBackend, option: tuple[str, ...], words: str
) -> None:
    code, line = fails(capsys, "run", session_file(tmp_path), *option, "--out", tmp_path / "a.mnemo")
    assert code == 2 and words in line
    assert not (tmp_path / "a.mnemo").exists()


@pytest.mark.parametrize("threads", ["0", "-1", "100000"])
def test_threads_that_the_machine_does_not_have(capsys: Capture, tmp_path: Path, threads: str) -> None:
    out = tmp_path / "a.mnemo"
    command = ("run", session_file(tmp_path), "--lane", "bm25", "--embedder", "hash", "--out", out)
    code, line = fails(capsys, *command, "--threads", threads)
    assert code == 2 and "threads cannot be used - this machine runs 1" in line
    assert cli.main([str(a) for a in (*command, "--threads", "1")]) == 0  # the file is not bound to what failed


def test_places_that_are_no_files(capsys: Capture, tmp_path: Path, backend: ScriptedBackend) -> None:
    session, run = session_file(tmp_path), write_trace(tmp_path / "run.mnemo", turns=4, items=2, probes=1)
    (tmp_path / "full").mkdir()
    for command, words in (
        (("run", session, "--lane", "bm25", "--out", tmp_path), "is a folder"),
        (("run", session, "--lane", "bm25", "--out", session / "a.mnemo"), "cannot be written"),
        (("run", "/dev/zero", "--lane", "bm25", "--out", tmp_path / "b.mnemo"), "/dev/zero"),
        (("inspect", "/dev/zero"), "/dev/zero"),
        (("inspect", tmp_path), str(tmp_path)),
        (("score", "/dev/zero"), "no such run file"),
        (("score", tmp_path), "no such run file"),
        (("convert", run, "--out", tmp_path / "full"), "cannot be written"),
        (("export", run, "--html", tmp_path / "full"), "cannot be written"),
        (("repair", run, "--out", tmp_path / "full"), "is there already"),
    ):
        assert words in fails(capsys, *command)[1], command


def test_a_folder_of_the_users_that_cannot_be_made(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: ScriptedBackend
) -> None:
    (tmp_path / "file").write_text("mine")
    monkeypatch.setenv("MNEMOSCOPE_HOME", str(tmp_path / "file"))
    with pytest.raises(MnemoscopeError, match="set MNEMOSCOPE_HOME to a folder that you can write"):
        paths.runs()
    assert len(sha256(tmp_path / "file")) == 64  # what would only be remembered there
    assert paths.find_model("mnemoscope-demo.gguf")  # what ships with the program
    out = tmp_path / "a.mnemo"
    assert cli.main(["run", str(session_file(tmp_path)), "--lane", "bm25", "--out", str(out)]) == 0
    assert "set MNEMOSCOPE_HOME" in fails(capsys, "models", "list")[1]
    assert (tmp_path / "file").read_text() == "mine"


def test_a_terminal_is_told_and_never_steered(capsys: Capture, tmp_path: Path, backend: ScriptedBackend) -> None:
    evil = "\x1b]0;owned\x07\x1b[2J\r\x9b31mred\x7f\u202egnihtemos"
    shown = console.plain(evil)
    assert not any(c in shown for c in "\x1b\x07\r\x9b\x7f\u202e") and "red" in shown
    assert console.plain("naïve ✓ 日本\n\tשלום") == "naïve ✓ 日本\n␉שלום"
    table = console.table(["a"], [[evil], ["two\nlines"]])
    assert "\x1b" not in table and "two lines" in table
    session = session_file(tmp_path)
    text = session.read_text().replace("moving house", "\\u001b[31mmoving\\u0007")
    session.write_text(text)
    out = tmp_path / "a.mnemo"
    for command in (
        ["run", session, "--lane", "bm25", "--out", out],
        ["score", out],
        ["inspect", session],
        ["x\x1b[0m"],
    ):
        cli.main([str(a) for a in command])
        said = capsys.readouterr()
        assert not any(c in said.out + said.err for c in "\x1b\x07\x9b")


def test_a_line_that_says_what_is_wrong_stays_a_line(capsys: Capture, tmp_path: Path) -> None:
    _, line = fails(capsys, "score", tmp_path / ("x\n" * 90_000))
    assert line.endswith("…")


def test_the_memory_that_a_command_lacks(capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr("workbench.sessions.formats.read", none_left)
    assert "not enough memory" in fails(capsys, "inspect", session_file(tmp_path))[1]


def test_a_run_configuration_says_what_it_cannot_be(tmp_path: Path) -> None:
    config(tmp_path, context=4096, seed=7, temperature=0.5).check()
    with pytest.raises(UsageError, match="--seed"):
        config(tmp_path, seed=1 << 40).check()
