"""``mnemoscope sweep``: many sessions x lanes x models x settings x seeds, gone on with by the same command."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench import console
from workbench.errors import MnemoscopeError, UsageError
from workbench.estimate import estimate
from workbench.files import write_text
from workbench.lanes import LaneSpec
from workbench.sweep import config
from workbench.sweep.drive import Driver, Engine, Report, Tally, count
from workbench.sweep.hand import cores
from workbench.sweep.live import Board
from workbench.sweep.local import LocalEngine
from workbench.sweep.merging import merged
from workbench.sweep.store import Found, Store
from workbench.sweep.table import SweepTable, table
from workbench.sweep.tasks import Plan, Task, plan


def run(options: argparse.Namespace) -> int:
    """Do what is left of a sweep, merge it and say it; 1 when tasks have failed."""
    if options.address and options.engine != "ray":
        raise UsageError("--address is a Ray cluster's", "say --engine ray with it")
    if options.workers is not None and options.workers < 1:
        raise UsageError(f"--workers {options.workers}: at least one is needed", "leave it out for one a core")
    try:
        planned = plan(config.read(options.config))
    except config.Faults as faults:
        for line in faults.lines if len(faults.lines) > 1 else ():
            console.remark(line)
        raise
    for remark in planned.remarks:
        console.remark(remark)
    if options.dry_run:
        _dry(planned, options.json)
        return 0
    with Store(planned.sweep.out) as store:
        return _do(planned, store, options)


def _do(planned: Plan, store: Store, options: argparse.Namespace) -> int:
    done = store.finished()
    tasks = planned.tasks(done)
    wanted = {key for _, _, keys in planned.cells() for key in keys.values()}
    report = Report(len(tasks), len(wanted & done.keys()), tallies=_tallies(planned, done))
    console.remark(_before(planned, report))
    if tasks:
        engine = _engine(planned, store, options, len(tasks))
        title = engine.title
        try:
            _drive(planned, store, engine, tasks, report)
        finally:
            engine.close()
            for note in engine.notes:
                console.remark(note)
            store.write_record(_record(planned, report, title, engine.notes))
        done = store.finished()
    runs = _merged(planned, store, done)
    for remark in store.remarks:
        console.remark(remark)
    if not runs:
        raise MnemoscopeError(f"no task was finished, {len(report.failed):,} failed: {_why(report)}", "mend it")
    _say(planned, report, runs, table(planned, runs), options)
    return _failures(report)


def _drive(planned: Plan, store: Store, engine: Engine, tasks: list[Task], report: Report) -> None:
    report.began = time.monotonic()
    with Board(f"{planned.sweep.path.name} on {engine.title}") as board:
        driver = Driver(planned, store, engine, board.show)
        with console.cancelling(driver):
            driver.go(tasks, report)


def _engine(planned: Plan, store: Store, options: argparse.Namespace, most: int) -> Engine:
    if options.engine == "ray":
        from workbench.sweep.cluster import RayEngine

        return RayEngine(planned, options.address, options.workers)
    return LocalEngine(store, options.workers or max(1, min(most, cores() // planned.sweep.threads)))


def _tallies(planned: Plan, done: Mapping[str, Found]) -> dict[tuple[str, str], Tally]:
    """What was finished before, for the live table."""
    files: dict[tuple[Path, str], dict[str, None]] = {}
    for _, variant, keys in planned.cells():
        for lane, key in keys.items():
            if key in done:
                files.setdefault((done[key].file, variant.system), {})[lane] = None
    found: dict[tuple[str, str], Tally] = {}
    for (file, system), lanes in files.items():
        count(file, system, lanes, found)
    return found


def _before(planned: Plan, report: Report) -> str:
    parts = [console.count(len(planned.sources), "session"), console.count(len(planned.lanes), "lane")]
    parts += [console.count(len(planned.variants), "variant"), console.count(report.total, "task") + " to do"]
    return ", ".join([*parts, f"{report.held:,} results there already"] if report.held else parts)


def _merged(planned: Plan, store: Store, done: Mapping[str, Found]) -> dict[str, Path]:
    taken = 0
    with console.Meter() as meter:

        def step() -> None:
            nonlocal taken
            taken += 1
            meter.step(taken, max(taken, len(planned.sources) * len(planned.variants)), "merging")

        return merged(planned, store, done, step)


# Before it runs -------------------------------------------------------------------------------------------------------


def _dry(planned: Plan, as_json: bool) -> None:
    """Say what would be done, and about what it costs."""
    done: Mapping[str, Found] = {}
    if planned.sweep.out.is_dir():
        with Store(planned.sweep.out) as store:
            done = store.finished()
    tasks = planned.tasks(done)
    calls = prompt = output = 0
    unknown: set[str] = set()
    for task in tasks:
        config = task.config
        full = config.prompts != "plain" and (bool(config.prompts) or config.model != "demo")
        specs = [LaneSpec.parse(lane) for lane in task.lanes]
        found = estimate([task.source.session], specs, full, config.context or 8192)
        answers = 0 if config.reader == "model" else len(specs) * len(task.source.session.probes)
        calls, prompt, output = calls + found.calls - answers, prompt + found.prompt, output + found.output
        unknown |= set(found.unknown)
    data: dict[str, Any] = {
        "sessions": len(planned.sources),
        "turns": sum(len(s.session.turns) for s in planned.sources),
        "probes": sum(len(s.session.probes) for s in planned.sources),
        "lanes": list(planned.lanes),
        "variants": [variant.name for variant in planned.variants],
        "tasks": len(tasks),
        "results_there": len({k for _, _, keys in planned.cells() for k in keys.values()} & done.keys()),
        "estimate": {"calls": calls, "prompt_tokens": prompt, "output_tokens": output, "unknown": sorted(unknown)},
        "out": str(planned.sweep.out),
    }
    if as_json:
        console.say_json(data)
        return
    for key in ("sessions", "turns", "probes"):
        console.say(f"{key:<14}{data[key]:,}")
    for key in ("lanes", "variants"):
        console.say(f"{key:<14}{', '.join(data[key])}")
    console.say(f"{'tasks':<14}{data['tasks']:,} to do, {data['results_there']:,} results there already")
    console.say(f"{'about':<14}{calls:,} model calls, {prompt:,} tokens read, {output:,} written")
    if unknown:
        console.say(f"{'':<14}without the memory operations of {', '.join(sorted(unknown))}")
    console.say(f"{'out':<14}{data['out']}")


# Afterwards -----------------------------------------------------------------------------------------------------------


def _say(
    planned: Plan, report: Report, runs: Mapping[str, Path], found: SweepTable, options: argparse.Namespace
) -> None:
    if options.csv:
        for one in found.csv_tables():
            write_text(options.csv / f"{one.name}.csv", one.csv())
        console.remark(f"wrote {options.csv}")
    if options.json:
        counts = {"done": report.done, "there": report.held, "retried": report.retried, "lost": report.lost}
        failed = [_failed(report, task) for task in report.failed.values()]
        tasks = counts | {"nodes": dict(report.nodes), "failed": failed}
        console.say_json({"sweep": planned.sweep.path.name, "out": str(planned.sweep.out), "tasks": tasks,
                          "runs": {name: str(path) for name, path in runs.items()}, **found.to_json()})  # fmt: skip
    else:
        console.say(found.text())
    for path in runs.values():
        console.remark(f"wrote {path}")


def _failures(report: Report) -> int:
    for task in report.failed.values():
        console.remark(f"failed: {task}: {report.errors[task.key][-1]}")
    if report.failed:
        raise MnemoscopeError(
            f"{console.count(len(report.failed), 'task')} failed", "the same command tries them again"
        )
    return 0


def _why(report: Report) -> str:
    return next((errors[-1] for errors in report.errors.values()), "the sweep has no tasks")


def _failed(report: Report, task: Task) -> dict[str, Any]:
    return {
        "session": task.source.session.name,
        "variant": task.variant.name,
        "lanes": list(task.cells),
        "errors": report.errors.get(task.key, []),
    }


def _record(planned: Plan, report: Report, engine: str, notes: Sequence[str]) -> dict[str, Any]:
    """What ``sweep.json`` says of this call."""
    return {
        "sweep": planned.sweep.path.name,
        "engine": engine,
        "notes": list(notes),
        "sessions": len(planned.sources),
        "lanes": list(planned.lanes),
        "variants": [variant.name for variant in planned.variants],
        "tasks": report.total,
        "done": report.done,
        "results_there_before": report.held,
        "retried": report.retried,
        "lost": report.lost,
        "nodes": dict(report.nodes),
        "seconds": round(report.seconds, 1),
        "failed": [_failed(report, task) for task in report.failed.values()],
    }
