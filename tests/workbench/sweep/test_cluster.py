"""Sweeps on a real Ray cluster of two local nodes. Needs the extra ``cluster``, which set-up leaves out."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.runs import session_file
from tests.workbench.sweep.support import sweep_file
from workbench import cli, paths
from workbench.sweep import config
from workbench.sweep.drive import Driver, Report
from workbench.sweep.merging import merged
from workbench.sweep.store import Store
from workbench.sweep.table import table
from workbench.sweep.tasks import plan
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader

MINE = """from dataclasses import dataclass
from workbench.memory.strategies.window import Window

@dataclass
class Mine(Window):
    name = "mine"
"""
needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: it is the extra `cluster`")
without_ray = pytest.mark.skipif(find_spec("ray") is not None, reason="Ray is installed")


@without_ray
def test_without_ray_one_line_says_what_to_install(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["sweep", str(sweep_file(tmp_path)), "--engine", "ray"]) == 1
    assert "pip install 'mnemoscope[cluster]', or --engine local" in capsys.readouterr().err.splitlines()[-1]


class TwoNodes:
    """A head without cores, where the driver is, and two nodes of one core each."""

    def __init__(self, cluster: Any) -> None:
        self.cluster = cluster
        self.nodes = [cluster.add_node(num_cpus=1, object_store_memory=100 << 20) for _ in range(2)]

    def workers(self, number: int) -> list[psutil.Process]:
        """The processes of a node that are doing a task."""
        (raylet,) = self.nodes[number].all_processes["raylet"]
        found = []
        for process in psutil.Process(raylet.process.pid).children():
            with suppress(psutil.Error):
                if "perform" in " ".join(process.cmdline()):
                    found.append(process)
        return found

    def kill(self, number: int) -> None:
        """SIGKILL for every process of a node."""
        self.cluster.remove_node(self.nodes[number], allow_graceful=False)


@pytest.fixture
def nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoNodes]:
    from ray.cluster_utils import Cluster

    for name, value in (
        ("RAY_USAGE_STATS_ENABLED", "0"), ("RAY_worker_niceness", "0"), ("MNEMOSCOPE_HOME", str(tmp_path / "home")),
        ("PYTHONPATH", str(Path(__file__).parents[3])),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)
    head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": 100 << 20}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    yield TwoNodes(cluster)
    cluster.shutdown()


@needs_ray
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_worker_and_then_a_node_are_killed(nodes: TwoNodes, tmp_path: Path) -> None:
    """All results, none twice, one table; the model and the code of a lane travel, and no engine is left behind."""
    from workbench.sweep.cluster import RayEngine

    model, code = tmp_path / "copy.gguf", tmp_path / "mine.py"
    model.write_bytes((paths.resources() / "models" / paths.DEMO_MODEL).read_bytes())
    code.write_text(MINE)
    keys = {"models": ["copy.gguf"], "lanes": ["bm25", "mine.py:Mine"], "exact": True, "context": 1024}
    planned = plan(config.read(sweep_file(tmp_path, sessions=10, **keys)))
    report, killed = Report(10, 0), []
    with Store(planned.sweep.out) as store:
        engine = RayEngine(planned, nodes.cluster.address, None)
        model.unlink()  # so that no node finds them by their paths
        code.write_text("no Python")

        def tell(report: Report) -> None:
            if report.done >= 2 and not killed and nodes.workers(0):
                killed.extend(nodes.workers(0))
                for process in killed:
                    process.send_signal(signal.SIGKILL)
            elif report.done >= 5 and len(nodes.nodes) == 2 and nodes.workers(1):
                engines = [child for worker in nodes.workers(1) for child in worker.children(recursive=True)]
                nodes.kill(1)
                nodes.nodes.pop()
                killed.extend(engines)

        try:
            Driver(planned, store, engine, tell).go(planned.tasks(), report)
        finally:
            engine.close()
        runs = merged(planned, store, store.finished())
    assert len(nodes.nodes) == 1 and killed
    assert (report.done, report.failed) == (10, {})
    assert report.lost >= 1
    assert len(list((tmp_path / "sweep-runs" / "tasks").iterdir())) == 10
    assert all("model by the object store" in note or "model from the cache" in note for note in engine.notes)
    with TraceReader(runs["copy.gguf-seed0"]) as reader:
        scored = reader.query("SELECT session, lane, subject, count(*) FROM event WHERE kind = ? GROUP BY 1, 2, 3",
                              (str(Kind.SCORED),))  # fmt: skip
        assert len(scored) == 10 * 2 * 4 and {n for *_, n in scored} == {1}
        assert [row.name for row in reader.lanes()] == ["bm25", "mine"]
    systems = table(planned, runs).systems
    assert [(s.name, s.sessions, s.standing.figures[0].n) for s in systems] == [("bm25", 10, 40), ("mine", 10, 40)]
    _, alive = psutil.wait_procs(killed, timeout=60)
    assert not alive


@needs_ray
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_command_on_a_cluster_gives_what_it_gives_here(
    nodes: TwoNodes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import json

    tables = []
    for name, more in (
        ("there", ["--engine", "ray", "--address", nodes.cluster.address]),
        ("here", ["--workers", "1"]),
    ):
        path = sweep_file(tmp_path, sessions=2, models=["demo"], exact=True, context=1024, out=name)
        assert cli.main(["sweep", str(path), "--json", *more]) == 0
        tables.append(json.loads(capsys.readouterr().out))
    there, here = tables
    assert there["tasks"]["done"] == here["tasks"]["done"] == 2
    assert sum(there["tasks"]["nodes"].values()) == 2
    for one, other in zip(there["systems"], here["systems"], strict=True):
        assert one["scores"] == other["scores"] and one["tokens"] == other["tokens"]
    assert there["comparisons"] == here["comparisons"]


@needs_ray
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_an_address_where_nothing_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    session_file(tmp_path)
    assert cli.main(["sweep", str(sweep_file(tmp_path)), "--engine", "ray", "--address", "127.0.0.1:1"]) == 1
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("mnemoscope: no Ray cluster at 127.0.0.1:1 (") and "`ray start --head` starts one" in line
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
