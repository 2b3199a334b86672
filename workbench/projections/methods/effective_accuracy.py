"""UGMathBench (arXiv 2501.13766): a question counts when all of its versions are right; the gap to the mean."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from workbench.projections.methods.base import Found, Method, Run, answerable, lanes, together


def _measure(runs: Sequence[Run]) -> Found:
    rows, short = [], 0
    for lane in lanes(runs):
        groups: dict[str, dict[int, bool]] = {}
        for row in answerable(together(runs, lane)):
            if "version_of" in row.probe.extra:
                own = groups.setdefault(str(row.probe.extra["version_of"]), {})
                own[int(row.probe.extra["version"])] = row.correct
        most = max(map(len, groups.values()), default=0)
        whole = [list(own.values()) for own in groups.values() if len(own) == most > 1]
        short += len(groups) - len(whole)
        if whole:
            average, effective = fmean(right for own in whole for right in own), fmean(all(own) for own in whole)
            gap = average - effective
            rows.append({"lane": lane, "n": len(whole), "versions": most, "AAcc": average, "EAcc": effective,
                         "delta": gap, "RE": gap / effective if effective else None})  # fmt: skip
    notes = [f"{short} questions without all of their versions: left out"] if short else []
    return Found(tuple(rows), tuple(notes))


METHOD = Method(
    "effective-accuracy",
    "Effective accuracy and reasoning gap",
    "UGMathBench, arXiv 2501.13766",
    "faithful",
    "",
    "EAcc: all versions of a question right; delta: mean accuracy less EAcc; RE: delta over EAcc.",
    "a session written by `synth NAME --versions N`",
    _measure,
)
