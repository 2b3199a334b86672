"""A lane that was given by path: it is asked what if as any other, from the file that a person named and no other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.backends import ScriptedBackend
from tests.support.runs import config
from workbench import cli, whereabouts
from workbench.engine import explain
from workbench.engine import run as engine
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader

MEMORY = """
from dataclasses import dataclass
from workbench.memory.strategies.bm25 import BM25

@dataclass
class Notes(BM25):
    name = "notes"
    title = "Notes"
    only: int = 0
"""


@pytest.fixture(autouse=True)
def backend(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    scripted = ScriptedBackend()
    monkeypatch.setattr(engine, "_open", lambda config: scripted)
    monkeypatch.setattr(explain, "open_backend", lambda options: scripted)
    monkeypatch.setenv("MNEMOSCOPE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(whereabouts, "_said", {})


@pytest.fixture
def code(tmp_path: Path) -> Path:
    path = tmp_path / "notes.py"
    path.write_text(MEMORY)
    return path


@pytest.fixture
def path(code: Path, tmp_path: Path) -> Path:
    return engine.run(config(tmp_path, f"{code}:Notes", embedder="hash"))


def asked(path: Path) -> list[str]:
    with TraceReader(path) as reader:
        lane = reader.lanes()[0].name
        probe = next(e.subject for e in reader.events(kinds=[Kind.SCORED]))
    return [str(path), "--lane", lane, "--probe", probe]


def test_it_is_explained_knocked_out_and_branched(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explain", *asked(path), "--confirm", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["lane"] == "notes"
    assert cli.main(["knockout", *asked(path), "--json"]) == 0
    assert cli.main(["branch", str(path), "--lane", "notes", "--turn", "5", "--edit", "param:k=1", "--json"]) == 0
    with TraceReader(path) as reader:
        assert reader.lanes()[1].params["k"] == 1 and reader.lanes()[1].memory == "notes"
        told = json.dumps([e.payload for e in reader.events(0, 0)]) + json.dumps(reader.meta("config"))
    assert "notes.py" not in told, "no run file says where code is"


def test_elsewhere_the_file_has_to_be_named(
    path: Path, code: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MNEMOSCOPE_HOME", str(tmp_path / "another"))
    monkeypatch.setattr(whereabouts, "_said", {})
    with TraceReader(path) as reader:
        lanes = reader.lanes()
    assert lanes[0].memory == "notes"
    assert cli.main(["explain", *asked(path), "--confirm"]) == 2
    assert "--code path/to/file.py:Class" in capsys.readouterr().err
    assert cli.main(["explain", *asked(path), "--confirm", "--code", f"{code}:Nothing"]) == 2
    assert cli.main(["explain", *asked(path), "--code", "bm25"]) == 2, "a name of the registry is no path"
    assert cli.main(["explain", *asked(path), "--confirm", "--code", f"{code}:Notes"]) == 0
    assert cli.main(["explain", *asked(path), "--confirm"]) == 0, "once named, it is known here"


def test_a_lane_whose_code_is_not_there_holds_up_no_other(
    code: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = engine.run(config(tmp_path, f"{code}:Notes", "window:turns=1", embedder="hash"))
    for change in (None, code):
        if change is None:  # the run on another machine
            monkeypatch.setenv("MNEMOSCOPE_HOME", str(tmp_path / "another"))
            monkeypatch.setattr(whereabouts, "_said", {})
            why = "notes is none of this program's memories"
        else:  # here, with another version of the file
            assert cli.main(["explain", str(path), "--code", f"{code}:Notes"]) == 0
            change.write_text(MEMORY + "\n# changed\n")
            why = "another version of notes.py"
        capsys.readouterr()
        assert cli.main(["explain", str(path), "--confirm", "--json"]) == 0
        out, err = capsys.readouterr()
        assert "not proved: notes" in err and why in err
        states = {(v["lane"], v["confirmed"] is None) for v in json.loads(out)}
        assert states == {("notes", True), ("window:turns=1", False)}
        assert err.count("not proved") == 1


def test_other_code_than_the_run_had_is_refused(
    path: Path, code: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code.write_text(MEMORY + "\n# changed\n")
    assert cli.main(["explain", *asked(path), "--confirm"]) == 2
    assert "another version of notes.py" in capsys.readouterr().err
    assert cli.main(["explain", *asked(path), "--confirm", "--code", f"{code}:Notes"]) == 0, "a person says so"


def test_code_that_only_the_run_file_names_is_never_run(path: Path, code: Path, tmp_path: Path) -> None:
    trap = tmp_path / "trap.py"
    trap.write_text(f"open({str(tmp_path / 'sprung')!r}, 'w')\n" + MEMORY)
    from workbench.trace.writer import TraceWriter

    with TraceWriter(path) as writer:
        made = {"code": {"notes": f"{trap}:Notes"}}
        with writer.reader() as reader:
            made = reader.meta("config") | made
        writer.set_meta("config", made)
        writer.set_meta("identity", "somebody else's")
    assert cli.main(["explain", *asked(path), "--confirm"]) == 2
    assert not (tmp_path / "sprung").exists()
