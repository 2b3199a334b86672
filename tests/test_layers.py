"""The layer rules that a static check cannot see: what is really loaded when the engine or the window is imported."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Imports every module it is handed, in a process where the named packages cannot be imported at all.
PROBE = """
import importlib, importlib.abc, json, sys

blocked, modules = json.loads(sys.argv[1]), json.loads(sys.argv[2])

class Wall(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ImportError(f"{name} is behind the wall")

sys.meta_path.insert(0, Wall())
failures = {}
for module in modules:
    try:
        importlib.import_module(module)
    except Exception as error:
        failures[module] = f"{type(error).__name__}: {error}"
print(json.dumps(failures))
"""


def modules_of(package: str) -> Iterator[str]:
    """Every module of the package by its dotted name; ``__main__`` would run the program, so it is left out."""
    for path in sorted((ROOT / package).rglob("*.py")):
        if path.name == "__main__.py":
            continue
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def import_without(blocked: list[str], modules: list[str]) -> dict[str, str]:
    """The modules that cannot be imported without those packages, each with the error."""
    command = [sys.executable, "-c", PROBE, json.dumps(blocked), json.dumps(modules)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    failures: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return failures


QT = ["PySide6", "shiboken6", "pyqtgraph", "qtawesome", "qtpy"]
HEAVY = ["llama_cpp", "chromadb", "torch"]


def test_the_engine_imports_without_qt_and_loads_nothing_heavy() -> None:
    assert import_without([*QT, *HEAVY, "ui"], list(modules_of("workbench"))) == {}


def test_the_window_imports_without_inference_library_and_vector_store() -> None:
    assert import_without(HEAVY, list(modules_of("ui"))) == {}


def test_the_wall_holds() -> None:
    """The probe itself can fail: what is behind the wall is reported, and only that."""
    failures = import_without(["workbench"], ["workbench.errors", "json"])
    assert list(failures) == ["workbench.errors"]
    assert "behind the wall" in failures["workbench.errors"]
