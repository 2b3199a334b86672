"""How many small changes of the scorers and the trace the tests notice: a sample of mutmut's mutants.

    python -m tests.attack.mutation [--count N] [--seed N] [--only PATTERN]

In a checkout with the extra ``mutation``. mutmut makes the mutants in ``mutants/`` and notes which tests reach which
function (minutes of processor, once); each mutant of the sample is then tried in a fork of one process that has read
the tests, the quickest of those that reach it first. Prints each verdict, then JSON: ``{"of": all mutants, "tried",
"killed", "untested": [names that no test reaches], "survived": [names]}``. What a survivor changes is told by
``python -m mutmut show NAME``. A mutant that made its tests run out of time counts as killed. What was killed once is
not tried again until its function changes; delete ``mutants/`` to begin anew.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

SURVIVED, UNTESTED, TIMEOUT = 0, 33, 36  # mutmut's exit codes
NONE = ""  # the name under which no mutant is at work


def verdicts(folder: Path) -> dict[str, int | None]:
    """The exit code of every mutant by its name; None for one that was not tried."""
    files = sorted(folder.rglob("*.py.meta"))
    return {name: code for file in files for name, code in json.loads(file.read_text())["exit_code_by_key"].items()}


def keep(folder: Path, name: str, code: int) -> None:
    """Put a verdict where mutmut keeps its own."""
    module = folder / name.rpartition(".")[0].replace(".", "/")
    file = module / "__init__.py.meta" if module.is_dir() else module.with_suffix(".py.meta")
    known = json.loads(file.read_text())
    known["exit_code_by_key"][name] = code
    file.write_text(json.dumps(known, indent=4))


def make() -> None:
    """Make the mutants and find out which tests reach what, as far as that is not known.

    mutmut has no command for that: to try a mutant that is not there does it, and ends.
    """
    command = [sys.executable, "-m", "mutmut", "run", "none"]
    said = subprocess.run(command, stderr=subprocess.STDOUT, stdout=subprocess.PIPE).stdout.decode(errors="replace")
    if "nothing matches" not in said:
        sys.exit(f"mutmut made no mutants:\n{said.rpartition(chr(13))[2][-8000:]}")


def reached(folder: Path, names: Iterable[str]) -> dict[str, list[str]]:
    """The tests that reach each mutant, the quickest first."""
    stats = json.loads((folder / "mutmut-stats.json").read_text())
    by_function, seconds = stats["tests_by_mangled_function_name"], stats["duration_by_test"]
    return {
        name: sorted(by_function.get(name.rpartition("__mutmut_")[0], ()), key=lambda t: (seconds[t], t))
        for name in names
    }


def tried(folder: Path, tests: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, int]]:
    """Each mutant and its exit code. Ends the program when the tests fail without one."""
    seconds = json.loads((folder / "mutmut-stats.json").read_text())["duration_by_test"]
    every = sorted({test for some in tests.values() for test in some}, key=lambda test: (seconds[test], test))
    asked = [
        (name, ids, 60 + round(10 * sum(seconds[t] for t in ids))) for name, ids in ((NONE, every), *tests.items())
    ]
    here = {"PYTHONPATH": str(folder.resolve()), "MUTANT_UNDER_TEST": NONE}
    worker = subprocess.Popen(
        [sys.executable, "-m", "tests.attack.mutation", "--worker"],
        cwd=folder, env=os.environ | here, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert worker.stdin and worker.stdout
    with worker:
        worker.stdin.write(json.dumps(asked))
        worker.stdin.close()
        for line in worker.stdout:
            name, code = json.loads(line)
            if name != NONE:
                yield name, code
            elif code:
                sys.exit(f"the tests fail without a mutant: see {folder / 'last.log'}")


def work() -> int:
    """In ``mutants/``: read the tests once, then run those of each mutant in a fork of its own."""
    import pytest

    options = tomllib.loads(Path("pyproject.toml").read_text())["tool"]["mutmut"]["pytest_add_cli_args"]
    asked = json.load(sys.stdin)
    answers, log = os.dup(1), os.open("last.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    files = sorted({test.partition("::")[0] for _, tests, _ in asked for test in tests})
    pytest.main(["--collect-only", "-qqq", *options, *files])
    for name, tests, seconds in asked:
        os.truncate(log, 0)
        code = _fork(lambda tests=tests: pytest.main(["-x", "-q", *options, *tests]), name, seconds)
        os.write(answers, f"{json.dumps([name, code])}\n".encode())
        if name == NONE and code:
            return 1
    return 0


def _fork(tests: Callable[[], int], mutant: str, seconds: int) -> int:
    """Exit code of the tests with a mutant at work; 36 (mutmut's for it) when a signal or the time ended them."""
    child = os.fork()
    if not child:
        os.setsid()
        signal.alarm(seconds)
        os.environ["MUTANT_UNDER_TEST"] = mutant
        _forget()
        os._exit(int(tests()))
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # what a test started and could not end
    if code in (4, 5):
        raise RuntimeError(f"no tests could be read for {mutant}")
    return code if code >= 0 else TIMEOUT


def _forget() -> None:
    """Empty every cache of the program: what reading the tests has computed is none of a mutant's."""
    kind = type(cache(len))
    for kept in gc.get_objects():
        if isinstance(kept, kind) and str(kept.__module__).startswith("workbench."):
            kept.cache_clear()


def main() -> int:
    """Try a sample; the exit code is 1 when none could be tried."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.attack.mutation", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="*", metavar="PATTERN", help="names of mutants, as workbench.probes.*")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        return work()
    make()
    folder = Path("mutants")
    known = {name: code for name, code in verdicts(folder).items() if fnmatch(name, options.only)}
    matching = len(known)
    names = random.Random(options.seed).sample(sorted(known), min(options.count, matching))
    tests = reached(folder, names)
    untested = [name for name in names if not tests[name]]
    left = {name: tests[name] for name in names if tests[name] and known[name] in (None, SURVIVED, UNTESTED)}
    for name, code in tried(folder, left):
        keep(folder, name, code)
        print(f"{'survived' if code == SURVIVED else 'killed':8} {name}", file=sys.stderr, flush=True)
    known = verdicts(folder)
    survived = [name for name in names if tests[name] and known[name] == SURVIVED]
    killed = len(names) - len(survived) - len(untested)
    told = {"of": matching, "tried": len(names), "killed": killed, "untested": untested, "survived": survived}
    print(json.dumps(told, indent=1))
    return 0 if names else 1


if __name__ == "__main__":
    sys.exit(main())
