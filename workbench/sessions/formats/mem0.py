"""Mem0's ``history.db``: what its memory added, changed and deleted, in order, and the messages that it kept.

The history of a memory is no conversation; each operation is a turn that says it, so that what Mem0 stored can be
searched, dated and compared with what a replay of the same conversation stores.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.errors import SessionFormatError
from workbench.sessions.formats.chat import conversation
from workbench.sessions.formats.database import Database
from workbench.sessions.formats.limits import Remarks
from workbench.sessions.formats.lines import stem
from workbench.sessions.formats.messages import Said, plain, said
from workbench.sessions.formats.when import When, instant, when
from workbench.sessions.model import Session

_HISTORY = {"memory_id", "old_memory", "new_memory", "event"}
_FIRST = {"memory_id", "prev_value", "new_value", "event"}  # the first versions'
_MESSAGES = {"session_scope", "role", "content"}


def detect(data: Any, path: Path) -> bool:
    """A database whose ``history`` is Mem0's."""
    columns = set(data.tables.get("history", ())) if isinstance(data, Database) else set()
    return columns >= _HISTORY or columns >= _FIRST


def read(data: Database, path: Path) -> list[Session]:
    """The operations as one session, and one per scope of kept messages."""
    remarks = Remarks()
    rows = sorted(enumerate(data.rows("history")), key=lambda r: (_order(r[1]), r[0]))
    operations = [_operation(row, f"history row {n + 1}") for n, row in rows]
    found = _kept(data, stem(path))
    if operations:
        name = f"{stem(path)} memory" if found else stem(path)
        found.insert(0, conversation(operations, name, "mem0", remarks, extra={"memory": "mem0"}))
    if not found:
        raise SessionFormatError("a history of Mem0 without entries", "choose one that has some")
    return found


def _order(row: Mapping[str, Any]) -> float:
    found = instant(_when(row).date)
    return float("inf") if found is None else found


def _when(row: Mapping[str, Any]) -> When:
    return when(row.get("updated_at")) or when(row.get("created_at")) or when(row.get("timestamp"))


def _operation(row: Mapping[str, Any], where: str) -> Said:
    event = plain(row.get("event")).upper()
    old, new = plain(row.get("old_memory", row.get("prev_value"))), plain(row.get("new_memory", row.get("new_value")))
    what = {"ADD": new, "DELETE": old or new}.get(event, f"{old} → {new}" if old else new)
    extra = {k: row[k] for k in ("memory_id", "event", "old_memory", "new_memory", "actor_id", "role") if row.get(k)}
    return Said("tool", f"{event} {what}".strip(), where, "mem0", _when(row), source=plain(row.get("id")), extra=extra)


def _kept(data: Database, name: str) -> list[Session]:
    """The messages that later versions keep, one session per scope."""
    if not set(data.tables.get("messages", ())) >= _MESSAGES:
        return []
    scopes: dict[str, list[Said]] = {}
    for n, row in enumerate(data.rows("messages")):
        told = {k: row[k] for k in ("role", "content", "name", "id", "created_at") if row.get(k) is not None}
        scope = plain(row.get("session_scope"))
        scopes.setdefault(scope, []).extend(said({"role": "user"} | told, f"messages row {n + 1}"))
    return [conversation(m, f"{name} {scope}".strip(), "mem0", Remarks()) for scope, m in scopes.items()]
