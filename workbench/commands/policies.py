"""``mnemoscope bench policies``: every cache policy at every budget, on retrieval tasks and on a natural session.

The lanes are ordinary ones, replayed by the engine; the run files are kept beside the figure and open in the window.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench import console, paths
from workbench.cache.registry import DEFAULT, POLICIES, policy
from workbench.engine.config import RunConfig
from workbench.engine.run import run as replay
from workbench.errors import UsageError
from workbench.files import write_text
from workbench.lanes import LaneSpec
from workbench.projections.survival import SurvivalPoint, survival
from workbench.reading import REQUESTS
from workbench.reports import budgets as report
from workbench.sessions.formats import read
from workbench.sessions.model import Session
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader

BUDGETS = (0.05, 0.1, 0.25, 0.5, 0.75, 1.0)
UNBUDGETED = {
    "timrun stack 0": "timrun:stack=0",
    "timrun stack 1": "timrun:stack=1",
    "quantized q8_0": "quantized:keys=q8_0,values=q8_0",
    "quantized q4_0": "quantized:keys=q4_0,values=q4_0",
    "kivi 4 bit": "kivi:bits=4",
    "kivi 2 bit": "kivi:bits=2",
}
"""Policies without a budget: what keeps every token at fewer bits, and what prunes by the text alone. They stand in the
column of what they kept."""
TASKS = {
    "retrieval tasks": (("accurate-retrieval.json", "conflict-resolution.json"), "full"),
    "natural session": (("repair-cafe.json",), "bm25:k=20"),
}
"""Sample sessions and the memory whose contexts are compressed; the natural session exceeds the bundled model's."""


def run(
    model: str = "demo",
    out: str = "policies",
    probes: str = "8",
    budgets: str = ",".join(map(str, BUDGETS)),
    tasks: str = ",".join(TASKS),
    policies: str = "",
    memory: str = "",
    when: str = "",
    requests: str = "separate",
    threads: str = "",
) -> dict[str, Any]:
    """Measure.

    Args:
        model: as in ``run``; several, one for each task.
        out: folder for the run files, ``policies.svg``, ``.csv`` and ``.json``; a broken-off measurement goes on there.
        probes: questions per session, spread over those whose evidence is known; several numbers, one for each task.
        policies: names, all without any. memory: in place of the usual ones. when: ``before-question`` compresses
            without the question.
        requests: SCBench's modes (``workbench.reading.Requests``). All but ``separate`` ask at the turn with most
            questions, so that they are about one context.

    Returns:
        ``{model, files, tasks: {task: {title, full, POLICY: {BUDGET: {accuracy, evidence, kl, share, agreement,
        modelled, badge}}}}}``; ``modelled`` is the share of the full cache's bytes that the method itself would take.
        In a conversation also ``turns``: accuracy of its first question, its second …
    """
    shares, counts = _numbers(budgets), [int(number) for number in _numbers(probes)]
    models, names = model.split(","), dict[str, None]()
    mode = next((mode for mode in REQUESTS if mode == requests), None)
    if mode is None:
        raise UsageError(f"no mode {requests!r}", f"one of: {', '.join(REQUESTS)}")
    chosen = tuple(name for name in policies.split(",") if name) or tuple(POLICIES)
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    blocks: list[report.Block] = []
    for number, task in enumerate(tasks.split(",")):
        if task not in TASKS:
            raise UsageError(f"no task {task!r}", f"one of: {', '.join(TASKS)}")
        files, usual = TASKS[task]
        lanes = _lanes(memory or usual, chosen, shares, when)
        count, loaded = counts[min(number, len(counts) - 1)], models[min(number, len(models) - 1)]
        cut = [_cut(paths.sample_sessions() / file, folder, count, mode != "separate") for file in files]
        path = folder / f"{task.replace(' ', '-')}.mnemo"
        specs = (memory or usual, *lanes)
        cores = int(threads) if threads else None
        config = RunConfig(tuple(cut), specs, loaded, "hash", capture="off", out=path, threads=cores, requests=mode)
        with console.Meter() as meter:
            replay(config, progress=lambda p, m=meter: m.step(p.done, p.total, p.note))  # type: ignore[misc]
        with closing(TraceReader(path)) as reader:
            name = next(reader.events(lane=0, kinds=[Kind.ENGINE_LOADED])).payload["name"]
            names[name] = None
            told = ", ".join(x for x in (f"compressed {when}" if when else "", mode if mode != "separate" else "") if x)
            blocks.append(_block(reader, task, memory or usual, lanes, name, told))
    return _written(folder, blocks, ", ".join(names))


def _numbers(given: str) -> tuple[float, ...]:
    try:
        found = tuple(float(part) for part in given.split(","))
    except ValueError:
        raise UsageError(f"{given!r} are no numbers", "write them with commas, as 0.1,0.5") from None
    if any(not 0 < number < float("inf") for number in found):
        raise UsageError(f"{given!r} is out of range", "write numbers above 0")
    return found


def _lanes(memory: str, chosen: Sequence[str], shares: Sequence[float], when: str) -> dict[str, tuple[str, float]]:
    """Lane SPEC to the row and the column of the figure that it fills."""
    found: dict[str, tuple[str, float]] = {}
    timing = f",when={when}" if when else ""
    for name in chosen:
        if name == DEFAULT:
            continue
        if any(field == "keep" for field in policy(name)().parameters()):
            found |= {f"{memory}+{name}:keep={share:g}{timing}": (name, share) for share in shares}
            continue
        found |= {f"{memory}+{spec}": (row, 1.0) for row, spec in UNBUDGETED.items() if spec.startswith(f"{name}:")}
    return found


def _cut(file: Path, folder: Path, count: int, together: bool) -> Path:
    """The session with so many of its probes, those with known evidence, spread over it or all from one turn."""
    session: Session = read(file)[0]
    known = [p for p in session.probes if p.evidence and not p.abstain]
    if together:
        most = Counter(p.after for p in known).most_common(1)[0][0]
        known = [p for p in known if p.after == most]
    kept = [known[(n * len(known)) // count] for n in range(min(count, len(known)))] if len(known) > count else known
    path = folder / f"{file.stem}-{len(kept)}{'-together' if together else ''}.json"
    write_text(path, json.dumps(replace(session, probes=tuple(kept)).to_json(), ensure_ascii=False))
    return path


def _block(
    reader: TraceReader, task: str, memory: str, lanes: dict[str, tuple[str, float]], model: str, told: str
) -> report.Block:
    points: dict[str, SurvivalPoint] = {p.name: p for p in survival(reader)}
    by_name = {LaneSpec.parse(spec).name: place for spec, place in lanes.items()}
    found = {by_name[name]: point for name, point in points.items() if name in by_name}
    budgets = sorted({budget for _, budget in lanes.values()})
    ordered = {_column(place, found[place], budgets): found[place] for place in lanes.values() if place in found}
    full = next(row.id for row in reader.lanes() if row.cache == DEFAULT)
    right = [bool(e.payload["correct"]) for e in reader.events(None, full, kinds=[Kind.SCORED])]
    answers = next(iter(ordered.values())).probes if ordered else 0
    title = f"{task}: {answers} questions, {memory}, {model}" + (f", {told}" if told else "")
    columns = tuple(sorted({budget for _, budget in ordered}))
    turns = {point.lane: _by_turn(reader, point.lane) for point in ordered.values()} | {full: _by_turn(reader, full)}
    accuracy = sum(right) / len(right) if right else None
    return report.Block(
        task, title, columns, accuracy, ordered, turns[full], {p.lane: turns[p.lane] for p in ordered.values()}
    )


def _by_turn(reader: TraceReader, lane: int) -> tuple[float, ...]:
    """Accuracy of the first questions of conversations, of the second ones …; of one number where there are none."""
    right: dict[int, list[bool]] = {}
    place = 0
    for event in reader.events(None, lane, kinds=[Kind.PACKED, Kind.SCORED]):
        if event.kind == Kind.PACKED:
            place = len(event.payload.get("earlier", ()))
        else:
            right.setdefault(place, []).append(bool(event.payload["correct"]))
    return tuple(sum(right[n]) / len(right[n]) for n in sorted(right))


def _column(place: tuple[str, float], point: SurvivalPoint, budgets: Sequence[float]) -> tuple[str, float]:
    """Row and column; without a budget the least column that holds what was kept."""
    if place[0] not in UNBUDGETED:
        return place
    return place[0], next((b for b in budgets if point.share <= b + 0.005), place[1])


def _written(folder: Path, blocks: Sequence[report.Block], model: str) -> dict[str, Any]:
    write_text(folder / "policies.svg", report.figure(blocks))
    write_text(folder / "policies.csv", report.table(blocks))
    found: dict[str, Any] = {}
    for block in blocks:
        rows: dict[str, Any] = {"title": block.title, "full": {"accuracy": block.full}}
        if len(block.turns) > 1:
            rows["full"]["turns"] = list(block.turns)
        for (name, budget), p in block.points.items():
            rows.setdefault(name, {})[f"{budget:.0%}" if budget <= 1 else f"{budget:g} tok"] = {
                "accuracy": p.accuracy, "evidence": p.evidence, "kl": p.kl, "share": p.share,
                "agreement": p.agreement, "modelled": p.modelled / max(p.full, 1), "badge": p.badge,
            } | ({"turns": list(block.by_lane[p.lane])} if len(block.turns) > 1 else {})  # fmt: skip
        found[block.task] = rows
    files = [str(folder / f"policies.{kind}") for kind in ("svg", "csv", "json")]
    result = {"model": model, "tasks": found, "files": files}
    write_text(folder / "policies.json", json.dumps(result, indent=1) + "\n")
    return result
