"""AutoBencher (arXiv 2407.08351): a search over a generator's settings for probes that are salient, hard and novel.

Settings are changed one at a time from the best ones so far. Every candidate is generated and run through the lanes:

* **salient**: a constraint. The evidence alone must be enough for the reader (lane ``oracle``): else a probe says
  something about the reader and not about a memory;
* **difficult**: one less the accuracy of the best lane;
* **separable**: how far the lanes lie apart, mean distance from their mean;
* **novel**: one less the rank correlation of the lanes with their mean over the candidates before.

Accuracy is that of the probes that have an answer; saying that something was never told is counted nowhere here.

The published search proposes topics by a language model and has it write questions from documents; here settings are
proposed by a seeded draw and probes come from a generator, whose golds need no model.
"""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean
from typing import Any

from workbench.engine.config import RunConfig
from workbench.engine.run import run
from workbench.errors import UsageError
from workbench.probes.controls import ORACLE
from workbench.projections.scores import scores
from workbench.sessions.generators import GENERATORS, generate
from workbench.sessions.generators.base import LEAST, Count, GeneratorError
from workbench.trace.reader import TraceReader

SALIENT = 0.6
"""Accuracy with the evidence alone from which a candidate counts."""
KEPT = 3
"""Best candidates from which the next ones are made."""
WEIGHTS = {"difficulty": 1.0, "separability": 1.0, "novelty": 0.5}
"""Of the objective."""

Settings = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A setting and what the lanes made of it; accuracies by lane, the oracle's apart."""

    settings: Settings
    tokens: int
    n: int
    accuracies: Mapping[str, float]
    oracle: float
    difficulty: float
    separability: float
    novelty: float

    @property
    def salient(self) -> bool:
        """Whether the evidence alone is enough."""
        return self.oracle >= SALIENT

    @property
    def objective(self) -> float:
        """What is searched for; nothing where the candidate is not salient."""
        if not self.salient:
            return 0.0
        return sum(weight * float(getattr(self, name)) for name, weight in WEIGHTS.items())

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        figures = {
            k: round(getattr(self, k), 4) for k in ("oracle", "difficulty", "separability", "novelty", "objective")
        }
        accuracies = {lane: round(value, 4) for lane, value in self.accuracies.items()}
        return {"settings": dict(self.settings), "tokens": self.tokens, "n": self.n, "salient": self.salient, **figures,
                "accuracies": accuracies}  # fmt: skip


@dataclass
class Search:
    """A search over one generator.

    Args:
        config: lanes, model and reader of every run; its sessions and its file are ignored.
        count: of tokens.
        step: told candidates done, all, and the setting.
    """

    generator: str
    tokens: int
    config: RunConfig
    count: Count
    seed: int = 0
    step: Callable[[int, int, str], None] = lambda done, total, note: None
    found: list[Candidate] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.generator not in GENERATORS:
            raise UsageError(f"there is no generator {self.generator!r}", f"one of {', '.join(GENERATORS)}")
        self._r = random.Random(f"{self.generator} {self.seed}")
        self._tried: set[str] = set()

    def go(self, rounds: int) -> list[Candidate]:
        """Try so many settings; all candidates, the best first."""
        card = GENERATORS[self.generator]
        plain = {k: v[0] if isinstance(v, tuple) else v for k, v in card.options.items() if not isinstance(v, str)}
        settings: Settings = plain
        tokens = self.tokens
        for number in range(rounds):
            self.step(number, rounds, " ".join(f"{k}={v}" for k, v in settings.items()))
            candidate = self._measured(settings, tokens)
            if candidate:
                self.found.append(candidate)
            proposed = self._next(plain)
            if proposed is None:
                break
            settings, tokens = proposed
        return sorted(self.found, key=lambda c: -c.objective)

    def _next(self, plain: Settings) -> tuple[Settings, int] | None:
        """A setting that was not tried: one of the best, with one thing changed. None when there is none left."""
        best = sorted(self.found, key=lambda c: -c.objective)[:KEPT]
        starts = [(c.settings, c.tokens) for c in best] or [(plain, self.tokens)]
        for _ in range(60):
            settings, tokens = self._r.choice(starts)
            changed, length = self._changed(settings, tokens)
            if _key(changed, length) not in self._tried:
                return changed, length
        return None

    def _changed(self, settings: Settings, tokens: int) -> tuple[Settings, int]:
        name = self._r.choice([*settings, "tokens"])
        if name == "tokens":
            return settings, min(4 * self.tokens, max(LEAST, round(tokens * self._r.choice((0.5, 2.0)))))
        choices = GENERATORS[self.generator].options[name]
        if isinstance(choices, tuple):
            return {**settings, name: self._r.choice(choices)}, tokens
        return {**settings, name: min(1000, max(1, round(settings[name] * self._r.choice((0.5, 1.5, 2.0)))))}, tokens

    def _measured(self, settings: Settings, tokens: int) -> Candidate | None:
        """Generate, run, and compare; None where nothing can be asked with this setting."""
        self._tried.add(_key(settings, tokens))
        try:
            sessions = generate(self.generator, tokens, self.seed, self.count, **settings)
        except GeneratorError:
            return None
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "made.json"
            file.write_text(json.dumps([s.to_json() for s in sessions]), encoding="utf-8")
            lanes = tuple(dict.fromkeys((*self.config.lanes, ORACLE)))
            config = replace(self.config, sessions=(file,), lanes=lanes, out=Path(folder) / "run.mnemo", only=())
            with TraceReader(run(config, lambda _: None)) as reader:
                board = scores(reader)
        cells = {row.lane.name: row.overall for row in board.lanes}
        if not any(cell.n for cell in cells.values()):  # every question of this setting is one that nothing answers
            return None
        oracle = cells.pop(ORACLE).accuracy
        accuracies = {lane: cell.accuracy for lane, cell in cells.items()}
        return self._judged(settings, tokens, accuracies, oracle, max(cell.n for cell in cells.values()))

    def _judged(
        self, settings: Settings, tokens: int, accuracies: Mapping[str, float], oracle: float, n: int
    ) -> Candidate:
        values = list(accuracies.values())
        middle = fmean(values)
        return Candidate(
            settings, tokens, n, accuracies, oracle, 1 - max(values), fmean(abs(v - middle) for v in values),
            novelty(accuracies, [c.accuracies for c in self.found]),
        )  # fmt: skip


def novelty(accuracies: Mapping[str, float], before: Sequence[Mapping[str, float]]) -> float:
    """One less the rank correlation with the lanes' means over earlier candidates, halved; 0.5 where there is none."""
    from scipy.stats import rankdata

    lanes = list(accuracies)
    own = rankdata([accuracies[lane] for lane in lanes])
    if not before:
        return 0.5
    known = rankdata([fmean(one[lane] for one in before) for lane in lanes])
    spread = float(own.std() * known.std())
    together = float(((own - own.mean()) * (known - known.mean())).mean())
    return (1 - together / spread) / 2 if spread else 0.5


def _key(settings: Settings, tokens: int) -> str:
    return json.dumps([sorted(settings.items()), tokens])
