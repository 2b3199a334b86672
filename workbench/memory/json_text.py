"""JSON in what a model wrote: whole, between other words, or cut off in the middle."""

from __future__ import annotations

import json
import re
from typing import Any

from workbench.words import whole

_FENCED = re.compile(r"```[a-zA-Z]*\n(.*?)```", re.DOTALL)


def parse(raw: str) -> Any:
    """The JSON value in a text. Raises ``ValueError`` when there is none.

    A model without a grammar may put it into a code block or between sentences: the first object or list counts.
    """
    try:
        value = json.loads(raw)
        return json.loads(whole(json.dumps(value, ensure_ascii=False))) if "\\u" in raw else value
    except json.JSONDecodeError as problem:
        inside = _FENCED.search(raw)
        text = inside.group(1) if inside else raw
        start = min((at for at in (text.find("{"), text.find("[")) if at >= 0), default=-1)
        if start < 0:
            raise ValueError(str(problem)) from problem
        return parse(text[start : json.JSONDecoder().raw_decode(text, start)[1]])


def parse_cut(raw: str) -> Any:
    """What can be read of a JSON value that breaks off; the half of a last string counts. None when nothing can."""
    from pydantic_core import from_json

    start = min((at for at in (raw.find("{"), raw.find("[")) if at >= 0), default=-1)
    if start < 0:
        return None
    try:
        return from_json(raw[start:], allow_partial="trailing-strings")
    except ValueError:
        return None
