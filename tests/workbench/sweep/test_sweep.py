"""A sweep from its file to its table: what is done, what is never done again, what becomes of faults."""

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import fields
from pathlib import Path

import pytest

from tests.support.backends import ScriptedBackend
from tests.support.runs import lane_events, session_file
from tests.workbench.sweep.support import ScriptedEngine, sweep_file
from workbench import cli
from workbench.commands import sweep as command
from workbench.engine import run as engine
from workbench.engine.config import RunConfig
from workbench.errors import Cancelled, MnemoscopeError
from workbench.projections.repeated import repeated
from workbench.sweep import config
from workbench.sweep.drive import IN_A_ROW, LOST, Driver, Report
from workbench.sweep.merging import merged
from workbench.sweep.store import Store, cells
from workbench.sweep.table import table
from workbench.sweep.tasks import APART, Plan, Task, plan
from workbench.trace.events import Event, Kind
from workbench.trace.reader import TraceReader
from workbench.trace.writer import TraceWriter

Capture = pytest.CaptureFixture[str]
Fault = Callable[[Task, int], tuple[str, bool] | None]


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> list[ScriptedEngine]:
    """The engines that commands have made, the latest last; they do tasks in this process."""
    made: list[ScriptedEngine] = []

    def make(planned: Plan, store: Store, options: argparse.Namespace, most: int) -> ScriptedEngine:
        made.append(ScriptedEngine(store))
        return made[-1]

    monkeypatch.setattr(command, "_engine", make)
    monkeypatch.setattr(engine, "_open", lambda config: ScriptedBackend())
    return made


def swept(path: Path, fault: Fault = lambda task, n: None) -> tuple[ScriptedEngine, Report]:
    """A sweep's tasks done by a scripted engine; the engine and the report."""
    planned = plan(config.read(path))
    with Store(planned.sweep.out) as store:
        tasks = planned.tasks(store.finished())
        report, done_by = Report(len(tasks), 0), ScriptedEngine(store, fault)
        Driver(planned, store, done_by, lambda report: None).go(tasks, report)
    return done_by, report


def run_json(path: Path, capsys: Capture, *more: str) -> dict[str, object]:
    assert cli.main(["sweep", str(path), "--json", *more]) == 0
    data: dict[str, object] = json.loads(capsys.readouterr().out)
    return data


def test_the_table_is_that_of_one_run_over_all_sessions(
    tmp_path: Path, engines: list[ScriptedEngine], capsys: Capture
) -> None:
    data = run_json(sweep_file(tmp_path), capsys)
    assert data["tasks"]["done"] == 3  # type: ignore[index]
    files = [str(tmp_path / f"session-{n}.json") for n in range(3)]
    out = tmp_path / "one.mnemo"
    lanes = ["--lane", "full", "--lane", "bm25"]
    more = ["--embedder", "hash", "--capture", "off", "--prompts", "plain", "--out", str(out), "--json"]
    assert cli.main(["run", *files, *lanes, *more]) == 0
    one = json.loads(capsys.readouterr().out)
    for ours, theirs in zip(data["systems"], one["lanes"], strict=True):  # type: ignore[call-overload]
        assert ours["scores"] == theirs["scores"]
        assert (ours["lane"], ours["sessions"]) == (theirs["lane"], 3)
    assert data["comparisons"] == one["comparisons"]
    (run,) = data["runs"].values()  # type: ignore[attr-defined]
    assert lane_events(Path(run)) == lane_events(out)
    with TraceReader(Path(run)) as ours_, TraceReader(out) as theirs_:
        found = repeated(ours_, theirs_)
        assert found.identical and not found.changed
        assert ours_.meta("identity") == theirs_.meta("identity")
        assert ours_.session_hashes() == theirs_.session_hashes()


def test_nothing_is_done_twice_and_what_is_new_is_done(
    tmp_path: Path, engines: list[ScriptedEngine], capsys: Capture
) -> None:
    assert run_json(sweep_file(tmp_path), capsys)["tasks"]["done"] == 3  # type: ignore[index]
    before = {file: file.read_bytes() for file in (tmp_path / "sweep-runs").rglob("*.mnemo")}
    assert run_json(sweep_file(tmp_path), capsys)["tasks"] == {  # type: ignore[comparison-overlap]
        "done": 0, "there": 6, "retried": 0, "lost": 0, "nodes": {}, "failed": [],
    }  # fmt: skip
    assert len(engines) == 1
    assert {file: file.read_bytes() for file in (tmp_path / "sweep-runs").rglob("*.mnemo")} == before
    path = sweep_file(tmp_path, sessions=4, lanes=["bm25", "window", "full"])  # a session and a lane more, other order
    data = run_json(path, capsys)
    assert data["tasks"]["done"] == 4 and data["tasks"]["there"] == 6  # type: ignore[index]
    with TraceReader(tmp_path / "sweep-runs" / "demo-seed0.mnemo") as reader:
        assert [row.name for row in reader.lanes()] == ["bm25", "window", "full"]
        assert len(reader.session_names()) == 4
        scored = reader.query("SELECT count(*) FROM event WHERE kind = ?", (str(Kind.SCORED),))[0][0]
        assert scored == 4 * 3 * 4
    with TraceReader(tmp_path / "sweep-runs" / "demo-seed0.mnemo") as reader:
        assert reader.query("PRAGMA integrity_check") == [("ok",)]


@pytest.mark.parametrize(
    "change",
    [{"seeds": [1]}, {"exact": True}, {"capture": "answers"}, {"temperature": 0.5}, {"reader": "newest"},
     {"prompts": "full"}, {"context": 512}, {"thinking": 9}, {"requests": "multi-turn"},
     {"lanes": ["full:budget=100", "bm25:k=3"]}],
)  # fmt: skip
def test_whatever_decides_a_result_is_in_its_key(tmp_path: Path, change: dict[str, object]) -> None:
    if change.get("lanes"):
        change = {"lanes": ["full:dates=false", "bm25:k=3"]}
    planned, other = (plan(config.read(sweep_file(tmp_path, **keys))) for keys in ({}, change))
    one, two = ({key for _, _, keys in p.cells() for key in keys.values()} for p in (planned, other))
    assert len(one) == len(two) == 6 and not one & two


def test_every_setting_of_a_run_can_be_swept_or_is_known_to_stand_apart() -> None:
    names = {f.name for f in fields(RunConfig)}
    assert names == set(config.SETTINGS) | APART | {"exact"} and not APART & (
        set(config.SETTINGS) - {"embedder", "prompts"}
    )


def test_what_decides_nothing_is_not(tmp_path: Path) -> None:
    planned = plan(config.read(sweep_file(tmp_path)))
    keys = [cells for _, _, cells in planned.cells()]
    other = plan(config.read(sweep_file(tmp_path, threads=2, retries=0, lanes_per_task=1, out="elsewhere", gpus=0.5)))
    assert [cells for _, _, cells in other.cells()] == keys
    assert len(other.tasks()) == 6 and len(planned.tasks()) == 3


def test_a_session_of_two_files_is_done_once(tmp_path: Path, capsys: Capture) -> None:
    path = sweep_file(tmp_path)
    (tmp_path / "session-9.json").write_text((tmp_path / "session-1.json").read_text())
    planned = plan(config.read(path))
    assert len(planned.sources) == 3
    assert "is also in" in planned.remarks[0]


def test_failed_tasks_are_tried_again_so_often_and_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def fault(task: Task, attempt: int) -> tuple[str, bool] | None:
        seed = task.source.session.name[-1]
        return ("out of luck", False) if seed == "1" or (seed == "2" and attempt == 0) else None

    path = sweep_file(tmp_path, retries=2)
    done_by, report = swept(path, fault)
    assert (report.done, report.retried, len(report.failed)) == (2, 3, 1)
    assert sorted(done_by.attempts.count(key) for key in set(done_by.attempts)) == [1, 2, 3]
    monkeypatch.setattr(command, "_engine", lambda planned, store, *rest: ScriptedEngine(store, fault))
    assert cli.main(["sweep", str(path)]) == 1
    told = capsys.readouterr()
    assert "failed: moving house, seed 1, full bm25, demo-seed0: out of luck" in told.err
    assert told.err.splitlines()[-1] == "mnemoscope: 1 task failed - the same command tries them again"
    assert "full" in told.out  # the table of what there is
    record = json.loads((tmp_path / "sweep-runs" / "sweep.json").read_text())
    assert record["failed"][0]["errors"] == ["out of luck"] * 3
    assert swept(path)[1].done == 1


def test_a_lost_worker_is_not_the_tasks_fault(tmp_path: Path) -> None:
    path = sweep_file(tmp_path, sessions=1, retries=0)
    _, report = swept(path, lambda task, attempt: ("its node died", True) if attempt < LOST else None)
    assert (report.done, report.lost, report.failed) == (1, LOST, {})
    path = sweep_file(tmp_path, sessions=2, retries=0)
    _, report = swept(path, lambda task, attempt: ("its node died", True))
    assert (report.done, report.lost, len(report.failed)) == (0, LOST + 1, 1)


def test_where_nothing_works_the_sweep_ends(tmp_path: Path) -> None:
    path = sweep_file(tmp_path, sessions=IN_A_ROW + 5, retries=5)
    planned = plan(config.read(path))
    with Store(planned.sweep.out) as store:
        done_by = ScriptedEngine(store, lambda task, attempt: ("no server", False))
        driver = Driver(planned, store, done_by, lambda report: None)
        with pytest.raises(MnemoscopeError, match=f"the last {IN_A_ROW} attempts failed, the latest one: no server"):
            driver.go(planned.tasks(), Report(17, 0))
    assert done_by.stopped and len(done_by.attempts) <= IN_A_ROW + 2


def test_a_cancelled_sweep_goes_on(tmp_path: Path) -> None:
    path = sweep_file(tmp_path, sessions=5)
    planned = plan(config.read(path))
    with Store(planned.sweep.out) as store:
        done_by = ScriptedEngine(store)

        def tell(report: Report) -> None:
            if report.done == 2:
                driver.cancel()

        driver = Driver(planned, store, done_by, tell)
        with pytest.raises(Cancelled, match="of 5 tasks done; the same command goes on"):
            driver.go(planned.tasks(), Report(5, 0))
    held = len(list((tmp_path / "sweep-runs" / "tasks").iterdir()))
    assert 2 <= held < 5
    done_by, report = swept(path)
    assert (report.done, len(done_by.attempts)) == (5 - held, 5 - held)


def test_a_result_that_is_damaged_is_done_again(tmp_path: Path) -> None:
    path = sweep_file(tmp_path)
    swept(path)
    broken, unsigned, _ = sorted((tmp_path / "sweep-runs" / "tasks").iterdir())
    broken.write_bytes(broken.read_bytes()[:50] + b"\0" * 3000)
    with TraceWriter(unsigned) as writer:
        writer.set_meta("sweep", {})
    planned = plan(config.read(path))
    with Store(planned.sweep.out) as store:
        assert len(planned.tasks(store.finished())) == 2
        assert len(store.remarks) == 1 and "it is done again" in store.remarks[0]
    assert broken.with_suffix(".damaged").is_file()
    assert swept(path)[1].done == 2


def test_two_sweeps_do_not_share_a_folder(tmp_path: Path) -> None:
    with Store(tmp_path / "out"), pytest.raises(MnemoscopeError, match="another sweep is writing there"):
        Store(tmp_path / "out")
    (tmp_path / "file").write_text("")
    with pytest.raises(MnemoscopeError, match="cannot be written"):
        Store(tmp_path / "file")


def test_seeds_are_repeats_of_one_system(tmp_path: Path, engines: list[ScriptedEngine], capsys: Capture) -> None:
    path = sweep_file(tmp_path, seeds=[1, 2, 3], grid={"temperature": [0, 0.5]})
    data = run_json(path, capsys)
    assert len(data["runs"]) == 6  # type: ignore[arg-type]
    systems = data["systems"]
    assert [s["name"] for s in systems] == [  # type: ignore[attr-defined]
        "full · demo temperature=0.0", "bm25 · demo temperature=0.0",
        "full · demo temperature=0.5", "bm25 · demo temperature=0.5",
    ]  # fmt: skip
    for system in systems:  # type: ignore[attr-defined]
        assert set(system["accuracy_by_seed"]) == {"1", "2", "3"}
        assert system["scores"]["accuracy"]["n"] == 12  # probes, not probes times seeds
        assert system["sd_of_seeds"] == 0.0
    assert len(data["comparisons"]["accuracy"]["pairs"]) == 6  # type: ignore[index]


def test_a_probes_figure_is_its_mean_over_the_seeds(tmp_path: Path) -> None:
    path = sweep_file(tmp_path, sessions=1, lanes=["full"], seeds=[1, 2])
    swept(path)
    planned = plan(config.read(path))
    with Store(planned.sweep.out) as store:
        runs = merged(planned, store, store.finished())
    second = runs["demo-seed2"]
    with closing(TraceReader(second)) as reader:
        event = next(reader.events(kinds=(Kind.SCORED,)))
    was = event.payload["correct"]
    import sqlite3

    with closing(sqlite3.connect(second)) as connection, connection:
        connection.execute("DROP TRIGGER event_is_final")
        flipped = json.dumps(event.payload | {"correct": not was})
        connection.execute("UPDATE event SET payload = ? WHERE seq = ?", (flipped, event.seq))
    (system,) = table(planned, runs).systems
    figure = system.standing.figures[0]
    one, two = system.by_seed.values()
    assert abs(one - two) == pytest.approx(1 / figure.n) and figure.mean == pytest.approx((one + two) / 2)
    assert system.spread == pytest.approx(abs(one - two) / 2**0.5)
    assert figure.interval.method == "bca"


def test_the_table_in_all_forms(tmp_path: Path, engines: list[ScriptedEngine], capsys: Capture) -> None:
    path = sweep_file(tmp_path)
    assert cli.main(["sweep", str(path), "--csv", str(tmp_path / "csv")]) == 0
    said = capsys.readouterr()
    assert "accuracy: second less first in points, paired (McNemar's test" in said.out
    assert "12 probes can show differences" in said.out
    assert "100 %  3 of 3 tasks" in said.err
    rows = (tmp_path / "csv" / "systems.csv").read_text().splitlines()
    assert rows[0].startswith("lane,model,settings,seeds,sessions,score,n,mean") and len(rows) >= 3
    assert (tmp_path / "csv" / "comparisons.csv").read_text().splitlines()[1].startswith("accuracy,full,bm25,12,")
    assert cli.main(["sweep", str(path), "--dry-run", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["tasks"], data["results_there"], data["sessions"]) == (0, 6, 3)


def test_a_dry_run_does_nothing(tmp_path: Path, engines: list[ScriptedEngine], capsys: Capture) -> None:
    assert cli.main(["sweep", str(sweep_file(tmp_path, seeds=[0, 1])), "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "6 to do, 0 results there already" in said and "48 model calls" in said
    assert not engines and not (tmp_path / "sweep-runs").exists()


def test_what_somebody_added_to_a_merged_run_is_kept(
    tmp_path: Path, engines: list[ScriptedEngine], capsys: Capture
) -> None:
    path = sweep_file(tmp_path)
    run_json(path, capsys)
    run = tmp_path / "sweep-runs" / "demo-seed0.mnemo"
    with TraceWriter(run) as writer:
        writer.append([Event(1, 1, 0, 9999, Kind.JUDGED, "p0", payload={"name": "x", "judge": "y", "value": 1.0})])
    before = run.read_bytes()
    run_json(path, capsys)  # nothing new: it stays
    assert run.read_bytes() == before
    sweep_file(tmp_path, sessions=4)
    run_json(path, capsys)
    assert (tmp_path / "sweep-runs" / "demo-seed0.kept1.mnemo").read_bytes() == before
    with TraceReader(run) as reader:
        assert len(reader.session_names()) == 4


def test_a_task_and_the_merged_run_are_made_again(
    tmp_path: Path, engines: list[ScriptedEngine], capsys: Capture
) -> None:
    run_json(sweep_file(tmp_path), capsys)
    folder = tmp_path / "sweep-runs"
    for number, file in enumerate([*sorted((folder / "tasks").iterdir()), folder / "demo-seed0.mnemo"]):
        assert cli.main(["rerun", str(file), "--json", "--out", str(tmp_path / f"{number}.mnemo")]) == 0
        data = json.loads(capsys.readouterr().out)
        assert (data["identical"], data["changed"]) == (True, {})
        assert [lane["lane"] for lane in data["lanes"]] == ["full", "bm25"]


def test_a_task_says_whose_result_it_is(tmp_path: Path) -> None:
    path = sweep_file(tmp_path, sessions=1)
    swept(path)
    (file,) = (tmp_path / "sweep-runs" / "tasks").iterdir()
    ((_, _, keys),) = plan(config.read(path)).cells()
    assert cells(file) == keys


def test_a_name_of_two_sessions(tmp_path: Path) -> None:
    path = sweep_file(tmp_path, sessions=1)
    other = session_file(tmp_path, turns=8, seed=1)
    other.write_text(other.read_text().replace("seed 1", "seed 0"))
    planned = plan(config.read(path))
    assert [source.session.name for source in planned.sources] == ["moving house, seed 0", "moving house, seed 0 (2)"]


@pytest.fixture(autouse=True)
def _none_left(tmp_path: Path) -> Iterator[None]:
    yield
    with suppress(FileNotFoundError):
        assert not list((tmp_path / "sweep-runs").glob(".*.part"))
