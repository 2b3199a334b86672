"""A conversation of chat messages as a session, with remarks about what is odd in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from workbench.sessions.formats.limits import Remarks, check_turns, shown
from workbench.sessions.formats.lines import dotted
from workbench.sessions.formats.messages import KNOWN_ROLES, Call, Said
from workbench.sessions.formats.when import backwards, instant
from workbench.sessions.model import Probe, Session, Turn

NAMELESS = "unknown"
"""The role of a message whose role is an empty text."""


def conversation(
    messages: Sequence[Said],
    name: str,
    format: str,
    remarks: Remarks,
    where: str = "",
    probes: Sequence[Probe] = (),
    extra: Mapping[str, Any] | None = None,
) -> Session:
    """Messages as a session, with remarks about what is odd in them.

    A list that runs from the newest to the oldest is put in order; any other disorder is kept and remarked. Raises
    ``SessionFormatError`` when there is none, or too many.
    """
    check_turns(len(messages), where)
    ordered = _in_order(messages, remarks, where)
    turns = turns_of(ordered, remarks)
    if not any(t.date for t in turns):
        remarks.add(where, "no message has a time")
    return Session(name, turns, tuple(probes), format, tuple(remarks), dict(extra or {}))


def turns_of(messages: Sequence[Said], remarks: Remarks) -> tuple[Turn, ...]:
    """Messages as turns: calls written out, results under the name of their tool, oddities remarked."""
    speakers = Speakers()
    named = [speakers.of(m) for m in messages]
    for where, name in speakers.unanswered():
        remarks.add(where, f"no result of {shown(name)} follows")
    return tuple(turn_of(m, i, speaker, remarks) for i, (m, speaker) in enumerate(zip(messages, named, strict=True)))


def _in_order(messages: Sequence[Said], remarks: Remarks, where: str) -> list[Said]:
    found = list(messages)
    late = backwards(m.when.date for m in found)
    if not late:
        return found
    dates = [instant(m.when.date) for m in found]
    told = [d for d in dates if d is not None]
    falling = len(told) == len(dates) and all(a >= b for a, b in pairwise(told))
    if falling and (len(found) > 2 or found[0].role == "assistant") and found[-1].role != "assistant":
        remarks.add(where, "runs from the newest message to the oldest; put in order")
        return found[::-1]
    for place in late:
        before = next(found[n] for n in range(place - 1, -1, -1) if dates[n] is not None)
        remarks.add(found[place].where, f"is older than {before.where or 'the message before it'}; the order is kept")
    return found


def turn_of(message: Said, index: int, speaker: str, remarks: Remarks) -> Turn:
    """A message as a turn."""
    text = "\n".join(filter(None, (message.text, *(c.written for c in message.calls))))
    if not text.strip():
        remarks.add(message.where, "empty")
    if not message.role.strip():
        remarks.add(dotted(message.where, "role"), f"is empty; called {NAMELESS!r}")
        message = replace(message, role=NAMELESS)
    elif message.role not in KNOWN_ROLES:
        remarks.add(dotted(message.where, "role"), f"{shown(message.role)} is unknown; kept as it is")
    return Turn(
        index,
        message.role,
        text,
        speaker,
        message.when.date,
        message.part,
        message.source,
        message.extra,
        message.when.weekday,
    )


class Speakers:
    """Tells who speaks, message by message; of a result the tool, found by its call's id, by its name, or in order."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[int, int], tuple[str, Call]] = {}
        self._by_id: dict[str, tuple[int, int]] = {}
        self._count = 0

    def of(self, message: Said) -> str:
        """The speaker of the next message; empty for its role's own."""
        speaker = message.speaker
        if message.role == "tool":
            at = self._answered(message)
            if at is not None:
                speaker = self._waiting.pop(at)[1].name
        for i, made in enumerate(message.calls):
            self._waiting[self._count, i] = message.where, made
            if made.id:
                self._by_id[made.id] = self._count, i
        self._count += 1
        return speaker

    def unanswered(self) -> Iterator[tuple[str, str]]:
        """Place and tool of every call whose result has not come."""
        for (_, i), (where, made) in self._waiting.items():
            yield dotted(where, f"tool_calls[{i}]"), made.name

    def _answered(self, result: Said) -> tuple[int, int] | None:
        if result.answers in self._by_id:
            at = self._by_id[result.answers]
            return at if at in self._waiting else None
        nameless = ((at, made) for at, (_, made) in self._waiting.items() if not (result.answers and made.id))
        return next((at for at, made in nameless if not result.speaker or made.name == result.speaker), None)
