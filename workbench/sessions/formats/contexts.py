"""Benchmarks of long contexts: a text in pieces, then questions about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from workbench.sessions.formats.limits import check_turns
from workbench.sessions.formats.memoryagentbench import _pieces as pieces
from workbench.sessions.formats.messages import plain
from workbench.sessions.model import Probe, Session, Turn

LAST = -2
"""``Probe.after`` of a question that is asked after the last turn, before it is known which that is."""


def golds(value: Any) -> tuple[str, ...]:
    """Accepted answers from one or a list (of lists) of them, without what says nothing."""
    if isinstance(value, list):
        return tuple(dict.fromkeys(g for v in value for g in golds(v)))
    if isinstance(value, bool):
        return (str(value).lower(),)
    text = plain(value).strip()
    return (text,) if text else ()


def told(
    context: str,
    name: str,
    format: str,
    probes: Sequence[Probe],
    remarks: Iterable[str],
    where: str,
    extra: Mapping[str, Any],
) -> Session:
    """A session whose turns are the pieces of a context. Raises ``SessionFormatError`` for an empty one."""
    turns = tuple(Turn(n, "user", piece) for n, piece in enumerate(pieces(context)))
    check_turns(len(turns), where)
    return Session(name, turns, at_the_end(probes, len(turns) - 1), format, tuple(remarks), dict(extra))


def at_the_end(probes: Iterable[Probe], last: int) -> tuple[Probe, ...]:
    """The probes, those with ``LAST`` asked after the turn ``last``."""
    return tuple(replace(p, after=last) if p.after == LAST else p for p in probes)
