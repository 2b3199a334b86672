"""The command line: what it prints, where, and with which exit code."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.backends import ScriptedBackend
from tests.support.runs import session_file
from tests.support.traces import write_trace
from workbench import bench, cli, console, selftest
from workbench.engine import run as engine
from workbench.llm.base import AnswerRequest, AnswerResult
from workbench.llm.model import Model
from workbench.llm.open import find_language_model
from workbench.memory.registry import STRATEGIES
from workbench.sessions import Probe, Session, Turn, formats
from workbench.sessions.generators import GENERATORS
from workbench.trace.reader import TraceReader
from workbench.trace.schema import MAJOR
from workbench.trace.writer import TraceWriter

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> ScriptedBackend:
    scripted = ScriptedBackend()
    monkeypatch.setattr(engine, "_open", lambda config: scripted)
    return scripted


def call(capsys: Capture, *arguments: object) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    code = cli.main([str(a) for a in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def answer(capsys: Capture, *arguments: object) -> Any:
    code, out, err = call(capsys, *arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def test_a_table_is_run_with_its_columns_and_the_run_file_tells_them(
    capsys: Capture, tmp_path: Path, backend: ScriptedBackend
) -> None:
    table, out = tmp_path / "boats.csv", tmp_path / "boats.mnemo"
    table.write_text("q,a/b,c\nWhere is it?,At pier 9,It lies at pier 9.\nWhich colour?,blue,It is blue.\n")
    command = ("run", table, "--map", "question=q,answers=a/b,context=c,session==one", "--lane", "full", "--out", out)
    data = answer(capsys, *command)
    assert data["session"] == "one"
    assert data["lanes"][0]["overall"]["n"] == 2
    with TraceReader(out) as reader:
        assert json.loads(reader.meta("config")["read"]["map"])["answers"] == "a/b"
    asked = len(backend.calls)
    assert answer(capsys, *command) == data
    assert len(backend.calls) == asked
    assert call(capsys, *command, "--read", "chunk=code")[0] == 2


def test_run_score_and_go_on(capsys: Capture, tmp_path: Path, backend: ScriptedBackend) -> None:
    session, out = session_file(tmp_path), tmp_path / "deep" / "run.mnemo"
    command = ("run", session, "--lane", "full", "--lane", "bm25:k=2", "--out", out)
    data = answer(capsys, *command)
    assert [lane["lane"] for lane in data["lanes"]] == ["full", "bm25:k=2"]
    assert all(lane["overall"]["n"] == 4 for lane in data["lanes"])
    assert data["lanes"][1]["retrieval"].keys() >= {"n", "recall@1", "recall@5", "recall@10", "ndcg@10"}
    asked = len(backend.calls)
    assert answer(capsys, *command) == data, "the same command goes on, and there is nothing left to do"
    assert len(backend.calls) == asked
    assert answer(capsys, "score", out) == data
    code, text, progress = call(capsys, "score", out)
    assert (code, progress) == (0, "")
    assert "bm25:k=2" in text
    assert "recall@10" in text
    assert [lane["lane"] for lane in data["costs"]] == ["full", "bm25:k=2"]
    assert all(lane["calls"]["answer"]["calls"] == lane["probes"] == 4 for lane in data["costs"])
    assert all(lane["calls"]["write"] == lane["calls"]["read"] == {} for lane in data["costs"])
    assert data["findings"].keys() == {"full", "bm25:k=2"}
    assert all(head in text for head in ("calls to write", "to read", "time a probe", "active items", "bytes"))


@pytest.mark.slow
def test_locomo_from_the_file_to_the_published_recall(
    capsys: Capture, tmp_path: Path, backend: ScriptedBackend, shared_data: Path
) -> None:
    lanes = ("--lane", "bm25:tokens=split", "--lane", "bm25", "--lane", "window")
    locomo = shared_data / "locomo" / "locomo5.json"
    data = answer(capsys, "run", locomo, *lanes, "--capture", "off", "--out", tmp_path / "real.mnemo")
    found = {lane["lane"]: lane["retrieval"] for lane in data["lanes"]}
    assert all(f["n"] == 997 for f in found.values())
    recall = {name: [f[f"recall@{k}"] for k in (1, 5, 10)] for name, f in found.items()}
    assert recall["bm25:tokens=split"] == pytest.approx([0.1538, 0.3253, 0.4253], abs=0.0005)
    assert recall["bm25"] == pytest.approx([0.2546, 0.4678, 0.5447], abs=0.0005)
    assert recall["window"][2] < 0.05


def test_run_reports_progress_on_standard_error_alone(
    capsys: Capture, tmp_path: Path, backend: ScriptedBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = call(capsys, "run", session_file(tmp_path), "--lane", "full")
    assert code == 0
    assert (tmp_path / "session-0.mnemo").is_file()
    assert "100 %  16 of 16" in err
    assert "loading the model" in err
    assert "wrote " in err
    assert "16 of 16" not in out


def test_a_signal_cancels_a_run_and_keeps_what_was_committed(capsys: Capture, tmp_path: Path) -> None:
    class Control:
        cancelled = 0

        def cancel(self) -> None:
            self.cancelled += 1

    control, before = Control(), signal.getsignal(signal.SIGINT)
    with console.cancelling(control):
        os.kill(os.getpid(), signal.SIGTERM)
        assert control.cancelled == 1
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
    assert "cancelling" in capsys.readouterr().err


def test_cancelled_and_interrupted_runs_end_in_one_line(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted(ScriptedBackend):
        async def answer(self, request: AnswerRequest) -> AnswerResult:
            os.kill(os.getpid(), signal.SIGINT)
            return await super().answer(request)

    monkeypatch.setattr(engine, "_open", lambda config: Interrupted(pause=30))
    code, _, err = call(capsys, "run", session_file(tmp_path), "--lane", "full", "--out", tmp_path / "run.mnemo")
    assert code == 1
    assert err.splitlines()[-1] == "mnemoscope: cancelled; the same command goes on from here"


def test_the_audit_and_the_reader_that_is_a_rule(capsys: Capture, tmp_path: Path) -> None:
    turns = (Turn(0, "user", "Mira lives in Oslo."), Turn(1, "user", "Mira lives in Lima."))
    probe = Probe("p1", 1, "Where does Mira live?", ("Lima",), "conflict_resolution", (1,), extra={"stale": [0]})
    sessions = [Session(name, turns, (probe,)).to_json() for name in ("one", "two")]
    file, out = tmp_path / "two.json", tmp_path / "run.mnemo"
    file.write_text(json.dumps(sessions))
    only = ("run", file, "--lane", "full", "--embedder", "hash", "--reader", "newest", "--out", out, "--session")
    assert call(capsys, *only, "three")[::2] == (2, "mnemoscope: no session 'three' - there are: one, two\n")
    assert answer(capsys, *only, "two")["session"] == "two"
    found = answer(capsys, "score", out, "--audit")["audit"]
    assert [(a["lane"], a["session"], a["conflicted"]["both"]) for a in found] == [("full", "two", 1.0)]
    assert answer(capsys, "inspect", out)["reader"] == "newest"
    assert "both, right" in call(capsys, "score", out, "--audit")[1]
    assert "audit" not in answer(capsys, "score", out)


def test_score_of_several_files_and_of_one_session(capsys: Capture, tmp_path: Path) -> None:
    first, second = (write_trace(tmp_path / f"{n}.mnemo", turns=20, items=8, probes=4) for n in "ab")
    assert [d["run"] for d in answer(capsys, "score", first, second)] == ["a.mnemo", "b.mnemo"]
    assert answer(capsys, "score", first, "--session", "moving house, seed 0")["session"] == "moving house, seed 0"
    code, _, err = call(capsys, "score", first, "--session", "x")
    assert (code, err) == (2, f"mnemoscope: {first}: no session 'x' - it has: moving house, seed 0\n")


def test_inspect_recognises_every_kind_of_file(capsys: Capture, tmp_path: Path) -> None:
    native = session_file(tmp_path, turns=12, probes=4)
    expected = {"format": "native", "sessions": 1, "turns": 12, "probes": 4, "warnings": []}
    assert answer(capsys, "inspect", native) == expected
    run = write_trace(tmp_path / "run.mnemo", turns=20, items=8, probes=4, lanes=("full", "bm25"))
    found = answer(capsys, "inspect", run)
    assert (found["format"], found["turns"], found["probes"]) == ("run", 20, 4)
    assert found["lanes"] == ["full", "bm25"]
    chat = tmp_path / "chat.json"
    chat.write_text('[{"role": "user", "content": "hi"}]')
    assert answer(capsys, "inspect", chat)["format"] == "openai"
    code, text, _ = call(capsys, "inspect", chat)
    assert code == 0
    assert "messages: no message has a time" in text


def test_inspect_looks_into_a_model(capsys: Capture, shared_models: Path) -> None:
    found = answer(capsys, "inspect", shared_models / "all-MiniLM-L6-v2.Q8_0.gguf")
    assert (found["format"], found["architecture"], found["layers"]) == ("gguf", "bert", 6)


def test_convert_writes_the_native_format(capsys: Capture, tmp_path: Path) -> None:
    chat, out = tmp_path / "chat.jsonl", tmp_path / "new" / "session.json"
    lines = [{"messages": [{"role": "user", "content": text}]} for text in ("one", "two")]
    chat.write_text("\n".join(map(json.dumps, lines)))
    made = answer(capsys, "convert", chat, "--out", out)
    assert made == {"out": str(out), "sessions": 2, "turns": 2, "probes": 0}
    assert formats.read(out) == formats.read(chat)
    run = write_trace(tmp_path / "run.mnemo", turns=20, items=8, probes=4, lanes=("full",))
    assert call(capsys, "convert", run, "--out", out)[0] == 0
    assert len(formats.read(out)[0].turns) == 20


def test_convert_leaves_the_old_file_when_it_cannot_write(capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file, no folder")
    code, _, err = call(capsys, "convert", session_file(tmp_path), "--out", tmp_path / "taken" / "x.json")
    assert code == 1
    assert "cannot be written" in err
    assert (tmp_path / "taken").read_text() == "a file, no folder"


def test_synth_makes_the_same_session_from_the_same_seed(capsys: Capture, tmp_path: Path) -> None:
    first, second = tmp_path / "a.json", tmp_path / "b.json"
    for out in (first, second):
        code, _, err = call(capsys, "synth", "conflict-resolution", "--seed", 3, "--option", "turns=20", "--out", out)
        assert code == 0, err
    assert first.read_text() == second.read_text()
    (session,) = formats.read(first)
    assert session.probes
    kinds = answer(capsys, "synth", "--list")
    assert {"accurate-retrieval", "conflict-resolution"} <= {k["name"] for k in kinds}
    assert call(capsys, "synth", "--list")[1].startswith("kind ")


def test_synth_makes_a_session_as_long_as_asked_in_the_models_tokens(capsys: Capture, tmp_path: Path) -> None:
    out, fresh = tmp_path / "long.json", tmp_path / "fresh.json"
    made = answer(capsys, "synth", "conflict-chains", "--tokens", 600, "--option", "updates=3", "--out", out)
    assert (made["sessions"], made["probes"]) == (1, len(formats.read(out)[0].probes))
    model = Model(find_language_model("demo"), vocabulary_only=True)
    assert 500 < sum(len(model.tokenize(t.text, special=False)) for t in formats.read(out)[0].turns) <= 612
    dated = ("--date", "2026-11-28", "--versions", 3, "--model", "words", "--tokens", 500)
    assert answer(capsys, "synth", "sort", *dated, "--out", fresh)["sessions"] == 3
    assert {s.extra["released"] for s in formats.read(fresh)} == {"2026-11-28"}


def test_synth_lists_generators_with_paper_and_label(capsys: Capture) -> None:
    cards = {k["name"]: k for k in answer(capsys, "synth", "--list")}
    assert cards.keys() > GENERATORS.keys()
    assert cards["needle-bench"]["label"] == "adapted"
    text = call(capsys, "synth", "--list")[1]
    assert all(name in text and card.paper in text for name, card in GENERATORS.items())


def test_lanes_lists_every_strategy_with_its_defaults(capsys: Capture) -> None:
    found = answer(capsys, "lanes")
    assert [m["name"] for m in found["memory"]] == list(STRATEGIES)
    for card in found["memory"] + found["cache"]:
        assert card.keys() >= {"name", "title", "fidelity", "paper", "parameters"}
        assert card["title"]
    code, text, _ = call(capsys, "lanes")
    assert code == 0
    assert all(name in text for name in STRATEGIES)


def test_export_writes_the_page_whole(capsys: Capture, tmp_path: Path) -> None:
    run = write_trace(tmp_path / "run.mnemo", turns=20, items=8, probes=4)
    out = tmp_path / "report.html"
    assert call(capsys, "export", run, "--html", out)[:2] == (0, f"wrote {out}\n")
    assert out.read_text("utf-8").startswith("<!doctype html>")
    assert sorted(p.suffix for p in tmp_path.glob("report*")) == [".html"]


USAGE: list[tuple[list[str], str]] = [
    ([], "mnemoscope: the following arguments are required: COMMAND - see `mnemoscope --help`"),
    (["sing"], "mnemoscope: argument COMMAND: invalid choice: 'sing'"),
    (["run", "x.json"], "mnemoscope run: the following arguments are required: --lane - see `mnemoscope run --help`"),
    (["run", "x.json", "--lane", "full", "--seed", "x"], "mnemoscope run: argument --seed: invalid int value: 'x'"),
    (["run", "x.json", "--lane", "dream"], "mnemoscope: unknown memory strategy 'dream' - one of: full, "),
    (["run", "x.json", "--lane", "full:x=1"], "mnemoscope: lane 'full:x=1': no parameter 'x'"),
    (["run", "x.json", "--lane", "full+ice"], "mnemoscope: unknown cache policy 'ice'"),
    (["synth"], "mnemoscope synth: which kind?"),
    (["synth", "opera"], "mnemoscope: synth: there is no kind 'opera'"),
    (["synth", "mixed", "--tokens", "9"], "mnemoscope synth mixed: --tokens is for the generators"),
    (["synth", "sort", "--tokens", "9"], "mnemoscope: synth sort: --tokens 9 is out of range"),
    (["synth", "sort", "--date", "today"], "mnemoscope synth: --date 'today' is no date"),
    (["synth", "sort", "--versions", "0"], "mnemoscope synth: --versions 0 is out of range"),
    (["synth", "sort", "--model", "http://127.0.0.1:9/v1#m"], "mnemoscope synth: a server does not say its tokens"),
    (["synth", "mixed", "--option", "turns"], "mnemoscope synth: options are written --option key=value"),
    (["bench", "nap"], "mnemoscope: no benchmark 'nap' - one of: scheduler, read, "),
    (["export", "x.mnemo"], "mnemoscope export: one of the arguments --html --csv --figures --otel --atif --redact is"),
]


@pytest.mark.parametrize(("arguments", "message"), USAGE)
def test_wrong_usage_is_one_line_and_exit_code_two(capsys: Capture, arguments: list[str], message: str) -> None:
    code, out, err = call(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith(message)
    assert err.count("\n") == 1


def bad_files(folder: Path) -> dict[str, Path]:
    made = {
        name: folder / name for name in ("broken.json", "text.json", "short.gguf", "other.db", "new.mnemo", "none.json")
    }
    made["broken.json"].write_text('{"turns": [')
    made["text.json"].write_bytes(b"\x89PNG\r\n")
    made["short.gguf"].write_bytes(b"GGUF\x03\x00\x00")
    made["other.db"].write_bytes(b"SQLite format 3\0" + b"x" * 100)
    with TraceWriter(made["new.mnemo"]) as writer:
        writer.set_meta("major", MAJOR + 1)
    return made


BAD = [
    ("broken.json", "line 1, column 11: broken JSON"),
    ("text.json", "a PNG picture"),
    ("short.gguf", "incomplete or damaged"),
    ("other.db", "a damaged SQLite file"),
    ("new.mnemo", "written by a newer Mnemoscope"),
    ("none.json", "cannot be read (No such file or directory)"),
]


@pytest.mark.parametrize(("name", "message"), BAD)
def test_bad_input_is_one_line_and_exit_code_one(capsys: Capture, tmp_path: Path, name: str, message: str) -> None:
    code, out, err = call(capsys, "inspect", bad_files(tmp_path)[name])
    assert (code, out) == (1, "")
    assert message in err
    assert str(tmp_path / name) in err
    assert err.count("\n") == 1


def test_a_run_of_bad_files_writes_nothing(capsys: Capture, tmp_path: Path, backend: ScriptedBackend) -> None:
    files = bad_files(tmp_path)
    code, _, err = call(capsys, "run", files["broken.json"], "--lane", "full", "--out", tmp_path / "out.mnemo")
    assert (code, err.count("\n")) == (1, 1)
    assert not (tmp_path / "out.mnemo").exists()
    kept = files["broken.json"].read_bytes()
    session = session_file(tmp_path)
    code, _, err = call(capsys, "run", session, "--lane", "full", "--out", files["broken.json"])
    assert code == 1
    assert "not a Mnemoscope run file" in err.splitlines()[-1]
    assert files["broken.json"].read_bytes() == kept


def test_a_defect_is_one_line_unless_asked_for(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str, **options: object) -> None:
        raise ZeroDivisionError("on\npurpose")

    monkeypatch.setattr(bench, "measure", broken)
    monkeypatch.delenv("MNEMOSCOPE_DEBUG", raising=False)
    code, _, err = call(capsys, "bench", "scheduler")
    assert code == 1
    assert err.splitlines()[-1].startswith("mnemoscope: ZeroDivisionError: on purpose - a defect of this program")
    monkeypatch.setenv("MNEMOSCOPE_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        call(capsys, "bench", "scheduler")


def test_bench_prints_figures_as_a_table_or_json(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "measure", lambda name: {"overhead": {"median": 1.0625}, "model": "random"})
    assert answer(capsys, "bench", "scheduler") == {"scheduler": {"overhead": {"median": 1.0625}, "model": "random"}}
    code, text, _ = call(capsys, "bench", "scheduler")
    assert code == 0
    assert "overhead.median   1.062" in text
    assert [b["name"] for b in answer(capsys, "bench", "--list")] == list(bench.BENCHMARKS)


def test_a_benchmark_program_must_print_json(monkeypatch: pytest.MonkeyPatch) -> None:
    quiet = bench.Benchmark("quiet", "prints nothing", "tests.support", program=True)
    failing = bench.Benchmark("failing", "is not there", "tests.support.nothing", program=True)
    absent = bench.Benchmark("absent", "is not installed", "nowhere.bench", program=True)
    monkeypatch.setattr(bench, "BENCHMARKS", {b.name: b for b in (quiet, failing, absent)})
    for name, message in (("quiet", "failed"), ("failing", "failed"), ("absent", "nowhere is not installed")):
        with pytest.raises(bench.MnemoscopeError, match=message):
            bench.measure(name)


def test_selftest_names_the_step_that_fails(capsys: Capture, tmp_path: Path) -> None:
    code = cli.main(["selftest", "--model", str(tmp_path / "none.gguf"), "--embedder", "hash", "--json"])
    data = json.loads(capsys.readouterr().out)
    assert code == 1
    assert data["ok"] is False
    assert [(s["step"], s["ok"]) for s in data["steps"]] == [("versions", True), ("llama.cpp", True), ("models", False)]
    assert "none.gguf" in data["steps"][-1]["found"]


def test_selftest_goes_through_every_step(
    capsys: Capture, backend: ScriptedBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selftest, "_library", lambda: "scripted")
    monkeypatch.setattr(selftest, "_models", lambda model, embedder: "scripted")
    code, out, _ = call(capsys, "selftest")
    assert code == 0, out
    lines = [line.split()[:2] for line in out.splitlines()]
    steps = ["versions", "llama.cpp", "models", "session", "replay", "trace", "report", "engine"]
    assert lines == [["ok", step] for step in steps]


def test_output_may_be_cut_off_by_its_reader(tmp_path: Path) -> None:
    run = write_trace(tmp_path / "run.mnemo", turns=20, items=8, probes=4)
    command = f"{sys.executable} -m workbench score {run} --json | head -c 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("{", "")


def test_lanes_loads_nothing_heavy() -> None:
    code = "import sys; from workbench.cli import main; main(['lanes']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    loaded = set(done.stderr.split())
    assert "workbench.memory.registry" in loaded
    assert not loaded & {"llama_cpp", "chromadb", "torch", "scipy", "pydantic", "sklearn", "rich", "jinja2", "PySide6"}


def test_a_table_keeps_its_columns() -> None:
    text = console.table(["name", "n"], [["a", "10"], ["long name", "9"]], right=["n"])
    assert text.splitlines() == ["name        n", "---------  --", "a          10", "long name   9"]


@pytest.mark.parametrize(
    ("value", "text"), [(0.25, "250 ms"), (3.14, "3.1 s"), (125, "2 min 5 s"), (7260, "2 h 1 min")]
)
def test_durations_carry_their_unit(value: float, text: str) -> None:
    assert console.seconds(value) == text


def test_prompts_prints_what_is_sent(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert cli.main(["prompts"]) == 0
    table = capsys.readouterr().out
    assert re.search(r"^a-mem +.*evolve.*note", table, re.MULTILINE) and "mem0" in table
    assert cli.main(["prompts", "a-mem", "note"]) == 0
    text = capsys.readouterr().out
    assert "=== a-mem/note" in text and "{{ message }}" in text and "Square brackets" in text and "include" not in text
    own = tmp_path / "a-mem"
    own.mkdir()
    (own / "note.md").write_text("Mine: {{ message }}", "utf-8")
    assert cli.main(["prompts", "a-mem", "note", "--prompts", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["prompts"] == {"a-mem": {"note": "Mine: {{ message }}"}}
    for wrong, words in ((["none"], "no prompts of 'none'"), (["a-mem", "x"], "it has: ")):
        assert cli.main(["prompts", *wrong]) == 2
        assert words in capsys.readouterr().err
