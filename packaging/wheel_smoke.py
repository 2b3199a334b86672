#!/usr/bin/env python3
"""Installs a wheel or sdist in a bare environment and tries it from elsewhere, without a display.

    python packaging/wheel_smoke.py FILE [--llama WHEEL] [--packages FOLDER]

Without llama.cpp the program plays back: the recorded sample run is scored, explained, exported and shown, and what
needs inference says how to get it. With ``--llama`` a built wheel of llama-cpp-python is installed, too, and the self
test runs. With ``--packages`` what it needs is lent from another environment's ``site-packages`` instead of installed
from the index; never llama.cpp.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = ROOT / "packaging" / "constraints.txt"
WINDOWS = os.name == "nt"
# What stays out of a lent environment: the program itself, inference, and what installs.
NOT_LENT = ("llama_cpp", "mnemoscope", "__editable__", "__pycache__", "pip", "setuptools", "distutils", "_distutils")


class SmokeError(Exception):
    """What went wrong, in one line and the end of what was printed."""


class Installed:
    """The environment: bare, in a folder of its own, with a home that is its own, too."""

    def __init__(self, work: Path) -> None:
        self.folder, self.place = work / "venv", work / "place"
        self.place.mkdir()
        venv.create(self.folder, with_pip=True)
        self.programs = self.folder / ("Scripts" if WINDOWS else "bin")

    def pip(self, *arguments: str) -> None:
        """Install something, with the pinned versions."""
        self.run("python", "-m", "pip", "install", "-q", "--constraint", str(CONSTRAINTS), *arguments, own=False)

    def lend(self, site: Path) -> None:
        """Link to the packages of another environment."""
        own = Path(self.run("python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
        for entry in site.resolve().iterdir():
            if not entry.name.startswith(NOT_LENT) and not (own / entry.name).exists():
                (own / entry.name).symlink_to(entry, entry.is_dir())

    def run(self, program: str, *arguments: str, code: int = 0, own: bool = True) -> str:
        """Run a program of the environment; what it printed. ``own``: with nothing of this process's environment."""
        inherited = {} if own else dict(os.environ)
        inherited.pop("PYTHONPATH", None)
        home = {"HOME": str(self.place), "MNEMOSCOPE_HOME": str(self.place / "home"), "QT_QPA_PLATFORM": "offscreen"}
        needed = {name: os.environ[name] for name in ("SYSTEMROOT", "TEMP") if name in os.environ}
        environment = {**inherited, **(home if own else {}), **needed, "PYTHONDONTWRITEBYTECODE": "1"}
        command = [str(self.programs / program), *arguments]
        done = subprocess.run(command, cwd=self.place, env=environment, capture_output=True, timeout=3600)
        said = done.stdout.decode("utf-8", "replace") + done.stderr.decode("utf-8", "replace")
        if done.returncode != code:
            raise SmokeError(f"{program} {' '.join(arguments)} ended with {done.returncode}: {said[-2000:]}")
        return said

    def sample(self, name: str) -> str:
        """A sample of the installation, by its file's name."""
        return str(next(self.folder.rglob(f"sample_sessions/{name}")))


def playback(installed: Installed) -> Iterator[str]:
    """Everything that works on a recorded run without llama.cpp."""
    run = installed.sample("mixed-long.mnemo")
    yield installed.run("mnemoscope", "--version").strip()
    yield f"score: {len(installed.run('mnemoscope', 'score', run).splitlines())} lines"
    yield f"explain: {len(installed.run('mnemoscope', 'explain', run).splitlines())} lines"
    installed.run("mnemoscope", "export", run, "--html", "report.html")
    yield f"report: {(installed.place / 'report.html').stat().st_size >> 10} KiB"
    installed.run("mnemoscope-ui", "--tour", "tour")
    yield f"window: {len(list((installed.place / 'tour').glob('*.png')))} pictures"
    for arguments in _needing(run, installed.sample("accurate-retrieval.json")):
        said = installed.run("mnemoscope", *arguments, code=1)
        if "mnemoscope[llama]" not in said or "Traceback" in said:
            raise SmokeError(f"`{' '.join(arguments)}` without llama.cpp does not say how to get it: {said[-500:]}")
        yield f"{arguments[0]}: {said.strip().splitlines()[-1]}"


def _needing(run: str, session: str) -> Iterator[tuple[str, ...]]:
    """Commands that need inference."""
    yield "run", session, "--lane", "full", "--out", "run.mnemo"
    yield "rerun", run, "--out", "again.mnemo"
    yield "explain", run, "--confirm"
    yield "surprise", run, "--turn", "1"
    yield "judge", run, "--model", "demo"


def inference(installed: Installed) -> Iterator[str]:
    """What llama.cpp is for; without sentence embeddings, which set-up obtains."""
    lines = installed.run("mnemoscope", "selftest", "--embedder", "hash").strip().splitlines()
    yield f"selftest: {lines[-1].removeprefix('ok').strip()}"


def smoke(file: Path, llama: Path | None, packages: Path | None = None) -> None:
    """Install the file and try it. Raises ``SmokeError``."""
    with tempfile.TemporaryDirectory(prefix="mnemoscope-wheel-", ignore_cleanup_errors=True) as work:
        installed = Installed(Path(work))
        if packages is not None:
            installed.lend(packages)
        installed.pip(*(["--no-deps"] if packages is not None else []), str(file.resolve()))
        print(f"ok    {file.name} is installed", flush=True)
        for found in playback(installed):
            print(f"ok    {found}", flush=True)
        if llama is not None:
            installed.pip(str(llama.resolve()))
            for found in inference(installed):
                print(f"ok    {found}", flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Read the command line; the exit code."""
    parser = argparse.ArgumentParser(prog="wheel_smoke.py", description="Tries a wheel or sdist.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--llama", type=Path, help="a wheel of llama-cpp-python for this machine")
    parser.add_argument("--packages", type=Path, metavar="FOLDER", help="another environment's site-packages")
    options = parser.parse_args(argv)
    try:
        smoke(options.file, options.llama, options.packages)
    except SmokeError as error:
        print(f"wheel_smoke: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
