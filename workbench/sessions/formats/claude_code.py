"""Claude Code's session files: one JSON event per line, messages in Anthropic's form that name their parents.

The branch that ends in the last message is read; side chains (sub-agents) are conversations of their own, abandoned
branches are named in a remark. A message that is written block by block is one turn. Summaries, snapshots and the
program's own notes are no turns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from workbench.errors import SessionFormatError
from workbench.sessions.formats import when
from workbench.sessions.formats.branches import branch, remark_others
from workbench.sessions.formats.chat import conversation
from workbench.sessions.formats.limits import Remarks
from workbench.sessions.formats.lines import placed, sample, stem
from workbench.sessions.formats.messages import Said, plain, said
from workbench.sessions.formats.shapes import table, with_remarks
from workbench.sessions.model import Session

_SPOKEN = ("user", "assistant")
_SESSION = {"sessionId", "session_id"}


def detect(data: Any, path: Path) -> bool:
    """Lines with ``sessionId`` (``session_id`` where the program writes to a pipe) and a message."""
    return any(
        row.get("type") in _SPOKEN and isinstance(row.get("message"), Mapping) and bool(_SESSION & row.keys())
        for row in sample(data)
    )


def _linked(row: Mapping[str, Any], where: str, last: dict[str, str]) -> Mapping[str, Any]:
    """A line with its id and its parent's; one that is piped out has none and follows the one before it."""
    if {"sessionId", "uuid"} <= row.keys() or row.get("type") not in _SPOKEN:
        return row
    agent, session = plain(row.get("parent_tool_use_id")), plain(row.get("sessionId", row.get("session_id")))
    uuid, before = plain(row.get("uuid")) or where or "[0]", last.get(f"{session} {agent}")
    last[f"{session} {agent}"] = uuid
    side = {"isSidechain": True, "agentId": agent} if agent else {}
    return {"parentUuid": before, **row, "uuid": uuid, "sessionId": session, **side}


@dataclass
class _Session:
    """What the lines say of one session (or one side chain of it)."""

    name: str
    where: str
    parents: dict[str, str] = field(default_factory=dict)
    told: dict[str, list[Said]] = field(default_factory=dict)
    last: str = ""
    title: str = ""


def read(data: Any, path: Path) -> list[Session]:
    """One session per ``sessionId``, and one per side chain."""
    found: dict[str, _Session] = {}
    chain: dict[str, str] = {}
    last: dict[str, str] = {}
    remarks, left = Remarks(), 0
    for where, row in placed(data):
        try:
            row = _linked(table(row, where), where, last)
            key = _chain(row, chain)
            if not key:
                continue
            session = found.setdefault(key, _Session(key, where))
            left += _take(session, row, where)
        except SessionFormatError as error:
            remarks.take([f"{error.what}; left out"])
    sessions = [_finished(s, stem(path)) for s in found.values() if s.told]
    if not sessions:
        raise SessionFormatError("no messages", "choose a session file that has some")
    if left:
        remarks.add("", f"{left} lines are notes of the program, no messages; left out")
    return with_remarks(sessions, remarks)


def _chain(row: Mapping[str, Any], chains: dict[str, str]) -> str:
    """Which conversation a line belongs to; a side chain is called by its agent or its first message."""
    session, uuid = plain(row.get("sessionId")), plain(row.get("uuid"))
    if not (session and uuid):
        return ""
    if row.get("isSidechain") is not True:
        return session
    agent = plain(row.get("agentId"))
    if not agent:
        agent = chains.get(plain(row.get("parentUuid")), uuid[:8])
        chains[uuid] = agent
    return f"{session} · side chain {agent}"


def _take(session: _Session, row: Mapping[str, Any], where: str) -> bool:
    """Take a line in; True when it is no message."""
    uuid = plain(row["uuid"])
    session.parents[uuid] = plain(row.get("parentUuid") or row.get("logicalParentUuid"))
    message = row.get("message")
    if row.get("type") not in _SPOKEN or not isinstance(message, Mapping) or row.get("isMeta") is True:
        return True
    told = dict(message) | {"role": message.get("role") or row["type"]}
    told["id"] = None
    parts = said(told, where, when.first(row))
    kept = {k: row[k] for k in ("isCompactSummary",) if row.get(k)} | {"message": plain(message.get("id"))}
    session.told[uuid] = [replace(s, source=uuid, extra=dict(s.extra) | kept) for s in parts]
    session.last = uuid
    return False


def _finished(session: _Session, fallback: str) -> Session:
    remarks = Remarks()
    parents = {uuid: _spoken_before(session, uuid) for uuid in session.told}
    chosen = branch(parents, session.last)
    chosen += _results(session, set(chosen))
    remark_others(remarks, "", parents, chosen, lambda m: " ".join(s.text for s in session.told[m]))
    kept = set(chosen)
    messages = _joined([s for uuid, told in session.told.items() if uuid in kept for s in told])
    return conversation(messages, session.name or fallback, "claude_code", remarks, session.where)


def _spoken_before(session: _Session, uuid: str) -> str:
    """The nearest message that a message follows; notes of the program stand between them."""
    seen = {uuid}
    uuid = session.parents[uuid]
    while uuid and uuid not in session.told and uuid not in seen:
        seen.add(uuid)
        uuid = session.parents.get(uuid, "")
    return uuid if uuid in session.told else ""


def _results(session: _Session, chosen: set[str]) -> list[str]:
    """Results of tools that ran side by side: each hangs on its own call, and only one of them is on the branch."""
    called = {c.id for uuid in chosen for s in session.told[uuid] for c in s.calls}
    return [
        uuid
        for uuid, told in session.told.items()
        if uuid not in chosen and all(s.role == "tool" and s.answers in called for s in told)
    ]


def _joined(messages: list[Said]) -> list[Said]:
    """Blocks of one message as one turn."""
    found: list[Said] = []
    before = ""
    for message in messages:
        extra = dict(message.extra)
        id = extra.pop("message")
        message = replace(message, extra=extra)
        if id and id == before and found[-1].role == message.role == "assistant":
            found[-1] = _both(found[-1], message)
        else:
            found.append(message)
        before = id
    return found


def _both(one: Said, other: Said) -> Said:
    thoughts = "\n".join(filter(None, (plain(s.extra.get("thinking")) for s in (one, other))))
    extra = dict(one.extra) | dict(other.extra) | ({"thinking": thoughts} if thoughts else {})
    text = "\n".join(filter(None, (one.text, other.text)))
    return replace(one, text=text, calls=(*one.calls, *other.calls), extra=extra)
