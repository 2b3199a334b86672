"""Session, Turn and Probe: what every reader and generator produces and every lane replays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

COMPETENCIES = ("accurate_retrieval", "test_time_learning", "long_range_understanding", "conflict_resolution")
"""The four competencies of MemoryAgentBench; a probe may also name a further family."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One utterance of a session.

    Attributes:
        index: place in the session, from 0.
        role: ``user``, ``assistant``, ``system``, ``tool`` or whatever the file says; unknown roles are kept.
        text: what was said, with what the reader folded into it (image captions, tool results).
        speaker: the name to show; empty means the role.
        date: ISO 8601 as the session tells it, empty when it does not. Never the wall clock.
        part: which sitting of a conversation that spans several (LoCoMo's sessions), from 0.
        source: the file's own id of the turn. For people and scoring only; a strategy never sees it.
    """

    index: int
    role: str
    text: str
    speaker: str = ""
    date: str = ""
    part: int = 0
    source: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def said(self) -> str:
        """``speaker: text``, the form in which memory systems store a turn."""
        return f"{self.speaker or self.role}: {self.text}"

    def neutral(self) -> Turn:
        """The turn as a strategy may see it: without the file's own ids and labels."""
        return replace(self, source="", extra={})


@dataclass(frozen=True, slots=True)
class Probe:
    """A question with its answer key. Lives on the scoring side: a strategy gets the question text alone.

    Attributes:
        id: unique within the session.
        after: index of the turn after which it is asked (-1: before the first turn).
        gold: accepted answers; empty with ``abstain``.
        competency: one of ``COMPETENCIES`` or a further family's name.
        evidence: indexes of the turns that hold the answer; empty when unknown.
        scorer: name in ``workbench.probes.scorers``.
        abstain: right only when the answer says that the session never told it.
    """

    id: str
    after: int
    question: str
    gold: tuple[str, ...]
    competency: str
    evidence: tuple[int, ...] = ()
    scorer: str = "match"
    options: tuple[str, ...] = ()
    abstain: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Session:
    """A recorded conversation with its probes.

    ``warnings`` are the reader's remarks about oddities, each naming its place; nothing is dropped silently.
    """

    name: str
    turns: tuple[Turn, ...]
    probes: tuple[Probe, ...] = ()
    format: str = "native"
    warnings: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    def probes_after(self, turn: int) -> tuple[Probe, ...]:
        """The probes asked right after ``turn``, in the file's order."""
        return tuple(p for p in self.probes if p.after == turn)

    def to_json(self) -> dict[str, Any]:
        """The native JSON form (schema in ``workbench/sessions/formats/native.py``)."""
        plain = asdict(self)
        return {"mnemoscope_session": 1, **plain}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Session:
        """The inverse of :meth:`to_json`, for data that this program wrote (readers validate foreign files)."""
        turns = tuple(Turn(**t) for t in data["turns"])
        probes = tuple(
            Probe(**p | {name: tuple(p[name]) for name in ("gold", "evidence", "options")}) for p in data["probes"]
        )
        return cls(data["name"], turns, probes, data["format"], tuple(data["warnings"]), data["extra"])
