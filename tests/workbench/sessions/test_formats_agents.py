"""Logs of agents: Claude Code, Codex, AutoGen, Letta, ATIF, Inspect, Mem0."""

import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.workbench.sessions.written import dates, read, spoken, zipped
from workbench.errors import SessionFormatError
from workbench.sessions import formats


def line(uuid: str, parent: str | None, role: str, content: Any, **more: Any) -> dict[str, Any]:
    message = {"role": role, "content": content} | ({"id": more.pop("message")} if "message" in more else {})
    told = {"type": role, "uuid": uuid, "parentUuid": parent, "sessionId": "s", "message": message}
    return told | {"timestamp": f"2025-06-01T08:00:{int(uuid[1:]):02}Z"} | more


def use(id: str, name: str = "Read") -> dict[str, Any]:
    return {"type": "tool_use", "id": id, "name": name, "input": {"n": 1}}


def result(id: str, text: str) -> list[dict[str, Any]]:
    return [{"type": "tool_result", "tool_use_id": id, "content": text}]


def test_claude_code_joins_blocks_and_keeps_results_of_tools_that_ran_side_by_side(tmp_path: Path) -> None:
    (session,) = read(
        tmp_path,
        {"type": "summary", "summary": "x", "leafUuid": "u6"},
        line("u1", None, "user", "Look"),
        line("u2", "u1", "assistant", [{"type": "text", "text": "I look."}], message="m1"),
        line("u3", "u2", "assistant", [use("t1")], message="m1"),
        line("u4", "u3", "assistant", [use("t2", "Grep")], message="m1"),
        line("u5", "u3", "user", result("t1", "one")),
        line("u6", "u4", "user", result("t2", "two")),
        line("u7", "u6", "assistant", [{"type": "text", "text": "Both."}], message="m2"),
        line("u8", "u7", "user", "Caveat: made by the program", isMeta=True),
    )
    assert spoken(session) == [
        ("user", "Look"),
        ("assistant", 'I look.\nRead({"n": 1})\nGrep({"n": 1})'),
        ("tool", "one"),
        ("tool", "two"),
        ("assistant", "Both."),
    ]
    assert [t.speaker for t in session.turns] == ["", "", "Read", "Grep", ""]
    assert session.warnings == ("1 lines are notes of the program, no messages; left out",)


def test_claude_code_side_chains_and_abandoned_branches(tmp_path: Path) -> None:
    main, side = read(
        tmp_path,
        line("u1", None, "user", "Hi"),
        line("u2", "u1", "assistant", "Old"),
        line("u3", "u1", "assistant", "New"),
        line("u4", None, "user", "Search for it", isSidechain=True),
        line("u5", "u4", "assistant", "Found", isSidechain=True),
        line("u6", "u3", "user", "Thanks"),
    )
    assert spoken(main) == [("user", "Hi"), ("assistant", "New"), ("user", "Thanks")]
    assert "another branch is left out, ending in u2 ('Old')" in main.warnings
    assert side.name == "s · side chain u4"
    assert spoken(side) == [("user", "Search for it"), ("assistant", "Found")]


def test_codex_items_of_both_versions(tmp_path: Path) -> None:
    items = [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "List"}]},
        {"type": "reasoning", "summary": []},
        {"type": "function_call", "name": "shell", "arguments": '{"command": ["ls"]}', "call_id": "c"},
        {"type": "function_call_output", "call_id": "c", "output": "a.txt"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "One file."}]},
    ]
    expected = [
        ("user", "List"),
        ("assistant", 'shell({"command": ["ls"]})'),
        ("tool", "a.txt"),
        ("assistant", "One file."),
    ]
    wrapped = [
        {"timestamp": f"2025-06-01T08:00:0{n}Z", "type": "response_item", "payload": i} for n, i in enumerate(items)
    ]
    meta = {"timestamp": "2025-06-01T08:00:00Z", "type": "session_meta", "payload": {"id": "s", "cwd": "/w"}}
    note = {
        "timestamp": "2025-06-01T08:00:09Z",
        "type": "event_msg",
        "payload": {"type": "agent_message", "message": "One"},
    }
    (session,) = read(tmp_path, meta, *wrapped, note, name="rollout")
    assert (session.format, session.name, spoken(session)) == ("codex", "rollout", expected)
    assert session.turns[2].speaker == "shell"
    assert session.turns[3].date == "2025-06-01T08:00:04Z"
    assert session.extra["cwd"] == "/w"
    assert session.warnings == ("2 lines are thoughts or notes of the program, no messages; left out",)
    old = {"id": "s", "timestamp": "2025-06-01T08:00:00Z", "instructions": None}
    (session,) = read(tmp_path, old, *items)
    assert (session.format, spoken(session)) == ("codex", expected)


def test_autogen_histories_and_the_types_of_later_versions(tmp_path: Path) -> None:
    row = {
        "question": "Hours?",
        "ground_truth": "seven",
        "question_ID": "q",
        "mistake_step": "1",
        "history": [{"content": "Hours?", "role": "human"}, {"content": "I ask.", "role": "Orchestrator (thought)"}],
    }
    (session,) = read(tmp_path, row)
    assert [(t.role, t.speaker, t.text) for t in session.turns] == [
        ("user", "", "Hours?"),
        ("assistant", "Orchestrator", "I ask."),
    ]
    assert session.extra["mistake_step"] == "1"
    (probe,) = session.probes
    assert (probe.question, probe.gold, probe.after) == ("Hours?", ("seven",), 1)
    typed = [
        {"source": "user", "content": "Hi", "type": "TextMessage", "created_at": "2025-06-01T08:00:00Z"},
        {
            "source": "clerk",
            "content": [{"id": "c", "name": "look", "arguments": "{}"}],
            "type": "ToolCallRequestEvent",
        },
        {
            "source": "clerk",
            "content": [{"content": "7", "call_id": "c", "name": "look"}],
            "type": "ToolCallExecutionEvent",
        },
        {"source": "clerk", "content": "Seven.", "type": "ToolCallSummaryMessage"},
    ]
    for data in (typed, {"messages": typed, "stop_reason": None}):
        (session,) = read(tmp_path, data)
        assert session.format == "autogen"
        assert [(t.role, t.speaker, t.text) for t in session.turns] == [
            ("user", "user", "Hi"),
            ("assistant", "clerk", "look({})"),
            ("tool", "look", "7"),
            ("assistant", "clerk", "Seven."),
        ]


def test_autogen_team_state(tmp_path: Path) -> None:
    context = {"messages": [{"content": "Hi", "source": "user", "type": "UserMessage"}]}
    states = {"clerk": {"agent_state": {"llm_context": context}}, "manager": {"message_thread": []}}
    (session,) = read(tmp_path, {"type": "TeamState", "agent_states": states})
    assert (session.name, spoken(session)) == ("clerk", [("user", "Hi")])


LETTA_CALL = {"id": "c", "type": "function", "function": {"name": "send_message", "arguments": '{"message": "Hi"}'}}


def test_letta_agents_blocks_and_calls(tmp_path: Path) -> None:
    agent = {
        "name": "kiosk",
        "block_ids": ["b"],
        "in_context_message_ids": ["m2"],
        "messages": [
            {"id": "m1", "role": "user", "content": [{"type": "text", "text": "Hello"}], "date": "2025-01-01"},
            {"id": "m2", "role": "assistant", "content": [], "tool_calls": [LETTA_CALL]},
            {"id": "m3", "role": "tool", "content": [{"type": "text", "text": "OK"}], "tool_call_id": "c"},
        ],
    }
    blocks = [{"id": "b", "label": "human", "value": "Owns a kiosk.", "limit": 9}]
    file = {"agents": [agent, agent | {"name": "other"}], "blocks": blocks, "tools": [{"source_code": "import os"}]}
    path = tmp_path / "a.af"
    for written in (json.dumps(file), json.dumps(json.dumps(file))):  # some official files are encoded twice
        path.write_text(written)
        first, second = formats.read(path)
        assert (first.format, first.name, second.name) == ("letta", "kiosk", "other")
        expected = [("user", "Hello"), ("assistant", 'send_message({"message": "Hi"})'), ("tool", "OK")]
        assert spoken(first) == expected
        assert first.extra["memory_blocks"] == [{"label": "human", "value": "Owns a kiosk.", "limit": 9}]
        assert "import os" not in json.dumps(first.to_json())
        assert (
            "agents[0].messages: 2 of 3 messages were out of the agent's context when it was exported" in first.warnings
        )


@pytest.mark.parametrize(
    ("name", "turns", "blocks"), [("customer_service", 1, 2), ("loop", 3, 9), ("memgpt_agent_with_convo", 1, 2)]
)
def test_the_real_letta_files(shared_data: Path, name: str, turns: int, blocks: int) -> None:
    (session,) = formats.read(shared_data / "letta_agent_files" / f"{name}.af")
    assert (len(session.turns), len(session.extra["memory_blocks"])) == (turns, blocks)


def atif(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    numbered = [{"step_id": n, **step} for n, step in enumerate(steps, 1)]
    return {
        "schema_version": "ATIF-v1.7",
        "session_id": "s",
        "agent": {"name": "a", "version": "1"},
        "steps": numbered,
    } | more


def test_atif_steps_calls_results_and_sub_agents(tmp_path: Path) -> None:
    call = {"tool_call_id": "c", "function_name": "look", "arguments": {"day": "月"}}
    picture = {"type": "image", "source": {"media_type": "image/png", "path": "p.png"}}
    ref = {"source_call_id": "c", "content": "7", "subagent_trajectory_ref": [{"trajectory_id": "t"}]}
    inner = atif({"source": "user", "message": "Look"}, trajectory_id="t") | {
        "agent": {"name": "scout", "version": "1"}
    }
    whole, below = read(
        tmp_path,
        atif(
            {"source": "system", "message": "Be brief.", "timestamp": "2025-06-01T08:00:00Z"},
            {"source": "user", "message": [{"type": "text", "text": "Hours?"}, picture]},
            {
                "source": "agent",
                "message": "I look.",
                "reasoning_content": "hm",
                "tool_calls": [call],
                "observation": {"results": [ref]},
            },
            {"source": "agent", "message": "Seven.", "is_copied_context": True},
            subagent_trajectories=[inner],
        ),
    )
    assert (whole.format, whole.name) == ("atif", "s")
    assert spoken(whole) == [
        ("system", "Be brief."),
        ("user", "Hours?\n[image: p.png]"),
        ("assistant", 'I look.\nlook({"day": "月"})'),
        ("tool", "7\n[sub-agent: t]"),
        ("assistant", "Seven."),
    ]
    assert (whole.turns[2].extra["thinking"], whole.turns[3].speaker) == ("hm", "look")
    assert "steps: 1 turns are copied from the trajectory that this one goes on with" in whole.warnings
    assert (below.name, spoken(below)) == ("scout t", [("user", "Look")])


def sample(**more: Any) -> dict[str, Any]:
    messages = [
        {"id": "m1", "role": "user", "content": "Hours?"},
        {"id": "m2", "role": "assistant", "content": "Seven."},
    ]
    return {"id": 1, "epoch": 1, "input": "Hours?", "target": "seven", "messages": messages, "scores": {}} | more


HEADER = {"version": 2, "status": "success", "eval": {"task": "demo/kiosk"}}


def test_inspect_attachments_epochs_times_and_choices(tmp_path: Path) -> None:
    events = [
        {
            "event": "model",
            "timestamp": "2025-06-01T08:00:00Z",
            "completed": "2025-06-01T08:00:02Z",
            "input": [{"id": "m1", "role": "user"}],
            "output": {"choices": [{"message": {"id": "m2"}}]},
        },
    ]
    long = [{"id": "m1", "role": "user", "content": "attachment://ab"}, sample()["messages"][1]]
    first, second = read(
        tmp_path,
        HEADER
        | {
            "samples": [
                sample(messages=long, input="attachment://ab", attachments={"ab": "When?"}, events=events),
                sample(epoch=2, choices=["six", "seven"], target="B", error={"message": "x"}),
            ]
        },
    )
    assert (first.format, first.name, second.name) == ("inspect", "kiosk 1", "kiosk 1 epoch 2")
    assert spoken(first) == [("user", "When?"), ("assistant", "Seven.")]
    assert dates(first) == ["2025-06-01T08:00:00Z", "2025-06-01T08:00:02Z"]
    assert [(p.question, p.gold) for p in first.probes] == [("When?", ("seven",))]
    (probe,) = second.probes
    assert (probe.gold, probe.options, probe.scorer) == (("seven",), ("six", "seven"), "choice")
    assert "samples[1]: the sample ended in an error" in second.warnings


def test_inspect_chunked_samples_and_messages_in_pools(tmp_path: Path) -> None:
    prefix = "samples/1_epoch_1"
    shell = {k: v for k, v in sample(message_refs=[[0, 1], [2, 3]]).items() if k != "messages"}
    files = {
        "header.json": HEADER,
        f"{prefix}/sample.json": shell,
        f"{prefix}/messages/0.json": [{"role": "user", "content": "attachment://1"}, {"role": "user", "content": "no"}],
        f"{prefix}/messages/2.json": [{"role": "assistant", "content": "Seven."}],
        f"{prefix}/attachments/0.json": ["x", "Hours?"],
        f"{prefix}/events/0.json": [],
    }
    (session,) = formats.read(zipped(tmp_path / "a.eval", files))
    assert spoken(session) == [("user", "Hours?"), ("assistant", "Seven.")]
    cut = sample(messages=[], message_pool=[{"role": "user", "content": "Hours?"}])
    cut["events"] = [
        {
            "event": "model",
            "input": [],
            "input_refs": [[0, 1]],
            "output": {"choices": [{"message": {"role": "assistant", "content": "Six?"}}]},
        }
    ]
    (session,) = formats.read(zipped(tmp_path / "b.eval", {"header.json": HEADER, f"{prefix}.json": cut}))
    assert spoken(session) == [("user", "Hours?"), ("assistant", "Six?")]


def test_inspect_packed_with_zstd(tmp_path: Path) -> None:
    if sys.version_info >= (3, 14):
        import zipfile
    else:
        from backports.zstd import zipfile
    path = tmp_path / "z.eval"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_ZSTANDARD) as archive:
        archive.writestr("header.json", json.dumps(HEADER))
        archive.writestr("samples/1_epoch_1.json", json.dumps(sample()))
        archive.writestr("samples/2_epoch_1.json", "{broken")
    (session,) = formats.read(path)
    assert spoken(session) == [("user", "Hours?"), ("assistant", "Seven.")]
    assert any(w.startswith("samples/2_epoch_1.json: broken JSON") or "2_epoch_1" in w for w in session.warnings)


def test_the_real_inspect_logs(shared_data: Path) -> None:
    folder = shared_data / "inspect_eval_logs"
    (pooled,) = formats.read(folder / "log_message_deduplication.eval")
    assert (len(pooled.turns), pooled.probes[0].gold) == (12, ("42.7",))
    assert pooled.turns[2].speaker == "bash"
    assert pooled.turns[1].date.startswith("2025-10-06T10:15:45")
    for name in ("log_read_sample.eval", "log_read_sample.json"):
        (session,) = formats.read(folder / name)
        assert (len(session.turns), session.probes[0].gold, session.warnings) == (3, ("Yes",), ())


def test_mem0_operations_in_order_and_kept_messages(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute(
            "CREATE TABLE history (id TEXT PRIMARY KEY, memory_id TEXT, old_memory TEXT, new_memory TEXT, event TEXT, "
            "created_at DATETIME, updated_at DATETIME, is_deleted INTEGER, actor_id TEXT, role TEXT)"
        )
        rows = [
            (
                "h2",
                "m",
                "Pier 4",
                "Pier 9",
                "UPDATE",
                "2024-05-01T10:00:00+00:00",
                "2024-05-02T10:00:00+00:00",
                0,
                None,
                None,
            ),
            ("h1", "m", None, "Pier 4", "ADD", "2024-05-01T10:00:00+00:00", None, 0, None, "user"),
            ("h3", "m", "Pier 9", None, "DELETE", None, "2024-05-03T10:00:00+00:00", 1, None, None),
        ]
        database.executemany("INSERT INTO history VALUES (?,?,?,?,?,?,?,?,?,?)", rows)
        database.execute(
            "CREATE TABLE messages (id TEXT, session_scope TEXT, role TEXT, content TEXT, created_at TEXT)"
        )
        database.execute("INSERT INTO messages VALUES ('x', 'user_id=ana', 'user', 'I moved.', '2024-05-01T09:00:00Z')")
        database.commit()
    memory, kept = formats.read(path)
    assert (memory.format, memory.name, kept.name) == ("mem0", "history memory", "history user_id=ana")
    assert [t.text for t in memory.turns] == ["ADD Pier 4", "UPDATE Pier 4 → Pier 9", "DELETE Pier 9"]
    assert {t.speaker for t in memory.turns} == {"mem0"}
    assert memory.turns[1].date == "2024-05-02T10:00:00Z"
    assert memory.turns[1].extra["memory_id"] == "m"
    assert spoken(kept) == [("user", "I moved.")]


def test_an_empty_mem0_history_says_so(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE history (id, memory_id, old_memory, new_memory, event)")
        database.commit()
    with pytest.raises(SessionFormatError, match="a history of Mem0 without entries"):
        formats.read(path)
