"""``mnemoscope score``: published scores, accuracy, retrieval, comparisons and cost of every lane."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workbench import console
from workbench.errors import UsageError
from workbench.examine import opened
from workbench.probes.errata import Errata
from workbench.projections import controls, published
from workbench.projections.audit import audit
from workbench.projections.compared import compared
from workbench.projections.costs import costs
from workbench.projections.findings import finding_counts
from workbench.projections.judged import trials
from workbench.projections.losses import losses
from workbench.projections.scores import scores, to_json, without
from workbench.projections.survival import survival
from workbench.projections.unread import unread
from workbench.reports import tables
from workbench.trace.reader import TraceReader


def run(
    paths: Sequence[Path], as_json: bool, session: str | None, audited: bool = False, errata: Errata | None = None
) -> None:
    """Say the scores of run files."""
    found = []
    for path in paths:
        with opened(path) as reader:
            data, text = _of(reader, number(reader.session_names(), session, path), audited, errata)
        found.append(data)
        if not as_json:
            console.say(f"{path}: {data['session']}\n{text}\n")
    if as_json:
        console.say_json(found[0] if len(found) == 1 else found)


def _of(reader: TraceReader, session: int | None, audited: bool, errata: Errata | None) -> tuple[dict[str, Any], str]:
    """The scores of one run as JSON and as text."""
    board = scores(reader, session)
    kept, _ = published.scored(reader, session, errata=errata)
    if errata:
        board = without(board, kept)
    standings, lost = published.standings(reader, session, errata=errata), losses(reader, session)
    spent, counted = costs(reader, session), finding_counts(reader, session)
    findings = {lane.lane.name: dict(counted[lane.lane.id]) for lane in board.lanes}
    tried, beside, pairs = trials(reader), controls.controls(reader, session), compared(reader, kept)
    foreign = unread(reader, session)
    pressed = survival(reader, session)
    right = {s.lane: s.figures[0].mean for s in standings if s.figures and s.figures[0].name == published.ACCURACY}
    names = reader.session_names()
    data = to_json(board, reader) | {
        "costs": [lane.to_json() for lane in spent],
        "findings": findings,
        "controls": controls.to_json(beside, names),
        "comparisons": {one.score: one.to_json() for one in pairs},
    }
    parts = [
        tables.papers(standings),
        tables.figures(standings),
        "\n".join(map(str, tried)),
        tables.INTERVALS,
        tables.controls(beside, names, right),
        tables.scores(board, lost),
        tables.compared(pairs),
        tables.policies(pressed),
        tables.costs(spent),
        tables.losses(lost),
        tables.unread(foreign),
        tables.findings(findings),
    ]
    if tried:
        data["judges"] = [tables.trial_json(t) for t in tried]
    if errata:
        data["errata"] = errata.to_json()
        parts.insert(0, str(errata))
    if audited:
        history = audit(reader, session)
        data["audit"] = [lane.to_json() for lane in history]
        parts.append(tables.audit(history))
    caches = {p.name: p.to_json() for p in pressed}
    floor = right.get(beside.no_memory.id) if beside.no_memory else None
    for lane, standing, loss in zip(data["lanes"], standings, lost, strict=True):
        lane |= published.to_json(standing) | {
            "losses": loss.to_json(),
            "unread": [u.to_json() for u in foreign if u.lane == loss.lane.name],
            "control": standing.lane in beside.lanes,
            "context": {"cut": loss.cut, "of": loss.packed},
        }
        if lane["lane"] in caches:
            lane["policy"] = caches[lane["lane"]]
        if floor is not None and standing.lane in right and not lane["control"]:
            lane["above_no_memory"] = round(right[standing.lane] - floor, 4)
    return data, "\n\n".join(filter(None, parts))


def number(names: dict[int, str], wanted: str | None, path: Path) -> int | None:
    """The number of the session called ``wanted``; None for all. Raises ``UsageError`` when there is none."""
    if wanted is None:
        return None
    found = next((n for n, name in names.items() if name == wanted), None)
    if found is None:
        raise UsageError(f"{path}: no session {wanted!r}", f"it has: {', '.join(names.values())}")
    return found
