"""Turns and sessions of this program inside other formats: what those have no field for, so that nothing is lost.

``export --atif`` and ``export --otel`` write a turn in the other format's words and, beside them, these fields; readers
give the session back exactly where they are whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from workbench.errors import SessionFormatError
from workbench.sessions.formats import native
from workbench.sessions.formats.otlp import decoded
from workbench.sessions.model import Session, Turn

KEY = "mnemoscope"
"""Under which it stands in ATIF's ``extra``."""
OTEL_SESSION, OTEL_TURN, OTEL_LANE, OTEL_EVENT = (f"{KEY}.{name}" for name in ("session", "turn", "lane", "event"))
"""Attributes under which it stands in spans, as JSON text."""


def turn_fields(turn: Turn) -> dict[str, Any]:
    """A turn as plain JSON, without what is empty."""
    return {k: v for k, v in asdict(turn).items() if v not in ("", 0, {}) or k in ("role", "text", "index")}


def session_fields(session: Session) -> dict[str, Any]:
    """A session without its turns as plain JSON."""
    return {k: v for k, v in session.to_json().items() if k not in ("turns", native.KEY)}


def as_object(value: Any) -> dict[str, Any]:
    """Arguments of a call as an object; what is none stands under ``value``."""
    value = decoded(value)
    return dict(value) if isinstance(value, Mapping) else {} if value in (None, "") else {"value": value}


def session_of(about: Any, turns: Sequence[Any], path: Path) -> Session | None:
    """The session that ``about`` and ``turns`` tell exactly; None when they do not."""
    if not (isinstance(about, Mapping) and turns and all(isinstance(t, Mapping) for t in turns)):
        return None
    try:
        return native.read({native.KEY: native.VERSION, **about, "turns": list(turns)}, path)[0]
    except SessionFormatError:
        return None  # edited by hand, or cut: the other format's own words are read
