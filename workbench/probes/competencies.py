"""The four competencies of MemoryAgentBench (arXiv 2507.05257), and what a person calls them and further families."""

from __future__ import annotations

from collections.abc import Iterable

from workbench.sessions.model import COMPETENCIES, Probe

SHORT = {
    "accurate_retrieval": "AR",
    "test_time_learning": "TTL",
    "long_range_understanding": "LRU",
    "conflict_resolution": "CR",
}
"""The benchmark's abbreviations."""

ABSTENTION = "abstention"
"""The family of probes that the session has no answer to: a column of its own, never part of a competency."""

MEANING = {
    "accurate_retrieval": "finds a fact that was said once, however long ago",
    "test_time_learning": "learns a rule or a label from examples in the session",
    "long_range_understanding": "puts together what was said far apart",
    "conflict_resolution": "takes the newer of two facts that contradict each other",
    ABSTENTION: "says so when the session never told it",
}


def family(probe: Probe) -> str:
    """The column that a probe counts in: its competency, or abstention."""
    return ABSTENTION if probe.abstain else probe.competency


def label(name: str) -> str:
    """``test_time_learning`` as "test-time learning", as it stands in a line or a table."""
    return _HYPHENATED.get(name, name.replace("_", " ").replace("-", " "))


def title(name: str) -> str:
    """``test_time_learning`` as "Test-time learning", as it stands in a heading."""
    return label(name)[:1].upper() + label(name)[1:]


_HYPHENATED = {
    "test_time_learning": "test-time learning",
    "long_range_understanding": "long-range understanding",
}


def ordered(names: Iterable[str]) -> tuple[str, ...]:
    """The four in their order, then further families by name."""
    found = set(names)
    return (*(c for c in COMPETENCIES if c in found), *sorted(found.difference(COMPETENCIES)))
