"""How many small changes of the scorers and the trace the tests notice: a sample of mutmut's mutants.

    python -m tests.attack.mutation [--count N] [--seed N] [--only PATTERN]

In a checkout with the extra ``mutation``. Makes the mutants in ``mutants/`` (a minute of processor, once) and prints
JSON: ``{"of": all mutants, "tried", "killed", "untested": no test reaches them, "survived": [names]}``. What a survivor
changes is told by ``python -m mutmut show NAME``. A mutant that made its tests run out of time counts as killed.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

SURVIVED, UNTESTED = 0, 33  # mutmut's exit codes


def verdicts(folder: Path) -> dict[str, int | None]:
    """The exit code of every mutant by its name; None for one that was not tried."""
    files = sorted(folder.rglob("*.py.meta"))
    return {name: code for file in files for name, code in json.loads(file.read_text())["exit_code_by_key"].items()}


def main() -> int:
    """Try a sample; the exit code is 1 when none could be tried."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.attack.mutation", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="*", metavar="PATTERN", help="names of mutants, as workbench.probes.*")
    options = parser.parse_args()
    mutmut, folder = [sys.executable, "-m", "mutmut", "run", "--max-children", "1"], Path("mutants")
    if not verdicts(folder):
        subprocess.run([*mutmut, "none"], stdout=sys.stderr)  # makes the mutants, and tries none
    every = [name for name in verdicts(folder) if fnmatch(name, options.only)]
    names = random.Random(options.seed).sample(every, min(options.count, len(every)))
    subprocess.run([*mutmut, *names], stdout=sys.stderr)
    known = verdicts(folder)
    said = {name: known[name] for name in names if known[name] is not None}
    survived = [name for name, code in said.items() if code == SURVIVED]
    untested = sum(code == UNTESTED for code in said.values())
    killed = len(said) - len(survived) - untested
    told = {"of": len(every), "tried": len(said), "killed": killed, "untested": untested, "survived": survived}
    print(json.dumps(told, indent=1))
    return 0 if said else 1


if __name__ == "__main__":
    sys.exit(main())
