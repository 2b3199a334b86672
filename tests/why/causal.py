"""Is a named cause a cause? Its fix against the fix of a cause that was not named: ``python -m tests.why.causal``.

Nothing is planted here: wrong answers of ordinary lanes on generated sessions. The cause is the one that is named
before anything was tried. Prints the table that stands in the README.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from workbench.branch import settings_of
from workbench.engine import explain
from workbench.engine.config import RunConfig
from workbench.engine.run import run
from workbench.llm.base import Backend
from workbench.probes.statistics import wilson
from workbench.sessions.synthesis import generate
from workbench.trace.reader import TraceReader
from workbench.why.counterfactuals import Prover
from workbench.why.explaining import Target, failed, prover
from workbench.why.fixes import CAUSE, Fix
from workbench.why.verdict import CAUSES, SCORER, TITLES

SEED = 2027
KINDS = ("accurate-retrieval", "conflict-resolution", "long-range-understanding", "test-time-learning", "mixed")
LANES = ("window:turns=16", "bm25:k=2", "dense:k=2", "a-mem:k=2", "mem0", "mem0-v3", "think-in-memory", "caim", "hmt")
FIXES = {cause: [fix for fix, of in CAUSE.items() if of == cause] for cause in CAUSES if cause != SCORER}


@dataclass(frozen=True, slots=True)
class Checked:
    """A wrong answer: the cause named, whether its fix flips the answer, and the same for another one's."""

    cause: str
    flips: bool
    other: str
    other_changes: bool
    other_flips: bool


async def check(proof: Prover, rng: random.Random) -> Checked | None:
    """Try both fixes; None where no cause with a fix is named."""
    verdict = await proof.prove()
    if verdict.suspected not in FIXES:
        return None
    other = rng.choice([c for c in FIXES if c != verdict.suspected])
    _, flips = await _flips(proof, FIXES[verdict.suspected])
    changes, other_flips = await _flips(proof, FIXES[other])
    return Checked(verdict.suspected, flips, other, changes, other_flips)


async def _flips(proof: Prover, fixes: Sequence[Fix]) -> tuple[bool, bool]:
    """Whether any of the fixes of a cause changes what is asked, and whether any makes the answer right."""
    base = await proof.play(())
    worlds = [await proof.play((fix,)) for fix in fixes]
    changed = any([s.text for s in w.spans] != [s.text for s in base.spans] for w in worlds)
    return changed, any(w.right for w in worlds)


async def checks(reader: TraceReader, backend: Backend, wanted: Sequence[Target], seed: int) -> list[Checked]:
    """Check every answer."""
    setting = explain.setting(settings_of(reader, wanted[0].lane), backend)
    rng = random.Random(seed)
    found = [await check(prover(reader, setting, target), rng) for target in wanted]
    return [one for one in found if one is not None]


def table(found: Sequence[Checked]) -> str:
    """Flip rates with 95 % intervals (Wilson), by cause and over all."""
    heads = "| named | answers | its fix flips | another cause's fix flips | … where that changes anything |"
    rows = [heads, "|---|--:|--:|--:|--:|"]
    for cause in (*FIXES, ""):
        mine = [f for f in found if cause in ("", f.cause)]
        changing = [f for f in mine if f.other_changes]
        if mine:
            cells = (
                _rate(sum(f.flips for f in mine), len(mine)),
                _rate(sum(f.other_flips for f in mine), len(mine)),
                _rate(sum(f.other_flips for f in changing), len(changing)),
            )
            rows.append(f"| {TITLES[cause] if cause else 'all'} | {len(mine)} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _rate(part: int, whole: int) -> str:
    if not whole:
        return "–"
    low, high = wilson(part, whole)
    return f"{100 * part / whole:.0f} % ({100 * low:.0f}–{100 * high:.0f}) of {whole}"


def sample(folder: Path, seed: int, lanes: Sequence[str], threads: int | None) -> Path:
    """Ordinary lanes on generated sessions, two of every kind."""
    files = []
    for kind in KINDS:
        for n in range(2 if kind != "mixed" else 1):
            path = folder / f"{kind}-{n}.json"
            path.write_text(json.dumps(generate(kind, seed + n).to_json()), encoding="utf-8")
            files.append(path)
    config = RunConfig(tuple(files), tuple(lanes), out=folder / "run.mnemo", threads=threads)
    return run(config)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--most", type=int, default=400)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = sample(Path(folder), options.seed, LANES, options.threads)
        with TraceReader(path) as reader, closing(explain.backend_of(reader, None, options.threads)) as backend:
            wanted = failed(reader)
            random.Random(options.seed).shuffle(wanted)
            found = asyncio.run(checks(reader, backend, wanted[: options.most], options.seed))
    print(table(found))


if __name__ == "__main__":
    main()
