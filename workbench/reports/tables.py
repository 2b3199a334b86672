"""The tables of ``mnemoscope score`` as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from workbench import console
from workbench.memory.detectors import KINDS
from workbench.probes.competencies import SHORT, title
from workbench.probes.papers import Column
from workbench.probes.retrieval import DEPTH
from workbench.probes.scorers import RETRIEVED
from workbench.probes.statistics import Comparison
from workbench.projections.audit import OUTCOMES, LaneAudit
from workbench.projections.compared import Compared
from workbench.projections.controls import Controls, to_json
from workbench.projections.costs import LaneCosts
from workbench.projections.judged import Trial
from workbench.projections.losses import LaneLosses
from workbench.projections.published import ACCURACY, Figure, Standing
from workbench.projections.scores import LaneScores, Scoreboard
from workbench.projections.survival import SurvivalPoint
from workbench.projections.unread import Unread


def scores(board: Scoreboard, lost: Sequence[LaneLosses] = ()) -> str:
    """The scoreboard as text: our lenient reading of right and wrong, with Wilson's 95 % intervals.

    Args:
        lost: of every lane, for how many answers the context was cut.
    """
    names = [SHORT.get(c, title(c)) for c in board.competencies]
    short = any(lane.retrieval.n and lane.retrieval.depth < DEPTH for lane in board.lanes)
    at = f"{DEPTH}, or @k" if short else str(DEPTH)  # a lane that returns fewer has no recall at 10
    retrieval = [f"recall@{at}", f"NDCG@{at}", "time", "dropped", "failed"]
    cut = {own.lane.id: f"{own.cut} of {own.packed}" for own in lost if own.packed}
    rows = [[lane.lane.name, *_accuracies(board, lane), *_retrieval(lane, short)] for lane in board.lanes]
    rows = [[*row, cut.get(lane.lane.id, "")] for row, lane in zip(rows, board.lanes, strict=True)] if cut else rows
    heads = [ACCURACY, *names, *retrieval, *(["context cut"] if cut else [])]
    return console.table(["lane", *heads], rows, right=heads)


def _accuracies(board: Scoreboard, lane: LaneScores) -> list[str]:
    cells = [lane.overall, *(lane.cell(c) for c in board.competencies)]
    return [
        f"{c.accuracy * 100:.0f} % ({c.low * 100:.0f}–{c.high * 100:.0f}) of {c.n}" if c and c.n else "" for c in cells
    ]


def _retrieval(lane: LaneScores, differ: bool) -> list[str]:
    found = lane.retrieval
    at = f" @{found.depth}" if differ else ""
    recall = f"{found.deepest:.3f}{at}" if found.deepest is not None else ""
    ndcg = f"{found.ndcg:.3f}{at}" if found.ndcg is not None else ""
    return [recall, ndcg, console.seconds(lane.seconds), str(lane.dropped), str(lane.failed)]


Row = tuple[Standing, list[Column | None]]


def published(lanes: Sequence[Standing]) -> list[tuple[str, list[str], str, str, list[Row]]]:
    """The benchmarks' own tables: benchmark, titles of the columns, names of the scores, judges, the lanes' rows."""
    found = []
    for benchmark in dict.fromkeys(name for lane in lanes for name in lane.papers):
        own = [(lane, {c.title: c for c in lane.papers.get(benchmark, ())}) for lane in lanes]
        titles = list(dict.fromkeys(title for _, columns in own for title in columns))
        names = list(dict.fromkeys(c.score for _, columns in own for c in columns.values() if c.score))
        judges = sorted({f.judge for lane, _ in own for f in lane.figures if f.name in names and f.judge})
        rows = [(lane, [columns.get(title) for title in titles]) for lane, columns in own]
        found.append((benchmark, titles, ", ".join(names), ", ".join(judges), rows))
    return found


def papers(lanes: Sequence[Standing]) -> str:
    """The benchmark's own table: each lane's figures under the published name, by category and averaged as there."""
    parts = []
    for benchmark, titles, names, judges, own in published(lanes):
        rows = [[lane.name, *map(_column, cells)] for lane, cells in own]
        by = f", judged by {judges}" if judges else ""
        parts.append(
            f"{benchmark}: {names} (the published score: mean by category, in percent{by})\n"
            + console.table(["lane", *titles], rows, right=titles)
        )
    return "\n\n".join(parts)


def _column(column: Column | None) -> str:
    if column is None:
        return ""
    return f"{column.mean * 100:.1f}" + (f" of {column.n}" if column.n else "")


def figures(lanes: Sequence[Standing]) -> str:
    """Every score under its name with its interval, and what could not be scored."""
    names = shown_names(lanes)
    rows = [[lane.name, *(figure_text(lane, name) for name in names)] for lane in lanes]
    lines = [console.table(["lane", *names], rows, right=names), *missing(lanes)]
    gone = max((lane.left_out for lane in lanes), default=0)
    return "\n".join([*lines, *([f"left out by the errata: {console.count(gone, 'probe')}"] if gone else [])])


def shown_names(lanes: Sequence[Standing]) -> list[str]:
    """Every score that the lanes have; of a retrieval figure at several cuts one."""
    return _shown(list(dict.fromkeys(f.name for lane in lanes for f in lane.figures)))


def missing(lanes: Sequence[Standing]) -> list[str]:
    """What could not be scored, and why."""
    wanted = {name: why for lane in lanes for name, why in lane.missing.items()}
    return [f"not scored: {name} of {console.count(n, 'probe')}: {why}" for name, (n, why) in wanted.items()]


def figure_text(lane: Standing, name: str) -> str:
    """A score with its interval and n; empty when the lane has none of that name."""
    return _figure(next((f for f in lane.figures if f.name == name), None))


def _shown(names: Sequence[str]) -> list[str]:
    """Of a retrieval figure at several cuts the plain one, else the deepest up to ten."""
    cuts: dict[str, list[int]] = {}
    for name in names:
        base, _, cut = name.partition("@")
        if base in RETRIEVED and cut:
            cuts.setdefault(base, []).append(int(cut))
    kept = {base if base in names else f"{base}@{max(c for c in own if c <= DEPTH)}" for base, own in cuts.items()}
    return [name for name in names if name.partition("@")[0] not in RETRIEVED or name in kept]


def _figure(found: Figure | None) -> str:
    if found is None:
        return ""
    low, high = (f"{v * 100:.0f}" for v in (found.interval.low, found.interval.high))
    mark = "" if found.interval.method == "wilson" else "*"
    return f"{found.mean * 100:.1f} ({low}–{high}{mark}) of {found.n}"


INTERVALS = "95 % intervals: Wilson's of shares; * BCa bootstrap of figures in between"


def trial_json(trial: Trial) -> dict[str, Any]:
    """A judge's stress test in ``score --json``."""
    return asdict(trial)


def controls(found: Controls, names: Mapping[int, str], accuracies: Mapping[int, float]) -> str:
    """What the controls say: how far each lane is above no memory, and which probes need none.

    Args:
        names: of the sessions.
        accuracies: our reading by lane's number.
    """
    lines = []
    if found.no_memory and found.no_memory.id in accuracies:
        floor = accuracies[found.no_memory.id]
        top = accuracies.get(found.oracle.id) if found.oracle else None
        ceiling = "" if top is None else f", with the evidence alone {top * 100:.1f} %"
        lines.append(f"controls: without memory {floor * 100:.1f} % are right{ceiling}")
        asked = to_json(found, names)["answerable_without_memory"]
        shown = ", ".join(asked[:12]) + (" …" if len(asked) > 12 else "")
        if asked:
            lines.append(f"answerable without memory: {console.count(len(asked), 'probe')}: {shown}")
    if found.full:
        lines.append(f"full context fitted whole for {found.fitted[0]} of {console.count(found.fitted[1], 'probe')}")
    elif not found.no_memory:
        lines.append("no controls in this run: `run --controls` adds no memory, the evidence alone and full context")
    return "\n".join(lines)


def compared(found: Sequence[Compared], most: int = 15) -> str:
    """Lanes against one another, and what so many probes can show."""
    parts = []
    for one in found:
        heads = ["difference", "95 %", "only first", "only second", "p", "p (Holm)"]
        rows = [[pair.first, pair.second, *pair_texts(pair.comparison)] for pair in one.pairs[:most]]
        how = test_text(one)
        title = f"{one.score}: second less first in points, paired ({how})"
        more = [f"{len(one.pairs) - most} pairs more in --json"] if len(one.pairs) > most else []
        parts.append(
            "\n".join([title, console.table(["first", "second", *heads], rows, right=heads), *more, one.power])
        )
    return "\n\n".join(parts)


def test_text(found: Compared) -> str:
    """Which test and intervals were used."""
    return "McNemar's test, Newcombe's intervals" if found.shares else "paired bootstrap, BCa intervals"


def pair_texts(found: Comparison) -> list[str]:
    """Difference in points, its interval, on how many only one was better, p and p after Holm."""
    low, high = found.low * 100, found.high * 100
    return [
        f"{found.difference * 100:+.1f}",
        f"{round(low):+d} to {round(high):+d}",  # not "-0"
        str(found.first_only),
        str(found.second_only),
        _p(found.p),
        _p(found.holm),
    ]


def _p(value: float) -> str:
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def losses(lanes: Sequence[LaneLosses]) -> str:
    """What was dropped and cut in every lane, by operation; empty when nothing was."""
    rows = [
        [lane.lane.name, loss.operation, loss.kind, f"{loss.times:,}", loss.reason]
        for lane in lanes
        for loss in lane.losses
    ]
    return console.table(["lane", "operation", "what", "times", "reason"], rows, right=["times"]) if rows else ""


def unread(found: Sequence[Unread]) -> str:
    """Which lanes' model or embedder cannot read a session, a line for each; empty when all can."""
    lines = dict[str, list[str]]()
    for one in found:
        lines.setdefault(f"{one.session}: {one.text}", []).append(one.lane)
    return "\n".join(f"{', '.join(lanes)}: {text}" for text, lanes in lines.items())


def costs(lanes: Sequence[LaneCosts]) -> str:
    """Model calls, tokens and time of every lane, and what its memory holds in the end."""
    heads = ["calls to write", "a turn", "to read", "a probe", "prompt tok", "generated tok", "answers",
             "answer prompt tok", "answer generated tok", "time a turn", "time a probe", "active items", "of",
             "bytes"]  # fmt: skip
    rows = [[lane.lane.name, *_costs(lane), lane.purposes] for lane in lanes]
    return console.table(["lane", *heads, "calls by purpose"], rows, right=heads)


def _costs(lane: LaneCosts) -> list[str]:
    wrote, read, asked = lane.written, lane.read, lane.answers
    tokens = (wrote.prompt + read.prompt, wrote.generated + read.generated, asked.calls, asked.prompt, asked.generated)
    return [
        f"{wrote.calls:,}",
        f"{wrote.calls / lane.turns:.2f}" if lane.turns else "",
        f"{read.calls:,}",
        f"{read.calls / lane.probes:.2f}" if lane.probes else "",
        *(f"{number:,}" for number in tokens),
        console.seconds(lane.seconds_a_turn),
        console.seconds(lane.seconds_a_probe),
        f"{lane.active:,}",
        f"{lane.items:,}",
        f"{lane.size:,}",
    ]


def policies(points: Sequence[SurvivalPoint]) -> str:
    """What each lane's cache policy did, and how; empty without one."""
    heads = ["kept", "evidence kept", "KL (nats)", "heads agree", "cells", "method itself", "right"]
    rows = [
        [p.name, p.badge, console.percent(p.share), _share(p.evidence), "" if p.kl is None else f"{p.kl:.2g}",
         _share(p.agreement), console.percent(p.logical / max(p.full, 1)), console.percent(p.modelled / max(p.full, 1)),
         console.percent(p.accuracy)]
        for p in points
    ]  # fmt: skip
    return console.table(["lane", "cache", *heads], rows, right=heads) if rows else ""


def _share(value: float | None) -> str:
    return "" if value is None else console.percent(value)


def findings(findings: Mapping[str, Mapping[str, int]]) -> str:
    """How often the detectors found what, by lane; empty when they found nothing."""
    heads = [kind for kind in KINDS if any(kind in found for found in findings.values())]
    rows = [[lane, *(str(found.get(kind, "")) for kind in heads)] for lane, found in findings.items()]
    return console.table(["lane", *heads], rows, right=heads) if heads else ""


def audit(lanes: Sequence[LaneAudit]) -> str:
    """What every memory kept and returned of facts that have changed, and of those that have not."""
    if not lanes:
        return "no probe of this run has a known older version: nothing to audit"
    outcomes = [o for o in OUTCOMES if any(lane.conflicted.outcomes.get(o) for lane in lanes)]
    heads = ["changed", "new stored", "old active", "new found", "old found", "both", "old first", "right", *outcomes]
    rest = ["unchanged", "found", "right "]
    rows = [[lane.session, lane.lane.name, *_changed(lane, outcomes), *_unchanged(lane)] for lane in lanes]
    return console.table(["session", "lane", *heads, *rest], rows, right=[*heads, *rest])


def _changed(lane: LaneAudit, outcomes: Sequence[str]) -> list[str]:
    found = lane.conflicted
    shares = (found.stored, found.old_active, found.new, found.old, found.both, found.old_first, found.right)
    return [str(found.n), *map(console.percent, shares), *(str(found.outcomes.get(o, 0)) for o in outcomes)]


def _unchanged(lane: LaneAudit) -> list[str]:
    found = lane.unchanged
    return [str(found.n), console.percent(found.new), console.percent(found.right)]
