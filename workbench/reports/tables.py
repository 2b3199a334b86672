"""The tables of ``mnemoscope score`` as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from workbench import console
from workbench.memory.detectors import KINDS
from workbench.probes.competencies import SHORT, title
from workbench.projections.audit import OUTCOMES, LaneAudit
from workbench.projections.costs import LaneCosts
from workbench.projections.scores import LaneScores, Scoreboard


def scores(board: Scoreboard) -> str:
    """The scoreboard as text; accuracies with their 95 % intervals."""
    names = [SHORT.get(c, title(c)) for c in board.competencies]
    retrieval = ["recall@10", "NDCG@10", "time", "dropped", "failed"]
    rows = [[lane.lane.name, *_accuracies(board, lane), *_retrieval(lane)] for lane in board.lanes]
    return console.table(["lane", "all", *names, *retrieval], rows, right=["all", *names, *retrieval])


def _accuracies(board: Scoreboard, lane: LaneScores) -> list[str]:
    cells = [lane.overall, *(lane.cell(c) for c in board.competencies)]
    return [
        f"{c.accuracy * 100:.0f} % ({c.low * 100:.0f}–{c.high * 100:.0f}) of {c.n}" if c and c.n else "" for c in cells
    ]


def _retrieval(lane: LaneScores) -> list[str]:
    found = lane.retrieval
    recall = f"{found.recall[10]:.3f}" if found.n else ""
    ndcg = f"{found.ndcg:.3f}" if found.ndcg is not None else ""
    return [recall, ndcg, console.seconds(lane.seconds), str(lane.dropped), str(lane.failed)]


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
