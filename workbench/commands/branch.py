"""``mnemoscope branch``: what if."""

from __future__ import annotations

import argparse

from workbench import console
from workbench.branch import Edit, typed, undo
from workbench.commands.explain import session_number
from workbench.engine.branching import branch as make
from workbench.engine.control import Control
from workbench.engine.protocol import Loading, Progress, Report
from workbench.errors import UsageError
from workbench.examine import opened
from workbench.projections.scores import Cell, scores
from workbench.trace.reader import LaneRow, TraceReader


def branch(options: argparse.Namespace) -> None:
    """``mnemoscope branch``."""
    if options.undo:
        _undo(options)
        return
    edits = tuple(Edit.parse(given) for given in options.edit)
    with opened(options.file) as reader:
        typed(reader, options.code)
        session = session_number(reader, options.session)
    control = Control()
    with console.Meter() as meter, console.cancelling(control):

        def report(what: Report) -> None:
            if isinstance(what, Progress):
                meter.step(what.done, what.total, what.note)
            elif isinstance(what, Loading):
                meter.note(what.what)

        child = make(options.file, options.lane, options.turn, edits, session, options.threads, report, control)
    with opened(options.file) as reader:
        _print(reader, options, child, edits)


def _undo(options: argparse.Namespace) -> None:
    if options.edit:
        raise UsageError("--undo takes a branch out of the file", "leave out --edit")
    with opened(options.file):  # what is no run is told apart before anything is written
        pass
    parent = undo(options.file, options.lane)
    if options.json:
        console.say_json({"lane": options.lane, "parent": parent, "undone": True})
    else:
        console.say(f"{options.lane} is gone; {parent} is as it was")


def _print(reader: TraceReader, options: argparse.Namespace, child: LaneRow, edits: tuple[Edit, ...]) -> None:
    flips = flipped(reader, child)
    board = {lane.lane.id: lane for lane in scores(reader).lanes}
    now, before = board[child.id], board[child.parent or 0]
    data = {
        "lane": child.name,
        "parent": options.lane,
        "turn": child.parent_turn,
        "edits": [str(e) for e in edits],
        "right": now.overall.correct,
        "parent_right": before.overall.correct,
        "of": now.overall.n,
        "abstention": {
            "right": now.abstention.correct,
            "parent_right": before.abstention.correct,
            "of": now.abstention.n,
        },
        "changed": [{"probe": p, "before": before, "after": after} for p, before, after in flips],
    }
    if options.json:
        console.say_json(data)
        return
    console.say(f"{child.name}: {_counted(now.overall, before.overall, 'right')}")
    if now.abstention.n:
        console.say(f"questions that nothing answers: {_counted(now.abstention, before.abstention, 'recognised')}")
    rows = [[probe, _told(before), _told(after)] for probe, before, after in flips]
    console.say(console.table(["probe", options.lane, child.name], rows) if rows else "every answer is as it was")


def _counted(now: Cell, before: Cell, what: str) -> str:
    return f"{now.correct} of {now.n} {what}, before {before.correct}"


def flipped(reader: TraceReader, child: LaneRow) -> list[tuple[str, tuple[str, bool], tuple[str, bool]]]:
    """The probes that a branch answers otherwise than its parent: id, answer and whether it was right, then and now."""
    ask = (
        "SELECT a.subject, json_extract(a.payload, '$.text'), json_extract(s.payload, '$.correct') FROM event a "
        "JOIN event s ON s.session = a.session AND s.lane = a.lane AND s.subject = a.subject "
        "AND s.kind = 'probe.scored' WHERE a.kind = 'answer.finished' AND a.lane = ? ORDER BY a.seq"
    )
    after = {p: (text, bool(right)) for p, text, right in reader.query(ask, (child.id,))}
    before = {p: (text, bool(right)) for p, text, right in reader.query(ask, (child.parent,))}
    return [(p, before[p], now) for p, now in after.items() if p in before and before[p] != now]


def _told(answer: tuple[str, bool]) -> str:
    return f"{answer[0] or 'nothing'} ({'right' if answer[1] else 'wrong'})"
