"""Mutants against every reader: ``python -m tests.fuzz.readers --mutants 100000 [--seed N] [--keep FOLDER]``.

For every mutant ``formats.read`` must hand back sessions or raise the project's own error in one bounded line, within
``LIMIT`` seconds and ``MEMORY``; what it hands back must be whole (turns in order, ids that name one probe each,
evidence that exists, golds where one is needed), must survive ``convert``, and be the same when read again. The mutants
run in a child process, so that a crash of the interpreter is a finding too.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fuzz.mutants import mutant
from tests.fuzz.seeds import seeds
from workbench.errors import SessionFormatError
from workbench.sessions import Session, formats

LIMIT = 5.0
"""Seconds for reading one mutant; longer is a hang."""
MEMORY = 3 << 30
"""Bytes of address space of the child; more is a finding."""
LINE = 1500
"""Characters of an error's line."""


class Hang(Exception):
    """A mutant took too long."""


class Fault(Exception):
    """What was read is not whole."""


@dataclass
class Report:
    """What the mutants did."""

    mutants: int = 0
    read: int = 0
    refused: int = 0
    formats: Counter[str] = field(default_factory=Counter)
    faults: dict[str, list[int]] = field(default_factory=dict)
    slowest: float = 0.0
    peak: int = 0  # KiB, of the process

    def add(self, other: Report) -> None:
        """Take in another part's report."""
        self.mutants += other.mutants
        self.read += other.read
        self.refused += other.refused
        self.formats += other.formats
        for what, numbers in other.faults.items():
            self.faults.setdefault(what, []).extend(numbers)
        self.slowest, self.peak = max(self.slowest, other.slowest), max(self.peak, other.peak)


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise ``Hang`` inside when it takes longer (a loop in C is noticed when it ends)."""

    def late(*_: Any) -> None:
        raise Hang(f"more than {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def made(number: int, seed: int, files: list[bytes]) -> bytes:
    """The mutant with this number: always the same."""
    usual = sys.getrecursionlimit()
    sys.setrecursionlimit(50_000)  # for what makes deep mutants; what reads them has the usual limit
    try:
        return mutant(files, random.Random(f"{seed}:{number}"))
    finally:
        sys.setrecursionlimit(usual)


def attack(path: Path, report: Report, number: int) -> None:
    """Read one mutant and write down what became of it."""
    began = time.perf_counter()
    try:
        with limited(LIMIT), warnings.catch_warnings():
            warnings.simplefilter("error")
            sessions = formats.read(path)
            check(sessions, path)
        report.read += 1
        report.formats[sessions[0].format] += 1
    except SessionFormatError as error:
        report.refused += 1
        if "\n" in str(error) or len(str(error)) > LINE:
            report.faults.setdefault("an error's line is not one bounded line", []).append(number)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        report.faults.setdefault(_named(error), []).append(number)
    report.mutants += 1
    report.slowest = max(report.slowest, time.perf_counter() - began)


def _named(error: BaseException) -> str:
    """A fault by its kind and where in this project it arose."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "workbench" in f.filename or "fuzz" in f.filename]
    last = frames[-1] if frames else None
    where = f"{Path(last.filename).name}:{last.lineno} {last.name}" if last else "?"
    return f"{type(error).__name__} at {where}: {' '.join(str(error).split())[:120]}"


def check(sessions: list[Session], path: Path) -> None:
    """Raise ``Fault`` when the sessions are not whole, or are others when converted and read again."""
    names = [s.name for s in sessions]
    _want(bool(sessions) and len(set(names)) == len(names), "sessions share a name")
    for session in sessions:
        _want(
            bool(session.turns) and [t.index for t in session.turns] == list(range(len(session.turns))), "turns' order"
        )
        ids = [p.id for p in session.probes]
        _want(len(set(ids)) == len(ids), "probes share an id")
        last = len(session.turns) - 1
        for probe in session.probes:
            _want(-1 <= probe.after <= last, "after")
            _want(all(0 <= e <= last for e in probe.evidence), "evidence")
            _want(probe.abstain or any(g.strip() for g in probe.gold), "gold")
    plain = [session.to_json() for session in sessions]
    text = json.dumps(plain, ensure_ascii=False, allow_nan=False).encode()
    copy = path.with_suffix(".converted")
    copy.write_bytes(text)
    again = formats.read(copy)
    same = [(s.name, s.turns, s.probes) for s in again] == [(s.name, s.turns, s.probes) for s in sessions]
    _want(same, "converted and read again it is another session")


def _want(right: bool, what: str) -> None:
    if not right:
        raise Fault(what)


def run(first: int, count: int, seed: int, files: list[bytes], progress: Any = None) -> Report:
    """Attack with ``count`` mutants from number ``first`` on, in this process."""
    report = Report()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mutant.json"
        for number in range(first, first + count):
            if progress is not None:
                progress.value = number
            path.write_bytes(made(number, seed, files))
            attack(path, report, number)
    report.peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return report


def _child(first: int, count: int, seed: int, progress: Any, pipe: Any) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    pipe.send(run(first, count, seed, list(seeds().values()), progress))


def attack_all(mutants: int, seed: int, batch: int = 5000) -> Report:
    """Attack in child processes, one after the other; one that dies or stands still is a fault of its mutant."""
    context = multiprocessing.get_context("spawn")
    report, at = Report(), 0
    while at < mutants:
        progress = context.Value("l", at)
        mine, theirs = context.Pipe(duplex=False)
        child = context.Process(target=_child, args=(at, min(batch, mutants - at), seed, progress, theirs))
        child.start()
        theirs.close()
        found = _result(mine, progress)
        if found is not None:
            report.add(found)
            at += found.mutants
        else:
            child.kill()
            number = int(progress.value)
            report.faults.setdefault(f"the process died or stood still (exit {child.exitcode})", []).append(number)
            report.mutants += number - at + 1
            at = number + 1
        child.join()
        print(f"{at} of {mutants}: {len(report.faults)} kinds of fault", file=sys.stderr, flush=True)
    return report


def _result(pipe: Any, progress: Any) -> Report | None:
    """The child's report; None when it dies, or makes no progress in four times the limit."""
    while True:
        before = progress.value
        if pipe.poll(max(4 * LIMIT, 60.0)):
            try:
                found: Report = pipe.recv()
                return found
            except EOFError:
                return None
        if progress.value == before:
            return None


def main() -> int:
    """Run and print the report; 1 when there are faults."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutants", type=int, default=2000, metavar="N")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="write the first mutant of every fault there")
    options = parser.parse_args()
    report = attack_all(options.mutants, options.seed)
    print(f"{report.mutants} mutants of {len(seeds())} seeds: {report.read} read, {report.refused} refused in one line")
    print(f"slowest {report.slowest:.2f} s, peak memory {report.peak >> 10} MiB")
    print("read as " + ", ".join(f"{name} {count}" for name, count in report.formats.most_common()))
    for what, numbers in sorted(report.faults.items(), key=lambda f: -len(f[1])):
        print(f"FAULT {len(numbers)} x {what} (mutant {numbers[0]})")
        if options.keep:
            options.keep.mkdir(parents=True, exist_ok=True)
            (options.keep / f"{numbers[0]}.bin").write_bytes(made(numbers[0], options.seed, list(seeds().values())))
    print(f"{len(report.faults)} kinds of fault")
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
