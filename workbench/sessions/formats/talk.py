"""Messages of programs that have no reader of their own: who said it under one of many names, and what.

Chats of people (Slack, Discord, Telegram) and logs of programs that call the role sender, author or speaker. A name
that is a role's is that role; any other is a person, whose name stands on the turns.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.sessions.formats.chat import conversation
from workbench.sessions.formats.limits import Remarks
from workbench.sessions.formats.lines import dotted, placed, sample, stem
from workbench.sessions.formats.messages import KNOWN_ROLES, ROLES, Said, plain, said
from workbench.sessions.formats.shapes import each, sessions_of, table
from workbench.sessions.formats.when import KEYS
from workbench.sessions.model import Session

_LISTS = ("messages", "turns", "history", "chat_history", "conversation", "dialogue", "dialog", "utterances", "chat")
_WHO = (
    "role",
    "sender",
    "author",
    "from",
    "speaker",
    "sender_name",
    "from_name",
    "username",
    "user",
    "isCreatedByUser",
)
_WHAT = ("text", "content", "message", "body", "msg", "utterance")
_NAMES = ("name", "display_name", "displayName", "username", "nickname", "login", "id")
_MACHINE = ("bot", "isBot", "is_bot")
_MORE_ROLES = {"gpt": "assistant", "agent": "assistant", "chatbot": "assistant", "llm": "assistant", "me": "user"}


def detect(data: Any, path: Path) -> bool:
    """A list of messages of which most say who and what, bare (then with times) or under a name that lists have."""
    if _is_talk(data):
        return any(set(KEYS) & row.keys() or _role(_who(row)) for row in sample(data))
    return any(_listed(row) is not None for row in sample(data))


def _listed(row: Mapping[str, Any]) -> str | None:
    """The key under which a conversation lists its messages."""
    return next((key for key in _LISTS if _is_talk(row.get(key))), None)


def _is_talk(rows: Any) -> bool:
    some = rows[:20] if isinstance(rows, list) else []
    return bool(some) and sum(map(_is_message, some)) * 2 > len(some)


def _is_message(row: Any) -> bool:
    if not isinstance(row, dict) or not any(isinstance(row.get(key), str | list) for key in _WHAT):
        return False
    if isinstance(row.get("role"), str) and "content" in row:
        return False  # of the OpenAI kind, whose reader knows more of it
    return isinstance(_who(row), str | bool | Mapping)


def _who(row: Mapping[str, Any]) -> Any:
    return next((row[key] for key in _WHO if row.get(key) is not None), None)


def _role(who: Any) -> str:
    """The role that a name is; empty for a person's."""
    name = who.strip().lower() if isinstance(who, str) else ""
    return name if name in KNOWN_ROLES else {**ROLES, **_MORE_ROLES}.get(name, "")


def read(data: Any, path: Path) -> list[Session]:
    """One session per conversation."""
    rows = [("", {"messages": data})] if _is_talk(data) else list(placed(data))
    return sessions_of(rows, lambda where, row: [_session(row, where, stem(path))])


def _session(row: Any, where: str, fallback: str) -> Session:
    row, remarks = table(row, where), Remarks()
    key = _listed(row) or "messages"
    listed = row.get(key)
    at = listed if isinstance(listed, list) else []
    bare = dotted(where, key) if where or key != "messages" or "messages" not in row or len(row) > 1 else ""
    messages = [(f"{bare}[{n}]", message) for n, message in enumerate(at)]
    told = [one for said_ in each(messages, _message, remarks) for one in said_]
    name = next((plain(row[k]) for k in ("title", "name", "id", "session_id", "conversationId") if row.get(k)), "")
    return conversation(told, name[:200] or fallback, "talk", remarks, where)


def _message(where: str, row: Any) -> list[Said]:
    row = table(row, where)
    who = _who(row)
    what = next((row[key] for key in _WHAT if isinstance(row.get(key), str | list)), None)
    if who is None and what is None:
        return []  # a note of the program: somebody joined, a title was changed
    person = next((plain(who[k]) for k in _NAMES if who.get(k)), "") if isinstance(who, Mapping) else plain(who)
    role = _role(who.get("role") if isinstance(who, Mapping) else who)
    if isinstance(who, bool):
        role, person = "user" if who else "assistant", ""
    elif isinstance(row.get("isCreatedByUser"), bool):
        role = "user" if row["isCreatedByUser"] else "assistant"
    elif not role and isinstance(who, Mapping) and any(who.get(k) is True for k in _MACHINE):
        role = "assistant"
    name = "" if _role(person) else person
    kept = {k: v for k, v in row.items() if k not in (*_WHO, *_WHAT, "name", "type", "parts")}
    return said({**kept, "role": role or "user", "name": name, "content": what}, where)
