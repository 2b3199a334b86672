"""Inspect AI's logs: ``.eval`` archives (deflate or zstd, whole samples or chunked ones) and ``.json``.

One session per sample and epoch. Attachments and messages in pools are put back where they are referred to. Times come
from the events. The sample's target is a probe at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from workbench.errors import SessionFormatError
from workbench.sessions.formats.chat import conversation
from workbench.sessions.formats.limits import Remarks
from workbench.sessions.formats.lines import dotted, stem
from workbench.sessions.formats.loading import Archive, parse
from workbench.sessions.formats.messages import Said, content_text, plain, said
from workbench.sessions.formats.shapes import array, each, sessions_of, table
from workbench.sessions.formats.when import NEVER, When, when
from workbench.sessions.model import Probe, Session
from workbench.words import numeric

_ATTACHED = "attachment://"
_HEADERS = ("header.json", "_journal/start.json")
_SEQUENCES = ("messages", "attachments")
_DEPTH = 40


def detect(data: Any, path: Path) -> bool:
    """An archive with a header and samples, or an object with ``eval`` and ``samples``."""
    if isinstance(data, Archive):
        return any(h in data for h in _HEADERS) and any(
            name.startswith(("samples/", "_journal/")) for name in data.names
        )
    return isinstance(data, dict) and isinstance(data.get("eval"), dict) and "status" in data and "version" in data


def read(data: Any, path: Path) -> list[Session]:
    """One session per sample and epoch."""
    if not isinstance(data, Archive):
        rows = [(f"samples[{n}]", s) for n, s in enumerate(array(data.get("samples") or [], "samples"))]
        header: Mapping[str, Any] = data
    else:
        header = _header(data)
        rows = list(_samples(data))
    if not rows:
        raise SessionFormatError("no samples in the log", "log with log_samples, or choose another log")
    task = _task(header) or stem(path)
    return sessions_of(rows, lambda where, row: [_session(table(row, where), where, task)])


def _header(archive: Archive) -> Mapping[str, Any]:
    name = next(h for h in _HEADERS if h in archive)
    try:
        found = parse(archive.read(name))
    except SessionFormatError as error:
        archive.remarks.add(name, f"{error.what}; left out")
        return {}
    return found if isinstance(found, dict) else {}


def _task(header: Mapping[str, Any]) -> str:
    about = header.get("eval")
    return plain(about.get("task")).rpartition("/")[2] if isinstance(about, Mapping) else ""


def _samples(archive: Archive) -> Iterator[tuple[str, Any]]:
    """Every sample in the archive's order, one that cannot be read with a remark."""
    for name in archive.names:
        if not name.startswith("samples/") or not name.endswith(".json"):
            continue
        inner = name.removeprefix("samples/").split("/")
        if len(inner) == 1 or inner[1:] == ["sample.json"]:
            try:
                row = parse(archive.read(name))
                yield name, _whole(archive, name, row) if len(inner) > 1 else row
            except SessionFormatError as error:
                archive.remarks.add(name, f"{error.what}; left out")


def _whole(archive: Archive, name: str, shell: Any) -> Any:
    """A chunked sample put together, without its events: chunks are lists that are called by their first index."""
    shell = dict(table(shell, name))
    prefix = name.removesuffix("sample.json")
    found: dict[str, list[Any]] = {sequence: [] for sequence in _SEQUENCES}
    for sequence, items in found.items():
        head = f"{prefix}{sequence}/"
        starts = (n.removeprefix(head).removesuffix(".json") for n in archive.names if n.startswith(head))
        for start in sorted(n for s in starts if (n := numeric(s)) >= 0):
            items += array(parse(archive.read(f"{head}{start}.json")), f"{head}{start}.json")
    shell["attachments"] = {str(n): text for n, text in enumerate(found["attachments"])}
    shell["messages"] = _referred(shell.get("message_refs"), found["messages"])
    return shell


def _referred(refs: Any, pool: Any) -> list[Any]:
    """The messages of a pool that half-open ranges name."""
    pool = pool if isinstance(pool, list) else []
    found: list[Any] = []
    for ref in refs if isinstance(refs, list) else []:
        if isinstance(ref, list) and len(ref) == 2 and all(isinstance(n, int) for n in ref):
            found += pool[max(0, ref[0]) : ref[1]]
        elif isinstance(ref, int) and 0 <= ref < len(pool):
            found.append(pool[ref])
    return found


def _session(row: Mapping[str, Any], where: str, task: str) -> Session:
    remarks = Remarks()
    events = (
        [e for e in row.get("events") or [] if isinstance(e, Mapping)] if isinstance(row.get("events"), list) else []
    )
    put_back = _attachments(row.get("attachments"))
    times = _times(events)
    messages = row.get("messages")
    if not (isinstance(messages, list) and messages):
        messages = _from_events(row, events) or _from_input(row)
    place = dotted(where, "messages")
    rows = [(f"{place}[{n}]", m) for n, m in enumerate(messages)]
    read = each(rows, lambda at, m: _said(put_back(table(m, at)), at, times), remarks)
    turns = [s for told in read for s in told]
    epoch = row.get("epoch")
    name = f"{task} {plain(row.get('id'))}" + (f" epoch {epoch}" if isinstance(epoch, int) and epoch > 1 else "")
    extra = {k: put_back(row[k]) for k in ("id", "epoch", "scores", "metadata", "error", "limit") if row.get(k)}
    probes = _probes(row, put_back, len(turns) - 1)
    if row.get("error"):
        remarks.add(where, "the sample ended in an error")
    return conversation(turns, name.strip(), "inspect", remarks, where, probes, extra)


def _said(row: Any, where: str, times: Mapping[str, When]) -> list[Said]:
    at = times.get(plain(row.get("id"))) or times.get(plain(row.get("tool_call_id"))) or NEVER
    name = row.get("function") if isinstance(row.get("function"), str) else None
    error = row.get("error")
    told = {"name": name} | row
    if isinstance(error, Mapping) and not content_text(row.get("content")):
        told["content"] = plain(error.get("message"))
    return said(told, where, at)


def _times(events: list[Any]) -> dict[str, When]:
    """When messages came about, by their ids, and results of tools by those of their calls."""
    found: dict[str, When] = {}
    for event in events:
        at = when(event.get("completed") or event.get("timestamp"))
        if not at:
            continue
        if event.get("event") == "model":
            began = when(event.get("timestamp"))
            for message in event["input"] if isinstance(event.get("input"), list) else []:
                if isinstance(message, Mapping) and message.get("id"):
                    found.setdefault(plain(message["id"]), began)
            answer = _answer(event)
            if answer is not None and answer.get("id"):
                found[plain(answer["id"])] = at
        elif event.get("event") == "tool" and event.get("id"):
            found[plain(event["id"])] = at
    return found


def _answer(event: Mapping[str, Any]) -> Mapping[str, Any] | None:
    output = event.get("output")
    choices = output.get("choices") if isinstance(output, Mapping) else None
    first = choices[0] if isinstance(choices, list) and choices else None
    message = first.get("message") if isinstance(first, Mapping) else None
    return message if isinstance(message, Mapping) else None


def _from_events(row: Mapping[str, Any], events: list[Any]) -> list[Any]:
    """The conversation of the last call to the model, for a sample that was cut off before it wrote its messages."""
    last = next((e for e in reversed(events) if e.get("event") == "model"), None)
    if last is None:
        return []
    data = row.get("events_data")
    pool = row.get("message_pool") or (data.get("messages") if isinstance(data, Mapping) else None)
    asked = last.get("input") or _referred(last.get("input_refs"), pool)
    answer = _answer(last)
    return [*(asked if isinstance(asked, list) else []), *([answer] if answer else [])]


def _from_input(row: Mapping[str, Any]) -> list[Any]:
    given = row.get("input")
    asked = given if isinstance(given, list) else [{"role": "user", "content": given}] if given else []
    answer = _answer(row)
    return [*asked, *([answer] if answer else [])]


def _attachments(attachments: Any) -> Callable[[Any], Any]:
    """What puts attachments back into a value."""
    known = attachments if isinstance(attachments, Mapping) else {}

    def put_back(value: Any, depth: int = 0) -> Any:
        if isinstance(value, str) and value.startswith(_ATTACHED):
            return known.get(value.removeprefix(_ATTACHED), value)
        if isinstance(value, list) and depth < _DEPTH:
            return [put_back(v, depth + 1) for v in value]
        if isinstance(value, dict) and depth < _DEPTH:
            return {k: put_back(v, depth + 1) for k, v in value.items()}
        return value

    return put_back if known else lambda value: value


def _probes(row: Mapping[str, Any], put_back: Callable[[Any], Any], after: int) -> list[Probe]:
    """The sample's input as a question and its target as the gold."""
    target, given = put_back(row.get("target")), put_back(row.get("input"))
    golds = tuple(t.strip() for t in map(plain, target if isinstance(target, list) else [target]) if t.strip())
    spoken = [m for m in given if isinstance(m, Mapping) and m.get("role") == "user"] if isinstance(given, list) else []
    question = content_text(spoken[-1].get("content")) if spoken else plain(given) if isinstance(given, str) else ""
    if not (golds and question.strip()):
        return []
    choices = row.get("choices")
    options = tuple(map(plain, choices)) if isinstance(choices, list) else ()
    letters = {chr(ord("A") + n): option for n, option in enumerate(options[:26])}
    golds = tuple(letters.get(g, g) for g in golds)
    scorer = "choice" if options and all(g in options for g in golds) else "match"
    return [Probe("target", after, question, golds, "accurate_retrieval", scorer=scorer, options=options)]
