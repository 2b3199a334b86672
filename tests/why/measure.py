"""How often the named cause is the planted one, and how often a flip proves it: ``python -m tests.why.measure``.

Prints the table and the confusion matrix that stand in the README.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tests.why.faults import NAME, WHERE
from tests.why.planting import Case, Field, evicted, in_other_words, paraphrased, planted
from workbench.llm.base import Backend, BackendOptions
from workbench.llm.open import open_backend
from workbench.memory.registry import STRATEGIES
from workbench.trace.reader import TraceReader
from workbench.why.asking import Setting
from workbench.why.explaining import Target, prove
from workbench.why.verdict import CAUSES, TITLES, UNEXPLAINED, Verdict

BUILT_WITH, SEED = 11, 2026
"""The seed that the code was built with, and the one that figures are measured with."""
LANES = ("full", "bm25", "dense", "hybrid", "mem0", "mem0-v3", "a-mem", "lightmem", "memos", "mirix", "hcam", "titans")
Plant = Callable[[Path, Backend, str, int], tuple[Field, list[Case]]]
KINDS: dict[str, tuple[Plant, tuple[str, ...]]] = {
    "planted": (planted, LANES),
    "in other words": (in_other_words, ("full", "bm25", "dense", "mem0")),
    "in the cache": (evicted, ("full", "bm25", "dense", "mem0-v3")),
    "paraphrased": (paraphrased, ("full", "bm25", "dense", "hybrid", "hcam")),
}
HEADS = "| planted | cases | strategies | cause right | proved by a flip | right before any proof |"
CONTEXT = 768  # tokens; so that few fillers fill it


@dataclass(frozen=True, slots=True)
class Outcome:
    """A planted case and what was said of it."""

    kind: str
    case: Case
    verdict: Verdict

    @property
    def right(self) -> bool:
        """Whether all causes are named and no other."""
        return self.verdict.causes == self.case.causes

    @property
    def suspected(self) -> bool:
        """Whether the first look at the funnel named the first cause."""
        return self.verdict.suspected == self.case.causes[0]


def measured(
    folder: Path, backend: Backend, seed: int, kinds: Iterable[str], lanes: Sequence[str] = ()
) -> list[Outcome]:
    """Plant and prove."""
    found = []
    for kind in kinds:
        plant, usual = KINDS[kind]
        for of in lanes or usual:
            ground, cases = plant(folder / f"{kind.replace(' ', '-')}-{of}.mnemo", backend, of, seed)
            with closing(ground.writer):
                found += [Outcome(kind, c, v) for c, v in _proved(ground, backend, cases)]
    return found


def _proved(ground: Field, backend: Backend, cases: Sequence[Case]) -> list[tuple[Case, Verdict]]:
    found: list[tuple[Case, Verdict]] = []
    with closing(TraceReader(ground.path)) as reader:
        for lane, plan in ground.plans.items():
            mine = [c for c in cases if c.lane == lane]
            setting = Setting(plan.reader(backend))  # type: ignore[arg-type]
            verdicts = asyncio.run(prove(reader, setting, [Target(ground.number, lane, c.probe) for c in mine]))
            found += zip(mine, verdicts, strict=True)
    return found


def groups(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    """By cause; double ones, what a cache policy took and paraphrases by themselves."""
    out: dict[str, list[Outcome]] = {TITLES[c]: [] for c in CAUSES}
    for outcome in outcomes:
        double = "two at once" if len(outcome.case.causes) > 1 else TITLES[outcome.case.causes[0]]
        own = outcome.kind if outcome.kind in ("in the cache", "paraphrased") else double
        out.setdefault(own, []).append(outcome)
    return {name: mine for name, mine in out.items() if mine}


def table(outcomes: Sequence[Outcome]) -> str:
    """Per group: how many, strategies, cause right, proved by a flip, and what the funnel alone suspects."""
    rows = [HEADS, "|---|--:|--:|--:|--:|--:|"]
    for name, mine in groups(outcomes).items():
        n = len(mine)
        lanes = len({o.case.strategy for o in mine})
        right, proved = sum(o.right for o in mine), sum(bool(o.verdict.confirmed) for o in mine)
        first = sum(o.suspected for o in mine)
        rows.append(f"| {name} | {n} | {lanes} | {_share(right, n)} | {_share(proved, n)} | {_share(first, n)} |")
    return "\n".join(rows)


def matrix(outcomes: Sequence[Outcome]) -> str:
    """Planted against named. Of two causes at once: whether both were named, and no other."""
    counts = Counter((_row(o), _column(o)) for o in outcomes)
    rows, columns = (sorted({pair[n] for pair in counts}, key=_order) for n in (0, 1))
    lines = [f"| planted \\ named | {' | '.join(columns)} |", f"|---|{'--:|' * len(columns)}"]
    lines += [f"| {r} | {' | '.join(str(counts[r, c] or '') for c in columns)} |" for r in rows]
    return "\n".join(lines)


def _row(o: Outcome) -> str:
    return _pair(o.case.causes) if len(o.case.causes) == 1 else "two at once"


def _column(o: Outcome) -> str:
    if len(o.case.causes) > 1 and o.right:
        return "both"
    named = o.verdict.causes
    return "other ones together" if len(named) > 1 else _pair(named) or TITLES[UNEXPLAINED]


def _order(name: str) -> tuple[int, str]:
    known = [TITLES[c] for c in CAUSES]
    return (known.index(name) if name in known else len(known), name)


def _pair(causes: Sequence[str]) -> str:
    return " + ".join(TITLES[c] for c in causes)


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %"


def missed(outcomes: Sequence[Outcome]) -> str:
    """Every case that was not named as planted, one line each."""
    return "\n".join(map(_told, (o for o in outcomes if not o.right)))


def _told(o: Outcome) -> str:
    tries = o.verdict.proof.tries if o.verdict.proof else ()
    tried = "; ".join(f"{t.what}: {t.answer}" for t in tries)
    named = _pair(o.verdict.causes) or UNEXPLAINED
    return f"{o.case.strategy} {o.case.probe}: {_pair(o.case.causes)} named {named}: {o.verdict.sentence} [{tried}]"


def main() -> None:
    """Measure all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--kind", action="append", choices=tuple(KINDS))
    parser.add_argument("--lane", action="append", default=[])
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    STRATEGIES[NAME] = WHERE
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(open_backend(BackendOptions(context=CONTEXT, threads=options.threads))) as backend,
    ):
        outcomes = measured(Path(folder), backend, options.seed, options.kind or KINDS, options.lane)
    print(table(outcomes), matrix(outcomes), missed(outcomes), sep="\n\n")


if __name__ == "__main__":
    main()
