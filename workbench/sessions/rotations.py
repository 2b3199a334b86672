"""A session's multiple-choice probes under every rotation of their options, for CircularEval (MMBench)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from workbench.sessions.model import Probe, Session

CIRCULAR, ROTATIONS = "circular", "rotations"
"""Keys in ``Probe.extra``: the probe that a rotation is of, and how many there are."""
_LETTERS = 26
_LETTERED = re.compile(r"^[ \t]*[(\[]?[A-Z][)\].:][ \t]*(.+?)[ \t]*$", re.MULTILINE)


def rotated(session: Session) -> Session:
    """The session with N probes in the place of each that offers N options; others stay. Options are lettered anew."""
    return replace(session, probes=tuple(one for probe in session.probes for one in _rotations(probe)))


def _rotations(probe: Probe) -> Iterator[Probe]:
    n = len(probe.options)
    if probe.abstain or not 2 <= n <= _LETTERS or len(set(probe.options)) < n or CIRCULAR in probe.extra:
        yield probe
        return
    gold = tuple(_text(g, probe.options) for g in probe.gold)
    if not set(gold) & set(probe.options):
        yield probe  # a gold that is no option: turning them would change nothing
        return
    for turn in range(n):
        options = (*probe.options[turn:], *probe.options[:turn])
        extra = {**probe.extra, CIRCULAR: probe.id, ROTATIONS: n}
        yield replace(
            probe, id=f"{probe.id}-r{turn}", question=_asked(probe, options), options=options, gold=gold,
            scorer="choice", extra=extra,
        )  # fmt: skip


def _text(gold: str, options: Sequence[str]) -> str:
    """The option that a gold is or names by its letter."""
    letter = gold.strip().strip("()[].:")
    if gold not in options and len(letter) == 1 and (place := ord(letter.upper()) - ord("A")) in range(len(options)):
        return options[place]
    return gold


def _asked(probe: Probe, options: Sequence[str]) -> str:
    """The question with its options in a new order; where it did not show them, they are added."""
    lines = probe.question.split("\n")
    known = {" ".join(o.split()) for o in probe.options}
    kept = [line for line in lines if not ((m := _LETTERED.match(line)) and " ".join(m[1].split()) in known)]
    return "\n".join([*kept, *(f"{chr(ord('A') + n)}: {option}" for n, option in enumerate(options))])
