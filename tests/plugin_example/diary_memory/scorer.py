"""A published score of its own: whether the first word is right."""

from __future__ import annotations

from workbench.sessions.model import Probe


def first_word(probe: Probe, answer: str) -> float:
    """1 when the answer begins as a gold does."""
    return float(any(gold.split()[:1] == answer.split()[:1] for gold in probe.gold))
