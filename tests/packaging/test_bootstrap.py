"""Set-up: what it decides, what it says when something is missing, and that nothing is done twice."""

import ast
import contextlib
import importlib.util
import json
import os
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPT = ROOT / "packaging" / "bootstrap.py"


@pytest.fixture
def bootstrap() -> ModuleType:
    """A fresh copy of the script as a module (``packaging`` itself is the name of another distribution)."""
    spec = importlib.util.spec_from_file_location("mnemoscope_bootstrap", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def venv(bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment that looks set up: its Python is there, and the embedding model."""
    folder = tmp_path / ".venv"
    python = bootstrap.venv_python(folder)
    python.parent.mkdir(parents=True)
    python.touch()
    model = tmp_path / "model.gguf"
    model.touch()
    monkeypatch.setattr(bootstrap, "VENV", folder)
    monkeypatch.setattr(bootstrap, "venv_python", lambda: python)
    monkeypatch.setattr(bootstrap, "STAMP", folder / "stamp.json")
    monkeypatch.setattr(bootstrap, "EMBEDDING_MODEL", model)
    return folder


@pytest.fixture
def installs(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The extras of each time that set-up really had something to do."""
    calls: list[list[str]] = []

    def install(extras: list[str], wanted: dict[str, object]) -> dict[str, object]:
        calls.append(list(extras))
        stamp = {**wanted, "no_model": ""}
        bootstrap.write_stamp(stamp)
        return stamp

    monkeypatch.setattr(bootstrap, "install", install)
    return calls


def executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path


# -- standard library only ---------------------------------------------------------------------------------------------


def test_runs_on_a_bare_python_without_any_package() -> None:
    done = subprocess.run([sys.executable, "-I", "-S", str(SCRIPT), "--help"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(command in done.stdout for command in ("setup", "run", "test", "lint", "bench", "samples", "exec"))


def test_an_old_python_can_read_it_and_say_so() -> None:
    """A Python that is too old must get as far as the line that says so."""
    ast.parse(SCRIPT.read_text(encoding="utf-8"), feature_version=(3, 8))


def test_unknown_command_is_wrong_usage() -> None:
    done = subprocess.run([sys.executable, str(SCRIPT), "fly"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "fly" in done.stderr


# -- when something is to be done --------------------------------------------------------------------------------------


def test_nothing_is_done_twice(bootstrap: ModuleType, venv: Path, installs: list[list[str]]) -> None:
    bootstrap.setup()
    bootstrap.setup()
    assert installs == [[]]


def test_extras_are_added_once_and_kept(bootstrap: ModuleType, venv: Path, installs: list[list[str]]) -> None:
    bootstrap.setup()
    bootstrap.setup(["dev"])
    bootstrap.setup()
    bootstrap.setup(["train"])
    assert installs == [[], ["dev"], ["dev", "train"]]


def test_changed_pins_set_up_again(
    bootstrap: ModuleType, venv: Path, installs: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pins = tmp_path / "constraints.txt"
    monkeypatch.setattr(bootstrap, "CONSTRAINTS", pins)
    pins.write_text("numpy==2.4.6\n", encoding="utf-8")
    bootstrap.setup()
    pins.write_text("numpy==2.4.7\n", encoding="utf-8")
    bootstrap.setup()
    assert len(installs) == 2


def test_an_environment_that_was_removed_or_broken_off_is_set_up_again(
    bootstrap: ModuleType, venv: Path, installs: list[list[str]]
) -> None:
    bootstrap.setup()
    bootstrap.STAMP.write_text("{ half a st", encoding="utf-8")
    bootstrap.setup()
    bootstrap.venv_python().unlink()
    bootstrap.setup()
    assert len(installs) == 3


def test_a_gpu_that_appears_sets_up_again(
    bootstrap: ModuleType, venv: Path, installs: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "cuda_hint", lambda: False)
    bootstrap.setup()
    monkeypatch.setattr(bootstrap, "cuda_hint", lambda: True)
    bootstrap.setup()
    assert len(installs) == 2


def test_a_model_that_cannot_be_had_is_said_each_time_but_not_tried_each_time(
    bootstrap: ModuleType,
    venv: Path,
    installs: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tries: list[Path] = []

    def unreachable(python: Path) -> str:
        tries.append(python)
        return "the package index cannot be reached"

    monkeypatch.setattr(bootstrap, "ensure_embedding_model", unreachable)
    bootstrap.setup()
    bootstrap.EMBEDDING_MODEL.unlink()
    bootstrap.setup()
    bootstrap.setup()
    assert len(tries) == 1
    assert capsys.readouterr().out.count("hashing embedder stands in") == 2
    bootstrap.setup(retry_model=True)
    assert len(tries) == 2
    assert json.loads(bootstrap.STAMP.read_text())["no_model"] == "the package index cannot be reached"


# -- what is missing is said in one line with the remedy ---------------------------------------------------------------


def pip_output(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "--isolated", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "", "PIP_FIND_LINKS": ""},
    )
    assert done.returncode
    return done.stdout + done.stderr


def test_an_unreachable_index_is_explained(bootstrap: ModuleType, tmp_path: Path) -> None:
    index = "http://127.0.0.1:9/simple"  # the discard port: nothing listens there
    log = pip_output("download", "--retries", "1", "--index-url", index, "--dest", str(tmp_path), "mnemoscope-none")
    said = bootstrap.explain_pip(log, "the dependencies")
    assert said.startswith("the package index cannot be reached for the dependencies")
    assert "PIP_INDEX_URL" in said
    assert "\n" not in said


def test_a_version_the_index_does_not_have_is_explained(bootstrap: ModuleType, tmp_path: Path) -> None:
    log = pip_output("download", "--no-index", "--dest", str(tmp_path), "mnemoscope-none==1.0")
    said = bootstrap.explain_pip(log, "the dependencies")
    assert "mnemoscope-none==1.0" in said
    assert "point pip at another" in said


def test_a_full_disk_and_anything_else_are_explained(bootstrap: ModuleType) -> None:
    full = "Installing\nERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"
    assert bootstrap.explain_pip(full, "x").startswith("the disk is full while installing x")
    assert bootstrap.explain_pip("a\nfatal error: no such thing\nz", "x").endswith("fatal error: no such thing")
    assert bootstrap.explain_pip("", "x") == "installing x failed: pip said nothing"


@pytest.mark.skipif(os.name == "nt", reason="compilers are found in another way on Windows")
class TestCompiler:
    def test_none(self, bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("CC", "CXX"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("PATH", str(tmp_path))
        executable(tmp_path / "apt-get", "#!/bin/sh\n")
        with pytest.raises(
            bootstrap.SetupError, match=r"no C/C\+\+ compiler.* - (sudo )?apt-get install -y build-essential"
        ):
            bootstrap.check_compiler()

    def test_without_its_library(self, bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        broken = executable(tmp_path / "c++", "#!/bin/sh\necho 'fatal error: vector: No such file' >&2\nexit 1\n")
        monkeypatch.setenv("CC", str(broken))
        monkeypatch.setenv("CXX", str(broken))
        with pytest.raises(bootstrap.SetupError, match=r"cannot compile C.*vector: No such file"):
            bootstrap.check_compiler()

    def test_one_that_works(self, bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
        try:
            found = bootstrap.check_compiler()
        except bootstrap.SetupError as error:
            pytest.skip(f"no compiler here, llama.cpp came prebuilt: {error}")
        assert Path(found).exists()


def test_a_python_that_is_too_old_or_new(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "PYTHONS", ((4, 1), (4, 2)))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(bootstrap.SetupError, match=r"needs 3\.11 to 3\.13 - "):
        bootstrap.usable_python()
    other = executable(tmp_path / "python4.1", "#!/bin/sh\n")
    assert bootstrap.usable_python() == str(other)


@pytest.mark.skipif(os.name == "nt", reason="Windows' Python brings venv along")
def test_a_python_without_venv(bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian splits the module off; what it prints then is quoted from Debian 12."""
    text = "The virtual environment was not created successfully because ensurepip is not\\navailable."
    python = executable(tmp_path / "python", f"#!/bin/sh\nprintf '{text}'\nexit 1\n")
    monkeypatch.setattr(bootstrap, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(bootstrap, "venv_python", lambda: tmp_path / ".venv" / "bin" / "python")
    with pytest.raises(bootstrap.SetupError, match=r"cannot make virtual environments - .*python3\.\d+-venv"):
        bootstrap.make_venv(str(python))


def test_an_environment_with_another_python_is_not_touched(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "PYTHONS", ((4, 1),))
    monkeypatch.setattr(bootstrap, "venv_python", lambda: Path(sys.executable))
    with pytest.raises(bootstrap.SetupError, match="unsuitable Python - remove it"):
        bootstrap.make_venv(sys.executable)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux shared libraries")
class TestQt:
    def test_works_here(self, bootstrap: ModuleType) -> None:
        assert bootstrap.check_qt(Path(sys.executable)) == "starts offscreen and has a font"
        assert bootstrap.missing_libraries(bootstrap.QT_LIBRARIES) == []

    def test_a_missing_library(self, bootstrap: ModuleType) -> None:
        assert bootstrap.missing_libraries({"libc.so.6": "libc6", "libnowhere.so.9": "libnowhere9"}) == ["libnowhere9"]

    def test_no_font(self, bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        config = tmp_path / "fonts.conf"
        config.write_text('<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd"><fontconfig/>')
        monkeypatch.setenv("FONTCONFIG_FILE", str(config))
        with pytest.raises(bootstrap.SetupError, match="every text would be boxes - "):
            bootstrap.check_qt(Path(sys.executable))

    def test_a_library_that_does_not_load(
        self, bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What is missing comes from the loader, not from the one name that Qt's own error happens to give."""
        python = executable(
            tmp_path / "python", "#!/bin/sh\necho 'libEGL.so.1: cannot open shared object' >&2\nexit 1\n"
        )
        monkeypatch.setattr(bootstrap, "missing_libraries", lambda libraries: ["libegl1", "libgl1"])
        with pytest.raises(bootstrap.SetupError, match=r"Qt misses system libraries - .*libegl1 libgl1"):
            bootstrap.check_qt(python)


# -- building and pinning ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "progress"),
    [
        ("  [35/140] Building CXX object x.o", "25 % (35 of 140)"),
        ("[ 42%] Building CXX object x.o", "42 %"),
        ("-- Installing: /tmp/libllama.so", ""),
        ("", ""),
    ],
)
def test_build_progress(bootstrap: ModuleType, line: str, progress: str) -> None:
    assert bootstrap.build_progress(line) == progress


def test_a_wheel_is_kept_per_version_flags_and_processor(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CMAKE_ARGS", raising=False)
    monkeypatch.setattr(bootstrap, "processor", lambda: "x86_64 flags : fpu avx512f")
    cpu, cuda = bootstrap.cmake_arguments(False), bootstrap.cmake_arguments(True)
    assert (cpu, cuda) == ("-DLLAVA_BUILD=OFF", "-DLLAVA_BUILD=OFF -DGGML_CUDA=on")
    here = {bootstrap.wheel_folder(version, flags) for version in ("0.3.36", "0.3.37") for flags in (cpu, cuda)}
    monkeypatch.setattr(bootstrap, "processor", lambda: "another")
    assert len(here | {bootstrap.wheel_folder("0.3.36", cpu)}) == 5
    monkeypatch.setenv("CMAKE_ARGS", "-DGGML_CUDA=off")
    assert bootstrap.cmake_arguments(True).endswith("-DGGML_CUDA=off")


def test_another_processor_is_set_up_again(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    here = bootstrap.fingerprint(())
    monkeypatch.setattr(bootstrap, "processor", lambda: "another")
    assert bootstrap.fingerprint(()) != here


def test_llama_is_built_without_matrix_tiles(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "processor", lambda: "x86_64 flags : fpu avx512f amx_bf16 amx_tile amx_int8")
    flags = bootstrap.cmake_arguments(False).split()
    assert {"-DGGML_NATIVE=OFF", "-DGGML_AVX512=ON", "-DGGML_AVX512_VNNI=ON"} <= set(flags)
    assert not any("AMX" in flag for flag in flags)


@pytest.mark.skipif(os.name == "nt", reason="shell scripts stand in for the programs")
@pytest.mark.parametrize(
    ("nvcc", "nvidia_smi", "usable"),
    [
        (True, "echo 'GPU 0: NVIDIA H200 (UUID: GPU-1)'", True),
        (False, "echo 'GPU 0: NVIDIA H200 (UUID: GPU-1)'", False),
        (True, "echo 'NVIDIA-SMI has failed: no driver'; exit 9", False),
        (True, "echo 'No devices found.'", False),
        (True, None, False),
    ],
)
def test_cuda_needs_the_compiler_and_a_gpu(
    bootstrap: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    nvcc: bool,
    nvidia_smi: str | None,
    usable: bool,
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    if nvcc:
        executable(tmp_path / "nvcc", "#!/bin/sh\n")
    if nvidia_smi:
        executable(tmp_path / "nvidia-smi", f"#!/bin/sh\n{nvidia_smi}\n")
    assert bootstrap.cuda_usable() is usable


class TestLlama:
    """Which build is wanted, and when the one that is there will do."""

    @pytest.fixture
    def wheel(self, bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """Building makes this wheel; pip does nothing."""
        made = tmp_path / "wheels" / "llama.whl"

        def build(python: Path, version: str, cmake: str, folder: Path, cuda: bool) -> None:
            executable(made, "")

        monkeypatch.setattr(bootstrap, "wheel_folder", lambda version, cmake: made.parent)
        monkeypatch.setattr(bootstrap, "build_llama", build)
        monkeypatch.setattr(bootstrap, "pip", lambda *arguments: "")
        return made

    @pytest.mark.parametrize(
        ("found", "cuda", "kept"),
        [
            (("0.3.36", False), False, True),
            (("0.3.36", True), True, True),
            (("0.3.36", True), False, True),  # a GPU build works on the CPU too
            (("0.3.36", False), True, False),
            (("0.3.35", True), True, False),
            (("0.3.36", False, "libggml.so not found"), False, False),
            ((), False, False),
        ],
    )
    def test_what_works_is_kept(
        self,
        bootstrap: ModuleType,
        wheel: Path,
        monkeypatch: pytest.MonkeyPatch,
        found: tuple[Any, ...],
        cuda: bool,
        kept: bool,
    ) -> None:
        monkeypatch.setattr(bootstrap, "installed_llama", lambda python: bootstrap.Llama(*found))
        assert bootstrap.ensure_llama(Path("python"), cuda) == ([] if kept else [str(wheel)])
        assert wheel.exists() is not kept

    def test_a_wheel_that_does_not_load_is_thrown_away(
        self, bootstrap: ModuleType, wheel: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        executable(wheel, "")
        broken = bootstrap.Llama("0.3.36", problem="its process ended with -4")
        monkeypatch.setattr(bootstrap, "installed_llama", lambda python: broken)
        with pytest.raises(bootstrap.SetupError, match=r"ended with -4.* it is built anew"):
            bootstrap.check_llama(Path("python"), [str(wheel)])
        assert not wheel.exists()

    def test_the_one_of_this_environment(self, bootstrap: ModuleType) -> None:
        found = bootstrap.installed_llama(Path(sys.executable))
        assert found.version == bootstrap.pinned("llama-cpp-python")
        assert not found.problem

    def test_one_that_takes_its_process_down(self, bootstrap: ModuleType, tmp_path: Path) -> None:
        python = executable(tmp_path / "python", "#!/bin/sh\necho '\"0.3.36\"'\nkill -ILL $$\n")
        assert bootstrap.installed_llama(python) == ("0.3.36", False, "its process ended with -4")


def test_pins_are_found_however_the_name_is_written(bootstrap: ModuleType, tmp_path: Path) -> None:
    pins = tmp_path / "constraints.txt"
    pins.write_text("# comment\nllama_cpp_python==0.3.36\nPySide6_Essentials==6.11.3 ; python_version<'3.14'\n")
    assert bootstrap.pinned("llama-cpp-python", pins) == "0.3.36"
    assert bootstrap.pinned("pyside6-essentials", pins) == "6.11.3"
    with pytest.raises(bootstrap.SetupError, match="does not pin torch"):
        bootstrap.pinned("torch", pins)


def test_what_a_program_prints_becomes_progress(bootstrap: ModuleType) -> None:
    seen: list[str] = []
    step: Any = type("Recorder", (), {"progress": lambda self, text: seen.append(text)})()
    program = "import sys; print('[1/2] a'); print('plain', file=sys.stderr, flush=True); print('[2/2] b'); sys.exit(3)"
    code, log = bootstrap.stream(
        [sys.executable, "-u", "-c", program], dict(os.environ), step, bootstrap.build_progress
    )
    assert code == 3
    assert log.splitlines() == ["[1/2] a", "plain", "[2/2] b"]
    assert {"50 % (1 of 2)", "100 % (2 of 2)"} <= set(seen)


# Set-up that builds as pip does: a program that starts another one, which says that it is there and stays.
BUILDS = """
import os, sys
sys.path.insert(0, {folder!r})
import bootstrap
STAYS = "import signal; held = open({fifo!r}, 'w'); print('begun', flush=True); signal.pause()"
command = ["sh", "-c", '"$0" -c "$1" & wait', sys.executable, STAYS]
def build(line):
    return print(line, flush=True) or ""
def setup(*_, **__):
    if {way!r} == "stream":
        return bootstrap.stream(command, dict(os.environ), bootstrap.Step("building"), build)
    return bootstrap.call([sys.executable, *sys.argv, "stream"])
if sys.argv[1:]:
    setup = lambda *_, **__: bootstrap.stream(command, dict(os.environ), bootstrap.Step("building"), build)
bootstrap.setup, bootstrap.PATIENCE = setup, 1
bootstrap.heed_signals()
sys.exit(bootstrap.main(["setup"]))
"""


@pytest.mark.skipif(os.name == "nt", reason="groups of processes of POSIX")
@pytest.mark.parametrize("way", ["stream", "call"])
@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_build_that_is_broken_off_leaves_nothing_running(tmp_path: Path, name: str, code: int, way: str) -> None:
    fifo, program = tmp_path / "alive", tmp_path / "builds.py"
    os.mkfifo(fifo)
    program.write_text(BUILDS.format(folder=str(SCRIPT.parent), fifo=str(fifo), way=way))
    alive = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    with subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout and process.stdout.readline() == b"begun\n"
        os.set_blocking(alive, True)
        process.send_signal(signal.Signals[name])
        assert process.wait(60) == code
    assert select.select([alive], [], [], 60)[0] and os.read(alive, 1) == b""  # nobody has it open any more
    os.close(alive)


def test_a_step_prints_one_line_with_its_time(bootstrap: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with bootstrap.Step("Qt") as step:
        step.progress("not yet")
        step.result = "draws text"
    out = capsys.readouterr().out
    assert out.startswith("  Qt: draws text (") and out.endswith(" s)\n") and out.count("\n") == 1


def test_set_up_always_brings_inference(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(bootstrap, "pip", lambda python, arguments, step, what: asked.extend(arguments) or "")
    bootstrap.ensure_packages(Path("python"), [], [])
    bootstrap.ensure_packages(Path("python"), ["llama.whl"], ["dev"])
    assert asked[-1] == f"{ROOT}[dev,llama]" and f"{ROOT}[llama]" in asked


def test_a_package_has_llama_for_any_processor_unless_told_otherwise(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    built: list[str] = []

    def build(python: Path, version: str, cmake: str, folder: Path, cuda: bool, resumable: bool) -> None:
        built.append(cmake)
        folder.mkdir(parents=True)
        (folder / "llama.whl").touch()

    monkeypatch.setattr(bootstrap, "build_llama", build)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    assert bootstrap.portable_llama(Path("python"), ["--native"]) == [] == built
    first = bootstrap.portable_llama(Path("python"), [])
    assert first == bootstrap.portable_llama(Path("python"), ["--out", "elsewhere"])  # kept
    assert len(built) == 1 and "-DGGML_CPU_ALL_VARIANTS=ON" in built[0] and "-DGGML_NATIVE=OFF" in built[0]
    assert first[0] == "--libraries" and Path(first[1]).is_file()


def test_a_build_for_any_processor_goes_on_where_it_was_broken_off(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """pip stands in: it brings a source distribution, and its first build compiles half."""
    asked: list[str] = []

    def pip(python: Path, arguments: list[str], step: object, what: str, **environment: str) -> str:
        asked.append(arguments[0])
        if arguments[0] == "download":
            made = tmp_path / "llama_cpp_python-0.3.36"
            made.mkdir()
            (made / "pyproject.toml").write_text("[project]")
            place = Path(arguments[arguments.index("--dest") + 1])
            shutil.make_archive(str(place / made.name), "gztar", tmp_path, made.name)
            return ""
        source, build = Path(arguments[-1]), Path(arguments[-2].removeprefix("build-dir="))
        assert (source / "pyproject.toml").read_text() == "[project]" and environment["CMAKE_ARGS"] == "-DX=ON"
        if not build.exists():
            build.mkdir()
            (build / "half.o").touch()
            raise bootstrap.SetupError("broken off")
        assert (build / "half.o").exists()
        (Path(arguments[arguments.index("--wheel-dir") + 1]) / "llama.whl").write_text("whole")
        return ""

    monkeypatch.setattr(bootstrap, "pip", pip)
    monkeypatch.setattr(bootstrap, "check_compiler", lambda: "cc")
    folder = tmp_path / "wheels" / "key"
    with pytest.raises(bootstrap.SetupError, match="broken off"):
        bootstrap.build_llama(Path("python"), "0.3.36", "-DX=ON", folder, False, resumable=True)
    assert not folder.exists()
    bootstrap.build_llama(Path("python"), "0.3.36", "-DX=ON", folder, False, resumable=True)
    assert asked == ["download", "wheel", "wheel"]
    assert [p.name for p in folder.parent.iterdir()] == ["key"] and (folder / "llama.whl").read_text() == "whole"


# -- running -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def calls(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[list[str]]:
    """The programs that would be run, without the Python in front."""
    made: list[list[str]] = []

    def call(arguments: list[object], **environment: str) -> int:
        made.append([str(argument) for argument in arguments][1:])
        return 0

    monkeypatch.setattr(bootstrap, "setup", lambda *extras: Path("python"))
    monkeypatch.setattr(bootstrap, "call", call)
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    return made


def test_with_a_display_the_window_opens_on_the_recorded_run(
    bootstrap: ModuleType, calls: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "has_display", lambda: True)
    monkeypatch.setattr(bootstrap, "missing_libraries", lambda libraries: [])
    assert bootstrap.run([]) == 0
    assert bootstrap.run(["mine.mnemo"]) == 0
    # Without a file the window opens the sample by itself, at its most telling probe, and says that it is one.
    assert calls == [["-m", "ui"], ["-m", "ui", "mine.mnemo"]]


def test_without_a_display_the_session_is_replayed_reported_and_drawn(
    bootstrap: ModuleType, calls: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "has_display", lambda: False)
    assert bootstrap.run([]) == 0
    assert [call[1] for call in calls] == ["workbench", "workbench", "workbench", "ui"]
    assert [call[2] for call in calls[:3]] == ["run", "score", "export"]
    assert "--tour" in calls[3]
    assert calls[0].count("--lane") == 5
    out = capsys.readouterr().out
    assert all(name in out for name in ("sample.mnemo", "report.html", "tour"))


def test_a_program_that_fails_ends_the_command_with_its_code(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "setup", lambda *extras: Path(sys.executable))
    monkeypatch.setattr(bootstrap, "has_display", lambda: False)
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)  # where no package workbench is … but it is installed
    monkeypatch.setattr(bootstrap, "SAMPLES", tmp_path / "nowhere")
    with pytest.raises(SystemExit) as stopped:
        bootstrap.run([])
    assert stopped.value.code not in (0, None)
    assert "the replay failed" in capsys.readouterr().err


def test_a_process_that_a_signal_ended_counts_as_failed(bootstrap: ModuleType) -> None:
    if os.name == "nt":
        pytest.skip("no signals on Windows")
    assert bootstrap.call([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"]) == 128 + 9


def test_lint_runs_every_check_even_when_one_fails(
    bootstrap: ModuleType, calls: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = iter([0, 1, 0, 0])
    record = bootstrap.call
    monkeypatch.setattr(bootstrap, "call", lambda arguments: record(arguments) or next(codes))
    assert bootstrap.lint([]) == 1
    assert len(calls) == 4


def test_samples_are_made_again_and_the_run_replaces_the_old_one_only_when_it_is_whole(
    bootstrap: ModuleType, calls: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "SAMPLES", tmp_path)
    old, part = tmp_path / "mixed-long.mnemo", tmp_path / "mixed-long.part.mnemo"
    old.write_text("old")
    part.write_text("broken off")
    record = bootstrap.call

    def call(arguments: list[object]) -> int:
        if "run" in arguments:
            assert not part.exists()
            with contextlib.closing(sqlite3.connect(part)) as connection:
                assert connection.execute("PRAGMA journal_mode=WAL").fetchone() == ("wal",)
                connection.execute("CREATE TABLE event(id)")
            part.with_name(f"{part.name}.lock").touch()
        return record(arguments)

    monkeypatch.setattr(bootstrap, "call", call)
    monkeypatch.setattr(bootstrap, "LARGEST_RUN", 2)
    with pytest.raises(bootstrap.SetupError, match="record fewer turns or lanes"):
        bootstrap.samples(["--run"])
    assert old.read_text() == "old"
    monkeypatch.setattr(bootstrap, "LARGEST_RUN", 100_000)
    assert bootstrap.samples([]) == 0
    with contextlib.closing(sqlite3.connect(f"{old.as_uri()}?mode=ro", uri=True)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert connection.execute("SELECT count(*) FROM event").fetchone() == (0,)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mixed-long.mnemo"]
    assert [Path(call[0]).name for call in calls] == ["-m", "make_samples.py", "-m"]
