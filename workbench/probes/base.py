"""What a scorer is: a function of a probe and an answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from workbench.sessions.model import Probe


@dataclass(frozen=True, slots=True)
class Score:
    """``correct`` counts for accuracy, ``score`` is the scorer's figure in 0..1, ``extracted`` what was compared."""

    correct: bool
    score: float
    extracted: str


Scorer = Callable[[Probe, str], Score]
"""Our own reading: says right or wrong."""

Shared = Mapping[str, Any]
"""What all probes of a session share: ``Session.extra`` (``source``, and the recommender's ``catalogue``)."""

Published = Callable[[Probe, str, Shared], float | None]
"""A benchmark's own figure, as its official code gives it; None where it cannot be told from what is there."""
