"""Any table of questions: columns of a JSON Lines, JSON, CSV or Parquet file mapped to context, question, answers …

``mnemoscope run FILE --map question=q,answers=a,context=c --lane bm25``. The mapping may also be a file, a JSON object
of field to column, which is what the window's dialog writes. Columns inside objects are named by dots
(``meta.source``), several columns by ``+`` (``A+B+C``), a text of one's own by ``=`` (``question==What now?``). Rows
with the same context are one session, and so are rows with the same ``session``. ``rows=turns`` takes the questions
from a list inside every row, ``answer_index`` the answer from its place among the options, from 0.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench.errors import SessionFormatError, UsageError
from workbench.sessions.formats.chat import conversation
from workbench.sessions.formats.contexts import LAST, at_the_end, pieces
from workbench.sessions.formats.exchange import asked as messages_of
from workbench.sessions.formats.limits import Remarks, check_turns
from workbench.sessions.formats.lines import placed, stem
from workbench.sessions.formats.loading import load
from workbench.sessions.formats.messages import plain
from workbench.sessions.formats.otlp import decoded
from workbench.sessions.formats.shapes import golds, with_remarks
from workbench.sessions.formats.sharegpt import SHAREGPT_ROLES
from workbench.sessions.formats.when import when
from workbench.sessions.model import Probe, Session, Turn
from workbench.words import numeric

FIELDS = (
    "question", "answers", "answer_index", "context", "evidence", "id", "session", "options", "competency", "scorer",
    "date", "rows",
)  # fmt: skip
"""What a column can be: the question is required, and so is a context or a session of earlier rows."""
_TEXTS = ("text", "line", "caption", "subtitle", "content", "value", "description")
"""What the text of a piece of context is called when the piece is an object; its time is ``start`` or ``timestamp``."""
_TIMES = ("start", "timestamp", "time")
_LONG = 60  # characters of a gold that is matched as a whole
SHOWN, MOST_COLUMNS, MOST_LETTERS = 20, 200, 200
"""Rows, columns and letters of a value that a person is shown."""
_USUAL = {
    "question": ("question", "query", "input", "prompt", "q", "instruction", "problem"),
    "answers": ("answers", "answer", "gold", "golds", "expected_answer", "reference", "target", "output", "label", "a"),
    "context": ("context", "conversation", "messages", "history", "passage", "document", "documents", "article",
                "text", "transcript", "subtitles", "haystack_sessions", "conversations", "c"),
    "evidence": ("evidence", "evidences", "supporting_facts", "citations"),
    "id": ("id", "_id", "question_id", "qid", "uid"),
    "session": ("session", "session_id", "conversation_id", "video_id"),
    "options": ("options", "choices", "candidates"),
    "answer_index": ("answer_index", "correct_choice", "correct_index"),
    "date": ("date", "question_date", "timestamp"),
}  # fmt: skip
"""What columns are usually called, by the field that they are."""
_ROWS = ("data", "rows", "examples", "questions", "train", "test", "validation")


def parse_map(text: str) -> dict[str, str]:
    """``question=q,answers=a``, or a JSON object of the same or a file that holds one, as field to column.

    Raises:
        UsageError: it is no mapping, or one without a question and a context.
    """
    text = text.strip()
    pairs = _object(text) if text.startswith("{") or "=" not in text else _pairs(text)
    found: dict[str, str] = {}
    for pair, field, column in pairs:
        if column in ("", "=") or field not in FIELDS:
            raise UsageError(f"--map {pair!r}: no mapping", f"write FIELD=COLUMN with FIELD one of {', '.join(FIELDS)}")
        found[field] = column
    if "question" not in found or "context" not in found:
        raise UsageError("--map needs a question and a context", "for example --map question=q,answers=a,context=c")
    return found


def _pairs(text: str) -> Iterator[tuple[str, str, str]]:
    for pair in text.split(","):
        field, _, column = (part.strip() for part in pair.partition("="))
        yield pair, field, column


def _object(text: str) -> Iterator[tuple[str, str, str]]:
    """Of JSON, or of a file that holds it: what stands there, field and column."""
    if not text.startswith("{"):
        try:
            text = Path(text).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                f"--map {text}: cannot be read ({error})", "name a JSON file, or FIELD=COLUMN,…"
            ) from error
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--map: no JSON ({error})", 'write {"question": COLUMN, "context": COLUMN, …}') from error
    if not isinstance(data, dict):
        raise UsageError("--map: JSON, but no object", 'write {"question": COLUMN, "context": COLUMN, …}')
    for field, column in data.items():
        yield f"{field}={column}", field, column.strip() if isinstance(column, str) else ""


def written_map(columns: Mapping[str, str]) -> str:
    """A mapping as JSON, which ``parse_map`` reads: how a run keeps it, and what a file of it holds."""
    return json.dumps(dict(columns), ensure_ascii=False)


Rows = Sequence[tuple[str, Mapping[str, Any]]]
"""Rows of a table with where each stands."""


def table(path: Path) -> Rows:
    """The rows of a table, loaded. Raises ``SessionFormatError`` for a file that holds none."""
    found = [(where, row) for where, row in placed(_rows(path)) if isinstance(row, Mapping)]
    if not found:
        raise SessionFormatError(f"{path}: no rows of a table", "choose a JSON Lines, JSON, CSV or Parquet file")
    return found


def named(rows: Rows) -> list[str]:
    """The columns of the first rows, those inside objects with dots; at most ``MOST_COLUMNS``."""
    return list(dict.fromkeys(name for _, row in rows[:SHOWN] for name in _columns(row)))[:MOST_COLUMNS]


def shown(rows: Rows, columns: Sequence[str]) -> list[list[str]]:
    """What stands in these columns of the first rows, each value in one line of at most ``MOST_LETTERS``."""
    return [[_cell(_at(row, name)) for name in columns] for _, row in rows[:SHOWN]]


def _columns(row: Mapping[str, Any]) -> Iterator[str]:
    for name, value in row.items():
        yield str(name)
        if isinstance(value, Mapping):
            yield from (f"{name}.{inner}" for inner in value)


def _cell(value: Any) -> str:
    text = (
        value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False, default=str)
    )
    return " ".join(text[: 4 * MOST_LETTERS].split())[:MOST_LETTERS]


def proposed(columns: Sequence[str]) -> dict[str, str]:
    """A mapping by what columns are usually called; a person looks it over."""
    known = {name.lower().replace(" ", "_"): name for name in reversed(columns)}
    found = {field: next((known[n] for n in names if n in known), "") for field, names in _USUAL.items()}
    return {field: column for field, column in found.items() if column}


def read(path: Path, columns: Mapping[str, str]) -> list[Session]:
    """The sessions of a table. Raises ``SessionFormatError`` naming file and place."""
    try:
        return sessions(table(path), columns, stem(path))
    except SessionFormatError as error:
        what = error.what if error.what.startswith(str(path)) else f"{path}: {error.what}"
        raise SessionFormatError(what, error.remedy) from error


def sessions(rows: Rows, columns: Mapping[str, str], name: str) -> list[Session]:
    """The sessions of rows; ``name`` is what one is called that no column names. Raises ``SessionFormatError``."""
    rows = _inner(rows, columns["rows"]) if "rows" in columns else rows
    _check(rows[0][1], columns)
    remarks = Remarks()
    groups: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
    for where, row in rows:
        context = _at(row, columns["context"])
        if context in (None, "", []):
            remarks.add(where, f"{columns['context']}: empty; left out")
            continue
        key = plain(_at(row, columns["session"])) if "session" in columns else plain(context)
        groups.setdefault(key, []).append((where, row))
    names = _names(groups, columns, name)
    found = [_session(group, columns, name) for name, group in zip(names, groups.values(), strict=True)]
    if not found:
        raise SessionFormatError("no row has a context", "check the mapping")
    return with_remarks(found, remarks)


def _rows(path: Path) -> Any:
    """The rows of the file, or of the list that it holds under a usual name."""
    data = load(path)
    if isinstance(data, dict):
        data = next((data[k] for k in _ROWS if isinstance(data.get(k), list)), [data])
    return data


def _inner(rows: Rows, column: str) -> list[tuple[str, Mapping[str, Any]]]:
    """The rows of a list inside every row; each has its outer row's columns, too."""
    found: list[tuple[str, Mapping[str, Any]]] = []
    for where, outer in rows:
        inner = decoded(_at(outer, column))
        for n, row in enumerate(inner if isinstance(inner, list) else []):
            if isinstance(row, Mapping):
                found.append((f"{where}.{column}[{n}]", {**outer, **row}))
    if not found:
        raise SessionFormatError(f"no rows in the column {column!r}", "name a list of objects with rows=COLUMN")
    return found


def _check(row: Mapping[str, Any], columns: Mapping[str, str]) -> None:
    for field, column in columns.items():
        if field != "rows" and _at(row, column, missing := object()) is missing:
            there = ", ".join(list(map(str, row))[:12])
            raise SessionFormatError(f"no column {column!r} for {field}", f"the first row has: {there}")


def _at(row: Any, column: str, missing: Any = None) -> Any:
    if isinstance(row, Mapping) and column in row:
        return row[column]
    if column.startswith("="):
        return column[1:]
    if "+" in column:
        parts = [_at(row, part.strip(), missing) for part in column.split("+")]
        return missing if any(part is missing for part in parts) else parts
    for key in column.split("."):
        if not isinstance(row, Mapping) or key not in row:
            return missing
        row = row[key]
    return row


def _names(groups: Mapping[str, Any], columns: Mapping[str, str], file: str) -> list[str]:
    if "session" in columns:
        return list(groups)
    return [file] if len(groups) == 1 else [f"{file} {n}" for n in range(1, len(groups) + 1)]


def _session(rows: Sequence[tuple[str, Mapping[str, Any]]], columns: Mapping[str, str], name: str) -> Session:
    remarks = Remarks()
    where, first = rows[0]
    session = _context(_at(first, columns["context"]), name, where, columns, first, remarks)
    probes = []
    for n, (place, row) in enumerate(rows, 1):
        probe = _probe(row, columns, f"q{n}", place, session.turns, remarks)
        if probe is not None:
            probes.append(probe)
    asked = at_the_end(probes, len(session.turns) - 1)
    return Session(name, session.turns, asked, "mapped", tuple(remarks), {"columns": dict(columns)})


def _context(
    value: Any, name: str, where: str, columns: Mapping[str, str], row: Mapping[str, Any], remarks: Remarks
) -> Session:
    """Turns of a context: a text in pieces, a list of messages, or a list of texts with one turn each."""
    value = decoded(value)
    at = when(_at(row, columns["date"])) if "date" in columns else when(None)
    if (
        isinstance(value, list)
        and value
        and all(isinstance(v, Mapping) and {"role", "from", "type"} & v.keys() for v in value)
    ):
        return conversation(messages_of([_message(v) for v in value], where, at), name, "mapped", remarks, where)
    texts = [_piece(v) for v in value] if isinstance(value, list) else pieces(plain(value))
    turns = tuple(
        Turn(n, "user", text, date=at.date, weekday=at.weekday) for n, text in enumerate(filter(str.strip, texts))
    )
    check_turns(len(turns), where)
    return Session(name, turns)


def _message(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """A message with its role and content under their usual names, which ShareGPT calls from and value."""
    if "role" in value or not {"from", "value"} <= value.keys():
        return value
    role = str(value["from"])
    return {"role": SHAREGPT_ROLES.get(role.lower(), role), "content": value["value"]}


def _piece(value: Any) -> str:
    """A piece of context; of an object (a subtitle, a caption) its text, behind its time."""
    if not isinstance(value, Mapping):
        return plain(value)
    text = next((plain(value[key]) for key in _TEXTS if value.get(key) not in (None, "")), "")
    if not text:
        return plain(value)
    time = next((plain(value[key]) for key in _TIMES if value.get(key) not in (None, "")), "")
    return f"[{time}] {text}" if time else text


def _probe(
    row: Mapping[str, Any], columns: Mapping[str, str], name: str, where: str, turns: Sequence[Turn], remarks: Remarks
) -> Probe | None:
    def told(field: str) -> Any:
        return decoded(_at(row, columns[field])) if field in columns else None

    listed = told("options")
    options = tuple(filter(None, map(plain, listed))) if isinstance(listed, list) else ()
    question, gold = plain(told("question")).strip(), golds(told("answers"))
    if "answer_index" in columns:
        gold = _at_index(told("answer_index"), options)
    if not question:
        remarks.add(where, "no question; left out")
        return None
    if not gold:
        remarks.add(where, "no answer; the question is left out")
        return None
    short = all(len(g) <= _LONG for g in gold)
    scorer = "choice" if options else "match" if short or "answers" not in columns else "f1"
    return Probe(
        plain(told("id")) or name,
        LAST,
        question,
        gold,
        plain(told("competency")) or "accurate_retrieval",
        _evidence(told("evidence"), turns, where, remarks),
        scorer=plain(told("scorer")) or scorer,
        options=options,
    )


def _at_index(value: Any, options: Sequence[str]) -> tuple[str, ...]:
    """The option at a place from 0; none for what is no place."""
    place = numeric(plain(value).strip())
    return (options[place],) if 0 <= place < len(options) else ()


def _evidence(value: Any, turns: Sequence[Turn], where: str, remarks: Remarks) -> tuple[int, ...]:
    """Turns that a row's evidence names by number, or that hold its words."""
    found: dict[int, None] = {}
    for item in value if isinstance(value, list) else [] if value in (None, "") else [value]:
        text = plain(item).strip()
        if 0 <= numeric(text) < len(turns):
            found[numeric(text)] = None
            continue
        holding = [t.index for t in turns if text and text in t.text]
        if not holding:
            remarks.add(where, "evidence that stands in no turn; left out")
        found.update(dict.fromkeys(holding[:1]))
    return tuple(found)
