"""``mnemoscope rerun``: makes a run again from its own file, and says what is the same."""

from __future__ import annotations

import argparse
from contextlib import closing
from pathlib import Path
from typing import Any

from workbench import console
from workbench.engine.config import RunConfig
from workbench.engine.control import Control
from workbench.engine.resuming import KEPT
from workbench.engine.run import run as replay
from workbench.errors import UsageError
from workbench.projections.repeated import LaneRepeat, Repeat, repeated
from workbench.trace.reader import TraceReader


def run(options: argparse.Namespace) -> None:
    """Make it again and say it."""
    with closing(TraceReader(options.file)) as reader:
        config = again(reader, options.out, options.model, options.threads)
    control = Control()
    with console.Meter() as meter, console.cancelling(control):
        replay(config, progress=lambda p: meter.step(p.done, p.total, p.note), control=control)
    with closing(TraceReader(options.file)) as first, closing(TraceReader(config.path)) as second:
        found = repeated(first, second)
    if options.json:
        console.say_json({"run": str(options.file), "again": str(config.path), **found.to_json()})
    else:
        console.say(text(found))
    console.remark(f"wrote {config.path}")


def again(reader: TraceReader, out: Path | None, model: str, threads: int | None) -> RunConfig:
    """The configuration that makes a run again: its own sessions, lanes, model, seed and settings.

    Raises:
        UsageError: the file was not made by a run, or has lanes that were given by a path, which no file holds.
    """
    made: dict[str, Any] = reader.meta("config", {})
    if not made.get("lanes"):
        raise UsageError(f"{reader.path}: was recorded, not run: there is nothing to make again", "choose a run file")
    path = out or reader.path.with_name(f"{reader.path.stem}-again.mnemo")
    if path.exists():
        raise UsageError(f"{path}: is there already", "choose another --out FILE")
    given = {key: made[key] for key in KEPT if key in made}
    threads = threads or made.get("threads")
    named = model or made.get("model", "demo")
    return RunConfig((reader.path,), tuple(made["lanes"]), named, out=path, threads=threads, **given)


def text(found: Repeat) -> str:
    """The comparison for people."""
    events = sum(lane.events for lane in found.lanes)
    if found.identical:
        lines = [f"identical: all {events:,} events of {console.count(len(found.lanes), 'lane')}"]
    else:
        different = sum(lane.different for lane in found.lanes)
        lines = [f"{different:,} of {events:,} events differ"]
        if not found.exact:
            lines[0] += "; a batched run may differ where two tokens are nearly as likely: `run --exact` does not"
    lines += [f"made with another {name}: {then or 'none'}, now {now or 'none'}"
              for name, (then, now) in found.changed.items()]  # fmt: skip
    heads = ["events", "different", "answers", "the same", "right", "right again"]
    rows = [[lane.lane, *_row(lane), _first(lane), ", ".join(lane.flipped[:6])] for lane in found.lanes]
    table = console.table(["lane", *heads, "first difference", "flipped"], rows, right=heads)
    return "\n".join([*lines, table])


def _row(lane: LaneRepeat) -> list[str]:
    counts = (lane.events, lane.different, lane.answers, lane.same, lane.right, lane.right_again)
    return [f"{count:,}" for count in counts]


def _first(lane: LaneRepeat) -> str:
    if lane.first is None:
        return ""
    kinds = lane.first.kind if lane.first.kind == lane.first.other else f"{lane.first.kind} / {lane.first.other}"
    return f"{lane.first.session}, turn {lane.first.turn}: {kinds} {', '.join(lane.first.keys)}".strip()
