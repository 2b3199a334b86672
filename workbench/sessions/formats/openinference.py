"""OpenInference spans as Phoenix exports them: rows of a table, its API's answers, or OTLP with its attributes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.sessions.formats import otel
from workbench.sessions.formats.lines import sample
from workbench.sessions.formats.otlp import is_otlp, is_span, span_from_json, spans_from_json
from workbench.sessions.model import Session

_MARK = ("openinference.", "llm.input_messages", "llm.output_messages")


def detect(data: Any, path: Path) -> bool:
    """Spans some of which have OpenInference's attributes."""
    return any(_speaks(row) for row in sample(_rows(data)))


def _rows(data: Any) -> Any:
    """The rows of an answer of Phoenix's API, else the file's."""
    inner = data.get("data") if isinstance(data, Mapping) else None
    if isinstance(inner, list) and inner and is_span(inner[0]):
        return inner
    return data


def _speaks(row: Mapping[str, Any]) -> bool:
    if is_otlp(row):
        return any(_has_mark(span.attributes) for span in spans_from_json(row)[:50])
    if not is_span(row):
        return False
    span_kind = row.get("span_kind")
    return (isinstance(span_kind, str) and span_kind in ("LLM", "CHAIN", "AGENT", "RETRIEVER")) or _has_mark(
        span_from_json(row).attributes
    )


def _has_mark(attributes: Mapping[str, Any]) -> bool:
    return any(name.startswith(_MARK) for name in attributes) or isinstance(attributes.get("openinference"), Mapping)


def read(data: Any, path: Path) -> list[Session]:
    """One session per conversation."""
    listed, records, remarks = otel.collected(_rows(data))
    return otel.sessions(listed, records, remarks, path, "openinference")
