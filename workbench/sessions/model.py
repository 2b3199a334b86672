"""Session, Turn and Probe: what every reader and generator produces and every lane replays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from typing import Any

from workbench.sessions.spoken import spoken

COMPETENCIES = ("accurate_retrieval", "test_time_learning", "long_range_understanding", "conflict_resolution")
"""The four competencies of MemoryAgentBench; a probe may also name a further family."""

_LATER = frozenset({"weekday", "asked", "task", "max_tokens", "scores"})  # fields that the first run files do not have


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
        weekday: the day's name as the session tells it; empty when it does not.
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
    weekday: str = ""

    @property
    def said(self) -> str:
        """``speaker: text``, the form in which memory systems store a turn; ``[tool search → text]`` of a tool."""
        return _said(self.role, self.speaker, self.text)

    @property
    def when(self) -> str:
        """When it was said, in words; empty when the session does not tell."""
        return spoken(self.date, self.weekday)

    def neutral(self) -> Turn:
        """The turn as a strategy may see it: without the file's own ids and labels."""
        return replace(self, source="", extra={})


@lru_cache(maxsize=16)  # lanes take in a turn at about the same time, and most keep it: once in memory for all
def _said(role: str, speaker: str, text: str) -> str:
    if role == "tool":
        return f"[tool{' ' * bool(speaker)}{speaker} → {text}]"
    return f"{speaker or role}: {text}"


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
        asked: when the question is asked, ISO 8601; empty means the date of the last turn before it.
        task: name of its benchmark's task rule, a file in ``resources/prompts/answer/``; empty for the usual one.
        max_tokens: how long its benchmark lets an answer be, in tokens; 0 for the usual length.
        scores: names of published scorers that are reported beside ``scorer``, which says right or wrong.

    ``asked``, ``task`` and ``max_tokens`` are no part of the answer key: they shape the prompt.
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
    asked: str = ""
    task: str = ""
    max_tokens: int = 0
    scores: tuple[str, ...] = ()


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
        for part in (*plain["turns"], *plain["probes"]):
            for name in _LATER.intersection(part):
                if not part[name]:  # so that a session without them keeps the hash that its runs know it by
                    del part[name]
        return {"mnemoscope_session": 1, **plain}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Session:
        """The inverse of :meth:`to_json`, for data that this program wrote (readers validate foreign files)."""
        turns = tuple(Turn(**t) for t in data["turns"])
        probes = tuple(
            Probe(**p | {name: tuple(p[name]) for name in ("gold", "evidence", "options", "scores") if name in p})
            for p in data["probes"]
        )
        return cls(data["name"], turns, probes, data["format"], tuple(data["warnings"]), data["extra"])
