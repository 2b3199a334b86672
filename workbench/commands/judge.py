"""``mnemoscope judge``: a model's verdicts on the answers of a run, added to its file."""

from __future__ import annotations

import argparse
from contextlib import closing

from workbench import console
from workbench.commands.explain import session_number
from workbench.engine.judge import judge_run
from workbench.examine import opened
from workbench.llm.base import BackendOptions
from workbench.llm.open import open_backend
from workbench.projections.published import figure_json, standings
from workbench.reports import tables


def run(options: argparse.Namespace) -> None:
    """Judge and say it."""
    with opened(options.file) as reader:
        session = session_number(reader, options.session)
    with console.Meter() as meter:
        meter.note("loading the judge")
        asked = BackendOptions(options.model, "hash", threads=options.threads, context=options.context)
        with closing(open_backend(asked)) as backend:
            name = backend.info.name
            added, trials = judge_run(
                options.file, backend, session, options.lane, options.again, meter.step, options.rubric
            )
    with opened(options.file) as reader:
        found = standings(reader, session)
    if options.json:
        lanes = {s.name: {f.name: figure_json(f) for f in s.figures if f.judge} for s in found}
        console.say_json({
            "judge": name, "judged": added, "stress": [tables.trial_json(t) for t in trials], "lanes": lanes,
        })  # fmt: skip
        return
    console.say(f"{console.count(added, 'answer')} judged by {name}")
    console.say("\n".join([tables.figures(found), *map(str, trials)]))
