"""Golds that are known to be wrong: a file that a person names says which questions to leave out or to correct.

Two forms are read, as JSON, a list in JSON, or JSON Lines: this program's own, ``{"question", "session"?, "probe"?,
"gold"?}``, and the error lists of the LoCoMo audit (dial481/locomo-audit, ``audit/errors_conv_*.json``), of which
wrong citations are passed over, since those golds are right. Nothing of either ships with this program.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from workbench.errors import UsageError
from workbench.probes.text import words
from workbench.sessions.model import Probe

_RIGHT_GOLD = ("WRONG_CITATION",)


@dataclass(frozen=True, slots=True)
class _Entry:
    session: str
    probe: str
    gold: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Errata:
    """Known errors by question, in normal form. Equal to itself alone, so that a view can be kept by it.

    Attributes:
        correct: use the file's golds where it gives some; otherwise every question in it is left out.
    """

    name: str
    entries: Mapping[tuple[str, ...], Sequence[_Entry]]
    correct: bool = False

    def __len__(self) -> int:
        return sum(map(len, self.entries.values()))

    def __str__(self) -> str:
        """What was done, in a sentence: a figure with errata must not pass for one without."""
        what = "scored with its golds where it gives some, else left out" if self.correct else "left out"
        return f"errata {self.name}: {len(self):,} question(s) known to be wrong: {what}"

    def to_json(self) -> dict[str, Any]:
        """The same in JSON."""
        return {"file": self.name, "known": len(self), "corrected": self.correct}

    def apply(self, probe: Probe, session: str) -> Probe | None:
        """The probe as it should be, None to leave it out; the same one when nothing is known against it."""
        for entry in self.entries.get(words(probe.question), ()):
            if entry.session in ("", session) and entry.probe in ("", probe.id):
                return replace(probe, gold=entry.gold) if self.correct and entry.gold else None
        return probe


def read(paths: Sequence[Path], correct: bool = False) -> Errata:
    """Read errata from files.

    Raises:
        UsageError: a file cannot be read, or holds no list of questions.
    """
    entries: dict[tuple[str, ...], list[_Entry]] = {}
    for path in paths:
        for number, row in enumerate(_rows(path), 1):
            if not isinstance(row, dict) or not isinstance(row.get("question"), str):
                raise UsageError(f"{path}: entry {number} has no question", "see `mnemoscope score --help`")
            if row.get("error_type") not in _RIGHT_GOLD:
                entries.setdefault(words(row["question"]), []).append(_entry(row))
    return Errata(", ".join(path.name for path in paths), entries, correct)


def _rows(path: Path) -> list[Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read ({error})", "check the path") from error
    try:
        found = json.loads(text)
    except ValueError:
        try:
            return [json.loads(line) for line in text.splitlines() if line.strip()]
        except ValueError as error:
            raise UsageError(f"{path}: is neither JSON nor JSON Lines ({error})", "mend the file") from error
    return found if isinstance(found, list) else [found]


def _entry(row: Mapping[str, Any]) -> _Entry:
    gold = row.get("gold", row.get("correct_answer"))
    golds = tuple(map(str, gold)) if isinstance(gold, list) else (str(gold),) if gold is not None else ()
    return _Entry(str(row.get("session") or ""), str(row.get("probe") or ""), golds)
