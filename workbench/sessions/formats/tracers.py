"""What Langfuse and LangSmith share: observations with inputs and outputs, whose calls to models are conversations."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import SessionFormatError
from workbench.sessions.formats.exchange import answered, asked, latest
from workbench.sessions.formats.limits import Remarks
from workbench.sessions.formats.lines import dotted, stem
from workbench.sessions.formats.shapes import each
from workbench.sessions.formats.threads import Record, named, threads
from workbench.sessions.formats.when import When, instant
from workbench.sessions.model import Session


@dataclass(frozen=True, slots=True)
class Observation:
    """A step that a tracer logged.

    Attributes:
        call: whether it is a call to a model.
        root: whether nothing holds it.
        conversation: the id that the tracer gives its conversation; empty for none.
    """

    where: str
    id: str
    trace: str
    call: bool
    root: bool
    start: When
    end: When
    given: Any
    back: Any
    conversation: str = ""
    keys: tuple[str, str] = ("input", "output")


def sessions(listed: Iterable[Observation], path: Path, format: str, remarks: Remarks) -> list[Session]:
    """The conversations that observations tell; of a trace without a call to a model, what went in and came out.

    Raises ``SessionFormatError`` when there are none.
    """
    ordered = sorted(listed, key=lambda o: instant(o.start.date) or 0.0)
    calling = {o.trace for o in ordered if o.call}
    chosen = [o for o in ordered if o.call or (o.root and o.trace not in calling)]
    left = len(ordered) - len(chosen)
    if left:
        remarks.add(
            "", f"{left} steps are no calls to a model (tools, chains, retrievers): their results stand in the messages"
        )
    records = each(((o.where, o) for o in chosen), _record, remarks)
    records = [r for r in records if r.asked or r.answer]
    if not records:
        raise SessionFormatError("no inputs and outputs of a model", "export them with their content")
    return named(threads(records), stem(path), format, remarks)


def _record(where: str, seen: Observation) -> Record:
    given = asked(seen.given, dotted(where, seen.keys[0]), seen.start)
    back = answered(seen.back, dotted(where, seen.keys[1]), seen.end or seen.start)
    return Record(where, tuple(given), tuple(latest(back, given)), seen.conversation, name=seen.conversation)
