"""``mnemoscope explain``: why answers of a run were wrong."""

from __future__ import annotations

import argparse

from workbench import console
from workbench.branch import typed
from workbench.engine import explain as engine
from workbench.errors import MnemoscopeError, UsageError
from workbench.examine import opened
from workbench.reports import why as text
from workbench.trace.reader import TraceReader
from workbench.why.explaining import Target
from workbench.why.verdict import Verdict


def explain(options: argparse.Namespace) -> None:
    """``mnemoscope explain``."""
    with opened(options.file) as reader:
        typed(reader, options.code)
        session = session_number(reader, options.session)
        wanted = engine.targets(reader, session, options.lane, options.probe)
        verdicts = _confirmed(options, wanted) if options.confirm else engine.suspects(reader, wanted)
    if options.json:
        console.say_json([v.to_json() for v in verdicts])
    elif options.probe:
        console.say("\n\n".join(text.story(v) for v in verdicts))
    elif verdicts:
        console.say(f"{text.overview(verdicts)}\n\n{text.lines(verdicts)}")
    else:
        console.say("no answer was wrong")


def _confirmed(options: argparse.Namespace, wanted: list[Target]) -> list[Verdict]:
    with console.Meter() as meter:
        made: list[Verdict] = []

        def done(verdict: Verdict) -> None:
            made.append(verdict)
            meter.step(len(made), len(wanted), f"{verdict.name}: {verdict.question}")

        def unable(error: MnemoscopeError) -> None:
            console.remark(f"not proved: {error}")

        verdicts = engine.proved(options.file, wanted, done, options.threads, options.model, unable=unable)
    problem = engine.keep(options.file, verdicts)
    if problem:
        console.remark(f"the verdicts were not stored: {problem}")
    return verdicts


def session_number(reader: TraceReader, name: str) -> int | None:
    """The number of a session by its name, None without a name. Raises ``UsageError`` when there is none such."""
    names = reader.session_names()
    if not name:
        return None
    found = next((n for n, known in names.items() if known == name), None)
    if found is None:
        raise UsageError(f"{reader.path}: no session {name!r}", f"it has: {', '.join(names.values())}")
    return found
