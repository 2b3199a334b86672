"""Generators after published benchmarks: seeded, as long as wanted in tokens of a model, golds by rule.

``generate("sort", 4000, seed=3)`` makes the same sessions every time. Texts are natural English of our own; the plain
English that the bundled model was trained on is ``workbench.sessions.synthesis``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from workbench.sessions.generators import (
    ancestral_trace,
    conflict_chains,
    et_bench,
    hi_bench,
    humble_bench,
    licon_bench,
    long_bio_bench,
    long_gen_bench,
    long_ins,
    many_shot,
    needle_bench,
    sc_bench,
    sort,
    sv_bench,
    tool_llm,
    turtle_bench,
    worm,
    x_le_bench,
)
from workbench.sessions.generators.base import LEAST, MOST_OF_ALL, Count, Generator, GeneratorError, Job
from workbench.sessions.model import Session
from workbench.words import words

__all__ = ["GENERATORS", "Generator", "GeneratorError", "generate", "versions"]

GENERATORS: Mapping[str, Generator] = {
    module.GENERATOR.name: module.GENERATOR
    for module in (
        needle_bench,
        ancestral_trace,
        sort,
        hi_bench,
        worm,
        long_ins,
        licon_bench,
        many_shot,
        long_bio_bench,
        humble_bench,
        x_le_bench,
        sv_bench,
        et_bench,
        turtle_bench,
        long_gen_bench,
        tool_llm,
        conflict_chains,
        sc_bench,
    )
}
"""Adding one takes a file and a line here."""

MOST = 1_000_000
"""Tokens of the longest session."""


def rough(text: str) -> int:
    """Tokens of a text without a model: its words and signs."""
    return len(words(text)) + sum(not c.isalnum() and not c.isspace() for c in text)


def generate(
    name: str, tokens: int, seed: int = 0, count: Count = rough, date: str = "", **options: Any
) -> list[Session]:
    """The sessions of a generator; option values may be strings, as the command line gives them.

    Args:
        tokens: how long a session becomes at most, counted by ``count``.
        date: of the release, ISO 8601; every date has probes of its own (LiveBench's freshness).

    Raises:
        GeneratorError: unknown generator or option, or a value out of range; the message names what is possible.
    """
    if name not in GENERATORS:
        raise GeneratorError(f"synth: there is no generator {name!r}", f"one of {', '.join(GENERATORS)}")
    card = GENERATORS[name]
    if not LEAST <= tokens <= MOST:
        raise GeneratorError(f"synth {name}: --tokens {tokens} is out of range", f"choose from {LEAST} to {MOST:,}")
    unknown = sorted(set(options) - set(card.options))
    if unknown:
        raise GeneratorError(f"synth {name}: no option {unknown[0]!r}", f"there are {', '.join(card.options)}")
    chosen = {key: _value(card, key, options.get(key)) for key in card.options}
    job = Job(name, seed, tokens, count, chosen, date)
    card.make(job)
    made = {"name": name, "seed": seed, "tokens": tokens, "label": card.label, "options": chosen}
    extra: dict[str, Any] = {"generator": made} | ({"released": date} if date else {})
    if not all(w.probes for w in job.writers):
        raise GeneratorError(f"synth {name}: nothing can be asked of {tokens} tokens", f"try --tokens {4 * tokens}")
    return [w.session(extra) for w in job.writers]


def versions(name: str, tokens: int, seed: int, n: int, count: Count = rough, **options: Any) -> list[Session]:
    """The sessions of ``n`` seeds, whose probes of one place are versions of one another (UGMathBench's EAcc)."""
    found = []
    for version in range(n):
        for session in generate(name, tokens, seed + version, count, **options):
            part = session.name.removeprefix(f"{name}-{seed + version}")
            probes = tuple(
                replace(p, extra={**p.extra, "version_of": f"{name}{part}/{p.id}", "version": version + 1})
                for p in session.probes
            )
            found.append(replace(session, probes=probes))
    return found


def _value(card: Generator, key: str, given: Any) -> Any:
    """An option's value: of its default's type, or one of those that there are."""
    default = card.options[key]
    if isinstance(default, tuple):
        value = default[0] if given is None else given
        if value not in default:
            raise GeneratorError(f"synth {card.name}: {key}={value}", f"one of {', '.join(default)}")
        return value
    if given is None:
        return default
    try:
        value = type(default)(given)
    except (TypeError, ValueError) as error:
        raise GeneratorError(f"synth {card.name}: {key}={given} is not a whole number") from error
    low, high = card.ranges.get(key, (1, MOST_OF_ALL))
    if isinstance(value, int) and not low <= value <= high:
        raise GeneratorError(f"synth {card.name}: {key}={value} must lie between {low} and {high}")
    return value
