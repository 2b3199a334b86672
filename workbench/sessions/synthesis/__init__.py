"""Generated sessions in plain controlled English, with probes: one kind per competency, and a mixed one.

``generate("mixed", seed=3, turns=120)`` makes the same session every time. The bundled model knows this English;
``split="heldout"`` uses names, values and phrasings that it never saw.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from workbench.errors import MnemoscopeError
from workbench.sessions.model import Session
from workbench.sessions.synthesis import kinds as _kinds
from workbench.sessions.synthesis.drafting import Draft
from workbench.sessions.synthesis.kinds import Options

__all__ = ["Kind", "SynthesisError", "generate", "kinds", "list_kinds"]


class SynthesisError(MnemoscopeError):
    """A kind or option that does not exist, or a value that cannot be."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of session: its name, one line of help, and its options with their defaults."""

    name: str
    help: str
    options: dict[str, Any]
    make: Callable[[random.Random, Options], Draft]


def _kind(name: str, make: Callable[[random.Random, Options], Draft], **defaults: Any) -> Kind:
    """Only the options named in ``defaults`` and those that every kind has can be set."""
    common = ("turns", "people", "probes", "abstain", "size", "split")
    plain = Options()
    options = {key: getattr(plain, key) for key in common} | defaults
    return Kind(name, (make.__doc__ or "").strip(), options, make)


_REGISTRY = {
    kind.name: kind
    for kind in (
        _kind("accurate-retrieval", _kinds.accurate_retrieval, turns=56, people=5),
        _kind("test-time-learning", _kinds.test_time_learning, turns=48, people=3, labels=8, examples=3),
        _kind("long-range-understanding", _kinds.long_range_understanding, turns=48, versions=4),
        _kind("conflict-resolution", _kinds.conflict_resolution, turns=52, versions=4),
        _kind("mixed", _kinds.mixed, turns=200, people=6, versions=4, labels=8, examples=3, probes=28),
    )
}


def kinds() -> tuple[Kind, ...]:
    """Every kind, in the order of the competencies."""
    return tuple(_REGISTRY.values())


def list_kinds() -> list[tuple[str, str, dict[str, Any]]]:
    """Name, one line of help, options with defaults of every kind."""
    return [(kind.name, kind.help, dict(kind.options)) for kind in kinds()]


def generate(kind: str, seed: int, **options: Any) -> Session:
    """The session of ``kind`` for ``seed``; option values may be strings, as the command line gives them.

    Raises:
        SynthesisError: unknown kind or option, or a value out of range; the message names what is possible.
    """
    if kind not in _REGISTRY:
        raise SynthesisError(f"synth: there is no kind {kind!r}; choose one of {', '.join(_REGISTRY)}")
    entry = _REGISTRY[kind]
    unknown = sorted(set(options) - set(entry.options))
    if unknown:
        raise SynthesisError(f"synth {kind}: no option {unknown[0]!r}; there are {', '.join(entry.options)}")
    given = {name: _parsed(kind, name, value, entry.options[name]) for name, value in options.items()}
    chosen = Options(**{**entry.options, **given})
    _check(kind, chosen)
    draft = entry.make(random.Random(f"{kind} {seed}"), chosen)
    return draft.session(f"{kind}-{seed}")


def _parsed(kind: str, name: str, value: Any, default: Any) -> Any:
    try:
        return type(default)(value)
    except (TypeError, ValueError) as error:
        wanted = {int: "a whole number", float: "a number"}.get(type(default), "text")
        raise SynthesisError(f"synth {kind}: {name}={value} is not {wanted}") from error


_RANGES = {
    "turns": (4, 20000),
    "people": (1, 40),
    "versions": (1, 9),
    "labels": (0, 500),
    "examples": (0, 5),
    "probes": (1, 5000),
    "abstain": (0.0, 1.0),
    "size": (0.05, 100.0),
}


def _check(kind: str, o: Options) -> None:
    for option in fields(o):
        value = getattr(o, option.name)
        if option.name == "split":
            if value not in ("train", "heldout"):
                raise SynthesisError(f"synth {kind}: split={value} must be train or heldout")
            continue
        low, high = _RANGES[option.name]
        if not low <= value <= high:
            raise SynthesisError(f"synth {kind}: {option.name}={value} must lie between {low} and {high}")
