"""What people export from chat programs: ChatGPT, Claude, Open WebUI, llama.cpp's web UI, ShareGPT."""

from pathlib import Path
from typing import Any

import pytest

from tests.workbench.sessions.written import dates, read, spoken, zipped
from workbench.sessions import formats


def node(id: str, parent: str | None, role: str = "", *parts: Any, **more: Any) -> dict[str, Any]:
    content = more.pop("content", {"content_type": "text", "parts": list(parts)})
    message = (
        {"id": id, "author": {"role": role, **more.pop("author", {})}, "content": content, **more} if role else None
    )
    return {"id": id, "message": message, "parent": parent, "children": []}


def chatgpt(*nodes: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"title": "Boats", "mapping": {n["id"]: n for n in nodes}, "current_node": nodes[-1]["id"]} | more


def test_chatgpt_reads_the_branch_that_was_left_open(tmp_path: Path) -> None:
    old = node("a1", "u1", "assistant", "Pier 4.", create_time=1714557601)
    (session,) = read(
        tmp_path,
        [
            chatgpt(
                node("root", None),
                node("u1", "root", "user", "Where is my boat?", create_time=1714557600.25),
                old,
                node("a2", "u1", "assistant", "Pier 9.", create_time=1714557609),
            )
        ],
    )
    assert (session.format, session.name) == ("chatgpt", "Boats")
    assert spoken(session) == [("user", "Where is my boat?"), ("assistant", "Pier 9.")]
    assert dates(session) == ["2024-05-01T10:00:00.25Z", "2024-05-01T10:00:09Z"]
    assert session.turns[1].source == "a2"
    assert session.warnings == ("[0]: another branch is left out, ending in a1 ('Pier 4.')",)


def test_chatgpt_names_files_calls_tools_and_keeps_thoughts_aside(tmp_path: Path) -> None:
    picture = {"content_type": "image_asset_pointer", "asset_pointer": "file-service://file-Ab1"}
    (session,) = read(
        tmp_path,
        chatgpt(
            node("s", None, "system", "", metadata={"is_visually_hidden_from_conversation": True}),
            node("u", "s", "user", picture, "How many?", metadata={"attachments": [{"name": "seeds.csv"}]}),
            node("t", "u", "assistant", content={"content_type": "thoughts", "thoughts": [{"content": "I count."}]}),
            node("c", "t", "assistant", content={"content_type": "code", "text": "len(x)"}, recipient="python"),
            node(
                "r", "c", "tool", content={"content_type": "execution_output", "text": "7"}, author={"name": "python"}
            ),
            node("a", "r", "assistant", "Seven."),
        ),
    )
    assert spoken(session) == [
        ("user", "[image: file-Ab1]\nHow many?\n[file: seeds.csv]"),
        ("assistant", "python(len(x))"),
        ("tool", "7"),
        ("assistant", "Seven."),
    ]
    assert session.turns[1].extra["thinking"] == "I count."
    assert session.turns[2].speaker == "python"


def test_chatgpt_as_the_zip_that_is_mailed(tmp_path: Path) -> None:
    one = chatgpt(node("u", None, "user", "Hi"), node("a", "u", "assistant", "Ho"))
    path = zipped(tmp_path / "export.zip", {"conversations.json": [one, one], "chat.html": "x", "user.json": {}})
    first, second = formats.read(path)
    assert spoken(first) == spoken(second) == [("user", "Hi"), ("assistant", "Ho")]
    assert (first.name, second.name) == ("Boats", "Boats (2)")


def test_a_tree_that_bites_its_tail_ends(tmp_path: Path) -> None:
    (session,) = read(tmp_path, chatgpt(node("a", "b", "user", "Hi"), node("b", "a", "assistant", "Ho")))
    assert spoken(session) == [("user", "Hi"), ("assistant", "Ho")]


def claude(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"uuid": "c", "name": "Boats", "chat_messages": list(messages)} | more


def test_claude_tools_attachments_and_both_ways_to_say_a_text(tmp_path: Path) -> None:
    use = {"type": "tool_use", "name": "artifacts", "input": {"id": 1}}
    result = {"type": "tool_result", "name": "artifacts", "content": [{"type": "text", "text": "made"}]}
    (session,) = read(
        tmp_path,
        [
            claude(
                {
                    "uuid": "1",
                    "sender": "human",
                    "text": "Read it",
                    "created_at": "2024-05-01T10:00:00.123456Z",
                    "attachments": [{"file_name": "hours.txt", "extracted_content": "Seven to six."}],
                    "files": [{"file_name": "plan.png"}],
                },
                {
                    "uuid": "2",
                    "sender": "assistant",
                    "text": "",
                    "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "Done."}, use, result],
                },
            )
        ],
    )
    assert spoken(session) == [
        ("user", "Read it\n[file: hours.txt]\nSeven to six.\n[file: plan.png]"),
        ("assistant", 'Done.\nartifacts({"id": 1})'),
        ("tool", "made"),
    ]
    assert session.turns[0].date == "2024-05-01T10:00:00.123456Z"
    assert (session.turns[1].extra["thinking"], session.turns[2].speaker) == ("hm", "artifacts")


def test_claude_branches_by_parents_and_the_current_leaf(tmp_path: Path) -> None:
    root = "00000000-0000-4000-8000-000000000000"
    rows = [("1", root, "human", "Hi"), ("2", "1", "assistant", "Ho"), ("3", "1", "assistant", "Hey")]
    messages = [{"uuid": u, "parent_message_uuid": p, "sender": s, "text": t} for u, p, s, t in rows]
    for more, kept, left in (({}, "Hey", "2 ('Ho')"), ({"current_leaf_message_uuid": "2"}, "Ho", "3 ('Hey')")):
        (session,) = read(tmp_path, claude(*messages, **more))
        assert spoken(session) == [("user", "Hi"), ("assistant", kept)]
        assert f"another branch is left out, ending in {left}" in session.warnings


def test_claude_as_a_zip(tmp_path: Path) -> None:
    files = {"users.json": [], "conversations.json": [claude({"uuid": "1", "sender": "human", "text": "Hi"})]}
    (session,) = formats.read(zipped(tmp_path / "data.zip", files))
    assert (session.format, spoken(session)) == ("claude", [("user", "Hi")])


def test_open_webui_reads_the_current_branch(tmp_path: Path) -> None:
    messages = {
        "1": {"id": "1", "parentId": None, "role": "user", "content": "Hi", "timestamp": 1714557600,
              "files": [{"name": "a.pdf"}]},
        "2": {"id": "2", "parentId": "1", "role": "assistant", "content": "Ho", "timestamp": 1714557601},
        "3": {"id": "3", "parentId": "1", "role": "assistant", "content": "Hey", "timestamp": 1714557602},
    }  # fmt: skip
    chat = {"title": "T", "history": {"messages": messages, "currentId": "2"}, "params": {"system": "Be brief."}}
    (session,) = read(tmp_path, [{"id": "x", "title": "Greeting", "chat": chat, "created_at": 1714557599}])
    assert (session.format, session.name) == ("openwebui", "Greeting")
    assert spoken(session) == [("system", "Be brief."), ("user", "Hi\n[file: a.pdf]"), ("assistant", "Ho")]
    assert dates(session)[1:] == ["2024-05-01T10:00:00Z", "2024-05-01T10:00:01Z"]
    assert any("ending in 3 ('Hey')" in w for w in session.warnings)


def test_llama_cpp_web_ui_in_both_versions(tmp_path: Path) -> None:
    tree = [
        {"id": "r", "type": "root", "role": "system", "content": "", "parent": None},
        {"id": "1", "type": "text", "role": "user", "content": "Hi", "parent": "r", "timestamp": 1714557600000,
         "extra": [{"type": "textFile", "name": "n.txt", "content": "seven"}]},
        {"id": "2", "type": "text", "role": "assistant", "content": "Ho", "parent": "1", "thinking": "hm"},
        {"id": "3", "type": "text", "role": "assistant", "content": "Hey", "parent": "1"},
    ]  # fmt: skip
    (session,) = read(tmp_path, [{"conv": {"id": "c", "name": "Greeting", "currNode": "2"}, "messages": tree}])
    assert (session.format, session.name) == ("llamacpp", "Greeting")
    assert spoken(session) == [("user", "Hi\n[text: n.txt]\nseven"), ("assistant", "Ho")]
    assert session.turns[0].date == "2024-05-01T10:00:00Z"
    assert session.turns[1].extra["thinking"] == "hm"
    flat = [{"id": 1, "role": "user", "content": "Hi"}, {"id": 2, "role": "assistant", "content": "Ho"}]
    (session,) = read(tmp_path, {"id": "conv-1", "lastModified": 2, "messages": flat})
    assert (session.format, len(session.turns)) == ("llamacpp", 2)


def test_llama_cpp_web_ui_writes_lines(tmp_path: Path) -> None:
    def line(conv: str, id: str, role: str, content: str, parent: str | None, **more: Any) -> dict[str, Any]:
        told = {"id": id, "convId": conv, "type": "text", "role": role, "content": content, "parent": parent}
        return {"type": "message", "message": told | more}

    call = {"id": "k", "type": "function", "function": {"name": "look", "arguments": '{"day": "月"}'}}
    lines = [
        {"type": "session", "harness": "llama.app", "id": "c", "name": "Boats", "currNode": "4"},
        line("c", "r", "system", "", None, type="root"),
        line("c", "1", "user", "Hours?", "r", timestamp=1714557600000),
        line("c", "2", "assistant", "", "1", toolCalls=[call]),
        line("c", "3", "tool", "7-6", "2", toolCallId="k"),
        line("c", "4", "assistant", "Seven to six.", "3"),
        line("c", "5", "assistant", "No idea.", "1"),
        {"type": "session", "harness": "llama.app", "id": "d", "name": "Tides", "currNode": "d1"},
        line("d", "d1", "user", "Tide?", None),
        {"type": "message", "message": 7},
    ]
    boats, tides = read(tmp_path, *lines)
    assert (boats.format, boats.name, tides.name) == ("llamacpp", "Boats", "Tides")
    assert spoken(boats) == [
        ("user", "Hours?"),
        ("assistant", 'look({"day": "月"})'),
        ("tool", "7-6"),
        ("assistant", "Seven to six."),
    ]
    assert boats.turns[2].speaker == "look" and boats.turns[0].date == "2024-05-01T10:00:00Z"
    assert any("ending in 5 ('No idea.')" in w for w in boats.warnings)
    assert any(w.startswith("line 10: no message") for w in boats.warnings)
    assert spoken(tides) == [("user", "Tide?")]


def test_sharegpt_roles_tools_and_system(tmp_path: Path) -> None:
    told = [("human", "Hours?"), ("function_call", '{"name": "look", "arguments": {"day": "月"}}'),
            ("observation", "7-6"), ("gpt", "Seven to six.")]  # fmt: skip
    row = {"id": 3, "system": "Be brief.", "conversations": [{"from": f, "value": v} for f, v in told]}
    bad = {"id": "b", "conversations": [{"from": "human", "value": "x"}, {"value": "y"}]}
    first, second = read(tmp_path, row, bad)
    assert (first.format, first.name) == ("sharegpt", "3")
    assert spoken(first) == [
        ("system", "Be brief."),
        ("user", "Hours?"),
        ("assistant", 'look({"day": "月"})'),
        ("tool", "7-6"),
        ("assistant", "Seven to six."),
    ]
    assert first.turns[3].speaker == "look"
    assert spoken(second) == [("user", "x")]
    assert "line 2: conversations[1].from: must be a string, is null or missing; left out" in second.warnings


@pytest.mark.parametrize("sent", ["bing", "bard", "chatgpt", "model"])
def test_sharegpt_calls_every_model_the_assistant(tmp_path: Path, sent: str) -> None:
    (session,) = read(tmp_path, [{"id": "a", "conversations": [{"from": sent, "value": "Hi"}]}])
    assert session.turns[0].role == "assistant"


def test_the_real_sharegpt_sample(shared_data: Path) -> None:
    sessions = formats.read(shared_data / "sharegpt_sample" / "dummy_conversation.json")
    assert (len(sessions), sum(len(s.turns) for s in sessions)) == (500, 2000)
    assert sessions[0].name == "identity_0"
