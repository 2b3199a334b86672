"""Codex's session files (rollouts): one JSON event per line, messages as items of the Responses API.

Read are ``response_item`` lines and the first versions' bare items. ``event_msg`` lines say the same again for the
screen and are left out, like thoughts; a ``compacted`` line is a turn that says what replaced the history.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.errors import SessionFormatError
from workbench.sessions.formats import when
from workbench.sessions.formats.chat import conversation
from workbench.sessions.formats.limits import Remarks
from workbench.sessions.formats.lines import Lines, placed, sample, stem
from workbench.sessions.formats.messages import Said, plain, said
from workbench.sessions.formats.shapes import table
from workbench.sessions.model import Session

_ITEMS = (
    "message",
    "function_call",
    "function_call_output",
    "custom_tool_call",
    "custom_tool_call_output",
    "reasoning",
)


def detect(data: Any, path: Path) -> bool:
    """Lines of ``{timestamp, type, payload}``, or a first line with ``instructions`` before bare items."""
    if _is_whole(data):
        return True
    rows = sample(data)
    if not rows or not isinstance(data, Lines):
        return False
    wrapped = any(
        row.get("type") in ("session_meta", "response_item", "event_msg", "turn_context")
        and isinstance(row.get("payload"), Mapping)
        for row in rows
    )
    return wrapped or ("instructions" in rows[0] and "id" in rows[0] and any(r.get("type") in _ITEMS for r in rows))


def _is_whole(data: Any) -> bool:
    """The first versions' file: one object of session and items."""
    return (
        isinstance(data, Mapping)
        and isinstance(data.get("session"), Mapping)
        and isinstance(data.get("items"), list)
        and any(isinstance(item, Mapping) and item.get("type") in _ITEMS for item in data["items"][:20])
    )


def read(data: Any, path: Path) -> list[Session]:
    """One session."""
    remarks = Remarks()
    messages: list[Said] = []
    about: Mapping[str, Any] = {}
    aside = 0
    if _is_whole(data):
        about, data = data["session"], list(data["items"])
    for where, row in placed(data):
        try:
            row = table(row, where)
            item, at = _item(row), when.first(row)
            if row.get("type") == "session_meta" and isinstance(row.get("payload"), Mapping):
                about = about or row["payload"]
            elif "instructions" in row and not messages:
                about = about or row
            elif item is None:
                aside += 1
            elif item.get("type") == "compacted":
                messages.append(Said("system", plain(item.get("message")), where, when=at, extra={"compacted": True}))
            elif item.get("type") == "reasoning":
                aside += 1
            else:
                messages += said(item, where, at)
        except SessionFormatError as error:
            remarks.take([f"{error.what}; left out"])
    if aside:
        remarks.add("", f"{aside} lines are thoughts or notes of the program, no messages; left out")
    extra = {k: about[k] for k in ("id", "cwd", "cli_version", "git", "instructions") if about.get(k)}
    return [conversation(messages, stem(path), "codex", remarks, extra=extra)]


def _item(row: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The item of the Responses API that a line holds."""
    payload = row.get("payload")
    if row.get("type") == "response_item" and isinstance(payload, Mapping):
        return payload
    if row.get("type") == "compacted" and isinstance(payload, Mapping):
        return {"type": "compacted", "message": payload.get("message")}
    if not isinstance(payload, Mapping) and (row.get("type") in _ITEMS or str(row.get("type")).endswith("_call")):
        return row
    return None
