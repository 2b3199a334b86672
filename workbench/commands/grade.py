"""``mnemoscope grade``: scores answers that another system gave."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from workbench import console
from workbench.errors import UsageError
from workbench.grading import SHOWN, Graded, Grades, grade, labelled, read_answers
from workbench.judging import Judge, Verdict, judged
from workbench.llm.base import BackendOptions
from workbench.llm.open import open_backend
from workbench.probes.errata import Errata
from workbench.probes.scorers import JUDGED
from workbench.projections.judged import Trial
from workbench.projections.published import to_json
from workbench.reports import tables
from workbench.sessions.model import Session


def run(sessions: Sequence[Session], options: argparse.Namespace, errata: Errata | None) -> None:
    """Grade and say it."""
    chosen = [s for s in sessions if not options.session_name or s.name == options.session_name]
    if not chosen:
        names = ", ".join(s.name for s in sessions)
        raise UsageError(f"{options.session}: no session {options.session_name!r}", f"it has: {names}")
    if not any(s.probes for s in chosen):
        raise UsageError(f"{options.session}: has no probes to grade", "choose a session file that has some")
    grades = grade(chosen, read_answers(options.answers), errata)
    _remarks(grades, options.answers)
    trials: tuple[Trial, ...] = ()
    if options.judge:
        grades, trials = _judged(grades, options.judge, options.threads)
    if options.json:
        several = len(chosen) > 1
        own = to_json(grades.standing())
        data = {"session": ", ".join(s.name for s in chosen), **own}
        data["probes"] = [labelled(g, several) for g in grades.graded]
        data["unanswered"], data["unknown"] = list(grades.unanswered), list(grades.unknown)
        if errata:
            data["errata"] = errata.to_json()
        if trials:
            data["judges"] = [tables.trial_json(t) for t in trials]
        console.say_json(data)
        return
    standing = grades.standing(options.answers.stem)
    parts = (
        str(errata or ""),
        tables.papers([standing]),
        tables.figures([standing]),
        *map(str, trials),
        tables.INTERVALS,
    )
    console.say("\n\n".join(filter(None, parts)))


def _judged(grades: Grades, model: str, threads: int | None) -> tuple[Grades, tuple[Trial, ...]]:
    """The grades with a model's verdicts, and how it did in the stress test."""
    with console.Meter() as meter, closing(open_backend(BackendOptions(model, "hash", threads=threads))) as backend:
        judge = Judge(backend)
        wanted = [(n, g) for g in grades.graded for n in g.probe.scores if n in JUDGED]

        async def ask() -> tuple[list[Verdict], tuple[Trial, ...]]:
            work = [(name, g.probe, g.answer) for name, g in wanted]
            verdicts = await judged(judge, work, lambda done, total: meter.step(done, total, "answers judged"))
            names = dict.fromkeys(name for name, _ in wanted)
            return verdicts, tuple([await judge.stress(name) for name in names])

        verdicts, trials = asyncio.run(ask())
    found = {(id(g), name): v for (name, g), v in zip(wanted, verdicts, strict=True)}
    return replace(grades, graded=tuple(_with(g, found) for g in grades.graded)), trials


def _with(graded: Graded, verdicts: Mapping[tuple[int, str], Verdict]) -> Graded:
    own = [v for name in graded.probe.scores if (v := verdicts.get((id(graded), name))) and v.value is not None]
    scores = {**graded.scored.scores, **{v.name: v.value for v in own if v.value is not None}}
    return replace(graded, scored=replace(graded.scored, scores=scores, judges={v.name: v.judge for v in own}))


def _remarks(grades: Grades, path: Path) -> None:
    for names, what in ((grades.unknown, "no probe has this id"), (grades.unanswered, "no answer; not counted")):
        if names:
            shown = ", ".join(names[:SHOWN]) + (" …" if len(names) > SHOWN else "")
            console.remark(f"{path}: {console.count(len(names), 'probe')}: {what}: {shown}")
