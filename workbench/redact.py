"""A run file for a bug report: what was said is replaced, what happened stays.

Every text that came from a session, a model or a person is replaced word by word (:mod:`workbench.pseudonyms`), the
same word by the same everywhere, in blobs, too. Kinds, figures, ranks, hashes of models, versions and settings stay.
A text is replaced unless it is known to be the program's own; messages keep the words that no foreign text has. A
story is left out.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from workbench.errors import MnemoscopeError
from workbench.pseudonyms import Pseudonyms, vocabulary
from workbench.trace import blobs, payloads
from workbench.trace.events import Event, Kind
from workbench.trace.reader import TraceReader
from workbench.trace.writer import TraceWriter

_OWN = frozenset(
    [
        "kind",
        "role",
        "stop",
        "purpose",
        "competency",
        "scorer",
        "policy",
        "way",
        "badge",
        "name",
        "format",
        "cause",
        "causes",
        "suspected",
        "broke",
        "memtrace",
        "how",
        "verdict",
        "judge",
        "state",
        "cache",
        "memory",
        "set",
        "sha256",
        "hash",
        "operation",
        "reader",
        "requests",
    ]
)
"""Keys whose texts are the program's own words (or, of figures, names that a strategy gives them)."""
_MESSAGES = frozenset(("error", "reason", "message", "traceback", "log", "warnings", "sentence", "what", "fixes"))
_FOREIGN = frozenset(("fields", "changes", "extra", "value"))  # objects whose own keys a strategy or a format names
_FORMATS = frozenset(("source", "dataset", "category", "type"))  # of ``extra``: which benchmark and which part of it
_LABELS = frozenset(
    [
        "about",
        "after",
        "at",
        "continues",
        "depends on",
        "drawn from",
        "earlier",
        "executed as",
        "instruction",
        "linked",
        "memory",
        "mentioned in",
        "merged from",
        "MERGED_TO",
        "page of",
        "PARENT",
        "part of",
        "question",
        "recalled",
        "strengthen",
        "sub-task",
        "subtask of",
        "system",
    ]
)
_MACHINE = (Kind.ENGINE_LOADED, Kind.ENGINE_MEASURED, Kind.RUN_STARTED, Kind.JUDGE_TESTED)
_ROLES = frozenset(("user", "assistant", "system", "tool"))
_LARGEST = 9999  # whole numbers above it may be telephone numbers

Rule = Callable[[str], str]


def redact(reader: TraceReader, out: Path, key: str) -> int:
    """Write the run to ``out`` with every foreign text replaced; how many different words there were.

    Raises:
        MnemoscopeError: when ``out`` is there already.
        TraceError: when the run cannot be read.
    """
    if out.exists():
        raise MnemoscopeError(f"{out}: is there already", "name a new file")
    part = out.with_name(f".{out.name}.part")
    part.unlink(missing_ok=True)
    try:
        with TraceWriter(part) as writer:
            words = _Redaction(reader, writer, Pseudonyms(key)).go()
        part.replace(out)
    finally:
        for left in part.parent.glob(f"{part.name}*"):
            left.unlink()
    return words


class _Redaction:
    def __init__(self, reader: TraceReader, writer: TraceWriter, names: Pseudonyms) -> None:
        self.reader, self.writer, self.names = reader, writer, names
        self.words: set[str] = set()
        self.ids = re.compile(r"(?!)")
        self.moved: dict[str, str] = {}  # blob hashes, old to new

    def go(self) -> int:
        self._learn()
        for number in self.reader.session_names():
            self.writer.restore("session", [self._session(number)])
        for row in self.reader.query("SELECT id, name, memory, cache, params, parent, parent_turn FROM lane"):
            self.writer.restore("lane", [row])
        for event in self.reader.events():
            self._event(event)
        for row in self.reader.query("SELECT id, seq, author, text, created FROM annotation"):
            self.writer.restore("annotation", [(*row[:2], *map(self.names.text, row[2:]))])
        self._verdicts()
        self._meta()
        return len(self.words)

    # What is foreign, before anything is replaced: messages quote it.

    def _learn(self) -> None:
        kinds = {"turn", "probe", "question", "p", "q"}
        for number in self.reader.session_names():
            self._collect(self.reader.session(number).to_json())
        for event in self.reader.events():
            if event.kind not in _MACHINE:
                self._collect(event.payload)
            if event.kind == Kind.WRITTEN:
                kinds.add(str(event.payload.get("kind", "")))
        self.ids = re.compile(rf"(?:{'|'.join(map(re.escape, sorted(kinds)))})-?\d{{1,7}}")

    def _collect(self, value: Any) -> None:
        def hear(text: str) -> str:
            self.words |= vocabulary([text])
            return text

        # Prompts are the program's words around what is heard elsewhere.
        self._walk(value, "", lambda key: str if key in _OWN | _MESSAGES | {"prompt"} else hear, 0)

    # How a text is replaced.

    def _rule(self, key: str) -> Rule:
        """What is done to the texts under a key."""
        if key in _OWN:
            return str
        if key in _MESSAGES:
            return self._message
        if key in ("item", "items", "into", "by", "to", "id", "probe", "subject"):
            return self._id
        if key == "label":
            return lambda text: text if text in _LABELS else self._id(text)
        return self.names.text

    def _id(self, text: str) -> str:
        """An id that the program has given stays; one that a file or a strategy made of words does not."""
        return text if self.ids.fullmatch(text) else self.names.text(text)

    def _message(self, text: str) -> str:
        """The lines of code that a traceback quotes stay; in the rest foreign words are replaced."""
        lines, code = [], False
        for line in text.split("\n"):
            code = line.startswith('  File "') or (code and line.startswith("    "))
            lines.append(line if code else self.names.known(line, self.words))
        return "\n".join(lines)

    def _walk(self, value: Any, key: str, rule: Callable[[str], Rule], depth: int) -> Any:
        """The value with its texts replaced.

        What a strategy or a file keeps (``depth`` above 0) is foreign whatever its key; the keys of objects in there
        are texts, too: names of entities.
        """
        if isinstance(value, str):
            return self.moved.get(value) or rule(key)(value)
        if isinstance(value, Mapping):
            inner = depth + bool(depth or key in _FOREIGN)
            replace = rule("item") if depth or key == "value" else str
            return {replace(k): self._walk(v, "item" if inner else k, rule, inner) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [self._walk(v, key, rule, depth) for v in value]
        if depth and type(value) is int and abs(value) > _LARGEST:
            return int(self.names.text(str(value)))
        return value

    def _plain(self, value: Any, key: str = "") -> Any:
        return self._walk(value, key, self._rule, 0)

    # Rows.

    def _session(self, number: int) -> tuple[Any, ...]:
        data = self.reader.session(number).to_json()
        turns, probes = ([self._turn(t) for t in data["turns"]], [self._probe(p) for p in data["probes"]])
        whole = {**self._plain({k: v for k, v in data.items() if k not in ("turns", "probes")}), "turns": turns}
        whole |= {"probes": probes, "name": self.names.text(data["name"]), "extra": self._extra(data["extra"])}
        payload = json.dumps(whole, ensure_ascii=False)
        digest = hashlib.sha256(payload.encode("utf-8", "surrogatepass")).hexdigest()
        return (number, whole["name"], digest, len(turns), len(probes), payload)

    def _turn(self, turn: Mapping[str, Any]) -> dict[str, Any]:
        role = turn["role"] if turn["role"] in _ROLES else self.names.text(turn["role"])
        return {**self._plain(turn), "role": role, "extra": self._extra(turn.get("extra", {}))}

    def _probe(self, probe: Mapping[str, Any]) -> dict[str, Any]:
        own = {name: probe[name] for name in ("competency", "scorer", "scores", "task") if name in probe}
        return {**self._plain(probe), **own, "extra": self._extra(probe.get("extra", {}))}

    def _extra(self, extra: Mapping[str, Any]) -> dict[str, Any]:
        short = re.compile(r"[\w. -]{1,40}")
        own = {k: v for k, v in extra.items() if k in _FORMATS and isinstance(v, str) and short.fullmatch(v)}
        replaced: dict[str, Any] = self._plain({"extra": dict(extra)})["extra"]
        return {**replaced, **own}

    def _event(self, event: Event) -> None:
        for digest in payloads.arrays_of(event).items():
            self._array(*digest)
        payload = dict(event.payload) if event.kind in _MACHINE else self._payload(event)
        subject = self._id(event.subject) if event.subject else ""
        self.writer.restore_events([replace(event, subject=subject, payload=payload)])

    def _payload(self, event: Event) -> dict[str, Any]:
        found: dict[str, Any] = self._plain(event.payload)
        given = event.payload
        if event.kind == Kind.ANSWERED and given.get("tokens"):
            texts = self.names.pieces([str(t[0]) for t in given["tokens"]])
            found["tokens"] = [[text, *token[1:]] for text, token in zip(texts, given["tokens"], strict=True)]
        for key in ("compared", "tokens"):
            if event.kind in (Kind.COMPRESSED, Kind.CAPTURED) and isinstance(given.get(key), list):
                found[key] = self.names.pieces(given[key])
        if event.kind == Kind.COMPRESSED:
            found["when"] = given.get("when")
        if event.kind == Kind.TURN_RECORDED:
            found = self._turn(given)
        if event.kind == Kind.SCORED:
            found |= {k: given[k] for k in ("scores", "competency", "scorer") if k in given}
        if event.kind == Kind.BRANCHED:  # lanes and settings are own words, what was changed to is not
            edits = [{**edit, "value": self._plain(edit.get("value"), "text")} for edit in given.get("edits", ())]
            edits = [{**edit, "name": self._id(str(edit.get("name", "")))} for edit in edits]
            found = {**given, "edits": edits}
        return found

    def _array(self, name: str, digest: str) -> None:
        """The array of an event, with texts replaced and token numbers, which are texts, made zero."""
        if digest in self.moved:
            return
        array = self.reader.array(digest)
        if name == "texts":
            array = blobs.texts_array(self.names.pieces(blobs.array_texts(array.view(np.uint8).reshape(-1))))
        elif name == "ids":
            array = np.zeros_like(array)
        row = blobs.encode(array)
        self.moved[digest] = row[0]
        self.writer.restore("blob", [row])

    def _verdicts(self) -> None:
        for session, lane in self._pairs():
            rows = self.reader.verdicts(session, lane).items()
            self.writer.put_verdicts((session, lane, self._id(probe), self._plain(row)) for probe, row in rows)

    def _pairs(self) -> Iterator[tuple[int, int]]:
        for session in self.reader.session_names():
            for lane in self.reader.lanes():
                yield session, lane.id

    def _meta(self) -> None:
        meta = dict(self.reader.query("SELECT key, value FROM meta"))
        for key in ("format", "major", "minor"):
            meta.pop(key, None)
        if "config" in meta:
            config = json.loads(meta["config"])
            named = {k: self._plain(config[k], "text") for k in ("sessions", "out") if k in config}
            meta["config"] = json.dumps({**config, **named})
        meta["redacted"] = json.dumps(True)
        self.writer.restore("meta", list(meta.items()))
