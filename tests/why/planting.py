"""Planting: sessions from seeds, lanes that answer right, and the same lanes with one fault or two for every question.

A case is kept only when the lane answered right without its faults, and wrong with them; a double one only when each of
its faults alone makes it wrong, too. So what broke an answer is known without asking who is to be tested.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.why.faults import NAME, Reader
from workbench.answering import Asking
from workbench.branch import Start, create
from workbench.lanes import LaneSpec
from workbench.llm.base import Backend
from workbench.replay import LaneReplay
from workbench.sessions.model import Probe, Session
from workbench.sessions.synthesis import generate
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader
from workbench.trace.writer import TraceWriter
from workbench.why.case import case
from workbench.why.use import survival
from workbench.why.verdict import CUT, LOST, MISREAD, NEVER_STORED, NOT_ATTENDED, NOT_RETRIEVED, SCORER

WAYS = ("update", "supersede", "delete", "evict")
WRITING = (NEVER_STORED, LOST)


@dataclass(frozen=True, slots=True)
class Case:
    """An answer that is wrong for a known reason."""

    path: Path
    lane: int
    strategy: str
    probe: str
    causes: tuple[str, ...]
    what: str = ""


@dataclass
class Plan:
    """Faults by question; what the strategy is told and what the reader is told."""

    session: Session
    rng: random.Random
    strategy: dict[str, Any] = field(default_factory=dict)
    overlook: dict[str, list[str]] = field(default_factory=dict)
    garble: dict[str, str] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)

    def add(self, cause: str, probe: Probe) -> None:
        """Plant a fault for a probe."""
        (turn,) = probe.evidence
        last = self.session.turns[-1].index
        if cause == NEVER_STORED:
            self.strategy.setdefault("skip", []).append(turn)
        elif cause == LOST:
            when = self.rng.randint(turn + 1, last)
            self.strategy.setdefault("lose", {})[str(turn)] = [when, self.rng.choice(WAYS)]
        elif cause == NOT_RETRIEVED:
            self.strategy.setdefault("hide", {})[probe.question] = [turn]
        elif cause == CUT:
            self.strategy.setdefault("bury", {})[probe.question] = [turn]
        elif cause == NOT_ATTENDED:
            self.overlook[probe.question] = [probe.gold[0]]
        elif cause == MISREAD:
            self.garble[probe.question] = probe.gold[0]

    def reader(self, real: Backend) -> Reader:
        """The backend with these faults."""
        return Reader(real, self.overlook, self.garble, self.words)

    def spec(self, of: str) -> LaneSpec:
        """The lane with these faults."""
        return LaneSpec(NAME, {"of": of, "plan": json.dumps(self.strategy, sort_keys=True)})


def session(seed: int, turns: int = 40, probes: int = 16) -> Session:
    """Facts told once, all asked after the last turn; questions for a person by what they have are left out."""
    made = generate("accurate-retrieval", seed, turns=turns, probes=probes, abstain=0.0)
    last = made.turns[-1].index
    asked = {p.evidence: replace(p, after=last) for p in made.probes if len(p.evidence) == 1 and p.evidence[0] < last}
    named = [p for p in asked.values() if p.gold[0] in made.turns[p.evidence[0]].text]
    return replace(made, probes=tuple(named))


class Field:
    """One run file with a session, in which lanes with faults stand beside those without."""

    def __init__(self, path: Path, told: Session, backend: Backend, seed: int) -> None:
        self.path, self.told, self.backend, self.rng = path, told, backend, random.Random(seed)
        self.plans: dict[int, Plan] = {}
        self.writer = TraceWriter(path)
        self.number = self.writer.add_session(told, str(seed))
        self.writer.set_meta("config", {"seed": 0, "capture": "answers", "reader": "model"})

    def plan(self) -> Plan:
        """No faults yet."""
        return Plan(self.told, self.rng)

    def run(self, of: str, plan: Plan, name: str, ask: bool = True) -> int:
        """A lane from the first turn."""
        spec = plan.spec(of)
        lane = self.writer.add_lane(f"{of} {name}", NAME, "full-cache", spec.strategy().parameters())
        self.plans[lane] = plan

        async def go() -> None:
            replay = self._replay(lane, spec, plan)
            for turn in self.told.turns:
                await replay.observe(turn)
            for probe in self.told.probes if ask else ():
                await replay.ask(probe)

        asyncio.run(go())
        return lane

    def again(self, parent: int, plan: Plan, name: str, policy: str = "") -> int:
        """The questions again on the memory of another lane: for faults that are none of writing, or under a policy."""
        with self.writer.reader() as reader:
            row = next(r for r in reader.lanes() if r.id == parent)
            spec = plan.spec(row.params["of"])
            under = LaneSpec.parse(f"full+{policy}") if policy else spec
            spec = replace(spec, cache=under.cache, cache_params=under.cache_params)
            begin = Start(self.number, row, self.told.turns[-1].index, (), spec, {})
        lane = create(self.writer, begin)
        self.plans[lane] = plan

        async def go() -> None:
            replay = self._replay(lane, spec, plan)
            for probe in self.told.probes:
                await replay.ask(probe)

        asyncio.run(go())
        return lane

    def _replay(self, lane: int, spec: LaneSpec, plan: Plan) -> LaneReplay:
        backend = plan.reader(self.backend)
        asking = Asking(cache=spec.policy())
        return LaneReplay(
            self.told, self.number, lane, spec.strategy, backend, self.writer, 0, "answers", asking=asking
        )  # type: ignore[arg-type]

    def right(self, lane: int) -> set[str]:
        """The probes that a lane answered right."""
        with self.writer.reader() as reader:
            return {e.subject for e in reader.events(self.number, lane, (Kind.SCORED,)) if e.payload["correct"]}

    def within(self, lane: int, probe: Probe) -> bool:
        """Whether a probe's evidence, were it in the lane's context, would not stand last there: it is seen there."""
        with self.writer.reader() as reader:
            shown = case(reader, self.number, lane, probe.id).spans
        return max((t for s in shown for t in s.turns), default=-1) > max(probe.evidence)

    def wrong(self, lane: int) -> set[str]:
        """Those that it did not."""
        return {p.id for p in self.told.probes} - self.right(lane)


def planted(
    path: Path, backend: Backend, of: str, seed: int, turns: int = 40, probes: int = 16
) -> tuple[Field, list[Case]]:
    """Cases of every cause but the scorer's, and double ones, on one strategy and one session."""
    ground = Field(path, session(seed, turns, probes), backend, seed)
    clean = ground.run(of, ground.plan(), "clean")
    known = [p for p in ground.told.probes if p.id in ground.right(clean)]
    ground.rng.shuffle(known)
    # Of most there are two for one of the others: many a fault of theirs breaks nothing, and what is not retrieved is
    # planted among the first ones, too.
    reads = (NOT_RETRIEVED, CUT, NOT_ATTENDED, MISREAD, CUT, NOT_ATTENDED, MISREAD)
    firsts = [(NEVER_STORED, LOST, NOT_RETRIEVED)[n % 3] for n in range(len(known))]
    seconds = [reads[n % len(reads)] for n in range(len(known))]
    # What is not returned has no place in the order in which spans are dropped.
    firsts = [LOST if a == NOT_RETRIEVED and b == CUT else a for a, b in zip(firsts, seconds, strict=True)]
    seconds = [MISREAD if a == b == NOT_RETRIEVED else b for a, b in zip(firsts, seconds, strict=True)]
    single, late, both = ground.plan(), ground.plan(), ground.plan()
    for probe, first, second in zip(known, firsts, seconds, strict=True):
        single.add(first, probe)
        late.add(second, probe)
    both.strategy = {**single.strategy, **late.strategy}
    for what in ("hide", "bury"):
        both.strategy[what] = {**single.strategy.get(what, {}), **late.strategy.get(what, {})}
    both.overlook, both.garble = late.overlook, late.garble
    one = ground.run(of, single, "first faults")
    two = ground.again(clean, late, "second faults")
    double = ground.again(one, both, "both faults")
    bad_one, bad_two, bad_both = ground.wrong(one), ground.wrong(two), ground.wrong(double)
    cases = []
    for probe, first, second in zip(known, firsts, seconds, strict=True):
        if probe.id in bad_one:
            cases.append(Case(path, one, of, probe.id, (first,)))
        if probe.id in bad_two:
            cases.append(Case(path, two, of, probe.id, (second,)))
        if probe.id in bad_one & bad_two & bad_both and (second != NOT_ATTENDED or ground.within(double, probe)):
            cases.append(Case(path, double, of, probe.id, (first, second)))
    return ground, cases


IN_OTHER_WORDS = ("it is {}", "{} of course", "{} as far as I know", "the answer is {}", "{} and nothing else")
PARAPHRASES = ("the thing with the odd name number {}", "you know what, case {}", "that certain something, entry {}")


def in_other_words(path: Path, backend: Backend, of: str, seed: int) -> tuple[Field, list[Case]]:
    """Right answers that a strict scorer does not take: the gold is worded otherwise."""
    told = session(seed)
    strict = [
        replace(p, gold=(IN_OTHER_WORDS[n % len(IN_OTHER_WORDS)].format(p.gold[0]),), scorer="exact")
        for n, p in enumerate(told.probes)
    ]
    plain = Field(path.with_suffix(".plain.mnemo"), told, backend, seed)
    ground = Field(path, replace(told, probes=tuple(strict)), backend, seed)
    known = plain.right(plain.run(of, plain.plan(), "clean"))
    lane = ground.run(of, ground.plan(), "clean")
    plain.writer.close()
    return ground, [Case(path, lane, of, p, (SCORER,)) for p in sorted(known & ground.wrong(lane))]


def paraphrased(path: Path, backend: Backend, of: str, seed: int) -> tuple[Field, list[Case]]:
    """Items that say it and do not name it, with faults after storing; and items that name it and do not say it.

    The reader understands the paraphrases; no word of them is in the gold.
    """
    ground = Field(path, session(seed), backend, seed)
    plain, single, blunt = ground.plan(), ground.plan(), ground.plan()
    for n, probe in enumerate(ground.told.probes):
        (turn,) = probe.evidence
        said = PARAPHRASES[n % len(PARAPHRASES)].format(1000 * seed + n)
        told = ground.told.turns[turn].text.replace(probe.gold[0], said)
        for plan in (plain, single):
            plan.words[said] = probe.gold[0]
            plan.strategy.setdefault("say", {})[str(turn)] = told
        blunt.strategy.setdefault("say", {})[str(turn)] = f"There was something about {probe.gold[0]} in the news."
    clean = ground.run(of, plain, "paraphrased")
    known = [p for p in ground.told.probes if p.id in ground.right(clean)]
    causes = [(LOST, NOT_RETRIEVED, CUT, MISREAD)[n % 4] for n in range(len(known))]
    for probe, cause in zip(known, causes, strict=True):
        single.add(cause, probe)
    lane = ground.run(of, single, "paraphrased, with faults")
    named = ground.run(of, blunt, "named, not said")
    bad, worse = ground.wrong(lane), ground.wrong(named)
    cases = [Case(path, lane, of, p.id, (c,), "says") for p, c in zip(known, causes, strict=True) if p.id in bad]
    return ground, cases + [Case(path, named, of, p.id, (NEVER_STORED,), "names") for p in known if p.id in worse]


POLICIES = ("streaming-llm:keep=0.5", "snapkv:keep=0.2")


def evicted(path: Path, backend: Backend, of: str, seed: int) -> tuple[Field, list[Case]]:
    """A real cache policy throws the evidence out: right with the whole cache, wrong without what the policy took.

    A case is kept only when the policy left less than a fifth of the evidence's cells; so nobody read it.
    """
    ground = Field(path, session(seed), backend, seed)
    clean = ground.run(of, ground.plan(), "clean")
    known, cases = ground.right(clean), []
    for policy in POLICIES:
        lane = ground.again(clean, ground.plan(), policy, policy)
        with ground.writer.reader() as reader:
            for probe in sorted(known & ground.wrong(lane)):
                asked = case(reader, ground.number, lane, probe)
                gold = [n for n, s in enumerate(asked.spans) if set(s.turns) & set(asked.probe.evidence)]
                left = survival(reader, asked, gold)
                if gold and left is not None and left < 0.2:
                    cases.append(Case(path, lane, of, probe, (NOT_ATTENDED,), policy.partition(":")[0]))
    return ground, cases


def rows(ground: Field) -> Iterator[Mapping[str, Any]]:
    """Lanes and how many probes they answered right, for looking at."""
    with closing(TraceReader(ground.path)) as reader:
        for row in reader.lanes():
            yield {"lane": row.name, "right": len(ground.right(row.id)), "of": len(ground.told.probes)}
