"""Readings of answers with parts: a time from and to, and one long answer that must satisfy many instructions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbench.probes import generated
from workbench.probes.base import Score
from workbench.probes.leads import final
from workbench.probes.said import contains
from workbench.sessions.model import Probe

THRESHOLDS = (0.1, 0.3, 0.5, 0.7)
"""Overlaps from which a found time counts; E.T. Bench (arXiv 2409.18111) averages over them."""
GOOD_OVERLAP = 0.5
_CLOCK = re.compile(r"\b(?:(\d{1,2}):)?(\d{1,2}):(\d{2})\b")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_MOST_PARTS = 10_000


def interval(probe: Probe, answer: str) -> Score:
    """The time from and to: its overlap with a gold's (intersection over union) is at least a half.

    Times are the first two clock times or else numbers of the answer; one alone is both. Both ends count as inside. The
    score is the share of E.T. Bench's four thresholds that the overlap reaches.
    """
    said = _range(final(answer))
    golds = [found for g in probe.gold if (found := _range(g))]
    best = max((_overlap(said, gold) for gold in golds), default=0.0) if said else 0.0
    shown = f"{said[0]:g} to {said[1]:g}" if said else ""
    return Score(best >= GOOD_OVERLAP, sum(best >= t for t in THRESHOLDS) / len(THRESHOLDS), shown)


def _range(said: str) -> tuple[float, float] | None:
    """First and last: in smallest units of the clock times, or in plain numbers."""
    clocks = [
        (int(h or 0) * 60 + int(m)) * 60 + int(s) if h else int(m) * 60 + int(s) for h, m, s in _CLOCK.findall(said)
    ]
    numbers = [float(n) for n in clocks] or [float(n) for n in _NUMBER.findall(said)]
    if not numbers:
        return None
    first, last = numbers[0], numbers[1] if len(numbers) > 1 else numbers[0]
    return (first, last) if first <= last else (last, first)


def _overlap(one: tuple[float, float], two: tuple[float, float]) -> float:
    shared = min(one[1], two[1]) - max(one[0], two[0]) + 1
    union = max(one[1], two[1]) - min(one[0], two[0]) + 1
    return max(0.0, shared) / union


@dataclass(frozen=True, slots=True)
class Checked:
    """A long answer under its checks.

    Attributes:
        complete: share of the parts that are there.
        met: by kind of instruction how many of its checks are met.
        of: by kind how many there are.
        present: by kind how many stand in a part that is there.
    """

    complete: float
    met: Mapping[str, int]
    of: Mapping[str, int]
    present: Mapping[str, int]


def checked(probe: Probe, answer: str) -> Checked:
    """``extra["checks"]`` (``part``, ``says``, ``kind``) and ``extra["parts"]`` of a probe against an answer."""
    names = [str(p) for p in _listed(probe.extra.get("parts"))]
    parts = _parts(answer, names)
    met: dict[str, int] = {}
    of: dict[str, int] = {}
    present: dict[str, int] = {}
    for check in _listed(probe.extra.get("checks")):
        if not isinstance(check, Mapping):
            continue
        kind, part = str(check.get("kind", "")), parts.get(str(check.get("part", "")))
        of[kind] = of.get(kind, 0) + 1
        if part is not None:
            present[kind] = present.get(kind, 0) + 1
            met[kind] = met.get(kind, 0) + contains(part, str(check.get("says", "")))
    return Checked(len(parts) / len(names) if names else 0.0, met, of, present)


def every(probe: Probe, answer: str) -> Score:
    """All golds are wanted, in any order: every one is said as whole words. The score is the share that is."""
    found = sum(contains(answer, gold) for gold in probe.gold)
    share = found / len(probe.gold) if probe.gold else 0.0
    return Score(bool(probe.gold) and found == len(probe.gold), share, final(answer))


def in_order(probe: Probe, answer: str) -> Score:
    """All golds are wanted, in their order. The score is 1 or 0."""
    right = bool(probe.gold) and generated.in_order(probe.gold, answer)
    return Score(right, float(right), final(answer))


def pair(probe: Probe, answer: str) -> Score:
    """Exactly two of the people of ``extra.years`` are named, and their years differ by the gold."""
    figure = generated.pair(probe, answer)
    return Score(figure == 1.0, figure, final(answer))


def event_time(probe: Probe, answer: str) -> Score:
    """E.T. Bench's F1 of a sample (``extra.task``, ``extra.spans``); right from a half on, which is our reading."""
    figure = generated.etbench_f1(probe, answer, {}) or 0.0
    return Score(figure >= GOOD_OVERLAP, figure, final(answer))


def checks(probe: Probe, answer: str) -> Score:
    """One long answer: every part is there and every instruction is met in its part. The score is the share met.

    A part begins with its name and a colon ("Week 3:"); what an instruction wants must be said there as whole words.
    """
    found = checked(probe, answer)
    wanted = sum(found.of.values())
    share = sum(found.met.values()) / wanted if wanted else 0.0
    return Score(bool(wanted) and share == 1.0 and found.complete == 1.0, share, final(answer)[:200])


def _listed(value: Any) -> list[Any]:
    return list(value[:_MOST_PARTS]) if isinstance(value, list | tuple) else []


def _parts(answer: str, names: list[str]) -> dict[str, str]:
    """The text of every part that is there; of a repeated one the first."""
    if not names:
        return {}
    longest_first = sorted(names, key=len, reverse=True)
    head = re.compile(rf"(?<!\w)({'|'.join(map(re.escape, longest_first))})\s*[*_]*:", re.IGNORECASE)
    known = {name.casefold(): name for name in names}
    heads = list(head.finditer(answer))
    ends = [*(m.start() for m in heads[1:]), len(answer)][: len(heads)]
    found: dict[str, str] = {}
    for match, end in zip(heads, ends, strict=True):
        body = answer[match.end() : end].strip()
        if body:
            found.setdefault(known[match[1].casefold()], body)
    return found
