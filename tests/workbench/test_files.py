"""Files are written whole or not at all, and nothing that is not a plain text file is ever replaced by one."""

import os
import stat
import threading
from pathlib import Path

import pytest

from tests.support.runs import session_file
from tests.support.traces import write_trace
from workbench import cli
from workbench.errors import MnemoscopeError
from workbench.files import write_text

posix = pytest.mark.skipif(os.name == "nt", reason="links, pipes and permissions of POSIX")


def test_a_file_appears_whole_with_its_folder(tmp_path: Path) -> None:
    write_text(tmp_path / "new" / "a.txt", "grüße \ud800")
    assert (tmp_path / "new" / "a.txt").read_text("utf-8") == "grüße ?"
    assert [f.name for f in (tmp_path / "new").iterdir()] == ["a.txt"]


@posix
def test_what_is_written_keeps_who_may_read_it(tmp_path: Path) -> None:
    file, before = tmp_path / "a.txt", os.umask(0o077)
    try:
        write_text(file, "mine")
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        file.chmod(0o640)
        write_text(file, "ours")
        assert (stat.S_IMODE(file.stat().st_mode), file.read_text()) == (0o640, "ours")
    finally:
        os.umask(before)


@posix
def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link, target, loop = tmp_path / "link", tmp_path / "there" / "a.txt", tmp_path / "loop"
    link.symlink_to(target)
    for text in ("one", "two"):
        write_text(link, text)
        assert link.is_symlink() and target.read_text() == text
    loop.symlink_to(loop)
    with pytest.raises(MnemoscopeError, match="cannot be written"):
        write_text(loop, "x")


@posix
def test_a_pipe_is_written_into_and_stays_one(tmp_path: Path) -> None:
    pipe, heard = tmp_path / "pipe", [b""]
    os.mkfifo(pipe)
    with pytest.raises(MnemoscopeError, match="cannot be written"):
        write_text(pipe, "nobody reads")
    end = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(end, True)

    def hear() -> None:
        with open(end, "rb") as stream:
            heard[0] = stream.read()

    reader = threading.Thread(target=hear)
    write_text(pipe, "x")  # opened before anybody reads, so that the reader meets an end
    reader.start()
    reader.join()
    assert heard == [b"x"] and stat.S_ISFIFO(pipe.stat().st_mode)


@posix
def test_a_device_stays_one(tmp_path: Path) -> None:
    null = Path(os.devnull)
    write_text(null, "gone")
    assert stat.S_ISCHR(null.stat().st_mode)
    if Path("/dev/full").exists():
        with pytest.raises(MnemoscopeError, match="No space left on device"):
            write_text(Path("/dev/full"), "x")
        assert stat.S_ISCHR(Path("/dev/full").stat().st_mode)


@posix
@pytest.mark.skipif(os.name != "nt" and os.getuid() == 0, reason="root may write everything")
def test_a_file_that_is_protected_stays(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("mine")
    file.chmod(0o444)
    with pytest.raises(MnemoscopeError, match="Permission denied"):
        write_text(file, "x")
    assert file.read_text() == "mine"


def test_neither_a_run_nor_what_is_read_is_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, session = write_trace(tmp_path / "run.mnemo", turns=4, items=2, probes=1), session_file(tmp_path, 4, 1)
    other = write_trace(tmp_path / "other.mnemo", turns=4, items=2, probes=1)
    before = {path: path.read_bytes() for path in (run, session, other)}
    for command, code in (
        (["convert", run, "--out", run], 2),
        (["convert", session, "--out", session], 2),
        (["convert", session, "--out", other], 1),
        (["export", run, "--html", run], 1),
        (["export", run, "--html", other], 1),
        (["export", run, "--otel", other], 1),
        (["export", session, "--atif", run], 1),
        (["synth", "conflict-resolution", "--out", other], 1),
    ):
        assert cli.main([str(part) for part in command]) == code, command
        assert "would be gone" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in before} == before
