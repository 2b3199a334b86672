"""``mnemoscope grade``: scores answers that another system gave."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from workbench import console
from workbench.errors import UsageError
from workbench.grading import SHOWN, Grades, grade, labelled, read_answers
from workbench.probes.errata import Errata
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
    if options.json:
        several = len(chosen) > 1
        own = to_json(grades.standing())
        data = {"session": ", ".join(s.name for s in chosen), **own}
        data["probes"] = [labelled(g, several) for g in grades.graded]
        data["unanswered"], data["unknown"] = list(grades.unanswered), list(grades.unknown)
        console.say_json(data)
        return
    standing = grades.standing(options.answers.stem)
    parts = (tables.papers([standing]), tables.figures([standing]), tables.INTERVALS)
    console.say("\n\n".join(filter(None, parts)))


def _remarks(grades: Grades, path: Path) -> None:
    for names, what in ((grades.unknown, "no probe has this id"), (grades.unanswered, "no answer; not counted")):
        if names:
            shown = ", ".join(names[:SHOWN]) + (" …" if len(names) > SHOWN else "")
            console.remark(f"{path}: {console.count(len(names), 'probe')}: {what}: {shown}")
