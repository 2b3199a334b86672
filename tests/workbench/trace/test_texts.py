"""Long texts are stored once, and nobody who reads a run notices."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.traces import write_trace
from workbench.errors import TraceError
from workbench.redact import redact
from workbench.repair import repair
from workbench.trace import texts
from workbench.trace.events import Event, Kind
from workbench.trace.reader import TraceReader
from workbench.trace.writer import TraceWriter

LONG = "[3 June 2024, 18:10] Pia: We moved to Graz last week, Grüße, 重要 \x1a 17"
SHORT = "Pia: Zeppelin!"


def told(text: str) -> dict[str, dict[str, Any]]:
    """A payload of every kind whose texts are kept apart, with this text in it."""
    message = {"role": "user", "text": text}
    return {
        Kind.MODEL_CALLED: {"purpose": "note", "prompt": [message, message], "raw": text},
        Kind.PACKED: {"budget": 9, "spans": [{"kind": "item", "text": text, "items": ["a"]}], "dropped": []},
        Kind.RECALLED: {"query": text, "k": 5, "hits": [{"item": "a", "text": text}]},
        Kind.JUDGED: {"name": "x", "prompts": [[message], [message]]},
        Kind.WRITTEN: {"text": text, "fields": {"text": text}},
    }


def events(*said: str) -> list[Event]:
    payloads = [(kind, payload) for text in said for kind, payload in told(text).items()]
    return [Event(1, 1, 0, n, kind, "a", payload=payload) for n, (kind, payload) in enumerate(payloads, 1)]


def stored(path: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    path = tmp_path / "run.mnemo"
    with TraceWriter(path) as writer:
        writer.add_lane("bm25", "bm25", "full", {})
        writer.append(events(LONG, SHORT))
    return path


def test_every_kind_gives_its_texts_and_the_file_has_them_once(run: Path) -> None:
    with TraceReader(run) as reader:
        assert [(e.kind, e.payload) for e in reader.events()] == [(e.kind, e.payload) for e in events(LONG, SHORT)]
    assert stored(run, "SELECT text FROM text") == [(LONG,)]
    payloads = [json.loads(text) for (text,) in stored(run, "SELECT payload FROM event ORDER BY seq")]
    number = texts.number(LONG)
    assert payloads[0]["prompt"][0]["text"] == number and payloads[0]["raw"] == LONG
    assert payloads[3]["prompts"][1][0]["text"] == payloads[4]["text"] == number
    assert payloads[5]["prompt"][0]["text"] == SHORT  # a row would take more than the text


def test_what_is_appended_stays_as_it_was(tmp_path: Path) -> None:
    mine = events(LONG)
    with TraceWriter(tmp_path / "run.mnemo") as writer:
        writer.append(mine)
    assert mine == events(LONG)


def test_two_texts_of_one_number_are_two_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "number", lambda text, taken=0: 7 + taken)
    other = LONG[::-1]
    with TraceWriter(tmp_path / "run.mnemo") as writer:
        writer.append(events(LONG, other, LONG))
        with writer.reader() as reader:
            assert [e.payload for e in reader.events()] == [e.payload for e in events(LONG, other, LONG)]
    assert stored(tmp_path / "run.mnemo", "SELECT id, text FROM text") == [(7, LONG), (8, other)]


@pytest.mark.parametrize("word", ["graz", "GRAZ", "Graz"])
def test_a_word_is_found_in_texts_kept_apart(run: Path, word: str) -> None:
    with TraceReader(run) as reader:
        assert [e.seq for e in reader.events(holding=word)] == [1, 2, 3, 4, 5]
        assert [e.seq for e in reader.events(holding="zeppelin")] == [6, 7, 8, 9, 10]
        assert list(reader.events(holding="Wien")) == []


def test_a_branch_takes_its_texts_with_it(run: Path) -> None:
    other = LONG + ", and to Wien"
    with TraceWriter(run) as writer:
        lane = writer.add_lane("branch", "bm25", "full", {}, parent=1, parent_turn=0)
        both = [Event(1, lane, 0, n, Kind.WRITTEN, "a", payload={"text": t}) for n, t in enumerate((LONG, other), 1)]
        writer.append(both)
        assert len(stored(run, "SELECT id FROM text")) == 2
        writer.remove_lane(lane, told=-1)
    assert stored(run, "SELECT text FROM text") == [(LONG,)]
    with pytest.raises(sqlite3.IntegrityError, match="texts cannot be deleted"):
        stored(run, "DELETE FROM text")


def test_a_missing_text_is_one_line_and_repair_goes_without_its_step(run: Path, tmp_path: Path) -> None:
    change(run, "DELETE FROM text")
    with TraceReader(run) as reader, pytest.raises(TraceError, match=rf"text {texts.number(LONG)} is missing"):
        list(reader.events())
    with TraceWriter(tmp_path / "more.mnemo") as writer:
        writer.add_lane("bm25", "bm25", "full", {})
        writer.append([Event(0, 0, -1, 1, Kind.RUN_STARTED)])
        writer.append([Event(0, 0, -1, 2, Kind.JUDGED, payload={"name": "x", "prompts": [[{"text": LONG}]]})])
    change(tmp_path / "more.mnemo", "DELETE FROM text")
    saved = repair(tmp_path / "more.mnemo", tmp_path / "saved.mnemo")
    assert (saved.unreadable, saved.events) == (1, 1)


def test_texts_are_bounded_however_often_they_are_named(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.trace.reader._LONGEST", 2 * len(LONG) - 1)
    change(run, "DELETE FROM event WHERE kind != 'model.called' OR seq > 1")  # its payload is short, its texts are not
    change(run, f"UPDATE event SET payload = '{json.dumps({'prompt': [{'text': texts.number(LONG)}] * 2})}'")
    with TraceReader(run) as reader, pytest.raises(TraceError, match="texts of more than"):
        list(reader.events())


@pytest.mark.parametrize(
    "named", ["-5", "1000000000000000000000000000000", "17", '{"text":17}', "null", "true", "1.5", '["x"]']
)
@pytest.mark.parametrize("kind", [Kind.MODEL_CALLED, Kind.WRITTEN, Kind.NOTED])
def test_whatever_stands_where_a_text_is_named_is_one_line(run: Path, tmp_path: Path, named: str, kind: Kind) -> None:
    place = f'"prompt":[{{"role":"user","text":{named}}}]' if kind == Kind.MODEL_CALLED else f'"text":{named}'
    change(run, f"""UPDATE event SET kind = '{kind}', payload = '{{{place},"kind":"a","turns":[]}}' WHERE seq = 3""")
    with TraceReader(run) as reader:
        try:
            assert [e.seq for e in reader.events()] == list(range(1, 11))
        except TraceError as error:
            assert f"event 3: ValueError text {named[:20]} is missing" in error.what
    saved = repair(run, tmp_path / "saved.mnemo")
    assert saved.events + saved.unreadable + saved.left_out == 10


def test_lists_are_unfolded_as_deep_as_ours_are(run: Path, tmp_path: Path) -> None:
    change(run, f'UPDATE event SET payload = \'{{"prompt":{"[" * 900}{"]" * 900},"text":5}}\' WHERE seq = 1')
    with TraceReader(run) as reader:
        assert len(list(reader.events())) == 10
    repair(run, tmp_path / "saved.mnemo")


def test_a_long_text_is_in_memory_once_however_often_it_is_named(tmp_path: Path) -> None:
    long = LONG * 1000
    with TraceWriter(tmp_path / "run.mnemo") as writer:
        writer.append(events(long, SHORT, long))
        with writer.reader() as reader:
            said = [e.payload["spans"][0]["text"] for e in reader.events(kinds=[Kind.PACKED])]
    assert said == [long, SHORT, long] and said[0] is said[2]


def test_nothing_is_written_that_nobody_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "LONGEST", 3 * len(LONG))
    with TraceWriter(tmp_path / "run.mnemo") as writer:
        writer.append(events(LONG)[:1])
        much = Event(1, 1, 0, 9, Kind.JUDGED, payload={"name": "x", "prompts": [[{"text": LONG}] * 4]})
        for kind in (much, replace(much, payload={"name": "x" * 999, "prompts": []})):
            with pytest.raises(ValueError, match="more than"):
                writer.append([kind])
        with pytest.raises(TypeError):
            writer.append([replace(much, payload={"name": {1, 2}})])
        writer.append(events(LONG)[1:2])  # the transaction is not left open
        assert writer.last_seq == 2


def test_a_run_that_was_killed_while_it_was_closed_is_read(run: Path, tmp_path: Path) -> None:
    """SQLite leaves a journal there that must be played back, which no reader may do in the file itself."""
    killed = tmp_path / "killed" / "run.mnemo"
    killed.parent.mkdir()
    with closing(sqlite3.connect(run, isolation_level=None)) as connection:
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO text VALUES (1, hex(zeroblob(400000)))")
        for name in ("run.mnemo", "run.mnemo-journal"):
            (killed.parent / name).write_bytes((run.parent / name).read_bytes())
        connection.execute("ROLLBACK")
    before = killed.read_bytes()
    with TraceReader(killed) as reader:
        assert [e.payload for e in reader.events()] == [e.payload for e in events(LONG, SHORT)]
        assert reader.query("SELECT count(*) FROM text") == [(1,)]
    assert killed.read_bytes() == before
    assert repair(killed, tmp_path / "saved.mnemo").unreadable == 0


def test_a_word_behind_a_nul_is_found(tmp_path: Path) -> None:
    with TraceWriter(tmp_path / "run.mnemo") as writer:
        writer.append(events(f"{LONG}\0 Zanzibar"))
        with writer.reader() as reader:
            assert len(list(reader.events(holding="zanzibar"))) == 5


def test_a_file_of_the_first_version_goes_on_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "old.mnemo"
    with TraceWriter(path) as writer:
        writer.set_meta("major", 1)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE text")  # its triggers go with it
    with TraceWriter(path) as writer:
        writer.append(events(LONG))
        lane = [writer.add_lane(name, "bm25", "full", {}) for name in ("bm25", "branch")][1]
        writer.append([Event(1, lane, 0, 1, Kind.WRITTEN, "a", payload={"text": LONG})])
        writer.remove_lane(lane, told=-1)
    assert "text" not in {name for (name,) in stored(path, "SELECT name FROM sqlite_master")}
    with TraceReader(path) as reader:
        assert [e.payload for e in reader.events()] == [e.payload for e in events(LONG)]
        assert len(list(reader.events(holding="graz"))) == 5


def test_a_redacted_copy_keeps_no_text(tmp_path: Path) -> None:
    run = write_trace(tmp_path / "a.mnemo")
    with TraceWriter(run) as writer:
        writer.append([Event(1, 1, 0, 9999, Kind.WRITTEN, "a", payload={"text": LONG})])
    with TraceReader(run) as reader:
        redact(reader, tmp_path / "mail.mnemo", "key")
    said = [text for (text,) in stored(tmp_path / "mail.mnemo", "SELECT text FROM text")]
    assert said and not any("Graz" in text or "Grüße" in text for text in said)


@pytest.mark.parametrize(
    "stored", ['{"text":5}', '{"hits": [{"text" : 4503599627370495, "rank": 1}]}', b'{"text":"x"}', None]
)
def test_what_may_name_a_text_is_looked_into(stored: object) -> None:
    assert texts.named(stored)


def test_what_names_none_is_left_as_it_is(run: Path) -> None:
    said = json.dumps({"text": 'he wrote "text":5 and "text" : 6', "rank": 5})
    assert not texts.named(said) and not texts.named('{"texts":5,"text":"","context":7}')
    with TraceReader(run) as reader:
        assert all(type(p.get("text")) is not int for p in (e.payload for e in reader.events()))


def test_half_a_surrogate_pair_is_no_text_and_the_next_step_is_written(run: Path) -> None:
    half, whole = LONG + "\ud83d", LONG + "\ufffd"
    with TraceWriter(run) as writer:
        writer.append(
            [Event(1, 1, 1, n, Kind.WRITTEN, t, payload={"text": t}) for n, t in ((91, half), (92, "\udfff!"))]
        )
        writer.put_verdicts([(1, 1, "p", {"cause": "\ud83d"})])
        writer.annotate(1, "\udcfc", "of \udcfc", "2025")
    with TraceReader(run) as reader:
        assert [(e.subject, e.payload["text"]) for e in reader.events(turns=(1, 1))] == [(whole,) * 2, ("\ufffd!",) * 2]
        assert reader.verdicts(1, 1) == {"p": {"cause": "\ufffd"}}
        assert reader.query("SELECT author, text FROM annotation") == [("\ufffd", "of \ufffd")]
    assert stored(run, "SELECT text FROM text ORDER BY length(text)") == [(LONG,), (whole,)]


def test_texts_of_a_taken_number_lie_behind_one_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "number", lambda text, taken=0: 7 + taken)
    said = [LONG + end for end in "abc"]
    with TraceWriter(tmp_path / "run.mnemo") as writer:
        writer.append([Event(1, 1, 0, n, Kind.WRITTEN, "a", payload={"text": t}) for n, t in enumerate(said, 1)])
    assert stored(tmp_path / "run.mnemo", "SELECT id, text FROM text") == list(enumerate(said, 7))


@pytest.mark.parametrize(("count", "characters"), [(2, 1 << 20), (99, 2 * len(LONG) + 1)])
def test_texts_are_kept_at_hand_as_many_and_as_long_as_there_is_room_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, characters: int
) -> None:
    said = [LONG + "x" * n for n in (0, 1, 2, 3)]
    with TraceWriter(tmp_path / "run.mnemo") as writer:
        writer.append([Event(1, 1, 0, n, Kind.WRITTEN, "a", payload={"text": t}) for n, t in enumerate(said, 1)])
    monkeypatch.setattr("workbench.trace.reader._TEXTS", count)
    monkeypatch.setattr("workbench.trace.reader._KEPT", characters)
    with TraceReader(tmp_path / "run.mnemo") as reader:
        kept = []
        for event in reader.events():
            assert event.payload["text"] == said[event.n - 1]
            kept.append(sorted(reader._texts.values(), key=len))
    assert kept == [said[:1], said[:2], said[2:3], said[2:4] if count == 2 else said[3:]]
