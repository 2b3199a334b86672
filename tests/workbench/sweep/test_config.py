"""The file of a sweep: what it may say, and a line for everything that is wrong with it."""

from pathlib import Path

import pytest

from tests.workbench.sweep.support import sweep_file
from workbench import cli
from workbench.errors import UsageError
from workbench.sweep import config


def written(folder: Path, text: str) -> Path:
    path = sweep_file(folder)
    path.write_text(text)
    return path


def faults(folder: Path, text: str) -> list[str]:
    with pytest.raises(config.Faults) as found:
        config.read(written(folder, text))
    return [line.partition("sweep.yaml: ")[2] for line in found.value.lines]


def test_what_the_file_leaves_out_is_usual(tmp_path: Path) -> None:
    sweep = config.read(sweep_file(tmp_path))
    assert [file.name for file in sweep.files] == ["session-0.json", "session-1.json", "session-2.json"]
    assert (sweep.models, sweep.seeds, sweep.lanes_per_task, sweep.retries) == (("demo",), (0,), 2, 2)
    assert sweep.out == tmp_path / "sweep-runs"
    assert sweep.settings[0]["capture"] == "off" and sweep.varied == ()


def test_grids_are_spread_out(tmp_path: Path) -> None:
    lanes = ["full", {"lane": "bm25", "grid": {"k": [2, 5], "unit": ["turn", "sentence"]}}]
    lanes.append({"lane": "window:turns=4+snapkv", "grid": {"cache.keep": [0.5, 0.25]}})
    sweep = config.read(sweep_file(tmp_path, lanes=lanes, grid={"temperature": [0, 0.7], "prompts": ["plain", "full"]}))
    assert sweep.lanes == (
        "full",
        *(f"bm25:k={k},unit={unit}" for k in (2, 5) for unit in ("turn", "sentence")),
        "window:turns=4+snapkv:keep=0.5",
        "window:turns=4+snapkv:keep=0.25",
    )
    assert [(s["temperature"], s["prompts"]) for s in sweep.settings] == [
        (0, "plain"), (0, "full"), (0.7, "plain"), (0.7, "full"),
    ]  # fmt: skip
    assert set(sweep.varied) == {"temperature", "prompts"}


def test_capture_off_means_off(tmp_path: Path) -> None:
    text = "sessions: [session-0.json]\nlanes: [bm25]\nembedder: hash\ncapture: off\n"
    assert config.read(written(tmp_path, text)).settings[0]["capture"] == "off"
    swept = config.read(written(tmp_path, text.replace("capture: off", "grid: {capture: [off, answers]}")))
    assert [s["capture"] for s in swept.settings] == ["off", "answers"]


def test_a_file_name_that_looks_like_a_pattern(tmp_path: Path) -> None:
    path = sweep_file(tmp_path, sessions=1)
    (tmp_path / "session-0.json").rename(tmp_path / "s[1].json")
    (tmp_path / "s[1].json.probes.json").write_text("{}")  # probes that lie beside it are no session
    path.write_text("sessions: ['s[1].json']\nlanes: [bm25]\nembedder: hash\n")
    assert [file.name for file in config.read(path).files] == ["s[1].json"]
    path.write_text("sessions: ['*.json']\nlanes: [bm25]\nembedder: hash\n")
    assert [file.name for file in config.read(path).files] == ["s[1].json"]


def test_lanes_by_path_lie_beside_the_file(tmp_path: Path) -> None:
    code = "from dataclasses import dataclass\nfrom workbench.memory.strategies.window import Window\n\n@dataclass\n"
    (tmp_path / "mine.py").write_text(code + "class Mine(Window):\n    name = 'mine'\n    size: int = 3\n")
    lanes = [{"lane": "mine.py:Mine", "grid": {"size": [2, 3]}}, "bm25"]
    sweep = config.read(sweep_file(tmp_path, lanes=lanes))
    assert sweep.lanes == (f"{tmp_path}/mine.py:Mine:size=2", f"{tmp_path}/mine.py:Mine:size=3", "bm25")


def test_every_fault_has_its_line(tmp_path: Path) -> None:
    text = """sessions: ["nothing*.json", "session-0.json"]
lanes:
  - bm26
  - lane: bm25
    grid: {kk: [2]}
  - lane: bm25
    grid: {cache.keep: [0.5]}
  - bm25:k=3
  - bm25:k=3
models: [demo, /nowhere/x.gguf]
embedder: hash
seeds: [0, 0]
grid:
  temperature: [0, -3]
  colour: [red]
"""
    found = faults(tmp_path, text)
    beginnings = [
        "line 1: sessions[1]: no file is called nothing*.json in ",
        "line 3: lanes[1]: unknown memory strategy 'bm26' - one of: full, ",
        "line 4: lanes[2]: lane 'bm25:kk=2': no parameter 'kk' - it has: ",
        "line 6: lanes[3]: lane 'bm25' has no cache policy - write memory+policy",
        "line 9: lanes[5]: lane 'bm25:k=3' is named twice - leave one out",
        "line 10: models[2]: no model file /nowhere/x.gguf - check the path",
        "line 12: seeds: 0 is there twice - leave one out",
        "line 14: grid.temperature[2]: -3 - input should be greater than or equal to 0",
        "line 15: grid.colour: no setting 'colour' - there are: embedder, ",
    ]
    assert len(found) == len(beginnings)
    assert all(line.startswith(begin) for line, begin in zip(found, beginnings, strict=True)), found


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "holds no keys - write sessions: and lanes:"),
        ("- a\n", "holds no keys - write sessions: and lanes:"),
        ("sessions: [a\nlanes: : b", "line 2: is no YAML (expected ',' or ']', but got ':')"),
        ("sessions: &a [x]\nlanes: *a\n", "line 2: names another part of the file (*) - write it out"),
        ("seeds: [1]\nseeds: [2]\n", "line 2: seeds is there twice - leave one out"),
        ("sessions: [x]\nlanes: [full]\nreader: bob\n", "line 3: reader: is 'bob' - write 'model', 'newest'"),
        ("sessions: [x]\nlanez: [full]\nlanes: [full]\n", "line 2: lanez: no such key - there are: sessions,"),
        ("lanes: [full]\n", "sessions is missing - say which sessions"),
        ("sessions: [session-0.json]\nlanes: [full]\nseeds: [-1]\n", "line 3: seeds[1]: -1 - input should be greater"),
        ("? [a]\n: b\n", "line 1: is no YAML"),
    ],
)  # fmt: skip
def test_what_is_no_sweep(tmp_path: Path, text: str, line: str) -> None:
    found = faults(tmp_path, text)
    assert len(found) == 1 and found[0].startswith(line), found


def test_files_that_are_none(tmp_path: Path) -> None:
    for name, content in (("a.yaml", None), ("b.yaml", b"\xff\xfe\x00"), ("c.yaml", b"x" * (2 << 20))):
        path = tmp_path / name
        if content:
            path.write_bytes(content)
        with pytest.raises(UsageError, match=name):
            config.read(path)


def test_the_command_says_all_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, "sessions: [session-0.json]\nlanes: [bm26, bm27]\nembedder: hash\n")
    assert cli.main(["sweep", str(path)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert (
        len(lines) == 3 and "bm26" in lines[0] and "bm27" in lines[1] and "2 faults - mend the lines above" in lines[2]
    )
    assert cli.main(["sweep", str(sweep_file(tmp_path)), "--address", "auto"]) == 2
    assert "say --engine ray" in capsys.readouterr().err
