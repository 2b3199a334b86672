"""The example of docs/bring-your-own-memory.md works as the page says: by path, in the matrix, as a package."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.errors import UsageError
from workbench.lanes import LaneSpec
from workbench.testing import Lane
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader

EXAMPLE = "tests/plugin_example"
PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider")
MATRIX = (*PYTEST, "-p", "workbench.testing", "--memory", "my_memory.py:Diary", "--pyargs", "workbench.testing.run")


@pytest.fixture
def diary(root: Path, tmp_path: Path) -> Path:
    """The page's example as the file that the page says."""
    page = (root / "docs" / "bring-your-own-memory.md").read_text("utf-8")
    code = re.findall(r"```python\n(.*?)```", page, re.DOTALL)[0]
    (tmp_path / "my_memory.py").write_text(code, "utf-8")
    return tmp_path / "my_memory.py"


def python(folder: Path, *arguments: str, path: str = "") -> subprocess.CompletedProcess[str]:
    """Run this Python in another folder, with this checkout and ``path`` importable."""
    root = str(Path(__file__).resolve().parents[3])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [path, root]))}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=240)


def test_the_page_and_the_package_hold_the_same_example(root: Path, diary: Path) -> None:
    package = (root / EXAMPLE / "diary_memory" / "__init__.py").read_text("utf-8")
    own = [line for line in package.splitlines() if "pathlib" not in line and "Path(__file__)" not in line]
    assert diary.read_text("utf-8").splitlines() == own


def test_it_runs_from_an_empty_folder_by_its_path(diary: Path) -> None:
    turns = [{"role": "user", "speaker": "Mira", "text": text} for text in ("I live in Oslo.", "I like tea.")]
    probe = {"question": "Where does Mira live?", "gold": "Oslo", "competency": "accurate_retrieval"}
    (diary.parent / "s.json").write_text(json.dumps({"mnemoscope_session": 1, "turns": turns, "probes": [probe]}))
    run = [
        "-m",
        "workbench",
        "run",
        "s.json",
        "--lane",
        "my_memory.py:Diary:page=2",
        "--embedder",
        "hash",
        "--threads",
        "1",
    ]
    done = python(diary.parent, *run)
    assert done.returncode == 0, done.stderr
    diary.unlink()  # a run opens without what it was made with
    with TraceReader(diary.parent / "s.mnemo") as reader:
        (lane,) = reader.lanes()
        assert (lane.name, lane.memory) == ("diary:page=2", "diary")
        assert any(e.kind == Kind.SCORED for e in reader.events(1, lane.id))
        assert ".py" not in json.dumps(reader.meta("config"))
    assert python(diary.parent, "-m", "workbench", "score", "s.mnemo").returncode == 0


def test_the_matrix_runs_on_a_path(diary: Path) -> None:
    matrix = [
        "-m",
        "pytest",
        "-q",
        "-p",
        "workbench.testing",
        "--memory",
        "my_memory.py:Diary",
        "-p",
        "no:cacheprovider",
    ]
    done = python(diary.parent, *matrix, "--pyargs", "workbench.testing.run")
    assert done.returncode == 0 and "16 passed" in done.stdout, done.stdout[-2000:]


def test_the_matrix_finds_a_strategy_that_breaks_its_rules(diary: Path) -> None:
    text = diary.read_text("utf-8").replace("turns = [t for line in lines for t in line.turns]", "turns = []")
    diary.write_text(text, "utf-8")
    matrix = [
        "-m",
        "pytest",
        "-q",
        "-p",
        "workbench.testing",
        "--memory",
        "my_memory.py:Diary",
        "-p",
        "no:cacheprovider",
    ]
    done = python(diary.parent, *matrix, "--pyargs", "workbench.testing.run")
    assert done.returncode == 1 and "failed" in done.stdout


def test_the_package_installs_and_its_own_tests_pass(root: Path, tmp_path: Path) -> None:
    target = tmp_path / "site"
    install = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--no-build-isolation",
        "--target",
        str(target),
    ]
    source = tmp_path / "source"
    subprocess.run(["cp", "-r", str(root / EXAMPLE), str(source)], check=True)  # a build writes beside its sources
    done = python(tmp_path, *install, "--target", str(target), str(source))
    assert done.returncode == 0, done.stderr
    tests = python(source / "tests", *PYTEST, ".", path=str(target))
    assert tests.returncode == 0 and "17 passed" in tests.stdout, tests.stdout[-2000:]
    lanes = python(tmp_path, "-m", "workbench", "lanes", "--json", path=str(target))
    found = {m["name"]: m for m in json.loads(lanes.stdout)["memory"]}
    assert found["diary"]["title"] == "Diary" and found["diary"]["parameters"]["page"] == 4
    assert "diary_memory.missing:Nothing cannot be loaded" in lanes.stderr  # one line, and the program goes on
    (tmp_path / "d.json").write_text(json.dumps({"diary": ["Mira: I live in Oslo."]}))
    seen = python(tmp_path, "-m", "workbench", "inspect", "d.json", "--json", path=str(target))
    assert json.loads(seen.stdout)["turns"] == 1, seen.stderr


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("none.py:Diary", "no such file"),
        ("my_memory.py:Nothing", "Nothing is no class"),
        ("my_memory.py:MemoryLog", "MemoryLog is no MemoryStrategy"),
        ("my_memory.py:Diary:z=1", "no parameter 'z'"),
        ("broken.py:Diary", r"broken.py cannot be loaded \(ZeroDivisionError"),
    ],
)
def test_a_path_that_cannot_be_used_says_why(
    diary: Path, monkeypatch: pytest.MonkeyPatch, spec: str, words: str
) -> None:
    monkeypatch.chdir(diary.parent)
    (diary.parent / "broken.py").write_text("1 / 0\n")
    with pytest.raises(UsageError, match=words):
        LaneSpec.parse(spec)


def test_a_path_may_hold_a_plus_and_a_lane_a_cache(diary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = diary.parent / "a+b"
    folder.mkdir()
    diary.rename(folder / "my_memory.py")
    spec = LaneSpec.parse(f"{folder}/my_memory.py:Diary:page=2,dates=off+full-cache")
    assert spec.name == "diary:page=2,dates=false" and spec.memory_name == "diary" and len(spec.code) == 64
    lane = Lane(spec.strategy()).tell("Mira lives in Oslo.", "Hm.")
    assert lane.mind.purposes == ["summarise"] and [i.turns for i in lane.state.active("entry")] == [(0, 1)]
