"""A sweep of 1,000 sessions x 4 lanes on two local Ray nodes, of which one is killed in the middle.

``python -m tests.benchmarks.bench_sweep FOLDER [--sessions N] [--reader R]`` generates small sessions, starts a head
without cores and two nodes of one core each, sweeps with the bundled model (or another reader), kills every process of
one node when half of the tasks are done, and checks: all results, none twice, one table. Called again it goes on in the
same folder: the node dies once, and what was found is printed when everything is there. Needs the extra ``cluster``.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

from workbench import console
from workbench.reading import READERS
from workbench.sessions.synthesis import generate
from workbench.sweep import config
from workbench.sweep.cluster import RayEngine
from workbench.sweep.drive import Driver, Report
from workbench.sweep.live import line
from workbench.sweep.merging import merged
from workbench.sweep.store import Store
from workbench.sweep.table import table
from workbench.sweep.tasks import Plan, plan
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader

SWEEP = """sessions: ["sessions/*.json"]
lanes: [bm25, "bm25:k=2", window, full]
embedder: hash
context: 1024
exact: true
reader: {reader}
"""


def sessions(folder: Path, count: int, reader: str = "model") -> Path:
    """The sweep's file, with its sessions beside it."""
    (folder / "sessions").mkdir(parents=True, exist_ok=True)
    for seed in range(count):
        path = folder / "sessions" / f"{seed:04}.json"
        if not path.exists():
            made = generate("accurate-retrieval", seed, turns="6", probes="1", people="2", abstain="0")
            path.write_text(json.dumps(made.to_json()))
    (folder / "sweep.yaml").write_text(SWEEP.format(reader=reader))
    return folder / "sweep.yaml"


def main() -> None:
    """Do it, or go on with it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sessions", type=int, default=1000)
    parser.add_argument("--reader", choices=READERS, default="model")
    options = parser.parse_args()
    planned = plan(config.read(sessions(options.folder, options.sessions, options.reader)))
    told = options.folder / "told.json"
    with Store(planned.sweep.out) as store:
        tasks = planned.tasks(store.finished())
        if tasks:
            _sweep(planned, store, tasks, told)
        done = store.finished()
        began = time.perf_counter()
        runs = merged(planned, store, done)
        merging = time.perf_counter() - began
    began = time.perf_counter()
    found = table(planned, runs)
    console.say(found.text())
    console.say(f"merged in {merging:.1f} s, table in {time.perf_counter() - began:.1f} s")
    _check(planned, runs, told)


def _sweep(planned: Plan, store: Store, tasks: list[Any], told: Path) -> None:
    from ray.cluster_utils import Cluster

    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}
    cluster = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 0, "include_dashboard": False, "object_store_memory": 100 << 20},
    )
    nodes = [cluster.add_node(num_cpus=1, object_store_memory=100 << 20) for _ in range(2)]
    known: dict[str, Any] = json.loads(told.read_text()) if told.exists() else {"calls": [], "killed_after": None}
    report, shown = Report(len(tasks), len(planned.sources) - len(tasks)), 0.0
    engine = RayEngine(planned, cluster.address, None)

    def tell(report: Report) -> None:
        nonlocal shown
        if time.monotonic() - shown > 10:
            shown = time.monotonic()
            console.remark(line(report))
            told.write_text(json.dumps(known | {"calls": [*known["calls"], _said(report)]}, indent=1))
        if known["killed_after"] is None and report.held + report.done >= len(planned.sources) // 2:
            known["killed_after"] = report.held + report.done
            cluster.remove_node(nodes.pop(), allow_graceful=False)
            console.remark(f"killed a node after {known['killed_after']} tasks")

    try:
        Driver(planned, store, engine, tell).go(tasks, report)
    finally:
        engine.close()
        cluster.shutdown()
        told.write_text(json.dumps(known | {"calls": [*known["calls"], _said(report)]}, indent=1))


def _said(report: Report) -> dict[str, Any]:
    counts = {key: getattr(report, key) for key in ("total", "held", "done", "lost", "retried")}
    return counts | {"failed": len(report.failed), "nodes": dict(report.nodes), "seconds": round(report.seconds, 1)}


def _check(planned: Plan, runs: dict[str, Path], told: Path) -> None:
    """All results, none twice, one table."""
    (run,) = runs.values()
    query = "SELECT count(*) FROM event WHERE kind = ? GROUP BY session, lane, subject"
    with TraceReader(run) as reader:
        times = [n for (n,) in reader.query(query, (str(Kind.SCORED),))]
        events, held = reader.last_seq(), len(reader.session_names())
    wanted = len(planned.lanes) * sum(len(source.session.probes) for source in planned.sources)
    files = len(list((planned.sweep.out / "tasks").glob("*.mnemo")))
    console.say(told.read_text() if told.exists() else "")
    console.say(
        f"{held:,} sessions, {len(planned.lanes)} lanes, {files:,} task files, {len(times):,} of {wanted:,} answers, "
        f"{sum(n > 1 for n in times)} twice, {events:,} events, {run.stat().st_size / 1e6:.1f} MB in {run.name}"
    )
    assert (files, len(times), set(times)) == (len(planned.sources), wanted, {1})


if __name__ == "__main__":
    main()
