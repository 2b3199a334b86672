"""``mnemoscope probes``: the probes beside a session file: list them, add one by hand, let a model write, remove."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from workbench import console
from workbench.errors import UsageError
from workbench.sessions import formats
from workbench.sessions.formats import sidecar
from workbench.sessions.model import Probe, Session


def run(options: argparse.Namespace) -> None:
    """Do what is asked, and say it."""
    session = _session(options)
    if options.remove:
        _remove(options, session)
    elif options.add is not None:
        _add(options, session, [_by_hand(options, session)])
    elif options.make is not None:
        _make(options, session)
    else:
        _list(options, session)


def _session(options: argparse.Namespace) -> Session:
    sessions = formats.read(options.session)
    names = [s.name for s in sessions]
    if options.session_name and options.session_name not in names:
        raise UsageError(f"{options.session}: no session {options.session_name!r}", f"it has: {', '.join(names[:8])}")
    if not options.session_name and len(sessions) > 1 and (options.add is not None or options.make or options.remove):
        raise UsageError(f"{options.session}: has {len(sessions)} sessions", "name one with --session NAME")
    chosen = next((s for s in sessions if s.name == options.session_name), sessions[0])
    return chosen


def _list(options: argparse.Namespace, session: Session) -> None:
    own = set(sidecar.written(options.session).get(session.name, ()))
    rows = [_row(p, p.id in own) for p in session.probes]
    if options.json:
        console.say_json({"session": session.name, "probes": rows})
        return
    console.say(f"{session.name}: {console.count(len(rows), 'probe')}, {len(own)} beside the file")
    if rows:
        heads = ["id", "written", "after", "question", "gold", "evidence"]
        cells = [[_cell(row[head]) for head in heads] for row in rows]
        console.say(console.table(heads, cells, right=["after"]))


def _row(probe: Probe, own: bool) -> dict[str, Any]:
    return {
        "id": probe.id,
        "written": str(probe.extra.get(sidecar.WRITTEN, "by hand")) if own else "in the file",
        "after": probe.after,
        "question": probe.question,
        "gold": list(probe.gold),
        "evidence": list(probe.evidence),
    }


def _cell(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else " ".join(str(value).split())
    return text if len(text) <= 60 else f"{text[:59]}…"


def _by_hand(options: argparse.Namespace, session: Session) -> Probe:
    evidence = _numbers(options.evidence)
    try:
        return sidecar.by_hand(session, options.add, options.gold or (), options.after, evidence, options.competency)
    except UsageError as error:
        raise UsageError(error.what, "--add QUESTION --gold ANSWER [--evidence 3,4] [--after TURN]") from None


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.replace(",", " ").split())
    except ValueError:
        raise UsageError(f"mnemoscope probes: --evidence {text!r} is no list of turns", "--evidence 3,4") from None


def _add(options: argparse.Namespace, session: Session, probes: Sequence[Probe], **more: Any) -> None:
    named = sidecar.add(options.session, session, probes) if probes else []
    place = sidecar.beside(options.session)
    if options.json:
        console.say_json({"file": str(place), "probes": [_row(p, True) for p in named], **more})
        return
    for probe in named:
        console.say(f"{probe.id}  {_cell(probe.question)}  {_cell(list(probe.gold))}")
    if named:
        console.remark(f"wrote {place}")


def _make(options: argparse.Namespace, session: Session) -> None:
    from workbench.engine.probing import make
    from workbench.llm.base import BackendOptions
    from workbench.llm.open import open_backend

    if options.make < 1:
        raise UsageError("mnemoscope probes: --make needs a number from 1 on", "for example --make 10")
    backend = open_backend(BackendOptions(model=options.model, context=options.context, threads=options.threads))
    try:
        with console.Meter() as meter:
            made = make(session, backend, options.make, lambda done, all_: meter.step(done, all_, "writing probes"))
    finally:
        backend.close()
    if made.cut:
        console.remark(f"{console.count(made.cut, 'answer')} cut off; the whole questions are used")
    for reason, count in made.dropped.most_common():
        console.remark(f"dropped {count}: {reason}")
    if not made.probes:
        console.remark("no question was supported by the turns that it cites; nothing is written")
    _add(options, session, made.probes, dropped=dict(made.dropped), calls=made.calls)


def _remove(options: argparse.Namespace, session: Session) -> None:
    gone = sidecar.remove(options.session, session, options.remove)
    missing = [name for name in options.remove if name not in gone]
    if missing:
        known = ", ".join(sidecar.written(options.session).get(session.name, ())) or "none"
        raise UsageError(f"mnemoscope probes: no probe {missing[0]!r} beside the file", f"there are: {known}")
    if options.json:
        console.say_json({"removed": gone})
    else:
        console.say(f"removed {', '.join(gone)}")
