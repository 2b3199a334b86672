"""``mnemoscope run``: replay sessions through lanes."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import console
from workbench.cli.arguments import json_flag, model_flags, new, read_options, reading_flags
from workbench.reading import READERS, REQUESTS

if TYPE_CHECKING:
    from workbench.engine.protocol import Progress, Report


def add(commands: Any) -> None:
    """The command and its arguments."""
    command = new(commands, "run", act, "replay sessions through lanes; an interrupted run goes on")
    command.add_argument("session", nargs="+", type=Path, metavar="SESSION", help="a session file, any known format")
    command.add_argument("--session", action="append", dest="only", metavar="NAME", help="only this one of the file's")
    command.add_argument(
        "--lane",
        action="append",
        required=True,
        metavar="SPEC",
        help="memory[:key=value,…][+cache[:key=value,…]], for example bm25:k=5; repeat it for several lanes",
    )
    model_flags(command)
    command.add_argument("--seed", type=int, default=0, metavar="N")
    command.add_argument(
        "--capture",
        choices=("answers", "full", "off"),
        default="answers",
        help="attention of answers: a summary of each (the default), the arrays as well, or none",
    )
    command.add_argument(
        "--reader",
        choices=READERS,
        default="model",
        help="who answers: the model, the newest same-slot hit, or the label of the nearest example",
    )
    command.add_argument(
        "--controls", action="store_true", help="also the lanes no-memory, oracle (the evidence alone) and full"
    )
    command.add_argument("--exact", action="store_true", help="one sequence at a time: bit-identical from run to run")
    command.add_argument("--out", type=Path, metavar="FILE.mnemo", help="default: the first session's name, here")
    command.add_argument("--context", type=int, metavar="N", help="tokens per sequence")
    command.add_argument("--threads", type=int, metavar="N", help="CPU threads")
    command.add_argument(
        "--prompts",
        default="",
        metavar="plain|full|DIR",
        help="the bundled model's one-liners, the methods' own prompts, or yours; default: what fits the model",
    )
    command.add_argument("--temperature", type=float, default=0.0, metavar="T", help="of memory operations; 0: greedy")
    reading_flags(command)
    command.add_argument(
        "--requests",
        choices=REQUESTS,
        default="separate",
        help="how questions about one context are asked, as in SCBench: each by itself; each of a cache compressed "
        "before any; or in one conversation, compressed once, in which the right answers stay, or the model's own",
    )
    command.add_argument(
        "--thinking", type=int, default=0, metavar="N", help="tokens to think aloud before an answer; 0: none"
    )
    command.add_argument(
        "--chroma",
        default="",
        metavar="http://HOST:PORT",
        help="a Chroma server for vector indexes, or `memory` for one in this process; default: none",
    )
    json_flag(command)


def act(options: argparse.Namespace) -> None:
    """Carry it out."""
    from workbench.commands import score
    from workbench.engine.config import RunConfig
    from workbench.engine.control import Control
    from workbench.engine.run import run
    from workbench.lanes import with_controls

    config = RunConfig(
        sessions=tuple(options.session),
        lanes=with_controls(options.lane) if options.controls else tuple(options.lane),
        only=tuple(options.only or ()),
        model=options.model,
        embedder=options.embedder,
        seed=options.seed,
        capture=options.capture,
        reader=options.reader,
        exact=options.exact,
        out=options.out,
        context=options.context,
        threads=options.threads,
        prompts=options.prompts,
        temperature=options.temperature,
        thinking=options.thinking,
        requests=options.requests,
        read=tuple(read_options("run", options).items()),
        chroma=options.chroma,
    )
    control = Control()
    with console.Meter() as meter, console.cancelling(control):
        path = run(config, progress=_stepper(meter), report=_noter(meter), control=control)
    score.run([path], options.json, None, False)
    console.remark(f"wrote {path}")


def _stepper(meter: console.Meter) -> Any:
    def step(progress: Progress) -> None:
        meter.step(progress.done, progress.total, progress.note)

    return step


def _noter(meter: console.Meter) -> Any:
    from workbench.engine.protocol import Loading, Ready

    def note(report: Report) -> None:
        if isinstance(report, Loading):
            meter.note(report.what)
        elif isinstance(report, Ready):
            meter.note(f"{report.model} on {report.device}")
            if report.note:
                meter.note(report.note)

    return note
