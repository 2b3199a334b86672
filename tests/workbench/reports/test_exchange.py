"""``export --otel`` and ``--atif``: others can read them, and they read back as what they were."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.traces import write_trace
from workbench import cli, record
from workbench.reports import atif, otel
from workbench.sessions import Session, Turn, formats
from workbench.trace import payloads
from workbench.trace.events import Event
from workbench.trace.reader import TraceReader

ARRAYS = payloads.ARRAYS


def content(path: Path) -> tuple[list[Session], list[Any], list[tuple[Any, ...]]]:
    """Sessions, lanes and events of a run, without arrays and times."""
    with TraceReader(path) as reader:
        sessions = [reader.session(n) for n in reader.session_names()]
        lanes = [(lane.name, lane.memory, lane.cache, lane.params) for lane in reader.lanes()]
        events = [shape(e) for lane in reader.lanes() for e in reader.events(lane=lane.id) if e.kind not in ARRAYS]
    return sessions, lanes, events


def shape(event: Event) -> tuple[Any, ...]:
    return event.session, event.lane, event.turn, event.n, event.kind, event.subject, event.cause, event.payload


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_trace(
        tmp_path_factory.mktemp("runs") / "run.mnemo", turns=12, items=9, probes=3, lanes=("a-mem", "bm25")
    )


def test_spans_read_back_as_the_same_run(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spans, again = tmp_path / "spans.jsonl", tmp_path / "again.mnemo"
    assert cli.main(["export", str(run), "--otel", str(spans)]) == 0
    assert "6 events with captured arrays" in capsys.readouterr().err
    assert cli.main(["record", str(spans), "--out", str(again)]) == 0
    assert content(again) == content(run)
    assert formats.read(spans) == content(run)[0]


def test_what_a_recording_exports_records_the_same_again(tmp_path: Path) -> None:
    first, spans, again = tmp_path / "a.mnemo", tmp_path / "spans.jsonl", tmp_path / "b.mnemo"
    with record.start(first) as recording:
        recording.say("user", "Mein Boot liegt an Steg 9. ⛵", at="2025-06-01T08:00:00Z", speaker="Ida")
        recording.remember("create", records=[{"id": "m", "content": "Steg 9"}])
        recording.remember("search", query="Boot", records=[{"id": "m", "content": "Steg 9", "score": 0.5}])
        recording.say("user", "Hello", conversation="other")
    for path in (first, again):
        if path == again:
            assert cli.main(["record", str(spans), "--out", str(again)]) == 0
        assert cli.main(["export", str(path), "--otel", str(spans)]) == 0
    assert content(again) == content(first)


def test_others_find_the_conventions_words_in_the_spans(run: Path) -> None:
    with TraceReader(run) as reader:
        messages = [json.loads(line) for line in otel.lines(reader)]
    spans = [s for m in messages for g in m["resourceSpans"] for scope in g["scopeSpans"] for s in scope["spans"]]
    told = [{a["key"]: next(iter(a["value"].values())) for a in s["attributes"]} for s in spans]
    operations = {t.get("gen_ai.operation.name") for t in told}
    assert {"chat", "create_memory", "update_memory", "search_memory", "delete_memory"} <= operations
    written = next(t for t in told if t.get("gen_ai.operation.name") == "create_memory")
    (held,) = json.loads(written["gen_ai.memory.records"])
    assert held["id"] == written["gen_ai.memory.record.id"]
    assert held["content"].split(":")[0] in ("Mira", "Tomas", "Ines", "Oskar", "Lena", "Pavel", "assistant")
    assert len({(s["traceId"], s["spanId"]) for s in spans}) == len(spans)
    dated = [s for s in spans if s["name"] == "turn 1"]
    assert dated[0]["startTimeUnixNano"].startswith("17408736")  # 2 March 2025


def sample_sessions(root: Path) -> list[Path]:
    return sorted((root / "sample_sessions").glob("*.json"))[:3]


def test_trajectories_read_back_as_the_same_sessions(root: Path, run: Path, tmp_path: Path) -> None:
    for path in [run, *sample_sessions(root)]:
        out = tmp_path / "t.json"
        assert cli.main(["export", str(path), "--atif", str(out)]) == 0
        assert formats.read(out) == (content(run)[0] if path == run else formats.read(path))


def test_a_trajectory_is_one_for_others_too(tmp_path: Path) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "look", "arguments": '{"day": 1}'}}
    session = Session(
        "s",
        (
            Turn(0, "system", "Be brief."),
            Turn(1, "user", "Hours?", date="2025-06-01T08:00:00Z", speaker="Ida", part=2, weekday="Sunday"),
            Turn(2, "assistant", "I look.", extra={"tool_calls": [call], "thinking": "hm"}),
            Turn(3, "tool", "7-6", "look", extra={"tool_call_id": "c"}),
            Turn(4, "narrator", ""),
            Turn(5, "tool", "late", extra={"tool_call_id": "c"}),
        ),
    )
    made = atif.trajectory(session, "small")
    assert [s["step_id"] for s in made["steps"]] == [1, 2, 3, 4, 5]
    assert [s["source"] for s in made["steps"]] == ["system", "user", "agent", "system", "system"]
    assert made["steps"][1]["timestamp"] == "2025-06-01T08:00:00Z"
    agent = made["steps"][2]
    assert agent["tool_calls"] == [{"tool_call_id": "c", "function_name": "look", "arguments": {"day": 1}}]
    assert [(r["source_call_id"], r["content"]) for r in agent["observation"]["results"]] == [("c", "7-6")]
    assert (agent["reasoning_content"], made["agent"]["model_name"]) == ("hm", "small")
    path = tmp_path / "t.json"
    path.write_text(json.dumps(made))
    assert formats.read(path) == [session]
    for step in made["steps"]:  # somebody else's program may drop what it does not know
        del step["extra"]
    path.write_text(json.dumps(made))
    (plain,) = formats.read(path)
    assert [t.text for t in plain.turns][:2] == ["Be brief.", "Hours?"]
    assert plain.format == "atif"
