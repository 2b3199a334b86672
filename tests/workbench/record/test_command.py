"""``mnemoscope record`` with a real agent: an OpenAI client and its instrumentation in a process of its own."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.chat_server import ChatServer
from workbench import cli, record
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader

AGENT = Path(__file__).with_name("agent.py")
CAPTURE = {"OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental"}


def answer(messages: list[dict[str, Any]]) -> str:
    return "At pier 9." if "Where" in messages[-1]["content"] else "Noted."


def run_agent(endpoint: str, chat: ChatServer, *said: str, mode: str = "SPAN_ONLY") -> None:
    told = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": mode}
    done = subprocess.run(
        [sys.executable, str(AGENT), chat.url, *said],
        env=os.environ | CAPTURE | told,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


def test_a_real_agent_is_recorded(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.mnemo"
    command = [sys.executable, "-m", "workbench", "record", "--otlp", "0", "--out", str(out), "--json"]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as recorder:
        assert recorder.stderr is not None
        endpoint = recorder.stderr.readline().split()[2]
        try:
            with ChatServer(answer) as chat:
                run_agent(endpoint, chat, "My boat is at pier 9.", "Where is my boat?")
        finally:
            recorder.send_signal(signal.SIGINT)
        printed, problems = recorder.communicate(timeout=60)
    assert recorder.returncode == 0, problems
    assert json.loads(printed) == {"out": str(out), "sessions": 1, "turns": 5, "events": 17, "warnings": []}
    with TraceReader(out) as reader:
        session = reader.session(1)
        assert [(t.role, t.text) for t in session.turns] == [
            ("system", "You keep a kiosk."),
            ("user", "My boat is at pier 9."),
            ("assistant", "Noted."),
            ("user", "Where is my boat?"),
            ("assistant", "At pier 9."),
        ]
        recalls = [(e.turn, e.payload["query"], len(e.payload["hits"])) for e in reader.events(kinds=[Kind.RECALLED])]
        assert recalls == [(1, "My boat is at pier 9.", 0), (3, "Where is my boat?", 1)]
        written = [(e.turn, e.payload["text"], e.payload["turns"]) for e in reader.events(kinds=[Kind.WRITTEN])]
        assert written == [(2, "My boat is at pier 9.", [1, 2]), (4, "Where is my boat?", [3, 4])]
        called = [e.payload["tokens"] for e in reader.events(kinds=[Kind.MODEL_CALLED])]
        assert called == [[7, 3], [7, 3]]


def test_a_real_agent_that_tells_its_messages_in_log_records(tmp_path: Path) -> None:
    with record.listen(tmp_path / "a.mnemo") as recording, ChatServer(answer) as chat:
        run_agent(recording.endpoint, chat, "My boat is at pier 9.", mode="EVENT_ONLY")
    with TraceReader(recording.path) as reader:
        assert [t.text for t in reader.session(1).turns] == ["You keep a kiosk.", "My boat is at pier 9.", "Noted."]
        assert len(list(reader.events(kinds=[Kind.WRITTEN]))) == 1


def test_lanes_can_replay_what_was_recorded_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "spans.jsonl"
    rows = [
        {"traceId": "t", "spanId": "a", "name": "chat", "startTimeUnixNano": "1714557600000000000",
         "attributes": {"gen_ai.input.messages": '[{"role": "user", "content": "Hi"}]',
                        "gen_ai.output.messages": '[{"role": "assistant", "content": "Ho"}]'}},
        {"traceId": "t", "spanId": "b", "name": "create_memory", "startTimeUnixNano": "1714557601000000000",
         "attributes": {"gen_ai.operation.name": "create_memory", "gen_ai.memory.records": '[{"content": "Hi"}]'}},
    ]  # fmt: skip
    path.write_text("\n".join(map(json.dumps, rows)))
    out = tmp_path / "a.mnemo"
    assert cli.main(["record", str(path), "--out", str(out)]) == 0
    again = [
        "run",
        str(out),
        "--lane",
        "bm25",
        "--out",
        str(out),
        "--embedder",
        "hash",
        "--capture",
        "off",
        "--threads",
        "1",
    ]
    assert cli.main(again) == 0
    with TraceReader(out) as reader:
        assert [lane.name for lane in reader.lanes()] == ["recorded", "bm25"]
        assert list(reader.session_names()) == [1]
        assert reader.last_turn(1) == 1
        assert len(list(reader.events(1, 1, [Kind.WRITTEN]))) == 1
        assert len(list(reader.events(1, 2, [Kind.WRITTEN]))) == 2


def test_a_file_without_spans_leaves_nothing_behind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = tmp_path / "x.json", tmp_path / "a.mnemo"
    path.write_text('{"a": 1}')
    assert cli.main(["record", str(path), "--out", str(out)]) == 1
    assert "x.json: no spans" in capsys.readouterr().err
    assert not out.exists()
