"""What becomes of every memory operation's answers on a real small model: calls, cut, repeated, salvaged, lost.

``python -m tests.benchmarks.bench_operations FILE --model GGUF --out DIR --lane SPEC … [--minutes M]`` replays the
first turns of the file's first conversation through these lanes, with the methods' own prompts, into one run file in
DIR, and asks one question whose evidence lies there. After M minutes they stand still; the same command goes on with
them. ``--table`` runs nothing and prints what the run files in DIR hold, as tables for ``docs/costs.md``.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from workbench.engine.config import RunConfig
from workbench.engine.control import Control
from workbench.engine.protocol import Progress
from workbench.engine.run import run
from workbench.errors import Cancelled
from workbench.memory.registry import STRATEGIES
from workbench.memory.replies import CUT_OFF, REPETITION, TOO_LONG
from workbench.sessions import formats
from workbench.sessions.model import Session
from workbench.trace.events import Event, Kind
from workbench.trace.reader import TraceReader

COLUMNS = ("calls", "cut", "asked again", "looped", "salvaged", "lost", "entries dropped")
_WHOLE = (CUT_OFF, REPETITION, TOO_LONG)


def beginning(session: Session, turns: int, questions: int) -> Session:
    """The first turns of a session, and the first questions that they answer, asked after the last of them."""
    known = [p for p in session.probes if p.evidence and max(p.evidence) < turns]
    asked = tuple(replace(p, after=turns - 1) for p in known[:questions])
    return replace(session, turns=session.turns[:turns], probes=asked)


def replayed(lanes: Sequence[str], file: Path, options: argparse.Namespace) -> None:
    """Go on with the lanes for so many minutes, and to the end of the turn that they are at then."""
    control, until = Control(), time.monotonic() + options.minutes * 60

    def step(progress: Progress) -> None:
        print(f"{progress.done} of {progress.total} {progress.note}", flush=True)
        if time.monotonic() > until and progress.done % len(lanes) == 0:  # no lane is amid a turn
            control.cancel()

    config = RunConfig(
        sessions=(file,), lanes=tuple(lanes), model=str(options.model), out=options.out / f"{'+'.join(lanes)}.mnemo",
        capture="off", threads=1, context=options.context, prompts="full",
    )  # fmt: skip
    try:
        run(config, progress=step, control=control)
    except Cancelled:
        print(f"{' '.join(lanes)}: go on next time", flush=True)


def rows(reader: TraceReader, lane: int) -> dict[str, Counter[str]]:
    """By operation of a lane what became of its calls.

    A call that was cut off and that nothing is on record of was asked again with more room. One whose loss quotes its
    end was read up to there (salvaged); of one that quotes its beginning nothing could be used (lost).
    """
    events = list(reader.events(1, lane))
    losses: dict[int, list[Event]] = {}
    for event in events:
        if event.kind == Kind.DROPPED and event.cause:
            losses.setdefault(event.cause, []).append(event)
    found: dict[str, Counter[str]] = {}
    for event in events:
        if event.kind == Kind.MODEL_CALLED:
            name = event.payload.get("operation") or event.payload["purpose"]
            found.setdefault(name, Counter()).update(_fate(event, losses.get(event.n, [])))
    return found


def _fate(call: Event, losses: Sequence[Event]) -> Iterator[str]:
    yield "calls"
    stop, failed = call.payload["stop"], bool(call.payload["error"])
    if stop == "limit":
        yield "cut"
        if not losses:
            yield "asked again"
    elif stop == "repetition" or any(loss.payload["reason"] == REPETITION for loss in losses):
        yield "looped"
    purpose = call.payload["purpose"]
    for loss in losses:
        whole = failed and loss.payload["reason"] in _WHOLE and " ends at " not in loss.payload["detail"]
        if whole:
            yield "salvaged" if loss.payload["detail"].startswith(f"{purpose}: …") else "lost"
        else:
            yield "lost" if loss.payload["detail"].startswith(f"{purpose}: answer is") else "entries dropped"


def reused(reader: TraceReader) -> tuple[int, int, int]:
    """Prompt tokens of the memory's calls, generated tokens, and how many were decoded: the rest was in the cache."""
    prompt = generated = decoded = last = 0
    for event in reader.events(0, 0):
        if event.kind == Kind.ENGINE_LOADED:
            decoded, last = decoded + last, 0
        elif event.kind == Kind.ENGINE_MEASURED:
            last = event.payload["tokens"]
    for event in reader.events(1):
        if event.kind == Kind.MODEL_CALLED:
            prompt, generated = prompt + event.payload["tokens"][0], generated + event.payload["tokens"][1]
    return prompt, generated, decoded + last


def tables(folder: Path) -> Iterator[str]:
    """The lines of both tables."""
    lines, shares, failed = dict[str, list[str]](), list[str](), list[str]()
    for path in sorted(folder.glob("*.mnemo")):
        with TraceReader(path) as reader:
            for lane in reader.lanes():
                lines[lane.name] = list(_lane(reader, lane.id, lane.name))
                events = reader.events(1, lane.id)
                failed += [f"{lane.name}: {e.payload['message']}" for e in events if e.kind == Kind.LANE_FAILED]
            prompt, generated, decoded = reused(reader)
            whole = not any(reader.events(0, 0, (Kind.RUN_CANCELLED,)))  # what was broken off was decoded for nothing
            if generated and whole:
                share = f"{(prompt + generated - decoded) / prompt:.0%}"
                names = ", ".join(f"`{lane.name}`" for lane in reader.lanes())
                shares.append(f"| {names} | {prompt:,} | {generated:,} | {decoded:,} | {share} |")
    yield f"| Lane | Turns | Operation | {' | '.join(COLUMNS)} |"
    yield f"|---|---|---|{'---|' * len(COLUMNS)}"
    for name in STRATEGIES:
        yield from lines.get(name, ())
    yield ""
    yield "| Lanes of a run | Prompt tokens | Generated | Decoded | Prompt tokens from the cache |"
    yield "|---|---|---|---|---|"
    yield from shares
    yield ""
    yield f"Lanes that failed: {'; '.join(failed) or 'none'}."


def _lane(reader: TraceReader, lane: int, name: str) -> Iterator[str]:
    turns = sum(e.kind == Kind.TURN_CLOSED for e in reader.events(1, lane))
    for operation, fate in sorted(rows(reader, lane).items()) or [("asks nothing", Counter())]:
        yield f"| `{name}` | {turns} | {operation} | {' | '.join(str(fate[c]) for c in COLUMNS)} |"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, nargs="?")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--lane", action="append", help="default: all together")
    parser.add_argument("--turns", type=int, default=20)
    parser.add_argument("--questions", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=1e6, help="this time")
    parser.add_argument("--context", type=int, help="tokens per sequence; default: what the model was trained with")
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    if options.table:
        print("\n".join(tables(options.out)))
        return
    session = beginning(formats.read(options.file)[0], options.turns, options.questions)
    file = options.out / "session.json"
    if not file.is_file():
        file.write_text(json.dumps(session.to_json()), "utf-8")
    replayed(options.lane or list(STRATEGIES), file, options)


if __name__ == "__main__":
    main()
