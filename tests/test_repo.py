"""What holds for every file of the repository."""

import ast
import re
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from PySide6.QtWidgets import QApplication, QLabel

ROOT = Path(__file__).resolve().parent.parent
# Spelt in two halves, so that this file does not name them either.
REGISTRY_HOSTS = [
    "pypi" + ".org",
    "pythonhosted" + ".org",
    "conda" + ".anaconda",
    "index" + ".docker",
    "pypi" + "/simple",
]
BIGGEST = 12_000_000  # bytes; the bundled model is the largest thing that is meant to be here


def repository_files() -> list[Path]:
    """Files that are committed or would be; skips where this is no git checkout (an unpacked archive)."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("git is not installed")
    if listed.returncode:
        pytest.skip(f"not a git checkout: {listed.stderr.strip()}")
    found = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [path for path in found if path.is_file()]


def texts() -> list[tuple[Path, str]]:
    """Every text file with its content."""
    found = []
    for path in repository_files():
        raw = path.read_bytes()
        if b"\0" not in raw:
            found.append((path.relative_to(ROOT), raw.decode("utf-8")))
    return found


def python_files() -> list[tuple[Path, str]]:
    """Every Python file with its source."""
    return [(path, source) for path, source in texts() if path.suffix == ".py"]


def test_no_file_names_the_host_of_a_package_registry() -> None:
    named = [f"{path}: {host}" for path, text in texts() for host in REGISTRY_HOSTS if host in text.lower()]
    assert named == []


def test_every_module_of_the_program_says_what_it_is_for() -> None:
    program = [(path, source) for path, source in python_files() if path.parts[0] != "tests"]
    assert len(program) > 20
    silent = [str(path) for path, source in program if source.strip() and not ast.get_docstring(ast.parse(source))]
    assert silent == []


def test_imports_are_absolute() -> None:
    relative = [
        f"{path}:{node.lineno}"
        for path, source in python_files()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert relative == []


def test_no_test_sleeps() -> None:
    asleep = [str(path) for path, source in python_files() if path.parts[0] == "tests" and "time.sleep" + "(" in source]
    assert asleep == []


def test_nothing_is_bigger_than_it_must_be() -> None:
    big = [f"{path}: {path.stat().st_size}" for path in repository_files() if path.stat().st_size > BIGGEST]
    assert big == []


def test_every_dependency_is_pinned_once_inside_its_range() -> None:
    lines = (ROOT / "packaging" / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    by_name = {canonicalize_name(pin.name): pin for pin in pins}
    assert len(by_name) == len(pins)
    assert all(re.fullmatch(r"==[^*,]+", str(pin.specifier)) and not pin.url for pin in pins)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *chain.from_iterable(project["optional-dependencies"].values())]
    for requirement in map(Requirement, wanted):
        version = str(by_name[canonicalize_name(requirement.name)].specifier).removeprefix("==")
        assert requirement.specifier.contains(version), f"{requirement} does not allow the pinned {version}"


def test_qt_stays_below_the_release_that_aborts_on_python_3_11(qapp: QApplication) -> None:
    """PySide6 6.12.0 loses references to None on 3.11: after some thousand calls the process aborts."""
    label = QLabel()
    before = sys.getrefcount(None)
    for number in range(1000):
        label.setText(str(number))
    assert before - sys.getrefcount(None) < 500
