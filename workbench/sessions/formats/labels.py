"""Labelled utterances for learning at test time: BANKING77 (CSV) and CLINC150 (JSON), and tables of their kind.

An utterance with its label is a turn, as MemoryAgentBench writes them. Of a file with splits, the training split is
told and the test split asked; a file that is one split is told whole. MemoryAgentBench puts numbers in the place of
labels, so that a model cannot know them; here they stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.sessions import tasks
from workbench.sessions.formats.contexts import LAST, at_the_end
from workbench.sessions.formats.limits import Remarks, check_turns
from workbench.sessions.formats.lines import Lines, placed, sample, stem
from workbench.sessions.formats.messages import plain
from workbench.sessions.model import Probe, Session, Turn

_TEXTS, _LABELS = ("text", "utterance", "sentence"), ("category", "label", "intent")
_TOLD, _ASKED = ("train", "oos_train"), ("test", "oos_test")
_OTHER = ("val", "oos_val", "validation", "dev")
_FIELDS = {k: v for k, v in tasks.LONGBENCH["trec"].fields.items() if k != "scorer"}


def detect(data: Any, path: Path) -> bool:
    """Rows of a text and its label and nothing else, or splits of pairs."""
    if isinstance(data, Mapping):
        return _is_split(data.get("train")) and _is_split(data.get("test"))
    return isinstance(data, Lines) and any(_columns(row) for row in sample(data)[:1])


def _is_split(value: Any) -> bool:
    return isinstance(value, list) and sum(map(_is_pair, value[:5])) > len(value[:5]) / 2


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(v, str) for v in value)


def _columns(row: Mapping[str, Any]) -> tuple[str, str] | None:
    texts, labels = [k for k in _TEXTS if k in row], [k for k in _LABELS if k in row]
    return (texts[0], labels[0]) if len(row) == 2 and texts and labels else None


def read(data: Any, path: Path) -> list[Session]:
    """One session."""
    remarks = Remarks()
    told, asked = _splits(data, remarks) if isinstance(data, Mapping) else (_rows(data, remarks), [])
    check_turns(len(told), "")
    turns = tuple(Turn(n, "user", f"{text}\nlabel: {label}") for n, (text, label) in enumerate(told))
    labels = tuple(dict.fromkeys(label for _, label in (*told, *asked)))
    probes = [
        Probe(f"q{n}", LAST, text, (label,), "test_time_learning", scorer="label", options=labels, **_FIELDS)
        for n, (text, label) in enumerate(asked, 1)
    ]
    extra = {"labels": len(labels)}
    return [Session(stem(path), turns, at_the_end(probes, len(turns) - 1), "labels", tuple(remarks), extra)]


def _splits(data: Mapping[str, Any], remarks: Remarks) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    left = [name for name in _OTHER if isinstance(data.get(name), list)]
    if left:
        remarks.add("", f"the splits {', '.join(left)} are neither told nor asked; left out")
    return _pairs(data, _TOLD, remarks), _pairs(data, _ASKED, remarks)


def _pairs(data: Mapping[str, Any], names: tuple[str, ...], remarks: Remarks) -> list[tuple[str, str]]:
    found = []
    for name in names:
        for n, pair in enumerate(data[name] if isinstance(data.get(name), list) else []):
            if _is_pair(pair) and pair[0].strip():
                found.append((pair[0], pair[1]))
            else:
                remarks.add(f"{name}[{n}]", "no text and label; left out")
    return found


def _rows(data: Any, remarks: Remarks) -> list[tuple[str, str]]:
    first = sample(data)[0]
    columns = _columns(first) or ("text", "label")
    found = []
    for where, row in placed(data):
        text, label = (plain(row.get(c)) if isinstance(row, Mapping) else "" for c in columns)
        if text.strip() and label.strip():
            found.append((text, label))
        else:
            remarks.add(where, "no text and label; left out")
    return found
