"""What a file seems to be that no reader takes: said in one line with what is read instead and what to do."""

from __future__ import annotations

from typing import Any

from workbench.sessions.formats.archive import Archive
from workbench.sessions.formats.database import Database
from workbench.sessions.formats.limits import shown
from workbench.sessions.formats.lines import Lines, sample
from workbench.sessions.formats.registry import titles
from workbench.sessions.formats.shapes import describe

_NAMED = 6  # keys, members or tables that are listed
_AS_CHAT = "write it as messages with role and content (docs/formats.md, OpenAI chat)"
_LOOKS: tuple[tuple[frozenset[str], str, str], ...] = (
    (frozenset({"mnemoscope_probes"}), "the probes written for a session", "open the session file that lies beside it"),
    (frozenset({"nbformat", "cells"}), "a Jupyter notebook", ""),
    (frozenset({"openapi", "paths"}), "an API's description", ""),
    (frozenset({"architectures", "model_type"}), "a model's settings", ""),
    (frozenset({"added_tokens", "model"}), "a tokenizer", ""),
    (frozenset({"type", "features"}), "a map (GeoJSON)", ""),
    (frozenset({"client_msg_id", "ts"}), "a Slack export", _AS_CHAT),
    (frozenset({"question", "context"}), "a table of questions", "map its columns with `--map`"),
    (frozenset({"question", "answer"}), "a table of questions", "map its columns with `--map`"),
    (frozenset({"instruction", "output"}), "rows of instructions", "map its columns with `--map`"),
)
"""What files of other kinds look like: keys, what it is, and what to do with it."""


def seems(data: Any) -> tuple[str, str]:
    """What the data is, and the remedy."""
    known = ", ".join(titles().values())
    remedy = f"read are: {known}; docs/formats.md has a sample of each: export the conversation as one of them"
    if isinstance(data, Archive):
        return f"a zip archive without a session file ({_listed(data.names)})", remedy
    if isinstance(data, Database):
        return f"a SQLite database, but none of the known ones (tables {_listed(data.tables)})", remedy
    rows = sample(data)
    looks = next(((what, do) for keys, what, do in _LOOKS if any(keys <= row.keys() for row in rows[:3])), None)
    if looks:
        return f"JSON, by its looks {looks[0]}, and none of the known session formats", looks[1] or remedy
    if isinstance(data, Lines) and data.word == "row":
        how = "read a table of questions with `--map` (docs/formats.md), or choose a session file"
        return f"a table, but none of the known session formats ({_shape(data)})", how
    return f"JSON, but none of the known session formats ({_shape(data)})", remedy


def _shape(data: Any) -> str:
    rows = sample(data)
    keys = [key for row in rows[:1] for key in row]
    told = f" with the keys {_listed(keys)}" if keys else ""
    kind = "an object" if rows else describe(data[0]) if isinstance(data, list) and data else ""
    if isinstance(data, Lines):
        return f"{len(data)} {data.word}{'s' if len(data) > 1 else ''}, the first {kind}{told}"
    if isinstance(data, list):
        first = f", the first {kind}{told}" if data else ""
        return f"a list of {len(data)}{first}"
    return f"{describe(data)}{told}"


def _listed(names: Any) -> str:
    listed = [shown(name, 40)[1:-1] for name in list(names)[:_NAMED]]
    more = len(names) - len(listed)
    return ", ".join(listed) + (f" and {more} more" if more > 0 else "") if listed else "none"
