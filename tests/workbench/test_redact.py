"""A run for a bug report: nothing of what was said is left, everything of what happened is."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.traces import CITIES, NAMES, write_trace
from workbench import cli
from workbench.errors import MnemoscopeError
from workbench.examine import prove
from workbench.projections.scores import scores
from workbench.redact import redact
from workbench.trace import blobs, payloads
from workbench.trace.events import Event, Kind
from workbench.trace.reader import TraceReader
from workbench.trace.writer import TraceWriter

SECRETS = ("Zanzibarina", "zanzibarina", "Qorvath", "4917555019", "geheimnis")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run with every kind of event, and with secrets wherever a strategy, a model or a person may put one."""
    path = write_trace(tmp_path / "run.mnemo", turns=20, items=8, probes=4)
    with TraceReader(path) as reader:
        n = max(e.n for e in reader.events() if e.session == 1 and e.lane == 1)
        last = next(e for e in reader.events() if e.session == 1 and e.lane == 1 and e.kind == Kind.WRITTEN)
        session = reader.last_turn(1)
    made: list[Event] = []

    def add(event: str, subject: str = "", **payload: Any) -> None:
        made.append(Event(1, 1, session, n + 1 + len(made), event, subject, 0, payload))

    fields = {"person": "Zanzibarina", "counts": {"Qorvath": 3}, "number": 4917555019, "links": [last.subject]}
    written = dict(last.payload) | {"kind": "fact", "text": "Zanzibarina met Qorvath", "fields": fields}
    add(Kind.WRITTEN, "entity: Zanzibarina", **written)
    add(Kind.LINKED, "entity: Zanzibarina", to=last.subject, label="trusts Qorvath", weight=1.0)
    add(Kind.NOTED, name="curve", value={"Qorvath": [1, 2], "text": "geheimnis"})
    add(Kind.DROPPED, reason="no item is called Zanzibarina", detail='{"name": "Qorvath"}')
    trace = 'Traceback:\n  File "…/a.py", line 3, in observe\n    raise KeyError(name)\nKeyError: Zanzibarina'
    arrays = {name: np.zeros((2, 3), np.float16) for name in ("mean", "peak", "rows")}
    arrays |= {"mass": np.zeros((1, 1, 1), np.float16), "ids": np.array([5, 6, 7], np.int32)}
    rows = {name: blobs.encode(array) for name, array in arrays.items()}
    rows["texts"] = blobs.encode(blobs.texts_array(("Zanzi", "barina", " lives")))
    named = {name: row[0] for name, row in rows.items()}
    figures = {"layers": 1, "heads": 1, "prompt": 2, "starts": None, "spans": [[0, 2]], "kept": [0]}
    add(Kind.SUMMED, "p0", **figures, blobs=named)
    add(Kind.LANE_FAILED, message="KeyError: Zanzibarina", traceback=trace)
    with TraceWriter(path) as writer:
        writer.restore("blob", list(rows.values()))
        writer.append(made)
        writer.restore("annotation", [(77, 1, "Qorvath", "ask zanzibarina", "2025-01-01")])
    return path


def texts_of(path: Path) -> str:
    """Every text of the file, those in arrays too."""
    with closing(sqlite3.connect(path)) as connection:
        tables = ("meta", "session", "lane", "event", "annotation", "verdict")
        rows = [str(row) for table in tables for row in connection.execute(f"SELECT * FROM {table}")]
    with TraceReader(path) as reader:
        for event in reader.events():
            for name, digest in payloads.arrays_of(event).items():
                if name == "texts":
                    rows.append("".join(blobs.array_texts(reader.array(digest).view(np.uint8).reshape(-1))))
    return "\n".join(rows)


def shape(event: Event) -> tuple[Any, ...]:
    """What must stay of an event: everything but its texts."""
    figures = [value for value in json.loads(json.dumps(event.payload, sort_keys=True)).values()]
    kept = [v for v in figures if isinstance(v, int | float | bool)]
    return (event.seq, event.session, event.lane, event.turn, event.n, event.kind, event.cause, event.ms, kept)


def test_nothing_of_what_was_said_is_left(run: Path, tmp_path: Path) -> None:
    before = texts_of(run)
    assert all(secret in before for secret in SECRETS) and any(city in before for city in CITIES)
    with TraceReader(run) as reader:
        redact(reader, tmp_path / "out.mnemo", "key")
    after = texts_of(tmp_path / "out.mnemo")
    assert [word for word in (*SECRETS, *NAMES, *CITIES, "moved to") if word in after] == []
    assert "raise KeyError(name)" in after and "KeyError: " in after and "no item is called" in after


def test_everything_of_what_happened_is(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mnemo"
    with TraceReader(run) as reader:
        redact(reader, out, "key")
    with TraceReader(run) as old, TraceReader(out) as new:
        prove(new)
        assert [shape(e) for e in new.events()] == [shape(e) for e in old.events()]
        assert [payloads.wrong(e.kind, e.payload) for e in new.events()] == [""] * new.last_seq()
        assert new.lanes() == old.lanes()
        assert [lane.overall for lane in scores(new).lanes] == [lane.overall for lane in scores(old).lanes]
        subjects = {e.subject for e in new.events() if e.kind == Kind.WRITTEN}
        named = {item for e in new.events() if e.kind == Kind.PACKED for s in e.payload["spans"] for item in s["items"]}
        linked = {e.payload["to"] for e in new.events() if e.kind == Kind.LINKED}
        assert named | linked <= subjects


def test_token_numbers_go_and_token_texts_keep_their_places(run: Path, tmp_path: Path) -> None:
    with TraceReader(run) as reader:
        redact(reader, tmp_path / "out.mnemo", "key")
        summed = [e for e in reader.events(kinds=(Kind.SUMMED,))]
        with TraceReader(tmp_path / "out.mnemo") as new:
            for event in summed:
                was, now = payloads.arrays_of(event), payloads.arrays_of(new.event(event.seq))
                assert not new.array(now["ids"]).any()
                pieces = [blobs.array_texts(r.array(d["texts"])) for r, d in ((reader, was), (new, now))]
                assert [len(p) for p in pieces[0]] == [len(p) for p in pieces[1]]
    assert summed


def test_the_command_writes_a_file_that_the_others_read(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mnemo"
    assert cli.main(["export", str(run), "--redact", str(out), "--key", "k"]) == 0
    assert cli.main(["score", str(out)]) == 0
    assert cli.main(["export", str(out), "--html", str(tmp_path / "out.html")]) == 0
    assert "Zanzibarina" not in (tmp_path / "out.html").read_text("utf-8")
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith(".")) == []


def test_the_same_key_gives_the_same_words_and_no_key_gives_others(run: Path, tmp_path: Path) -> None:
    for name, key in (("a", ["--key", "k"]), ("b", ["--key", "k"]), ("c", []), ("d", [])):
        assert cli.main(["export", str(run), "--redact", str(tmp_path / name), *key]) == 0
    a, b, c, d = (texts_of(tmp_path / name) for name in "abcd")
    assert a == b and len({a, c, d}) == 3


def test_a_file_that_is_there_is_not_written_over(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = run.read_bytes()
    assert cli.main(["export", str(run), "--redact", str(run)]) == 1
    assert "is there already" in capsys.readouterr().err and run.read_bytes() == before


def test_what_breaks_off_leaves_nothing(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise MnemoscopeError("the disk is full")

    monkeypatch.setattr(TraceWriter, "put_verdicts", full)
    before = sorted(tmp_path.iterdir())
    with TraceReader(run) as reader, pytest.raises(MnemoscopeError, match="disk is full"):
        redact(reader, tmp_path / "out.mnemo", "key")
    assert sorted(tmp_path.iterdir()) == before


def test_a_key_alone_is_wrong_usage(run: Path, tmp_path: Path) -> None:
    assert cli.main(["export", str(run), "--html", str(tmp_path / "a.html"), "--key", "k"]) == 2
