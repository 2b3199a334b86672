"""CircularEval of MMBench (arXiv 2307.06281): a choice counts only when it is right in every order of its options.

``convert FILE --rotate`` writes the rotations of a session's choices as probes of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from workbench.projections.methods.base import Found, Method, Run, lanes, together
from workbench.sessions.rotations import CIRCULAR, ROTATIONS


def _measure(runs: Sequence[Run]) -> Found:
    rows, short = [], 0
    for lane in lanes(runs):
        groups: dict[tuple[str, str], list[bool]] = {}
        wanted: dict[tuple[str, str], int] = {}
        for row in together(runs, lane):
            if CIRCULAR in row.probe.extra:
                key = (row.session, str(row.probe.extra[CIRCULAR]))
                groups.setdefault(key, []).append(row.correct)
                wanted[key] = int(row.probe.extra[ROTATIONS])
        whole = [own for key, own in groups.items() if len(own) == wanted[key]]
        short += len(groups) - len(whole)
        if whole:
            vanilla, circular = fmean(own[0] for own in whole), fmean(all(own) for own in whole)
            every = fmean(right for own in whole for right in own)
            rows.append({"lane": lane, "n": len(whole), "vanilla": vanilla, "mean": every, "circular": circular})
    notes = [f"{short} questions without all of their rotations: left out"] if short else []
    return Found(tuple(rows), tuple(notes))


METHOD = Method(
    "circular-eval",
    "CircularEval",
    "MMBench, arXiv 2307.06281",
    "faithful",
    "",
    "Multiple choice counts only when it is right under every rotation of the options.",
    "a session written by `convert FILE --rotate`",
    _measure,
)
