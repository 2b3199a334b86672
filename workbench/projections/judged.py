"""What judges said in a run: each verdict with its prompt and reason, and how the judges did in the stress test."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader


@dataclass(frozen=True, slots=True)
class Judgement:
    """One verdict on a lane's answer. ``value`` None: it gave none that can be read, and ``reason`` says why."""

    session: int
    lane: int
    probe: str
    name: str
    judge: str
    value: float | None
    verdict: str
    reason: str
    prompts: tuple[tuple[tuple[str, str], ...], ...]
    replies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """How a judge did on vague wrong answers and on right ones in other words."""

    name: str
    judge: str
    accepted: int
    wrong: int
    right_accepted: int
    right: int
    unread: int

    def __str__(self) -> str:
        share = self.accepted / self.wrong * 100 if self.wrong else 0.0
        unread = f"; {self.unread} verdicts could not be read" if self.unread else ""
        return (
            f"{self.judge} as {self.name} accepts {self.accepted} of {self.wrong} vague wrong answers ({share:.0f} %) "
            f"and {self.right_accepted} of {self.right} right ones{unread}"
        )


def judgements(reader: TraceReader, session: int, probe: str = "", lane: int | None = None) -> tuple[Judgement, ...]:
    """The verdicts on a session's answers in the order they were given; a later one on the same answer replaces."""
    found: dict[tuple[int, str, str], Judgement] = {}
    for event in reader.events(session, lane, kinds=(Kind.JUDGED,), subject=probe or None):
        data = event.payload
        prompts = tuple(tuple((m["role"], m["text"]) for m in prompt) for prompt in data.get("prompts", ()))
        found[event.lane, event.subject, data["name"]] = Judgement(
            session, event.lane, event.subject, data["name"], data.get("judge", ""), data.get("value"),
            data.get("verdict", ""), data.get("reason", ""), prompts, tuple(data.get("replies", ())),
        )  # fmt: skip
    return tuple(found.values())


def trials(reader: TraceReader) -> tuple[Trial, ...]:
    """The stress tests of the run's judges; of several by one judge under one name the last."""
    found: dict[tuple[str, str], Trial] = {}
    query = "SELECT payload FROM event WHERE kind = ? AND session = 0 ORDER BY seq"
    for (text,) in reader.query(query, (str(Kind.JUDGE_TESTED),)):
        data: Mapping[str, Any] = json.loads(text)
        found[data["name"], data["judge"]] = trial(data)
    return tuple(found.values())


def trial(data: Mapping[str, Any]) -> Trial:
    """From the payload of ``judge.tested``."""
    counts = (int(data.get(name) or 0) for name in ("accepted", "wrong", "right_accepted", "right", "unread"))
    return Trial(data["name"], data["judge"], *counts)
