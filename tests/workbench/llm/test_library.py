"""Which llama.cpp is loaded: the bindings' own, or the one that ``LLAMA_CPP_LIB_PATH`` names."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.errors import ModelError
from workbench.llm import library as library_module
from workbench.llm.library import library

ASK = "from workbench.llm.library import library; found = library(); print(found.folder, found.devices()[0][0])"


def asked(folder: Path) -> subprocess.CompletedProcess[str]:
    """Load the library in a process of its own, with that folder named."""
    code = (
        f"import sys\ntry:\n    {ASK}\nexcept Exception as error:\n    sys.exit(f'{{type(error).__name__}}: {{error}}')"
    )
    environment = {**os.environ, "LLAMA_CPP_LIB_PATH": str(folder), "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)


@pytest.fixture
def own_build(tmp_path: Path) -> Path:
    """A folder of llama.cpp elsewhere: the installed libraries, linked."""
    spec = importlib.util.find_spec("llama_cpp")
    assert spec and spec.origin
    folder = tmp_path / "my build"
    folder.mkdir()
    for file in (Path(spec.origin).parent / "lib").iterdir():
        (folder / file.name).symlink_to(file)
    return folder


def test_another_build_is_loaded_as_a_whole(own_build: Path) -> None:
    done = asked(own_build)
    assert done.stdout.split("\n")[0] == f"{own_build} CPU", done.stderr


def test_a_folder_without_it_is_one_line_that_names_the_variable(tmp_path: Path) -> None:
    done = asked(tmp_path)
    assert done.stderr.startswith("ModelError: llama_cpp cannot be loaded: ") and done.returncode == 1
    assert "LLAMA_CPP_LIB_PATH must name the folder" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.skipif(not library_module.processor_flags(), reason="no Linux on x86")
def test_a_processor_that_lacks_what_it_was_built_with_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    present = library_module.processor_flags()
    library()._check_processor()  # this one has everything
    needed = [name for name in library_module._NEEDS if library()._built_with(name)]
    if not needed:
        pytest.skip("a build with run-time dispatch runs on any")
    without = present - {library_module._NEEDS[needed[0]]}
    monkeypatch.setattr(library_module, "processor_flags", lambda: without)
    with pytest.raises(ModelError, match=f"with {needed[0].upper()}, which this one lacks - .*recorded runs open"):
        library()._check_processor()


def test_no_library_is_loaded_twice() -> None:
    """A second copy would have a registry of devices of its own."""
    maps = Path("/proc/self/maps")
    if not maps.exists():
        pytest.skip("no /proc to ask")
    library()
    loaded = {line.split()[-1] for line in maps.read_text().splitlines() if "/libggml" in line}
    stems = [Path(path).name.partition(".so")[0] for path in loaded]
    assert sorted(stems) == sorted(set(stems)) and "libggml" in stems


def test_what_it_computes_with_is_told_in_ggmls_names() -> None:
    found = library().instructions()
    assert found and all(name.isupper() and not name.isdigit() for name in found)
    flags = Path("/proc/cpuinfo")
    if flags.exists() and "x86" in os.uname().machine:
        assert ("AVX2" in found) <= (" avx2 " in flags.read_text())
